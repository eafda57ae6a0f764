//! `cargo lab`: runs one command, and turns what came of it into an exit status.

mod cli;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

use cli::Command;
use lab::course::cast::Cast;
use lab::course::draft;
use lab::course::session::Session;
use lab::course::stages::{self, STAGES};
use lab::rig::{keeper, process};
use lab::stand::{bench, load, soak};
use lab::view::{self, Columns, Look, Pace};
use lab::wire::story::Story;
use lab::wire::{files, open, record};
use lab::{check, docs, learn, mutants, play};

/// How long the end of a session stays before the next one begins, at the live pace.
const BETWEEN: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let outcome = match cli::parse() {
        Ok(Command::Keep { mark }) => {
            keeper::keep(&mark);
            return ExitCode::SUCCESS;
        }
        Ok(command) => process::guard().and_then(|()| run(command)),
        Err((text, true)) => print(&text).map(|()| true),
        Err((text, false)) => {
            eprint!("{text}");
            return ExitCode::from(2);
        }
    };
    process::stop_if_ending();
    let status = match outcome {
        Ok(true) => 0,
        Ok(false) => 1,
        Err(err) => {
            eprintln!("Error: {err:#}");
            2
        }
    };
    // Somebody who quits does not wait for what another thread has begun.
    process::exit(status)
}

/// Programs end with the lab, also when it is interrupted.
fn end_everything_on_a_signal() {
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGQUIT]) else {
        return;
    };
    thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            process::exit(128 + signal);
        }
    });
}

/// False when something falls short.
fn run(command: Command) -> Result<bool> {
    // A recording begins while there is one thread.
    if let Command::Wire(options) = &command {
        return wire(options);
    }
    end_everything_on_a_signal();
    match command {
        Command::Play(options) => return play(&options),
        Command::Check(options) => return check(options),
        Command::Learn(options) => return learn::learn(options.options(has_colour())),
        Command::New { name } => {
            let path = draft::write(&name)?.display().to_string();
            let word = shell_words::quote(&path);
            print(&format!("{path} plays as it is: cargo lab play {word}\n"))?;
        }
        Command::Record { what } => {
            let sessions = what.iter().map(|what| stages::find(Some(what)));
            let sessions = sessions.collect::<Result<Vec<Vec<Session>>>>()?.concat();
            stages::build_for(&sessions)?;
            for session in sessions {
                let written = play::record(&session, &stages::troupe()?)?;
                std::fs::write(&session.path, written)
                    .with_context(|| format!("failed to write {}", session.path.display()))?;
            }
        }
        Command::Matrix => {
            stages::build()?;
            let table = check::matrix()?;
            print(&table)?;
            if let Err(err) = check::compare(&table) {
                eprintln!("{err}");
                return Ok(false);
            }
        }
        Command::Mutants(options) => {
            stages::build()?;
            let sample = options.sample.map(|sample| sample as usize);
            return mutants::run(sample, options.stage, &mut std::io::stdout());
        }
        Command::Load(options) => {
            let load = options.load().context("the load needs a server")?;
            print(&load::run(&load)?.to_string())?;
        }
        Command::Bench(options) => print(&bench::run(&options.options())?)?,
        Command::Wire(_) | Command::Keep { .. } => {}
        Command::Book => docs::open()?,
        Command::Docs { check } => {
            stages::build()?;
            if !check {
                let changed = docs::write()?;
                print(
                    &changed.iter().map(|page| format!("{}\n", page.display())).collect::<String>(),
                )?;
            } else if let Some(difference) = docs::check()? {
                eprintln!("{difference}");
                return Ok(false);
            }
        }
        Command::Soak(options) => {
            stages::build()?;
            let soaked = soak::soak(&soak::Options {
                connections: options.connections,
                seed: options.seed.unwrap_or_else(soak::any_seed),
                servers: soak::programs(options.stage)?,
                patience: soak::PATIENCE,
            })?;
            print(&soaked.table)?;
            for failure in &soaked.failures {
                eprint!("\n{failure}");
            }
            return Ok(soaked.failures.is_empty());
        }
    }
    Ok(true)
}

