//! After stage 6, noticing at once: one thread reads the connection, another one the keyboard.
//! (cargo run -p exercises --example after-noticing-client)

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;

use anyhow::{Context, Result};

fn main() -> Result<()> {
    let addr = common::addr_from_args()?;
    let mut stream = TcpStream::connect(&addr)
        .with_context(|| format!("failed to connect to {addr}: is the server running?"))?;
    let sender = stream.try_clone().context("failed to clone the stream")?;
    thread::spawn(move || {
        if let Err(err) = send_lines(&sender) {
            eprintln!("{addr}: {err:#}");
        }
        // Nothing more to send. The answers still come, up to the end.
        let _ = sender.shutdown(Shutdown::Write);
    });
    let mut buffer = [0; 1024];
    loop {
        let n = stream.read(&mut buffer).context("failed to read the answer")?;
        // The end of `main` ends the program, although the other thread waits for the keyboard.
        if n == 0 {
            println!("socket close.....");
            return Ok(());
        }
        println!("recv={:?}", String::from_utf8_lossy(&buffer[..n]));
    }
}

/// Sends each typed line until Ctrl-D.
fn send_lines(mut stream: &TcpStream) -> Result<()> {
    for line in io::stdin().lines() {
        let line = line.context("failed to read a line")?;
        // An empty message is no message: no byte leaves, and the server sees nothing.
        let message = if line == "o" { "" } else { &line };
        stream.write_all(message.as_bytes()).context("failed to send")?;
    }
    Ok(())
}
