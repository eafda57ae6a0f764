//! A recording as a picture: programs, kernels and the wire, from top to bottom as one thing follows
//! from another.
//!
//! An SVG of its own, light and dark by what the reader prefers, and readable on paper. Nothing is told by
//! colour alone.

mod colour;
mod columns;
mod compose;
mod layout;
mod legend;
mod rows;
mod svg;
mod text;
mod wire;

use crate::wire::story::{Now, Story};
use columns::Columns;
use compose::Composer;
use text::{Quad, Text};

/// A picture, and where its events stand.
pub struct Picture {
    pub svg: String,
    pub(crate) height: f64,
    /// From top to bottom.
    pub(crate) steps: Vec<Step>,
    #[cfg(test)]
    drawing: Drawing,
}

/// An event that has a sentence, and how things stand after it.
pub(crate) struct Step {
    /// Where it ends in the picture.
    pub y: f64,
    pub sentence: String,
    pub now: Now,
}

/// What is drawn, and the room that it takes.
#[derive(Debug, Default)]
struct Drawing {
    width: f64,
    height: f64,
    shapes: Vec<String>,
    texts: Vec<Text>,
    /// Texts inside a chip.
    inside: Vec<Text>,
    chips: Vec<Quad>,
    /// Lanes and bars, which no text may hide.
    solid: Vec<Quad>,
    /// The marks that the legend has to explain.
    uses: Vec<&'static str>,
}

impl Drawing {
    fn new(width: f64, height: f64) -> Drawing {
        Drawing { width, height, ..Drawing::default() }
    }

    fn shape(&mut self, shape: String) {
        self.shapes.push(shape);
    }

    fn chip(&mut self, class: &str, quad: Quad, radius: f64) {
        let [left, right, top, bottom] = quad.bounds();
        let (width, height) = (right - left, bottom - top);
        self.shape(format!(
            r#"<rect class="{class}" x="{left:.1}" y="{top:.1}" width="{width:.1}" height="{height:.1}" rx="{radius}"/>"#
        ));
        self.chips.push(quad);
    }
}

