//! Text in cells: how wide it is, where it breaks, and its pieces in their roles.

use lab::view::wrap;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::theme::{Role, Theme};

/// One row, as pieces in their roles.
pub(crate) type Row = Vec<(String, Role)>;

pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// As much of a text as fits, and a sign that it is not all.
pub(crate) fn cut(text: &str, cells: usize) -> String {
    if text.width() <= cells {
        return text.to_owned();
    }
    let mut room = cells.saturating_sub(1);
    let fits = |letter: &char| {
        let wide = letter.width().unwrap_or(0);
        let fits = wide <= room;
        room = room.saturating_sub(wide);
        fits
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

/// A sentence of a story as plain text: code stands in quotes where it is more than a word.
pub(crate) fn quoted(sentence: &str) -> String {
    let pieces = sentence.split('`').enumerate().map(|(at, piece)| {
        let word = piece.chars().all(|letter| letter.is_alphanumeric() || "-_.:".contains(letter));
        match at % 2 {
            1 if piece.contains('"') => format!("'{piece}'"),
            1 if !word || piece.ends_with('.') => format!("\"{piece}\""),
            _ => piece.to_owned(),
        }
    });
    pieces.collect()
}

/// Rows of one text; those after the first are indented.
pub(crate) fn paragraph(sign: &str, text: &str, role: Role, cells: usize) -> Vec<Row> {
    let indent = " ".repeat(sign.width());
    let rows = wrap(text, cells.saturating_sub(sign.width()).max(2));
    let signs = std::iter::once(sign).chain(std::iter::repeat(indent.as_str()));
    rows.into_iter().zip(signs).map(|(row, sign)| vec![(format!("{sign}{row}"), role)]).collect()
}

/// Writes a row, cut at the right edge of the area; the first free column.
pub(crate) fn write(
    buffer: &mut Buffer,
    area: Rect,
    y: u16,
    row: &[(String, Role)],
    theme: Theme,
) -> u16 {
    let mut x = area.x;
    if y >= area.bottom() {
        return x;
    }
    for (text, role) in row {
        let room = usize::from(area.right().saturating_sub(x));
        (x, _) = buffer.set_stringn(x, y, text, room, theme.style(*role));
    }
    x
}

/// Both parts as far as there is room; what there is less of is the first one, and a sign says so.
pub(crate) fn fit(mut first: Vec<Row>, mut second: Vec<Row>, room: usize) -> Vec<Row> {
    if first.len() + second.len() > room {
        first.truncate(room.saturating_sub(second.len() + 1));
        if second.len() < room {
            first.push(vec![("…".to_owned(), Role::Dim)]);
        }
        // The last row says what comes next.
        let last = second.pop();
        second.truncate(room.saturating_sub(first.len() + 1));
        second.extend(last);
    }
    first.into_iter().chain(second).collect()
}

/// Writes rows from the top of the area on.
pub(crate) fn write_all(buffer: &mut Buffer, area: Rect, rows: &[Row], theme: Theme) {
    for (row, y) in rows.iter().zip(area.y..area.bottom()) {
        write(buffer, area, y, row, theme);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_cut_says_so() {
        assert_eq!(["abc", "abcd", "中文字"].map(|text| cut(text, 3)), ["abc", "ab…", "中…"]);
    }

    #[test]
    fn what_comes_next_has_room_before_what_was() {
        let rows = |signs: &str| {
            signs.chars().map(|sign| vec![(sign.to_string(), Role::Plain)]).collect::<Vec<_>>()
        };
        let fitted = |room| {
            fit(rows("abc"), rows("xyz"), room)
                .concat()
                .into_iter()
                .map(|(sign, _)| sign)
                .collect::<String>()
        };
        assert_eq!(
            [fitted(6), fitted(5), fitted(4), fitted(3), fitted(2)],
            ["abcxyz", "a…xyz", "…xyz", "xyz", "xz"]
        );
    }

    #[test]
    fn code_in_a_sentence_is_told_from_its_words() {
        assert_eq!(
            quoted("`read` gives `server send :Q`, and `recv=\"\"`."),
            "read gives \"server send :Q\", and 'recv=\"\"'."
        );
    }
}
