//! Exercise limit, solved: two clients are served, and a third one is told so.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

const MOST: usize = 2;
static SERVED: AtomicUsize = AtomicUsize::new(0);

fn main() -> std::io::Result<()> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:5001".to_owned());
    let listener = TcpListener::bind(addr)?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (mut stream, peer) = listener.accept()?;
        // Only this thread counts up, so nobody comes in between.
        if SERVED.load(Ordering::SeqCst) >= MOST {
            let _ = stream.write_all(b"busy\n");
            continue;
        }
        SERVED.fetch_add(1, Ordering::SeqCst);
        thread::spawn(move || {
            if let Err(err) = serve(&mut stream) {
                eprintln!("{peer}: {err}");
            }
            // Before the stream is closed: whoever sees the end finds room.
            SERVED.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

fn serve(stream: &mut TcpStream) -> std::io::Result<()> {
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
