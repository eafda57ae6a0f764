//! What the keys do.

use std::time::Instant;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{App, State};
use crate::overlay::Overlay;

impl App {
    /// False when it is time to leave.
    pub(crate) fn key(&mut self, key: KeyEvent) -> bool {
        self.changed = (Instant::now(), 0);
        if !matches!(self.state, State::Busy) {
            // The automatic pace gives the time to read anew.
            self.since = self.changed.0;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        if self.taken.is_some() {
            self.type_freely(key);
            return true;
        }
        self.message = None;
        if control {
            return key.code != KeyCode::Char('c');
        }
        if let Some(mut overlay) = self.overlay.take() {
            match overlay.key(key.code) {
                Ok(true) => self.overlay = Some(overlay),
                Ok(false) => {}
                Err((at, group)) if at == self.at => self.play(group),
                Err((at, group)) => self.load(at, group),
            }
            return true;
        }
        match key.code {
            KeyCode::Char('q') => return false,
            KeyCode::Enter | KeyCode::Char(' ') | KeyCode::PageDown | KeyCode::Right => self.next(),
            KeyCode::Char('b') | KeyCode::PageUp | KeyCode::Left => self.back(),
            KeyCode::Char('r') => self.play(0),
            KeyCode::Char('n') if self.at + 1 < self.count() => self.load(self.at + 1, 0),
            KeyCode::Char('p') if self.at > 0 => self.load(self.at - 1, 0),
            KeyCode::Char('n') => self.message = Some("This is the last session.".to_owned()),
            KeyCode::Char('p') => self.message = Some("This is the first session.".to_owned()),
            KeyCode::Char('a') => self.auto = !self.auto,
            KeyCode::Char('t') => self.take(),
            KeyCode::Char('s') => self.sources = !self.sources,
            KeyCode::Char('.') => self.teacher = !self.teacher,
            KeyCode::Char('g') => self.overlay = Some(Overlay::list(self)),
            KeyCode::Char('d') => self.overlay = Some(Overlay::diff(self.lesson.stage)),
            KeyCode::Char('w') => self.overlay = Some(Overlay::story(self)),
            KeyCode::Char('?') => self.overlay = Some(Overlay::help(self)),
            KeyCode::Char('e') => match &self.state {
                State::Failed(report) => self.overlay = Some(Overlay::report(report)),
                _ => {
                    self.message = Some(
                        "e shows the report of a step that did not hold; so far all did."
                            .to_owned(),
                    )
                }
            },
            KeyCode::Char(letter @ ('A'..='F' | '1'..='6')) => self.choose(letter),
            _ => {}
        }
        true
    }

    /// Somebody says beforehand what will be seen.
    fn choose(&mut self, letter: char) {
        let predict = self.lesson.note(self.group).and_then(|note| note.predict.as_ref());
        let Some(predict) = predict.filter(|_| self.ready()) else { return };
        let number = letter.to_digit(10).map(|digit| digit as usize - 1);
        let answer = predict
            .answers
            .iter()
            .enumerate()
            .find(|(at, answer)| answer.letter == letter || Some(*at) == number);
        if let Some((_, answer)) = answer {
            self.chosen.insert(self.group, answer.letter);
        }
    }

    /// Gives the keyboard to the terminal that acted last, or to another that runs.
    fn take(&mut self) {
        if matches!(self.state, State::Busy) {
            return;
        }
        let last = self.group.checked_sub(1).map(|group| self.lesson.act(group).name.clone());
        let running = self.running();
        let one = running.iter().rev().find(|name| Some(*name) == last.as_ref()).or(running.last());
        self.taken = one.cloned();
        if self.taken.is_none() {
            self.message = Some("No program runs that you could type to.".to_owned());
        }
    }

    /// The terminals whose programs run.
    fn running(&self) -> Vec<String> {
        let running = self
            .windows()
            .into_iter()
            .filter(|window| window.look(|screen| screen.exit().is_none()));
        running.map(|window| window.name).collect()
    }

    fn type_freely(&mut self, key: KeyEvent) {
        let bytes: Vec<u8> = match key.code {
            KeyCode::Esc => {
                self.taken = None;
                if self.strayed {
                    self.play(self.group);
                }
                return;
            }
            KeyCode::Tab => {
                let running = self.running();
                let at = running.iter().position(|name| Some(name) == self.taken.as_ref());
                let next = at.map_or(0, |at| (at + 1) % running.len().max(1));
                self.taken = running.get(next).cloned().or(self.taken.take());
                return;
            }
            KeyCode::Char(letter) if key.modifiers.contains(KeyModifiers::CONTROL) => {
                vec![(letter.to_ascii_lowercase() as u8) & 0x1f]
            }
            KeyCode::Char(letter) => letter.to_string().into_bytes(),
            KeyCode::Enter => b"\r".to_vec(),
            KeyCode::Backspace => vec![0x7f],
            KeyCode::Delete => b"\x1b[3~".to_vec(),
            KeyCode::Home => b"\x1b[H".to_vec(),
            KeyCode::End => b"\x1b[F".to_vec(),
            KeyCode::Up => b"\x1b[A".to_vec(),
            KeyCode::Down => b"\x1b[B".to_vec(),
            KeyCode::Right => b"\x1b[C".to_vec(),
            KeyCode::Left => b"\x1b[D".to_vec(),
            _ => return,
        };
        self.strayed = true;
        let windows = self.windows();
        let window = windows.iter().find(|window| Some(&window.name) == self.taken.as_ref());
        if let Some(window) = window {
            // A program that has ended hears nothing; its pane says that it has ended.
            let _ = window.press(&bytes);
        }
    }
}
