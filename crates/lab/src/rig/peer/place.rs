//! The places where raw peers connect and listen.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use socket2::{Domain, SockAddr, Socket, Type};

/// The most connections that may wait to be accepted, as std has it.
const BACKLOG: i32 = 128;

/// Where a raw peer connects or listens.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Tcp(SocketAddr),
    Udp(SocketAddr),
    Unix(PathBuf),
}

impl Place {
    pub(super) fn socket(&self) -> io::Result<(Socket, SockAddr)> {
        let (domain, kind, addr) = match self {
            Place::Tcp(addr) => (Domain::for_address(*addr), Type::STREAM, (*addr).into()),
            Place::Udp(addr) => (Domain::for_address(*addr), Type::DGRAM, (*addr).into()),
            Place::Unix(path) => (Domain::UNIX, Type::STREAM, SockAddr::unix(path)?),
        };
        Ok((Socket::new(domain, kind, None)?, addr))
    }

    /// A socket that is bound there, and that listens if it is not one of datagrams.
    ///
    /// # Errors
    ///
    /// The place is taken, or not on this machine.
    pub(crate) fn bind(&self) -> io::Result<Socket> {
        let (socket, addr) = self.socket()?;
        // As std does: connections that have ended do not keep the port.
        socket.set_reuse_address(matches!(self, Place::Tcp(_)))?;
        socket.bind(&addr)?;
        if !self.is_datagrams() {
            socket.listen(BACKLOG)?;
        }
        Ok(socket)
    }

    /// Is it free for anybody: also for who does not set SO_REUSEADDR, and whom connections that have
    /// ended keep off?
    ///
    /// # Errors
    ///
    /// It is taken (`AddrInUse`), or not on this machine.
    pub(crate) fn is_free(&self) -> io::Result<()> {
        let (socket, addr) = self.socket()?;
        socket.bind(&addr)
    }

    /// The same with this port; a Unix socket has none.
    pub(crate) fn at(&self, port: u16) -> Place {
        let mut place = self.clone();
        if let Place::Tcp(addr) | Place::Udp(addr) = &mut place {
            addr.set_port(port);
        }
        place
    }

    pub(super) fn is_datagrams(&self) -> bool {
        matches!(self, Place::Udp(_))
    }
}
