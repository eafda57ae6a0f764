//! Where the stages are, with their sessions, behaviours and binaries.

use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::contract;
use crate::course::cast::Cast;
use crate::course::exercises;
use crate::course::notes::Notes;
use crate::course::session::{Act, Session, Start, Step};
use crate::rig::process::{self, Exit};

pub const STAGES: std::ops::RangeInclusive<u8> = contract::STAGES;

/// What comes after the stages: its sessions are named `after/NAME`, its programs `after-...`.
const AFTER: &str = "after";

/// The root of the workspace.
#[must_use]
pub fn root() -> PathBuf {
    let lab = Path::new(env!("CARGO_MANIFEST_DIR"));
    lab.ancestors().nth(2).unwrap_or(lab).to_owned()
}

/// The folder of a stage, such as `crates/stage1-minimal`.
///
/// # Errors
///
/// There is no such stage.
pub(crate) fn folder(stage: u8) -> Result<PathBuf> {
    let crates = root().join("crates");
    let prefix = format!("stage{stage}-");
    for entry in
        crates.read_dir().with_context(|| format!("failed to read {}", crates.display()))?
    {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            return Ok(entry.path());
        }
    }
    bail!("there is no stage {stage}: the stages are {} to {}", STAGES.start(), STAGES.end())
}

/// The plays of a stage, or of any crate's folder: its own programs, every line exact.
///
/// # Errors
///
/// A file is not a session.
pub(crate) fn sessions(folder: &Path) -> Result<Vec<Session>> {
    read_all(&folder.join("sessions"))
}

/// The plays of earlier stages that a stage's programs must play as well: what one stage teaches, the
/// later ones keep. Each session says in a line such as `# also: 3 4 send-only` who they are. With each
/// goes a name that tells it from the stage's own, such as `ctrl-d of stage 2 send-only`.
///
/// # Errors
///
/// As [`sessions`].
pub(crate) fn inherited(stage: u8) -> Result<Vec<(String, Session)>> {
    let mut inherited = Vec::new();
    for earlier in *STAGES.start()..=stage {
        for session in sessions(&folder(earlier)?)? {
            let mut lines = session.source.iter();
            let Some(also) = lines.find_map(|line| line.strip_prefix("# also: ")) else { continue };
            for heir in also.split(' ') {
                let later = |stage: u8| stage > earlier && STAGES.contains(&stage);
                ensure!(
                    heir == "send-only" || heir.parse().is_ok_and(later),
                    "{}: expected later stages, or send-only, after also:, not {heir:?}",
                    session.path.display()
                );
                let (before, after) = (format!("stage{earlier}-"), format!("stage{stage}-"));
                let source = session.source.join("\n");
                let mut source = source.replace(&before, &after);
                let mut name = format!("{} of stage {earlier}", session.name());
                if heir == "send-only" && stage == *STAGES.end() {
                    // The last stage's second client.
                    source = source
                        .replace(&format!("{after}client"), &format!("{after}send-only-client"));
                    name += " send-only";
                } else if heir != stage.to_string() {
                    continue;
                }
                inherited.push((name, Session::parse(&session.path, &source)?));
            }
        }
    }
    Ok(inherited)
}

/// The stage whose folder this is, such as `crates/stage3-client-abort`.
pub(crate) fn of_folder(folder: &Path) -> Option<u8> {
    let name = folder.file_name()?.to_str()?;
    let (number, _) = name.strip_prefix("stage")?.split_once('-')?;
    number.parse().ok().filter(|stage| STAGES.contains(stage))
}

