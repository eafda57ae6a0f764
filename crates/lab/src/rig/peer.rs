//! A raw TCP peer: one end of a connection that does exactly what a session says.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::process;

/// Unexpected bytes that are enough for a report.
const MUCH: usize = 64 * 1024;

pub(crate) struct Peer {
    stream: Option<TcpStream>,
    listener: Option<TcpListener>,
    /// Received, and not yet expected by a step.
    received: Vec<u8>,
    pub end: Option<End>,
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
    pub(crate) fn connect(addr: SocketAddr, time: Duration) -> std::io::Result<Peer> {
        let stream = TcpStream::connect_timeout(&addr, time)?;
        // While nobody listens, a socket that happens to get this very port connects to itself
        // (RFC 9293, 3.5, simultaneous open).
        if stream.local_addr()? == addr {
            return Err(ErrorKind::ConnectionRefused.into());
        }
        Ok(Peer { stream: Some(stream), listener: None, received: Vec::new(), end: None })
    }

    /// Takes one client, when [`Peer::connected`] asks for it.
    #[must_use]
    pub(crate) fn listen(listener: TcpListener) -> Peer {
        Peer { stream: None, listener: Some(listener), received: Vec::new(), end: None }
    }

    /// The port of this end, once connected.
    #[must_use]
    pub(crate) fn port(&self) -> Option<u16> {
        self.stream.as_ref()?.local_addr().ok().map(|addr| addr.port())
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
            let (stream, _) = listener.accept().context("failed to accept a client")?;
            self.stream = Some(stream);
            self.listener = None;
        }
        Ok(true)
    }

    /// # Errors
    ///
    /// The connection has ended, or the other side does not read and the deadline comes.
    pub(crate) fn send(&mut self, bytes: &[u8], deadline: Instant) -> Result<()> {
        let mut stream = self.stream()?;
        stream.set_write_timeout(Some(left(deadline)))?;
        stream.write_all(bytes).map_err(|err| match err.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                anyhow!("the other side does not read what is sent to it")
            }
            _ => anyhow!("failed to send: {err}"),
        })?;
        Ok(())
    }

    /// The connection, while it is open on this side.
    ///
    /// # Errors
    ///
    /// It is not.
    pub(crate) fn stream(&self) -> Result<&TcpStream> {
        self.stream.as_ref().context("the connection is closed")
    }

    /// What was received and not yet expected.
    #[must_use]
    pub(crate) fn received(&self) -> &[u8] {
        &self.received
    }

    /// Takes the first `n` bytes, or all, off what was received.
    pub(crate) fn take(&mut self, n: usize) {
        self.received.drain(..n.min(self.received.len()));
    }

    /// Waits a moment for more; true when bytes or the end came.
    ///
    /// # Errors
    ///
    /// The socket is closed on this side, or fails.
    pub(crate) fn receive(&mut self, moment: Instant) -> Result<bool> {
        let mut stream = self.stream()?;
        if self.end.is_some() {
            return Ok(false);
        }
        stream.set_read_timeout(Some(left(moment)))?;
        let mut buffer = [0; 64 * 1024];
        let came = stream.read(&mut buffer);
        let n = self.came(came)?.unwrap_or_default();
        self.received.extend_from_slice(&buffer[..n]);
        Ok(n > 0 || self.end.is_some())
    }

    /// How many bytes a look at the socket has found; 0 at the end, `None` when nothing has come.
    fn came(&mut self, found: std::io::Result<usize>) -> Result<Option<usize>> {
        match found {
            Ok(0) => self.end = Some(End::Finished),
            Ok(n) => return Ok(Some(n)),
            Err(err) => match err.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {
                    return Ok(None);
                }
                ErrorKind::ConnectionReset => self.end = Some(End::Reset),
                _ => bail!("failed to receive: {err}"),
            },
        }
        Ok(Some(0))
    }

    /// Receives until nothing comes for a moment, the end comes, or there is more than anybody reads.
    pub(crate) fn receive_all(&mut self, quiet: Duration) {
        while self.received.len() < MUCH && matches!(self.receive(Instant::now() + quiet), Ok(true))
        {
        }
    }

    /// Are there bytes that this side has not read? Waits for them, or the end, until this moment.
    ///
    /// # Errors
    ///
    /// The socket is closed on this side, or fails.
    pub(crate) fn has_unread(&mut self, moment: Instant) -> Result<bool> {
        let stream = self.stream()?;
        stream.set_read_timeout(Some(left(moment)))?;
        let found = stream.peek(&mut [0]);
        Ok(self.came(found)? == Some(1))
    }

    /// # Errors
    ///
    /// The connection is closed already.
    pub(crate) fn half_close(&self) -> Result<()> {
        let stream = self.stream()?;
        stream.shutdown(Shutdown::Write).context("failed to half-close")
    }

    /// Closes the socket. With bytes left unread the kernel sends a RST (RFC 9293, 3.6.1).
    pub(crate) fn close(&mut self) {
        process::between_starts(|| self.stream = None);
    }

    /// Ends the connection with a RST: a close that does not linger (socket(7), `SO_LINGER`).
    ///
    /// # Errors
    ///
    /// The connection is closed already.
    pub(crate) fn reset(&mut self) -> Result<()> {
        let stream = self.stream.take().context("the connection is closed")?;
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
        process::between_starts(|| drop(stream));
        Ok(())
    }
}

/// The time until then; not zero, which a socket takes for no limit.
fn left(moment: Instant) -> Duration {
    moment.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
}
