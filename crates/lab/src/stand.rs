//! What a server stands, and what it costs.

pub mod load;
pub mod soak;
