//! A session played before an audience: one labelled column for each terminal.

use std::io::{IsTerminal, Write};
use std::thread;
use std::time::Duration;

use nix::sys::termios::{self, FlushArg};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::course::session::{Act, AtPeer, AtTerminal, Session, Start, Step};
use crate::play::Scene;
use crate::wire::story::{Place, Side, Story};

/// The width of the whole view where the output has none, in cells.
pub const WIDTH: usize = 80;
/// A narrower column shows nothing whole.
const NARROW: usize = 8;
const BETWEEN: &str = " | ";
/// The heading and the width of what goes over the wire.
const WIRE: &str = "the wire";
const ON_WIRE: usize = 18;

/// How the play goes on from one step to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Pace {
    /// A short pause before each thing that somebody does
    Live,
    /// A press of the Enter key before each thing that somebody does
    Enter,
    /// Without waiting
    Fast,
}

/// What the play looks like.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub pace: Pace,
    pub colour: bool,
    /// What somebody types appears letter by letter: only on a terminal, where a row can be replaced.
    pub types: bool,
    /// The width of the whole view, in cells.
    pub width: usize,
}

/// The width of the window in which the output appears, in cells; [`WIDTH`] where it appears in none.
#[must_use]
pub fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(std::io::stdout());
    size.map_or(WIDTH, |size| usize::from(size.ws_col)).max(NARROW)
}

/// Prints the scenes of one session, as rows of columns.
pub struct Columns<W> {
    out: W,
    look: Look,
    columns: Vec<Column>,
    /// The recording of the session, and how many of its acts have been shown.
    wire: Option<(Story, usize)>,
}

struct Column {
    name: String,
    width: usize,
}

impl<W: Write> Columns<W> {
    /// # Errors
    ///
    /// Nothing can be written.
    pub fn open(session: &Session, out: W, look: Look) -> std::io::Result<Self> {
        Columns::begin(session, None, out, look)
    }

    /// Between servers and clients stands what goes over the wire at each step, as the recording has
    /// it, and below each step where the programs wait then.
    ///
    /// # Errors
    ///
    /// Nothing can be written.
    pub fn open_with_wire(
        session: &Session,
        recording: Story,
        out: W,
        look: Look,
    ) -> std::io::Result<Self> {
        Columns::begin(session, Some(recording), out, look)
    }

    fn begin(
        session: &Session,
        wire: Option<Story>,
        mut out: W,
        look: Look,
    ) -> std::io::Result<Self> {
        let mut names: Vec<&str> = Vec::new();
        for step in &session.steps {
            if !names.contains(&step.name.as_str()) {
                names.push(&step.name);
            }
        }
        for row in wrap(&session.title, look.width) {
            writeln!(out, "{row}")?;
        }
        writeln!(out)?;
        if let Some(story) = &wire {
            let side = |name: &str| {
                story.parties.iter().find(|party| party.name == name).map(|party| party.side)
            };
            names.sort_by_key(|name| side(name));
            let servers = names.iter().filter(|name| side(name) == Some(Side::Server)).count();
            names.insert(servers, WIRE);
        }
        let taken = if wire.is_some() { ON_WIRE } else { 0 };
        let gaps = BETWEEN.len() * (names.len() - 1);
        let people = names.len() - usize::from(wire.is_some());
        let width = (look.width.saturating_sub(gaps + taken) / people).max(NARROW);
        let column = |name: &&str| match *name {
            WIRE if wire.is_some() => Column { name: WIRE.to_owned(), width: ON_WIRE },
            name => Column { name: name.to_owned(), width },
        };
        let columns = names.iter().map(column).collect();
        let mut view = Columns { out, look, columns, wire: wire.map(|story| (story, 0)) };
        view.cells(&names, "1")?;
        let rules: Vec<String> =
            view.columns.iter().map(|column| "-".repeat(column.width)).collect();
        view.cells(&rules.iter().map(String::as_str).collect::<Vec<_>>(), "2")?;
        Ok(view)
    }

