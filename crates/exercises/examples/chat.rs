//! Exercise chat: everybody hears what one says. (cargo run -p exercises --example chat)

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

static PEOPLE: Mutex<Vec<(SocketAddr, TcpStream)>> = Mutex::new(Vec::new());

fn main() -> std::io::Result<()> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:5001".to_owned());
    let listener = TcpListener::bind(addr)?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (mut stream, peer) = listener.accept()?;
        let mut all = people();
        stream.write_all(b"welcome\n")?;
        all.push((peer, stream.try_clone()?));
        thread::spawn(move || {
            if let Err(err) = listen_to(stream, peer) {
                eprintln!("{peer}: {err}");
            }
            people().retain(|(other, _)| *other != peer);
        });
    }
}

/// Passes on every line that this one says.
fn listen_to(stream: TcpStream, peer: SocketAddr) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = Vec::new();
        reader.read_until(b'\n', &mut line)?;
        if !line.ends_with(b"\n") {
            return Ok(());
        }
        for (other, stream) in &mut *people() {
            if *other != peer {
                let _ = stream.write_all(&line);
            }
        }
    }
}

fn people() -> MutexGuard<'static, Vec<(SocketAddr, TcpStream)>> {
    PEOPLE.lock().unwrap_or_else(PoisonError::into_inner)
}
