//! Exercise utf8, solved: bytes are kept until the line is whole, and only then are they text.

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
    let mut buffer = [0; 1024];
    let mut bytes = Vec::new();
    loop {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        bytes.extend_from_slice(&buffer[..n]);
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let rest = bytes.split_off(end + 1);
            // A newline is never a part of another character, so no character is cut here.
            let line = String::from_utf8_lossy(&bytes[..end]);
            println!("recv={line:?}");
            let answer = format!("{} {line}\n", line.chars().count());
            stream.write_all(answer.as_bytes())?;
            bytes = rest;
        }
    }
}
