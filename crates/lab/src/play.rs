//! Plays a session: starts, types, sends, and waits for what must appear. It never sleeps.

pub mod report;

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use crate::contract::{self, PORT, PROMPT};
use crate::course::cast::Cast;
use crate::course::session::{Act, Closed, Deed, Session, Step, quote};
use crate::play::report::{Failure, Report};
use crate::rig::hub::Hub;
use crate::rig::peer::{End, Peer};
use crate::rig::ports::{self, Ports};
use crate::rig::process::{self, Exit};
use crate::rig::terminal::{Screen, Terminal};

/// What must happen within this time, or the step fails. It never makes a step wait longer.
pub const DEADLINE: Duration = Duration::from_secs(5);
/// How long a look at a socket waits before it looks at the terminals again.
const MOMENT: Duration = Duration::from_millis(20);
/// A recording, and a report, takes what is printed until this long nothing more comes.
const QUIET: Duration = Duration::from_millis(200);
/// A terminal that shows what is typed has shown it after this time.
const ECHO: Duration = Duration::from_millis(500);
/// A program that prints on and on is quiet enough after this time.
const SETTLED: Duration = Duration::from_secs(2);
/// Lines of a flood that a report shows.
const FLOOD_SHOWN: usize = 6;

/// What the audience of a live play is shown.
pub enum Scene<'a> {
    Before(&'a Step),
    /// The step held; the text is what appeared, with ports as sessions show them.
    Held(&'a Step, &'a str),
}

enum Actor {
    Terminal {
        terminal: Terminal,
        /// One of the stages' binaries: it says where it listens.
        ours: bool,
        serves: bool,
        /// Every line counts, and the prompt is waited for.
        exact: bool,
    },
    Peer(Peer),
}

struct Player<'a> {
    cast: &'a Cast,
    hub: Arc<Hub>,
    actors: Vec<(String, Actor)>,
    ports: Ports,
}

/// Plays the session to its end; every process and socket of it is gone when this returns.
///
/// # Errors
///
/// A step did not hold; the report says which, and what the terminals show.
pub fn play(
    session: &Session,
    cast: &Cast,
    show: &mut dyn FnMut(Scene),
) -> Result<(), Box<Report>> {
    let mut player = Player::new(cast);
    let mut held = Vec::new();
    for step in &session.steps {
        show(Scene::Before(step));
        match player.step(step) {
            Ok(text) => {
                show(Scene::Held(step, &text));
                held.push(step.to_string());
            }
            Err(failure) => return Err(player.report(session, held, step.to_string(), failure)),
        }
    }
    player.nothing_more(session).map_err(|failure| {
        player.report(session, held, "the end of the session".to_owned(), failure)
    })
}

/// Plays the session and returns its file with what was really printed.
///
/// What the file says is typed, sent and done stays; so do its comments and its `~` lines.
///
/// # Errors
///
/// A step that acts could not be done.
pub fn record(session: &Session, cast: &Cast) -> Result<String> {
    let mut player = Player::new(cast);
    let mut steps = session.steps.iter().peekable();
    let mut written = String::new();
    for (number, line) in session.source.iter().enumerate().map(|(i, line)| (i + 1, line)) {
        let Some(step) = steps.next_if(|step| step.line == number) else {
            written.push_str(line);
            written.push('\n');
            continue;
        };
        if matches!(step.act, Act::Line(_) | Act::Bytes(_)) {
            continue;
        }
        if !matches!(step.act, Act::Contains(_) | Act::Closed(Closed::SoonerOrLater)) {
            player.write_down(&mut written, &left_alone(session, number))?;
        }
        let text = player
            .record_step(step)
            .map_err(|failure| anyhow!("{}:{number}: {step}: {failure}", session.path.display()))?;
        written.push_str(&text);
        written.push('\n');
    }
    player.write_down(&mut written, &left_alone(session, usize::MAX))?;
    Ok(written)
}

/// Whose output a recording leaves to the steps from this line on: a `~` will look for it, or it
/// stays unread.
fn left_alone(session: &Session, line: usize) -> Vec<&str> {
    let mut left: Vec<&str> = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for step in &session.steps {
        let name = step.name.as_str();
        if step.act == Act::Unread {
            left.push(name);
        }
        if step.line >= line && "|~=".contains(step.mark) && !seen.contains(&name) {
            seen.push(name);
            if matches!(step.act, Act::Contains(_)) {
                left.push(name);
            }
        }
    }
    left
}

