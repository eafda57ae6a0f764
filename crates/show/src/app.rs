//! What is on view, and what a play says.

mod keys;

use std::collections::HashMap;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use anyhow::Result;
use lab::course::cast::Cast;
use lab::course::session::Session;
use lab::play::Report;
use lab::play::live::{Ports, Window};

use crate::Event;
use crate::kernel::Eyes;
use crate::lesson::{self, Lesson};
use crate::overlay::Overlay;
use crate::run::{LETTER, News, Run};
use crate::theme::Theme;

/// A step is seen to run for this long at least.
const STEP: Duration = Duration::from_millis(120);
/// A key that is held comes again within this time.
const REPEATS: Duration = Duration::from_millis(120);
/// What waits for longer says so.
const LONG: Duration = Duration::from_secs(1);
/// Programs come to rest, and kernels forget, without a word: looks after the last change.
const LOOKS: [Duration; 4] = [
    Duration::from_millis(30),
    Duration::from_millis(150),
    Duration::from_millis(600),
    Duration::from_secs(3),
];
/// How long a step stays at the automatic pace, and for each letter that there is to read.
const PACE: Duration = Duration::from_secs(3);
const READING: Duration = Duration::from_millis(30);
const LONGEST: Duration = Duration::from_secs(15);
const MINUTE: Duration = Duration::from_secs(60);

pub(crate) enum State {
    Busy,
    Ready,
    Done,
    Failed(Box<Report>),
}

pub(crate) struct App {
    pub theme: Theme,
    sessions: Vec<Session>,
    /// Which of them is on view.
    pub at: usize,
    pub lesson: Lesson,
    cast: Cast,
    tell: Sender<Event>,
    pub run: Option<Run>,
    runs: u64,
    /// The group that runs or comes next.
    pub group: usize,
    pub state: State,
    /// When that became so, or the last key came since.
    pub since: Instant,
    /// Until then it is seen to run, even if it is over.
    calm: Instant,
    /// The last press of a key that came too early.
    early: Option<Instant>,
    /// What raw peers did and got, and in which group.
    pub logs: HashMap<String, Vec<(usize, String)>>,
    /// Whose keyboard the audience's is.
    pub taken: Option<String>,
    strayed: bool,
    pub overlay: Option<Overlay>,
    /// The opposite of what the size of the window asks for.
    pub sources: bool,
    pub teacher: bool,
    pub auto: bool,
    /// The answers that the audience chose, by group.
    pub chosen: HashMap<usize, char>,
    /// What a key could not do.
    pub message: Option<String>,
    pub opened: Instant,
    pub eyes: Eyes,
    /// When the view changed last, and how many looks there were since.
    changed: (Instant, usize),
    /// Nobody looks on: what is shown of the kernel is what the recording says, and no step lasts for the eyes' sake.
    pub recorded: bool,
    /// The time that each session took so far, and whether it was shown to its end.
    taken_times: HashMap<usize, (Duration, bool)>,
}

impl App {
    /// # Errors
    ///
    /// The notes of the session to begin with are not right.
    pub(crate) fn open(
        sessions: Vec<Session>,
        at: usize,
        cast: Cast,
        theme: Theme,
        tell: Sender<Event>,
        recorded: bool,
    ) -> Result<App> {
        let now = Instant::now();
        let lesson = Lesson::open(sessions[at].clone())?;
        let mut app = App {
            theme,
            sessions,
            at,
            lesson,
            cast,
            tell,
            run: None,
            runs: 0,
            group: 0,
            state: State::Busy,
            since: now,
            calm: now,
            early: None,
            logs: HashMap::new(),
            taken: None,
            strayed: false,
            overlay: None,
            sources: false,
            teacher: false,
            auto: false,
            chosen: HashMap::new(),
            message: None,
            opened: now,
            eyes: Eyes::default(),
            changed: (now, 0),
            recorded,
            taken_times: HashMap::new(),
        };
        app.play(0);
        Ok(app)
    }

