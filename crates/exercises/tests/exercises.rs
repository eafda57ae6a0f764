//! Every starter stops at its step, every solution holds, and every wrong program is caught.

use std::collections::BTreeSet;
use std::fs;
use std::process::ExitCode;

use lab::check::{self, Behaviour};
use lab::course::exercises::{self, Exercise, Part};
use lab::course::session::Session;
use lab::course::stages;
use lab::play::Report;
use libtest_mimic::{Failed, Trial};

/// The exercise, the behaviour and the step at which its starter stops, and whether its solution
/// still has what its stage demands: it has not if its messages are others.
const STOPS: &[(&str, &str, &str, bool)] = &[
    ("zeros", "1-the-message-comes-back", "peer = end", true),
    ("lines", "2-lines-and-reads", r#"peer | "server send :one\nserver send :two\n""#, false),
];

/// The longest solution; a stage's server has no more than 41 lines.
const LINES: usize = 60;
const LINES_OF_CHAT: usize = 90;

fn main() -> ExitCode {
    let exercises = match exercises::all() {
        Ok(exercises) => exercises,
        Err(err) => {
            eprintln!("Error: {err:#}");
            return ExitCode::FAILURE;
        }
    };
    let mut trials: Vec<Trial> = exercises.iter().flat_map(of_one).collect();
    trials.push(Trial::test("every_file_belongs_to_an_exercise", move || belongs(&exercises)));
    lab::run_tests(trials)
}

/// The tests of one exercise.
fn of_one(exercise: &Exercise) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |what: &str, test: fn(&Exercise, &str) -> Result<(), Failed>, program: String| {
        let exercise = exercise.clone();
        let name = format!("{}/{what}", exercise.name);
        trials.push(Trial::test(name, move || test(&exercise, &program)));
    };
    let name = &exercise.name;
    let solution = format!("{name}-solution");
    add("the_starter_stops_at_its_step", stops, name.clone());
    add("the_solution_holds", holds, solution.clone());
    if STOPS.iter().any(|row| row.0 == name && row.3) {
        add("the_solution_keeps_what_the_stage_has", keeps, solution);
    }
    add("it_is_short_and_has_hints", rules, name.clone());
    let wrong: Vec<&str> = wrong().filter(|wrong| is_of(wrong, name)).collect();
    for program in &wrong {
        let what = program[name.len() + 1..].replace('-', "_");
        add(&format!("caught_{what}"), caught, (*program).to_owned());
    }
    trials
}

/// The names of all wrong programs, such as `lines-keeps-the-line`.
fn wrong() -> impl Iterator<Item = &'static str> {
    env!("WRONG").split_whitespace()
}

fn is_of(wrong: &str, exercise: &str) -> bool {
    wrong.strip_prefix(exercise).is_some_and(|rest| rest.starts_with('-'))
}

/// Examines an example, or a wrong program, and says which behaviours fall short.
fn examine(exercise: &Exercise, program: &str, what: &[Session]) -> Result<Vec<Fault>, Failed> {
    let binary = |name| stages::programs().map(|folder| folder.join("examples").join(name));
    let path = |name| binary(name).map(|path| path.to_string_lossy().into_owned());
    let command = match wrong().any(|wrong| wrong == program) {
        true => vec![path("wrong")?, "{addr}".to_owned(), program.to_owned()],
        false => vec![path(program)?],
    };
    let cast = exercise.cast(command)?;
    let mut faults = Vec::new();
    for session in what {
        let behaviour = Behaviour { stage: exercise.stage, session: session.clone() };
        if let Err(report) = check::examine(&behaviour, &cast) {
            faults.push((session.name(), report));
        }
    }
    Ok(faults)
}

type Fault = (String, Box<Report>);

fn stops(exercise: &Exercise, program: &str) -> Result<(), Failed> {
    let row = STOPS.iter().find(|row| row.0 == exercise.name);
    let (_, behaviour, step, _) = row.ok_or("expected a row in STOPS")?;
    let faults = examine(exercise, program, &exercise.behaviours)?;
    let (first, report) = faults.first().ok_or("the starter holds already")?;
    match first == behaviour && report.step() == *step {
        true => Ok(()),
        false => Err(format!("expected {behaviour} to stop at {step}, got\n{report}").into()),
    }
}

fn holds(exercise: &Exercise, program: &str) -> Result<(), Failed> {
    all_right(&examine(exercise, program, &exercise.behaviours)?)
}

fn keeps(exercise: &Exercise, program: &str) -> Result<(), Failed> {
    let placeholder = match exercise.part {
        Part::Server => "{server}",
        Part::Client => "{client}",
    };
    let demanded = check::demanded(exercise.stage)?.into_iter().map(|behaviour| behaviour.session);
    let own: Vec<Session> = demanded.filter(|session| session.starts(placeholder)).collect();
    all_right(&examine(exercise, program, &own)?)
}

fn all_right(faults: &[Fault]) -> Result<(), Failed> {
    match faults.first() {
        None => Ok(()),
        Some((_, report)) => Err(report.to_string().into()),
    }
}

fn caught(exercise: &Exercise, program: &str) -> Result<(), Failed> {
    let faults = examine(exercise, program, &exercise.behaviours)?;
    match faults.is_empty() {
        true => Err("every behaviour holds".into()),
        false => Ok(()),
    }
}

fn rules(exercise: &Exercise, name: &str) -> Result<(), Failed> {
    let lines = fs::read_to_string(&exercise.solution)?.lines().count();
    let most = if name == "chat" { LINES_OF_CHAT } else { LINES };
    let no_hint = exercise.behaviours.iter().find(|session| session.hint.is_none());
    if let Some(session) = no_hint {
        return Err(format!("{} has no hint", session.path.display()).into());
    }
    let ways = wrong().filter(|wrong| is_of(wrong, name)).count();
    match () {
        () if lines > most => Err(format!("the solution has {lines} lines").into()),
        () if ways < 2 => Err("expected two ways at least of doing it wrong".into()),
        () => Ok(()),
    }
}

fn belongs(exercises: &[Exercise]) -> Result<(), Failed> {
    let mut known: BTreeSet<String> = ["wrong".to_owned()].into();
    for Exercise { name, .. } in exercises {
        known.extend([name.clone(), format!("{name}-solution")]);
    }
    for folder in ["examples", "behaviours", "tests/wrong"] {
        for entry in exercises::folder().join(folder).read_dir()? {
            let path = entry?.path();
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            // What comes after stage 6 has no task, but sessions.
            if !known.contains(&name) && !name.starts_with("after-") {
                return Err(format!("no task names {}", path.display()).into());
            }
        }
    }
    Ok(())
}
