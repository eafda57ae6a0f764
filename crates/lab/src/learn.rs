//! `cargo lab learn`: leads through the course, and examines the learner's program at each save.

mod exam;
mod help;
mod lesson;
mod predict;
mod progress;
mod starter;
mod workshop;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::course::stages::{self, STAGES};
use crate::rig::keys::{Key, Keys};
use exam::Verdict;
use help::{fold, keys, wrap};
use lesson::Lesson;
use progress::Progress;
use workshop::{Program, Stamp, Workshop};

/// How often the files are looked at: neither a person nor the machine notices.
const LOOK: Duration = Duration::from_millis(200);
/// How soon a change is looked at again, or an examination that somebody waits for.
const SOON: Duration = Duration::from_millis(20);
/// The columns that text is filled to in a terminal of 80, or a wider one.
const WIDTH: usize = 78;
const KEYS: &str = "Enter examine  h hint  s solution  n next  p previous  l list  r reset  q quit";

/// What the person wants.
pub struct Options {
    /// The lesson to begin with; otherwise the one where the learner was.
    pub name: Option<String>,
    /// The commands of programs that are not written in Rust.
    pub server: Option<Vec<String>>,
    pub client: Option<Vec<String>>,
    /// Where the learner's programs are, if not in `my`.
    pub folder: Option<PathBuf>,
    pub colour: bool,
}

/// Leads a person through the course, until that person, or the end of standard input, ends it.
///
/// False when standard input is a script and the last verdict was that something falls short.
///
/// # Errors
///
/// There is no such lesson, the learner's folder cannot be written, or nothing can be printed.
pub fn learn(options: Options) -> Result<bool> {
    let folder = options.folder.clone().unwrap_or(stages::root().join("my"));
    let folder = std::path::absolute(folder).context("failed to find the folder")?;
    let course = lesson::course()?;
    let progress = Progress::read(&folder)?;
    let place = |name: &str| course.iter().position(|lesson| lesson.name == name);
    let at = match &options.name {
        Some(name) => place(name).with_context(|| {
            format!("there is no exercise {name:?}: cargo lab learn, then l, lists them")
        })?,
        // Somebody may have edited the file: a name that is not known is no place to be.
        None => progress.now().and_then(place).unwrap_or(0),
    };
    let workshop = Workshop::open(folder)?;
    let keys = Keys::open()?;
    let here = Here::default();
    let mut learner = Learner { options, course, workshop, progress, keys, at, here };
    learner.go_to(at)?;
    learner.run()
}

struct Learner {
    options: Options,
    course: Vec<Lesson>,
    workshop: Workshop,
    progress: Progress,
    keys: Keys,
    /// The place in the course.
    at: usize,
    here: Here,
}

/// What has come of the lesson that the learner is at.
#[derive(Default)]
struct Here {
    program: Program,
    /// What the learner begins with, if there is something in that language.
    starter: Option<String>,
    /// How the files were at the last look, or why they could not be looked at.
    seen: Option<Result<Stamp, String>>,
    /// How they were when they were examined last.
    examined: Option<Stamp>,
    exam: Option<Receiver<Result<Verdict>>>,
    verdict: Option<Verdict>,
    /// How many of the hints were shown.
    hints: usize,
    /// The one that was shown of a behaviour.
    hinted: Option<String>,
    /// The next key answers whether the solution is to be shown.
    asked: bool,
}

impl Learner {
    fn run(&mut self) -> Result<bool> {
        loop {
            let busy = match self.here.exam.as_ref().map(Receiver::try_recv) {
                None => self.look()?,
                Some(Ok(verdict)) => {
                    self.here.exam = None;
                    self.tell(verdict)?;
                    true
                }
                Some(Err(TryRecvError::Empty)) => true,
                Some(Err(TryRecvError::Disconnected)) => bail!("failed to examine the program"),
            };
            // A line of a script is about what is there when its turn comes.
            if busy && !self.keys.is_terminal() {
                thread::sleep(SOON);
            } else if let Some(key) = self.keys.next(if busy { SOON } else { LOOK })?
                && !self.press(key)?
            {
                let holds = matches!(self.here.verdict, None | Some(Verdict::Holds(_)));
                // A script asks how it ended; a person has seen it.
                return Ok(holds || self.keys.is_terminal());
            }
        }
    }

