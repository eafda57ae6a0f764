//! The course: its session files, who plays them, and where its stages and exercises are.

pub mod cast;
pub mod draft;
pub mod exercises;
pub mod notes;
pub mod schedule;
pub mod session;
pub mod stages;
