//! What programs are examined for: a stage of the course, or one exercise.

use anyhow::{Context, Result, bail};

use super::{Behaviour, demanded};
use crate::course::cast::Cast;
use crate::course::exercises::{self, Exercise, Part};
use crate::course::stages::{self, STAGES};

#[derive(Clone)]
pub enum What {
    Stage(u8),
    Exercise(Box<Exercise>),
}

impl What {
    /// The number of a stage, or the name of an exercise.
    ///
    /// # Errors
    ///
    /// There is neither.
    pub fn find(text: &str) -> Result<What> {
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            let stage = text.parse().ok().filter(|stage| STAGES.contains(stage));
            let (first, last) = (STAGES.start(), STAGES.end());
            return stage
                .map(What::Stage)
                .with_context(|| format!("the stages are {first} to {last}"));
        }
        Ok(What::Exercise(Box::new(exercises::find(text)?)))
    }

    /// Such as `stage3`, or `lines`.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            What::Stage(stage) => format!("stage{stage}"),
            What::Exercise(exercise) => exercise.name.clone(),
        }
    }

    /// What is demanded, in the order in which it is examined.
    ///
    /// # Errors
    ///
    /// A file is not a session, or the committed table lacks a behaviour.
    pub fn demanded(&self) -> Result<Vec<Behaviour>> {
        match self {
            What::Stage(stage) => demanded(*stage),
            What::Exercise(exercise) => {
                let sessions = exercise.behaviours.iter().cloned();
                let stage = exercise.stage;
                Ok(sessions.map(|session| Behaviour { stage, session }).collect())
            }
        }
    }

    /// Can these programs be examined for it?
    ///
    /// # Errors
    ///
    /// The exercise is about a program that is not there.
    pub fn suits(&self, cast: &Cast) -> Result<()> {
        let What::Exercise(exercise) = self else { return Ok(()) };
        let (there, option) = match exercise.part {
            Part::Server => (cast.server.is_some(), "--server"),
            Part::Client => (cast.client.is_some(), "--client"),
        };
        if !there {
            bail!("{} is about a {}: {option} CMD", exercise.name, exercise.part.name());
        }
        Ok(())
    }

    /// The course's own programs, built: those of the stage, or the solution of the exercise.
    ///
    /// # Errors
    ///
    /// They do not compile.
    pub fn own(&self) -> Result<Cast> {
        match self {
            What::Stage(stage) => {
                stages::build()?;
                stages::cast(*stage)
            }
            What::Exercise(exercise) => {
                let solution = format!("{}-solution", exercise.name);
                let binary = stages::build_example(&solution)?;
                exercise.cast(vec![binary.to_string_lossy().into_owned()])
            }
        }
    }
}
