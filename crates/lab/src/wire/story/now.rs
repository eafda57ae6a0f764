//! How things stand at one moment: programs, terminals, and what the kernels know.

use std::fmt;

use super::{Call, Kind, Side, Story, What};

/// So often and no more is something repeated that comes again.
const MOST_TIMES: usize = 10_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Now {
    /// Where each party is, in the order of [`Story::parties`].
    pub places: Vec<Place>,
    /// What each party's terminal shows, line by line; empty for who has none.
    pub terminals: Vec<Vec<String>>,
    /// The two ends of each connection, by [`Side`]; `None` before they are there.
    pub sockets: Vec<[Option<Socket>; 2]>,
    /// The ports that somebody listens on, and who.
    pub listening: Vec<(u16, usize)>,
    /// Whose last line on the terminal is not finished.
    unfinished: Vec<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    NotStarted,
    Runs,
    /// Inside this call: `accept`, `read`, `keyboard`, ...
    Waits(String),
    /// A raw peer, which does nothing of its own.
    Idle,
    Ended,
}

/// One end of a connection, as its kernel has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Socket {
    pub state: State,
    /// Bytes that have arrived, and that the program has not read.
    pub unread: u64,
    /// The other end's FIN has arrived, and the program has not read it.
    pub end_unread: bool,
    /// It waits for `accept`.
    pub queued: bool,
    /// Its program has closed it.
    pub closed: bool,
    /// The sequence number of the last byte that has arrived in order.
    received: u64,
    /// What acknowledges its own FIN.
    fin: Option<u64>,
}

/// The states of RFC 9293, section 3.3.2; a socket that listens is no end of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    #[default]
    Closed,
    SynSent,
    SynReceived,
    Established,
    FinWait1,
    FinWait2,
    CloseWait,
    Closing,
    LastAck,
    TimeWait,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            State::Closed => "CLOSED",
            State::SynSent => "SYN-SENT",
            State::SynReceived => "SYN-RECEIVED",
            State::Established => "ESTABLISHED",
            State::FinWait1 => "FIN-WAIT-1",
            State::FinWait2 => "FIN-WAIT-2",
            State::CloseWait => "CLOSE-WAIT",
            State::Closing => "CLOSING",
            State::LastAck => "LAST-ACK",
            State::TimeWait => "TIME-WAIT",
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::NotStarted => f.write_str("not started"),
            Place::Runs => f.write_str("runs"),
            Place::Waits(call) if call == "keyboard" => f.write_str("waits at the keyboard"),
            Place::Waits(call) => write!(f, "waits in {call}"),
            Place::Idle => f.write_str("idle"),
            Place::Ended => f.write_str("ended"),
        }
    }
}

impl Now {
    pub(crate) fn new(story: &Story) -> Now {
        let parties = story.parties.len();
        Now {
            places: vec![Place::NotStarted; parties],
            terminals: vec![Vec::new(); parties],
            sockets: vec![[None, None]; story.connections.len()],
            listening: Vec::new(),
            unfinished: vec![false; parties],
        }
    }

    #[must_use]
    pub fn socket(&self, connection: usize, side: Side) -> Option<&Socket> {
        self.sockets[connection][side as usize].as_ref()
    }

    pub(crate) fn apply(&mut self, story: &Story, event: usize) {
        let event = &story.events[event];
        match (&event.what, event.party) {
            (What::Leaves(segment), _) => self.leaves(story, *segment),
            (What::Arrives(segment), _) => self.arrives(story, *segment),
            (What::Again { events, times }, _) => {
                let again =
                    |event: &usize| !matches!(story.events[*event].what, What::Again { .. });
                for _ in 0..times.unwrap_or(0).min(MOST_TIMES) {
                    events.clone().filter(again).for_each(|event| self.apply(story, event));
                }
            }
            (What::Act { mark, rest }, Some(party)) => self.act(story, party, *mark, rest),
            (What::Receives(what), Some(party)) if what != "unread" => {
                let bytes = what.starts_with('"').then(|| super::lines::length(what));
                for socket in self.owned(story, party) {
                    match bytes {
                        Some(bytes) => socket.unread = socket.unread.saturating_sub(bytes),
                        None => (socket.unread, socket.end_unread) = (0, false),
                    }
                }
            }
            (What::Shows(line), Some(party)) => {
                self.begins_to_run(party);
                self.shows(terminal_of(story, party), line);
            }
            // What a thread has opened stays with its program.
            (What::Fate { verb, .. }, Some(party)) if verb == "ends" => {
                self.places[party] = Place::Ended;
            }
            (What::Fate { verb, .. }, Some(party)) if verb != "gets" => {
                self.listening.retain(|(_, owner)| *owner != party);
                for at in
                    (0..story.parties.len()).filter(|at| [*at, story.root(*at)].contains(&party))
                {
                    self.places[at] = Place::Ended;
                    self.owned(story, at).for_each(Socket::close);
                }
            }
            (What::Begins(call), Some(party)) => {
                self.places[party] = Place::Waits(call.name.clone());
                if call.name == "keyboard" || call.name == "poll" {
                    self.unfinished[terminal_of(story, party)] = true;
                }
            }
            (What::Returns(call) | What::Calls(call), Some(party)) => {
                self.places[party] = Place::Runs;
                self.returns(story, party, call);
            }
            _ => {}
        }
    }

