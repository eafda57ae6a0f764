//! Programs: where each of them runs and waits, and what goes between it and its kernel.

use super::Composer;
use crate::wire::picture::colour;
use crate::wire::picture::columns::Columns;
use crate::wire::picture::layout::MIDDLE;
use crate::wire::picture::text::Quad;
use crate::wire::story::{Connection, Event, Kind, Side, What};

impl<'a> Composer<'a> {
    fn events_of(&self, party: usize) -> impl Iterator<Item = (usize, &'a Event)> {
        let events = self.story.events.iter().enumerate();
        events.filter(move |(_, event)| event.party == Some(party))
    }

    /// The life of a program: where it runs, and where it waits, and for what.
    pub(super) fn lane(&mut self, party: usize) {
        let Some((first, _)) = self.events_of(party).next() else { return };
        let of = &self.story.parties[party];
        let x = self.columns.lane(of.side, party);
        let class = colour::party(self.story, self.columns, party);
        let peer = of.kind == Kind::Peer;
        let ends = |(_, event): &(usize, &Event)| match &event.what {
            What::Fate { verb, .. } => verb != "gets",
            What::Act { mark: '!', rest } => peer && (rest == "close" || rest == "reset"),
            _ => false,
        };
        let root = self.story.root(party);
        let end = self.events_of(party).find(ends).or_else(|| self.events_of(root).find(ends));
        let (top, bottom) = (
            self.heights.y[first] + 6.0,
            end.map_or(self.bottom(), |(at, _)| self.heights.y[at] + MIDDLE),
        );
        let bottom = bottom.max(top);
        let run = if peer { "idle" } else { "run" };
        self.drawing
            .shape(format!(r#"<path class="{class} k {run}" d="M{x:.1} {top:.1}V{bottom:.1}"/>"#));
        self.drawing.solid.push(Quad::upright(x - 5.5, top, 11.0, bottom - top));
        for (from, to, keys) in self.waits(party, bottom) {
            let (y, height) = (from, (to - from).max(3.0));
            let kind = if keys { "key" } else { "wait" };
            self.drawing.uses.push(kind);
            self.drawing.shape(format!(r#"<rect class="{kind}" x="{:.1}" y="{y:.1}" width="11" height="{height:.1}" rx="2"/>"#, x - 5.5));
        }
        if end.is_some() {
            self.drawing.shape(format!(
                r#"<path class="{class} k cap" d="M{:.1} {bottom:.1}h16"/>"#,
                x - 8.0
            ));
        }
    }

    /// From where to where a party waits, and whether for the keyboard.
    fn waits(&self, party: usize, bottom: f64) -> Vec<(f64, f64, bool)> {
        let mut waits = Vec::new();
        let mut begun: Option<(f64, bool)> = None;
        // Where somebody has last done something at its terminal.
        let mut act = None;
        for (at, event) in self.events_of(party) {
            let y = self.heights.y[at];
            match &event.what {
                What::Begins(call) => begun = Some((y + MIDDLE + 1.0, call.name == "keyboard")),
                What::Act { .. } => act = Some(y),
                What::Fate { verb, .. } if verb == "gets" => {}
                What::Returns(_) | What::Fate { .. } => {
                    let Some((from, keys)) = begun.take() else { continue };
                    let typed = act.filter(|act| keys && *act > from);
                    waits.push((from, typed.map_or(y + 5.0, |act| act + 6.0), keys));
                }
                _ => {}
            }
        }
        waits.extend(begun.map(|(from, keys)| (from, bottom, keys)));
        waits.retain(|(from, to, _)| to > from);
        waits
    }

    /// The lines between programs and their kernels.
    pub(super) fn system(&mut self) {
        for (at, event) in self.story.events.iter().enumerate() {
            let Some(party) = event.party else { continue };
            let of = self.story.parties[party].side;
            let y = self.heights.y[at] + MIDDLE;
            let class = colour::party(self.story, self.columns, party);
            let lane = self.columns.lane(of, party);
            for (segment, y) in self.makes(at) {
                let segment = &self.story.segments[segment];
                if segment.from == of {
                    self.line(class, lane, (segment.connection, of), y, "to");
                }
            }
            let (call, returns) = match &event.what {
                What::Returns(call) => (call, true),
                What::Calls(call) => (call, ["read", "accept"].contains(&call.name.as_str())),
                What::Receives(_) => {
                    let owned = |c: &Connection| c.owners[of as usize] == Some(party);
                    if let Some(connection) = self.story.connections.iter().rposition(owned) {
                        self.line(class, lane, (connection, of), y, "from");
                    }
                    continue;
                }
                _ => continue,
            };
            let Some((connection, side)) = call.connection.filter(|(_, side)| *side == of) else {
                continue;
            };
            let refused = call.failed() && self.rows[at].is_none();
            match call.name.as_str() {
                "read" | "accept" | "connect" if returns && !refused && call.result != "EAGAIN" => {
                    self.line(class, lane, (connection, side), y, "from");
                }
                "close" if !call.shared && self.makes(at).is_empty() => {
                    self.line(class, lane, (connection, side), y, "ends")
                }
                _ => {}
            }
        }
    }

    /// The first segment that an event makes leave, and where it does.
    fn makes(&self, at: usize) -> Vec<(usize, f64)> {
        let later = self.story.events.iter().enumerate().skip(at + 1);
        let segments = later.filter_map(|(other, event)| match event.what {
            What::Leaves(segment) if event.after.first() == Some(&at) => {
                Some((segment, self.heights.y[other]))
            }
            _ => None,
        });
        let mut made: Vec<(usize, f64)> = Vec::new();
        for (segment, y) in segments {
            let connection = self.story.segments[segment].connection;
            if !made.iter().any(|(other, _)| self.story.segments[*other].connection == connection) {
                made.push((segment, y));
            }
        }
        made
    }

    fn line(
        &mut self,
        class: &str,
        lane: f64,
        (connection, side): (usize, Side),
        y: f64,
        kind: &str,
    ) {
        let inwards = Columns::inwards(side);
        let bar = self.columns.bar(connection, side);
        let head =
            if kind == "ends" { String::new() } else { format!(r#" marker-end="url(#s{class})""#) };
        let (from, to) = match kind {
            "from" => (bar - 5.0 * inwards, lane + 7.0 * inwards),
            "to" => (lane + 4.0 * inwards, bar - 5.0 * inwards),
            _ => (lane + 4.0 * inwards, bar),
        };
        self.drawing.shape(format!(
            r#"<path class="{class} k sys {kind}"{head} d="M{from:.1} {y:.1}H{to:.1}"/>"#
        ));
        self.lines.push(Quad::upright(from.min(to), y - 1.5, (to - from).abs(), 3.0));
    }
}
