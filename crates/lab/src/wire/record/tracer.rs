//! Holds the turn: one program runs until it sleeps, and whoever it has woken waits at its stop.
//!
//! All of it happens in one thread: only the thread that traces a task may ask about it (ptrace(2)).

use std::fs;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::ptrace;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::calls::{self, Call, Kind};
use super::keyboard;
use super::log::{Log, Program};
use super::start::{self, OWN};
use super::task::Task;
use super::text::ENDLESS;
use crate::rig::process::Exit;
use crate::rig::witness::{End, Witness};

/// All programs wait for somebody else within this time, or the recording fails.
const PATIENCE: Duration = Duration::from_secs(5);
/// A task that has not stopped after this time may be asleep.
const MOMENT: Duration = Duration::from_micros(100);
/// A program that has done the same call so often, without waiting once, will do so for ever.
const WITHOUT_END: usize = 100;
/// Signals that are no event of the lesson: programs that do not ask for them do not notice.
const UNHEARD: [Signal; 3] = [Signal::SIGCHLD, Signal::SIGURG, Signal::SIGWINCH];
/// What a task tells that has started another one.
const STARTS: [i32; 3] =
    [libc::PTRACE_EVENT_CLONE, libc::PTRACE_EVENT_FORK, libc::PTRACE_EVENT_VFORK];

pub(super) struct Tracer {
    pub log: Log,
    tasks: Vec<Task>,
    /// The first task of a program, for each task of it that has a name.
    named: Vec<Pid>,
    /// Whose turn it is.
    turn: Option<Pid>,
    /// Tells when a task has stopped or ended.
    children: SignalFd,
    /// Here keys have been pressed that nobody reads yet, and that are on their way.
    typed: Option<PathBuf>,
    /// Why no program runs any more.
    pub failure: Option<String>,
}

impl Tracer {
    /// # Errors
    ///
    /// As [`Log::open`].
    pub(super) fn new() -> Result<Tracer> {
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        let children = SignalFd::with_flags(&stops(), flags).context("failed to await SIGCHLD")?;
        Ok(Tracer {
            log: Log::open()?,
            tasks: Vec::new(),
            named: Vec::new(),
            turn: None,
            children,
            typed: None,
            failure: None,
        })
    }

    /// Waits for so long for a task to stop or end.
    fn pause(&self, time: Duration) {
        let mut fds = [PollFd::new(self.children.as_fd(), PollFlags::POLLIN)];
        let _ = ppoll(&mut fds, Some(time.into()), None);
        let _ = self.children.read_signal();
    }

    /// Takes in one stop or end of a task; false when there is none.
    fn hear(&mut self, how: WaitPidFlag) -> bool {
        let Ok(status) = waitpid(None, Some(OWN | how)) else { return false };
        let Some(pid) = status.pid() else { return false };
        match status {
            WaitStatus::Exited(_, code) => self.ended(pid, Exit::Status(code)),
            WaitStatus::Signaled(_, signal, _) => self.ended(pid, Exit::Signal(signal)),
            _ => self.stopped(pid, status),
        }
        true
    }

    fn stopped(&mut self, pid: Pid, status: WaitStatus) {
        match self.tasks.iter_mut().find(|task| task.pid == pid) {
            Some(task) => (task.held, task.awaited) = (Some(status), false),
            None => {
                let task = self.newborn(pid);
                self.tasks.extend(task.map(|task| Task { held: Some(status), ..task }));
            }
        }
    }

    /// A new thread, or a new process, of a program that is traced.
    fn newborn(&self, pid: Pid) -> Option<Task> {
        let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let field = |name: &str| {
            let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
            rest.trim().parse().ok().map(Pid::from_raw)
        };
        let process = field("Tgid:")?;
        let parent = if process == pid { field("PPid:")? } else { process };
        let parent = self.tasks.iter().find(|task| task.process == parent)?;
        Some(Task::new(pid, process, parent.first, parent.program.clone()))
    }

    /// The task has started a thread or a process, which has yet to come to its first stop.
    fn awaits_newborn(&mut self, parent: Pid) {
        let Ok(pid) = ptrace::getevent(parent) else { return };
        let pid = Pid::from_raw(pid as i32);
        if self.tasks.iter().all(|task| task.pid != pid) {
            let task = self.newborn(pid);
            self.tasks.extend(task.map(|task| Task { awaited: true, ..task }));
        }
    }

    fn ended(&mut self, pid: Pid, exit: Exit) {
        let Some(at) = self.tasks.iter().position(|task| task.pid == pid) else { return };
        let task = self.tasks.remove(at);
        if self.turn == Some(pid) {
            self.turn = None;
        }
        // Threads end with their process. A shell that has only started the program says nothing.
        let is_helper = task.ended.is_none() || self.named.contains(&task.first);
        if pid != task.process || !task.takes_part && is_helper {
            return task.told(exit);
        }
        self.log.unfinished(&task.program);
        self.log.ends(match &exit {
            Exit::Status(status) => format!("{} exits {status}", task.program.name),
            Exit::Signal(signal) => format!("{} killed {signal}", task.program.name),
        });
        task.told(exit);
    }

