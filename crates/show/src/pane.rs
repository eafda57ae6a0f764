//! A terminal of 80 columns, drawn into a pane of any width: its lines are wrapped once more, by cells.

use lab::play::live::{Ports, STAND_IN, Screen};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier, Style};

use crate::run::Mark;
use crate::theme::{Role, Theme};

#[derive(Clone)]
struct Glyph {
    text: String,
    cells: u16,
    style: Style,
}

/// Lines as a person sees them, and where the cursor is among them.
struct Lines {
    lines: Vec<Vec<Glyph>>,
    cursor: (usize, usize),
}

/// Draws the end of what the terminal shows; what is `new` is marked. Gives the place of the cursor.
pub(crate) fn draw(
    buffer: &mut Buffer,
    area: Rect,
    screen: &Screen,
    ports: &Ports,
    new: &Mark,
    theme: Theme,
) -> Option<Position> {
    let Lines { lines, cursor } = lines(screen, ports);
    // Wrapped at the width of the pane; one column at the left marks what is new.
    let cells = area.width.saturating_sub(1).max(2);
    let mut rows: Vec<(usize, Vec<&Glyph>)> = Vec::new();
    let mut place = (0, 0);
    for (number, line) in lines.iter().enumerate() {
        rows.push((number, Vec::new()));
        let mut x = 0;
        // What is being typed breaks where a terminal breaks it.
        let whole_words = number != cursor.0;
        for at in 0..=line.len() {
            let wide = line.get(at).map_or(1, |glyph| glyph.cells);
            // The cursor behind a full row stands in the next one.
            let counts = at < line.len() || cursor == (number, at);
            if counts && x + wide > cells {
                let word = rows.last_mut().filter(|_| whole_words).map(|(_, row)| last_word(row));
                let word = word.unwrap_or_default();
                x = word.iter().map(|glyph| glyph.cells).sum();
                rows.push((number, word));
            }
            if cursor == (number, at) {
                place = (rows.len() - 1, x);
            }
            if let (Some(glyph), Some((_, row))) = (line.get(at), rows.last_mut()) {
                row.push(glyph);
                x += glyph.cells;
            }
        }
    }
    let first = rows.len().saturating_sub(usize::from(area.height));
    // The emulator keeps the last rows only: its last line is the one that is not finished.
    let open = usize::from(!screen.flooded());
    let before = (screen.finished() + open).saturating_sub(lines.len());
    for (y, (number, row)) in (area.y..area.bottom()).zip(rows.iter().skip(first)) {
        let line = &lines[*number];
        let fresh = match before + number {
            old if old < new.0 => false,
            open if open == new.0 => {
                line.iter().map(|glyph| glyph.text.as_str()).collect::<String>().trim_end() != new.1
            }
            _ => !line.is_empty(),
        };
        let mut x = area.x + 1;
        if fresh {
            buffer[(area.x, y)].set_symbol("▌").set_style(theme.style(Role::New));
        }
        let typed = line.first().is_some_and(|glyph| glyph.text == ">");
        for glyph in row {
            let mut style = glyph.style;
            if typed && style.fg.is_none() {
                style = style.patch(theme.style(Role::Typed));
            }
            if fresh {
                style = style.add_modifier(Modifier::BOLD);
            }
            if x + glyph.cells > area.right() {
                break;
            }
            buffer[(x, y)].set_symbol(&glyph.text).set_style(style);
            for rest in 1..glyph.cells {
                buffer[(x + rest, y)].reset();
            }
            x += glyph.cells;
        }
    }
    let y = u16::try_from(place.0.checked_sub(first)?).ok()?;
    Some(Position::new(area.x + 1 + place.1, area.y + y))
}

/// Takes what a row ends with, if that is a word that the row has broken.
fn last_word<'a>(row: &mut Vec<&'a Glyph>) -> Vec<&'a Glyph> {
    let cells = |glyphs: &[&Glyph]| glyphs.iter().map(|glyph| glyph.cells).sum::<u16>();
    let begins = row.iter().rposition(|glyph| glyph.text == " ").map_or(0, |space| space + 1);
    // A long word would leave too much of the row empty.
    let long = cells(&row[begins..]) > cells(row) / 2;
    if long { Vec::new() } else { row.split_off(begins) }
}

fn lines(screen: &Screen, ports: &Ports) -> Lines {
    let emulator = screen.emulator();
    let (cursor_row, cursor_col) = emulator.cursor_position();
    let (_, columns) = emulator.size();
    let mut lines: Vec<Vec<Glyph>> = Vec::new();
    let mut cursor = (0, 0);
    for row in 0..=cursor_row {
        if row == 0 || !emulator.row_wrapped(row - 1) {
            lines.push(Vec::new());
        }
        let number = lines.len() - 1;
        let Some(line) = lines.last_mut() else { break };
        for col in 0..columns.get() {
            if (row, col) == (cursor_row, cursor_col) {
                cursor = (number, line.len());
            }
            let Some(cell) = emulator.cell(row, col).filter(|cell| !cell.is_wide_continuation())
            else {
                continue;
            };
            let text = match cell.contents() {
                "" => " ".to_owned(),
                text => text.replace(STAND_IN, "\u{fffd}"),
            };
            line.push(Glyph { text, cells: 1 + u16::from(cell.is_wide()), style: style(cell) });
        }
    }
    let mut seen = Lines { lines, cursor };
    for number in 0..seen.lines.len() {
        let keep = if number == seen.cursor.0 { seen.cursor.1 } else { 0 };
        let line = &mut seen.lines[number];
        while line.len() > keep && line.last().is_some_and(|glyph| glyph.text == " ") {
            line.pop();
        }
        seen.show_ports(number, ports);
    }
    // Of a flood whole lines are seen: its last one never stays.
    if screen.flooded() && seen.lines.len() > 1 {
        seen.lines.pop();
    }
    seen
}

impl Lines {
    /// Puts the ports that the session shows into the place of the real ones.
    fn show_ports(&mut self, number: usize, ports: &Ports) {
        let line = &mut self.lines[number];
        let mut at = 0;
        while at < line.len() {
            let digits = line[at..]
                .iter()
                .take_while(|glyph| glyph.text.bytes().all(|byte| byte.is_ascii_digit()))
                .count();
            if digits >= 4 {
                let real: String =
                    line[at..at + digits].iter().map(|glyph| glyph.text.as_str()).collect();
                let style = line[at].style;
                let shown: Vec<Glyph> = ports
                    .show(&real)
                    .chars()
                    .map(|digit| Glyph { text: digit.to_string(), cells: 1, style })
                    .collect();
                let (old, new) = (digits, shown.len());
                line.splice(at..at + digits, shown);
                if self.cursor.0 == number && self.cursor.1 >= at + old {
                    self.cursor.1 = self.cursor.1 - old + new;
                }
                at += new;
            } else {
                at += digits.max(1);
            }
        }
    }
}

fn style(cell: &vt100::Cell) -> Style {
    let colour = |colour| match colour {
        vt100::Color::Default => None,
        // The first sixteen are those that every terminal has.
        vt100::Color::Idx(number @ 0..16) => Some(Color::Indexed(number)),
        vt100::Color::Idx(_) | vt100::Color::Rgb(..) => None,
    };
    let mut style =
        Style { fg: colour(cell.fgcolor()), bg: colour(cell.bgcolor()), ..Style::new() };
    for (is, modifier) in [
        (cell.bold(), Modifier::BOLD),
        (cell.underline(), Modifier::UNDERLINED),
        (cell.inverse(), Modifier::REVERSED),
    ] {
        if is {
            style = style.add_modifier(modifier);
        }
    }
    style
}
