//! Exercise crlf, solved: the end of a line is cut off before the line is compared.

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
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        println!("recv={line:?}");
        let message = line.trim_end_matches(['\r', '\n']);
        if message == "q" {
            return Ok(());
        }
        stream.write_all(format!("server send :{message}\n").as_bytes())?;
    }
}
