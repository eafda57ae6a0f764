//! Who plays the parts of a session.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Which programs play the parts.
#[derive(Clone, Debug, Default)]
pub struct Cast {
    /// The folder of the stages' own binaries.
    pub programs: PathBuf,
    /// Stands for `{server}`.
    pub server: Option<Vec<String>>,
    /// Stands for `{client}`.
    pub client: Option<Vec<String>>,
    /// The addresses that the programs use whatever they are told: one, or all those of a name.
    pub addrs: Vec<SocketAddr>,
    /// How long a step may take, if not 5 seconds.
    pub patience: Option<Duration>,
    /// Choose the same `{word}` in each play, as tests need it.
    pub seed: Option<u64>,
}
