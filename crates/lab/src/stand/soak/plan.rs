//! What a soak does: a connection is one fault, a fault is a few acts of one or more clients.

use std::fmt;

use fastrand::Rng;

use crate::contract::{self, MESSAGE_BYTES};
use crate::course::session::quote;

/// How a connection goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    KilledProcess,
    ResetBeforeTheFirstByte,
    ResetAfterAMessage,
    ResetWithAnAnswerUnread,
    ResetInAStream,
    HalfClose,
    SilenceThenClose,
    Garbage,
    OneByteAtATime,
    Burst,
    BurstUnread,
    ConnectAndLeave,
    AnswerNeverRead,
    QuitInsideAMessage,
    QuitCoalesced,
    QuitTwice,
    QuitThenMore,
    QueuedAtOnce,
}

/// Every fault with its name, the first stage that it can happen to, and its share.
///
/// From stage 5 on the server answers. A process is slow to start and a burst slow to print, so their shares are small.
pub const FAULTS: [(Fault, &str, u8, u32); 18] = [
    (Fault::KilledProcess, "killed process", 3, 3),
    (Fault::ResetBeforeTheFirstByte, "reset before the first byte", 3, 10),
    (Fault::ResetAfterAMessage, "reset after a message", 3, 10),
    (Fault::ResetWithAnAnswerUnread, "reset with an answer unread", 5, 10),
    (Fault::ResetInAStream, "reset in the middle of a stream", 3, 10),
    (Fault::HalfClose, "half-close", 3, 10),
    (Fault::SilenceThenClose, "silence, then close", 3, 10),
    (Fault::Garbage, "garbage", 3, 10),
    (Fault::OneByteAtATime, "one byte at a time", 3, 10),
    (Fault::Burst, "burst of 1 MiB, answers read", 3, 1),
    (Fault::BurstUnread, "burst, answers never read", 5, 2),
    (Fault::ConnectAndLeave, "connect and leave", 3, 10),
    (Fault::AnswerNeverRead, "answer never read", 5, 10),
    (Fault::QuitInsideAMessage, "q or Q inside a message", 3, 10),
    (Fault::QuitCoalesced, "q or Q right after a message", 3, 10),
    (Fault::QuitTwice, "q or Q twice", 3, 10),
    (Fault::QuitThenMore, "q or Q, then more", 3, 10),
    (Fault::QueuedAtOnce, "many queued at once", 3, 3),
];

const BURST: usize = 1024 * 1024;
/// Fewer than the 128 that fit into the queue of a std listener.
const QUEUE: usize = 32;
/// No q and no Q, and nothing that is printed with an escape.
const LETTERS: &[u8] = b"abcdefghijklmnoprstuvwxyzABCDEFGHIJKLMNOPRSTUVWXYZ0123456789";

/// What a client does, or waits for.
#[derive(Clone, Debug)]
pub enum Act {
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

#[derive(Clone, Debug)]
pub struct Step {
    /// Counts from 0, in the order in which the clients connect.
    pub client: usize,
    pub act: Act,
}

/// One connection of the soak: its fault, and the probe after it.
pub struct Plan {
    /// Counts from 1.
    pub number: u64,
    pub fault: usize,
    pub steps: Vec<Step>,
    /// The last client.
    pub probe: usize,
}

/// Chooses one plan after the other; the same seed and stage choose the same ones.
pub struct Planner {
    stage: u8,
    rng: Rng,
    number: u64,
    steps: Vec<Step>,
    client: usize,
}

/// The faults that can happen at a stage, as indices into [`FAULTS`].
pub fn faults(stage: u8) -> Vec<usize> {
    (0..FAULTS.len()).filter(|fault| FAULTS[*fault].2 <= stage).collect()
}

impl Planner {
    pub fn new(seed: u64, stage: u8) -> Planner {
        let rng = Rng::with_seed(seed.wrapping_mul(16).wrapping_add(stage.into()));
        Planner { stage, rng, number: 0, steps: Vec::new(), client: 0 }
    }

    /// The first plans are one of each fault, so that every soak has all of them.
    pub fn next(&mut self) -> Plan {
        let faults = faults(self.stage);
        let first = usize::try_from(self.number).ok().and_then(|number| faults.get(number));
        let fault = first.copied().unwrap_or_else(|| self.choose(&faults));
        self.number += 1;
        self.client = 0;
        self.plan(FAULTS[fault].0);
        self.client += 1;
        self.probe();
        let steps = std::mem::take(&mut self.steps);
        Plan { number: self.number, fault, steps, probe: self.client }
    }

