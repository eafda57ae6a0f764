//! What is drawn, from back to front.

use super::columns::Columns;
use super::layout::{Heights, MIDDLE, TAG, TOP};
use super::rows::{self, Form, Row};
use super::text::{Anchor, Font, Quad, Text};
use super::{Drawing, colour};
use crate::wire::story::{Event, Kind, Now, Side, State, Story, What};

/// A stripe that is shorter than this teaches nothing.
const SHORT: f64 = 30.0;
/// Lines to write beside a stripe: where it stands, from where to where, and at which end.
type Beside = (Vec<String>, (f64, f64, f64), Side);
const SIDES: [Side; 2] = [Side::Server, Side::Client];

pub(super) struct Composer<'a> {
    pub story: &'a Story,
    pub columns: &'a Columns,
    pub rows: &'a [Option<Row>],
    pub heights: &'a Heights,
    /// The events from top to bottom, and how things stand after each of them.
    pub steps: &'a [(usize, Now)],
    pub drawing: Drawing,
    /// The lines between programs and kernels, which labels avoid if they can.
    lines: Vec<Quad>,
    /// Labels and stripes in the kernels, which labels avoid always.
    taken: Vec<Quad>,
}

impl<'a> Composer<'a> {
    pub(super) fn new(
        story: &'a Story,
        columns: &'a Columns,
        rows: &'a [Option<Row>],
        heights: &'a Heights,
        steps: &'a [(usize, Now)],
    ) -> Composer<'a> {
        let drawing = Drawing::new(columns.width, heights.bottom + 8.0);
        Composer {
            story,
            columns,
            rows,
            heights,
            steps,
            drawing,
            lines: Vec::new(),
            taken: Vec::new(),
        }
    }

    pub(super) fn compose(mut self) -> Drawing {
        self.panels();
        self.acts();
        for party in 0..self.story.parties.len() {
            self.lane(party);
        }
        self.system();
        self.listeners();
        let connections = 0..self.story.connections.len();
        let ends: Vec<(usize, Side)> =
            connections.flat_map(|at| SIDES.map(|side| (at, side))).collect();
        let stripes: Vec<Beside> =
            ends.iter().flat_map(|(at, side)| self.unread(*at, *side)).collect();
        for (connection, side) in ends {
            self.bar(connection, side);
        }
        stripes.iter().for_each(|stripe| self.beside(stripe));
        self.nobody_listens();
        self.arrows();
        self.texts();
        super::legend::draw(&mut self.drawing);
        self.drawing
    }

    fn bottom(&self) -> f64 {
        self.heights.bottom + 2.0
    }

    fn panels(&mut self) {
        let heading = |x, text: &str| Text::new(Font::Heading, (x, 38.0), Anchor::Middle, text);
        for side in SIDES.into_iter().filter(|side| self.columns.has(*side)) {
            let (outer, inner) = self.columns.panel(side);
            let (x, width) = (outer.min(inner), (inner - outer).abs());
            let (y, height) = (TOP - 18.0, self.bottom() - TOP + 18.0);
            self.drawing.shape(format!(r#"<rect class="panel" x="{x:.0}" y="{y:.0}" width="{width:.0}" height="{height:.0}" rx="4"/>"#));
            self.drawing.texts.push(heading((outer + inner) / 2.0, "KERNEL"));
        }
        if SIDES.iter().all(|side| self.columns.has(*side)) {
            let (left, right) =
                (self.columns.panel(Side::Server).1, self.columns.panel(Side::Client).1);
            self.drawing.texts.push(heading((left + right) / 2.0, "THE WIRE"));
        }
        for side in SIDES {
            self.names(side);
        }
    }

    /// Who is on a side, and what they are.
    fn names(&mut self, side: Side) {
        let at = self.columns.text(side);
        let anchor = if side == Side::Server { Anchor::End } else { Anchor::Start };
        let mut spans: Vec<(String, &'static str)> = Vec::new();
        let mut commands: Vec<String> = Vec::new();
        for (number, party) in
            self.story.parties.iter().enumerate().filter(|(_, party)| party.side == side)
        {
            if matches!(party.kind, Kind::Thread(_)) {
                continue;
            }
            if !spans.iter().any(|(name, _)| *name == party.name) {
                if !spans.is_empty() {
                    spans.push((" \u{b7} ".to_owned(), "soft"));
                }
                spans.push((party.name.clone(), colour::party(self.story, self.columns, number)));
            }
            let command = match party.kind {
                Kind::Peer => "bare connection",
                _ => &party.command,
            };
            // The program, and what an interpreter is given, without their folders.
            let words =
                command.split(' ').filter(|word| !word.is_empty() && !word.starts_with('-'));
            let words = words.take(if command.contains('/') { 2 } else { 1 });
            let words: Vec<&str> =
                words.map(|word| word.rsplit('/').next().unwrap_or(word)).collect();
            let command = match party.kind {
                Kind::Peer => command.to_owned(),
                _ => words.join(" "),
            };
            if !commands.contains(&command) {
                commands.push(command);
            }
        }
        if spans.is_empty() {
            return;
        }
        let mut names = Text { spans, ..Text::new(Font::Name, (at, 22.0), anchor, "") };
        while names.width() > 208.0 && names.spans.len() > 1 {
            names.spans.truncate(names.spans.len() - 2);
            names.spans.push((" \u{2026}".to_owned(), "soft"));
            if names.spans.len() == 2 {
                break;
            }
        }
        if let [(name, _), ..] = &mut names.spans[..] {
            *name = rows::cut(name, 18);
        }
        self.drawing.texts.push(names);
        let commands = rows::cut(&commands.join(", "), 30);
        self.drawing.texts.push(Text::new(Font::Command, (at, 38.0), anchor, commands));
    }

    fn acts(&mut self) {
        for (number, y) in self.heights.acts.iter().enumerate() {
            if self.story.acts[number].text.is_empty() {
                continue;
            }
            let text =
                Text::new(Font::Small, (4.0, y + 13.0), Anchor::Start, (number + 1).to_string());
            self.drawing.texts.push(text);
            if number > 0 {
                let (y, end) = (y - 11.0, self.columns.width - 6.0);
                self.drawing.shape(format!(r#"<path class="act" d="M6 {y:.1}H{end:.0}"/>"#));
            }
        }
    }

    fn events_of(&self, party: usize) -> impl Iterator<Item = (usize, &'a Event)> {
        let events = self.story.events.iter().enumerate();
        events.filter(move |(_, event)| event.party == Some(party))
    }

    /// The life of a program: where it runs, and where it waits, and for what.
    fn lane(&mut self, party: usize) {
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
    fn system(&mut self) {
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
                    let owned =
                        |c: &crate::wire::story::Connection| c.owners[of as usize] == Some(party);
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

    /// The events from top to bottom, with their heights.
    fn moments(&self) -> impl Iterator<Item = (f64, &'a Now)> {
        self.steps.iter().map(|(event, now)| (self.heights.y[*event], now))
    }

    fn listeners(&mut self) {
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
            let anchor = if side == Side::Server { Anchor::Start } else { Anchor::End };
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
    fn bar(&mut self, connection: usize, side: Side) {
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
            let anchor = if side == Side::Server { Anchor::End } else { Anchor::Start };
            let label = Text::new(Font::State, (self.columns.states(side), y + 11.0), anchor, name);
            self.label(label.coloured(class), f64::INFINITY);
        }
    }

    /// What waits in the kernel at one end: bytes, the end of the stream, a connection. Gives what to
    /// write beside each of the stripes.
    fn unread(&mut self, connection: usize, side: Side) -> Vec<Beside> {
        let mut stripes: Vec<(f64, f64, u64, bool)> = Vec::new();
        let mut queued: Vec<(f64, f64)> = Vec::new();
        let (mut waits, mut in_queue) = (false, false);
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
            let queue = socket.is_some_and(|socket| socket.queued);
            match (queue, queued.last_mut().filter(|_| in_queue)) {
                (true, None) => queued.push((y, y)),
                (false, Some(queue)) => queue.1 = y + 4.0,
                _ => {}
            }
            in_queue = queue;
        }
        let mut labels = Vec::new();
        let inwards = 8.0 * Columns::inwards(side);
        for (from, to) in queued.into_iter().filter(|(from, to)| to - from > SHORT + 20.0) {
            let class = colour::end(self.story, self.columns, connection, side);
            let x = self.columns.listener(side);
            self.stripe(class, "queue", x, (from, to));
            labels.push((vec!["in the queue".to_owned()], (x + inwards, from, to), side));
        }
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

    fn stripe(&mut self, class: &str, kind: &'static str, x: f64, (from, to): (f64, f64)) {
        let (left, height, round) = (x - 4.0, to - from, if kind == "buf" { 3 } else { 4 });
        self.drawing.shape(format!(r#"<rect class="{class} k {kind}" x="{left:.1}" y="{from:.1}" width="8" height="{height:.1}" rx="{round}"/>"#));
        self.drawing.uses.push(kind);
        self.taken.push(Quad::upright(left, from, 8.0, height));
    }

    /// Where a SYN meets no socket that listens.
    fn nobody_listens(&mut self) {
        for (at, event) in self.story.events.iter().enumerate() {
            let What::Arrives(segment) = event.what else { continue };
            let segment = &self.story.segments[segment];
            let opens = segment.header.syn && segment.header.ack.is_none();
            let (y, side) = (self.heights.y[at], segment.from.other());
            let nobody = self.steps.iter().find(|(step, _)| *step == at);
            if opens
                && nobody.is_some_and(|(_, now)| now.socket(segment.connection, side).is_none())
            {
                let x = self.columns.states(side);
                let anchor = if side == Side::Server { Anchor::End } else { Anchor::Start };
                for (number, line) in ["nobody", "listens"].into_iter().enumerate() {
                    let place = (x, y + 1.0 + 11.0 * number as f64);
                    self.label(Text::new(Font::Small, place, anchor, line), f64::INFINITY);
                }
            }
        }
    }

    /// Lines of text beside a stripe, in its middle if there is room.
    fn beside(&mut self, (lines, (x, from, to), side): &Beside) {
        let (from, to) = (*from, *to);
        let anchor = if *side == Side::Server { Anchor::Start } else { Anchor::End };
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

    fn arrows(&mut self) {
        for arrow in &self.heights.arrows {
            let segment = &self.story.segments[arrow.segment];
            let class = colour::segment(self.story, self.columns, arrow.segment);
            let ((x1, y1), (x2, y2)) = (arrow.from, arrow.to);
            let bare = segment.header.is_bare();
            let kind = if segment.header.rst {
                " rst"
            } else if bare {
                " ack"
            } else {
                ""
            };
            let head = if bare { "s" } else { "m" };
            self.drawing.shape(format!(r#"<path class="{class} k arrow{kind}" marker-end="url(#{head}{class})" d="M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}"/>"#));
            if segment.header.rst {
                let x = x2 + 4.0 * (x1 - x2).signum() - 4.0;
                self.drawing.shape(format!(
                    r#"<path class="X k cross" d="M{x:.1} {:.1}l8 8m0-8l-8 8"/>"#,
                    y2 - 4.7
                ));
            }
            self.drawing.texts.extend(arrow.labels.iter().cloned());
        }
    }

    fn texts(&mut self) {
        for (at, row) in self.rows.iter().enumerate() {
            let (Some(row), Some(party)) = (row, self.story.events[at].party) else { continue };
            let side = self.story.parties[party].side;
            let edge = self.columns.text(side);
            let (y, width, height) = (self.heights.y[at], row.width(), row.height() - 4.0);
            let (left, anchor) = match side {
                Side::Server => (edge - width, Anchor::End),
                Side::Client => (edge, Anchor::Start),
            };
            let class = colour::party(self.story, self.columns, party);
            if self.heights.tagged.contains(&at) {
                let name = rows::cut(&self.story.parties[party].name, 26);
                let tag = Text::new(Font::Tag, (edge, y - TAG + 11.0), anchor, name);
                self.drawing.texts.push(tag.coloured(class));
            }
            match row.kind {
                Form::Line => {
                    for (number, spans) in row.lines.iter().enumerate() {
                        let place = (edge, y + 12.0 + 15.0 * number as f64);
                        let text = Text::new(Font::Mono, place, anchor, "");
                        self.drawing.texts.push(Text { spans: spans.clone(), ..text });
                    }
                }
                Form::You | Form::Shown => {
                    let (kind, radius) =
                        if row.kind == Form::You { ("you", 9.5) } else { ("chip", 3.0) };
                    self.drawing.uses.push(kind);
                    self.drawing.chip(kind, Quad::upright(left, y, width, height), radius);
                    for (number, spans) in row.lines.iter().enumerate() {
                        let place = (left + 7.0, y + 13.0 + 15.0 * number as f64);
                        let text = Text::new(Font::Mono, place, Anchor::Start, "");
                        self.drawing.inside.push(Text { spans: spans.clone(), ..text });
                    }
                }
            }
        }
    }
}
