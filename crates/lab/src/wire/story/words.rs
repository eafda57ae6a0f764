//! The sentences: what happens, and why, in a learner's words.
//!
//! All of them stand in [`words`], one to a line; in each of them the braces are filled in by [`sentence`].

use super::events::port_of;
use super::{Call, Event, Kind, Now, Place, Segment, Side, Socket, State, Story, What};

/// The key Ctrl-D, as a session types it at a program that shows no prompt.
pub(crate) const CTRL_D: &str = "\\x04";

/// What there is to say of an event, by what it is and by what has been before it.
#[derive(Clone, Copy)]
enum Say {
    Starts,
    PeerConnects,
    PeerListens,
    Types,
    TypesNothing,
    CtrlC,
    CtrlD,
    Presses,
    Pastes,
    TypesAhead,
    Resizes,
    Kills,
    PeerSends,
    PeerHalfCloses,
    PeerCloses,
    PeerResets,
    PeerReceives,
    PeerMeetsEnd,
    PeerMeetsReset,
    PeerDoes,
    Socket,
    Bind,
    BindInUse,
    BindInTimeWait,
    BindNotOurs,
    Listen,
    AcceptWaits,
    AcceptWaitsAgain,
    Accepts,
    AcceptsFromQueue,
    Connects,
    Connected,
    ConnectRefused,
    ConnectGoesOn,
    Writes,
    WritesNothing,
    WritesPart,
    WritesToNobody,
    BrokenPipe,
    ReadWaits,
    Reads,
    ReadsAtOnce,
    ReadsPart,
    ReadsEnd,
    ReadsEndAgain,
    ReadsEndOwn,
    MeetsReset,
    ReadsNothingYet,
    Keyboard,
    KeyboardAlone,
    KeyboardUnread,
    KeyboardEnd,
    KeysAhead,
    PollWaits,
    Polled,
    PolledInVain,
    HalfCloses,
    ShutsReading,
    Closes,
    CloseResets,
    CloseSilent,
    CloseOver,
    CloseShared,
    CloseListener,
    CloseUnused,
    Fails,
    Shows,
    Prompts,
    ShowsEmpty,
    Exits,
    Killed,
    Ends,
    Signal,
    Again,
    Endless,
    SynArrives,
    SynRefused,
    SynIgnored,
    SynAckArrives,
    Opened,
    DataArrives,
    DataAwaited,
    DataIgnored,
    DataQueued,
    DataTooLate,
    FinArrives,
    FinBehind,
    FinAwaited,
    FinIgnored,
    FinEnds,
    RstArrives,
    RstAwaited,
    FinAcked,
    Gone,
    Simultaneous,
}

