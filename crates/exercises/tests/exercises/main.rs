//! Every starter stops at its step, every solution holds, every wrong program is caught, and every session
//! of what comes after stage 6 is so.

mod after;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use lab::check::{self, Behaviour};
use lab::course::exercises::{self, Exercise};
use lab::course::session::{Act, AtTerminal};
use lab::course::stages;
use lab::play::Report;
use libtest_mimic::{Failed, Trial};

type Row = (&'static str, &'static str, &'static str, Option<u8>);

/// The exercise, the behaviour and the step at which its starter stops, and the stage whose demands
/// its solution still meets: none if its messages are others.
const STOPS: &[Row] = &[
    ("zeros", "1-the-message-comes-back", "peer = end", None),
    ("capacity", "2-the-message-is-printed", "server ~ {word}", Some(1)),
    ("all-of-it", "2-all-of-it", r#"peer | "x" * 8388608"#, None),
    ("lines", "2-lines-and-reads", r#"peer | "server send :{word}\nserver send :{word2}\n""#, None),
    ("crlf", "2-q", "peer = end", None),
    ("utf8", "3-cut-in-two", r#"peer | "4 caf\xc3\xa9\n""#, None),
    ("spin", "2-a-client-that-closes", "peer ~ end", Some(2)),
    ("reset", "2-a-reset", r#"next | "server send :{word}""#, Some(3)),
    ("silent", "2-a-silent-client", "silent ~ end", None),
    ("empty", "3-an-empty-message", r#"peer | "\0\rserver send :""#, None),
    ("bye", "2-bye", r#"peer | "bye""#, Some(4)),
    ("whole-answer", "2-a-long-answer", "client ~ {word2}", Some(4)),
    ("one-shot", "2-the-end-of-the-question", "peer = end", None),
    ("drain", "2-with-bytes-behind-it", "peer = end", None),
    ("notice", "2-the-server-hangs-up", "client = end", Some(4)),
    ("lost", "2-the-server-closes", "client ~ lost", Some(3)),
    ("quit", "2-quit-while-it-waits", "server = exit 0", Some(6)),
    ("two-clients", "2-the-second-client", r#"peer | "server send :{word}""#, Some(6)),
    ("limit", "2-the-third-one", r#"third | "busy\n""#, None),
    ("chat", "4-one-does-not-read", r#"bob | "x" * 2999999 + "\n""#, None),
    ("datagram", "3-an-empty-one", r#"peer | "server send :""#, None),
    ("resend", "2-one-is-lost", r#"peer | "{word}""#, None),
    ("path", "2-after-it-was-killed", "next $ unix five.sock", None),
    ("six", "2-ipv6", "peer $ tcp6 connect", Some(5)),
];

/// The longest solution; a stage's server has no more than 41 lines.
const LINES: usize = 60;
const LINES_OF_CHAT: usize = 90;

fn main() -> ExitCode {
    match trials() {
        Ok(trials) => lab::run_tests(trials),
        Err(err) => {
            eprintln!("Error: {err:#}");
            ExitCode::FAILURE
        }
    }
}

fn trials() -> Result<Vec<Trial>> {
    let mut exercises = exercises::all()?;
    // What waits for the clock waits while the others compute.
    let waits = |exercise: &Exercise| ["silent", "resend", "lost"].contains(&&*exercise.name);
    exercises.sort_by_key(|exercise| !waits(exercise));
    let names: BTreeSet<String> = exercises.iter().map(|exercise| exercise.name.clone()).collect();
    let mut trials = lab::session_trials(Path::new(env!("CARGO_MANIFEST_DIR")))?;
    trials.extend(after::trials()?);
    trials.extend(exercises.into_iter().flat_map(of_one));
    trials.push(Trial::test("every_file_belongs_to_an_exercise", move || belongs(&names)));
    Ok(trials)
}

struct Case {
    exercise: Exercise,
    behaviours: Vec<Behaviour>,
    /// What its solution keeps of a stage before.
    kept: Vec<Behaviour>,
}

/// The tests of one exercise.
fn of_one(mut exercise: Exercise) -> Vec<Trial> {
    let mut trials = Vec::new();
    let name = exercise.name.clone();
    let stage = exercise.stage;
    let sessions = std::mem::take(&mut exercise.behaviours);
    let behaviours = sessions.into_iter().map(|session| Behaviour { stage, session }).collect();
    // Shared, because a session can have megabytes to send.
    let kept = match kept(&exercise) {
        Ok(kept) => kept,
        Err(err) => return vec![Trial::test(name, move || Err(err))],
    };
    let names: Vec<String> = kept.iter().map(Behaviour::name).collect();
    let case = Arc::new(Case { exercise, behaviours, kept });
    let mut add = |what: &str, test: fn(&Case, &str) -> Result<(), Failed>, program: String| {
        let case = Arc::clone(&case);
        trials.push(Trial::test(format!("{name}/{what}"), move || test(&case, &program)));
    };
    let solution = format!("{name}-solution");
    add("the_starter_stops_at_its_step", stops, name.clone());
    add("the_solution_holds", holds, solution);
    for behaviour in names {
        add(&format!("the_solution_keeps_{behaviour}"), keeps, behaviour);
    }
    add("it_is_short_and_has_hints", rules, name.clone());
    for (_, program) in wrong().filter(|(_, wrong)| is_of(wrong, &name)) {
        let what = program[name.len() + 1..].replace('-', "_");
        add(&format!("caught_{what}"), caught, program.to_owned());
    }
    trials
}

/// All wrong programs: the number of the behaviour that catches it, and a name such as `lines-keeps-the-line`.
fn wrong() -> impl Iterator<Item = (&'static str, &'static str)> {
    env!("WRONG").split_whitespace().filter_map(|wrong| wrong.split_once(':'))
}

fn is_of(wrong: &str, exercise: &str) -> bool {
    wrong.strip_prefix(exercise).is_some_and(|rest| rest.starts_with('-'))
}

fn row(name: &str) -> Result<&'static Row, Failed> {
    Ok(STOPS.iter().find(|row| row.0 == name).ok_or("expected a row in STOPS")?)
}

/// Examines an example, or a wrong program: which behaviour falls short first, if one does.
fn examine(case: &Case, program: &str, what: &[Behaviour]) -> Result<Option<Fault>, Failed> {
    let binary = |name| stages::programs().map(|folder| folder.join("examples").join(name));
    let path = |name| binary(name).map(|path| path.to_string_lossy().into_owned());
    let command = match wrong().any(|(_, wrong)| wrong == program) {
        true => vec![path("wrong")?, "{addr}".to_owned(), program.to_owned()],
        false => vec![path(program)?],
    };
    let cast = case.exercise.cast(command)?;
    let fault = what.iter().find_map(|behaviour| {
        Some((behaviour.session.name(), check::examine(behaviour, &cast).err()?))
    });
    Ok(fault)
}

/// The name of a behaviour, and why it does not hold.
type Fault = (String, Box<Report>);

fn stops(case: &Case, program: &str) -> Result<(), Failed> {
    let (_, behaviour, step, _) = row(program)?;
    let fault = examine(case, program, &case.behaviours)?;
    let (first, report) = fault.ok_or("the starter holds already")?;
    match first == *behaviour && is_step(report.step(), step) {
        true => Ok(()),
        false => Err(format!("expected {behaviour} to stop at {step}, got\n{report}").into()),
    }
}

/// Is it this step of a session, with words of eight letters in their places?
fn is_step(step: &str, source: &str) -> bool {
    let source = source.replace("{word}", "????????").replace("{word2}", "????????");
    step.len() == source.len() && step.bytes().zip(source.bytes()).all(|(a, b)| a == b || b == b'?')
}

fn holds(case: &Case, program: &str) -> Result<(), Failed> {
    all_right(examine(case, program, &case.behaviours)?)
}

fn kept(exercise: &Exercise) -> Result<Vec<Behaviour>, Failed> {
    let Some(stage) = row(&exercise.name)?.3 else { return Ok(Vec::new()) };
    let placeholder = format!("{{{}}}", exercise.part.name());
    // A later stage takes some of it back: a client that reads its answer waits for it.
    let now: Vec<String> = check::demanded(exercise.stage)?.iter().map(Behaviour::name).collect();
    let mut kept = check::demanded(stage)?;
    kept.retain(|behaviour| {
        behaviour.session.starts(&placeholder) && now.contains(&behaviour.name())
    });
    Ok(kept)
}

fn keeps(case: &Case, behaviour: &str) -> Result<(), Failed> {
    let at = case.kept.iter().position(|kept| kept.name() == behaviour);
    let at = at.ok_or("expected a behaviour of a stage")?;
    let solution = format!("{}-solution", case.exercise.name);
    all_right(examine(case, &solution, &case.kept[at..=at])?)
}

fn all_right(fault: Option<Fault>) -> Result<(), Failed> {
    match fault {
        None => Ok(()),
        Some((_, report)) => Err(report.to_string().into()),
    }
}

fn caught(case: &Case, program: &str) -> Result<(), Failed> {
    let (by, _) = wrong().find(|(_, wrong)| *wrong == program).ok_or("expected a program")?;
    let is_it =
        |demand: &Behaviour| demand.session.name().split_once('-').is_some_and(|(n, _)| n == by);
    let at = case.behaviours.iter().position(is_it).ok_or("expected the number of a behaviour")?;
    let fault = examine(case, program, &case.behaviours[at..=at])?;
    let (_, report) = fault.ok_or("the behaviour holds")?;
    // A program that cannot be started is not caught.
    match report.step().contains("$ {") {
        true => Err(report.to_string().into()),
        false => Ok(()),
    }
}

fn rules(case: &Case, name: &str) -> Result<(), Failed> {
    let lines = fs::read_to_string(&case.exercise.solution)?.lines().count();
    let most = if name == "chat" { LINES_OF_CHAT } else { LINES };
    let no_hint = case.behaviours.iter().find(|behaviour| behaviour.session.hint.is_none());
    if let Some(behaviour) = no_hint {
        return Err(format!("{} has no hint", behaviour.name()).into());
    }
    // Fixed words could be printed before anything has come. Here a task asks for one.
    let fixed = |behaviour: &&Behaviour| {
        let mut steps = behaviour.session.steps.iter();
        name != "lost" && steps.any(|step| matches!(&step.act, Act::Terminal(AtTerminal::Contains(text)) if !text.contains("{word")))
    };
    if let Some(behaviour) = case.behaviours.iter().find(fixed) {
        return Err(format!("{} awaits fixed words on a terminal", behaviour.name()).into());
    }
    let ways = wrong().filter(|(_, wrong)| is_of(wrong, name)).count();
    match () {
        () if lines > most => Err(format!("the solution has {lines} lines").into()),
        () if ways < 2 => Err("expected two ways at least of doing it wrong".into()),
        () => Ok(()),
    }
}

fn belongs(exercises: &BTreeSet<String>) -> Result<(), Failed> {
    let mut known: BTreeSet<String> = ["wrong".to_owned()].into();
    for name in exercises {
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
