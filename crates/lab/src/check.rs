//! Examines programs: which behaviours hold, stage by stage, and the table of all of them.

mod marks;
mod what;

use std::collections::VecDeque;
use std::fmt;
use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::course::cast::Cast;
use crate::course::session::Session;
use crate::course::stages::{self, STAGES};
use crate::play;
use crate::play::Report;
use crate::rig::hub::lock;
use crate::rig::ports::{self, Kept};
pub use marks::mark;
pub use what::What;

/// The committed table: which behaviour holds at which stage.
pub(crate) const MATRIX: &str = include_str!("../matrix.txt");
/// More plays at a time than there are cores: they wait more than they compute.
const AT_A_TIME: usize = 24;

/// A behaviour, with the stage that introduces it.
pub struct Behaviour {
    pub stage: u8,
    pub session: Session,
}

impl Behaviour {
    /// Such as `stage3/server-survives-a-reset`, or `lines/2-two-in-one` of an exercise.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.of(), self.session.name())
    }

    /// What demands it: a stage, or an exercise, whose behaviours lie in a folder of its name.
    fn of(&self) -> String {
        let folder = self.session.path.parent().and_then(Path::file_name).unwrap_or_default();
        match folder == "behaviours" {
            true => format!("stage{}", self.stage),
            false => folder.to_string_lossy().into_owned(),
        }
    }

    /// Is it unwise to lack it, and not wrong? A program of an earlier stage may lack what the course
    /// demands later, though its own programs have it from the beginning.
    fn is_advice(&self, stage: Option<u8>) -> bool {
        self.session.note.is_some() || stage.is_some_and(|stage| self.stage > stage)
    }
}

/// All behaviours, in the order of the committed table, in which one would build them.
///
/// # Errors
///
/// A file is not a session.
pub fn behaviours() -> Result<Vec<Behaviour>> {
    let mut all = Vec::new();
    for stage in STAGES {
        let sessions = stages::behaviours(&stages::folder(stage)?)?;
        all.extend(sessions.into_iter().map(|session| Behaviour { stage, session }));
    }
    let place = |name: &str| MATRIX.lines().position(|line| row(line, name).is_some());
    all.sort_by_key(|behaviour| place(&behaviour.name()).unwrap_or(usize::MAX));
    Ok(all)
}

/// Which behaviours the committed table says a program of this stage has.
///
/// # Errors
///
/// The table lacks a behaviour.
pub fn demanded(stage: u8) -> Result<Vec<Behaviour>> {
    let column = usize::from(stage - STAGES.start());
    let mut demanded = Vec::new();
    for behaviour in behaviours()? {
        let name = behaviour.name();
        let row = MATRIX.lines().find_map(|line| row(line, &name)).with_context(|| {
            format!("{name} is not in matrix.txt: cargo lab matrix shows its row")
        })?;
        if row.split_whitespace().nth(column) == Some(HOLDS) {
            demanded.push(behaviour);
        }
    }
    Ok(demanded)
}

/// The cells of the row of this behaviour.
fn row<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.strip_prefix(name)?.strip_prefix(' ')
}

const HOLDS: &str = "yes";
const FAILS: &str = "-";

/// How a check goes on, and what it makes of a note.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Go on after a failure.
    pub all: bool,
    /// What is unwise is wrong.
    pub strict: bool,
    /// How many behaviours are examined at a time, each with programs of its own; one, if not said.
    pub at_a_time: usize,
    /// Of which stage the programs are: what a later one demands is advice for them.
    pub stage: Option<u8>,
}

/// What came of one behaviour.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Such as `stage3/server-survives-a-reset`.
    pub name: String,
    /// The stage whose chapter it belongs to.
    pub stage: u8,
    /// One sentence: what is demanded.
    pub title: String,
    /// What to do about it when it does not hold.
    pub advice: Option<String>,
    pub verdict: Verdict,
    /// What is unwise and not wrong, one line each.
    pub notes: Vec<String>,
    pub time: Duration,
}

#[derive(Clone, Debug)]
pub enum Verdict {
    Held,
    /// It falls short of what is not demanded at this stage.
    Noted(Box<Report>),
    /// It holds, and its notes are taken for failures.
    Unwise,
    Failed(Box<Report>),
}

