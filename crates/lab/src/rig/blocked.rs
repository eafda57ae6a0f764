//! Where programs wait, and whether anything can still come. Linux tells; elsewhere nobody knows.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{self, IoSliceMut};
use std::time::{Duration, Instant};

use nix::libc;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;
use socket2::{SockRef, Socket};

use super::{proc, process, sockets};

/// How often the programs are looked at, and for how long they must rest.
const PERIOD: Duration = Duration::from_millis(50);
const REST: Duration = Duration::from_millis(300);
const LOOKS: u32 = 5;
/// For how long programs must rest that look around from time to time, and how often they do so.
const POLLING_REST: Duration = Duration::from_millis(1500);
const POLLS: u64 = 2;
/// The signals with a name of their own (signal(7)), and how many of them nobody awaits at once.
const STANDARD: u64 = 0x7fff_ffff;
const MOST: u32 = 20;
/// How much of a busy moment counts in the next look.
const REMEMBERED: f64 = 0.9;
/// A wait with a limit beyond this lasts longer than any step.
const LONG: Duration = Duration::from_secs(30);
/// Threads of the Java machine that wake up for its own sake.
const HOUSEKEEPING: [&str; 7] = [
    "C1 CompilerThre",
    "C2 CompilerThre",
    "Common-Cleaner",
    "G1 Service",
    "Monitor Deflati",
    "VM Periodic Tas",
    "VM Thread",
];
/// Those of them for which no other thread ever waits: they may run at the moment of a look.
const UNAWAITED: [&str; 4] = ["Common-Cleaner", "G1 Service", "Monitor Deflati", "VM Periodic Tas"];

/// What is said of a thread that waits for nothing.
pub(crate) const RUNS: &str = "runs on and on, and waits for nothing";

/// A thread, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Thread {
    pub program: String,
    id: String,
    /// What proc_pid_syscall(5) and the scheduler say of it: the same twice if it has not run.
    trace: (String, String),
    pub wait: Wait,
}

/// What a thread waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// It waits for nothing, or for what is not known here.
    Runs,
    /// A client, at a listening socket.
    Accept,
    /// Bytes of this socket.
    Read(u64),
    /// Until the other end of this socket reads.
    Write(u64),
    Keyboard,
    /// One of several things, in this call; not longer than that.
    Several(&'static str, Limit),
    /// Another thread.
    Thread(Limit),
    Sleep(Limit),
    /// Something else that somebody must do.
    Else(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// None, or one that nobody awaits here.
    None,
    /// It ends after this time, as far as that is known.
    Some(Option<Duration>),
}

impl Wait {
    /// Must somebody else do something, or it waits for ever?
    fn depends(&self) -> bool {
        match self {
            Wait::Runs => false,
            Wait::Several(_, limit) | Wait::Thread(limit) | Wait::Sleep(limit) => {
                *limit == Limit::None
            }
            _ => true,
        }
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wait::Runs => f.write_str(RUNS),
            Wait::Accept => f.write_str("waits in `accept`"),
            Wait::Read(_) => f.write_str("waits in `read`"),
            Wait::Write(_) => f.write_str("waits in `write`"),
            Wait::Keyboard => f.write_str("waits for the keyboard"),
            Wait::Several(call, _) => write!(f, "waits in `{call}`"),
            Wait::Thread(_) => f.write_str("waits for another thread"),
            Wait::Sleep(Limit::None) => f.write_str("sleeps for a long time"),
            Wait::Sleep(Limit::Some(_)) => f.write_str("sleeps"),
            Wait::Else(words) => f.write_str(words),
        }
    }
}

impl Thread {
    /// Must somebody else do something, or it waits for ever?
    pub(crate) fn depends(&self) -> bool {
        self.wait.depends()
    }

    /// After what time it gives up what it waits for, or looks around, if it has said so.
    pub(crate) fn patience(&self) -> Option<Duration> {
        match self.wait {
            Wait::Several(_, Limit::Some(time)) => time,
            _ => None,
        }
    }

    /// Does it look around from time to time?
    fn polls(&self) -> bool {
        matches!(self.wait, Wait::Several(_, Limit::Some(_)) | Wait::Thread(Limit::Some(_)))
    }

    /// How often it has run (sched-stats, the third field).
    fn runs(&self) -> u64 {
        self.statistic(2)
    }

    /// How long it has been on a core (the first field).
    fn on_core(&self) -> Duration {
        Duration::from_nanos(self.statistic(0))
    }

