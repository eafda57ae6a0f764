//! Who is on: programs on terminals, raw peers, and the ports that stand for those of the session.

mod seat;
mod start;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::report::Failure;
pub(super) use seat::Seat;

use crate::contract::PORT;
use crate::course::cast::Cast;
use crate::course::session::{Act, AtTerminal, Net, Session, Step, quote};
use crate::rig::folder::Folder;
use crate::rig::hub::{Hub, MOMENT, PATIENCE};
use crate::rig::peer::Peer;
use crate::rig::ports::{Claim, Ports};
use crate::rig::process::Exit;
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
                    // All is quiet by now, and so is what was sent.
                    peer.receive_all(MOMENT);
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

impl Drop for Actors<'_> {
    /// While the server still runs: its own end would come first otherwise, and keep its port.
    fn drop(&mut self) {
        if self.loose() {
            self.reset(|_| true);
        }
    }
}
