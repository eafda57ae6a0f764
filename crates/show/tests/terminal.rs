//! `cargo show` on a real terminal: every key, every end, and a second window that follows.

#![allow(clippy::unwrap_used, reason = "a failed test says where")]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::thread;
use std::time::{Duration, Instant};

use lab::course::session::Session;
use lab::course::stages;
use lab::rig::process::{self, Exit, Running};
use lab::rig::pty;
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};

/// Beside other tests a step may take long; it only ever fails then.
const LIMIT: Duration = Duration::from_secs(120);

/// A window of a person.
struct Window {
    running: Running,
    /// The end of the terminal that a person has, until the window is closed.
    terminal: Option<Arc<File>>,
    screen: Arc<Mutex<vt100::Parser>>,
    closed: Arc<AtomicBool>,
}

/// Where the windows of one test find each other, and no other show.
fn own_folder() -> PathBuf {
    let test = thread::current();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test.name().unwrap_or("show"));
    fs::create_dir_all(&folder).unwrap();
    folder
}

impl Window {
    fn open(arguments: &[&str], environment: &[(&str, &str)]) -> Window {
        static BUILT: Once = Once::new();
        BUILT.call_once(|| stages::build_only(&[]).unwrap());
        let mut command = Command::new(env!("CARGO_BIN_EXE_show"));
        command.args(arguments).env("XDG_RUNTIME_DIR", own_folder());
        for (name, value) in
            [("TERM", "xterm-256color"), ("LC_ALL", "C.UTF-8")].iter().chain(environment)
        {
            command.env(name, value);
        }
        let (running, terminal) = process::spawn_on(80, 24, &mut command).unwrap();
        let screen = Arc::new(Mutex::new(vt100::Parser::new(
            24.try_into().unwrap(),
            80.try_into().unwrap(),
            0,
        )));
        let closed = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&closed);
        let terminal = Arc::new(terminal);
        let (output, drawn) = (Arc::clone(&terminal), Arc::clone(&screen));
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Some(n) = (&*output)
                .read(&mut buffer)
                .ok()
                .filter(|n| *n > 0 && !over.load(Ordering::Relaxed))
            {
                drawn.lock().unwrap().process(&buffer[..n]);
            }
        });
        Window { running, terminal: Some(terminal), screen, closed }
    }

    fn press(&mut self, keys: &str) {
        (&**self.terminal.as_ref().unwrap()).write_all(keys.as_bytes()).unwrap();
    }

    fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Waits until the screen shows all of these; how long that took.
    fn shows(&self, texts: &[&str]) -> Duration {
        let begun = Instant::now();
        while !texts.iter().all(|text| self.text().contains(text)) {
            assert!(begun.elapsed() < LIMIT, "no {texts:?} in:\n{}", self.text());
            thread::sleep(Duration::from_millis(2));
        }
        begun.elapsed()
    }

    fn hides(&self, text: &str) {
        let begun = Instant::now();
        while self.text().contains(text) {
            assert!(begun.elapsed() < LIMIT, "still {text:?} in:\n{}", self.text());
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Presses Esc, and waits until what it closes is gone: a letter behind it would make it another key.
    fn escapes(&mut self, text: &str) {
        self.press("\x1b");
        self.hides(text);
    }

    /// Presses, and waits for what it leads to.
    fn leads(&mut self, keys: &str, texts: &[&str]) {
        self.press(keys);
        self.shows(texts);
    }

    fn ends(&self) -> Exit {
        let begun = Instant::now();
        loop {
            if let Some(exit) = self.running.ended() {
                return exit;
            }
            assert!(begun.elapsed() < LIMIT, "it goes on:\n{}", self.text());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The terminal is as it was, and no program is left.
    fn clean(&self) {
        let begun = Instant::now();
        let given_back = || {
            let screen = self.screen.lock().unwrap();
            !screen.screen().alternate_screen() && !screen.screen().hide_cursor()
        };
        while !given_back() || self.running.left() > 0 {
            assert!(
                begun.elapsed() < LIMIT,
                "{} processes, and:\n{}",
                self.running.left(),
                self.text()
            );
            thread::sleep(Duration::from_millis(5));
        }
    }
}

#[test]
fn every_key_does_what_the_help_says() {
    let mut show = Window::open(&["6/server-hangs-up"], &[]);
    show.shows(&["step 0/5", "next: server starts"]);
    // Enter, Space, Right and PageDown go on; b, Left and PageUp go back.
    show.leads("\r", &["step 1/5", "in accept()", "next: client starts"]);
    show.leads(" ", &["step 2/5", "next: client types: hello"]);
    show.leads("\x1b[C", &["step 3/5", "next: client types: Q", "recv=\"server send :hello\""]);
    show.leads(
        "\x1b[6~",
        &["step 4/5", "FIN-WAIT-2", "CLOSE-WAIT", "next: client types: anyone there?"],
    );
    show.leads("b", &["step 3/5", "next: client types: Q"]);
    show.leads("\x1b[D", &["step 2/5", "next: client types: hello"]);
    show.leads("\x1b[5~", &["step 1/5", "next: client starts"]);
    show.leads("\r", &["step 2/5", "next: client types: hello"]);
    show.leads("\r", &["step 3/5", "next: client types: Q"]);
    show.leads("A", &["▶ A"]);
    show.leads("2", &["▶ B"]);
    show.leads("1", &["▶ A"]);
    show.leads("\r", &["step 4/5", "✓ B", "(You said A.)"]);
    show.leads("s", &["server.rs", "client.rs", "▶ 14", "listener.accept()"]);
    show.leads("s", &["at the keyboard"]);
    show.leads("w", &["Step 4, as it was recorded", "write gives 1 byte"]);
    show.leads("w", &["next: client types"]);
    show.leads("d", &["From stage 5 to stage 6"]);
    show.leads("\x1b[B\x1b[6~\x1b[F", &["of "]);
    show.escapes("From stage 5");
    show.leads("?", &["one step back", "as in the book; really it is "]);
    show.leads("?", &["next: client types"]);
    show.leads(".", &["# CLOSE-WAIT in the kernel line"]);
    show.press(".");
    show.hides("# CLOSE-WAIT");
    show.leads("e", &["so far all did"]);
    // Freely typed, and back to where the play was.
    show.leads("t", &["YOUR KEYBOARD types into: client"]);
    show.leads("\t", &["types into: server"]);
    show.leads("\t", &["types into: client"]);
    show.leads("xyz\r", &[">xyz", "exit 0"]);
    show.escapes("xyz");
    show.shows(&["step 4/5", "at the keyboard"]);
    show.leads("t", &["YOUR KEYBOARD"]);
    show.escapes("YOUR KEYBOARD");
    show.leads("\r", &["End of this session.", "socket close....."]);
    show.leads("r", &["step 0/5", "next: server starts"]);
    show.leads("n", &["lost-last-line", "step 0/"]);
    show.leads("p", &["server-hangs-up", "step 0/"]);
    show.leads("p", &["This is the first session."]);
    show.leads("g", &["Sessions: arrows choose", "4 client types: Q"]);
    show.leads("\x1b[B\x1b[B\x1b[B\r", &["step 3/5", "next: client types: Q"]);
    show.leads("g", &["Sessions: arrows choose"]);
    show.escapes("Sessions: arrows");
    show.leads("a", &["auto"]);
    show.press("a");
    show.hides("auto");
    show.press("q");
    assert_eq!(show.ends(), Exit::Status(0));
    show.clean();
}

#[test]
fn a_key_is_answered_at_once_and_nothing_runs_away() {
    let mut show = Window::open(&["6/server-hangs-up"], &[]);
    // Pressed while the programs are still being built.
    show.press("q\r");
    show.shows(&["next: server starts"]);
    // As a key that is held: only the first press counts, for it comes again while the step runs.
    show.press("\r\r\r\r\r\r\r\r");
    show.shows(&["step 1/5", "next: client starts"]);
    thread::sleep(Duration::from_millis(300));
    show.shows(&["step 1/5"]);
    // Beside other programs a key may wait for its turn, but not each of them.
    let two_keys = (0..40).map(|_| {
        show.press("?");
        let open = show.shows(&["one step back"]);
        show.press("?");
        open + show.shows(&["next: client starts"])
    });
    let fastest = two_keys.min().unwrap();
    assert!(fastest < Duration::from_millis(100), "two keys take {fastest:?}");
    show.press("\x03");
    assert_eq!(show.ends(), Exit::Status(0));
    show.clean();
}

#[test]
fn a_window_of_any_size_is_drawn_anew() {
    let mut show = Window::open(&["2/queued-client"], &[]);
    show.shows(&["next: server starts"]);
    show.leads("\r", &["step 1/7", "next: first starts"]);
    for (cols, rows) in [(50, 14), (160, 50), (40, 10), (120, 40), (80, 24)] {
        show.screen
            .lock()
            .unwrap()
            .screen_mut()
            .set_size(rows.try_into().unwrap(), cols.try_into().unwrap());
        pty::resize(show.terminal.as_ref().unwrap(), cols, rows).unwrap();
        match cols {
            40 => show.shows(&["40x10 is too small"]),
            _ => show.shows(&["Stage 2", "next: first starts", "? help"]),
        };
    }
    show.press("q");
    assert_eq!(show.ends(), Exit::Status(0));
    show.clean();
}

#[test]
fn after_a_stop_it_takes_the_terminal_again() {
    let mut show = Window::open(&["6/server-hangs-up"], &[]);
    show.shows(&["next: server starts"]);
    kill(show.running.pid(), Signal::SIGSTOP).unwrap();
    // As a shell does that has the terminal meanwhile.
    let terminal = show.terminal.clone().unwrap();
    let mut modes = tcgetattr(&*terminal).unwrap();
    modes.local_flags.insert(LocalFlags::ICANON | LocalFlags::ECHO);
    tcsetattr(&*terminal, SetArg::TCSANOW, &modes).unwrap();
    show.screen.lock().unwrap().process(b"\x1b[?1049l\x1b[2J\x1b[?25h$ fg");
    kill(show.running.pid(), Signal::SIGCONT).unwrap();
    show.shows(&["next: server starts"]);
    show.leads("?", &["one step back"]);
    show.press("\x03");
    assert_eq!(show.ends(), Exit::Status(0));
    show.clean();
}

#[test]
fn whatever_ends_it_leaves_a_clean_screen_and_no_process() {
    let end_by = |(signal, status)| {
        // A flood, at its worst.
        let mut show = Window::open(&["2/killed-client"], &[]);
        show.shows(&["next: server starts"]);
        for next in [
            "next: client starts",
            "next: client types",
            "next: client is killed",
            "End of this session.",
        ] {
            show.leads("\r", &[next]);
        }
        show.shows(&["runs: "]);
        kill(show.running.pid(), signal).unwrap();
        assert_eq!(show.ends(), Exit::Status(status));
        show.clean();
    };
    thread::scope(|scope| {
        for end in [(Signal::SIGTERM, 143), (Signal::SIGINT, 130), (Signal::SIGHUP, 129)] {
            scope.spawn(move || end_by(end));
        }
    });
    // The window is closed: nobody can look whether it is clean.
    let mut show = Window::open(&["6/server-hangs-up"], &[]);
    show.shows(&["next: server starts"]);
    show.leads("\r", &["next: client starts"]);
    show.closed.store(true, Ordering::Relaxed);
    show.press("?");
    show.terminal = None;
    let begun = Instant::now();
    while show.running.ended().is_none() || show.running.left() > 0 {
        assert!(begun.elapsed() < LIMIT, "{} processes are left", show.running.left());
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_step_that_does_not_hold_is_one_red_line_and_the_report_is_a_key_away() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wrong.session");
    fs::write(
        &file,
        "# A server that prints something else.\nserver $ stage1-server\nserver | hello\n",
    )
    .unwrap();
    let mut show = Window::open(&[file.to_str().unwrap()], &[]);
    show.shows(&["next: server starts"]);
    show.leads("\r", &["This step did not hold: expected hello, got listening on 127.0.0.1:"]);
    show.leads("\r", &["e shows why, b tries it once more"]);
    show.leads("e", &["What was expected", "These steps held:"]);
    show.escapes("What was expected");
    show.leads("b", &["next: server starts"]);
    show.press("q");
    assert_eq!(show.ends(), Exit::Status(0));
    show.clean();
}

#[test]
fn a_second_window_follows_with_the_notes_and_outlives_the_show() {
    let mut notes = Window::open(&["--notes"], &[]);
    notes.shows(&["There is no show yet."]);
    let mut show = Window::open(&["6/server-hangs-up"], &[]);
    show.shows(&["next: server starts"]);
    notes.shows(&["Stage 6  server-hangs-up  step 0/5", "Enter next"]);
    let mut other = Window::open(&["--notes"], &[]);
    other.shows(&["Another window has the keys"]);
    other.press("\r");
    notes.shows(&["NEXT  server starts"]);
    notes.leads("\r", &["step 1/5", "NEXT  client starts"]);
    show.shows(&["step 1/5", "next: client starts"]);
    other.shows(&["step 1/5"]);
    notes.leads("\r", &["step 2/5", "NEXT  client types: hello"]);
    notes.leads(" ", &["step 3/5", "NEXT  client types: Q", "# CLOSE-WAIT in the kernel line"]);
    // What is for the teacher is not on the projector.
    assert!(!show.text().contains("# CLOSE-WAIT"), "{}", show.text());
    notes.leads("b", &["step 2/5", "NEXT  client types: hello"]);
    show.press("q");
    assert_eq!(show.ends(), Exit::Status(0));
    notes.shows(&["The show has ended.", "step 2/5"]);
    drop(show);
    let mut show = Window::open(&["1/one-message"], &[]);
    notes.shows(&["Stage 1  one-message  step 0/2"]);
    show.press("q");
    assert_eq!(show.ends(), Exit::Status(0));
    for window in [&mut notes, &mut other] {
        window.press("q");
        assert_eq!(window.ends(), Exit::Status(0));
    }
    notes.clean();
}

#[test]
fn a_rehearsal_writes_the_minutes_of_what_was_shown_to_its_end() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let session = folder.join("rehearsed.session");
    fs::write(&session, "# One step.\nclient $ stage1-client --help\nclient ~ usage\n").unwrap();
    let notes = session.with_extension("notes");
    fs::write(&notes, "minutes: 6\n\n@ client $ stage1-client --help\nsay: Help.\n").unwrap();
    let mut show = Window::open(&[session.to_str().unwrap(), "--rehearse"], &[]);
    show.shows(&["0 of 6 min", "next: client starts"]);
    show.leads("\r", &["End of this session.", "Help."]);
    show.press("q");
    assert_eq!(show.ends(), Exit::Status(0));
    show.shows(&["rehearsed: 0.5 minutes"]);
    assert_eq!(
        fs::read_to_string(notes).unwrap(),
        "minutes: 0.5\n\n@ client $ stage1-client --help\nsay: Help.\n"
    );
}

#[test]
fn a_terminal_that_cannot_show_panes_is_told_what_to_use_instead() {
    let show = Window::open(&["6/server-hangs-up"], &[("TERM", "dumb")]);
    show.shows(&["TERM is dumb", "cargo lab play 6/server-hangs-up"]);
    assert_eq!(show.ends(), Exit::Status(2));
    let piped = Command::new(env!("CARGO_BIN_EXE_show")).arg("6").output().unwrap();
    assert_eq!(piped.status.code(), Some(2));
    let said = String::from_utf8_lossy(&piped.stderr).into_owned();
    assert_eq!(
        said,
        "Error: cargo show needs a terminal: use cargo lab play 6, which prints lines\n"
    );
}

#[test]
fn without_colours_no_colour_is_sent() {
    for grey in [("NO_COLOR", "1"), ("TERM", "vt100")] {
        let mut show = Window::open(&["6/server-hangs-up"], &[grey, ("LC_ALL", "C")]);
        show.shows(&["next: server starts"]);
        show.leads("\r", &["step 1/5 #....", "+- server ", "next: client starts"]);
        let screen = show.screen.lock().unwrap();
        for (row, col) in (0..24).flat_map(|row| (0..80).map(move |col| (row, col))) {
            let cell = screen.screen().cell(row, col).unwrap();
            assert_eq!(
                (cell.fgcolor(), cell.bgcolor()),
                (vt100::Color::Default, vt100::Color::Default)
            );
            assert!(cell.contents().is_ascii(), "{:?}", cell.contents());
        }
    }
}

#[test]
fn wrong_usage_is_named_in_one_line() {
    for (arguments, line) in [
        (&["--dance"][..], "Error: unexpected argument '--dance' found"),
        (
            &["--record", "x.gif", "1/help"],
            "Error: x.gif: a recording is a file that ends in .cast, .js or .svg",
        ),
        (&["--record", "x.cast", "7"], "Error: there is no stage 7: the stages are 1 to 6"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_show")).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.starts_with(line), "{said}");
    }
    let plan = Command::new(env!("CARGO_BIN_EXE_show")).arg("--schedule").output().unwrap();
    assert!(String::from_utf8_lossy(&plan.stdout).contains("`cargo show 6/server-hangs-up`"));
}

/// `for N in 1 ... 6: cargo show N/NAME --record docs/src/casts/stageN.js --record docs/src/casts/stageN.svg`, with the first
/// session of each stage, makes them anew.
#[test]
fn the_recordings_in_the_book_are_what_a_class_sees() {
    let books = stages::root().join("docs/src/casts");
    let own = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let record = |(stage, session): (u8, Session)| {
        let files = ["js", "svg", "cast"].map(|ending| own.join(format!("stage{stage}.{ending}")));
        let mut show = Command::new(env!("CARGO_BIN_EXE_show"));
        show.arg(format!("{stage}/{}", session.name())).env("XDG_RUNTIME_DIR", own);
        files.iter().for_each(|file| _ = show.arg("--record").arg(file));
        let output = show.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        for file in &files[..2] {
            let book = books.join(file.file_name().unwrap());
            let same = fs::read(file).unwrap() == fs::read(&book).unwrap();
            assert!(same, "{} is not what {} shows", book.display(), session.path.display());
        }
        // The same with its time: a header, and one mark for each step.
        let cast = fs::read_to_string(&files[2]).unwrap();
        let marks = cast.lines().filter(|line| line.contains(", \"m\", ")).count();
        let acts = session.steps.iter().filter(|step| step.acts()).count();
        assert_eq!((cast.starts_with("{\"version\": 2, "), marks), (true, acts));
    };
    thread::scope(|scope| {
        for first in stages::STAGES.zip(stages::find(None).unwrap()) {
            scope.spawn(|| record(first));
        }
    });
}
