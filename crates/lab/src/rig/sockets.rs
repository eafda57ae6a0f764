//! The sockets of other programs: where they listen, what lies unread, which ports are kept. Linux only.

use std::fs;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::sys::socket::{getsockopt, sockopt};
use nix::unistd::Pid;
use rustix::process::{PidfdFlags, PidfdGetfdFlags};
use socket2::{SockRef, Type};

/// A TCP socket that a program has open.
#[derive(Clone, Debug)]
pub(crate) struct Socket {
    pub inode: u64,
    pub local: SocketAddr,
    pub listens: bool,
    /// `None` unless it is connected.
    pub remote: Option<SocketAddr>,
    /// Bytes that have come and that the program has not read.
    pub unread: u64,
    /// Does it set SO_REUSEADDR (socket(7))?
    pub reuses: bool,
}

/// The TCP sockets of these processes, each once; none where the system does not let this one look.
///
/// Their descriptors are looked at: the system's own table, `/proc/net/tcp`, takes milliseconds to read.
pub(crate) fn of(processes: &[Pid]) -> Vec<Socket> {
    let mut found: Vec<Socket> = Vec::new();
    for pid in processes {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        for entry in descriptors {
            let Some(inode) = fs::read_link(entry.path()).ok().and_then(|link| inode(&link)) else {
                continue;
            };
            let known = found.iter().any(|socket| socket.inode == inode);
            let descriptor = entry.file_name().to_str().and_then(|name| name.parse().ok());
            if let Some(descriptor) = descriptor.filter(|_| !known) {
                found.extend(duplicate(*pid, descriptor).and_then(|socket| look(inode, &socket)));
            }
        }
    }
    found
}

fn look(inode: u64, socket: &OwnedFd) -> Option<Socket> {
    let known = SockRef::from(socket);
    if known.r#type().ok()? != Type::STREAM {
        return None;
    }
    let address = |addr: socket2::SockAddr| {
        let addr = addr.as_socket()?;
        Some(SocketAddr::new(addr.ip().to_canonical(), addr.port()))
    };
    Some(Socket {
        inode,
        listens: getsockopt(socket, sockopt::AcceptConn).unwrap_or_default(),
        local: known.local_addr().ok().and_then(address)?,
        remote: known.peer_addr().ok().and_then(address),
        unread: rustix::io::ioctl_fionread(socket).unwrap_or_default(),
        reuses: known.reuse_address().ok()?,
    })
}

fn inode(link: &Path) -> Option<u64> {
    link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// A descriptor of another process, as one of this one's own: it closes nothing but itself.
pub(super) fn duplicate(process: Pid, descriptor: i32) -> Option<OwnedFd> {
    let pid = rustix::process::Pid::from_raw(process.as_raw())?;
    let program = rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok()?;
    rustix::process::pidfd_getfd(program, descriptor, PidfdGetfdFlags::empty()).ok()
}

impl Socket {
    /// Is it the other end of a connection on this machine whose end here has these addresses?
    pub(crate) fn is_other_end(&self, local: SocketAddr, remote: SocketAddr) -> bool {
        self.local == remote && self.remote == Some(local)
    }
}

/// How a connection ends that was closed on this side: FIN_WAIT1, FIN_WAIT2, TIME_WAIT, LAST_ACK, CLOSING
/// (RFC 9293, 3.3.2), as the kernel numbers them (tcp_states.h).
const ENDING: [&str; 5] = ["04", "05", "06", "09", "0B"];

/// Is one of these ports kept by a connection of anybody that was closed on this side, as the system
/// does for a while (RFC 9293, 3.6.1)? From `/proc/net/tcp` and `tcp6` (proc_net(5)).
pub(crate) fn keep_ended(ports: &[u16]) -> bool {
    // Of this thread: it may have a network of its own.
    let tables = ["/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"];
    tables.map(|table| fs::read_to_string(table).unwrap_or_default()).iter().any(|table| {
        table
            .lines()
            .filter_map(kept)
            .any(|(port, state)| ENDING.contains(&state) && ports.contains(&port))
    })
}

/// The local port of a line of the table, and the state of the socket.
fn kept(line: &str) -> Option<(u16, &str)> {
    let mut fields = line.split_whitespace().skip(1);
    let (_, port) = fields.next()?.split_once(':')?;
    Some((u16::from_str_radix(port, 16).ok()?, fields.nth(1)?))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};

    use nix::unistd::getpid;

    use super::*;

    #[test]
    fn a_line_of_the_table_gives_port_and_state() {
        let line = "   1: 0100007F:1389 00000000:0000 0A 00000000:00000000 00:00000000 00000000";
        assert_eq!(kept(line), Some((5001, "0A")));
    }

    #[test]
    fn what_lies_unread_at_the_other_end_is_seen() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let mut stream = TcpStream::connect(addr).unwrap();
        let (_accepted, _) = listener.accept().unwrap();
        stream.write_all(b"hello").unwrap();
        let (local, remote) = (stream.local_addr().unwrap(), stream.peer_addr().unwrap());
        let sockets = of(&[getpid()]);
        let other = sockets.iter().find(|socket| socket.is_other_end(local, remote)).unwrap();
        assert_eq!((other.unread, other.listens), (5, false));
        let own = sockets.iter().find(|socket| socket.listens && socket.local == addr).unwrap();
        // The standard library sets it.
        assert!(own.reuses);
        assert!(!keep_ended(&[addr.port()]));
    }
}
