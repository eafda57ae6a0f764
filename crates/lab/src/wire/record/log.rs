//! The lines of a recording, as they come to be.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Result;
use nix::unistd::Pid;

use super::calls::{self, Call, End, Kind};
use super::segments::Tap;
use super::text;
use crate::rig::ports::Ports;
use crate::rig::screen::Screen;

/// Who is meant by a line: the name in the session, and the terminal it has.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub name: String,
    pub terminal: PathBuf,
}

/// What is known of a socket: the port that it listens on, or that of the client of its connection.
#[derive(Clone, Copy, Debug, Default)]
struct Socket {
    port: Option<u16>,
    listens: bool,
}

pub(super) struct Log {
    lines: Vec<String>,
    tap: Tap,
    ports: Ports,
    /// The TCP sockets, by what their descriptors link to: threads, children and copies share them.
    sockets: BTreeMap<PathBuf, Socket>,
    /// Who waits for one of several and has only looked at the clock in between.
    patient: BTreeSet<Pid>,
    /// What people see, by terminal, and the unfinished line that has been recorded last.
    screens: BTreeMap<PathBuf, (Screen, String)>,
}

impl Log {
    /// # Errors
    ///
    /// As [`Tap::open`].
    pub(super) fn open() -> Result<Log> {
        Ok(Log {
            lines: Vec::new(),
            tap: Tap::open()?,
            ports: Ports::default(),
            sockets: BTreeMap::new(),
            patient: BTreeSet::new(),
            screens: BTreeMap::new(),
        })
    }

    #[must_use]
    pub(super) fn text(&self) -> String {
        text::fold(&self.lines)
    }

    /// A terminal is new, though one before it may have had its name.
    pub(super) fn unbox(&mut self, terminal: &Path) {
        self.screens.remove(terminal);
    }

    /// Takes down what has gone over the wire; true when nothing is under way.
    pub(super) fn hear_the_wire(&mut self) -> bool {
        self.tap.look(&mut self.ports, &mut self.lines)
    }

    /// Something that happens after what is on the wire, and may cause what follows there.
    pub(super) fn note(&mut self, line: String) {
        self.hear_the_wire();
        self.lines.push(line);
    }

    /// The end of a program, whose sockets the kernel has closed by now.
    pub(super) fn ends(&mut self, line: String) {
        self.lines.push(line);
        self.hear_the_wire();
    }

    /// What a descriptor of this task leads to; `processes` are those of its program.
    ///
    /// A socket has a name where the program has several connections, and a closed one that listens.
    #[must_use]
    pub(super) fn end(&self, pid: Pid, fd: u64, processes: &[Pid], closes: bool) -> Option<End> {
        let link = calls::link(pid, fd)?;
        let Some(socket) = self.sockets.get(&link) else {
            let terminal = link.starts_with("/dev/pts") || link == Path::new("/dev/tty");
            return terminal.then_some(End::Terminal);
        };
        let named = match socket.listens {
            true => closes,
            false => self.connections(processes) > 1,
        };
        Some(End::Socket(socket.port.filter(|_| named)))
    }

    /// How many connections these processes hold.
    fn connections(&self, processes: &[Pid]) -> usize {
        let connection = |link: &PathBuf| {
            self.sockets.get(link).is_some_and(|socket| !socket.listens && socket.port.is_some())
        };
        let held: BTreeSet<PathBuf> = processes.iter().flat_map(|pid| calls::links(*pid)).collect();
        held.iter().filter(|link| connection(link)).count()
    }

    /// Keeps what a call has made of a socket.
    fn learn(&mut self, pid: Pid, call: &Call, number: i64, line: &str) {
        let port = |text: &str| text.rsplit_once(':')?.1.trim_end_matches(')').parse().ok();
        let Some(link) = call.made(number).and_then(|fd| calls::link(pid, fd)) else { return };
        let known = self.sockets.entry(link).or_default();
        match call.kind {
            Some(Kind::Accept) => known.port = port(line),
            Some(Kind::Other) if call.text.starts_with("bind(") => {
                known.port = port(&call.text).filter(|port| *port != 0);
            }
            Some(Kind::Other) if call.text.starts_with("listen(") => known.listens = true,
            Some(Kind::Other) => known.port = self.tap.opened.take().or(known.port),
            _ => {}
        }
    }

