//! The teacher's window: a second `cargo show --notes` follows the first, on this machine only.
//!
//! The first one listens on a loopback port and writes where, with a word that nobody else knows, into a file that only its
//! owner can read. Who follows says the word, and gets a page of lines for each change; `.` ends a page. The first who
//! follows may also press keys, one a line.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use lab::course::stages;
use ratatui::Frame;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::Event;
use crate::app::{App, State};
use crate::lesson::words;
use crate::screen::Screen;
use crate::text::{self, Row, paragraph, width};
use crate::theme::{Role, Theme};

/// Who does not take a page for so long does not follow any more.
const PATIENCE: Duration = Duration::from_millis(200);
/// How often a window without a show looks for one.
const LOOK: Duration = Duration::from_millis(500);
/// The keys that go from the second window to the first.
const KEYS: [(&str, KeyCode); 6] = [
    ("next", KeyCode::Enter),
    ("back", KeyCode::Char('b')),
    ("restart", KeyCode::Char('r')),
    ("following", KeyCode::Char('n')),
    ("previous", KeyCode::Char('p')),
    ("auto", KeyCode::Char('a')),
];

/// Where the first window says how to follow it: in the folder that the system gives each user for that, if it does. The
/// last one that was opened has it.
fn file() -> Result<PathBuf> {
    let folder =
        env::var_os("XDG_RUNTIME_DIR").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    Ok(folder.map_or_else(stages::programs, Ok)?.join("cargo-show.desk"))
}

/// Writes the file, and puts it in the place of another one in one step: two shows may begin at the same moment.
fn write(file: &Path, addr: SocketAddr, word: &str) -> Result<()> {
    let failed = || format!("failed to write {}", file.display());
    // A file of its own, so that its rights are those that it is made with.
    let own = file.with_extension(word);
    let mut options = fs::OpenOptions::new();
    let mut written =
        options.write(true).create_new(true).mode(0o600).open(&own).with_context(failed)?;
    let put = writeln!(written, "{addr} {word}").and_then(|()| fs::rename(&own, file));
    if put.is_err() {
        let _ = fs::remove_file(&own);
    }
    put.with_context(failed)
}

/// The first window's side.
pub(crate) struct Desk {
    followers: Arc<Mutex<Vec<TcpStream>>>,
    last: String,
    word: String,
}

impl Desk {
    /// # Errors
    ///
    /// There is no loopback port, or the file cannot be written.
    pub(crate) fn open(tell: &Sender<Event>) -> Result<Desk> {
        let listener =
            TcpListener::bind(("127.0.0.1", 0)).context("failed to listen for the notes")?;
        let random = fs::read("/proc/sys/kernel/random/uuid").unwrap_or_default();
        let word =
            String::from_utf8_lossy(&random).trim().to_owned() + &std::process::id().to_string();
        write(&file()?, listener.local_addr()?, &word)?;
        let desk = Desk { followers: Arc::default(), last: String::new(), word: word.clone() };
        let (followers, tell) = (Arc::clone(&desk.followers), tell.clone());
        thread::spawn(move || {
            let leader = Arc::new(Mutex::new(()));
            for stream in listener.incoming().flatten() {
                let (followers, tell, word, leader) =
                    (Arc::clone(&followers), tell.clone(), word.clone(), Arc::clone(&leader));
                thread::spawn(move || serve(stream, &word, &followers, &leader, &tell));
            }
        });
        Ok(desk)
    }

    /// Shows the page to all who follow, if it is another one.
    pub(crate) fn show(&mut self, app: &App, anew: bool) {
        let page = page(app);
        if page == self.last && !anew {
            return;
        }
        let mut followers = self.followers.lock().unwrap_or_else(PoisonError::into_inner);
        followers.retain_mut(|follower| follower.write_all(page.as_bytes()).is_ok());
        self.last = page;
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let ours =
            |file: &PathBuf| fs::read_to_string(file).is_ok_and(|text| text.contains(&self.word));
        if let Some(file) = file().ok().filter(ours) {
            let _ = fs::remove_file(file);
        }
    }
}

/// Hears one who follows, until the connection ends.
fn serve(
    stream: TcpStream,
    word: &str,
    followers: &Mutex<Vec<TcpStream>>,
    leader: &Mutex<()>,
    tell: &Sender<Event>,
) {
    let Ok(writer) = stream.try_clone() else { return };
    let mut lines = BufReader::new(stream).lines();
    if !lines.next().is_some_and(|line| line.is_ok_and(|line| line == word)) {
        return;
    }
    // Held by the first who follows, for as long as it does.
    let leads = leader.try_lock().ok();
    let mut first = &writer;
    let said = if leads.is_some() { "keys yes\n" } else { "keys no\n" };
    if first.write_all(said.as_bytes()).is_err()
        || writer.set_write_timeout(Some(PATIENCE)).is_err()
    {
        return;
    }
    followers.lock().unwrap_or_else(PoisonError::into_inner).push(writer);
    let _ = tell.send(Event::Followed);
    for line in lines.map_while(Result::ok) {
        let key = KEYS.iter().find(|(name, _)| *name == line).map(|(_, key)| *key);
        if let Some(key) = key.filter(|_| leads.is_some()) {
            let _ = tell.send(Event::Key(KeyEvent::new(key, KeyModifiers::NONE)));
        }
    }
}

