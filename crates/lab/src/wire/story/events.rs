//! From the lines of a recording to events, who they are of, and what each of them depends on.

use std::ops::Range;

use super::lines::{self, Form, Header, Line};
use super::{Act, Call, Connection, Event, Kind, Now, Party, Place, Segment, Side, Story, What};
use crate::contract::PORT;

/// What is known of the programs and sockets at the line that is read.
#[derive(Default)]
struct Reader {
    story: Story,
    /// The last event of each party.
    last: Vec<usize>,
    /// The call that a party has begun.
    begun: Vec<Option<usize>>,
    /// The sockets of connections that programs hold: the party that holds it, and its end.
    open: Vec<(usize, (usize, Side))>,
    /// What a party has bound last, and the ports that are listened on.
    bound: Vec<(usize, u16)>,
    listeners: Vec<(u16, usize)>,
    accepted: Vec<usize>,
    /// The event that segments stand under.
    head: Option<usize>,
    /// A `connect` that has returned by the end of the segments that stand under it.
    returns: Option<(usize, Call)>,
    /// The events of each line, for lines that come again.
    lines: Vec<Range<usize>>,
}

pub(super) fn read(recording: &str) -> Story {
    let mut reader = Reader::default();
    let lines: Vec<Line> = recording.lines().map(lines::parse).collect();
    for (at, line) in lines.iter().enumerate() {
        let before = reader.story.events.len();
        if !matches!(line, Line::Segment(..)) {
            reader.finish_connect();
        }
        reader.line(line, &lines[at + 1..]);
        reader.lines.push(before..reader.story.events.len());
    }
    reader.finish_connect();
    reader.story
}

/// Is this what makes a raw peer, and no program?
fn is_peer(command: &str) -> bool {
    let words: Vec<&str> = command.split(' ').collect();
    matches!(words[..], ["tcp" | "tcp6" | "udp", "connect" | "listen"] | ["unix", ..])
}

impl Reader {
    fn line(&mut self, line: &Line, below: &[Line]) {
        match line {
            Line::Act { who, mark, rest } => self.act(who, *mark, rest),
            Line::Segment(header, data) => self.segment(*header, data),
            Line::Call { who, name, args, form } => self.call(who, name, args, *form, below),
            Line::Shows { who, line } => self.own(who, What::Shows(line.clone())),
            Line::Fate { who, verb, how } => {
                let fate = What::Fate { verb: (*verb).to_owned(), how: (*how).to_owned() };
                self.own(who, fate);
                if ["exits", "killed"].contains(verb) {
                    let party = self.party(who);
                    let story = &self.story;
                    self.open
                        .retain(|(holder, _)| ![*holder, story.root(*holder)].contains(&party));
                    self.listeners.retain(|(_, holder)| *holder != party);
                }
            }
            Line::Again { lines, times } => {
                let from = self.lines.len().saturating_sub(*lines);
                let Some(first) = self.lines.get(from).cloned() else { return };
                let events = first.start..self.story.events.len();
                let party = self.story.events[events.clone()].iter().find_map(|event| event.party);
                self.push(party, What::Again { events, times: *times }, Vec::new());
            }
            Line::Other(_) => {}
        }
    }

    /// Adds an event, after the last one of its party.
    fn push(&mut self, party: Option<usize>, what: What, mut after: Vec<usize>) -> usize {
        let event = self.story.events.len();
        if self.story.acts.is_empty() {
            self.story.acts.push(Act { text: String::new(), events: event..event });
        }
        if let Some(party) = party {
            after.extend(Some(self.last[party]).filter(|last| *last < event));
            self.last[party] = event;
        }
        if let Some(act) = self.story.acts.last_mut() {
            act.events.end = event + 1;
        }
        self.story.events.push(Event { party, what, after });
        event
    }

    fn own(&mut self, who: &str, what: What) {
        let party = self.party(who);
        self.head = Some(self.push(Some(party), what, Vec::new()));
    }

