//! A program at its terminal, and what is to be seen of it.

use std::time::{Duration, Instant};

use crate::course::session::Owned;
use crate::rig::blocked::{self, Thread};
use crate::rig::process::Exit;
use crate::rig::sockets::{self, Socket};
use crate::rig::terminal::Terminal;
use crate::rig::{proc, process};

/// What a program in Rust prints last when it panics; the line before says why.
const PANIC_NOTE: &str = "note: run with `RUST_BACKTRACE=1`";
/// How languages name an error. In some, a trace of so many lines at most follows it.
const ERRORS: [&str; 3] = ["Error", "Exception", "Errno::"];
const TRACE: usize = 25;

/// A program at its terminal.
pub(in crate::play) struct Seat {
    pub name: String,
    pub terminal: Terminal,
    /// A server of one of the stages: it says where it listens.
    pub(super) says_where: bool,
    pub serves: bool,
    /// Every line counts, and the prompt is waited for.
    pub exact: bool,
    /// Anybody's: of it no line is known beforehand.
    pub loose: bool,
    /// When somebody last typed, and what was to be seen of the program before.
    pub typed: Option<(Instant, Seen)>,
    /// What was typed last.
    pub line: Option<String>,
    /// How many descriptors or threads it had when they were counted.
    pub counted: usize,
}

/// The bytes that a program has printed, and where its threads are.
pub(in crate::play) type Seen = (usize, Vec<Thread>);

impl Seat {
    /// How it ended, and the last that it said.
    pub(in crate::play) fn end(&self) -> String {
        let (exit, last) = self.terminal.look(|screen| {
            let said = |line: &String| !line.trim().is_empty() && !line.starts_with(PANIC_NOTE);
            let lines: Vec<String> = screen.all().into_iter().filter(said).collect();
            let end = &lines[lines.len().saturating_sub(TRACE)..];
            let names = |line: &&String| ERRORS.iter().any(|word| line.contains(word));
            let failed = screen.exit != Some(Exit::Status(0));
            let error = end.iter().rfind(names).filter(|_| failed);
            (screen.exit.clone(), error.or(end.last()).cloned())
        });
        let exit = exit.map_or_else(|| "in an unknown way".to_owned(), |exit| exit.to_string());
        match last {
            Some(last) if self.loose => {
                format!("{} has ended ({exit}): {}", self.name, last.trim())
            }
            _ => format!("{} has ended ({exit})", self.name),
        }
    }

    /// Somebody is about to type, this line or only a key.
    pub(in crate::play) fn type_now(&mut self, line: Option<&str>) {
        if self.loose {
            self.typed = Some((Instant::now(), self.seen()));
            self.line = line.map(str::to_owned);
        }
    }

    pub(in crate::play) fn seen(&self) -> Seen {
        let threads = blocked::threads(&[(self.name.clone(), self.terminal.pid())]);
        (self.terminal.look(|screen| screen.bytes()), threads)
    }

    /// How long it has run with all that it has started, and how long the worst off has waited for a core.
    pub(in crate::play) fn core_time(&self) -> (Duration, Duration) {
        let family = process::family(self.terminal.pid());
        let times = family.into_iter().map(proc::core_time);
        times.fold(Default::default(), |(ran, waited), (run, wait)| (ran + run, waited.max(wait)))
    }

    /// How many of them it has now, with all that it has started.
    pub(in crate::play) fn count(&self, what: Owned) -> usize {
        let family = process::family(self.terminal.pid());
        match what {
            Owned::Descriptors => proc::descriptors(&family),
            Owned::Threads => proc::threads(&family),
        }
    }

    /// Does it await a timer?
    pub(in crate::play) fn has_alarm(&self) -> bool {
        process::family(self.terminal.pid()).into_iter().any(blocked::has_alarm)
    }

    /// Its sockets, and those of what it has started.
    pub(in crate::play) fn sockets(&self) -> Vec<Socket> {
        sockets::of(&process::family(self.terminal.pid()))
    }

    pub(super) fn listening(&self) -> Vec<Socket> {
        let mut sockets = self.sockets();
        sockets.retain(|socket| socket.listens);
        sockets
    }
}