/// All that the teacher's window shows, a role and a text on each line.
fn page(app: &App) -> String {
    let mut page = String::new();
    let mut add =
        |kind: &str, text: &str| page.push_str(&format!("{kind} {}\n", text.replace('\n', " ")));
    let lesson = &app.lesson;
    let groups = lesson.groups.len();
    let stage = lesson.stage.map_or(String::new(), |stage| format!("Stage {stage}  "));
    add(
        "title",
        &format!("{stage}{}  step {}/{groups}", lesson.session.name(), app.group.min(groups)),
    );
    add(
        "clock",
        &format!(
            "{} {}",
            app.opened.elapsed().as_secs(),
            lesson.notes.time.unwrap_or_default().as_secs()
        ),
    );
    // What the notes say is true of a step that held.
    let held = !app.busy() && !matches!(app.state, State::Failed(_));
    let seen = app.shown().filter(|_| held);
    if let Some(group) = seen {
        add("now", &words(lesson.act(group)));
        let note = lesson.note(group).cloned().unwrap_or_default();
        if let Some(predict) = &note.predict {
            add("right", &format!("{}  {}", predict.letter(), predict.why));
        }
        note.say.iter().for_each(|text| add("say", text));
        note.ask.iter().for_each(|text| add("ask", text));
        note.teacher.iter().for_each(|text| add("teacher", text));
    }
    match &app.state {
        State::Failed(report) => add("failed", &report.reason()),
        State::Done => match app.sessions().get(app.at + 1) {
            Some(session) => {
                add("next", &format!("End. Enter: {}. {}", session.name(), session.title))
            }
            None => add("next", "End of the last session."),
        },
        _ if app.busy() => add("now", &format!("{} ...", words(lesson.act(app.now())))),
        _ if app.group < groups => {
            add("next", &words(lesson.act(app.group)));
            let note = lesson.note(app.group).cloned().unwrap_or_default();
            if let Some(predict) = &note.predict {
                add("ask", &predict.question);
                for answer in &predict.answers {
                    let right = if answer.letter == predict.letter() { "right" } else { "answer" };
                    add(right, &format!("{}  {}", answer.letter, answer.text));
                }
            }
            note.teacher.iter().for_each(|text| add("teacher", text));
        }
        _ => {}
    }
    page + ".\n"
}

/// What the teacher's window knows.
#[derive(Default)]
struct Page {
    rows: Vec<(String, String)>,
    /// Since when, and how long the session had been on view by then; and how long it may be.
    clock: Option<(Instant, Duration, Duration)>,
    keys: bool,
    /// There is a show.
    there: bool,
}

/// What comes to the teacher's window from the first one.
pub(crate) enum Sent {
    Found(TcpStream),
    Line(String),
    Gone,
}

/// Follows whatever show there is, until somebody presses q.
///
/// # Errors
///
/// The terminal does not let it.
pub(crate) fn follow(theme: Theme) -> Result<()> {
    let (tell, events) = channel();
    let mut screen = Screen::open(&tell)?;
    thread::spawn(move || find(&tell));
    let (mut page, mut coming, mut show) = (Page::default(), Page::default(), None);
    loop {
        screen.draw(|frame| page.draw(frame, theme))?;
        // The clock goes on by itself.
        let event = match page.clock {
            Some(_) => events.recv_timeout(Duration::from_secs(1)).ok(),
            None => Some(events.recv().context("nobody reads the keys")?),
        };
        match event {
            Some(Event::Key(key)) => {
                let control = key.modifiers.contains(KeyModifiers::CONTROL);
                let code = match key.code {
                    KeyCode::Char('q') => return Ok(()),
                    KeyCode::Char('c') if control => return Ok(()),
                    KeyCode::Char(' ') | KeyCode::PageDown | KeyCode::Right => KeyCode::Enter,
                    KeyCode::PageUp | KeyCode::Left => KeyCode::Char('b'),
                    code => code,
                };
                let word = KEYS.iter().find(|(_, known)| *known == code).map(|(name, _)| *name);
                if let (Some(word), Some(stream)) = (word.filter(|_| page.keys), &mut show) {
                    let stream: &mut TcpStream = stream;
                    // A show that has gone is noticed by its silence.
                    let _ = writeln!(stream, "{word}");
                }
            }
            Some(Event::Closed) => return Ok(()),
            Some(Event::Desk(Sent::Found(stream))) => show = Some(stream),
            Some(Event::Desk(Sent::Line(line))) => {
                if let Some(keys) = line.strip_prefix("keys ") {
                    coming.keys = keys == "yes";
                } else if line == "." {
                    coming.there = true;
                    let keys = coming.keys;
                    page = std::mem::replace(&mut coming, Page { keys, ..Page::default() });
                } else {
                    coming.line(&line);
                }
            }
            Some(Event::Desk(Sent::Gone)) => (page.there, page.clock, show) = (false, None, None),
            _ => {}
        }
    }
}

