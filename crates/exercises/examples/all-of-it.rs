//! Exercise all-of-it: a server that sends 8 MiB. (cargo run -p exercises --example all-of-it)

use std::io::Write;
use std::net::TcpListener;

fn main() -> std::io::Result<()> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:5001".to_owned());
    let listener = TcpListener::bind(addr)?;
    println!("listening on {}", listener.local_addr()?);
    let (mut stream, _) = listener.accept()?;
    // A client that reads slowly must not hold us up.
    stream.set_nonblocking(true)?;
    let picture = vec![b'x'; 8 * 1024 * 1024];
    let n = stream.write(&picture)?;
    println!("sent {n} of {} bytes", picture.len());
    Ok(())
}
