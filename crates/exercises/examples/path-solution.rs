//! Exercise path, solved: what an earlier server has left is removed, and nothing else.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};

fn main() -> std::io::Result<()> {
    let path = std::env::args().nth(1).unwrap_or("five.sock".to_owned());
    // The file stays when its server ends. Only a connection shows whether somebody listens.
    match UnixStream::connect(&path) {
        Ok(_) => return Err(ErrorKind::AddrInUse.into()),
        Err(err) if err.kind() == ErrorKind::ConnectionRefused => std::fs::remove_file(&path)?,
        Err(_) => {}
    }
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