    /// Who has this name now; a new one is a thread of the program that it is named after.
    fn party(&mut self, who: &str) -> usize {
        let known = self.story.parties.iter().rposition(|party| party.name == who);
        known.unwrap_or_else(|| {
            let program = who.split_once('/').map(|(program, _)| program);
            let parties = &self.story.parties;
            let program =
                program.and_then(|program| parties.iter().rposition(|party| party.name == program));
            let command = program.map_or(who, |program| &parties[program].command).to_owned();
            let party = self.add(who, command, program.map_or(Kind::Program, Kind::Thread));
            // It cannot do anything before the program has started it.
            self.last[party] = program.map_or(usize::MAX, |program| self.last[program]);
            party
        })
    }

    fn add(&mut self, who: &str, command: String, kind: Kind) -> usize {
        // Who neither listens nor connects stands where it would, by its name.
        let serves = |name: &str| name.contains("server") || name == "tcp listen";
        let side = if serves(who) || serves(&command) { Side::Server } else { Side::Client };
        self.story.parties.push(Party { name: who.to_owned(), command, kind, side });
        self.last.push(usize::MAX);
        self.begun.push(None);
        self.story.parties.len() - 1
    }

    fn act(&mut self, who: &str, mark: char, rest: &str) {
        if "$>!".contains(mark) {
            let events = self.story.events.len();
            let text = format!("{who} {mark} {rest}").trim_end().to_owned();
            self.story.acts.push(Act { text, events: events..events });
            if mark == '$' {
                let kind = if is_peer(rest) { Kind::Peer } else { Kind::Program };
                let party = self.add(who, rest.to_owned(), kind);
                if kind == Kind::Peer && rest.ends_with("listen") {
                    self.listeners.push((PORT, party));
                }
            }
            self.own(who, What::Act { mark, rest: rest.to_owned() });
        } else {
            let party = self.party(who);
            let after = self.received(party, rest);
            self.push(Some(party), What::Receives(rest.to_owned()), after);
            self.head = None;
        }
    }

    fn root(&self, party: usize) -> usize {
        self.story.root(party)
    }

    fn call(&mut self, who: &str, name: &str, args: &str, form: Form, below: &[Line]) {
        let party = self.party(who);
        let mut call = match (form, self.begun[party].take()) {
            (Form::Returns(_), Some(begun)) => match &self.story.events[begun].what {
                What::Begins(call) if call.name == name => call.clone(),
                _ => self.begin(party, name, args, below),
            },
            _ => self.begin(party, name, args, below),
        };
        if let Form::Whole(result) | Form::Returns(result) = form {
            call.shared = name == "close" && self.shared(party, &call, below);
            self.result(party, &mut call, result);
        }
        let what = match form {
            // A connect that returns at once has waited, though not long, for the answer.
            Form::Whole(_) if name == "connect" => {
                self.returns = Some((party, call.clone()));
                What::Begins(Call { result: String::new(), ..call })
            }
            Form::Whole(_) => What::Calls(call),
            Form::Begins => What::Begins(call),
            Form::Returns(_) => {
                let after = match call.result.as_str() {
                    // Time has passed, and meanwhile all the others have done what they could.
                    "EAGAIN" => (0..self.story.events.len()).collect(),
                    _ => self.awaited(party, &call),
                };
                let event = self.push(Some(party), What::Returns(call), after);
                return self.head = Some(event);
            }
        };
        let after = match &what {
            What::Calls(call) => self.awaited(party, call),
            _ => Vec::new(),
        };
        let begins = matches!(what, What::Begins(_));
        let event = self.push(Some(party), what, after);
        self.head = Some(event);
        self.begun[party] = begins.then_some(event);
    }

