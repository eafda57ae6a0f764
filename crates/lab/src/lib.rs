//! The lab of the course: plays sessions, checks programs, and is itself checked. Unix only.

pub mod check;
mod contract;
pub mod course;
pub mod docs;
pub mod learn;
pub mod play;
pub mod rig;
pub mod stand;
pub mod view;
pub mod wire;

use std::path::Path;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

use course::stages;

/// The test harness of a stage: every file in its `sessions` folder is a test of that name.
#[must_use]
pub fn test_sessions(folder: &str) -> ExitCode {
    let found =
        stages::sessions(Path::new(folder)).and_then(|sessions| Ok((sessions, stages::troupe()?)));
    let (sessions, cast) = match found {
        Ok(found) => found,
        Err(err) => {
            eprintln!("Error: {err:#}");
            return ExitCode::FAILURE;
        }
    };
    let trials = sessions.into_iter().map(|session| {
        let cast = cast.clone();
        Trial::test(session.name().replace('-', "_"), move || {
            play::play(&session, &cast, &mut |_| {})
                .map_err(|report| Failed::from(report.to_string()))
        })
    });
    run_tests(trials.collect())
}

/// Runs tests that wait more than they compute, so more at a time than there are cores.
#[must_use]
pub fn run_tests(trials: Vec<Trial>) -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(32));
    libtest_mimic::run(&arguments, trials).exit_code()
}
