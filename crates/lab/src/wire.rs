//! The wire: what happens between two programs, recorded from a real run, and told.

pub mod record;
pub mod story;