    /// A call, as far as it is known before it returns.
    fn begin(&self, party: usize, name: &str, args: &str, below: &[Line]) -> Call {
        let (number, data) = args.split_at(args.find('"').unwrap_or(args.len()));
        let argument = number.trim_end_matches(", ");
        let mut call = Call { name: name.to_owned(), data: data.to_owned(), ..Call::default() };
        let port = argument.parse().ok();
        match name {
            "bind" | "connect" | "shutdown" => call.argument = argument.to_owned(),
            "listen" => call.listener = self.bound_by(party).or(port),
            "accept" => {
                let listens = |(_, owner): &&(u16, usize)| *owner == self.root(party);
                call.listener = port.or(self.listeners.iter().rfind(listens).map(|found| found.0));
            }
            _ => {}
        }
        if name == "shutdown" {
            let (port, how) = argument.split_once(", ").unwrap_or(("", argument));
            call.argument = how.to_owned();
            call.connection = self.held(party, port.parse().ok(), below);
        }
        if ["read", "write", "close"].contains(&name) {
            call.connection = self.held(party, port, below);
        }
        if name == "close" && call.connection.is_none() {
            let mine = |(at, owner): &&(u16, usize)| {
                *owner == self.root(party) && port.is_none_or(|port| port == *at)
            };
            call.listener = self.listeners.iter().rfind(mine).map(|(port, _)| *port);
        }
        call
    }

    /// Is the socket still open when this copy of it has been closed?
    fn shared(&self, party: usize, call: &Call, below: &[Line]) -> bool {
        let Some((connection, side)) = call.connection else {
            // A child has a copy of what its parent listens on.
            return call.listener.is_some() && self.root(party) != party;
        };
        let below = below.iter().map_while(|line| match line {
            Line::Segment(header, _) => Some(header),
            _ => None,
        });
        let ends = |header: &Header| header.fin || header.rst;
        let reset = self.arrivals(connection, side).any(|(_, header)| header.rst);
        let mut sent = self.arrivals(connection, side.other()).map(|(_, header)| header);
        !reset && !sent.any(ends) && !below.into_iter().any(ends)
    }

    fn bound_by(&self, party: usize) -> Option<u16> {
        self.bound.iter().rfind(|(owner, _)| *owner == party).map(|(_, port)| *port)
    }

    /// The end of a connection that a call is about: of this port, or the one whose segment stands
    /// below it, or the one that the program has opened last.
    fn held(&self, party: usize, port: Option<u16>, below: &[Line]) -> Option<(usize, Side)> {
        let root = self.root(party);
        let ends = self.open.iter().rev().filter(|(holder, _)| self.root(*holder) == root);
        let ends: Vec<(usize, Side)> = ends.map(|(_, end)| *end).collect();
        let ports = |connection: usize| {
            let connection = &self.story.connections[connection];
            (connection.port, connection.server_port)
        };
        if let Some(port) = port {
            // A program that connects to itself has both ends: each thread its own.
            let own = |end: &&(usize, Side)| self.open.contains(&(party, **end));
            let named = |(connection, _): &&(usize, Side)| ports(*connection).0 == port;
            let mut named = ends.iter().filter(named);
            return named.clone().find(own).or_else(|| named.next()).copied();
        }
        let sends = |&&(connection, side): &&(usize, Side)| match below.first() {
            Some(Line::Segment(header, _)) => {
                let (client, server) = ports(connection);
                (header.from, header.to)
                    == if side == Side::Client { (client, server) } else { (server, client) }
            }
            _ => false,
        };
        ends.iter().find(sends).or(ends.first()).copied()
    }

