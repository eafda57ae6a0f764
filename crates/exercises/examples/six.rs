//! Exercise six: a server that takes its address apart. (cargo run -p exercises --example six)

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

fn main() -> std::io::Result<()> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:5001".to_owned());
    let (host, port) = addr.split_once(':').unwrap_or((&addr, "5001"));
    let port = port.parse().map_err(std::io::Error::other)?;
    let listener = TcpListener::bind((host, port))?;
    println!("listening on {host}:{port}");
    loop {
        let (stream, peer) = listener.accept()?;
        if let Err(err) = serve(stream) {
            eprintln!("{peer}: {err}");
        }
    }
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
        if message == b"q" {
            return Ok(());
        }
    }
}
