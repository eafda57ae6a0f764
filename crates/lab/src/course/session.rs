//! Session files: who starts what, who types what, who must print what.
//!
//! One step a line, `NAME MARK REST`. The page "Sessions" of the book describes the format.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};

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
            (Net::Udp, AtPeer::Send(_) | AtPeer::Bytes(_) | AtPeer::Answers(_) | AtPeer::Close) => {
                None
            }
            (Net::Udp, _) => {
                Some("expected > BYTES, | BYTES, ~ BYTES or ! close: datagrams have no connection")
            }
            (Net::Unix(_), AtPeer::Reset) => Some("expected ! close: a Unix socket sends no reset"),
            (Net::Unix(_) | Net::Tcp | Net::Tcp6, _) => None,
        }
    }
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
    /// `! count descriptors`: how many it has open now, with all that it has started.
    CountDescriptors,
    /// `| LINE`: the next line is exactly this.
    Line(String),
    /// `~ TEXT`: a later line contains this.
    Contains(String),
    /// `= exit N` or `= end`: the program has ended, with this exit status or any.
    Ends(Option<u8>),
    /// `= idle`: it uses next to no CPU time.
    Idle,
    /// `= descriptors as counted`: it has hardly more of them than when they were counted.
    AsCounted,
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

/// More than any session needs, and no more than any machine can hold.
const FILE_BYTES: u64 = 1024 * 1024;
const SENT_BYTES: usize = 64 * 1024 * 1024;
const MARKS: &str = "$ > ! | ~ =";
/// How the place of a random word begins.
const WORD: &str = "{word";
/// A byte that comes so often in a row is counted, where bytes are shown.
const LONG_RUN: usize = 32;
const SYLLABLES: usize = 4;
/// Without q, which ends a conversation.
const CONSONANTS: &[u8] = b"bdfgklmnprstvz";
const VOWELS: &[u8] = b"aeiou";
const DEEDS: &str = "kill, count descriptors, ctrl-c, ctrl-d, up, enter, paste TEXT, type TEXT or resize COLUMNSxROWS";
const STATES: &str = "exit STATUS, end, idle, descriptors as counted, no zeros, without TEXT or at most N times TEXT";
const PEER_STATES: &str = "end, reset, end or reset, open or one piece";
const PEER_DEEDS: &str = "half-close, close or reset";
const PEERS: &str = "tcp connect, tcp listen, tcp6 connect, tcp6 listen, udp connect, udp listen, unix NAME or unix listen NAME";

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
            let step = parse_step(line, number, &mut cast)
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

fn parse_step(line: &str, number: usize, cast: &mut Vec<(String, Start)>) -> Result<Step, String> {
    let (name, after) = line.split_once(' ').unwrap_or((line, ""));
    let mut after = after.chars();
    let mark = after.next().unwrap_or(' ');
    let rest = after.as_str();
    if !MARKS.contains(mark) || mark == ' ' || !(rest.is_empty() || rest.starts_with(' ')) {
        return Err(format!("expected NAME MARK REST, where MARK is one of {MARKS}, not {line:?}"));
    }
    let rest = rest.strip_prefix(' ').unwrap_or_default().to_owned();
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(format!("expected a name of letters, digits and '-', not {name:?}"));
    }
    let act = if mark == '$' {
        let start = parse_start(&rest)?;
        cast.retain(|(known, _)| known != name);
        cast.push((name.to_owned(), start.clone()));
        Act::Start(start)
    } else {
        match cast.iter().find(|(known, _)| known == name).map(|(_, start)| start) {
            Some(start @ Start::Program(_)) => {
                if mark == '|' && start.is_anybodys() {
                    let rest = rest.trim();
                    return Err(format!("expected ~ {rest}: what else {name} prints is not known"));
                }
                Act::Terminal(parse_terminal(mark, &rest)?)
            }
            Some(Start::Connect(net) | Start::Listen(net)) => {
                let act = parse_peer(mark, &rest)?;
                if let Some(fault) = net.lacks(&act) {
                    return Err(format!("{fault}, not {mark} {rest}"));
                }
                Act::Peer(act)
            }
            None => {
                let known: Vec<&str> = cast.iter().map(|(known, _)| known.as_str()).collect();
                return Err(match known.is_empty() {
                    true => format!("{name:?} is not started: expected {name} $ PROGRAM"),
                    false => format!(
                        "{name:?} is not started: expected {name} $ PROGRAM, or one of: {}",
                        known.join(", ")
                    ),
                });
            }
        }
    };
    Ok(Step { line: number, name: name.to_owned(), mark, rest, act })
}

