//! `cargo lab`: plays sessions and checks programs.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use anyhow::{Context, Result};
use lexopt::prelude::*;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use lab::check;
use lab::course::cast::Cast;
use lab::course::session::Session;
use lab::course::stages::{self, DEMOS, STAGES};
use lab::play;
use lab::rig::process;
use lab::stand::load::{self, Load, Target};
use lab::stand::soak;
use lab::view::{Columns, Pace};

const HELP: &str = "\
Plays the sessions of the course, and checks programs against it.

usage: cargo lab play [STAGE | FILE] [--pace live|enter|fast]
       cargo lab check STAGE [--server CMD] [--client CMD] [--addr ADDR] [--all]
       cargo lab record FILE...
       cargo lab matrix
       cargo lab load ADDR | --server CMD [--messages N] [--size BYTES]
       cargo lab soak [--connections N] [--seed S] [--stage N]

play    Plays a session live, one column for each terminal. STAGE (1 to 6) plays
        all sessions of that stage, the one that shows what it adds first. FILE
        plays one session. Without either you see one session of each stage.
        --pace enter  waits for the Enter key before each step
        --pace fast   does not wait; this is so when the output is not a terminal
check   Examines the programs of STAGE, in the order of the stages, and stops at
        the first behaviour that fails.
        --server CMD  examines this server instead, such as 'python3 server.py'
        --client CMD  examines this client instead
                      {addr} in CMD is replaced by the address, 127.0.0.1:PORT;
                      without it the address is appended
        --addr ADDR   for a program that cannot be told: it always uses ADDR
        --all         goes on after a failure
record  Plays each FILE and writes what was really printed back into it.
matrix  Plays every behaviour against every stage and prints the table.
load    Sends N messages to a server of stage 5, one by one, and measures it.
soak    Has thousands of clients go wrong, each in a way chosen at random, and after
        each a probe must get exactly its own answer.
        --connections N  N faults in all, 10000 if you do not say, spread evenly
                         over the servers of stages 3 to 6, which run side by side
        --seed S         chooses the same faults in the same order again
        --stage N        all of them to the server of this stage, 3 to 6

exit status: 0 all of it holds, 1 something falls short, 2 wrong usage
";

enum Command {
    Help,
    Play { what: Option<OsString>, pace: Pace },
    Check { stage: u8, cast: Cast, own: bool, all: bool },
    Record(Vec<PathBuf>),
    Matrix,
    Load(Load),
    Soak { connections: u64, seed: Option<u64>, stage: Option<u8> },
}

fn main() -> ExitCode {
    end_everything_on_a_signal();
    let command = match parse(lexopt::Parser::from_env()) {
        Ok(command) => command,
        Err(err) => {
            eprintln!("Error: {err}\nTry: cargo lab --help");
            return ExitCode::from(2);
        }
    };
    let outcome = run(command);
    process::stop_if_ending();
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(err) => {
            eprintln!("Error: {err:#}");
            ExitCode::from(2)
        }
    }
}

/// Programs end with the lab, also when it is interrupted.
fn end_everything_on_a_signal() {
    let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP]) else {
        return;
    };
    thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            process::exit(128 + signal);
        }
    });
}