    fn statistic(&self, n: usize) -> u64 {
        self.trace.1.split_whitespace().nth(n).and_then(|n| n.parse().ok()).unwrap_or_default()
    }
}

/// Notices that no program can go on: each thread of each waits for another, or only looks around.
///
/// On loopback the kernel delivers at once, so what all wait for is not on its way. A look that comes
/// late counts as one: a busy machine makes the rest longer.
#[derive(Default)]
pub(crate) struct Stall {
    last: Option<(Instant, Vec<Thread>)>,
    since: Option<Instant>,
    looks: u32,
    /// How many wanted each core, at most.
    busy: f64,
    /// At the last look nobody ran, and somebody waited until a time.
    timed: bool,
    /// Since then, each thread with how often it had run.
    calm: Option<(Instant, BTreeMap<String, u64>)>,
    /// Nothing was on its way at the last look.
    sure: bool,
    /// The only thread that waits for nobody, since it has run at each look.
    runs: Option<(Thread, Duration)>,
}

impl Stall {
    /// How many want each core by now; at least 1, and no more for programs that want none and wait for a time.
    pub(crate) fn busy(&self) -> f64 {
        if self.timed { 1.0 } else { self.busy.max(1.0) }
    }

    /// The program of the only thread that waits for nobody, if it ran at each look and was on a core for so long.
    pub(crate) fn runs(&self, time: Duration) -> Option<String> {
        let (first, now) = self.runs.as_ref()?;
        (now.saturating_sub(first.on_core()) >= time).then(|| first.program.clone())
    }

    fn who_runs(&mut self, now: &[Thread]) {
        let mut awake = now.iter().filter(|thread| !thread.depends());
        let only = awake.next().filter(|thread| thread.wait == Wait::Runs);
        let before = self.runs.take();
        if let (Some(thread), None) = (only, awake.next()) {
            let first = before.map(|(first, _)| first).filter(|first| first.id == thread.id);
            self.runs = Some((first.unwrap_or_else(|| thread.clone()), thread.on_core()));
        }
    }

    /// True once nothing more can come. `passes_on` hurries what is on its way, and says whether anything is.
    pub(crate) fn look(
        &mut self,
        programs: &[(String, Pid)],
        passes_on: impl Fn() -> bool,
    ) -> bool {
        if self.last.as_ref().is_some_and(|(at, _)| at.elapsed() < PERIOD) {
            return false;
        }
        // What a program has written, or was sent, may wait for a core too, in the kernel or in this process.
        self.busy = proc::runnable_per_core().max(self.busy * REMEMBERED);
        let now = threads(programs);
        self.who_runs(&now);
        self.timed = now.iter().all(|thread| thread.wait != Wait::Runs)
            && now.iter().any(|thread| !thread.depends());
        let last = self.last.take().map(|(_, last)| last).unwrap_or_default();
        let depends = !now.is_empty() && now.iter().all(Thread::depends);
        if !depends || last != now {
            (self.since, self.looks) = (Some(Instant::now()), 0);
        }
        self.looks += 1;
        let long = self.since.is_some_and(|since| since.elapsed() >= REST.mul_f64(self.busy));
        let stalled = depends && long && self.looks >= LOOKS || self.only_polls(&last, &now);
        self.last = Some((Instant::now(), now));
        // Whoever got something by that shows it at the next look.
        let nothing = stalled && !passes_on();
        let sure = std::mem::replace(&mut self.sure, nothing);
        nothing
            && sure
            && !programs.iter().any(|(_, pid)| process::family(*pid).into_iter().any(has_alarm))
    }

    /// Have those that do not wait for ever only looked around, and found nothing, for a while?
    fn only_polls(&mut self, last: &[Thread], now: &[Thread]) -> bool {
        let polled = |thread: &Thread| {
            let before = last.iter().find(|before| before.id == thread.id);
            thread.polls() || thread.wait == Wait::Runs && before.is_some_and(Thread::polls)
        };
        let rests = |thread: &Thread| last.contains(thread) && thread.depends();
        let calm = !now.is_empty()
            && now.len() == last.len()
            && now.iter().all(|thread| rests(thread) || polled(thread));
        if !calm {
            self.calm = None;
            return false;
        }
        let runs = || now.iter().map(|thread| (thread.id.clone(), thread.runs())).collect();
        let (since, before) = self.calm.get_or_insert_with(|| (Instant::now(), runs()));
        since.elapsed() >= POLLING_REST.mul_f64(self.busy)
            && now.iter().filter(|thread| !thread.depends()).all(|thread| {
                before.get(&thread.id).is_some_and(|runs| thread.runs() >= runs + POLLS)
            })
    }
}

