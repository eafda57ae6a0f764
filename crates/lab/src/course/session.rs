//! Session files: who starts what, who types what, who must print what.
//!
//! One step a line, `NAME MARK REST`. The page "Sessions" of the book describes the format.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// One session file, parsed and checked: every name is started before it is used.
#[derive(Clone, Debug)]
pub struct Session {
    pub path: PathBuf,
    /// The first comment line: one sentence that says what the session shows.
    pub title: String,
    /// The line `# hint: ...`: the likely cause when a program falls short.
    pub hint: Option<String>,
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

/// What a step does or expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// `$ PROGRAM ARG...`: start a program on a terminal of its own.
    Start(Vec<String>),
    /// `> TEXT`: type the text at the prompt, then Enter.
    Type(String),
    /// `! ...`: press a key, paste, kill.
    Do(Deed),
    /// `| LINE`: the next line is exactly this.
    Line(String),
    /// `~ TEXT`: a later line contains this.
    Contains(String),
    /// `= exit N` or `= end`: the program has ended, with this exit status or any.
    Ends(Option<u8>),
    /// `$ tcp connect`: a raw peer connects to the server.
    Connect,
    /// `$ tcp listen`: a raw peer listens where the client will connect.
    Listen,
    /// `> "BYTES"` or `> "BYTES" * N`: a raw peer sends exactly these bytes, N times over.
    Send(Vec<u8>, usize),
    /// `| "BYTES"`: the next bytes that a raw peer receives are exactly these.
    Bytes(Vec<u8>),
    /// `~ unread`: bytes have come that a raw peer leaves unread.
    Unread,
    /// `= end`, `~ end`, `= reset`, `= end or reset`: how the connection of a raw peer ends.
    Closed(Closed),
    /// `! half-close`: a raw peer sends no more, but still receives.
    HalfClose,
    /// `! close`: a raw peer closes its socket, whatever it has not read.
    Close,
    /// `! reset`: a raw peer ends its connection with a RST.
    Reset,
}

/// What is done at a terminal, beside typing a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// The bytes that the key or the paste sends, at the prompt.
    Keys(Vec<u8>),
    /// Bytes typed ahead: nobody waits for a prompt.
    Ahead(Vec<u8>),
    /// The window has this many columns and rows now.
    Resize(u16, u16),
    /// The program is killed (SIGKILL), by its process id.
    Kill,
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

const MARKS: &str = "$ > ! | ~ =";
const DEEDS: &str = "kill, ctrl-c, ctrl-d, up, enter, paste TEXT, type TEXT or resize COLUMNSxROWS";
const PEER_DEEDS: &str = "half-close, close or reset";

