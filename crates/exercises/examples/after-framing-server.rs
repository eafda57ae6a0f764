//! After stage 6, framing: a message ends with a newline, however the reads fall.
//! (cargo run -p exercises --example after-framing-server)

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use anyhow::{Context, Result, bail};

/// The longest message, newline included. Without a limit a client could fill the memory.
const MAX_LINE: u64 = 64 * 1024;

fn main() -> Result<()> {
    let addr = common::addr_from_args()?;
    let listener = TcpListener::bind(&addr).with_context(|| format!("failed to bind to {addr}"))?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        println!("wait client connect.........");
        let (stream, peer) = listener.accept().context("failed to accept a client")?;
        println!("{peer}");
        // One client's bad connection is no reason to stop serving the others.
        if let Err(err) = serve(stream) {
            eprintln!("{peer}: {err:#}");
        }
    }
}

/// Serves one client until its session ends.
fn serve(stream: TcpStream) -> Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = Vec::new();
        let n = reader
            .by_ref()
            .take(MAX_LINE)
            .read_until(b'\n', &mut line)
            .context("failed to read")?;
        // Zero bytes are the end of the stream: the client has closed, or its process has died.
        if n == 0 {
            return Ok(());
        }
        let Some(message) = line.strip_suffix(b"\n") else {
            bail!("failed to read a whole message: {n} bytes came, and no newline");
        };
        println!("recv={:?}", String::from_utf8_lossy(message));
        let answer = [b"server send :", message, b"\n"].concat();
        reader.get_mut().write_all(&answer).context("failed to answer")?;
        if message == b"q" || message == b"Q" {
            println!("socket close.....");
            return Ok(());
        }
    }
}
