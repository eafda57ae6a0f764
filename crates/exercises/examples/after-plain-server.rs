//! A server without what std adds: its queue is for one client, and it does not set SO_REUSEADDR.
//! Each line that you type takes a client and hangs up.
//! (cargo run -p exercises --example after-plain-server)

use std::io;
use std::net::{TcpListener, ToSocketAddrs};

use anyhow::{Context, Result};
use socket2::{Domain, Socket, Type};

/// So many may wait for `accept`; Linux lets one more wait (listen(2)).
const BACKLOG: i32 = 1;

fn main() -> Result<()> {
    let addr = common::addr_from_args()?;
    let listener = listen(&addr).with_context(|| format!("failed to bind to {addr}"))?;
    println!("listening on {}", listener.local_addr()?);
    for line in io::stdin().lines() {
        line.context("failed to read a line")?;
        let (_stream, peer) = listener.accept().context("failed to accept a client")?;
        println!("{peer}");
    }
    Ok(())
}

/// The three calls of `TcpListener::bind`, without the option that it sets before them.
fn listen(addr: &common::Addr) -> io::Result<TcpListener> {
    let addr = addr.to_socket_addrs()?.next().ok_or(io::ErrorKind::NotFound)?;
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
