//! Exercise lines, solved: a message ends at its newline, wherever the reads end.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

fn main() -> std::io::Result<()> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:5001".to_owned());
    let listener = TcpListener::bind(addr)?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, peer) = listener.accept()?;
        if let Err(err) = serve(stream) {
            eprintln!("{peer}: {err}");
        }
    }
}

fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    // It keeps what has come beyond the newline for the next call.
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut line = Vec::new();
        reader.read_until(b'\n', &mut line)?;
        // The end of the stream, with or without the beginning of a line before it.
        if !line.ends_with(b"\n") {
            return Ok(());
        }
        println!("recv={:?}", String::from_utf8_lossy(&line));
        stream.write_all(&[b"server send :", &line[..]].concat())?;
    }
}