/// The table. `{who}` is the one who does it, `{other}` the one at the other end, `{n}` a number of bytes.
#[rustfmt::skip]
fn words(say: Say) -> &'static str {
    match say {
        Say::Starts => "You start {who}: `{text}`.",
        Say::PeerConnects => "{who} is a bare TCP connection, without a program of its own: it connects.",
        Say::PeerListens => "{who} is a bare TCP socket that listens in the place of a server, and does nothing of its own.",
        Say::Types => "You type `{text}` into the terminal of {who} and press Enter.",
        Say::TypesNothing => "You press Enter in the terminal of {who}, and have typed nothing.",
        Say::CtrlC => "You press Ctrl-C in the terminal of {who}.",
        Say::CtrlD => "You press Ctrl-D in the terminal of {who}: the end of what you type.",
        Say::Presses => "You press the key `{text}` in the terminal of {who}.",
        Say::Pastes => "You paste `{text}` into the terminal of {who}.",
        Say::TypesAhead => "You type `{text}` although {who} does not ask for it: the terminal keeps it until then.",
        Say::Resizes => "You give the terminal of {who} another size: {text}.",
        Say::Kills => "You kill {who}: it cannot do anything more.",
        Say::PeerSends => "{who} sends {n}: `{data}`.",
        Say::PeerHalfCloses => "{who} half-closes the connection: it sends no more, but can still receive.",
        Say::PeerCloses => "{who} closes its socket.",
        Say::PeerResets => "{who} ends the connection with a RST, not with a FIN.",
        Say::PeerReceives => "{who} receives {n}: `{data}`.",
        Say::PeerMeetsEnd => "{who} receives the end of the stream.",
        Say::PeerMeetsReset => "{who} finds its connection reset.",
        Say::PeerDoes => "{who}: {text}.",
        Say::Socket => "`socket`: {who} asks its kernel for a TCP socket.",
        Say::Bind => "`bind` gives the socket its address, {text}.",
        Say::BindInUse => "`bind` fails: somebody listens on {text} already.",
        Say::BindInTimeWait => "`bind` fails: nobody listens on {text}, but an old connection keeps it, in TIME-WAIT.",
        Say::BindNotOurs => "`bind` fails: {text} is no address of this machine.",
        Say::Listen => "`listen`: from now on the kernel takes connections, whatever {who} does meanwhile.",
        Say::AcceptWaits => "`accept` waits: nobody has connected yet.",
        Say::AcceptWaitsAgain => "`accept` waits: nobody else has connected.",
        Say::Accepts => "`accept` returns a second socket, for the connection from {text}; the first one listens on.",
        Say::AcceptsFromQueue => "`accept` returns at once: the connection from {text} was in the queue.",
        Say::Connects => "`connect` waits: the kernel of {who} sends a SYN and must have an answer.",
        Say::Connected => "`connect` returns: for {who} the connection is open, whether `accept` has been called or not.",
        Say::ConnectRefused => "`connect` fails: the RST says that nobody listens there.",
        Say::ConnectGoesOn => "`connect` does not wait: the kernel opens the connection while {who} goes on.",
        Say::Writes => "`write` gives {n} to the kernel and returns. Nobody has read them yet.",
        Say::WritesNothing => "`write` gives the kernel nothing: no byte and no segment goes out.",
        Say::WritesPart => "`write` gives {n} to the kernel, which has no room for more at the moment.",
        Say::WritesToNobody => "`write` gives {n} to the kernel and returns: it does not know that {other} has closed its socket.",
        Say::BrokenPipe => "`write` fails, with a broken pipe: the kernel of {who} knows that the connection is over.",
        Say::ReadWaits => "`read` waits: nothing has come from {other}.",
        Say::Reads => "`read` returns {n}: `{data}`.",
        Say::ReadsAtOnce => "`read` returns at once, with {n} that were in the kernel: `{data}`.",
        Say::ReadsPart => "`read` returns {n}: `{data}`. {more} stay in the kernel, for the next `read`.",
        Say::ReadsEnd => "`read` returns 0, the end of the stream: {other} has closed, and all that it sent has been read.",
        Say::ReadsEndAgain => "`read` returns 0 again: after the end of the stream there is nothing else.",
        Say::ReadsEndOwn => "`read` returns 0: the program of {who} itself has ended this direction.",
        Say::MeetsReset => "`{call}` fails: the connection has been reset.",
        Say::ReadsNothingYet => "`read` gives up: nothing has come.",
        Say::Keyboard => "{who} waits for the keyboard, and does not look at the connection.",
        Say::KeyboardAlone => "{who} waits for the keyboard.",
        Say::KeyboardUnread => "{who} waits for the keyboard; it does not look at the {n} that its kernel has for it.",
        Say::KeyboardEnd => "{who} waits for the keyboard; its kernel has the end of the stream, {who} does not look.",
        Say::KeysAhead => "{who} gets what was typed before it asked: `{data}`.",
        Say::PollWaits => "`poll` waits for several at once: whatever comes first ends it.",
        Say::Polled => "`poll` returns: something has come.",
        Say::PolledInVain => "`poll` returns: nothing has come in time.",
        Say::HalfCloses => "`shutdown`: {who} sends no more, but can still receive. Its kernel sends a FIN.",
        Say::ShutsReading => "`shutdown`: {who} does not want to receive any more.",
        Say::Closes => "`close`: {who} is done with the connection. Its kernel sends a FIN: no more comes from here.",
        Say::CloseResets => "`close` with {n} unread: the kernel sends a RST, not a FIN, for they are lost.",
        Say::CloseSilent => "`close`: {who} gives the socket back. Nothing is sent: this direction has ended already.",
        Say::CloseOver => "`close`: {who} gives the socket back. Nothing is sent: the connection is over.",
        Say::CloseShared => "`close`: {who} gives back its copy of the socket. Nothing is sent: somebody else holds it still.",
        Say::CloseListener => "`close`: nobody listens on port {text} any more.",
        Say::CloseUnused => "`close`: {who} gives the socket back.",
        Say::Fails => "`{call}` fails: {text}.",
        Say::Shows => "{who} prints `{text}`.",
        Say::ShowsEmpty => "{who} prints an empty line.",
        Say::Prompts => "{who} shows its prompt.",
        Say::Exits => "{who} ends, with exit status {text}.",
        Say::Killed => "{who} has been ended by {text}; its kernel closes what it had open.",
        Say::Ends => "{who} ends: it was a thread, and its program goes on.",
        Say::Signal => "{who} gets the signal {text}.",
        Say::Again => "This comes {text} times more.",
        Say::Endless => "This goes on without end: no `read` waits any more, and nothing stops {who}.",
        Say::SynArrives => "The SYN arrives. The kernel of {who} answers with SYN-ACK by itself; the program does nothing.",
        Say::SynRefused => "The SYN arrives, and nobody listens on port {text}: the kernel answers with RST.",
        Say::SynIgnored => "The SYN arrives, and the queue for `accept` is full: the kernel does not answer. `connect` waits on; the SYN will be sent again.",
        Say::SynAckArrives => "The SYN-ACK arrives: the end of {who} is ESTABLISHED, and its kernel acknowledges it.",
        Say::Opened => "The ACK arrives: the end of {who} is ESTABLISHED too. The connection is in the queue for `accept`.",
        Say::DataArrives => "{n} arrive in the kernel of {who}, which acknowledges them. {who} has not read them.",
        Say::DataAwaited => "{n} arrive in the kernel of {who}, which acknowledges them: there is what `{call}` waits for.",
        Say::DataIgnored => "{n} arrive in the kernel of {who}, which acknowledges them; {who} {place} and does not look.",
        Say::DataQueued => "{n} arrive in the kernel of {who}, which keeps them until somebody accepts the connection.",
        Say::DataTooLate => "{n} arrive where the socket is closed: nobody can read them any more.",
        Say::FinArrives => "The FIN arrives: the kernel of {who} has the end of the stream. {who} learns of it by `read`.",
        Say::FinBehind => "The FIN arrives: the kernel of {who} has the end of the stream, behind {n} that {who} has not read.",
        Say::FinAwaited => "The FIN arrives: there is the end of the stream, and `{call}` need not wait longer.",
        Say::FinIgnored => "The FIN arrives: the kernel of {who} has the end of the stream; {who} {place} and does not look.",
        Say::FinEnds => "The FIN arrives: both directions have ended. The kernel keeps this end for a minute, in {text}.",
        Say::RstArrives => "The RST arrives: the connection is over. {who} does not notice before it uses the socket again.",
        Say::RstAwaited => "The RST arrives: the connection is over, and `{call}` need not wait longer.",
        Say::FinAcked => "The ACK arrives: the other kernel has the FIN. The end of {who} is in FIN-WAIT-2, and can still receive.",
        Say::Gone => "The last ACK arrives: this end of the connection is gone.",
        Say::Simultaneous => "The ACK arrives: both ends have sent a FIN, and both have been acknowledged.",
    }
}

