//! Where things stand from left to right: the server's side, the wire, the client's side.

use super::text::Anchor;
use crate::wire::story::{Place, Side, State, Story, What};

pub(super) const WIDTH: f64 = 880.0;
pub(super) const TEXT: f64 = 208.0;
/// From one lane or bar to the next.
pub(super) const APART: f64 = 12.0;
const PANEL: f64 = 110.0;
const MARGIN: [f64; 2] = [20.0, 12.0];
const WIRE: std::ops::RangeInclusive<f64> = 150.0..=160.0;

/// The two sides, mirrored: all is counted from the outer edge, and turned round for the client's.
#[derive(Debug)]
pub(super) struct Columns {
    pub width: f64,
    sides: [Option<Column>; 2],
    /// The lane of each party, the bar of each connection.
    pub lanes: Vec<usize>,
    pub slots: Vec<usize>,
    /// Are there several connections at once, which are numbered then?
    pub several: bool,
}

#[derive(Clone, Copy, Debug)]
struct Column {
    /// Where its texts end, its first lane, and its kernel's two edges.
    text: f64,
    lane: f64,
    panel: (f64, f64),
    bars: usize,
}

impl Columns {
    pub(super) fn new(story: &Story) -> Columns {
        let lanes = lanes(story);
        let slots = slots(story);
        let bars = slots.iter().map(|slot| slot + 1).max().unwrap_or(0);
        let sides = [Side::Server, Side::Client].map(|side| {
            let parties = story.parties.iter().zip(&lanes).filter(|(party, _)| party.side == side);
            let count = parties.map(|(_, lane)| lane + 1).max().unwrap_or(0);
            (count > 0 || !story.connections.is_empty()).then(|| {
                let margin = MARGIN[side as usize];
                let (text, lane) = match count {
                    0 => (margin, margin),
                    _ => (margin + TEXT, margin + TEXT + APART),
                };
                let begin = if count == 0 { margin } else { lane + APART * count as f64 + 2.0 };
                // Several connections are numbered, and their bytes wait side by side.
                let numbers = if bars > 1 { 24.0 } else { 0.0 };
                let more = bars.saturating_sub(1) as f64;
                let panel = (begin, begin + PANEL + numbers + (APART + 10.0) * more);
                Column { text, lane, panel, bars }
            })
        });
        let end = |side: &Option<Column>| side.map_or(0.0, |side| side.panel.1);
        let ends: f64 = sides.iter().map(end).sum();
        let width = match sides {
            [Some(_), Some(_)] => ends + (WIDTH - ends).clamp(*WIRE.start(), *WIRE.end()),
            _ => ends + MARGIN[1],
        };
        Columns { width, sides, lanes, slots, several: bars > 1 }
    }

    pub(super) fn has(&self, side: Side) -> bool {
        self.sides[side as usize].is_some()
    }

    fn at(&self, side: Side, of: impl Fn(&Column) -> f64) -> f64 {
        let from_edge = self.sides[side as usize].as_ref().map_or(0.0, of);
        if side == Side::Server { from_edge } else { self.width - from_edge }
    }

    /// Where the texts of a side begin, or end, beside its lanes.
    pub(super) fn text(&self, side: Side) -> f64 {
        self.at(side, |column| column.text)
    }

    pub(super) fn lane(&self, side: Side, party: usize) -> f64 {
        self.at(side, |column| column.lane + APART * self.lanes[party] as f64)
    }

    /// The outer and the inner edge of a kernel.
    pub(super) fn panel(&self, side: Side) -> (f64, f64) {
        (self.at(side, |column| column.panel.0), self.at(side, |column| column.panel.1))
    }

    /// From one kernel to the other.
    pub(super) fn wire(&self) -> (f64, f64) {
        (self.panel(Side::Server).1, self.panel(Side::Client).1)
    }

    /// The end of a connection.
    pub(super) fn bar(&self, connection: usize, side: Side) -> f64 {
        let slot = self.slots[connection] as f64;
        self.at(side, |column| column.panel.1 - 5.0 - APART * (column.bars as f64 - 1.0 - slot))
    }

    /// The socket that listens, and the queue before it.
    pub(super) fn listener(&self, side: Side) -> f64 {
        self.at(side, |column| column.panel.0 + 5.0)
    }

    /// What has come and is not read.
    pub(super) fn unread(&self, connection: usize, side: Side) -> f64 {
        self.at(side, |column| column.panel.0 + 15.0 + 10.0 * self.slots[connection] as f64)
    }

    /// Where the states of all ends are written: beside the bars.
    pub(super) fn states(&self, side: Side) -> f64 {
        self.at(side, |column| column.panel.1 - 13.0 - APART * (column.bars.max(1) as f64 - 1.0))
    }

    /// Inwards from the outer edge: to the right on the server's side.
    pub(super) fn inwards(side: Side) -> f64 {
        if side == Side::Server { 1.0 } else { -1.0 }
    }

    /// For a text that goes from a point away from the wire.
    pub(super) fn away(side: Side) -> Anchor {
        if side == Side::Server { Anchor::End } else { Anchor::Start }
    }
}

/// The first lane that is free, for each party; who has ended leaves it to those who come later.
fn lanes(story: &Story) -> Vec<usize> {
    let mut taken: [Vec<usize>; 2] = [Vec::new(), Vec::new()];
    let acts = story.acts.len();
    let lane = |(party, of): (usize, &crate::wire::story::Party)| {
        let comes = |act: &usize| {
            let events = &story.events[story.acts[*act].events.clone()];
            events.iter().any(|event| event.party == Some(party))
        };
        let ended = |act: &usize| story.after(*act).places[party] == Place::Ended;
        let first = (0..acts).find(comes).unwrap_or(0);
        let last = (first..acts).find(ended).unwrap_or(acts);
        free(&mut taken[of.side as usize], first, last)
    };
    story.parties.iter().enumerate().map(lane).collect()
}

/// The first bar that is free, for each connection; one in TIME-WAIT gives way to a further one.
fn slots(story: &Story) -> Vec<usize> {
    let mut taken = Vec::new();
    let acts = story.acts.len();
    let slot = |connection: usize| {
        let first = (0..acts).find(|act| {
            let mut events = story.events[story.acts[*act].events.clone()].iter();
            events.any(|event| match event.what {
                What::Leaves(segment) => story.segments[segment].connection == connection,
                _ => false,
            })
        });
        let first = first.unwrap_or(0);
        let over = |act: &usize| {
            let ends = &story.after(*act).sockets[connection];
            let over = [State::Closed, State::TimeWait];
            ends.iter().flatten().all(|end| over.contains(&end.state) && end.unread == 0)
        };
        let last = (first..acts).find(over).unwrap_or(acts);
        free(&mut taken, first, last)
    };
    (0..story.connections.len()).map(slot).collect()
}

/// Takes the first place that nobody needs from this act on, until the last of his acts.
fn free(taken: &mut Vec<usize>, first: usize, last: usize) -> usize {
    match taken.iter().position(|until| *until < first) {
        Some(at) => {
            taken[at] = last;
            at
        }
        None => {
            taken.push(last);
            taken.len() - 1
        }
    }
}
