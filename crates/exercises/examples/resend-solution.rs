//! Exercise resend, solved: what is not answered in time is sent once more, and not for ever.

use std::io::{Error, ErrorKind};
use std::net::UdpSocket;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_millis(300);
const TRIES: usize = 3;

fn main() -> std::io::Result<()> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:5001".to_owned());
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(addr)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    for line in std::io::stdin().lines() {
        let line = line?;
        if line == "q" {
            return Ok(());
        }
        let answer = ask(&socket, line.as_bytes())?;
        println!("recv={:?}", String::from_utf8_lossy(&answer));
    }
    Ok(())
}

/// Sends the message until an answer comes. The message or its answer may have been lost: nobody knows.
fn ask(socket: &UdpSocket, message: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut buffer = [0; 1024];
    for _ in 0..TRIES {
        socket.send(message)?;
        match socket.recv(&mut buffer) {
            Ok(n) => return Ok(buffer[..n].to_vec()),
            // Unix says the one, Windows the other.
            Err(err) if matches!(err.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(err) => return Err(err),
        }
    }
    Err(Error::new(ErrorKind::TimedOut, "no answer"))
}