/// A number of bytes.
pub(super) fn bytes(n: u64) -> String {
    if n == 1 { "1 byte".to_owned() } else { format!("{n} bytes") }
}

/// What fills the braces.
#[derive(Default)]
struct Fill {
    who: String,
    other: String,
    n: u64,
    text: String,
    data: String,
    call: String,
    place: String,
    more: u64,
}

impl Fill {
    fn fill(&self, template: &str) -> String {
        let mut said = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            let (n, more) = (bytes(self.n), bytes(self.more));
            let value = match name {
                "who" => &self.who,
                "other" => &self.other,
                "n" => &n,
                "data" => &self.data,
                "call" => &self.call,
                "place" => &self.place,
                "more" => &more,
                _ => &self.text,
            };
            let begins = said.is_empty() && before.is_empty() || before.ends_with(". ");
            said += before;
            let mut letters = value.chars();
            match letters.next() {
                Some(first) if begins => said.extend(first.to_uppercase().chain(letters)),
                _ => said += value,
            }
            rest = after;
        }
        let said = said + rest;
        // One byte does what several do.
        match self.n == 1 && template.contains("{n}") {
            true => said.replacen(" arrive ", " arrives ", 1).replace(" them", " it"),
            false => said,
        }
    }
}

/// `the server`, and others by their names.
pub(super) fn name(story: &Story, party: usize) -> String {
    match story.parties[party].name.as_str() {
        name @ ("server" | "client" | "peer") => format!("the {name}"),
        name => format!("`{name}`"),
    }
}

