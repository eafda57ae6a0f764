//! Reports that teach: what held, what did not, what the terminals show, and what to read.

use std::fmt;

use crate::contract::PREFIX;
use crate::course::session::{Net, Session, harmless};
use crate::rig::blocked::RUNS;
use crate::rig::ports::Ports;

/// Lines of each terminal that a report shows.
const LINES_SHOWN: usize = 12;
/// What every system says of a port that is taken; languages write the first letter as they like.
const IN_USE: &str = "ddress already in use";
/// Characters of a line that a report shows.
const WIDTH: usize = 100;

/// Why a step did not hold.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub expected: String,
    pub got: String,
    /// Show a caret under the first character that differs.
    caret: bool,
    /// No program is at fault: nothing could be examined.
    cannot: bool,
}

impl Failure {
    pub(super) fn new(expected: String, got: String) -> Failure {
        Failure { expected, got, caret: false, cannot: false }
    }

    pub(super) fn at_difference(expected: &str, got: &str) -> Failure {
        Failure { caret: true, ..Failure::new(expected.to_owned(), got.to_owned()) }
    }

    /// With ports as sessions show them, unless a person has to know the real one.
    pub(super) fn shown_by(self, ports: &Ports) -> Failure {
        let got = if self.cannot { self.got } else { ports.show(&self.got) };
        Failure { got, ..self }
    }

    /// Nothing could be examined, for this reason.
    pub(super) fn cannot(reason: String) -> Failure {
        Failure { cannot: true, ..Failure::new("a program to examine".to_owned(), reason) }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(err: anyhow::Error) -> Failure {
        Failure::new("a step that can be done".to_owned(), format!("{err:#}"))
    }
}

impl From<std::io::Error> for Failure {
    fn from(err: std::io::Error) -> Failure {
        anyhow::Error::from(err).into()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, got {}", self.expected, self.got)
    }
}

/// What is to be seen of everybody when a step fails.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// What each terminal shows, or what each raw peer has.
    pub shows: Vec<(String, Vec<String>)>,
    /// Where each program waits.
    pub waits: Vec<String>,
    /// How anybody's programs were told the address.
    pub told: Vec<String>,
    /// The likely cause.
    pub cause: Option<&'static str>,
}

/// A session that did not hold.
#[derive(Clone, Debug)]
pub struct Report {
    title: String,
    file: String,
    held: Vec<String>,
    step: String,
    failure: Failure,
    seen: Seen,
    hint: Option<String>,
    chapter: Option<String>,
}

impl Report {
    pub(super) fn new(
        session: &Session,
        held: Vec<String>,
        step: String,
        failure: Failure,
        seen: Seen,
    ) -> Report {
        let file = session.path.to_string_lossy();
        // A Unix socket that is in use is a file, and the session has a hint of its own.
        let ports = !matches!(session.net(), Net::Unix(_));
        // The project's own files are named as from its root.
        let file = file.find("crates/").map_or(&*file, |at| &file[at..]);
        let stage = file.strip_prefix("crates/stage").and_then(|rest| rest.chars().next());
        Report {
            title: session.title.clone(),
            file: file.to_owned(),
            hint: seen
                .cause
                .or_else(|| hint(&failure, &seen, &held, ports))
                .map(str::to_owned)
                .or_else(|| {
                    // Where not even the first program started, the failure says why.
                    session.hint.clone().filter(|_| !seen.shows.is_empty())
                }),
            chapter: stage.map(|stage| format!("docs/src/stage{stage}.md")),
            held,
            step,
            failure,
            seen,
        }
    }

    /// What was expected and what came instead, in one line.
    #[must_use]
    pub fn reason(&self) -> String {
        harmless(&self.failure.to_string())
    }

    /// The step that did not hold, as the session has it.
    #[must_use]
    pub fn step(&self) -> &str {
        &self.step
    }

    /// Does a program say that its port is taken?
    #[must_use]
    pub fn port_in_use(&self) -> bool {
        shown(&self.seen.shows, IN_USE)
    }

