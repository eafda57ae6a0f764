//! Stage 2 server: reads until `q`, then takes the next client. (cargo run --bin stage2-server)
//!
//! It has a fault on purpose: when a client dies, the server prints `recv=""` for ever, or ends.
//! Stage 3 mends it.

use std::io::Read;
use std::net::{TcpListener, TcpStream};

use anyhow::{Context, Result};

fn main() -> Result<()> {
    let addr = common::addr_from_args()?;
    let listener = TcpListener::bind(&addr).with_context(|| format!("failed to bind to {addr}"))?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        println!("wait client connect.........");
        let (stream, peer) = listener.accept().context("failed to accept a client")?;
        println!("{peer}");
        serve(stream).with_context(|| format!("failed to serve {peer}"))?;
    }
}

/// Serves one client until its session ends.
fn serve(mut stream: TcpStream) -> Result<()> {
    let mut buffer = [0; 1024];
    loop {
        let n = stream.read(&mut buffer).context("failed to read")?;
        let message = &buffer[..n];
        println!("recv={:?}", String::from_utf8_lossy(message));
        if message == b"q" {
            println!("socket close.....");
            return Ok(());
        }
    }
}
