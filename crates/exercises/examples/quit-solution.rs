//! Exercise quit, solved: the thread that reads the keyboard ends the program itself.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{process, thread};

/// The client that is being served.
static CLIENT: Mutex<Option<TcpStream>> = Mutex::new(None);

fn main() -> std::io::Result<()> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:5001".to_owned());
    let listener = TcpListener::bind(addr)?;
    println!("listening on {}", listener.local_addr()?);
    thread::spawn(read_keyboard);
    loop {
        let (stream, peer) = listener.accept()?;
        *client() = Some(stream.try_clone()?);
        if let Err(err) = serve(stream) {
            eprintln!("{peer}: {err}");
        }
        // The connection is open as long as one clone of its stream is.
        *client() = None;
    }
}

fn read_keyboard() {
    for line in std::io::stdin().lines() {
        if line.is_ok_and(|line| line == "quit") {
            if let Some(stream) = &mut *client() {
                let _ = stream.write_all(b"bye");
            }
            // Nothing wakes a thread that waits in accept or read; the end of the program does.
            process::exit(0);
        }
    }
}

fn client() -> MutexGuard<'static, Option<TcpStream>> {
    CLIENT.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        let message = &buffer[..n];
        println!("recv={:?}", String::from_utf8_lossy(message));
        stream.write_all(&[b"server send :", message].concat())?;
        if message == b"q" || message == b"Q" {
            return Ok(());
        }
    }
}
