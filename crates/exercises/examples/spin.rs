//! Exercise spin: stage 2's server, which does not see the end. (cargo run -p exercises --example spin)

use std::io::Read;
use std::net::{TcpListener, TcpStream};

fn main() -> std::io::Result<()> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:5001".to_owned());
    let listener = TcpListener::bind(addr)?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, peer) = listener.accept()?;
        println!("{peer}");
        serve(stream)?;
    }
}

fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        let n = stream.read(&mut buffer)?;
        let message = &buffer[..n];
        println!("recv={:?}", String::from_utf8_lossy(message));
        if message == b"q" {
            return Ok(());
        }
    }
}
