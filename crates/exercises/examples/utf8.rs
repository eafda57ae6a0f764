//! Exercise utf8: a server that counts letters. (cargo run -p exercises --example utf8)

use std::io::{Read, Write};
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
    let mut buffer = [0; 1024];
    let mut text = String::new();
    loop {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        text += &String::from_utf8_lossy(&buffer[..n]);
        while let Some((line, rest)) = text.split_once('\n') {
            println!("recv={line:?}");
            let answer = format!("{} {line}\n", line.chars().count());
            stream.write_all(answer.as_bytes())?;
            text = rest.to_owned();
        }
    }
}
