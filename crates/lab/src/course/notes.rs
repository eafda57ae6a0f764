//! Notes for whoever shows a session: what to say and to ask at a step, and how long it takes.
//!
//! They lie beside the session, as `NAME.notes`:
//!
//! ```text
//! turn: 1
//! minutes: 6
//!
//! @ client > anyone there?
//! predict: The server has hung up. The client now types a line. What do we see?
//! A: The server prints it.
//!   server | recv="anyone there?"
//! B: Nothing: nobody reads it, and nobody notices.
//!   server = silent
//!   client = silent
//! C: The client sends it, and only then notices.
//!   client | socket close.....
//! why: The client was blocked at its prompt.
//! teacher: Expect A from a third of the class.
//! ```
//!
//! `turn` is the session's place among those of its stage in a class. `@ STEP` names a step of the session that acts, in the order of the session. Below it stand `say`, `ask` and
//! `teacher`, as often as you like, and one `predict` with its answers. Under each answer, indented and in the
//! session's words, stands what would come next if it were right; `NAME = silent` is nothing at all. Nobody writes
//! down which answer is right: it is the one whose lines the session has there, and the session is played.

use std::fmt::Write;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::session::{Session, Step};

/// Nobody shows one session for longer; what is more is a slip of the pen.
const MOST_MINUTES: f64 = 600.0;

/// What an answer says of somebody who shows and gets nothing.
const SILENT: &str = " = silent";

/// The notes of one session.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// Which one of its stage's sessions it is in a class: 1 is the first.
    pub turn: Option<u32>,
    /// How long the session takes with a class.
    pub time: Option<Duration>,
    /// In the order of the session.
    pub at: Vec<Note>,
}

/// What belongs to one step that acts.
#[derive(Clone, Debug, Default)]
pub struct Note {
    /// Its place among the steps of the session.
    pub step: usize,
    /// What to say once it has happened.
    pub say: Vec<String>,
    /// What to ask then.
    pub ask: Vec<String>,
    /// What to ask before it happens.
    pub predict: Option<Predict>,
    /// For the eyes of the teacher only.
    pub teacher: Vec<String>,
}

/// A question that the play of the session answers.
#[derive(Clone, Debug, Default)]
pub struct Predict {
    pub question: String,
    /// A, B, C, ...
    pub answers: Vec<Answer>,
    /// Which of the answers the session shows.
    pub right: usize,
    pub why: String,
}

#[derive(Clone, Debug)]
pub struct Answer {
    pub letter: char,
    pub text: String,
    /// What the session would show if it were right: steps of its language, or `NAME = silent`.
    pub shows: Vec<String>,
}

impl Predict {
    /// The letter of the answer that the session shows.
    #[must_use]
    pub fn letter(&self) -> char {
        self.answers.get(self.right).map_or('?', |answer| answer.letter)
    }
}

/// Where the notes of a session are, if it has some.
#[must_use]
pub fn file(session: &Session) -> PathBuf {
    session.path.with_extension("notes")
}

impl Notes {
    /// The notes beside the session; `None` when there are none.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or a line of it is no note for this session; the message names file and line.
    pub fn read(session: &Session) -> Result<Option<Notes>> {
        let path = file(session);
        match fs::read_to_string(&path) {
            Ok(text) => Notes::parse(&path, &text, session).map(Some),
            Err(err) if err.kind() == ErrorKind::NotFound => Ok(None),
            Err(err) => Err(err).with_context(|| format!("failed to read {}", path.display())),
        }
    }

    /// # Errors
    ///
    /// As [`Notes::read`].
    pub fn parse(path: &Path, text: &str, session: &Session) -> Result<Notes> {
        let mut notes = Notes::default();
        for (number, line) in text.lines().enumerate().map(|(i, line)| (i + 1, line)) {
            let line = line.trim_end();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Err(reason) = notes.line(line, session) {
                bail!("{}:{number}: {reason}", path.display());
            }
        }
        for note in &mut notes.at {
            if let Some(predict) = &mut note.predict {
                let step = &session.steps[note.step];
                predict.right = shown(predict, after(session, note.step))
                    .map_err(|reason| anyhow::anyhow!("{}: @ {step}: {reason}", path.display()))?;
            }
        }
        Ok(notes)
    }

