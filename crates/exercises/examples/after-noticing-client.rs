//! After stage 6, noticing at once: one thread reads the keyboard, another one the connection.
//! (cargo run -p exercises --example after-noticing-client)

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::{process, thread};

use anyhow::{Context, Result};

fn main() -> Result<()> {
    let addr = common::addr_from_args()?;
    let mut stream = TcpStream::connect(&addr)
        .with_context(|| format!("failed to connect to {addr}: is the server running?"))?;
    let answers = stream.try_clone().context("failed to clone the stream")?;
    let reader = thread::spawn(move || {
        let read = print_answers(answers);
        if let Err(err) = &read {
            eprintln!("Error: {err:?}");
        }
        // The other thread waits for the keyboard, and nothing else can wake it.
        process::exit(read.is_err().into())
    });
    for line in io::stdin().lines() {
        let line = line.context("failed to read a line")?;
        // An empty message is no message: no byte leaves, and the server sees nothing.
        let message = if line == "o" { "" } else { &line };
        stream.write_all(message.as_bytes()).context("failed to send")?;
    }
    // Ctrl-D: nothing more to send. The answers still come, up to the end.
    stream.shutdown(Shutdown::Write).context("failed to half-close")?;
    reader.join().map_err(|_| anyhow::anyhow!("failed to wait for the reader"))
}

/// Prints what comes until the server hangs up.
fn print_answers(mut stream: TcpStream) -> Result<()> {
    let mut buffer = [0; 1024];
    loop {
        let n = stream.read(&mut buffer).context("failed to read the answer")?;
        if n == 0 {
            println!("socket close.....");
            return Ok(());
        }
        println!("recv={:?}", String::from_utf8_lossy(&buffer[..n]));
    }
}