/// What is to be said of an event, if anything.
pub(super) fn sentence(story: &Story, event: usize, before: &Now, after: &Now) -> Option<String> {
    let Event { party, what, .. } = &story.events[event];
    let mut fill = Fill::default();
    if let Some(party) = *party {
        fill.who = name(story, party);
    }
    let say = match what {
        What::Act { mark, rest } => {
            let asks = story.asks((*party)?, before);
            act(story, (*party)?, *mark, rest, asks, &mut fill)
        }
        What::Begins(call) => {
            about(story, call, &mut fill);
            begins(story, (*party)?, call, before, &mut fill)
        }
        What::Returns(call) => {
            about(story, call, &mut fill);
            returns(story, event, call, true, [before, after], &mut fill)?
        }
        What::Calls(call) => {
            about(story, call, &mut fill);
            returns(story, event, call, false, [before, after], &mut fill)?
        }
        What::Shows(line) => {
            fill.text = line.trim().to_owned();
            let terminal = story.root((*party)?);
            let echoes = before.terminals[terminal].last().is_some_and(|last| {
                after.terminals[terminal].len() == before.terminals[terminal].len()
                    && line.starts_with(last.as_str())
            });
            match fill.text.as_str() {
                _ if echoes => return None,
                "" => Say::ShowsEmpty,
                text if text.len() <= 2 && text.ends_with(['>', '$', '?', ':']) => Say::Prompts,
                _ => Say::Shows,
            }
        }
        What::Receives(what) => {
            fill.data = inner(what);
            fill.n = super::lines::length(what);
            match what.as_str() {
                what if what.starts_with('"') => Say::PeerReceives,
                what if what.contains("reset") => Say::PeerMeetsReset,
                what if what.contains("end") => Say::PeerMeetsEnd,
                _ => return None,
            }
        }
        What::Fate { verb, how } => {
            fill.text.clone_from(how);
            match verb.as_str() {
                "exits" => Say::Exits,
                "killed" => Say::Killed,
                "ends" => Say::Ends,
                _ => Say::Signal,
            }
        }
        What::Again { times, .. } => {
            fill.text = times.unwrap_or_default().to_string();
            if times.is_some() { Say::Again } else { Say::Endless }
        }
        What::Leaves(_) => return None,
        What::Arrives(segment) => {
            arrives(story, event, &story.segments[*segment], [before, after], &mut fill)?
        }
    };
    Some(fill.fill(words(say)))
}