    /// The same play, of which nothing could be examined, for this reason.
    pub(crate) fn cannot_because(mut self: Box<Report>, reason: String) -> Box<Report> {
        self.failure = Failure::cannot(reason);
        self
    }

    /// Why nothing could be examined, if that is so: no program is at fault.
    #[must_use]
    pub fn cannot(&self) -> Option<&str> {
        self.failure.cannot.then_some(&self.failure.got)
    }
}

fn shown(shows: &[(String, Vec<String>)], text: &str) -> bool {
    shows.iter().any(|(_, lines)| lines.iter().any(|line| line.contains(text)))
}

/// The likely cause that can be seen from the failure itself.
fn hint(failure: &Failure, seen: &Seen, held: &[String], ports: bool) -> Option<&'static str> {
    let Failure { expected, got, .. } = failure;
    let shows = &seen.shows;
    let bytes = |text: &str| {
        text.strip_prefix('"').and_then(|text| text.split('"').next().map(str::to_owned))
    };
    if ports && shown(shows, IN_USE) && seen.told.iter().any(|told| !told.contains("no address")) {
        return Some(
            "The address that it was told is free: it uses another one, which is taken. Listen where it was told.",
        );
    }
    if ports && shown(shows, IN_USE) {
        return Some(
            "The port is still in use from a moment ago: set SO_REUSEADDR before bind, or end the other program.",
        );
    }
    if ports && got.contains(IN_USE) {
        return Some(
            "Another program has the port, or one that has ended and did not set SO_REUSEADDR left connections that keep it for a while (TIME_WAIT).",
        );
    }
    let connected = held.iter().any(|step| step.ends_with(" $ tcp connect"));
    if got.starts_with("nobody listens there") && !connected {
        return Some(match got {
            got if got.contains(" listens at ") => {
                "Take both the host and the port from what the program is told."
            }
            got if got.contains(" has ended ") => {
                "It ended before anybody could connect: the last that it printed may say why."
            }
            _ => {
                "Bind the address that the program is told, and call listen: then clients can connect."
            }
        });
    }
    if got.starts_with("nobody: ") {
        return Some(
            "Connect to the address that the program is told, both its host and its port.",
        );
    }
    if expected.starts_with("the end of the stream") && got == "a reset" {
        return Some(
            "The connection was reset, not closed: it had bytes unread, or was told not to linger.",
        );
    }
    if got.starts_with("zero bytes") {
        return Some(
            "The whole buffer was printed: print only as many bytes of it as read has given.",
        );
    }
    if let Some(got) = bytes(got) {
        let expected = bytes(expected).unwrap_or_default();
        // Where zeros are expected, they are the length of what follows.
        let zeros = got.trim_start_matches("\\x00").is_empty() && !got.is_empty();
        if zeros && !expected.starts_with("\\x00") {
            return Some(
                "Zero bytes were sent along: send as many bytes as the message has, without the end of a text or the rest of a buffer.",
            );
        }
        let newline = |text: &str| text.starts_with("\\n") || text.starts_with("\\r");
        if newline(&got) || got.strip_prefix(expected.as_str()).is_some_and(newline) {
            return Some("A newline was sent along: send the bytes of the message only.");
        }
        let earlier = |message: &str| {
            let sent = held.iter().rposition(|step| step.ends_with(&format!(" > \"{message}\"")));
            // The answer to the last message is none, unless it has come already.
            let next = |step: &String| step.contains(" > ") || step.contains(" | ");
            sent.is_some_and(|sent| held[sent + 1..].iter().any(next))
        };
        if got != expected && got.strip_prefix(PREFIX).is_some_and(earlier) {
            return Some(
                "This is the answer to an earlier message: answer each one once, and before you read the next.",
            );
        }
        let message = expected.strip_prefix(PREFIX).filter(|_| !got.starts_with(PREFIX));
        if message.is_some_and(|message| got.starts_with(message)) {
            return Some(
                "The answer lacks its prefix: it is \"server send :\" and then the message.",
            );
        }
    }
    let prints_nothing =
        got.contains("prints without end") && (shown(shows, "''") || shown(shows, "\"\""));
    let closed = |step: &String| step.ends_with("! half-close") || step.ends_with("! close");
    let spins = got.starts_with("nothing") && seen.waits.iter().any(|wait| wait.ends_with(RUNS));
    if prints_nothing || spins && held.iter().any(closed) {
        return Some("read gives 0 bytes at the end of the stream, for ever: stop reading there.");
    }
    None
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n({})\n", self.title, self.file)?;
        if !self.held.is_empty() {
            writeln!(f, "These steps held:")?;
        }
        for (number, step) in self.held.iter().enumerate() {
            writeln!(f, "{:>4}. {}", number + 1, shown_step(step))?;
        }
        let failed = shown_step(&self.step);
        writeln!(f, "This one did not:\n{:>4}. {failed}", self.held.len() + 1)?;
        writeln!(f, "      expected: {}", cut(&self.failure.expected))?;
        writeln!(f, "      got:      {}", cut(&self.failure.got))?;
        if self.failure.caret {
            let same = self
                .failure
                .expected
                .chars()
                .zip(self.failure.got.chars())
                .take_while(|(expected, got)| expected == got)
                .count();
            if (1..WIDTH).contains(&same) {
                writeln!(f, "                {}^", " ".repeat(same))?;
            }
        }
        let shows = &self.seen.shows;
        if !shows.is_empty() {
            writeln!(f, "What each side shows:")?;
        }
        let width = shows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, lines) in shows {
            let hidden = lines.len().saturating_sub(LINES_SHOWN);
            if hidden > 0 {
                let s = if hidden == 1 { "" } else { "s" };
                writeln!(f, "      {name:width$} | ({hidden} line{s} before)")?;
            }
            for line in &lines[hidden..] {
                writeln!(f, "      {name:width$} | {}", cut(line))?;
            }
            if lines.is_empty() {
                writeln!(f, "      {name:width$} | (nothing)")?;
            }
        }
        if !self.seen.waits.is_empty() {
            writeln!(f, "Where each program is:")?;
        }
        for line in &self.seen.waits {
            writeln!(f, "      {line}")?;
        }
        for line in &self.seen.told {
            writeln!(f, "{line}")?;
        }
        if let Some(hint) = &self.hint {
            writeln!(f, "Hint: {hint}")?;
        }
        if let Some(chapter) = &self.chapter {
            writeln!(f, "Read: {chapter}")?;
        }
        Ok(())
    }
}

