//! The second window: it finds the show there is, and draws what that sends.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ratatui::Frame;
use ratatui::crossterm::event::{KeyCode, KeyModifiers};

use super::{KEYS, file};
use crate::Event;
use crate::screen::Screen;
use crate::text::{self, Row, paragraph, width};
use crate::theme::{Role, Theme};

/// How often a window without a show looks for one.
const LOOK: Duration = Duration::from_millis(500);

/// What the teacher's window knows.
#[derive(Default)]
struct Page {
    rows: Vec<(String, String)>,
    /// Since when, and how long the session had been on view by then; and how long it may be.
    clock: Option<(Instant, Duration, Duration)>,
    keys: bool,
    /// There is a show.
    there: bool,
}

/// What comes to the teacher's window from the first one.
pub(crate) enum Sent {
    Found(TcpStream),
    Line(String),
    Gone,
}

/// Follows whatever show there is, until somebody presses q.
///
/// # Errors
///
/// The terminal does not let it.
pub(crate) fn follow(theme: Theme) -> Result<()> {
    let (tell, events) = channel();
    let mut screen = Screen::open(&tell)?;
    thread::spawn(move || find(&tell));
    let (mut page, mut coming, mut show) = (Page::default(), Page::default(), None);
    loop {
        screen.draw(|frame| page.draw(frame, theme))?;
        // The clock goes on by itself.
        let event = match page.clock {
            Some(_) => events.recv_timeout(Duration::from_secs(1)).ok(),
            None => Some(events.recv().context("nobody reads the keys")?),
        };
        match event {
            Some(Event::Key(key)) => {
                let control = key.modifiers.contains(KeyModifiers::CONTROL);
                let code = match key.code {
                    KeyCode::Char('q') => return Ok(()),
                    KeyCode::Char('c') if control => return Ok(()),
                    KeyCode::Char(' ') | KeyCode::PageDown | KeyCode::Right => KeyCode::Enter,
                    KeyCode::PageUp | KeyCode::Left => KeyCode::Char('b'),
                    code => code,
                };
                let word = KEYS.iter().find(|(_, known)| *known == code).map(|(name, _)| *name);
                if let (Some(word), Some(stream)) = (word.filter(|_| page.keys), &mut show) {
                    let stream: &mut TcpStream = stream;
                    // A show that has gone is noticed by its silence.
                    let _ = writeln!(stream, "{word}");
                }
            }
            Some(Event::Closed) => return Ok(()),
            Some(Event::Desk(Sent::Found(stream))) => show = Some(stream),
            Some(Event::Desk(Sent::Line(line))) => {
                if let Some(keys) = line.strip_prefix("keys ") {
                    coming.keys = keys == "yes";
                } else if line == "." {
                    coming.there = true;
                    let keys = coming.keys;
                    page = std::mem::replace(&mut coming, Page { keys, ..Page::default() });
                } else {
                    coming.line(&line);
                }
            }
            Some(Event::Desk(Sent::Gone)) => (page.there, page.clock, show) = (false, None, None),
            _ => {}
        }
    }
}

/// Looks for a show, and tells all that it says; again and again.
fn find(tell: &Sender<Event>) {
    loop {
        let said = file().ok().and_then(|file| fs::read_to_string(file).ok()).unwrap_or_default();
        let found = said.trim().split_once(' ').and_then(|(addr, word)| {
            let mut stream = TcpStream::connect(addr).ok()?;
            writeln!(stream, "{word}").ok()?;
            Some((stream.try_clone().ok()?, stream))
        });
        if let Some((keys, stream)) = found {
            let lines = BufReader::new(stream).lines().map_while(Result::ok);
            let all =
                std::iter::once(Sent::Found(keys)).chain(lines.map(Sent::Line)).chain([Sent::Gone]);
            for sent in all {
                if tell.send(Event::Desk(sent)).is_err() {
                    return;
                }
            }
        }
        thread::sleep(LOOK);
    }
}

impl Page {
    fn line(&mut self, line: &str) {
        let (kind, text) = line.split_once(' ').unwrap_or((line, ""));
        if kind == "clock" {
            let seconds = |text: &str| Duration::from_secs(text.parse().unwrap_or(0));
            let (open, time) = text.split_once(' ').unwrap_or((text, ""));
            self.clock = Some((Instant::now(), seconds(open), seconds(time)));
        } else {
            self.rows.push((kind.to_owned(), text.to_owned()));
        }
    }

    fn draw(&self, frame: &mut Frame, theme: Theme) {
        let area = frame.area();
        let cells = usize::from(area.width);
        let mut rows: Vec<Row> = Vec::new();
        let mut bar = " Notes".to_owned();
        for (kind, text) in &self.rows {
            let (sign, role) = match kind.as_str() {
                "title" => {
                    bar = format!(" {text}");
                    continue;
                }
                "now" => ("NOW   ", Role::Next),
                "next" => {
                    rows.push(Vec::new());
                    ("NEXT  ", Role::Next)
                }
                "right" => ("  ✓ ", Role::Right),
                "answer" => ("    ", Role::Plain),
                "ask" => ("  ? ", Role::Question),
                "teacher" => ("  # ", Role::Teacher),
                "failed" => ("This step did not hold: ", Role::Error),
                _ => ("  ", Role::Say),
            };
            rows.extend(paragraph(sign, text, role, cells.saturating_sub(1)));
        }
        if !self.there {
            let none = match self.rows.is_empty() {
                true => "There is no show yet. In another window: cargo show",
                false => {
                    "The show has ended. These were its last notes; the next show comes by itself."
                }
            };
            rows.insert(0, vec![(none.to_owned(), Role::Question)]);
        }
        let minutes =
            |time: Duration| format!("{:02}:{:02}", time.as_secs() / 60, time.as_secs() % 60);
        let clock = self.clock.map(|(at, open, time)| (open + at.elapsed(), time));
        let late = clock.is_some_and(|(open, time)| !time.is_zero() && open > time);
        let clock = clock.map_or(String::new(), |(open, time)| match time.is_zero() {
            true => format!(" {} ", minutes(open)),
            false => format!(" {} of {} ", minutes(open), minutes(time)),
        });
        let gap = " ".repeat(cells.saturating_sub(width(&bar) + width(&clock)));
        rows.insert(
            0,
            vec![(bar + &gap, Role::Bar), (clock, if late { Role::Here } else { Role::Bar })],
        );
        let buffer = frame.buffer_mut();
        text::write_all(buffer, area, &rows, theme);
        let keys = match (self.there, self.keys) {
            (true, true) => {
                " Enter next  b back  r again  n/p session  a auto  q quit (the show goes on)"
            }
            (true, false) => " Another window has the keys: this one only follows.  q quit",
            (false, _) => " q quit",
        };
        let keys = format!("{keys:<cells$}");
        if let Some(last) = area.bottom().checked_sub(1) {
            text::write(buffer, area, last, &[(keys, Role::Keys)], theme);
        }
        theme.finish(buffer);
    }
}
