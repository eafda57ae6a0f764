//! The keys that a person presses, one by one, without the Enter key; and the terminal as it was before.

use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use nix::unistd::{getpgrp, read, tcgetpgrp};
use signal_hook::consts::SIGTSTP;
use signal_hook::low_level::emulate_default_handler;

use super::hub::lock;

/// The terminal's modes before [`Keys::open`], while they are to be restored.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// The keyboard, or, where standard input is no terminal, lines of which the first letter is the key.
pub(crate) struct Keys {
    terminal: bool,
    unread: Vec<u8>,
    /// The person has pressed Ctrl-Z.
    stop: Arc<AtomicBool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// In lower case; the Enter key is `\n`.
    Press(char),
    /// Nothing more comes: Ctrl-D, the end of the file, or the terminal is gone.
    End,
}

impl Keys {
    /// Takes the keyboard; a drop, and every end of this process but SIGKILL, gives it back.
    ///
    /// # Errors
    ///
    /// The terminal cannot be set.
    pub(crate) fn open() -> Result<Keys> {
        let stop = Arc::new(AtomicBool::new(false));
        let terminal = io::stdin().is_terminal();
        if terminal {
            // Ctrl-Z must not leave the shell with a terminal that shows nothing.
            signal_hook::flag::register(SIGTSTP, Arc::clone(&stop))?;
            take()?;
        }
        Ok(Keys { terminal, unread: Vec::new(), stop })
    }

    /// Are there keys, or lines?
    pub(crate) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// The next key; `None` when none comes within this time.
    ///
    /// # Errors
    ///
    /// Standard input cannot be read.
    pub(crate) fn next(&mut self, time: Duration) -> Result<Option<Key>> {
        if self.stop.swap(false, Ordering::Relaxed) {
            restore();
            emulate_default_handler(SIGTSTP).context("failed to stop")?;
            take()?;
        }
        if let Some(key) = self.taken(false) {
            return Ok(Some(key));
        }
        let stdin = io::stdin();
        let timeout = PollTimeout::try_from(time).unwrap_or(PollTimeout::ZERO);
        match poll(&mut [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(0) | Err(Errno::EINTR) => return Ok(None),
            Ok(_) => {}
            Err(err) => return Err(err).context("failed to wait for a key"),
        }
        let mut buffer = [0; 1024];
        match read(stdin.as_fd(), &mut buffer) {
            // The terminal of a program in the background, or one that is gone, gives EIO.
            Ok(0) | Err(Errno::EIO) => Ok(self.taken(true).or(Some(Key::End))),
            Err(Errno::EINTR) => Ok(None),
            Err(err) => Err(err).context("failed to read a key"),
            // An arrow or another key of several bytes means nothing here.
            Ok(_) if self.terminal && buffer[0] == b'\x1b' => Ok(None),
            Ok(n) => {
                self.unread.extend_from_slice(&buffer[..n]);
                Ok(self.taken(false))
            }
        }
    }

    /// The first key of what was read, if it is whole.
    fn taken(&mut self, ended: bool) -> Option<Key> {
        let end = match self.terminal {
            true => (!self.unread.is_empty()).then_some(1),
            false => self.unread.iter().position(|byte| *byte == b'\n').map(|at| at + 1),
        };
        let end = end.or((ended && !self.unread.is_empty()).then_some(self.unread.len()))?;
        let key: Vec<u8> = self.unread.drain(..end).collect();
        Some(match String::from_utf8_lossy(&key).trim_start_matches([' ', '\t']).chars().next() {
            Some('\x04') => Key::End,
            Some('\r') | None => Key::Press('\n'),
            Some(key) => Key::Press(key.to_ascii_lowercase()),
        })
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        restore();
    }
}

/// Sets the terminal so that a key comes at once and is not shown; Ctrl-C still interrupts.
fn take() -> Result<()> {
    let mut before = lock(&BEFORE);
    let stdin = io::stdin();
    let modes = tcgetattr(&stdin).context("failed to look at the terminal")?;
    let mut keys = modes.clone();
    keys.local_flags.remove(LocalFlags::ICANON | LocalFlags::ECHO);
    *before = Some(modes);
    tcsetattr(&stdin, SetArg::TCSANOW, &keys).context("failed to set the terminal")
}

/// Gives the terminal back as it was, unless it is another program's by now.
pub(super) fn restore() {
    let Some(before) = lock(&BEFORE).take() else { return };
    let stdin = io::stdin();
    let ours = |stdin: BorrowedFd| tcgetpgrp(stdin).is_ok_and(|group| group == getpgrp());
    if ours(stdin.as_fd()) {
        let _ = tcsetattr(&stdin, SetArg::TCSANOW, &before);
    }
}