    /// The call does not return for now.
    pub(super) fn blocks(&mut self, program: &Program, pid: Pid, call: &mut Call) {
        if call.blocked || matches!(call.kind, None | Some(Kind::Terminal)) {
            return;
        }
        call.blocked = true;
        if self.still_waits(program, pid, call) {
            return;
        }
        if matches!(call.kind, Some(Kind::Keyboard | Kind::Wait)) {
            self.unfinished(program);
        }
        self.lines.push(format!("{} {} ...", program.name, call.text));
        self.hear_the_wire();
    }

    /// The call returns; gives its line, and whether it has moved something.
    pub(super) fn returns(
        &mut self,
        program: &Program,
        pid: Pid,
        call: &Call,
    ) -> Option<(String, bool)> {
        let kind = call.kind?;
        let (number, result) = call.result(pid)?;
        let waited = self.still_waits(program, pid, call) || call.blocked;
        match kind {
            Kind::Terminal => {
                let output = call.data(pid, usize::try_from(number).unwrap_or(0));
                self.shows(program, &output);
                return None;
            }
            Kind::Wait if !waited => return None,
            Kind::Wait if number == 0 => {
                self.patient.insert(pid);
                return None;
            }
            _ => {}
        }
        // What a call sends stands under it; what it has waited for stands above its return.
        let dots = if waited { "... " } else { "" };
        if waited {
            self.hear_the_wire();
        }
        let line = format!("{} {dots}{} = {result}", program.name, call.text);
        let line = self.ports.show(&line);
        self.lines.push(line.clone());
        self.hear_the_wire();
        self.learn(pid, call, number, &line);
        Some((line, number > 0))
    }

    /// Does it only wait on, after a look at the clock? If it does something else, it has given up.
    fn still_waits(&mut self, program: &Program, pid: Pid, call: &Call) -> bool {
        let patient = self.patient.remove(&pid);
        if patient && call.kind != Some(Kind::Wait) {
            self.lines.push(format!("{} ... poll() = 0", program.name));
            return false;
        }
        patient
    }

    /// The program prints, or the terminal shows what is typed.
    pub(super) fn shows(&mut self, program: &Program, output: &[u8]) {
        let (screen, unfinished) = self.screen(program);
        // The terminal makes a new line of every end of a line (termios(3), ONLCR).
        let mut shown = Vec::new();
        for piece in output.split_inclusive(|byte| *byte == b'\n') {
            shown.extend(piece.strip_suffix(b"\n").unwrap_or(piece));
            shown.extend(piece.strip_suffix(b"\n").map_or(&b""[..], |_| b"\r\n"));
        }
        screen.show(&shown);
        let lines = screen.unread().to_vec();
        screen.advance(lines.len());
        if !lines.is_empty() {
            unfinished.clear();
        }
        for line in lines {
            let shown = text::line(&self.ports.show(&line));
            self.lines.push(format!("{} shows {shown}", program.name));
        }
    }

    /// The line that the cursor is in, if there is something new in it.
    pub(super) fn unfinished(&mut self, program: &Program) {
        let (screen, last) = self.screen(program);
        let row = screen.row();
        if row.is_empty() || row == *last {
            return;
        }
        last.clone_from(&row);
        let shown = text::line(&self.ports.show(&row));
        self.lines.push(format!("{} shows {shown}", program.name));
    }

    fn screen(&mut self, program: &Program) -> &mut (Screen, String) {
        let new = || (Screen::new(), String::new());
        self.screens.entry(program.terminal.clone()).or_insert_with(new)
    }
}