/// Looks for a show, and tells all that it says; again and again.
fn find(tell: &Sender<Event>) {
    loop {
        let said = file().ok().and_then(|file| fs::read_to_string(file).ok()).unwrap_or_default();
        let found = said.trim().split_once(' ').and_then(|(addr, word)| {
            let mut stream = TcpStream::connect(addr).ok()?;
            writeln!(stream, "{word}").ok()?;
            Some((stream.try_clone().ok()?, stream))
        });
        if let Some((keys, stream)) = found {
            let lines = BufReader::new(stream).lines().map_while(Result::ok);
            let all =
                std::iter::once(Sent::Found(keys)).chain(lines.map(Sent::Line)).chain([Sent::Gone]);
            for sent in all {
                if tell.send(Event::Desk(sent)).is_err() {
                    return;
                }
            }
        }
        thread::sleep(LOOK);
    }
}

impl Page {
    fn line(&mut self, line: &str) {
        let (kind, text) = line.split_once(' ').unwrap_or((line, ""));
        if kind == "clock" {
            let seconds = |text: &str| Duration::from_secs(text.parse().unwrap_or(0));
            let (open, time) = text.split_once(' ').unwrap_or((text, ""));
            self.clock = Some((Instant::now(), seconds(open), seconds(time)));
        } else {
            self.rows.push((kind.to_owned(), text.to_owned()));
        }
    }

    fn draw(&self, frame: &mut Frame, theme: Theme) {
        let area = frame.area();
        let cells = usize::from(area.width);
        let mut rows: Vec<Row> = Vec::new();
        let mut bar = " Notes".to_owned();
        for (kind, text) in &self.rows {
            let (sign, role) = match kind.as_str() {
                "title" => {
                    bar = format!(" {text}");
                    continue;
                }
                "now" => ("NOW   ", Role::Next),
                "next" => {
                    rows.push(Vec::new());
                    ("NEXT  ", Role::Next)
                }
                "right" => ("  ✓ ", Role::Right),
                "answer" => ("    ", Role::Plain),
                "ask" => ("  ? ", Role::Question),
                "teacher" => ("  # ", Role::Teacher),
                "failed" => ("This step did not hold: ", Role::Error),
                _ => ("  ", Role::Say),
            };
            rows.extend(paragraph(sign, text, role, cells.saturating_sub(1)));
        }
        if !self.there {
            let none = match self.rows.is_empty() {
                true => "There is no show yet. In another window: cargo show",
                false => {
                    "The show has ended. These were its last notes; the next show comes by itself."
                }
            };
            rows.insert(0, vec![(none.to_owned(), Role::Question)]);
        }
        let minutes =
            |time: Duration| format!("{:02}:{:02}", time.as_secs() / 60, time.as_secs() % 60);
        let clock = self.clock.map(|(at, open, time)| (open + at.elapsed(), time));
        let late = clock.is_some_and(|(open, time)| !time.is_zero() && open > time);
        let clock = clock.map_or(String::new(), |(open, time)| match time.is_zero() {
            true => format!(" {} ", minutes(open)),
            false => format!(" {} of {} ", minutes(open), minutes(time)),
        });
        let gap = " ".repeat(cells.saturating_sub(width(&bar) + width(&clock)));
        rows.insert(
            0,
            vec![(bar + &gap, Role::Bar), (clock, if late { Role::Here } else { Role::Bar })],
        );
        let buffer = frame.buffer_mut();
        text::write_all(buffer, area, &rows, theme);
        let keys = match (self.there, self.keys) {
            (true, true) => {
                " Enter next  b back  r again  n/p session  a auto  q quit (the show goes on)"
            }
            (true, false) => " Another window has the keys: this one only follows.  q quit",
            (false, _) => " q quit",
        };
        let keys = format!("{keys:<cells$}");
        if let Some(last) = area.bottom().checked_sub(1) {
            text::write(buffer, area, last, &[(keys, Role::Keys)], theme);
        }
        theme.finish(buffer);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test says where")]

    use super::*;

    #[test]
    fn shows_that_begin_at_the_same_moment_do_not_hinder_each_other() {
        let folder = env::temp_dir().join(format!("cargo-show-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let file = folder.join("cargo-show.desk");
        let addr = ([127, 0, 0, 1], 5001).into();
        thread::scope(|scope| {
            let begin = |show| {
                let file = &file;
                move || (0..100).try_for_each(|n| write(file, addr, &format!("{show}-{n}")))
            };
            let shows: Vec<_> = (0..4).map(|show| scope.spawn(begin(show))).collect();
            shows.into_iter().for_each(|show| show.join().unwrap().unwrap());
        });
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("127.0.0.1:5001 ") && text.ends_with("-99\n"), "{text}");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::remove_dir_all(folder).unwrap();
    }
}
