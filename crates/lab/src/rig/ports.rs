//! Ports are chosen by the system and shown as 5001 and 40001, 40002, ...

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use socket2::Socket;

use crate::contract::{self, PORT};
use crate::rig::hub::lock;
use crate::rig::peer::Place;
use crate::rig::process;
use crate::rig::sockets;

/// The first connecting end of a session is 40001, the next 40002.
const FIRST_CLIENT: u16 = 40001;

/// Which real port stands for which shown one.
#[derive(Clone, Default)]
pub struct Ports {
    /// Pairs of real and shown.
    known: Vec<(u16, u16)>,
    /// How the names of Unix sockets begin, which is not shown.
    folder: Option<String>,
}

impl Ports {
    #[must_use]
    pub fn real(&self, shown: u16) -> Option<u16> {
        self.known.iter().find(|pair| pair.1 == shown).map(|pair| pair.0)
    }

    #[must_use]
    pub(crate) fn shown(&self, real: u16) -> Option<u16> {
        self.known.iter().find(|pair| pair.0 == real).map(|pair| pair.1)
    }

    pub(crate) fn learn(&mut self, real: u16, shown: u16) {
        self.known.retain(|pair| pair.0 != real && pair.1 != shown);
        self.known.push((real, shown));
    }

    /// Unix sockets are in this folder; what is shown is their names.
    pub(crate) fn learn_folder(&mut self, folder: &Path) {
        self.folder = Some(format!("{}/", folder.display()));
    }

    /// Gives a connecting end the next number from 40001 on.
    pub fn learn_client(&mut self, real: u16) {
        if !self.known.iter().any(|pair| pair.0 == real) {
            let free = (FIRST_CLIENT..).find(|shown| self.real(*shown).is_none());
            self.learn(real, free.unwrap_or(FIRST_CLIENT));
        }
    }

    /// The text with every known port replaced by the one that is shown for it.
    #[must_use]
    pub fn show(&self, text: &str) -> String {
        let shown = |real| self.shown(real);
        match &self.folder {
            Some(folder) => replace(&text.replace(folder, ""), shown),
            None => replace(text, shown),
        }
    }

    /// The text of a session with every shown port that is known replaced by the real one.
    #[must_use]
    pub fn hide(&self, text: &str) -> String {
        replace(text, |shown| self.real(shown))
    }

    /// Is the printed line the expected one? New ports in it are learned from the expectation.
    pub(crate) fn matches(&mut self, expected: &str, printed: &str) -> bool {
        let new: Vec<(u16, u16)> = addresses(printed)
            .into_iter()
            .zip(addresses(expected))
            .filter(|(real, shown)| {
                self.real(*shown).is_none() && !self.known.iter().any(|pair| pair.0 == *real)
            })
            .collect();
        let before = self.known.len();
        self.known.extend(new);
        let same = self.show(printed) == expected;
        if !same {
            self.known.truncate(before);
        }
        same
    }

    /// Learns every new port of a printed line, as a recording does.
    pub(crate) fn learn_line(&mut self, printed: &str) {
        for real in addresses(printed) {
            let server = real == PORT || contract::listening(printed).is_some();
            match server && self.real(PORT).is_none() {
                true => self.learn(real, PORT),
                false => self.learn_client(real),
            }
        }
    }
}

fn replace(text: &str, port: impl Fn(u16) -> Option<u16>) -> String {
    let mut replaced = String::new();
    for piece in text.split_inclusive(|c: char| !c.is_ascii_digit()) {
        let digits = piece.trim_end_matches(|c: char| !c.is_ascii_digit());
        // A port of the system's choice has at least four digits.
        match digits.parse().ok().filter(|_| digits.len() >= 4).and_then(&port) {
            Some(number) => {
                replaced.push_str(&number.to_string());
                replaced.push_str(&piece[digits.len()..]);
            }
            None => replaced.push_str(piece),
        }
    }
    replaced
}

