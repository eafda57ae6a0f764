//! How programs and raw peers come on: what they are told, where they listen, and who is there already.

use std::io::{Error, ErrorKind};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::{Actor, Actors, Seat};
use crate::contract::{self, PORT};
use crate::course::session::{Net, Start};
use crate::course::stages;
use crate::play::report::Failure;
use crate::rig::folder::Folder;
use crate::rig::hub::{PATIENCE, Why};
use crate::rig::peer::{Peer, Place};
use crate::rig::ports;
use crate::rig::process;
use crate::rig::terminal::Terminal;

/// Whoever listens on this machine answers within this time.
const GLANCE: Duration = Duration::from_secs(1);

impl Actors<'_> {
    pub(in crate::play) fn start(&mut self, name: &str, start: &Start) -> Result<(), Failure> {
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
            counted: 0,
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