    fn begins_to_run(&mut self, party: usize) {
        if self.places[party] == Place::NotStarted {
            self.places[party] = Place::Runs;
        }
    }

    fn owned<'a>(
        &'a mut self,
        story: &'a Story,
        party: usize,
    ) -> impl Iterator<Item = &'a mut Socket> {
        let ends = self.sockets.iter_mut().zip(&story.connections);
        let ends = ends.flat_map(|(ends, connection)| ends.iter_mut().zip(connection.owners));
        ends.filter_map(move |(socket, owner)| socket.as_mut().filter(|_| owner == Some(party)))
    }

    fn act(&mut self, story: &Story, party: usize, mark: char, rest: &str) {
        let peer = story.parties[party].kind == Kind::Peer;
        match (mark, rest) {
            ('$', _) => self.places[party] = if peer { Place::Idle } else { Place::Runs },
            ('!', "close" | "reset") if peer => {
                self.owned(story, party).for_each(Socket::close);
                self.places[party] = Place::Ended;
            }
            _ => {}
        }
        if let ('$', Some(("tcp", "listen"))) = (mark, rest.split_once(' ')) {
            self.listening.push((crate::contract::PORT, party));
        }
    }

    /// A line on the terminal; it replaces the one that was not finished, if it is that one.
    fn shows(&mut self, terminal: usize, line: &str) {
        let lines = &mut self.terminals[terminal];
        let replaces = lines.last().is_some_and(|last| line.starts_with(last.as_str()));
        if self.unfinished[terminal] && replaces {
            lines.pop();
        }
        self.unfinished[terminal] = false;
        lines.push(line.to_owned());
    }

    fn returns(&mut self, story: &Story, party: usize, call: &Call) {
        let failed = call.failed();
        match call.name.as_str() {
            "listen" if !failed => {
                self.listening.extend(call.listener.map(|port| (port, story.root(party))));
            }
            "close" => {
                if let Some(port) = call.listener.filter(|_| !call.shared) {
                    self.listening.retain(|listener| *listener != (port, story.root(party)));
                }
            }
            _ => {}
        }
        let Some((connection, side)) = call.connection else { return };
        let Some(socket) = &mut self.sockets[connection][side as usize] else { return };
        match call.name.as_str() {
            "accept" if !failed => socket.queued = false,
            "read" if failed => {}
            "read" if call.moved > 0 => socket.unread = socket.unread.saturating_sub(call.moved),
            "read" => socket.end_unread = false,
            "close" if !call.shared => socket.close(),
            _ => {}
        }
    }

    fn leaves(&mut self, story: &Story, segment: usize) {
        use State::{CloseWait, Closed, Established, FinWait1, LastAck, SynSent};
        let segment = &story.segments[segment];
        let socket = &mut self.sockets[segment.connection][segment.from as usize];
        let header = segment.header;
        if header.syn && header.ack.is_none() {
            *socket = Some(Socket { state: SynSent, ..Socket::default() });
        }
        let Some(socket) = socket else { return };
        if header.fin {
            socket.fin = Some(header.end());
        }
        socket.state = match socket.state {
            _ if header.rst => Closed,
            Established if header.fin => FinWait1,
            CloseWait if header.fin => LastAck,
            same => same,
        };
    }

    fn arrives(&mut self, story: &Story, segment: usize) {
        use State::{
            CloseWait, Closed, Closing, Established, FinWait1, FinWait2, LastAck, SynReceived,
            SynSent, TimeWait,
        };
        let segment = &story.segments[segment];
        let (header, side) = (segment.header, segment.from.other());
        let listens = story.connections[segment.connection].answered;
        let owner = story.connections[segment.connection].owners[side as usize];
        let peer = owner.is_some_and(|owner| story.parties[owner].kind == Kind::Peer);
        let socket = &mut self.sockets[segment.connection][side as usize];
        if header.syn && header.ack.is_none() && socket.is_none() && listens {
            *socket = Some(Socket { state: SynReceived, ..Socket::default() });
            return;
        }
        let Some(socket) = socket else { return };
        if header.rst {
            socket.state = Closed;
            return;
        }
        if socket.state == SynReceived && !header.syn {
            // A raw peer takes whoever comes.
            (socket.state, socket.queued) = (Established, !peer);
        }
        if socket.state == SynSent && header.syn {
            socket.state = Established;
        }
        let new = (header.seq + header.len).saturating_sub(1);
        if header.len > 0 && new > socket.received && !socket.closed && socket.state != Closed {
            socket.unread += new - socket.received;
            socket.received = new;
        }
        if socket.fin.is_some() && header.ack >= socket.fin {
            socket.state = match socket.state {
                FinWait1 => FinWait2,
                LastAck => Closed,
                Closing => TimeWait,
                same => same,
            };
        }
        if header.fin {
            socket.end_unread |=
                !socket.closed && [Established, FinWait1, FinWait2].contains(&socket.state);
            socket.state = match socket.state {
                Established => CloseWait,
                FinWait1 => Closing,
                FinWait2 => TimeWait,
                same => same,
            };
        }
    }
}

impl Socket {
    fn close(&mut self) {
        (self.closed, self.unread, self.end_unread, self.queued) = (true, 0, false, false);
    }
}

/// Threads show what they print on the terminal of their program.
fn terminal_of(story: &Story, party: usize) -> usize {
    story.root(party)
}
