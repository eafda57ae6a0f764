//! Raw peers of every kind: they speak to each other, and to programs that are told where.

#![allow(clippy::unwrap_used, reason = "a failed test says where")]

use std::path::Path;

use lab::course::cast::Cast;
use lab::course::session::Session;
use lab::course::stages;
use lab::play;

/// Plays these steps; the report when one does not hold.
fn played(steps: &str) -> Result<(), String> {
    let text = format!("# A test of raw peers.\n{steps}");
    let session = Session::parse(Path::new("peers.session"), &text);
    let session = session.map_err(|err| err.to_string())?;
    let python = "import sys; print(sys.argv[1])";
    let command = ["python3", "-c", python].map(str::to_owned).to_vec();
    let troupe = stages::troupe().map_err(|err| err.to_string())?;
    let cast = Cast { server: Some(command), ..troupe };
    play::play(&session, &cast, &mut |_| {}).map_err(|report| report.to_string())
}

fn holds(steps: &str) {
    assert_eq!(played(steps), Ok(()));
}

fn falls_short(steps: &str, got: &str) {
    let report = played(steps).err().unwrap_or_default();
    assert!(report.contains(got), "{report}");
}

#[test]
fn a_datagram_is_one_message_also_when_it_is_empty() {
    holds(
        r#"a $ udp listen
b $ udp connect
b > "one"
b > ""
b > "two"
a | "one"
a | ""
a | "two"
a > ""
b | ""
b > "three"
b > "four"
a ~ "four"
"#,
    );
}

#[test]
fn a_datagram_that_is_longer_or_missing_is_reported() {
    let come = "a $ udp listen\nb $ udp connect\nb > \"onetwo\"\n";
    falls_short(&format!("{come}a | \"one\"\n"), "got:      \"onetwo\"");
    let both = format!("{come}b > \"\"\na | \"onetwo\"\na | \"three\"\n");
    falls_short(&both, "got:      \"\"");
}

#[test]
fn a_unix_socket_is_a_stream_with_an_end() {
    holds(
        r#"a $ unix listen five.sock
b $ unix five.sock
b > "one"
b > "two"
a | "onetwo"
b ! half-close
a = end
a > "bye"
b | "bye"
"#,
    );
}

#[test]
fn a_stage_speaks_ipv6_as_well() {
    holds(
        r#"server $ stage3-server
server | listening on [::1]:5001
server | wait client connect.........
peer $ tcp6 connect
server | [::1]:40001
peer > "hello"
server | recv="hello"
peer ! reset
server ~ [::1]:40001: failed to read: Connection reset by peer
server | wait client connect.........
client $ stage3-client [::1]:5001
server | [::1]:40002
client > q
server | recv="q"
server | socket close.....
server | wait client connect.........
"#,
    );
    holds(
        r#"peer $ tcp6 listen
client $ stage2-client
client > hello
peer | "hello"
"#,
    );
}

#[test]
fn a_program_is_told_where_the_first_raw_peer_looks_for_it() {
    holds("server $ {server}\nserver ~ five.sock\nserver = exit 0\npeer $ unix listen five.sock\n");
    holds("server $ {server}\nserver ~ [::1]:5001\nserver = exit 0\npeer $ tcp6 listen\n");
    holds("server $ {server}\nserver ~ 127.0.0.1:5001\nserver = exit 0\npeer $ udp listen\n");
}

#[test]
fn who_waits_for_datagrams_of_a_program_that_has_ended_is_told_so() {
    let steps = "server $ {server}\nserver = exit 0\npeer $ udp connect\n";
    falls_short(steps, "nobody listens there: server has ended (exit 0)");
}

#[test]
fn what_cannot_be_recorded_is_refused_in_one_line() {
    let session = Session::parse(Path::new("a.session"), "# Title.\na $ udp listen\n").unwrap();
    let cast = stages::troupe().unwrap();
    let err = lab::wire::record::record(&session, &cast).unwrap_err();
    assert_eq!(err.to_string(), "a.session: only TCP over IPv4 can be recorded");
}

#[test]
fn what_is_sent_again_comes_as_messages_of_its_own() {
    stages::build().unwrap();
    holds(
        r#"server $ stage5-server
server | listening on 127.0.0.1:5001
peer $ tcp connect
peer > "a" 3 times
peer | "server send :a" * 3
server ~ 127.0.0.1:40001
server | recv="a"
server | recv="a"
server | recv="a"
"#,
    );
}
