//! What stands on the wire: arrows that slope down, and labels that keep clear of each other.

use super::text::{Anchor, Font, Quad, Text};
use crate::wire::story::{Segment, quoted, unquote};

/// How far an arrow falls on its way.
pub(super) const SLOPE: f64 = 30.0;
/// So many characters of what is sent.
const SENT: usize = 20;
/// Where along the arrow a label may stand, the best first.
const PLACES: [f64; 9] = [0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74, 0.2, 0.8];
const TAIL: [f64; 6] = [0.16, 0.24, 0.32, 0.12, 0.42, 0.52];

#[derive(Clone, Debug)]
pub(super) struct Arrow {
    pub segment: usize,
    pub from: (f64, f64),
    pub to: (f64, f64),
    pub labels: Vec<Text>,
}

impl Arrow {
    /// The ends of an arrow that leaves at this height.
    pub(super) fn new(segment: usize, (from, to): (f64, f64), y: f64) -> Arrow {
        let labels = Vec::new();
        Arrow { segment, from: (from, y), to: (to, y + SLOPE), labels }
    }

    /// The labels, at this part of the way.
    fn label(&self, segment: &Segment, colour: &'static str, part: f64) -> Vec<Text> {
        let ((x1, y1), (x2, y2)) = (self.from, self.to);
        let at = (x1 + (x2 - x1) * part, y1 + (y2 - y1) * part);
        let angle = ((y2 - y1) / (x2 - x1)).atan().to_degrees();
        let text = |font, dy, text: String| {
            let text = Text::new(font, at, Anchor::Middle, text).coloured(colour);
            Text { angle, dy, ..text }.over_lines()
        };
        let header = segment.header;
        if header.is_bare() {
            return vec![text(Font::Small, -3.0, "ACK".to_owned())];
        }
        if header.len == 0 || header.rst || header.syn {
            return vec![text(Font::Segment, -5.0, segment.words())];
        }
        let data = match quoted(&segment.data) {
            Some(end) => unquote(&segment.data[..end]).chars().flat_map(visible).collect(),
            None => String::new(),
        };
        let data = super::rows::cut(&data, SENT);
        vec![
            text(Font::Payload, -5.0, format!("\u{201c}{data}\u{201d}")),
            text(Font::Small, 12.0, segment.words()),
        ]
    }

    /// Places the labels between these two edges of the wire, clear of all others, and across as few
    /// arrows as can be; false when it cannot.
    pub(super) fn place(
        &mut self,
        segment: &Segment,
        colour: &'static str,
        others: &[Arrow],
        (left, right): (f64, f64),
    ) -> bool {
        let near = |other: &&Arrow| (other.from.1 - self.from.1).abs() < 3.0 * SLOPE;
        let others: Vec<&Arrow> = others.iter().filter(near).collect();
        let places = if segment.header.is_bare() { &TAIL[..] } else { &PLACES[..] };
        let clear = places.iter().filter_map(|part| {
            let labels = self.label(segment, colour, *part);
            let quads: Vec<Quad> = labels.iter().map(Text::quad).collect();
            let inside = quads.iter().all(|quad| {
                let [from, to, ..] = quad.bounds();
                from >= left && to <= right
            });
            // One that has no room at all may stand in the middle.
            let long = labels.iter().any(|label| label.width() + 4.0 > right - left);
            let fits = inside || long && (*part - 0.5).abs() < 0.01;
            let labelled = others.iter().flat_map(|other| &other.labels);
            let free = labelled
                .map(Text::quad)
                .all(|other| !quads.iter().any(|quad| quad.overlaps(&other)));
            let crossed =
                others.iter().filter(|other| quads.iter().any(|quad| quad.overlaps(&other.line())));
            (fits && free).then(|| (crossed.count(), labels))
        });
        let best = clear.min_by_key(|(crossed, _)| *crossed);
        self.labels = best.map(|(_, labels)| labels).unwrap_or_default();
        !self.labels.is_empty()
    }

    fn line(&self) -> Quad {
        let ((x1, y1), (x2, y2)) = (self.from, self.to);
        Quad([(x1, y1 - 0.5), (x2, y2 - 0.5), (x2, y2 + 0.5), (x1, y1 + 0.5)])
    }
}

/// Control characters and the like as they are escaped.
fn visible(character: char) -> Vec<char> {
    match character.is_control() {
        true => character.escape_debug().collect(),
        false => vec![character],
    }
}
