//! Questions before a stage: what will be seen? The play of a session answers.

use std::io;
use std::time::Duration;

use anyhow::{Context, Result};

use super::help::wrap;
use super::lesson::Kind;
use super::{Learner, say};
use crate::course::notes::{Notes, Predict};
use crate::course::session::Session;
use crate::course::stages;
use crate::play::Scene;
use crate::play::live::{Audience, Live};
use crate::rig::keys::Key;
use crate::view::{self, Columns, Look, Pace};

pub(super) const INTRODUCTION: &str = "Real programs of this stage are played, one column for each terminal. Before \
something is to be seen you are asked what it will be. Say it before you look: what surprises you is what you learn.\n";
pub(super) const KEYS: &str =
    "Enter begin, or go on without an answer  n next  p previous  l list  q quit";

/// How long a person is waited for at a time.
const A_WHILE: Duration = Duration::from_secs(60);

/// What a person did at a question.
enum Said {
    Letter(char),
    Nothing,
    /// Goes on to the next lesson, or quits.
    Left(Key),
}

impl Learner {
    /// Plays the sessions of this lesson, and asks; false when the person quits.
    pub(super) fn predict(&mut self) -> Result<bool> {
        let Kind::Predict(sessions) = &self.lesson().kind else { return Ok(true) };
        let sessions = sessions.clone();
        stages::build()?;
        let (mut right, mut all) = (0, 0);
        for (session, notes) in &sessions {
            if let Some(key) = self.play(session, notes, &mut right, &mut all)? {
                return self.press(key);
            }
        }
        say(&format!("{right} of {all} as you said. n goes on."))?;
        let name = self.lesson().name.clone();
        self.note(Some(&name))?;
        Ok(true)
    }

    /// Plays one session; a key with which the person leaves it.
    fn play(
        &mut self,
        session: &Session,
        notes: &Notes,
        right: &mut usize,
        all: &mut usize,
    ) -> Result<Option<Key>> {
        let terminal = self.keys.is_terminal();
        let pace = if terminal { Pace::Live } else { Pace::Fast };
        let look =
            Look { pace, colour: self.options.colour, types: terminal, width: view::width() };
        let cast = stages::troupe()?;
        say("")?;
        let mut view = Columns::open(session, io::stdout(), look).context("failed to print")?;
        let mut live = Live::new(session, &cast, &Audience::default());
        let mut open: Option<(&Predict, Said)> = None;
        for (number, step) in session.steps.iter().enumerate() {
            // What is pressed before a question is to be seen is no answer to it.
            while terminal && let Some(key) = self.keys.next(Duration::ZERO)? {
                if leaves(key) {
                    return Ok(Some(key));
                }
            }
            if step.acts() {
                self.answer(open.take(), right)?;
                if let Some(predict) = notes.at(number).and_then(|note| note.predict.as_ref()) {
                    let said = self.ask(predict)?;
                    if let Said::Left(key) = said {
                        return Ok(Some(key));
                    }
                    *all += 1;
                    open = Some((predict, said));
                }
            }
            view.show(&Scene::Before(step)).context("failed to print")?;
            match live.step(number, Duration::ZERO) {
                Ok(text) => view.show(&Scene::Held(step, &text)).context("failed to print")?,
                Err(report) => {
                    say(&report.to_string())?;
                    return Ok(None);
                }
            }
        }
        self.answer(open, right)?;
        Ok(None)
    }

    /// Asks, and waits for a letter.
    fn ask(&mut self, predict: &Predict) -> Result<Said> {
        say(&format!("\n{}", self.style("1", &wrap(&predict.question))))?;
        for answer in &predict.answers {
            say(&wrap(&format!("  {}  {}", answer.letter, answer.text)))?;
        }
        loop {
            match self.keys.next(A_WHILE)? {
                None => {}
                Some(Key::Press('\n')) => return Ok(Said::Nothing),
                Some(key) if leaves(key) => return Ok(Said::Left(key)),
                Some(Key::End) => {}
                Some(Key::Press(key)) => {
                    let letter = key.to_ascii_uppercase();
                    if predict.answers.iter().any(|answer| answer.letter == letter) {
                        say("")?;
                        return Ok(Said::Letter(letter));
                    }
                    say("Press the letter of your answer; Enter goes on without one, n leaves.")?;
                }
            }
        }
    }

    /// Says which answer was shown to be right, and why.
    fn answer(&self, asked: Option<(&Predict, Said)>, right: &mut usize) -> Result<()> {
        let Some((predict, said)) = asked else { return Ok(()) };
        let is = predict.letter();
        let (style, verdict) = match said {
            Said::Letter(letter) if letter == is => {
                *right += 1;
                ("32", format!("Yes, {is}."))
            }
            Said::Letter(letter) => ("31", format!("Not {letter}, but {is}.")),
            _ => ("1", format!("{is}.")),
        };
        let text = wrap(&format!("{verdict} {}", predict.why));
        say(&format!("\n{}{}\n", self.style(style, &verdict), &text[verdict.len()..]))
    }
}

/// Does this key leave the questions, whatever else it does?
fn leaves(key: Key) -> bool {
    matches!(key, Key::End | Key::Press('q' | 'n' | 'p'))
}
