//! What the kernel knows of the connections of a play: from `/proc/net/tcp` (proc(5)), or from a recording.

use std::fs;

use lab::play::live::{Ports, Window};
use lab::wire::story::{Side, Story};

use crate::text::{Row, width};
use crate::theme::Role;

/// The port that sessions show for the server.
const SERVER: u16 = 5001;
/// In the order of their numbers in `/proc/net/tcp` (include/net/tcp_states.h of the kernel), named as RFC 9293 does.
const STATES: [&str; 13] = [
    "?",
    "ESTABLISHED",
    "SYN-SENT",
    "SYN-RECEIVED",
    "FIN-WAIT-1",
    "FIN-WAIT-2",
    TIME_WAIT,
    CLOSED,
    "CLOSE-WAIT",
    "LAST-ACK",
    LISTEN,
    "CLOSING",
    "SYN-RECEIVED",
];
const TIME_WAIT: &str = "TIME-WAIT";
const CLOSED: &str = "CLOSED";
const LISTEN: &str = "LISTEN";

/// What there is to show.
#[derive(Default)]
pub(crate) struct Known {
    /// How many connections wait for `accept`.
    queued: u64,
    /// The newest first.
    connections: Vec<Connection>,
}

/// One connection, named by its client's port as sessions show it.
struct Connection {
    port: u16,
    /// The server's end first.
    ends: [End; 2],
}

struct End {
    /// Empty where it is not known.
    owner: String,
    state: String,
    unread: u64,
    /// The other end's FIN has come, and is not read.
    end_unread: bool,
}

impl Known {
    /// As the recording has it once this act is over.
    pub(crate) fn recorded(story: &Story, act: usize) -> Known {
        let now = story.after(act);
        let mut known = Known::default();
        for (at, connection) in story.connections.iter().enumerate().rev() {
            let sockets = [Side::Server, Side::Client].map(|side| now.socket(at, side));
            if sockets.iter().all(Option::is_none) {
                continue;
            }
            known.queued += sockets.iter().flatten().filter(|socket| socket.queued).count() as u64;
            let ends = [Side::Server, Side::Client].map(|side| {
                let socket = now.socket(at, side);
                End {
                    owner: story.owner(at, side).unwrap_or_default().to_owned(),
                    state: socket.map_or(CLOSED.to_owned(), |socket| socket.state.to_string()),
                    unread: socket.map_or(0, |socket| socket.unread),
                    end_unread: socket.is_some_and(|socket| socket.end_unread),
                }
            });
            known.connections.push(Connection { port: connection.port, ends });
        }
        known
    }

    /// One row for as many connections as there is room for.
    pub(crate) fn row(&self, cells: usize) -> Row {
        let mut row: Row = vec![(" kernel ".to_owned(), Role::Keys), (" ".to_owned(), Role::Plain)];
        let mut used = 9;
        if self.queued > 0 {
            row.push((format!("{} queued  ", self.queued), Role::Warn));
            used += 10;
        }
        if self.connections.is_empty() {
            row.push(("no connection".to_owned(), Role::Dim));
        }
        for (number, connection) in self.connections.iter().enumerate() {
            let long = connection.words(None);
            let length = |words: &Row| words.iter().map(|(text, _)| width(text)).sum::<usize>();
            // The newest is shown in any case, the others where they fit whole.
            let words =
                if used + length(&long) > cells { connection.words(Some(cells)) } else { long };
            used += length(&words) + if number > 0 { 3 } else { 0 };
            if number > 0 && used > cells {
                break;
            }
            if number > 0 {
                row.push(("   ".to_owned(), Role::Plain));
            }
            row.extend(words);
        }
        row
    }
}

impl Connection {
    /// In short words where there are only so many cells.
    fn words(&self, short: Option<usize>) -> Row {
        let (short, narrow) = (short.is_some(), short.is_some_and(|cells| cells < 60));
        let [server, client] = &self.ends;
        let name = |end: &End, port: u16| match end.owner.as_str() {
            name if name.is_empty() || short => port.to_string(),
            name => format!("{name}:{port}"),
        };
        let state = |end: &End| {
            let role = match end.state.as_str() {
                "ESTABLISHED" => Role::Good,
                TIME_WAIT | CLOSED => Role::Dim,
                _ => Role::Warn,
            };
            // As ss(8) has it.
            let state =
                if narrow { end.state.replace("ESTABLISHED", "ESTAB") } else { end.state.clone() };
            (state, role)
        };
        let mut row = vec![
            (format!("{} ", name(server, SERVER)), Role::Plain),
            state(server),
            (" ── ".to_owned(), Role::Dim),
            state(client),
            (format!(" {}", name(client, self.port)), Role::Plain),
        ];
        if narrow {
            row.remove(0);
            row.pop();
        }
        for (end, side) in [(server, "server"), (client, "client")] {
            let bytes =
                if end.unread == 1 { "1 byte".to_owned() } else { format!("{} bytes", end.unread) };
            let unread = match (end.unread, end.end_unread) {
                (0, false) => continue,
                (0, true) => "the end".to_owned(),
                (_, true) => format!("{bytes} and the end"),
                (_, false) => bytes,
            };
            let owner = if end.owner.is_empty() { side } else { &end.owner };
            let text = if short {
                format!("  {unread} unread")
            } else {
                format!("  {owner}: {unread} unread")
            };
            row.push((text, Role::Warn));
        }
        row
    }
}

/// One end of a connection, or a listener, as `/proc/net/tcp` has it.
struct Socket {
    local: u16,
    remote: u16,
    state: &'static str,
    /// Bytes that have come and are not read, the end counted as one; of a listener, who waits for `accept`.
    unread: u64,
    inode: u64,
}

