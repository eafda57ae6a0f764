//! Waiting for what must happen: threads announce changes, one waits for a condition.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::poll::PollTimeout;
use nix::unistd::Pid;

use crate::rig::blocked::{self, Stall, Thread};
use crate::rig::process::Exit;
use crate::rig::screen::Screen;
use crate::rig::terminal::{self, Output};

/// What must happen within this time, or it has failed, unless somebody has more patience. It never
/// makes anybody wait longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// This part of the patience is enough for who computes all the time; who does so for three seconds may be slow.
const SPINNING: f64 = 0.7;
/// How long a wait goes on before it looks whether anything can come at all.
pub(crate) const MOMENT: Duration = Duration::from_millis(20);

/// Wakes the player whenever a program or a peer did anything, and knows all programs.
pub(crate) struct Hub {
    patience: Duration,
    changes: Mutex<u64>,
    changed: Condvar,
    programs: Mutex<Vec<Program>>,
    /// Nobody waits any more: the play is given up.
    stopped: AtomicBool,
    /// Something that was waited for has come since the last program was started.
    begun: AtomicBool,
    /// Somebody looks on, so a flood is shown, at a pace that leaves the machine to others.
    watched: AtomicBool,
}

struct Program {
    name: String,
    pid: Pid,
    screen: Arc<Mutex<Screen>>,
    output: Arc<Output>,
}

/// Why nothing more comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// Each program waits for another.
    Stall,
    /// Nothing has come for so long.
    Deadline(Duration),
    /// Nothing has come, and this program does not wait for anything.
    Spins(String),
    /// Somebody has given the play up.
    GivenUp,
    /// This program prints without end, and this is the last line so far.
    Flood(String, String),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Stall => f.write_str("nothing, and nothing more can come"),
            Why::GivenUp => f.write_str("the play was given up"),
            Why::Spins(name) => write!(f, "nothing, and {name} runs on and on"),
            Why::Deadline(time) => write!(f, "nothing for {} seconds", time.as_secs_f32()),
            Why::Flood(name, line) if line.is_empty() => write!(f, "{name} prints without end"),
            Why::Flood(name, line) => write!(f, "{name} prints without end: {line}"),
        }
    }
}

impl Default for Hub {
    fn default() -> Hub {
        let (changes, changed, programs) = (Mutex::default(), Condvar::default(), Mutex::default());
        let (stopped, watched) = (AtomicBool::new(false), AtomicBool::new(false));
        let begun = AtomicBool::new(false);
        Hub { patience: PATIENCE, changes, changed, programs, stopped, watched, begun }
    }
}

impl Hub {
    pub(crate) fn new(patience: Duration) -> Hub {
        Hub { patience, ..Hub::default() }
    }

