//! The system calls of the lesson: which they are, and how a recording shows them.

use std::fs;
use std::io::IoSliceMut;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;

use super::text;

/// More of one call's data than this is not looked at.
const MOST: usize = 256 * 1024;
/// What the kernel gives a call that a signal interrupts (errno.h of the kernel, from ERESTARTSYS on).
const RESTARTS: std::ops::RangeInclusive<i64> = -516..=-512;

/// The calls that wait for one of several files, whatever their names.
const WAITS: &[i64] = &[
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_select,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_epoll_wait,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
];

/// A system call, from its begin on.
#[derive(Debug)]
pub(super) struct Call {
    pub number: i64,
    args: [u64; 6],
    /// What it is in the lesson; `None` for all others.
    pub kind: Option<Kind>,
    /// As a recording shows it, without the result.
    pub text: String,
    /// Its begin has been recorded, because it did not return at once.
    pub blocked: bool,
    buffers: Vec<RemoteIoVec>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Socket,
    Accept,
    Read,
    /// bind, listen, connect, write, shutdown, close: the result is a number.
    Other,
    /// Waits for one of several files, in a program that has a part; shown only when it has to wait.
    Wait,
    /// A read from the terminal.
    Keyboard,
    /// A write to the terminal.
    Terminal,
}

/// What a file descriptor leads to, as far as the lesson goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// A TCP socket, with the port to name it by where the program has several.
    Socket(Option<u16>),
    Terminal,
}

/// Number, arguments and, at its end, the result of the call that this task is stopped in.
fn registers(pid: Pid) -> Option<(i64, [u64; 6], i64)> {
    let regs = ptrace::getregs(pid).ok()?;
    #[cfg(target_arch = "x86_64")]
    return Some((
        regs.orig_rax.cast_signed(),
        [regs.rdi, regs.rsi, regs.rdx, regs.r10, regs.r8, regs.r9],
        regs.rax.cast_signed(),
    ));
    #[cfg(target_arch = "aarch64")]
    return Some((
        regs.regs[8].cast_signed(),
        [regs.regs[0], regs.regs[1], regs.regs[2], regs.regs[3], regs.regs[4], regs.regs[5]],
        regs.regs[0].cast_signed(),
    ));
}

/// Where a file descriptor of this task leads to, such as `socket:[123]` or `/dev/pts/4`.
#[must_use]
pub(super) fn link(pid: Pid, fd: u64) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/fd/{}", fd as i32)).ok()
}

/// What the file descriptors of a process lead to.
#[must_use]
pub(super) fn links(pid: Pid) -> Vec<PathBuf> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    entries.filter_map(|entry| fs::read_link(entry.path()).ok()).collect()
}

impl Call {
    /// The call that this task is about to do; `end` says what a file descriptor leads to, which it may
    /// be about to close.
    pub(super) fn begin(pid: Pid, end: impl Fn(u64, bool) -> Option<End>) -> Option<Call> {
        let (number, args, _) = registers(pid)?;
        let mut call = Call {
            number,
            args,
            kind: None,
            text: String::new(),
            blocked: false,
            buffers: Vec::new(),
        };
        if let Some((kind, text)) = call.lesson(pid, end) {
            (call.kind, call.text) = (Some(kind), text);
        }
        Some(call)
    }

    fn lesson(
        &mut self,
        pid: Pid,
        end: impl Fn(u64, bool) -> Option<End>,
    ) -> Option<(Kind, String)> {
        let args = self.args;
        if self.number == libc::SYS_socket {
            let stream = args[1] & 0xf == libc::SOCK_STREAM as u64;
            let internet = [libc::AF_INET as u64, libc::AF_INET6 as u64].contains(&args[0]);
            return (stream && internet).then(|| (Kind::Socket, "socket()".to_owned()));
        }
        if WAITS.contains(&self.number) {
            return Some((Kind::Wait, "poll()".to_owned()));
        }
        let (name, kind) = match self.number {
            libc::SYS_bind => ("bind", Kind::Other),
            libc::SYS_listen => ("listen", Kind::Other),
            libc::SYS_connect => ("connect", Kind::Other),
            libc::SYS_shutdown => ("shutdown", Kind::Other),
            libc::SYS_close => ("close", Kind::Other),
            libc::SYS_accept | libc::SYS_accept4 => ("accept", Kind::Accept),
            libc::SYS_read | libc::SYS_recvfrom | libc::SYS_readv | libc::SYS_recvmsg => {
                ("read", Kind::Read)
            }
            libc::SYS_write | libc::SYS_sendto | libc::SYS_writev | libc::SYS_sendmsg => {
                ("write", Kind::Other)
            }
            _ => return None,
        };
        let moves = kind == Kind::Read || name == "write";
        let to = end(args[0], name == "close")?;
        if moves {
            self.buffers = buffers(pid, self.number, &args);
        }
        let argument = match name {
            "bind" | "connect" => address(pid, args[1]).map(|addr| addr.to_string()),
            "shutdown" => {
                ["read", "write", "both"].get(args[1] as usize).map(|&how| how.to_owned())
            }
            "write" if to != End::Terminal => {
                let length = self
                    .buffers
                    .iter()
                    .fold(0, |sum: usize, buffer| sum.saturating_add(buffer.len));
                Some(text::bytes(&self.data(pid, MOST), length))
            }
            _ => None,
        };
        match to {
            End::Terminal if kind == Kind::Read => Some((Kind::Keyboard, "keyboard()".to_owned())),
            End::Terminal if moves => Some((Kind::Terminal, String::new())),
            End::Terminal => None,
            End::Socket(port) => {
                let arguments = port.map(|port| port.to_string()).into_iter().chain(argument);
                let arguments: Vec<String> = arguments.collect();
                Some((kind, format!("{name}({})", arguments.join(", "))))
            }
        }
    }

