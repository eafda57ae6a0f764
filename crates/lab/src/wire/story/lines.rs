//! The lines of a recording, one by one.

/// One line of a recording; what is in quotes stays as it is written there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// `* NAME MARK REST`
    Act {
        who: &'a str,
        mark: char,
        rest: &'a str,
    },
    /// `  40001 > 5001 ACK+PSH seq 1 ack 1 5 "hello"`
    Segment(Header, &'a str),
    /// `NAME call(ARGS) = RESULT`, with dots where it begins to wait or has waited.
    Call {
        who: &'a str,
        name: &'a str,
        args: &'a str,
        form: Form<'a>,
    },
    /// `NAME shows "LINE"`
    Shows {
        who: &'a str,
        line: String,
    },
    /// `NAME exits 0`, `NAME killed SIGKILL`, `NAME gets SIGINT`; of a thread `NAME ends`
    Fate {
        who: &'a str,
        verb: &'a str,
        how: &'a str,
    },
    /// `(the last 2 lines, 62 times more)`, or without end: no number.
    Again {
        lines: usize,
        times: Option<usize>,
    },
    Other(&'a str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form<'a> {
    /// It returns this at once.
    Whole(&'a str),
    Begins,
    Returns(&'a str),
}

/// A segment's header, sequence numbers counted from the SYN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub from: u16,
    pub to: u16,
    pub syn: bool,
    pub fin: bool,
    pub rst: bool,
    pub seq: u64,
    pub ack: Option<u64>,
    /// Bytes of data.
    pub len: u64,
}

impl Header {
    /// The number that acknowledges all of it.
    pub(crate) fn end(&self) -> u64 {
        self.seq + self.len + u64::from(self.syn) + u64::from(self.fin)
    }

    /// Does it only acknowledge?
    pub(crate) fn is_bare(&self) -> bool {
        self.len == 0 && !self.syn && !self.fin && !self.rst
    }
}

pub(crate) fn parse(line: &str) -> Line<'_> {
    let parsed = match line.strip_prefix("* ") {
        Some(act) => parse_act(act),
        None if line.starts_with("  ") => parse_segment(line.trim_start()),
        None if line.starts_with('(') => parse_again(line),
        None => parse_program(line),
    };
    parsed.unwrap_or(Line::Other(line))
}

fn parse_act(line: &str) -> Option<Line<'_>> {
    let (who, after) = line.split_once(' ')?;
    let mark = after.chars().next()?;
    // One blank is the session's; any other is typed.
    let rest = &after[mark.len_utf8()..];
    Some(Line::Act { who, mark, rest: rest.strip_prefix(' ').unwrap_or(rest) })
}

fn parse_segment(line: &str) -> Option<Line<'_>> {
    let (numbers, data) = line.split_at(line.find('"').unwrap_or(line.len()));
    let mut words = numbers.split_whitespace();
    let from = words.next()?.parse().ok()?;
    let (">", to) = (words.next()?, words.next()?.parse().ok()?) else { return None };
    let flags: Vec<&str> = words.next()?.split('+').collect();
    let (syn, fin, rst) = (flags.contains(&"SYN"), flags.contains(&"FIN"), flags.contains(&"RST"));
    let (mut seq, mut ack, mut len) = (0, None, 0);
    while let Some(word) = words.next() {
        match word {
            "seq" => seq = words.next()?.parse().ok()?,
            "ack" => ack = Some(words.next()?.parse().ok()?),
            number => len = number.parse().ok()?,
        }
    }
    Some(Line::Segment(Header { from, to, syn, fin, rst, seq, ack, len }, data))
}

fn parse_again(line: &str) -> Option<Line<'_>> {
    if line.contains("and so on") {
        return Some(Line::Again { lines: 1, times: None });
    }
    let (lines, often) = line.strip_prefix("(the last ")?.strip_suffix(')')?.split_once(", ")?;
    let lines = lines.strip_suffix(" lines").map_or(Some(1), |number| number.parse().ok())?;
    let times = often.strip_suffix(" times more").and_then(|number| number.parse().ok());
    Some(Line::Again { lines, times })
}

fn parse_program(line: &str) -> Option<Line<'_>> {
    let (who, rest) = line.split_once(' ')?;
    if let Some(shown) = rest.strip_prefix("shows ") {
        let end = quoted(shown)?;
        let cut = if end < shown.len() { "..." } else { "" };
        return Some(Line::Shows { who, line: unquote(&shown[..end]) + cut });
    }
    if let (verb @ ("exits" | "killed" | "gets" | "ends"), how) =
        rest.split_once(' ').unwrap_or((rest, ""))
    {
        return Some(Line::Fate { who, verb, how });
    }
    let (waited, rest) = rest.strip_prefix("... ").map_or((false, rest), |rest| (true, rest));
    let (name, rest) = rest.split_once('(')?;
    // The arguments may have brackets in their quotes.
    let quotes = rest.find('"').filter(|at| rest.find(')').is_none_or(|end| *at < end));
    let data = quotes.map_or(Some(0), |at| quoted(&rest[at..]).map(|length| at + length))?;
    let end = data + rest[data..].find(')')?;
    let (args, rest) = (&rest[..end], &rest[end + 1..]);
    let form = match (rest.strip_prefix(" = "), waited) {
        (Some(result), true) => Form::Returns(result),
        (Some(result), false) => Form::Whole(result),
        (None, _) => Form::Begins,
    };
    Some(Line::Call { who, name, args, form })
}

