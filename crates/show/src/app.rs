//! What is on view, what the keys do to it, and what a play says.

use std::collections::HashMap;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use anyhow::Result;
use lab::course::cast::Cast;
use lab::course::session::Session;
use lab::play::Report;
use lab::play::live::{Screen, Window};
use lab::wire::story::Place;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

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
        (self.calm, self.eyes) = (self.since, Eyes::default());
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

    /// False when it is time to leave.
    pub(crate) fn key(&mut self, key: KeyEvent) -> bool {
        self.changed = (Instant::now(), 0);
        if !matches!(self.state, State::Busy) {
            // The automatic pace gives the time to read anew.
            self.since = self.changed.0;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        if self.taken.is_some() {
            self.type_freely(key);
            return true;
        }
        self.message = None;
        if control {
            return key.code != KeyCode::Char('c');
        }
        if let Some(mut overlay) = self.overlay.take() {
            match overlay.key(key.code) {
                Ok(true) => self.overlay = Some(overlay),
                Ok(false) => {}
                Err((at, group)) if at == self.at => self.play(group),
                Err((at, group)) => self.load(at, group),
            }
            return true;
        }
        match key.code {
            KeyCode::Char('q') => return false,
            KeyCode::Enter | KeyCode::Char(' ') | KeyCode::PageDown | KeyCode::Right => self.next(),
            KeyCode::Char('b') | KeyCode::PageUp | KeyCode::Left => self.back(),
            KeyCode::Char('r') => self.play(0),
            KeyCode::Char('n') if self.at + 1 < self.count() => self.load(self.at + 1, 0),
            KeyCode::Char('p') if self.at > 0 => self.load(self.at - 1, 0),
            KeyCode::Char('n') => self.message = Some("This is the last session.".to_owned()),
            KeyCode::Char('p') => self.message = Some("This is the first session.".to_owned()),
            KeyCode::Char('a') => self.auto = !self.auto,
            KeyCode::Char('t') => self.take(),
            KeyCode::Char('s') => self.sources = !self.sources,
            KeyCode::Char('.') => self.teacher = !self.teacher,
            KeyCode::Char('g') => self.overlay = Some(Overlay::list(self)),
            KeyCode::Char('d') => self.overlay = Some(Overlay::diff(self.lesson.stage)),
            KeyCode::Char('w') => self.overlay = Some(Overlay::story(self)),
            KeyCode::Char('?') => self.overlay = Some(Overlay::help(self)),
            KeyCode::Char('e') => match &self.state {
                State::Failed(report) => self.overlay = Some(Overlay::report(report)),
                _ => {
                    self.message = Some(
                        "e shows the report of a step that did not hold; so far all did."
                            .to_owned(),
                    )
                }
            },
            KeyCode::Char(letter @ ('A'..='F' | '1'..='6')) => self.choose(letter),
            _ => {}
        }
        true
    }

    /// Somebody says beforehand what will be seen.
    fn choose(&mut self, letter: char) {
        let predict = self.lesson.note(self.group).and_then(|note| note.predict.as_ref());
        let Some(predict) = predict.filter(|_| self.ready()) else { return };
        let number = letter.to_digit(10).map(|digit| digit as usize - 1);
        let answer = predict
            .answers
            .iter()
            .enumerate()
            .find(|(at, answer)| answer.letter == letter || Some(*at) == number);
        if let Some((_, answer)) = answer {
            self.chosen.insert(self.group, answer.letter);
        }
    }

    /// Gives the keyboard to the terminal that acted last, or to another that runs.
    fn take(&mut self) {
        if matches!(self.state, State::Busy) {
            return;
        }
        let last = self.group.checked_sub(1).map(|group| self.lesson.act(group).name.clone());
        let running = self.running();
        let one = running.iter().rev().find(|name| Some(*name) == last.as_ref()).or(running.last());
        self.taken = one.cloned();
        if self.taken.is_none() {
            self.message = Some("No program runs that you could type to.".to_owned());
        }
    }

    /// The terminals whose programs run.
    fn running(&self) -> Vec<String> {
        let windows = self.run.as_ref().map(|run| run.audience.windows()).unwrap_or_default();
        let running =
            windows.into_iter().filter(|window| window.look(|screen| screen.exit().is_none()));
        running.map(|window| window.name).collect()
    }

    fn type_freely(&mut self, key: KeyEvent) {
        let bytes: Vec<u8> = match key.code {
            KeyCode::Esc => {
                self.taken = None;
                if self.strayed {
                    self.play(self.group);
                }
                return;
            }
            KeyCode::Tab => {
                let running = self.running();
                let at = running.iter().position(|name| Some(name) == self.taken.as_ref());
                let next = at.map_or(0, |at| (at + 1) % running.len().max(1));
                self.taken = running.get(next).cloned().or(self.taken.take());
                return;
            }
            KeyCode::Char(letter) if key.modifiers.contains(KeyModifiers::CONTROL) => {
                vec![(letter.to_ascii_lowercase() as u8) & 0x1f]
            }
            KeyCode::Char(letter) => letter.to_string().into_bytes(),
            KeyCode::Enter => b"\r".to_vec(),
            KeyCode::Backspace => vec![0x7f],
            KeyCode::Delete => b"\x1b[3~".to_vec(),
            KeyCode::Home => b"\x1b[H".to_vec(),
            KeyCode::End => b"\x1b[F".to_vec(),
            KeyCode::Up => b"\x1b[A".to_vec(),
            KeyCode::Down => b"\x1b[B".to_vec(),
            KeyCode::Right => b"\x1b[C".to_vec(),
            KeyCode::Left => b"\x1b[D".to_vec(),
            _ => return,
        };
        self.strayed = true;
        let windows = self.run.as_ref().map(|run| run.audience.windows()).unwrap_or_default();
        if let Some(window) =
            windows.iter().find(|window| Some(&window.name) == self.taken.as_ref())
        {
            // A program that has ended hears nothing; its pane says that it has ended.
            let _ = window.press(&bytes);
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

    /// Does each terminal show what the recording has, and its program wait there? `None` without a recording.
    pub(crate) fn rests(&self) -> Option<bool> {
        let story = self.lesson.story.as_ref()?;
        // Before the first step there is nothing that moves.
        let Some(shown) = self.shown() else { return Some(true) };
        let now = story.after(shown);
        let audience = &self.run.as_ref()?.audience;
        let ports = audience.ports();
        let rests = |window: &Window| {
            // Who comes again is another party of the same name: the last one that has come.
            let mut parties = (0..story.parties.len()).rev();
            let come = |at: &usize| {
                story.parties[*at].name == window.name && now.places[*at] != Place::NotStarted
            };
            let Some(at) = parties.find(come) else { return false };
            let last = window.look(|screen| screen.all().pop());
            let shows = last.map(|line| ports.show(&line)) == now.terminals[at].last().cloned();
            let flooded = window.look(Screen::flooded);
            flooded
                || shows
                    && match &now.places[at] {
                        Place::Waits(call) => {
                            window.waits().is_some_and(|waits| waits.ends_with(call.as_str()))
                        }
                        Place::Ended => window.look(|screen| screen.exit().is_some()),
                        _ => false,
                    }
        };
        Some(audience.windows().iter().all(rests))
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
