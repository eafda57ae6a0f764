//! Where a learner is: a text file that a person can read and edit.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::course::exercises::Part;

const FILE: &str = "progress.txt";
const FRESH: &str = "\
# Your place in the course: `cargo lab learn` reads this file, and writes it when you go on.
# You do not write Rust? Take the '#' off these two lines. {name} becomes the name of the exercise,
# {addr} the address (without it, the address is the last argument). Files are looked for beside this one.
# server: python3 {name}.py
# client: python3 {name}.py
";

/// The lines of the file; those that mean nothing here are kept as they are.
pub(super) struct Progress {
    path: PathBuf,
    lines: Vec<String>,
}

impl Progress {
    /// # Errors
    ///
    /// The file is there and cannot be read, or is not UTF-8.
    pub(super) fn read(my: &Path) -> Result<Progress> {
        let path = my.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(err) if err.kind() == ErrorKind::NotFound => FRESH.to_owned(),
            Err(err) => return Err(err).context(format!("failed to read {}", path.display())),
        };
        Ok(Progress { path, lines: text.lines().map(str::to_owned).collect() })
    }

    /// The exercise that the learner was at.
    pub(super) fn now(&self) -> Option<&str> {
        self.values("now").last()
    }

    pub(super) fn is_done(&self, name: &str) -> bool {
        self.values("done").any(|done| done == name)
    }

    /// The command of a program in another language.
    pub(super) fn command(&self, part: Part) -> Option<&str> {
        self.values(part.name()).last()
    }

    /// Writes down where the learner is, and perhaps what is done, beside what the file says by now.
    ///
    /// # Errors
    ///
    /// The file cannot be read or written; it is as it was.
    pub(super) fn note(&mut self, now: &str, done: Option<&str>) -> Result<()> {
        if let Some(my) = self.path.parent() {
            *self = Progress::read(my)?;
        }
        let line = format!("now: {now}");
        match self.lines.iter_mut().rfind(|line| value(line, "now").is_some()) {
            Some(before) => *before = line,
            None => self.lines.push(line),
        }
        if let Some(done) = done.filter(|done| !self.is_done(done)) {
            self.lines.push(format!("done: {done}"));
        }
        let text: String = self.lines.iter().map(|line| format!("{line}\n")).collect();
        replace(&self.path, text.as_bytes())
            .with_context(|| format!("failed to write {}", self.path.display()))
    }

    fn values<'a>(&'a self, key: &str) -> impl Iterator<Item = &'a str> {
        self.lines.iter().filter_map(move |line| value(line, key))
    }
}

fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    line.trim().strip_prefix(key)?.trim_start().strip_prefix(':').map(str::trim)
}

/// Writes a whole file or none: it takes its place only when all of it is on the disk.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}~", std::process::id()));
    let part = PathBuf::from(name);
    let written = fs::File::create(&part).and_then(|mut file| {
        file.write_all(bytes)?;
        // A disk without room may say so only now.
        file.sync_all()?;
        fs::rename(&part, path)
    });
    if written.is_err() {
        let _ = fs::remove_file(&part);
    }
    written
}
