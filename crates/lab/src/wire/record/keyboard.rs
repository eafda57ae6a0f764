//! The keyboard of a terminal, seen from the program's side.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{LocalFlags, tcgetattr};

/// Does this terminal collect lines, make signals of keys, and show what is typed?
pub(super) fn modes(terminal: &Path) -> [bool; 3] {
    let modes = open(terminal).and_then(|terminal| tcgetattr(terminal).ok());
    let has = |flag| modes.as_ref().is_some_and(|modes| modes.local_flags.contains(flag));
    [LocalFlags::ICANON, LocalFlags::ISIG, LocalFlags::ECHO].map(has)
}

/// Waits until keys have come to this terminal. What is pressed before a program changes the modes
/// could otherwise come after.
pub(super) fn wait(terminal: &Path, patience: Duration) {
    let Some(terminal) = open(terminal) else { return };
    let mut fds = [PollFd::new(terminal.as_fd(), PollFlags::POLLIN)];
    let _ = poll(&mut fds, PollTimeout::try_from(patience).unwrap_or(PollTimeout::ZERO));
}

fn open(terminal: &Path) -> Option<File> {
    File::options().read(true).custom_flags(libc::O_NOCTTY).open(terminal).ok()
}
