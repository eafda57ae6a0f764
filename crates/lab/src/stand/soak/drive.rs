//! Carries a plan out against a server, and judges all that the server printed and answered.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::Programs;
use super::action::{Action, shorten};
use super::client::Client;
use super::plan::Plan;
use crate::contract::{self, CLOSED, PREFIX, WAITING};
use crate::play::report::cut;
use crate::rig::hub::lock;
use crate::rig::peer::End;
use crate::stand::server::{self, Lines, Server};

/// A server that has ended needs a moment until its exit status can be read.
const MOMENT: Duration = Duration::from_secs(1);
/// More lines than any plan makes a server print; one that prints without end has to wait.
const LINES_WAITING: usize = 64 * 1024;
const LINES_SHOWN: usize = 5;

/// Drives one server, and knows what it has printed.
pub(super) struct Driver {
    stage: u8,
    patience: Duration,
    pub server: Server,
    /// The stage's own client.
    client: Vec<String>,
    lines: Receiver<String>,
    errors: Arc<Mutex<VecDeque<String>>>,
    /// The last lines that were looked at.
    last: VecDeque<String>,
    /// One for each client since the last plan, in the order in which they connected.
    blocks: Vec<Block>,
}

/// What the server printed about one client.
#[derive(Default)]
struct Block {
    peer: String,
    /// What is between the quotes of each `recv=""`.
    reads: Vec<String>,
    /// Characters in `reads`, and reads that were only `q`, or `Q` where that counts.
    printed: usize,
    quit: bool,
    hung_up: bool,
    over: bool,
}

/// What one plan has shown.
#[derive(Clone, Copy, Default)]
pub(super) struct Outcome {
    pub clients: u64,
    pub messages: u64,
    pub lost: u64,
    pub asked: u64,
    pub answered: u64,
}

/// Where a plan came to nothing, and why.
pub(super) struct Shortfall {
    /// The turn that failed; none when all were done, and what the server printed is wrong.
    pub turn: Option<usize>,
    pub reason: String,
}

