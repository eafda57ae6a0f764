//! Stage 1 client: sends one message. (cargo run --bin stage1-client)

use std::io::{ErrorKind, Write};
use std::net::TcpStream;

use anyhow::{Context, Error, Result};

fn main() -> Result<()> {
    let addr = common::addr_from_args()?;
    let mut stream = connect(&addr)?;
    stream.write_all(b"hello chenyansong").context("failed to send")
}

/// Connects to the server. If nobody listens there, the error says what to start.
fn connect(addr: &common::Addr) -> Result<TcpStream> {
    let hint = concat!("start the server first: cargo run -p ", env!("CARGO_PKG_NAME"));
    TcpStream::connect(addr)
        .map_err(|err| match err.kind() {
            ErrorKind::ConnectionRefused => Error::new(err).context(format!("{hint} {addr}")),
            _ => Error::new(err),
        })
        .with_context(|| format!("failed to connect to {addr}"))
}
