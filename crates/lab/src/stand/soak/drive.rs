//! Carries a plan out against a server, and judges all that the server printed and answered.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use nix::unistd::Pid;
use socket2::SockRef;

use super::Target;
use super::plan::{Act, Plan, shorten};
use crate::contract::{self, CLOSED, PREFIX, WAITING};
use crate::play::report::cut;
use crate::rig::hub::lock;
use crate::rig::peer::End;
use crate::rig::process::{self, Running};

/// A server that has ended needs a moment until its exit status can be read.
const MOMENT: Duration = Duration::from_secs(1);
/// More lines than any plan makes a server print; one that prints without end has to wait.
const LINES_WAITING: usize = 64 * 1024;
const LINES_SHOWN: usize = 5;

/// A server that is under test, and what it has printed.
pub struct Server {
    stage: u8,
    patience: Duration,
    program: Running,
    pub addr: SocketAddr,
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

#[derive(Default)]
struct Client {
    peer: Option<String>,
    stream: Option<TcpStream>,
    program: Option<Running>,
    sent: Vec<Message>,
    /// It sends what cannot be read off the printed text; each message of it is one read.
    garbage: bool,
    answers: Vec<u8>,
    /// Why it could send no more.
    failed: Option<String>,
    end: Option<End>,
    /// It has read all answers that it will get.
    has_all: bool,
    /// It has closed in a way that loses nothing.
    orderly: bool,
}

struct Message {
    bytes: Vec<u8>,
    /// As `{:?}` prints it, without the quotes.
    shown: String,
}

/// What one plan has shown.
#[derive(Clone, Copy, Default)]
pub struct Outcome {
    pub clients: u64,
    pub messages: u64,
    pub lost: u64,
    pub asked: u64,
    pub answered: u64,
}

/// Where a plan came to nothing, and why.
pub struct Failure {
    /// The step that failed; none when all were done, and what the server printed is wrong.
    pub step: Option<usize>,
    pub reason: String,
}

impl Server {
    /// Starts a server on a port of the system's choice.
    ///
    /// # Errors
    ///
    /// There is no such program, or it does not say where it listens.
    pub fn start(target: &Target, patience: Duration) -> Result<Server> {
        let (name, arguments) = target.server.split_first().context("the command is empty")?;
        let mut program = start(
            Command::new(name)
                .args(arguments)
                .arg("127.0.0.1:0")
                // Without the C library's store of freed blocks of every size: it fills with the
                // sizes of the messages, and would hide or feign a leak (mallopt(3)).
                .env("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0")
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped()),
        )?;
        let stdout = program.stdout.take().context("the server has no output")?;
        let stderr = program.stderr.take().context("the server has no output for errors")?;
        let (sender, lines) = sync_channel(LINES_WAITING);
        thread::spawn(move || forward(stdout, &sender));
        let errors = Arc::new(Mutex::new(VecDeque::new()));
        let kept = Arc::clone(&errors);
        thread::spawn(move || {
            each_line(stderr, |line| {
                keep(&mut lock(&kept), line);
                true
            });
        });
        let mut server = Server {
            stage: target.stage,
            patience,
            program,
            addr: (Ipv4Addr::LOCALHOST, 0).into(),
            client: target.client.clone(),
            lines,
            errors,
            last: VecDeque::new(),
            blocks: Vec::new(),
        };
        let deadline = Instant::now() + patience;
        let line = server.line(deadline)?;
        server.addr = contract::listening(&line)
            .with_context(|| format!("expected listening on ADDR, got {line:?}"))?;
        let line = server.line(deadline)?;
        ensure!(line == WAITING, "expected {WAITING}, got {line:?}");
        Ok(server)
    }

    #[must_use]
    pub fn pid(&self) -> Pid {
        self.program.pid()
    }

