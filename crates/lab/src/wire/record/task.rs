//! One thread of a traced program, and whether it sleeps.

use std::fs;
use std::sync::mpsc::Sender;

use nix::libc;
use nix::sys::wait::WaitStatus;
use nix::unistd::Pid;

use super::calls::{Call, Kind};
use super::log::Program;
use crate::rig::proc;
use crate::rig::process::Exit;

/// A thread of a program, or of what the program has started.
pub(super) struct Task {
    pub pid: Pid,
    /// The process that the thread is of.
    pub process: Pid,
    /// The process on the terminal that it comes from.
    pub first: Pid,
    pub program: Program,
    /// Where it has stopped, if it waits for its turn there.
    pub held: Option<WaitStatus>,
    pub call: Option<Call>,
    /// It has done a call of the lesson.
    pub takes_part: bool,
    /// Something is on its way that will wake it.
    pub awaited: bool,
    /// The last call of the lesson, and how often in a row.
    pub last: (String, usize),
    pub ended: Option<Sender<Exit>>,
}

impl Task {
    pub(super) fn new(pid: Pid, process: Pid, first: Pid, program: Program) -> Task {
        let last = (String::new(), 0);
        let (held, call, ended) = (None, None, None);
        let (takes_part, awaited) = (false, false);
        Task { pid, process, first, program, held, call, takes_part, awaited, last, ended }
    }

    pub(super) fn told(self, exit: Exit) {
        if let Some(ended) = self.ended {
            let _ = ended.send(exit);
        }
    }

    /// Does it wait, in a call, for somebody else?
    pub(super) fn sleeps(&self) -> bool {
        let Some(call) = &self.call else { return false };
        // The terminal takes what is written to it in a moment.
        if call.kind == Some(Kind::Terminal) {
            return false;
        }
        let starts = [
            libc::SYS_clone,
            libc::SYS_clone3,
            #[cfg(target_arch = "x86_64")]
            libc::SYS_vfork,
        ];
        let asleep = || {
            proc::stat(self.pid).is_some_and(|stat| {
                // The parent of a vfork cannot be interrupted until its child is another program.
                stat.state == 'S' || stat.state == 'D' && starts.contains(&call.number)
            })
        };
        // A number: it is off its CPU, in that call, or it has stopped. State S afterwards: it has not.
        let inside = || {
            fs::read_to_string(format!("/proc/{}/syscall", self.pid))
                .is_ok_and(|text| text.starts_with(|first: char| first.is_ascii_digit()))
        };
        asleep() && inside() && asleep()
    }
}