    /// What follows from the result of a call.
    fn result(&mut self, party: usize, call: &mut Call, result: &str) {
        call.result = result.to_owned();
        if result.starts_with('"') {
            call.data = result.to_owned();
            call.moved = lines::length(result);
        } else if call.name == "write" {
            call.moved = result.parse().unwrap_or(0);
        }
        if call.failed() {
            return;
        }
        match call.name.as_str() {
            "bind" => self.bound.extend(port_of(&call.argument).map(|port| (party, port))),
            "listen" => {
                self.listeners.extend(call.listener.map(|port| (port, self.root(party))));
                self.stands(party, Side::Server);
            }
            "accept" => {
                let port = result.split_whitespace().nth(1).and_then(port_of);
                let mut connections = self.story.connections.iter().enumerate();
                let found = match port {
                    Some(port) => connections.rfind(|(_, connection)| connection.port == port),
                    // In the order in which they have come.
                    None => connections.find(|(at, connection)| {
                        Some(connection.server_port) == call.listener && !self.accepted.contains(at)
                    }),
                };
                self.accepted.extend(found.map(|(at, _)| at));
                call.connection = found.map(|(at, _)| (at, Side::Server));
                self.open.extend(call.connection.map(|end| (party, end)));
                if let Some((connection, _)) = call.connection {
                    self.story.connections[connection].owners[0] = Some(party);
                }
            }
            "close" => {
                let root = self.root(party);
                self.listeners.retain(|listener| {
                    call.shared || Some(listener.0) != call.listener || listener.1 != root
                });
                let closed = |(holder, end): &(usize, (usize, Side))| {
                    self.story.root(*holder) == root && Some(*end) == call.connection
                };
                let at = self.open.iter().rposition(closed);
                if let Some(at) = at.filter(|_| !call.shared) {
                    self.open.remove(at);
                }
            }
            _ => {}
        }
    }

    /// Who listens or connects is on that side, with all its threads.
    fn stands(&mut self, party: usize, side: Side) {
        let root = self.root(party);
        for at in 0..self.story.parties.len() {
            if self.root(at) == root {
                self.story.parties[at].side = side;
            }
        }
    }

    /// The arrivals without which the call of this party would not have returned this.
    fn awaited(&self, party: usize, call: &Call) -> Vec<usize> {
        if call.name == "poll" && call.result != "0" {
            return self.polled(party);
        }
        let Some((connection, side)) = call.connection else { return Vec::new() };
        let failed = ["ECONNRESET", "EPIPE", "ECONNREFUSED"].contains(&call.result.as_str());
        let wanted = |header: &Header| match call.name.as_str() {
            "connect" => header.syn || header.rst,
            "accept" => !header.syn,
            "read" | "write" if failed => header.rst,
            "read" if call.moved > 0 => header.len > 0 && header.end() > self.read_so_far(call),
            "read" => header.fin,
            _ => false,
        };
        self.arrivals(connection, side)
            .find(|(_, header)| wanted(header))
            .map(|(at, _)| at)
            .into_iter()
            .collect()
    }

    /// The first arrival at any end of the program since it has begun to wait.
    fn polled(&self, party: usize) -> Vec<usize> {
        let begun = self.last[party].min(self.story.events.len());
        let wakes = |event: usize| {
            let What::Arrives(segment) = self.story.events[event].what else { return false };
            let Segment { header, connection, from, .. } = &self.story.segments[segment];
            let owner = self.story.connections[*connection].owners[from.other() as usize];
            let opens = header.is_bare() && *from == Side::Client && header.seq == 1;
            let news = opens || header.ack.is_some() && !header.is_bare();
            news && owner.is_some_and(|owner| self.root(owner) == self.root(party))
        };
        (begun..self.story.events.len()).find(|event| wakes(*event)).into_iter().collect()
    }

