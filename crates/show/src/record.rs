//! Sessions recorded as the audience sees them, one frame for each step: an asciicast (version 2), the same as a
//! script for a page, and a still picture.
//!
//! Nobody drives: a step goes on when all that it leads to is on view and each program waits where the session's
//! recording of calls says. Times are those that a reader needs. So a second recording is the same, byte by byte.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use lab::play::live::{Screen, Window};
use lab::wire::story::Place;
use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use ratatui::{Terminal, TerminalOptions, Viewport};

use crate::Event;
use crate::app::{App, State};
use crate::lesson::words;

const SIZE: (u16, u16) = (80, 24);
/// Without a recording of calls, what shows nothing new for so long has come to rest.
const REST: Duration = Duration::from_millis(300);
/// A step that has not come to rest by then fails the recording.
const LIMIT: Duration = Duration::from_secs(20);
/// Between a frame and the next step in a script.
const MOMENT: Duration = Duration::from_millis(200);
/// The cells of the picture, in its units.
const CELL: (usize, usize) = (9, 19);
const PAPER: &str = "#121314";

/// What was written to the screen and is not yet in the recording.
#[derive(Clone, Default)]
struct Tape(Rc<RefCell<Vec<u8>>>);

impl io::Write for Tape {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What has been recorded so far.
struct Cast {
    tape: Tape,
    header: String,
    /// How long after the one before, its kind, and its text.
    events: Vec<(Duration, &'static str, String)>,
    /// How long the last one stays.
    stays: Duration,
    /// What the screen shows.
    seen: Buffer,
    /// What it showed when the last step was still to come.
    still: Option<Buffer>,
}

/// # Errors
///
/// One of the files has an ending that no recording has.
pub(crate) fn usable(files: &[PathBuf]) -> Result<()> {
    for file in files {
        let ending = file.extension().unwrap_or_default();
        if !["cast", "js", "svg"].iter().any(|known| ending == *known) {
            bail!("{}: a recording is a file that ends in .cast, .js or .svg", file.display());
        }
    }
    Ok(())
}

/// Plays all sessions of the app, and writes what was seen into these files, each by its ending.
///
/// # Errors
///
/// A step does not hold, or a file cannot be written.
pub(crate) fn record(app: &mut App, events: &Receiver<Event>, files: &[PathBuf]) -> Result<()> {
    let area = Rect::new(0, 0, SIZE.0, SIZE.1);
    let options = TerminalOptions { viewport: Viewport::Fixed(area) };
    let tape = Tape::default();
    let mut screen = Terminal::with_options(CrosstermBackend::new(tape.clone()), options)?;
    let title = escaped(&app.lesson.session.title);
    let header = format!(
        "{{\"version\": 2, \"width\": {}, \"height\": {}, \"title\": \"{title}\"}}",
        SIZE.0, SIZE.1
    );
    let mut cast = Cast {
        tape: tape.clone(),
        header,
        events: Vec::new(),
        stays: Duration::ZERO,
        seen: Buffer::default(),
        still: None,
    };
    let next = KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE);
    loop {
        rest(app, events)?;
        cast.frame(&mut screen, app)?;
        match &app.state {
            State::Failed(report) => bail!("a step did not hold\n{report}"),
            State::Done if app.at + 1 == app.count() => break,
            State::Done => {}
            _ => {
                if app.group + 1 == app.lesson.groups.len() {
                    cast.still = Some(cast.seen.clone());
                }
                cast.event("m", &words(app.lesson.act(app.group)));
            }
        }
        app.key(next);
    }
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let text = match file.extension().and_then(|ending| ending.to_str()) {
            Some("svg") => cast
                .still
                .as_ref()
                .map(|still| picture(still, &app.lesson.session.title))
                .unwrap_or_default(),
            Some("js") => {
                // The reader says when a step is over.
                format!("cast(\"{}\", String.raw`{}`);\n", escaped(&name), cast.text(MOMENT))
            }
            _ => cast.text(Duration::MAX),
        };
        write(file, &text)?;
    }
    Ok(())
}

fn write(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text).with_context(|| format!("failed to write {}", file.display()))
}

/// Lets the play go on until the step is over and all programs have come to rest.
fn rest(app: &mut App, events: &Receiver<Event>) -> Result<()> {
    let limit = Instant::now() + LIMIT;
    // What a program reads at once may be cut elsewhere than it was recorded: it rests, too, after a while.
    let rest = if app.lesson.story.is_some() { REST * 10 } else { REST };
    let mut quiet = Instant::now() + rest;
    while Instant::now() < limit {
        match events.recv_timeout(Duration::from_millis(20)) {
            Ok(Event::Play(run, news)) => {
                app.news(run, news);
                quiet = Instant::now() + rest;
            }
            Ok(_) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => bail!("the play has gone"),
        }
        let over = app.ready() || matches!(app.state, State::Done | State::Failed(_));
        if over && (app.rests() == Some(true) || Instant::now() >= quiet) {
            return Ok(());
        }
    }
    bail!("step {} does not come to rest", app.group + 1)
}

