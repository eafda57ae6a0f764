//! `cargo show`: sessions before a class, or before one learner, in live panes.

mod app;
mod desk;
mod kernel;
mod lesson;
mod overlay;
mod pane;
mod record;
mod run;
mod screen;
mod source;
#[cfg(test)]
mod tests;
mod text;
mod theme;
mod view;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Parser;
use lab::course::session::Session;
use lab::course::{notes, schedule, stages};
use lab::rig::process;
use ratatui::crossterm::event::KeyEvent;

use app::App;
use desk::Desk;
use screen::Screen;
use theme::Theme;

/// Shows the sessions of the course, one step at a time, before a class or for yourself.
#[derive(Parser)]
#[command(bin_name = "cargo show", verbatim_doc_comment)]
struct Options {
    /// STAGE (1 to 6): its sessions. STAGE/NAME: begins with that one.
    /// FILE: that session. Nothing: the sessions of a whole lecture.
    #[arg(value_name = "STAGE | STAGE/NAME | FILE", verbatim_doc_comment)]
    what: Option<String>,
    /// Dark letters on white, for bright rooms
    #[arg(long)]
    light: bool,
    /// Follow a show that runs in another window, with the notes for the teacher
    #[arg(long, conflicts_with_all = ["what", "rehearse", "record", "schedule"])]
    notes: bool,
    /// Write the minutes that each session took, from its start to its end, into its notes
    #[arg(long)]
    rehearse: bool,
    /// Write what is seen, one frame a step, into a file that ends in .cast (asciicast), .js or .svg
    #[arg(long, value_name = "FILE")]
    record: Vec<PathBuf>,
    /// Print the plans for a class, from the minutes in the notes
    #[arg(long, exclusive = true)]
    schedule: bool,
}

/// What happens, from whatever side.
pub(crate) enum Event {
    Key(KeyEvent),
    /// The terminal has another size, or somebody else has had it.
    Stale,
    /// The terminal is gone.
    Closed,
    Play(u64, run::News),
    /// Somebody follows from now on.
    Followed,
    /// For the teacher's window: what the first one sends.
    Desk(desk::Sent),
}

/// Nobody sees more pictures in a second.
const FRAME: Duration = Duration::from_millis(16);

fn main() -> ExitCode {
    let outcome = match Options::try_parse() {
        Ok(options) => show(&options),
        Err(err) if !err.use_stderr() => {
            let _ = err.print();
            return ExitCode::SUCCESS;
        }
        Err(err) => {
            // The first paragraph says what is wrong.
            let text = err.to_string();
            let fault = text.split("\n\n").next().unwrap_or_default();
            let fault: Vec<&str> = fault.split_whitespace().skip(1).collect();
            eprintln!("Error: {}\nTry: cargo show --help", fault.join(" "));
            return ExitCode::from(2);
        }
    };
    process::stop_if_ending();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("Error: {err:#}");
            ExitCode::from(2)
        }
    }
}

fn show(options: &Options) -> Result<()> {
    if options.schedule {
        print!("{}", schedule::plans()?);
        return Ok(());
    }
    let what = options.what.as_deref();
    let recorded = !options.record.is_empty();
    if recorded {
        record::usable(&options.record)?;
        let sessions = stages::find(what)?;
        stages::build_only(&sessions)?;
        let (tell, events) = channel();
        screen::end_on_a_signal(|| ())?;
        ratatui::crossterm::style::force_color_output(true);
        let theme = Theme { light: options.light, colour: true, utf8: true };
        let mut app = App::open(sessions, 0, stages::troupe()?, theme, tell, true)?;
        return record::record(&mut app, &events, &options.record);
    }
    screen::usable(what)?;
    if options.notes {
        return desk::follow(Theme::from_env(options.light));
    }
    let (sessions, at) = sessions(what)?;
    stages::build_only(&sessions)?;
    let cast = stages::troupe()?;
    let (tell, events) = channel();
    let theme = Theme::from_env(options.light);
    let desk = Desk::open(&tell)?;
    let screen = Screen::open(&tell)?;
    let mut app = App::open(sessions, at, cast, theme, tell, false)?;
    let shown = watch(&mut app, screen, desk, &events);
    app.leave();
    // Every program ends before the audience has its shell back.
    app.run = None;
    shown?;
    if options.rehearse { rehearsed(&app) } else { Ok(()) }
}

/// The sessions to show, and with which of them it begins.
fn sessions(what: Option<&str>) -> Result<(Vec<Session>, usize)> {
    let Some(what) = what else {
        let lessons = stages::STAGES.map(schedule::lessons).collect::<Result<Vec<_>>>()?;
        return Ok((lessons.into_iter().flatten().map(|(session, _)| session).collect(), 0));
    };
    let named = stages::find(Some(what))?;
    let stage = match named.as_slice() {
        // The others of its stage are one key away.
        [one] => stages::of(one),
        _ => None,
    };
    let Some(stage) = stage else { return Ok((named, 0)) };
    let all = stages::find(Some(&stage.to_string()))?;
    let at = all.iter().position(|session| session.path == named[0].path);
    Ok((all, at.unwrap_or(0)))
}

/// Writes the minutes of the sessions that were shown to their ends into their notes.
fn rehearsed(app: &App) -> Result<()> {
    for (session, time) in app.whole() {
        let file = notes::file(session);
        let name = session.name();
        let Ok(text) = fs::read_to_string(&file) else {
            println!(
                "{name}: {} minutes; it has no notes to write them into",
                notes::minutes(time)
            );
            continue;
        };
        fs::write(&file, notes::with_minutes(&text, time))
            .with_context(|| format!("failed to write {}", file.display()))?;
        println!("{name}: {} minutes", notes::minutes(time));
    }
    Ok(())
}

fn watch(
    app: &mut App,
    mut screen: Screen,
    mut desk: Desk,
    events: &Receiver<Event>,
) -> Result<()> {
    let mut drawn = Instant::now() - FRAME;
    let mut stale = true;
    loop {
        let wait = match stale {
            true => Some(drawn + FRAME),
            false => app.due(),
        };
        let event = match wait {
            Some(until) => events.recv_timeout(until.saturating_duration_since(Instant::now())),
            None => events.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match event {
            Ok(Event::Key(key)) => {
                if !app.key(key) {
                    return Ok(());
                }
                stale = true;
            }
            Ok(Event::Stale) => stale = true,
            Ok(Event::Followed) => desk.show(app, true),
            Ok(Event::Desk(_)) => {}
            Ok(Event::Play(run, news)) => {
                app.news(run, news);
                stale = true;
            }
            Ok(Event::Closed) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Err(RecvTimeoutError::Timeout) => {}
        }
        stale |= app.tick();
        if stale && drawn.elapsed() >= FRAME {
            screen.draw(|frame| app.draw(frame))?;
            desk.show(app, false);
            (drawn, stale) = (Instant::now(), false);
        }
    }
}
