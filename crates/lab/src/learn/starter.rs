//! The learner's program: how it is started, and what it begins with.

use std::fs;
use std::thread;

use anyhow::{Context, Result};

use super::lesson::{self, Kind};
use super::workshop::{self, Program};
use super::{Here, Learner, say, shown};
use crate::course::exercises::Part;

impl Learner {
    /// The program of this name: the command that was given or is in the file, or one in Rust.
    pub(super) fn program(&self, part: Part, name: &str) -> Result<Program> {
        let given = match part {
            Part::Server => &self.options.server,
            Part::Client => &self.options.client,
        };
        if let Some(words) = given {
            let here = std::env::current_dir().context("failed to find the folder")?;
            return Ok(Program::of(words, name, &here));
        }
        let Some(line) = self.progress.command(part) else { return Ok(self.workshop.rust(name)) };
        let words = shell_words::split(line)
            .with_context(|| format!("failed to read the command {line:?} in progress.txt"))?;
        Ok(Program::of(&words, name, &self.workshop.folder))
    }

    /// What this program begins with: for a stage, what the learner has written for the one before.
    pub(super) fn starter(&self, program: &Program) -> Result<Option<String>> {
        let Kind::Stage(exercise) = &self.lesson().kind else {
            let text = self.lesson().kind.exercise().filter(|_| program.is_rust());
            return text.map(lesson::starter).transpose();
        };
        let mut earlier = self.course.iter().filter_map(|lesson| match &lesson.kind {
            Kind::Stage(other) if other.part == exercise.part && other.stage < exercise.stage => {
                Some(&other.name).filter(|name| self.progress.is_done(name))
            }
            _ => None,
        });
        let own = match earlier.next_back() {
            Some(earlier) => self.program(exercise.part, earlier)?.files.into_iter().next(),
            None => None,
        };
        let own = own.and_then(|file| fs::read_to_string(file).ok());
        if !program.is_rust() {
            return Ok(own);
        }
        let text = own.map_or_else(|| lesson::starter(exercise), Ok)?;
        let code: String =
            text.split_inclusive('\n').skip_while(|line| line.starts_with("//!")).collect();
        Ok(Some(format!("//! {}. (cargo run --bin {})\n{code}", exercise.title, exercise.name)))
    }

    /// Puts the starter where the learner writes, if nothing is there, and says where that is.
    pub(super) fn place_starter(&mut self) -> Result<()> {
        let Here { program, starter, .. } = &self.here;
        let Some(file) = program.files.first() else {
            return say("The command names no file: press Enter to have it examined.");
        };
        let Some(starter) = starter else {
            say(&format!("Write {}: each save is examined.", shown(file)))?;
            return match &self.lesson().kind {
                Kind::Exercise(exercise) => {
                    say(&format!("The starter in Rust: {}", shown(&exercise.starter)))
                }
                _ => Ok(()),
            };
        };
        if !file.exists()
            && let Err(err) = self.workshop.reset(file, starter)
        {
            return self.wrong(&err);
        }
        // Before its text is read and before anybody is told: no save after that is overlooked.
        let stamp = workshop::stamp(&program.files).ok();
        say(&format!("Edit {}: each save is examined.", shown(file)))?;
        // Nobody has to be told what a starter lacks before it could be read.
        let fresh = fs::read_to_string(file).is_ok_and(|text| text == *starter);
        if fresh && self.keys.is_terminal() {
            if program.is_rust() {
                // What it depends on is built while the task is read.
                let (workshop, name) = (self.workshop.clone(), self.lesson().name.clone());
                thread::spawn(move || workshop.build(&name, false));
            }
            self.here.examined = stamp;
        }
        Ok(())
    }

    /// Puts the starter in the place of what is there, and keeps that.
    pub(super) fn reset(&mut self) -> Result<()> {
        let Here { program, starter, .. } = &self.here;
        let (Some(file), Some(text)) = (program.files.first(), starter) else {
            return say("There is no starter here: nothing was changed.");
        };
        let kept = match self.workshop.reset(file, text) {
            Ok(kept) => kept,
            Err(err) => return self.wrong(&err),
        };
        let examined = workshop::stamp(&program.files).ok();
        match kept {
            None => say(&format!("{} is the starter.", shown(file)))?,
            Some(kept) => {
                say(&format!("{} is the starter; yours is {}.", shown(file), shown(&kept)))?;
            }
        }
        let (program, starter) = (program.clone(), starter.clone());
        self.here = Here { program, starter, examined, ..Here::default() };
        Ok(())
    }
}
