//! A program on a pseudo-terminal: its keyboard, its window, its screen.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::Pid;

use crate::rig::blocked;
use crate::rig::command;
use crate::rig::hub::{Hub, lock};
use crate::rig::proc;
use crate::rig::process::{self, Running};
use crate::rig::pty;
use crate::rig::screen::{COLUMNS, Screen};
use crate::rig::sockets;
use crate::rig::witness::{End, Watch};

const ROWS: u16 = 24;

/// How long a flood pauses before the eyes of an audience.
const GLANCE: Duration = Duration::from_millis(20);

/// What somebody who looks at a terminal needs, and may type into.
#[derive(Clone)]
pub struct Window {
    /// The name of the terminal in the session.
    pub name: String,
    pub pid: Pid,
    screen: Arc<Mutex<Screen>>,
    keyboard: Arc<Mutex<File>>,
}

impl Window {
    /// What is on the screen now; hold it only for a look.
    pub fn look<T>(&self, look: impl FnOnce(&Screen) -> T) -> T {
        look(&lock(&self.screen))
    }

    /// What the program waits for, in words such as "waits in accept"; `None` when it does not, or nobody knows.
    #[must_use]
    pub fn waits(&self) -> Option<String> {
        // A title has no backquotes.
        blocked::waiting(self.pid).map(|words| words.replace('`', ""))
    }

    /// Presses keys, as bytes.
    ///
    /// # Errors
    ///
    /// The terminal is closed.
    pub fn press(&self, keys: &[u8]) -> Result<()> {
        press(&self.keyboard, keys)
    }
}

fn press(keyboard: &Mutex<File>, keys: &[u8]) -> Result<()> {
    let mut keyboard = lock(keyboard);
    keyboard.write_all(keys).context("failed to type")
}

pub(crate) struct Terminal {
    program: Running,
    keyboard: Arc<Mutex<File>>,
    screen: Arc<Mutex<Screen>>,
    hub: Arc<Hub>,
    watch: Option<Watch>,
}

impl Terminal {
    /// Starts a program on a terminal of 80 columns and 24 rows. The hub knows it by this name.
    ///
    /// # Errors
    ///
    /// There is no pseudo-terminal left, or no such program.
    pub(crate) fn start(
        name: &str,
        words: &[String],
        hub: &Arc<Hub>,
        watch: Option<Watch>,
    ) -> Result<Terminal> {
        let words = match &watch {
            Some(watch) => watch.borrow().command(words),
            None => words.to_vec(),
        };
        let program = command::program(&words)?;
        let mut command = Command::new(program);
        command.args(&words[1..]).env("TERM", "xterm-256color");
        // What the emulator understands.
        if !["LC_ALL", "LC_CTYPE", "LANG"].iter().any(|name| is_utf8(name)) {
            command.env("LC_ALL", "C.UTF-8");
        }
        let (running, terminal) = process::spawn_on(COLUMNS.get(), ROWS, &mut command)
            .with_context(|| format!("failed to start {:?}", words[0]))?;
        let end: End = match &watch {
            Some(watch) => watch.borrow_mut().adopt(name, running.pid())?,
            None => Box::new(running.end()),
        };
        let screen = Arc::new(Mutex::new(Screen::new()));
        let keyboard = Arc::new(Mutex::new(terminal.try_clone()?));
        let output = Arc::new(Output(terminal));
        hub.add(name, running.pid(), &screen, &output);
        let terminal = Terminal {
            program: running,
            keyboard: Arc::clone(&keyboard),
            screen: Arc::clone(&screen),
            hub: Arc::clone(hub),
            watch,
        };
        let (reader_hub, reader_screen) = (Arc::clone(hub), Arc::clone(&screen));
        thread::spawn(move || {
            let mut buffer = [0; 16 * 1024];
            let mut flooded = false;
            while let Some(n) = output.read(&mut buffer, || lock(&reader_screen).taking = true) {
                let mut screen = lock(&reader_screen);
                screen.taking = false;
                // A flood is drained unseen and untold, so that nobody waits long for a look at the screen.
                if flooded && !reader_hub.watched() {
                    continue;
                }
                flooded = screen.show(&buffer[..n]);
                let replies = screen.replies();
                drop(screen);
                if !replies.is_empty() {
                    let _ = press(&keyboard, &replies);
                }
                reader_hub.announce();
                // Who looks on sees it run. The program waits in its write meanwhile, not on the processor.
                if flooded && reader_hub.watched() {
                    thread::sleep(GLANCE);
                }
            }
            lock(&reader_screen).closed = true;
            reader_hub.announce();
        });
        let waiter_hub = Arc::clone(hub);
        thread::spawn(move || {
            let exit = end();
            lock(&screen).exit = Some(exit);
            waiter_hub.announce();
        });
        Ok(terminal)
    }

