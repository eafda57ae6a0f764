//! From the lines of a recording to events, who they are of, and what each of them depends on.

mod causes;
mod segments;

use std::ops::Range;

use super::lines::{self, Form, Header, Line};
use super::{Act, Call, Event, Kind, Party, Side, Story, What};
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
        let ends = |header: &Header| header.fin || header.rst;
        let sends = below.iter().map_while(|line| match line {
            Line::Segment(header, _) => Some(header),
            _ => None,
        });
        let reset = self.arrivals(connection, side).any(|(_, header)| header.rst);
        if reset || sends.into_iter().any(ends) {
            return false;
        }
        // Where a shutdown has sent the FIN before, it is what the program does later that tells.
        let ended = self.arrivals(connection, side.other()).any(|(_, header)| ends(header));
        !ended || self.goes_on(party, connection, below)
    }

    /// Does the program do anything more with this connection?
    fn goes_on(&self, party: usize, connection: usize, below: &[Line]) -> bool {
        let program =
            |who: &str| who.split('/').next() == self.story.parties[party].name.split('/').next();
        for line in below {
            match line {
                Line::Act { who, mark: '$', .. } if program(who) => return false,
                Line::Call { who, name: "accept" | "connect", .. } if program(who) => return false,
                Line::Call { who, name: "read" | "write" | "shutdown" | "close", args, .. }
                    if program(who) =>
                {
                    let number = args.split([',', '"']).next().and_then(|word| word.parse().ok());
                    if number
                        .is_none_or(|port: u16| port == self.story.connections[connection].port)
                    {
                        return true;
                    }
                }
                _ => {}
            }
        }
        false
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

    fn finish_connect(&mut self) {
        let Some((party, call)) = self.returns.take() else { return };
        let after = self.awaited(party, &call);
        self.push(Some(party), What::Returns(call), after);
        self.begun[party] = None;
    }
}

pub(super) fn port_of(addr: &str) -> Option<u16> {
    addr.rsplit_once(':')?.1.parse().ok()
}