fn parse_start(rest: &str) -> Result<Start, String> {
    let words: Vec<&str> = rest.split_whitespace().collect();
    // It is the name of a file, and not a way to one.
    let file = |name: &str| match name.contains('/') {
        true => Err(format!("expected unix NAME, the name of a file without a folder, not {name}")),
        false => Ok(Net::Unix(name.to_owned())),
    };
    Ok(match words[..] {
        ["tcp", "connect"] => Start::Connect(Net::Tcp),
        ["tcp", "listen"] => Start::Listen(Net::Tcp),
        ["tcp6", "connect"] => Start::Connect(Net::Tcp6),
        ["tcp6", "listen"] => Start::Listen(Net::Tcp6),
        ["udp", "connect"] => Start::Connect(Net::Udp),
        ["udp", "listen"] => Start::Listen(Net::Udp),
        ["unix", "listen", name] => Start::Listen(file(name)?),
        ["unix", name] if name != "listen" => Start::Connect(file(name)?),
        ["tcp" | "tcp6" | "udp" | "unix", ..] => {
            return Err(format!("expected {PEERS}, not {rest:?}"));
        }
        [] => return Err(format!("expected a program to start, {PEERS}")),
        _ => Start::Program(shell_words::split(rest).map_err(|err| format!("{err} in {rest:?}"))?),
    })
}

fn parse_terminal(mark: char, rest: &str) -> Result<AtTerminal, String> {
    Ok(match mark {
        '>' => AtTerminal::Type(rest.to_owned()),
        '|' => AtTerminal::Line(rest.to_owned()),
        '~' if rest.is_empty() => return Err("expected a text after ~".to_owned()),
        '~' => AtTerminal::Contains(rest.to_owned()),
        '=' => match rest.strip_prefix("exit ").map(str::parse) {
            Some(Ok(status)) => AtTerminal::Ends(Some(status)),
            _ if rest == "end" => AtTerminal::Ends(None),
            _ if rest == "idle" => AtTerminal::Idle,
            _ if rest == "descriptors as counted" => AtTerminal::AsCounted,
            _ if rest == "no zeros" => AtTerminal::NoZeros,
            _ => parse_limit(rest).ok_or_else(|| format!("expected = {STATES}, not {rest:?}"))?,
        },
        _ => parse_deed(rest).ok_or_else(|| format!("expected ! {DEEDS}, not {rest:?}"))?,
    })
}

fn parse_limit(rest: &str) -> Option<AtTerminal> {
    if let Some(text) = rest.strip_prefix("without ") {
        return Some(AtTerminal::Without(text.to_owned()));
    }
    let (times, text) = rest.strip_prefix("at most ")?.split_once(" times ")?;
    Some(AtTerminal::AtMost(times.parse().ok()?, text.to_owned()))
}

fn parse_deed(rest: &str) -> Option<AtTerminal> {
    Some(match rest {
        "kill" => AtTerminal::Kill,
        "count descriptors" => AtTerminal::CountDescriptors,
        "ctrl-c" => AtTerminal::Keys(b"\x03".to_vec()),
        "ctrl-d" => AtTerminal::Keys(b"\x04".to_vec()),
        "up" => AtTerminal::Keys(b"\x1b[A".to_vec()),
        "enter" => AtTerminal::Keys(b"\r".to_vec()),
        _ => match rest.split_once(' ')? {
            // A terminal pastes the Enter key for the end of a line.
            ("paste", text) => AtTerminal::Keys(text.replace("\\n", "\r").into_bytes()),
            // The key Ctrl-D has no letter of its own.
            ("type", text) => {
                AtTerminal::Ahead(text.replace("\\n", "\r").replace("\\x04", "\x04").into_bytes())
            }
            ("resize", size) => {
                let (columns, rows) = size.split_once('x')?;
                AtTerminal::Resize(columns.parse().ok()?, rows.parse().ok()?)
            }
            _ => return None,
        },
    })
}

fn parse_peer(mark: char, rest: &str) -> Result<AtPeer, String> {
    Ok(match (mark, rest) {
        ('>', _) => AtPeer::Send(parse_repeated(rest)?),
        ('|', _) => AtPeer::Bytes(parse_repeated(rest)?),
        ('=', "end") => AtPeer::Closed(Closed::End),
        ('=', "reset") => AtPeer::Closed(Closed::Reset),
        ('=', "end or reset") => AtPeer::Closed(Closed::EndOrReset),
        ('=', "one piece") => AtPeer::OnePiece,
        ('=', "open") => AtPeer::Open,
        ('~', "unread") => AtPeer::Unread,
        ('~', "end") => AtPeer::Closed(Closed::SoonerOrLater),
        ('~', _) if rest.starts_with('"') => AtPeer::Answers(parse_repeated(rest)?),
        ('!', "half-close") => AtPeer::HalfClose,
        ('!', "close") => AtPeer::Close,
        ('!', "reset") => AtPeer::Reset,
        ('=', _) => return Err(format!("expected = {PEER_STATES}, not {rest:?}")),
        ('~', _) => return Err(format!("expected ~ end, ~ unread or ~ \"BYTES\", not {rest:?}")),
        _ => return Err(format!("expected ! {PEER_DEEDS}, not {rest:?}")),
    })
}

