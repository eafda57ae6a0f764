//! Stage 1 server: accepts one client and prints one message. (cargo run --bin stage1-server)

use std::io::Read;
use std::net::TcpListener;

use anyhow::{Context, Result};

fn main() -> Result<()> {
    let addr = common::addr_from_args()?;
    let listener = TcpListener::bind(&addr).with_context(|| format!("failed to bind to {addr}"))?;
    println!("listening on {}", listener.local_addr()?);
    println!("wait client connect.........");
    let (mut stream, peer) = listener.accept().context("failed to accept a client")?;
    println!("{peer}");
    let mut buffer = [0; 1024];
    let n = stream.read(&mut buffer).with_context(|| format!("failed to read from {peer}"))?;
    println!("recv={:?}", String::from_utf8_lossy(&buffer[..n]));
    Ok(())
}
