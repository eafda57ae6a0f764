//! A load of lock-step round trips for a server that answers, and what it costs.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ChildStdout;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::server::{self, Lines, Server, Usage};
use crate::contract;

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
    /// One after another.
    pub connections: usize,
    /// On each connection.
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

/// What the load has cost. What the kind of target does not tell is `None`.
#[derive(Debug, Default)]
pub struct Figures {
    pub(crate) start: Option<Duration>,
    pub(crate) round_trips: Option<RoundTrips>,
    /// After the first message and after the last one.
    pub(crate) usage: Option<(Usage, Usage)>,
}

/// All but the first one. One that begins a connection has the connecting in it, and the end of the
/// connection before it.
#[derive(Debug)]
pub(crate) struct RoundTrips {
    pub median: Duration,
    pub sum: Duration,
    pub per_second: f64,
}

/// Runs the load: one message at a time, and at the end the `q` of the session.
///
/// # Errors
///
/// The server does not start, does not answer in time, answers anything else than
/// `server send :` and the message, or does not print a message.
pub fn run(load: &Load) -> Result<Figures> {
    run_with(load, |_| Ok(()))
}

/// As [`run`], with something to do once the server has started.
pub(crate) fn run_with(
    load: &Load,
    started: impl FnOnce(&Server) -> Result<()>,
) -> Result<Figures> {
    match &load.target {
        Target::Addr(addr) => send(load, *addr, None),
        Target::Program(words) => {
            let (server, mut lines) = Server::start(&mut server::command(words)?, LIMIT)?;
            started(&server)?;
            let mut figures = send(load, server.addr, Some((&server, &mut lines)))?;
            figures.start = Some(server.start);
            server.end(&mut lines, LIMIT);
            Ok(figures)
        }
    }
}

fn send(
    load: &Load,
    addr: SocketAddr,
    mut server: Option<(&Server, &mut Lines<ChildStdout>)>,
) -> Result<Figures> {
    let Load { connections, messages, size, .. } = *load;
    let message = "x".repeat(size);
    let mut client = Client { addr, stream: None, answer: Vec::new() };
    let total = connections.saturating_mul(messages);
    ensure!(total > 0, "there is nothing to send");
    let mut times = Vec::new();
    let mut first = None;
    // The server prints each message into a pipe. Nobody waits at the other end while the clock
    // runs: to wake a reader would cost the server more than to print. So read between batches.
    let batch = (UNREAD_BYTES / (size + 64)).max(1);
    while times.len() < total {
        // The first message finds nothing warm, in the server and here: it is a batch of its own.
        let end = if times.is_empty() { 1 } else { total.min(times.len().saturating_add(batch)) };
        let begin = times.len();
        let mut before = Instant::now();
        for number in begin..end {
            if number % messages == 0 {
                client.connect()?;
            }
            client.exchange(message.as_bytes())?;
            let now = Instant::now();
            times.push(now.duration_since(before));
            before = now;
        }
        if let Some((server, lines)) = &mut server {
            let mut printed = begin;
            while printed < end {
                let line = lines.next(Some(LIMIT));
                let line =
                    line.with_context(|| format!("failed to see message {} printed", printed + 1))?;
                printed += usize::from(line.contains(&message));
            }
            first = first.or_else(|| server.usage());
        }
    }
    let last = server.and_then(|(server, _)| server.usage());
    client.exchange(b"q")?;

    let mut figures = Figures { usage: first.zip(last), ..Figures::default() };
    if let Some(times) = times.get_mut(1..).filter(|times| !times.is_empty()) {
        let sum: Duration = times.iter().sum();
        let per_second = times.len() as f64 / sum.as_secs_f64();
        let middle = times.len() / 2;
        let median = *times.select_nth_unstable(middle).1;
        figures.round_trips = Some(RoundTrips { median, sum, per_second });
    }
    Ok(figures)
}

struct Client {
    addr: SocketAddr,
    stream: Option<TcpStream>,
    answer: Vec<u8>,
}

impl Client {
    /// Leaves the connection before it, if there is one: the server takes one client at a time.
    fn connect(&mut self) -> Result<()> {
        self.stream = None;
        let stream = TcpStream::connect_timeout(&self.addr, LIMIT)
            .with_context(|| format!("failed to connect to {}", self.addr))?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        self.stream = Some(stream);
        Ok(())
    }

    /// One round trip.
    fn exchange(&mut self, message: &[u8]) -> Result<()> {
        let stream = self.stream.as_mut().context("nothing has been sent")?;
        stream.write_all(message).context("failed to send")?;
        self.answer.resize(contract::PREFIX.len() + message.len(), 0);
        stream.read_exact(&mut self.answer).context("failed to read the answer")?;
        ensure!(
            self.answer.strip_prefix(contract::PREFIX.as_bytes()) == Some(message),
            "the server answered {:?} to {:?}",
            String::from_utf8_lossy(&self.answer),
            String::from_utf8_lossy(message)
        );
        Ok(())
    }
}

impl std::fmt::Display for Figures {
    /// One `name value` for each line, for scripts.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(start) = self.start {
            writeln!(f, "start_ns {}", start.as_nanos())?;
        }
        if let Some(RoundTrips { median, sum, per_second }) = self.round_trips {
            writeln!(f, "round_trip_ns {}", median.as_nanos())?;
            writeln!(f, "all_round_trips_ns {}", sum.as_nanos())?;
            writeln!(f, "messages_per_second {per_second:.0}")?;
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

    /// A server that answers each read with what `answer` makes of it.
    fn server(answer: fn(&[u8]) -> Vec<u8>) -> Target {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                let mut buffer = [0; MAX_SIZE];
                while let Ok(n @ 1..) = stream.read(&mut buffer) {
                    stream.write_all(&answer(&buffer[..n])).unwrap();
                }
            }
        });
        Target::Addr(addr)
    }

    fn program(script: &str) -> Target {
        Target::Program(["sh", "-c", script].map(str::to_owned).to_vec())
    }

    fn error(target: Target) -> String {
        let load = Load { target, connections: 2, messages: 3, size: 4 };
        format!("{:#}", run(&load).unwrap_err())
    }

    #[test]
    fn a_right_server_gets_its_figures() {
        let target = server(|message| [b"server send :", message].concat());
        let load = Load { target, connections: 2, messages: 500, size: MAX_SIZE };
        let figures = run(&load).unwrap().to_string();
        let names: Vec<&str> = figures.lines().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(names, ["round_trip_ns", "all_round_trips_ns", "messages_per_second"]);
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
        let ended = "failed to see \"sh\" print \"listening on ADDR\": it has ended";
        assert_eq!(error(program("true")), ended);
        let other = "expected \"listening on ADDR\" of \"sh\", got \"listening on banana\"";
        assert_eq!(error(program("echo listening on banana")), other);
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
