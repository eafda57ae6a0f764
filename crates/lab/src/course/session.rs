//! Session files: who starts what, who types what, who must print what.
//!
//! One step a line, `NAME MARK REST`. The page "Sessions" of the book describes the format.

mod bytes;
mod step;

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

pub use bytes::{harmless, quote};

/// One session file, parsed and checked: every name is started before it is used.
#[derive(Clone, Debug)]
pub struct Session {
    pub path: PathBuf,
    /// The first comment line: one sentence that says what the session shows.
    pub title: String,
    /// The line `# hint: ...`: the likely cause when a program falls short.
    pub hint: Option<String>,
    /// The line `# note: ...`: what it means when a program falls short, which is unwise and not wrong.
    pub note: Option<String>,
    pub steps: Vec<Step>,
    /// The lines of the file, as they are.
    pub source: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct Step {
    /// Counts from 1.
    pub line: usize,
    /// The terminal or peer that acts or is looked at.
    pub name: String,
    pub mark: char,
    pub rest: String,
    pub act: Act,
}

/// What a step does or expects, and of whom: the parser knows who is a program and who a raw peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// `$ ...`: somebody comes.
    Start(Start),
    Terminal(AtTerminal),
    Peer(AtPeer),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// `$ PROGRAM ARG...`: a program, on a terminal of its own.
    Program(Vec<String>),
    /// `$ tcp connect`: a raw peer that connects to the server.
    Connect(Net),
    /// `$ tcp listen`: a raw peer that listens where the client will connect.
    Listen(Net),
}

/// What a raw peer speaks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Net {
    /// `tcp`: TCP over IPv4.
    #[default]
    Tcp,
    /// `tcp6`: TCP over IPv6.
    Tcp6,
    /// `udp`: datagrams over IPv4.
    Udp,
    /// `unix NAME`: a Unix socket for a stream, at this file of a folder of the session's own.
    Unix(String),
}

impl Net {
    /// The address of this machine for itself; a Unix socket needs none.
    pub(crate) fn host(&self) -> IpAddr {
        match self {
            Net::Tcp6 => Ipv6Addr::LOCALHOST.into(),
            Net::Tcp | Net::Udp | Net::Unix(_) => Ipv4Addr::LOCALHOST.into(),
        }
    }

    /// What it has no word for: datagrams have no connection, and a Unix socket has no reset.
    fn lacks(&self, act: &AtPeer) -> Option<&'static str> {
        match (self, act) {
            (
                Net::Udp,
                AtPeer::Send(_)
                | AtPeer::SendAgain(..)
                | AtPeer::Bytes(_)
                | AtPeer::Answers(_)
                | AtPeer::Nothing(_)
                | AtPeer::Close,
            ) => None,
            (Net::Udp, _) => Some(
                "expected > BYTES, | BYTES, ~ BYTES, = nothing for N ms or ! close: datagrams have no connection",
            ),
            (Net::Unix(_), AtPeer::Reset) => Some("expected ! close: a Unix socket sends no reset"),
            (Net::Unix(_) | Net::Tcp | Net::Tcp6, _) => None,
        }
    }
}

/// What a program has more and more of when it gives nothing back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owned {
    /// Open files and sockets.
    Descriptors,
    Threads,
}

/// What is done or expected at the terminal of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AtTerminal {
    /// `> TEXT`: type the text at the prompt, then Enter.
    Type(String),
    /// `! up`, `! paste TEXT`, ...: the bytes that the key or the paste sends, at the prompt.
    Keys(Vec<u8>),
    /// `! type TEXT`: bytes typed ahead; nobody waits for a prompt.
    Ahead(Vec<u8>),
    /// `! resize COLUMNSxROWS`: the window has this size now.
    Resize(u16, u16),
    /// `! kill`: the program is killed (SIGKILL), by its process id.
    Kill,
    /// `! count descriptors` or `! count threads`: how many it has now, with all that it has started.
    Count(Owned),
    /// `| LINE`: the next line is exactly this.
    Line(String),
    /// `~ TEXT`: a later line contains this.
    Contains(String),
    /// `= exit N` or `= end`: the program has ended, with this exit status or any.
    Ends(Option<u8>),
    /// `= idle`: it uses next to no CPU time.
    Idle,
    /// `= patient`: where it waits with a time limit, the time is let pass.
    Patient,
    /// `= shows TEXT`: a person can still read this there when it has come to rest.
    Shows(String),
    /// `= descriptors as counted`: it has hardly more of them than when they were counted. The same with `threads`.
    AsCounted(Owned),
    /// `= without TEXT`: no line so far contains this.
    Without(String),
    /// `= at most N times TEXT`: all lines so far together contain this no more often.
    AtMost(usize, String),
    /// `= no zeros`: it has printed no zero bytes in a row, as they are or escaped.
    NoZeros,
}

