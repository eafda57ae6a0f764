//! Temporary folders, which end with this process also when it is interrupted.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};

use super::hub::lock;
use super::keeper;

static FOLDERS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// It is removed when this is dropped, with all that is in it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// One for each process and name.
    pub(crate) fn new(name: &str) -> Result<Folder> {
        let path = env::temp_dir().join(format!("{name}-{}", process::id()));
        // Locked until it is known: the end of the process must not overlook it.
        let mut folders = lock(&FOLDERS);
        keeper::tell_folder(&path);
        fs::create_dir(&path).with_context(|| format!("failed to make {}", path.display()))?;
        folders.push(path.clone());
        Ok(Folder(path))
    }

    /// As many of this name as are wanted.
    pub(crate) fn of_its_own(name: &str) -> Result<Folder> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        Folder::new(&format!("{name}-{}", NUMBER.fetch_add(1, Ordering::Relaxed)))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
        lock(&FOLDERS).retain(|path| *path != self.0);
    }
}

/// Removes them all, and lets nobody make another one: this process ends.
pub(super) fn remove_all() {
    let folders = lock(&FOLDERS);
    for path in &*folders {
        // Another thread of this process may still be writing into it, so once is not enough.
        for _ in 0..100 {
            if fs::remove_dir_all(path).is_ok() || !path.exists() {
                break;
            }
        }
    }
    std::mem::forget(folders);
}
