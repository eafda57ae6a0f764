//! Hints, the solution, and text as a terminal of 80 columns shows it.

use std::io::{self, IsTerminal};
use std::path::Path;

use anyhow::Result;

use super::exam::Verdict;
use super::{Learner, WIDTH, say, shown};
use crate::course::stages;
use crate::view;

/// A column that is narrower is no better than no indentation.
const NARROWEST: usize = 12;

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
        let lines: Vec<&str> = difference.lines().skip(2).filter(|line| !comment(line)).collect();
        // Where only the comments differed, no difference is left.
        let parts = lines.chunk_by(|_, next| !next.starts_with('@'));
        let parts = parts.filter(|part| part.iter().any(|line| line.starts_with(['+', '-'])));
        let lines = parts.flatten().map(|line| match line.chars().next() {
            Some('+') => self.style("32", line),
            Some('-') => self.style("31", line),
            Some('@') => self.style("2", line),
            _ => (*line).to_owned(),
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

/// A report as this window shows it: what is too long goes on below, indented as it began.
pub(super) fn fold(report: &str) -> String {
    match io::stdout().is_terminal() {
        true => fold_to(report, view::width()),
        false => report.to_owned(),
    }
}

fn fold_to(report: &str, width: usize) -> String {
    let mut folded: Vec<String> = Vec::new();
    let mut lines = report.lines().peekable();
    while let Some(line) = lines.next() {
        let mut caret = lines.next_if(|next| next.trim_start() == "^").map(|next| next.len() - 1);
        let indent = Some(begin(line)).filter(|begin| begin + NARROWEST <= width).unwrap_or(0);
        let (head, text) = line.split_at(indent);
        let rows = view::wrap(text, width - indent);
        let letters: Vec<char> = text.chars().collect();
        let mut at = 0;
        for (number, row) in rows.iter().enumerate() {
            let head = if number == 0 { head.to_owned() } else { " ".repeat(indent) };
            folded.push(format!("{head}{row}").trim_end().to_owned());
            let end = at + row.chars().count();
            // It stands below the row that has its letter.
            let here = |caret: &usize| *caret < indent + end || number + 1 == rows.len();
            if let Some(caret) = caret.take_if(|caret| here(caret)) {
                folded.push(" ".repeat(caret.saturating_sub(at)) + "^");
            }
            // Between two rows no blank is shown.
            at = end + letters[end..].iter().take_while(|letter| **letter == ' ').count();
        }
    }
    folded.join("\n")
}

/// Where the text of a line of a report begins: behind its verdict, its number, its name or its blanks.
fn begin(line: &str) -> usize {
    let text = line.trim_start_matches(' ');
    let is_head = |head: &str| match head {
        "FAIL  " | "note  " | "Hint: " | "expected: " | "got: " => true,
        _ => {
            let number = head.trim_end().strip_suffix('.');
            number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
        }
    };
    let behind = |sign: &str| text.find(sign).map(|at| at + sign.len());
    // A terminal shows `name | ...`, and a name may have blanks behind it.
    let name = behind(" | ")
        .filter(|end| text.len() < line.len() && !text[..end - 3].trim_end().contains(' '));
    let head = ["  ", ": ", ". "].into_iter().filter_map(behind).find(|end| is_head(&text[..*end]));
    let text = name.or(head).map_or(text, |end| text[end..].trim_start_matches(' '));
    line.len() - text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_folded_between_words_and_stays_indented() {
        let report = "\
FAIL  bye: The server says bye and hangs up.
   4. peer | \"bye\"
      expected: \"bye\"
      got:      \"server send :bye\", then nothing
                 ^
      server | one two three four five six
      peer   | (nothing)
Hint: Look for q before you answer it.";
        let folded = "\
FAIL  bye: The server says
      bye and hangs up.
   4. peer | \"bye\"
      expected: \"bye\"
      got:      \"server send
                 ^
                :bye\", then
                nothing
      server | one two three
               four five six
      peer   | (nothing)
Hint: Look for q before you
      answer it.";
        assert_eq!(fold_to(report, 29), folded);
        assert_eq!(fold_to(report, 80), report);
    }

    #[test]
    fn a_caret_stays_below_its_letter() {
        let report = "      got:      \"aaa bbb ccc\"\n                         ^";
        assert_eq!(
            fold_to(report, 28),
            "      got:      \"aaa bbb\n                ccc\"\n                ^"
        );
    }
}
