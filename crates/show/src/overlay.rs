//! What lies over the view until a key takes it away: help, list, difference, story, report.

use lab::course::notes::Notes;
use lab::course::stages;
use lab::play::Report;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::KeyCode;
use ratatui::layout::Rect;

use crate::app::App;
use crate::lesson::{self, questions};
use crate::text::{self, Row};
use crate::theme::{Role, Theme};

const HELP: &[(&str, &str)] = &[
    ("Enter Space → PgDn", "next step; at the end, the next session"),
    ("b ← PgUp", "one step back: all is played again, up to there"),
    ("r", "this session from its start"),
    ("n  p", "next, previous session"),
    ("g", "list of sessions and steps, and jump"),
    ("A B C, or 1 2 3", "say which answer will be right"),
    ("a", "automatic pace, on and off"),
    ("t", "type into a terminal; Tab: the next one; Esc: back"),
    ("s", "sources, with the line in which each program waits"),
    ("w", "what happened in this step, call by call"),
    ("d", "what this stage changes in the code"),
    (".", "the teacher's notes, on and off"),
    ("e", "the whole report of a step that did not hold"),
    ("q Ctrl-C", "leave; every program ends"),
];

pub(crate) struct Overlay {
    title: String,
    /// Wrapped when they are drawn.
    rows: Vec<(String, String, Role)>,
    scroll: usize,
    /// Of a list: which row is chosen, and where each row leads.
    jumps: Option<(usize, Vec<(usize, usize)>)>,
}

impl Overlay {
    fn new(title: &str, rows: Vec<(String, String, Role)>) -> Overlay {
        Overlay { title: title.to_owned(), rows, scroll: 0, jumps: None }
    }

    pub(crate) fn help(app: &App) -> Overlay {
        let rows = HELP
            .iter()
            .map(|(keys, does)| (format!("{keys:<20}"), (*does).to_owned(), Role::Plain));
        let mut rows: Vec<_> = rows.collect();
        if let Some(port) = app.ports().real(5001) {
            let really = format!("The server's port 5001 is as in the book; really it is {port}.");
            rows.extend([
                (String::new(), String::new(), Role::Plain),
                (String::new(), really, Role::Dim),
            ]);
        }
        Overlay::new("Keys", rows)
    }

    /// All sessions, and the steps of the one on view.
    pub(crate) fn list(app: &App) -> Overlay {
        let (mut rows, mut jumps, mut here) = (Vec::new(), Vec::new(), 0);
        for (at, session) in app.sessions().iter().enumerate() {
            let stage = stages::of(session).map_or(String::new(), |stage| format!("{stage}/"));
            let asks =
                Notes::read(session).ok().flatten().is_some_and(|notes| questions(&notes) > 0);
            // A title tells how it ends.
            let title = if asks && !app.ended(at) { String::new() } else { session.title.clone() };
            rows.push((format!("{stage}{}  ", session.name()), title, Role::Plain));
            jumps.push((at, 0));
            if at == app.at {
                for group in 0..app.lesson.groups.len() {
                    let sign = format!("     {} ", group + 1);
                    rows.push((sign, lesson::words(app.lesson.act(group)), Role::Dim));
                    jumps.push((at, group));
                    if group == app.now() {
                        here = jumps.len() - 1;
                    }
                }
            }
        }
        Overlay {
            jumps: Some((here, jumps)),
            ..Overlay::new("Sessions: arrows choose, Enter jumps, Esc closes", rows)
        }
    }

    /// The step from the stage before, as the book and `scripts/diff.sh` have it.
    pub(crate) fn diff(stage: Option<u8>) -> Overlay {
        let Some(stage) = stage.filter(|stage| *stage > *stages::STAGES.start()) else {
            let none = match stage {
                Some(_) => "This is the first stage: there is none before it.",
                None => "This session belongs to no stage, so nothing is before it.",
            };
            return Overlay::new(
                "What this stage changes",
                vec![(String::new(), none.to_owned(), Role::Plain)],
            );
        };
        let text = stages::difference(&[(stage - 1).to_string(), stage.to_string()])
            .unwrap_or_else(|err| format!("{err:#}"));
        let role = |line: &str| match line.as_bytes().first() {
            Some(b'+') => Role::Added,
            Some(b'-') => Role::Removed,
            Some(b'@') => Role::Dim,
            _ => Role::Plain,
        };
        // The sign stands apart, so that it stays at the left of a line that is wrapped.
        let row = |line: &str| {
            let (sign, rest) = line.split_at_checked(1).unwrap_or(("", line));
            (sign.to_owned(), rest.to_owned(), role(line))
        };
        let rows = text.lines().map(row).collect();
        Overlay::new(&format!("From stage {} to stage {stage}", stage - 1), rows)
    }