/// How many behaviours held, were noted, and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub held: usize,
    pub noted: usize,
    pub failed: usize,
}

/// Plays a behaviour with these programs.
///
/// # Errors
///
/// It does not hold; the report says why.
pub fn examine(behaviour: &Behaviour, cast: &Cast) -> Result<(), Box<Report>> {
    noting(&behaviour.session, cast).0
}

/// Plays a behaviour with these programs, and notes what is unwise and not wrong.
fn noting(session: &Session, cast: &Cast) -> (Result<(), Box<Report>>, Vec<String>) {
    let played = play::examine(session, cast);
    let report = match played {
        (Err(report), _) if report.port_in_use() => report,
        played => return played,
    };
    let kept = ports::become_free(&cast.addrs);
    if let Kept::Another(addr) = kept {
        // Every program of the play has ended: this one is a stranger.
        let reason = format!("another program has {addr}, and does not answer: end it first");
        return (Err(report.cannot_because(reason)), Vec::new());
    }
    // A port of the lab's choice can be taken before the program binds it.
    let (again, mut notes) = play::examine(session, cast);
    if kept == Kept::Ended {
        notes.push(
            "the port was still in use from a moment ago, and the examiner had to wait for it: \
             set SO_REUSEADDR before bind"
                .to_owned(),
        );
    }
    (again, notes)
}

/// Examines the programs and tells what came of each behaviour, as soon as it is known.
///
/// It stops at the first behaviour that fails, unless `options.all`. A part that no program plays is
/// left out. What is noted of a program is noted once.
///
/// # Errors
///
/// `tell` fails, or the programs cannot be examined at all.
pub fn check(
    demanded: &[Behaviour],
    cast: &Cast,
    options: Options,
    tell: &mut dyn FnMut(&Outcome) -> Result<()>,
) -> Result<Summary> {
    let mut summary = Summary::default();
    let mut noted: Vec<String> = Vec::new();
    let examined: Vec<&Behaviour> = demanded
        .iter()
        .filter(|behaviour| match behaviour.session.starts("{server}") {
            true => cast.server.is_some(),
            false => cast.client.is_some(),
        })
        .collect();
    let sessions = examined.iter().map(|behaviour| behaviour.session.clone()).collect();
    let played = play_all(sessions, cast, options.at_a_time.max(1));
    for (behaviour, (played, mut notes, time)) in examined.into_iter().zip(played) {
        if let Err(report) = &played
            && let Some(reason) = report.cannot()
        {
            bail!("{reason}");
        }
        notes.retain(|note| !noted.contains(note));
        noted.extend(notes.iter().cloned());
        let verdict = match played {
            Ok(()) if options.strict && !notes.is_empty() => Verdict::Unwise,
            Ok(()) => Verdict::Held,
            Err(report) if behaviour.is_advice(options.stage) && !options.strict => {
                Verdict::Noted(report)
            }
            Err(report) => Verdict::Failed(report),
        };
        match verdict {
            Verdict::Held => summary.held += 1,
            Verdict::Noted(_) => summary.noted += 1,
            Verdict::Unwise | Verdict::Failed(_) => summary.failed += 1,
        }
        tell(&Outcome {
            name: behaviour.name(),
            stage: behaviour.stage,
            title: behaviour.session.title.clone(),
            advice: behaviour.session.note.clone().or_else(|| behaviour.session.hint.clone()),
            verdict,
            notes,
            time,
        })?;
        if summary.failed > 0 && !options.all {
            break;
        }
    }
    Ok(summary)
}

/// Plays sessions, so many at a time, and gives what came of each in their order. Who takes no more of it
/// ends it.
fn play_all(
    sessions: Vec<Session>,
    cast: &Cast,
    at_a_time: usize,
) -> impl Iterator<Item = Examined> + use<> {
    let cast = cast.clone();
    let (mut waiting, mut done) = (sessions.into_iter(), VecDeque::new());
    std::iter::from_fn(move || {
        while done.len() < at_a_time
            && let Some(session) = waiting.next()
        {
            let (cast, (tell, told)) = (cast.clone(), mpsc::channel());
            done.push_back(told);
            thread::spawn(move || {
                let begin = Instant::now();
                let (played, notes) = noting(&session, &cast);
                // Nobody may want to know any more.
                let _ = tell.send((played, notes, begin.elapsed()));
            });
        }
        done.pop_front()?.recv().ok()
    })
}

