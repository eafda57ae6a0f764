//! Parts from sources: files, differences, functions, and what commands print.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::course::stages;
use crate::rig::process::{self, Exit};

/// A block of code, with a fence that is longer than any in it.
pub(super) fn fenced(language: &str, code: &str) -> String {
    let mut fence = "```".to_owned();
    while code.contains(&fence) {
        fence.push('`');
    }
    format!("{fence}{language}\n{}\n{fence}\n", code.trim_end())
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(stages::root().join(path)).with_context(|| format!("failed to read {path}"))
}

pub(super) fn file(path: &str) -> Result<String> {
    let extension = Path::new(path).extension().unwrap_or_default().to_string_lossy();
    let language = match &*extension {
        "rs" => "rust",
        "py" => "python",
        "rb" => "ruby",
        "pl" => "perl",
        known @ ("c" | "cpp" | "go" | "java" | "js" | "json" | "php" | "sh" | "toml") => known,
        _ => "text",
    };
    Ok(fenced(language, &read(path)?))
}

/// Where the source of a program is, from the root on.
fn source(program: &str) -> Result<String> {
    let stage = program.split_once('/').and_then(|(stage, part)| Some((stage.parse().ok()?, part)));
    let Some((stage, part)) = stage else { return Ok(program.to_owned()) };
    let folder = stages::folder(stage)?;
    let path = folder.strip_prefix(stages::root())?.join("src").join(part).with_extension("rs");
    Ok(path.display().to_string())
}

/// The hunks of a difference, as the learner's own tool shows them; a file's header is no part of it.
pub(super) fn hunks(old: &str, new: &str) -> Result<Vec<String>> {
    let sources = [source(old)?, source(new)?];
    for source in &sources {
        read(source)?;
    }
    let shown = shell(&format!("./scripts/diff.sh {}", sources.join(" ")))?;
    let mut hunks = Vec::new();
    for hunk in format!("\n{shown}").split("\n@@ ").skip(1) {
        let lines =
            hunk.lines().skip(1).filter(|line| !line.get(1..).unwrap_or("").starts_with("//!"));
        let lines: Vec<&str> = lines.skip_while(|line| line.trim().is_empty()).collect();
        if lines.iter().any(|line| line.starts_with(['-', '+'])) {
            hunks.push(lines.join("\n"));
        }
    }
    ensure!(!hunks.is_empty(), "{old} and {new} do not differ");
    Ok(hunks)
}

pub(super) fn snippet(path: &str, function: &str) -> Result<String> {
    let text = read(path)?;
    let lines: Vec<&str> = text.lines().collect();
    let head = format!("fn {function}(");
    let found = lines.iter().position(|line| line.contains(&head));
    let found = found.with_context(|| format!("{path} has no function {function}"))?;
    let indent = lines[found].len() - lines[found].trim_start().len();
    // What a reader needs of what stands above it: its documentation, and that it is a test.
    let above = |line: &&&str| {
        ["///", "#[test]", "#[tokio::test]"].iter().any(|start| line.trim().starts_with(start))
    };
    let first = found - lines[..found].iter().rev().take_while(above).count();
    let end = format!("{:indent$}}}", "");
    let last = lines[found..].iter().position(|line| *line == end);
    let last = found + last.with_context(|| format!("{path}: {function} has no end"))?;
    let code: Vec<&str> =
        lines[first..=last].iter().map(|line| line.get(indent..).unwrap_or("")).collect();
    Ok(fenced("rust", &code.join("\n")))
}

pub(super) fn run(command: &str) -> Result<String> {
    Ok(fenced("console", &format!("$ {command}\n{}", shell(command)?)))
}

/// What a command prints, whatever its exit status. It finds the programs of the course.
fn shell(command: &str) -> Result<String> {
    let programs = stages::programs()?;
    // Cargo would wait for the one that has started this.
    let line = match command.strip_prefix("cargo lab") {
        Some(arguments) => format!("lab{arguments}"),
        None => command.to_owned(),
    };
    let mut path = programs.into_os_string();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut sh = Command::new("sh");
    sh.args(["-c", &format!("exec 2>&1; {line}")]).env("PATH", path).env("NO_COLOR", "1");
    sh.current_dir(stages::root()).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut running = process::spawn(&mut sh).context("failed to start sh")?;
    let mut printed = Vec::new();
    if let Some(mut stdout) = running.stdout.take() {
        stdout
            .read_to_end(&mut printed)
            .with_context(|| format!("failed to read from {command}"))?;
    }
    let printed = String::from_utf8_lossy(&printed).into_owned();
    match running.end()() {
        // So a shell says that there is no such program, or that it cannot be started.
        Exit::Status(126 | 127) => bail!("{}", printed.trim()),
        _ => Ok(printed),
    }
}
