//! Segments, which leave and arrive, and the connections that they open.

use super::Reader;
use crate::wire::story::lines::Header;
use crate::wire::story::{Connection, Segment, Side, Story, What};

impl Reader {
    /// A segment leaves, caused by the call that it stands under or by what has arrived, and arrives.
    pub(super) fn segment(&mut self, header: Header, data: &str) {
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
}
