//! A stream of 100 MiB: every server from stage 3 on outlives it with the memory that it had.

#![allow(clippy::unwrap_used, reason = "a failed test says where")]

use std::io::{Read, Write, copy, sink};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use lab::rig::proc::resident_kib;
use lab::stand::server::{Server, command};

const MEBIBYTES: usize = 100;
const PATIENCE: Duration = Duration::from_secs(5);

/// Sends blocks of 1 MiB and reads every answer, until the server ends the connection.
fn stream(addr: SocketAddr, blocks: usize) -> u64 {
    let mut stream = TcpStream::connect(addr).unwrap();
    let mut answers = stream.try_clone().unwrap();
    let reader = thread::spawn(move || copy(&mut answers, &mut sink()).unwrap());
    for _ in 0..blocks {
        stream.write_all(&[b'x'; 1024 * 1024]).unwrap();
    }
    stream.shutdown(Shutdown::Write).unwrap();
    reader.join().unwrap()
}

fn outlives_100_mebibytes(stage: u8, answers: bool) {
    let program = lab::course::stages::programs().unwrap().join(format!("stage{stage}-server"));
    let mut command = command(&[program.to_str().unwrap().to_owned()]).unwrap();
    let (server, mut lines) = Server::start(&mut command, PATIENCE).unwrap();
    let printer = thread::spawn(move || {
        let mut printed = 0;
        while let Ok(line) = lines.next(None) {
            printed += line.len();
        }
        printed
    });

    stream(server.addr, 1); // what a first client costs once
    let before = resident_kib(server.program.pid()).unwrap();
    let answered = stream(server.addr, MEBIBYTES);
    let after = resident_kib(server.program.pid()).unwrap();

    let sent = MEBIBYTES * 1024 * 1024;
    assert_eq!(answered > sent as u64, answers, "bytes answered: {answered}");
    assert!(after <= before + before / 10, "resident set: {before} KiB before, {after} KiB after");
    let mut next = TcpStream::connect(server.addr).unwrap();
    next.write_all(b"q").unwrap();
    assert_eq!(next.read_to_end(&mut Vec::new()).unwrap(), if answers { 14 } else { 0 });
    drop(server);
    assert!(printer.join().unwrap() > sent);
}

#[test]
fn stage_3_outlives_100_mebibytes() {
    outlives_100_mebibytes(3, false);
}

#[test]
fn stage_4_outlives_100_mebibytes() {
    outlives_100_mebibytes(4, false);
}

#[test]
fn stage_5_outlives_100_mebibytes() {
    outlives_100_mebibytes(5, true);
}

#[test]
fn stage_6_outlives_100_mebibytes() {
    outlives_100_mebibytes(6, true);
}
