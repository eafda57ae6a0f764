//! Hints, the solution, and text as a terminal of 80 columns shows it.

use std::path::Path;

use anyhow::Result;

use super::exam::Verdict;
use super::{Learner, WIDTH, say, shown};
use crate::course::stages;
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
                say(&self.difference(&exercise.starter, &exercise.solution)?)?;
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
        let (from, file) = match own.filter(|file| file.is_file()) {
            Some(file) => ("your file", file),
            None => ("the starter", &exercise.starter),
        };
        say(&format!("\nFrom {from} to {}:", shown(&exercise.solution)))?;
        say(&self.difference(file, &exercise.solution)?)
    }

    /// How the code of one becomes that of the other; their first comments differ in any case.
    fn difference(&self, from: &Path, to: &Path) -> Result<String> {
        let difference = stages::difference(&[from.as_os_str(), to.as_os_str()])?;
        let comment = |line: &&str| line.get(1..).is_some_and(|line| line.starts_with("//!"));
        // The names of the files, in two lines, come first.
        let lines = difference.lines().skip(2).filter(|line| !comment(line));
        let lines = lines.map(|line| match line.chars().next() {
            Some('+') => self.style("32", line),
            Some('-') => self.style("31", line),
            Some('@') => self.style("2", line),
            _ => line.to_owned(),
        });
        let lines: Vec<String> = lines.collect();
        Ok(if lines.is_empty() { "They are the same.".to_owned() } else { lines.join("\n") })
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
