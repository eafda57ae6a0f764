//! A session of one's own: what `cargo lab new` writes, and the book's exercise on it.

#![allow(clippy::unwrap_used, reason = "a failed test says where")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use lab::course::session::Session;
use lab::course::stages;
use lab::play;

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("new").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn new(folder: &Path, name: &str) -> Output {
    let mut lab = Command::new(env!("CARGO_BIN_EXE_lab"));
    lab.args(["new", name]).current_dir(folder).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Does it hold with the programs of this stage?
fn holds(session: &str, stage: u8) -> Result<(), String> {
    let session = session.replace("stage6-", &format!("stage{stage}-"));
    let session = Session::parse(Path::new("my.session"), &session).unwrap();
    play::play(&session, &stages::troupe().unwrap(), &mut |_| {})
        .map_err(|report| report.to_string())
}

#[test]
fn a_new_session_holds_as_it_is_and_lies_in_this_folder() {
    let folder = folder("holds");
    for name in ["mine", "other.session", "two words"] {
        let output = new(&folder, name);
        let file = format!("{}.session", name.trim_end_matches(".session"));
        let word = if name == "two words" { format!("'{file}'") } else { file.clone() };
        let said = format!("{file} plays as it is: cargo lab play {word}\n");
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), said));
        holds(&fs::read_to_string(folder.join(file)).unwrap(), 6).unwrap();
    }
}

#[test]
fn a_file_that_is_there_is_never_replaced() {
    let folder = folder("there");
    fs::write(folder.join("mine.session"), "mine").unwrap();
    for (name, error) in [
        ("mine", "failed to write mine.session: File exists (os error 17)"),
        ("no/such", "failed to write no/such.session: No such file or directory (os error 2)"),
        ("", "\"\" is no name"),
        ("folder/", "\"folder/\" is no name"),
        (".session", "\"\" is no name"),
    ] {
        let output = new(&folder, name);
        let error = format!("Error: {error}\n");
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(2), error));
    }
    assert_eq!(fs::read_to_string(folder.join("mine.session")).unwrap(), "mine");
}

/// A session shows that stage 6 adds something if it holds there, and not at stage 5.
#[test]
fn the_solution_of_the_book_shows_what_a_new_session_does_not() {
    let folder = folder("exercise");
    new(&folder, "starter");
    let starter = fs::read_to_string(folder.join("starter.session")).unwrap();
    assert_eq!((holds(&starter, 6), holds(&starter, 5)), (Ok(()), Ok(())));
    let solution = stages::root().join("crates/exercises/write/hang-up-one.session");
    let solution = fs::read_to_string(solution).unwrap();
    holds(&solution, 6).unwrap();
    let report = holds(&solution, 5).unwrap_err();
    assert!(report.contains("10. server | socket close....."), "{report}");
    assert!(report.contains("rude   | recv=\"server send :Q\""), "{report}");
}
