//! A server that this process starts: where it listens, what it prints, and what it uses.

use std::fs;
use std::io::Read;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};

use crate::contract;
use crate::rig::ports;
use crate::rig::proc;
use crate::rig::process::{self, Running};

/// A longer line comes in pieces, so that a program that prints no newline needs no more memory.
const LONGEST: usize = 64 * 1024;

/// Ends with this value.
pub struct Server {
    pub program: Running,
    pub addr: SocketAddr,
    /// From the start of the program to its line `listening on ADDR`.
    pub start: Duration,
}

/// What a program prints, line by line. A program that prints waits once nobody reads.
pub struct Lines<R> {
    pipe: R,
    unread: Vec<u8>,
}

/// What a process has used so far, and what it holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// CPU time in the program and in the kernel, in ticks of `getconf CLK_TCK`.
    pub user_ticks: u64,
    pub system_ticks: u64,
    pub resident_kib: u64,
    pub descriptors: usize,
}

/// The command of these words. The server is to listen on a port of the system's choice.
///
/// # Errors
///
/// There is no word.
pub fn command(words: &[String]) -> Result<Command> {
    let mut words = words.to_vec();
    ports::tell(&mut words, "127.0.0.1:0");
    let (program, arguments) = words.split_first().context("the command is empty")?;
    let mut command = Command::new(program);
    command.args(arguments);
    Ok(command)
}

impl Server {
    /// Starts a server and reads its first line.
    ///
    /// # Errors
    ///
    /// There is no such program, or its first line does not come in time or is another one.
    pub fn start(
        command: &mut Command,
        patience: Duration,
    ) -> Result<(Server, Lines<ChildStdout>)> {
        // A group, so that a program that runs another one, such as strace, ends with it.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0);
        let name = command.get_program().to_owned();
        let begin = Instant::now();
        let mut program =
            process::spawn(command).with_context(|| format!("failed to start {name:?}"))?;
        let mut lines = Lines::new(program.stdout.take().context("it has no output")?);
        let line = lines
            .next(Some(patience))
            .with_context(|| format!("failed to see {name:?} print \"listening on ADDR\""))?;
        let start = begin.elapsed();
        let addr = contract::listening(&line)
            .with_context(|| format!("expected \"listening on ADDR\" of {name:?}, got {line:?}"))?;
        Ok((Server { program, addr, start }, lines))
    }

    /// Asks the server to end, so that strace can write what it has seen, and waits for that.
    pub(crate) fn end(self, lines: &mut Lines<ChildStdout>, patience: Duration) {
        let _ = killpg(self.program.pid(), Signal::SIGTERM);
        let deadline = Instant::now() + patience;
        while lines.next(Some(patience)).is_ok() && Instant::now() < deadline {}
    }

    /// `None` when it has ended, and where there is no `/proc`.
    pub(crate) fn usage(&self) -> Option<Usage> {
        let pid = self.program.pid();
        let proc::Stat { user_ticks, system_ticks, .. } = proc::stat(pid)?;
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count();
        let resident_kib = proc::resident_kib(pid)?;
        Some(Usage { user_ticks, system_ticks, resident_kib, descriptors })
    }
}

impl<R: Read + AsFd> Lines<R> {
    pub(crate) fn new(pipe: R) -> Lines<R> {
        Lines { pipe, unread: Vec::new() }
    }

    /// The next line; without `patience`, however long it takes.
    ///
    /// # Errors
    ///
    /// There is none in time, or the program has ended.
    pub fn next(&mut self, patience: Option<Duration>) -> Result<String> {
        loop {
            let end = self.unread.iter().position(|&byte| byte == b'\n').map(|newline| newline + 1);
            if let Some(end) = end.or((self.unread.len() >= LONGEST).then_some(LONGEST)) {
                let line = String::from_utf8_lossy(&self.unread[..end]);
                let line = line.strip_suffix('\n').unwrap_or(&line).to_owned();
                self.unread.drain(..end);
                return Ok(line);
            }
            let timeout = patience.map_or(Ok(PollTimeout::NONE), PollTimeout::try_from)?;
            match poll(&mut [PollFd::new(self.pipe.as_fd(), PollFlags::POLLIN)], timeout) {
                // A signal is for the thread that waits for signals, whichever thread it meets.
                Err(Errno::EINTR) => continue,
                Ok(0) => {
                    let seconds = patience.unwrap_or_default().as_secs();
                    bail!("it has printed nothing more for {seconds} s");
                }
                polled => polled?,
            };
            let mut buffer = [0; 4096];
            match self.pipe.read(&mut buffer)? {
                0 => bail!("it has ended"),
                n => self.unread.extend_from_slice(&buffer[..n]),
            }
        }
    }
}
