//! The operating system: processes, terminals, connections, ports. The only place that starts a program.

pub(crate) mod blocked;
mod command;
pub(crate) mod folder;
pub(crate) mod hub;
pub mod keeper;
pub(crate) mod keys;
pub(crate) mod peer;
pub(crate) mod ports;
pub mod proc;
pub mod process;
pub mod pty;
pub(crate) mod screen;
pub(crate) mod sockets;
pub(crate) mod terminal;
pub(crate) mod witness;
