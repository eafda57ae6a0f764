//! Right programs of stage 6 in several languages and of every build: nothing of them may fail.
//!
//! The programs of a language that is not installed are skipped, with a line that says so. Python is
//! always tested.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use lab::check::{self, Options, Verdict};
use lab::course::cast::Cast;
use libtest_mimic::{Failed, Trial};

/// Those that are not only other words for the same calls, but other ways to wait, read and type.
const PROGRAMS: [&str; 13] = [
    "events-server.py",
    "fork-server.py",
    "half-close-client.py",
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
    let mut trials = Vec::new();
    for program in PROGRAMS {
        let (name, ending) = program.rsplit_once('.').unwrap_or((program, ""));
        let interpreter = INTERPRETERS.iter().find(|(known, _)| *known == ending);
        let interpreter = interpreter.map_or("", |(_, interpreter)| interpreter);
        if find(interpreter).is_none() && interpreter != "python3" {
            eprintln!("skipped: {program}, there is no {interpreter}");
            continue;
        }
        let part = if name.ends_with("server") { "server" } else { "client" };
        trials.push(Trial::test(program, move || holds(part, interpreter, program)));
    }
    lab::run_tests(trials)
}

fn holds(part: &str, interpreter: &str, program: &str) -> Result<(), Failed> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/right").join(program);
    let words = vec![interpreter.to_owned(), path.to_string_lossy().into_owned()];
    let mut cast = Cast::default();
    match part {
        "server" => cast.server = Some(words),
        _ => cast.client = Some(words),
    }
    let options = Options { all: true, ..Options::default() };
    let mut reports = String::new();
    let summary = check::check(&check::demanded(6)?, &cast, options, &mut |outcome| {
        if let Verdict::Failed(report) = &outcome.verdict {
            reports += &report.to_string();
        }
        Ok(())
    })?;
    match summary.failed == 0 && summary.held > 0 {
        true => Ok(()),
        false => Err(format!("{program}: {} held\n{reports}", summary.held).into()),
    }
}

fn find(command: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(command)).find(|path| path.is_file())
}
