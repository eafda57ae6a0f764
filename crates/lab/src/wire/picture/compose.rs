//! What is drawn, from back to front.

mod kernels;
mod programs;

use super::columns::Columns;
use super::layout::{Heights, TAG, TOP};
use super::rows::{self, Form, Row};
use super::text::{Anchor, Font, Quad, Text};
use super::{Drawing, colour};
use crate::wire::story::{Kind, Now, Side, Story};

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
        let mut stripes = self.queue();
        stripes.extend(ends.iter().flat_map(|(at, side)| self.unread(*at, *side)));
        for (connection, side) in ends {
            self.bar(connection, side);
        }
        stripes.iter().for_each(|stripe| self.beside(stripe));
        self.no_connection();
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
        let anchor = Columns::away(side);
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