    /// What the recording tells of the step that was shown last.
    pub(crate) fn story(app: &App) -> Overlay {
        let plain = |text: &str, role| (String::new(), text.to_owned(), role);
        let Some(story) = &app.lesson.story else {
            let none = "There is no recording beside this session. cargo lab wire FILE makes one.";
            return Overlay::new("On the wire", vec![plain(none, Role::Plain)]);
        };
        let Some(group) = app.shown() else {
            return Overlay::new(
                "On the wire",
                vec![plain("Nothing has happened yet.", Role::Plain)],
            );
        };
        let rows = story.sentences(group).enumerate().map(|(at, sentence)| match at {
            0 => plain(&text::quoted(sentence), Role::Say),
            _ => ("  ".to_owned(), text::quoted(sentence), Role::Plain),
        });
        Overlay::new(&format!("Step {}, as it was recorded", group + 1), rows.collect())
    }

    pub(crate) fn report(report: &Report) -> Overlay {
        let text = report.to_string();
        let rows = text.lines().map(|line| (String::new(), line.to_owned(), Role::Plain)).collect();
        Overlay::new("What was expected", rows)
    }

    /// Whether it stays; as an error, where a jump leads: a session and a group of it.
    pub(crate) fn key(&mut self, key: KeyCode) -> Result<bool, (usize, usize)> {
        let rows = self.rows.len();
        let (by, down) = match key {
            KeyCode::Down | KeyCode::Char('j') => (1, true),
            KeyCode::Up | KeyCode::Char('k') => (1, false),
            KeyCode::PageDown | KeyCode::Char(' ') | KeyCode::Right => (8, true),
            KeyCode::PageUp | KeyCode::Left | KeyCode::Char('b') => (8, false),
            KeyCode::Home => (rows, false),
            KeyCode::End => (rows, true),
            KeyCode::Enter => {
                return self.jumps.as_ref().map_or(Ok(false), |(at, jumps)| Err(jumps[*at]));
            }
            _ => return Ok(false),
        };
        let place = self.jumps.as_mut().map_or(&mut self.scroll, |(at, _)| at);
        *place =
            if down { (*place + by).min(rows.saturating_sub(1)) } else { place.saturating_sub(by) };
        Ok(true)
    }

    pub(crate) fn draw(&mut self, buffer: &mut Buffer, area: Rect, theme: Theme) {
        let cells = usize::from(area.width.saturating_sub(4));
        let mut drawn: Vec<Row> = Vec::new();
        let mut chosen = 0..0;
        for (number, (sign, row, role)) in self.rows.iter().enumerate() {
            let here = self.jumps.as_ref().is_some_and(|(at, _)| *at == number);
            let sign = if text::width(sign) > cells / 2 { "" } else { sign };
            let rows = text::paragraph(sign, row, if here { Role::Here } else { *role }, cells);
            if here {
                chosen = drawn.len()..drawn.len() + rows.len();
            }
            drawn.extend(rows);
        }
        let wanted = u16::try_from(drawn.len() + 2).unwrap_or(u16::MAX);
        let height = wanted.min(area.height);
        let area = Rect { y: area.y + (area.height - height) / 2, height, ..area };
        let inner = crate::view::frame(buffer, area, &self.title, "", Role::Taken, theme);
        let room = usize::from(inner.height);
        let most = drawn.len().saturating_sub(room);
        if self.jumps.is_some() {
            self.scroll = self.scroll.clamp(chosen.end.saturating_sub(room), chosen.start);
        }
        self.scroll = self.scroll.min(most);
        let shown = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        for (row, y) in drawn.iter().skip(self.scroll).take(room).zip(inner.y..) {
            text::write(buffer, shown, y, row, theme);
        }
        if most > 0 && area.height > 2 {
            let place = format!(" {}-{} of {} ", self.scroll + 1, self.scroll + room, drawn.len());
            let at = Rect {
                x: area.right().saturating_sub(2 + u16::try_from(place.len()).unwrap_or(0)),
                ..area
            };
            text::write(buffer, at, area.bottom() - 1, &[(place, Role::Dim)], theme);
        }
    }
}
