//! What the system tells of processes in `/proc` (proc(5)). Linux only.

use std::fs;
use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

use nix::unistd::Pid;

/// All processes, on systems with `/proc`.
pub(super) fn all() -> impl Iterator<Item = Pid> {
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
    /// When it began, in ticks since the system did.
    pub began: u64,
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
        began: field(22)?.parse().ok()?,
    })
}

/// How many threads of this machine want to run now, for each core; at least 1, and no more than would
/// make anybody wait for minutes (proc_loadavg(5)).
pub(crate) fn runnable_per_core() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let runnable = text.split_whitespace().nth(3).and_then(|field| field.split_once('/'));
    let runnable: f64 = runnable.and_then(|(runnable, _)| runnable.parse().ok()).unwrap_or(1.0);
    // The answer to this question takes longer than all the rest.
    static CORES: LazyLock<usize> =
        LazyLock::new(|| thread::available_parallelism().map_or(1, usize::from));
    (runnable / *CORES as f64).clamp(1.0, 4.0)
}

/// How long a process has run, and how long it has waited for a core, so far (sched-stats, the first two
/// fields): of all its threads together, and of the one that has waited longest.
pub(crate) fn core_time(pid: Pid) -> (Duration, Duration) {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let times = tasks.filter_map(|task| {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        let mut figures = text.split_whitespace().map_while(|figure| figure.parse().ok());
        Some((Duration::from_nanos(figures.next()?), Duration::from_nanos(figures.next()?)))
    });
    times.fold(Default::default(), |(ran, waited), (run, wait)| (ran + run, waited.max(wait)))
}

/// How many descriptors these processes have open; one that has ended, and that another of them was to
/// wait for, counts as one.
pub(crate) fn descriptors(processes: &[Pid]) -> usize {
    let parents: Vec<u32> = processes.iter().map(|pid| pid.as_raw().cast_unsigned()).collect();
    let open = |pid: &Pid| match stat(*pid)? {
        Stat { state: 'Z', parent, .. } => Some(usize::from(parents.contains(&parent))),
        _ => Some(fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count()),
    };
    processes.iter().filter_map(open).sum()
}

/// How many threads these processes have.
pub(crate) fn threads(processes: &[Pid]) -> usize {
    let tasks = |pid: &Pid| Some(fs::read_dir(format!("/proc/{pid}/task")).ok()?.count());
    processes.iter().filter_map(tasks).sum()
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

/// A process, and when it began: its id may be another's one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub pid: Pid,
    began: u64,
}

impl Known {
    pub(super) fn lives(&self) -> bool {
        stat(self.pid).is_some_and(|stat| stat.began == self.began && stat.state != 'Z')
    }
}

/// A process and all below it.
pub(super) fn family_of(first: Pid) -> Vec<Pid> {
    let mut family = vec![first];
    let mut next = 0;
    while let Some(pid) = family.get(next) {
        family.extend(children(*pid));
        next += 1;
    }
    family
}

pub(super) fn children(pid: Pid) -> Vec<Pid> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| {
            list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<i32>>()
        })
        .map(Pid::from_raw)
        .collect()
}

pub(super) fn know(pid: Pid) -> Option<Known> {
    Some(Known { pid, began: stat(pid)?.began })
}
