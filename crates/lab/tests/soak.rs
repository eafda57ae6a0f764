//! The soak holds for our own servers, and catches servers that are wrong.
//!
//! This program is also the wrong server: a soak compares with what Rust's `{:?}` prints.

#![allow(clippy::unwrap_used, reason = "a failed test says where")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, ExitCode, Output};
use std::time::Duration;

use lab::stand::soak::{self, Options, Programs, Soaked};
use libtest_mimic::Trial;
use snapbox::{assert_data_eq, file};

/// The first argument that makes this program a server.
const SERVE: &str = "serve";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [serve, fault, addr] = arguments.as_slice()
        && serve == SERVE
    {
        return server(fault, addr).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
    }
    let tests: &[(&str, fn())] = &[
        (
            "a_small_soak_of_our_own_servers_holds_and_is_quiet",
            a_small_soak_of_our_own_servers_holds_and_is_quiet,
        ),
        ("the_same_seed_chooses_the_same_faults", the_same_seed_chooses_the_same_faults),
        ("the_server_of_stage_2_does_not_survive", the_server_of_stage_2_does_not_survive),
        ("a_server_without_a_fault_holds", a_server_without_a_fault_holds),
        ("a_server_that_ends_on_a_reset_is_found", a_server_that_ends_on_a_reset_is_found),
        ("a_server_that_loses_bytes_is_found", a_server_that_loses_bytes_is_found),
        (
            "a_server_that_gives_a_client_the_answer_of_another_is_found",
            a_server_that_gives_a_client_the_answer_of_another_is_found,
        ),
        ("a_server_that_ignores_q_is_found", a_server_that_ignores_q_is_found),
        ("a_server_that_closes_on_any_q_is_found", a_server_that_closes_on_any_q_is_found),
        (
            "a_server_that_keeps_what_it_should_give_back_is_found",
            a_server_that_keeps_what_it_should_give_back_is_found,
        ),
    ];
    let trial = |&(name, test): &(&str, fn())| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    };
    lab::run_tests(tests.iter().map(trial).collect())
}

/// The server of stage 6, but wrong in one way.
fn server(fault: &str, addr: &str) -> std::io::Result<()> {
    let listener = TcpListener::bind(addr)?;
    println!("listening on {}", listener.local_addr()?);
    let mut kept = Vec::new();
    for number in 1_u32.. {
        println!("wait client connect.........");
        let (stream, peer) = listener.accept()?;
        println!("{peer}");
        if fault == "keeps descriptors" && number.is_multiple_of(10) {
            // Of the listener, not of the client: that one would never see the end.
            kept.push(listener.try_clone()?);
        }
        let served = serve(fault, number, stream);
        if fault == "ends on a reset" {
            served?;
        }
        if fault == "keeps memory" {
            std::mem::forget(vec![1_u8; 16 * 1024]);
        }
    }
    Ok(())
}

fn serve(fault: &str, number: u32, mut stream: TcpStream) -> std::io::Result<()> {
    let mut buffer = [0; 1024];
    let mut received = 0;
    loop {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        let message = &buffer[..n];
        received += n;
        if fault == "loses bytes" && received > 100_000 {
            continue;
        }
        println!("recv={:?}", String::from_utf8_lossy(message));
        match fault {
            "answers another client" if number.is_multiple_of(40) => {
                stream.write_all(&[b"server send :", &vec![b'x'; n][..]].concat())?;
            }
            _ => stream.write_all(&[b"server send :", message].concat())?,
        }
        let quit = match fault {
            "ignores q" => false,
            "closes on any q" => message.contains(&b'q'),
            _ => message == b"q" || message == b"Q",
        };
        if quit {
            println!("socket close.....");
            return Ok(());
        }
    }
}