/// The names at both ends of the connection that a call is about, and what it moves.
fn about(story: &Story, call: &Call, fill: &mut Fill) {
    fill.call.clone_from(&call.name);
    fill.text.clone_from(&call.argument);
    (fill.data, fill.n) = (inner(&call.data), call.moved);
    fill.other = "the other end".to_owned();
    if let Some((connection, side)) = call.connection
        && let Some(other) = story.connections[connection].owners[side.other() as usize]
    {
        fill.other = name(story, other);
    }
}

/// What stands in the quotes, and the dots for what has been cut.
fn inner(data: &str) -> String {
    let end = super::lines::quoted(data).unwrap_or(data.len());
    let text =
        data[..end].trim_matches('"').replace("\\r", "").replace("\\\"", "\"").replace('`', "'");
    text + if end < data.len() { "..." } else { "" }
}

fn act(story: &Story, party: usize, mark: char, rest: &str, asks: bool, fill: &mut Fill) -> Say {
    let peer = story.parties[party].kind == Kind::Peer;
    rest.clone_into(&mut fill.text);
    let (deed, more) = rest.split_once(' ').unwrap_or((rest, ""));
    match (mark, deed) {
        ('$', _) if peer && rest.ends_with("listen") => Say::PeerListens,
        ('$', _) if peer => Say::PeerConnects,
        ('$', _) => Say::Starts,
        ('>', _) if peer => {
            (fill.data, fill.n) = (inner(rest), super::lines::length(rest));
            Say::PeerSends
        }
        ('>', _) if rest.is_empty() => Say::TypesNothing,
        ('>', _) => Say::Types,
        (_, "half-close") => Say::PeerHalfCloses,
        (_, "close") => Say::PeerCloses,
        (_, "reset") => Say::PeerResets,
        (_, "kill") => Say::Kills,
        (_, "ctrl-c") => Say::CtrlC,
        (_, "ctrl-d") => Say::CtrlD,
        (_, "type") if more == CTRL_D => Say::CtrlD,
        (_, "paste" | "type" | "resize") => {
            more.clone_into(&mut fill.text);
            match deed {
                "paste" => Say::Pastes,
                "type" if asks && more.ends_with("\\n") => {
                    fill.text.truncate(more.len() - 2);
                    Say::Types
                }
                "type" => Say::TypesAhead,
                _ => Say::Resizes,
            }
        }
        _ if peer => Say::PeerDoes,
        _ => Say::Presses,
    }
}

fn begins(story: &Story, party: usize, call: &Call, before: &Now, fill: &mut Fill) -> Say {
    match call.name.as_str() {
        "accept" => {
            let known =
                |connection: &super::Connection| Some(connection.server_port) == call.listener;
            let came = story
                .connections
                .iter()
                .zip(&before.sockets)
                .any(|(c, ends)| known(c) && ends[0].is_some());
            if came { Say::AcceptWaitsAgain } else { Say::AcceptWaits }
        }
        "connect" => Say::Connects,
        "read" => Say::ReadWaits,
        "keyboard" => {
            // What this party has not looked at.
            let ends = story.connections.iter().zip(&before.sockets);
            let mine = ends.flat_map(|(connection, ends)| connection.owners.iter().zip(ends));
            let mine = mine
                .filter(|(owner, _)| **owner == Some(party))
                .filter_map(|(_, end)| end.as_ref());
            let open: Vec<&Socket> =
                mine.filter(|end| !end.closed && end.state != State::Closed).collect();
            fill.n = open.iter().map(|end| end.unread).sum();
            match () {
                () if fill.n > 0 => Say::KeyboardUnread,
                () if open.iter().any(|end| end.end_unread) => Say::KeyboardEnd,
                () if open.is_empty() => Say::KeyboardAlone,
                () => Say::Keyboard,
            }
        }
        "poll" => Say::PollWaits,
        _ => Say::Fails,
    }
}