/// What the first thread of a program waits for, such as "waits in `accept`"; `None` while it runs, when a time will
/// end its wait, and where there is no `/proc`.
pub(super) fn waiting(pid: Pid) -> Option<String> {
    let read = |file| fs::read_to_string(format!("/proc/{pid}/{file}")).ok();
    let sleeps = read("stat")?.rsplit_once(") ")?.1.starts_with('S');
    let wait = sleeps.then(|| waits(pid, &read("syscall")?)).flatten()?;
    wait.depends().then(|| wait.to_string())
}

/// All threads of these programs and of what they have started.
pub(crate) fn threads(programs: &[(String, Pid)]) -> Vec<Thread> {
    let mut threads = Vec::new();
    for (program, pid) in programs {
        for process in process::family(*pid) {
            let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten();
            for task in tasks.flatten().map(|task| task.path()) {
                let read = |file| fs::read_to_string(task.join(file)).unwrap_or_default();
                let stat = read("stat");
                let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
                let (call, runs) = (read("syscall"), read("schedstat"));
                let wait = match state {
                    None | Some('Z' | 'X') => continue,
                    Some('S') => waits(process, &call).unwrap_or(Wait::Sleep(Limit::Some(None))),
                    Some('T') => Wait::Else("is stopped, as by Ctrl-Z"),
                    Some(_) => Wait::Runs,
                };
                let name = read("comm");
                let house = HOUSEKEEPING.contains(&name.trim_end());
                let unawaited = UNAWAITED.contains(&name.trim_end());
                let wait = match wait {
                    Wait::Thread(Limit::Some(_)) if house => Wait::Thread(Limit::None),
                    Wait::Runs if unawaited => Wait::Thread(Limit::None),
                    wait => wait,
                };
                let trace = match (unawaited, house) {
                    (true, _) => Default::default(),
                    (false, true) => (call, String::new()),
                    (false, false) => (call, runs),
                };
                let (program, id) = (program.clone(), task.display().to_string());
                threads.push(Thread { program, id, trace, wait });
            }
        }
    }
    threads
}

