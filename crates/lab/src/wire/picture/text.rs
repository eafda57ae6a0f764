//! Texts of a picture, the room they take, and whether two of them overlap.

/// How a text looks; sizes are those of the widest usual fonts (DejaVu), so that it fits with any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Font {
    /// What programs call and terminals show.
    Mono,
    /// What a segment carries.
    Payload,
    /// What a segment is.
    Segment,
    /// The state of an end.
    State,
    /// An explanation.
    Note,
    Small,
    Name,
    Command,
    Heading,
    /// Whose the lines below it are.
    Tag,
}

impl Font {
    /// Its class in the picture, its size, and the width of a character in parts of the size.
    pub(super) fn look(self) -> (&'static str, f64, f64) {
        match self {
            Font::Mono => ("m", 11.5, 0.603),
            Font::Payload => ("p", 11.0, 0.603),
            Font::Segment => ("g", 11.5, 0.72),
            Font::State => ("st", 9.3, 0.74),
            Font::Note => ("n", 11.5, 0.54),
            Font::Small => ("sm", 10.0, 0.57),
            Font::Name => ("h1", 15.0, 0.66),
            Font::Command => ("h2", 11.0, 0.603),
            Font::Heading => ("h3", 11.0, 0.86),
            Font::Tag => ("tg", 10.5, 0.66),
        }
    }

    pub(super) fn width(self, text: &str) -> f64 {
        let (_, size, character) = self.look();
        let cells: usize = text.chars().map(cells).sum();
        cells as f64 * size * character
    }

    /// The width of pieces, each with its class.
    pub(super) fn widths(self, spans: &[(String, &'static str)]) -> f64 {
        let width = |(text, class): &(String, &str)| match *class {
            "n" => Font::Note.width(text),
            _ => self.width(text),
        };
        spans.iter().map(width).sum()
    }
}

/// Characters of East Asia and pictures take the room of two.
pub(super) fn cells(character: char) -> usize {
    match character {
        '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' => 0,
        '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' => 2,
        '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' => 2,
        '\u{1f000}'.. => 2,
        _ => 1,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// Pieces of text on one line, turned around the point at which they stand.
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub x: f64,
    pub y: f64,
    /// The baseline, below the point.
    pub dy: f64,
    /// In degrees.
    pub angle: f64,
    pub anchor: Anchor,
    pub font: Font,
    /// Each with a class of its own, which may be empty or that of another font.
    pub spans: Vec<(String, &'static str)>,
    /// The class of its colour.
    pub colour: &'static str,
    /// It stands over lines, which it interrupts.
    pub halo: bool,
}

impl Text {
    pub(super) fn new(font: Font, at: (f64, f64), anchor: Anchor, text: impl Into<String>) -> Text {
        let spans = vec![(text.into(), "")];
        let (x, y) = at;
        Text { x, y, dy: 0.0, angle: 0.0, anchor, font, spans, colour: "", halo: false }
    }

    pub(super) fn coloured(self, colour: &'static str) -> Text {
        Text { colour, ..self }
    }

    pub(super) fn over_lines(self) -> Text {
        Text { halo: true, ..self }
    }

    pub(super) fn width(&self) -> f64 {
        self.font.widths(&self.spans)
    }

    pub(super) fn quad(&self) -> Quad {
        let (width, (_, size, _)) = (self.width(), self.font.look());
        let left = match self.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => -width / 2.0,
            Anchor::End => -width,
        };
        let (sin, cos) = self.angle.to_radians().sin_cos();
        let corner = |(x, y): (f64, f64)| (self.x + x * cos - y * sin, self.y + x * sin + y * cos);
        let (top, bottom) = (self.dy - size * 0.8, self.dy + size * 0.22);
        let right = left + width;
        Quad([(left, top), (right, top), (right, bottom), (left, bottom)].map(corner))
    }
}

/// Four corners, around a convex shape.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quad(pub [(f64, f64); 4]);

impl Quad {
    pub(super) fn upright(x: f64, y: f64, width: f64, height: f64) -> Quad {
        Quad([(x, y), (x + width, y), (x + width, y + height), (x, y + height)])
    }

    /// Do the two have more than a border in common? No straight line stands between them then.
    pub(super) fn overlaps(&self, other: &Quad) -> bool {
        let sides = |quad: &Quad| {
            let corners = quad.0;
            (0..4).map(move |at| (corners[at], corners[(at + 1) % 4]))
        };
        let parted = |(from, to): ((f64, f64), (f64, f64))| {
            let (nx, ny) = (to.1 - from.1, from.0 - to.0);
            let length = nx.hypot(ny).max(1e-9);
            let range = |quad: &Quad| {
                let along = quad.0.map(|(x, y)| (x * nx + y * ny) / length);
                let least = along.iter().copied().fold(f64::INFINITY, f64::min);
                (least, along.iter().copied().fold(f64::NEG_INFINITY, f64::max))
            };
            let ((a, b), (c, d)) = (range(self), range(other));
            b <= c + 0.1 || d <= a + 0.1
        };
        !sides(self).chain(sides(other)).any(parted)
    }

    /// From left to right and from top to bottom.
    pub(super) fn bounds(&self) -> [f64; 4] {
        let least =
            |of: fn(&(f64, f64)) -> f64| self.0.iter().map(of).fold(f64::INFINITY, f64::min);
        let most =
            |of: fn(&(f64, f64)) -> f64| self.0.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
        [least(|c| c.0), most(|c| c.0), least(|c| c.1), most(|c| c.1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_overlap_when_they_share_more_than_a_border() {
        let at = |x, y| Quad::upright(x, y, 10.0, 10.0);
        for (x, y, overlap) in
            [(5.0, 5.0, true), (10.0, 0.0, false), (0.0, 10.5, false), (9.0, -9.0, true)]
        {
            assert_eq!(at(0.0, 0.0).overlaps(&at(x, y)), overlap, "{x} {y}");
        }
        // Around these two an upright box would overlap; turned as they are, they do not.
        let turned =
            |y| Text { angle: 45.0, ..Text::new(Font::Mono, (0.0, y), Anchor::Start, "abcdef") };
        assert!(!turned(0.0).quad().overlaps(&turned(20.0).quad()));
        assert!(turned(0.0).quad().overlaps(&turned(10.0).quad()));
    }
}
