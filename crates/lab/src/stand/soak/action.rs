//! What a client of the soak can do, and how a report says it.

use std::fmt;

use crate::course::session::quote;

/// What a client does, or waits for.
#[derive(Clone, Debug)]
pub(super) enum Action {
    Connect,
    /// Starts the stage's own client, a process that can be killed.
    Start,
    /// One write of letters and digits; a started client gets them as a line.
    Send(Vec<u8>),
    /// One write of any bytes, which the server must get in one read.
    Garbage(Vec<u8>),
    /// One write for each byte.
    OneByOne(Vec<u8>),
    /// Sends all, half-closes, and reads the answers at the same time, until the server closes.
    Burst(Vec<u8>),
    /// Sends until all is sent or the socket takes no more, and reads nothing.
    Fill(Vec<u8>),
    /// Sends the probe's own words and expects exactly its own answer.
    Probe(Vec<u8>),
    /// Waits until the server serves this client.
    Taken,
    /// Waits until the server has printed all that this client has sent.
    Printed,
    /// As `Printed`, and reads the answers to all of it.
    Answered,
    /// Waits until an answer has come, and leaves it unread.
    Unread,
    HalfClose,
    /// Reads until the server closes.
    End,
    Close,
    Reset,
    Kill,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Connect => f.write_str("connects"),
            Action::Start => f.write_str("is the stage's own client, and starts"),
            Action::Send(bytes) => write!(f, "sends {}", shorten(bytes)),
            Action::Garbage(bytes) => write!(f, "sends the garbage {}", shorten(bytes)),
            Action::OneByOne(bytes) => write!(f, "sends, one byte at a time, {}", shorten(bytes)),
            Action::Burst(bytes) => {
                write!(f, "half-closes after {}, and reads all answers", shorten(bytes))
            }
            Action::Fill(bytes) => {
                write!(f, "sends, until the socket takes no more, {}", shorten(bytes))
            }
            Action::Probe(bytes) => {
                write!(f, "sends {} and expects its own answer", shorten(bytes))
            }
            Action::Taken => f.write_str("waits until the server serves it"),
            Action::Printed => f.write_str("waits until the server has printed all of that"),
            Action::Answered => f.write_str("reads the answers to all of that"),
            Action::Unread => f.write_str("waits for an answer, and leaves it unread"),
            Action::HalfClose => f.write_str("half-closes"),
            Action::End => f.write_str("reads until the server closes"),
            Action::Close => f.write_str("closes"),
            Action::Reset => f.write_str("resets the connection"),
            Action::Kill => f.write_str("is killed"),
        }
    }
}

/// Bytes in quotes, the first ones only when there are many.
pub(super) fn shorten(bytes: &[u8]) -> String {
    const SHOWN: usize = 40;
    match bytes.len() > SHOWN {
        true => format!("\"{}...\" ({} bytes)", bytes[..SHOWN].escape_ascii(), bytes.len()),
        false => quote(bytes),
    }
}
