//! The view as a class sees it: drawn screens as text, and plays of all sessions, forwards and backwards.

#![allow(clippy::unwrap_used, reason = "a failed test says where")]

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, Once};
use std::thread;
use std::time::{Duration, Instant};

use lab::course::session::Session;
use lab::course::stages;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::Color;
use snapbox::{Data, assert_data_eq};

use crate::Event;
use crate::app::{App, State};
use crate::theme::Theme;

/// Beside other tests a step may take long. One that does not hold fails at once.
const LIMIT: Duration = Duration::from_secs(120);

struct Show {
    app: App,
    events: Receiver<Event>,
}

impl Show {
    fn open(sessions: Vec<Session>) -> Show {
        static BUILT: Once = Once::new();
        BUILT.call_once(|| stages::build_only(&[]).unwrap());
        let (tell, events) = channel();
        let theme = Theme { light: false, colour: true, utf8: true };
        let app = App::open(sessions, 0, stages::troupe().unwrap(), theme, tell, true).unwrap();
        Show { app, events }
    }

    fn find(what: &str) -> Show {
        Show::open(stages::find(Some(what)).unwrap())
    }

    /// Waits until a look at the app gives true.
    fn until(&mut self, what: &str, mut done: impl FnMut(&App) -> bool) {
        let limit = Instant::now() + LIMIT;
        while !done(&self.app) {
            if let State::Failed(report) = &self.app.state {
                panic!("not {what}\n{report}");
            }
            assert!(Instant::now() < limit, "{}: not {what}", self.app.lesson.session.name());
            match self.events.recv_timeout(Duration::from_millis(10)) {
                Ok(Event::Play(run, news)) => self.app.news(run, news),
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => panic!("the play is gone"),
            }
        }
    }

    fn press(&mut self, key: KeyCode) {
        self.app.key(KeyEvent::new(key, KeyModifiers::NONE));
    }

    /// Waits until the group comes next, and all that came before is on view.
    fn comes(&mut self, group: usize) {
        self.until(&format!("at step {group}"), |app| app.ready() && app.group == group);
        self.until("at rest", |app| app.rests() != Some(false));
    }

    fn step_to(&mut self, group: usize) {
        for at in 0..group {
            self.comes(at);
            self.press(KeyCode::Enter);
        }
        self.comes(group);
    }

    fn screen(&mut self, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| self.app.draw(frame)).unwrap();
        let buffer = terminal.backend().buffer();
        let mut text = String::new();
        for row in buffer.content.chunks(usize::from(width)) {
            let mut cells = row.iter();
            let mut line = String::new();
            while let Some(cell) = cells.next() {
                line += cell.symbol();
                // The second cell of a wide character has nothing of its own.
                (1..unicode_width::UnicodeWidthStr::width(cell.symbol()))
                    .for_each(|_| _ = cells.next());
            }
            text = text + line.trim_end() + "\n";
        }
        text
    }

    fn is(&mut self, name: &str, width: u16, height: u16) {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(format!("tests/screens/{name}-{width}x{height}.txt"));
        assert_data_eq!(self.screen(width, height), Data::read_from(&file, None).raw());
    }
}

#[test]
fn a_question_before_the_step_that_answers_it() {
    let mut show = Show::find("6/server-hangs-up");
    show.step_to(4);
    for (width, height) in [(50, 14), (80, 24), (120, 40), (160, 50)] {
        show.is("hangs-up", width, height);
    }
    assert_eq!(show.screen(49, 14).lines().next(), Some("49x14 is too small: show needs 50x14."));
    show.app.theme = Theme { light: false, colour: false, utf8: false };
    show.is("hangs-up-ascii", 80, 24);
}

#[test]
fn nobody_reads_how_it_ends_before_the_question() {
    let mut show = Show::find("1/nobody-listens");
    show.comes(0);
    let title = "A client without a server says so";
    show.press(KeyCode::Char('g'));
    let list = show.screen(80, 24);
    show.press(KeyCode::Esc);
    let start = show.screen(80, 24);
    assert!(!start.contains(title) && start.contains("One question: say A, B or C"), "{start}");
    assert!(!list.contains(title) && list.contains("1/nobody-listens"), "{list}");
    show.press(KeyCode::Enter);
    show.until("over", |app| matches!(app.state, State::Done));
    show.press(KeyCode::Char('g'));
    let list = show.screen(80, 24);
    assert!(list.contains(title), "{list}");
}

