//! An interrupted lab leaves nothing behind: no folder, and no program, also none that another lab has started for it.

#![allow(clippy::unwrap_used, reason = "a failed test says where")]

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};

/// A place for one test: the lab's temporary folder, and a pipe in which a program says that it runs.
struct Place {
    folder: PathBuf,
    pipe: PathBuf,
}

impl Place {
    fn new(name: &str) -> Place {
        let folder = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        let pipe = folder.with_extension("pipe");
        fs::create_dir(&folder).unwrap();
        mkfifo(&pipe, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        Place { folder, pipe }
    }

    /// A script of sh that says that it runs, and then stays.
    fn script(&self) -> String {
        format!("echo runs >{}; exec sleep 1000", self.pipe.display())
    }

    /// Interrupts a lab, which finds programs in `path` first, as soon as the script runs.
    fn interrupt(&self, arguments: &[&str], path: &Path) {
        let mut lab = Command::new(env!("CARGO_BIN_EXE_lab"))
            .args(arguments)
            .env("TMPDIR", &self.folder)
            .env("PATH", format!("{}:{}", path.display(), std::env::var("PATH").unwrap()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let pid = Pid::from_raw(lab.id().try_into().unwrap());
        let pipe = self.pipe.clone();
        let status = thread::spawn(move || {
            let status = lab.wait().unwrap();
            // Where nothing has run, whoever still reads the pipe would read for ever.
            let _ = File::options().read(true).write(true).open(pipe).unwrap().write(b"ended\n");
            status
        });
        assert_eq!(fs::read_to_string(&self.pipe).unwrap(), "runs\n");
        kill(pid, Signal::SIGINT).unwrap();
        assert_eq!(status.join().unwrap().code(), Some(128 + 2));
        let mark = format!("TMPDIR={}", self.folder.display());
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let environments = processes.map(|process| fs::read(process.path().join("environ")));
        let mut environments = environments.map(|bytes| bytes.unwrap_or_default());
        assert!(!environments.any(|bytes| String::from_utf8_lossy(&bytes).contains(&mark)));
        assert_eq!(fs::read_dir(&self.folder).unwrap().count(), 0);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
        let _ = fs::remove_file(&self.pipe);
    }
}

#[test]
fn a_bench_leaves_nothing_behind() {
    let place = Place::new("interrupted-bench");
    // The first that a bench starts is cargo; this one never ends.
    let path = place.folder.with_extension("path");
    fs::create_dir(&path).unwrap();
    let cargo = path.join("cargo");
    fs::write(&cargo, format!("#!/bin/sh\n{}\n", place.script())).unwrap();
    fs::set_permissions(&cargo, Permissions::from_mode(0o755)).unwrap();
    place.interrupt(&["bench", "--quick"], &path);
    fs::remove_dir_all(path).unwrap();
}

#[test]
fn a_lab_in_a_lab_leaves_nothing_behind() {
    let place = Place::new("interrupted-lab");
    // The inner one waits for it to listen, the outer one for the inner one.
    let server = format!("{}; : {{addr}}", place.script());
    let server = format!("sh -c '{server}'");
    let inner = format!("{} load --server \"{server}\"", env!("CARGO_BIN_EXE_lab"));
    place.interrupt(&["load", "--server", &inner], &place.folder);
}

#[test]
fn a_lab_that_is_killed_leaves_nothing_behind() {
    // Its grandchild has no environment, no parent and a session of its own.
    let seconds = format!("{}.75", 1_000_000 + std::process::id());
    let server = format!("sh -c '(setsid env -i sleep {seconds} &); sleep {seconds}; : {{addr}}'");
    let mut lab = Command::new(env!("CARGO_BIN_EXE_lab"))
        .args(["check", "1", "--server", &server])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let line = format!("sleep\0{seconds}\0");
    let sleepers = || {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
        lines.filter(|found| found == line.as_bytes()).count()
    };
    while sleepers() < 2 {
        assert_eq!(lab.try_wait().unwrap(), None);
    }
    kill(Pid::from_raw(lab.id().try_into().unwrap()), Signal::SIGKILL).unwrap();
    lab.wait().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while sleepers() > 0 {
        assert!(Instant::now() < deadline, "{} are left", sleepers());
    }
}
