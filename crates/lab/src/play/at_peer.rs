//! What a raw peer does and expects.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use super::report::Failure;
use crate::contract::PREFIX;
use crate::course::session::{AtPeer, Closed, quote};
use crate::rig::hub::Hub;
use crate::rig::peer::{End, Peer};

const OPEN: &str = "a connection that is still open";
/// The first bytes to a closed connection are answered by a reset, and only the next ones fail (RFC 9293, 3.5.2).
const CLOSED: &str = "the other side has closed it, after one of the steps before";

/// Does it; what appeared is what the step says.
pub(super) fn act(peer: &mut Peer, act: &AtPeer, hub: &Hub) -> Result<Option<String>, Failure> {
    come(peer, hub)?;
    match act {
        // The last time: the others are on their way to somebody who reads them one by one.
        AtPeer::Send(bytes) | AtPeer::SendAgain(bytes, _) => send(peer, bytes, hub)?,
        AtPeer::HalfClose => peer.half_close().map_err(of_open)?,
        AtPeer::Close => peer.close(),
        AtPeer::Reset => peer.reset()?,
        AtPeer::Bytes(expected) => bytes(peer, expected, hub)?,
        AtPeer::Answers(expected) if peer.is_datagrams() => later(peer, expected, hub)?,
        AtPeer::Answers(expected) => answers(peer, expected, hub)?,
        AtPeer::OnePiece => one_piece(peer)?,
        AtPeer::Open => open(peer)?,
        AtPeer::Nothing(time) => nothing(peer, *time)?,
        AtPeer::Unread => unread(peer, hub)?,
        AtPeer::Closed(closed) => ends(peer, *closed, hub)?,
    }
    Ok(None)
}

fn send(peer: &mut Peer, bytes: &[u8], hub: &Hub) -> Result<(), Failure> {
    peer.send(bytes, hub.deadline()).map_err(of_open)
}

/// Why something cannot be done that needs an open connection.
fn of_open(err: anyhow::Error) -> Failure {
    match err.downcast_ref::<io::Error>().map(io::Error::kind) {
        Some(ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::NotConnected) => {
            Failure::new(OPEN.to_owned(), CLOSED.to_owned())
        }
        _ => err.into(),
    }
}

/// Sends to another side that has not ended the connection; how it has ended it may depend on who was faster.
pub(super) fn send_on(peer: &mut Peer, bytes: &[u8], hub: &Hub) -> Result<(), Failure> {
    open(peer).map_err(|_| Failure::new(OPEN.to_owned(), CLOSED.to_owned()))?;
    send(peer, bytes, hub)
}

fn open(peer: &mut Peer) -> Result<(), Failure> {
    while peer.end.is_none() && peer.receive(Instant::now())? {}
    match peer.end {
        None => Ok(()),
        Some(end) => Err(Failure::new(OPEN.to_owned(), end.name().to_owned())),
    }
}

fn nothing(peer: &mut Peer, time: Duration) -> Result<(), Failure> {
    let begin = Instant::now();
    while peer.pieces().is_empty() && peer.end.is_none() && begin.elapsed() < time {
        peer.receive(begin + time)?;
    }
    if peer.pieces().is_empty() && peer.end.is_none() {
        return Ok(());
    }
    let soon = begin.elapsed().min(time).as_millis();
    let expected = format!("nothing for {} ms", time.as_millis());
    Err(Failure::new(expected, format!("after {soon} ms {}", describe(peer, None))))
}

/// Waits until a client has come to a raw peer that listens.
pub(super) fn come(peer: &mut Peer, hub: &Hub) -> Result<(), Failure> {
    let nobody = |got: String| Failure::new("a client that connects".to_owned(), got);
    let came = hub.watch(|moment| {
        // First: a client that has come and gone is in the queue by now.
        let over = hub.over();
        match (peer.connected(moment), over) {
            (Ok(true), _) => Some(Ok(())),
            (Ok(false), None) => None,
            (Ok(false), Some((name, exit))) => {
                Some(Err(nobody(format!("nobody: {name} has ended ({exit})"))))
            }
            (Err(err), _) => Some(Err(err.into())),
        }
    });
    came.map_err(|why| nobody(format!("nobody: {why}")))?
}

/// Receives until `done` says so or the connection ends; why no more comes, otherwise.
pub(super) fn receive(
    peer: &mut Peer,
    hub: &Hub,
    mut done: impl FnMut(&mut Peer) -> bool,
) -> Result<Option<String>, Failure> {
    let received = hub.watch(|moment| {
        // First: what its program has sent before it ended has come by now.
        let over = hub.over().filter(|_| peer.is_datagrams());
        if done(peer) || peer.end.is_some() {
            return Some(Ok(None));
        }
        // Whatever else has come counts too.
        loop {
            match peer.receive(moment) {
                Ok(true) if done(peer) || peer.end.is_some() => return Some(Ok(None)),
                Ok(true) => {}
                // Datagrams have no end that would be seen.
                Ok(false) => {
                    return over.map(|(name, exit)| {
                        Ok(Some(format!("nothing more: {name} has ended ({exit})")))
                    });
                }
                Err(err) => return Some(refused(&err).map_or(Err(err), |why| Ok(Some(why)))),
            }
        }
    });
    match received {
        Ok(received) => received.map_err(Failure::from),
        Err(why) => Ok(Some(why.to_string())),
    }
}

