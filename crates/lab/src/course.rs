//! The course: its session files, who plays them, and where its stages are.

pub mod cast;
pub mod notes;
pub mod session;
pub mod stages;
