//! The exercises: what each asks for, its hints, its files, and what is demanded of a program.
//!
//! A task is a file `crates/exercises/tasks/NN-NAME.md`, in the order of its numbers:
//!
//! ```text
//! # Title
//!
//! stage: 2
//! program: server
//!
//! The text of the task, as Markdown.
//!
//! ## Hint
//!
//! One paragraph: the second hint.
//! ```
//!
//! The first hint is the `# hint:` of the behaviour that fails, and the third is the difference
//! between the starter and the solution.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::cast::Cast;
use super::session::Session;
use super::stages;
use crate::contract::STAGES;

/// One exercise, with its text and its files.
#[derive(Clone, Debug)]
pub struct Exercise {
    /// Its place among the exercises, from 1.
    pub number: usize,
    /// A short word, such as `lines`: it names the files.
    pub name: String,
    /// A few words, without Markdown.
    pub title: String,
    /// The stage after whose chapter it comes, 1 to 6.
    pub stage: u8,
    pub part: Part,
    /// What is asked for, as Markdown.
    pub task: String,
    /// The second hint, a paragraph of Markdown.
    pub hint: String,
    /// The Rust source that the learner begins with, an absolute path.
    pub starter: PathBuf,
    /// The Rust source that holds, an absolute path.
    pub solution: PathBuf,
    /// What is demanded, the simplest first: sessions that start `{server}` or `{client}`.
    pub behaviours: Vec<Session>,
}

/// What an exercise is about: the program that plays `{server}` or the one that plays `{client}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Server,
    Client,
}

impl Part {
    /// `server` or `client`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Part::Server => "server",
            Part::Client => "client",
        }
    }
}

impl Exercise {
    /// The cast in which this command plays the exercise's part.
    ///
    /// # Errors
    ///
    /// The system does not say where this program is.
    pub fn cast(&self, command: Vec<String>) -> Result<Cast> {
        let cast = stages::troupe()?;
        Ok(match self.part {
            Part::Server => Cast { server: Some(command), ..cast },
            Part::Client => Cast { client: Some(command), ..cast },
        })
    }
}

/// All exercises, in their order.
///
/// # Errors
///
/// A task or a behaviour cannot be read, or a task lacks a part; the message names the file.
pub fn all() -> Result<Vec<Exercise>> {
    let tasks = folder().join("tasks");
    let mut paths = Vec::new();
    for entry in tasks.read_dir().with_context(|| format!("failed to read {}", tasks.display()))? {
        paths.push(entry?.path());
    }
    paths.sort();
    let exercises = paths.iter().zip(1..).map(|(path, number)| {
        read(path, number).with_context(|| format!("failed to read the task {}", path.display()))
    });
    exercises.collect()
}

/// The programs of a stage, for a learner who writes them: those that differ from the stage before.
///
/// Their tasks are the files `tasks/server.md` and `tasks/client.md` of the stage. What is demanded
/// of them is all that holds at the stage, so no behaviours are listed here.
///
/// # Errors
///
/// A task cannot be read.
pub(crate) fn programs(stage: u8) -> Result<Vec<Exercise>> {
    let folder = stages::folder(stage)?;
    let before = stage.checked_sub(1).filter(|before| STAGES.contains(before));
    let before = before.map(stages::folder).transpose()?.map(|folder| folder.join("src"));
    let mut programs = Vec::new();
    for part in [Part::Server, Part::Client] {
        let path = folder.join("tasks").join(part.name()).with_extension("md");
        if !path.is_file() {
            continue;
        }
        let source = PathBuf::from(part.name()).with_extension("rs");
        let text = fs::read_to_string(&path)?;
        let failed = || format!("failed to read the task {}", path.display());
        let task = Task::parse(&text).with_context(failed)?;
        programs.push(Exercise {
            number: 0,
            name: format!("stage{stage}-{}", part.name()),
            starter: before.clone().unwrap_or(folder.join("tasks")).join(&source),
            solution: folder.join("src").join(source),
            behaviours: Vec::new(),
            title: task.title,
            stage,
            part,
            task: task.text,
            hint: task.hint,
        });
    }
    Ok(programs)
}

