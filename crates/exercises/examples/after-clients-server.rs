//! After stage 6, two clients at once: a thread for each client.
//! (cargo run -p exercises --example after-clients-server)

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use anyhow::{Context, Result};

fn main() -> Result<()> {
    let addr = common::addr_from_args()?;
    let listener = TcpListener::bind(&addr).with_context(|| format!("failed to bind to {addr}"))?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        println!("wait client connect.........");
        let (stream, peer) = listener.accept().context("failed to accept a client")?;
        println!("{peer}");
        thread::spawn(move || {
            // One client's bad connection is no reason to stop serving the others.
            if let Err(err) = serve(stream, peer) {
                eprintln!("{peer}: {err:#}");
            }
        });
    }
}

/// Serves one client until its session ends.
fn serve(mut stream: TcpStream, peer: SocketAddr) -> Result<()> {
    let mut buffer = [0; 1024];
    loop {
        let n = stream.read(&mut buffer).context("failed to read")?;
        // Zero bytes are the end of the stream: the client has closed, or its process has died.
        if n == 0 {
            return Ok(());
        }
        let message = &buffer[..n];
        println!("{peer}: recv={:?}", String::from_utf8_lossy(message));
        let answer = [b"server send :", message].concat();
        stream.write_all(&answer).context("failed to answer")?;
        if message == b"q" || message == b"Q" {
            println!("{peer}: socket close.....");
            return Ok(());
        }
    }
}
