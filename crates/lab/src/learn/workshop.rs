//! The learner's folder: a cargo workspace of its own, so that a half-finished program breaks nothing else.

use std::fs;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow};

use super::progress::replace;
use crate::course::stages;
use crate::rig::process::{self, Exit};

const MANIFEST: &str = r#"# Your programs, one file each in src/bin. To run one by hand, here: cargo run --bin NAME
[package]
name = "my"
edition = "2024"
publish = false

[dependencies]
# std is enough for everything. The course's own programs use these as well.
DEPENDENCIES

# A workspace of its own: what does not compile here stops nothing else.
[workspace]

[profile.dev]
debug = "line-tables-only"

[profile.dev.package."*"]
debug = false
"#;
/// Lines of the compiler that are shown; the first errors are the cause of the later ones.
const COMPILER_LINES: usize = 40;

#[derive(Clone)]
pub(super) struct Workshop {
    pub(super) folder: PathBuf,
}

/// The learner's program, as it is examined.
#[derive(Clone, Default)]
pub(super) struct Program {
    /// Its command; none for one in Rust, which is built first.
    pub(super) words: Vec<String>,
    /// A save of one of these is examined.
    pub(super) files: Vec<PathBuf>,
}

impl Program {
    /// A command in which `{name}` stands for the exercise; words that name a file are found in `base`.
    pub(super) fn of(words: &[String], name: &str, base: &Path) -> Program {
        let mut program = Program::default();
        for (place, word) in words.iter().enumerate() {
            let named = word.replace("{name}", name);
            let file = base.join(&named);
            // A file that is named after the exercise may be yet to be written.
            let awaited = *word != named && named.contains(['/', '.']);
            // The first word alone is looked for as the shell does, such as python3.
            if (place > 0 || named.contains('/')) && (file.is_file() || awaited) {
                program.words.push(file.to_string_lossy().into_owned());
                program.files.push(file);
            } else {
                program.words.push(named);
            }
        }
        program
    }

    pub(super) fn is_rust(&self) -> bool {
        self.words.is_empty()
    }
}

/// What tells one save of a file from the next; two looks see the same one when nobody has written.
pub(super) type Stamp = Vec<(i64, i64, u64, u64)>;

impl Workshop {
    /// # Errors
    ///
    /// Something that is not there yet cannot be written.
    pub(super) fn open(folder: PathBuf) -> Result<Workshop> {
        let root = stages::root();
        let read = |name| {
            let path = root.join(name);
            fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))
        };
        let lock = folder.join("Cargo.lock");
        if !lock.exists() {
            // The course's own versions: they are downloaded already.
            write(&lock, &read("Cargo.lock")?)?;
        }
        let manifest = folder.join("Cargo.toml");
        if !manifest.exists() {
            let course = read("Cargo.toml")?;
            let line = |start| course.lines().find(|line| line.starts_with(start)).unwrap_or("");
            let common = match folder == root.join("my") {
                true => PathBuf::from("../crates/common"),
                false => root.join("crates/common"),
            };
            let common = format!("common = {{ path = {common:?} }}");
            let dependencies = [line("anyhow = "), &common, line("rustyline = ")].join("\n");
            write(&manifest, &MANIFEST.replace("DEPENDENCIES", &dependencies))?;
        }
        // `cargo lab` is wanted here too. Written anew, for the project may have moved.
        let config = folder.join(".cargo/config.toml");
        let course = root.join("Cargo.toml");
        let alias = format!("run --manifest-path {} --bin lab --", course.display());
        let text = format!("[alias]\nlab = {alias:?}\n");
        // An alias is split at its spaces.
        if !course.to_string_lossy().contains(' ')
            && fs::read_to_string(&config).ok().as_ref() != Some(&text)
        {
            write(&config, &text)?;
        }
        Ok(Workshop { folder })
    }

    /// A program in Rust.
    pub(super) fn rust(&self, name: &str) -> Program {
        Program { words: Vec::new(), files: vec![self.source(name)] }
    }

    /// Where the learner writes a program in Rust.
    pub(super) fn source(&self, name: &str) -> PathBuf {
        self.folder.join("src/bin").join(name).with_extension("rs")
    }

    /// Keeps what is there under another name, and puts this in its place; the copy, if there was anything.
    ///
    /// # Errors
    ///
    /// The disk is full, for example; the file is as it was.
    pub(super) fn reset(&self, file: &Path, text: &str) -> Result<Option<PathBuf>> {
        let old = match fs::read(file) {
            Ok(old) => old,
            Err(err) if err.kind() == ErrorKind::NotFound => {
                return write(file, text).map(|()| None);
            }
            Err(err) => return Err(err).context(format!("failed to read {}", file.display())),
        };
        let folder = self.folder.join("kept");
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let free = (1..).map(|n| folder.join(format!("{name}-{n}.rs"))).find(|path| !path.exists());
        let kept = free.context("failed to find a name for the copy")?;
        replace(&kept, &old).with_context(|| format!("failed to write {}", kept.display()))?;
        write(file, text).map(|()| Some(kept))
    }

    /// Has any program been built here, and so what they depend on?
    pub(super) fn has_built(&self) -> bool {
        let found = fs::read_dir(self.folder.join("target/debug")).into_iter().flatten().flatten();
        found.into_iter().any(|entry| entry.path().extension().is_some_and(|end| end == "d"))
    }

    /// Builds a program; its binary, or what the compiler says.
    ///
    /// # Errors
    ///
    /// cargo cannot be run.
    pub(super) fn build(&self, name: &str, colour: bool) -> Result<Result<PathBuf, String>> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(["build", "--quiet", "--color", if colour { "always" } else { "never" }]);
        command.args(["--bin", name, "--target-dir", "target"]).current_dir(&self.folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut cargo = process::spawn(&mut command).context("failed to run cargo build")?;
        let mut words = Vec::new();
        if let Some(mut stderr) = cargo.stderr.take() {
            stderr.read_to_end(&mut words).context("failed to read what cargo says")?;
        }
        let binary = self.folder.join("target/debug").join(name);
        Ok(match cargo.end()() {
            Exit::Status(0) => Ok(binary),
            _ => Err(shorten(&String::from_utf8_lossy(&words), name)),
        })
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    replace(path, text.as_bytes()).with_context(|| format!("failed to write {}", path.display()))
}

fn shorten(words: &str, name: &str) -> String {
    let lines: Vec<&str> = words.trim_end().lines().collect();
    let mut shown = lines[..lines.len().min(COMPILER_LINES)].join("\n");
    if let Some(more @ 1..) = lines.len().checked_sub(COMPILER_LINES) {
        shown += &format!("\n... and {more} lines more: cargo build --bin {name}, in my");
    }
    shown
}

/// How these files are now.
///
/// # Errors
///
/// One cannot be looked at; the message names it.
pub(super) fn stamp(files: &[PathBuf]) -> Result<Stamp> {
    let stamp = files.iter().map(|file| {
        let found = fs::metadata(file).map_err(|err| match err.kind() {
            ErrorKind::NotFound => anyhow!("{} is not there", file.display()),
            _ => anyhow!("failed to look at {}: {err}", file.display()),
        })?;
        Ok((found.mtime(), found.mtime_nsec(), found.ino(), found.len()))
    });
    stamp.collect()
}