impl Player<'_> {
    fn new(cast: &Cast) -> Player<'_> {
        let mut ports = Ports::default();
        if let Some(addr) = cast.addr {
            ports.learn(addr.port(), PORT);
        }
        Player { cast, hub: Arc::new(Hub::default()), actors: Vec::new(), ports }
    }

    /// Does the step; the text is what appeared.
    fn step(&mut self, step: &Step) -> Result<String, Failure> {
        let name = &step.name;
        match &step.act {
            Act::Start(words) => self.start(name, words)?,
            Act::Connect => self.connect(name)?,
            Act::Listen => self.listen(name)?,
            Act::Type(text) => self.type_line(name, text)?,
            Act::Do(deed) => self.do_deed(name, deed)?,
            Act::Line(expected) => self.line(name, expected)?,
            Act::Contains(expected) => return self.contains(name, expected),
            Act::Ends(status) => self.ends(name, *status)?,
            Act::Send(bytes, times) => {
                self.come(name)?;
                self.peer(name)?.send(bytes, *times, Instant::now() + DEADLINE)?;
            }
            Act::Bytes(expected) => self.bytes(name, expected)?,
            Act::Closed(closed) => self.closed(name, *closed)?,
            Act::Unread => {
                self.come(name)?;
                let deadline = Instant::now() + DEADLINE;
                while !self.peer(name)?.has_unread(MOMENT)? {
                    if Instant::now() >= deadline {
                        return Err(Failure::new("bytes to leave unread".into(), "nothing".into()));
                    }
                }
            }
            Act::HalfClose => {
                self.come(name)?;
                self.peer(name)?.half_close()?;
            }
            Act::Close => {
                self.come(name)?;
                self.peer(name)?.close();
            }
            Act::Reset => {
                self.come(name)?;
                self.peer(name)?.reset()?;
            }
        }
        Ok(step.rest.clone())
    }

    fn start(&mut self, name: &str, words: &[String]) -> Result<()> {
        // A program that was started under this name ends before its successor starts.
        self.actors.retain(|(known, _)| known != name);
        let first = words.first().map_or("", String::as_str);
        let part = match first {
            "{server}" => Some(
                self.cast.server.as_ref().context("the session needs a server: --server CMD")?,
            ),
            "{client}" => Some(
                self.cast.client.as_ref().context("the session needs a client: --client CMD")?,
            ),
            _ => None,
        };
        let mut words = part.cloned().unwrap_or_else(|| words.to_vec());
        let program = words.first().cloned().unwrap_or_default();
        let ours = is_stage_program(&program);
        let serves = first == "{server}" || program.ends_with("-server");
        if ours {
            let path = self.cast.programs.join(&program);
            if !path.is_file() {
                bail!("there is no {program}: cargo build --workspace builds it");
            }
            words[0] = path.to_string_lossy().into_owned();
        }
        let shown = format!("{}:{PORT}", Ipv4Addr::LOCALHOST);
        // A server of ours chooses its port and prints it; any other program is told the address.
        if ours && words.len() == 1 && serves && self.cast.addr.is_none() {
            words.push(format!("{}:0", Ipv4Addr::LOCALHOST));
        } else if words.iter().any(|word| word.contains("{addr}"))
            || part.is_some() && self.cast.addr.is_none()
            || ours && words.len() == 1
        {
            ports::tell(&mut words, &self.address()?.to_string());
        } else if words.iter().skip(1).any(|word| word.contains(&shown)) {
            self.address()?;
            for word in &mut words[1..] {
                *word = self.ports.hide(word);
            }
        }
        let terminal = Terminal::start(&words, &self.hub)?;
        let exact = part.is_none();
        self.actors.push((name.to_owned(), Actor::Terminal { terminal, ours, serves, exact }));
        Ok(())
    }

    /// The address of the server: as one of ours says, or a free one that a program is told.
    fn address(&mut self) -> Result<SocketAddr> {
        if let Some(addr) = self.cast.addr {
            return Ok(addr);
        }
        if let Some(port) = self.ports.real(PORT) {
            return Ok((Ipv4Addr::LOCALHOST, port).into());
        }
        let server = self.actors.iter().find_map(|(name, actor)| match actor {
            Actor::Terminal { terminal, ours: true, serves: true, .. } => Some((name, terminal)),
            _ => None,
        });
        let port = match server {
            Some((name, terminal)) => self
                .hub
                .wait(Instant::now() + DEADLINE, || {
                    terminal.look(|screen| {
                        let lines = screen.all();
                        let addr = lines.iter().find_map(|line| contract::listening(line));
                        match screen.over() {
                            None => addr.map(|addr| Some(addr.port())),
                            Some(_) => Some(addr.map(|addr| addr.port())),
                        }
                    })
                })
                .flatten()
                .with_context(|| format!("{name} does not say where it listens"))?,
            None => ports::reserve()?,
        };
        self.ports.learn(port, PORT);
        Ok((Ipv4Addr::LOCALHOST, port).into())
    }

    /// Connects a raw peer, as soon as the server listens.
    fn connect(&mut self, name: &str) -> Result<(), Failure> {
        let addr = self.address()?;
        let deadline = Instant::now() + DEADLINE;
        let expected = || "a connection".to_owned();
        let peer = loop {
            match Peer::connect(addr, DEADLINE) {
                Ok(peer) => break peer,
                Err(err) if err.kind() == ErrorKind::ConnectionRefused => {}
                Err(err) => return Err(Failure::new(expected(), err.to_string())),
            }
            let servers = self.actors.iter().filter_map(|(name, actor)| match actor {
                Actor::Terminal { terminal, serves: true, .. } => Some((name, terminal)),
                _ => None,
            });
            // Only a connection shows that a program listens, so another one is tried in a moment.
            let ended = self.hub.wait(deadline.min(Instant::now() + MOMENT), || {
                servers.clone().find_map(|(name, terminal)| {
                    let exit = terminal.look(|screen| screen.over().cloned())?;
                    Some(format!("nobody listens there: {name} has ended ({exit})"))
                })
            });
            if let Some(got) = ended {
                return Err(Failure::new(expected(), got));
            }
            if Instant::now() >= deadline {
                let got = format!("nobody listens there after {} seconds", DEADLINE.as_secs());
                return Err(Failure::new(expected(), got));
            }
        };
        if let Some(port) = peer.port() {
            self.ports.learn_client(port);
        }
        self.actors.retain(|(known, _)| known != name);
        self.actors.push((name.to_owned(), Actor::Peer(peer)));
        Ok(())
    }

    fn listen(&mut self, name: &str) -> Result<()> {
        self.actors.retain(|(known, _)| known != name);
        let listener = match self.cast.addr {
            Some(addr) => TcpListener::bind(addr)
                .with_context(|| format!("failed to bind to {addr}, given by --addr"))?,
            None => ports::listen()?,
        };
        self.ports.learn(listener.local_addr()?.port(), PORT);
        let peer = Peer::listen(listener);
        self.actors.push((name.to_owned(), Actor::Peer(peer)));
        Ok(())
    }

    fn actor(&mut self, name: &str) -> Result<&mut Actor> {
        let actor = self.actors.iter_mut().find(|(known, _)| known == name);
        Ok(&mut actor.with_context(|| format!("{name} is not started"))?.1)
    }

    fn peer(&mut self, name: &str) -> Result<&mut Peer> {
        match self.actor(name)? {
            Actor::Peer(peer) => Ok(peer),
            Actor::Terminal { .. } => bail!("{name} is a terminal, not a raw peer"),
        }
    }

    fn terminal(&mut self, name: &str) -> Result<(&mut Terminal, bool)> {
        match self.actor(name)? {
            Actor::Terminal { terminal, exact, .. } => Ok((terminal, *exact)),
            Actor::Peer(_) => bail!("{name} is a raw peer, not a terminal"),
        }
    }

    /// Waits until a look at the terminal gives a value; says why when none comes.
    fn watch<T>(
        &mut self,
        name: &str,
        expected: &str,
        mut look: impl FnMut(&mut Screen) -> Option<T>,
    ) -> Result<T, Failure> {
        self.terminal(name)?;
        let fail = |got: String| Failure::new(expected.to_owned(), got);
        let seen = self.hub.wait(Instant::now() + DEADLINE, || {
            let Some(Actor::Terminal { terminal, .. }) = self.find(name) else { return None };
            // First: what a program prints before it ends is there when it has ended.
            let over = terminal.look(|screen| screen.over().cloned());
            if let Some(value) = terminal.look(&mut look) {
                return Some(Ok(value));
            }
            if let Some(got) = self.flooding() {
                return Some(Err(got));
            }
            over.map(|exit| Err(format!("nothing more: {name} has ended ({exit})")))
        });
        match seen {
            Some(Ok(value)) => Ok(value),
            Some(Err(got)) => Err(fail(got)),
            None => Err(fail(format!("nothing more for {} seconds", DEADLINE.as_secs()))),
        }
    }

    fn find(&self, name: &str) -> Option<&Actor> {
        self.actors.iter().find(|(known, _)| known == name).map(|(_, actor)| actor)
    }

    fn flooding(&self) -> Option<String> {
        self.actors.iter().find_map(|(name, actor)| match actor {
            Actor::Terminal { terminal, .. } if terminal.look(|screen| screen.flooded()) => {
                let last = terminal.look(|screen| screen.last().map(str::to_owned));
                Some(match last {
                    Some(last) => format!("{name} prints without end: {last}"),
                    None => format!("{name} prints without end"),
                })
            }
            _ => None,
        })
    }

    fn type_line(&mut self, name: &str, text: &str) -> Result<(), Failure> {
        if self.terminal(name)?.1 {
            let got =
                self.watch(name, &format!("the prompt {PROMPT}"), |screen| match screen.next() {
                    Some(line) => Some(Err(line.to_owned())),
                    None => (screen.row() == PROMPT).then_some(Ok(())),
                })?;
            got.map_err(|line| {
                Failure::new(format!("the prompt {PROMPT}"), self.ports.show(&line))
            })?;
        }
        let (terminal, exact) = self.terminal(name)?;
        terminal.press(format!("{text}\r").as_bytes())?;
        if exact {
            self.line(name, &format!("{PROMPT}{text}"))?;
            return Ok(());
        }
        // The terminal shows what is typed a little later, and a program may have turned that off.
        let deadline = Instant::now() + ECHO;
        let hub = Arc::clone(&self.hub);
        let terminal = self.terminal(name)?.0;
        hub.wait(deadline, || {
            let shown =
                terminal.look(|screen| screen.all().iter().any(|line| line.ends_with(text)));
            shown.then_some(())
        });
        Ok(())
    }

    fn do_deed(&mut self, name: &str, deed: &Deed) -> Result<(), Failure> {
        let (terminal, exact) = self.terminal(name)?;
        match deed {
            Deed::Kill => {
                terminal.kill();
                self.watch(name, "the program ends", |screen| screen.exit().cloned())?;
            }
            Deed::Resize(cols, rows) => terminal.resize(*cols, *rows)?,
            Deed::Ahead(keys) => terminal.press(keys)?,
            Deed::Keys(keys) => {
                if exact {
                    // A key pressed before the prompt would go to the terminal, not to the program.
                    self.watch(name, "a prompt", |screen| {
                        screen.row().starts_with(PROMPT).then_some(())
                    })?;
                }
                self.terminal(name)?.0.press(keys)?;
            }
        }
        Ok(())
    }

    fn line(&mut self, name: &str, expected: &str) -> Result<(), Failure> {
        let got = self.watch(name, expected, |screen| screen.next().map(str::to_owned))?;
        if !self.ports.matches(expected, &got) {
            return Err(Failure::at_difference(expected, &self.ports.show(&got)));
        }
        self.terminal(name)?.0.look(|screen| screen.advance(1));
        Ok(())
    }

    fn contains(&mut self, name: &str, expected: &str) -> Result<String, Failure> {
        let exact = self.terminal(name)?.1;
        let ports = std::mem::take(&mut self.ports);
        let found = self.watch(name, &format!("a line that contains {expected:?}"), |screen| {
            while let Some(line) = screen.next().map(|line| ports.show(line)) {
                if line.contains(expected) {
                    screen.advance(1);
                    return Some(line);
                }
                screen.skip(1);
            }
            // Anybody's program need not end its lines; ours do, and half a line is not the line.
            Some(ports.show(&screen.row())).filter(|row| !exact && row.contains(expected))
        });
        self.ports = ports;
        found
    }

    fn ends(&mut self, name: &str, status: Option<u8>) -> Result<(), Failure> {
        let expected =
            status.map_or("the program ends".to_owned(), |status| format!("exit {status}"));
        let exit = self.watch(name, &expected, |screen| screen.exit().cloned())?;
        match status {
            Some(status) if exit != Exit::Status(status.into()) => {
                Err(Failure::new(expected, exit.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// Waits until a client has come to a raw peer that listens.
    fn come(&mut self, name: &str) -> Result<(), Failure> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            // First: a client that has come and gone is in the queue by now.
            let over = self.actors.iter().find_map(|(name, actor)| match actor {
                Actor::Terminal { terminal, .. } => {
                    let exit = terminal.look(|screen| screen.over().cloned())?;
                    Some(format!("nobody: {name} has ended ({exit})"))
                }
                Actor::Peer(_) => None,
            });
            if self.peer(name)?.connected(MOMENT)? {
                return Ok(());
            }
            let late = || format!("nobody for {} seconds", DEADLINE.as_secs());
            if let Some(got) = over.or_else(|| (Instant::now() >= deadline).then(late)) {
                return Err(Failure::new("a client that connects".to_owned(), got));
            }
        }
    }

    /// Receives until `done` says so, the connection ends or the deadline comes; false then.
    fn receive(
        &mut self,
        name: &str,
        expected: &str,
        mut done: impl FnMut(&mut Peer) -> bool,
    ) -> Result<bool, Failure> {
        self.come(name)?;
        let deadline = Instant::now() + DEADLINE;
        while !done(self.peer(name)?) {
            let news = self.peer(name)?.receive(MOMENT)?;
            if !news && let Some(got) = self.flooding() {
                return Err(Failure::new(expected.to_owned(), got));
            }
            if Instant::now() >= deadline || !news && self.peer(name)?.end.is_some() {
                return Ok(done(self.peer(name)?));
            }
        }
        Ok(true)
    }

    fn bytes(&mut self, name: &str, expected: &[u8]) -> Result<(), Failure> {
        let shown = quote(expected);
        let came = self.receive(name, &shown, |peer| {
            let n = peer.received().len().min(expected.len());
            n == expected.len() || peer.received()[..n] != expected[..n]
        })?;
        let peer = self.peer(name)?;
        if came && peer.received().starts_with(expected) {
            peer.take(expected.len());
            return Ok(());
        }
        Err(Failure::at_difference(&shown, &describe(peer)))
    }

    fn closed(&mut self, name: &str, closed: Closed) -> Result<(), Failure> {
        let expected = match closed {
            Closed::End | Closed::SoonerOrLater => "the end of the stream (0 bytes)",
            Closed::Reset => "a reset",
            Closed::EndOrReset => "the end of the stream (0 bytes) or a reset",
        };
        self.receive(name, expected, |peer| {
            if closed == Closed::SoonerOrLater {
                peer.take(usize::MAX);
            }
            peer.end.is_some() || !peer.received().is_empty()
        })?;
        let peer = self.peer(name)?;
        let right = match closed {
            Closed::End | Closed::SoonerOrLater => peer.end == Some(End::Finished),
            Closed::Reset => peer.end == Some(End::Reset),
            Closed::EndOrReset => peer.end.is_some(),
        };
        match right && peer.received().is_empty() {
            true => Ok(()),
            false => Err(Failure::new(expected.to_owned(), describe(peer))),
        }
    }

    /// A terminal whose last expectation was exact shows nothing beyond it.
    fn nothing_more(&self, session: &Session) -> Result<(), Failure> {
        for (name, actor) in &self.actors {
            let Actor::Terminal { terminal, exact: true, .. } = actor else { continue };
            let last = session
                .steps
                .iter()
                .rev()
                .find(|step| &step.name == name && "|~".contains(step.mark));
            if last.is_some_and(|step| step.mark == '~') {
                continue;
            }
            if terminal.look(|screen| screen.exit().is_some()) {
                let deadline = Instant::now() + DEADLINE;
                self.hub.wait(deadline, || terminal.look(|screen| screen.over().map(|_| ())));
            }
            if let Some(line) = terminal.look(|screen| screen.next().map(str::to_owned)) {
                let expected = format!("nothing more on the terminal of {name}");
                return Err(Failure::new(expected, self.ports.show(&line)));
            }
        }
        Ok(())
    }

    fn report(
        &mut self,
        session: &Session,
        held: Vec<String>,
        step: String,
        failure: Failure,
    ) -> Box<Report> {
        // What is on its way helps to understand.
        self.settle();
        process::stop_if_ending();
        let ports = &self.ports;
        let shows = self.actors.iter_mut().map(|(name, actor)| {
            let lines = match actor {
                Actor::Terminal { terminal, .. } => terminal.look(|screen| {
                    let mut lines = screen.all();
                    if screen.flooded() {
                        lines.truncate(FLOOD_SHOWN);
                        lines.push("(and so on, without end)".to_owned());
                    }
                    lines.extend(screen.exit().map(|exit| format!("({exit})")));
                    lines.iter().map(|line| ports.show(line)).collect()
                }),
                Actor::Peer(peer) => {
                    peer.receive_all(QUIET);
                    let bytes = (!peer.received().is_empty()).then(|| quote(peer.received()));
                    bytes
                        .into_iter()
                        // How it ended may depend on who was faster once a step has failed.
                        .chain(peer.end.map(|_| "(the connection has ended)".to_owned()))
                        .collect()
                }
            };
            (name.clone(), lines)
        });
        let shows = shows.collect();
        Box::new(Report::new(session, held, step, failure, shows))
    }

    fn record_step(&mut self, step: &Step) -> Result<String, Failure> {
        let name = &step.name;
        let actual = match &step.act {
            Act::Ends(Some(_)) => {
                self.watch(name, "the program ends", |screen| screen.exit().cloned())?.to_string()
            }
            Act::Closed(closed) if *closed != Closed::SoonerOrLater => {
                self.receive(name, "the end of the connection", |peer| peer.end.is_some())?;
                match self.peer(name)?.end {
                    Some(End::Finished) => "end".to_owned(),
                    Some(End::Reset) => "reset".to_owned(),
                    None => {
                        return Err(Failure::new(
                            "the end of the connection".to_owned(),
                            "none".to_owned(),
                        ));
                    }
                }
            }
            _ => {
                self.step(step)?;
                return Ok(step.to_string());
            }
        };
        Ok(format!("{name} {} {actual}", step.mark))
    }

    /// Waits until nothing more is printed, but not long for a program that prints on and on.
    fn settle(&self) {
        let total = |player: &Player| -> usize {
            player
                .actors
                .iter()
                .map(|(_, actor)| match actor {
                    Actor::Terminal { terminal, .. } => terminal.look(|screen| screen.all().len()),
                    Actor::Peer(_) => 0,
                })
                .sum()
        };
        let deadline = Instant::now() + SETTLED;
        loop {
            let seen = total(self);
            let news =
                self.hub.wait(Instant::now() + QUIET, || (total(self) != seen).then_some(()));
            // On a busy machine a program may be about to print, and only lack the time for it.
            let rest = self.actors.iter().all(|(_, actor)| match actor {
                Actor::Terminal { terminal, .. } => terminal.rests(),
                Actor::Peer(_) => true,
            });
            if news.is_none() && rest || Instant::now() >= deadline {
                break;
            }
        }
    }

    /// Writes down what was printed and received since the last step, but for the names `left`.
    fn write_down(&mut self, written: &mut String, left: &[&str]) -> Result<()> {
        self.settle();
        for (name, actor) in &mut self.actors {
            if left.contains(&name.as_str()) {
                continue;
            }
            match actor {
                Actor::Terminal { terminal, .. } => {
                    let lines = terminal.look(|screen| {
                        let lines = screen.unread().to_vec();
                        screen.advance(lines.len());
                        lines
                    });
                    for line in lines {
                        self.ports.learn_line(&line);
                        let line = format!("{name} | {}", self.ports.show(&line));
                        written.push_str(line.trim_end());
                        written.push('\n');
                    }
                }
                Actor::Peer(peer) => {
                    if peer.connected(QUIET)? {
                        peer.receive_all(QUIET);
                    }
                    if !peer.received().is_empty() {
                        written.push_str(&format!("{name} | {}\n", quote(peer.received())));
                        peer.take(usize::MAX);
                    }
                }
            }
        }
        Ok(())
    }
}

fn describe(peer: &Peer) -> String {
    let end = peer.end.map_or("nothing", End::name);
    match (peer.received(), peer.end) {
        ([], _) => end.to_owned(),
        (bytes, None) => quote(bytes),
        (bytes, Some(_)) => format!("{}, then {end}", quote(bytes)),
    }
}

/// Is this the name of one of the stages' binaries, such as `stage3-server`?
fn is_stage_program(name: &str) -> bool {
    let Some((stage, part)) = name.strip_prefix("stage").and_then(|rest| rest.split_once('-'))
    else {
        return false;
    };
    stage.parse::<u8>().is_ok() && ["server", "client", "send-only-client"].contains(&part)
}