/// What a raw peer does or expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AtPeer {
    /// `> "BYTES"`, `> "BYTES" * N` or several of these with ` + ` between: send exactly these bytes.
    Send(Vec<u8>),
    /// `> "BYTES" N times`: send these bytes so often, each time when those before have been read; after a second
    /// only once more.
    SendAgain(Vec<u8>, u16),
    /// `! half-close`: send no more, but still receive.
    HalfClose,
    /// `! close`: close the socket, whatever is unread.
    Close,
    /// `! reset`: end the connection with a RST.
    Reset,
    /// `| "BYTES"`, written as for `>`: the next bytes received are exactly these.
    Bytes(Vec<u8>),
    /// `~ "BYTES"`: a later datagram has these bytes; or, on a stream, answers have come whose messages are together these bytes.
    Answers(Vec<u8>),
    /// `= one piece`: what the last step received has come in one read.
    OnePiece,
    /// `= open`: the other side has not ended the connection.
    Open,
    /// `= nothing for N ms`: no byte, no datagram and no end comes within this time.
    Nothing(Duration),
    /// `~ unread`: bytes have come, and stay unread.
    Unread,
    /// `= end`, `~ end`, `= reset`, `= end or reset`: how the connection ends.
    Closed(Closed),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// The next thing is the end of the stream.
    End,
    /// The end of the stream comes, after whatever bytes.
    SoonerOrLater,
    Reset,
    /// The next thing is the end of the stream or a reset.
    EndOrReset,
}

/// More than any session needs.
const FILE_BYTES: u64 = 1024 * 1024;
/// How the place of a random word begins.
const WORD: &str = "{word";
const SYLLABLES: usize = 4;
/// Without q, which ends a conversation.
const CONSONANTS: &[u8] = b"bdfgklmnprstvz";
const VOWELS: &[u8] = b"aeiou";
impl Session {
    /// # Errors
    ///
    /// The file cannot be read, or a line of it is not a step; the message names file, line and
    /// what was expected there.
    pub fn read(path: &Path) -> Result<Session> {
        let shown = path.display();
        let mut text = Vec::new();
        File::open(path)
            .and_then(|file| file.take(FILE_BYTES + 1).read_to_end(&mut text))
            .with_context(|| format!("failed to read {shown}"))?;
        if text.len() as u64 > FILE_BYTES {
            bail!("{shown}: the file is no session: it has more than {FILE_BYTES} bytes");
        }
        let text =
            String::from_utf8(text).map_err(|_| anyhow!("{shown}: the file is not UTF-8"))?;
        Session::parse(path, &text)
    }

    /// # Errors
    ///
    /// As [`Session::read`].
    pub fn parse(path: &Path, text: &str) -> Result<Session> {
        let source: Vec<String> = text.lines().map(str::to_owned).collect();
        let mut session = Session {
            path: path.to_owned(),
            title: String::new(),
            hint: None,
            note: None,
            steps: Vec::new(),
            source: source.clone(),
        };
        // Every name that was started so far, and what came.
        let mut cast: Vec<(String, Start)> = Vec::new();
        for (number, line) in source.iter().enumerate().map(|(i, line)| (i + 1, line)) {
            if let Some(comment) = line.strip_prefix('#') {
                let comment = comment.trim();
                if let Some(hint) = comment.strip_prefix("hint:") {
                    session.hint = Some(hint.trim().to_owned());
                } else if let Some(note) = comment.strip_prefix("note:") {
                    session.note = Some(note.trim().to_owned());
                } else if session.title.is_empty() && session.steps.is_empty() {
                    session.title = comment.to_owned();
                }
                continue;
            }
            if line.trim().is_empty() {
                continue;
            }
            let step = places_of_words(line)
                .and_then(|()| step::parse(line, number, &mut cast))
                .map_err(|reason| anyhow!("{}:{number}: {reason}", path.display()))?;
            session.steps.push(step);
        }
        let path = path.display();
        if session.title.is_empty() {
            bail!("{path}:1: expected \"# \" and one sentence that says what the session shows");
        }
        if session.steps.is_empty() {
            bail!("{path}:{}: expected a step, such as: server $ stage1-server", source.len() + 1);
        }
        Ok(session)
    }

