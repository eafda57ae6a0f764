//! Exercise capacity, solved: the buffer has a length, so that there is room for what comes.

use std::io::Read;
use std::net::TcpListener;

fn main() -> std::io::Result<()> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:5001".to_owned());
    let listener = TcpListener::bind(addr)?;
    println!("listening on {}", listener.local_addr()?);
    let (mut stream, _) = listener.accept()?;
    let mut buffer = vec![0; 1024];
    let n = stream.read(&mut buffer)?;
    println!("recv={:?}", String::from_utf8_lossy(&buffer[..n]));
    Ok(())
}
