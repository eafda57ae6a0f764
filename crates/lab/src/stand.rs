//! What a server stands, and what it costs.

pub mod bench;
pub mod load;
pub mod server;
pub mod soak;
