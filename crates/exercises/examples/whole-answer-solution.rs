//! Exercise whole-answer, solved: it reads until the answer is as long as it must be.

use std::io::{Read, Write};
use std::net::TcpStream;

const PREFIX: &str = "server send :";

fn main() -> std::io::Result<()> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:5001".to_owned());
    let mut stream = TcpStream::connect(addr)?;
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
        let mut answer = vec![0; PREFIX.len() + message.len()];
        stream.read_exact(&mut answer)?;
        println!("recv={:?}", String::from_utf8_lossy(&answer));
    }
    Ok(())
}
