//! One line of a session: who, the mark, and what.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::bytes;
use super::{Act, AtPeer, AtTerminal, Closed, Net, Owned, Start, Step};

/// The columns, or rows, of a window.
const WINDOW: RangeInclusive<u16> = 1..=1000;
/// Somebody waits as long as nothing comes.
const LONGEST: u16 = 2000;
const MARKS: &str = "$ > ! | ~ =";
const DEEDS: &str = "kill, count descriptors, count threads, ctrl-c, ctrl-d, up, enter, paste TEXT, type TEXT or resize COLUMNSxROWS";
const STATES: &str = "exit STATUS, end, idle, patient, descriptors as counted, threads as counted, no zeros, shows TEXT, without TEXT or at most N times TEXT";
const PEER_STATES: &str =
    "end, reset, end or reset, open, one piece or nothing for MILLISECONDS ms";
const PEER_DEEDS: &str = "half-close, close or reset";
const PEERS: &str = "tcp connect, tcp listen, tcp6 connect, tcp6 listen, udp connect, udp listen, unix NAME or unix listen NAME";

pub(super) fn parse(
    line: &str,
    number: usize,
    cast: &mut Vec<(String, Start)>,
) -> Result<Step, String> {
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
            _ if rest == "patient" => AtTerminal::Patient,
            _ if rest == "descriptors as counted" => AtTerminal::AsCounted(Owned::Descriptors),
            _ if rest == "threads as counted" => AtTerminal::AsCounted(Owned::Threads),
            _ if rest == "no zeros" => AtTerminal::NoZeros,
            _ => parse_limit(rest).ok_or_else(|| format!("expected = {STATES}, not {rest:?}"))?,
        },
        _ => match rest.strip_prefix("resize ") {
            Some(size) => parse_size(size).ok_or_else(|| {
                let most = WINDOW.end();
                format!("expected ! resize COLUMNSxROWS, each from 1 to {most}, not {size:?}")
            })?,
            None => parse_deed(rest).ok_or_else(|| format!("expected ! {DEEDS}, not {rest:?}"))?,
        },
    })
}

fn parse_size(size: &str) -> Option<AtTerminal> {
    let (columns, rows) = size.split_once('x')?;
    let within = |n: &str| n.parse().ok().filter(|n| WINDOW.contains(n));
    Some(AtTerminal::Resize(within(columns)?, within(rows)?))
}

fn parse_limit(rest: &str) -> Option<AtTerminal> {
    if let Some(text) = rest.strip_prefix("without ") {
        return Some(AtTerminal::Without(text.to_owned()));
    }
    if let Some(text) = rest.strip_prefix("shows ") {
        return Some(AtTerminal::Shows(text.to_owned()));
    }
    let (times, text) = rest.strip_prefix("at most ")?.split_once(" times ")?;
    Some(AtTerminal::AtMost(times.parse().ok()?, text.to_owned()))
}

fn parse_deed(rest: &str) -> Option<AtTerminal> {
    Some(match rest {
        "kill" => AtTerminal::Kill,
        "count descriptors" => AtTerminal::Count(Owned::Descriptors),
        "count threads" => AtTerminal::Count(Owned::Threads),
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
            _ => return None,
        },
    })
}

