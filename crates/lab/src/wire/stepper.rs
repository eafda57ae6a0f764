//! Stepping through a picture: what the script of a page needs for it, and a page of its own.

use super::picture::Picture;
use super::story::{Kind, Now, Place, Side, Socket, State, Story};

/// So many lines of each terminal are shown.
const LINES: usize = 6;
const STYLE: &str = include_str!("../../../../docs/wire.css");
const SCRIPT: &str = include_str!("../../../../docs/wire.js");

/// A script with the steps of one picture, for `docs/wire.js`, which asks for it by its name.
pub(super) fn data(name: &str, story: &Story, picture: &Picture) -> String {
    let mut text = format!("wire({}, {{height: {:.0}, steps: [\n", quote(name), picture.height);
    let mut last = (String::new(), String::new());
    // What stays the same is not said again.
    let new = |new: &str, old: &str| if new == old { "0".to_owned() } else { new.to_owned() };
    for step in &picture.steps {
        let (places, terminals) = (places(story, &step.now), terminals(story, &step.now));
        let (place, terminal) = (new(&places, &last.0), new(&terminals, &last.1));
        text += &format!("[{:.0}, {}, {place}, {terminal}],\n", step.y, quote(&step.sentence));
        last = (places, terminals);
    }
    text + "]})\n"
}

/// A page with one picture, that needs nothing else.
pub(super) fn page(name: &str, title: &str, story: &Story, picture: &Picture) -> String {
    let (title, said) = (escape(title), data(name, story, picture));
    let image: String = picture.svg.bytes().map(percent).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\" class=\"own\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n<style>{STYLE}</style>\n\
         <main>\n<h1>{title}</h1>\n<p><img src=\"data:image/svg+xml,{image}\" data-wire=\"{name}\" alt=\"{title}\"></p>\n\
         <details><summary>The same in words</summary>\n{}</details>\n</main>\n\
         <script>{SCRIPT}</script>\n<script>{said}</script>\n</html>\n",
        words(story)
    )
}

/// The story as a list.
fn words(story: &Story) -> String {
    let act = |act| {
        let mut sentences = story.sentences(act).map(code);
        let first = sentences.next().unwrap_or_default();
        let rest: String = sentences.map(|sentence| format!("<li>{sentence}\n")).collect();
        format!("<li>{first}\n<ul>\n{rest}</ul>\n")
    };
    format!("<ol>\n{}</ol>\n", (0..story.acts.len()).map(act).collect::<String>())
}

/// A sentence with its code marked.
fn code(sentence: &str) -> String {
    let tag = |at: usize| ["<code>", "</code>"][1 - at % 2];
    let mut parts = escape(sentence).split('`').map(str::to_owned).collect::<Vec<String>>();
    for (at, part) in parts.iter_mut().enumerate().skip(1) {
        part.insert_str(0, tag(at));
    }
    parts.concat()
}

/// Where everybody is, and how the ends of their connections stand: name, words, kind.
fn places(story: &Story, now: &Now) -> String {
    let mut items = Vec::new();
    for (party, place) in now.places.iter().enumerate() {
        let name = &story.parties[party].name;
        let kind = match place {
            Place::NotStarted => continue,
            Place::Ended if again(story, now, party) => continue,
            Place::Waits(call) if call == "keyboard" => "key",
            Place::Waits(_) => "wait",
            Place::Ended => "end",
            Place::Runs | Place::Idle => "",
        };
        items.push(format!("[{}, {}, \"{kind}\"]", quote(name), quote(&place.to_string())));
    }
    for (connection, ends) in now.sockets.iter().enumerate() {
        for side in [Side::Server, Side::Client] {
            let Some(socket) = &ends[side as usize] else { continue };
            let owner = story.connections[connection].owners[side as usize];
            let owner =
                owner.map_or_else(|| side.to_string(), |owner| story.parties[owner].name.clone());
            let port = story.connections[connection].port;
            let over = [State::Closed, State::TimeWait].contains(&socket.state);
            // Of several connections those that are over are left out.
            if over
                && connection + 1 < now.sockets.len()
                && now.sockets[connection + 1..].iter().flatten().any(Option::is_some)
            {
                continue;
            }
            let several =
                if story.connections.len() > 1 { format!(" of {port}") } else { String::new() };
            let end = format!("{owner}\u{2019}s end{several}");
            items.push(format!("[{}, {}, \"\"]", quote(&end), quote(&state(socket))));
        }
    }
    format!("[{}]", items.join(", "))
}

/// Has somebody of the same name come later?
fn again(story: &Story, now: &Now, party: usize) -> bool {
    let later = party + 1..story.parties.len();
    later.into_iter().any(|later| {
        story.parties[later].name == story.parties[party].name
            && now.places[later] != Place::NotStarted
    })
}

fn state(socket: &Socket) -> String {
    let mut text = socket.state.to_string();
    if socket.queued {
        text += ", in the queue";
    }
    match socket.unread {
        0 => {}
        1 => text += ", 1 byte unread",
        unread => text += &format!(", {unread} bytes unread"),
    }
    if socket.end_unread {
        text += ", the end unread";
    }
    text
}

/// The last lines of each terminal: name, lines.
fn terminals(story: &Story, now: &Now) -> String {
    let mut items = Vec::new();
    for (party, lines) in now.terminals.iter().enumerate() {
        let of = &story.parties[party];
        if of.kind != Kind::Program
            || now.places[party] == Place::NotStarted
            || again(story, now, party)
        {
            continue;
        }
        let last = &lines[lines.len().saturating_sub(LINES)..];
        let last: Vec<String> = last.iter().map(|line| quote(line)).collect();
        items.push(format!("[{}, [{}]]", quote(&of.name), last.join(", ")));
    }
    format!("[{}]", items.join(", "))
}

/// A string of JavaScript, which may also stand in a page.
fn quote(text: &str) -> String {
    let escaped = text.chars().map(|character| match character {
        '"' | '\\' => format!("\\{character}"),
        '<' | '\u{2028}' | '\u{2029}' => format!("\\u{:04x}", u32::from(character)),
        character if character.is_control() => format!("\\u{:04x}", u32::from(character)),
        character => character.to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

/// A byte of a data URL.
fn percent(byte: u8) -> String {
    match byte {
        b'a'..=b'z'
        | b'A'..=b'Z'
        | b'0'..=b'9'
        | b' '
        | b'-'
        | b'.'
        | b'/'
        | b'='
        | b':'
        | b'('
        | b')'
        | b';' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_types_cannot_leave_its_string() {
        assert_eq!(quote("a\"b\\</script>\n"), r#""a\"b\\\u003c/script>\u000a""#);
        assert_eq!(code("`a<b` and `c`"), "<code>a&lt;b</code> and <code>c</code>");
    }
}
