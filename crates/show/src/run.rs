//! A play in a thread of its own, which goes on when it is told to.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use lab::course::cast::Cast;
use lab::course::session::{Act, AtTerminal, Session, Step};
use lab::play::Report;
use lab::play::live::{Audience, Live};

use crate::Event;

/// What a person takes for a letter, and at most for a line.
pub(crate) const LETTER: Duration = Duration::from_millis(40);
const LINE: Duration = Duration::from_millis(600);
/// Changes that follow each other this closely are one.
const TOGETHER: Duration = Duration::from_millis(10);

/// What comes of a play. Steps and groups are named by their places.
pub(crate) enum News {
    /// The group comes next, when somebody wants it.
    Ready(usize),
    Before(usize),
    Held(usize),
    Failed(Box<Report>),
    Done,
    /// Something on a terminal is different.
    Changed,
}

/// How many lines were finished, and what the next one was by then.
pub(crate) type Mark = (usize, String);

pub(crate) struct Run {
    pub audience: Audience,
    go: Option<Sender<()>>,
    marks: Arc<Mutex<HashMap<i32, Mark>>>,
    thread: Option<JoinHandle<()>>,
}

/// The steps in groups: one that acts, and what it leads to.
pub(crate) fn groups(session: &Session) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    for (number, step) in session.steps.iter().enumerate() {
        match groups.last_mut() {
            Some(last) if !step.acts() => last.end = number + 1,
            _ => groups.push(number..number + 1),
        }
    }
    groups
}

impl Run {
    /// Plays up to the group `fast` without a pause, and from there on one group for each [`Run::go`], in which a
    /// person takes this time for a letter.
    pub(crate) fn start(
        number: u64,
        session: &Session,
        cast: &Cast,
        (fast, letter): (usize, Duration),
        tell: &Sender<Event>,
    ) -> Run {
        let (go, wait) = channel();
        let (audience, marks) = (Audience::default(), Arc::default());
        let run = Play {
            session: session.clone(),
            cast: cast.clone(),
            audience: audience.clone(),
            marks: Arc::clone(&marks),
            letter,
        };
        let news = tell.clone();
        let thread = thread::spawn(move || {
            run.play(fast, &wait, &|news_of| drop(news.send(Event::Play(number, news_of))));
        });
        let (looks, changed) = (audience.clone(), tell.clone());
        thread::spawn(move || {
            let mut seen = 0;
            while !looks.stopped() && changed.send(Event::Play(number, News::Changed)).is_ok() {
                thread::sleep(TOGETHER);
                seen = looks.next_change(seen);
            }
        });
        Run { audience, go: Some(go), marks, thread: Some(thread) }
    }

    pub(crate) fn go(&self) {
        if let Some(go) = &self.go {
            let _ = go.send(());
        }
    }

    /// Up to where the terminal of this process is old, since the last group began.
    pub(crate) fn mark(&self, pid: i32) -> Mark {
        let marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        marks.get(&pid).cloned().unwrap_or_default()
    }
}

impl Drop for Run {
    /// Ends it, also in the middle of a step; nothing of it is left then.
    fn drop(&mut self) {
        self.go = None;
        self.audience.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Play {
    session: Session,
    cast: Cast,
    audience: Audience,
    marks: Arc<Mutex<HashMap<i32, Mark>>>,
    letter: Duration,
}

impl Play {
    fn play(&self, fast: usize, wait: &Receiver<()>, tell: &dyn Fn(News)) {
        let mut live = Live::new(&self.session, &self.cast, &self.audience);
        let mut played = || {
            for (number, group) in groups(&self.session).into_iter().enumerate() {
                if number >= fast {
                    tell(News::Ready(number));
                    wait.recv().ok()?;
                }
                let windows = self.audience.windows();
                let marks = windows.iter().map(|window| {
                    (window.pid.as_raw(), window.look(|screen| (screen.finished(), screen.row())))
                });
                *self.marks.lock().unwrap_or_else(PoisonError::into_inner) = marks.collect();
                for at in group {
                    tell(News::Before(at));
                    let letter = if number < fast { Duration::ZERO } else { self.letter };
                    match live.step(at, letter.min(in_line(&self.session.steps[at]))) {
                        Ok(_) => tell(News::Held(at)),
                        Err(report) => return Some(News::Failed(report)),
                    }
                }
            }
            Some(live.end().map_or_else(News::Failed, |()| News::Done))
        };
        let Some(end) = played().filter(|_| !self.audience.stopped()) else { return };
        tell(end);
        // The terminals stay, to be looked at and typed into.
        while wait.recv().is_ok() {}
    }
}

/// The most that a letter of what is typed in this step may take.
fn in_line(step: &Step) -> Duration {
    let Act::Terminal(AtTerminal::Type(text)) = &step.act else { return Duration::ZERO };
    LINE / u32::try_from(text.chars().count()).unwrap_or(u32::MAX).max(1)
}
