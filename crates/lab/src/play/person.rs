//! How the examiner behaves towards anybody's program: as one person at a time, who looks before typing.

use std::time::{Duration, Instant};

use super::actors::{Actor, Actors, Seat};
use super::at_peer;
use super::report::Failure;
use crate::course::session::{Act, AtPeer, AtTerminal, Step};
use crate::rig::blocked::{Limit, Thread, Wait};
use crate::rig::hub::{Hub, Why};

/// A program is looked at so often before somebody types.
const LOOK: Duration = Duration::from_millis(5);
/// What looks at the keyboard and elsewhere is ready when it has been quiet for this time.
const CALM: Duration = Duration::from_millis(80);
/// Where nobody knows what programs do, the screen alone has to be quiet for longer.
const BLIND: Duration = Duration::from_millis(250);
/// A program has noticed what was typed after this time, if it ever does.
const NOTICED: Duration = Duration::from_millis(300);
/// Who runs for this long, on a core of its own, and prints nothing, asks for keys again and again; or it takes
/// what is typed ahead.
const SPINS: Duration = Duration::from_millis(500);
/// Nobody says the same again and again for longer.
const ENOUGH: Duration = Duration::from_secs(1);
/// A program that reads what it gets has read it after this time.
const TAKEN: Duration = Duration::from_secs(1);

/// What a person would wait for before this step.
pub(super) fn before(actors: &mut Actors, step: &Step) -> Result<(), Failure> {
    match &step.act {
        Act::Terminal(AtTerminal::Type(_) | AtTerminal::Keys(_) | AtTerminal::Shows(_)) => {
            looks_before_typing(actors, &step.name)
        }
        Act::Peer(AtPeer::Send(_)) => {
            lets_it_read(actors, &step.name);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Says the same so often but for the last time, each time when what came before has been read.
pub(super) fn says_again(
    actors: &mut Actors,
    name: &str,
    bytes: &[u8],
    times: u16,
) -> Result<(), Failure> {
    let begin = Instant::now();
    for _ in 1..times {
        lets_it_read(actors, name);
        if begin.elapsed() >= ENOUGH {
            break;
        }
        if let (Actor::Peer(peer), hub, _) = actors.find(name)? {
            at_peer::send_on(peer, bytes, hub)?;
        }
    }
    lets_it_read(actors, name);
    Ok(())
}

/// Waits until a person would type: whoever listens has its client, and the program is ready.
fn looks_before_typing(actors: &mut Actors, name: &str) -> Result<(), Failure> {
    let hub = &actors.hub;
    for (_, actor) in &mut actors.on {
        let Actor::Peer(peer) = actor else { continue };
        // Nobody connects before the first datagram.
        if peer.is_datagrams() {
            continue;
        }
        let came = hub.watch(|moment| match peer.connected(moment) {
            Ok(false) => hub.over().map(|_| Ok(())),
            came => Some(came.map(|_| ())),
        });
        match came {
            // It may connect only when it has something to send.
            Err(Why::Stall) => {}
            Err(why) => {
                let got = format!("nobody: {why}");
                return Err(Failure::new("a client that connects".to_owned(), got));
            }
            Ok(came) => came?,
        }
    }
    for (known, actor) in &actors.on {
        match actor {
            Actor::Terminal(seat) if known == name => waits_for_a_person(seat, hub),
            _ => {}
        }
    }
    Ok(())
}

fn waits_for_a_person(seat: &Seat, hub: &Hub) {
    let deadline = hub.deadline();
    let mut last = seat.seen();
    let mut since = Instant::now();
    let mut had_run = seat.core_time().0;
    let over = || seat.terminal.look(|screen| screen.over().map(|_| ()));
    while hub.wait(Instant::now() + LOOK, over).is_none() && Instant::now() < deadline {
        let now = seat.seen();
        let (bytes, threads) = &now;
        let same = *bytes == last.0;
        let noticed = seat.typed.as_ref().is_none_or(|(at, before)| {
            at.elapsed() >= NOTICED || before.0 != *bytes || before.1 != *threads
        });
        let keyboard = threads.iter().any(|thread| thread.wait == Wait::Keyboard);
        let ready = match threads.as_slice() {
            [] => since.elapsed() >= BLIND,
            _ if keyboard => now == last,
            _ => since.elapsed() >= CALM,
        };
        let busy = !keyboard && threads.iter().any(busy);
        let spins = busy && seat.core_time().0.saturating_sub(had_run) >= SPINS;
        if same && noticed && (ready && !busy || spins) {
            return;
        }
        if !same || busy {
            since = Instant::now();
        }
        if !same {
            had_run = seat.core_time().0;
        }
        last = now;
    }
}

/// Does it something, or will it in a moment?
fn busy(thread: &Thread) -> bool {
    matches!(thread.wait, Wait::Runs | Wait::Sleep(Limit::Some(_)))
}

/// Waits until the other side has read what came before, so that it is not taken for one message.
fn lets_it_read(actors: &mut Actors, name: &str) {
    if waits_for_a_reader(actors, name)
        && let Ok((Actor::Peer(peer), ..)) = actors.find(name)
    {
        // Who lets bytes lie does so with the next ones too.
        peer.unread = true;
    }
}

/// Waits; true when the other side has not read everything.
fn waits_for_a_reader(actors: &Actors, name: &str) -> bool {
    let peer = actors.on.iter().find_map(|(known, actor)| match actor {
        // Datagrams are never taken for one.
        Actor::Peer(peer) if known == name && !peer.unread && !peer.is_datagrams() => Some(peer),
        _ => None,
    });
    let Some(peer) = peer else { return false };
    let remote = peer.socket().ok().and_then(|socket| socket.peer_addr().ok()?.as_socket());
    let Some((local, remote)) = peer.local().zip(remote) else { return false };
    let unread = || {
        let mut sockets = actors.seats().flat_map(Seat::sockets);
        // No program has the other end as long as it is in the listener's queue.
        let other = sockets.find(|socket| socket.is_other_end(local, remote));
        other.map_or(peer.awaits_a_reader(), |socket| socket.unread > 0)
    };
    let deadline = Instant::now() + TAKEN;
    let mut last = Vec::new();
    while unread() && Instant::now() < deadline {
        let now = actors.hub.threads();
        // Nobody looks at a socket while all wait for the keyboard only, or for another client.
        let elsewhere = |thread: &Thread| matches!(thread.wait, Wait::Keyboard | Wait::Accept);
        if now == last && !now.is_empty() && now.iter().all(elsewhere) {
            return true;
        }
        last = now;
        // What is printed may say that it has been read.
        actors.hub.wait(Instant::now() + LOOK, || (!unread()).then_some(()));
    }
    unread()
}
