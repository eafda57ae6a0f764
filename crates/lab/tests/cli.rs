//! `cargo lab` as a person uses it: exit codes, one clear line for bad input, nothing left running.

#![allow(clippy::unwrap_used, reason = "a failed test says where")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use lab::course::session::Session;
use lab::course::stages;
use lab::play;
use lab::view::{Columns, Look, Pace};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use snapbox::{assert_data_eq, file};

const LOOK: Look = Look { pace: Pace::Fast, colour: true, types: false, width: lab::view::WIDTH };

fn lab(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lab")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn root() -> PathBuf {
    lab::course::stages::root()
}

/// A session file in the folder for temporary files of this test.
fn session(name: &str, content: &[u8]) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn help_is_what_you_get_without_a_command() {
    let help = lab(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(text(&help.stdout).contains("Usage: cargo lab <COMMAND>"));
    let nothing = lab(&[]);
    assert_eq!(nothing.status.code(), Some(0));
    assert!(text(&nothing.stdout).contains("Usage: cargo lab <COMMAND>"));
    assert!(text(&lab(&["check", "--help"]).stdout).contains("Usage: cargo lab check"));
}

#[test]
fn a_book_without_its_builder_says_how_to_get_it() {
    let folder = env!("CARGO_TARGET_TMPDIR");
    let output =
        Command::new(env!("CARGO_BIN_EXE_lab")).arg("book").env("PATH", folder).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_data_eq!(
        text(&output.stderr),
        "Error: the book is built with mdBook, which is not installed: \
         cargo install mdbook --locked\n"
    );
}

#[test]
fn wrong_usage_is_named_in_one_line() {
    let addr = "expected an address, such as 127.0.0.1:5001";
    for (arguments, line) in [
        (&["dance"][..], "unrecognized subcommand 'dance'".to_owned()),
        (&["--nope"], "unexpected argument '--nope' found".to_owned()),
        (
            &["check"],
            "the following required arguments were not provided: <STAGE | EXERCISE>".to_owned(),
        ),
        (
            &["check", "7"],
            "invalid value '7' for '<STAGE | EXERCISE>': the stages are 1 to 6".to_owned(),
        ),
        (&["check", "1", "2"], "unexpected argument '2' found".to_owned()),
        (
            &["check", "1", "--server", ""],
            "invalid value '' for '--server <CMD>': the command is empty".to_owned(),
        ),
        (
            &["check", "1", "--server", "a 'b"],
            "invalid value 'a 'b' for '--server <CMD>': missing closing quote".to_owned(),
        ),
        (
            &["check", "1", "--server"],
            "a value is required for '--server <CMD>' but none was supplied".to_owned(),
        ),
        (
            &["check", "1", "--addr", ":1", "--server", "x"],
            "invalid value ':1' for '--addr <ADDR>': invalid address \":1\": the host is missing"
                .to_owned(),
        ),
        (
            &["check", "1", "--patience", "0", "--server", "x"],
            "invalid value '0' for '--patience <SECONDS>': expected 1 to 3600 seconds".to_owned(),
        ),
        (
            &["check", "1", "--addr", "127.0.0.1:1"],
            "the following required arguments were not provided: \
             <--server <CMD>|--client <CMD>>"
                .to_owned(),
        ),
        (
            &["play", "--pace", "slow"],
            "invalid value 'slow' for '--pace <PACE>' [possible values: live, enter, fast]"
                .to_owned(),
        ),
        (
            &["record"],
            "the following required arguments were not provided: <STAGE | STAGE/NAME | FILE>..."
                .to_owned(),
        ),
        (&["load"], "the following required arguments were not provided: <ADDR>".to_owned()),
        (&["load", "x"], format!("invalid value 'x' for '[ADDR]': {addr}")),
        (
            &["load", "127.0.0.1:1", "--size", "0"],
            "invalid value '0' for '--size <BYTES>': a message is 1 to 1024 bytes".to_owned(),
        ),
        (
            &["soak", "--stage", "2"],
            "invalid value '2' for '--stage <N>': the stages with a soak are 3 to 6".to_owned(),
        ),
    ] {
        let output = lab(arguments);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert_eq!(error, format!("Error: {line}\nTry: cargo lab --help\n"));
    }
}

#[test]
fn a_stage_session_or_file_that_does_not_exist_is_named() {
    let folder = root().join("docs").display().to_string();
    let big = session("big.session", &b"x".repeat(1024 * 1024 + 1));
    let there = |stage| {
        let sessions = stages::find(Some(stage)).unwrap();
        let mut names: Vec<String> = sessions.iter().map(Session::name).collect();
        names.sort();
        names.join(", ")
    };
    for (what, line) in [
        ("9", "there is no stage 9: the stages are 1 to 6".to_owned()),
        ("256", "there is no stage 256: the stages are 1 to 6".to_owned()),
        ("3/no-such", format!("there is no session 3/no-such: 3 has {}", there("3"))),
        ("after/3", format!("there is no session after/3: after has {}", there("after"))),
        (
            "no-such.session",
            "there is no file no-such.session: expected a file, a stage (1 to 6, or after), or STAGE/NAME"
                .to_owned(),
        ),
        (&folder, format!("failed to read {folder}: Is a directory (os error 21)")),
        (&big, format!("{big}: the file is no session: it has more than 1048576 bytes")),
    ] {
        let output = lab(&["play", what]);
        assert_eq!(text(&output.stderr), format!("Error: {line}\n"));
        assert_eq!(output.status.code(), Some(2));
    }
}

#[test]
fn an_error_in_a_session_file_names_file_line_and_what_was_expected() {
    for (content, fault) in [
        (&b""[..], ":1: expected \"# \" and one sentence that says what the session shows"),
        (b"# Only a title.\n", ":2: expected a step, such as: server $ stage1-server"),
        (
            b"# T\np $ tcp connect\np > \"{word\"\n",
            ":3: expected {word}, {word2} and so on for words, not \"p > \\\"{word\\\"\"",
        ),
        (b"# T\nserver ~ x\n", ":2: \"server\" is not started: expected server $ PROGRAM"),
        (
            b"# T\nserver $ a\nclint > x\n",
            ":3: \"clint\" is not started: expected clint $ PROGRAM, or one of: server",
        ),
        (
            b"# T\nserver\n",
            ":2: expected NAME MARK REST, where MARK is one of $ > ! | ~ =, not \"server\"",
        ),
        (
            b"# T\nserver ? x\n",
            ":2: expected NAME MARK REST, where MARK is one of $ > ! | ~ =, not \"server ? x\"",
        ),
        (b"# T\n\xc3\xa9 $ x\n", ":2: expected a name of letters, digits and '-', not \"\u{e9}\""),
        (
            b"# T\na $\n",
            ":2: expected a program to start, tcp connect, tcp listen, tcp6 connect, tcp6 listen, udp connect, udp listen, unix NAME or unix listen NAME",
        ),
        (b"# T\na $ x 'y\n", ":2: missing closing quote in \"x 'y\""),
        (
            b"# T\na $ x\na = over\n",
            ":3: expected = exit STATUS, end, idle, patient, descriptors as counted, threads as counted, no zeros, shows TEXT, without TEXT or at most N times TEXT, not \"over\"",
        ),
        (b"# T\na $ x\na ~\n", ":3: expected a text after ~"),
        (
            b"# T\na $ x\na ! jump\n",
            ":3: expected ! kill, count descriptors, count threads, ctrl-c, ctrl-d, up, enter, paste TEXT, type TEXT or resize COLUMNSxROWS, not \"jump\"",
        ),
        (
            b"# T\na $ tcp listen\na > hello\n",
            ":3: expected bytes in quotes, such as \"hello\\n\", not hello",
        ),
        (
            b"# T\na $ tcp listen\na | \"\\y\"\n",
            ":3: expected bytes in quotes, such as \"hello\\n\", not \"\\y\"",
        ),
        (b"# T\na $ tcp listen\na > \"x\" * y\n", ":3: expected a count, not \"y\""),
        (b"# T\na $ tcp listen\na > \"x\" y times\n", ":3: expected a number, not \"y\""),
        (
            b"# T\na $ tcp listen\na > \"x\" * 99999999999999\n",
            ":3: expected at most 67108864 bytes, not \"x\" * 99999999999999",
        ),
        (
            b"# T\na $ {server}\na | hello\n",
            ":3: expected ~ hello: what else a prints is not known",
        ),
        (
            b"# T\na $ tcp listen\na ! kill\n",
            ":3: expected ! half-close, close or reset, not \"kill\"",
        ),
        (b"# T\na $ tcp listen\na ~ x\n", ":3: expected ~ end, ~ unread or ~ \"BYTES\", not \"x\""),
        (b"# T\n\xff\n", ": the file is not UTF-8"),
    ] {
        let name = format!("fault-{}.session", fault.len());
        let path = session(&name, content);
        let output = lab(&["play", &path]);
        assert_eq!(text(&output.stderr), format!("Error: {path}{fault}\n"));
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(text(&output.stdout), "");
    }
}

#[test]
fn check_of_our_own_stage_holds() {
    let output = lab(&["check", "3"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    assert!(text(&output.stdout).ends_with(" held, 0 failed\n"));
}

#[test]
fn a_program_that_falls_short_is_exit_1() {
    let output = lab(&["check", "1", "--server", "false"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("server has ended (exit 1)"));
}

#[test]
fn an_address_that_somebody_else_has_is_named_with_a_hint() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = other.local_addr().unwrap().to_string();
    let client = lab(&["check", "1", "--client", "true", "--addr", &addr]);
    assert_eq!(client.status.code(), Some(2));
    let error = text(&client.stderr);
    assert!(error.starts_with(&format!("Error: failed to bind to {addr}, given by --addr:")));
    assert!(error.ends_with("another program has the port, end it first\n"), "{error}");
    let server = lab(&["check", "1", "--server", "true", "--addr", &addr]);
    assert_eq!(server.status.code(), Some(2));
    assert_eq!(
        text(&server.stderr),
        format!(
            "Error: somebody answers at {addr} before your server is started: end that program first\n"
        )
    );
    assert_eq!(text(&server.stdout), "");
}

#[test]
fn an_address_that_somebody_has_without_listening_is_exit_2() {
    let other = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    other.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
    let addr = other.local_addr().unwrap().as_socket().unwrap().to_string();
    let says = "sh -c 'echo bind: Address already in use'";
    let server = lab(&["check", "1", "--server", says, "--addr", &addr]);
    assert_eq!(
        text(&server.stderr),
        format!("Error: another program has {addr}, and does not answer: end it first\n")
    );
    assert_eq!(text(&server.stdout), "");
    assert_eq!(server.status.code(), Some(2));
}

#[test]
fn a_taken_port_is_understood_in_every_spelling() {
    let says = "sh -c 'echo \"listen: bind: address already in use\"; exit 1'";
    let output = lab(&["check", "1", "--server", says]);
    let report = text(&output.stdout);
    assert!(report.contains("it uses another one, which is taken"), "{report}");
}

#[test]
fn a_session_that_does_not_hold_is_exit_1_and_reports() {
    let path = session(
        "short.session",
        b"# It prints something else.\nserver $ stage1-server\nserver | listening somewhere\n",
    );
    let output = lab(&["play", &path]);
    let report = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(report.contains("expected: listening somewhere\n"), "{report}");
    assert!(report.contains("got:      listening on 127.0.0.1:"), "{report}");
}

#[test]
fn a_play_fits_80_columns_without_colour() {
    let file = root().join("crates/stage6-server-disconnect/sessions/server-hangs-up.session");
    let output = lab(&["play", file.to_str().unwrap()]);
    let play = text(&output.stdout);
    assert!(play.lines().all(|line| line.chars().count() <= 80), "{play}");
    assert!(!play.contains('\x1b'));
}

#[test]
fn a_session_is_played_by_its_stage_and_name() {
    let output = lab(&["play", "4/no-byte"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains("peer"), "{}", text(&output.stdout));
}

#[test]
fn a_play_of_a_stage_begins_with_what_the_stage_adds() {
    let output = lab(&["play", "1"]);
    let title = "One message goes from the client to the server, and both end.\n";
    assert!(text(&output.stdout).starts_with(title), "{}", text(&output.stdout));
}

#[test]
fn a_play_is_drawn_in_columns() {
    let file = root().join("crates/stage6-server-disconnect/sessions/server-hangs-up.session");
    let session = Session::read(&file).unwrap();
    let mut play = Vec::new();
    let mut stage = Columns::open(&session, &mut play, LOOK).unwrap();
    let cast = lab::course::stages::cast(6).unwrap();
    play::play(&session, &cast, &mut |scene| stage.show(&scene).unwrap()).unwrap();
    assert_data_eq!(String::from_utf8(play).unwrap(), file!["reports/play.term.svg"]);
}

#[test]
fn a_play_shows_what_goes_over_the_wire_between_the_columns() {
    let output = lab(&["play", "--wire", "6/server-hangs-up"]);
    let shown = text(&output.stdout);
    let after_the_title = shown.split_once("\n\n").unwrap().1;
    assert_data_eq!(
        after_the_title,
        "\
server                       | the wire           | client
---------------------------- | ------------------ | ----------------------------
$ stage6-server              |                    |
listening on 127.0.0.1:5001  |                    |
wait client connect......... |                    |
[in accept]                  |                    |
                             |                    | $ stage6-client
                             | <------ SYN ------ |
                             | ---- SYN-ACK ----> |
127.0.0.1:40001              |                    |
[in read]                    |                    | [at the keyboard]
                             |                    | >hello
                             | <---- 5 bytes ---- |
                             | --- 18 bytes ----> |
recv=\"hello\"                 |                    |
                             |                    | recv=\"server send :hello\"
[in read]                    |                    | [at the keyboard]
                             |                    | >Q
                             | <---- 1 byte ----- |
                             | --- 14 bytes ----> |
                             | ------ FIN ------> |
recv=\"Q\"                     |                    |
socket close.....            |                    |
wait client connect......... |                    |
                             |                    | recv=\"server send :Q\"
[in accept]                  |                    | [at the keyboard]
                             |                    | >anyone there?
                             | <--- 13 bytes ---- |
                             | ------ RST ------> |
                             |                    | socket close.....
                             |                    | [exit 0]
[in accept]                  |                    |

"
    );
}

#[test]
fn a_picture_is_shown_where_a_browser_is_and_named_where_none_is() {
    let folder = env!("CARGO_TARGET_TMPDIR");
    let command = |browser: &str| {
        let mut lab = Command::new(env!("CARGO_BIN_EXE_lab"));
        let output =
            lab.args(["wire", "--open", "5/answers"]).env("BROWSER", browser).env("PATH", folder);
        output.output().unwrap()
    };
    let shown = command("/bin/true");
    assert_eq!((shown.status.code(), text(&shown.stderr)), (Some(0), String::new()));
    let file = text(&shown.stdout);
    let page = fs::read_to_string(file.trim_end()).unwrap();
    assert!(page.contains("data:image/svg+xml,") && page.contains("wire(\"answers\""), "{page}");
    fs::remove_dir_all(Path::new(file.trim_end()).parent().unwrap()).unwrap();

    let named = command("");
    assert_eq!(named.status.code(), Some(0));
    let expected = "nothing here opens a browser (neither $BROWSER nor xdg-open, open, wslview): open the page yourself\n";
    assert_eq!(text(&named.stderr), expected);
    fs::remove_dir_all(Path::new(text(&named.stdout).trim_end()).parent().unwrap()).unwrap();
}

#[test]
fn a_recording_of_a_session_without_its_lines_gives_them_back() {
    let file = root().join("crates/stage2-read-loop/sessions/read-loop.session");
    let recorded = fs::read_to_string(file).unwrap();
    let bare: String = recorded
        .lines()
        .filter(|line| !line.contains(" | "))
        .map(|line| format!("{line}\n"))
        .collect();
    let path = session("bare.session", bare.as_bytes());
    let output = lab(&["record", &path]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_data_eq!(fs::read_to_string(path).unwrap(), recorded);
}

#[test]
fn an_interrupted_play_leaves_no_process_behind() {
    // The last step waits for what never comes.
    let path = session(
        "long.session",
        b"# It waits.\nserver $ stage2-server\nserver ~ wait\nclient $ stage2-client\nserver ~ never\n",
    );
    let mut child = Command::new(env!("CARGO_BIN_EXE_lab"))
        .args(["play", &path])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = child.id();
    let mut rows = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(rows.any(|row| row.unwrap().contains("$ stage2-client")));
    kill(Pid::from_raw(pid.try_into().unwrap()), Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(128 + 2));
    assert_eq!(started_by(pid), Vec::<String>::new());
}

#[cfg(target_os = "linux")]
#[test]
fn an_interrupted_soak_leaves_no_process_behind() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lab"))
        .args(["soak", "--connections", "1000000", "--seed", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = child.id();
    // The soak starts its servers a while after itself.
    while started_by(pid).iter().filter(|process| process.contains("-server")).count() < 4 {
        assert_eq!(child.try_wait().unwrap(), None);
    }
    kill(Pid::from_raw(pid.try_into().unwrap()), Signal::SIGINT).unwrap();
    let output = BufReader::new(child.stdout.take().unwrap()).lines().count();
    let mut errors = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(!errors.any(|line| line.unwrap().contains("fell short")));
    assert_eq!((child.wait().unwrap().code(), output), (Some(128 + 2), 0));
    assert_eq!(started_by(pid), Vec::<String>::new());
}

/// The state and command line of every process that the lab with this process id has started.
fn started_by(lab: u32) -> Vec<String> {
    // A lab that was itself started by one puts its mark behind that one's.
    let marks = [format!("LAB_MARK={lab}-"), format!("/{lab}-")];
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let read = |process: &Path, file| text(&fs::read(process.join(file)).unwrap_or_default());
    processes
        .map(|process| process.path())
        .filter(|process| marks.iter().any(|mark| read(process, "environ").contains(mark)))
        .map(|process| read(&process, "stat") + &read(&process, "cmdline").replace('\0', " "))
        .collect()
}