/// What the system says of datagrams that nobody takes (ICMP, port unreachable).
fn refused(err: &anyhow::Error) -> Option<String> {
    let refused = err.downcast_ref::<io::Error>()?.kind() == ErrorKind::ConnectionRefused;
    refused.then(|| "nothing: no socket there takes a datagram from this sender".to_owned())
}

fn bytes(peer: &mut Peer, expected: &[u8], hub: &Hub) -> Result<(), Failure> {
    let why = receive(peer, hub, |peer| peer.tells(expected))?;
    match peer.take_if(expected) {
        true => Ok(()),
        false => Err(Failure::at_difference(&quote(expected), &describe(peer, why))),
    }
}

/// One write of so few bytes arrives in one read, whoever is slow: several reads are several writes.
fn one_piece(peer: &Peer) -> Result<(), Failure> {
    let pieces: Vec<String> =
        peer.taken().iter().filter(|n| **n > 0).map(ToString::to_string).collect();
    match pieces.as_slice() {
        [] | [_] => Ok(()),
        [first, second, ..] => {
            let more = if pieces.len() > 2 { ", ..." } else { "" };
            let got = format!("{} pieces, of {first}, {second}{more} bytes", pieces.len());
            Err(Failure::new("all of it in one piece".to_owned(), got))
        }
    }
}

/// A datagram that comes sooner or later: one that is sent twice is no fault.
fn later(peer: &mut Peer, expected: &[u8], hub: &Hub) -> Result<(), Failure> {
    let mut found = false;
    let why = receive(peer, hub, |peer| {
        found = found || peer.take_up_to(expected);
        found
    })?;
    match found {
        true => Ok(()),
        false => Err(Failure::new(quote(expected), describe(peer, why))),
    }
}

/// One answer or several, in whose messages nothing is lost and nothing comes twice.
fn answers(peer: &mut Peer, expected: &[u8], hub: &Hub) -> Result<(), Failure> {
    let whole = |peer: &Peer| messages(peer.received()).is_some_and(|bytes| bytes == expected);
    let why = receive(peer, hub, |peer| whole(peer))?;
    if whole(peer) {
        peer.take(usize::MAX);
        return Ok(());
    }
    let got = match messages(peer.received()) {
        Some(bytes) if !bytes.is_empty() => format!("answers to {} bytes", bytes.len()),
        _ => describe(peer, why),
    };
    Err(Failure::new(format!("answers to all {} bytes", expected.len()), got))
}

/// The messages of answers, joined.
fn messages(answers: &[u8]) -> Option<Vec<u8>> {
    let mut rest = answers.strip_prefix(PREFIX.as_bytes())?;
    let mut messages = Vec::new();
    while let Some((byte, behind)) = rest.split_first() {
        match rest.strip_prefix(PREFIX.as_bytes()) {
            Some(behind) => rest = behind,
            None => {
                messages.push(*byte);
                rest = behind;
            }
        }
    }
    Some(messages)
}

fn unread(peer: &mut Peer, hub: &Hub) -> Result<(), Failure> {
    let fail = |got: String| Failure::new("bytes to leave unread".to_owned(), got);
    let unread = hub.watch(|moment| match (peer.has_unread(moment), peer.end) {
        (Ok(true), _) => Some(Ok(())),
        (Ok(false), end) => end.map(|end| Err(fail(end.name().to_owned()))),
        (Err(err), _) => Some(Err(err.into())),
    });
    unread.map_err(|why| fail(why.to_string()))?
}

fn ends(peer: &mut Peer, closed: Closed, hub: &Hub) -> Result<(), Failure> {
    let expected = match closed {
        Closed::End | Closed::SoonerOrLater => End::Finished.name().to_owned(),
        Closed::Reset => End::Reset.name().to_owned(),
        Closed::EndOrReset => format!("{} or {}", End::Finished.name(), End::Reset.name()),
    };
    let why = receive(peer, hub, |peer| {
        if closed == Closed::SoonerOrLater {
            peer.take(usize::MAX);
        }
        !peer.received().is_empty()
    })?;
    let right = match closed {
        Closed::End | Closed::SoonerOrLater => peer.end == Some(End::Finished),
        Closed::Reset => peer.end == Some(End::Reset),
        Closed::EndOrReset => peer.end.is_some(),
    };
    if right && peer.received().is_empty() {
        return Ok(());
    }
    // Nothing is missing before it, so how it has ended is what there is to say.
    let got = match peer.end.filter(|_| peer.received().is_empty()) {
        Some(end) => end.name().to_owned(),
        None => describe(peer, why),
    };
    Err(Failure::new(expected, got))
}

/// What a peer has received, how the connection ended, or why nothing more came.
fn describe(peer: &Peer, why: Option<String>) -> String {
    // A reset or not: that may depend on who was faster once bytes are missing.
    let end = peer.end.map(|_| "the end of the connection".to_owned()).or(why);
    let came: Vec<String> = peer.pieces().into_iter().map(quote).collect();
    match (came.is_empty(), end) {
        (true, end) => end.unwrap_or_else(|| "nothing".to_owned()),
        (false, None) => came.join(" and "),
        (false, Some(end)) => format!("{}, then {end}", came.join(" and ")),
    }
}
