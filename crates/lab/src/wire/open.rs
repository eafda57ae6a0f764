//! One picture in the browser, without the book.

use std::env;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use nix::unistd::mkdtemp;

use super::story::Story;
use super::{picture, stepper};
use crate::course::session::Session;
use crate::rig::process::{self, Exit};

/// Desktops have one of these; `$BROWSER` comes first.
const OPENERS: [&str; 3] = ["xdg-open", "open", "wslview"];

/// The recording that this very command makes when it is told to print it.
///
/// Who records leaves the network, and could not reach a browser any more: so another process does it.
///
/// # Errors
///
/// It cannot be started. If it does not record, it says why, and there is no recording.
pub fn recorded_apart() -> Result<Option<String>> {
    let mut command = Command::new(env::current_exe().context("failed to find cargo lab")?);
    command.args(env::args_os().skip(1)).arg("--print").stdin(Stdio::null()).stdout(Stdio::piped());
    let mut running = process::spawn(&mut command).context("failed to start the recorder")?;
    let mut text = String::new();
    if let Some(mut stdout) = running.stdout.take() {
        stdout.read_to_string(&mut text).context("failed to read the recording")?;
    }
    Ok((running.end()() == Exit::Status(0)).then_some(text))
}

/// Writes a page with the picture of a recording, which stays, and says where it is.
///
/// # Errors
///
/// The page cannot be written.
pub fn page(session: &Session, recording: &str) -> Result<PathBuf> {
    let name = session.name();
    let story = Story::read(recording);
    let drawn = picture::draw(&story, &session.title);
    let folder = mkdtemp(&env::temp_dir().join("cargo-lab-wire-XXXXXX"))
        .context("failed to make a folder for the page")?;
    let file = folder.join(format!("{name}.html"));
    fs::write(&file, stepper::page(&name, &session.title, &story, &drawn))
        .with_context(|| format!("failed to write {}", file.display()))?;
    Ok(file)
}

/// Opens a page in the browser.
///
/// # Errors
///
/// Nothing here opens it.
pub fn browse(page: &Path) -> Result<()> {
    let preferred = env::var("BROWSER").ok().filter(|browser| !browser.is_empty());
    for opener in preferred.iter().map(String::as_str).chain(OPENERS) {
        let mut command = Command::new(opener);
        command.arg(page).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if let Ok(running) = process::spawn(&mut command)
            && running.end()() == Exit::Status(0)
        {
            return Ok(());
        }
    }
    bail!(
        "nothing here opens a browser (neither $BROWSER nor {}): open the page yourself",
        OPENERS.join(", ")
    )
}