/// The sessions that somebody names: a stage, `STAGE/NAME` or a file. All of a stage come as a class
/// sees them; without a name they are the first of each stage. `after` is a stage here.
///
/// # Errors
///
/// There is no such stage or session, or a file is not one.
pub fn find(what: Option<&str>) -> Result<Vec<Session>> {
    let Some(what) = what else {
        let first = |stage| {
            let sessions = in_turn(sessions(&folder(stage)?)?);
            sessions.into_iter().next().with_context(|| format!("stage {stage} has no session"))
        };
        return STAGES.map(first).collect();
    };
    let number = |text: &str| -> Result<u8> {
        let stage = text.parse().ok().filter(|stage| STAGES.contains(stage));
        let (first, last) = (STAGES.start(), STAGES.end());
        stage.with_context(|| format!("there is no stage {text}: the stages are {first} to {last}"))
    };
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match what.split_once('/') {
        None if what == AFTER => Ok(in_turn(sessions(&exercises::folder())?)),
        Some((AFTER, name)) => Ok(vec![named(&exercises::folder(), name, AFTER)?]),
        None if is_number(what) => {
            let sessions = sessions(&folder(number(what)?)?)?;
            Ok(in_turn(sessions))
        }
        Some((stage, name)) if is_number(stage) && !name.contains('/') => {
            Ok(vec![session(number(stage)?, name)?])
        }
        _ => {
            let (first, last) = (STAGES.start(), STAGES.end());
            let file = Path::new(what);
            ensure!(
                file.exists(),
                "there is no file {what}: expected a file, a stage ({first} to {last}, or {AFTER}), or STAGE/NAME"
            );
            Ok(vec![Session::read(file)?])
        }
    }
}

/// In the order in which a class sees them; those that it does not see come after, by name.
fn in_turn(mut sessions: Vec<Session>) -> Vec<Session> {
    let turn = |session: &Session| Notes::read(session).ok().flatten().and_then(|notes| notes.turn);
    sessions.sort_by_cached_key(|session| turn(session).unwrap_or(u32::MAX));
    sessions
}

/// The stage whose session this is; `None` for somebody's own file.
#[must_use]
pub fn of(session: &Session) -> Option<u8> {
    let folder = session.path.parent().filter(|folder| folder.ends_with("sessions"))?;
    of_folder(folder.parent()?)
}

/// The source of one of the course's programs, such as `stage3-server`; `None` for any other.
#[must_use]
pub fn source(name: &str) -> Option<PathBuf> {
    let path = program(name)?;
    let file = match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(examples) => exercises::folder().join(examples).join(name),
        None => {
            let (stage, part) = name.strip_prefix("stage")?.split_once('-')?;
            folder(stage.parse().ok()?).ok()?.join("src").join(part.replace('-', "_"))
        }
    };
    Some(file.with_extension("rs")).filter(|file| file.is_file())
}

fn session(stage: u8, name: &str) -> Result<Session> {
    named(&folder(stage)?, name, &stage.to_string())
}

/// The session of this name in a stage's folder, or in the one that comes after the stages.
fn named(folder: &Path, name: &str, stage: &str) -> Result<Session> {
    let file = folder.join("sessions").join(name).with_extension("session");
    if !file.is_file() {
        let mut known: Vec<String> = sessions(folder)?.iter().map(Session::name).collect();
        known.sort();
        bail!("there is no session {stage}/{name}: {stage} has {}", known.join(", "));
    }
    Session::read(&file)
}

/// What a stage demands of anybody's program, by name: sessions with `{server}` or `{client}`.
///
/// # Errors
///
/// A file is not a session, or starts neither or both.
pub(crate) fn behaviours(folder: &Path) -> Result<Vec<Session>> {
    behaviours_in(&folder.join("behaviours"))
}

/// The behaviours that lie in this very folder, by name.
///
/// # Errors
///
/// As [`behaviours`].
pub(crate) fn behaviours_in(folder: &Path) -> Result<Vec<Session>> {
    let behaviours = read_all(folder)?;
    for behaviour in &behaviours {
        ensure!(
            behaviour.starts("{server}") != behaviour.starts("{client}"),
            "{}: expected a step that starts {{server}} or {{client}}, not both",
            behaviour.path.display()
        );
    }
    Ok(behaviours)
}

/// What a step after the stages, such as `after-framing`, demands of anybody's program.
///
/// # Errors
///
/// There is no such step, or a file is not a session.
pub(crate) fn demanded(step: &str) -> Result<Vec<Session>> {
    read_all(&exercises::folder().join("behaviours").join(step))
}

fn read_all(folder: &Path) -> Result<Vec<Session>> {
    let mut paths = Vec::new();
    for entry in
        folder.read_dir().with_context(|| format!("failed to read {}", folder.display()))?
    {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "session") {
            paths.push(path);
        }
    }
    paths.sort();
    ensure!(!paths.is_empty(), "there is no session in {}", folder.display());
    paths.iter().map(|path| Session::read(path)).collect()
}

