//! Where programs are blocked, and whether anything can still come. Linux tells; elsewhere nobody knows.

use std::fs;
use std::time::{Duration, Instant};

use nix::libc;
use nix::unistd::Pid;
use rustix::process::{PidfdFlags, PidfdGetfdFlags};
use socket2::SockRef;

/// How often the programs are looked at, and for how long they must rest.
const PERIOD: Duration = Duration::from_millis(50);
const REST: Duration = Duration::from_millis(300);
const LOOKS: u32 = 5;

/// Notices that no program can go on: each thread of each waits, without a limit of time, for another.
///
/// On loopback the kernel delivers at once, so what all wait for is not on its way. A look that comes
/// late counts as one: a busy machine makes the rest longer.
#[derive(Default)]
pub(super) struct Stall {
    last: Option<(Instant, Vec<Thread>)>,
    since: Option<Instant>,
    looks: u32,
}

/// A thread that waits without a limit of time.
#[derive(PartialEq, Eq)]
struct Thread {
    program: String,
    /// What proc_pid_syscall(5) and the scheduler say of it: the same twice if it has not run.
    trace: (String, String),
    waits: String,
}

impl Stall {
    /// Says who waits where, once that has lasted.
    pub(super) fn look(&mut self, programs: &[(String, Pid)]) -> Option<String> {
        if self.last.as_ref().is_some_and(|(at, _)| at.elapsed() < PERIOD) {
            return None;
        }
        let now = blocked(programs).unwrap_or_default();
        let same = !now.is_empty() && self.last.as_ref().is_some_and(|(_, last)| *last == now);
        if !same {
            (self.since, self.looks) = (Some(Instant::now()), 0);
        }
        self.looks += 1;
        let long = self.since.is_some_and(|since| since.elapsed() >= REST);
        let stalled = same && long && self.looks >= LOOKS;
        let words = stalled.then(|| {
            let mut words: Vec<String> =
                now.iter().map(|thread| format!("{} {}", thread.program, thread.waits)).collect();
            words.dedup();
            format!("nothing more can come: {}", words.join(", "))
        });
        self.last = Some((Instant::now(), now));
        words
    }
}

/// What the first thread of a program waits for, such as "waits in accept"; `None` while it runs, when a time will
/// end its wait, and where there is no `/proc`.
pub(super) fn waiting(pid: Pid) -> Option<String> {
    let read = |file| fs::read_to_string(format!("/proc/{pid}/{file}")).ok();
    let sleeps = read("stat")?.rsplit_once(") ")?.1.starts_with('S');
    sleeps.then(|| waits(&pid.to_string(), &read("syscall")?)).flatten()
}

/// All threads of these programs and of what they have started; `None` when one is not blocked.
fn blocked(programs: &[(String, Pid)]) -> Option<Vec<Thread>> {
    let mut threads = Vec::new();
    for (program, pid) in programs {
        let mut processes = vec![pid.to_string()];
        while let Some(process) = processes.pop() {
            for task in fs::read_dir(format!("/proc/{process}/task")).ok()? {
                let task = task.ok()?.path();
                let read = |file| fs::read_to_string(task.join(file)).ok();
                processes.extend(read("children")?.split_whitespace().map(str::to_owned));
                match read("stat")?.rsplit_once(") ")?.1.chars().next()? {
                    'S' => {}
                    'Z' => continue,
                    _ => return None,
                }
                let call = read("syscall")?;
                let waits = waits(&process, &call)?;
                let trace = (call, read("schedstat")?);
                threads.push(Thread { program: program.clone(), trace, waits });
            }
        }
    }
    Some(threads)
}

/// What a call waits for, in words; `None` when a time will end it, and for any call not known here.
fn waits(process: &str, call: &str) -> Option<String> {
    let mut words = call.split_whitespace();
    let number: i64 = words.next()?.parse().ok()?;
    let args: Vec<u64> =
        words.filter_map(|word| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok()).collect();
    let arg = |n: usize| args.get(n).copied().unwrap_or_default();
    // The kernel reads a time of milliseconds as an int.
    let for_ever = |n: usize| (arg(n) as u32).cast_signed() < 0;
    let file = fs::read_link(format!("/proc/{process}/fd/{}", arg(0))).unwrap_or_default();
    let file = file.to_string_lossy();
    if file.starts_with("socket:") && has_time_out(process, arg(0)) {
        return None;
    }
    let words = match number {
        libc::SYS_accept | libc::SYS_accept4 => "waits in accept",
        libc::SYS_read | libc::SYS_readv if file.starts_with("/dev/") => "waits for the keyboard",
        libc::SYS_read | libc::SYS_readv | libc::SYS_recvfrom | libc::SYS_recvmsg => {
            "waits in read"
        }
        libc::SYS_write | libc::SYS_writev | libc::SYS_sendto | libc::SYS_sendmsg => {
            "waits in write"
        }
        libc::SYS_ppoll if arg(2) == 0 => "waits in poll",
        libc::SYS_pselect6 if arg(4) == 0 => "waits in select",
        libc::SYS_epoll_pwait if for_ever(3) => "waits in epoll_wait",
        #[cfg(target_arch = "x86_64")]
        libc::SYS_poll if for_ever(2) => "waits in poll",
        #[cfg(target_arch = "x86_64")]
        libc::SYS_select if arg(4) == 0 => "waits in select",
        #[cfg(target_arch = "x86_64")]
        libc::SYS_epoll_wait if for_ever(3) => "waits in epoll_wait",
        libc::SYS_futex if arg(3) == 0 => "waits for a thread",
        libc::SYS_wait4 | libc::SYS_waitid => "waits for a process",
        libc::SYS_rt_sigsuspend => "waits for a signal",
        _ => return None,
    };
    Some(words.to_owned())
}

/// Has the program set a time-out (`SO_RCVTIMEO`, `SO_SNDTIMEO`) on this socket? One on the other
/// direction counts too: it is a time that ends a wait of the same program.
fn has_time_out(process: &str, fd: u64) -> bool {
    let look = || {
        let pid = rustix::process::Pid::from_raw(process.parse().ok()?)?;
        let program = rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok()?;
        let fd = fd.try_into().ok()?;
        let socket = rustix::process::pidfd_getfd(program, fd, PidfdGetfdFlags::empty()).ok()?;
        let socket = SockRef::from(&socket);
        Some(socket.read_timeout().ok()?.is_some() || socket.write_timeout().ok()?.is_some())
    };
    look().unwrap_or(false)
}
