//! What a recording says, told to a learner: who does what and why, what goes over the wire, what the
//! kernels know, and where each program waits.
//!
//! ```no_run
//! # use lab::wire::story::Story;
//! let recording = std::fs::read_to_string("crates/stage6-server-disconnect/sessions/q.wire")?;
//! let story = Story::read(&recording);
//! for (number, act) in story.acts.iter().enumerate() {
//!     println!("{}", act.text);
//!     for sent in story.sent(number) {
//!         println!("  {} to the {}", sent.words, sent.to);
//!     }
//!     for (party, place) in story.parties.iter().zip(&story.after(number).places) {
//!         println!("  {}: {place}", party.name);
//!     }
//! }
//! # Ok::<(), std::io::Error>(())
//! ```

mod events;
mod lines;
mod now;
#[cfg(test)]
pub(super) mod tests;
mod words;

use std::fmt;
use std::ops::Range;

pub(crate) use lines::{Header, length, quoted, unquote};
pub use now::{Now, Place, Socket, State};
pub(crate) use words::CTRL_D;

/// One recording, read.
#[derive(Debug, Default)]
pub struct Story {
    /// In the order in which they come; who comes again is another party of the same name.
    pub parties: Vec<Party>,
    pub connections: Vec<Connection>,
    /// As many as the session has steps with `$`, `>` or `!`, in their order.
    pub acts: Vec<Act>,
    pub(crate) segments: Vec<Segment>,
    /// In the order of the recording.
    pub(crate) events: Vec<Event>,
    /// What there is to say, and how things stand, event by event.
    pub(crate) told: Vec<Told>,
}

/// A program, a thread or child of one, or a raw peer.
#[derive(Debug)]
pub struct Party {
    pub name: String,
    /// What somebody has started: `stage6-server`, `tcp connect`; of a thread, what its program is.
    pub command: String,
    pub kind: Kind,
    pub side: Side,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Program,
    /// A further thread of this party, or a process that it has started.
    Thread(usize),
    /// A bare connection of the session's own.
    Peer,
}

/// Who listens, and who connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    Server = 0,
    Client = 1,
}

impl Side {
    pub(crate) fn other(self) -> Side {
        if self == Side::Server { Side::Client } else { Side::Server }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Side::Server { "server" } else { "client" })
    }
}

/// A connection is named by the port of its client, as sessions show it.
#[derive(Debug)]
pub struct Connection {
    pub port: u16,
    pub(crate) server_port: u16,
    /// Whose the two ends are, by [`Side`]; nobody's where nobody listens.
    pub(crate) owners: [Option<usize>; 2],
    /// Somebody listened where its SYN came.
    pub(crate) answered: bool,
}

/// What somebody does, and all that comes of it.
#[derive(Debug)]
pub struct Act {
    /// As the session has it: `client > hello`.
    pub text: String,
    pub(crate) events: Range<usize>,
}

/// One segment, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// `SYN`, `SYN-ACK`, `ACK`, `5 bytes`, `FIN`, `5 bytes, FIN`, `RST`.
    pub words: String,
    /// The data, in quotes; of a long one the beginning.
    pub data: String,
    pub to: Side,
    /// The place of its connection in [`Story::connections`].
    pub connection: usize,
}

#[derive(Debug)]
pub(crate) struct Segment {
    pub header: Header,
    /// In quotes, the beginning of a long one.
    pub data: String,
    pub connection: usize,
    pub from: Side,
}

/// One thing that happens at one place.
#[derive(Debug)]
pub(crate) struct Event {
    pub party: Option<usize>,
    pub what: What,
    /// The events that it cannot come before: what the same party did, and what it is the effect of.
    pub after: Vec<usize>,
}

