//! One session with all that belongs to it: notes, the story of its recording, sources.

use std::ops::Range;

use anyhow::Result;
use lab::course::notes::{Note, Notes};
use lab::course::session::{Act, AtPeer, AtTerminal, Session, Start, Step};
use lab::course::stages;
use lab::wire::files;
use lab::wire::story::{Side, Story};

use crate::run;
use crate::source::{self, Source};

pub(crate) struct Lesson {
    pub session: Session,
    pub stage: Option<u8>,
    /// The steps, one that acts and what it leads to at a time.
    pub groups: Vec<Range<usize>>,
    /// The terminals and peers, as they come.
    pub names: Vec<String>,
    pub notes: Notes,
    pub story: Option<Story>,
    pub sources: Vec<Source>,
}

impl Lesson {
    /// # Errors
    ///
    /// There are notes beside the session, and they are not right.
    pub(crate) fn open(session: Session) -> Result<Lesson> {
        let mut names: Vec<String> = Vec::new();
        for step in &session.steps {
            if !names.contains(&step.name) {
                names.push(step.name.clone());
            }
        }
        let groups = run::groups(&session);
        // A recording of a session that has changed since tells another story.
        let acts: Vec<String> =
            groups.iter().map(|group| session.steps[group.start].to_string()).collect();
        let recording = files::recorded(&session).ok();
        let story = recording.map(|text| Story::read(&text));
        let story = story.filter(|story| story.acts.iter().map(|act| &act.text).eq(&acts));
        Ok(Lesson {
            stage: stages::of(&session),
            notes: Notes::read(&session)?.unwrap_or_default(),
            sources: source::of(&session.steps),
            names,
            groups,
            story,
            session,
        })
    }

    /// The step with which this group begins.
    pub(crate) fn act(&self, group: usize) -> &Step {
        &self.session.steps[self.groups[group].start]
    }

    pub(crate) fn note(&self, group: usize) -> Option<&Note> {
        self.notes.at(self.groups.get(group)?.start)
    }

    /// What is said before the first step. The title tells how it ends: not to those who are to say it themselves.
    pub(crate) fn beginning(&self) -> String {
        let which = match questions(&self.notes) {
            0 => return self.session.title.clone(),
            1 => "One question".to_owned(),
            more => format!("{more} questions"),
        };
        format!("{which}: say A, B or C before you press Enter.")
    }

    /// Is the first pane that of a server, as everywhere in the course?
    pub(crate) fn server_first(&self) -> bool {
        let first = self.story.as_ref().and_then(|story| story.parties.first());
        first.is_none_or(|party| party.side == Side::Server)
    }
}

/// How often the audience is to say what it will see.
pub(crate) fn questions(notes: &Notes) -> usize {
    notes.at.iter().filter(|note| note.predict.is_some()).count()
}

/// What somebody does in this step.
pub(crate) fn words(step: &Step) -> String {
    let name = &step.name;
    match &step.act {
        Act::Start(Start::Program(_)) => format!("{name} starts: {}", step.rest),
        Act::Start(Start::Connect(_)) => format!("{name}, a bare connection, connects"),
        Act::Start(Start::Listen(_)) => format!("{name}, a bare connection, listens"),
        Act::Terminal(AtTerminal::Type(text)) if text.is_empty() => {
            format!("{name} presses Enter alone")
        }
        Act::Terminal(AtTerminal::Type(text)) => format!("{name} types: {text}"),
        Act::Terminal(AtTerminal::Kill) => format!("{name} is killed"),
        Act::Terminal(AtTerminal::Keys(_) | AtTerminal::Ahead(_)) => {
            match step.rest.split_once(' ') {
                Some(("paste", text)) => format!("somebody pastes into {name}: {text}"),
                Some((_, text)) => format!("{name} types ahead: {text}"),
                None => format!("{name} presses {}", step.rest),
            }
        }
        Act::Peer(AtPeer::Send(_) | AtPeer::SendAgain(..)) => format!("{name} sends {}", step.rest),
        Act::Peer(AtPeer::HalfClose) => format!("{name} half-closes: it sends no more"),
        Act::Peer(AtPeer::Close) => format!("{name} closes"),
        Act::Peer(AtPeer::Reset) => format!("{name} resets the connection"),
        _ => format!("{name}: {}", step.rest),
    }
}

/// What the pane of a raw peer says of a step: before it, and once it has held.
pub(crate) fn of_peer(step: &Step, held: bool) -> Option<String> {
    match (&step.act, held) {
        (Act::Start(start @ (Start::Connect(_) | Start::Listen(_))), true) => {
            let does = if matches!(start, Start::Listen(_)) { "listens" } else { "connects" };
            let over = step.rest.split(' ').next().filter(|net| *net != "tcp");
            Some(over.map_or(does.to_owned(), |net| format!("{does} ({net})")))
        }
        (Act::Peer(AtPeer::Send(_) | AtPeer::SendAgain(..)), false) => {
            Some(format!("sends {}", step.rest))
        }
        (Act::Peer(AtPeer::HalfClose | AtPeer::Close | AtPeer::Reset), true) => {
            Some(format!("[{}]", step.rest))
        }
        (Act::Peer(AtPeer::Bytes(_)), true) => Some(format!("receives {}", step.rest)),
        (Act::Peer(AtPeer::Closed(_)), true) => Some(format!("receives: {}", step.rest)),
        (Act::Peer(AtPeer::Unread), true) => Some("leaves it unread".to_owned()),
        _ => None,
    }
}