    /// Carries out one plan. The outcome counts as far as it got.
    ///
    /// # Errors
    ///
    /// A step could not be done, or the server printed or answered what it should not.
    pub fn run(&mut self, plan: &Plan, outcome: &mut Outcome) -> Result<(), Failure> {
        self.blocks.clear();
        let mut clients: Vec<Client> = Vec::new();
        outcome.asked += 1;
        for (number, step) in plan.steps.iter().enumerate() {
            if step.client == clients.len() {
                clients.push(Client::default());
                outcome.clients += 1;
            }
            self.step(step.client, &step.act, &mut clients[step.client])
                .map_err(|err| Failure { step: Some(number), reason: format!("{err:#}") })?;
            if matches!(step.act, Act::Probe(_)) {
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
            self.wait(|server| server.over(number).then_some(()))
                .and_then(|()| self.judge(client, &self.blocks[number], outcome))
                .map_err(|err| Failure { step: None, reason: format!("{name}: {err:#}") })?;
        }
        Ok(())
    }

    fn over(&self, client: usize) -> bool {
        self.blocks.get(client).is_some_and(|block| block.over)
    }

    fn step(&mut self, number: usize, act: &Act, client: &mut Client) -> Result<()> {
        match act {
            Act::Connect => {
                let stream = TcpStream::connect_timeout(&self.addr, self.patience)
                    .with_context(|| format!("failed to connect to {}", self.addr))?;
                stream.set_read_timeout(Some(self.patience))?;
                stream.set_write_timeout(Some(self.patience))?;
                // What is written leaves at once, also one byte.
                stream.set_nodelay(true)?;
                client.peer = Some(stream.local_addr()?.to_string());
                client.stream = Some(stream);
                client.has_all = true;
            }
            Act::Start => {
                let (name, arguments) = self.client.split_first().context("there is no client")?;
                client.program = Some(start(
                    Command::new(name)
                        .args(arguments)
                        .arg(self.addr.to_string())
                        .stdin(Stdio::piped())
                        .stdout(Stdio::null())
                        .stderr(Stdio::null()),
                )?);
            }
            Act::Send(bytes) => client.send(bytes)?,
            Act::Garbage(bytes) => {
                client.garbage = true;
                client.send(bytes)?;
            }
            Act::OneByOne(bytes) => {
                for byte in bytes {
                    client.send(&[*byte])?;
                }
            }
            Act::Burst(bytes) => client.burst(bytes)?,
            Act::Fill(bytes) => client.fill(bytes)?,
            Act::Probe(bytes) => {
                client.send(bytes)?;
                self.probe(number, bytes, client)?;
            }
            Act::Taken => self.wait(|server| server.blocks.get(number).map(|_| ()))?,
            Act::Printed => {
                self.printed(number, client)?;
            }
            Act::Answered => {
                let answers = self.printed(number, client)?;
                client.read(answers)?;
            }
            Act::Unread => {
                let stream = client.stream()?;
                ensure!(stream.peek(&mut [0]).map_err(late)? == 1, "the server has closed");
            }
            // After a hang-up of the server there may be nothing left to close.
            Act::HalfClose => drop(client.stream()?.shutdown(Shutdown::Write)),
            Act::End => client.read(usize::MAX)?,
            Act::Close => {
                client.orderly = !contract::answers(self.stage) || client.has_all;
                client.stream = None;
            }
            Act::Reset => {
                let stream = client.stream.take().context("it is not connected")?;
                SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
            }
            Act::Kill => drop(client.program.take().context("it has not started")?),
        }
        Ok(())
    }

    /// Waits until all that this client sent is printed, or the server has hung up before the rest.
    ///
    /// Gives the length of the answers to what is printed.
    fn printed(&mut self, number: usize, client: &Client) -> Result<usize> {
        let characters: usize = client.sent.iter().map(|message| message.shown.len()).sum();
        let bytes: usize = client.sent.iter().map(|message| message.bytes.len()).sum();
        self.wait(|server| {
            let block = server.blocks.get(number)?;
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
            client.read(expected.len())?;
            ensure!(
                client.answers == expected,
                "expected the answer {}, got {}",
                shorten(&expected),
                shorten(&client.answers)
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
    fn wait<T>(&mut self, mut condition: impl FnMut(&Server) -> Option<T>) -> Result<T> {
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
        if let Some(peer) = &client.peer {
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
            answers.starts_with(&client.answers),
            "expected the answers {}, got {}",
            shorten(&answers),
            shorten(&client.answers)
        );
        // Bytes that the server did not read before it closed turn its close into a reset.
        if client.end.is_some() && (all || !block.quit) {
            ensure!(client.end == Some(End::Finished), "its connection was reset");
            ensure!(
                answers.len() == client.answers.len(),
                "it got {} of {} bytes of its answers",
                client.answers.len(),
                answers.len()
            );
        }
        Ok(())
    }

    /// How the server is now, and its last lines, for a report.
    pub fn describe(&mut self) -> String {
        let deadline = Instant::now() + MOMENT;
        while self.line(deadline).is_ok() {}
        // The end of its output comes shortly before the end of the process.
        let mut ended = self.program.ended();
        while ended.is_none() && Instant::now() < deadline {
            thread::yield_now();
            ended = self.program.ended();
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

fn start(command: &mut Command) -> Result<Running> {
    let name = command.get_program().to_owned();
    process::spawn(command).with_context(|| format!("failed to start {}", name.display()))
}

fn late(err: std::io::Error) -> anyhow::Error {
    match err.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            anyhow!("the server neither answers what it should nor closes")
        }
        _ => anyhow!("failed to receive: {err}"),
    }
}

impl Client {
    fn stream(&self) -> Result<&TcpStream> {
        self.stream.as_ref().context("it is not connected")
    }

    fn sent(&mut self, bytes: &[u8]) {
        let shown = format!("{:?}", String::from_utf8_lossy(bytes));
        let shown = shown[1..shown.len() - 1].to_owned();
        self.sent.push(Message { bytes: bytes.to_vec(), shown });
    }

    /// One write. That it fails is right only if the server has hung up: that is judged later.
    fn send(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some(program) = &mut self.program {
            let stdin = program.stdin.as_mut().context("it takes no lines")?;
            let line = [bytes, b"\n"].concat();
            stdin.write_all(&line).context("failed to type a line")?;
        } else if let Err(err) = self.stream()?.write_all(bytes) {
            self.fail(&err)?;
        }
        self.sent(bytes);
        self.has_all = false;
        Ok(())
    }

    fn fail(&mut self, err: &std::io::Error) -> Result<()> {
        match err.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                bail!("the server does not read what is sent to it")
            }
            _ => self.failed = Some(format!("failed to send: {err}")),
        }
        Ok(())
    }

    fn burst(&mut self, bytes: &[u8]) -> Result<()> {
        let mut writer = self.stream()?.try_clone().context("failed to share the connection")?;
        let (written, read) = thread::scope(|scope| {
            let writing = scope.spawn(move || {
                writer.write_all(bytes).and_then(|()| writer.shutdown(Shutdown::Write))
            });
            let read = self.read(usize::MAX);
            (writing.join(), read)
        });
        if let Ok(Err(err)) = written {
            self.fail(&err)?;
        }
        self.sent(bytes);
        read
    }

    fn fill(&mut self, bytes: &[u8]) -> Result<()> {
        let mut stream = self.stream()?;
        stream.set_nonblocking(true)?;
        let mut sent = 0;
        while sent < bytes.len() {
            match stream.write(&bytes[sent..]) {
                Ok(n) => sent += n,
                Err(err) if err.kind() == ErrorKind::WouldBlock => break,
                Err(err) => return Err(err).context("failed to send"),
            }
        }
        self.sent(&bytes[..sent]);
        self.has_all = false;
        Ok(())
    }

    /// Reads until there are as many bytes of answers as this, or the server has closed.
    fn read(&mut self, answers: usize) -> Result<()> {
        let mut stream = self.stream.as_ref().context("it is not connected")?;
        let mut buffer = [0; 16 * 1024];
        while self.answers.len() < answers && self.end.is_none() {
            let room = buffer.len().min(answers - self.answers.len());
            match stream.read(&mut buffer[..room]) {
                Ok(0) => self.end = Some(End::Finished),
                Ok(n) => self.answers.extend_from_slice(&buffer[..n]),
                Err(err) if err.kind() == ErrorKind::Interrupted => {}
                Err(err) if err.kind() == ErrorKind::ConnectionReset => self.end = Some(End::Reset),
                Err(err) => return Err(late(err)),
            }
        }
        self.has_all = true;
        Ok(())
    }
}

fn forward(output: impl Read, lines: &SyncSender<String>) {
    each_line(output, |line| lines.send(line.to_owned()).is_ok());
}

/// Reads a program's output to its end, so that the program never waits for us.
fn each_line(output: impl Read, mut take: impl FnMut(&str) -> bool) {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    let mut wanted = true;
    while let Ok(1..) = output.read_until(b'\n', &mut line) {
        let text = String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(&line));
        wanted = wanted && take(&text);
        line.clear();
    }
}

fn keep(lines: &mut VecDeque<String>, line: &str) {
    if lines.len() == LINES_SHOWN {
        lines.pop_front();
    }
    lines.push_back(line.to_owned());
}
