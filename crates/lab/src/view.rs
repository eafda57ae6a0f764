//! A session played before an audience: one labelled column for each terminal.

use std::io::Write;
use std::thread;
use std::time::Duration;

use crate::course::session::{Act, AtPeer, AtTerminal, Session, Start, Step};
use crate::play::Scene;

/// The width of the whole view, in characters.
const WIDTH: usize = 80;
const BETWEEN: &str = " | ";

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
}

/// Prints the scenes of one session, as rows of columns.
pub struct Columns<W> {
    out: W,
    look: Look,
    columns: Vec<String>,
}

impl<W: Write> Columns<W> {
    /// # Errors
    ///
    /// Nothing can be written.
    pub fn open(session: &Session, mut out: W, look: Look) -> std::io::Result<Self> {
        let mut columns: Vec<String> = Vec::new();
        for step in &session.steps {
            if !columns.contains(&step.name) {
                columns.push(step.name.clone());
            }
        }
        let mut title = String::new();
        for word in session.title.split_whitespace() {
            if !title.is_empty() && title.chars().count() + word.chars().count() >= WIDTH {
                writeln!(out, "{title}")?;
                title.clear();
            }
            title.push_str(if title.is_empty() { "" } else { " " });
            title.push_str(word);
        }
        writeln!(out, "{title}\n")?;
        let mut view = Columns { out, look, columns };
        let names = view.columns.clone();
        let cells: Vec<&str> = names.iter().map(String::as_str).collect();
        view.cells(&cells, "1")?;
        let rule = "-".repeat(view.width());
        view.cells(&vec![rule.as_str(); names.len()], "2")?;
        Ok(view)
    }

    /// # Errors
    ///
    /// Nothing can be written.
    pub fn show(&mut self, scene: &Scene) -> std::io::Result<()> {
        match scene {
            Scene::Before(step) if step.acts() => {
                match self.look.pace {
                    Pace::Enter => {
                        std::io::stdin().read_line(&mut String::new())?;
                    }
                    // For the eyes of the audience only; the player itself never sleeps.
                    Pace::Live => thread::sleep(Duration::from_millis(400)),
                    Pace::Fast => {}
                }
                self.row(step, &act(step), "36")
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

    fn width(&self) -> usize {
        let gaps = BETWEEN.len() * (self.columns.len() - 1);
        ((WIDTH - gaps.min(WIDTH)) / self.columns.len()).max(8)
    }

    /// One text in the column of the step, wrapped into as many rows as it needs.
    fn row(&mut self, step: &Step, text: &str, style: &str) -> std::io::Result<()> {
        let width = self.width();
        let at = self.columns.iter().position(|name| *name == step.name).unwrap_or(0);
        let characters: Vec<char> = text.chars().collect();
        let mut pieces: Vec<String> =
            characters.chunks(width).map(|piece| piece.iter().collect()).collect();
        if pieces.is_empty() {
            pieces.push(String::new());
        }
        let typed = matches!(step.act, Act::Terminal(AtTerminal::Type(_))) && self.look.types;
        for piece in pieces {
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
        let width = self.width();
        let before: String = (0..at).map(|_| format!("{:width$}{BETWEEN}", "")).collect();
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
        let width = self.width();
        let mut row = String::new();
        for (number, cell) in cells.iter().enumerate() {
            if number > 0 {
                row.push_str(BETWEEN);
            }
            let padded = format!("{cell:width$}");
            match self.look.colour && !cell.is_empty() {
                true => row.push_str(&format!("\x1b[{style}m{padded}\x1b[0m")),
                false => row.push_str(&padded),
            }
        }
        writeln!(self.out, "{}", row.trim_end())?;
        self.out.flush()
    }
}

fn act(step: &Step) -> String {
    match &step.act {
        Act::Terminal(AtTerminal::Type(text)) => format!(">{text}"),
        Act::Start(Start::Program(_)) => format!("$ {}", step.rest),
        Act::Peer(AtPeer::Send(_)) => format!("sends {}", step.rest),
        Act::Terminal(AtTerminal::Kill) => "[killed]".to_owned(),
        _ => format!("[{}]", step.rest),
    }
}
