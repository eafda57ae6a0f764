//! A test of the tests: programs of the stages with one line changed, which the plays must tell from
//! the right ones.
//!
//! All of them are binaries of one package in `target/mutants`, so that cargo builds them together.

mod change;

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, Result, bail, ensure};

use crate::check::{self, Behaviour};
use crate::course::cast::Cast;
use crate::course::session::Session;
use crate::course::stages::{self, STAGES};
use crate::play;
use crate::rig::hub::lock;
use crate::rig::process;

/// The changes that make no difference, each with the reason.
const EQUIVALENT: &str = include_str!("../equivalent.txt");
/// Most of them wait. With more at a time, a play could fail for lack of time alone.
const AT_A_TIME: usize = 8;
/// The profile compiles quickly, and a mutant may leave something unused.
const MANIFEST: &str = r#"[package]
name = "mutants"
version = "0.0.0"
edition = "2024"

[dependencies]
anyhow = "1"
common = { path = "COMMON" }
rustyline = { version = "19", default-features = false, features = ["buffer-redux"] }

[lints.rust]
warnings = "allow"

[profile.dev]
debug = false
incremental = false

[workspace]
"#;

/// A program with one line changed, or none: then it must hold.
struct Mutant {
    stage: u8,
    /// Such as `stage5-server`.
    program: String,
    /// Counts from 1; 0 for the program as it is.
    line: usize,
    before: String,
    after: String,
    /// The whole changed source.
    text: String,
}

/// What came of a mutant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Caught,
    Survived,
    /// It survived, and the file says why that is right.
    Equivalent,
    /// It does not compile.
    NoProgram,
}

/// Changes the programs of the stages, plays each and writes which ones nobody noticed; false when
/// there is one without a reason.
///
/// With `sample`, so many of them, evenly spread over all: the same ones each time. The programs as
/// they are are played too, and must hold.
///
/// # Errors
///
/// The programs cannot be built as they are, or nothing can be written.
pub fn run(sample: Option<usize>, stage: Option<u8>, out: &mut dyn Write) -> Result<bool> {
    let mut mutants = all()?;
    mutants.retain(|mutant| stage.is_none_or(|stage| mutant.stage == stage));
    if let Some(sample) = sample {
        let all = mutants.iter().filter(|mutant| mutant.line > 0).count();
        let chosen: BTreeSet<usize> = (0..sample).map(|number| number * all / sample).collect();
        let mut number = 0;
        mutants.retain(|mutant| {
            let kept = mutant.line == 0 || chosen.contains(&number);
            number += usize::from(mutant.line > 0);
            kept
        });
    }
    build(&mutants)?;
    let fates = play(&mutants)?;
    let mut holds = true;
    for (mutant, fate) in mutants.iter().zip(&fates) {
        match (mutant.line, fate) {
            (0, Fate::NoProgram) => bail!("{} does not compile as it is", mutant.program),
            (1.., Fate::Survived) => {
                holds = false;
                writeln!(out, "{mutant}")?;
            }
            _ => {}
        }
    }
    if sample.is_none() && stage.is_none() {
        for reason in reasons() {
            let needed = mutants.iter().zip(&fates).any(|(mutant, fate)| {
                *fate == Fate::Equivalent && reason.0 == mutant.before && reason.1 == mutant.after
            });
            if !needed {
                holds = false;
                writeln!(
                    out,
                    "equivalent.txt has a change that is caught, or that nobody makes:\n  - {}\n  + {}\n",
                    reason.0, reason.1
                )?;
            }
        }
    }
    let count = |fate| {
        let of = |(mutant, was): &(&Mutant, &Fate)| mutant.line > 0 && **was == fate;
        mutants.iter().zip(&fates).filter(of).count()
    };
    writeln!(
        out,
        "{} mutants: {} caught, {} equivalent, {} survived, {} do not compile",
        mutants.iter().filter(|mutant| mutant.line > 0).count(),
        count(Fate::Caught),
        count(Fate::Equivalent),
        count(Fate::Survived),
        count(Fate::NoProgram)
    )?;
    Ok(holds)
}

/// Every program as it is, and with every change of every line.
fn all() -> Result<Vec<Mutant>> {
    let mut mutants = Vec::new();
    for stage in STAGES {
        for part in ["server", "client", "send-only-client"] {
            let name = part.replace('-', "_");
            let source = stages::folder(stage)?.join("src").join(name).with_extension("rs");
            let Ok(text) = fs::read_to_string(&source) else { continue };
            let program = format!("stage{stage}-{part}");
            let lines: Vec<&str> = text.lines().collect();
            let mutant = |line: usize, before: &str, after: String, text| Mutant {
                stage,
                program: program.clone(),
                line,
                before: before.trim().to_owned(),
                after: after.trim().to_owned(),
                text,
            };
            mutants.push(mutant(0, "", String::new(), text.clone()));
            for (number, line) in lines.iter().enumerate() {
                for after in change::changes(line) {
                    let mut changed = lines.clone();
                    changed[number] = &after;
                    let text = changed.join("\n") + "\n";
                    mutants.push(mutant(number + 1, line, after.clone(), text));
                }
            }
        }
    }
    Ok(mutants)
}

fn folder() -> PathBuf {
    stages::root().join("target/mutants")
}

impl Mutant {
    /// The name of its binary: another text has another name, so nothing old is played.
    fn binary(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.text.hash(&mut hasher);
        format!("{}-{:016x}", self.program, hasher.finish())
    }