/// Reads `"text"` or `"text" * N`, or several of these with ` + ` between.
fn parse_repeated(rest: &str) -> Result<Vec<u8>, String> {
    let mut all = Vec::new();
    let mut left = Some(rest);
    while let Some(term) = left {
        let (quoted, after) = term.split_at(quoted_length(term));
        let bytes = parse_bytes(quoted)?;
        let (times, next) = match after.split_once(" + ") {
            Some((times, next)) => (times, Some(next)),
            None => (after, None),
        };
        let times: usize = match times.strip_prefix(" * ") {
            Some(times) => times.parse().map_err(|_| format!("expected a count, not {times:?}"))?,
            None if times.is_empty() => 1,
            // More stands behind the closing quote: the whole is shown.
            None => return parse_bytes(term),
        };
        match bytes.len().checked_mul(times) {
            Some(more) if all.len() + more <= SENT_BYTES => all.extend(bytes.repeat(times)),
            _ => return Err(format!("expected at most {SENT_BYTES} bytes, not {rest}")),
        }
        left = next;
    }
    Ok(all)
}

/// The length of a text in quotes at the beginning, with its quotes.
fn quoted_length(text: &str) -> usize {
    let mut escaped = true;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' if !escaped => return at + 1,
            b'\\' if !escaped => escaped = true,
            _ => escaped = false,
        }
    }
    text.len()
}

/// Reads `"text"` with the escapes that [`slice::escape_ascii`] writes, and `\0`.
fn parse_bytes(quoted: &str) -> Result<Vec<u8>, String> {
    let fault =
        || format!("expected bytes in quotes, such as \"hello\\n\", not {}", harmless(quoted));
    let inner =
        quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or_else(fault)?;
    let mut bytes = Vec::new();
    let mut rest = inner.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'"' => return Err(fault()),
            b'\\' => match rest.next() {
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(b't') => b'\t',
                Some(b'0') => 0,
                Some(same @ (b'\\' | b'"' | b'\'')) => same,
                Some(b'x') => {
                    let digits = [rest.next().ok_or_else(fault)?, rest.next().ok_or_else(fault)?];
                    let digits = str::from_utf8(&digits).map_err(|_| fault())?;
                    u8::from_str_radix(digits, 16).map_err(|_| fault())?
                }
                _ => return Err(fault()),
            },
            _ => byte,
        });
    }
    Ok(bytes)
}

/// Shows bytes as a session file writes them: in quotes, escaped, a long run of one byte as `"x" * 4096`.
#[must_use]
pub fn quote(bytes: &[u8]) -> String {
    let mut parts = Vec::new();
    let mut plain = Vec::new();
    for run in bytes.chunk_by(|one, next| one == next) {
        if run.len() < LONG_RUN {
            plain.extend_from_slice(run);
            continue;
        }
        if !plain.is_empty() {
            parts.push(format!("\"{}\"", plain.escape_ascii()));
            plain.clear();
        }
        parts.push(format!("\"{}\" * {}", run[..1].escape_ascii(), run.len()));
    }
    if parts.is_empty() || !plain.is_empty() {
        parts.push(format!("\"{}\"", plain.escape_ascii()));
    }
    parts.join(" + ")
}

