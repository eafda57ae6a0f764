//! Exercise lost, solved: a write that fails is the news that the server has gone.

use std::io::Write;
use std::net::TcpStream;

fn main() -> std::io::Result<()> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:5001".to_owned());
    let mut stream = TcpStream::connect(addr)?;
    for line in std::io::stdin().lines() {
        let line = line?;
        // The first write after the server's close still succeeds. It is answered by a RST, and
        // the next write gives the error.
        if let Err(err) = stream.write_all(line.as_bytes()) {
            eprintln!("lost the server: {err}");
            std::process::exit(1);
        }
        if line == "q" {
            return Ok(());
        }
    }
    Ok(())
}