/// Draws a story under the title of its session.
#[must_use]
pub fn draw(story: &Story, title: &str) -> Picture {
    let columns = Columns::new(story);
    let rows = rows::rows(story, columns.several);
    let colours = |segment| colour::segment(story, &columns, segment);
    let mut heights = layout::heights(story, &columns, &rows, &colours);
    heights.bottom += 10.0;
    layout::settle(story, &columns, &mut heights, &colours);
    let mut order: Vec<usize> = (0..story.events.len()).collect();
    // What depends on something stands below it, or at the same height and later in the recording.
    order.sort_by(|a, b| heights.y[*a].total_cmp(&heights.y[*b]).then(a.cmp(b)));
    let told = story.told_in(order.iter().copied());
    let steps: Vec<(usize, Now)> =
        order.iter().zip(&told).map(|(event, told)| (*event, told.now.clone())).collect();
    let drawing = Composer::new(story, &columns, &rows, &heights, &steps).compose();
    let svg = svg::write(&drawing, story, title);
    let mut low: f64 = 0.0;
    let says = order.iter().zip(told).filter_map(|(event, told)| {
        let room = rows[*event].as_ref().map_or(6.0, |row| row.height() - 2.0);
        low = low.max(heights.y[*event] + room);
        let y = low;
        told.sentence.map(|sentence| Step { y, sentence, now: told.now })
    });
    Picture {
        svg,
        height: drawing.height,
        steps: says.collect(),
        #[cfg(test)]
        drawing,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::story::tests::{RECORDINGS, jumbled};

    /// What a picture has that overlaps, in words.
    fn overlaps(picture: &Picture) -> Vec<String> {
        let drawing = &picture.drawing;
        let name =
            |text: &Text| text.spans.iter().map(|(span, _)| span.as_str()).collect::<String>();
        let mut boxes: Vec<(String, Quad)> =
            drawing.texts.iter().map(|text| (name(text), text.quad())).collect();
        boxes.extend(drawing.chips.iter().map(|chip| ("a chip".to_owned(), *chip)));
        let mut found = Vec::new();
        for (at, (what, quad)) in boxes.iter().enumerate() {
            for (other, with) in &boxes[at + 1..] {
                if quad.overlaps(with) {
                    found.push(format!("{what:?} and {other:?} at {:.0?}", quad.bounds()));
                }
            }
            if drawing.solid.iter().any(|solid| quad.overlaps(solid)) {
                found.push(format!("{what:?} and a lane or a bar at {:.0?}", quad.bounds()));
            }
            let [left, right, top, bottom] = quad.bounds();
            if left < 0.0 || right > drawing.width || top < 0.0 || bottom > picture.height {
                found.push(format!("{what:?} and the edge at {:.0?}", quad.bounds()));
            }
        }
        for text in &drawing.inside {
            let [left, right, top, bottom] = text.quad().bounds();
            let holds = drawing.chips.iter().any(|chip| {
                let [from, to, above, below] = chip.bounds();
                from <= left && right <= to && above <= top && bottom <= below
            });
            if !holds {
                found.push(format!("{:?} and its chip", name(text)));
            }
        }
        found
    }

    /// A server that sends what one of its many clients says to all of them.
    fn chat(clients: u16) -> String {
        let ports = || (1..=clients).map(|number| 40_000 + number);
        let mut lines = vec!["* server $ chat".to_owned(), "server listen(5001) = 0".to_owned()];
        for port in ports() {
            lines.push(format!(
                "server poll() ...\n* client-{port} $ tcp connect\n  {port} > 5001 SYN seq 0"
            ));
            lines.push(format!(
                "  5001 > {port} SYN+ACK seq 0 ack 1\n  {port} > 5001 ACK seq 1 ack 1"
            ));
            lines.push(format!("server ... poll() = 1\nserver accept() = 9 127.0.0.1:{port}"));
        }
        lines.push(
            "* client-40001 > \"hello\"\n  40001 > 5001 ACK seq 1 ack 1 5 \"hello\"".to_owned(),
        );
        lines.push("server read(40001) = \"hello\"".to_owned());
        for port in ports() {
            lines.push(format!(
                "server write({port}, \"hello\") = 5\n  5001 > {port} ACK seq 1 ack 6 5 \"hello\""
            ));
            lines.push(format!("  {port} > 5001 ACK seq 6 ack 6"));
        }
        lines.push("server exits 0".to_owned());
        lines.extend(ports().map(|port| format!("  5001 > {port} ACK+RST seq 6 ack 6")));
        lines.join("\n")
    }

    #[test]
    fn many_clients_at_once_are_drawn_without_overlaps() {
        for clients in [2, 5, 25] {
            let picture = draw(&Story::read(&chat(clients)), "any");
            assert_eq!(overlaps(&picture), Vec::<String>::new(), "{clients} clients");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        /// Recordings that nobody has seen, mended of nothing.
        #[test]
        fn any_story_is_drawn_without_overlaps(lines in jumbled()) {
            let picture = draw(&Story::read(&lines), "any");
            prop_assert_eq!(overlaps(&picture), Vec::<String>::new(), "{}", lines);
        }
    }

    #[test]
    fn a_step_of_a_picture_comes_after_what_it_follows_from() {
        for (name, said) in [
            (
                "noticing-at-once",
                "You type `hello` into the terminal of the client and press Enter.",
            ),
            (
                "answers",
                "`close`: the server gives the socket back. Nothing is sent: the connection is over.",
            ),
        ] {
            let (session, text) =
                RECORDINGS.iter().find(|(session, _)| session.name() == name).unwrap();
            let picture = draw(&Story::read(text), &session.title);
            assert!(picture.steps.iter().any(|step| step.sentence == said), "{name}: {said}");
        }
    }

    #[test]
    fn no_label_of_any_picture_overlaps_another() {
        let mut found = Vec::new();
        for (session, text) in RECORDINGS.iter() {
            let picture = draw(&Story::read(text), &session.title);
            found.extend(
                overlaps(&picture).iter().map(|what| format!("{}: {what}", session.path.display())),
            );
            assert!(picture.svg.len() < 60 * 1024, "{}: {}", session.name(), picture.svg.len());
        }
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
}