/// Shows text as it is, but for control characters: they must not drive the terminal.
#[must_use]
pub fn harmless(text: &str) -> String {
    let escape = |c: char| match c.is_control() {
        true => c.escape_debug().collect(),
        false => vec![c],
    };
    text.chars().flat_map(escape).collect()
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = format!("{} {} {}", self.name, self.mark, self.rest);
        f.write_str(line.trim_end())
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn act(line: &str) -> Act {
        let text = format!("# Title.\nt $ program\np $ tcp connect\n{line}\n");
        Session::parse(Path::new("x.session"), &text).unwrap().steps.remove(2).act
    }

    #[test]
    fn every_step_is_understood() {
        let terminal = [
            ("t > hello", AtTerminal::Type("hello".into())),
            ("t >", AtTerminal::Type(String::new())),
            ("t |     indented", AtTerminal::Line("    indented".into())),
            ("t |", AtTerminal::Line(String::new())),
            ("t ~ part", AtTerminal::Contains("part".into())),
            ("t = exit 101", AtTerminal::Ends(Some(101))),
            ("t = end", AtTerminal::Ends(None)),
            ("t = idle", AtTerminal::Idle),
            ("t = descriptors as counted", AtTerminal::AsCounted),
            ("t = without a b", AtTerminal::Without("a b".into())),
            ("t = at most 2 times a b", AtTerminal::AtMost(2, "a b".into())),
            ("t = no zeros", AtTerminal::NoZeros),
            ("t ! kill", AtTerminal::Kill),
            ("t ! count descriptors", AtTerminal::CountDescriptors),
            ("t ! paste a\\nb", AtTerminal::Keys(b"a\rb".to_vec())),
            ("t ! type a\\n\\x04", AtTerminal::Ahead(b"a\r\x04".to_vec())),
            ("t ! resize 40x10", AtTerminal::Resize(40, 10)),
        ];
        let peer = [
            (r#"p > "\x1b[2J\n""#, AtPeer::Send(b"\x1b[2J\n".to_vec())),
            (r#"p > "ab" * 3"#, AtPeer::Send(b"ababab".to_vec())),
            (r#"p | "\"""#, AtPeer::Bytes(b"\"".to_vec())),
            (r#"p | "x" * 2"#, AtPeer::Bytes(b"xx".to_vec())),
            (r#"p | "a + " + "b\"" * 2 + "c""#, AtPeer::Bytes(b"a + b\"b\"c".to_vec())),
            (r#"p ~ "xy""#, AtPeer::Answers(b"xy".to_vec())),
            ("p = one piece", AtPeer::OnePiece),
            ("p = open", AtPeer::Open),
            ("p ~ unread", AtPeer::Unread),
            ("p ~ end", AtPeer::Closed(Closed::SoonerOrLater)),
            ("p = end or reset", AtPeer::Closed(Closed::EndOrReset)),
            ("p ! half-close", AtPeer::HalfClose),
        ];
        let words = vec!["a".to_owned(), "b c".to_owned()];
        let start = [
            ("t $ a 'b c'", Act::Start(Start::Program(words))),
            ("p $ tcp listen", Act::Start(Start::Listen(Net::Tcp))),
            ("p $ tcp6 connect", Act::Start(Start::Connect(Net::Tcp6))),
            ("p $ udp listen", Act::Start(Start::Listen(Net::Udp))),
            ("p $ unix a.sock", Act::Start(Start::Connect(Net::Unix("a.sock".into())))),
            ("p $ unix listen a.sock", Act::Start(Start::Listen(Net::Unix("a.sock".into())))),
        ];
        let terminal = terminal.map(|(line, act)| (line, Act::Terminal(act)));
        let peer = peer.map(|(line, act)| (line, Act::Peer(act)));
        for (line, expected) in start.into_iter().chain(terminal).chain(peer) {
            assert_eq!(act(line), expected, "{line}");
        }
    }

    #[test]
    fn a_raw_peer_is_asked_for_what_it_has_only() {
        let cases = [
            ("p $ udp connect\np = end", "datagrams have no connection, not = end"),
            ("p $ udp connect\np ! half-close", "datagrams have no connection"),
            ("p $ unix a.sock\np ! reset", "a Unix socket sends no reset"),
            ("p $ unix /tmp/a.sock", "the name of a file without a folder"),
            ("p $ unix", "unix NAME or unix listen NAME"),
            ("p $ tcp bind", "not \"tcp bind\""),
        ];
        for (steps, expected) in cases {
            let text = format!("# Title.\n{steps}\n");
            let message = Session::parse(Path::new("x.session"), &text).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }

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

    #[test]
    fn a_long_run_of_one_byte_is_counted() {
        assert_eq!(quote(b""), r#""""#);
        assert_eq!(quote(&[b'x'; 31]), format!("\"{}\"", "x".repeat(31)));
        let zeros = [b"hello".as_slice(), &[0; 1019], b"\"x"].concat();
        assert_eq!(quote(&zeros), r#""hello" + "\x00" * 1019 + "\"x""#);
    }

    proptest! {
        #[test]
        fn quoted_bytes_are_read_back(runs in vec((any::<u8>(), 1..100_usize), 0..20)) {
            let bytes: Vec<u8> = runs.iter().flat_map(|(byte, n)| vec![*byte; *n]).collect();
            prop_assert_eq!(parse_repeated(&quote(&bytes)), Ok(bytes));
        }

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
