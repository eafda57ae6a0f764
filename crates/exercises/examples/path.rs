//! Exercise path: a server that listens at a file. (cargo run -p exercises --example path -- five.sock)

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};

fn main() -> std::io::Result<()> {
    let path = std::env::args().nth(1).unwrap_or("five.sock".to_owned());
    let listener = UnixListener::bind(&path)?;
    println!("listening on {path}");
    loop {
        let (stream, _) = listener.accept()?;
        if let Err(err) = serve(stream) {
            eprintln!("a client: {err}");
        }
    }
}

fn serve(mut stream: UnixStream) -> std::io::Result<()> {
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
