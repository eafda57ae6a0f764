//! What is kept of a run: the recording beside its session, and what the book shows of it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::story::Story;
use super::{picture, stepper};
use crate::course::session::Session;
use crate::course::stages;

/// Where the book has the pictures, from the root on.
const PICTURES: &str = "docs/src/wires";

/// Where the recording of a session is: beside it.
#[must_use]
pub fn recording(session: &Session) -> PathBuf {
    session.path.with_extension("wire")
}

/// The recording that is kept of a session.
///
/// # Errors
///
/// There is none.
pub fn recorded(session: &Session) -> Result<String> {
    read(&recording(session))
}

fn read(file: &Path) -> Result<String> {
    let read = || format!("failed to read {}, which cargo lab wire writes", file.display());
    fs::read_to_string(file).with_context(read)
}

/// Where its picture is: `stage6-q.svg` in the book; that of somebody's own session beside it.
#[must_use]
pub fn picture(session: &Session) -> PathBuf {
    let crates = session.path.parent().and_then(Path::parent).and_then(Path::file_name);
    let folder = crates.unwrap_or_default().to_string_lossy();
    match (stages::of(session), &*folder) {
        (Some(stage), _) => in_book(&format!("stage{stage}"), session),
        (None, "exercises") => in_book("after", session),
        _ => session.path.with_extension("svg"),
    }
}

fn in_book(stage: &str, session: &Session) -> PathBuf {
    stages::root().join(PICTURES).join(format!("{stage}-{}.svg", session.name()))
}

/// The picture of a recording, and what a reader steps through, each with where it is kept.
#[must_use]
pub fn drawn(session: &Session, recording: &str) -> [(PathBuf, String); 2] {
    let file = picture(session);
    let story = Story::read(recording);
    let drawn = picture::draw(&story, &session.title);
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    let steps = stepper::data(&name, &story, &drawn);
    [(file.clone(), drawn.svg), (file.with_extension("js"), steps)]
}

/// Where a text first differs from the one in the file, and both lines.
///
/// # Errors
///
/// There is no such file.
pub fn compare(file: &Path, text: &str) -> Result<Option<String>> {
    let committed = read(file)?;
    let difference = difference(&committed, text);
    Ok(difference.map(|difference| format!("{}, {difference}", file.display())))
}

pub(crate) fn difference(committed: &str, recorded: &str) -> Option<String> {
    let lines = committed.lines().count().max(recorded.lines().count());
    let line = |text: &str, n| text.lines().nth(n).unwrap_or("(nothing more)").to_owned();
    let n = (0..lines).find(|&n| line(committed, n) != line(recorded, n))?;
    let (was, is) = (line(committed, n), line(recorded, n));
    Some(format!("line {}:\n  it was: {was}\n  it is:  {is}", n + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::story::tests::RECORDINGS;

    #[test]
    fn every_picture_is_that_of_its_recording() {
        for (session, recording) in RECORDINGS.iter() {
            for (file, text) in drawn(session, recording) {
                let difference = compare(&file, &text).unwrap();
                assert_eq!(difference, None, "{}: cargo lab wire draws it anew", session.name());
            }
        }
    }

    #[test]
    fn a_difference_is_the_first_two_lines_that_differ() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        for (was, is, shown) in [
            ("a\nb\nc\n", "a\nx\ny\n", "line 2:\n  it was: b\n  it is:  x"),
            ("a\nb\n", "a\n", "line 2:\n  it was: b\n  it is:  (nothing more)"),
            ("", "a\n", "line 1:\n  it was: (nothing more)\n  it is:  a"),
        ] {
            assert_eq!(difference(was, is).as_deref(), Some(shown));
        }
    }
}