/// The length of the quoted text that this begins with, its quotes included.
pub(crate) fn quoted(text: &str) -> Option<usize> {
    let mut escaped = false;
    let mut inner = text.strip_prefix('"')?.char_indices();
    inner.find_map(|(at, character)| {
        let ends = character == '"' && !escaped;
        escaped = character == '\\' && !escaped;
        ends.then_some(at + 2)
    })
}

/// What is in the quotes, as text; what is no text stays escaped.
pub(crate) fn unquote(quoted: &str) -> String {
    pieces(quoted)
        .into_iter()
        .map(|piece| piece.unwrap_or_else(|byte| format!("\\x{byte:02x}")))
        .collect()
}

/// The number of bytes that stand in the quotes, so often as a session says; or the number that follows
/// what has been cut.
pub(crate) fn length(quoted_and_more: &str) -> u64 {
    let end = quoted(quoted_and_more).unwrap_or(quoted_and_more.len());
    let (text, more) = quoted_and_more.split_at(end);
    let (more, next) = more.split_once(" + ").unwrap_or((more, ""));
    let number = |after| more.strip_prefix(after)?.trim().parse::<u64>().ok();
    let length = number("... ").unwrap_or_else(|| {
        let bytes = |piece: &Result<String, u8>| piece.as_ref().map_or(1, |text| text.len() as u64);
        let once: u64 = pieces(text).iter().map(bytes).sum();
        once.saturating_mul(number(" * ").unwrap_or(1))
    });
    if next.is_empty() { length } else { length.saturating_add(self::length(next)) }
}

/// Each character in the quotes, or the byte that is none.
fn pieces(quoted: &str) -> Vec<Result<String, u8>> {
    let inner = quoted.strip_prefix('"').unwrap_or(quoted);
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    let mut found = Vec::new();
    let mut rest = inner.chars();
    while let Some(character) = rest.next() {
        let escape = if character == '\\' { rest.next() } else { None };
        found.push(match escape {
            None => Ok(character.to_string()),
            Some('n') => Ok("\n".to_owned()),
            Some('r') => Ok("\r".to_owned()),
            Some('t') => Ok("\t".to_owned()),
            Some('0') => Ok("\0".to_owned()),
            Some('x') => {
                let digits: String = rest.by_ref().take(2).collect();
                Err(u8::from_str_radix(&digits, 16).unwrap_or(b'?'))
            }
            Some('u') => {
                let digits = rest.by_ref().skip(1).take_while(|digit| *digit != '}');
                let code = u32::from_str_radix(&digits.collect::<String>(), 16).ok();
                Ok(code.and_then(char::from_u32).unwrap_or('?').to_string())
            }
            Some(same) => Ok(same.to_string()),
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_is_understood() {
        let call = |name, args, form| Line::Call { who: "client", name, args, form };
        for (line, parsed) in [
            ("* peer > \"a\" * 3", Line::Act { who: "peer", mark: '>', rest: "\"a\" * 3" }),
            ("* client >", Line::Act { who: "client", mark: '>', rest: "" }),
            ("client read() ...", call("read", "", Form::Begins)),
            ("client ... read() = 0", call("read", "", Form::Returns("0"))),
            (r#"client write("a) = \"b") = 7"#, call("write", r#""a) = \"b""#, Form::Whole("7"))),
            (r#"client write(40001, "a)") = 2"#, call("write", r#"40001, "a)""#, Form::Whole("2"))),
            (
                "client accept() = 4 127.0.0.1:40001",
                call("accept", "", Form::Whole("4 127.0.0.1:40001")),
            ),
            ("client exits 1", Line::Fate { who: "client", verb: "exits", how: "1" }),
            ("client/2 ends", Line::Fate { who: "client/2", verb: "ends", how: "" }),
            (
                r#"client shows "recv=\"a\""... 170"#,
                Line::Shows { who: "client", line: "recv=\"a\"...".to_owned() },
            ),
            ("(the last 2 lines, 62 times more)", Line::Again { lines: 2, times: Some(62) }),
            ("(the last line, without end)", Line::Again { lines: 1, times: None }),
            ("(and so on, without end)", Line::Again { lines: 1, times: None }),
            ("something else", Line::Other("something else")),
            ("  1 > x", Line::Other("  1 > x")),
            ("*", Line::Other("*")),
            ("", Line::Other("")),
        ] {
            assert_eq!(parse(line), parsed);
        }
    }

    #[test]
    fn a_segment_has_its_numbers() {
        let Line::Segment(header, data) = parse("  40001 > 5001 ACK+FIN seq 6 ack 19 5 \"hello\"")
        else {
            panic!("no segment");
        };
        assert_eq!((header.from, header.to, header.fin, header.end()), (40001, 5001, true, 12));
        assert_eq!((header.ack, header.len, data), (Some(19), 5, "\"hello\""));
    }

    #[test]
    fn bytes_are_counted_as_they_went_over_the_wire() {
        for (quoted, bytes) in [
            (r#""hello\r""#, 6),
            (r#""caf\xc3""#, 4),
            ("\"caf\u{e9}\"", 5),
            (r#""\u{1b}[2J""#, 4),
            (r#""0123"... 1024"#, 1024),
            (r#""0123" * 64"#, 256),
            (r#""0123" * 64 + "q" + " + ""#, 260),
            (r#""""#, 0),
        ] {
            assert_eq!(length(quoted), bytes, "{quoted}");
        }
    }
}
