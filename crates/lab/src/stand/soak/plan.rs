//! What a soak does: a connection is one fault, a fault is a few acts of one or more clients.

use fastrand::Rng;

use super::action::Action;
use crate::contract::{self, MESSAGE_BYTES};

/// How a connection goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
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

/// Every fault with its name, whether it needs a server that answers, and its share.
///
/// A process is slow to start and a burst slow to print, so their shares are small.
pub(super) const FAULTS: [(Fault, &str, bool, u32); 18] = [
    (Fault::KilledProcess, "killed process", false, 3),
    (Fault::ResetBeforeTheFirstByte, "reset before the first byte", false, 10),
    (Fault::ResetAfterAMessage, "reset after a message", false, 10),
    (Fault::ResetWithAnAnswerUnread, "reset with an answer unread", true, 10),
    (Fault::ResetInAStream, "reset in the middle of a stream", false, 10),
    (Fault::HalfClose, "half-close", false, 10),
    (Fault::SilenceThenClose, "silence, then close", false, 10),
    (Fault::Garbage, "garbage", false, 10),
    (Fault::OneByteAtATime, "one byte at a time", false, 10),
    (Fault::Burst, "burst of 1 MiB, answers read", false, 1),
    (Fault::BurstUnread, "burst, answers never read", true, 2),
    (Fault::ConnectAndLeave, "connect and leave", false, 10),
    (Fault::AnswerNeverRead, "answer never read", true, 10),
    (Fault::QuitInsideAMessage, "q or Q inside a message", false, 10),
    (Fault::QuitCoalesced, "q or Q right after a message", false, 10),
    (Fault::QuitTwice, "q or Q twice", false, 10),
    (Fault::QuitThenMore, "q or Q, then more", false, 10),
    (Fault::QueuedAtOnce, "many queued at once", false, 3),
];

const BURST: usize = 1024 * 1024;
/// Fewer than the 128 that fit into the queue of a std listener.
const QUEUE: usize = 32;
/// No q and no Q, and nothing that is printed with an escape.
const LETTERS: &[u8] = b"abcdefghijklmnoprstuvwxyzABCDEFGHIJKLMNOPRSTUVWXYZ0123456789";

#[derive(Clone, Debug)]
pub(super) struct Turn {
    /// Counts from 0, in the order in which the clients connect.
    pub client: usize,
    pub action: Action,
}

/// One connection of the soak: its fault, and the probe after it.
pub(super) struct Plan {
    /// Counts from 1.
    pub number: u64,
    pub fault: usize,
    pub turns: Vec<Turn>,
    /// The last client.
    pub probe: usize,
}

/// Chooses one plan after the other; the same seed and stage choose the same ones.
pub(super) struct Planner {
    stage: u8,
    rng: Rng,
    number: u64,
    turns: Vec<Turn>,
    client: usize,
}

/// Can this fault, an index into [`FAULTS`], happen at a stage?
pub(super) fn happens(fault: usize, stage: u8) -> bool {
    contract::answers(stage) || !FAULTS[fault].2
}

pub(super) fn faults(stage: u8) -> Vec<usize> {
    (0..FAULTS.len()).filter(|fault| happens(*fault, stage)).collect()
}

impl Planner {
    pub(super) fn new(seed: u64, stage: u8) -> Planner {
        let rng = Rng::with_seed(seed.wrapping_mul(16).wrapping_add(stage.into()));
        Planner { stage, rng, number: 0, turns: Vec::new(), client: 0 }
    }

