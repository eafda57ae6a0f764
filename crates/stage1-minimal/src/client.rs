//! Stage 1 client: sends one message. (cargo run --bin stage1-client)

use std::io::Write;
use std::net::TcpStream;

use anyhow::{Context, Result};

fn main() -> Result<()> {
    let addr = common::addr_from_args()?;
    let mut stream = TcpStream::connect(&addr)
        .with_context(|| format!("failed to connect to {addr}: is the server running?"))?;
    stream.write_all(b"hello chenyansong").context("failed to send")
}