    fn line(&mut self, line: &str, session: &Session) -> Result<(), String> {
        if let Some(step) = line.strip_prefix("@ ") {
            let from = self.at.last().map_or(0, |note| note.step + 1);
            let steps = session.steps.iter().enumerate().skip(from);
            let found = steps
                .filter(|(_, known)| known.acts())
                .find(|(_, known)| known.to_string() == step);
            let (step, _) = found.ok_or_else(|| {
                let after = if from == 0 { "" } else { ", after the one before" };
                format!("the session has no step {step:?} that acts{after}")
            })?;
            self.at.push(Note { step, ..Note::default() });
            return Ok(());
        }
        let indented = line.starts_with(' ');
        let expected = || format!("expected @ STEP or KIND: TEXT, not {line:?}");
        let (kind, text) = match indented {
            true => ("", line.trim_start()),
            false => {
                line.split_once(':').map(|(kind, text)| (kind, text.trim())).ok_or_else(expected)?
            }
        };
        if text.is_empty() {
            return Err(format!("expected a text after {kind}:"));
        }
        let Some(note) = self.at.last_mut() else {
            match kind {
                "turn" => {
                    let turn = text.parse().ok().filter(|turn| *turn > 0);
                    self.turn = Some(
                        turn.ok_or_else(|| format!("expected a turn, such as 1, not {text:?}"))?,
                    );
                }
                "minutes" => {
                    let minutes = text
                        .parse()
                        .ok()
                        .filter(|minutes| *minutes > 0.0 && *minutes <= MOST_MINUTES);
                    let minutes: f64 = minutes.ok_or_else(|| {
                        format!("expected minutes, such as 4 or 4.5, not {text:?}")
                    })?;
                    self.time = Some(Duration::from_secs_f64(minutes * 60.0));
                }
                _ => {
                    return Err(format!("expected turn: N, minutes: N, or @ STEP before {line:?}"));
                }
            }
            return Ok(());
        };
        let letter =
            kind.chars().next().filter(|letter| kind.len() == 1 && letter.is_ascii_uppercase());
        match (kind, &mut note.predict) {
            ("say", _) => note.say.push(text.to_owned()),
            ("ask", _) => note.ask.push(text.to_owned()),
            ("teacher", _) => note.teacher.push(text.to_owned()),
            ("predict", none @ None) => {
                *none = Some(Predict { question: text.to_owned(), ..Predict::default() });
            }
            ("predict", Some(_)) => {
                return Err("expected one question to predict at a step".to_owned());
            }
            ("why", Some(predict)) => predict.why = text.to_owned(),
            ("", Some(Predict { answers, .. })) if !answers.is_empty() => {
                is_expected(text, session)?;
                if let Some(answer) = answers.last_mut() {
                    answer.shows.push(text.to_owned());
                }
            }
            (_, Some(Predict { answers, .. })) if letter.is_some() => {
                let next = ('A'..='Z').nth(answers.len()).unwrap_or('Z');
                if letter != Some(next) {
                    return Err(format!("expected {next}:, not {kind}:"));
                }
                answers.push(Answer { letter: next, text: text.to_owned(), shows: Vec::new() });
            }
            _ => return Err(expected()),
        }
        Ok(())
    }

    /// What belongs to this step.
    #[must_use]
    pub fn at(&self, step: usize) -> Option<&Note> {
        self.at.iter().find(|note| note.step == step)
    }
}

/// The file's text with this time in the place of the minutes that it has.
#[must_use]
pub fn with_minutes(text: &str, time: Duration) -> String {
    let mut written = format!("minutes: {}\n", minutes(time));
    let old = text
        .lines()
        .take_while(|line| !line.starts_with("@ "))
        .find(|line| line.starts_with("minutes:"));
    match old {
        Some(old) => text.replacen(&format!("{old}\n"), &written, 1),
        None => {
            let _ = write!(written, "\n{text}");
            written
        }
    }
}

/// A time in minutes, to the half minute, as notes write it.
#[must_use]
pub fn minutes(time: Duration) -> String {
    let halves = (time.as_secs_f64() / 30.0).round().max(1.0);
    format!("{}", halves / 2.0)
}

/// The steps after this one, up to the next that acts: what it led to.
fn after(session: &Session, step: usize) -> &[Step] {
    let steps = session.steps.get(step + 1..).unwrap_or_default();
    let end = steps.iter().position(Step::acts).unwrap_or(steps.len());
    &steps[..end]
}

/// Which answer the steps show: one, and only one.
fn shown(predict: &Predict, steps: &[Step]) -> Result<usize, String> {
    if predict.answers.len() < 2 || predict.why.is_empty() {
        return Err("expected A:, B: and why: below predict:".to_owned());
    }
    if let Some(answer) = predict.answers.iter().find(|answer| answer.shows.is_empty()) {
        return Err(format!(
            "expected what would be seen if {} were right, indented below it",
            answer.letter
        ));
    }
    let mut right = predict
        .answers
        .iter()
        .enumerate()
        .filter(|(_, answer)| answer.shows.iter().all(|line| holds(line, steps)));
    match (right.next(), right.next()) {
        (Some((right, _)), None) => Ok(right),
        (None, _) => Err("the session shows what no answer says".to_owned()),
        (Some((_, one)), Some((_, two))) => {
            Err(format!("the session shows what {} says, and what {} says", one.letter, two.letter))
        }
    }
}

