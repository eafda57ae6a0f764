//! Who plays the parts of a session.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Which programs play the parts.
#[derive(Clone, Debug, Default)]
pub struct Cast {
    /// The folder of the stages' own binaries.
    pub programs: PathBuf,
    /// Stands for `{server}`.
    pub server: Option<Vec<String>>,
    /// Stands for `{client}`.
    pub client: Option<Vec<String>>,
    /// The address that the programs use whatever they are told.
    pub addr: Option<SocketAddr>,
}
