//! The programs that this process starts: the only place that starts one, and none outlives it.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::io::{self, Read};
use std::process::{self, ChildStderr, ChildStdin, ChildStdout, Command};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::prctl::set_child_subreaper;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::Pid;

use super::hub::lock;
use super::proc::{self, Known};
use super::{folder, keeper, keys, pty};

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
/// The processes that this one has started and not yet reaped, each with those that were seen below it.
static STARTED: Mutex<BTreeMap<Pid, Vec<Known>>> = Mutex::new(BTreeMap::new());
/// Whoever loses its parent becomes a child of this process, which starts programs here alone.
static ADOPTS: AtomicBool = AtomicBool::new(false);

/// A limit that concerns nobody but threads with real-time scheduling (getrlimit(2)): as a mark, it is
/// inherited by all that a program starts, whatever it does to its environment.
const MARKING: Resource = Resource::RLIMIT_RTTIME;
/// So long that it limits nobody, in microseconds.
const HARMLESS: u64 = 1 << 60;

fn new_limit() -> u64 {
    HARMLESS + (u64::from(process::id()) << 20) + fastrand::u64(..1 << 20)
}

/// The mark of this process, which it may have inherited.
pub(super) fn limit() -> Option<u64> {
    let (limit, _) = getrlimit(MARKING).ok()?;
    (limit >= HARMLESS && limit != RLIM_INFINITY).then_some(limit)
}

/// All processes with this mark.
pub(super) fn limited(limit: u64) -> Vec<Pid> {
    let limit = limit.to_string();
    let is_limited = |pid: &Pid| {
        let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap_or_default();
        let line = limits.lines().find_map(|line| line.strip_prefix("Max realtime timeout"));
        line.is_some_and(|line| line.split_whitespace().next() == Some(limit.as_str()))
    };
    let lives = |pid: &Pid| proc::know(*pid).is_some_and(|known| known.lives());
    proc::all().filter(|pid| is_limited(pid) && lives(pid)).collect()
}

/// Sees to it that nothing outlives this process, however it ends. For a process that starts
/// programs by this module alone.
///
/// # Errors
///
/// The system does not let it.
pub fn guard() -> Result<()> {
    set_child_subreaper(true).context("failed to become a subreaper")?;
    ADOPTS.store(true, Ordering::Relaxed);
    let (_, most) = getrlimit(MARKING).context("failed to read a limit of resources")?;
    setrlimit(MARKING, new_limit().min(most), most)
        .context("failed to set a limit of resources")?;
    keeper::start(&own_mark()).context("failed to start the keeper")
}

/// A program that this process has started.
///
/// When this is dropped, the program ends, and so does whatever it has started in its turn. Until
/// then its process id is its own, also when it has ended already: only the drop reaps it.
#[derive(Debug)]
pub struct Running {
    pub stdin: Option<ChildStdin>,
    pub stdout: Option<ChildStdout>,
    pub stderr: Option<ChildStderr>,
    pid: Pid,
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
    set_environment(command, &mark);
    start(|| {
        let child = command.spawn()?;
        let mut running = Running::new(Pid::from_raw(child.id().cast_signed()), mark);
        running.stdin = child.stdin;
        running.stdout = child.stdout;
        running.stderr = child.stderr;
        Ok(running)
    })
}

/// Starts a program on a new pseudo-terminal, which is its controlling terminal, with a window of so many columns
/// and rows. Returns the end of the terminal that a person has.
///
/// The command is a path, its arguments and its environment.
///
/// # Errors
///
/// As [`spawn`], or there is no pseudo-terminal left.
pub fn spawn_on(columns: u16, rows: u16, command: &mut Command) -> io::Result<(Running, File)> {
    let mark = new_mark();
    set_environment(command, &mark);
    start(|| {
        let (pid, terminal) = pty::start(columns, rows, command)?;
        Ok((Running::new(pid, mark), terminal))
    })
}

fn set_environment(command: &mut Command, mark: &str) {
    command.env(MARK, mark);
    for name in UNWANTED {
        command.env_remove(name);
    }
}

impl Running {
    fn new(pid: Pid, mark: String) -> Running {
        lock(&STARTED).insert(pid, Vec::new());
        Running { stdin: None, stdout: None, stderr: None, pid, mark }
    }

