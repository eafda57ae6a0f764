//! The lab of the course: plays sessions, checks programs, and is itself checked. Unix only.

pub mod check;
mod contract;
pub mod course;
pub mod docs;
pub mod learn;
pub mod mutants;
pub mod play;
pub mod rig;
pub mod stand;
pub mod view;
pub mod wire;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use libtest_mimic::{Arguments, Failed, Trial};

use course::session::Session;
use course::stages;

/// The test harness of a stage: every file in its `sessions` folder is a test of that name, and so is
/// every session of an earlier stage that this one keeps.
#[must_use]
pub fn test_sessions(folder: &str) -> ExitCode {
    match session_trials(Path::new(folder)) {
        Ok(trials) => run_tests(trials),
        Err(err) => {
            eprintln!("Error: {err:#}");
            ExitCode::FAILURE
        }
    }
}

/// The tests of [`test_sessions`], for who has more of them.
///
/// # Errors
///
/// A session cannot be read; the message names the file.
pub fn session_trials(folder: &Path) -> Result<Vec<Trial>> {
    let troupe = stages::troupe()?;
    let trial = |(name, session): (String, Session)| {
        let cast = troupe.clone();
        Trial::test(name.replace(['-', ' '], "_"), move || {
            play::play(&session, &cast, &mut |_| {})
                .map_err(|report| Failed::from(report.to_string()))
        })
    };
    let own = stages::sessions(folder)?.into_iter().map(|session| (session.name(), session));
    let inherited = stages::of_folder(folder).map_or(Ok(Vec::new()), stages::inherited)?;
    Ok(own.chain(inherited).map(trial).collect())
}

/// Runs tests that wait more than they compute, so more at a time than there are cores.
#[must_use]
pub fn run_tests(trials: Vec<Trial>) -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(64));
    libtest_mimic::run(&arguments, trials).exit_code()
}
