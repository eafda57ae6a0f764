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
use crate::course::session::{Act, AtTerminal, Net, Session, Start, Step, quote};
use crate::course::stages;
use crate::rig::blocked::{self, Thread};
use crate::rig::folder::Folder;
use crate::rig::hub::{Hub, PATIENCE, Why};
use crate::rig::peer::{Peer, Place};
use crate::rig::ports::{self, Claim, Ports};
use crate::rig::proc;
use crate::rig::process::{self, Exit};
use crate::rig::sockets::{self, Socket};
use crate::rig::terminal::Terminal;
use crate::rig::witness::Watch;

/// A recording, and a report, takes what is printed until this long nothing more comes.
pub(super) const QUIET: Duration = Duration::from_millis(200);
/// A program that prints on and on is quiet enough after this time.
const SETTLED: Duration = Duration::from_secs(2);
/// Whoever listens on this machine answers within this time.
const GLANCE: Duration = Duration::from_secs(1);
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
    /// What is unwise and not wrong, one line each.
    pub notes: Vec<String>,
    /// How each of anybody's programs was told the address.
    pub tellings: Vec<String>,
    /// The command of each program, with ports as sessions show them.
    commands: Vec<(String, String)>,
    /// Ports of its own choice, which nobody else gets meanwhile.
    claims: Vec<Claim>,
    /// Has it been looked at where the server listens?
    noted: bool,
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
    pub serves: bool,
    /// Every line counts, and the prompt is waited for.
    pub exact: bool,
    /// Anybody's: of it no line is known beforehand.
    pub loose: bool,
    /// When somebody last typed, and what was to be seen of the program before.
    pub typed: Option<(Instant, Seen)>,
    /// What was typed last.
    pub line: Option<String>,
    /// How many descriptors it had open when they were counted.
    pub descriptors: usize,
}

/// The bytes that a program has printed, and where its threads are.
pub(super) type Seen = (usize, Vec<Thread>);

