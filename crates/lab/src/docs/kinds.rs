//! The kinds of parts. A new one is an arm in [`part`], and a row in the table of [`super`].

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use super::lesson::lesson;
use super::sessions::{captioned, find, folded, others, predict, show, transcript};
use super::sources::{fenced, file, hunks, run, snippet};
use crate::check;
use crate::course::exercises::{self, Exercise};
use crate::course::schedule;
use crate::course::stages::{self, STAGES};

const KINDS: &str = "file, diff, snippet, run, session, picture, predict, terminal, sessions, exercises, tasks, behaviours, lesson, plans and matrix";

pub(super) struct Part {
    pub text: String,
    /// The two programs of a difference of which this is one hunk, and which one it is.
    pub hunk: Option<((String, String), usize)>,
}

/// What belongs on this page between `<!-- from: ORIGIN -->` and its end.
pub(super) fn part(page: &Path, text: &str, origin: &str) -> Result<Part> {
    let words: Vec<&str> = origin.split_whitespace().collect();
    let text = match words[..] {
        ["file", path] => file(path)?,
        ["diff", old, new] => {
            hunks(old, new)?.iter().map(|hunk| fenced("diff", hunk) + "\n").collect()
        }
        ["diff", old, new, number] => {
            let hunks = hunks(old, new)?;
            let hunk: usize = number
                .parse()
                .ok()
                .filter(|hunk| (1..=hunks.len()).contains(hunk))
                .with_context(|| {
                format!("there is no hunk {number}: from {old} to {new} there are {}", hunks.len())
            })?;
            let text = fenced("diff", &hunks[hunk - 1]);
            return Ok(Part { text, hunk: Some(((old.to_owned(), new.to_owned()), hunk)) });
        }
        ["snippet", path, function] => snippet(path, function)?,
        ["run", ..] => run(origin.trim_start_matches("run").trim())?,
        ["session", name] => show(page, &find(name)?)?,
        ["picture", name] => captioned(page, &find(name)?)?,
        ["predict", name] => predict(page, text, &find(name)?, 1)?,
        ["predict", name, number] => {
            predict(page, text, &find(name)?, number.parse().unwrap_or_default())?
        }
        ["terminal", name, terminal] => transcript(&find(name)?, terminal)?,
        ["sessions", stage] => others(text, stage)?,
        ["exercises", stage] => exercises(stage)?,
        ["tasks", stage] => tasks(stage)?,
        ["behaviours", stage] => behaviours(stage)?,
        ["lesson", name] => lesson(name, &find(name)?)?,
        ["plans"] => schedule::plans()?,
        ["matrix"] => matrix()?,
        [kind, ..] if KINDS.split([',', ' ']).any(|known| known == kind) => {
            bail!("{kind} takes other words: crates/lab/src/docs.rs has them")
        }
        _ => bail!("there is no part {origin:?}: the kinds are {KINDS}"),
    };
    Ok(Part { text, hunk: None })
}

fn first_paragraph(text: &str) -> String {
    text.split("\n\n").next().unwrap_or_default().replace('\n', " ")
}

/// The programs of a stage to write, and its exercises.
fn exercises(stage: &str) -> Result<String> {
    let mut list = String::new();
    let all = exercises::all()?;
    for number in STAGES.filter(|number| number.to_string() == stage) {
        for Exercise { name, title, task, .. } in exercises::programs(number)? {
            writeln!(list, "- {title}: `cargo lab learn {name}`\\\n  {}", first_paragraph(&task))?;
        }
        for Exercise { name, title, task, .. } in all.iter().filter(|one| one.stage == number) {
            let title = format!("[{title}](exercises.md#{name})");
            writeln!(list, "- {title}: `cargo lab learn {name}`\\\n  {}", first_paragraph(task))?;
        }
    }
    ensure!(!list.is_empty(), "there is no exercise of stage {stage}");
    Ok(list)
}

/// The whole tasks of a stage's exercises, with what is demanded, and folded the hint.
fn tasks(stage: &str) -> Result<String> {
    let mut tasks = String::new();
    for exercise in exercises::all()?.iter().filter(|task| task.stage.to_string() == stage) {
        let Exercise { number, name, title, task, hint, behaviours, .. } = exercise;
        writeln!(
            tasks,
            "<a id=\"{name}\"></a>\n\n### {number}. {title}\n\n`cargo lab learn {name}`\n\n{task}\n"
        )?;
        writeln!(tasks, "What is demanded:\n")?;
        for behaviour in behaviours {
            writeln!(tasks, "- {}", behaviour.title)?;
        }
        writeln!(tasks, "\n{}", folded("A hint", hint))?;
    }
    ensure!(!tasks.is_empty(), "there is no exercise of stage {stage}");
    Ok(tasks.trim_end().to_owned() + "\n")
}

fn behaviours(stage: &str) -> Result<String> {
    let mut table = "| behaviour | what must hold |\n|---|---|\n".to_owned();
    if stage.parse::<u8>().is_err() {
        for behaviour in stages::demanded(stage)? {
            writeln!(table, "| `{}` | {} |", behaviour.name(), behaviour.title)?;
        }
        return Ok(table);
    }
    for behaviour in
        check::behaviours()?.iter().filter(|behaviour| behaviour.stage.to_string() == stage)
    {
        let session = &behaviour.session;
        let only = if session.note.is_some() { " *Only a note.*" } else { "" };
        writeln!(table, "| `{}` | {}{only} |", session.name(), session.title)?;
    }
    Ok(table)
}

fn matrix() -> Result<String> {
    let heads: String = STAGES.map(|stage| format!(" {stage} |")).collect();
    let rules: String = STAGES.map(|_| "---|").collect();
    let mut table = format!("| behaviour |{heads}\n|---|{rules}\n");
    for row in check::MATRIX.lines().skip(1) {
        let mut cells = row.split_whitespace();
        let name = cells.next().unwrap_or_default();
        let cells: String = cells.map(|cell| format!(" {cell} |")).collect();
        writeln!(table, "| {name} |{cells}")?;
    }
    Ok(table)
}
