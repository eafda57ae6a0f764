//! The way through the course: of each stage what to predict, its programs to write, and its exercises.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::check::{Behaviour, What};
use crate::course::exercises::{self, Exercise};
use crate::course::notes::Notes;
use crate::course::session::Session;
use crate::course::stages::{self, STAGES};

pub(super) struct Lesson {
    pub(super) name: String,
    pub(super) stage: u8,
    pub(super) title: String,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    /// Sessions to be played, with questions before what they show.
    Predict(Vec<(Session, Notes)>),
    /// A program of a stage, to be written from what the learner wrote for the stage before.
    Stage(Exercise),
    /// A program to be mended.
    Exercise(Exercise),
}

/// All of it, in order.
///
/// # Errors
///
/// A task, a behaviour or a note cannot be read.
pub(super) fn course() -> Result<Vec<Lesson>> {
    let exercises = exercises::all()?;
    let mut course = Vec::new();
    for stage in STAGES {
        let mut asked = Vec::new();
        for session in stages::find(Some(&stage.to_string()))? {
            if let Some(notes) = Notes::read(&session)?
                && notes.at.iter().any(|note| note.predict.is_some())
            {
                asked.push((session, notes));
            }
        }
        if !asked.is_empty() {
            let (name, title) = (format!("stage{stage}-predict"), "What will be seen?".to_owned());
            course.push(Lesson { name, stage, title, kind: Kind::Predict(asked) });
        }
        let programs = exercises::programs(stage)?.into_iter().map(Kind::Stage);
        let mend = exercises.iter().filter(|exercise| exercise.stage == stage);
        let mend = mend.cloned().map(Kind::Exercise);
        course.extend(programs.chain(mend).filter_map(|kind| {
            let Exercise { name, title, .. } = kind.exercise()?;
            Some(Lesson { name: name.clone(), stage, title: title.clone(), kind })
        }));
    }
    Ok(course)
}

impl Kind {
    pub(super) fn exercise(&self) -> Option<&Exercise> {
        match self {
            Kind::Predict(_) => None,
            Kind::Stage(exercise) | Kind::Exercise(exercise) => Some(exercise),
        }
    }

    /// What is demanded, in the order in which it is examined.
    ///
    /// # Errors
    ///
    /// The table of the behaviours lacks one.
    pub(super) fn demanded(&self) -> Result<Vec<Behaviour>> {
        match self {
            Kind::Predict(_) => Ok(Vec::new()),
            Kind::Stage(Exercise { stage, part, .. }) => {
                let part = format!("{{{}}}", part.name());
                let mut demanded = What::Stage(*stage).demanded()?;
                demanded.retain(|behaviour| behaviour.session.starts(&part));
                Ok(demanded)
            }
            Kind::Exercise(exercise) => What::Exercise(Box::new(exercise.clone())).demanded(),
        }
    }
}

pub(super) fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("failed to read {}", file.display()))
}

/// The course's starter, as it is run in the learner's folder.
///
/// # Errors
///
/// It cannot be read.
pub(super) fn starter(exercise: &Exercise) -> Result<String> {
    let text = read(&exercise.starter)?;
    Ok(text.replace("cargo run -p exercises --example ", "cargo run --bin "))
}
