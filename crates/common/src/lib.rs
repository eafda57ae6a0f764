//! The address that every server and client of the course takes on its command line.
//!
//! ```
//! use std::net::TcpListener;
//!
//! let addr: common::Addr = "127.0.0.1:0".parse()?;
//! let listener = TcpListener::bind(&addr)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::net::{Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;
use std::vec;

const DEFAULT_HOST: &str = "127.0.0.1";
const DEFAULT_PORT: u16 = 5001;

/// A host and a port, as typed: `HOST:PORT`, `HOST`, `PORT`, `[V6]:PORT` or `[V6]`.
///
/// A missing host is `127.0.0.1`, a missing port is 5001. The host is a name, an IPv4 address or an
/// IPv6 address. A name is looked up only by `bind` or `connect`, through [`ToSocketAddrs`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addr {
    host: String,
    port: u16,
}

/// Says in one line which text is not an address, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddrError(String);

/// Takes the address from the command line: `127.0.0.1:5001` when there is no argument.
///
/// `--help` prints the usage and ends the program with exit code 0.
///
/// # Errors
///
/// The argument is not an address, not UTF-8, an option other than `--help`, or not alone.
pub fn addr_from_args() -> Result<Addr, AddrError> {
    let mut args = std::env::args_os();
    let program = args.next().unwrap_or_default();
    let program = std::path::Path::new(&program).file_stem().unwrap_or_default().to_string_lossy();
    let usage = format!(
        "usage: {program} [ADDR]\n\n\
         ADDR is HOST:PORT, HOST, PORT or [V6]:PORT. The default is {DEFAULT_HOST}:{DEFAULT_PORT}."
    );
    let args: Vec<OsString> = args.collect();
    if args.iter().any(|arg| arg == "--help" || arg == "-h") {
        println!("{usage}");
        std::process::exit(0);
    }
    parse_args(&args).map_err(|AddrError(line)| AddrError(format!("{line}\n{usage}")))
}

fn parse_args(args: &[OsString]) -> Result<Addr, AddrError> {
    match args {
        [] => Ok(Addr { host: DEFAULT_HOST.to_owned(), port: DEFAULT_PORT }),
        [arg] => match arg.to_str() {
            Some(text) if text.starts_with('-') => {
                Err(AddrError(format!("unknown option {text:?}")))
            }
            Some(text) => text.parse(),
            None => Err(AddrError(format!("invalid address {arg:?}: it is not UTF-8"))),
        },
        [_, second, ..] => Err(AddrError(format!("unexpected argument {second:?}"))),
    }
}

impl FromStr for Addr {
    type Err = AddrError;

    fn from_str(text: &str) -> Result<Self, AddrError> {
        parse(text).map_err(|reason| AddrError(format!("invalid address {text:?}: {reason}")))
    }
}

fn parse(text: &str) -> Result<Addr, &'static str> {
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(Addr { host: DEFAULT_HOST.to_owned(), port: parse_port(text)? });
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or("the bracket is not closed")?;
        let host: Ipv6Addr = host.parse().map_err(|_| "no IPv6 address between the brackets")?;
        let port = match rest.strip_prefix(':') {
            Some(port) => parse_port(port)?,
            None if rest.is_empty() => DEFAULT_PORT,
            None => return Err("only :PORT may follow the bracket"),
        };
        return Ok(Addr { host: host.to_string(), port });
    }
    let (host, port) = match text.split_once(':') {
        Some((_, port)) if port.contains(':') => {
            return Err("an IPv6 address needs brackets, as in [::1]:5001");
        }
        Some((host, port)) => (parse_host(host)?, parse_port(port)?),
        None => (parse_host(text)?, DEFAULT_PORT),
    };
    Ok(Addr { host: host.to_owned(), port })
}

fn parse_host(host: &str) -> Result<&str, &'static str> {
    if host.is_empty() {
        return Err("the host is missing");
    }
    if !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)) {
        return Err("a host has only letters, digits, '-', '.' and '_'");
    }
    Ok(host)
}

