//! Exercise empty: messages with a length before them. (cargo run -p exercises --example empty)

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

fn main() -> std::io::Result<()> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:5001".to_owned());
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
    loop {
        let mut length = [0; 2];
        let n = stream.read(&mut length)?;
        let length = u16::from_be_bytes(length);
        if n == 0 || length == 0 {
            return Ok(());
        }
        let mut message = vec![0; usize::from(length)];
        stream.read_exact(&mut message)?;
        println!("recv={:?}", String::from_utf8_lossy(&message));
        let answer = [b"server send :", &message[..]].concat();
        stream.write_all(&(answer.len() as u16).to_be_bytes())?;
        stream.write_all(&answer)?;
    }
}
