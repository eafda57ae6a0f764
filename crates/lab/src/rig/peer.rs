//! A raw peer: one end of a connection, or of datagrams, that does exactly what a session says.

mod place;

use std::collections::VecDeque;
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::mem::MaybeUninit;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
pub(crate) use place::Place;
use socket2::Socket;

use super::process;

/// Unexpected bytes that are enough for a report.
const MUCH: usize = 64 * 1024;

pub(crate) struct Peer {
    socket: Option<Socket>,
    listener: Option<Socket>,
    /// The listener once it has given its client. A client that connects again does not find it gone: it waits.
    spent: Option<Socket>,
    /// Received, and not yet expected by a step.
    received: Received,
    /// Has it sent anything?
    sent: bool,
    /// The other side lets bytes lie that were sent to it.
    pub unread: bool,
    /// How many bytes each read gave, of what is not taken yet, and of what was taken last.
    reads: Vec<usize>,
    taken: Vec<usize>,
    pub end: Option<End>,
}

enum Received {
    Bytes(Vec<u8>),
    /// One by one, because one may be empty.
    Datagrams(VecDeque<Vec<u8>>),
}

/// How the other side ended the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// A FIN: `read` gives 0 bytes.
    Finished,
    /// A RST: `read` gives `ConnectionReset`.
    Reset,
}

impl End {
    #[must_use]
    pub(crate) fn name(self) -> &'static str {
        match self {
            End::Finished => "the end of the stream (0 bytes)",
            End::Reset => "a reset",
        }
    }
}

impl Peer {
    /// # Errors
    ///
    /// Nobody listens there, or the listener's queue is full until the time is over.
    pub(crate) fn connect(place: &Place, time: Duration) -> io::Result<Peer> {
        let (socket, addr) = place.socket()?;
        if let Place::Udp(addr) = place
            && !is_bound(addr.port())
        {
            // No datagram may be lost because it was too early.
            return Err(ErrorKind::ConnectionRefused.into());
        }
        socket.connect_timeout(&addr, time)?;
        // While nobody listens, a socket that happens to get this very port connects to itself
        // (RFC 9293, 3.5, simultaneous open).
        if matches!(place, Place::Tcp(addr) if socket.local_addr()?.as_socket() == Some(*addr)) {
            return Err(ErrorKind::ConnectionRefused.into());
        }
        Ok(Peer::new(Some(socket), None, place))
    }

    /// Takes one client, when [`Peer::connected`] asks for it. The socket is bound to the place.
    #[must_use]
    pub(crate) fn listen(socket: Socket, place: &Place) -> Peer {
        Peer::new(None, Some(socket), place)
    }

    fn new(socket: Option<Socket>, listener: Option<Socket>, place: &Place) -> Peer {
        let received = match place.is_datagrams() {
            true => Received::Datagrams(VecDeque::new()),
            false => Received::Bytes(Vec::new()),
        };
        let (reads, taken) = (Vec::new(), Vec::new());
        Peer {
            socket,
            listener,
            spent: None,
            received,
            sent: false,
            unread: false,
            reads,
            taken,
            end: None,
        }
    }

    /// The address of this end, once connected; a Unix socket has none.
    #[must_use]
    pub(crate) fn local(&self) -> Option<SocketAddr> {
        self.socket.as_ref()?.local_addr().ok()?.as_socket()
    }

    /// Has the client come? Waits for it until this moment. Always true for a peer that connects.
    ///
    /// # Errors
    ///
    /// The client cannot be accepted.
    pub(crate) fn connected(&mut self, moment: Instant) -> Result<bool> {
        // Only one client is taken, also when its connection is closed by now.
        if let Some(listener) = &self.listener {
            let mut fds = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
            let timeout = PollTimeout::try_from(left(moment)).unwrap_or(PollTimeout::ZERO);
            match poll(&mut fds, timeout) {
                Ok(0) | Err(Errno::EINTR) => return Ok(false),
                Ok(_) => {}
                Err(err) => bail!("failed to wait for a client: {err}"),
            }
            self.socket = Some(match self.received {
                Received::Bytes(_) => listener.accept().context("failed to accept a client")?.0,
                // The first datagram says who the other side is.
                Received::Datagrams(_) => {
                    listener.connect(&listener.peek_sender()?)?;
                    listener.try_clone()?
                }
            });
            self.spent = self.listener.take();
        }
        Ok(true)
    }