fn returns(
    story: &Story,
    event: usize,
    call: &Call,
    waited: bool,
    [before, after]: [&Now; 2],
    fill: &mut Fill,
) -> Option<Say> {
    let socket = |now: &Now| call.connection.and_then(|(at, side)| now.socket(at, side).cloned());
    let [was, is] = [before, after].map(|now| socket(now).unwrap_or_default());
    let result = call.result.as_str();
    Some(match (call.name.as_str(), result) {
        ("bind", "EADDRINUSE") => {
            let listens = |port| before.listening.iter().any(|(known, _)| *known == port);
            match port_of(&call.argument) {
                Some(port) if !listens(port) => Say::BindInTimeWait,
                _ => Say::BindInUse,
            }
        }
        ("bind", "EADDRNOTAVAIL") => Say::BindNotOurs,
        ("connect", "ECONNREFUSED") => Say::ConnectRefused,
        ("connect", "EINPROGRESS") => Say::ConnectGoesOn,
        ("write", "EPIPE") => Say::BrokenPipe,
        ("read" | "write", "ECONNRESET") => Say::MeetsReset,
        ("read" | "accept", "EAGAIN" | "ETIMEDOUT") => Say::ReadsNothingYet,
        (_, failure) if call.failed() => {
            failure.clone_into(&mut fill.text);
            Say::Fails
        }
        ("socket", _) => Say::Socket,
        ("bind", _) => Say::Bind,
        ("listen", _) => Say::Listen,
        ("connect", _) => Say::Connected,
        ("accept", _) => {
            fill.text = result.split_whitespace().nth(1).unwrap_or("somebody").to_owned();
            if waited { Say::Accepts } else { Say::AcceptsFromQueue }
        }
        ("write", "0") => Say::WritesNothing,
        ("write", _) if call.moved < super::lines::length(&call.data) => Say::WritesPart,
        ("write", _) if other_has_closed(call, before) => Say::WritesToNobody,
        ("write", _) => Say::Writes,
        ("read", _) if call.moved == 0 => {
            let again = |event: &Event| {
                calls(event).is_some_and(|other| {
                    other.name == "read"
                        && other.result == "0"
                        && other.connection == call.connection
                })
            };
            let own = |event: &Event| {
                calls(event).is_some_and(|other| {
                    other.name == "shutdown"
                        && other.argument != "write"
                        && other.connection == call.connection
                })
            };
            let earlier = &story.events[..event];
            match () {
                () if earlier.iter().any(again) => Say::ReadsEndAgain,
                () if earlier.iter().any(own) => Say::ReadsEndOwn,
                () => Say::ReadsEnd,
            }
        }
        ("read", _) if is.unread > 0 => {
            fill.more = is.unread;
            Say::ReadsPart
        }
        ("read", _) if waited => Say::Reads,
        ("read", _) => Say::ReadsAtOnce,
        ("keyboard", "0") => return None,
        // The act has said it already.
        ("keyboard", _) if waited => return None,
        ("keyboard", _) => Say::KeysAhead,
        ("poll", "0") => Say::PolledInVain,
        ("poll", _) => Say::Polled,
        ("shutdown", _) if call.argument == "read" => Say::ShutsReading,
        ("shutdown", _) => Say::HalfCloses,
        ("close", _) => match (call.connection, call.listener) {
            (_, Some(_)) if call.shared => Say::CloseShared,
            (_, Some(port)) => {
                fill.text = port.to_string();
                Say::CloseListener
            }
            (Some(end), _) => match sent_by(story, event, end) {
                Some(segment) if segment.header.rst => {
                    fill.n = was.unread;
                    Say::CloseResets
                }
                Some(_) => Say::Closes,
                None if call.shared => Say::CloseShared,
                None if was.state == State::Closed => Say::CloseOver,
                None => Say::CloseSilent,
            },
            _ => Say::CloseUnused,
        },
        _ => return None,
    })
}