impl Driver {
    /// Starts a server on a port of the system's choice.
    ///
    /// # Errors
    ///
    /// There is no such program, or it does not say where it listens.
    pub(super) fn start(programs: &Programs, patience: Duration) -> Result<Driver> {
        let mut command = server::command(&programs.server)?;
        // Without the C library's store of freed blocks of every size: it fills with the
        // sizes of the messages, and would hide or feign a leak (mallopt(3)).
        command.env("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0").stderr(Stdio::piped());
        let (mut server, mut output) = Server::start(&mut command, patience)?;
        let line = output.next(Some(patience))?;
        ensure!(line == WAITING, "expected {WAITING}, got {line:?}");
        // Read all the time, so that the server never waits for us.
        let (sender, lines) = sync_channel(LINES_WAITING);
        thread::spawn(move || {
            while let Ok(line) = output.next(None) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let stderr = server.program.stderr.take().context("the server has no output for errors")?;
        let errors = Arc::new(Mutex::new(VecDeque::new()));
        let kept = Arc::clone(&errors);
        thread::spawn(move || {
            let mut stderr = Lines::new(stderr);
            while let Ok(line) = stderr.next(None) {
                keep(&mut lock(&kept), &line);
            }
        });
        let (stage, client) = (programs.stage, programs.client.clone());
        let (last, blocks) = (VecDeque::new(), Vec::new());
        Ok(Driver { stage, patience, server, client, lines, errors, last, blocks })
    }

    /// Carries out one plan. The outcome counts as far as it got.
    ///
    /// # Errors
    ///
    /// A turn could not be done, or the server printed or answered what it should not.
    pub(super) fn run(&mut self, plan: &Plan, outcome: &mut Outcome) -> Result<(), Shortfall> {
        self.blocks.clear();
        let mut clients: Vec<Client> = Vec::new();
        outcome.asked += 1;
        for (number, turn) in plan.turns.iter().enumerate() {
            if turn.client == clients.len() {
                clients.push(Client::default());
                outcome.clients += 1;
            }
            self.act(turn.client, &turn.action, &mut clients[turn.client])
                .map_err(|err| Shortfall { turn: Some(number), reason: format!("{err:#}") })?;
            if matches!(turn.action, Action::Probe(_)) {
                outcome.answered += 1;
            }
        }
        for (number, client) in clients.iter().enumerate() {
            outcome.messages += client.sent.len() as u64;
            let name = if number == plan.probe {
                "the probe".to_owned()
            } else {
                format!("client {}", number + 1)
            };
            self.wait(|driver| driver.over(number).then_some(()))
                .and_then(|()| self.judge(client, &self.blocks[number], outcome))
                .map_err(|err| Shortfall { turn: None, reason: format!("{name}: {err:#}") })?;
        }
        Ok(())
    }

    fn over(&self, client: usize) -> bool {
        self.blocks.get(client).is_some_and(|block| block.over)
    }

    fn act(&mut self, number: usize, action: &Action, client: &mut Client) -> Result<()> {
        match action {
            Action::Connect => client.connect(self.server.addr, self.patience)?,
            Action::Start => client.start(&self.client, self.server.addr)?,
            Action::Send(bytes) => client.send(bytes)?,
            Action::Garbage(bytes) => {
                client.garbage = true;
                client.send(bytes)?;
            }
            Action::OneByOne(bytes) => {
                for byte in bytes {
                    client.send(&[*byte])?;
                }
            }
            Action::Burst(bytes) => client.burst(bytes, self.patience)?,
            Action::Fill(bytes) => client.fill(bytes)?,
            Action::Probe(bytes) => {
                client.send(bytes)?;
                self.probe(number, bytes, client)?;
            }
            Action::Taken => self.wait(|driver| driver.blocks.get(number).map(|_| ()))?,
            Action::Printed => drop(self.printed(number, client)?),
            Action::Answered => {
                let answers = self.printed(number, client)?;
                client.read(answers, self.patience)?;
            }
            Action::Unread => {
                ensure!(
                    client.peer()?.has_unread(Instant::now() + self.patience)?,
                    "no answer has come"
                );
            }
            // After a hang-up of the server there may be nothing left to close.
            Action::HalfClose => drop(client.peer()?.half_close()),
            Action::End => client.read(usize::MAX, self.patience)?,
            Action::Close => {
                client.orderly = !contract::answers(self.stage) || client.has_all;
                client.peer()?.close();
            }
            Action::Reset => client.peer()?.reset()?,
            Action::Kill => drop(client.program.take().context("it has not started")?),
        }
        Ok(())
    }

    /// Waits until all that this client sent is printed, or the server has hung up before the rest.
    ///
    /// Gives the length of the answers to what is printed.
    fn printed(&mut self, number: usize, client: &Client) -> Result<usize> {
        let characters: usize = client.sent.iter().map(|message| message.shown.len()).sum();
        let bytes: usize = client.sent.iter().map(|message| message.bytes.len()).sum();
        self.wait(|driver| {
            let block = driver.blocks.get(number)?;
            let done = block.quit || block.over || block.printed >= characters;
            // The bytes of a message that is not all printed are as many as its characters.
            let bytes = if block.printed < characters { block.printed } else { bytes };
            done.then(|| block.reads.len() * PREFIX.len() + bytes)
        })
    }

    /// A probe must get exactly its own answer, or see its own words printed where no server answers.
    fn probe(&mut self, number: usize, words: &[u8], client: &mut Client) -> Result<()> {
        if contract::answers(self.stage) {
            let expected = contract::answer(words);
            client.read(expected.len(), self.patience)?;
            ensure!(
                client.answers() == expected,
                "expected the answer {}, got {}",
                shorten(&expected),
                shorten(client.answers())
            );
            return Ok(());
        }
        self.printed(number, client)?;
        let printed = self.blocks[number].reads.concat();
        ensure!(
            printed.as_bytes() == words,
            "expected recv={}, the server printed recv={printed:?}",
            shorten(words)
        );
        Ok(())
    }

    /// Looks at what the server prints until the condition gives a value.
    fn wait<T>(&mut self, mut condition: impl FnMut(&Driver) -> Option<T>) -> Result<T> {
        let deadline = Instant::now() + self.patience;
        loop {
            if let Some(value) = condition(self) {
                return Ok(value);
            }
            let line = self.line(deadline)?;
            self.take(&line)?;
        }
    }

    fn line(&mut self, deadline: Instant) -> Result<String> {
        // A server that prints without end has always something to look at, also after the deadline.
        let line = match deadline.checked_duration_since(Instant::now()) {
            Some(left) => self.lines.recv_timeout(left),
            None => Err(RecvTimeoutError::Timeout),
        };
        let line = line.map_err(|err| match err {
            RecvTimeoutError::Timeout => {
                anyhow!("the server does not print what it should")
            }
            RecvTimeoutError::Disconnected => anyhow!("the server has ended"),
        })?;
        keep(&mut self.last, &line);
        Ok(line)
    }

    fn take(&mut self, line: &str) -> Result<()> {
        let unexpected = || anyhow!("unexpected line of the server: {line}");
        let open = self.blocks.last_mut().filter(|block| !block.over);
        let read = line.strip_prefix("recv=\"").and_then(|rest| rest.strip_suffix('"'));
        match (open, read) {
            (Some(_), Some("")) => bail!("the server printed an empty message: {line}"),
            (Some(block), Some(read)) => {
                ensure!(!block.quit, "the server read on after a q: {line}");
                block.quit = contract::hangs_up(self.stage, read.as_bytes());
                block.printed += read.len();
                block.reads.push(read.to_owned());
            }
            (Some(block), None) if line == CLOSED && !block.hung_up => {
                ensure!(block.quit, "the server hung up, and nobody had sent a q on its own");
                block.hung_up = true;
            }
            (Some(block), None) if line == WAITING => {
                ensure!(block.hung_up == block.quit, "the server did not hang up after a q");
                block.over = true;
            }
            (None, None) if line.parse::<SocketAddr>().is_ok() => {
                self.blocks.push(Block { peer: line.to_owned(), ..Block::default() });
            }
            _ => return Err(unexpected()),
        }
        Ok(())
    }

    /// Compares what one client sent and received with what the server printed about it.
    fn judge(&self, client: &Client, block: &Block, outcome: &mut Outcome) -> Result<()> {
        if let Some(peer) = &client.addr {
            ensure!(*peer == block.peer, "it is {peer}, and the server printed {}", block.peer);
        }
        let mut printed = block.reads.concat();
        let sent: String = client.sent.iter().map(|message| message.shown.as_str()).collect();
        ensure!(
            sent.starts_with(&printed),
            "the server printed {}, and it has sent {}",
            shorten(printed.as_bytes()),
            shorten(sent.as_bytes())
        );
        let all = printed.len() == sent.len();
        if client.orderly && !all && !block.quit {
            let mut lost = 0;
            for message in &client.sent {
                match printed.get(message.shown.len()..) {
                    Some(rest) => printed = rest.to_owned(),
                    None => (lost, printed) = (lost + 1, String::new()),
                }
            }
            outcome.lost += lost;
            bail!("{lost} of its {} messages were not printed", client.sent.len());
        }
        if let Some(err) = &client.failed {
            ensure!(block.quit, "{err}");
        }
        let mut answers = Vec::new();
        let answered = if contract::answers(self.stage) { &block.reads } else { &[][..] };
        for (number, read) in answered.iter().enumerate() {
            answers.extend(PREFIX.as_bytes());
            answers.extend(match client.garbage {
                true => client.sent.get(number).map_or(&[][..], |message| &message.bytes),
                false => read.as_bytes(),
            });
        }
        ensure!(
            answers.starts_with(client.answers()),
            "expected the answers {}, got {}",
            shorten(&answers),
            shorten(client.answers())
        );
        // Bytes that the server did not read before it closed turn its close into a reset.
        if client.end().is_some() && (all || !block.quit) {
            ensure!(client.end() == Some(End::Finished), "its connection was reset");
            ensure!(
                answers.len() == client.answers().len(),
                "it got {} of {} bytes of its answers",
                client.answers().len(),
                answers.len()
            );
        }
        Ok(())
    }

    /// How the server is now, and its last lines, for a report.
    pub(super) fn describe(&mut self) -> String {
        let deadline = Instant::now() + MOMENT;
        while self.line(deadline).is_ok() {}
        // The end of its output comes shortly before the end of the process.
        let mut ended = self.server.program.ended();
        while ended.is_none() && Instant::now() < deadline {
            thread::yield_now();
            ended = self.server.program.ended();
        }
        let mut text = match ended {
            Some(exit) => format!("The server has ended: {exit}.\n"),
            None => "The server still runs.\n".to_owned(),
        };
        for (name, lines) in [("output", &self.last), ("errors", &lock(&self.errors))] {
            if !lines.is_empty() {
                let _ = writeln!(text, "The last lines of its {name}:");
                for line in lines {
                    let _ = writeln!(text, "    {}", cut(line));
                }
            }
        }
        text
    }
}

fn keep(lines: &mut VecDeque<String>, line: &str) {
    if lines.len() == LINES_SHOWN {
        lines.pop_front();
    }
    lines.push_back(line.to_owned());
}
