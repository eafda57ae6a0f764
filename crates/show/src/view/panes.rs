//! Who is on: a pane each, with its frame, and what goes on in it.

use lab::play::live::Window;
use lab::rig::proc;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::widgets::{Clear, Widget};

use super::BETWEEN;
use crate::app::App;
use crate::pane;
use crate::text::{self, Row, paragraph, width};
use crate::theme::{Role, Theme};

impl App {
    /// Draws who is on; gives the place of the cursor of the terminal that has the keyboard.
    pub(super) fn panes(
        &self,
        buffer: &mut Buffer,
        area: Rect,
        between: bool,
        windows: &[Window],
    ) -> Option<Position> {
        let actor = self.lesson.act(self.now()).name.as_str();
        let (places, wire) =
            places(&self.lesson.names, actor, self.taken.as_deref(), area, between);
        if let Some(wire) = wire {
            self.between(buffer, wire);
        }
        let mut cursor = None;
        for (name, place) in places {
            let window = windows.iter().find(|window| window.name == name);
            let taken = self.taken.as_deref() == Some(name);
            let role = match (taken, actor == name) {
                (true, _) => Role::Taken,
                (_, true) => Role::Acting,
                _ => Role::Border,
            };
            let status = window.map_or(String::new(), |window| self.status(window));
            let inner = frame(buffer, place, name, &status, role, self.theme);
            match window {
                Some(window) => {
                    let run = self.run.as_ref();
                    let new = run.map(|run| run.mark(window.pid.as_raw())).unwrap_or_default();
                    let ports = self.ports();
                    let drawn = window
                        .look(|screen| pane::draw(buffer, inner, screen, &ports, &new, self.theme));
                    cursor = cursor.or(drawn.filter(|_| taken));
                }
                None => self.log_of(buffer, inner, name),
            }
        }
        cursor
    }

    /// What a raw peer did and got.
    fn log_of(&self, buffer: &mut Buffer, area: Rect, name: &str) {
        let log = self.logs.get(name).map(Vec::as_slice).unwrap_or_default();
        let mut rows: Vec<Row> = Vec::new();
        for (group, text) in log {
            let new = Some(*group) == self.shown();
            let (sign, role) = if new { ("▌", Role::Say) } else { (" ", Role::Plain) };
            for row in paragraph("", text, role, usize::from(area.width.saturating_sub(1))) {
                rows.push([(sign.to_owned(), Role::New)].into_iter().chain(row).collect());
            }
        }
        let first = rows.len().saturating_sub(usize::from(area.height));
        for (row, y) in rows[first..].iter().zip(area.y..) {
            text::write(buffer, area, y, row, self.theme);
        }
    }

    /// What a program does now, for the title of its pane; nothing where nobody knows.
    pub(super) fn status(&self, window: &Window) -> String {
        let (exit, flooded, lines) = window.look(|screen| {
            (screen.exit().map(ToString::to_string), screen.flooded(), screen.finished())
        });
        if let Some(exit) = exit {
            return exit;
        }
        if flooded {
            return if self.recorded { "runs".to_owned() } else { format!("runs: {lines} lines") };
        }
        match window.waits().as_deref() {
            Some("waits for the keyboard") => "at the keyboard".to_owned(),
            Some(waits) => match waits.strip_prefix("waits in ") {
                Some(call) => format!("in {call}()"),
                None => waits.to_owned(),
            },
            None if proc::stat(window.pid).is_some_and(|stat| stat.state == 'R') => {
                "runs".to_owned()
            }
            None => String::new(),
        }
    }
}

/// Draws a frame with its title and, at the right, what goes on in it; the area inside.
pub(crate) fn frame(
    buffer: &mut Buffer,
    area: Rect,
    title: &str,
    status: &str,
    role: Role,
    theme: Theme,
) -> Rect {
    let inner = Rect {
        x: area.x + 1,
        y: area.y + 1,
        width: area.width.saturating_sub(2),
        height: area.height.saturating_sub(2),
    };
    // What lies below does not shine through.
    Clear.render(area, buffer);
    if area.width < 4 || area.height < 2 {
        return Rect { width: 0, height: 0, ..inner };
    }
    let across = usize::from(area.width - 2);
    let [a, b, c, d, e, f] = if role == Role::Taken {
        ["┏", "━", "┓", "┃", "┗", "┛"]
    } else {
        ["╭", "─", "╮", "│", "╰", "╯"]
    };
    let room = across.saturating_sub(width(title) + 4);
    // Where it is narrow, the last word is enough.
    let status = if width(status) + 2 <= room {
        status
    } else {
        status.rsplit(' ').next().unwrap_or(status)
    };
    let status = if width(status) + 2 <= room && !status.is_empty() {
        format!(" {status} ")
    } else {
        String::new()
    };
    let dashes = b.repeat(across.saturating_sub(width(title) + width(&status) + 3));
    let top = [
        (format!("{a}{b}"), role),
        (format!(" {title} "), if role == Role::Border { Role::Say } else { role }),
        (dashes, role),
        (status, Role::Status),
        (c.to_owned(), role),
    ];
    text::write(buffer, area, area.y, &top, theme);
    for y in inner.y..area.bottom() - 1 {
        for x in [area.x, area.right() - 1] {
            buffer[(x, y)].set_symbol(d).set_style(theme.style(role));
        }
    }
    text::write(
        buffer,
        area,
        area.bottom() - 1,
        &[(format!("{e}{}{f}", b.repeat(across)), role)],
        theme,
    );
    inner
}

/// Who has which place, and where the wire is. Where there is no room for all, the first one and who acts are shown.
fn places<'a>(
    names: &'a [String],
    actor: &'a str,
    taken: Option<&'a str>,
    area: Rect,
    between: bool,
) -> (Vec<(&'a str, Rect)>, Option<Rect>) {
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    if let (true, [first, second]) = (between, all.as_slice()) {
        let [left, wire, right] = Layout::horizontal([
            Constraint::Fill(1),
            Constraint::Length(BETWEEN.1),
            Constraint::Fill(1),
        ])
        .areas(area);
        return (vec![(*first, left), (*second, right)], Some(wire));
    }
    let columns = |names: Vec<&'a str>, area: Rect| {
        let areas = Layout::horizontal(vec![Constraint::Fill(1); names.len()]).split(area);
        names.into_iter().zip(areas.iter().copied()).collect::<Vec<_>>()
    };
    let others = u16::try_from(all.len().saturating_sub(1)).unwrap_or(u16::MAX);
    if others <= 1 || area.width / (others + 1) >= 38 {
        return (columns(all, area), None);
    }
    let [left, right] = Layout::horizontal([Constraint::Fill(1); 2]).areas(area);
    if right.height / others >= 4 {
        let areas = Layout::vertical(vec![Constraint::Fill(1); usize::from(others)]).split(right);
        let rest = all[1..].iter().copied().zip(areas.iter().copied());
        return (std::iter::once((all[0], left)).chain(rest).collect(), None);
    }
    let wanted = taken.unwrap_or(actor);
    let second = if wanted == all[0] { all[1] } else { wanted };
    (columns(vec![all[0], second], area), None)
}
