//! A session for whoever shows it to a class: from its notes.

use std::fmt::Write;

use anyhow::{Context, Result};

use crate::course::notes::{self, Note, Notes, Predict};
use crate::course::session::{Session, Step};

/// The command, the minutes, and what to do at each step that has a question or a hint.
pub(super) fn lesson(name: &str, session: &Session) -> Result<String> {
    let notes = Notes::read(session)?.with_context(|| format!("{name} has no notes"))?;
    let time = notes.time.with_context(|| format!("the notes of {name} have no minutes"))?;
    let minutes = notes::minutes(time);
    let unit = if minutes == "1" { "minute" } else { "minutes" };
    let mut text = format!("`cargo show {name}`, {minutes} {unit}. {}\n\n", session.title);
    for note in &notes.at {
        let points = points(note);
        if points.is_empty() {
            continue;
        }
        let before = session.steps[..note.step].iter().filter(|step| step.acts()).count();
        let _ = writeln!(text, "- {}, `{}`:", presses(before), session.steps[note.step]);
        for point in points {
            let _ = writeln!(text, "  - {point}");
        }
    }
    if notes.at.iter().all(|note| points(note).is_empty()) {
        let steps = session.steps.iter().filter(|step| Step::acts(step)).count();
        let _ = writeln!(text, "- No question: {} to its end.", presses(steps));
    }
    Ok(text)
}

/// Each press of Enter is one step that acts.
fn presses(before: usize) -> String {
    match before {
        0 => "At the first step".to_owned(),
        1 => "After one Enter".to_owned(),
        _ => format!("After {before} times Enter"),
    }
}

fn points(note: &Note) -> Vec<String> {
    let mut points = Vec::new();
    if let Some(predict) = &note.predict {
        points.extend(question(predict));
    }
    points.extend(note.ask.iter().map(|ask| format!("Then ask: {ask}")));
    points.extend(note.teacher.iter().map(|teacher| format!("For you: {teacher}")));
    points
}

fn question(predict: &Predict) -> Vec<String> {
    let (right, wrong): (Vec<_>, Vec<_>) =
        predict.answers.iter().partition(|answer| answer.letter == predict.letter());
    let say = |answers: Vec<&notes::Answer>| {
        let said = answers
            .iter()
            .map(|answer| format!("{} \u{201c}{}\u{201d}", answer.letter, answer.text));
        said.collect::<Vec<String>>().join(" ")
    };
    vec![
        format!("Ask before you press: *{}*", predict.question),
        format!("Right is {} {}", say(right), predict.why),
        format!("Expect {}", say(wrong)),
    ]
}
