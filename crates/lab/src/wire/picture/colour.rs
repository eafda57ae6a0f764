//! Who has which colour, and what the colours are, in light, in dark and on paper.

use super::columns::Columns;
use crate::wire::story::{Side, Story};

/// The classes of those on a side, by their lane.
const SERVERS: [&str; 2] = ["B", "E"];
const CLIENTS: [&str; 3] = ["A", "C", "D"];

pub(super) fn party(story: &Story, columns: &Columns, party: usize) -> &'static str {
    let lane = columns.lanes[party];
    match story.parties[party].side {
        Side::Server => SERVERS[lane % SERVERS.len()],
        Side::Client => CLIENTS[lane % CLIENTS.len()],
    }
}

pub(super) fn end(story: &Story, columns: &Columns, connection: usize, side: Side) -> &'static str {
    let owner = story.connections[connection].owners[side as usize];
    let other = if side == Side::Server { SERVERS[0] } else { CLIENTS[0] };
    // The end of a client that stands on the server's side has the colour of the side it is drawn on.
    owner
        .filter(|owner| story.parties[*owner].side == side)
        .map_or(other, |owner| party(story, columns, owner))
}

/// A segment has the colour of who sends it; a RST has one of its own.
pub(super) fn segment(story: &Story, columns: &Columns, segment: usize) -> &'static str {
    let segment = &story.segments[segment];
    if segment.header.rst { "X" } else { end(story, columns, segment.connection, segment.from) }
}

/// The colours: name, light, dark, on paper.
pub(super) const PALETTE: &[(&str, [&str; 3])] = &[
    ("paper", ["#ffffff", "#12171d", "#ffffff"]),
    ("panel", ["#f1f4f6", "#1b232b", "#f3f3f3"]),
    ("chip", ["#ffffff", "#0c1116", "#ffffff"]),
    ("you", ["#fff3c4", "#3a3312", "#fff7d6"]),
    ("ink", ["#1c2730", "#e3e9ee", "#000000"]),
    ("soft", ["#55636d", "#9eabb6", "#444444"]),
    ("line", ["#c3cbd1", "#46535f", "#999999"]),
    ("wait", ["#7b8892", "#73828e", "#777777"]),
    ("key", ["#9a7400", "#d7b84a", "#8a6d00"]),
    ("a", ["#0a5fa6", "#74b9f4", "#0a5fa6"]),
    ("b", ["#9a4a00", "#f2a65e", "#9a4a00"]),
    ("c", ["#6a3fa0", "#c3a2f2", "#6a3fa0"]),
    ("d", ["#006b5e", "#5ec9b5", "#006b5e"]),
    ("e", ["#665700", "#d9c75f", "#665700"]),
    ("x", ["#b3122d", "#ff7f8b", "#b3122d"]),
];

/// The variables of one column of the palette.
pub(super) fn variables(column: usize) -> String {
    PALETTE.iter().map(|(name, colours)| format!("--{name}:{};", colours[column])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance(colour: &str) -> f64 {
        let part = |at: usize| {
            let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
    }

    /// WCAG 2.2, section 1.4.3: text at least 4.5; and 1.4.11: what is drawn at least 3.
    #[test]
    fn every_colour_stands_out_from_what_is_behind_it() {
        let of = |name| PALETTE.iter().find(|(known, _)| *known == name).unwrap().1;
        let ratio = |a, b| {
            let (a, b) = (luminance(a), luminance(b));
            (f64::max(a, b) + 0.05) / (f64::min(a, b) + 0.05)
        };
        for column in 0..3 {
            for (names, grounds, least) in [
                (&["ink"][..], &["paper", "panel", "chip", "you"][..], 7.0),
                (&["soft", "a", "b", "c", "d", "e", "x"], &["paper", "panel"], 4.5),
                (&["wait", "key"], &["paper", "panel"], 3.0),
            ] {
                for (name, ground) in
                    names.iter().flat_map(|name| grounds.iter().map(move |ground| (name, ground)))
                {
                    let ratio = ratio(of(*name)[column], of(*ground)[column]);
                    assert!(ratio >= least, "{name} on {ground}: {ratio:.2}, in column {column}");
                }
            }
        }
    }
}
