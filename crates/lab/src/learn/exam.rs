//! An examination: the program is built, and what is demanded is played, several plays at a time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use super::lesson::Kind;
use super::workshop::{Program, Workshop};
use crate::check::{self, Behaviour, Options, Outcome};
use crate::course::cast::Cast;

/// Plays wait more than they compute, and somebody waits for all of them.
const AT_A_TIME: usize = 6;
/// How long a step may take: somebody waits for the verdict, and what must happen happens at once.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) enum Verdict {
    /// All that is demanded holds; what is unwise, a line each.
    Holds(Vec<String>),
    /// The compiler does not take it, and says this.
    Broken(String),
    Short {
        report: String,
        /// The hint of the behaviour that does not hold.
        hint: Option<String>,
    },
}

/// Examines in threads of its own: keys go on to be heard. When nobody receives the verdict any more, it is lost.
///
/// # Errors
///
/// What is demanded cannot be read.
pub(super) fn begin(
    kind: &Kind,
    program: Program,
    workshop: Workshop,
    colour: bool,
) -> Result<Receiver<Result<Verdict>>> {
    let exercise = kind.exercise().context("there is nothing to examine")?.clone();
    let stage = matches!(kind, Kind::Stage(_)).then_some(exercise.stage);
    let demanded = kind.demanded()?;
    let examine = move || {
        let words = match program.is_rust() {
            false => program.words,
            true => match workshop.build(&exercise.name, colour)? {
                Ok(binary) => vec![binary.to_string_lossy().into_owned()],
                Err(words) => return Ok(Verdict::Broken(words)),
            },
        };
        let cast = Cast { patience: Some(PATIENCE), ..exercise.cast(words)? };
        verdict(demanded, cast, Options { stage, ..Options::default() })
    };
    let (tell, exam) = mpsc::channel();
    thread::spawn(move || tell.send(examine()));
    Ok(exam)
}

/// Plays what is demanded. The first behaviour that does not hold counts, in their order, and not in that of time.
fn verdict(demanded: Vec<Behaviour>, cast: Cast, options: Options) -> Result<Verdict> {
    let hints: Vec<Option<String>> =
        demanded.iter().map(|behaviour| behaviour.session.hint.clone()).collect();
    let shared = Arc::new((demanded, cast, AtomicUsize::new(0)));
    let (tell, told) = mpsc::channel();
    for _ in 0..AT_A_TIME {
        let (shared, tell) = (Arc::clone(&shared), tell.clone());
        thread::spawn(move || {
            let (demanded, cast, next) = &*shared;
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                let Some(behaviour) = demanded.get(place) else { break };
                let mut outcomes = Vec::new();
                let checked =
                    check::check(std::slice::from_ref(behaviour), cast, options, &mut |outcome| {
                        outcomes.push(outcome.clone());
                        Ok(())
                    });
                // There is a verdict already, and the rest need not be played.
                if tell.send((place, checked.map(|_| outcomes))).is_err() {
                    break;
                }
            }
        });
    }
    drop(tell);
    let (mut early, mut notes): (BTreeMap<usize, Result<Vec<Outcome>>>, _) = Default::default();
    for (place, hint) in hints.into_iter().enumerate() {
        while !early.contains_key(&place) {
            let (place, checked) = told.recv().context("failed to examine the program")?;
            early.insert(place, checked);
        }
        for outcome in early.remove(&place).transpose()?.unwrap_or_default() {
            match &outcome.verdict {
                check::Verdict::Failed(report) => {
                    // The hint is for the learner to ask for.
                    let line = hint.as_ref().map(|hint| format!("Hint: {hint}\n"));
                    let report = report.to_string().replace(&line.unwrap_or_default(), "");
                    return Ok(Verdict::Short { report, hint });
                }
                _ => note(&outcome, &mut notes),
            }
        }
    }
    Ok(Verdict::Holds(notes))
}

/// What is said of an outcome beside that it holds, if it was not said before.
fn note(outcome: &Outcome, notes: &mut Vec<String>) {
    let said = outcome.to_string();
    let lines = said.lines().filter(|line| !line.starts_with("ok "));
    for line in lines.map(str::to_owned) {
        if !notes.contains(&line) {
            notes.push(line);
        }
    }
}
