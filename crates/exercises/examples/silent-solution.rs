//! Exercise silent, solved: a read waits for one second at most.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(1);

fn main() -> std::io::Result<()> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:5001".to_owned());
    let listener = TcpListener::bind(addr)?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, peer) = listener.accept()?;
        match serve(stream) {
            Ok(()) => {}
            // Unix says the one, Windows the other.
            Err(err) if matches!(err.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                println!("{peer} was silent for {PATIENCE:?}");
            }
            Err(err) => eprintln!("{peer}: {err}"),
        }
    }
}

fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut buffer = [0; 1024];
    loop {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        let message = &buffer[..n];
        println!("recv={:?}", String::from_utf8_lossy(message));
        stream.write_all(&[b"server send :", message].concat())?;
        if message == b"q" {
            return Ok(());
        }
    }
}
