//! A load of lock-step round trips for a server of stage 5 or 6, and what it costs.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::contract;
use crate::rig::ports;
use crate::rig::process::{self, Running};

/// The longest message that a server reads as one.
pub const MAX_SIZE: usize = contract::MESSAGE_BYTES;
/// One step that takes longer has failed.
const LIMIT: Duration = Duration::from_secs(5);
/// What a server may have printed and nobody has read yet: less than any system's pipe holds.
const UNREAD_BYTES: usize = 8 * 1024;

/// What to send, and where.
#[derive(Clone, Debug)]
pub struct Load {
    pub target: Target,
    /// With 0 the server is only started.
    pub messages: usize,
    /// Bytes of a message, 1 to [`MAX_SIZE`].
    pub size: usize,
}

#[derive(Clone, Debug)]
pub enum Target {
    /// A server that runs already.
    Addr(SocketAddr),
    /// A program that prints `listening on ADDR`. It is started for the load and ended after it.
    /// `{addr}` in it is replaced by 127.0.0.1:0; without it that is appended.
    Program(Vec<String>),
}

/// What the load has cost. What the system or the kind of target does not tell is `None`.
#[derive(Debug)]
pub struct Figures {
    load: Load,
    /// From the start of the program to its line `listening on ADDR`.
    start: Option<Duration>,
    /// The median, and the sum, of the round trips after the first one.
    round_trips: Option<(Duration, Duration)>,
    /// After the first message and after the last one.
    usage: Option<(Usage, Usage)>,
}

/// What a process has used so far.
#[derive(Clone, Copy, Debug)]
struct Usage {
    /// CPU time in the program and in the kernel, in ticks of `getconf CLK_TCK`.
    user_ticks: u64,
    system_ticks: u64,
    /// The resident set.
    resident_kib: u64,
}

/// Runs the load: one connection, one message at a time, and the session's `q`.
///
/// # Errors
///
/// The server does not start, does not answer in time, answers anything else than
/// `server send :` and the message, or does not print a message.
pub fn run(load: Load) -> Result<Figures> {
    let mut figures = Figures { load, start: None, round_trips: None, usage: None };
    let mut server = match &figures.load.target {
        Target::Addr(_) => None,
        Target::Program(words) => Some(Server::start(words)?),
    };
    figures.start = server.as_ref().map(|server| server.start);
    if figures.load.messages > 0 {
        send(&mut figures, server.as_mut())?;
    }
    Ok(figures)
}

fn send(figures: &mut Figures, mut server: Option<&mut Server>) -> Result<()> {
    let Load { target, messages, size } = &figures.load;
    let addr = match (target, &server) {
        (_, Some(server)) => server.addr,
        (Target::Addr(addr), _) => *addr,
        (Target::Program(_), None) => bail!("the server has not been started"),
    };
    let message = vec![b'x'; *size];
    let mut stream = TcpStream::connect_timeout(&addr, LIMIT)
        .with_context(|| format!("failed to connect to {addr}"))?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    let expected = contract::answer(&message);
    let mut answer = vec![0; expected.len()];

    // The first message finds nothing warm, in the server and here, so it is not timed.
    exchange(&mut stream, &message, &expected, &mut answer)?;
    let mut printed = 1;
    let mut first = None;
    if let Some(server) = server.as_deref_mut() {
        server.has_printed(&message, printed)?;
        first = server.usage();
    }
    let mut times = Vec::with_capacity(messages.saturating_sub(1));
    // The server prints each message into a pipe. Nobody waits at the other end while the clock
    // runs: to wake a reader would cost the server more than to print. So read between batches.
    let batch = (UNREAD_BYTES / (size + 64)).max(1);
    while times.len() < times.capacity() {
        let mut before = Instant::now();
        for _ in 0..batch.min(times.capacity() - times.len()) {
            exchange(&mut stream, &message, &expected, &mut answer)?;
            let now = Instant::now();
            times.push(now.duration_since(before));
            before = now;
        }
        if let Some(server) = server.as_deref_mut() {
            printed = 1 + times.len();
            server.has_printed(&message, printed)?;
        }
    }
    let last = server.as_deref().and_then(Server::usage);
    let bye = contract::answer(b"q");
    exchange(&mut stream, b"q", &bye, &mut answer[..bye.len()])?;

    figures.usage = first.zip(last);
    if !times.is_empty() {
        let sum = times.iter().sum();
        let middle = times.len() / 2;
        figures.round_trips = Some((*times.select_nth_unstable(middle).1, sum));
    }
    Ok(())
}

/// One round trip.
fn exchange(
    stream: &mut TcpStream,
    message: &[u8],
    expected: &[u8],
    answer: &mut [u8],
) -> Result<()> {
    stream.write_all(message).context("failed to send")?;
    stream.read_exact(answer).context("failed to read the answer")?;
    ensure!(
        answer == expected,
        "the server answered {:?} to {:?}",
        String::from_utf8_lossy(answer),
        String::from_utf8_lossy(message)
    );
    Ok(())
}

/// A server that this process has started. It ends with this value.
struct Server {
    running: Running,
    output: Output,
    addr: SocketAddr,
    start: Duration,
    /// How many lines with a message it has printed.
    printed: usize,
}