    /// # Errors
    ///
    /// The connection has ended, or the other side does not read and the deadline comes.
    pub(crate) fn send(&mut self, bytes: &[u8], deadline: Instant) -> Result<()> {
        let mut socket = self.socket()?;
        socket.set_write_timeout(Some(left(deadline)))?;
        // An empty datagram is one, too; write_all would make no call for it.
        let sent = match self.received {
            Received::Bytes(_) => socket.write_all(bytes),
            Received::Datagrams(_) => socket.send(bytes).map(drop),
        };
        sent.map_err(|err| match err.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                anyhow!("the other side does not read what is sent to it")
            }
            _ => anyhow::Error::new(err).context("failed to send"),
        })?;
        self.sent = true;
        Ok(())
    }

    /// Has it sent something to another side that has not ended the connection since?
    #[must_use]
    pub(crate) fn awaits_a_reader(&self) -> bool {
        let Some(socket) = self.socket.as_ref().filter(|_| self.sent) else { return false };
        // The end of the stream is seen although bytes before it are unread.
        let hung_up = PollFlags::from_bits_retain(libc::POLLRDHUP);
        let mut fds = [PollFd::new(socket.as_fd(), hung_up)];
        poll(&mut fds, PollTimeout::ZERO) == Ok(0)
    }

    /// The connection, while it is open on this side.
    ///
    /// # Errors
    ///
    /// It is not.
    pub(crate) fn socket(&self) -> Result<&Socket> {
        self.socket.as_ref().context("the connection is closed")
    }

    /// What was received and not yet expected; of datagrams, the next one.
    #[must_use]
    pub(crate) fn received(&self) -> &[u8] {
        match &self.received {
            Received::Bytes(bytes) => bytes,
            Received::Datagrams(datagrams) => datagrams.front().map_or(&[], Vec::as_slice),
        }
    }

    /// What was received and not yet expected: bytes in one piece, datagrams one by one.
    #[must_use]
    pub(crate) fn pieces(&self) -> Vec<&[u8]> {
        match &self.received {
            Received::Bytes(bytes) if bytes.is_empty() => Vec::new(),
            Received::Bytes(bytes) => vec![bytes],
            Received::Datagrams(datagrams) => datagrams.iter().map(Vec::as_slice).collect(),
        }
    }

    #[must_use]
    pub(crate) fn is_datagrams(&self) -> bool {
        matches!(self.received, Received::Datagrams(_))
    }

    /// Has enough come to tell whether these bytes are next?
    #[must_use]
    pub(crate) fn tells(&self, expected: &[u8]) -> bool {
        match &self.received {
            Received::Bytes(bytes) => {
                let n = bytes.len().min(expected.len());
                n == expected.len() || bytes[..n] != expected[..n]
            }
            Received::Datagrams(datagrams) => !datagrams.is_empty(),
        }
    }

    /// Takes these bytes if they are next, or the next datagram if it has these bytes.
    pub(crate) fn take_if(&mut self, expected: &[u8]) -> bool {
        let next = match &mut self.received {
            Received::Bytes(bytes) => bytes.starts_with(expected),
            Received::Datagrams(all) => all.pop_front_if(|next| next == expected).is_some(),
        };
        if next && matches!(self.received, Received::Bytes(_)) {
            self.take(expected.len());
        }
        next
    }

    /// Takes a datagram with these bytes, and those that came before it, if there is one.
    pub(crate) fn take_up_to(&mut self, expected: &[u8]) -> bool {
        let Received::Datagrams(datagrams) = &mut self.received else { return false };
        let place = datagrams.iter().position(|datagram| datagram == expected);
        if let Some(place) = place {
            datagrams.drain(..=place);
        }
        place.is_some()
    }

    /// Takes the first `n` bytes, or all, off what was received; all datagrams.
    pub(crate) fn take(&mut self, n: usize) {
        match &mut self.received {
            Received::Bytes(bytes) => drop(bytes.drain(..n.min(bytes.len()))),
            Received::Datagrams(datagrams) => datagrams.clear(),
        }
        self.taken = std::mem::take(&mut self.reads);
    }

    /// How many bytes each of the reads gave whose bytes were taken last.
    #[must_use]
    pub(crate) fn taken(&self) -> &[usize] {
        &self.taken
    }

    /// Waits a moment for more; true when bytes or the end came.
    ///
    /// # Errors
    ///
    /// The socket is closed on this side, or fails.
    pub(crate) fn receive(&mut self, moment: Instant) -> Result<bool> {
        let mut socket = self.socket()?;
        if self.end.is_some() {
            return Ok(false);
        }
        socket.set_read_timeout(Some(left(moment)))?;
        let mut buffer = [0; 64 * 1024];
        let came = socket.read(&mut buffer);
        let n = self.came(came)?;
        if let Some(n) = n {
            self.reads.push(n);
            match &mut self.received {
                Received::Bytes(bytes) => bytes.extend_from_slice(&buffer[..n]),
                Received::Datagrams(datagrams) => datagrams.push_back(buffer[..n].to_vec()),
            }
        }
        Ok(n.is_some())
    }

    /// How many bytes a look at the socket has found; 0 at the end, `None` when nothing has come.
    fn came(&mut self, found: std::io::Result<usize>) -> Result<Option<usize>> {
        match found {
            Ok(0) if self.is_datagrams() => {}
            Ok(0) => self.end = Some(End::Finished),
            Ok(n) => return Ok(Some(n)),
            Err(err) => match err.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {
                    return Ok(None);
                }
                ErrorKind::ConnectionReset => self.end = Some(End::Reset),
                _ => return Err(anyhow::Error::new(err).context("failed to receive")),
            },
        }
        Ok(Some(0))
    }

    /// Is there something to receive, a client to take, or something that no step has expected yet?
    #[must_use]
    pub(crate) fn has_news(&self) -> bool {
        let socket = self.socket.as_ref().or(self.listener.as_ref());
        let ready = |socket: &Socket| {
            let mut fds = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
            poll(&mut fds, PollTimeout::ZERO) != Ok(0)
        };
        self.end.is_some() || !self.pieces().is_empty() || socket.is_none_or(ready)
    }

    /// Receives until nothing comes for a moment, the end comes, or there is more than anybody reads.
    pub(crate) fn receive_all(&mut self, quiet: Duration) {
        let mut come = 0;
        while come < MUCH && matches!(self.receive(Instant::now() + quiet), Ok(true)) {
            come = self.pieces().iter().map(|piece| piece.len() + 1).sum();
        }
    }

    /// Are there bytes that this side has not read? Waits for them, or the end, until this moment.
    ///
    /// # Errors
    ///
    /// The socket is closed on this side, or fails.
    pub(crate) fn has_unread(&mut self, moment: Instant) -> Result<bool> {
        let socket = self.socket()?;
        socket.set_read_timeout(Some(left(moment)))?;
        let found = socket.peek(&mut [MaybeUninit::uninit()]);
        Ok(self.came(found)? == Some(1))
    }

    /// # Errors
    ///
    /// The connection is closed already.
    pub(crate) fn half_close(&self) -> Result<()> {
        self.socket()?.shutdown(Shutdown::Write).context("failed to half-close")
    }

    /// Closes the socket. With bytes left unread the kernel sends a RST (RFC 9293, 3.6.1).
    pub(crate) fn close(&mut self) {
        process::between_starts(|| self.socket = None);
    }

    /// Ends the connection with a RST: a close that does not linger (socket(7), `SO_LINGER`).
    ///
    /// # Errors
    ///
    /// The connection is closed already.
    pub(crate) fn reset(&mut self) -> Result<()> {
        let socket = self.socket.take().context("the connection is closed")?;
        socket.set_linger(Some(Duration::ZERO))?;
        process::between_starts(|| drop(socket));
        Ok(())
    }
}

/// Does somebody receive datagrams at this port? Nobody knows where the system has no such table:
/// `/proc/net/udp` of proc_net(5).
fn is_bound(port: u16) -> bool {
    let suffix = format!(":{port:04X}");
    let here = |line: &str| line.split_whitespace().nth(1).is_some_and(|at| at.ends_with(&suffix));
    // Of this thread: it may have a network of its own.
    let tables =
        ["/proc/thread-self/net/udp", "/proc/thread-self/net/udp6"].map(fs::read_to_string);
    tables.iter().any(|table| table.as_ref().map_or(true, |text| text.lines().any(here)))
}

/// The time until then; not zero, which a socket takes for no limit.
fn left(moment: Instant) -> Duration {
    moment.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
}
