//! The programs that this process starts: the only place that starts one, and none outlives it.

use std::env;
use std::fs;
use std::io;
use std::process::{self, Child, ChildStderr, ChildStdin, ChildStdout, Command};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::Pid;
use portable_pty::{CommandBuilder, SlavePty};

use super::{folder, keys};

/// The variable that marks every process, and what that one starts in its turn.
///
/// A program may fork, and a daemon leaves its process group; only the environment follows it.
const MARK: &str = "LAB_MARK";
/// With these a program of ours prints more than its one line of error.
const UNWANTED: [&str; 2] = ["RUST_BACKTRACE", "RUST_LIB_BACKTRACE"];
/// A process that cannot be killed, such as one that waits for a disk, is given up after this time.
const LIMIT: Duration = Duration::from_secs(5);

static STARTING: RwLock<()> = RwLock::new(());
static ENDING: AtomicBool = AtomicBool::new(false);

/// A program that this process has started.
///
/// When this is dropped, the program ends, and so does whatever it has started in its turn. Until
/// then its process id is its own, also when it has ended already: only the drop reaps it.
#[derive(Debug)]
pub struct Running {
    pub stdin: Option<ChildStdin>,
    pub stdout: Option<ChildStdout>,
    pub stderr: Option<ChildStderr>,
    child: Child,
    mark: String,
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    Status(i32),
    Signal(Signal),
}

/// Starts a program.
///
/// # Errors
///
/// There is no such program, or it cannot be executed.
pub fn spawn(command: &mut Command) -> io::Result<Running> {
    let mark = new_mark();
    command.env(MARK, &mark);
    for name in UNWANTED {
        command.env_remove(name);
    }
    Ok(Running::new(start(|| command.spawn())?, mark))
}

/// Starts a program on a pseudo-terminal.
///
/// # Errors
///
/// As [`spawn`].
pub fn spawn_on(terminal: &dyn SlavePty, mut command: CommandBuilder) -> Result<Running> {
    let mark = new_mark();
    command.env(MARK, &mark);
    for name in UNWANTED {
        command.env_remove(name);
    }
    let child: Box<dyn portable_pty::Child> = start(|| terminal.spawn_command(command))?;
    let child = child.downcast().ok().context("a program of another kind has started")?;
    Ok(Running::new(*child, mark))
}

impl Running {
    fn new(mut child: Child, mark: String) -> Running {
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        Running { stdin, stdout, stderr, child, mark }
    }

    #[must_use]
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// How it ended; `None` while it runs.
    #[must_use]
    pub fn ended(&self) -> Option<Exit> {
        ended(self.pid(), WaitPidFlag::WNOHANG)
    }

    /// Waits, in whatever thread calls it, until the program ends.
    pub fn end(&self) -> impl FnOnce() -> Exit + Send + use<> {
        let pid = self.pid();
        move || loop {
            if let Some(exit) = ended(pid, WaitPidFlag::empty()) {
                return exit;
            }
        }
    }

    /// Kills the program (SIGKILL), if it still runs.
    pub fn kill(&self) {
        let _ = kill(self.pid(), Signal::SIGKILL);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
        // What the program started shares its process group, or at least its environment.
        let _ = killpg(self.pid(), Signal::SIGKILL);
        kill_all(|| marked(&self.mark));
        let _ = self.child.wait();
    }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Exit::Status(status) => write!(f, "exit {status}"),
            Exit::Signal(signal) => write!(f, "killed ({signal})"),
        }
    }
}

fn ended(pid: Pid, flags: WaitPidFlag) -> Option<Exit> {
    match waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | flags) {
        Ok(WaitStatus::Exited(_, status)) => Some(Exit::Status(status)),
        Ok(WaitStatus::Signaled(_, signal, _)) => Some(Exit::Signal(signal)),
        // The lab's own end has reaped it.
        Err(Errno::ECHILD) => Some(Exit::Signal(Signal::SIGKILL)),
        _ => None,
    }
}

/// How every value for [`MARK`] begins that this process gives.
///
/// The mark of this process comes first: a lab that a lab has started, as a test does, must not hide its programs.
fn own_mark() -> String {
    format!("{}{}-", env::var(MARK).unwrap_or_default(), process::id())
}

