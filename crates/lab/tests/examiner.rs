//! The examiner is examined: the stages get the matrix, right programs in several languages and of every
//! build pass, and each wrong one gets its report.
//!
//! The programs of a language that is not installed are skipped, with a line that says so. Python is
//! always tested.
//!
//! `SNAPSHOTS=overwrite cargo test -p lab --test examiner` writes the reports anew.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::LazyLock;

use lab::check::{Behaviour, Options};
use lab::course::cast::Cast;
use libtest_mimic::{Failed, Trial};
use snapbox::{Assert, Data};

/// The stage to check, the part, the fault, and whether to go on after a failure.
const FAULTS: &[(u8, &str, &str, bool)] = &[
    (1, "server", "prints nothing", false),
    (1, "server", "prints raw escapes", false),
    (1, "server", "prints megabytes", false),
    (1, "server", "ends at once", false),
    (1, "server", "hangs silently", false),
    (1, "server", "hangs with every signal caught", false),
    (1, "server", "closes its terminal", false),
    (1, "server", "listens elsewhere", false),
    (1, "server", "address in use", false),
    (1, "server", "does not end", false),
    (1, "server", "answers nothing", false),
    (2, "server", "prints what an earlier message has left", false),
    (2, "server", "prints all so far", false),
    (2, "server", "prints the whole buffer", false),
    (2, "server", "strips what it prints", false),
    (2, "server", "clears the screen", false),
    (2, "server", "never closes on q", false),
    (2, "server", "closes on any q", false),
    (2, "server", "reads 1000 bytes at most", false),
    (2, "server", "reads 512 bytes at most", false),
    (2, "server", "serves one client only", false),
    (2, "server", "gives a silent client up", false),
    (2, "server", "serves five clients", false),
    (2, "server", "ends a conversation after ten messages", false),
    (2, "server", "ends when nobody comes", false),
    (2, "server", "misses a q that comes first", false),
    (2, "server", "closes on what looks like q", false),
    (2, "server", "greets", false),
    (3, "server", "spins on 0 bytes", true),
    (3, "server", "dies on a reset", false),
    (3, "server", "is stuck after an early reset", true),
    (3, "server", "asks who has left", false),
    (3, "server", "hangs after the fifth reset", false),
    (3, "server", "decodes strictly", false),
    (3, "server", "prints raw escapes", false),
    (3, "server", "asks again and again", false),
    (3, "server", "keeps every connection", false),
    (3, "server", "keeps a connection that fails", false),
    (3, "server", "forks", false),
    (3, "server", "listens everywhere", false),
    (3, "server", "prints invalid UTF-8", false),
    (3, "server", "loses the last message", false),
    (3, "server", "waits for whoever comes", false),
    (3, "server", "keeps the connection on q", false),
    (3, "server", "leaves a thread per client", false),
    (3, "server", "prints up to the first zero", false),
    (3, "server", "escapes the first one only", false),
    (3, "server", "escapes ESC alone", false),
    (5, "server", "dies on a reset", true),
    (5, "server", "answers without the prefix", false),
    (5, "server", "answers with a newline", false),
    (5, "server", "answers with all so far", false),
    (5, "server", "closes on q with blanks", false),
    (5, "server", "answers with text", false),
    (5, "server", "answers with 1024 bytes at most", false),
    (5, "server", "drops what is left", false),
    (5, "server", "reads 4096 bytes", false),
    (5, "server", "answers in two pieces", false),
    (5, "server", "answers the one that came last", false),
    (5, "server", "dies of a failed write", false),
    (5, "server", "answers in small letters", false),
    (5, "server", "drops zeros at the end", false),
    (5, "server", "answers no o", false),
    (5, "server", "drops one that says no more", false),
    (6, "server", "ignores Q", false),
    (6, "server", "closes on any Q", false),
    (6, "server", "keeps the connection on Q", false),
    (1, "client", "says hello with a newline", false),
    (1, "client", "never connects", false),
    (1, "client", "says hello in two pieces", false),
    (2, "client", "appends a newline", false),
    (2, "client", "sends a line in two pieces", false),
    (2, "client", "waits for an answer", false),
    (2, "client", "ignores Ctrl-D", false),
    (2, "client", "ignores Ctrl-C", false),
    (2, "client", "sends the line before on Enter", false),
    (2, "client", "sends the first word only", false),
    (2, "client", "waits after an empty send", false),
    (2, "client", "waits for an answer to q", false),
    (2, "client", "strips the line", false),
    (2, "client", "takes a zero for nothing", false),
    (2, "client", "ends on quit", false),
    (2, "client", "sends Latin-1", false),
    (2, "client", "sends no emoji", false),
    (2, "client", "asks again and again for the keyboard", false),
    (2, "client", "takes 255 characters at most", false),
    (2, "client", "ends on exit", false),
    (2, "client", "gives the keyboard up", false),
    (4, "client", "sends the o", false),
    (4, "client", "sends no line that begins with o", false),
    (4, "client", "sends the second o", false),
    (4, "client", "takes an o with a blank for one", false),
    (5, "client", "prints no answer", false),
    (5, "client", "clears the screen", false),
    (5, "client", "gives the answer up", false),
    (5, "client", "prints the answer before", false),
    (5, "client", "prints all so far", false),
    (5, "client", "prints what an earlier answer has left", false),
    (5, "client", "prints the whole buffer", false),
    (5, "client", "reads 100 bytes of an answer", false),
    (5, "client", "decodes strictly", false),
    (5, "client", "prints raw escapes", false),
    (5, "client", "asks again and again for the answer", false),
    (5, "client", "opens a file for each answer", false),
    (5, "client", "ends after twenty lines", false),
    (5, "client", "prints an answer only when it is another one", false),
    (5, "client", "prints up to the first zero", false),
    (5, "client", "escapes the first one only", false),
    (5, "client", "escapes ESC alone", false),
    (5, "client", "reads on when 512 bytes came", false),
    (6, "client", "goes on after the close", false),
    (6, "client", "goes on after Q", false),
    (6, "client", "goes on after a reset", false),
    (6, "client", "connects again", false),
    (6, "client", "goes on after a failed send", false),
];