fn parse_port(port: &str) -> Result<u16, &'static str> {
    // `u16::from_str` takes a leading plus sign, which nobody writes in an address.
    if port.starts_with('+') {
        return Err("the port is not a number from 0 to 65535");
    }
    port.parse().map_err(|_| match port {
        "" => "the port is missing",
        _ => "the port is not a number from 0 to 65535",
    })
}

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl ToSocketAddrs for Addr {
    type Iter = vec::IntoIter<SocketAddr>;

    /// Looks the host up; a name may have several addresses.
    ///
    /// # Errors
    ///
    /// The host is not known, or the system could not look it up.
    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        (self.host.as_str(), self.port).to_socket_addrs()
    }
}

impl fmt::Display for AddrError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for AddrError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn error(text: &str) -> String {
        text.parse::<Addr>().unwrap_err().to_string()
    }

    #[test]
    fn every_form_of_address_is_understood() {
        for (text, shown) in [
            ("localhost:80", "localhost:80"),
            ("10.0.0.7:5002", "10.0.0.7:5002"),
            ("my_host-1.example", "my_host-1.example:5001"),
            ("6000", "127.0.0.1:6000"),
            ("0", "127.0.0.1:0"),
            ("[::1]:6000", "[::1]:6000"),
            ("[::1]", "[::1]:5001"),
            ("[0:0::0:1]:7", "[::1]:7"),
        ] {
            assert_eq!(text.parse::<Addr>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn a_bad_address_is_named_with_its_fault() {
        let port = "the port is not a number from 0 to 65535";
        let host = "a host has only letters, digits, '-', '.' and '_'";
        for (text, fault) in [
            ("", "it is empty"),
            (":", "the host is missing"),
            (":5001", "the host is missing"),
            ("host:", "the port is missing"),
            ("banana:xyz", port),
            ("1.2.3.4:99999", port),
            ("99999", port),
            ("host:+1", port),
            ("host:-1", port),
            ("[::1", "the bracket is not closed"),
            ("[::1]5001", "only :PORT may follow the bracket"),
            ("[::1]:", "the port is missing"),
            ("[banana]:1", "no IPv6 address between the brackets"),
            ("::1", "an IPv6 address needs brackets, as in [::1]:5001"),
            ("two words:1", host),
            ("bell\u{7}:1", host),
        ] {
            assert_eq!(error(text), format!("invalid address {text:?}: {fault}"));
        }
    }

    #[test]
    fn the_default_is_the_address_of_the_course() {
        assert_eq!(parse_args(&[]).unwrap().to_string(), "127.0.0.1:5001");
    }

    #[test]
    fn a_second_argument_and_an_option_are_named() {
        let two = parse_args(&["5001".into(), "5002".into()]);
        assert_eq!(two.unwrap_err().to_string(), "unexpected argument \"5002\"");
        let option = parse_args(&["--nope".into()]);
        assert_eq!(option.unwrap_err().to_string(), "unknown option \"--nope\"");
    }

    /// Text that looks like an address more often than random text does.
    fn address_like() -> impl Strategy<Value = String> {
        "(\\[?[0-9a-f:.]{0,12}\\]?|[a-z0-9._-]{0,12}|\\PC{0,4})(:[+0-9a-z-]{0,6})?"
    }

    proptest! {
        #[test]
        fn every_parsed_address_prints_and_parses_back(text in address_like()) {
            if let Ok(addr) = text.parse::<Addr>() {
                prop_assert_eq!(addr.to_string().parse::<Addr>(), Ok(addr));
            }
        }

        #[test]
        fn no_text_panics_and_every_fault_is_one_line(text in any::<String>()) {
            if let Err(err) = text.parse::<Addr>() {
                prop_assert_eq!(err.to_string().lines().count(), 1);
            }
        }

        #[test]
        #[cfg(unix)]
        fn no_bytes_panic(bytes in any::<Vec<u8>>()) {
            use std::os::unix::ffi::OsStringExt;
            let _ = parse_args(&[OsString::from_vec(bytes)]);
        }
    }
}