fn parse(mut parser: lexopt::Parser) -> Result<Command, lexopt::Error> {
    let name = match parser.next()? {
        None | Some(Short('h') | Long("help")) => return Ok(Command::Help),
        Some(Value(name)) => name.string()?,
        Some(other) => return Err(other.unexpected()),
    };
    let mut values: Vec<OsString> = Vec::new();
    let mut pace = None;
    let mut cast = Cast::default();
    let mut all = false;
    let mut messages = 100_000;
    let mut size = 64;
    let (mut connections, mut seed, mut soaked) = (soak::CONNECTIONS, None, None);
    while let Some(argument) = parser.next()? {
        match (name.as_str(), argument) {
            (_, Short('h') | Long("help")) => return Ok(Command::Help),
            ("play", Long("pace")) => pace = Some(parse_pace(&parser.value()?.string()?)?),
            ("check" | "load", Long("server")) => {
                cast.server = Some(parse_words(&parser.value()?.string()?)?)
            }
            ("check", Long("client")) => {
                cast.client = Some(parse_words(&parser.value()?.string()?)?)
            }
            ("check", Long("addr")) => cast.addr = Some(parse_addr(&parser.value()?.string()?)?),
            ("check", Long("all")) => all = true,
            ("load", Long("messages")) => messages = parse_number(&parser.value()?.string()?)?,
            ("load", Long("size")) => size = parse_number(&parser.value()?.string()?)?,
            ("soak", Long("connections")) => {
                let text = parser.value()?.string()?;
                connections =
                    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| {
                        format!("{text:?} is not a number of connections, from 1 on")
                    })?;
            }
            ("soak", Long("seed")) => {
                let text = parser.value()?.string()?;
                let number = text.parse().map_err(|_| format!("{text:?} is not a whole number"))?;
                seed = Some(number);
            }
            ("soak", Long("stage")) => {
                let text = parser.value()?.string()?;
                let stage = text.parse().ok().filter(|stage| soak::STAGES.contains(stage));
                let fault = || format!("soak has no stage {text:?}: 3, 4, 5 or 6");
                soaked = Some(stage.ok_or_else(fault)?);
            }
            ("play" | "check" | "record" | "load", Value(value)) => values.push(value),
            (_, other) => return Err(other.unexpected()),
        }
    }
    if let Some(extra) = values.get(1)
        && name != "record"
    {
        return Err(Value(extra.clone()).unexpected());
    }
    Ok(match name.as_str() {
        "play" => {
            let default = if std::io::stdout().is_terminal() { Pace::Live } else { Pace::Fast };
            Command::Play { what: values.pop(), pace: pace.unwrap_or(default) }
        }
        "check" => {
            let stage = values.pop().ok_or("check needs a stage, 1 to 6")?.string()?;
            let stage = parse_stage(&stage)
                .ok_or_else(|| format!("there is no stage {stage:?}: the stages are 1 to 6"))?;
            let own = cast.server.is_none() && cast.client.is_none();
            if own && cast.addr.is_some() {
                return Err("--addr goes with --server or --client".into());
            }
            Command::Check { stage, cast, own, all }
        }
        "record" if values.is_empty() => return Err("record needs a session file".into()),
        "record" => Command::Record(values.into_iter().map(PathBuf::from).collect()),
        "matrix" => Command::Matrix,
        "load" => {
            if !(1..=load::MAX_SIZE).contains(&size) {
                return Err(format!("a message is 1 to {} bytes", load::MAX_SIZE).into());
            }
            let target = match (values.pop(), cast.server) {
                (Some(addr), None) => Target::Addr(parse_addr(&addr.string()?)?),
                (None, Some(words)) => Target::Program(words),
                _ => return Err("load needs an address or --server, one of them".into()),
            };
            Command::Load(Load { target, messages, size })
        }
        "soak" => Command::Soak { connections, seed, stage: soaked },
        _ => {
            return Err(format!(
                "there is no command {name:?}: play, check, record, matrix, load or soak"
            )
            .into());
        }
    })
}

fn parse_pace(text: &str) -> Result<Pace, lexopt::Error> {
    Ok(match text {
        "live" => Pace::Live,
        "enter" => Pace::Enter,
        "fast" => Pace::Fast,
        _ => return Err(format!("there is no pace {text:?}: live, enter or fast").into()),
    })
}

fn parse_words(text: &str) -> Result<Vec<String>, lexopt::Error> {
    let words = shell_words::split(text).map_err(|err| format!("{err} in {text:?}"))?;
    if words.is_empty() {
        return Err("the command is empty".into());
    }
    Ok(words)
}

fn parse_addr(text: &str) -> Result<SocketAddr, lexopt::Error> {
    text.parse().map_err(|_| format!("{text:?} is not an address, such as 127.0.0.1:5001").into())
}

