//! A process of its own that ends what the lab leaves behind when it is killed (SIGKILL) itself.
//!
//! The system tells it: a pipe from the lab closes, however the lab has ended. Whom the lab has started it
//! knows by two marks: one in the environment, which a program may clear, and a limit of resources, which
//! all that a program starts inherits and that nobody has a reason to change.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use nix::unistd::{Pid, setsid};

use super::hub::lock;
use super::process;

static KEEPER: Mutex<Option<Child>> = Mutex::new(None);

/// Starts the keeper of this process, whose programs have this mark.
pub(super) fn start(mark: &str) -> io::Result<()> {
    // This very program, also when cargo has put a newer one in its place since.
    let child = Command::new("/proc/self/exe")
        .args(["keep", mark])
        .stdin(Stdio::piped())
        // Whoever reads what the lab prints does not wait for the keeper too.
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    *lock(&KEEPER) = Some(child);
    Ok(())
}

/// Ends it: there is nothing left to be kept. Does nothing where there is none.
pub fn end() {
    if let Some(mut child) = lock(&KEEPER).take() {
        let _ = child.kill();
        let _ = child.wait();
    }
}

pub(super) fn is(pid: Pid) -> bool {
    lock(&KEEPER).as_ref().is_some_and(|child| child.id().cast_signed() == pid.as_raw())
}

/// This folder has to go too. Told before it is made.
pub(super) fn tell_folder(path: &Path) {
    if let Some(Child { stdin: Some(pipe), .. }) = &mut *lock(&KEEPER) {
        let _ = writeln!(pipe, "{}", path.display());
    }
}

/// What the keeper itself does, as long as the process lives that has started it.
pub fn keep(mark: &str) {
    // What ends the lab's terminal or process group does not end the keeper.
    let _ = setsid();
    let mut folders = String::new();
    let _ = io::stdin().read_to_string(&mut folders);
    let limit = process::limit();
    process::kill_all(|| {
        let mut found = process::marked(mark);
        found.extend(limit.into_iter().flat_map(process::limited));
        found.retain(|pid| *pid != Pid::this());
        found
    });
    for folder in folders.lines().map(PathBuf::from) {
        let _ = fs::remove_dir_all(folder);
    }
}
