//! The teacher's window: a second `cargo show --notes` follows the first, on this machine only.
//!
//! The first one listens on a loopback port and writes where, with a word that nobody else knows, into a file that only its
//! owner can read. Who follows says the word, and gets a page of lines for each change; `.` ends a page. The first who
//! follows may also press keys, one a line.

mod follower;

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
pub(crate) use follower::{Sent, follow};
use lab::course::stages;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::Event;
use crate::app::{App, State};
use crate::lesson::words;

/// Who does not take a page for so long does not follow any more.
const PATIENCE: Duration = Duration::from_millis(200);
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