fn parse_number(text: &str) -> Result<usize, lexopt::Error> {
    text.parse().map_err(|_| format!("{text:?} is not a number").into())
}

fn parse_stage(text: &str) -> Option<u8> {
    text.parse().ok().filter(|stage| STAGES.contains(stage))
}

/// False when something falls short.
fn run(command: Command) -> Result<bool> {
    match command {
        Command::Help => {
            std::io::stdout().write_all(HELP.as_bytes()).context("failed to show the help")?;
        }
        Command::Play { what, pace } => return play(what, pace),
        Command::Check { stage, cast, own, all } => {
            let cast = match own {
                true => {
                    stages::build()?;
                    stages::cast(stage)?
                }
                false => cast,
            };
            return check::check(stage, &cast, all, &mut std::io::stdout());
        }
        Command::Record(files) => {
            let sessions = read_all(&files)?;
            stages::build()?;
            let cast = Cast { programs: stages::programs()?, ..Cast::default() };
            for session in sessions {
                let written = play::record(&session, &cast)?;
                std::fs::write(&session.path, written)
                    .with_context(|| format!("failed to write {}", session.path.display()))?;
            }
        }
        Command::Matrix => {
            stages::build()?;
            let table = check::matrix()?;
            std::io::stdout().write_all(table.as_bytes()).context("failed to show the table")?;
            if let Err(err) = check::compare(&table) {
                eprintln!("{err}");
                return Ok(false);
            }
        }
        Command::Load(load) => {
            let figures = load::run(load)?.to_string();
            std::io::stdout()
                .write_all(figures.as_bytes())
                .context("failed to show the figures")?;
        }
        Command::Soak { connections, seed, stage } => {
            stages::build()?;
            let servers = soak::targets(stage)?;
            let seed = seed.unwrap_or_else(soak::any_seed);
            let patience = soak::PATIENCE;
            let soaked = soak::soak(&soak::Options { connections, seed, servers, patience })?;
            std::io::stdout()
                .write_all(soaked.table.as_bytes())
                .context("failed to show the soak")?;
            for failure in &soaked.failures {
                eprint!("\n{failure}");
            }
            return Ok(soaked.failures.is_empty());
        }
    }
    Ok(true)
}

fn read_all(files: &[PathBuf]) -> Result<Vec<Session>> {
    files.iter().map(|file| Session::read(file)).collect()
}

fn play(what: Option<OsString>, pace: Pace) -> Result<bool> {
    let sessions = match what {
        None => {
            let demo = |(stage, name): (u8, &str)| {
                let file = format!("sessions/{name}.session");
                Session::read(&stages::folder(stage)?.join(file))
            };
            STAGES.zip(DEMOS).map(demo).collect::<Result<Vec<Session>>>()?
        }
        Some(what) => match what.to_str().filter(|text| text.parse::<u64>().is_ok()) {
            Some(text) => {
                let stage = parse_stage(text)
                    .with_context(|| format!("there is no stage {text}: the stages are 1 to 6"))?;
                let mut sessions = stages::sessions(&stages::folder(stage)?)?;
                let is_demo = |name: &str| STAGES.zip(DEMOS).any(|demo| demo == (stage, name));
                sessions.sort_by_key(|session| !is_demo(&session.name()));
                sessions
            }
            None => vec![Session::read(Path::new(&what))?],
        },
    };
    stages::build()?;
    let cast = Cast { programs: stages::programs()?, ..Cast::default() };
    let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let mut holds = true;
    let mut out = std::io::stdout();
    for session in sessions {
        let mut stage =
            Columns::open(&session, &out, pace, colour).context("failed to show the play")?;
        let mut written = Ok(());
        let played = play::play(&session, &cast, &mut |scene| {
            if written.is_ok() {
                written = stage.show(&scene);
            }
        });
        if let Err(report) = played {
            eprintln!("{report}");
            holds = false;
        }
        written.and_then(|()| writeln!(out)).context("failed to show the play")?;
    }
    Ok(holds)
}