    /// The arrival without which a raw peer would not have received this.
    fn received(&self, party: usize, what: &str) -> Vec<usize> {
        let own = |connection: &Connection| {
            connection.owners.iter().position(|owner| *owner == Some(party))
        };
        let connections = self.story.connections.iter().enumerate();
        let Some((connection, side)) =
            connections.rev().find_map(|(at, found)| Some((at, own(found)?)))
        else {
            return Vec::new();
        };
        let side = if side == 0 { Side::Server } else { Side::Client };
        let bytes = |event: &Event| match &event.what {
            What::Receives(what) if event.party == Some(party) && what.starts_with('"') => {
                lines::length(what)
            }
            _ => 0,
        };
        let so_far: u64 = self.story.events.iter().map(bytes).sum();
        let wanted = |header: &Header| match what {
            what if what.starts_with('"') => {
                header.len > 0 && header.end() > so_far + lines::length(what)
            }
            what if what.contains("unread") => header.len > 0,
            _ => header.fin || header.rst,
        };
        let arrived = self.arrivals(connection, side).find(|(_, header)| wanted(header));
        arrived.map(|(at, _)| at).into_iter().collect()
    }

    /// The bytes that have been read at this end, with those of this call.
    fn read_so_far(&self, call: &Call) -> u64 {
        let read = |event: &Event| match &event.what {
            What::Calls(other) | What::Returns(other)
                if other.name == "read" && other.connection == call.connection =>
            {
                Some(other.moved)
            }
            _ => None,
        };
        call.moved + self.story.events.iter().filter_map(read).sum::<u64>()
    }

    fn arrivals(&self, connection: usize, at: Side) -> impl Iterator<Item = (usize, &Header)> {
        self.story.events.iter().enumerate().filter_map(move |(event, happens)| {
            match happens.what {
                What::Arrives(segment) => {
                    let segment = &self.story.segments[segment];
                    let here = segment.connection == connection && segment.from != at;
                    here.then_some((event, &segment.header))
                }
                _ => None,
            }
        })
    }

    /// A segment leaves, caused by the call that it stands under or by what has arrived, and arrives.
    fn segment(&mut self, header: Header, data: &str) {
        let (connection, from) = self.connection(&header);
        let mut after = self.causes(&header, (connection, from));
        if let Some(ack) = header.ack.filter(|_| !header.rst) {
            let acknowledged =
                |(_, other): &(usize, &Header)| !other.is_bare() && other.end() <= ack;
            after.extend(
                self.arrivals(connection, from).filter(acknowledged).map(|(at, _)| at).last(),
            );
        }
        let sent = |what: &What, arrives: bool| match *what {
            What::Leaves(other) if !arrives => Some(other),
            What::Arrives(other) if arrives => Some(other),
            _ => None,
        };
        if header.syn && header.ack.is_some() {
            self.story.connections[connection].answered = true;
        }
        let before = |story: &Story, arrives| {
            story.events.iter().rposition(|event| {
                sent(&event.what, arrives).is_some_and(|other| {
                    let other = &story.segments[other];
                    (other.connection, other.from) == (connection, from)
                })
            })
        };
        after.extend(before(&self.story, false));
        let segment = self.story.segments.len();
        let data = data.to_owned();
        self.story.segments.push(Segment { header, data, connection, from });
        let leaves = self.push(None, What::Leaves(segment), after);
        // Who waits for it has begun to wait before it comes.
        let waits = |event: &&usize| match &self.story.events[**event].what {
            What::Begins(call) => match call.name.as_str() {
                "accept" => from == Side::Client && call.listener == Some(header.to),
                _ => call.connection == Some((connection, from.other())),
            },
            _ => false,
        };
        let mut after: Vec<usize> = self.begun.iter().flatten().filter(waits).copied().collect();
        after.extend(before(&self.story, true));
        after.push(leaves);
        self.push(None, What::Arrives(segment), after);
    }

