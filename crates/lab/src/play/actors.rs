//! Who is on: programs on terminals, raw peers, and the ports that stand for those of the session.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::report::Failure;
use crate::contract::{self, PORT};
use crate::course::cast::Cast;
use crate::course::session::{Session, Start, Step, quote};
use crate::course::stages;
use crate::rig::hub::{DEADLINE, Hub};
use crate::rig::peer::Peer;
use crate::rig::ports::{self, Ports};
use crate::rig::terminal::Terminal;
use crate::rig::witness::Watch;

/// A recording, and a report, takes what is printed until this long nothing more comes.
pub(super) const QUIET: Duration = Duration::from_millis(200);
/// A program that prints on and on is quiet enough after this time.
const SETTLED: Duration = Duration::from_secs(2);
/// Lines of a flood that a report shows.
const FLOOD_SHOWN: usize = 6;

pub(super) struct Actors<'a> {
    cast: &'a Cast,
    pub hub: Arc<Hub>,
    pub ports: Ports,
    /// In the order in which they came.
    pub on: Vec<(String, Actor)>,
    pub watch: Option<Watch>,
    /// How long somebody takes for each letter that is typed at a prompt.
    pub letter: Duration,
}

pub(super) enum Actor {
    Terminal(Seat),
    Peer(Peer),
}

/// A program at its terminal.
pub(super) struct Seat {
    pub name: String,
    pub terminal: Terminal,
    /// A server of one of the stages: it says where it listens.
    says_where: bool,
    serves: bool,
    /// Every line counts, and the prompt is waited for.
    pub exact: bool,
}