    /// Lets the task go on from where it is held, until its next stop.
    fn go_on(&mut self, at: usize) {
        let Some(status) = self.tasks[at].held.take() else { return };
        let pid = self.tasks[at].pid;
        let mut signal = None;
        match status {
            WaitStatus::PtraceSyscall(_) => {
                let info = ptrace::syscall_info(pid).map(|info| info.op);
                if info == Ok(libc::PTRACE_SYSCALL_INFO_ENTRY) {
                    self.begins(at);
                } else if info == Ok(libc::PTRACE_SYSCALL_INFO_EXIT) && self.returns(at) {
                    self.log.note(ENDLESS.to_owned());
                    (self.tasks[at].held, self.turn) = (Some(status), None);
                    return;
                }
            }
            WaitStatus::PtraceEvent(_, _, event) if STARTS.contains(&event) => {
                self.awaits_newborn(pid);
            }
            WaitStatus::Stopped(_, arrived) => {
                signal = Some(arrived);
                if !UNHEARD.contains(&arrived) {
                    let name = &self.tasks[at].program.name;
                    self.log.note(format!("{name} gets {arrived}"));
                }
            }
            _ => {}
        }
        // It fails for a task that has been killed in the meantime, and whose end is heard next.
        let _ = ptrace::syscall(pid, signal);
    }

    fn begins(&mut self, at: usize) {
        let first = self.tasks[at].first;
        let processes =
            self.tasks.iter().filter(|task| task.first == first && task.pid == task.process);
        let processes: Vec<Pid> = processes.map(|task| task.pid).collect();
        let (task, log) = (&mut self.tasks[at], &self.log);
        task.call = Call::begin(task.pid, |fd, closes| log.end(task.pid, fd, &processes, closes));
        let Some(call) = &mut task.call else { return };
        if !task.takes_part && call.kind == Some(Kind::Wait) {
            call.kind = None;
        }
        if !task.takes_part && call.kind.is_some_and(|kind| kind != Kind::Terminal) {
            task.takes_part = true;
            self.named.push(task.first);
            // The first one has the name of the session: it is the program, whatever started it.
            let number = self.named.iter().filter(|first| **first == task.first).count();
            if number > 1 {
                task.program.name =
                    format!("{}/{number}", task.program.name.split('/').next().unwrap_or_default());
            }
        }
        let name = &task.program.name;
        match call.number {
            // A thread's own end: with its process it ends in exit_group.
            libc::SYS_exit if task.pid != task.process && task.takes_part => {
                self.log.note(format!("{name} ends"));
            }
            libc::SYS_io_uring_setup => {
                self.failure = Some(format!("{name} uses io_uring, whose calls nobody can see"));
            }
            _ => {}
        }
    }

    /// True when the program has shown that it will do this call for ever.
    fn returns(&mut self, at: usize) -> bool {
        let task = &mut self.tasks[at];
        let Some(call) = task.call.take() else { return false };
        let Some((line, moved)) = self.log.returns(&task.program, task.pid, &call) else {
            return false;
        };
        // What moves bytes ends when there are no more, and what waits is no loop without end.
        if call.blocked || moved {
            task.last = (String::new(), 0);
        } else if task.last.0 == line {
            task.last.1 += 1;
        } else {
            task.last = (line, 1);
        }
        task.last.1 >= WITHOUT_END
    }

    /// The first that may have the turn.
    fn next(&self) -> Option<usize> {
        let may = |task: &Task| task.held.is_some() && task.last.1 < WITHOUT_END;
        self.tasks.iter().position(may)
    }

    /// Is every task held or asleep, and nothing on its way to one of them?
    fn settled(&mut self) -> bool {
        // The tasks first: the segments of one that is about to end stand under its end.
        self.tasks.iter().all(|task| task.held.is_some() || !task.awaited && task.sleeps())
            && self.log.hear_the_wire()
    }

    fn run(&mut self) -> Result<(), String> {
        if let Some(terminal) = self.typed.take() {
            keyboard::wait(&terminal, PATIENCE);
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut news = false;
            while self.hear(WaitPidFlag::WNOHANG) {
                news = true;
            }
            if let Some(failure) = &self.failure {
                return Err(failure.clone());
            }
            if Instant::now() >= deadline {
                return Err(self.stalled());
            }
            match self.tasks.iter().position(|task| Some(task.pid) == self.turn) {
                Some(at) if self.tasks[at].held.is_some() => self.go_on(at),
                Some(at) if !news && self.tasks[at].sleeps() => {
                    let task = &mut self.tasks[at];
                    if let Some(call) = &mut task.call {
                        self.log.blocks(&task.program, task.pid, call);
                    }
                    self.turn = None;
                    continue;
                }
                None if self.settled() => {
                    let Some(at) = self.next() else { return Ok(()) };
                    self.turn = Some(self.tasks[at].pid);
                    continue;
                }
                _ => {}
            }
            self.pause(MOMENT);
        }
    }

