//! A stream of 100 MiB: every server from stage 3 on outlives it with the memory that it had.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a failed test says where")]

use std::io::{BufRead, BufReader, Read, Write, copy, sink};
use std::net::{Shutdown, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;

use nix::unistd::Pid;

const MEBIBYTES: usize = 100;

/// A server that ends with the test, whatever happens.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn resident_kib(server: &Server) -> u64 {
    lab::rig::process::resident_kib(Pid::from_raw(server.0.id().cast_signed())).unwrap()
}

/// Sends blocks of 1 MiB and reads every answer, until the server ends the connection.
fn stream(addr: &str, blocks: usize) -> u64 {
    let mut stream = TcpStream::connect(addr).unwrap();
    let mut answers = stream.try_clone().unwrap();
    let reader = thread::spawn(move || copy(&mut answers, &mut sink()).unwrap());
    for _ in 0..blocks {
        stream.write_all(&[b'x'; 1024 * 1024]).unwrap();
    }
    stream.shutdown(Shutdown::Write).unwrap();
    reader.join().unwrap()
}

fn outlives_100_mebibytes(stage: u8) {
    let program = lab::course::stages::programs().unwrap().join(format!("stage{stage}-server"));
    let child = Command::new(&program).arg("127.0.0.1:0").stdout(Stdio::piped()).spawn();
    let mut server = Server(child.unwrap());
    let mut output = BufReader::new(server.0.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    let addr = line.trim().strip_prefix("listening on ").unwrap().to_owned();
    let printer = thread::spawn(move || copy(&mut output, &mut sink()).unwrap());

    stream(&addr, 1); // what a first client costs once
    let before = resident_kib(&server);
    let answered = stream(&addr, MEBIBYTES);
    let after = resident_kib(&server);

    let sent = u64::try_from(MEBIBYTES * 1024 * 1024).unwrap();
    assert_eq!(answered > sent, stage >= 5, "bytes answered: {answered}");
    assert!(after <= before + before / 10, "resident set: {before} KiB before, {after} KiB after");
    let mut next = TcpStream::connect(&addr).unwrap();
    next.write_all(b"q").unwrap();
    assert_eq!(next.read_to_end(&mut Vec::new()).unwrap(), if stage >= 5 { 14 } else { 0 });
    drop(server);
    assert!(printer.join().unwrap() > sent);
}

#[test]
fn stage_3_outlives_100_mebibytes() {
    outlives_100_mebibytes(3);
}

#[test]
fn stage_4_outlives_100_mebibytes() {
    outlives_100_mebibytes(4);
}

#[test]
fn stage_5_outlives_100_mebibytes() {
    outlives_100_mebibytes(5);
}

#[test]
fn stage_6_outlives_100_mebibytes() {
    outlives_100_mebibytes(6);
}