    pub(crate) fn count(&self) -> usize {
        self.sessions.len()
    }

    pub(crate) fn sessions(&self) -> &[Session] {
        &self.sessions
    }

    /// Puts another session on view.
    fn load(&mut self, at: usize, group: usize) {
        let Some(session) = self.sessions.get(at) else { return };
        match Lesson::open(session.clone()) {
            Ok(lesson) => {
                self.leave();
                (self.lesson, self.at) = (lesson, at);
                (self.opened, self.chosen) = (Instant::now(), HashMap::new());
                self.play(group);
            }
            Err(err) => self.message = Some(format!("{err:#}")),
        }
    }

    /// Counts the time that the session on view took.
    pub(crate) fn leave(&mut self) {
        let (time, whole) = self.taken_times.entry(self.at).or_default();
        *time += self.opened.elapsed();
        *whole |= matches!(self.state, State::Done);
        self.opened = Instant::now();
    }

    /// Was this session shown to its end?
    pub(crate) fn ended(&self, at: usize) -> bool {
        let whole = self.taken_times.get(&at).is_some_and(|(_, whole)| *whole);
        whole || at == self.at && matches!(self.state, State::Done)
    }

    /// The sessions that were shown to their ends, and how long that took.
    pub(crate) fn whole(&self) -> impl Iterator<Item = (&Session, Duration)> {
        let whole = |at: usize| self.taken_times.get(&at).filter(|(_, whole)| *whole);
        let sessions = self.sessions.iter().enumerate();
        sessions.filter_map(move |(at, session)| Some((session, whole(at)?.0)))
    }

    /// Plays from the start, without a pause up to this group.
    fn play(&mut self, fast: usize) {
        // Nothing of the last play runs beside the new one.
        self.run = None;
        self.logs.clear();
        (self.group, self.strayed, self.taken, self.message) = (0, false, None, None);
        self.becomes(State::Busy);
        (self.calm, self.eyes) = (self.since, Eyes::open());
        self.runs += 1;
        let letter = if self.recorded { Duration::ZERO } else { LETTER };
        let session = &self.lesson.session;
        self.run = Some(Run::start(self.runs, session, &self.cast, (fast, letter), &self.tell));
    }

    /// What the play says; a play that was given up may still have said something.
    pub(crate) fn news(&mut self, run: u64, news: News) {
        if run != self.runs {
            return;
        }
        self.changed = (Instant::now(), 0);
        let steps = &self.lesson.session.steps;
        match news {
            News::Ready(group) => {
                self.group = group;
                self.becomes(State::Ready);
            }
            News::Before(at) => {
                if let Some(group) = self.lesson.groups.iter().position(|group| group.start == at) {
                    self.group = group;
                }
                self.log(at, lesson::of_peer(&steps[at], false));
            }
            News::Held(at) => self.log(at, lesson::of_peer(&steps[at], true)),
            News::Failed(report) => self.becomes(State::Failed(report)),
            News::Done => {
                self.group = self.lesson.groups.len();
                self.becomes(State::Done);
            }
            News::Changed => {}
        }
    }

    fn becomes(&mut self, state: State) {
        (self.state, self.since) = (state, Instant::now());
    }

    fn log(&mut self, at: usize, text: Option<String>) {
        let name = self.lesson.session.steps[at].name.clone();
        self.logs.entry(name).or_default().extend(text.map(|text| (self.group, text)));
    }

    /// The terminals that the play has so far.
    pub(crate) fn windows(&self) -> Vec<Window> {
        self.run.as_ref().map(|run| run.audience.windows()).unwrap_or_default()
    }

    pub(crate) fn ports(&self) -> Ports {
        self.run.as_ref().map(|run| run.audience.ports()).unwrap_or_default()
    }

    /// The group that runs or comes next; at the end, the last one.
    pub(crate) fn now(&self) -> usize {
        self.group.min(self.lesson.groups.len() - 1)
    }

