//! The processes that this one starts, in whatever way: none of them outlives it.

use std::fs;
use std::process;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// The variable that marks every process, and what that one starts in its turn.
///
/// A program may fork, and a daemon leaves its process group; only the environment follows it.
pub const MARK: &str = "LAB_MARK";
/// A process that cannot be killed, such as one that waits for a disk, is given up after this time.
const LIMIT: Duration = Duration::from_secs(5);

static STARTING: RwLock<()> = RwLock::new(());
static ENDING: AtomicBool = AtomicBool::new(false);

/// A value for [`MARK`] in the environment of one program.
#[must_use]
pub fn new_mark() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{}-{}-", process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Starts a process by a call of `spawn`, which returns when the process is one of its own.
///
/// A process that is half started has no mark yet, and [`exit`] must not overlook it.
pub fn start<T>(spawn: impl FnOnce() -> T) -> T {
    let _turn = STARTING.read().unwrap_or_else(PoisonError::into_inner);
    spawn()
}

/// Kills every process with this mark, and waits until they are gone.
pub fn kill_marked(mark: &str) {
    kill_all(|| marked(mark));
}

/// Ends this process, and before it every process that it has started.
pub fn exit(status: i32) -> ! {
    ENDING.store(true, Ordering::Relaxed);
    // Kept until the end: nothing starts any more.
    let _turn = STARTING.write().unwrap_or_else(PoisonError::into_inner);
    kill_all(running);
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
    let mut pids = marked(&format!("{}-", process::id()));
    // While it becomes another program, a process has no environment for a moment (execve(2)).
    let half_started = |pid: &Pid| {
        environment(*pid).is_empty()
            && stat(*pid).is_some_and(|stat| stat.parent == process::id() && stat.state != 'Z')
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
