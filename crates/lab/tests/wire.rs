//! Every session is recorded again, and the recording is the one that is committed beside it.
//!
//! `cargo lab wire` writes the recordings anew.

use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use lab::course::cast::Cast;
use lab::course::session::Session;
use lab::course::stages;
use lab::wire::{files, record};
use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    // Before there is a second thread.
    if let Err(err) = record::enter() {
        eprintln!("the wire is not recorded here: {err:#}");
        // Somebody's own machine may refuse it; the one that guards the project may not.
        return match std::env::var_os("CI") {
            Some(_) => ExitCode::FAILURE,
            None => ExitCode::SUCCESS,
        };
    }
    match trials() {
        Ok(trials) => libtest_mimic::run(&Arguments::from_args(), trials).exit_code(),
        Err(err) => {
            eprintln!("Error: {err:#}");
            ExitCode::FAILURE
        }
    }
}

fn trials() -> Result<Vec<Trial>> {
    let own = Trial::test("anybodys_pair_is_followed_into_its_threads", || Ok(anybodys_pair()?));
    let missing = Trial::test("a_program_that_is_not_there_is_one_line", || Ok(missing()?));
    let mut trials = vec![own, missing];
    let after = stages::find(Some("after"))?;
    stages::build_for(&after)?;
    for stage in stages::STAGES {
        for session in stages::find(Some(&stage.to_string()))? {
            let name = format!("stage{stage}/{}", session.name());
            trials.push(Trial::test(name, move || Ok(check(&session)?)));
        }
    }
    for session in after {
        let name = format!("after/{}", session.name());
        trials.push(Trial::test(name, move || Ok(check(&session)?)));
    }
    // The last of them waits for a time-out, and the others run meanwhile.
    trials.reverse();
    Ok(trials)
}

fn check(session: &Session) -> Result<()> {
    let recorded = record::record(session, &stages::troupe()?)?;
    let drawn = files::drawn(session, &recorded);
    // The recording first: a picture that differs follows from it.
    for (file, text) in [(files::recording(session), recorded)].into_iter().chain(drawn) {
        if let Some(difference) = files::compare(&file, &text)? {
            bail!("{difference}");
        }
    }
    Ok(())
}

/// Starts it by a shell that starts processes before, as wrappers of Python do.
fn python(program: &str) -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs");
    let shell = r#"for n in 1 2 3 4 5 6 7 8; do (:); done; exec python3 "$0" "$@""#;
    vec!["sh".to_owned(), "-c".to_owned(), shell.to_owned(), format!("{path}/{program}.py")]
}

fn hangs_up() -> Result<Session> {
    stages::find(Some("6/server-hangs-up"))?.pop().context("no session")
}

fn anybodys_pair() -> Result<()> {
    let (server, client) = (Some(python("threads")), Some(python("client")));
    let cast = Cast { server, client, ..stages::troupe()? };
    let recorded = record::record(&hangs_up()?, &cast)?;
    let mut lines = recorded.lines();
    for expected in [
        "server bind(127.0.0.1:5001) = 0",
        "client connect(127.0.0.1:5001) = 0",
        "client keyboard() ...",
        "server ... accept() = 4 127.0.0.1:40001",
        "server/2 read() ...",
        "* client > hello",
        "client shows \"hello\"",
        "client ... keyboard() = \"hello\\n\"",
        "  40001 > 5001 ACK+PSH seq 1 ack 1 5 \"hello\"",
        "server/2 ... read() = \"hello\"",
        "server/2 write(\"server send :hello\") = 18",
        "client ... read() = \"server send :hello\"",
        "server/2 close() = 0",
        "* client > anyone there?",
        "client read() = 0",
        "client exits 0",
    ] {
        ensure!(lines.any(|line| line == expected), "no more {expected:?} in:\n{recorded}");
    }
    Ok(())
}

fn missing() -> Result<()> {
    let server = Some(vec!["no-such-program".to_owned()]);
    let cast = Cast { server, ..stages::troupe()? };
    match record::record(&hangs_up()?, &cast) {
        Ok(recorded) => bail!("recorded:\n{recorded}"),
        Err(err) => {
            let text = format!("{err:#}");
            ensure!(text.contains("server: there is no such program"), "{text}");
            ensure!(text.lines().count() == 1, "{text}");
            Ok(())
        }
    }
}
