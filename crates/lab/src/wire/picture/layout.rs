//! Where things stand from top to bottom: as early as what they depend on allows, act by act.
//!
//! No clock is asked. Within an act an event stands below all that must have come before it, and rows
//! of one column keep out of each other's way.

use super::columns::Columns;
use super::rows::Row;
use super::wire::{Arrow, SLOPE};
use crate::wire::story::{Event, Side, Story, What};

pub(super) const TOP: f64 = 66.0;
/// Between two acts.
const PAUSE: f64 = 22.0;
/// The height of the name above a row, where several share a column.
pub(super) const TAG: f64 = 14.0;
/// From the top of a row to the line between the program and its kernel.
pub(super) const MIDDLE: f64 = 8.0;

#[derive(Debug, Default)]
pub(super) struct Heights {
    /// Of each event.
    pub y: Vec<f64>,
    /// Where each act begins.
    pub acts: Vec<f64>,
    pub bottom: f64,
    pub arrows: Vec<Arrow>,
    /// Above which rows a name stands.
    pub tagged: Vec<usize>,
}

struct Layout<'a> {
    story: &'a Story,
    columns: &'a Columns,
    rows: &'a [Option<Row>],
    colours: &'a dyn Fn(usize) -> &'static str,
    heights: Heights,
    placed: Vec<bool>,
    /// How far down each side's column of rows is full, and of whom the last row is.
    full: [(f64, Option<usize>); 2],
    /// Do several share the column?
    shared: [bool; 2],
}

/// `colours` gives that of a segment.
pub(super) fn heights(
    story: &Story,
    columns: &Columns,
    rows: &[Option<Row>],
    colours: &dyn Fn(usize) -> &'static str,
) -> Heights {
    let shared = [Side::Server, Side::Client].map(|side| {
        let mut names: Vec<&str> = Vec::new();
        names.extend(
            story
                .parties
                .iter()
                .filter(|party| party.side == side)
                .map(|party| party.name.as_str()),
        );
        names.dedup();
        names.len() > 1
    });
    let heights =
        Heights { y: vec![0.0; story.events.len()], bottom: TOP - PAUSE, ..Heights::default() };
    let full = [(0.0, None); 2];
    let placed = vec![false; story.events.len()];
    let mut layout = Layout { story, columns, rows, colours, heights, placed, full, shared };
    for act in &story.acts {
        let floor = layout.heights.bottom + PAUSE;
        layout.heights.acts.push(floor);
        let mut waiting: Vec<usize> = act.events.clone().collect();
        while !waiting.is_empty() {
            let placed = &layout.placed;
            let ready =
                |event: &&usize| story.events[**event].after.iter().all(|before| placed[*before]);
            let early = |event: &usize| (layout.earliest(*event, floor), *event);
            let next = waiting
                .iter()
                .filter(ready)
                .map(early)
                .min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            // Nothing depends on itself: there is always one.
            let Some((y, event)) = next else { break };
            layout.place(event, y);
            layout.placed[event] = true;
            waiting.retain(|other| *other != event);
        }
    }
    layout.heights
}

