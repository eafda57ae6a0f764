//! What the pages of the book and the README take from sources and runs: `cargo lab docs`.
//!
//! Every page is whole as it lies there. A part that is taken from elsewhere stands between two
//! comments, each on a line of its own and indented alike; `cargo lab docs` writes what is between:
//!
//! ```text
//! <!-- from: diff 2/server 3/server 1 -->
//! <!-- end -->
//! ```
//!
//! A PATH starts at the root of the repository. A SESSION is `STAGE/NAME`, such as
//! `6/server-hangs-up`, or the PATH of a session. A PROGRAM is `STAGE/SOURCE`, such as `6/server` or
//! `6/send_only_client`, or the PATH of a source.
//!
//! | after `from:` | what is written |
//! |---|---|
//! | `file PATH` | the whole file |
//! | `diff PROGRAM PROGRAM [HUNK]` | how the first becomes the second, without their headers; or one hunk of it, which count from 1, and then every hunk must be on the page |
//! | `snippet PATH FUNCTION` | this function of the file |
//! | `run COMMAND` | the command, which a shell runs at the root, and what it prints: the same each time |
//! | `session SESSION` | its picture, its name, how to play it; folded, the script, and what happens in words |
//! | `picture SESSION` | its picture alone |
//! | `predict SESSION [NUMBER]` | the first question of its notes, or another; folded, the answer |
//! | `terminal SESSION NAME` | what this terminal of it shows when a person plays it |
//! | `sessions STAGE` | the stage's sessions that the page does not show |
//! | `exercises STAGE` | the programs of the stage to write, and its exercises |
//! | `tasks STAGE` | the whole tasks of the stage's exercises, with what is demanded and a hint |
//! | `behaviours STAGE` | what the stage demands of anybody's programs; `after-framing` is a stage here |
//! | `lesson SESSION` | for a teacher: its command, its minutes, what to ask and what to expect, what to point at |
//! | `plans` | the minutes of a class, session by session |
//! | `matrix` | which behaviour holds at which stage |

mod kinds;
mod lesson;
mod sessions;
mod sources;

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::course::stages;
use crate::rig::process::{self, Exit};
use crate::wire::files;

const FROM: &str = "<!-- from:";
const END: &str = "<!-- end -->";
const CLOSE: &str = "-->";

/// Writes the parts of every page anew; the pages that were changed, from the root on.
///
/// # Errors
///
/// A part cannot be made; the message names page and line.
pub fn write() -> Result<Vec<PathBuf>> {
    let mut changed = Vec::new();
    for page in pages()? {
        let (old, new) = both(&page)?;
        if old != new {
            fs::write(stages::root().join(&page), new)
                .with_context(|| format!("failed to write {}", page.display()))?;
            changed.push(page);
        }
    }
    Ok(changed)
}

/// Compares every page with what [`write()`] would make of it: where the first differs.
///
/// # Errors
///
/// A part cannot be made; the message names page and line.
pub fn check() -> Result<Option<String>> {
    for page in pages()? {
        let (old, new) = both(&page)?;
        if let Some(difference) = files::difference(&old, &new) {
            let page = page.display();
            return Ok(Some(format!(
                "{page}, {difference}\nTo bring it up to date: cargo lab docs"
            )));
        }
    }
    Ok(None)
}

/// Builds the book, and opens it in the browser. Nothing is installed.
///
/// # Errors
///
/// There is no mdBook, or it has said what is wrong.
pub fn open() -> Result<()> {
    let mut mdbook = Command::new("mdbook");
    mdbook.args(["build", "docs", "--open"]).current_dir(stages::root());
    let built = process::spawn(&mut mdbook).map_err(|err| match err.kind() {
        ErrorKind::NotFound => anyhow!(
            "the book is built with mdBook, which is not installed: cargo install mdbook --locked"
        ),
        _ => anyhow!("failed to run mdbook: {err}"),
    })?;
    ensure!(built.end()() == Exit::Status(0), "mdBook has not built the book");
    Ok(())
}

/// All pages, from the root on: those of the book, and the README.
///
/// # Errors
///
/// A folder cannot be read.
pub fn pages() -> Result<Vec<PathBuf>> {
    let mut pages = vec![PathBuf::from("README.md")];
    let mut folders = vec![PathBuf::from("docs/src")];
    while let Some(folder) = folders.pop() {
        let read = || format!("failed to read {}", folder.display());
        for entry in stages::root().join(&folder).read_dir().with_context(read)? {
            let entry = entry.with_context(read)?;
            let path = folder.join(entry.file_name());
            if entry.path().is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    Ok(pages)
}

/// The page as it is, and as its origins say.
fn both(page: &Path) -> Result<(String, String)> {
    let old = fs::read_to_string(stages::root().join(page))
        .with_context(|| format!("failed to read {}", page.display()))?;
    let new = fill(page, &old)?;
    Ok((old, new))
}

/// The text of a page with all of its parts written anew.
///
/// # Errors
///
/// A part cannot be made; the message names page and line.
pub fn fill(page: &Path, text: &str) -> Result<String> {
    let at = |line: usize| format!("{}:{}", page.display(), line + 1);
    let mut filled = String::new();
    let mut hunks = BTreeMap::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        filled += &format!("{line}\n");
        let Some(origin) = line.trim_start().strip_prefix(FROM) else {
            ensure!(line.trim() != END, "{}: {END} without a {FROM} before it", at(number));
            ensure!(
                !line.contains("{{#"),
                "{}: an include, in place of {FROM} ... {CLOSE}",
                at(number)
            );
            continue;
        };
        let origin = origin.strip_suffix(CLOSE);
        let origin =
            origin.with_context(|| format!("{}: expected {CLOSE} at the end", at(number)))?;
        let indent = &line[..line.len() - line.trim_start().len()];
        let end = loop {
            match lines.next() {
                Some((_, line)) if line.trim() == END => break line,
                Some((_, line)) if !line.trim_start().starts_with(FROM) => {}
                _ => bail!("{}: expected {END} after it", at(number)),
            }
        };
        let part = kinds::part(page, text, origin.trim()).with_context(|| at(number));
        let part = part.map_err(|err| anyhow!("{err:#}"))?;
        if let Some((difference, hunk)) = part.hunk {
            let (_, shown) = hunks.entry(difference).or_insert((number, Vec::new()));
            shown.push(hunk);
        }
        for line in part.text.trim_end().lines() {
            filled += format!("{indent}{line}").trim_end();
            filled.push('\n');
        }
        filled += &format!("{end}\n");
    }
    for ((old, new), (number, shown)) in hunks {
        let all: Vec<usize> = (1..=sources::hunks(&old, &new)?.len()).collect();
        let has = |hunk: &usize| !shown.contains(hunk);
        let missing: Vec<String> =
            all.iter().filter(|hunk| has(hunk)).map(usize::to_string).collect();
        ensure!(
            missing.is_empty(),
            "{}: of {} hunks from {old} to {new} the page does not show {}",
            at(number),
            all.len(),
            missing.join(", ")
        );
    }
    Ok(filled)
}