/// Is it something that a session can expect of somebody in this one?
fn is_expected(line: &str, session: &Session) -> Result<(), String> {
    if let Some(name) = line.strip_suffix(SILENT) {
        let known = session.steps.iter().any(|step| step.name == name);
        return if known { Ok(()) } else { Err(format!("the session has no {name:?}")) };
    }
    let more = format!("{}\n{line}", session.source.join("\n"));
    let more = Session::parse(Path::new(""), &more).map_err(|err| {
        let text = err.to_string();
        text.splitn(3, ':').last().unwrap_or_default().trim().to_owned()
    })?;
    match more.steps.last() {
        Some(step) if !step.acts() => Ok(()),
        _ => Err(format!("expected what would be seen, such as: server | ..., not {line:?}")),
    }
}

/// Do these steps show this?
fn holds(line: &str, steps: &[Step]) -> bool {
    if let Some(name) = line.strip_suffix(SILENT) {
        return !steps.iter().any(|step| step.name == name);
    }
    steps.iter().any(|step| match line.split_once(" ~ ") {
        Some((name, part)) => {
            step.name == name && "|~".contains(step.mark) && step.rest.contains(part)
        }
        None => step.to_string() == line,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: &str = "# T.\nserver $ stage1-server\nserver | one\np $ tcp connect\np > \"a\"\np | \"b\"\np = end\n";

    fn parse(notes: &str) -> Result<Notes> {
        let session = Session::parse(Path::new("x.session"), SESSION)?;
        Notes::parse(Path::new("x.notes"), notes, &session)
    }

    #[test]
    fn the_session_says_which_answer_is_right() {
        let text = "minutes: 4.5\n\n@ p > \"a\"\npredict: What?\nA: Nothing.\n  p = silent\nB: Bytes.\n  p | \"b\"\n  p = end\nwhy: So.\nsay: x: y\n";
        let notes = parse(text).unwrap();
        assert_eq!(notes.time, Some(Duration::from_secs(270)));
        let note = notes.at(3).unwrap();
        assert_eq!((note.say[0].as_str(), note.predict.as_ref().unwrap().letter()), ("x: y", 'B'));
        assert!(notes.at(0).is_none());
    }

    #[test]
    fn a_fault_is_named_with_its_line() {
        let answers = |a: &str, b: &str| {
            format!("@ p > \"a\"\npredict: What?\nA: 1\n  {a}\nB: 2\n  {b}\nwhy: So.\n")
        };
        for (notes, reason) in [
            ("say: x\n".to_owned(), "1: expected turn: N, minutes: N, or @ STEP before \"say: x\""),
            ("turn: 0\n".into(), "1: expected a turn, such as 1, not \"0\""),
            ("minutes: 0\n".into(), "1: expected minutes, such as 4 or 4.5, not \"0\""),
            ("@ server | one\n".into(), "1: the session has no step \"server | one\" that acts"),
            (
                "@ p > \"a\"\n\n@ server $ stage1-server\n".into(),
                "3: the session has no step \"server $ stage1-server\" that acts, after the one before",
            ),
            ("@ p > \"a\"\nhello\n".into(), "2: expected @ STEP or KIND: TEXT, not \"hello\""),
            ("@ p > \"a\"\nA: x\n".into(), "2: expected @ STEP or KIND: TEXT, not \"A: x\""),
            (
                "@ p > \"a\"\npredict: x\n".into(),
                " @ p > \"a\": expected A:, B: and why: below predict:",
            ),
            ("@ p > \"a\"\npredict: x\nB: x\n".into(), "3: expected A:, not B:"),
            (
                answers("q = end", "p = end"),
                "4: \"q\" is not started: expected q $ PROGRAM, or one of: server, p",
            ),
            (
                answers("p > \"x\"", "p = end"),
                "4: expected what would be seen, such as: server | ..., not \"p > \\\"x\\\"\"",
            ),
            (
                answers("p = silent", "p = reset"),
                " @ p > \"a\": the session shows what no answer says",
            ),
            (
                answers("p | \"b\"", "p = end"),
                " @ p > \"a\": the session shows what A says, and what B says",
            ),
        ] {
            let err = parse(&notes).unwrap_err().to_string();
            assert_eq!(err, format!("x.notes:{reason}"));
        }
    }

    #[test]
    fn a_rehearsal_changes_the_minutes_and_nothing_else() {
        let time = Duration::from_secs(200);
        assert_eq!(
            with_minutes("# c\nminutes: 6\n\n@ a $ b\n", time),
            "# c\nminutes: 3.5\n\n@ a $ b\n"
        );
        assert_eq!(
            with_minutes("@ a $ b\nminutes: x\n", time),
            "minutes: 3.5\n\n@ a $ b\nminutes: x\n"
        );
    }
}
