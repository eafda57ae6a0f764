//! Exercise chat, solved: lines wait in a queue for each client, and a full queue stops nobody.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

/// The lines that may wait for one client.
const QUEUE: usize = 1000;

type Line = Vec<u8>;

static PEOPLE: Mutex<Vec<(SocketAddr, SyncSender<Line>)>> = Mutex::new(Vec::new());

fn main() -> std::io::Result<()> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:5001".to_owned());
    let listener = TcpListener::bind(addr)?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, peer) = listener.accept()?;
        let (sender, lines) = sync_channel(QUEUE);
        let _ = sender.send(b"welcome\n".to_vec());
        people().push((peer, sender));
        let out = stream.try_clone()?;
        thread::spawn(move || speak_to(out, lines));
        thread::spawn(move || {
            if let Err(err) = listen_to(stream, peer) {
                eprintln!("{peer}: {err}");
            }
            people().retain(|(other, _)| *other != peer);
        });
    }
}

/// Sends what is in the queue. Only this thread waits when the client does not read.
fn speak_to(mut stream: TcpStream, lines: Receiver<Line>) {
    for line in lines {
        if stream.write_all(&line).is_err() {
            break;
        }
    }
    let _ = stream.shutdown(Shutdown::Both);
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
        // Whoever has a full queue is let go: it gets what waits for it, and then the end.
        people().retain(|(other, queue)| *other == peer || queue.try_send(line.clone()).is_ok());
    }
}

fn people() -> MutexGuard<'static, Vec<(SocketAddr, SyncSender<Line>)>> {
    PEOPLE.lock().unwrap_or_else(PoisonError::into_inner)
}