/// What a call waits for; `None` for any call not known here.
fn waits(process: Pid, call: &str) -> Option<Wait> {
    let mut words = call.split_whitespace();
    let number: i64 = words.next()?.parse().ok()?;
    let args: Vec<u64> =
        words.filter_map(|word| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok()).collect();
    let arg = |n: usize| args.get(n).copied().unwrap_or_default();
    let file = || {
        let link = fs::read_link(format!("/proc/{process}/fd/{}", arg(0))).unwrap_or_default();
        link.to_string_lossy().into_owned()
    };
    let socket = |file: &str| file.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok();
    // The kernel reads a time of milliseconds as an int.
    let milliseconds = |n: usize| match u64::try_from((arg(n) as u32).cast_signed()) {
        Ok(time) => limit(Some(Duration::from_millis(time))),
        Err(_) => limit(None),
    };
    let timespec = |n: usize| limit((arg(n) != 0).then(|| time(process, arg(n), 1)).flatten());
    let timeval = |n: usize| limit((arg(n) != 0).then(|| time(process, arg(n), 1000)).flatten());
    // Without anything to look at, the call is a sleep.
    let several = |call, limit, descriptors: u64| match descriptors {
        0 if limit != Limit::None => Wait::Sleep(limit),
        _ => Wait::Several(call, limit),
    };
    let time_out = |of| time_out(process, arg(0), of);
    Some(match number {
        libc::SYS_accept | libc::SYS_accept4 => match time_out(Socket::read_timeout) {
            Some(time) => Wait::Several("accept", limit(Some(time))),
            None => Wait::Accept,
        },
        libc::SYS_read | libc::SYS_readv | libc::SYS_recvfrom | libc::SYS_recvmsg => {
            let file = file();
            match socket(&file) {
                Some(socket) => match time_out(Socket::read_timeout) {
                    Some(time) => Wait::Several("read", limit(Some(time))),
                    None => Wait::Read(socket),
                },
                None if file.starts_with("/dev/") => Wait::Keyboard,
                None if file.contains("timerfd") => Wait::Sleep(Limit::Some(None)),
                None => Wait::Else("waits in `read`"),
            }
        }
        libc::SYS_write | libc::SYS_writev | libc::SYS_sendto | libc::SYS_sendmsg => {
            match socket(&file()) {
                Some(socket) => match time_out(Socket::write_timeout) {
                    Some(time) => Wait::Several("write", limit(Some(time))),
                    None => Wait::Write(socket),
                },
                None => Wait::Else("waits in `write`"),
            }
        }
        libc::SYS_connect => Wait::Else("waits in `connect`"),
        libc::SYS_ppoll => several("poll", timespec(2), arg(1)),
        libc::SYS_pselect6 => several("select", timespec(4), arg(0)),
        libc::SYS_epoll_pwait => Wait::Several("epoll_wait", milliseconds(3)),
        libc::SYS_epoll_pwait2 => Wait::Several("epoll_wait", timespec(3)),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_poll => several("poll", milliseconds(2), arg(1)),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_select => several("select", timeval(4), arg(0)),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_epoll_wait => Wait::Several("epoll_wait", milliseconds(3)),
        // The ninth operation, FUTEX_WAIT_BITSET, is told the moment instead of the time.
        libc::SYS_futex if arg(3) == 0 => Wait::Thread(limit(None)),
        libc::SYS_futex if arg(1) & 127 == 9 => {
            Wait::Thread(moment(process, arg(3), arg(1) & 256 != 0))
        }
        libc::SYS_futex => Wait::Thread(timespec(3)),
        libc::SYS_nanosleep => Wait::Sleep(timespec(0)),
        libc::SYS_clock_nanosleep if arg(1) & 1 == 0 => Wait::Sleep(timespec(2)),
        libc::SYS_clock_nanosleep => Wait::Sleep(moment(process, arg(2), arg(0) == 0)),
        libc::SYS_restart_syscall => Wait::Sleep(Limit::Some(None)),
        libc::SYS_wait4 | libc::SYS_waitid => Wait::Else("waits for a process that it has started"),
        libc::SYS_rt_sigtimedwait if arg(2) != 0 => Wait::Sleep(timespec(2)),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_pause => Wait::Else("waits for a signal"),
        libc::SYS_rt_sigsuspend | libc::SYS_rt_sigtimedwait => Wait::Else("waits for a signal"),
        libc::SYS_flock | libc::SYS_fcntl => Wait::Else("waits for a lock"),
        _ => return None,
    })
}

/// Can a wait that may last this long, or for ever, end by itself within any step?
fn limit(time: Option<Duration>) -> Limit {
    match time.filter(|time| *time < LONG) {
        Some(time) => Limit::Some(Some(time)),
        None => Limit::None,
    }
}

/// The same for a wait until a moment of one of two clocks.
fn moment(process: Pid, address: u64, real: bool) -> Limit {
    let now = match real {
        true => std::time::SystemTime::UNIX_EPOCH.elapsed().ok(),
        false => fs::read_to_string("/proc/uptime").ok().and_then(|uptime| {
            Some(Duration::from_secs_f64(uptime.split_whitespace().next()?.parse().ok()?))
        }),
    };
    let until = time(process, address, 1);
    match limit(until.zip(now).map(|(until, now)| until.saturating_sub(now))) {
        // What is left of it is less at each look, and a thread that rests has to look the same.
        Limit::Some(_) => Limit::Some(None),
        Limit::None => Limit::None,
    }
}

/// Does it await SIGALRM, or a timer that is set (timerfd_create(2), timer_create(2))?
pub(crate) fn has_alarm(process: Pid) -> bool {
    let read =
        |file: &str| fs::read_to_string(format!("/proc/{process}/{file}")).unwrap_or_default();
    let caught = read("status")
        .lines()
        .find_map(|line| u64::from_str_radix(line.strip_prefix("SigCgt:")?.trim(), 16).ok());
    let is_set = |descriptor: &str| {
        let info = read(&format!("fdinfo/{descriptor}"));
        info.lines().any(|line| line.starts_with("it_value:") && !line.contains("(0, 0)"))
    };
    let timer = || {
        let descriptors =
            fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
        descriptors
            .filter(|entry| {
                let link = fs::read_link(entry.path()).unwrap_or_default();
                link.to_string_lossy().contains("timerfd")
            })
            .any(|entry| is_set(&entry.file_name().to_string_lossy()))
    };
    // What catches nearly every signal, as the runtime of Go does, awaits none of them.
    let awaits = |signals: u64| {
        signals & 1 << (libc::SIGALRM - 1) != 0 && (signals & STANDARD).count_ones() < MOST
    };
    // Ruby catches SIGALRM, and has a timer with SIGVTALRM that divides the time among its threads.
    let program = fs::read_link(format!("/proc/{process}/exe")).unwrap_or_default();
    let is_ruby =
        program.file_name().is_some_and(|name| name.to_string_lossy().starts_with("ruby"));
    let slices = format!("signal: {}/", libc::SIGVTALRM);
    let timers = read("timers");
    let mut signals = timers.lines().filter(|line| line.starts_with("signal:"));
    let rings = signals.any(|line| !(is_ruby && line.starts_with(&slices)));
    caught.is_some_and(awaits) && !is_ruby || rings || timer()
}