    fn lesson(&self) -> &Lesson {
        &self.course[self.at]
    }

    /// Does what a key means; false when it is the end.
    fn press(&mut self, key: Key) -> Result<bool> {
        let Key::Press(key) = key else { return Ok(false) };
        let asked = std::mem::take(&mut self.here.asked);
        match key {
            'y' if asked => self.solution()?,
            _ if asked => say("Not shown.")?,
            'q' => return Ok(false),
            'l' => self.list()?,
            'n' if self.at + 1 < self.course.len() => self.go_to(self.at + 1)?,
            'n' => say("This is the last exercise. l shows what is still open.")?,
            'p' if self.at > 0 => self.go_to(self.at - 1)?,
            'p' => say("This is the first exercise.")?,
            '\n' if self.lesson().kind.exercise().is_none() => return self.predict(),
            '\n' => self.here.examined = None,
            'h' => self.hint()?,
            's' if matches!(self.here.verdict, Some(Verdict::Holds(_))) => self.solution()?,
            's' => {
                self.here.asked = true;
                say("This gives the whole solution away. y shows it, any other key does not.")?;
            }
            'r' => self.reset()?,
            _ => say(&keys(KEYS))?,
        }
        Ok(true)
    }

    /// Shows a lesson and begins to look at its file.
    fn go_to(&mut self, at: usize) -> Result<()> {
        self.at = at;
        self.note(None)?;
        let Lesson { name, stage, title, kind } = self.lesson();
        let title = format!("{name} ({} of {}, stage {stage}): {title}", at + 1, self.course.len());
        say(&format!("\n{}\n", self.style("1", &wrap(&title))))?;
        match kind.exercise() {
            Some(exercise) => {
                say(&format!("{}\n", wrap(&exercise.task)))?;
                let program = self.program(exercise.part, name)?;
                let starter = self.starter(&program)?;
                self.here = Here { program, starter, ..Here::default() };
                self.place_starter()?;
                self.say_keys()
            }
            None => {
                self.here = Here::default();
                say(&wrap(predict::INTRODUCTION))?;
                say(&self.style("2", &keys(predict::KEYS)))
            }
        }
    }

    /// Looks at the files, and begins to examine what was saved; true when more is about to happen.
    fn look(&mut self) -> Result<bool> {
        if self.lesson().kind.exercise().is_none() {
            return Ok(false);
        }
        let now = workshop::stamp(&self.here.program.files).map_err(|err| err.to_string());
        let before = self.here.seen.replace(now.clone());
        // An editor may be in the middle of it: what is the same at two looks is a save.
        let rests = before.as_ref() == Some(&now);
        match now {
            Ok(now) if self.here.examined.as_ref() == Some(&now) => Ok(false),
            Ok(now) if rests => {
                let first = self.here.program.is_rust() && !self.workshop.has_built();
                let why = if first { " (the first time this takes longer)" } else { "" };
                say(&format!("\nExamining ...{why}"))?;
                self.here.examined = Some(now);
                let (program, workshop) = (self.here.program.clone(), self.workshop.clone());
                let exam =
                    exam::begin(&self.lesson().kind, program, workshop, self.options.colour)?;
                self.here.exam = Some(exam);
                Ok(true)
            }
            Ok(_) => Ok(true),
            Err(why) => {
                // Said once, at the second look; what comes back is examined.
                if rests && self.here.examined.take().is_some() {
                    let help = self.here.starter.as_ref().map_or("", |_| " r copies the starter.");
                    say(&format!("\n{why}.{help}"))?;
                }
                Ok(!rests)
            }
        }
    }