    #[must_use]
    pub fn pid(&self) -> Pid {
        self.pid
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

    /// Counts what it has started, and what that has started in its turn, as far as it still runs.
    #[must_use]
    pub fn left(&self) -> usize {
        marked(&self.mark).into_iter().filter(|pid| *pid != self.pid()).count()
    }

    /// Kills the program (SIGKILL), if it still runs.
    pub fn kill(&self) {
        let _ = kill(self.pid(), Signal::SIGKILL);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // What has left its group and its environment is known by its parents, while they live.
        let family = freeze(self.pid());
        self.kill();
        // What the program started shares its process group, or at least its environment.
        let _ = killpg(self.pid(), Signal::SIGKILL);
        let lives = |known: &&Known| known.pid != self.pid() && known.lives();
        kill_all(|| {
            let mut found = marked(&self.mark);
            found.extend(family.iter().filter(lives).map(|known| known.pid));
            // Nobody else can have left an orphan.
            if lock(&STARTED).len() == 1 {
                found.extend(strays().into_iter().flat_map(proc::family_of));
            }
            found
        });
        let _ = waitpid(self.pid, None);
        lock(&STARTED).remove(&self.pid());
        bury();
    }
}

/// A program, all that it has started in its turn, and what was seen of that earlier.
#[must_use]
pub(crate) fn family(program: Pid) -> Vec<Pid> {
    let mut family = proc::family_of(program);
    if let Some(seen) = lock(&STARTED).get_mut(&program) {
        seen.retain(Known::lives);
        for pid in &family {
            if let Some(known) = proc::know(*pid).filter(|known| !seen.contains(known)) {
                seen.push(known);
            }
        }
        family.extend(seen.iter().map(|known| known.pid));
    }
    if lock(&STARTED).len() == 1 {
        family.extend(strays().into_iter().flat_map(proc::family_of));
    }
    family.sort();
    family.dedup();
    family
}

/// Stops a process and all below it, so that none starts another one unseen.
fn freeze(first: Pid) -> Vec<Known> {
    let mut frozen: Vec<Known> = Vec::new();
    loop {
        let new: Vec<Known> = family(first)
            .into_iter()
            .filter_map(proc::know)
            .filter(|known| !frozen.contains(known))
            .collect();
        if new.is_empty() {
            return frozen;
        }
        for known in new {
            let _ = kill(known.pid, Signal::SIGSTOP);
            frozen.push(known);
        }
    }
}

/// Children of this process that it did not start: their parents have ended.
fn strays() -> Vec<Pid> {
    if !ADOPTS.load(Ordering::Relaxed) {
        return Vec::new();
    }
    // Nobody starts meanwhile, or a child would not be known yet.
    let _turn = STARTING.try_write();
    if _turn.is_err() {
        return Vec::new();
    }
    let started = lock(&STARTED);
    let known = |pid: &Pid| started.contains_key(pid) || keeper::is(*pid);
    proc::children(Pid::this()).into_iter().filter(|pid| !known(pid)).collect()
}

/// Asks how the strays ended that have: they would stay in the table of processes.
fn bury() {
    for stray in strays() {
        let _ = waitpid(stray, Some(WaitPidFlag::WNOHANG));
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

/// Starts a process by a call of `spawn`, which returns when the process is one of its own, and known: until
/// then nobody may take it for one that has lost its parent.
///
/// A process that is half started has no mark yet, and [`exit`] must not overlook it. And it has a copy of every
/// descriptor of this one: posix_spawn(3) returns before exec has closed them, and who closes a socket then has
/// not yet closed it. The last of a pipe to be closed says that they are.
fn start<T>(spawn: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let _turn = STARTING.read().unwrap_or_else(PoisonError::into_inner);
    let (mut closed, copied) = io::pipe()?;
    let started = spawn();
    drop(copied);
    let _ = closed.read(&mut [0]);
    started
}

/// Does something while no program is being started.
///
/// Before exec a new process has a copy of every descriptor of this one, so what is closed
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
    // A process whose parent is killed becomes a child of this one.
    let _ = set_child_subreaper(true);
    kill_all(running);
    folder::remove_all();
    keeper::end();
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

pub(super) fn kill_all(find: impl Fn() -> Vec<Pid>) {
    let begin = Instant::now();
    loop {
        let found = find();
        for pid in &found {
            let _ = kill(*pid, Signal::SIGKILL);
        }
        if found.is_empty() || begin.elapsed() > LIMIT {
            return;
        }
        bury();
        thread::yield_now();
    }
}

/// Those that this process has started, and what they have started in their turn.
fn running() -> Vec<Pid> {
    let mut pids = marked(&own_mark());
    // Also what has no environment, for a moment (execve(2)) or for good.
    let lives =
        |pid: &Pid| !keeper::is(*pid) && proc::know(*pid).is_some_and(|known| known.lives());
    pids.extend(proc::family_of(Pid::this()).into_iter().skip(1).filter(lives));
    pids
}

/// Every process whose environment has a mark that starts so.
pub(super) fn marked(mark: &str) -> Vec<Pid> {
    let entry = format!("{MARK}={mark}");
    let is_marked = |pid: &Pid| {
        let environment = environment(*pid);
        environment.split(|byte| *byte == 0).any(|found| found.starts_with(entry.as_bytes()))
    };
    proc::all().filter(is_marked).collect()
}

fn environment(pid: Pid) -> Vec<u8> {
    fs::read(format!("/proc/{pid}/environ")).unwrap_or_default()
}