    fn choose(&mut self, faults: &[usize]) -> usize {
        let shares: u32 = faults.iter().map(|fault| FAULTS[*fault].3).sum();
        let mut ticket = self.rng.u32(..shares);
        for fault in faults {
            match ticket.checked_sub(FAULTS[*fault].3) {
                Some(rest) => ticket = rest,
                None => return *fault,
            }
        }
        0
    }

    fn plan(&mut self, fault: Fault) {
        match fault {
            Fault::KilledProcess => {
                self.act(Act::Start);
                self.act(Act::Taken);
                for _ in 0..self.rng.u8(0..4) {
                    // Four letters at least: a line `o` would be an empty message.
                    let line = self.text(4..64);
                    self.act(Act::Send(line));
                    self.act(Act::Printed);
                }
                self.act(Act::Kill);
            }
            Fault::ResetBeforeTheFirstByte => {
                self.act(Act::Connect);
                if self.rng.bool() {
                    self.act(Act::Taken);
                }
                self.act(Act::Reset);
            }
            Fault::ResetAfterAMessage => {
                self.act(Act::Connect);
                for _ in 0..self.rng.u8(1..4) {
                    self.send(1..2048);
                    self.settle();
                }
                self.act(Act::Reset);
            }
            Fault::ResetWithAnAnswerUnread => {
                self.act(Act::Connect);
                self.send(1..2048);
                self.act(Act::Unread);
                self.act(Act::Reset);
            }
            Fault::ResetInAStream => {
                self.act(Act::Connect);
                self.sends(2..12);
                self.act(Act::Reset);
            }
            Fault::HalfClose => {
                self.act(Act::Connect);
                self.sends(0..4);
                self.half_close();
            }
            Fault::SilenceThenClose => {
                self.act(Act::Connect);
                self.act(Act::Taken);
                if self.rng.bool() {
                    self.send(1..64);
                    self.settle();
                }
                // Nothing happens until somebody waits behind this client.
                self.client = 1;
                self.act(Act::Connect);
                self.send(1..64);
                self.client = 0;
                self.act(Act::Close);
                self.client = 1;
                self.settle();
                self.act(Act::Close);
            }
            Fault::Garbage => {
                self.act(Act::Connect);
                for _ in 0..self.rng.u8(1..4) {
                    let mut bytes = vec![0; self.rng.usize(2..=MESSAGE_BYTES)];
                    self.rng.fill(&mut bytes);
                    self.act(Act::Garbage(bytes));
                    self.settle();
                }
                self.end();
            }
            Fault::OneByteAtATime => {
                self.act(Act::Connect);
                let bytes = self.text(2..200);
                self.act(Act::OneByOne(bytes));
                self.half_close();
            }
            Fault::Burst => {
                self.act(Act::Connect);
                let bytes = self.burst();
                self.act(Act::Burst(bytes));
                self.act(Act::Close);
            }
            Fault::BurstUnread => {
                self.act(Act::Connect);
                let bytes = self.burst();
                self.act(Act::Fill(bytes));
                self.leave();
            }
            Fault::ConnectAndLeave => {
                self.act(Act::Connect);
                self.act(Act::Close);
            }
            Fault::AnswerNeverRead => {
                self.act(Act::Connect);
                self.sends(1..6);
                if self.rng.bool() {
                    self.act(Act::Printed);
                }
                self.act(Act::Close);
            }
            Fault::QuitInsideAMessage => {
                self.act(Act::Connect);
                let mut message = self.text(1..64);
                let at = self.rng.usize(..=message.len());
                message.insert(at, self.quit());
                self.act(Act::Send(message));
                self.settle();
                self.end();
            }
            Fault::QuitCoalesced => {
                self.act(Act::Connect);
                self.send(1..64);
                self.send_quit();
                self.half_close();
            }
            Fault::QuitTwice => {
                self.act(Act::Connect);
                self.send_quit();
                if self.rng.bool() {
                    self.settle();
                }
                self.send_quit();
                self.half_close();
            }
            Fault::QuitThenMore => {
                self.act(Act::Connect);
                if self.rng.bool() {
                    self.send(1..64);
                    self.settle();
                }
                self.send_quit();
                self.sends(1..4);
                self.half_close();
            }
            Fault::QueuedAtOnce => self.queue(),
        }
    }