    /// The descriptor of a socket that the call has made, or made something of, with this result.
    pub(super) fn made(&self, number: i64) -> Option<u64> {
        let connects = self.number == libc::SYS_connect;
        // One that does not wait goes on in the background.
        if number < 0 && !(connects && number == -i64::from(libc::EINPROGRESS)) {
            return None;
        }
        match self.number {
            libc::SYS_bind | libc::SYS_listen | libc::SYS_connect => Some(self.args[0]),
            _ if matches!(self.kind, Some(Kind::Socket | Kind::Accept)) => {
                u64::try_from(number).ok()
            }
            _ => None,
        }
    }

    /// Does it take the keys as they come?
    pub(super) fn reads_keys(&self) -> bool {
        self.kind == Some(Kind::Keyboard)
    }

    /// The first `most` bytes that the call moves.
    pub(super) fn data(&self, pid: Pid, most: usize) -> Vec<u8> {
        let mut data = Vec::new();
        for buffer in &self.buffers {
            let length = buffer.len.min(most.min(MOST).saturating_sub(data.len()));
            data.extend(memory(pid, buffer.base, length));
        }
        data
    }

    /// The result of the call that this task has done, as a number and as a recording shows it.
    pub(super) fn result(&self, pid: Pid) -> Option<(i64, String)> {
        let (_, _, number) = registers(pid)?;
        let text = match (self.kind, number) {
            _ if RESTARTS.contains(&number) => "EINTR".to_owned(),
            (_, i64::MIN..=-1) => format!("{:?}", Errno::from_raw(-number as i32)),
            (Some(Kind::Read | Kind::Keyboard), 1..) => {
                let length = number as usize;
                text::bytes(&self.data(pid, length), length)
            }
            // A program need not ask accept for the address.
            (Some(Kind::Accept), _) => {
                match address(pid, self.args[1]).or_else(|| peer(pid, number as u64)) {
                    Some(addr) => format!("{number} {addr}"),
                    None => number.to_string(),
                }
            }
            _ => number.to_string(),
        };
        Some((number, text))
    }
}

fn memory(pid: Pid, base: usize, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    let remote = [RemoteIoVec { base, len }];
    let n = process_vm_readv(pid, &mut [IoSliceMut::new(&mut bytes)], &remote).unwrap_or(0);
    bytes.truncate(n);
    bytes
}

/// The words of 8 bytes there.
fn words(pid: Pid, base: u64, count: u64) -> Vec<u64> {
    let bytes = memory(pid, base as usize, count.min(1024) as usize * 8);
    bytes.as_chunks().0.iter().map(|word| u64::from_ne_bytes(*word)).collect()
}

/// The `sockaddr` there.
fn address(pid: Pid, base: u64) -> Option<SocketAddr> {
    let bytes = memory(pid, base as usize, 28);
    let port = u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]);
    match i32::from(u16::from_ne_bytes([bytes[0], bytes[1]])) {
        libc::AF_INET => {
            let ip: [u8; 4] = bytes.get(4..8)?.try_into().ok()?;
            Some((Ipv4Addr::from(ip), port).into())
        }
        libc::AF_INET6 => {
            let ip: [u8; 16] = bytes.get(8..24)?.try_into().ok()?;
            Some((Ipv6Addr::from(ip).to_canonical(), port).into())
        }
        _ => None,
    }
}

/// The other end of a connection, by the table of proc_pid_net(5).
fn peer(pid: Pid, fd: u64) -> Option<SocketAddr> {
    let link = link(pid, fd)?;
    let inode = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
    let table = fs::read_to_string(format!("/proc/{pid}/net/tcp")).ok()?;
    let mut rows = table.lines().map(|row| row.split_whitespace().collect::<Vec<&str>>());
    let row = rows.find(|row| row.get(9) == Some(&inode))?;
    let (ip, port) = row[2].split_once(':')?;
    let ip = u32::from_str_radix(ip, 16).ok()?.to_ne_bytes();
    Some((Ipv4Addr::from(ip), u16::from_str_radix(port, 16).ok()?).into())
}

/// Where the data of a call that moves some is.
fn buffers(pid: Pid, number: i64, args: &[u64; 6]) -> Vec<RemoteIoVec> {
    let (vectors, count) = match number {
        libc::SYS_readv | libc::SYS_writev => (args[1], args[2]),
        // msg_iov and msg_iovlen, the third and fourth word of a msghdr (recv(2)).
        libc::SYS_recvmsg | libc::SYS_sendmsg => {
            match words(pid, args[1].wrapping_add(16), 2)[..] {
                [vectors, count] => (vectors, count),
                _ => return Vec::new(),
            }
        }
        _ => return vec![RemoteIoVec { base: args[1] as usize, len: args[2] as usize }],
    };
    let pairs = words(pid, vectors, count.saturating_mul(2));
    let vector = |pair: &[u64; 2]| RemoteIoVec { base: pair[0] as usize, len: pair[1] as usize };
    pairs.as_chunks().0.iter().map(vector).collect()
}