/// A value for [`MARK`] in the environment of one program.
fn new_mark() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{}{}/", own_mark(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Starts a process by a call of `spawn`, which returns when the process is one of its own.
///
/// A process that is half started has no mark yet, and [`exit`] must not overlook it.
fn start<T>(spawn: impl FnOnce() -> T) -> T {
    let _turn = STARTING.read().unwrap_or_else(PoisonError::into_inner);
    spawn()
}

/// Does something while no program is being started.
///
/// Between fork and exec a new process has a copy of every descriptor of this one, so what is closed
/// then is not yet closed.
pub(super) fn between_starts<T>(act: impl FnOnce() -> T) -> T {
    let _turn = STARTING.write().unwrap_or_else(PoisonError::into_inner);
    act()
}

/// Ends this process, and before it every process that it has started.
pub fn exit(status: i32) -> ! {
    ENDING.store(true, Ordering::Relaxed);
    keys::restore();
    // Kept until the end: nothing starts any more.
    let _turn = STARTING.write().unwrap_or_else(PoisonError::into_inner);
    // A process whose parent is killed becomes a child of this one, so a half-started one is found too.
    let _ = set_child_subreaper(true);
    kill_all(running);
    folder::remove_all();
    // Those that nobody asks how they ended would stay in the table of processes.
    while let Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) =
        waitpid(None, Some(WaitPidFlag::WNOHANG))
    {}
    process::exit(status)
}

/// Never returns once [`exit`] has begun: what programs do from then on is no finding.
pub fn stop_if_ending() {
    while ENDING.load(Ordering::Relaxed) {
        thread::park();
    }
}

/// Counts the processes that this one has started and that still run.
#[must_use]
pub fn left() -> usize {
    running().len()
}

fn kill_all(find: impl Fn() -> Vec<Pid>) {
    let begin = Instant::now();
    loop {
        let found = find();
        for pid in &found {
            let _ = kill(*pid, Signal::SIGKILL);
        }
        if found.is_empty() || begin.elapsed() > LIMIT {
            return;
        }
        thread::yield_now();
    }
}

/// Those that this process has started, and what they have started in their turn.
fn running() -> Vec<Pid> {
    let mut pids = marked(&own_mark());
    // While it becomes another program, a process has no environment for a moment (execve(2)). Its
    // state may even be that of one that has ended, if one of its threads becomes the program.
    let half_started = |pid: &Pid| {
        environment(*pid).is_empty()
            && stat(*pid).is_some_and(|stat| stat.parent == process::id())
            && ended(*pid, WaitPidFlag::WNOHANG).is_none()
    };
    pids.extend(processes().filter(half_started));
    pids
}

/// Every process whose environment has a mark that starts so.
fn marked(mark: &str) -> Vec<Pid> {
    let entry = format!("{MARK}={mark}");
    let is_marked = |pid: &Pid| {
        let environment = environment(*pid);
        environment.split(|byte| *byte == 0).any(|found| found.starts_with(entry.as_bytes()))
    };
    processes().filter(is_marked).collect()
}

fn environment(pid: Pid) -> Vec<u8> {
    fs::read(format!("/proc/{pid}/environ")).unwrap_or_default()
}

/// All processes, on systems with `/proc`.
fn processes() -> impl Iterator<Item = Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok().map(Pid::from_raw))
}

/// What proc_pid_stat(5) says of a process.
pub struct Stat {
    /// `R` runs, `S` sleeps, `Z` has ended and its parent has not yet asked how.
    pub state: char,
    pub parent: u32,
    /// CPU time in the program and in the kernel, in ticks of `getconf CLK_TCK`.
    pub user_ticks: u64,
    pub system_ticks: u64,
}

/// `None` when it is gone, and where there is no `/proc`.
#[must_use]
pub fn stat(pid: Pid) -> Option<Stat> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the name, in parentheses, and may hold any character.
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let field = |number: usize| fields.get(number - 3);
    Some(Stat {
        state: field(3)?.parse().ok()?,
        parent: field(4)?.parse().ok()?,
        user_ticks: field(14)?.parse().ok()?,
        system_ticks: field(15)?.parse().ok()?,
    })
}

/// The resident set, in KiB. `None` as for [`stat`].
#[must_use]
pub fn resident_kib(pid: Pid) -> Option<u64> {
    let figure = |file: &str, name: &str| {
        let text = fs::read_to_string(format!("/proc/{pid}/{file}")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.parse().ok()
    };
    // Counted page by page: VmRSS is a sum of counters that may lag behind (proc(5)).
    figure("smaps_rollup", "Rss:").or_else(|| figure("status", "VmRSS:"))
}