#[derive(Debug)]
pub(crate) enum What {
    /// Somebody does something: the mark and the rest of the step.
    Act {
        mark: char,
        rest: String,
    },
    /// A call does not return at once.
    Begins(Call),
    /// A call that has begun returns.
    Returns(Call),
    /// A call returns at once.
    Calls(Call),
    Shows(String),
    Leaves(usize),
    Arrives(usize),
    /// A raw peer has received this, in quotes, or how its connection has ended.
    Receives(String),
    /// `exits`, `killed` or `gets`, and how; of a thread `ends`.
    Fate {
        verb: String,
        how: String,
    },
    /// These events come so many times more, or without end.
    Again {
        events: Range<usize>,
        times: Option<usize>,
    },
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Call {
    pub name: String,
    /// The address, or how to shut down.
    pub argument: String,
    /// What it moves, in quotes.
    pub data: String,
    /// `0`, `ECONNRESET`, empty while it has not returned.
    pub result: String,
    /// The bytes that it has moved.
    pub moved: u64,
    pub connection: Option<(usize, Side)>,
    /// It has closed a copy of a socket that somebody else holds still.
    pub shared: bool,
    /// It is about a socket that listens on this port.
    pub listener: Option<u16>,
}

impl Call {
    pub(crate) fn failed(&self) -> bool {
        self.result.starts_with('E')
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// Nothing where an event says nothing of its own.
    pub sentence: Option<String>,
    pub now: Now,
}

impl Story {
    /// Reads a recording, such as [`record`](super::record) makes it. What it does not know it leaves out.
    #[must_use]
    pub fn read(recording: &str) -> Story {
        let mut story = events::read(recording);
        story.told = story.told_in(0..story.events.len());
        story
    }

    /// The story told in another order, in which no event comes before one that it depends on.
    pub(crate) fn told_in(&self, order: impl IntoIterator<Item = usize>) -> Vec<Told> {
        let mut now = Now::new(self);
        let tell = |event| {
            let before = now.clone();
            now.apply(self, event);
            let sentence = words::sentence(self, event, &before, &now);
            Told { sentence, now: now.clone() }
        };
        order.into_iter().map(tell).collect()
    }

    /// What goes over the wire in this act; acknowledgements alone are left out.
    #[must_use]
    pub fn sent(&self, act: usize) -> Vec<Sent> {
        let leaves = |event: &Event| match event.what {
            What::Leaves(segment) => Some(&self.segments[segment]),
            _ => None,
        };
        let segments = self.events[self.acts[act].events.clone()].iter().filter_map(leaves);
        let said = segments.filter(|segment| !segment.header.is_bare());
        said.map(|segment| Sent {
            words: segment.words(),
            data: segment.data.clone(),
            to: segment.from.other(),
            connection: segment.connection,
        })
        .collect()
    }

    /// How things stand when this act is over.
    #[must_use]
    pub fn after(&self, act: usize) -> &Now {
        &self.told[self.acts[act].events.end - 1].now
    }

    /// The name of the party that has this end of a connection, if anybody has.
    #[must_use]
    pub fn owner(&self, connection: usize, side: Side) -> Option<&str> {
        let party = self.connections[connection].owners[side as usize]?;
        Some(&self.parties[party].name)
    }

    /// Does this program, or a thread of it, wait for the keyboard?
    pub(crate) fn asks(&self, party: usize, now: &Now) -> bool {
        let places = now.places.iter().enumerate();
        places
            .filter(|(other, _)| self.root(*other) == self.root(party))
            .any(|(_, place)| matches!(place, Place::Waits(call) if call == "keyboard"))
    }

    /// Is it a SYN that nobody answers, although somebody listens?
    pub(crate) fn is_ignored(&self, syn: &Segment, now: &Now) -> bool {
        now.listening.iter().any(|(port, _)| *port == syn.header.to)
            && now.socket(syn.connection, syn.from.other()).is_none()
    }

    /// The program that a thread is of; of all others, itself.
    #[must_use]
    pub fn root(&self, party: usize) -> usize {
        match self.parties[party].kind {
            Kind::Thread(program) => program,
            Kind::Program | Kind::Peer => party,
        }
    }

    /// The sentences of this act, in the order of the recording.
    pub fn sentences(&self, act: usize) -> impl Iterator<Item = &str> {
        let told = &self.told[self.acts[act].events.clone()];
        told.iter().filter_map(|told| told.sentence.as_deref())
    }

    /// All of it as a Markdown list, one act after the other.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        for (number, act) in (0..self.acts.len()).enumerate() {
            for (at, sentence) in self.sentences(act).enumerate() {
                let begin = if at == 0 { format!("{}. ", number + 1) } else { "   - ".to_owned() };
                text += &format!("{begin}{sentence}\n");
            }
        }
        text
    }
}

impl Segment {
    /// What it carries.
    pub(crate) fn words(&self) -> String {
        let Header { syn, fin, rst, ack, len, .. } = self.header;
        let mut words = Vec::new();
        if syn {
            words.push(if ack.is_some() { "SYN-ACK".to_owned() } else { "SYN".to_owned() });
        }
        if len > 0 {
            words.push(words::bytes(len));
        }
        words.extend(fin.then(|| "FIN".to_owned()));
        words.extend(rst.then(|| "RST".to_owned()));
        if words.is_empty() { "ACK".to_owned() } else { words.join(", ") }
    }
}