impl Actors<'_> {
    pub(super) fn new(cast: &Cast, watch: Option<Watch>) -> Actors<'_> {
        let mut ports = Ports::default();
        if let Some(addr) = cast.addr {
            ports.learn(addr.port(), PORT);
        }
        Actors {
            cast,
            hub: Arc::new(Hub::default()),
            ports,
            on: Vec::new(),
            watch,
            letter: Duration::ZERO,
        }
    }

    /// Lets the programs run until all wait, if a witness decides that.
    pub(super) fn rest(&self) -> Result<()> {
        self.watch.as_ref().map_or(Ok(()), |watch| watch.borrow_mut().rest())
    }

    pub(super) fn note(&self, step: &Step) {
        if let Some(watch) = &self.watch {
            watch.borrow_mut().note(&step.to_string());
        }
    }

    pub(super) fn find(&mut self, name: &str) -> Result<(&mut Actor, &Hub, &mut Ports)> {
        let actor = self.on.iter_mut().find(|(known, _)| known == name);
        let (_, actor) = actor.with_context(|| format!("{name} is not started"))?;
        Ok((actor, &self.hub, &mut self.ports))
    }

    pub(super) fn start(&mut self, name: &str, start: &Start) -> Result<(), Failure> {
        // Who came under this name before leaves first.
        self.on.retain(|(known, _)| known != name);
        let actor = match start {
            Start::Program(words) => Actor::Terminal(self.program(name, words, start)?),
            Start::Connect => Actor::Peer(self.connect()?),
            Start::Listen => Actor::Peer(self.listen()?),
        };
        self.on.push((name.to_owned(), actor));
        Ok(())
    }

    fn program(&mut self, name: &str, words: &[String], start: &Start) -> Result<Seat> {
        let first = words.first().map_or("", String::as_str);
        let part = match first {
            "{server}" => Some((&self.cast.server, "a server: --server CMD")),
            "{client}" => Some((&self.cast.client, "a client: --client CMD")),
            _ => None,
        };
        let mut words = match part {
            Some((part, need)) => {
                part.clone().with_context(|| format!("the session needs {need}"))?
            }
            None => words.to_vec(),
        };
        let program = words.first().cloned().unwrap_or_default();
        let own = stages::program(&program);
        let ours = own.is_some();
        let serves = first == "{server}" || program.ends_with("-server");
        if let Some(own) = own {
            let path = self.cast.programs.join(own);
            if !path.is_file() {
                bail!("there is no {program}: cargo build --bins --examples builds it");
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
        let terminal = Terminal::start(name, &words, &self.hub, self.watch.clone())?;
        Ok(Seat {
            name: name.to_owned(),
            terminal,
            says_where: ours && serves,
            serves,
            // A witness has seen it come to rest: there is no prompt to wait for.
            exact: !start.is_anybodys() && self.watch.is_none(),
        })
    }

    /// The address of the server: as one of ours says, or a free one that a program is told.
    fn address(&mut self) -> Result<SocketAddr> {
        if let Some(addr) = self.cast.addr {
            return Ok(addr);
        }
        if let Some(port) = self.ports.real(PORT) {
            return Ok((Ipv4Addr::LOCALHOST, port).into());
        }
        let port = match self.seats().find(|seat| seat.says_where) {
            Some(Seat { name, terminal, .. }) => {
                let listening = |_| {
                    terminal.look(|screen| {
                        let over = screen.over().is_some();
                        let lines = screen.all();
                        let addr = lines.iter().find_map(|line| contract::listening(line));
                        (addr.is_some() || over).then_some(addr)
                    })
                };
                let addr = self.hub.watch(listening).ok().flatten();
                addr.with_context(|| format!("{name} does not say where it listens"))?.port()
            }
            None => ports::reserve()?,
        };
        self.ports.learn(port, PORT);
        Ok((Ipv4Addr::LOCALHOST, port).into())
    }

    /// Connects a raw peer, as soon as the server listens.
    fn connect(&mut self) -> Result<Peer, Failure> {
        let addr = self.address()?;
        let servers: Vec<&Seat> = self.seats().filter(|seat| seat.serves).collect();
        // Only a connection shows that a program listens, so another one is tried in a moment.
        let connected = self.hub.watch(|_| {
            let over = servers.iter().find_map(|Seat { name, terminal, .. }| {
                let exit = terminal.look(|screen| screen.over().cloned())?;
                Some(format!("nobody listens there: {name} has ended ({exit})"))
            });
            match Peer::connect(addr, DEADLINE) {
                Ok(peer) => Some(Ok(peer)),
                Err(err) if err.kind() == ErrorKind::ConnectionRefused => over.map(Err),
                Err(err) => Some(Err(err.to_string())),
            }
        });
        let nobody = |why| format!("nobody listens there: {why}");
        let peer = connected
            .unwrap_or_else(|why| Err(nobody(why)))
            .map_err(|got| Failure::new("a connection".to_owned(), got))?;
        if let Some(port) = peer.port() {
            self.ports.learn_client(port);
        }
        Ok(peer)
    }

    fn listen(&mut self) -> Result<Peer> {
        let listener = match self.cast.addr {
            Some(addr) => TcpListener::bind(addr)
                .with_context(|| format!("failed to bind to {addr}, given by --addr"))?,
            None => ports::listen()?,
        };
        self.ports.learn(listener.local_addr()?.port(), PORT);
        Ok(Peer::listen(listener))
    }

    fn seats(&self) -> impl Iterator<Item = &Seat> {
        self.on.iter().filter_map(|(_, actor)| match actor {
            Actor::Terminal(seat) => Some(seat),
            Actor::Peer(_) => None,
        })
    }

    /// A terminal whose last expectation was exact shows nothing beyond it.
    pub(super) fn nothing_more(&self, session: &Session) -> Result<(), Failure> {
        for Seat { name, terminal, .. } in self.seats().filter(|seat| seat.exact) {
            if session.ends_loosely(name) {
                continue;
            }
            if terminal.look(|screen| screen.exit.is_some()) {
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

    /// What each terminal shows and each raw peer has, once all is quiet, for a report.
    pub(super) fn shows(&mut self) -> Vec<(String, Vec<String>)> {
        // What is on its way helps to understand.
        self.settle();
        let ports = &self.ports;
        let shows = self.on.iter_mut().map(|(name, actor)| {
            let lines = match actor {
                Actor::Terminal(Seat { terminal, .. }) => terminal.look(|screen| {
                    let mut lines = screen.all();
                    if screen.flooded() {
                        lines.truncate(FLOOD_SHOWN);
                        lines.push("(and so on, without end)".to_owned());
                    }
                    lines.extend(screen.exit.as_ref().map(|exit| format!("({exit})")));
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
        shows.collect()
    }

    /// Waits until nothing more is printed, but not long for a program that prints on and on.
    pub(super) fn settle(&self) {
        let total = || -> usize {
            self.seats().map(|seat| seat.terminal.look(|screen| screen.all().len())).sum()
        };
        let deadline = Instant::now() + SETTLED;
        loop {
            let seen = total();
            let news = self.hub.wait(Instant::now() + QUIET, || (total() != seen).then_some(()));
            // On a busy machine a program may be about to print, and only lack the time for it.
            let rest = self.seats().all(|seat| seat.terminal.rests());
            let flood = self.hub.flood().is_some();
            if news.is_none() && rest || flood || Instant::now() >= deadline {
                break;
            }
        }
    }
}