fn play(options: &cli::Play) -> Result<bool> {
    let sessions = stages::find(options.what.as_deref())?;
    stages::build_for(&sessions)?;
    let cast = stages::troupe()?;
    let mut out = std::io::stdout();
    let terminal = out.is_terminal();
    let pace = options.pace.unwrap_or(if terminal { Pace::Live } else { Pace::Fast });
    let colour = has_colour();
    let types = terminal && pace != Pace::Fast;
    let look = Look { pace, colour, types, width: view::width() };
    let mut holds = true;
    for (number, session) in sessions.iter().enumerate() {
        if number > 0 {
            // What has been shown stays before the eyes until somebody has seen it.
            let next = format!("the next session, {}", session.name());
            match pace {
                Pace::Enter => view::stop(&mut out, &next).context("failed to show the play")?,
                Pace::Live if terminal => thread::sleep(BETWEEN),
                _ => {}
            }
        }
        let view = match options.wire {
            true => {
                let recording = Story::read(&files::recorded(session)?);
                Columns::open_with_wire(session, recording, &out, look)
            }
            false => Columns::open(session, &out, look),
        };
        let mut view = view.context("failed to show the play")?;
        let mut written = Ok(());
        let played = play::play(session, &cast, &mut |scene| {
            if written.is_ok() {
                written = view.show(&scene);
            }
        });
        if let Err(report) = played {
            eprintln!("{report}");
            holds = false;
        }
        let closed = written.and_then(|()| view.close());
        closed.and_then(|()| writeln!(out)).context("failed to show the play")?;
    }
    Ok(holds)
}

fn check(mut options: cli::Check) -> Result<bool> {
    let (what, how) = (options.what.clone(), options.how());
    let (json, junit) = (options.json, options.junit.take());
    let cast = match options.cast() {
        Some(cast) => {
            what.suits(&cast)?;
            cast
        }
        None => what.own()?,
    };
    let out = &mut std::io::stdout();
    match json || junit.is_some() {
        true => check::mark(&what, &cast, how, junit.as_deref(), json, out),
        false => check::print(&what.demanded()?, &cast, how, out),
    }
}

/// Records sessions; false when, with `--check`, one differs from its file.
fn wire(options: &cli::Wire) -> Result<bool> {
    let sessions = match options.what.is_empty() {
        true => {
            let all = STAGES.map(|stage| stage.to_string()).chain(["after".to_owned()]);
            all.map(|what| stages::find(Some(&what))).collect::<Result<Vec<_>>>()
        }
        false => options.what.iter().map(|what| stages::find(Some(what))).collect::<Result<_>>(),
    };
    let sessions: Vec<Session> = sessions?.into_iter().flatten().collect();
    let [server, client] = options.parts();
    let own = server.is_some() || client.is_some();
    if (own || options.open) && !options.print {
        return show(&sessions, own);
    }
    stages::build_for(&sessions)?;
    // What follows has no network but its own, and this comes before there is a second thread.
    record::enter()?;
    end_everything_on_a_signal();
    let cast = Cast { server, client, ..stages::troupe()? };
    let recorded = record::for_each(&sessions, |session| {
        let text = record::record(session, &cast)?;
        let drawn = if options.print { Vec::new() } else { files::drawn(session, &text).to_vec() };
        anyhow::Ok((text, drawn))
    });
    let mut same = true;
    for (session, recorded) in sessions.iter().zip(recorded) {
        let (text, drawn) = recorded?;
        if options.print {
            print(&text)?;
            continue;
        }
        for (file, text) in [(files::recording(session), text)].into_iter().chain(drawn) {
            if !options.check {
                std::fs::write(&file, text)
                    .with_context(|| format!("failed to write {}", file.display()))?;
            } else if let Some(difference) = files::compare(&file, &text)? {
                eprintln!("{difference}");
                same = false;
                break;
            }
        }
    }
    Ok(same)
}

/// Does standard output show colours, and may it? (no-color.org, and terminals that call themselves dumb)
fn has_colour() -> bool {
    let forbidden = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    std::io::stdout().is_terminal() && !forbidden && !dumb
}

/// Shows one session in the browser, as it has been recorded; somebody's own programs are recorded now.
fn show(sessions: &[Session], own: bool) -> Result<bool> {
    let [session] = sessions else { bail!("one session is shown at a time: STAGE/NAME") };
    end_everything_on_a_signal();
    let recording = if own { open::recorded_apart()? } else { Some(files::recorded(session)?) };
    let Some(recording) = recording else { return Ok(false) };
    let page = open::page(session, &recording)?;
    print(&format!("{}\n", page.display()))?;
    if let Err(err) = open::browse(&page) {
        eprintln!("{err}");
    }
    Ok(true)
}

fn print(text: &str) -> Result<()> {
    std::io::stdout().write_all(text.as_bytes()).context("failed to print")
}