fn calls(event: &Event) -> Option<&Call> {
    match &event.what {
        What::Begins(call) | What::Calls(call) | What::Returns(call) => Some(call),
        _ => None,
    }
}

fn other_has_closed(call: &Call, now: &Now) -> bool {
    let other = call.connection.and_then(|(at, side)| now.socket(at, side.other()));
    other.is_some_and(|other| other.closed)
}

/// The segment that leaves this end because of this event.
fn sent_by(story: &Story, event: usize, end: (usize, Side)) -> Option<&Segment> {
    let later = story.events[event..].iter().filter(|later| later.after.contains(&event));
    let segments = later.filter_map(|later| match later.what {
        What::Leaves(segment) => Some(&story.segments[segment]),
        _ => None,
    });
    segments.into_iter().find(|segment| (segment.connection, segment.from) == end)
}

fn arrives(
    story: &Story,
    event: usize,
    segment: &Segment,
    [before, after]: [&Now; 2],
    fill: &mut Fill,
) -> Option<Say> {
    let (at, side) = (segment.connection, segment.from.other());
    let connection = &story.connections[at];
    let (was, is) = (before.socket(at, side), after.socket(at, side));
    let header = segment.header;
    fill.n = header.len;
    let owner = connection.owners[side as usize];
    fill.who = owner.map_or(format!("the {side}'s end"), |owner| name(story, owner));
    // What its program is in, and whether that is about this connection.
    // Of several threads it is for the one that has read from it last.
    let reader = story.events[..event].iter().rev().find_map(|earlier| {
        let reads = |call: &&Call| call.name == "read" && call.connection == Some((at, side));
        calls(earlier).filter(reads).and(earlier.party)
    });
    let place = reader.or(owner).map(|party| &after.places[party]);
    let waits = match place {
        Some(Place::Waits(call)) => call.as_str(),
        _ => "",
    };
    waits.clone_into(&mut fill.call);
    fill.place = match waits {
        "keyboard" => "waits for the keyboard".to_owned(),
        call => format!("is in `{call}`"),
    };
    let looks = match waits {
        "read" => is.is_some_and(|socket| !socket.queued),
        "poll" | "connect" => true,
        _ => false,
    };
    let busy = !waits.is_empty();
    if header.syn {
        fill.text = connection.server_port.to_string();
        return Some(match (header.ack, is) {
            (Some(_), _) => Say::SynAckArrives,
            (None, Some(_)) => Say::SynArrives,
            (None, None) if story.is_ignored(segment, after) => Say::SynIgnored,
            (None, None) => Say::SynRefused,
        });
    }
    if header.rst {
        return Some(if looks { Say::RstAwaited } else { Say::RstArrives });
    }
    let (was, is) = (was?, is?);
    if header.fin && was.closed {
        fill.text = is.state.to_string();
        return Some(Say::FinEnds);
    }
    if header.fin {
        fill.n = is.unread;
        return Some(match (looks, busy) {
            _ if is.unread > 0 => Say::FinBehind,
            (true, _) => Say::FinAwaited,
            (false, true) => Say::FinIgnored,
            (false, false) => Say::FinArrives,
        });
    }
    if header.len > 0 {
        return Some(match (looks, busy) {
            _ if was.closed => Say::DataTooLate,
            _ if was.queued => Say::DataQueued,
            (true, _) => Say::DataAwaited,
            (false, true) => Say::DataIgnored,
            (false, false) => Say::DataArrives,
        });
    }
    match (was.state, is.state) {
        (State::SynReceived, State::Established) => Some(Say::Opened),
        (State::FinWait1, State::FinWait2) => Some(Say::FinAcked),
        (State::LastAck, State::Closed) => Some(Say::Gone),
        (State::Closing, State::TimeWait) => Some(Say::Simultaneous),
        _ => None,
    }
}
