//! After stage 6, framing: sends a newline after each message, and reads each answer up to its own.
//! (cargo run -p exercises --example after-framing-client)

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use anyhow::{Context, Result};
use rustyline::error::ReadlineError;
use rustyline::{Config, DefaultEditor};

fn main() -> Result<()> {
    let addr = common::addr_from_args()?;
    let stream = TcpStream::connect(&addr)
        .with_context(|| format!("failed to connect to {addr}: is the server running?"))?;
    let mut reader = BufReader::new(stream);
    // Without bracketed paste, three pasted lines are three sends. TCP does not keep them apart.
    let config = Config::builder().auto_add_history(true).bracketed_paste(false).build();
    let mut editor = DefaultEditor::with_config(config)?;
    loop {
        let line = match editor.readline(">") {
            Err(ReadlineError::Eof) => return Ok(()), // Ctrl-D
            line => line.context("failed to read a line")?,
        };
        // An empty message is a message now: one byte leaves, its newline.
        let message = if line == "o" { "" } else { &line };
        let message = format!("{message}\n");
        reader.get_mut().write_all(message.as_bytes()).context("failed to send")?;
        if line == "q" {
            return Ok(());
        }
        let mut answer = Vec::new();
        reader.read_until(b'\n', &mut answer).context("failed to read the answer")?;
        let Some(answer) = answer.strip_suffix(b"\n") else {
            println!("socket close.....");
            return Ok(());
        };
        println!("recv={:?}", String::from_utf8_lossy(answer));
    }
}
