//! Exercise notice, solved: one thread reads the socket while the other waits for the keyboard.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::{process, thread};

fn main() -> std::io::Result<()> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:5001".to_owned());
    let mut stream = TcpStream::connect(addr)?;
    let answers = stream.try_clone()?;
    thread::spawn(move || {
        print_answers(answers);
        // The other thread waits for the keyboard, and nothing but a key would wake it.
        process::exit(0)
    });
    for line in std::io::stdin().lines() {
        let line = line?;
        let message = if line == "o" { "" } else { &line };
        stream.write_all(message.as_bytes())?;
        if line == "q" {
            return Ok(());
        }
    }
    Ok(())
}

/// Prints what comes until the connection ends.
fn print_answers(mut stream: TcpStream) {
    let mut buffer = [0; 1024];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return println!("socket close....."),
            Ok(n) => println!("recv={:?}", String::from_utf8_lossy(&buffer[..n])),
            Err(err) => return eprintln!("failed to read: {err}"),
        }
    }
}