/// The folder of the binaries that were built with this one.
///
/// # Errors
///
/// The system does not say where this program is.
pub fn programs() -> Result<PathBuf> {
    let this = std::env::current_exe().context("failed to find this program's folder")?;
    // Tests are one folder below the programs.
    let folder = this.ancestors().skip(1).find(|folder| !folder.ends_with("deps"));
    Ok(folder.context("failed to find this program's folder")?.to_owned())
}

/// The stages' own programs, in no part yet: they play the sessions.
///
/// # Errors
///
/// As [`programs`].
pub fn troupe() -> Result<Cast> {
    Ok(Cast { programs: programs()?, ..Cast::default() })
}

/// The programs of one stage in both parts.
///
/// # Errors
///
/// As [`programs`].
pub fn cast(stage: u8) -> Result<Cast> {
    let program = |part| Some(vec![format!("stage{stage}-{part}")]);
    Ok(Cast { server: program("server"), client: program("client"), ..troupe()? })
}

/// Builds every stage's programs, so that what is played is what the sources say.
///
/// # Errors
///
/// They do not compile; cargo has said why.
pub fn build() -> Result<()> {
    // What a bare `cargo run --bin` builds too, so nothing is built twice.
    cargo_build(&["--bins"])
}

/// As [`build`], with what comes after the stages if one of the sessions starts it.
///
/// # Errors
///
/// As [`build`].
pub fn build_for(sessions: &[Session]) -> Result<()> {
    build()?;
    build_examples_for(sessions)
}

/// Builds what these sessions start, for a program that is not built with the stages.
///
/// # Errors
///
/// As [`build`].
pub fn build_only(sessions: &[Session]) -> Result<()> {
    cargo_build(&["--bins", "--package", "stage*"])?;
    build_examples_for(sessions)
}

fn build_examples_for(sessions: &[Session]) -> Result<()> {
    let example = |step: &Step| match &step.act {
        Act::Start(Start::Program(words)) => {
            program(&words[0]).is_some_and(|path| path != Path::new(&words[0]))
        }
        _ => false,
    };
    if sessions.iter().flat_map(|session| &session.steps).any(example) {
        cargo_build(&["--package", "exercises", "--examples"])?;
    }
    Ok(())
}

/// Builds one example of the exercises; its binary.
///
/// # Errors
///
/// As [`build`].
pub(crate) fn build_example(name: &str) -> Result<PathBuf> {
    cargo_build(&["--package", "exercises", "--example", name])?;
    Ok(programs()?.join("examples").join(name))
}

fn cargo_build(what: &[&str]) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.arg("build").args(what).current_dir(root());
    if programs()?.ends_with("release") {
        command.arg("--release");
    }
    let built = process::spawn(&mut command).context("failed to run cargo build")?.end()();
    ensure!(built == Exit::Status(0), "the programs do not compile");
    Ok(())
}

/// How the programs of one stage become those of another, or one file another, as `scripts/diff.sh` shows it.
///
/// # Errors
///
/// It cannot be started, or one of them is not there.
pub fn difference(of: &[impl AsRef<OsStr>; 2]) -> Result<String> {
    let script = root().join("scripts/diff.sh");
    let mut command = Command::new(&script);
    command.args(of).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let failed = || format!("failed to run {}", script.display());
    let mut running = process::spawn(&mut command).with_context(failed)?;
    let (mut shown, mut error) = (String::new(), String::new());
    // An error is one line: nothing waits for it to be read.
    if let (Some(mut stdout), Some(mut stderr)) = (running.stdout.take(), running.stderr.take()) {
        stdout.read_to_string(&mut shown).with_context(failed)?;
        stderr.read_to_string(&mut error).with_context(failed)?;
    }
    ensure!(running.end()() == Exit::Status(0), "{}", error.trim());
    Ok(shown)
}

/// Where below the folder of the programs one of the course's own is: a stage's binary, such as
/// `stage3-server`, or an example that comes after the stages, such as `after-framing-server`.
#[must_use]
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let is_part = |part: &str| ["server", "client", "send-only-client"].contains(&part);
    if let Some((_, part)) =
        name.strip_prefix(AFTER).and_then(|rest| rest.strip_prefix('-')?.split_once('-'))
    {
        return is_part(part).then(|| Path::new("examples").join(name));
    }
    let (stage, part) = name.strip_prefix("stage")?.split_once('-')?;
    (stage.parse::<u8>().is_ok() && is_part(part)).then(|| PathBuf::from(name))
}
