//! The system's own table of TCP sockets: who listens where, and what lies unread. Linux only.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::unistd::Pid;
use rustix::process::{PidfdFlags, PidfdGetfdFlags};
use socket2::SockRef;

/// One line of `/proc/net/tcp` or `tcp6` (proc_net(5)).
#[derive(Clone, Debug)]
pub(crate) struct Socket {
    pub local: SocketAddr,
    pub remote: SocketAddr,
    pub state: State,
    /// Bytes that have come and that the program has not read.
    pub unread: usize,
    pub inode: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Listens,
    /// Closed on this side first: the port is kept for a while (RFC 9293, 3.6.1).
    TimeWait,
    Other,
}

/// All TCP sockets of this network; none where the system has no such table.
pub(crate) fn all() -> Vec<Socket> {
    // Of this thread: it may have a network of its own.
    let tables = ["/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"];
    let text = tables.map(|table| fs::read_to_string(table).unwrap_or_default());
    text.iter().flat_map(|text| text.lines().skip(1)).filter_map(parse).collect()
}

fn parse(line: &str) -> Option<Socket> {
    let mut fields = line.split_whitespace().skip(1);
    let local = address(fields.next()?)?;
    let remote = address(fields.next()?)?;
    let state = match fields.next()? {
        "0A" => State::Listens,
        "06" => State::TimeWait,
        _ => State::Other,
    };
    let (_, unread) = fields.next()?.split_once(':')?;
    let unread = usize::from_str_radix(unread, 16).ok()?;
    let inode = fields.nth(4)?.parse().ok()?;
    Some(Socket { local, remote, state, unread, inode })
}

/// An address as the kernel prints it: 32 bits at a time, as they are in the memory of this machine.
fn address(text: &str) -> Option<SocketAddr> {
    let (host, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let mut bytes = Vec::new();
    for at in (0..host.len()).step_by(8) {
        bytes.extend(u32::from_str_radix(host.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    }
    let ip = match bytes.len() {
        4 => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?)),
        _ => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)),
    };
    Some(SocketAddr::new(ip.to_canonical(), port))
}

/// The inodes of all sockets that these processes have open.
pub(crate) fn of(processes: &[Pid]) -> BTreeSet<u64> {
    let entries = processes.iter().flat_map(|pid| descriptors(*pid));
    entries.filter_map(|entry| inode(&fs::read_link(entry.path()).ok()?)).collect()
}

/// Where these processes listen.
pub(crate) fn listening(processes: &[Pid]) -> Vec<SocketAddr> {
    let own = of(processes);
    let listens = |socket: &Socket| socket.state == State::Listens && own.contains(&socket.inode);
    let mut found: Vec<SocketAddr> =
        all().into_iter().filter(listens).map(|socket| socket.local).collect();
    found.sort();
    found.dedup();
    found
}

/// Does one of these processes listen without SO_REUSEADDR (socket(7))?
pub(crate) fn keeps_its_port(processes: &[Pid]) -> bool {
    let listening: BTreeSet<u64> = all()
        .iter()
        .filter(|socket| socket.state == State::Listens)
        .map(|socket| socket.inode)
        .collect();
    let without = |pid: &Pid, entry: &fs::DirEntry| {
        let inode =
            inode(&fs::read_link(entry.path()).ok()?).filter(|inode| listening.contains(inode))?;
        let descriptor = entry.file_name().to_str()?.parse().ok()?;
        let socket = duplicate(*pid, descriptor)?;
        Some(inode > 0 && !SockRef::from(&socket).reuse_address().ok()?)
    };
    processes.iter().any(|pid| descriptors(*pid).any(|entry| without(pid, &entry) == Some(true)))
}

/// A descriptor of another process, as one of this one's own: it closes nothing but itself.
pub(super) fn duplicate(process: Pid, descriptor: i32) -> Option<OwnedFd> {
    let pid = rustix::process::Pid::from_raw(process.as_raw())?;
    let program = rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok()?;
    rustix::process::pidfd_getfd(program, descriptor, PidfdGetfdFlags::empty()).ok()
}

fn descriptors(process: Pid) -> impl Iterator<Item = fs::DirEntry> {
    fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten()
}

fn inode(link: &Path) -> Option<u64> {
    link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// The other end of a connection on this machine, from the addresses of this one.
pub(crate) fn other_end(local: SocketAddr, remote: SocketAddr) -> Option<Socket> {
    all().into_iter().find(|socket| socket.local == remote && socket.remote == local)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};

    use nix::unistd::getpid;

    use super::*;

    #[test]
    fn an_address_is_read_as_the_kernel_prints_it() {
        let v4 = format!("{:08X}:1389", u32::from_ne_bytes([127, 0, 0, 1]));
        assert_eq!(address(&v4), Some("127.0.0.1:5001".parse().unwrap()));
        let words =
            [0, 0, u32::from_ne_bytes([0, 0, 255, 255]), u32::from_ne_bytes([127, 0, 0, 1])];
        let mapped: String = words.map(|word| format!("{word:08X}")).concat();
        assert_eq!(address(&format!("{mapped}:0050")), Some("127.0.0.1:80".parse().unwrap()));
    }

    #[test]
    fn what_lies_unread_at_the_other_end_is_seen() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        stream.write_all(b"hello").unwrap();
        let (local, remote) = (stream.local_addr().unwrap(), stream.peer_addr().unwrap());
        let other = other_end(local, remote).unwrap();
        assert_eq!((other.unread, other.local), (5, accepted.local_addr().unwrap()));
        assert!(of(&[getpid()]).contains(&other.inode));
        assert!(listening(&[getpid()]).contains(&listener.local_addr().unwrap()));
    }
}
