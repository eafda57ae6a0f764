//! What stands in the column of a program, one row for an event.

use super::text::{Font, cells};
use crate::wire::story::{CTRL_D, Call, Event, Kind, Story, What, length, quoted};

/// So many characters fit into a row with a frame; two more without one.
const ROW: usize = 28;
/// So many lines of a terminal are shown at once.
const LINES: usize = 8;
/// So many rows of one line, if it is longer than that and one more.
const LINE: usize = 3;

#[derive(Debug)]
pub(super) struct Row {
    pub kind: Form,
    /// One line of pieces, or the lines of a terminal: each with its class.
    pub lines: Vec<Vec<(String, &'static str)>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// What somebody does.
    You,
    /// What a terminal shows.
    Shown,
    /// A call, or what it returns.
    Line,
}

impl Row {
    pub(super) fn height(&self) -> f64 {
        match self.kind {
            Form::You => 15.0 * self.lines.len() as f64 + 8.0,
            Form::Shown => 15.0 * self.lines.len() as f64 + 9.0,
            Form::Line => 4.0 + 15.0 * self.lines.len() as f64,
        }
    }

    pub(super) fn width(&self) -> f64 {
        let lines = self.lines.iter().map(|line| Font::Mono.widths(line));
        let room = if self.kind == Form::Line { 0.0 } else { 14.0 };
        lines.fold(0.0, f64::max) + room
    }
}

/// The number of a connection, where there are several.
pub(super) fn number(connection: usize) -> String {
    let circled = u32::try_from(connection).ok().filter(|number| *number < 20);
    let circled = circled.and_then(|number| char::from_u32(0x2460 + number));
    circled.map_or_else(|| format!("({})", connection + 1), String::from)
}

/// A row for each event that has one; `several` connections are numbered.
pub(super) fn rows(story: &Story, several: bool) -> Vec<Option<Row>> {
    let mut rows: Vec<Option<Row>> = Vec::new();
    // The row that a further line on the same terminal goes into.
    let mut shown: Vec<Option<usize>> = vec![None; story.parties.len()];
    for at in 0..story.events.len() {
        let mut row = row(story, at, several);
        if let (What::Shows(_), Some(party)) = (&story.events[at].what, story.events[at].party) {
            if let (Some(before), Some(more)) = (shown[party], &mut row) {
                if let Some(before) = &mut rows[before] {
                    before.lines.append(&mut more.lines);
                }
                row = None;
            } else if row.is_some() {
                shown[party] = Some(at);
            }
        } else if let Some(party) = story.events[at].party {
            shown[party] = None;
        }
        rows.push(row);
    }
    for row in rows.iter_mut().flatten().filter(|row| row.lines.len() > LINES) {
        let last = row.lines.split_off(row.lines.len() - 2);
        row.lines.truncate(LINES - 3);
        row.lines.push(vec![("...".to_owned(), "")]);
        row.lines.extend(last);
    }
    rows
}

fn row(story: &Story, at: usize, several: bool) -> Option<Row> {
    let Event { party, what, .. } = &story.events[at];
    let party = (*party)?;
    let peer = story.parties[party].kind == Kind::Peer;
    let line = |spans: Vec<(String, &'static str)>| {
        // What it returns goes below where it has no room beside it.
        let wide = Font::Mono.widths(&spans) > super::columns::TEXT;
        let lines =
            if wide { spans.into_iter().map(|span| vec![span]).collect() } else { vec![spans] };
        Row { kind: Form::Line, lines }
    };
    let note = |text: &str| Some(line(vec![(text.to_owned(), "n")]));
    Some(match what {
        What::Act { mark, rest } => {
            let asks = at > 0 && story.asks(party, &story.told[at - 1].now);
            let lines = wrap(&act(*mark, rest, peer, asks));
            Row { kind: Form::You, lines: lines.into_iter().map(|line| vec![(line, "")]).collect() }
        }
        What::Begins(call) if call.name == "keyboard" => {
            let prompt = prompt_before(story, at).map(|prompt| (prompt + " ", ""));
            let waits = ("waits for the keyboard".to_owned(), "n");
            line(prompt.into_iter().chain([waits]).collect())
        }
        What::Begins(call) => line(vec![(written(call, several), ""), (" waits".to_owned(), "n")]),
        // What somebody does has shown it already.
        What::Returns(call) if call.name == "keyboard" => return None,
        What::Returns(call) => line(vec![returned(story, call, several)?]),
        What::Calls(call) => {
            let result = match call.name.as_str() {
                "read" | "accept" | "keyboard" | "poll" => returned(story, call, several),
                _ if call.failed() => returned(story, call, several),
                _ => None,
            };
            let mut spans = vec![(written(call, several), "")];
            spans.extend(result.map(|(result, class)| (format!(" {result}"), class)));
            line(spans)
        }
        What::Shows(text) => {
            let lines = wrap(&shown(story, at, text)?);
            Row {
                kind: Form::Shown,
                lines: lines.into_iter().map(|line| vec![(line, "")]).collect(),
            }
        }
        What::Receives(what) => match quoted(what) {
            Some(_) => line(vec![(moved("receives", what, ROW + 2), "")]),
            None if what == "unread" => return note("leaves unread what has come"),
            None if what == "end" => return note("receives the end"),
            None => return note(&format!("receives: {what}")),
        },
        What::Fate { verb, how } => return note(format!("{verb} {how}").trim_end()),
        What::Again { events, times } => {
            let count =
                events.clone().filter(|event| self::row(story, *event, several).is_some()).count();
            let what = if count == 1 { "this".to_owned() } else { format!("these {count}") };
            return match times {
                Some(times) => note(&format!("\u{22ee} {what}, {times} times more")),
                None => note("\u{22ee} and so on, without end"),
            };
        }
        What::Leaves(_) | What::Arrives(_) => return None,
    })
}

/// What somebody does, as short as it is unmistakable.
fn act(mark: char, rest: &str, peer: bool, asks: bool) -> String {
    let (deed, more) = rest.split_once(' ').unwrap_or((rest, ""));
    match (mark, deed) {
        ('$', _) => format!("$ {rest}"),
        ('>', _) if peer => moved("sends", rest, ROW),
        ('>', _) => format!(">{rest} \u{23ce}"),
        (_, "kill") => "kill -9".to_owned(),
        (_, "ctrl-c") => "Ctrl-C".to_owned(),
        (_, "ctrl-d") => "Ctrl-D".to_owned(),
        (_, "type") if more == CTRL_D => "Ctrl-D".to_owned(),
        (_, "up") => "\u{2191}".to_owned(),
        (_, "enter") => "\u{23ce}".to_owned(),
        (_, "paste") => format!("paste {more}"),
        (_, "type") if asks => more.replace("\\n", " \u{23ce}"),
        (_, "type") => format!("typed ahead: {}", more.replace("\\n", "\u{23ce}")),
        _ => rest.to_owned(),
    }
}

/// What a raw peer sends or receives; of much of it the number of bytes, for the rest stands on the wire.
fn moved(verb: &str, quoted: &str, room: usize) -> String {
    let whole = format!("{verb} {quoted}");
    match whole.chars().count() > room {
        true => format!("{verb} {} bytes", length(quoted)),
        false => whole,
    }
}

/// A call as the source has it; the bytes of a write stand on the wire.
fn written(call: &Call, several: bool) -> String {
    let argument = match call.name.as_str() {
        "write" if call.data == "\"\"" => &call.data,
        _ => &call.argument,
    };
    let names = call.name != "connect" && call.name != "accept";
    let of = call.connection.filter(|_| several && names);
    let of = of.map(|(connection, _)| format!(" {}", number(connection)));
    format!("{}({}){}", call.name, cut(argument, ROW - call.name.len() - 2), of.unwrap_or_default())
}

fn returned(story: &Story, call: &Call, several: bool) -> Option<(String, &'static str)> {
    let (result, class) = match call.name.as_str() {
        _ if call.failed() => (call.result.clone(), "X"),
        "read" if call.moved == 0 => ("0 bytes: the end".to_owned(), ""),
        "read" if call.moved == 1 => ("1 byte".to_owned(), ""),
        "read" => (format!("{} bytes", call.moved), ""),
        "accept" => {
            let of = call.connection.filter(|_| several);
            let port = call.connection.map(|(connection, _)| story.connections[connection].port);
            let port = port.map_or_else(|| call.result.clone(), |port| format!("127.0.0.1:{port}"));
            (format!("{}{port}", of.map_or(String::new(), |(at, _)| number(at) + " ")), "")
        }
        "connect" => ("connected".to_owned(), ""),
        "keyboard" => {
            (cut(&call.data.replace("\\r", "\u{23ce}").replace("\\n", "\u{23ce}"), 12), "")
        }
        "poll" if call.result == "0" => ("nothing in time".to_owned(), ""),
        "poll" => ("ready".to_owned(), ""),
        _ => return None,
    };
    Some((format!("\u{2192} {}", cut(&result, ROW - 2)), class))
}

/// The prompt that the program has shown last before it reads what is typed there, if it is short.
fn prompt_before(story: &Story, at: usize) -> Option<String> {
    let party = story.events[at].party;
    let before = story.events[..at].iter().rfind(|event| event.party == party)?;
    match &before.what {
        What::Shows(line) if line.chars().count() <= 3 => Some(line.clone()),
        _ => None,
    }
}

/// What is new of a line on the terminal, for who has seen what was done.
fn shown(story: &Story, at: usize, line: &str) -> Option<String> {
    let party = story.events[at].party?;
    let before =
        at.checked_sub(1).map(|before| &story.told[before].now.terminals[story.root(party)]);
    let before = before.map_or(&[][..], |lines| lines);
    let replaces = story.told[at].now.terminals[story.root(party)].len() == before.len();
    if replaces && before.last().is_some_and(|last| last == line) {
        return None;
    }
    let next = story.events[at + 1..].iter().find(|event| event.party == Some(party));
    let asks = next
        .is_some_and(|event| matches!(&event.what, What::Begins(call) if call.name == "keyboard"));
    if asks && line.chars().count() <= 3 {
        return None;
    }
    // What has been typed stands on the act.
    let act = story.acts.iter().rfind(|act| act.events.start <= at)?;
    match &story.events[act.events.start] {
        Event { party: Some(who), what: What::Act { mark, rest }, .. } if *who == party => {
            let typed = match (mark, rest.split_once(' ')) {
                ('>', _) => rest.as_str(),
                ('!', Some(("type" | "paste", text))) => text.trim_end_matches("\\n"),
                _ => return Some(line.to_owned()),
            };
            let echo = line.len() <= typed.len() + 3 && line.ends_with(typed);
            (!echo).then(|| line.to_owned())
        }
        _ => Some(line.to_owned()),
    }
}

/// At most so many characters, with dots for the rest.
pub(super) fn cut(text: &str, most: usize) -> String {
    let mut room = most;
    let fits = text.chars().all(|character| {
        let fits = cells(character) <= room;
        room = room.saturating_sub(cells(character));
        fits
    });
    if fits {
        return text.to_owned();
    }
    let mut room = most.saturating_sub(1);
    let begin = text.chars().take_while(|character| {
        let fits = cells(*character) <= room;
        room = room.saturating_sub(cells(*character));
        fits
    });
    begin.chain(['\u{2026}']).collect()
}

/// The lines that a line of a terminal takes in the column.
fn wrap(line: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut room = ROW;
    let spaces = line.len() - line.trim_start_matches(' ').len();
    let indent = " ".repeat(2 + spaces.min(ROW / 2));
    for word in line.split_inclusive(' ') {
        let width: usize = word.trim_end().chars().map(cells).sum();
        if width > room && room < ROW && width <= ROW - indent.len() {
            lines.push(indent.clone());
            room = ROW - indent.len();
        }
        for character in word.chars() {
            if cells(character) > room {
                // Where a line is broken the space is not needed.
                if character == ' ' {
                    continue;
                }
                lines.push(indent.clone());
                room = ROW - indent.len();
            }
            room -= cells(character);
            if let Some(last) = lines.last_mut() {
                last.push(character);
            }
        }
    }
    let mut lines: Vec<String> = lines.iter().map(|line| line.trim_end().to_owned()).collect();
    // Only spaces were left of it.
    lines.truncate(1 + lines.iter().rposition(|line| !line.is_empty()).unwrap_or(0));
    if lines.len() > LINE + 1 {
        lines.splice(LINE - 1.., [indent + "\u{2026}"]);
    }
    lines
}
