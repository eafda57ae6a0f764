//! Exercise all-of-it, solved: `write_all` waits until the system has taken every byte.

use std::io::Write;
use std::net::TcpListener;

fn main() -> std::io::Result<()> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:5001".to_owned());
    let listener = TcpListener::bind(addr)?;
    println!("listening on {}", listener.local_addr()?);
    let (mut stream, _) = listener.accept()?;
    let picture = vec![b'x'; 8 * 1024 * 1024];
    stream.write_all(&picture)?;
    println!("sent {} bytes", picture.len());
    Ok(())
}