/// The ports of all `127.0.0.1:PORT` and `[::1]:PORT` in a text.
fn addresses(text: &str) -> Vec<u16> {
    text.replace("[::1]:", "127.0.0.1:")
        .split("127.0.0.1:")
        .skip(1)
        .filter_map(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            rest[..end].parse().ok()
        })
        .collect()
}

/// Longer than Linux keeps an ended connection, and how often it is asked.
const TIME_WAIT: Duration = Duration::from_secs(65);
const AGAIN: Duration = Duration::from_millis(100);
const PLACES: [&str; 3] = ["{addr}", "{host}", "{port}"];

/// Has a command a place for the address, or for a part of it?
pub(crate) fn has_place(words: &[String]) -> bool {
    words.iter().any(|word| PLACES.iter().any(|place| word.contains(place)))
}

/// Tells a program an address, or the file of a Unix socket: in its places in the command, or as its last
/// argument; and says how.
pub(crate) fn tell(words: &mut Vec<String>, told: &str) -> &'static str {
    if !has_place(words) {
        words.push(told.to_owned());
        return "as its last argument";
    }
    let addr: Option<SocketAddr> = told.parse().ok();
    for word in words {
        *word = word.replace("{addr}", told);
        if let Some(addr) = addr {
            *word = word.replace("{host}", &addr.ip().to_string());
            *word = word.replace("{port}", &addr.port().to_string());
        }
    }
    "where its command has a place for it"
}

/// Who had an address a moment ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    Nobody,
    /// Connections that had ended, and that were waited for (TIME_WAIT).
    Ended,
    /// Another program, whether it listens or not: it has it still.
    Another(SocketAddr),
}

/// Waits until the system frees these addresses, which connections of a moment ago keep, and says who
/// had them.
pub(crate) fn become_free(addrs: &[SocketAddr]) -> Kept {
    let begin = Instant::now();
    let ports: Vec<u16> = addrs.iter().map(SocketAddr::port).collect();
    let mut kept = Kept::Nobody;
    while sockets::keep_ended(&ports) && begin.elapsed() < TIME_WAIT {
        kept = Kept::Ended;
        thread::sleep(AGAIN);
    }
    let taken = |addr: &&SocketAddr| {
        let free = process::between_starts(|| Place::Tcp(**addr).is_free());
        free.is_err_and(|err| err.kind() == io::ErrorKind::AddrInUse)
    };
    addrs.iter().find(taken).map_or(kept, |addr| Kept::Another(*addr))
}

/// Keeps others, in this process and in other labs on this machine, from choosing a port as well.
pub(crate) struct Claim {
    port: u16,
    // Of a name that only one process has at a time, and that ends with it (unix(7), abstract sockets).
    _name: Option<UnixListener>,
}