/// Right programs of stage 6, of those that are not only other words for the same calls, but other ways to
/// wait, read and type.
const RIGHT: [&str; 14] = [
    "events-server.py",
    "fork-server.py",
    "half-close-client.py",
    "late-client.py",
    "keyboard-and-socket-client.py",
    "raw-client.py",
    "threads-server.rb",
    "reline-client.rb",
    "fork-server.pl",
    "lines-client.pl",
    "events-server.tcl",
    "events-client.tcl",
    "events-server.js",
    "readline-client.js",
];
const INTERPRETERS: [(&str, &str); 5] =
    [("py", "python3"), ("rb", "ruby"), ("pl", "perl"), ("tcl", "tclsh"), ("js", "node")];

fn main() -> ExitCode {
    // What takes longest begins first.
    let mut trials: Vec<Trial> = RIGHT.iter().filter_map(|program| right(program)).collect();
    trials.extend(FAULTS.iter().map(|&(stage, part, fault, all)| {
        let name = format!("stage{stage}-{part}-{}", fault.replace(' ', "-").to_lowercase());
        let report = name.clone();
        Trial::test(name, move || {
            let mut words = program(&format!("faulty_{part}.py"));
            words.push(fault.to_owned());
            // What earlier stages demand is not at fault here, and would take most of the time.
            let mut demanded = lab::check::demanded(stage)?;
            demanded.retain(|behaviour| behaviour.stage >= stage);
            agrees(&check_all(demanded, stage, part, words, all)?, &report)
        })
    }));
    trials.push(Trial::test(
        "every_stage_has_what_it_teaches_and_lacks_what_the_next_one_teaches",
        || Ok(lab::check::compare(&lab::check::matrix()?)?),
    ));
    trials.push(Trial::test("a_right_server_in_python_passes", || passes("server", &[5, 6])));
    trials.push(Trial::test("a_right_client_in_python_passes", || passes("client", &[4, 5, 6])));
    for (stage, section) in [(1, "4.1"), (2, "4.2")] {
        let name = format!("the_original_server_of_section_{section}_holds");
        let python = python2();
        let is_missing = python.is_none();
        let original = Trial::test(name, move || {
            let mut words = program("original_server.py2");
            words.splice(..4, python.map(|path| path.display().to_string()));
            words.extend([section.to_owned(), "{addr}".to_owned()]);
            holds(&check(stage, "server", words, true)?)
        });
        trials.push(original.with_ignored_flag(is_missing));
    }
    trials.push(Trial::test("the_address_goes_where_it_is_wanted", || {
        let mut words = program("server.py");
        words.push("{addr}".to_owned());
        holds(&check(3, "server", words, true)?)
    }));
    trials.push(Trial::test("a_program_that_cannot_be_started", || {
        agrees(
            &check(1, "server", vec!["./no-such-program".to_owned()], false)?,
            "cannot-be-started",
        )
    }));
    trials.push(Trial::test("every_behaviour_catches_a_wrong_program", every_behaviour_catches));
    let result = lab::run_tests(trials);
    match lab::rig::process::left() {
        0 => result,
        left => {
            eprintln!("{left} processes outlived their session");
            ExitCode::FAILURE
        }
    }
}