    /// After the last scene.
    ///
    /// # Errors
    ///
    /// Nothing can be written.
    pub fn close(&mut self) -> std::io::Result<()> {
        self.places()
    }

    /// # Errors
    ///
    /// Nothing can be written.
    pub fn show(&mut self, scene: &Scene) -> std::io::Result<()> {
        match scene {
            Scene::Before(step) if step.acts() => {
                self.places()?;
                match self.look.pace {
                    Pace::Enter => stop(&mut self.out, &step.to_string())?,
                    // For the eyes of the audience only; the player itself never sleeps.
                    Pace::Live => thread::sleep(Duration::from_millis(400)),
                    Pace::Fast => {}
                }
                self.row(step, &act(step), "36")?;
                self.sent()
            }
            Scene::Held(step, text) if !step.acts() => match step.act {
                Act::Terminal(AtTerminal::Ends(_))
                | Act::Peer(AtPeer::Closed(_) | AtPeer::Unread) => {
                    self.row(step, &format!("[{text}]"), "2")
                }
                Act::Peer(_) => self.row(step, &format!("receives {text}"), "0"),
                _ => self.row(step, text, "0"),
            },
            _ => Ok(()),
        }
    }

    /// What goes over the wire at the step that has just been shown.
    fn sent(&mut self) -> std::io::Result<()> {
        let Some((story, shown)) = &mut self.wire else { return Ok(()) };
        let act = *shown;
        *shown += 1;
        if act >= story.acts.len() {
            return Ok(());
        }
        let several = story.connections.len() > 1;
        let sent = story.sent(act);
        let arrows: Vec<String> = sent
            .iter()
            .map(|sent| {
                let port = if several {
                    format!("{} ", story.connections[sent.connection].port)
                } else {
                    String::new()
                };
                let words = format!(" {port}{} ", sent.words);
                let line = format!("{words:-^width$}", width = ON_WIRE - 1);
                if sent.to == Side::Server { format!("<{line}") } else { format!("{line}>") }
            })
            .collect();
        let at = self.columns.iter().position(|column| column.name == WIRE).unwrap_or(0);
        for arrow in arrows {
            let mut cells = vec![""; self.columns.len()];
            cells[at] = &arrow;
            self.cells(&cells, "0")?;
        }
        Ok(())
    }

    /// Where each program waits when the step is over that has been shown last.
    fn places(&mut self) -> std::io::Result<()> {
        let Some((story, shown)) = &self.wire else { return Ok(()) };
        let Some(act) = shown.checked_sub(1).filter(|act| *act < story.acts.len()) else {
            return Ok(());
        };
        let now = story.after(act);
        let place = |column: &Column| {
            let mut named = story.parties.iter().zip(&now.places).rev();
            let found = named
                .find(|(party, place)| party.name == column.name && **place != Place::NotStarted);
            match found {
                Some((_, Place::Runs)) => "[runs]".to_owned(),
                Some((_, Place::Waits(call))) if call == "keyboard" => {
                    "[at the keyboard]".to_owned()
                }
                Some((_, Place::Waits(call))) => format!("[in {call}]"),
                _ => String::new(),
            }
        };
        let wrapped = |column: &Column| -> Vec<String> {
            let place = place(column);
            if place.is_empty() { Vec::new() } else { wrap(&place, column.width) }
        };
        let places: Vec<Vec<String>> = self.columns.iter().map(wrapped).collect();
        for row in 0..places.iter().map(Vec::len).max().unwrap_or(0) {
            let piece = |place: &Vec<String>| place.get(row).cloned().unwrap_or_default();
            let pieces: Vec<String> = places.iter().map(piece).collect();
            self.cells(&pieces.iter().map(String::as_str).collect::<Vec<_>>(), "2")?;
        }
        Ok(())
    }