    /// Says what came of an examination.
    fn tell(&mut self, verdict: Result<Verdict>) -> Result<()> {
        let name = self.lesson().name.clone();
        let fails = self.style("31", "FAIL");
        // The program cannot be started, for example: that can be mended as well.
        let failed = |err: anyhow::Error| Verdict::Short { report: format!("{err:#}"), hint: None };
        let verdict = verdict.unwrap_or_else(failed);
        match &verdict {
            Verdict::Holds(notes) => {
                if !notes.is_empty() {
                    say(&fold(&notes.join("\n")))?;
                }
                self.note(Some(&name))?;
                let ok = self.style("32", "ok");
                say(&format!("{ok}    {name}: all that is demanded holds."))?;
                let open = self.course.iter().filter(|lesson| !self.progress.is_done(&lesson.name));
                let next = match (self.course.get(self.at + 1), open.count()) {
                    (_, 0) => format!("That was all of the course, {} lessons", self.course.len()),
                    (Some(next), _) => format!("n goes on to {}", next.name),
                    (None, 1) => "This was the last exercise. 1 lesson is open: l".to_owned(),
                    (None, n) => format!("This was the last exercise. {n} lessons are open: l"),
                };
                let next = format!("{next}; s compares it with the solution.");
                say(&self.style("2", &wrap(&next)))?;
            }
            // Nothing else that the compiler says then is of any use.
            Verdict::Broken(words) if words.contains("No space left on device") => {
                say(&format!("{fails}  {name} cannot be built: the disk is full."))?;
            }
            Verdict::Broken(words) => say(&format!("{words}\n{fails}  {name} does not compile."))?,
            Verdict::Short { report, .. } => {
                let told = fold(&format!("FAIL  {name}: {report}"));
                say(&format!("{}\n", told.trim_end().replacen("FAIL", &fails, 1)))?;
                self.say_keys()?;
            }
        }
        self.here.verdict = Some(verdict);
        Ok(())
    }

    /// All lessons, a few lines for each stage.
    fn list(&self) -> Result<()> {
        let width = self.course.iter().map(|lesson| lesson.name.len()).max().unwrap_or(0);
        let done = |lesson: &Lesson| self.progress.is_done(&lesson.name);
        for stage in STAGES {
            let lessons = self.course.iter().enumerate();
            let mut line = format!("stage {stage}");
            for (at, lesson) in lessons.filter(|(_, lesson)| lesson.stage == stage) {
                let sign = match at == self.at {
                    true => '>',
                    false if done(lesson) => 'x',
                    false => '-',
                };
                if line.chars().count() + width + 2 > help::width() {
                    say(line.trim_end())?;
                    line = " ".repeat(7);
                }
                line += &format!("  {sign} {:width$}", lesson.name);
            }
            say(line.trim_end())?;
        }
        let count = self.course.iter().filter(|lesson| done(lesson)).count();
        let all = self.course.len();
        let line =
            format!("x done, {count} of {all}  > here  - open  to go there: cargo lab learn NAME");
        say(&keys(&line))
    }

    /// Writes down where the learner is; that it fails stops nobody.
    fn note(&mut self, done: Option<&str>) -> Result<()> {
        let now = &self.course[self.at].name;
        match self.progress.note(now, done) {
            Ok(()) => Ok(()),
            Err(err) => self.wrong(&err),
        }
    }

    fn wrong(&self, err: &anyhow::Error) -> Result<()> {
        say(&self.style("31", &format!("Error: {err:#}")))
    }

    fn say_keys(&self) -> Result<()> {
        say(&self.style("2", &keys(KEYS)))
    }

    fn style(&self, style: &str, text: &str) -> String {
        match self.options.colour {
            true => format!("\x1b[{style}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }
}

fn say(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).context("failed to print")
}

/// A file as a person finds it from where the lab was started.
fn shown(file: &Path) -> std::path::Display<'_> {
    let here = std::env::current_dir().unwrap_or_default();
    file.strip_prefix(here).unwrap_or(file).display()
}
