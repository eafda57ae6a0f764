//! Somebody who sees what the programs on the terminals do, and who decides when they run.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use anyhow::Result;
use nix::unistd::Pid;

use crate::rig::process::Exit;

/// Waits, in whatever thread calls it, until a program ends.
pub(crate) type End = Box<dyn FnOnce() -> Exit + Send>;

/// One witness for all terminals of a play.
pub(crate) type Watch = Rc<RefCell<dyn Witness>>;

pub(crate) trait Witness {
    /// The command that starts a program so that it can be seen from its first call on.
    fn command(&self, words: &[String]) -> Vec<String>;

    /// A command of [`Witness::command`] has been started for the terminal of this name.
    ///
    /// # Errors
    ///
    /// There is no such program, or the system does not let anybody look at it.
    fn adopt(&mut self, name: &str, pid: Pid) -> Result<End>;

    /// These keys are about to be pressed on the terminal of this program.
    fn keys(&mut self, pid: Pid, keys: &[u8]);

    /// Lets the programs run, until each of them waits for somebody else.
    ///
    /// # Errors
    ///
    /// One of them does not come to wait.
    fn rest(&mut self) -> Result<()>;

    /// While all rest: waits until this moment for one that wakes by itself, as after a time-out.
    fn wakes(&mut self, moment: Instant) -> bool;

    /// Ends this program and what it has started.
    fn end(&mut self, pid: Pid);

    /// Somebody who is no program of this play does this now, or has received this.
    fn note(&mut self, text: &str);
}
