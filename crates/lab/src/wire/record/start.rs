//! How a program is started, so that it is seen from its first call on.

use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// Stops itself, so that it can be seen before it becomes the program.
const STOPPED: &str = r#"kill -STOP $$; exec "$0" "$@""#;
/// The thread's own tasks alone: other threads wait for processes of theirs.
pub(super) const OWN: WaitPidFlag = WaitPidFlag::__WALL.union(WaitPidFlag::__WNOTHREAD);

pub(super) fn command(words: &[String]) -> Vec<String> {
    let shell = ["/bin/sh", "-c", STOPPED].map(str::to_owned);
    shell.into_iter().chain(words.iter().cloned()).collect()
}

/// Takes hold of a process that has stopped itself, and lets it become the program.
pub(super) fn seize(pid: Pid) -> Result<WaitStatus, Errno> {
    waitpid(pid, Some(WaitPidFlag::WUNTRACED))?;
    ptrace::seize(
        pid,
        Options::PTRACE_O_TRACESYSGOOD
            | Options::PTRACE_O_TRACEEXEC
            | Options::PTRACE_O_TRACECLONE
            | Options::PTRACE_O_TRACEFORK
            | Options::PTRACE_O_TRACEVFORK
            | Options::PTRACE_O_EXITKILL,
    )?;
    kill(pid, Signal::SIGCONT)?;
    loop {
        match waitpid(pid, Some(OWN))? {
            status @ WaitStatus::PtraceEvent(_, _, libc::PTRACE_EVENT_EXEC) => return Ok(status),
            // The shell has found no such program.
            WaitStatus::Exited(..) | WaitStatus::Signaled(..) => return Err(Errno::ENOENT),
            _ => ptrace::syscall(pid, None)?,
        }
    }
}
