//! The wire: a row below the terminals, or arrows between them.

use lab::wire::story::{Sent, Side};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::App;
use crate::text::{self, Row, width};
use crate::theme::Role;

impl App {
    fn sent(&self) -> Vec<Sent> {
        let story = self.lesson.story.as_ref();
        // Nobody sees the wire of a step before the step is over.
        let shown = if self.busy() { None } else { self.shown() };
        story.zip(shown).map(|(story, group)| story.sent(group)).unwrap_or_default()
    }

    /// The wire as one row.
    pub(super) fn strip(&self, cells: usize) -> Row {
        let mut row = vec![(" wire ".to_owned(), Role::Keys), ("   ".to_owned(), Role::Plain)];
        let sent = self.sent();
        if sent.is_empty() {
            row.push(("nothing".to_owned(), Role::Dim));
        }
        let length = |sent: &Sent| width(&sent.words) + width(&self.end(sent)) + 6;
        let data = |sent: &Sent| if sent.data.is_empty() { 0 } else { width(&sent.data) + 1 };
        let with_data = sent.iter().map(|sent| length(sent) + data(sent)).sum::<usize>() + 9;
        let mut room = cells.saturating_sub(9);
        for (at, one) in sent.iter().enumerate() {
            let last = at + 1 == sent.len();
            if with_data > cells && room < length(one) - 3 + if last { 0 } else { 4 } {
                row.push(("…".to_owned(), Role::Dim));
                break;
            }
            room = room.saturating_sub(length(one));
            let data = if with_data <= cells && !one.data.is_empty() {
                format!(" {}", one.data)
            } else {
                String::new()
            };
            let role = if one.words.contains("RST") { Role::Error } else { Role::Plain };
            row.push((format!("{}{data}", one.words), role));
            row.push((format!(" → {}   ", self.end(one)), Role::Dim));
        }
        row
    }

    /// Who gets a segment, by name where one side has more than one.
    fn end(&self, sent: &Sent) -> String {
        let owner =
            self.lesson.story.as_ref().and_then(|story| story.owner(sent.connection, sent.to));
        owner.map_or(sent.to.to_string(), str::to_owned)
    }

    /// The wire between two terminals, from the top down.
    pub(super) fn between(&self, buffer: &mut Buffer, area: Rect) {
        let cells = usize::from(area.width);
        let mut rows: Vec<Row> = vec![vec![("wire".to_owned(), Role::Dim)]];
        for sent in self.sent() {
            let right = (sent.to == Side::Client) == self.lesson.server_first();
            let role = if sent.words.contains("RST") { Role::Error } else { Role::Warn };
            let dashes = cells.saturating_sub(width(&sent.words) + 3);
            let line = |n: usize| "─".repeat(n);
            let arrow = match right {
                true => {
                    format!("{} {} {}▶", line(dashes / 2), sent.words, line(dashes - dashes / 2))
                }
                false => {
                    format!("◀{} {} {}", line(dashes / 2), sent.words, line(dashes - dashes / 2))
                }
            };
            rows.push(vec![(arrow, role)]);
            if !sent.data.is_empty() {
                let data = text::cut(&sent.data, cells.saturating_sub(2));
                rows.push(vec![(format!(" {data}"), Role::Plain)]);
            }
        }
        if rows.len() == 1 {
            rows.push(vec![("nothing".to_owned(), Role::Dim)]);
        }
        text::write_all(buffer, area, &rows, self.theme);
    }
}
