//! Hints, the solution, and text as a terminal of 80 columns shows it.

use anyhow::Result;
use similar::TextDiff;

use super::exam::Verdict;
use super::lesson::read;
use super::{Learner, WIDTH, say, shown};
use crate::view;

impl Learner {
    /// The next hint: one sentence, a paragraph, and then the step itself.
    pub(super) fn hint(&mut self) -> Result<()> {
        let kind = &self.lesson().kind;
        let Some(exercise) = kind.exercise() else { return say("There is no hint: guess.") };
        let failed = match &self.here.verdict {
            Some(Verdict::Short { hint, .. }) => hint.clone(),
            _ => None,
        };
        // Each behaviour has a first hint of its own.
        if self.here.hints == 0 || failed.is_some() && failed != self.here.hinted {
            let hint = match &failed {
                Some(hint) => hint.clone(),
                None => {
                    let mut demanded = kind.demanded()?.into_iter();
                    demanded.find_map(|demand| demand.session.hint).unwrap_or_default()
                }
            };
            say(&wrap(&format!("\nHint 1 of 3: {hint}")))?;
            self.here.hinted = Some(hint);
            self.here.hints = self.here.hints.max(1);
            return Ok(());
        }
        match self.here.hints {
            1 => say(&wrap(&format!("\nHint 2 of 3: {}", exercise.hint)))?,
            2 => {
                say("\nHint 3 of 3, what the course's own solution changes:")?;
                say(&self.difference(&read(&exercise.starter)?, &read(&exercise.solution)?))?;
            }
            _ => say("That was the last hint. s compares your file with the solution.")?,
        }
        self.here.hints += 1;
        Ok(())
    }

    /// What the solution has that the learner's file has not.
    pub(super) fn solution(&mut self) -> Result<()> {
        let Some(exercise) = self.lesson().kind.exercise() else {
            return say("There is no solution: Enter plays it.");
        };
        let program = &self.here.program;
        let own = program.files.first().filter(|_| program.is_rust());
        let (from, text) = match own.and_then(|file| std::fs::read_to_string(file).ok()) {
            Some(text) => ("your file", text),
            None => ("the starter", read(&exercise.starter)?),
        };
        say(&format!("\nFrom {from} to {}:", shown(&exercise.solution)))?;
        say(&self.difference(&text, &read(&exercise.solution)?))
    }

    /// How the code of one becomes that of the other; their first comments differ in any case.
    fn difference(&self, from: &str, to: &str) -> String {
        let code = |text: &str| -> String {
            text.split_inclusive('\n').skip_while(|line| line.starts_with("//!")).collect()
        };
        let (from, to) = (code(from), code(to));
        let difference = TextDiff::from_lines(&from, &to);
        let unified = difference.unified_diff().context_radius(3).to_string();
        if unified.is_empty() {
            return "They are the same.".to_owned();
        }
        let lines = unified.lines().map(|line| match line.chars().next() {
            Some('+') => self.style("32", line),
            Some('-') => self.style("31", line),
            Some('@') => self.style("2", line),
            _ => line.to_owned(),
        });
        lines.collect::<Vec<String>>().join("\n")
    }
}

/// The columns that text is filled to in this window.
pub(super) fn width() -> usize {
    view::width().min(WIDTH)
}

/// A line of things with two blanks between them, broken between two of them in a narrow window.
pub(super) fn keys(line: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for item in line.split("  ") {
        match lines.last_mut() {
            Some(last) if last.chars().count() + 2 + item.chars().count() <= width() => {
                last.push_str("  ");
                last.push_str(item);
            }
            _ => lines.push(item.to_owned()),
        }
    }
    lines.join("\n")
}

/// Markdown for a terminal: paragraphs are filled, code stays as it is.
pub(super) fn wrap(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let (mut code, mut open) = (false, false);
    for line in text.lines() {
        let fence = line.starts_with("```");
        code ^= fence;
        if fence {
            open = false;
        } else if code || line.trim().is_empty() {
            lines.push(line.to_owned());
            open = false;
        } else {
            if line.starts_with(['-', '|']) || line.starts_with("    ") {
                open = false;
            }
            for word in line.split(' ') {
                match lines.last_mut().filter(|_| open) {
                    Some(last) if last.chars().count() + word.chars().count() < width() => {
                        last.push(' ');
                        last.push_str(word);
                    }
                    _ => lines.push(word.to_owned()),
                }
                open = true;
            }
        }
    }
    lines.join("\n")
}