impl Claim {
    /// `None` when somebody has it.
    fn new(port: u16) -> Option<Claim> {
        if !lock(&CLAIMED).insert(port) {
            return None;
        }
        match name(port) {
            Err(err) if err.kind() == io::ErrorKind::AddrInUse => {
                lock(&CLAIMED).remove(&port);
                None
            }
            name => Some(Claim { port, _name: name.ok() }),
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        lock(&CLAIMED).remove(&self.port);
    }
}

#[cfg(target_os = "linux")]
fn name(port: u16) -> io::Result<UnixListener> {
    use std::os::linux::net::SocketAddrExt;
    let name = format!("cargo-lab-port-{port}");
    UnixListener::bind_addr(&std::os::unix::net::SocketAddr::from_abstract_name(name)?)
}

#[cfg(not(target_os = "linux"))]
fn name(_: u16) -> io::Result<UnixListener> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A socket that is bound to a place, with a port of the system's choice that nobody else has claimed.
///
/// # Errors
///
/// No port is free, or the place is not on this machine.
pub(crate) fn listen(place: &Place) -> io::Result<(Socket, Option<Claim>)> {
    loop {
        let socket = place.bind()?;
        let Some(addr) = socket.local_addr()?.as_socket() else { return Ok((socket, None)) };
        if let Some(claim) = Claim::new(addr.port()) {
            return Ok((socket, Some(claim)));
        }
    }
}

/// A port that nobody has and that no ended connection keeps, for a program that must be told one.
///
/// It is none of those that the system chooses: until the program binds it, another one's connection could
/// have it, or the examiner's own, which would then be connected to itself.
///
/// # Errors
///
/// No port is free, or the place is not on this machine.
pub(crate) fn reserve(place: &Place) -> io::Result<(u16, Claim)> {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let chosen = range.split_whitespace().next().and_then(|first| first.parse().ok());
    let chosen: u16 = chosen.filter(|first| *first > 2 * RESERVED).unwrap_or(32_768);
    for _ in 0..TRIES {
        let port = fastrand::u16(RESERVED..chosen);
        let Some(claim) = Claim::new(port) else { continue };
        // A program that starts meanwhile would have a copy of the socket, which keeps the port.
        match process::between_starts(|| place.at(port).is_free()) {
            Ok(()) => return Ok((port, claim)),
            Err(err) if err.kind() == io::ErrorKind::AddrInUse => {}
            Err(err) => return Err(err),
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}

/// The lowest port that a program is told, and how many may be taken.
const RESERVED: u16 = 10_000;
const TRIES: usize = 1000;

static CLAIMED: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn an_expected_line_teaches_its_ports() {
        let mut ports = Ports::default();
        assert!(ports.matches("listening on 127.0.0.1:5001", "listening on 127.0.0.1:33333"));
        assert!(ports.matches("127.0.0.1:40001", "127.0.0.1:44444"));
        assert_eq!(ports.show("from 127.0.0.1:44444 to 33333"), "from 127.0.0.1:40001 to 5001");
        assert_eq!(ports.hide("127.0.0.1:5001"), "127.0.0.1:33333");
        assert!(!ports.matches("127.0.0.1:40001", "127.0.0.1:44445"));
        assert!(!ports.matches("127.0.0.1:40002", "127.0.0.1:44444"));
    }

    #[test]
    fn a_line_that_differs_teaches_nothing() {
        let mut ports = Ports::default();
        assert!(!ports.matches("127.0.0.1:40001 left", "127.0.0.1:44444 came"));
        assert_eq!(ports.show("44444"), "44444");
    }

    #[test]
    fn connecting_ends_are_numbered_as_they_come() {
        let mut ports = Ports::default();
        for real in [44444, 33333, 44444] {
            ports.learn_client(real);
        }
        assert_eq!(ports.show("44444 33333"), "40001 40002");
    }

    #[test]
    fn a_number_that_only_contains_a_port_stays() {
        let mut ports = Ports::default();
        ports.learn(3333, PORT);
        assert_eq!(ports.show("13333 33330 3333 x3333y"), "13333 33330 5001 x5001y");
    }

    #[test]
    fn no_port_is_reserved_twice_while_it_is_claimed() {
        let place = Place::Tcp("127.0.0.1:0".parse().unwrap());
        let reserved: Vec<_> = (0..50).map(|_| reserve(&place).unwrap()).collect();
        let ports: BTreeSet<u16> = reserved.iter().map(|(port, _)| *port).collect();
        assert_eq!(ports.len(), 50);
        assert!(Claim::new(reserved[0].0).is_none());
    }

    #[test]
    fn a_port_that_an_ended_connection_keeps_is_not_free() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = Place::Tcp(listener.local_addr().unwrap());
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        drop((listener.accept().unwrap(), listener));
        // The end of the stream: this side has closed first.
        client.read_to_end(&mut Vec::new()).unwrap();
        drop(client);
        assert!(place.bind().is_ok());
        assert_eq!(place.is_free().unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_port_that_another_lab_has_claimed_is_not_claimed() {
        let place = Place::Tcp("127.0.0.1:0".parse().unwrap());
        let (port, claim) = reserve(&place).unwrap();
        // As in another process, which knows the name alone.
        lock(&CLAIMED).remove(&port);
        assert!(Claim::new(port).is_none());
        drop(claim);
        assert!(Claim::new(port).is_some());
    }
}