/// A step, but a command whole: it may be wrong anywhere.
fn shown_step(step: &str) -> String {
    match step.split(' ').nth(1) {
        Some("$") => harmless(step),
        _ => cut(step),
    }
}

/// Cuts a long line, and shows control characters escaped.
#[must_use]
pub(crate) fn cut(line: &str) -> String {
    match line.char_indices().nth(WIDTH) {
        Some((end, _)) => harmless(&line[..end]) + "...",
        None => harmless(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint_of(held: &[&str], expected: &str, got: &str) -> Option<&'static str> {
        let held: Vec<String> = held.iter().map(|step| (*step).to_owned()).collect();
        let failure = Failure::new(expected.to_owned(), got.to_owned());
        hint(&failure, &Seen::default(), &held, true)
    }

    #[test]
    fn only_an_answer_that_comes_late_or_again_is_that_to_an_earlier_message() {
        let got = r#""server send :one""#;
        let late = hint_of(&[r#"peer > "one""#, r#"peer > "two""#], r#""server send :two""#, got);
        assert!(late.is_some_and(|hint| hint.contains("earlier message")), "{late:?}");
        let held = [r#"peer > "one""#, r#"peer | "server send :one""#];
        let again = hint_of(&held, "the end of the stream (0 bytes)", got);
        assert!(again.is_some_and(|hint| hint.contains("earlier message")), "{again:?}");
        assert_eq!(hint_of(&[r#"peer > "one""#], r#""bye""#, got), None);
    }

    #[test]
    fn zeros_are_the_rest_of_a_buffer_unless_a_length_is_expected() {
        let got = r#""\x00\x00""#;
        assert!(hint_of(&[], r#""server send :a""#, got).is_some());
        assert_eq!(hint_of(&[], r#""\x00\rserver send :""#, got), None);
    }
}