    /// What is on the screen now; hold it only for a look.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&mut Screen) -> T) -> T {
        look(&mut lock(&self.screen))
    }

    /// Presses keys, as bytes.
    ///
    /// # Errors
    ///
    /// The terminal is closed.
    pub(crate) fn press(&self, keys: &[u8]) -> Result<()> {
        if let Some(watch) = &self.watch {
            watch.borrow_mut().keys(self.program.pid(), keys);
        }
        press(&self.keyboard, keys)?;
        self.rest()
    }

    /// A window onto it, for others.
    pub(crate) fn window(&self, name: &str) -> Window {
        Window {
            name: name.to_owned(),
            pid: self.program.pid(),
            screen: Arc::clone(&self.screen),
            keyboard: Arc::clone(&self.keyboard),
        }
    }

    /// Nobody runs before the eyes of a witness unless it lets them.
    fn rest(&self) -> Result<()> {
        self.watch.as_ref().map_or(Ok(()), |watch| watch.borrow_mut().rest())
    }

    /// Changes the size of the window; the program gets SIGWINCH.
    ///
    /// # Errors
    ///
    /// The terminal is closed.
    pub(crate) fn resize(&self, cols: u16, rows: u16) -> Result<()> {
        pty::resize(&*lock(&self.keyboard), cols, rows).context("failed to resize")
    }

    /// Kills the program (SIGKILL), if it still runs.
    ///
    /// # Errors
    ///
    /// The other programs do not come to rest before the eyes of a witness.
    pub(crate) fn kill(&self) -> Result<()> {
        self.program.kill();
        self.rest()
    }

    pub(crate) fn pid(&self) -> Pid {
        self.program.pid()
    }

    /// Has the program ended, or does it wait for something? Without `/proc` nobody knows.
    #[must_use]
    pub(crate) fn rests(&self) -> bool {
        self.look(|screen| screen.over().is_some())
            || proc::stat(self.program.pid()).is_none_or(|stat| "ST".contains(stat.state))
    }
}

/// What a program prints on its terminal, on its way to the screen.
pub(super) struct Output(File);

impl Output {
    /// Waits for more, calls `begin`, and reads it; `None` once the program's end is closed and all was read.
    ///
    /// A read alone could be told of that end before it is given the last that was written: the kernel looks
    /// for output first, and for the end after that.
    fn read(&self, buffer: &mut [u8], begin: impl Fn()) -> Option<usize> {
        loop {
            if !self.has_more(PollTimeout::NONE) {
                continue;
            }
            begin();
            match (&self.0).read(buffer) {
                Ok(n @ 1..) => return Some(n),
                Err(err) if err.kind() == ErrorKind::Interrupted => {}
                _ => return None,
            }
        }
    }

    /// Is there something to read, or the end? What the kernel has not yet passed on comes first (n_tty.c).
    pub(super) fn has_more(&self, timeout: PollTimeout) -> bool {
        let mut fds = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, timeout).is_ok_and(|ready| ready > 0)
    }
}

/// Sees to it that the keys that were typed at a program have reached its end of the terminal.
pub(super) fn pass_on_keys(program: Pid) {
    if let Some(terminal) = sockets::duplicate(program, 0) {
        let mut fds = [PollFd::new(terminal.as_fd(), PollFlags::POLLIN)];
        let _ = poll(&mut fds, PollTimeout::ZERO);
    }
}

/// Does this variable choose UTF-8?
fn is_utf8(name: &str) -> bool {
    let value = std::env::var(name).unwrap_or_default().to_ascii_lowercase();
    value.contains("utf-8") || value.contains("utf8")
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.hub.remove(self.program.pid());
        if let Some(watch) = &self.watch {
            watch.borrow_mut().end(self.program.pid());
        }
    }
}
