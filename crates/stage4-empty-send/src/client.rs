//! Stage 4 client: `o` sends an empty message. (cargo run --bin stage4-client)

use std::io::Write;
use std::net::TcpStream;

use anyhow::{Context, Result};
use rustyline::error::ReadlineError;
use rustyline::{Config, DefaultEditor};

fn main() -> Result<()> {
    let addr = common::addr_from_args()?;
    let mut stream = TcpStream::connect(&addr)
        .with_context(|| format!("failed to connect to {addr}: is the server running?"))?;
    // Without bracketed paste, three pasted lines are three sends. TCP does not keep them apart.
    let config = Config::builder().auto_add_history(true).bracketed_paste(false).build();
    let mut editor = DefaultEditor::with_config(config)?;
    loop {
        let line = match editor.readline(">") {
            Err(ReadlineError::Eof) => return Ok(()), // Ctrl-D
            line => line.context("failed to read a line")?,
        };
        // An empty message is no message: no byte leaves, and the server sees nothing.
        let message = if line == "o" { "" } else { &line };
        stream.write_all(message.as_bytes()).context("failed to send")?;
        if line == "q" {
            return Ok(());
        }
    }
}
