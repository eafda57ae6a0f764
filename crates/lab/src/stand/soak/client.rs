//! A client of the soak: a raw peer that may do anything, or the stage's own client, which can be killed.

use std::io::{ErrorKind, Write};
use std::net::{Shutdown, SocketAddr};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::rig::peer::{End, Peer, Place};
use crate::rig::process::{self, Running};

#[derive(Default)]
pub(super) struct Client {
    peer: Option<Peer>,
    /// Where the server sees it.
    pub addr: Option<String>,
    pub program: Option<Running>,
    pub sent: Vec<Message>,
    /// It sends what cannot be read off the printed text; each message of it is one read.
    pub garbage: bool,
    /// Why it could send no more.
    pub failed: Option<String>,
    /// It has read all answers that it will get.
    pub has_all: bool,
    /// It has closed in a way that loses nothing.
    pub orderly: bool,
}

pub(super) struct Message {
    pub bytes: Vec<u8>,
    /// As `{:?}` prints it, without the quotes.
    pub shown: String,
}

impl Client {
    pub(super) fn connect(&mut self, addr: SocketAddr, patience: Duration) -> Result<()> {
        let peer = Peer::connect(&Place::Tcp(addr), patience)
            .with_context(|| format!("failed to connect to {addr}"))?;
        peer.socket()?.set_write_timeout(Some(patience))?;
        // What is written leaves at once, also one byte.
        peer.socket()?.set_tcp_nodelay(true)?;
        self.addr = peer.local().map(|addr| addr.to_string());
        self.peer = Some(peer);
        self.has_all = true;
        Ok(())
    }

    pub(super) fn start(&mut self, words: &[String], addr: SocketAddr) -> Result<()> {
        let (name, arguments) = words.split_first().context("there is no client")?;
        let mut command = Command::new(name);
        command.args(arguments).arg(addr.to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let program = process::spawn(&mut command);
        self.program = Some(program.with_context(|| format!("failed to start {name}"))?);
        Ok(())
    }

    pub(super) fn peer(&mut self) -> Result<&mut Peer> {
        self.peer.as_mut().context("it is not connected")
    }

    /// All that it has read.
    pub(super) fn answers(&self) -> &[u8] {
        self.peer.as_ref().map_or(&[], Peer::received)
    }

    pub(super) fn end(&self) -> Option<End> {
        self.peer.as_ref()?.end
    }

    fn sent(&mut self, bytes: &[u8]) {
        let shown = format!("{:?}", String::from_utf8_lossy(bytes));
        let shown = shown[1..shown.len() - 1].to_owned();
        self.sent.push(Message { bytes: bytes.to_vec(), shown });
    }

    /// One write. That it fails is right only if the server has hung up: that is judged later.
    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some(program) = &mut self.program {
            let stdin = program.stdin.as_mut().context("it takes no lines")?;
            let line = [bytes, b"\n"].concat();
            stdin.write_all(&line).context("failed to type a line")?;
        } else if let Err(err) = self.peer()?.socket()?.write_all(bytes) {
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

    /// Reads while it sends: a server that nobody reads from reads no more.
    pub(super) fn burst(&mut self, bytes: &[u8], patience: Duration) -> Result<()> {
        let mut writer = self.peer()?.socket()?.try_clone().context("failed to share it")?;
        let (written, read) = thread::scope(|scope| {
            let writing = scope.spawn(move || {
                writer.write_all(bytes).and_then(|()| writer.shutdown(Shutdown::Write))
            });
            let read = self.read(usize::MAX, patience);
            (writing.join(), read)
        });
        if let Ok(Err(err)) = written {
            self.fail(&err)?;
        }
        self.sent(bytes);
        read
    }

    pub(super) fn fill(&mut self, bytes: &[u8]) -> Result<()> {
        let mut stream = self.peer()?.socket()?;
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
    pub(super) fn read(&mut self, answers: usize, patience: Duration) -> Result<()> {
        let peer = self.peer()?;
        while peer.received().len() < answers && peer.end.is_none() {
            ensure!(
                peer.receive(Instant::now() + patience)?,
                "the server neither answers what it should nor closes"
            );
        }
        self.has_all = true;
        Ok(())
    }
}