/// The exercise with this name or number.
///
/// # Errors
///
/// There is none, or as [`all`].
pub fn find(what: &str) -> Result<Exercise> {
    let mut all = all()?.into_iter();
    let found = all.find(|exercise| exercise.name == what || exercise.number.to_string() == what);
    found.with_context(|| format!("there is no exercise {what:?}"))
}

/// The folder of the exercises' crate.
#[must_use]
pub fn folder() -> PathBuf {
    stages::root().join("crates/exercises")
}

/// The source of an example of the exercises' crate.
#[must_use]
pub fn source(name: &str) -> PathBuf {
    folder().join("examples").join(name).with_extension("rs")
}

fn read(path: &Path, number: usize) -> Result<Exercise> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = match stem.split_once('-') {
        Some((digits, name)) if digits.parse() == Ok(number) => name.to_owned(),
        _ => bail!("expected a name such as {number:02}-NAME.md"),
    };
    let task = Task::parse(&fs::read_to_string(path)?)?;
    Ok(Exercise {
        number,
        title: task.title,
        stage: task.stage,
        part: task.part,
        task: task.text,
        hint: task.hint,
        starter: source(&name),
        solution: source(&format!("{name}-solution")),
        behaviours: stages::behaviours_in(&folder().join("behaviours").join(&name))?,
        name,
    })
}

#[derive(Debug)]
struct Task {
    title: String,
    stage: u8,
    part: Part,
    text: String,
    hint: String,
}

impl Task {
    fn parse(file: &str) -> Result<Task> {
        let (head, body) = file.split_once("\n\n").context("expected a blank line")?;
        let title = head.strip_prefix("# ").context("expected \"# \" and the title")?;
        // A blank line after the title is Markdown's custom, and may be there or not.
        let (title, head, body) = match title.split_once('\n') {
            Some((title, head)) => (title, head, body),
            None => {
                let (head, body) = body.split_once("\n\n").context("expected a blank line")?;
                (title, head, body)
            }
        };
        let field = |name: &str| {
            let value = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            value.with_context(|| format!("expected a line \"{name}: ...\" under the title"))
        };
        let stage = field("stage")?.parse().context("expected the number of a stage")?;
        ensure!(STAGES.contains(&stage), "there is no stage {stage}");
        let part = match field("program")? {
            "server" => Part::Server,
            "client" => Part::Client,
            other => bail!("expected program: server or client, not {other:?}"),
        };
        let (text, hint) = body.split_once("\n## Hint\n").context("expected \"## Hint\"")?;
        Ok(Task {
            title: title.trim().to_owned(),
            stage,
            part,
            text: text.trim().to_owned(),
            hint: hint.trim().to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_has_a_title_two_fields_a_text_and_a_hint() {
        for gap in ["", "\n"] {
            let file = format!(
                "# Lines\n{gap}stage: 2\nprogram: server\n\nA\n\nB `c`.\n\n## Hint\n\nKeep it.\n"
            );
            let task = Task::parse(&file).unwrap();
            assert_eq!((task.title.as_str(), task.stage, task.part), ("Lines", 2, Part::Server));
            assert_eq!((task.text.as_str(), task.hint.as_str()), ("A\n\nB `c`.", "Keep it."));
        }
    }

    #[test]
    fn a_task_that_lacks_a_part_says_which() {
        let cases = [
            ("Lines", "expected a blank line"),
            ("# T\nprogram: server\n\nA\n\n## Hint\nB", "expected a line \"stage: ...\""),
            ("# T\nstage: 7\nprogram: server\n\nA\n\n## Hint\nB", "there is no stage 7"),
            ("# T\nstage: 1\nprogram: both\n\nA\n\n## Hint\nB", "not \"both\""),
            ("# T\nstage: 1\nprogram: client\n\nA\n", "expected \"## Hint\""),
        ];
        for (file, expected) in cases {
            let message = Task::parse(file).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
