//! The wire: what happens between two programs, recorded from a real run, and told.

pub mod files;
pub mod open;
pub mod picture;
pub mod record;
mod stepper;
pub mod story;
