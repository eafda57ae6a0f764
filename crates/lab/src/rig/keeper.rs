//! A process of its own that ends what the lab leaves behind when it is killed (SIGKILL) itself.
//!
//! The system tells it: a pipe from the lab closes, however the lab has ended. Until then it remembers
//! who has come below the lab, also those that later lose their parents or their environment.

use std::env;
use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getppid, setsid};

use super::hub::lock;
use super::process::{self, Known};

/// How often it looks who has come, in milliseconds.
const PERIOD: u16 = 100;

static KEEPER: Mutex<Option<Child>> = Mutex::new(None);

/// Starts the keeper of this process, whose programs have this mark.
pub(super) fn start(mark: &str) -> io::Result<()> {
    let child = Command::new(env::current_exe()?)
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
    let lab = getppid();
    let mut folders = String::new();
    let mut below: Vec<Known> = Vec::new();
    let mut pipe = io::stdin();
    loop {
        let mut fds = [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)];
        if let Ok(1..) = poll(&mut fds, PollTimeout::from(PERIOD)) {
            let mut buffer = [0; 4096];
            match pipe.read(&mut buffer) {
                Ok(n @ 1..) => folders.push_str(&String::from_utf8_lossy(&buffer[..n])),
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                _ => break,
            }
        }
        let alive = process::family_of(lab).into_iter().skip(1).filter(|pid| *pid != Pid::this());
        below.retain(Known::lives);
        for known in alive.filter_map(process::know) {
            if !below.contains(&known) {
                below.push(known);
            }
        }
    }
    process::kill_all(|| {
        let lost = below.iter().filter(|known| known.lives());
        // Stopped, it starts nobody while its children are looked for.
        let lost = lost.inspect(|known| {
            let _ = kill(known.pid, Signal::SIGSTOP);
        });
        let mut found: Vec<Pid> = lost.flat_map(|known| process::family_of(known.pid)).collect();
        found.extend(process::marked(mark));
        found
    });
    for folder in folders.lines().map(PathBuf::from) {
        let _ = fs::remove_dir_all(folder);
    }
}