fn parse_peer(mark: char, rest: &str) -> Result<AtPeer, String> {
    Ok(match (mark, rest) {
        ('>', _) => match rest.strip_suffix(" times").and_then(|rest| rest.rsplit_once(' ')) {
            Some((rest, times)) => AtPeer::SendAgain(
                bytes::parse(rest)?,
                times.parse().map_err(|_| format!("expected a number, not {times:?}"))?,
            ),
            None => AtPeer::Send(bytes::parse(rest)?),
        },
        ('|', _) => AtPeer::Bytes(bytes::parse(rest)?),
        ('=', "end") => AtPeer::Closed(Closed::End),
        ('=', "reset") => AtPeer::Closed(Closed::Reset),
        ('=', "end or reset") => AtPeer::Closed(Closed::EndOrReset),
        ('=', "one piece") => AtPeer::OnePiece,
        ('=', "open") => AtPeer::Open,
        ('~', "unread") => AtPeer::Unread,
        ('~', "end") => AtPeer::Closed(Closed::SoonerOrLater),
        ('~', _) if rest.starts_with('"') => AtPeer::Answers(bytes::parse(rest)?),
        ('!', "half-close") => AtPeer::HalfClose,
        ('!', "close") => AtPeer::Close,
        ('!', "reset") => AtPeer::Reset,
        ('=', _) => match parse_time(rest) {
            Some(time) => AtPeer::Nothing(time),
            None => return Err(format!("expected = {PEER_STATES}, not {rest:?}")),
        },
        ('~', _) => return Err(format!("expected ~ end, ~ unread or ~ \"BYTES\", not {rest:?}")),
        _ => return Err(format!("expected ! {PEER_DEEDS}, not {rest:?}")),
    })
}

fn parse_time(rest: &str) -> Option<Duration> {
    let time: u16 = rest.strip_prefix("nothing for ")?.strip_suffix(" ms")?.parse().ok()?;
    (time <= LONGEST).then(|| Duration::from_millis(time.into()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::course::session::Session;

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
            ("t = patient", AtTerminal::Patient),
            ("t = shows a b", AtTerminal::Shows("a b".into())),
            ("t = descriptors as counted", AtTerminal::AsCounted(Owned::Descriptors)),
            ("t = threads as counted", AtTerminal::AsCounted(Owned::Threads)),
            ("t = without a b", AtTerminal::Without("a b".into())),
            ("t = at most 2 times a b", AtTerminal::AtMost(2, "a b".into())),
            ("t = no zeros", AtTerminal::NoZeros),
            ("t ! kill", AtTerminal::Kill),
            ("t ! count descriptors", AtTerminal::Count(Owned::Descriptors)),
            ("t ! count threads", AtTerminal::Count(Owned::Threads)),
            ("t ! paste a\\nb", AtTerminal::Keys(b"a\rb".to_vec())),
            ("t ! type a\\n\\x04", AtTerminal::Ahead(b"a\r\x04".to_vec())),
            ("t ! resize 40x10", AtTerminal::Resize(40, 10)),
        ];
        let peer = [
            (r#"p > "\x1b[2J\n""#, AtPeer::Send(b"\x1b[2J\n".to_vec())),
            (r#"p > "ab" * 3"#, AtPeer::Send(b"ababab".to_vec())),
            (r#"p > "ab" 9 times"#, AtPeer::SendAgain(b"ab".to_vec(), 9)),
            (r#"p > "9 times""#, AtPeer::Send(b"9 times".to_vec())),
            (r#"p | "\"""#, AtPeer::Bytes(b"\"".to_vec())),
            (r#"p | "x" * 2"#, AtPeer::Bytes(b"xx".to_vec())),
            (r#"p | "a + " + "b\"" * 2 + "c""#, AtPeer::Bytes(b"a + b\"b\"c".to_vec())),
            (r#"p ~ "xy""#, AtPeer::Answers(b"xy".to_vec())),
            ("p = one piece", AtPeer::OnePiece),
            ("p = open", AtPeer::Open),
            ("p = nothing for 300 ms", AtPeer::Nothing(Duration::from_millis(300))),
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
    fn a_window_has_a_size() {
        for size in ["0x0", "80x0", "80x1001", "80", "x", "-1x24"] {
            let text = format!("# Title.\nt $ program\nt ! resize {size}\n");
            let message = Session::parse(Path::new("x.session"), &text).unwrap_err().to_string();
            let expected =
                format!("expected ! resize COLUMNSxROWS, each from 1 to 1000, not {size:?}");
            assert!(message.contains(&expected), "{message}");
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
}
