//! What is done and expected at the terminal of a program.

use std::thread;
use std::time::{Duration, Instant};

use super::actors::Seat;
use super::report::Failure;
use crate::contract::PROMPT;
use crate::course::session::AtTerminal;
use crate::rig::hub::Hub;
use crate::rig::ports::Ports;
use crate::rig::process::Exit;
use crate::rig::screen::Screen;

/// A terminal that shows what is typed has shown it after this time.
const ECHO: Duration = Duration::from_millis(500);

pub(super) const ENDS: &str = "the program ends";

/// Does it; what appeared, if that is not just what the step says.
pub(super) fn act(
    seat: &mut Seat,
    act: &AtTerminal,
    letter: Duration,
    hub: &Hub,
    ports: &mut Ports,
) -> Result<Option<String>, Failure> {
    match act {
        AtTerminal::Type(text) => type_line(seat, text, letter, hub, ports)?,
        AtTerminal::Keys(keys) => {
            if seat.exact {
                // A key pressed before the prompt would go to the terminal, not to the program.
                watch(seat, hub, "a prompt", |screen| {
                    screen.row().starts_with(PROMPT).then_some(())
                })?;
            }
            seat.terminal.press(keys)?;
        }
        AtTerminal::Ahead(keys) => seat.terminal.press(keys)?,
        AtTerminal::Resize(columns, rows) => seat.terminal.resize(*columns, *rows)?,
        AtTerminal::Kill => {
            seat.terminal.kill()?;
            ended(seat, hub, ENDS)?;
        }
        AtTerminal::Line(expected) => line(seat, expected, hub, ports)?,
        AtTerminal::Contains(expected) => return contains(seat, expected, hub, ports).map(Some),
        AtTerminal::Ends(status) => {
            let expected = status.map_or(ENDS.to_owned(), |status| format!("exit {status}"));
            let exit = ended(seat, hub, &expected)?;
            if status.is_some_and(|status| exit != Exit::Status(status.into())) {
                return Err(Failure::new(expected, exit.to_string()));
            }
        }
    }
    Ok(None)
}

/// How the program ended.
pub(super) fn ended(seat: &Seat, hub: &Hub, expected: &str) -> Result<Exit, Failure> {
    watch(seat, hub, expected, |screen| screen.exit.clone())
}

/// The next line, whatever it is.
pub(super) fn next_line(seat: &Seat, hub: &Hub, expected: &str) -> Result<String, Failure> {
    let line = watch(seat, hub, expected, |screen| screen.next().map(str::to_owned))?;
    Ok(line)
}

/// Waits until a look at the terminal gives a value; says why when none comes.
fn watch<T>(
    seat: &Seat,
    hub: &Hub,
    expected: &str,
    mut look: impl FnMut(&mut Screen) -> Option<T>,
) -> Result<T, Failure> {
    let seen = hub.watch(|_| {
        // First: what a program prints before it ends is there when it has ended.
        let over = seat.terminal.look(|screen| screen.over().cloned());
        match seat.terminal.look(&mut look) {
            Some(value) => Some(Ok(value)),
            None => over.map(|exit| Err(format!("nothing more: {} has ended ({exit})", seat.name))),
        }
    });
    seen.and_then(|seen| seen).map_err(|got| Failure::new(expected.to_owned(), got))
}

fn type_line(
    seat: &mut Seat,
    text: &str,
    letter: Duration,
    hub: &Hub,
    ports: &mut Ports,
) -> Result<(), Failure> {
    if seat.exact {
        let expected = format!("the prompt {PROMPT}");
        let prompt = watch(seat, hub, &expected, |screen| match screen.next() {
            Some(line) => Some(Err(line.to_owned())),
            None => (screen.row() == PROMPT).then_some(Ok(())),
        })?;
        prompt.map_err(|line| Failure::new(expected, ports.show(&line)))?;
        for key in text.chars().filter(|_| !letter.is_zero()) {
            seat.terminal.press(key.encode_utf8(&mut [0; 4]).as_bytes())?;
            // For the eyes of the audience only, as a person types.
            thread::sleep(letter);
        }
        let rest = if letter.is_zero() { text } else { "" };
        seat.terminal.press(format!("{rest}\r").as_bytes())?;
        return line(seat, &format!("{PROMPT}{text}"), hub, ports);
    }
    seat.terminal.press(format!("{text}\r").as_bytes())?;
    // The terminal shows what is typed a little later, and a program may have turned that off.
    hub.wait(Instant::now() + ECHO, || {
        let shown = |screen: &mut Screen| screen.all().iter().any(|line| line.ends_with(text));
        seat.terminal.look(shown).then_some(())
    });
    Ok(())
}

fn line(seat: &Seat, expected: &str, hub: &Hub, ports: &mut Ports) -> Result<(), Failure> {
    let got = next_line(seat, hub, expected)?;
    if !ports.matches(expected, &got) {
        return Err(Failure::at_difference(expected, &ports.show(&got)));
    }
    seat.terminal.look(|screen| screen.advance(1));
    Ok(())
}

fn contains(seat: &Seat, expected: &str, hub: &Hub, ports: &Ports) -> Result<String, Failure> {
    watch(seat, hub, &format!("a line that contains {expected:?}"), |screen| {
        while let Some(line) = screen.next().map(|line| ports.show(line)) {
            if line.contains(expected) {
                screen.advance(1);
                return Some(line);
            }
            screen.skip(1);
        }
        // Anybody's program need not end its lines; ours do, and half a line is not the line.
        Some(ports.show(&screen.row())).filter(|row| !seat.exact && row.contains(expected))
    })
}