    /// The moment until which what is waited for from now on must have happened.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.patience
    }

    pub(crate) fn announce(&self) {
        *lock(&self.changes) += 1;
        self.changed.notify_all();
    }

    /// Waits for the next change after the last one that was seen; how many there were by then.
    pub(crate) fn next_change(&self, seen: u64) -> u64 {
        let mut changes = lock(&self.changes);
        while *changes == seen && !self.stopped() {
            changes = self.changed.wait(changes).unwrap_or_else(PoisonError::into_inner);
        }
        *changes
    }

    /// Gives the play up: whoever waits for something in it hears that nothing more comes.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.announce();
    }

    /// From now on somebody looks on.
    pub(crate) fn watch_on(&self) {
        self.watched.store(true, Ordering::Relaxed);
    }

    pub(crate) fn watched(&self) -> bool {
        self.watched.load(Ordering::Relaxed)
    }

    fn begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    pub(crate) fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    pub(super) fn add(
        &self,
        name: &str,
        pid: Pid,
        screen: &Arc<Mutex<Screen>>,
        output: &Arc<Output>,
    ) {
        let (screen, output) = (Arc::clone(screen), Arc::clone(output));
        let program = Program { name: name.to_owned(), pid, screen, output };
        lock(&self.programs).push(program);
        self.begun.store(false, Ordering::Relaxed);
    }

    pub(super) fn remove(&self, pid: Pid) {
        lock(&self.programs).retain(|program| program.pid != pid);
    }

    /// Waits until `condition` gives a value; `None` when the deadline comes first.
    pub(crate) fn wait<T>(
        &self,
        deadline: Instant,
        mut condition: impl FnMut() -> Option<T>,
    ) -> Option<T> {
        loop {
            let seen = *lock(&self.changes);
            if let Some(value) = condition() {
                return Some(value);
            }
            if self.stopped() {
                return None;
            }
            let mut changes = lock(&self.changes);
            loop {
                // Also while one change follows another, as in a flood.
                let left = deadline.checked_duration_since(Instant::now())?;
                if *changes != seen {
                    break;
                }
                changes = match self.changed.wait_timeout(changes, left) {
                    Ok((changes, _)) => changes,
                    Err(poisoned) => poisoned.into_inner().0,
                };
            }
        }
    }

    /// Waits until `condition` gives a value, as long as one can come.
    ///
    /// `condition` gets the time until which it may wait by itself, for news that nobody announces.
    ///
    /// # Errors
    ///
    /// A program prints without end, every program waits for another, or the deadline comes.
    pub(crate) fn watch<T>(
        &self,
        mut condition: impl FnMut(Instant) -> Option<T>,
    ) -> Result<T, Why> {
        let mut left = self.patience;
        let mut stall = Stall::default();
        loop {
            let now = Instant::now();
            let moment = now + MOMENT;
            if let Some(value) = self.wait(moment, || condition(moment)) {
                self.begun.store(true, Ordering::Relaxed);
                return Ok(value);
            }
            if self.stopped() {
                return Err(Why::GivenUp);
            }
            if let Some((name, line)) = self.flood() {
                return Err(Why::Flood(name, line));
            }
            if stall.look(&self.running(), || self.passes_on()) {
                // What came while this was found out is not lost.
                return condition(moment).ok_or(Why::Stall);
            }
            // Of a busy machine a program gets a part only.
            left = left.saturating_sub(now.elapsed().div_f64(stall.busy()));
            // Who had got what it needs to begin, and computes for so long without a pause, goes round in a circle.
            if let Some(name) = stall.runs(self.patience.mul_f64(SPINNING)).filter(|_| self.begun())
            {
                return condition(moment).ok_or(Why::Spins(name));
            }
            if left.is_zero() {
                return Err(Why::Deadline(self.patience));
            }
        }
    }

    /// Where every thread of every program is.
    pub(crate) fn threads(&self) -> Vec<Thread> {
        blocked::threads(&self.running())
    }

    /// A program that prints without end, and its last line.
    pub(crate) fn flood(&self) -> Option<(String, String)> {
        lock(&self.programs).iter().find_map(|program| {
            let screen = lock(&program.screen);
            let last = screen.last().unwrap_or_default().to_owned();
            screen.flooded().then(|| (program.name.clone(), last))
        })
    }

    /// Passes on what the kernel still has of keys; is there output that no screen shows yet?
    ///
    /// The kernel has threads of its own for that, which wait for a core like everybody on a busy machine.
    pub(crate) fn passes_on(&self) -> bool {
        let programs = lock(&self.programs);
        programs.iter().for_each(|program| terminal::pass_on_keys(program.pid));
        programs.iter().any(|program| {
            let screen = lock(&program.screen);
            !screen.closed && (screen.taking || program.output.has_more(PollTimeout::ZERO))
        })
    }

    /// The first program that has ended, and how.
    pub(crate) fn over(&self) -> Option<(String, Exit)> {
        lock(&self.programs).iter().find_map(|program| {
            let exit = lock(&program.screen).over().cloned()?;
            Some((program.name.clone(), exit))
        })
    }

    /// The programs that have not ended.
    fn running(&self) -> Vec<(String, Pid)> {
        let programs = lock(&self.programs);
        let running = programs.iter().filter(|program| lock(&program.screen).over().is_none());
        running.map(|program| (program.name.clone(), program.pid)).collect()
    }
}

/// Locks, also when another thread panicked: what it left is still the best there is to report.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_also_while_one_change_follows_another() {
        let hub = Hub::default();
        let deadline = Instant::now() + MOMENT;
        let came = hub.wait(deadline, || {
            hub.announce();
            (Instant::now() > deadline + PATIENCE).then_some("without an end")
        });
        assert_eq!(came, None);
    }
}
