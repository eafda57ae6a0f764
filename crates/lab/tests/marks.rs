//! `cargo lab check --json` and `--junit`, as the programs of a course read them.

#![allow(clippy::unwrap_used, reason = "a failed test says where")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use lab::course::stages;

/// Prints whether python3 reads both documents, and what they say.
const READ: &str = r#"
import json, sys
import xml.etree.ElementTree as xml
document = json.load(open(sys.argv[1], encoding="utf-8"))
suite = xml.parse(sys.argv[2]).getroot().find("testsuite")
counts = {key: document[key] for key in ("held", "noted", "failed", "skipped")}
cases = suite.findall("testcase")
errors = len([case for case in cases if case.find("error") is not None])
assert len(cases) == int(suite.get("tests")) == len(document["behaviours"]) + errors, cases
assert int(suite.get("failures")) == counts["failed"] == len(suite.findall("testcase/failure"))
assert int(suite.get("skipped")) == counts["skipped"] == len(suite.findall("testcase/skipped"))
assert all(float(case.get("time")) >= 0 for case in cases)
assert all(fault.get("type") for fault in suite.findall("testcase/failure") + suite.findall("testcase/error"))
assert int(suite.get("errors")) == errors == (document["error"] is not None)
for behaviour, case in zip(document["behaviours"], cases[errors:]):
    assert case.get("classname") == behaviour["name"] and case.get("name") == behaviour["title"]
    assert (behaviour["reason"] is None) == (behaviour["verdict"] in ("held", "skipped"))
    failure = case.find("failure")
    if failure is not None:
        assert failure.get("message") == behaviour["reason"], (failure.get("message"), behaviour["reason"])
        print("failed", behaviour["name"])
print(document["examined"], *counts.values())
"#;

/// A folder for the files of one test.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("marks").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Checks a server in Python, and reads both documents: the exit status, and what they say.
fn mark(name: &str, what: &str, code: &str, more: &[&str]) -> (Option<i32>, String) {
    let folder = folder(name);
    let [server, json, junit] =
        ["server.py", "marks.json", "marks.xml"].map(|file| folder.join(file));
    fs::write(&server, format!("{HEAD}{code}")).unwrap();
    let command = format!("python3 '{}'", server.display());
    let mut lab = Command::new(env!("CARGO_BIN_EXE_lab"));
    lab.args(["check", what, "--json", "--server", &command, "--junit"]).arg(&junit).args(more);
    let output = lab.output().unwrap();
    fs::write(&json, &output.stdout).unwrap();
    let read = Command::new("python3").args(["-c", READ]).arg(json).arg(junit).output().unwrap();
    assert!(read.status.success(), "{}\n{}", text(&read.stderr), text(&output.stdout));
    (output.status.code(), text(&read.stdout))
}

const HEAD: &str = "import socket, sys
host, port = sys.argv[1].split(':')
listener = socket.create_server((host, int(port)))
peer, _ = listener.accept()
message = peer.recv(1024)
";

#[test]
fn an_exercise_is_marked_by_its_name() {
    let right = mark("right", "zeros", "peer.sendall(message)\n", &[]);
    assert_eq!(right.0, Some(0), "{}", right.1);
    assert!(right.1.starts_with("zeros ") && right.1.ends_with(" 0 0 0\n"), "{}", right.1);
}

#[test]
fn what_comes_after_a_failure_is_skipped_unless_all_is_wanted() {
    let wrong = "peer.sendall(message[1:])\n";
    let (status, first) = mark("first", "zeros", wrong, &[]);
    assert_eq!((status, first.matches("failed ").count()), (Some(1), 1), "{first}");
    assert!(!first.ends_with(" 0\n"), "nothing was skipped: {first}");
    let (status, all) = mark("all", "zeros", wrong, &["--all"]);
    assert_eq!(status, Some(1), "{all}");
    assert!(all.ends_with(" 0\n") && all.matches("failed ").count() > 1, "{all}");
}

