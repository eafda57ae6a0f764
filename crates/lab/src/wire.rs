//! The wire: what happens between two programs, recorded from a real run.

pub mod record;