    /// One text in the column of the step, wrapped into as many rows as it needs.
    fn row(&mut self, step: &Step, text: &str, style: &str) -> std::io::Result<()> {
        let at = self.columns.iter().position(|column| column.name == step.name).unwrap_or(0);
        let width = self.columns[at].width;
        let typed = matches!(step.act, Act::Terminal(AtTerminal::Type(_))) && self.look.types;
        for piece in wrap(text, width) {
            if typed {
                self.type_out(at, &piece, style)?;
            }
            let mut cells = vec![""; self.columns.len()];
            cells[at] = &piece;
            self.cells(&cells, style)?;
        }
        Ok(())
    }

    /// Shows the text as if it were typed, on the row that the finished text then replaces.
    fn type_out(&mut self, at: usize, text: &str, style: &str) -> std::io::Result<()> {
        let before = self.columns[..at].iter().map(|column| " ".repeat(column.width) + BETWEEN);
        let before: String = before.collect();
        write!(self.out, "{before}")?;
        for character in text.chars() {
            match self.look.colour {
                true => write!(self.out, "\x1b[{style}m{character}\x1b[0m")?,
                false => write!(self.out, "{character}")?,
            }
            self.out.flush()?;
            thread::sleep(Duration::from_millis(40));
        }
        write!(self.out, "\r")
    }

    fn cells(&mut self, cells: &[&str], style: &str) -> std::io::Result<()> {
        let mut row = String::new();
        for (number, cell) in cells.iter().enumerate() {
            if number > 0 {
                row.push_str(BETWEEN);
            }
            let room = self.columns[number].width.saturating_sub(cell.width());
            let padded = cell.to_string() + &" ".repeat(room);
            match self.look.colour && !cell.is_empty() {
                true => row.push_str(&format!("\x1b[{style}m{padded}\x1b[0m")),
                false => row.push_str(&padded),
            }
        }
        writeln!(self.out, "{}", row.trim_end())?;
        self.out.flush()
    }
}

/// Stops before what comes next until somebody presses Enter.
///
/// # Errors
///
/// Nothing can be read or written.
pub fn stop(out: &mut impl Write, next: &str) -> std::io::Result<()> {
    let input = std::io::stdin();
    let terminal = input.is_terminal();
    if terminal {
        // Whoever pressed while a step ran did not see what comes now.
        let _ = termios::tcflush(&input, FlushArg::TCIFLUSH);
        write!(out, "-- Enter: {next}")?;
        out.flush()?;
    }
    input.read_line(&mut String::new())?;
    if terminal {
        // The row has done its work.
        write!(out, "\x1b[A\r\x1b[2K")?;
    }
    Ok(())
}

/// Breaks a text between its words, or inside a word that is wider than a row. Never empty.
#[must_use]
pub fn wrap(text: &str, cells: usize) -> Vec<String> {
    let mut rows = vec![String::new()];
    for word in text.split_inclusive(' ') {
        let row = rows.last().map_or(0, |row| row.width());
        if row > 0 && row + word.trim_end().width() > cells {
            rows.push(String::new());
        }
        for letter in word.chars() {
            let full = |row: &String| row.width() + letter.width().unwrap_or(0) > cells;
            // A space at the end of a row shows nothing.
            match rows.last().is_some_and(full) {
                true if letter == ' ' => continue,
                true => rows.push(letter.to_string()),
                false => rows.iter_mut().last().into_iter().for_each(|row| row.push(letter)),
            }
        }
    }
    rows
}

fn act(step: &Step) -> String {
    match &step.act {
        Act::Terminal(AtTerminal::Type(text)) => format!(">{text}"),
        Act::Start(Start::Program(_)) => format!("$ {}", step.rest),
        Act::Peer(AtPeer::Send(_) | AtPeer::SendAgain(..)) => format!("sends {}", step.rest),
        Act::Terminal(AtTerminal::Kill) => "[killed]".to_owned(),
        _ => format!("[{}]", step.rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_breaks_between_its_words_and_by_cells() {
        assert_eq!(wrap("listening on 127.0.0.1:5001", 24), ["listening on ", "127.0.0.1:5001"]);
        assert_eq!(wrap("    indented", 24), ["    indented"]);
        assert_eq!(wrap("中文字 ok", 4), ["中文", "字 ", "ok"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("", 3), [""]);
    }
}