    fn path(&self) -> PathBuf {
        folder().join("target/debug").join(self.binary())
    }
}

/// Builds them; those that do not compile are not there afterwards.
fn build(mutants: &[Mutant]) -> Result<()> {
    let folder = folder();
    let sources = folder.join("src/bin");
    let make = |path: &Path| {
        fs::create_dir_all(path).with_context(|| format!("failed to make {}", path.display()))
    };
    make(&sources)?;
    let common = stages::root().join("crates/common");
    write(&folder.join("Cargo.toml"), &MANIFEST.replace("COMMON", &common.to_string_lossy()))?;
    let lock = fs::read_to_string(stages::root().join("Cargo.lock"));
    write(&folder.join("Cargo.lock"), &lock.context("failed to read Cargo.lock")?)?;
    let mut wanted = BTreeSet::new();
    for mutant in mutants {
        let name = mutant.binary() + ".rs";
        write(&sources.join(&name), &mutant.text)?;
        wanted.insert(name);
    }
    for entry in sources.read_dir().context("failed to read the mutants' folder")? {
        let entry = entry?;
        if !wanted.contains(&*entry.file_name().to_string_lossy()) {
            fs::remove_file(entry.path()).context("failed to remove an old mutant")?;
        }
    }
    let log = folder.join("build.log");
    let file = File::create(&log).with_context(|| format!("failed to write {}", log.display()))?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--bins", "--keep-going", "--target-dir"]).arg(folder.join("target"));
    command.current_dir(&folder).stderr(file);
    process::spawn(&mut command).context("failed to run cargo build")?.end()();
    let built = mutants.iter().any(|mutant| mutant.path().is_file());
    ensure!(built, "the mutants were not built: {} says why", log.display());
    Ok(())
}

/// Leaves a file alone that has this text already: cargo goes by the time of the last change.
fn write(path: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    fs::write(path, text).with_context(|| format!("failed to write {}", path.display()))
}

/// The plays that must notice a change of a program.
struct Plays {
    sessions: Vec<Session>,
    behaviours: Vec<Behaviour>,
}

fn play(mutants: &[Mutant]) -> Result<Vec<Fate>> {
    let mut plays = Vec::new();
    for stage in STAGES {
        let mut sessions = stages::sessions(&stages::folder(stage)?)?;
        sessions.extend(stages::inherited(stage)?.into_iter().map(|(_, session)| session));
        plays.push(Plays { sessions, behaviours: check::demanded(stage)? });
    }
    let next = AtomicUsize::new(0);
    let fates = Mutex::new(vec![Fate::NoProgram; mutants.len()]);
    let failed = Mutex::new(None);
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(mutant) = mutants.get(number) else { break };
                    match fate(mutant, &plays[usize::from(mutant.stage - STAGES.start())]) {
                        Ok(fate) => lock(&fates)[number] = fate,
                        Err(err) => *lock(&failed) = Some(err),
                    }
                }
            });
        }
    });
    if let Some(err) = lock(&failed).take() {
        return Err(err);
    }
    Ok(fates.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
}

fn fate(mutant: &Mutant, plays: &Plays) -> Result<Fate> {
    if !mutant.path().is_file() {
        return Ok(Fate::NoProgram);
    }
    // The stage's programs, with this one in the place of the right one.
    let programs = folder().join("play").join(mutant.binary());
    fs::create_dir_all(&programs).context("failed to make a folder for a mutant")?;
    for part in ["server", "client", "send-only-client"] {
        let name = format!("stage{}-{part}", mutant.stage);
        let right = stages::programs()?.join(&name);
        let program = if name == mutant.program { mutant.path() } else { right };
        let link = programs.join(&name);
        if link.read_link().is_ok_and(|old| old == program) {
            continue;
        }
        symlink(&program, &link).context("failed to link a mutant")?;
    }
    let part = |part: &str| {
        (mutant.program == format!("stage{}-{part}", mutant.stage))
            .then(|| vec![mutant.program.clone()])
    };
    let cast = Cast { programs, server: part("server"), client: part("client"), ..Cast::default() };
    let mut sessions = plays.sessions.iter().filter(|session| session.starts(&mutant.program));
    let examined = |behaviour: &&Behaviour| match behaviour.session.starts("{server}") {
        true => cast.server.is_some(),
        false => cast.client.is_some(),
    };
    let mut behaviours = plays.behaviours.iter().filter(examined);
    let caught = sessions
        .find_map(|session| play::play(session, &cast, &mut |_| {}).err())
        .or_else(|| behaviours.find_map(|behaviour| check::examine(behaviour, &cast).err()));
    let reason =
        || reasons().any(|(before, after)| before == mutant.before && after == mutant.after);
    Ok(match caught {
        // What catches a program as it is would catch every change of it.
        Some(report) if mutant.line == 0 => bail!("{} fails as it is:\n{report}", mutant.program),
        Some(_) => Fate::Caught,
        None if reason() => Fate::Equivalent,
        None => Fate::Survived,
    })
}

/// The line as it is and as it is changed, of each change that the file gives a reason for.
fn reasons() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = EQUIVALENT.lines().zip(EQUIVALENT.lines().skip(1));
    lines.filter_map(|(before, after)| {
        Some((before.strip_prefix("- ")?.trim(), after.strip_prefix("+ ")?.trim()))
    })
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} with another line {} is not noticed:", self.program, self.line)?;
        writeln!(f, "  - {}", self.before)?;
        writeln!(f, "  + {}", self.after)
    }
}
