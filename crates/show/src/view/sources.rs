//! The sources, and the line in which each program waits.

use lab::play::live::Window;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::ROOMY;
use super::panes::frame;
use crate::app::App;
use crate::source::Source;
use crate::text::{self, width};
use crate::theme::{Role, Theme};

impl App {
    /// The sources side by side, or one above the other; the line in which each program waits is marked.
    pub(super) fn draw_sources(&self, buffer: &mut Buffer, area: Rect, windows: &[Window]) {
        let sources = &self.lesson.sources;
        let parts = vec![Constraint::Fill(1); sources.len()];
        let layout =
            if area.width < ROOMY.0 { Layout::vertical(parts) } else { Layout::horizontal(parts) };
        for (source, area) in sources.iter().zip(layout.split(area).iter()) {
            let waits: Vec<(&str, Option<usize>, String)> = windows
                .iter()
                .filter(|window| source.names.contains(&window.name))
                .map(|window| {
                    (
                        window.name.as_str(),
                        window.waits().and_then(|waits| source.line(&waits)),
                        self.status(window),
                    )
                })
                .collect();
            let status: Vec<String> = match waits.as_slice() {
                [(_, _, status)] => vec![status.clone()],
                more => more.iter().map(|(name, _, status)| format!("{name} {status}")).collect(),
            };
            // Half of it would be said of the wrong one.
            let status = status.join(", ");
            let fits = width(&status) + width(&source.file) + 8 <= usize::from(area.width);
            let status = if fits || waits.len() == 1 { status.as_str() } else { "" };
            let inner = frame(buffer, *area, &source.file, status, Role::Border, self.theme);
            draw_source(buffer, inner, source, &waits, self.theme);
        }
    }
}

fn draw_source(
    buffer: &mut Buffer,
    area: Rect,
    source: &Source,
    waits: &[(&str, Option<usize>, String)],
    theme: Theme,
) {
    let height = usize::from(area.height);
    let here = waits.iter().find_map(|(_, line, _)| *line).unwrap_or(0);
    let first = here.saturating_sub(height / 2).min(source.lines.len().saturating_sub(height));
    let cells = usize::from(area.width);
    for (y, (number, line)) in
        (area.y..area.bottom()).zip(source.lines.iter().enumerate().skip(first))
    {
        let who: Vec<&str> = waits
            .iter()
            .filter(|(_, line, _)| *line == Some(number))
            .map(|(name, ..)| *name)
            .collect();
        let shown = format!("{}{:3} {line}", if who.is_empty() { " " } else { "▶" }, number + 1);
        let role = if who.is_empty() { Role::Plain } else { Role::Here };
        let fill = if who.is_empty() { String::new() } else { " ".repeat(cells) };
        text::write(buffer, area, y, &[(shown + &fill, role)], theme);
        if waits.len() > 1 && !who.is_empty() {
            let who = format!(" {} ", who.join(", "));
            let x =
                area.right().saturating_sub(u16::try_from(width(&who)).unwrap_or(0)).max(area.x);
            text::write(
                buffer,
                Rect { x, width: area.right() - x, ..area },
                y,
                &[(who, Role::Here)],
                theme,
            );
        }
    }
}