/// A time in the memory of a process: seconds, and parts of them of so many nanoseconds.
fn time(process: Pid, address: u64, nanoseconds: u64) -> Option<Duration> {
    let mut bytes = [0; 16];
    let base = usize::try_from(address).ok()?;
    let read = process_vm_readv(
        process,
        &mut [IoSliceMut::new(&mut bytes)],
        &[RemoteIoVec { base, len: 16 }],
    );
    if read != Ok(16) {
        return None;
    }
    let (seconds, parts) = bytes.split_at(8);
    let seconds = u64::from_ne_bytes(seconds.try_into().ok()?);
    let parts = u64::from_ne_bytes(parts.try_into().ok()?);
    Some(
        Duration::from_secs(seconds)
            .saturating_add(Duration::from_nanos(parts.checked_mul(nanoseconds)?)),
    )
}

/// The time-out, `SO_RCVTIMEO` or `SO_SNDTIMEO`, that the program has set on its socket. The one ends a
/// wait for bytes, and not one for room; the other the other way round.
fn time_out(process: Pid, fd: u64, time_out: TimeOut) -> Option<Duration> {
    let socket = sockets::duplicate(process, fd.try_into().ok()?)?;
    time_out(&SockRef::from(&socket)).ok().flatten()
}

type TimeOut = fn(&Socket) -> io::Result<Option<Duration>>;

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    use super::*;
    use crate::rig::hub::PATIENCE;

    /// Does this program await an alarm, once it has printed a line? `None` where its language is missing.
    fn alarmed(words: &[&str]) -> Option<bool> {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).stdout(Stdio::piped());
        let mut program = process::spawn(&mut command).ok()?;
        let mut line = String::new();
        BufReader::new(program.stdout.take()?).read_line(&mut line).ok()?;
        assert_eq!(line, "ready\n");
        Some(process::family(program.pid()).into_iter().any(has_alarm))
    }

    #[test]
    fn who_has_set_an_alarm_awaits_it() {
        let alarm = "import signal; signal.signal(signal.SIGALRM, print); signal.alarm(60); \
                     print('ready', flush=True); signal.pause()";
        assert_eq!(alarmed(&["python3", "-c", alarm]), Some(true));
        let nothing = "import signal; print('ready', flush=True); signal.pause()";
        assert_eq!(alarmed(&["python3", "-c", nothing]), Some(false));
    }

    #[test]
    fn who_goes_round_in_a_circle_is_told_from_who_waits() {
        let time = Duration::from_millis(100);
        let runs = |script: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", script]).stdin(Stdio::piped());
            let program = process::spawn(&mut command).unwrap();
            let programs = [("server".to_owned(), program.pid())];
            let (mut stall, begin) = (Stall::default(), Instant::now());
            // A busy machine gives it little of a core.
            while begin.elapsed() < PATIENCE && stall.runs(time).is_none() {
                if stall.look(&programs, || false) {
                    break;
                }
                std::thread::yield_now();
            }
            stall.runs(time)
        };
        assert_eq!(runs("while :; do :; done").as_deref(), Some("server"));
        assert_eq!(runs("read line"), None);
    }

    #[test]
    fn the_timer_that_ruby_always_has_is_awaited_by_nobody() {
        let wait = "$stdout.sync = true; puts :ready; IO.pipe[0].read(1)";
        match alarmed(&["ruby", "-e", wait]) {
            None => eprintln!("skipped: there is no ruby"),
            alarmed => assert_eq!(alarmed, Some(false)),
        }
    }
}
