//! Exercise whole-answer: a client that prints the answers.
//! (cargo run -p exercises --example whole-answer)

use std::io::{Read, Write};
use std::net::TcpStream;

fn main() -> std::io::Result<()> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:5001".to_owned());
    let mut stream = TcpStream::connect(addr)?;
    let mut buffer = [0; 1024];
    for line in std::io::stdin().lines() {
        let line = line?;
        let message = if line == "o" { "" } else { &line };
        stream.write_all(message.as_bytes())?;
        if line == "q" {
            return Ok(());
        }
        if message.is_empty() {
            continue;
        }
        let n = stream.read(&mut buffer)?;
        println!("recv={:?}", String::from_utf8_lossy(&buffer[..n]));
    }
    Ok(())
}
