//! What the kernels know: sockets that listen, the states of both ends, and what waits there.

use super::{Beside, Composer};
use crate::wire::picture::columns::Columns;
use crate::wire::picture::layout::MIDDLE;
use crate::wire::picture::text::{Font, Quad, Text};
use crate::wire::picture::{colour, rows};
use crate::wire::story::{Now, Side, State, What};

/// A stripe that is shorter than this teaches nothing.
const SHORT: f64 = 30.0;

impl<'a> Composer<'a> {
    /// The events from top to bottom, with their heights.
    fn moments(&self) -> impl Iterator<Item = (f64, &'a Now)> {
        self.steps.iter().map(|(event, now)| (self.heights.y[*event], now))
    }

    pub(super) fn listeners(&mut self) {
        let mut open: Vec<((u16, usize), f64)> = Vec::new();
        let mut drawn: Vec<(usize, f64, f64)> = Vec::new();
        for (y, now) in self.moments() {
            open.retain(|(listener, from)| {
                let goes_on = now.listening.contains(listener);
                if !goes_on {
                    drawn.push((listener.1, *from, y + MIDDLE));
                }
                goes_on
            });
            for listener in &now.listening {
                if !open.iter().any(|(known, _)| known == listener) {
                    open.push((*listener, y + MIDDLE));
                }
            }
        }
        let bottom = self.bottom();
        drawn.extend(open.into_iter().map(|((_, party), from)| (party, from, bottom)));
        for (party, from, to) in drawn {
            let side = self.story.parties[party].side;
            let class = colour::party(self.story, self.columns, party);
            let x = self.columns.listener(side);
            self.drawing.shape(format!(r#"<path class="{class} k listen" d="M{x:.1} {from:.1}V{to:.1}"/><circle class="{class} kf" cx="{x:.1}" cy="{from:.1}" r="3"/>"#));
            self.drawing.uses.push("listen");
            let anchor = Columns::away(side.other());
            let at = (x + 8.0 * Columns::inwards(side), from + 3.5);
            self.label(Text::new(Font::State, at, anchor, "LISTEN"), f64::INFINITY);
        }
    }

    /// Puts a label into a kernel, at its height or as little below it as is free.
    fn label(&mut self, label: Text, limit: f64) {
        let clear = |quad: &Quad, lines: bool| {
            let all = self.taken.iter().chain(self.lines.iter().filter(|_| lines));
            !all.into_iter().any(|other| quad.overlaps(other))
        };
        let heights =
            |most: f64| (0..(most / 0.5) as usize).map(|step| label.y + step as f64 * 0.5);
        let at = |y: f64| Text { y, ..label.clone() };
        let free = |lines: bool, most: f64| {
            heights(most).find(|y| *y <= limit && clear(&at(*y).quad(), lines))
        };
        let Some(y) = free(true, 16.0).or_else(|| free(false, 4000.0)) else { return };
        let label = at(y).over_lines();
        self.taken.push(label.quad());
        self.drawing.texts.push(label);
    }

    /// One end of a connection: its states as a bar, with their names.
    pub(super) fn bar(&mut self, connection: usize, side: Side) {
        let mut states: Vec<(f64, State)> = Vec::new();
        for (y, now) in self.moments() {
            if let Some(socket) = now.socket(connection, side)
                && states.last().is_none_or(|(_, last)| *last != socket.state)
            {
                states.push((y, socket.state));
            }
        }
        let x = self.columns.bar(connection, side);
        let class = colour::end(self.story, self.columns, connection, side);
        // A later connection may have the place, when this one waits for nothing but time.
        let later = connection + 1..self.story.connections.len();
        let mut later =
            later.filter(|other| self.columns.slots[*other] == self.columns.slots[connection]);
        let limit = later.find_map(|other| {
            self.moments()
                .find(|(_, now)| now.sockets[other].iter().any(Option::is_some))
                .map(|(y, _)| y - 8.0)
        });
        for (at, (y, state)) in states.iter().enumerate() {
            let end = states.get(at + 1).map_or(limit.unwrap_or(self.bottom()), |(next, _)| *next);
            let height = (end - y).max(0.0);
            let (left, top) = (x - 3.25, *y);
            let hollow = format!(
                r#"<rect class="{class} k hollow" x="{left:.2}" y="{top:.1}" width="6.5" height="{height:.1}"/>"#
            );
            let half = if side == Side::Server { x } else { x - 4.0 };
            let (shape, uses) = match state {
                State::Closed => (
                    format!(r#"<path class="{class} k cap" d="M{:.1} {top:.1}h10"/>"#, x - 5.0),
                    "",
                ),
                State::SynSent | State::SynReceived => (hollow, "open"),
                State::Established => (
                    format!(
                        r#"<rect class="{class} kf" x="{:.1}" y="{top:.1}" width="8" height="{height:.1}"/>"#,
                        x - 4.0
                    ),
                    "full",
                ),
                State::TimeWait => (
                    format!(
                        r#"<path class="{class} k timewait" d="M{x:.1} {:.1}V{:.1}"/>"#,
                        top + 2.0,
                        end.max(top + 2.0)
                    ),
                    "timewait",
                ),
                _ => (
                    format!(
                        r#"{hollow}<rect class="{class} kf" x="{half:.1}" y="{top:.1}" width="4" height="{height:.1}"/>"#
                    ),
                    "half",
                ),
            };
            self.drawing.shape(shape);
            self.drawing.uses.push(uses);
            if *state != State::Closed {
                self.drawing.solid.push(Quad::upright(x - 4.0, top, 8.0, height));
            }
            let name = if self.columns.several {
                format!("{} {state}", rows::number(connection))
            } else {
                state.to_string()
            };
            let anchor = Columns::away(side);
            let label = Text::new(Font::State, (self.columns.states(side), y + 11.0), anchor, name);
            self.label(label.coloured(class), f64::INFINITY);
        }
    }

    /// What waits in the kernel at one end: bytes, the end of the stream, a connection. Gives what to
    /// write beside each of the stripes.
    pub(super) fn unread(&mut self, connection: usize, side: Side) -> Vec<Beside> {
        let mut stripes: Vec<(f64, f64, u64, bool)> = Vec::new();
        let mut waits = false;
        let last = (self.bottom(), None);
        for (y, now) in self.moments().map(|(y, now)| (y, Some(now))).chain([last]) {
            let socket = now.and_then(|now| now.socket(connection, side));
            let (unread, end) =
                socket.map_or((0, false), |socket| (socket.unread, socket.end_unread));
            let is = unread > 0 || end;
            match stripes.last_mut().filter(|_| waits) {
                // What has been read of it makes another stripe of the rest.
                Some(stripe) if !is || unread < stripe.2 => {
                    stripe.1 = y + 4.0;
                    stripes.extend(is.then_some((y + 6.0, y + 6.0, unread, end)));
                }
                Some(stripe) => (stripe.2, stripe.3) = (unread, stripe.3 || end),
                None => stripes.extend(is.then_some((y, y, unread, end))),
            }
            waits = is;
        }
        let mut labels = Vec::new();
        let inwards = 8.0 * Columns::inwards(side);
        let class = colour::end(self.story, self.columns, connection, side.other());
        let x = self.columns.unread(connection, side);
        for (from, to, unread, end) in stripes {
            // An end that is soon followed by a close is nothing to wonder at.
            if to - from <= if unread > 0 { SHORT } else { 2.0 * SHORT } {
                continue;
            }
            self.stripe(class, "buf", x, (from, to));
            let mut lines: Vec<String> = match unread {
                0 => Vec::new(),
                1 => vec!["1 byte".to_owned()],
                100_000.. => vec![unread.to_string(), "bytes".to_owned()],
                _ => vec![format!("{unread} bytes")],
            };
            if end {
                lines.push(if unread > 0 { "+ the end" } else { "the end," }.to_owned());
            }
            lines.push("unread".to_owned());
            labels.push((lines, (x + inwards, from, to), side));
        }
        labels
    }

    /// The connections that wait for `accept`, and what to write beside them.
    pub(super) fn queue(&mut self) -> Vec<Beside> {
        let connections = 0..self.story.connections.len();
        let mut runs: Vec<(f64, f64, Vec<usize>)> = Vec::new();
        let last = (self.bottom(), None);
        for (y, now) in self.moments().map(|(y, now)| (y, Some(now))).chain([last]) {
            let queued = |at: &usize| {
                now.and_then(|now| now.socket(*at, Side::Server)).is_some_and(|end| end.queued)
            };
            let queue: Vec<usize> = connections.clone().filter(queued).collect();
            let before = runs.last_mut().filter(|(.., before)| *before == queue);
            if before.is_none() {
                runs.last_mut().into_iter().for_each(|run| run.1 = y + 4.0);
                runs.push((y, y, queue));
            }
        }
        let mut labels = Vec::new();
        let x = self.columns.listener(Side::Server);
        for runs in runs.chunk_by(|a, b| a.2.is_empty() == b.2.is_empty()) {
            let ([(from, .., queue), ..], [.., (_, to, _)]) = (runs, runs) else { continue };
            let Some(first) = queue.first().filter(|_| to - from > SHORT + 20.0) else { continue };
            let class = colour::end(self.story, self.columns, *first, Side::Server);
            self.stripe(class, "queue", x, (*from, *to));
            for (from, to, queue) in runs.iter().filter(|(from, to, _)| to - from > SHORT) {
                let numbers = queue.iter().filter(|_| self.columns.several);
                let numbers: String = numbers.map(|at| rows::number(*at)).collect();
                let label = format!("{numbers} in the queue").trim_start().to_owned();
                labels.push((vec![label], (x + 8.0, *from, *to), Side::Server));
            }
        }
        labels
    }

    fn stripe(&mut self, class: &str, kind: &'static str, x: f64, (from, to): (f64, f64)) {
        let (left, height, round) = (x - 4.0, to - from, if kind == "buf" { 3 } else { 4 });
        self.drawing.shape(format!(r#"<rect class="{class} k {kind}" x="{left:.1}" y="{from:.1}" width="8" height="{height:.1}" rx="{round}"/>"#));
        self.drawing.uses.push(kind);
        self.taken.push(Quad::upright(left, from, 8.0, height));
    }

    /// Why a SYN makes no connection: nobody listens, or nobody accepts.
    pub(super) fn no_connection(&mut self) {
        for (at, event) in self.story.events.iter().enumerate() {
            let What::Arrives(segment) = event.what else { continue };
            let segment = &self.story.segments[segment];
            let opens = segment.header.syn && segment.header.ack.is_none();
            let (y, side) = (self.heights.y[at], segment.from.other());
            let Some((_, now)) = self.steps.iter().find(|(step, _)| *step == at) else { continue };
            if !opens || now.socket(segment.connection, side).is_some() {
                continue;
            }
            let why = match self.story.is_ignored(segment, now) {
                true => ["the queue", "is full"],
                false => ["nobody", "listens"],
            };
            let (x, anchor) = (self.columns.states(side), Columns::away(side));
            for (number, line) in why.into_iter().enumerate() {
                let place = (x, y + 1.0 + 11.0 * number as f64);
                self.label(Text::new(Font::Small, place, anchor, line), f64::INFINITY);
            }
        }
    }

    /// Lines of text beside a stripe, in its middle if there is room.
    pub(super) fn beside(&mut self, (lines, (x, from, to), side): &Beside) {
        let (from, to) = (*from, *to);
        let anchor = Columns::away(side.other());
        let room = 11.0 * lines.len() as f64;
        let middle = (from + to - room) / 2.0 + 8.0;
        let at = |begin: f64| {
            let line = |(number, line): (usize, &String)| {
                let y = begin + 11.0 * number as f64;
                Text::new(Font::Small, (*x, y), anchor, line).over_lines()
            };
            lines.iter().enumerate().map(line).collect::<Vec<Text>>()
        };
        let clear = |begin: &f64, lines: bool| {
            let all: Vec<&Quad> =
                self.taken.iter().chain(self.lines.iter().filter(|_| lines)).collect();
            at(*begin).iter().all(|text| !all.iter().any(|other| text.quad().overlaps(other)))
        };
        // From the middle outwards, as long as it stays beside its stripe.
        let steps = ((to - from) / 2.0).max(8.0) as usize;
        let places: Vec<f64> =
            (0..steps).flat_map(|step| [middle + step as f64, middle - step as f64]).collect();
        let inside: Vec<f64> = places
            .into_iter()
            .filter(|begin| *begin >= from + 4.0 && begin + room <= to + 10.0)
            .collect();
        let found = inside
            .iter()
            .find(|begin| clear(begin, true))
            .or_else(|| inside.iter().find(|begin| clear(begin, false)));
        for text in found.map(|begin| at(*begin)).unwrap_or_default() {
            self.taken.push(text.quad());
            self.drawing.texts.push(text);
        }
    }
}
