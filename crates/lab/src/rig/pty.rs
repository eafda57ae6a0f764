//! Pseudo-terminals: a program started on one of its own, and the size of its window.

use std::collections::BTreeMap;
use std::env;
use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc::{POSIX_SPAWN_SETSID, STDERR_FILENO, STDIN_FILENO, STDOUT_FILENO};
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::stat::Mode;
use nix::unistd::Pid;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// Makes the window so large; the program on it gets SIGWINCH.
///
/// # Errors
///
/// The terminal is closed.
pub fn resize(terminal: impl AsFd, columns: u16, rows: u16) -> io::Result<()> {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    Ok(tcsetwinsize(terminal, size)?)
}

/// Starts it by posix_spawn(3), not by fork: a fork copies the tables of this process first, which takes
/// longer than many programs run. Returns the end of the terminal that a person has.
///
/// # Errors
///
/// There is no pseudo-terminal left, or no such program, or it cannot be executed.
pub(super) fn start(columns: u16, rows: u16, command: &Command) -> io::Result<(Pid, File)> {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&terminal)?;
    unlockpt(&terminal)?;
    resize(&terminal, columns, rows)?;
    // The first terminal that the leader of a new session opens becomes its controlling terminal.
    let name = ptsname(&terminal, Vec::new())?;
    let mut descriptors = PosixSpawnFileActions::init()?;
    descriptors.add_open(STDIN_FILENO, name.as_c_str(), OFlag::O_RDWR, Mode::empty())?;
    descriptors.add_dup2(STDIN_FILENO, STDOUT_FILENO)?;
    descriptors.add_dup2(STDIN_FILENO, STDERR_FILENO)?;
    let mut attributes = PosixSpawnAttr::init()?;
    attributes.set_flags(
        PosixSpawnFlags::from_bits_retain(POSIX_SPAWN_SETSID.into())
            | PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF
            | PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK,
    )?;
    // A Rust program ignores SIGPIPE, and what it starts would inherit that.
    attributes.set_sigdefault(&Signal::SIGPIPE.into())?;
    attributes.set_sigmask(&SigSet::empty())?;
    let environment = environment(command)?;
    let spawn = |words: &[CString]| {
        posix_spawn(words[0].as_c_str(), &descriptors, &attributes, words, &environment)
    };
    let words = [command.get_program()].into_iter().chain(command.get_args());
    let mut words = words.map(text).collect::<io::Result<Vec<CString>>>()?;
    let pid = match spawn(&words) {
        // A script that names no interpreter is one for the shell, as at any prompt.
        Err(Errno::ENOEXEC) => {
            words.insert(0, c"/bin/sh".to_owned());
            spawn(&words)
        }
        started => started,
    };
    Ok((pid?, File::from(terminal)))
}

/// The environment that a command is to have.
fn environment(command: &Command) -> io::Result<Vec<CString>> {
    let mut variables: BTreeMap<OsString, OsString> = env::vars_os().collect();
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => variables.insert(name.to_owned(), value.to_owned()),
            None => variables.remove(name),
        };
    }
    let entry = |(mut name, value): (OsString, OsString)| {
        name.push("=");
        name.push(value);
        text(&name)
    };
    variables.into_iter().map(entry).collect()
}

fn text(word: &OsStr) -> io::Result<CString> {
    Ok(CString::new(word.as_bytes())?)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read;
    use std::os::unix::fs::PermissionsExt;

    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    use super::*;
    use crate::rig::process::{self, Exit};

    /// What it prints until it ends, and how that is.
    fn output(command: &mut Command) -> (String, Exit) {
        let (running, mut terminal) = process::spawn_on(33, 7, command).unwrap();
        let exit = running.end()();
        // Passes on what is still on its way in the terminal.
        poll(&mut [PollFd::new(terminal.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE).unwrap();
        let mut printed = [0; 4096];
        let n = terminal.read(&mut printed).unwrap();
        (String::from_utf8_lossy(&printed[..n]).replace("\r\n", "\n"), exit)
    }

    #[test]
    fn it_has_a_terminal_that_controls_it_and_what_it_is_given() {
        let mut command = Command::new("/bin/sh");
        let script = "stty size </dev/tty; echo $A.$HOME.$B; kill -s PIPE $$";
        command.args(["-c", script]).env("A", "x y").env("B", "z").env_remove("HOME");
        let printed = "7 33\nx y..z\n".to_owned();
        assert_eq!(output(&mut command), (printed, Exit::Signal(Signal::SIGPIPE)));
    }

    #[test]
    fn a_script_that_names_no_interpreter_is_run_by_the_shell() {
        let path = env::temp_dir().join(format!("no-interpreter-{}", std::process::id()));
        fs::write(&path, "echo $1\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let run = output(Command::new(&path).arg("a b"));
        fs::remove_file(&path).unwrap();
        assert_eq!(run, ("a b\n".to_owned(), Exit::Status(0)));
    }
}
