//! Records a session: writes what was really printed and received into its file.

use std::time::Instant;

use anyhow::{Result, anyhow};

use super::actors::{Actor, Actors, QUIET};
use super::report::Failure;
use super::{at_peer, at_terminal, perform};
use crate::course::cast::Cast;
use crate::course::session::{Act, AtPeer, AtTerminal, Closed, Session, Step, quote};
use crate::rig::peer::End;

/// Plays the session and returns its file with what was really printed.
///
/// What the file says is typed, sent and done stays; so do its comments and its `~` lines.
///
/// # Errors
///
/// A step that acts could not be done.
pub fn record(session: &Session, cast: &Cast) -> Result<String> {
    let mut actors = Actors::new(session.net(), cast, None);
    let mut steps = session.steps.iter().peekable();
    let mut written = String::new();
    for (number, line) in session.source.iter().enumerate().map(|(i, line)| (i + 1, line)) {
        let Some(step) = steps.next_if(|step| step.line == number) else {
            written.push_str(line);
            written.push('\n');
            continue;
        };
        let mut left = left_alone(session, number);
        let fault = |failure| anyhow!("{}:{number}: {step}: {failure}", session.path.display());
        match &step.act {
            // These come as they come, before the next step that acts ...
            Act::Terminal(AtTerminal::Line(_)) if !leads_to_a_search(session, step) => continue,
            Act::Peer(AtPeer::Bytes(_)) => continue,
            Act::Terminal(AtTerminal::Contains(_))
            | Act::Peer(AtPeer::Closed(Closed::SoonerOrLater)) => {}
            act => {
                if matches!(act, Act::Terminal(AtTerminal::Line(_))) {
                    left.push(&step.name);
                }
                write_down(&mut actors, &mut written, &left)?;
            }
        }
        written.push_str(&record_step(&mut actors, step).map_err(fault)?);
        written.push('\n');
    }
    write_down(&mut actors, &mut written, &left_alone(session, usize::MAX))?;
    Ok(written)
}

/// Whose output a recording leaves to the steps from this line on: a `~` looks for it in what comes,
/// or it stays unread.
fn left_alone(session: &Session, line: usize) -> Vec<&str> {
    let mut left: Vec<&str> = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for step in &session.steps {
        let name = step.name.as_str();
        if step.act == Act::Peer(AtPeer::Unread) || line == usize::MAX && session.ends_loosely(name)
        {
            left.push(name);
        }
        if step.line >= line && "|~=".contains(step.mark) && !seen.contains(&name) {
            seen.push(name);
            if matches!(step.act, Act::Terminal(AtTerminal::Contains(_))) {
                left.push(name);
            }
        }
    }
    left
}

/// Is a `~` the next that is expected of the same terminal, beside lines? Then as many lines come
/// before it as the file has: it would pass over the rest, which may have no end.
fn leads_to_a_search(session: &Session, line: &Step) -> bool {
    let mut later = session.steps.iter().filter(|step| step.line > line.line);
    let next = later.find(|step| step.name == line.name && "~=".contains(step.mark));
    next.is_some_and(|step| step.mark == '~')
}

fn record_step(actors: &mut Actors, step: &Step) -> Result<String, Failure> {
    let (name, mark) = (&step.name, step.mark);
    let line = match (&step.act, actors.find(name)) {
        (Act::Terminal(AtTerminal::Line(expected)), Ok((Actor::Terminal(seat), hub, ports))) => {
            let line = at_terminal::next_line(seat, hub, expected)?;
            seat.terminal.look(|screen| screen.advance(1));
            ports.learn_line(&line);
            format!("{name} {mark} {}", ports.show(&line))
        }
        (Act::Terminal(AtTerminal::Ends(Some(_))), Ok((Actor::Terminal(seat), hub, _))) => {
            format!("{name} {mark} {}", at_terminal::ended(seat, hub, at_terminal::ENDS)?)
        }
        (Act::Peer(AtPeer::Closed(closed)), Ok((Actor::Peer(peer), hub, _)))
            if *closed != Closed::SoonerOrLater =>
        {
            at_peer::come(peer, hub)?;
            let why = at_peer::receive(peer, hub, |_| false)?;
            let end = peer.end.ok_or_else(|| {
                Failure::new("the end of the connection".to_owned(), why.unwrap_or_default())
            })?;
            let end = if end == End::Finished { "end" } else { "reset" };
            format!("{name} {mark} {end}")
        }
        _ => {
            perform(actors, step)?;
            step.to_string()
        }
    };
    Ok(line.trim_end().to_owned())
}

/// Writes down what was printed and received since the last step, but for the names `left`.
fn write_down(actors: &mut Actors, written: &mut String, left: &[&str]) -> Result<()> {
    actors.settle();
    for (name, actor) in &mut actors.on {
        if left.contains(&name.as_str()) {
            continue;
        }
        match actor {
            Actor::Terminal(seat) => {
                let lines = seat.terminal.look(|screen| {
                    let lines = screen.unread().to_vec();
                    screen.advance(lines.len());
                    lines
                });
                for line in lines {
                    actors.ports.learn_line(&line);
                    let line = format!("{name} | {}", actors.ports.show(&line));
                    written.push_str(line.trim_end());
                    written.push('\n');
                }
            }
            Actor::Peer(peer) => {
                if peer.connected(Instant::now() + QUIET)? {
                    peer.receive_all(QUIET);
                }
                for piece in peer.pieces() {
                    written.push_str(&format!("{name} | {}\n", quote(piece)));
                }
                peer.take(usize::MAX);
            }
        }
    }
    Ok(())
}
