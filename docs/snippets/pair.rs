//! What the snippets start from.

use std::io;
use std::net::{TcpListener, TcpStream};

/// Both ends of one connection: the client's and the server's.
pub(crate) fn connected_pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (server, _peer) = listener.accept()?;
    Ok((client, server))
}
