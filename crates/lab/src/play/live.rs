//! A play that goes on one step at a time, before an audience that has windows onto its terminals.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::actors::{Actor, Actors};
use super::perform;
use super::report::{Failure, Report};
use crate::course::cast::Cast;
use crate::course::session::{Session, Step};
use crate::rig::hub::{Hub, lock};
pub use crate::rig::ports::Ports;
pub use crate::rig::screen::{STAND_IN, Screen};
pub use crate::rig::terminal::Window;

/// A play in the hands of whoever holds it: nothing happens but by [`Live::step`].
///
/// The programs run until this is dropped, and nothing of it is left then. It stays in the thread that made it.
pub struct Live<'a> {
    session: &'a Session,
    actors: Actors<'a>,
    held: Vec<String>,
    audience: Audience,
}

/// What other threads see of a play, and may do to it.
#[derive(Clone, Default)]
pub struct Audience {
    hub: Arc<Hub>,
    seen: Arc<Mutex<(Vec<Window>, Ports)>>,
}

impl<'a> Live<'a> {
    /// A play of this session that has not begun.
    #[must_use]
    pub fn new(session: &'a Session, cast: &'a Cast, audience: &Audience) -> Live<'a> {
        audience.hub.watch_on();
        let mut actors = Actors::new(session.net(), cast, None);
        actors.hub = Arc::clone(&audience.hub);
        Live { session, actors, held: Vec::new(), audience: audience.clone() }
    }

    /// Does the step of this number, from 0 on, with this much time for each letter that somebody types; what
    /// appeared, with ports as sessions show them.
    ///
    /// # Errors
    ///
    /// It does not hold, or the audience has given the play up.
    pub fn step(&mut self, number: usize, letter: Duration) -> Result<String, Box<Report>> {
        let step = &self.session.steps[number];
        self.actors.letter = letter;
        let seen = perform(&mut self.actors, step);
        let windows = self.actors.on.iter().filter_map(|(name, actor)| match actor {
            Actor::Terminal(seat) => Some(seat.terminal.window(name)),
            Actor::Peer(_) => None,
        });
        *lock(&self.audience.seen) = (windows.collect(), self.actors.ports.clone());
        self.audience.hub.announce();
        match seen {
            Ok(text) => {
                self.held.push(step.to_string());
                Ok(text)
            }
            Err(failure) => Err(self.report(Some(step), failure)),
        }
    }

    /// Looks, after the last step, whether a terminal shows what nobody expected.
    ///
    /// # Errors
    ///
    /// One does.
    pub fn end(&mut self) -> Result<(), Box<Report>> {
        let nothing_more = self.actors.nothing_more(self.session);
        nothing_more.map_err(|failure| self.report(None, failure))
    }

    fn report(&mut self, step: Option<&Step>, failure: Failure) -> Box<Report> {
        self.actors.report(self.session, self.held.clone(), step, failure)
    }
}

impl Audience {
    /// The terminals of the play, in the order in which they came.
    #[must_use]
    pub fn windows(&self) -> Vec<Window> {
        lock(&self.seen).0.clone()
    }

    /// Which real ports stand for those that the session shows.
    #[must_use]
    pub fn ports(&self) -> Ports {
        lock(&self.seen).1.clone()
    }

    /// Waits until something happens on a terminal or in the play, or the play is given up. It takes, and gives,
    /// how often that was so far.
    #[must_use]
    pub fn next_change(&self, seen: u64) -> u64 {
        self.hub.next_change(seen)
    }

    /// Gives the play up: a step that waits for something fails at once.
    pub fn stop(&self) {
        self.hub.stop();
    }

    #[must_use]
    pub fn stopped(&self) -> bool {
        self.hub.stopped()
    }
}