/// The trial of a right program; `None` where its language is not installed.
fn right(name: &'static str) -> Option<Trial> {
    let (stem, ending) = name.rsplit_once('.')?;
    let (_, interpreter) = INTERPRETERS.iter().find(|(known, _)| *known == ending)?;
    let words = match *interpreter {
        "python3" => program(&format!("right/{name}")),
        other if find(other).is_none() => {
            eprintln!("skipped: {name}, there is no {other}");
            return None;
        }
        other => vec![other.to_owned(), path(&format!("right/{name}"))],
    };
    let part = if stem.ends_with("server") { "server" } else { "client" };
    Some(Trial::test(name, move || holds(&check(6, part, words, true)?)))
}

fn find(command: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(command)).find(|path| path.is_file())
}

/// The interpreter itself: a wrapper of it takes longer to start than the program.
static PYTHON: LazyLock<String> = LazyLock::new(|| {
    let print = "import sys; print(sys.executable)";
    let python = Command::new("python3").args(["-c", print]).output();
    let path = python.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    path.unwrap_or_else(|_| "python3".to_owned())
});

/// Python 2, which few machines still have: without it the original's programs are skipped.
fn python2() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&folders)
        .flat_map(|folder| ["python2.7", "python2"].map(|name| folder.join(name)));
    let by_pyenv = std::env::home_dir().into_iter().flat_map(|home| {
        let versions = std::fs::read_dir(home.join(".pyenv/versions")).into_iter().flatten();
        let second = versions.flatten().map(|version| version.path().join("bin/python2.7"));
        second.collect::<Vec<PathBuf>>()
    });
    let runs = |path: &PathBuf| {
        let version = Command::new(path).arg("--version").output();
        version.is_ok_and(|output| output.status.success())
    };
    on_path.chain(by_pyenv).find(runs)
}

/// The command that runs one of the Python programs, without what a site adds to Python.
fn program(name: &str) -> Vec<String> {
    [&*PYTHON, "-I", "-S", "-B", &path(name)].map(str::to_owned).to_vec()
}

fn path(program: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs").join(program);
    path.to_string_lossy().into_owned()
}

/// What `cargo lab check` prints, and its exit status.
///
/// All checks run in this process: one process never tells two programs the same port.
fn check(stage: u8, part: &str, words: Vec<String>, all: bool) -> Result<String, Failed> {
    check_all(lab::check::demanded(stage)?, stage, part, words, all)
}

fn check_all(
    demanded: Vec<Behaviour>,
    stage: u8,
    part: &str,
    words: Vec<String>,
    all: bool,
) -> Result<String, Failed> {
    // The same words in every run, as the reports have them.
    let mut cast = Cast { seed: Some(1), ..Cast::default() };
    match part {
        "server" => cast.server = Some(words),
        _ => cast.client = Some(words),
    }
    let mut out = Vec::new();
    let how = Options { all, stage: Some(stage), ..Options::default() };
    let status = match lab::check::print(&demanded, &cast, how, &mut out) {
        Ok(holds) => format!("exit status {}\n", if holds { 0 } else { 1 }),
        // As main does it.
        Err(err) => format!("Error: {err:#}\nexit status 2\n"),
    };
    let out = String::from_utf8_lossy(&out);
    // Where Python and the project are is another place on another machine.
    let folder = format!("{}/", env!("CARGO_MANIFEST_DIR"));
    let text = (out + &*status).replace(PYTHON.as_str(), "python3").replace(&folder, "");
    // How much of a core depends on the machine.
    let mut pieces = text.split(" % of a core");
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        text.truncate(text.trim_end_matches(|c: char| c.is_ascii_digit()).len());
        text = text + "90 % of a core" + piece;
    }
    Ok(text)
}

fn reports() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reports")
}

/// The output is that of the committed report.
fn agrees(actual: &str, report: &str) -> Result<(), Failed> {
    let expected = Data::read_from(&reports().join(format!("{report}.txt")), None);
    let assert = Assert::new().action_env("SNAPSHOTS").normalize_paths(false);
    Ok(assert.try_eq(Some(&report), actual.into(), expected)?)
}

fn passes(part: &str, stages: &[u8]) -> Result<(), Failed> {
    for stage in stages {
        holds(&check(*stage, part, program(&format!("{part}.py")), true)?)?;
    }
    Ok(())
}

fn holds(output: &str) -> Result<(), Failed> {
    match output.contains(", 0 failed") && !output.contains("\n0 held") {
        true => Ok(()),
        false => Err(output.into()),
    }
}

fn every_behaviour_catches() -> Result<(), Failed> {
    let mut caught = String::new();
    for report in std::fs::read_dir(reports())? {
        caught.push_str(&std::fs::read_to_string(report?.path())?);
    }
    for behaviour in lab::check::behaviours()? {
        let file = format!("behaviours/{}.session)", behaviour.session.name());
        let noted = format!("not so: {}", behaviour.session.title);
        if !caught.contains(&file) && !caught.contains(&noted) {
            return Err(format!("no wrong program is caught by {}", behaviour.name()).into());
        }
    }
    Ok(())
}