impl App {
    /// Does each terminal show what the recording has, and its program wait there? `None` without a recording.
    pub(crate) fn rests(&self) -> Option<bool> {
        let story = self.lesson.story.as_ref()?;
        // Before the first step there is nothing that moves.
        let Some(shown) = self.shown() else { return Some(true) };
        let now = story.after(shown);
        let ports = self.ports();
        let rests = |window: &Window| {
            // Who comes again is another party of the same name: the last one that has come.
            let mut parties = (0..story.parties.len()).rev();
            let come = |at: &usize| {
                story.parties[*at].name == window.name && now.places[*at] != Place::NotStarted
            };
            let Some(at) = parties.find(come) else { return false };
            // All lines: an empty one that is typed leaves the last one as it was, a prompt.
            let lines = window.look(Screen::all);
            let shows =
                lines.iter().map(|line| ports.show(line)).eq(now.terminals[at].iter().cloned());
            let flooded = window.look(Screen::flooded);
            flooded
                || shows
                    && match &now.places[at] {
                        Place::Waits(call) => {
                            window.waits().is_some_and(|waits| waits.ends_with(call.as_str()))
                        }
                        Place::Ended => window.look(|screen| screen.exit().is_some()),
                        _ => false,
                    }
        };
        Some(self.windows().iter().all(rests))
    }
}

impl Cast {
    /// Adds what is on view, and the time that a reader needs for it.
    fn frame(
        &mut self,
        screen: &mut Terminal<CrosstermBackend<Tape>>,
        app: &mut App,
    ) -> Result<()> {
        screen.draw(|frame| {
            app.draw(frame);
            self.seen.clone_from(frame.buffer_mut());
        })?;
        let bytes = self.tape.0.take();
        let text =
            String::from_utf8(bytes).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        self.event("o", &text);
        self.stays = app.pace();
        Ok(())
    }

    fn event(&mut self, kind: &'static str, text: &str) {
        self.events.push((std::mem::take(&mut self.stays), kind, escaped(text)));
    }

    /// The recording, with at most this time before each event.
    fn text(&self, most: Duration) -> String {
        let mut time = Duration::ZERO;
        let mut text = self.header.clone() + "\n";
        // The last frame stays for its time, too.
        let end = (self.stays, "o", String::new());
        for (before, kind, said) in self.events.iter().chain([&end]) {
            time += most.min(*before);
            let _ = writeln!(text, "[{:.1}, \"{kind}\", \"{said}\"]", time.as_secs_f64());
        }
        text
    }
}

/// As JSON has it in a string.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '"' | '\\' => escaped.extend(['\\', letter]),
            // What ends a template in a script, too.
            letter if letter.is_control() || letter == '`' || letter == '$' => {
                let _ = write!(escaped, "\\u{:04x}", u32::from(letter));
            }
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// The screen as a picture.
fn picture(buffer: &Buffer, title: &str) -> String {
    let xml = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let (columns, rows) = (usize::from(buffer.area.width), usize::from(buffer.area.height));
    let (width, height) = ((columns + 2) * CELL.0, (rows + 1) * CELL.1);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\">\n<title>{}</title>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"6\" fill=\"{PAPER}\"/>\n\
         <g font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"15\" fill=\"#d8d8d8\">\n",
        xml(title)
    );
    for y in 0..rows {
        let line = &buffer.content[y * columns..(y + 1) * columns];
        let mut x = 0;
        while x < columns {
            let style = (line[x].fg, line[x].bg, line[x].modifier);
            let run = line[x..]
                .iter()
                .take_while(|cell| (cell.fg, cell.bg, cell.modifier) == style)
                .count();
            let text: String = line[x..x + run].iter().map(ratatui::buffer::Cell::symbol).collect();
            let (left, top) = ((x + 1) * CELL.0, y * CELL.1 + CELL.1 / 2);
            if let Some(back) = colour(style.1) {
                let _ = writeln!(
                    svg,
                    "<rect x=\"{left}\" y=\"{top}\" width=\"{}\" height=\"{}\" fill=\"{back}\"/>",
                    run * CELL.0,
                    CELL.1
                );
            }
            let words = text.trim();
            if !words.is_empty() {
                let before = text.chars().take_while(|letter| *letter == ' ').count();
                let left = left + before * CELL.0;
                let fill =
                    colour(style.0).map_or(String::new(), |fill| format!(" fill=\"{fill}\""));
                let bold =
                    if style.2.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
                let _ = writeln!(
                    svg,
                    "<text x=\"{left}\" y=\"{}\" textLength=\"{}\"{fill}{bold}>{}</text>",
                    top + 15,
                    crate::text::width(words) * CELL.0,
                    // Plain spaces would become one.
                    xml(words).replace(' ', "\u{a0}")
                );
            }
            x += run;
        }
    }
    svg + "</g>\n</svg>\n"
}

fn colour(colour: Color) -> Option<&'static str> {
    Some(match colour {
        Color::Black => PAPER,
        Color::Red => "#ff7b72",
        Color::Green => "#4ac26b",
        Color::Yellow => "#e3b341",
        Color::Cyan => "#56c8d8",
        Color::Gray => "#c8c8c8",
        Color::DarkGray => "#8b949e",
        Color::White => "#ffffff",
        _ => return None,
    })
}
