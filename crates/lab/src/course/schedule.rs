//! The plan of a class: which sessions, in which order, and how many minutes each.

use std::fmt::Write;
use std::time::Duration;

use anyhow::Result;

use super::notes::{Notes, minutes};
use super::session::Session;
use super::stages;

/// What a plan is made of.
enum Part {
    /// Something of so many minutes that needs no session.
    Fixed(u64, &'static str),
    /// The sessions of a stage.
    Stage(u8),
    /// What is left of so many minutes in all.
    Rest(u64, &'static str),
}

use Part::{Fixed, Rest, Stage};

const PLANS: [(&str, &[Part]); 4] = [
    (
        "The first of three lessons of 45 minutes",
        &[
            Fixed(5, "what the course is; two terminals"),
            Stage(1),
            Stage(2),
            Rest(45 - 2, "exercise"),
            Fixed(2, "exit ticket"),
        ],
    ),
    (
        "The second lesson",
        &[
            Fixed(3, "what we know"),
            Stage(3),
            Stage(4),
            Rest(45 - 2, "exercise"),
            Fixed(2, "exit ticket"),
        ],
    ),
    (
        "The third lesson",
        &[
            Fixed(3, "what we know"),
            Stage(5),
            Stage(6),
            Rest(45 - 4, "exercise"),
            Fixed(4, "outlook, exit ticket"),
        ],
    ),
    (
        "One lecture of 90 minutes",
        &[
            Fixed(2, "what the course is; two terminals"),
            Stage(1),
            Stage(2),
            Stage(3),
            Fixed(5, "break"),
            Stage(4),
            Stage(5),
            Stage(6),
            Rest(90, "outlook, questions"),
        ],
    ),
];

/// The sessions of a stage that have notes, in the order in which a class sees them.
///
/// # Errors
///
/// There is no such stage, or a file is no session or has no notes for it.
pub fn lessons(stage: u8) -> Result<Vec<(Session, Notes)>> {
    let mut lessons = Vec::new();
    for session in stages::sessions(&stages::folder(stage)?)? {
        if let Some(notes) = Notes::read(&session)? {
            lessons.push((session, notes));
        }
    }
    lessons.sort_by_key(|(_, notes)| notes.turn.unwrap_or(u32::MAX));
    Ok(lessons)
}

/// The plans for three lessons of 45 minutes and for one lecture of 90, as Markdown.
///
/// # Errors
///
/// As [`lessons`].
pub fn plans() -> Result<String> {
    let mut text = String::new();
    for (title, parts) in PLANS {
        let _ = write!(text, "### {title}\n\n| at | minutes | what |\n|---|---|---|\n");
        let mut at = Duration::ZERO;
        for part in parts {
            for (time, what) in rows(part, at)? {
                let seconds = at.as_secs();
                let clock = format!("{}:{:02}", seconds / 60, seconds % 60);
                let _ = writeln!(text, "| {clock} | {} | {what} |", minutes(time));
                at += time;
            }
        }
        text.push('\n');
    }
    Ok(text)
}

/// The rows of a part that begins at this time.
fn rows(part: &Part, at: Duration) -> Result<Vec<(Duration, String)>> {
    let time = |minutes: u64| Duration::from_secs(minutes * 60);
    Ok(match part {
        Fixed(minutes, what) => vec![(time(*minutes), (*what).to_owned())],
        Rest(minutes, what) => match time(*minutes).checked_sub(at) {
            Some(rest) if !rest.is_zero() => vec![(rest, (*what).to_owned())],
            _ => Vec::new(),
        },
        Stage(stage) => {
            let command = |session: &Session| format!("`cargo show {stage}/{}`", session.name());
            let lessons = lessons(*stage)?;
            let row = |(session, notes): &(Session, Notes)| {
                (notes.time.unwrap_or_default(), command(session))
            };
            lessons.iter().map(row).collect()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::stages::STAGES;

    #[test]
    fn every_plan_has_time_for_all_of_it() {
        for (title, parts) in PLANS {
            let mut at = Duration::ZERO;
            for part in parts {
                let rows = rows(part, at).unwrap();
                assert!(!rows.is_empty(), "{title}: no time is left");
                at += rows.iter().map(|(time, _)| *time).sum::<Duration>();
            }
            let whole = if title.contains("90") { 90 } else { 45 };
            assert_eq!(at.as_secs(), whole * 60, "{title}");
        }
    }

    #[test]
    fn every_session_of_a_class_has_its_minutes_and_its_turn() {
        for stage in STAGES {
            let lessons = lessons(stage).unwrap();
            assert!(lessons.len() >= 3, "stage {stage}");
            for (turn, (session, notes)) in (1..).zip(&lessons) {
                assert_eq!(notes.turn, Some(turn), "{stage}/{}", session.name());
                assert!(notes.time.is_some(), "{stage}/{}", session.name());
            }
        }
    }
}