#[test]
fn whatever_a_program_prints_and_sends_the_documents_are_whole() {
    let noise = r#"
out = b"\xef\xbf\xbe\xff<&\x00" + bytes(range(256)) + b"\x1b[31m\x1b]0;title\x07<b>&amp;]]></b>\"'\\\x00\xff\xfe\xef\xbf\xbe\r\n"
sys.stdout.buffer.write(out)
sys.stdout.flush()
peer.sendall(out)
"#;
    let (status, said) = mark("noise", "zeros", noise, &["--all"]);
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("failed zeros/"), "{said}");
    let (status, said) =
        mark("stage", "1", "sys.stdout.buffer.write(bytes(range(256)) + b'\\n')\n", &["--all"]);
    assert_eq!(status, Some(1), "{said}");
}

#[test]
fn a_program_that_is_not_there_is_an_error_in_both_documents() {
    let folder = folder("nothing");
    let [json, junit] = ["marks.json", "marks.xml"].map(|file| folder.join(file));
    let mut lab = Command::new(env!("CARGO_BIN_EXE_lab"));
    lab.args(["check", "zeros", "--json", "--server", "/no/such", "--junit"]).arg(&junit);
    let output = lab.output().unwrap();
    fs::write(&json, &output.stdout).unwrap();
    let read = Command::new("python3").args(["-c", READ]).arg(json).arg(junit).output().unwrap();
    assert_eq!((output.status.code(), text(&read.stderr)), (Some(2), String::new()));
    assert!(text(&read.stdout).starts_with("zeros 0 0 0 "), "{}", text(&read.stdout));
}

#[test]
fn words_and_a_junit_file_can_be_had_together() {
    let junit = folder("both").join("marks.xml");
    let mut lab = Command::new(env!("CARGO_BIN_EXE_lab"));
    let output = lab.args(["check", "zeros", "--junit"]).arg(&junit).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    assert!(text(&output.stdout).ends_with(" held, 0 failed\n"), "{}", text(&output.stdout));
    assert!(fs::read_to_string(junit).unwrap().starts_with("<?xml"));
}

#[test]
fn what_cannot_be_examined_is_said_in_one_line() {
    for (arguments, line) in [
        (&["zeros", "--client", "x"][..], "zeros is about a server: --server CMD"),
        (
            &["no-such"],
            "invalid value 'no-such' for '<STAGE | EXERCISE>': there is no exercise \"no-such\"",
        ),
    ] {
        let output =
            Command::new(env!("CARGO_BIN_EXE_lab")).arg("check").args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let error = text(&output.stderr);
        assert_eq!(error.lines().next(), Some(&*format!("Error: {line}")), "{error}");
    }
}

#[test]
fn the_script_of_the_book_marks_every_submission() {
    let folder = folder("course");
    let print = "print(ascii(message))\n";
    for (name, code) in [
        ("ada", Some(format!("{HEAD}{print}"))),
        ("bob", Some(format!("{HEAD}print('hello?')\nlistener.accept()\n"))),
        ("eve o'hara & \"<$(x)>\"", Some(format!("{HEAD}{print}"))),
        ("zoe", None),
    ] {
        let submission = folder.join("submissions").join(name);
        fs::create_dir_all(&submission).unwrap();
        if let Some(code) = code {
            fs::write(submission.join("server.py"), code).unwrap();
        }
    }
    let script = stages::root().join("docs/snippets/mark.sh");
    let lab = format!("'{}'", env!("CARGO_BIN_EXE_lab"));
    let script = fs::read_to_string(script).unwrap().replace("cargo -q lab", &lab);
    let output = Command::new("sh").args(["-c", &script]).current_dir(&folder).output().unwrap();
    let said = text(&output.stdout);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "ada: all of it holds", "{said}");
    assert!(lines[1].starts_with("bob: ") && lines[1].ends_with(" failed"), "{said}");
    assert_eq!(lines[2], "eve o'hara & \"<$(x)>\": all of it holds", "{said}");
    assert_eq!(lines[3], "zoe: no server.py", "{said}");
    assert!(fs::read_to_string(folder.join("marks/bob.json")).unwrap().contains("\"stage1\""));
}
