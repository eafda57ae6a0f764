//! What every program of the course prints and sends, and what each stage does.

use std::net::SocketAddr;
use std::ops::RangeInclusive;

pub(crate) const WAITING: &str = "wait client connect.........";
pub(crate) const CLOSED: &str = "socket close.....";
/// What every client shows when you may type.
pub(crate) const PROMPT: &str = ">";
/// How every answer begins; the message follows.
pub(crate) const PREFIX: &str = "server send :";
/// The most bytes that one read takes for one message.
pub(crate) const MESSAGE_BYTES: usize = 1024;
/// Where a program is that was told no address, and the port that sessions show.
pub(crate) const PORT: u16 = 5001;

pub(crate) const STAGES: RangeInclusive<u8> = 1..=6;
/// The stages whose servers outlive every client.
pub(crate) const SURVIVING: RangeInclusive<u8> = 3..=6;
/// The stages whose servers answer.
pub(crate) const ANSWERING: RangeInclusive<u8> = 5..=6;

/// Where a server says that it listens, if the line is the one that says so.
pub(crate) fn listening(line: &str) -> Option<SocketAddr> {
    line.strip_prefix("listening on ")?.parse().ok()
}

/// The answer to a message, from the stage on that answers.
pub(crate) fn answer(message: &[u8]) -> Vec<u8> {
    [PREFIX.as_bytes(), message].concat()
}

/// Does the server of this stage answer?
pub(crate) fn answers(stage: u8) -> bool {
    ANSWERING.contains(&stage)
}

/// Does the server of this stage hang up after this message?
pub(crate) fn hangs_up(stage: u8, message: &[u8]) -> bool {
    stage >= 2 && message == b"q" || stage >= 6 && message == b"Q"
}
