//! A session to begin with: one that plays, with a comment for each kind of step.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

const DRAFT: &str = include_str!("draft.session");

/// Writes a session to begin with, as `NAME.session` where the lab was started; its path.
///
/// # Errors
///
/// There is such a file already, or it cannot be written; no file is ever replaced.
pub fn write(name: &str) -> Result<PathBuf> {
    let name = name.strip_suffix(".session").unwrap_or(name);
    ensure!(Path::new(name).file_name().is_some() && !name.ends_with('/'), "{name:?} is no name");
    let path = PathBuf::from(format!("{name}.session"));
    let failed = || format!("failed to write {}", path.display());
    let mut file =
        OpenOptions::new().write(true).create_new(true).open(&path).with_context(failed)?;
    file.write_all(DRAFT.as_bytes()).with_context(failed)?;
    Ok(path)
}
