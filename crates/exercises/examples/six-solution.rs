//! Exercise six, solved: std takes the address apart, of either kind.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

fn main() -> std::io::Result<()> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:5001".to_owned());
    // An address of IPv6 has colons in it, so it stands in brackets before the one of the port.
    let listener = TcpListener::bind(addr)?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, peer) = listener.accept()?;
        if let Err(err) = serve(stream) {
            eprintln!("{peer}: {err}");
        }
    }
}

fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        let message = &buffer[..n];
        println!("recv={:?}", String::from_utf8_lossy(message));
        stream.write_all(&[b"server send :", message].concat())?;
        if message == b"q" {
            return Ok(());
        }
    }
}