/// What came of a session, what was noted, and how long it took.
type Examined = (Result<(), Box<Report>>, Vec<String>, Duration);

/// Examines the programs as [`check`] does, and writes it for people; false when one falls short.
///
/// # Errors
///
/// As [`check`].
pub fn print(
    demanded: &[Behaviour],
    cast: &Cast,
    options: Options,
    out: &mut dyn Write,
) -> Result<bool> {
    let summary = check(demanded, cast, options, &mut |outcome| Ok(write!(out, "{outcome}")?))?;
    if summary.failed > 0 && !options.all {
        writeln!(out, "Fix this first; --all goes on after a failure.")?;
    }
    writeln!(out, "{summary}")?;
    Ok(summary.failed == 0)
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Outcome { stage, title, .. } = self;
        match &self.verdict {
            Verdict::Held => writeln!(f, "ok    stage {stage}: {title}")?,
            Verdict::Noted(_) => {
                let advice = self.advice.as_deref().unwrap_or_default();
                writeln!(f, "note  stage {stage}: not so: {title}")?;
                writeln!(f, "      {advice}")?;
            }
            Verdict::Unwise => writeln!(f, "FAIL  stage {stage}: {title}")?,
            Verdict::Failed(report) => writeln!(f, "FAIL  stage {stage}: {report}")?,
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "note  {note}"))
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { held, noted, failed } = self;
        write!(f, "{held} held, {failed} failed")?;
        if *noted > 0 {
            write!(f, ", {noted} noted")?;
        }
        Ok(())
    }
}

/// Plays every behaviour against every stage's programs and writes the table.
///
/// # Errors
///
/// A file is not a session, or the programs are not built.
pub fn matrix() -> Result<String> {
    let behaviours = behaviours()?;
    let casts = STAGES.map(stages::cast).collect::<Result<Vec<Cast>>>()?;
    let next = AtomicUsize::new(0);
    let cells = Mutex::new(vec![false; behaviours.len() * casts.len()]);
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let cell = next.fetch_add(1, Ordering::Relaxed);
                    let Some(behaviour) = behaviours.get(cell / casts.len()) else { break };
                    let holds = examine(behaviour, &casts[cell % casts.len()]).is_ok();
                    lock(&cells)[cell] = holds;
                }
            });
        }
    });
    let cells = cells.into_inner().unwrap_or_else(PoisonError::into_inner);
    let width = behaviours.iter().map(|behaviour| behaviour.name().len()).max().unwrap_or(0);
    let mut table = format!("{:width$}", "behaviour");
    for stage in STAGES {
        write!(table, " {stage:>3}")?;
    }
    for (behaviour, row) in behaviours.iter().zip(cells.chunks(casts.len())) {
        write!(table, "\n{:width$}", behaviour.name())?;
        for holds in row {
            write!(table, " {:>3}", if *holds { HOLDS } else { FAILS })?;
        }
    }
    table.push('\n');
    Ok(table)
}

/// Compares a played table with the committed one.
///
/// # Errors
///
/// They differ; the message names every cell.
pub fn compare(played: &str) -> Result<()> {
    let mut differences = String::new();
    let (mut played, mut expected) = (played.lines(), MATRIX.lines());
    loop {
        let (played, expected) = (played.next(), expected.next());
        if played.is_none() && expected.is_none() {
            break;
        }
        let (played, expected) = (played.unwrap_or(""), expected.unwrap_or(""));
        let (name, row) = played.split_once(' ').unwrap_or((played, ""));
        let (known, cells) = expected.split_once(' ').unwrap_or((expected, ""));
        if name != known {
            writeln!(differences, "row {known:?} is now {name:?}")?;
            continue;
        }
        let both = row.split_whitespace().zip(cells.split_whitespace());
        for (stage, (now, then)) in STAGES.zip(both) {
            if now != then {
                writeln!(
                    differences,
                    "{name} at stage {stage}: {now}, and matrix.txt says {then}"
                )?;
            }
        }
    }
    ensure!(differences.is_empty(), "the table differs from crates/lab/matrix.txt:\n{differences}");
    Ok(())
}
