//! What an event follows from: a call from what has come, a segment from what its end does.

use super::Reader;
use crate::wire::story::lines::{self, Header};
use crate::wire::story::{Call, Connection, Event, Segment, Side, What};

impl Reader {
    /// The events without which the call of this party would not have returned this, arrivals in general.
    pub(super) fn awaited(&self, party: usize, call: &Call) -> Vec<usize> {
        if call.name == "poll" && call.result != "0" {
            return self.polled(party);
        }
        if call.name == "keyboard" {
            return self.typed(party);
        }
        let Some((connection, side)) = call.connection else { return Vec::new() };
        let failed = ["ECONNRESET", "EPIPE", "ECONNREFUSED"].contains(&call.result.as_str());
        let wanted = |header: &Header| match call.name.as_str() {
            "connect" => header.syn || header.rst,
            "accept" => !header.syn,
            "read" | "write" if failed => header.rst,
            "read" if call.moved > 0 => header.len > 0 && header.end() > self.read_so_far(call),
            "read" => header.fin,
            // Otherwise it would have sent something, or a shutdown has done so before.
            "close" => header.rst && !call.shared,
            _ => false,
        };
        self.arrivals(connection, side)
            .find(|(_, header)| wanted(header))
            .map(|(at, _)| at)
            .into_iter()
            .collect()
    }

    /// What somebody has done last at the terminal of the program.
    fn typed(&self, party: usize) -> Vec<usize> {
        let here = |event: &Event| {
            let acts = matches!(event.what, What::Act { .. });
            acts && event.party.is_some_and(|other| self.root(other) == self.root(party))
        };
        self.story.events.iter().rposition(here).into_iter().collect()
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
    pub(super) fn received(&self, party: usize, what: &str) -> Vec<usize> {
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
    pub(super) fn causes(&self, header: &Header, end: (usize, Side)) -> Vec<usize> {
        if let Some(head) = self.head.filter(|head| self.makes(*head, header, end)) {
            return vec![head];
        }
        // The kernel sends it, as an answer, or because it could not do so before.
        let arrived = self.arrivals(end.0, end.1).map(|(at, _)| at).last();
        let events = 0..self.story.events.len();
        let wanted = events.rev().find(|event| self.makes(*event, header, end));
        arrived.into_iter().chain(wanted.filter(|_| !header.rst)).collect()
    }

    pub(super) fn arrivals(
        &self,
        connection: usize,
        at: Side,
    ) -> impl Iterator<Item = (usize, &Header)> {
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
}
