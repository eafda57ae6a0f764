//! Plays a session: starts, types, sends, and waits for what must appear. It never sleeps.

mod actors;
mod at_peer;
mod at_terminal;
mod explain;
pub mod live;
mod person;
mod record;
pub(crate) mod report;

use crate::course::cast::Cast;
use crate::course::session::{Act, AtPeer, Session, Step};
use crate::rig::witness::Watch;
use actors::{Actor, Actors};
pub use record::record;
use report::Failure;
pub use report::Report;

/// What the audience of a play is shown.
pub enum Scene<'a> {
    Before(&'a Step),
    /// The step held; the text is what appeared, with ports as sessions show them.
    Held(&'a Step, &'a str),
}

/// Plays the session to its end; every process and socket of it is gone when this returns.
///
/// # Errors
///
/// A step did not hold; the report says which, and what the terminals show.
pub fn play(
    session: &Session,
    cast: &Cast,
    show: &mut dyn FnMut(Scene),
) -> Result<(), Box<Report>> {
    play_watched(session, cast, None, show)
}

/// Plays the session as [`play`] does, before the eyes of a witness that decides when programs run.
pub(crate) fn play_watched(
    session: &Session,
    cast: &Cast,
    watch: Option<Watch>,
    show: &mut dyn FnMut(Scene),
) -> Result<(), Box<Report>> {
    perform_all(session, &mut Actors::new(session.net(), cast, watch), show)
}

/// Plays the session as [`play`] does, and notes what is unwise and not wrong, one line each.
pub(crate) fn examine(session: &Session, cast: &Cast) -> (Result<(), Box<Report>>, Vec<String>) {
    let mut actors = Actors::new(session.net(), cast, None);
    let played = perform_all(session, &mut actors, &mut |_| {});
    (played, std::mem::take(&mut actors.notes))
}

fn perform_all(
    session: &Session,
    actors: &mut Actors,
    show: &mut dyn FnMut(Scene),
) -> Result<(), Box<Report>> {
    let mut held = Vec::new();
    let session = match session.with_words(actors.seed()) {
        Ok(session) => session,
        // A session without places for words is the one that was parsed before.
        Err(err) => return Err(actors.report(session, held, None, err.into())),
    };
    for step in &session.steps {
        show(Scene::Before(step));
        match witnessed(actors, step) {
            Ok(text) => {
                show(Scene::Held(step, &text));
                held.push(actors.shown(step));
            }
            Err(failure) => return Err(actors.report(&session, held, Some(step), failure)),
        }
    }
    let rested = actors.rest().map_err(Failure::from);
    rested
        .and_then(|()| actors.nothing_more(&session))
        .map_err(|failure| actors.report(&session, held, None, failure))
}

/// Does the step. A witness sees an act before its consequences, and what a raw peer received after.
fn witnessed(actors: &mut Actors, step: &Step) -> Result<String, Failure> {
    actors.rest()?;
    if step.acts() {
        actors.note(step);
    }
    let awaits = !step.acts() && matches!(step.act, Act::Peer(_));
    if awaits {
        actors.let_time_pass(&step.name)?;
    }
    let seen = perform(actors, step);
    if awaits && seen.is_ok() {
        actors.note(step);
    }
    seen
}

/// Does the step; the text is what appeared.
fn perform(actors: &mut Actors, step: &Step) -> Result<String, Failure> {
    if let Act::Start(start) = &step.act {
        actors.start(&step.name, start)?;
        return Ok(step.rest.clone());
    }
    if actors.loose() {
        person::before(actors, step)?;
    }
    if let Act::Peer(AtPeer::SendAgain(bytes, times)) = &step.act {
        person::says_again(actors, &step.name, bytes, *times)?;
    }
    let letter = actors.letter;
    let (actor, hub, ports) = actors.find(&step.name)?;
    let seen = match (&step.act, actor) {
        (Act::Terminal(act), Actor::Terminal(seat)) => {
            at_terminal::act(seat, act, letter, hub, ports)?
        }
        (Act::Peer(act), Actor::Peer(peer)) => at_peer::act(peer, act, hub)?,
        // The parser has seen to it that nobody is asked for what another does.
        _ => None,
    };
    let seen = seen.unwrap_or_else(|| step.rest.clone());
    actors.note_the_end(step);
    Ok(seen)
}
