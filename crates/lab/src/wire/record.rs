//! Records a session: each call of each program, where it waits, and each segment on the wire.
//!
//! The text has one event a line. `* NAME MARK REST` is an act of the session, or what a raw peer has
//! received; a line that begins with two spaces is a segment; any other is NAME and what it does.

mod calls;
mod keyboard;
mod log;
mod network;
mod segments;
mod start;
mod task;
mod text;
mod tracer;

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result, anyhow, bail, ensure};
use nix::sched::{CpuSet, sched_getcpu, sched_setaffinity};
use nix::unistd::Pid;

use crate::contract::PORT;
use crate::course::cast::Cast;
use crate::course::session::{Act, Net, Session, Start};
use crate::play;
use crate::rig::hub::lock;
use crate::rig::ports;
use tracer::{Tracer, stops};

/// This process leaves the network, and may make networks of its own from now on.
///
/// Call it while there is one thread: only such a process can do so, and all later threads leave
/// the signals of the programs to the one that waits for them.
///
/// # Errors
///
/// The system does not allow it; the message says what would.
pub fn enter() -> Result<()> {
    stops().thread_block().context("failed to block a signal")?;
    network::enter()
}

/// Plays the session and returns its recording. [`enter`] must have been called before.
///
/// A server or client of the cast takes the place of the session's own.
///
/// # Errors
///
/// A step cannot be done, a program does not come to rest, or the system does not let anybody look.
pub fn record(session: &Session, cast: &Cast) -> Result<String> {
    ensure!(
        session.net() == Net::Tcp,
        "{}: only TCP over IPv4 can be recorded",
        session.path.display()
    );
    // The same words each time: a second recording must not differ.
    let (mut session, mut cast) = (session.with_words(Some(0))?, cast.clone());
    // In a network of its own the port is the one that the session shows.
    cast.addrs = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, PORT))];
    for (words, ending, part) in
        [(&mut cast.server, "-server", "{server}"), (&mut cast.client, "-client", "{client}")]
    {
        let Some(words) = words else { continue };
        let command = words.join(" ");
        if !ports::has_place(words) {
            words.push("{addr}".to_owned());
        }
        for step in &mut session.steps {
            if let Act::Start(Start::Program(program)) = &mut step.act
                && program[0].ends_with(ending)
            {
                *program = vec![part.to_owned()];
                step.rest.clone_from(&command);
            }
        }
    }
    // What terminals show is recorded, and not demanded: whoever compares will see where it differs.
    session.steps.retain(|step| step.acts() || matches!(step.act, Act::Peer(_)));
    // The network and the core belong to a thread, and end with it.
    thread::scope(|scope| {
        let recorder = scope.spawn(|| watch(&session, &cast));
        recorder.join().unwrap_or_else(|_| Err(anyhow!("the recorder has panicked")))
    })
}

/// Does the work for each session, for several at a time, and gives what comes of it in their order.
///
/// The last ones are begun first: of those after the stages one waits for a time-out.
pub fn for_each<S: Sync, T: Send>(sessions: &[S], work: impl Fn(&S) -> T + Sync) -> Vec<T> {
    let left = Mutex::new(sessions.iter().enumerate());
    let done = Mutex::new(Vec::new());
    // One that waits for a time-out leaves its core to another.
    let at_a_time = thread::available_parallelism().map_or(1, usize::from).max(2);
    thread::scope(|scope| {
        for _ in 0..at_a_time {
            scope.spawn(|| {
                while let Some((at, session)) = { lock(&left).next_back() } {
                    let outcome = work(session);
                    lock(&done).push((at, outcome));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}

fn watch(session: &Session, cast: &Cast) -> Result<String> {
    network::isolate()?;
    // On one core nobody runs while somebody looks, and segments arrive before a call returns.
    let mut core = CpuSet::new();
    core.set(sched_getcpu()?)?;
    sched_setaffinity(Pid::from_raw(0), &core)?;
    let tracer = Rc::new(RefCell::new(Tracer::new()?));
    let played = play::play_watched(session, cast, Some(tracer.clone()), &mut |_| {});
    let tracer = tracer.borrow();
    match (&tracer.failure, played) {
        (Some(failure), _) => bail!("{}: {failure}", session.path.display()),
        (None, Err(report)) => Err(anyhow!("{report}")),
        (None, Ok(())) => Ok(tracer.log.text()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn two_are_recorded_at_a_time_and_given_in_their_order() {
        let meet = Barrier::new(2);
        let doubled = for_each(&[1, 2, 3, 4], |n| {
            meet.wait();
            2 * n
        });
        assert_eq!(doubled, [2, 4, 6, 8]);
    }
}