    /// The first plans are one of each fault, so that every soak has all of them.
    pub(super) fn next(&mut self) -> Plan {
        let faults = faults(self.stage);
        let first = usize::try_from(self.number).ok().and_then(|number| faults.get(number));
        let fault = first.copied().unwrap_or_else(|| self.choose(&faults));
        self.number += 1;
        self.client = 0;
        self.plan(FAULTS[fault].0);
        self.client += 1;
        self.probe();
        let turns = std::mem::take(&mut self.turns);
        Plan { number: self.number, fault, turns, probe: self.client }
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
                self.act(Action::Start);
                self.act(Action::Taken);
                for _ in 0..self.rng.u8(0..4) {
                    // Four letters at least: a line `o` would be an empty message.
                    let line = self.text(4..64);
                    self.act(Action::Send(line));
                    self.act(Action::Printed);
                }
                self.act(Action::Kill);
            }
            Fault::ResetBeforeTheFirstByte => {
                self.act(Action::Connect);
                if self.rng.bool() {
                    self.act(Action::Taken);
                }
                self.act(Action::Reset);
            }
            Fault::ResetAfterAMessage => {
                self.act(Action::Connect);
                for _ in 0..self.rng.u8(1..4) {
                    self.send(1..2048);
                    self.settle();
                }
                self.act(Action::Reset);
            }
            Fault::ResetWithAnAnswerUnread => {
                self.act(Action::Connect);
                self.send(1..2048);
                self.act(Action::Unread);
                self.act(Action::Reset);
            }
            Fault::ResetInAStream => {
                self.act(Action::Connect);
                self.sends(2..12);
                self.act(Action::Reset);
            }
            Fault::HalfClose => {
                self.act(Action::Connect);
                self.sends(0..4);
                self.half_close();
            }
            Fault::SilenceThenClose => {
                self.act(Action::Connect);
                self.act(Action::Taken);
                if self.rng.bool() {
                    self.send(1..64);
                    self.settle();
                }
                // Nothing happens until somebody waits behind this client.
                self.client = 1;
                self.act(Action::Connect);
                self.send(1..64);
                self.client = 0;
                self.act(Action::Close);
                self.client = 1;
                self.settle();
                self.act(Action::Close);
            }
            Fault::Garbage => {
                self.act(Action::Connect);
                for _ in 0..self.rng.u8(1..4) {
                    let mut bytes = vec![0; self.rng.usize(2..=MESSAGE_BYTES)];
                    self.rng.fill(&mut bytes);
                    self.act(Action::Garbage(bytes));
                    self.settle();
                }
                self.end();
            }
            Fault::OneByteAtATime => {
                self.act(Action::Connect);
                let bytes = self.text(2..200);
                self.act(Action::OneByOne(bytes));
                self.half_close();
            }
            Fault::Burst => {
                self.act(Action::Connect);
                let bytes = self.burst();
                self.act(Action::Burst(bytes));
                self.act(Action::Close);
            }
            Fault::BurstUnread => {
                self.act(Action::Connect);
                let bytes = self.burst();
                self.act(Action::Fill(bytes));
                self.leave();
            }
            Fault::ConnectAndLeave => {
                self.act(Action::Connect);
                self.act(Action::Close);
            }
            Fault::AnswerNeverRead => {
                self.act(Action::Connect);
                self.sends(1..6);
                if self.rng.bool() {
                    self.act(Action::Printed);
                }
                self.act(Action::Close);
            }
            Fault::QuitInsideAMessage => {
                self.act(Action::Connect);
                let mut message = self.text(1..64);
                let at = self.rng.usize(..=message.len());
                message.insert(at, self.quit());
                self.act(Action::Send(message));
                self.settle();
                self.end();
            }
            Fault::QuitCoalesced => {
                self.act(Action::Connect);
                self.send(1..64);
                self.send_quit();
                self.half_close();
            }
            Fault::QuitTwice => {
                self.act(Action::Connect);
                self.send_quit();
                if self.rng.bool() {
                    self.settle();
                }
                self.send_quit();
                self.half_close();
            }
            Fault::QuitThenMore => {
                self.act(Action::Connect);
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
            self.act(Action::Connect);
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
        self.act(Action::Connect);
        let mut words = format!("probe{}-", self.number).into_bytes();
        words.extend(self.text(12..13));
        self.act(Action::Probe(words));
        match self.rng.u8(..3) {
            0 => self.act(Action::Close),
            1 => self.half_close(),
            _ => {
                self.act(Action::Send(b"q".to_vec()));
                self.act(Action::End);
                self.act(Action::Close);
            }
        }
    }

    fn act(&mut self, action: Action) {
        self.turns.push(Turn { client: self.client, action });
    }

    fn send(&mut self, length: std::ops::Range<usize>) {
        let message = self.text(length);
        self.act(Action::Send(message));
    }

    /// Several messages, and nobody waits between them.
    fn sends(&mut self, times: std::ops::Range<u8>) {
        for _ in 0..self.rng.u8(times) {
            self.send(1..3000);
        }
    }

    fn send_quit(&mut self) {
        let quit = self.quit();
        self.act(Action::Send(vec![quit]));
    }

    /// Where the server does not hang up after a `Q`, that is a message as any other.
    fn quit(&mut self) -> u8 {
        if self.rng.bool() { b'q' } else { b'Q' }
    }

    fn settle(&mut self) {
        self.act(if contract::answers(self.stage) { Action::Answered } else { Action::Printed });
    }

    fn half_close(&mut self) {
        self.act(Action::HalfClose);
        self.act(Action::End);
        self.act(Action::Close);
    }

    fn leave(&mut self) {
        let act = if self.rng.bool() { Action::Close } else { Action::Reset };
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