#[test]
fn a_wire_that_has_no_room_ends_with_a_sign() {
    let mut show = Show::find("1/one-message");
    show.step_to(1);
    show.press(KeyCode::Enter);
    show.until("over", |app| matches!(app.state, State::Done));
    let wire = " wire    SYN → server   SYN-ACK → client   17 bytes → server   FIN → server   …\n";
    let screen = show.screen(80, 24);
    assert!(screen.contains(wire), "{screen}");
}

#[test]
fn nothing_shines_through_a_list() {
    let mut show = Show::find("2/queued-client");
    show.step_to(5);
    show.press(KeyCode::Char('g'));
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    terminal.draw(|frame| show.app.draw(frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let inside = (2..22).flat_map(|y| (1..79).map(move |x| (x, y)));
    let allowed = [Color::Reset, Color::Yellow];
    assert_eq!(
        inside.filter(|place| !allowed.contains(&buffer[*place].bg)).collect::<Vec<_>>(),
        []
    );
}

#[test]
fn three_terminals_and_a_queue() {
    let mut show = Show::find("2/queued-client");
    show.step_to(5);
    for (width, height) in [(50, 14), (80, 24), (120, 40), (160, 50)] {
        show.is("queued", width, height);
    }
}

#[test]
fn raw_peers_have_panes_of_their_own() {
    let mut show = Show::find("3/reset-client");
    show.step_to(4);
    show.is("reset", 80, 24);
}

#[test]
fn the_automatic_pace_leaves_time_to_read_and_ends_with_the_last_session() {
    let sessions = ["1/one-message", "1/nobody-listens"].map(|name| stages::find(Some(name)));
    let mut show = Show::open(sessions.into_iter().flat_map(Result::unwrap).collect());
    show.comes(0);
    show.press(KeyCode::Char('a'));
    let (mut seen, longest) = (Vec::new(), Duration::from_secs(15));
    while show.app.auto {
        show.until("over", |app| app.ready() || matches!(app.state, State::Done));
        seen.push((show.app.at, show.app.group));
        show.app.tick();
        assert!(!show.app.busy(), "it goes on too early");
        assert!(show.app.due().unwrap() <= show.app.since + longest);
        show.app.since -= longest;
        show.app.tick();
    }
    assert_eq!(seen, [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]);
}

#[test]
fn wide_characters_take_two_cells() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sessions/wide.session");
    let mut show = Show::open(vec![Session::read(&file).unwrap()]);
    show.comes(0);
    show.press(KeyCode::Enter);
    show.comes(1);
    show.press(KeyCode::Enter);
    show.comes(2);
    show.press(KeyCode::Enter);
    show.until("over", |app| matches!(app.state, State::Done));
    let wait = |app: &App| app.windows().iter().all(|window| window.waits().is_some());
    show.until("at rest", wait);
    show.is("wide", 50, 14);
    show.is("wide", 80, 24);
}

/// To the end and, one step at a time, back to the start.
fn there_and_back(session: Session) {
    let mut show = Show::open(vec![session]);
    let groups = show.app.lesson.groups.len();
    let comes = |show: &mut Show, group| {
        show.until(&format!("at step {group}"), |app| app.ready() && app.group == group);
    };
    for group in 0..groups {
        comes(&mut show, group);
        show.press(KeyCode::Enter);
    }
    show.until("over", |app| matches!(app.state, State::Done));
    for group in (0..groups).rev() {
        show.press(KeyCode::Left);
        comes(&mut show, group);
    }
}

#[test]
fn every_session_is_played_to_its_end_and_back_to_its_start() {
    let sessions = stages::STAGES.map(|stage| stages::find(Some(&stage.to_string())).unwrap());
    let sessions = Mutex::new(sessions.flatten());
    let next = || sessions.lock().unwrap().next();
    // Each of them waits more than it computes.
    thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| std::iter::from_fn(next).for_each(there_and_back));
        }
    });
}
