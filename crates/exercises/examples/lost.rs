//! Exercise lost: a client that only sends. (cargo run -p exercises --example lost)

use std::io::Write;
use std::net::TcpStream;

fn main() -> std::io::Result<()> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:5001".to_owned());
    let mut stream = TcpStream::connect(addr)?;
    for line in std::io::stdin().lines() {
        let line = line?;
        let _ = stream.write_all(line.as_bytes());
        if line == "q" {
            return Ok(());
        }
    }
    Ok(())
}
