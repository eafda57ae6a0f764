//! Exercise empty, solved: a length of 0 is an empty message, and the end is where nothing comes.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

fn main() -> std::io::Result<()> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:5001".to_owned());
    let listener = TcpListener::bind(addr)?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, peer) = listener.accept()?;
        match serve(stream) {
            // The client has closed, between two messages or inside one.
            Err(err) if err.kind() == ErrorKind::UnexpectedEof => {}
            Err(err) => eprintln!("{peer}: {err}"),
            Ok(()) => {}
        }
    }
}

fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    loop {
        let mut length = [0; 2];
        // One read may bring the first of the two bytes alone.
        stream.read_exact(&mut length)?;
        let length = u16::from_be_bytes(length);
        let mut message = vec![0; usize::from(length)];
        stream.read_exact(&mut message)?;
        println!("recv={:?}", String::from_utf8_lossy(&message));
        let answer = [b"server send :", &message[..]].concat();
        stream.write_all(&(answer.len() as u16).to_be_bytes())?;
        stream.write_all(&answer)?;
    }
}
