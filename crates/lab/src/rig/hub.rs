//! Waiting for what must happen: threads announce changes, one waits for a condition.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Wakes the player whenever a program or a peer did anything.
#[derive(Default)]
pub struct Hub {
    changes: Mutex<u64>,
    changed: Condvar,
}

impl Hub {
    pub fn announce(&self) {
        *lock(&self.changes) += 1;
        self.changed.notify_all();
    }

    /// Waits until `condition` gives a value; `None` when the deadline comes first.
    pub fn wait<T>(
        &self,
        deadline: Instant,
        mut condition: impl FnMut() -> Option<T>,
    ) -> Option<T> {
        loop {
            let seen = *lock(&self.changes);
            if let Some(value) = condition() {
                return Some(value);
            }
            let mut changes = lock(&self.changes);
            while *changes == seen {
                let left = deadline.checked_duration_since(Instant::now())?;
                changes = match self.changed.wait_timeout(changes, left) {
                    Ok((changes, _)) => changes,
                    Err(poisoned) => poisoned.into_inner().0,
                };
            }
        }
    }
}

/// Locks, also when another thread panicked: what it left is still the best there is to report.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