    /// The connection of a segment, new for a new SYN, and the end that sends it.
    fn connection(&mut self, header: &Header) -> (usize, Side) {
        let way = |connection: &Connection| match (connection.port, connection.server_port) {
            (client, server) if (header.from, header.to) == (client, server) => Some(Side::Client),
            (client, server) if (header.to, header.from) == (client, server) => Some(Side::Server),
            _ => None,
        };
        let known = self.story.connections.iter().enumerate().rev();
        let known =
            known.filter_map(|(at, connection)| way(connection).map(|from| (at, from))).next();
        // The same ports again are another connection; a SYN that is sent again is not.
        let opens = header.syn && header.ack.is_none();
        let over = |connection| {
            self.arrivals(connection, Side::Client).any(|(_, header)| header.fin || header.rst)
        };
        if let Some(known) = known.filter(|(connection, _)| !(opens && over(*connection))) {
            return known;
        }
        let listens = self.listeners.iter().rfind(|(port, _)| *port == header.to);
        let mut owners = [listens.map(|(_, owner)| *owner), None];
        let end = (self.story.connections.len(), Side::Client);
        if let Some(event) = self.head.map(|head| &mut self.story.events[head])
            && let Some(party) = event.party
        {
            owners[Side::Client as usize] = Some(party);
            if let What::Begins(call) = &mut event.what {
                call.connection = Some(end);
            }
            if let Some((_, call)) = &mut self.returns {
                call.connection = Some(end);
            }
            self.open.push((party, end));
            // Who also listens is a server to those who look at it.
            if !self.listeners.iter().any(|(_, owner)| *owner == self.root(party)) {
                self.stands(party, Side::Client);
            }
        }
        let (port, server_port) = (header.from, header.to);
        self.story.connections.push(Connection { port, server_port, owners, answered: false });
        end
    }

    /// Does the event make this end send such a segment?
    fn makes(&self, event: usize, header: &Header, end: (usize, Side)) -> bool {
        let event = &self.story.events[event];
        let owner = self.story.connections[end.0].owners[end.1 as usize];
        match &event.what {
            What::Begins(call) if call.name == "connect" => header.syn && header.ack.is_none(),
            What::Begins(call) | What::Calls(call) | What::Returns(call) => {
                let makes = match call.name.as_str() {
                    "write" => header.len > 0,
                    "shutdown" | "close" => header.fin || header.rst,
                    _ => false,
                };
                makes && call.connection == Some(end)
            }
            What::Act { .. } => {
                let answers = header.is_bare() || header.syn && header.ack.is_some();
                !answers && owner == event.party
            }
            What::Fate { verb, .. } if verb == "exits" || verb == "killed" => {
                let program = |party: Option<usize>| party.map(|party| self.root(party));
                (header.fin || header.rst) && program(owner) == program(event.party)
            }
            _ => false,
        }
    }

    /// What a segment follows from: what its end does at this moment, or what has come to it.
    fn causes(&self, header: &Header, end: (usize, Side)) -> Vec<usize> {
        if let Some(head) = self.head.filter(|head| self.makes(*head, header, end)) {
            return vec![head];
        }
        // The kernel sends it, as an answer, or because it could not do so before.
        let arrived = self.arrivals(end.0, end.1).map(|(at, _)| at).last();
        let events = 0..self.story.events.len();
        let wanted = events.rev().find(|event| self.makes(*event, header, end));
        arrived.into_iter().chain(wanted.filter(|_| !header.rst)).collect()
    }

    fn finish_connect(&mut self) {
        let Some((party, call)) = self.returns.take() else { return };
        let after = self.awaited(party, &call);
        self.push(Some(party), What::Returns(call), after);
        self.begun[party] = None;
    }
}

impl Story {
    /// Does this program, or a thread of it, wait for the keyboard?
    pub(crate) fn asks(&self, party: usize, now: &Now) -> bool {
        let places = now.places.iter().enumerate();
        places
            .filter(|(other, _)| self.root(*other) == self.root(party))
            .any(|(_, place)| matches!(place, Place::Waits(call) if call == "keyboard"))
    }

    /// The program that a thread is of; of all others, itself.
    #[must_use]
    pub fn root(&self, party: usize) -> usize {
        match self.parties[party].kind {
            Kind::Thread(program) => program,
            Kind::Program | Kind::Peer => party,
        }
    }
}

fn port_of(addr: &str) -> Option<u16> {
    addr.rsplit_once(':')?.1.parse().ok()
}
