//! The cause of a failure, as far as the system's own tables show it.

use super::actors::{Actor, Actors};
use super::report::{Failure, Report, Seen};
use crate::course::session::{Act, AtPeer, AtTerminal, Net, Session, Start, Step};
use crate::rig::blocked::{Thread, Wait};
use crate::rig::peer::Peer;
use crate::rig::process;
use crate::rig::sockets::Socket;

/// A socket, and the name of the program that has it.
type End<'a> = (&'a str, Socket);

impl Actors<'_> {
    /// The report of a failure: what is to be seen of everybody, before they end.
    pub(super) fn report(
        &mut self,
        session: &Session,
        held: Vec<String>,
        step: Option<&Step>,
        failure: Failure,
    ) -> Box<Report> {
        let failure = failure.shown_by(&self.ports);
        let shows = self.shows();
        process::stop_if_ending();
        // Where somebody got the wrong thing, nobody's waiting is at fault.
        let nothing_came = failure.got.contains("nothing") || failure.got.starts_with("nobody");
        let waits = if nothing_came { self.where_they_wait(step) } else { Vec::new() };
        let failed =
            step.map_or_else(|| "the end of the session".to_owned(), |step| self.shown(step));
        let cause = step.and_then(|step| self.cause(session, step, held.len()));
        let seen = Seen { shows, waits, told: self.tellings.clone(), cause };
        Box::new(Report::new(session, held, failed, failure, seen))
    }

    /// Where each program is that still runs, in words, one line for each kind of place.
    fn where_they_wait(&self, step: Option<&Step>) -> Vec<String> {
        let ends = self.ends();
        let mut lines: Vec<(String, usize)> = Vec::new();
        let threads = self.hub.threads();
        for thread in &threads {
            let line = format!("{} {}", thread.program, self.words(thread, &ends));
            match lines.iter_mut().find(|(known, _)| *known == line) {
                Some((_, times)) => *times += 1,
                None => lines.push((line, 1)),
            }
        }
        // What only waits for its like says nothing where somebody says more.
        let idle = |line: &String| line.ends_with(OTHER_THREAD);
        if lines.iter().any(|(line, _)| !idle(line)) {
            lines.retain(|(line, _)| !idle(line));
        }
        let mut lines: Vec<String> = lines
            .into_iter()
            .map(|(line, times)| match times {
                1 => line,
                _ => format!("{line} ({times} threads)"),
            })
            .collect();
        lines.extend(step.and_then(|step| self.both_wait(step, &threads, &ends)));
        lines.iter().map(|line| self.ports.show(line)).collect()
    }

    fn words(&self, thread: &Thread, ends: &[End]) -> String {
        let of = |inode| self.other_side(inode, ends);
        match thread.wait {
            Wait::Accept => "waits in `accept` for a client, and nobody is coming".to_owned(),
            Wait::Read(socket) => match of(socket) {
                Some(name) => format!("waits in `read` for bytes from {name}"),
                None => "waits in `read` at a socket".to_owned(),
            },
            Wait::Write(socket) => match of(socket) {
                Some(name) => format!("waits in `write` until {name} reads"),
                None => "waits in `write` at a socket".to_owned(),
            },
            ref other => other.to_string(),
        }
    }

    /// The sockets of all programs.
    fn ends(&self) -> Vec<End<'_>> {
        let mut ends = Vec::new();
        for seat in self.seats() {
            ends.extend(seat.sockets().into_iter().map(|socket| (&*seat.name, socket)));
        }
        ends
    }

    /// Who is at the other end of a socket of a program.
    fn other_side(&self, inode: u64, ends: &[End]) -> Option<String> {
        let (_, socket) = ends.iter().find(|(_, socket)| socket.inode == inode)?;
        let remote = socket.remote?;
        let peers = self.on.iter().filter_map(|(name, actor)| match actor {
            Actor::Peer(peer) => (peer.local()? == remote).then_some(&**name),
            Actor::Terminal(_) => None,
        });
        let programs = ends
            .iter()
            .filter_map(|(name, other)| other.is_other_end(socket.local, remote).then_some(*name));
        peers.chain(programs).next().map(str::to_owned)
    }

    /// Does a raw peer wait for a program that waits for it?
    fn both_wait(&self, step: &Step, threads: &[Thread], ends: &[End]) -> Option<String> {
        let Act::Peer(AtPeer::Bytes(_) | AtPeer::Answers(_) | AtPeer::Closed(_) | AtPeer::Unread) =
            step.act
        else {
            return None;
        };
        let reads = |thread: &&Thread| match thread.wait {
            Wait::Read(socket) => {
                self.other_side(socket, ends).is_some_and(|name| name == step.name)
            }
            _ => false,
        };
        let program = &threads.iter().find(reads)?.program;
        Some(format!("{} waits for {program} too: both wait to read from each other", step.name))
    }

    /// The likely cause, as far as the system knows more of it than the failure says.
    fn cause(&self, session: &Session, step: &Step, held: usize) -> Option<&'static str> {
        match &step.act {
            Act::Terminal(AtTerminal::Contains(text)) => self.unseen(session, step, held, text),
            Act::Peer(AtPeer::Bytes(_)) => self
                .waits_for_more(session, step, held)
                .or_else(|| self.unaccepted(&session.steps[..held])),
            _ => None,
        }
    }

    /// Does the client read on where one line was typed after an answer?
    fn waits_for_more(&self, session: &Session, step: &Step, held: usize) -> Option<&'static str> {
        let [.., answer, line] = &session.steps[..held] else { return None };
        let answered = answer.name == step.name && matches!(answer.act, Act::Peer(AtPeer::Send(_)));
        let typed = matches!(line.act, Act::Terminal(AtTerminal::Type(_)));
        let reads = self.both_wait(step, &self.hub.threads(), &self.ends()).is_some();
        let nothing_came = self.on.iter().any(|(name, actor)| match actor {
            Actor::Peer(peer) => *name == step.name && peer.received().is_empty(),
            Actor::Terminal(_) => false,
        });
        (answered && typed && reads && nothing_came).then_some(
            "The client has read the answer, and waits for more of it: take what one read gives. No newline, no full buffer and no end will come.",
        )
    }

    /// Why a text has not appeared on a terminal.
    fn unseen(
        &self,
        session: &Session,
        step: &Step,
        held: usize,
        text: &str,
    ) -> Option<&'static str> {
        let (_, Actor::Terminal(seat)) = self.on.iter().find(|(name, _)| *name == step.name)?
        else {
            return None;
        };
        if !seat.loose {
            return None;
        }
        let (raw, lines) = seat.terminal.look(|screen| (screen.raw_contains(text), screen.all()));
        let seen = lines.iter().any(|line| line.contains(text));
        if raw && !seen {
            return Some(
                "The text was printed, and the terminal obeyed what came with it: print control characters escaped, as {:?} or repr does.",
            );
        }
        let without_blanks = |text: &str| text.split_whitespace().collect::<String>();
        let words = without_blanks(text);
        if words != text && lines.iter().any(|line| without_blanks(line).contains(&words)) {
            return Some(
                "Blanks are missing in what was printed: print all that came, as it came.",
            );
        }
        let sockets = seat.sockets();
        let sends = |step: &Step| matches!(step.act, Act::Peer(AtPeer::Send(_)));
        if sockets.iter().any(|socket| socket.unread > 0) {
            return Some(match seat.serves {
                true => {
                    "Bytes have come that the server has not read: read from the connection that accept gave."
                }
                // The answer has come in pieces.
                false if session.steps[..held].windows(2).any(|two| two.iter().all(sends)) => {
                    "Bytes have come that the client has not read: read on until the answer is whole."
                }
                false => {
                    "Bytes have come that the client has not read: read after each send, up to 1024 bytes at once."
                }
            });
        }
        let held = &session.steps[..held];
        let gone = seat.terminal.look(|screen| screen.exit.is_some());
        let sent = |step: &&Step| match &step.act {
            Act::Peer(AtPeer::Send(bytes)) => {
                bytes.windows(text.len()).any(|piece| piece == text.as_bytes())
            }
            _ => false,
        };
        let sender = held.iter().rfind(sent).map(|step| &step.name);
        let peers = self.on.iter().filter_map(|(name, actor)| match actor {
            Actor::Peer(peer) => Some((name, peer)),
            Actor::Terminal(_) => None,
        });
        let ended = |(name, peer): (&String, &Peer)| sender == Some(name) && peer.end.is_some();
        let count =
            |name: &String| held.iter().filter(|step| step.name == *name && sends(step)).count();
        // Who has read several messages does go on reading.
        let early = sender.is_some_and(|name| count(name) <= 2);
        if seat.serves && !gone && early && peers.clone().any(ended) {
            return Some(
                "The server has ended the connection: go on reading from it until the client closes, or says q.",
            );
        }
        if let Some(cause) = self.unaccepted(held) {
            return Some(cause);
        }
        let answered = |(_, peer): (&String, &Peer)| {
            peer.received().windows(text.len()).any(|piece| piece == text.as_bytes())
        };
        let tail = text.char_indices().nth_back(3).map_or(text, |(at, _)| &text[at..]);
        let garbled = lines.last().is_some_and(|line| line.contains(tail));
        (!garbled && peers.clone().any(answered)).then_some(
            "Nothing was printed, but the bytes were answered: end the line with a newline, and flush what you print.",
        )
    }

    /// Has the server's only client not been taken?
    fn unaccepted(&self, held: &[Step]) -> Option<&'static str> {
        let connects = |step: &&Step| matches!(step.act, Act::Start(Start::Connect(Net::Tcp)));
        let waits = self.on.iter().all(|(_, actor)| match actor {
            Actor::Peer(peer) => peer.received().is_empty() && peer.end.is_none(),
            Actor::Terminal(seat) => {
                let gone = seat.terminal.look(|screen| screen.exit.is_some());
                seat.loose
                    && seat.serves
                    && !gone
                    && seat.sockets().iter().all(|socket| socket.listens)
            }
        });
        (waits && held.iter().filter(connects).count() == 1)
            .then_some("A client has connected and waits: take it with accept.")
    }
}

const OTHER_THREAD: &str = "waits for another thread";
