//! An interrupted lab leaves nothing behind: no folder, and no program, also none that another lab has started for it.

#![allow(clippy::unwrap_used, reason = "a failed test says where")]

use std::fs;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// This file of every process in `/proc`.
fn processes(file: &str) -> impl Iterator<Item = String> {
    let paths =
        fs::read_dir("/proc").unwrap().flatten().map(move |process| process.path().join(file));
    paths.map(|path| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned())
}

/// Interrupts a lab, whose temporary folder this is, as soon as a command line begins so.
fn interrupt(folder: &str, arguments: &[&str], runs: &str) {
    fs::create_dir(folder).unwrap();
    let mut lab = Command::new(env!("CARGO_BIN_EXE_lab"))
        .args(arguments)
        .env("TMPDIR", folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !processes("cmdline").any(|line| line.starts_with(runs)) {
        assert_eq!(lab.try_wait().unwrap(), None);
    }
    kill(Pid::from_raw(lab.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    assert_eq!(lab.wait().unwrap().code(), Some(128 + 2));
    let mark = format!("TMPDIR={folder}");
    assert_eq!(processes("environ").filter(|environment| environment.contains(&mark)).count(), 0);
    assert_eq!(fs::read_dir(folder).unwrap().count(), 0);
    fs::remove_dir(folder).unwrap();
}

fn folder(name: &str) -> String {
    format!("{}/{name}-{}", std::env::temp_dir().display(), std::process::id())
}

#[test]
fn a_bench_leaves_nothing_behind() {
    let folder = folder("interrupted-bench");
    // The server in C: the examiner has started it, and that one is a lab of its own.
    interrupt(&folder, &["bench", "--quick"], &format!("{folder}/"));
}

#[test]
fn a_lab_in_a_lab_leaves_nothing_behind() {
    let folder = folder("interrupted-lab");
    // The inner one waits for it to listen, the outer one for the inner one.
    let server = format!("sleep 1000; : {folder} {{addr}}");
    let inner = format!("{} load --server \"sh -c '{server}'\"", env!("CARGO_BIN_EXE_lab"));
    interrupt(&folder, &["load", "--server", &inner], &format!("sh\0-c\0sleep 1000; : {folder}"));
}