impl Server {
    fn start(words: &[String]) -> Result<Server> {
        let mut words = words.to_vec();
        ports::tell(&mut words, "127.0.0.1:0");
        let (program, arguments) = words.split_first().context("the command is empty")?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        // A group, so that a program that runs another one, such as strace, ends with it.
        command.process_group(0);
        let begin = Instant::now();
        let mut running =
            process::spawn(&mut command).with_context(|| format!("failed to start {program:?}"))?;
        let pipe = running.stdout.take();
        // From here on the process ends, whatever happens.
        let mut server = Server {
            running,
            output: Output { pipe, unread: Vec::new() },
            addr: SocketAddr::from(([127, 0, 0, 1], 0)),
            start: Duration::ZERO,
            printed: 0,
        };
        server.addr = loop {
            let line = server.output.line().with_context(|| {
                format!("failed to see {program:?} print \"listening on ADDR\"")
            })?;
            if let Some(addr) = line.strip_prefix(b"listening on ") {
                server.start = begin.elapsed();
                let addr = String::from_utf8_lossy(addr);
                break addr.parse().with_context(|| format!("failed to parse {addr:?}"))?;
            }
        };
        Ok(server)
    }

    /// Reads what the server has printed until that is so many lines with the message.
    fn has_printed(&mut self, message: &[u8], lines: usize) -> Result<()> {
        while self.printed < lines {
            let line = self
                .output
                .line()
                .with_context(|| format!("failed to see message {} printed", self.printed + 1))?;
            if line.windows(message.len()).any(|part| part == message) {
                self.printed += 1;
            }
        }
        Ok(())
    }

    /// Only Linux tells.
    fn usage(&self) -> Option<Usage> {
        let pid = self.pid();
        let process::Stat { user_ticks, system_ticks, .. } = process::stat(pid)?;
        Some(Usage { user_ticks, system_ticks, resident_kib: process::resident_kib(pid)? })
    }

    fn pid(&self) -> Pid {
        self.running.pid()
    }
}

impl Drop for Server {
    /// Asks first, so that strace can write what it has counted.
    fn drop(&mut self) {
        let group = self.pid();
        let _ = killpg(group, Signal::SIGTERM);
        let deadline = Instant::now() + LIMIT;
        while self.output.line().is_ok() && Instant::now() < deadline {}
    }
}

/// What a program prints, line by line.
struct Output {
    /// `None` when it is at its end.
    pipe: Option<ChildStdout>,
    unread: Vec<u8>,
}

impl Output {
    /// The next line.
    ///
    /// # Errors
    ///
    /// There is none in time, or the program has ended.
    fn line(&mut self) -> Result<Vec<u8>> {
        loop {
            if let Some(end) = self.unread.iter().position(|&byte| byte == b'\n') {
                let mut line: Vec<u8> = self.unread.drain(..=end).collect();
                line.pop();
                return Ok(line);
            }
            let pipe = self.pipe.as_mut().context("it has ended")?;
            let timeout = PollTimeout::try_from(LIMIT)?;
            if poll(&mut [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)], timeout)? == 0 {
                bail!("it has printed nothing more for {} s", LIMIT.as_secs());
            }
            let mut buffer = [0; 4096];
            let n = pipe.read(&mut buffer)?;
            if n == 0 {
                self.pipe = None;
            }
            self.unread.extend_from_slice(&buffer[..n]);
        }
    }
}

impl std::fmt::Display for Figures {
    /// One `name value` for each line, for scripts.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(start) = self.start {
            writeln!(f, "start_ns {}", start.as_nanos())?;
        }
        writeln!(f, "messages {}", self.load.messages)?;
        if let Some((median, sum)) = self.round_trips {
            writeln!(f, "round_trip_ns {}", median.as_nanos())?;
            let timed = self.load.messages.saturating_sub(1) as f64;
            writeln!(f, "messages_per_second {:.0}", timed / sum.as_secs_f64())?;
        }
        if let Some((first, last)) = self.usage {
            writeln!(f, "user_ticks {}", last.user_ticks.saturating_sub(first.user_ticks))?;
            writeln!(f, "system_ticks {}", last.system_ticks.saturating_sub(first.system_ticks))?;
            writeln!(f, "resident_first_kib {}", first.resident_kib)?;
            writeln!(f, "resident_last_kib {}", last.resident_kib)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// A server of one client that answers each read with what `answer` makes of it.
    fn server(answer: fn(&[u8]) -> Vec<u8>) -> Target {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut buffer = [0; MAX_SIZE];
            while let Ok(n @ 1..) = stream.read(&mut buffer) {
                stream.write_all(&answer(&buffer[..n])).unwrap();
            }
        });
        Target::Addr(addr)
    }

    fn program(script: &str) -> Target {
        Target::Program(["sh", "-c", script].map(str::to_owned).to_vec())
    }

    fn error(target: Target) -> String {
        format!("{:#}", run(Load { target, messages: 3, size: 4 }).unwrap_err())
    }

    #[test]
    fn a_right_server_gets_its_figures() {
        let target = server(|message| [b"server send :", message].concat());
        let figures = run(Load { target, messages: 1000, size: MAX_SIZE }).unwrap().to_string();
        let names: Vec<&str> = figures.lines().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(names, ["messages", "round_trip_ns", "messages_per_second"]);
    }

    #[test]
    fn a_wrong_answer_is_shown() {
        assert_eq!(
            error(server(|_| b"server send :xxxy".to_vec())),
            "the server answered \"server send :xxxy\" to \"xxxx\""
        );
    }

    #[test]
    fn a_program_that_does_not_listen_is_named() {
        let fault = "failed to see \"sh\" print \"listening on ADDR\": it has ended";
        assert_eq!(error(program("echo hello")), fault);
        assert!(
            error(program("echo listening on banana")).starts_with("failed to parse \"banana\"")
        );
    }

    #[test]
    fn a_program_that_does_not_print_its_messages_is_found_out() {
        let Target::Addr(addr) = server(|message| [b"server send :", message].concat()) else {
            unreachable!()
        };
        let fault = error(program(&format!("echo listening on {addr}")));
        assert_eq!(fault, "failed to see message 1 printed: it has ended");
    }
}