impl Socket {
    fn ports(&self) -> (u16, u16) {
        (self.local, self.remote)
    }
}

fn sockets() -> Option<Vec<Socket>> {
    let port = |addr: &str| u16::from_str_radix(addr.rsplit(':').next()?, 16).ok();
    let lines = fs::read_to_string("/proc/net/tcp").ok()?
        + &fs::read_to_string("/proc/net/tcp6").unwrap_or_default();
    let socket = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let state = usize::from_str_radix(words.get(3)?, 16).ok()?;
        Some(Socket {
            local: port(words.get(1)?)?,
            remote: port(words.get(2)?)?,
            state: STATES.get(state).copied().unwrap_or("?"),
            unread: u64::from_str_radix(words.get(4)?.split(':').nth(1)?, 16).ok()?,
            inode: words.get(9)?.parse().ok()?,
        })
    };
    Some(lines.lines().filter_map(socket).collect())
}

/// The eyes on this machine's kernel. They remember who had which end: an end outlives its program.
#[derive(Default)]
pub(crate) struct Eyes {
    /// The real port of a client's end, the one that stands for it, and who has the two ends.
    seen: Vec<(u16, [Option<String>; 2])>,
    /// Ended connections of others, by their two ports: the system may give such a port to a server of the play.
    ghosts: Vec<(u16, u16)>,
}

impl Eyes {
    /// Before a play begins.
    pub(crate) fn open() -> Eyes {
        Eyes::before(&sockets().unwrap_or_default())
    }

    fn before(all: &[Socket]) -> Eyes {
        let ended = all.iter().filter(|socket| socket.state == TIME_WAIT);
        Eyes { ghosts: ended.map(Socket::ports).collect(), ..Eyes::default() }
    }

    /// Without what ended before the play began.
    fn without_ghosts(&mut self, mut all: Vec<Socket>) -> Vec<Socket> {
        let ended = |ports: &(u16, u16)| {
            all.iter().any(|socket| socket.ports() == *ports && socket.state == TIME_WAIT)
        };
        // Both ports may come again, as a connection of the play.
        self.ghosts.retain(ended);
        all.retain(|socket| !self.ghosts.contains(&socket.ports()));
        all
    }

    /// What is known now; `None` without `/proc`.
    pub(crate) fn look(&mut self, windows: &[Window], mut ports: Ports) -> Option<Known> {
        let all = self.without_ghosts(sockets()?);
        let Some(server) = ports.real(SERVER) else { return Some(Known::default()) };
        let listener = all.iter().find(|socket| socket.local == server && socket.state == LISTEN);
        let serves = listener.and_then(|listener| owner(listener, windows));
        let queued = listener.map_or(0, |listener| listener.unread);
        let mut known = Known { queued, connections: Vec::new() };
        let client = |socket: &Socket| match (socket.local == server, socket.remote == server) {
            (true, false) => Some(socket.remote).filter(|port| *port != 0),
            (false, true) => Some(socket.local),
            _ => None,
        };
        let mut found: Vec<u16> = all.iter().filter_map(client).collect();
        found.sort_unstable();
        found.dedup();
        for port in found {
            if !self.seen.iter().any(|(known, _)| *known == port) {
                self.seen.push((port, [None, None]));
            }
        }
        for (port, owners) in &mut self.seen {
            ports.learn_client(*port);
            let end = |local: u16, remote: u16| {
                all.iter().find(|socket| (socket.local, socket.remote) == (local, remote))
            };
            let both = [end(server, *port), end(*port, server)];
            if both.iter().all(Option::is_none) {
                continue;
            }
            owners[0] = owners[0].take().or_else(|| serves.clone());
            for (known, socket) in owners.iter_mut().zip(both) {
                *known = socket.and_then(|socket| owner(socket, windows)).or(known.take());
            }
            let mut at = 0;
            let ends = both.map(|socket| {
                at += 1;
                let state = socket.map_or(CLOSED, |socket| socket.state);
                // The end of the stream counts as one byte until it is read.
                let ended = ["CLOSE-WAIT", "LAST-ACK", "CLOSING"].contains(&state);
                let unread = socket.map_or(0, |socket| socket.unread);
                End {
                    owner: owners[at - 1].clone().unwrap_or_default(),
                    state: state.to_owned(),
                    unread: unread.saturating_sub(u64::from(ended)),
                    end_unread: ended && unread > 0,
                }
            });
            let port = ports.show(&port.to_string()).parse().unwrap_or(*port);
            known.connections.push(Connection { port, ends });
        }
        known.connections.sort_by_key(|connection| std::cmp::Reverse(connection.port));
        Some(known)
    }
}

/// The terminal whose program has this socket.
fn owner(socket: &Socket, windows: &[Window]) -> Option<String> {
    let link = format!("socket:[{}]", socket.inode);
    let has = |window: &&Window| {
        let fds = fs::read_dir(format!("/proc/{}/fd", window.pid)).into_iter().flatten().flatten();
        fds.filter_map(|fd| fs::read_link(fd.path()).ok())
            .any(|found| found.as_os_str() == link.as_str())
    };
    windows.iter().find(has).map(|window| window.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ended_before_the_play_is_not_shown_until_its_ports_come_again() {
        let at = |state| Socket { local: 44573, remote: 40200, state, unread: 0, inode: 0 };
        let mut eyes = Eyes::before(&[at(TIME_WAIT)]);
        assert_eq!(eyes.without_ghosts(vec![at(TIME_WAIT)]).len(), 0);
        assert_eq!(eyes.without_ghosts(vec![at("ESTABLISHED")]).len(), 1);
        assert_eq!(eyes.without_ghosts(vec![at(TIME_WAIT)]).len(), 1);
    }
}
