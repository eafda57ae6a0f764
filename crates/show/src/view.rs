//! The view: a line at the top, the terminals, the kernel, the wire, what there is to say, the keys.

mod caption;
mod panes;
mod sources;
mod wire;

use lab::play::live::Window;
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use crate::app::{App, State};
use crate::kernel::Known;
use crate::text::{self, paragraph, width};
use crate::theme::Role;
pub(crate) use panes::frame;

/// In a smaller window there is no room for a play.
pub(crate) const LEAST: (u16, u16) = (50, 14);
/// From here on the sources have a place beside the terminals.
const ROOMY: (u16, u16) = (120, 38);
/// From this width on the wire is drawn between two terminals, this wide.
const BETWEEN: (u16, u16) = (100, 22);

/// What the keys do, and how much each is wanted where there is no room for all.
const KEYS: [(&str, u8); 13] = [
    ("Enter next", 0),
    ("b back", 3),
    ("n/p session", 9),
    ("g list", 7),
    ("t type", 4),
    ("s source", 5),
    ("w wire", 6),
    ("d diff", 8),
    ("r again", 10),
    ("a auto", 11),
    (". notes", 12),
    ("? help", 1),
    ("q quit", 2),
];

impl App {
    pub(crate) fn draw(&mut self, frame: &mut Frame) {
        let area = frame.area();
        let theme = self.theme;
        if area.width < LEAST.0 || area.height < LEAST.1 {
            let small = format!(
                "{}x{} is too small: show needs {}x{}.",
                area.width, area.height, LEAST.0, LEAST.1
            );
            let rows = paragraph("", &small, Role::Plain, usize::from(area.width));
            text::write_all(frame.buffer_mut(), area, &rows, theme);
            theme.finish(frame.buffer_mut());
            return;
        }
        let cells = usize::from(area.width);
        let windows = self.windows();
        let known = self.known(&windows);
        let between =
            self.lesson.names.len() == 2 && self.lesson.story.is_some() && area.width >= BETWEEN.0;
        let strip = self.lesson.story.is_some() && !between;
        let caption = self.caption(cells);
        // In a small window a question and its answers are wanted before the kernel and the wire.
        let small = area.height < 18 && caption[1].len() + 9 > usize::from(area.height);
        let (known, strip) = (known.filter(|_| !small), strip && !small);
        let lines = 2 + u16::from(known.is_some()) + u16::from(strip);
        let roomy = area.width >= ROOMY.0 && area.height >= ROOMY.1;
        let sources = roomy != self.sources && !self.lesson.sources.is_empty();
        let wanted = u16::try_from(caption.iter().map(Vec::len).sum::<usize>()).unwrap_or(u16::MAX);
        let [least, panes] = match (area.height, sources && !roomy) {
            (..18, _) => [3, 5],
            (_, true) => [5, 12],
            (_, false) => [5, 8],
        };
        let below = wanted.clamp(least, (area.height - lines - panes).max(least));
        let [top, middle, kernel, wire, below, keys] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Min(panes),
            Constraint::Length(u16::from(known.is_some())),
            Constraint::Length(u16::from(strip)),
            Constraint::Length(below),
            Constraint::Length(1),
        ])
        .areas(area);
        let [panes, source] = match (sources, roomy) {
            (false, _) => [middle, Rect::ZERO],
            (true, true) => {
                Layout::vertical([Constraint::Ratio(2, 5), Constraint::Ratio(3, 5)]).areas(middle)
            }
            (true, false) => [Rect::ZERO, middle],
        };
        let buffer = frame.buffer_mut();
        self.top(buffer, top);
        let cursor =
            if panes.is_empty() { None } else { self.panes(buffer, panes, between, &windows) };
        if !source.is_empty() {
            self.draw_sources(buffer, source, &windows);
        }
        if let Some(known) = known {
            text::write(buffer, kernel, kernel.y, &known.row(cells), theme);
        }
        if strip {
            text::write(buffer, wire, wire.y, &self.strip(cells), theme);
        }
        let [seen, coming] = caption;
        let caption = text::fit(seen, coming, usize::from(below.height));
        text::write_all(buffer, below, &caption, theme);
        self.keys_line(buffer, keys);
        if let Some(mut overlay) = self.overlay.take() {
            overlay.draw(buffer, Rect { height: area.height - 2, y: 1, ..area }, theme);
            self.overlay = Some(overlay);
        } else if let Some(place) = cursor {
            frame.set_cursor_position(place);
        }
        theme.finish(frame.buffer_mut());
    }

    /// The group that the audience has seen last, or sees now.
    pub(crate) fn shown(&self) -> Option<usize> {
        match self.state {
            State::Ready => self.group.checked_sub(1),
            _ => Some(self.now()),
        }
    }

    fn known(&mut self, windows: &[Window]) -> Option<Known> {
        if self.recorded
            && let Some(story) = &self.lesson.story
        {
            return self.shown().map(|group| Known::recorded(story, group));
        }
        let ports = self.run.as_ref()?.audience.ports();
        self.eyes.look(windows, ports)
    }

    fn top(&self, buffer: &mut Buffer, area: Rect) {
        let steps = self.lesson.groups.len();
        let done = self.group.min(steps);
        let stage = self.lesson.stage.map_or(String::new(), |stage| format!("Stage {stage}  "));
        let of = if self.count() > 1 {
            format!("  {}/{}", self.at + 1, self.count())
        } else {
            String::new()
        };
        let mut left = format!(" {stage}{}{of}   step {done}/{steps} ", self.lesson.session.name());
        if steps <= 20 && width(&left) + steps < usize::from(area.width) {
            left += &("■".repeat(done) + &"□".repeat(steps - done));
        }
        if self.auto {
            left += "  auto";
        }
        let minutes = self.opened.elapsed().as_secs() / 60;
        let clock = self
            .notes_time()
            .map(|time| format!(" {minutes} of {} min ", lab::course::notes::minutes(time)));
        let late = self.notes_time().is_some_and(|time| self.opened.elapsed() > time);
        let role = if late { Role::Here } else { Role::Bar };
        let line = left.clone() + &" ".repeat(usize::from(area.width).saturating_sub(width(&left)));
        text::write(buffer, area, area.y, &[(line, Role::Bar)], self.theme);
        if let Some(clock) =
            clock.filter(|clock| width(clock) + width(&left) < usize::from(area.width))
        {
            let at = Rect { x: area.right() - u16::try_from(width(&clock)).unwrap_or(0), ..area };
            text::write(buffer, at, area.y, &[(clock, role)], self.theme);
        }
    }

    fn keys_line(&self, buffer: &mut Buffer, area: Rect) {
        let (text, role) = match &self.taken {
            Some(name) => (
                format!(
                    " YOUR KEYBOARD types into: {name}   Tab: the next one   Esc: back to the play"
                ),
                Role::Here,
            ),
            None => {
                let first = match self.state {
                    State::Done if self.at + 1 < self.count() => "Enter next session",
                    State::Failed(_) => "e report",
                    _ => KEYS[0].0,
                };
                let length = |most| {
                    let shown = KEYS.iter().filter(|(_, wanted)| *wanted <= most);
                    shown.map(|(key, _)| key.len() + 2).sum::<usize>() + first.len()
                        - KEYS[0].0.len()
                };
                let most = (0..=12)
                    .rev()
                    .find(|most| length(*most) <= usize::from(area.width))
                    .unwrap_or(0);
                let keys =
                    KEYS[1..].iter().filter(|(_, wanted)| *wanted <= most).map(|(key, _)| *key);
                (
                    std::iter::once(first)
                        .chain(keys)
                        .fold(String::new(), |line, key| line + " " + key + " "),
                    Role::Keys,
                )
            }
        };
        let text = text.clone() + &" ".repeat(usize::from(area.width).saturating_sub(width(&text)));
        text::write(buffer, area, area.y, &[(text, role)], self.theme);
    }
}