    /// Does a press lead to the next step?
    pub(crate) fn ready(&self) -> bool {
        matches!(self.state, State::Ready) && Instant::now() >= self.calm
    }

    /// Does a step run, or is it seen to run?
    pub(crate) fn busy(&self) -> bool {
        matches!(self.state, State::Busy | State::Ready) && !self.ready()
    }

    /// How long the step has been running, if that is long.
    pub(crate) fn waiting(&self) -> Option<Duration> {
        let time = self.since.elapsed();
        (matches!(self.state, State::Busy) && time >= LONG).then_some(time)
    }

    /// The next step, or the next session. Whoever presses too early, or holds the key, does not lose a step.
    fn next(&mut self) {
        let held = self.early.take().is_some_and(|early| early.elapsed() < REPEATS);
        if held || !self.ready() && !matches!(self.state, State::Done | State::Failed(_)) {
            self.early = Some(Instant::now());
            return;
        }
        match &self.state {
            State::Ready => {
                self.becomes(State::Busy);
                self.calm = self.since + if self.recorded { Duration::ZERO } else { STEP };
                if let Some(run) = &self.run {
                    run.go();
                }
            }
            State::Done if self.at + 1 < self.count() => self.load(self.at + 1, 0),
            State::Done => {
                self.message =
                    Some("That was the last session. r shows it once more, q leaves.".to_owned())
            }
            _ => {
                self.message = Some(
                    "This step did not hold. e shows why, b tries it once more, n goes on."
                        .to_owned(),
                )
            }
        }
    }

    fn back(&mut self) {
        match (&self.state, self.group, self.at) {
            (State::Ready, 0, 0) => {}
            (State::Ready, 0, at) => self.load(at - 1, usize::MAX),
            (_, group, _) => self.play(group.saturating_sub(1)),
        }
    }

    /// What has come due by itself; true when that changes the view.
    pub(crate) fn tick(&mut self) -> bool {
        let due = self.due();
        if self.paced().is_some_and(|due| due <= Instant::now()) {
            let last = matches!(self.state, State::Done) && self.at + 1 == self.count();
            self.auto = !last;
            if !last {
                self.next();
            }
        }
        let (at, looks) = self.changed;
        let passed = LOOKS.iter().filter(|look| at.elapsed() >= **look).count();
        self.changed.1 = passed.max(looks);
        due.is_some_and(|due| due <= Instant::now())
    }

    /// When something comes due by itself.
    pub(crate) fn due(&self) -> Option<Instant> {
        let (changed, looks) = self.changed;
        let look = LOOKS.get(looks).map(|look| changed + *look);
        let elapsed = self.since.elapsed();
        let calm = (matches!(self.state, State::Ready) && !self.ready()).then_some(self.calm);
        let long = matches!(self.state, State::Busy)
            .then(|| self.since + Duration::from_secs(elapsed.as_secs() + 1));
        let open = self.opened.elapsed();
        let minute = self
            .notes_time()
            .map(|_| self.opened + MINUTE * (u32::try_from(open.as_secs() / 60).unwrap_or(0) + 1));
        [look, calm, long, self.paced(), minute].into_iter().flatten().min()
    }

    /// When the automatic pace goes on.
    fn paced(&self) -> Option<Instant> {
        let over = matches!(self.state, State::Ready | State::Done);
        let looks = self.overlay.is_none() && self.taken.is_none();
        (self.auto && over && looks).then(|| self.since + self.pace())
    }

    /// How long the view stays at the automatic pace.
    pub(crate) fn pace(&self) -> Duration {
        let caption = self.caption(200);
        let letters: usize = caption.iter().flatten().flatten().map(|(text, _)| text.len()).sum();
        LONGEST.min(PACE + READING * u32::try_from(letters).unwrap_or(0))
    }

    /// The time that the notes give the session.
    pub(crate) fn notes_time(&self) -> Option<Duration> {
        self.lesson.notes.time.filter(|_| !self.recorded)
    }
}
