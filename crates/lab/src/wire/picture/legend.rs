//! What the marks of a picture mean; only those that it has.

use super::Drawing;
use super::text::{Anchor, Font, Text};

/// A mark, the room it takes, what it means, and which of the things drawn it explains.
type Item = (&'static str, f64, &'static str, &'static str);

const BAR: &str = r#"<rect class="A k hollow" x=".75" y="-11" width="6.5" height="16"/>"#;

const ITEMS: &[Item] = &[
    (
        r#"<rect class="you" y="-11" width="50" height="16" rx="8"/><text class="m" x="8" y="1">hello</text>"#,
        50.0,
        "you do",
        "you",
    ),
    (
        r#"<rect class="chip" y="-11" width="50" height="16" rx="3"/><text class="m" x="8" y="1">hello</text>"#,
        50.0,
        "the terminal shows",
        "chip",
    ),
    (
        r#"<rect class="wait" y="-11" width="11" height="16" rx="2"/>"#,
        11.0,
        "blocked: waits for the connection",
        "wait",
    ),
    (
        r#"<rect class="key" y="-11" width="11" height="16" rx="2"/>"#,
        11.0,
        "blocked: waits for you",
        "key",
    ),
    (BAR, 8.0, "being opened", "open"),
    (r#"<rect class="A kf" y="-11" width="8" height="16"/>"#, 8.0, "open both ways", "full"),
    (
        r#"<rect class="A k hollow" x=".75" y="-11" width="6.5" height="16"/><rect class="A kf" x="4" y="-11" width="4" height="16"/>"#,
        8.0,
        "one end closed",
        "half",
    ),
    (r#"<path class="A k timewait" d="M4 -11V5"/>"#, 8.0, "TIME-WAIT", "timewait"),
    (r#"<path class="B k listen" d="M4 -11V5"/>"#, 8.0, "listening", "listen"),
    (
        r#"<rect class="B k queue" y="-11" width="8" height="16" rx="4"/>"#,
        8.0,
        "in the queue for accept",
        "queue",
    ),
    (
        r#"<rect class="A k buf" y="-11" width="8" height="16" rx="3"/>"#,
        8.0,
        "arrived, not read",
        "buf",
    ),
];

pub(super) fn draw(drawing: &mut Drawing) {
    let (mut x, mut y) = (20.0, drawing.height + 16.0);
    for (mark, width, meaning, of) in ITEMS {
        if !drawing.uses.contains(of) {
            continue;
        }
        let text = Text::new(Font::Note, (x + width + 7.0, y + 1.0), Anchor::Start, *meaning);
        let end = x + width + 7.0 + text.width();
        if end > drawing.width - 12.0 && x > 20.0 {
            (x, y) = (20.0, y + 24.0);
        }
        drawing.shape(format!(r#"<g transform="translate({x:.0} {y:.0})">{mark}</g>"#));
        let text = Text { x: x + width + 7.0, y: y + 1.0, ..text };
        x += width + 7.0 + text.width() + 20.0;
        drawing.texts.push(text);
    }
    drawing.height = y + 14.0;
}