    /// Kills the program and what it has started; false when nothing is left of it.
    fn end_all(&mut self, pid: Pid) -> bool {
        let mut left = false;
        for task in self.tasks.iter_mut().filter(|task| task.first == pid) {
            // The session is over for it: its end is no event.
            (task.takes_part, task.ended) = (false, None);
            let _ = kill(task.process, Signal::SIGKILL);
            left = true;
        }
        left
    }

    fn stalled(&self) -> String {
        let busy = |task: &&Task| match self.turn {
            Some(turn) => task.pid == turn,
            None => task.held.is_none() && (task.awaited || !task.sleeps()),
        };
        let who = self.tasks.iter().find(busy).map(|task| {
            let call = task.call.as_ref().map(|call| match call.kind {
                Some(Kind::Terminal) => "in a write to its terminal".to_owned(),
                Some(_) => format!("in {}", call.text),
                None => format!("in system call {}", call.number),
            });
            let call = call.unwrap_or_else(|| "outside system calls".to_owned());
            format!("{}, {call}, does not come to wait for anybody", task.program.name)
        });
        let who = who.unwrap_or_else(|| "a segment does not arrive".to_owned());
        format!("{who}, for {} seconds", PATIENCE.as_secs())
    }
}

impl Witness for Tracer {
    fn command(&self, words: &[String]) -> Vec<String> {
        start::command(words)
    }

    fn adopt(&mut self, name: &str, pid: Pid) -> Result<End> {
        let held = start::seize(pid).map_err(|err| {
            let why = match err {
                Errno::ENOENT => "there is no such program, or it cannot be executed".to_owned(),
                _ => format!("this system lets nobody trace a program ({err})"),
            };
            anyhow!(self.failure.insert(format!("{name}: {why}")).clone())
        })?;
        let terminal = calls::link(pid, 0).context("the program has no terminal")?;
        self.log.unbox(&terminal);
        let program = Program { name: name.to_owned(), terminal };
        let (sender, receiver) = channel();
        let task = Task::new(pid, pid, pid, program);
        self.tasks.push(Task { held: Some(held), ended: Some(sender), ..task });
        Ok(Box::new(move || receiver.recv().unwrap_or(Exit::Signal(Signal::SIGKILL))))
    }

    fn keys(&mut self, pid: Pid, keys: &[u8]) {
        let Some(first) = self.tasks.iter().find(|task| task.first == pid) else { return };
        let program = first.program.clone();
        let [collects, signals, echoes] = keyboard::modes(&program.terminal);
        let any = |of: &[u8]| keys.iter().any(|key| of.contains(key));
        let interrupts = signals && any(b"\x03\x1c");
        // A terminal that collects a line gives it when it ends. Who reads takes the keys as they come.
        if interrupts || !collects || any(b"\r\n\x04") {
            let waits = |task: &&mut Task| task.first == pid && task.held.is_none();
            let reads = |task: &&mut Task| task.call.as_ref().is_some_and(Call::reads_keys);
            let mut tasks = self.tasks.iter_mut().filter(waits);
            match tasks.find(|task| interrupts || reads(task)) {
                Some(task) => task.awaited = true,
                None if interrupts => {}
                None => self.typed = Some(program.terminal.clone()),
            }
        }
        if echoes {
            let echo: Vec<u8> =
                keys.iter().map(|key| if *key == b'\r' { b'\n' } else { *key }).collect();
            self.log.shows(&program, &echo);
        }
    }

    fn rest(&mut self) -> Result<()> {
        let rested = self.run();
        rested.map_err(|failure| anyhow!(self.failure.insert(failure).clone()))
    }

    fn wakes(&mut self, moment: Instant) -> bool {
        self.pause(moment.saturating_duration_since(Instant::now()));
        self.hear(WaitPidFlag::WNOHANG)
    }

    fn end(&mut self, pid: Pid) {
        // A process is gone only when somebody has asked after each of its threads, and what it was
        // just about to start comes to be heard of meanwhile.
        while self.end_all(pid) && self.hear(WaitPidFlag::empty()) {}
    }

    fn note(&mut self, text: &str) {
        self.log.note(format!("* {text}"));
    }
}

/// The signal that tells when a task has stopped or ended.
pub(super) fn stops() -> SigSet {
    SigSet::from_iter([Signal::SIGCHLD])
}