impl Session {
    /// # Errors
    ///
    /// The file cannot be read, or a line of it is not a step; the message names file, line and
    /// what was expected there.
    pub fn read(path: &Path) -> Result<Session> {
        let text =
            std::fs::read(path).with_context(|| format!("failed to read {}", path.display()))?;
        let text = String::from_utf8(text)
            .map_err(|_| anyhow::anyhow!("{}: the file is not UTF-8", path.display()))?;
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
            steps: Vec::new(),
            source: source.clone(),
        };
        // Every name that was started so far, and whether it is a raw peer.
        let mut cast: Vec<(String, bool)> = Vec::new();
        for (number, line) in source.iter().enumerate().map(|(i, line)| (i + 1, line)) {
            if let Some(comment) = line.strip_prefix('#') {
                let comment = comment.trim();
                if let Some(hint) = comment.strip_prefix("hint:") {
                    session.hint = Some(hint.trim().to_owned());
                } else if session.title.is_empty() && session.steps.is_empty() {
                    session.title = comment.to_owned();
                }
                continue;
            }
            if line.trim().is_empty() {
                continue;
            }
            let step = parse_step(line, number, &mut cast)
                .map_err(|reason| anyhow::anyhow!("{}:{number}: {reason}", path.display()))?;
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

    /// The file's name without its folder and ending: the name of its test.
    #[must_use]
    pub fn name(&self) -> String {
        self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Does a step start the program that this placeholder, `{server}` or `{client}`, stands for?
    #[must_use]
    pub fn starts(&self, placeholder: &str) -> bool {
        self.steps.iter().any(|step| match &step.act {
            Act::Start(words) => words.first().is_some_and(|word| word == placeholder),
            _ => false,
        })
    }
}

fn parse_step(line: &str, number: usize, cast: &mut Vec<(String, bool)>) -> Result<Step, String> {
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
        let act = match rest.as_str() {
            "tcp connect" => Act::Connect,
            "tcp listen" => Act::Listen,
            "" => return Err("expected a program to start, tcp connect or tcp listen".to_owned()),
            _ => Act::Start(shell_words::split(&rest).map_err(|err| format!("{err} in {rest:?}"))?),
        };
        cast.retain(|(known, _)| known != name);
        cast.push((name.to_owned(), !matches!(act, Act::Start(_))));
        act
    } else {
        let Some((_, peer)) = cast.iter().find(|(known, _)| known == name) else {
            let known: Vec<&str> = cast.iter().map(|(known, _)| known.as_str()).collect();
            return Err(match known.is_empty() {
                true => format!("{name:?} is not started: expected {name} $ PROGRAM"),
                false => format!(
                    "{name:?} is not started: expected {name} $ PROGRAM, or one of: {}",
                    known.join(", ")
                ),
            });
        };
        if *peer { parse_peer(mark, &rest)? } else { parse_terminal(mark, &rest)? }
    };
    Ok(Step { line: number, name: name.to_owned(), mark, rest, act })
}

fn parse_terminal(mark: char, rest: &str) -> Result<Act, String> {
    Ok(match mark {
        '>' => Act::Type(rest.to_owned()),
        '|' => Act::Line(rest.to_owned()),
        '~' if rest.is_empty() => return Err("expected a text after ~".to_owned()),
        '~' => Act::Contains(rest.to_owned()),
        '=' => match rest.strip_prefix("exit ").map(str::parse) {
            Some(Ok(status)) => Act::Ends(Some(status)),
            _ if rest == "end" => Act::Ends(None),
            _ => return Err(format!("expected = exit STATUS or = end, not {rest:?}")),
        },
        _ => Act::Do(parse_deed(rest).ok_or_else(|| format!("expected ! {DEEDS}, not {rest:?}"))?),
    })
}

fn parse_deed(rest: &str) -> Option<Deed> {
    Some(match rest {
        "kill" => Deed::Kill,
        "ctrl-c" => Deed::Keys(b"\x03".to_vec()),
        "ctrl-d" => Deed::Keys(b"\x04".to_vec()),
        "up" => Deed::Keys(b"\x1b[A".to_vec()),
        "enter" => Deed::Keys(b"\r".to_vec()),
        _ => match rest.split_once(' ')? {
            // A terminal pastes the Enter key for the end of a line.
            ("paste", text) => Deed::Keys(text.replace("\\n", "\r").into_bytes()),
            ("type", text) => Deed::Ahead(text.replace("\\n", "\r").into_bytes()),
            ("resize", size) => {
                let (columns, rows) = size.split_once('x')?;
                Deed::Resize(columns.parse().ok()?, rows.parse().ok()?)
            }
            _ => return None,
        },
    })
}

fn parse_peer(mark: char, rest: &str) -> Result<Act, String> {
    Ok(match (mark, rest) {
        ('>', _) => {
            let (quoted, times) = match rest.rsplit_once("\" * ") {
                Some((quoted, times)) => (format!("{quoted}\""), times),
                None => (rest.to_owned(), "1"),
            };
            let times = times.parse().map_err(|_| format!("expected a count, not {times:?}"))?;
            Act::Send(parse_bytes(&quoted)?, times)
        }
        ('|', _) => Act::Bytes(parse_bytes(rest)?),
        ('=', "end") => Act::Closed(Closed::End),
        ('=', "reset") => Act::Closed(Closed::Reset),
        ('=', "end or reset") => Act::Closed(Closed::EndOrReset),
        ('~', "unread") => Act::Unread,
        ('~', "end") => Act::Closed(Closed::SoonerOrLater),
        ('!', "half-close") => Act::HalfClose,
        ('!', "close") => Act::Close,
        ('!', "reset") => Act::Reset,
        ('=', _) => return Err(format!("expected = end, reset or end or reset, not {rest:?}")),
        ('~', _) => return Err(format!("expected ~ end or ~ unread, not {rest:?}")),
        _ => return Err(format!("expected ! {PEER_DEEDS}, not {rest:?}")),
    })
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

/// Shows bytes as a session file writes them: in quotes, escaped.
#[must_use]
pub fn quote(bytes: &[u8]) -> String {
    format!("\"{}\"", bytes.escape_ascii())
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
    use proptest::prelude::*;

    use super::*;

    fn act(line: &str) -> Act {
        let text = format!("# Title.\nt $ program\np $ tcp connect\n{line}\n");
        Session::parse(Path::new("x.session"), &text).unwrap().steps.remove(2).act
    }

    #[test]
    fn every_step_is_understood() {
        for (line, expected) in [
            ("t $ a 'b c'", Act::Start(vec!["a".into(), "b c".into()])),
            ("p $ tcp listen", Act::Listen),
            ("t > hello", Act::Type("hello".into())),
            ("t >", Act::Type(String::new())),
            ("t |     indented", Act::Line("    indented".into())),
            ("t |", Act::Line(String::new())),
            ("t ~ part", Act::Contains("part".into())),
            ("t = exit 101", Act::Ends(Some(101))),
            ("t = end", Act::Ends(None)),
            ("t ! kill", Act::Do(Deed::Kill)),
            ("t ! paste a\\nb", Act::Do(Deed::Keys(b"a\rb".to_vec()))),
            ("t ! type a\\n", Act::Do(Deed::Ahead(b"a\r".to_vec()))),
            ("t ! resize 40x10", Act::Do(Deed::Resize(40, 10))),
            (r#"p > "\x1b[2J\n""#, Act::Send(b"\x1b[2J\n".to_vec(), 1)),
            (r#"p > "ab" * 3"#, Act::Send(b"ab".to_vec(), 3)),
            (r#"p | "\"" "#.trim_end(), Act::Bytes(b"\"".to_vec())),
            ("p ~ unread", Act::Unread),
            ("p ~ end", Act::Closed(Closed::SoonerOrLater)),
            ("p = end or reset", Act::Closed(Closed::EndOrReset)),
            ("p ! half-close", Act::HalfClose),
        ] {
            assert_eq!(act(line), expected, "{line}");
        }
    }

    proptest! {
        #[test]
        fn quoted_bytes_are_read_back(bytes in any::<Vec<u8>>()) {
            prop_assert_eq!(parse_bytes(&quote(&bytes)), Ok(bytes));
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