fn lab(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lab")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Soaks another server in the place of this stage's, with so many seconds of patience.
fn soak(stage: u8, server: &[&str], connections: u64, patience: u64) -> Soaked {
    lab::course::stages::build().unwrap();
    let [mut programs] =
        <[Programs; 1]>::try_from(soak::programs(Some(stage)).unwrap()).ok().unwrap();
    let patience = Duration::from_secs(patience);
    programs.server = server.iter().map(|&word| word.to_owned()).collect();
    soak::soak(&Options { connections, seed: 1, servers: vec![programs], patience }).unwrap()
}

/// Soaks the server that is wrong in this way; the report of what the soak found.
fn find(fault: &str, connections: u64) -> String {
    let this = std::env::current_exe().unwrap();
    // The server that ignores a q keeps the soak waiting for so long.
    let soaked = soak(6, &[this.to_str().unwrap(), SERVE, fault], connections, 2);
    soaked.failures.concat()
}

/// The first lines of what the soak prints: how often each fault was chosen.
fn choices(output: &Output) -> Vec<String> {
    let table = text(&output.stdout);
    table.lines().take_while(|line| !line.starts_with("clients")).map(str::to_owned).collect()
}

fn a_small_soak_of_our_own_servers_holds_and_is_quiet() {
    let output = lab(&["soak", "--connections", "100", "--seed", "7"]);
    let (table, errors) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{table}{errors}");
    assert!(!errors.contains("left"), "a progress bar, and no terminal: {errors}");
    assert!(table.starts_with("seed 7 "), "{table}");
    let row = |name: &str| {
        let row = table.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        row.split_whitespace().map(str::to_owned).collect::<Vec<String>>()
    };
    assert_eq!(row("probes asked"), ["25"; 4]);
    assert_eq!(row("probes answered"), ["25"; 4]);
    assert_eq!(row("messages lost"), ["0"; 4]);
    assert_eq!(row("  killed process").iter().filter(|count| *count == "0").count(), 0);
    assert_eq!(row("descriptors at the start"), row("descriptors at the end"));
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
}

fn the_same_seed_chooses_the_same_faults() {
    let run =
        |seed| choices(&lab(&["soak", "--connections", "60", "--seed", seed, "--stage", "6"]));
    let first = run("3");
    assert_eq!(first, run("3"));
    assert_ne!(first[1..], run("4")[1..]);
}

fn the_server_of_stage_2_does_not_survive() {
    let server = lab::course::stages::programs().unwrap().join("stage2-server");
    let soaked = soak(3, &[server.to_str().unwrap()], 50, 5);
    // The first fault is a killed process; from then on the server prints empty messages.
    assert_data_eq!(soaked.failures.concat(), file!["reports/soak-stage2-server.txt"].raw());
}

fn a_server_without_a_fault_holds() {
    assert_eq!(find("none", 200), "");
}

fn a_server_that_ends_on_a_reset_is_found() {
    let report = find("ends on a reset", 200);
    assert!(report.contains("The server has ended: exit 1.\n"), "{report}");
}

fn a_server_that_loses_bytes_is_found() {
    let report = find("loses bytes", 200);
    assert!(report.contains("1 of its 1 messages were not printed.\n"), "{report}");
}

fn a_server_that_gives_a_client_the_answer_of_another_is_found() {
    let report = find("answers another client", 200);
    assert!(report.contains("expected the answer") && report.contains("xxx"), "{report}");
}

fn a_server_that_ignores_q_is_found() {
    let report = find("ignores q", 200);
    assert!(report.contains("the server neither answers what it should nor closes.\n"), "{report}");
}

fn a_server_that_closes_on_any_q_is_found() {
    let report = find("closes on any q", 200);
    assert!(report.contains("nobody had sent a q on its own"), "{report}");
}

fn a_server_that_keeps_what_it_should_give_back_is_found() {
    let report = find("keeps descriptors", 100);
    assert!(report.contains("open descriptors at the end"), "{report}");
    let report = find("keeps memory", 100);
    assert!(report.contains("resident set has grown"), "{report}");
}