impl Actors<'_> {
    pub(super) fn new(net: Net, cast: &Cast, watch: Option<Watch>) -> Actors<'_> {
        let mut ports = Ports::default();
        if let Some(addr) = cast.addrs.first() {
            ports.learn(addr.port(), PORT);
        }
        let patience = cast.patience.unwrap_or(PATIENCE);
        let hub = Arc::new(Hub::new(patience));
        Actors {
            cast,
            net,
            folder: None,
            hub,
            ports,
            on: Vec::new(),
            watch,
            letter: Duration::ZERO,
            notes: Vec::new(),
            tellings: Vec::new(),
            commands: Vec::new(),
            claims: Vec::new(),
            noted: false,
        }
    }

    /// Lets the programs run until all wait, if a witness decides that.
    pub(super) fn rest(&self) -> Result<()> {
        self.watch.as_ref().map_or(Ok(()), |watch| watch.borrow_mut().rest())
    }

    /// All rest before the eyes of a witness, and nothing is on its way. If this raw peer has nothing to
    /// receive, only a time-out can bring it something.
    pub(super) fn let_time_pass(&mut self, name: &str) -> Result<()> {
        let Some(watch) = self.watch.clone() else { return Ok(()) };
        let (actor, hub, _) = self.find(name)?;
        if matches!(actor, Actor::Peer(peer) if !peer.has_news())
            && hub.watch(|moment| watch.borrow_mut().wakes(moment).then_some(())).is_ok()
        {
            watch.borrow_mut().rest()?;
        }
        Ok(())
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
        if self.loose() {
            self.reset(|known| known == name);
        }
        self.on.retain(|(known, _)| known != name);
        let actor = match start {
            Start::Program(words) => Actor::Terminal(self.program(name, words, start)?),
            Start::Connect(net) => Actor::Peer(self.connect(net)?),
            Start::Listen(net) => Actor::Peer(self.listen(net)?),
        };
        self.on.push((name.to_owned(), actor));
        Ok(())
    }

    fn program(&mut self, name: &str, words: &[String], start: &Start) -> Result<Seat, Failure> {
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
                return Err(Failure::cannot(format!(
                    "there is no {program}: cargo build --bins --examples builds it"
                )));
            }
            words[0] = path.to_string_lossy().into_owned();
        }
        let shown = match &self.net {
            Net::Unix(name) => name.clone(),
            net => SocketAddr::new(net.host(), PORT).to_string(),
        };
        let chooses = !matches!(self.net, Net::Unix(_));
        // A server of ours chooses its port and prints it; any other program is told the address.
        if ours && words.len() == 1 && serves && chooses && self.cast.addrs.is_empty() {
            words.push(SocketAddr::new(self.net.host(), 0).to_string());
        } else if ports::has_place(&words)
            || part.is_some() && self.cast.addrs.is_empty()
            || ours && words.len() == 1
        {
            let told = self.told()?;
            let how = ports::tell(&mut words, &told);
            if part.is_some() {
                let told = self.ports.show(&told);
                let telling = format!("{name} was told the address {told} {how}");
                // Who is started again is told the same.
                if !self.tellings.contains(&telling) {
                    self.tellings.push(telling);
                }
            }
        } else if words.iter().skip(1).any(|word| word.contains(&shown)) {
            let told = self.told()?;
            for word in &mut words[1..] {
                *word = word.replace(&shown, &told);
            }
        } else if let (Some(_), Some(addr)) = (part, self.cast.addrs.first()) {
            self.tellings
                .push(format!("{name} was told no address: --addr says that it uses {addr}"));
        }
        // Before there is a program: whoever answers now is not the one that is examined.
        let taken = |addr: &&SocketAddr| {
            !matches!(self.net, Net::Udp) && Peer::connect(&Place::Tcp(**addr), GLANCE).is_ok()
        };
        if serves
            && part.is_some()
            && self.watch.is_none()
            && let Some(addr) = self.cast.addrs.iter().find(taken)
        {
            return Err(Failure::cannot(format!(
                "somebody answers at {addr} before your server is started: end that program first"
            )));
        }
        self.commands.retain(|(known, _)| known != name);
        self.commands.push((name.to_owned(), self.ports.show(&shell_words::join(&words))));
        let terminal = Terminal::start(name, &words, &self.hub, self.watch.clone())
            .map_err(|err| Failure::cannot(format!("{err:#}")))?;
        Ok(Seat {
            name: name.to_owned(),
            terminal,
            says_where: ours && serves,
            serves,
            // A witness has seen it come to rest: there is no prompt to wait for.
            exact: !start.is_anybodys() && self.watch.is_none(),
            loose: start.is_anybodys() && self.watch.is_none(),
            typed: None,
            line: None,
            descriptors: 0,
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
        if !self.cast.addrs.is_empty() {
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
        if let Some(addr) = self.cast.addrs.first() {
            return Ok(*addr);
        }
        let host = self.net.host();
        if let Some(port) = self.ports.real(PORT) {
            return Ok(SocketAddr::new(host, port));
        }
        let said =
            self.seats().find(|seat| seat.says_where).map(|Seat { name, terminal, .. }| {
                let listening = |_| {
                    terminal.look(|screen| {
                        let over = screen.over().is_some();
                        let lines = screen.all();
                        let addr = lines.iter().find_map(|line| contract::listening(line));
                        (addr.is_some() || over).then_some(addr)
                    })
                };
                let addr = self.hub.watch(listening).ok().flatten();
                addr.with_context(|| format!("{name} does not say where it listens"))
            });
        let port = match said {
            Some(addr) => addr?.port(),
            None => {
                let place = internet(&self.net, SocketAddr::new(host, 0));
                let (port, claim) = ports::reserve(&place)?;
                self.claims.push(claim);
                port
            }
        };
        self.ports.learn(port, PORT);
        Ok(SocketAddr::new(host, port))
    }

    /// Connects a raw peer, as soon as the server listens.
    fn connect(&mut self, net: &Net) -> Result<Peer, Failure> {
        let places = match self.cast.addrs.as_slice() {
            [] => vec![self.place(net, None)?],
            addrs => addrs.iter().map(|addr| internet(net, *addr)).collect(),
        };
        let servers: Vec<&Seat> = self.seats().filter(|seat| seat.serves).collect();
        // Only a connection shows that a program listens, so another one is tried in a moment.
        let connected = self.hub.watch(|_| {
            // What a program has started may live on, and listen.
            let over = servers.iter().find(|seat| {
                seat.terminal.look(|screen| screen.over().is_some())
                    && process::family(seat.terminal.pid()).len() < 2
            });
            for place in &places {
                match Peer::connect(place, PATIENCE) {
                    Ok(peer) => return Some(Ok(peer)),
                    Err(err) if nobody_there(&err) => {}
                    Err(err) => return Some(Err(err.to_string())),
                }
            }
            over.map(|seat| Err(format!("nobody listens there: {}", seat.end())))
        });
        let peer = connected
            .unwrap_or_else(|why| Err(self.why_nobody_listens(&why)))
            .map_err(|got| Failure::new("a connection".to_owned(), self.ports.show(&got)))?;
        if !std::mem::replace(&mut self.noted, true) {
            self.note_where_it_listens();
        }
        if let Some(addr) = peer.local() {
            self.ports.learn_client(addr.port());
        }
        Ok(peer)
    }

    fn why_nobody_listens(&self, why: &Why) -> String {
        let servers = self.seats().filter(|seat| seat.serves);
        let found = servers.map(|seat| (&seat.name, seat.listening()));
        match found.into_iter().next() {
            _ if matches!(why, Why::Flood(..) | Why::GivenUp) => why.to_string(),
            Some((name, sockets)) if !sockets.is_empty() => {
                let mut addrs: Vec<SocketAddr> =
                    sockets.iter().map(|socket| socket.local).collect();
                addrs.sort();
                addrs.dedup();
                let addrs: Vec<String> = addrs.iter().map(ToString::to_string).collect();
                let addrs = self.ports.show(&addrs.join(" and "));
                let why = match self.net {
                    Net::Udp => " with TCP, and takes no datagrams",
                    _ => ", not where it was told",
                };
                format!("nobody listens there: {name} listens at {addrs}{why}")
            }
            _ => format!("nobody listens there: {why}"),
        }
    }

    /// What is unwise about where a program listens, and how.
    fn note_where_it_listens(&mut self) {
        let mut notes = Vec::new();
        for seat in self.seats().filter(|seat| seat.loose && seat.serves) {
            let name = &seat.name;
            let listening = seat.listening();
            let ips = listening.iter().map(|socket| socket.local.ip());
            if let Some(ip) = ips.min().filter(|ip| ip.is_unspecified()) {
                notes.push(format!(
                    "{name} listens at {ip}, every address of this machine: others in its network \
                     reach it"
                ));
            }
            if listening.iter().any(|socket| !socket.reuses) {
                notes.push(format!(
                    "{name} does not set SO_REUSEADDR: when it ends with connections open, it \
                     cannot be started again for a minute"
                ));
            }
        }
        self.notes.extend(notes);
    }

    fn listen(&mut self, net: &Net) -> Result<Peer, Failure> {
        let any = SocketAddr::new(net.host(), 0);
        let addr = self.cast.addrs.first().copied();
        let place = self.place(net, Some(addr.unwrap_or(any)))?;
        let socket = match addr {
            Some(addr) => place.bind().map_err(|err| {
                let taken = match err.kind() {
                    ErrorKind::AddrInUse => ": another program has the port, end it first",
                    _ => "",
                };
                Failure::cannot(format!("failed to bind to {addr}, given by --addr: {err}{taken}"))
            })?,
            None => {
                let (socket, claim) = ports::listen(&place)?;
                self.claims.extend(claim);
                socket
            }
        };
        if let Some(addr) = socket.local_addr()?.as_socket() {
            self.ports.learn(addr.port(), PORT);
        }
        Ok(Peer::listen(socket, &place))
    }

    pub(super) fn seed(&self) -> Option<u64> {
        self.cast.seed
    }

    /// The step as a report has it: with the command of anybody's program.
    pub(super) fn shown(&self, step: &Step) -> String {
        let anybodys = matches!(&step.act, Act::Start(start) if start.is_anybodys());
        let command = self.commands.iter().find(|(name, _)| anybodys && *name == step.name);
        command.map_or_else(|| step.to_string(), |(name, command)| format!("{name} $ {command}"))
    }

    /// A program that ends well says so with its exit status.
    pub(super) fn note_the_end(&mut self, step: &Step) {
        let Act::Terminal(AtTerminal::Ends(None)) = step.act else { return };
        let ended = self.seats().find(|seat| seat.name == step.name).and_then(|seat| {
            let exit = seat.terminal.look(|screen| screen.exit.clone())?;
            let wanted = seat.line.as_deref().is_none_or(|line| line == "q");
            (wanted && seat.loose && exit != Exit::Status(0)).then(|| seat.end())
        });
        self.notes.extend(ended.map(|end| format!("{end}; what goes well ends with 0")));
    }

    /// Is one of anybody's programs on?
    pub(super) fn loose(&self) -> bool {
        self.seats().any(|seat| seat.loose)
    }

    /// Resets the connections of raw peers that are open: no end of them keeps a port for a while. Where no
    /// port is needed again, it closes them, as a client does: not every server has learned what a reset is.
    fn reset(&mut self, which: impl Fn(&str) -> bool) {
        for (name, actor) in &mut self.on {
            match actor {
                Actor::Peer(peer) if which(name) && self.cast.addrs.is_empty() => peer.close(),
                Actor::Peer(peer) if which(name) => drop(peer.reset()),
                _ => {}
            }
        }
    }

    pub(super) fn seats(&self) -> impl Iterator<Item = &Seat> {
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
                self.hub.wait(self.hub.deadline(), || {
                    terminal.look(|screen| screen.over().map(|_| ()))
                });
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
            let rest = self.seats().all(|seat| seat.terminal.rests()) && !self.hub.passes_on();
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

impl Seat {
    /// How it ended, and the last that it said.
    pub(super) fn end(&self) -> String {
        let (exit, last) = self.terminal.look(|screen| {
            let last = screen.all().into_iter().rev().find(|line| !line.trim().is_empty());
            (screen.exit.clone(), last)
        });
        let exit = exit.map_or_else(|| "in an unknown way".to_owned(), |exit| exit.to_string());
        match last {
            Some(last) if self.loose => format!("{} has ended ({exit}): {last}", self.name),
            _ => format!("{} has ended ({exit})", self.name),
        }
    }

    /// Somebody is about to type, this line or only a key.
    pub(super) fn type_now(&mut self, line: Option<&str>) {
        if self.loose {
            self.typed = Some((Instant::now(), self.seen()));
            self.line = line.map(str::to_owned);
        }
    }

    pub(super) fn seen(&self) -> Seen {
        let threads = blocked::threads(&[(self.name.clone(), self.terminal.pid())]);
        (self.terminal.look(|screen| screen.bytes()), threads)
    }

    /// How long it has run with all that it has started, and how long the worst off has waited for a core.
    pub(super) fn core_time(&self) -> (Duration, Duration) {
        let family = process::family(self.terminal.pid());
        let times = family.into_iter().map(proc::core_time);
        times.fold(Default::default(), |(ran, waited), (run, wait)| (ran + run, waited.max(wait)))
    }

    /// How many descriptors it has open, with all that it has started.
    pub(super) fn count(&self) -> usize {
        proc::descriptors(&process::family(self.terminal.pid()))
    }

    /// Its sockets, and those of what it has started.
    pub(super) fn sockets(&self) -> Vec<Socket> {
        sockets::of(&process::family(self.terminal.pid()))
    }

    fn listening(&self) -> Vec<Socket> {
        let mut sockets = self.sockets();
        sockets.retain(|socket| socket.listens);
        sockets
    }
}

impl Drop for Actors<'_> {
    /// While the server still runs: its own end would come first otherwise, and keep its port.
    fn drop(&mut self) {
        if self.loose() {
            self.reset(|_| true);
        }
    }
}