    /// The session with a word in the place of each `{word}`, `{word2}`, ...: letters that nobody can
    /// have printed beforehand, of the same number for each.
    pub(crate) fn with_words(&self, seed: Option<u64>) -> Result<Session> {
        let mut text = self.source.join("\n");
        // One without such places may have other steps than its source: a recorder drops some.
        if !text.contains(WORD) {
            return Ok(self.clone());
        }
        let mut random = seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        while let Some(begin) = text.find(WORD) {
            let end = text[begin..].find('}').map_or(text.len(), |length| begin + length + 1);
            let word: String = (0..SYLLABLES)
                .flat_map(|_| {
                    [CONSONANTS, VOWELS].map(|letters| letters[random.usize(..letters.len())])
                })
                .map(char::from)
                .collect();
            text = text.replace(&text[begin..end], &word);
        }
        Session::parse(&self.path, &text)
    }

    /// The file's name without its folder and ending: the name of its test.
    #[must_use]
    pub fn name(&self) -> String {
        self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Is the last that is expected of this terminal a `~`, so that more may come?
    pub(crate) fn ends_loosely(&self, name: &str) -> bool {
        let mut steps = self.steps.iter().rev();
        let last = steps.find(|step| step.name == name && "|~".contains(step.mark));
        last.is_some_and(|step| step.mark == '~')
    }

    /// Does a step start the program that this placeholder, `{server}` or `{client}`, stands for?
    #[must_use]
    pub fn starts(&self, placeholder: &str) -> bool {
        self.steps.iter().any(|step| match &step.act {
            Act::Start(start) => start.program() == Some(placeholder),
            _ => false,
        })
    }
}

impl Session {
    /// What the first of its raw peers speaks: where its programs are told to be.
    pub(crate) fn net(&self) -> Net {
        let net = self.steps.iter().find_map(|step| match &step.act {
            Act::Start(Start::Connect(net) | Start::Listen(net)) => Some(net.clone()),
            _ => None,
        });
        net.unwrap_or_default()
    }
}

impl Start {
    /// The first word of the program's command.
    fn program(&self) -> Option<&str> {
        match self {
            Start::Program(words) => words.first().map(String::as_str),
            Start::Connect(_) | Start::Listen(_) => None,
        }
    }

    /// Is it anybody's program, of which no line is known beforehand?
    pub(crate) fn is_anybodys(&self) -> bool {
        matches!(self.program(), Some("{server}" | "{client}"))
    }
}

impl Step {
    /// Does somebody do this, so that it is shown before it happens?
    #[must_use]
    pub fn acts(&self) -> bool {
        matches!(self.mark, '$' | '>' | '!')
    }
}

/// Is each place of a random word `{word}`, or `{word2}` and so on?
fn places_of_words(line: &str) -> Result<(), String> {
    let ends = |(at, place): (usize, &str)| {
        let rest = line[at + place.len()..].trim_start_matches(|c: char| c.is_ascii_digit());
        rest.starts_with('}')
    };
    match line.match_indices(WORD).all(ends) {
        true => Ok(()),
        false => Err(format!("expected {{word}}, {{word2}} and so on for words, not {line:?}")),
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = format!("{} {} {}", self.name, self.mark, self.rest);
        f.write_str(line.trim_end())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_place_of_a_word_gets_its_own_and_the_same_one_everywhere() {
        let text = "# Title.\np $ tcp connect\np > \"{word}\"\np | \"{word} {word2}\"\n";
        let session = Session::parse(Path::new("x.session"), text).unwrap();
        let words = |seed| -> Vec<String> {
            let session = session.with_words(seed).unwrap();
            session.steps[1..].iter().map(|step| step.rest.clone()).collect()
        };
        let first = words(Some(1));
        let (word, second) = first[1].trim_matches('"').split_once(' ').unwrap();
        assert_eq!(first[0], format!("\"{word}\""));
        assert_eq!((word.len(), second.len()), (8, 8));
        assert_ne!(word, second);
        assert_eq!(words(Some(1)), first);
        assert_ne!(words(None), words(None));
    }

    proptest! {
        #[test]
        fn no_text_panics_and_every_fault_names_file_and_line(
            text in "# T\n([ab]( [$>!|~=] (\\PC{0,8}|tcp listen|\"[a-z\\\\\"]{0,6}\"?))?\n){0,4}"
        ) {
            if let Err(err) = Session::parse(Path::new("x.session"), &text) {
                let err = err.to_string();
                prop_assert!(err.starts_with("x.session:"), "{}", err);
                prop_assert_eq!(err.lines().count(), 1);
            }
        }
    }
}