    /// All connect and send; some leave while they are in the queue, the others when it is their turn.
    fn queue(&mut self) {
        let mut waiting = Vec::new();
        let clients = self.rng.usize(2..=QUEUE);
        for client in 0..clients {
            self.client = client;
            self.act(Act::Connect);
            self.send(1..64);
            match self.rng.u8(..4) {
                0 => self.leave(),
                _ => waiting.push(client),
            }
        }
        for client in waiting {
            self.client = client;
            self.settle();
            self.end();
        }
        self.client = clients - 1;
    }

    fn probe(&mut self) {
        self.act(Act::Connect);
        let mut words = format!("probe{}-", self.number).into_bytes();
        words.extend(self.text(12..13));
        self.act(Act::Probe(words));
        match self.rng.u8(..3) {
            0 => self.act(Act::Close),
            1 => self.half_close(),
            _ => {
                self.act(Act::Send(b"q".to_vec()));
                self.act(Act::End);
                self.act(Act::Close);
            }
        }
    }

    fn act(&mut self, act: Act) {
        self.steps.push(Step { client: self.client, act });
    }

    fn send(&mut self, length: std::ops::Range<usize>) {
        let message = self.text(length);
        self.act(Act::Send(message));
    }

    /// Several messages, and nobody waits between them.
    fn sends(&mut self, times: std::ops::Range<u8>) {
        for _ in 0..self.rng.u8(times) {
            self.send(1..3000);
        }
    }

    fn send_quit(&mut self) {
        let quit = self.quit();
        self.act(Act::Send(vec![quit]));
    }

    /// Up to stage 5, `Q` is a message as any other.
    fn quit(&mut self) -> u8 {
        if self.rng.bool() { b'q' } else { b'Q' }
    }

    fn settle(&mut self) {
        self.act(if contract::answers(self.stage) { Act::Answered } else { Act::Printed });
    }

    fn half_close(&mut self) {
        self.act(Act::HalfClose);
        self.act(Act::End);
        self.act(Act::Close);
    }

    fn leave(&mut self) {
        let act = if self.rng.bool() { Act::Close } else { Act::Reset };
        self.act(act);
    }

    fn end(&mut self) {
        if self.rng.bool() { self.half_close() } else { self.leave() }
    }

    fn text(&mut self, length: std::ops::Range<usize>) -> Vec<u8> {
        let length = self.rng.usize(length);
        (0..length).map(|_| LETTERS[self.rng.usize(..LETTERS.len())]).collect()
    }

    fn burst(&mut self) -> Vec<u8> {
        // A prime, so that no two reads of 1024 bytes get the same.
        let piece = self.text(1021..1022);
        piece.into_iter().cycle().take(BURST).collect()
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Act::Connect => f.write_str("connects"),
            Act::Start => f.write_str("is the stage's own client, and starts"),
            Act::Send(bytes) => write!(f, "sends {}", shorten(bytes)),
            Act::Garbage(bytes) => write!(f, "sends the garbage {}", shorten(bytes)),
            Act::OneByOne(bytes) => write!(f, "sends, one byte at a time, {}", shorten(bytes)),
            Act::Burst(bytes) => {
                write!(f, "half-closes after {}, and reads all answers", shorten(bytes))
            }
            Act::Fill(bytes) => {
                write!(f, "sends, until the socket takes no more, {}", shorten(bytes))
            }
            Act::Probe(bytes) => write!(f, "sends {} and expects its own answer", shorten(bytes)),
            Act::Taken => f.write_str("waits until the server serves it"),
            Act::Printed => f.write_str("waits until the server has printed all of that"),
            Act::Answered => f.write_str("reads the answers to all of that"),
            Act::Unread => f.write_str("waits for an answer, and leaves it unread"),
            Act::HalfClose => f.write_str("half-closes"),
            Act::End => f.write_str("reads until the server closes"),
            Act::Close => f.write_str("closes"),
            Act::Reset => f.write_str("resets the connection"),
            Act::Kill => f.write_str("is killed"),
        }
    }
}

/// Bytes in quotes, the first ones only when there are many.
pub fn shorten(bytes: &[u8]) -> String {
    const SHOWN: usize = 40;
    match bytes.len() > SHOWN {
        true => format!("\"{}...\" ({} bytes)", bytes[..SHOWN].escape_ascii(), bytes.len()),
        false => quote(bytes),
    }
}
