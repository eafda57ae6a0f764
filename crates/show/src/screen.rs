//! The terminal of the audience: taken over, drawn on, and given back clean, however it ends.

use std::env;
use std::io::{self, IsTerminal, Stdout};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Mutex, PoisonError, TryLockError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use lab::rig::process;
use nix::sys::termios::{FlushArg, tcflush};
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{self, KeyEventKind};
use ratatui::crossterm::{cursor, execute, style, terminal};
use ratatui::{Frame, Terminal};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::Event;

/// Held while somebody draws, and for good once the terminal is given back: nobody draws after that.
static DRAWING: Mutex<()> = Mutex::new(());

/// Somebody else has had the terminal: nothing on it is what was drawn.
static STALE: AtomicBool = AtomicBool::new(false);

/// In milliseconds.
const LONGEST_DRAWING: usize = 100;

pub(crate) struct Screen(Terminal<CrosstermBackend<Stdout>>);

/// Can this terminal show panes?
///
/// # Errors
///
/// It cannot; the message says what can be used there.
pub(crate) fn usable(what: Option<&str>) -> Result<()> {
    let instead = format!("cargo lab play {}", what.unwrap_or_default());
    let instead = instead.trim_end();
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        bail!("cargo show needs a terminal: use {instead}, which prints lines");
    }
    match env::var("TERM").as_deref() {
        Err(_) | Ok("" | "dumb") => {
            bail!(
                "this terminal cannot move its cursor (TERM is dumb): use {instead}, which prints lines"
            )
        }
        Ok(_) => Ok(()),
    }
}

impl Screen {
    /// Takes the terminal over, and tells of its keys from then on.
    ///
    /// # Errors
    ///
    /// The terminal does not let it.
    pub(crate) fn open(tell: &Sender<Event>) -> Result<Screen> {
        // Which colours there are is decided by the theme alone.
        style::force_color_output(true);
        give_back_on_a_panic();
        end_on_a_signal(give_back)?;
        take().context("failed to take the terminal over")?;
        // Whoever pressed keys while the programs were built did not see what they would do.
        let _ = tcflush(io::stdin(), FlushArg::TCIFLUSH);
        take_again_after_a_stop(tell.clone())?;
        let screen = Screen(blank()?);
        let tell = tell.clone();
        thread::spawn(move || {
            loop {
                let event = match event::read() {
                    Ok(event::Event::Key(key)) if key.kind != KeyEventKind::Release => {
                        Event::Key(key)
                    }
                    Ok(event::Event::Resize(..)) => Event::Stale,
                    Ok(_) => continue,
                    Err(_) => Event::Closed,
                };
                let closed = matches!(event, Event::Closed);
                if tell.send(event).is_err() || closed {
                    return;
                }
            }
        });
        Ok(screen)
    }

    /// # Errors
    ///
    /// The terminal is gone.
    pub(crate) fn draw(&mut self, draw: impl FnOnce(&mut Frame)) -> Result<()> {
        let _turn = DRAWING.lock().unwrap_or_else(PoisonError::into_inner);
        if STALE.swap(false, Ordering::Relaxed) {
            self.0 = blank()?;
        }
        self.0.draw(draw).context("failed to draw")?;
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn take() -> io::Result<()> {
    terminal::enable_raw_mode()?;
    let everything = terminal::Clear(terminal::ClearType::All);
    execute!(io::stdout(), terminal::EnterAlternateScreen, everything, cursor::Hide)
}

fn blank() -> Result<Terminal<CrosstermBackend<Stdout>>> {
    Terminal::new(CrosstermBackend::new(io::stdout())).context("failed to read the terminal's size")
}

/// Takes the terminal over once more when this process goes on after a stop (SIGSTOP): a shell had it meanwhile.
fn take_again_after_a_stop(tell: Sender<Event>) -> Result<()> {
    let mut signals = Signals::new([SIGCONT]).context("failed to listen to signals")?;
    thread::spawn(move || {
        for _ in signals.forever() {
            let turn = DRAWING.lock().unwrap_or_else(PoisonError::into_inner);
            // What is believed to be raw already is not set.
            let _ = terminal::disable_raw_mode().and_then(|()| take());
            STALE.store(true, Ordering::Relaxed);
            drop(turn);
            if tell.send(Event::Stale).is_err() {
                return;
            }
        }
    });
    Ok(())
}

/// Gives the terminal back as it was. Whoever draws finishes first; but the one who draws may be the one who panicked.
fn give_back() {
    for _ in 0..LONGEST_DRAWING {
        match DRAWING.try_lock() {
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(1)),
            turn => {
                std::mem::forget(turn);
                break;
            }
        }
    }
    let _ = terminal::disable_raw_mode();
    let _ = execute!(io::stdout(), cursor::Show, terminal::LeaveAlternateScreen);
}

fn give_back_on_a_panic() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        give_back();
        usual(panic);
        process::exit(101);
    }));
}

/// Ends this process and all that it started on a signal, after `before`.
///
/// # Errors
///
/// The system does not let it.
pub(crate) fn end_on_a_signal(before: fn()) -> Result<()> {
    let mut signals =
        Signals::new([SIGINT, SIGTERM, SIGHUP]).context("failed to listen to signals")?;
    thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            before();
            process::exit(128 + signal);
        }
    });
    Ok(())
}
