//! Who is on: programs on terminals, raw peers, and the ports that stand for those of the session.

use std::io::{Error, ErrorKind};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::report::Failure;
use crate::contract::{self, PORT};
use crate::course::cast::Cast;
use crate::course::session::{Net, Session, Start, Step, quote};
use crate::course::stages;
use crate::rig::folder::Folder;
use crate::rig::hub::{DEADLINE, Hub};
use crate::rig::peer::{Peer, Place};
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
    /// What programs are told to speak.
    net: Net,
    /// Where the files of Unix sockets are, once there is one.
    folder: Option<Folder>,
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
    pub(super) fn new(net: Net, cast: &Cast, watch: Option<Watch>) -> Actors<'_> {
        let mut ports = Ports::default();
        if let Some(addr) = cast.addr {
            ports.learn(addr.port(), PORT);
        }
        Actors {
            cast,
            net,
            folder: None,
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
            Start::Connect(net) => Actor::Peer(self.connect(net)?),
            Start::Listen(net) => Actor::Peer(self.listen(net)?),
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
        let shown = match &self.net {
            Net::Unix(name) => name.clone(),
            net => SocketAddr::new(net.host(), PORT).to_string(),
        };
        let chooses = !matches!(self.net, Net::Unix(_));
        // A server of ours chooses its port and prints it; any other program is told the address.
        if ours && words.len() == 1 && serves && chooses && self.cast.addr.is_none() {
            words.push(SocketAddr::new(self.net.host(), 0).to_string());
        } else if words.iter().any(|word| word.contains("{addr}"))
            || part.is_some() && self.cast.addr.is_none()
            || ours && words.len() == 1
        {
            ports::tell(&mut words, &self.told()?);
        } else if words.iter().skip(1).any(|word| word.contains(&shown)) {
            let told = self.told()?;
            for word in &mut words[1..] {
                *word = word.replace(&shown, &told);
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

    /// What a program is told: an address, or the file of a Unix socket.
    fn told(&mut self) -> Result<String> {
        Ok(match self.net.clone() {
            Net::Unix(name) => self.file(&name)?.to_string_lossy().into_owned(),
            Net::Tcp | Net::Tcp6 | Net::Udp => self.address()?.to_string(),
        })
    }

    /// A file in a folder that lasts as long as the play.
    fn file(&mut self, name: &str) -> Result<PathBuf> {
        if self.cast.addr.is_some() {
            bail!("the session uses the Unix socket {name}: it cannot be played with --addr");
        }
        if self.folder.is_none() {
            let folder = Folder::of_its_own("lab-socket")?;
            self.ports.learn_folder(folder.path());
            self.folder = Some(folder);
        }
        let folder = self.folder.as_ref().context("there is no folder")?;
        Ok(folder.path().join(name))
    }

    /// Where a raw peer connects to the server, or listens at this address.
    fn place(&mut self, net: &Net, addr: Option<SocketAddr>) -> Result<Place> {
        let addr = match (net, addr) {
            (Net::Unix(name), _) => return Ok(Place::Unix(self.file(name)?)),
            (_, Some(addr)) => addr,
            (net, None) => SocketAddr::new(net.host(), self.address()?.port()),
        };
        Ok(internet(net, addr))
    }

    /// The address of the server: as one of ours says, or a free one that a program is told.
    fn address(&mut self) -> Result<SocketAddr> {
        if let Some(addr) = self.cast.addr {
            return Ok(addr);
        }
        let host = self.net.host();
        if let Some(port) = self.ports.real(PORT) {
            return Ok(SocketAddr::new(host, port));
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
            None => ports::reserve(&internet(&self.net, SocketAddr::new(host, 0)))?,
        };
        self.ports.learn(port, PORT);
        Ok(SocketAddr::new(host, port))
    }

    /// Connects a raw peer, as soon as the server listens.
    fn connect(&mut self, net: &Net) -> Result<Peer, Failure> {
        let place = self.place(net, self.cast.addr)?;
        let servers: Vec<&Seat> = self.seats().filter(|seat| seat.serves).collect();
        // Only a connection shows that a program listens, so another one is tried in a moment.
        let connected = self.hub.watch(|_| {
            let over = servers.iter().find_map(|Seat { name, terminal, .. }| {
                let exit = terminal.look(|screen| screen.over().cloned())?;
                Some(format!("nobody listens there: {name} has ended ({exit})"))
            });
            match Peer::connect(&place, DEADLINE) {
                Ok(peer) => Some(Ok(peer)),
                Err(err) if nobody_there(&err) => over.map(Err),
                Err(err) => Some(Err(err.to_string())),
            }
        });
        let nobody = |why| format!("nobody listens there: {why}");
        let peer = connected
            .unwrap_or_else(|why| Err(nobody(why)))
            .map_err(|got| Failure::new("a connection".to_owned(), got))?;
        if let Some(addr) = peer.local() {
            self.ports.learn_client(addr.port());
        }
        Ok(peer)
    }

    fn listen(&mut self, net: &Net) -> Result<Peer> {
        let any = SocketAddr::new(net.host(), 0);
        let place = self.place(net, Some(self.cast.addr.unwrap_or(any)))?;
        let socket = match self.cast.addr {
            Some(addr) => place
                .bind()
                .with_context(|| format!("failed to bind to {addr}, given by --addr"))?,
            None => ports::listen(&place)?,
        };
        if let Some(addr) = socket.local_addr()?.as_socket() {
            self.ports.learn(addr.port(), PORT);
        }
        Ok(Peer::listen(socket, &place))
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
                    let pieces = peer.pieces().into_iter().map(quote);
                    pieces
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

fn internet(net: &Net, addr: SocketAddr) -> Place {
    match net {
        Net::Udp => Place::Udp(addr),
        Net::Tcp | Net::Tcp6 | Net::Unix(_) => Place::Tcp(addr),
    }
}

/// May somebody listen there in a moment? A Unix socket has no file before.
fn nobody_there(err: &Error) -> bool {
    matches!(err.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound)
}
