//! Stage 2 client: sends each line that you type, until `q`. (cargo run --bin stage2-client)

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
        stream.write_all(line.as_bytes()).context("failed to send")?;
        if line == "q" {
            return Ok(());
        }
    }
}
