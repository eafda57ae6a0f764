//! What is done and expected at the terminal of a program.

use std::thread;
use std::time::{Duration, Instant};

use super::actors::Seat;
use super::report::Failure;
use crate::contract::PROMPT;
use crate::course::session::{AtTerminal, Owned};
use crate::rig::blocked::{self, Thread, Wait};
use crate::rig::hub::{Hub, MOMENT};
use crate::rig::ports::Ports;
use crate::rig::process::Exit;
use crate::rig::screen::Screen;

/// A resting program is looked at so often, at such distances, before its time is measured.
const GLANCES: usize = 3;
const GLANCE: Duration = Duration::from_millis(30);
/// So many looks in a row at a program that rests make sure of what it has open.
const LOOKS: usize = 5;
/// For how long, and how often if need be.
const WINDOW: Duration = Duration::from_millis(600);
const WINDOWS: usize = 3;
/// For how long one is looked at that wakes up from time to time: it may count how often it has.
const TIME_OUT: Duration = Duration::from_millis(2500);
/// One that has said when it gives up is looked at for that time and a bit more, if it is not longer than this.
const LONG_TIME_OUT: Duration = Duration::from_secs(10);
const A_BIT: Duration = Duration::from_millis(500);
/// Nobody knows when an alarm rings.
const ALARM: Duration = Duration::from_secs(4);
/// The most of a core that it may use, and the most that it may print meanwhile.
const IDLE_SHARE: f64 = 0.2;
const IDLE_BYTES: usize = 4096;
/// A program may open or start something for good the first time that it needs it.
const SPARE: usize = 5;

/// Two zero bytes, as they are and as languages print them in text.
const ZEROS: [&str; 6] = ["\0\0", r"\0\0", r"\x00\x00", r"\u0000\u0000", r"\u{0}\u{0}", "^@^@"];

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
            // Who is interrupted need not end well.
            seat.type_now((keys == b"\x03").then_some("Ctrl-C"));
            if seat.exact {
                // A key pressed before the prompt would go to the terminal, not to the program.
                watch(seat, hub, "a prompt", |screen| {
                    screen.row().starts_with(PROMPT).then_some(())
                })?;
            }
            // A terminal says so when it pastes, if the program has asked for that.
            let bracketed = seat.terminal.look(|screen| screen.bracketed_paste());
            match keys.len() > 1 && !keys.starts_with(b"\x1b") && bracketed {
                true => {
                    seat.terminal.press(&[b"\x1b[200~", keys.as_slice(), b"\x1b[201~"].concat())?
                }
                false => seat.terminal.press(keys)?,
            }
        }
        AtTerminal::Ahead(keys) => seat.terminal.press(keys)?,
        AtTerminal::Resize(columns, rows) => seat.terminal.resize(*columns, *rows)?,
        AtTerminal::Count(what) => count(seat, *what, hub),
        AtTerminal::AsCounted(what) => as_counted(seat, *what, hub)?,
        AtTerminal::Idle => idle(seat, hub)?,
        AtTerminal::Patient => patient(seat, hub)?,
        AtTerminal::Shows(text) => shows(seat, text, ports)?,
        AtTerminal::Without(text) => without(seat, text, ports)?,
        AtTerminal::AtMost(times, text) => at_most(seat, *times, text)?,
        AtTerminal::NoZeros => no_zeros(seat)?,
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
            None => over.map(|_| Err(format!("nothing more: {}", seat.end()))),
        }
    });
    let seen = seen.map_err(|why| why.to_string()).and_then(|seen| seen);
    seen.map_err(|got| Failure::new(expected.to_owned(), got))
}

/// Does it use next to no CPU time, and print next to nothing?
fn idle(seat: &Seat, hub: &Hub) -> Result<(), Failure> {
    let expected = "a program that rests while nothing happens".to_owned();
    let over = || seat.terminal.look(|screen| screen.over().map(|_| ()));
    // Who waits for somebody else, and has not run for a moment, uses no time: that is soon seen.
    let name_and_pid = [(seat.name.clone(), seat.terminal.pid())];
    let mut before = blocked::threads(&name_and_pid);
    for _ in 0..GLANCES {
        if hub.wait(Instant::now() + GLANCE, over).is_some() {
            return Err(Failure::new(expected, format!("nothing more: {}", seat.end())));
        }
        let now = blocked::threads(&name_and_pid);
        if now == before && !now.is_empty() && now.iter().all(Thread::depends) {
            return Ok(());
        }
        before = now;
    }
    let mut got = String::new();
    for _ in 0..WINDOWS {
        let printed = seat.terminal.look(|screen| screen.bytes());
        let (begin, before) = (Instant::now(), seat.core_time());
        if hub.wait(begin + WINDOW, over).is_some() {
            return Err(Failure::new(expected, format!("nothing more: {}", seat.end())));
        }
        let now = seat.core_time();
        let ran = now.0.saturating_sub(before.0);
        // On a busy machine it can only use what it gets.
        let free = begin.elapsed().saturating_sub(now.1.saturating_sub(before.1)).max(ran);
        let share = ran.as_secs_f64() / free.as_secs_f64();
        let printed = seat.terminal.look(|screen| screen.bytes()) - printed;
        if share <= IDLE_SHARE && printed <= IDLE_BYTES {
            return Ok(());
        }
        got = match share > IDLE_SHARE {
            true => format!("{} uses {:.0} % of a core", seat.name, share * 100.0),
            false => format!("{} prints on and on", seat.name),
        };
    }
    Err(Failure::new(expected, got))
}