impl Layout<'_> {
    /// The first height that what it depends on leaves.
    fn earliest(&self, at: usize, floor: f64) -> f64 {
        let event = &self.story.events[at];
        let below =
            event.after.iter().map(|before| self.heights.y[*before] + self.gap(*before, event));
        below.fold(floor, f64::max)
    }

    fn gap(&self, before: usize, event: &Event) -> f64 {
        let other = &self.story.events[before];
        let bare = |what: &What| match what {
            What::Leaves(segment) | What::Arrives(segment) => {
                self.story.segments[*segment].header.is_bare()
            }
            _ => false,
        };
        match (&other.what, &event.what) {
            (What::Leaves(_), What::Arrives(_)) => SLOPE,
            (What::Leaves(_), What::Leaves(_)) if bare(&other.what) || bare(&event.what) => 14.0,
            (What::Leaves(segment), What::Leaves(_))
                if self.story.segments[*segment].header.len > 0 =>
            {
                36.0
            }
            (What::Leaves(_), What::Leaves(_)) => 28.0,
            (What::Arrives(_), What::Arrives(_)) => 0.0,
            (What::Arrives(_), What::Leaves(_)) => 8.0,
            (What::Arrives(_), _) => 1.0,
            (_, What::Leaves(_)) => MIDDLE,
            // Who waits has begun to wait before it comes.
            (_, What::Arrives(_)) => 12.0,
            _ => self.rows[before].as_ref().map_or(0.0, Row::height),
        }
    }

    fn place(&mut self, at: usize, earliest: f64) {
        let mut y = earliest;
        let event = &self.story.events[at];
        if let (Some(row), Some(party)) = (&self.rows[at], event.party) {
            let side = self.story.parties[party].side as usize;
            let (full, last) = self.full[side];
            let tag = self.shared[side] && last != Some(party);
            let room = if tag { TAG } else { 0.0 };
            y = y.max(full) + room;
            // Its segment must find room on the wire.
            let sends = |later: &Event| match later.what {
                What::Leaves(segment) if later.after.first() == Some(&at) => Some(segment),
                _ => None,
            };
            let mut later = self.story.events[at + 1..].iter();
            if let Some((segment, sent)) = later.find_map(|later| Some((sends(later)?, later))) {
                let placed = sent.after.iter().filter(|before| self.placed[**before]);
                let below = placed.map(|before| self.heights.y[*before] + self.gap(*before, sent));
                y = below.fold(y, |y, below| y.max(below - MIDDLE));
                while self.arrow(segment, y + MIDDLE).is_none() {
                    y += 2.0;
                }
            }
            if tag {
                self.heights.tagged.push(at);
            }
            self.full[side] = (y + row.height(), Some(party));
            self.heights.bottom = self.heights.bottom.max(y + row.height());
        }
        if let What::Leaves(segment) = event.what {
            let arrow = loop {
                match self.arrow(segment, y) {
                    Some(arrow) => break arrow,
                    None => y += 2.0,
                }
            };
            self.heights.arrows.push(arrow);
        }
        self.heights.y[at] = y;
        self.heights.bottom = self.heights.bottom.max(y + 6.0);
    }

    /// The arrow of a segment that leaves at this height, if its label has room.
    fn arrow(&self, segment: usize, y: f64) -> Option<Arrow> {
        let of = &self.story.segments[segment];
        let end = |side| self.columns.bar(of.connection, side) + 5.0 * Columns::inwards(side);
        let ends = (end(of.from), end(of.from.other()));
        // Beside another one that goes the same way it could not be told from it.
        let along = |other: &Arrow| {
            let bare =
                [segment, other.segment].iter().all(|at| self.story.segments[*at].header.is_bare());
            self.story.segments[other.segment].from == of.from
                && (other.from.1 - y).abs() < if bare { 9.0 } else { 14.0 }
        };
        if self.heights.arrows.iter().any(along) {
            return None;
        }
        let mut arrow = Arrow::new(segment, ends, y);
        let colour = (self.colours)(segment);
        arrow.place(of, colour, &self.heights.arrows, self.columns.wire()).then_some(arrow)
    }
}

/// Places all labels anew, now that all arrows are known: each across as few of them as can be.
pub(super) fn settle(
    story: &Story,
    columns: &Columns,
    heights: &mut Heights,
    colours: &dyn Fn(usize) -> &'static str,
) {
    for at in 0..heights.arrows.len() {
        let mut arrow = heights.arrows.remove(at);
        let before = arrow.clone();
        let segment = arrow.segment;
        let fits = arrow.place(
            &story.segments[segment],
            colours(segment),
            &heights.arrows,
            columns.wire(),
        );
        heights.arrows.insert(at, if fits { arrow } else { before });
    }
}