/// Counts when the program has come to rest: it may still be starting a worker, or start something again
/// after what it has just printed, as shells do.
fn count(seat: &mut Seat, what: Owned, hub: &Hub) {
    let deadline = hub.deadline();
    let (mut calm, mut last) = (0, seat.count(what));
    while calm < LOOKS && Instant::now() < deadline {
        hub.wait(Instant::now() + MOMENT, || None::<()>);
        let (_, threads) = seat.seen();
        let now = seat.count(what);
        let rests = now == last && threads.iter().all(|thread| thread.wait != Wait::Runs);
        calm = if rests { calm + 1 } else { 0 };
        last = now;
    }
    seat.counted = last;
}

fn as_counted(seat: &Seat, what: Owned, hub: &Hub) -> Result<(), Failure> {
    let most = seat.counted + SPARE;
    let given_back = hub.watch(|_| (seat.count(what) <= most).then_some(()));
    given_back.map_err(|_| {
        // How many a program inherits depends on who has started the lab.
        let more = seat.count(what).saturating_sub(seat.counted);
        let got = match what {
            Owned::Descriptors => format!("{more} more open descriptors and ended processes"),
            Owned::Threads => format!("{more} more threads"),
        };
        Failure::new("about as many as before".to_owned(), got)
    })
}

/// Lets the time pass after which a program that waits with a limit may give up.
fn patient(seat: &Seat, hub: &Hub) -> Result<(), Failure> {
    let begin = Instant::now();
    let over = || seat.terminal.look(|screen| screen.over().map(|_| ()));
    let (mut sure, mut enough) = (0, TIME_OUT);
    while sure < GLANCES && begin.elapsed() < enough {
        if hub.wait(Instant::now() + GLANCE, over).is_some() {
            let got = format!("nothing more: {}", seat.end());
            return Err(Failure::new("a program that waits".to_owned(), got));
        }
        let (_, threads) = seat.seen();
        let limits = threads.iter().filter_map(Thread::patience);
        if let Some(limit) = limits.filter(|limit| *limit <= LONG_TIME_OUT).max() {
            enough = enough.max(limit + A_BIT);
        }
        let unlimited = !threads.is_empty() && threads.iter().all(Thread::depends);
        let alarm = unlimited && seat.has_alarm();
        if alarm {
            enough = enough.max(ALARM);
        }
        sure = if unlimited && !alarm { sure + 1 } else { 0 };
    }
    Ok(())
}

/// Can a person still read this? What was erased, nobody can.
fn shows(seat: &Seat, text: &str, ports: &Ports) -> Result<(), Failure> {
    let lines = seat.terminal.look(|screen| screen.visible());
    match lines.iter().any(|line| ports.show(line).contains(text)) {
        true => Ok(()),
        false => {
            let expected = format!("a screen that still shows {text:?}");
            Err(Failure::new(expected, "it was erased from the screen".to_owned()))
        }
    }
}

fn without(seat: &Seat, text: &str, ports: &Ports) -> Result<(), Failure> {
    let lines = seat.terminal.look(|screen| screen.all());
    match lines.iter().find(|line| line.contains(text)) {
        None => Ok(()),
        Some(line) => {
            Err(Failure::new(format!("no line that contains {text:?}"), ports.show(line)))
        }
    }
}

fn at_most(seat: &Seat, most: usize, text: &str) -> Result<(), Failure> {
    let lines = seat.terminal.look(|screen| screen.visible());
    let times: usize = lines.iter().map(|line| line.matches(text).count()).sum();
    match times <= most {
        true => Ok(()),
        false => {
            let expected = format!("{text:?} at most {most} times");
            Err(Failure::new(expected, format!("{times} times")))
        }
    }
}

/// A buffer that is printed whole shows them behind what came.
fn no_zeros(seat: &Seat) -> Result<(), Failure> {
    let found = seat.terminal.look(|screen| ZEROS.iter().find(|zeros| screen.raw_contains(zeros)));
    found.map_or(Ok(()), |zeros| {
        let got = format!("zero bytes behind it: {zeros}");
        Err(Failure::new("what came, and nothing more".to_owned(), got))
    })
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
    seat.type_now(Some(text));
    seat.terminal.press(format!("{text}\r").as_bytes())?;
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
    let what = format!("a line that contains {expected:?}");
    if seat.loose {
        return watch(seat, hub, &what, |screen| screen.find(expected, |line| ports.show(line)));
    }
    watch(seat, hub, &what, |screen| {
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
