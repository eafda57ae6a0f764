//! The view: a line at the top, the terminals, the kernel, the wire, what there is to say, the keys.

use lab::play::live::Window;
use lab::rig::process;
use lab::wire::story::{Sent, Side};
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use crate::app::{App, State};
use crate::kernel::Known;
use crate::lesson::words;
use crate::pane;
use crate::source::Source;
use crate::text::{self, Row, paragraph, width};
use crate::theme::{Role, Theme};

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
        let windows = self.run.as_ref().map(|run| run.audience.windows()).unwrap_or_default();
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
            _ => Some(self.group.min(self.lesson.groups.len() - 1)),
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

    /// Draws who is on; gives the place of the cursor of the terminal that has the keyboard.
    fn panes(
        &self,
        buffer: &mut Buffer,
        area: Rect,
        between: bool,
        windows: &[Window],
    ) -> Option<ratatui::layout::Position> {
        let actor = self.lesson.act(self.group.min(self.lesson.groups.len() - 1)).name.as_str();
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
                    let ports = run.map(|run| run.audience.ports()).unwrap_or_default();
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

    fn sent(&self) -> Vec<Sent> {
        let story = self.lesson.story.as_ref();
        // Nobody sees the wire of a step before the step is over.
        let shown = if self.busy() { None } else { self.shown() };
        story.zip(shown).map(|(story, group)| story.sent(group)).unwrap_or_default()
    }

    /// The wire as one row.
    fn strip(&self, cells: usize) -> Row {
        let mut row = vec![(" wire ".to_owned(), Role::Keys), ("   ".to_owned(), Role::Plain)];
        let sent = self.sent();
        if sent.is_empty() {
            row.push(("nothing".to_owned(), Role::Dim));
        }
        let length = |sent: &Sent| width(&sent.words) + width(&self.end(sent)) + 6;
        let data = |sent: &Sent| if sent.data.is_empty() { 0 } else { width(&sent.data) + 1 };
        let with_data = sent.iter().map(|sent| length(sent) + data(sent)).sum::<usize>() + 9;
        let mut room = cells.saturating_sub(9);
        for (at, one) in sent.iter().enumerate() {
            let last = at + 1 == sent.len();
            if with_data > cells && room < length(one) - 3 + if last { 0 } else { 4 } {
                row.push(("…".to_owned(), Role::Dim));
                break;
            }
            room = room.saturating_sub(length(one));
            let data = if with_data <= cells && !one.data.is_empty() {
                format!(" {}", one.data)
            } else {
                String::new()
            };
            let role = if one.words.contains("RST") { Role::Error } else { Role::Plain };
            row.push((format!("{}{data}", one.words), role));
            row.push((format!(" → {}   ", self.end(one)), Role::Dim));
        }
        row
    }

    /// Who gets a segment, by name where one side has more than one.
    fn end(&self, sent: &Sent) -> String {
        let owner =
            self.lesson.story.as_ref().and_then(|story| story.owner(sent.connection, sent.to));
        owner.map_or(sent.to.to_string(), str::to_owned)
    }

    /// The wire between two terminals, from the top down.
    fn between(&self, buffer: &mut Buffer, area: Rect) {
        let cells = usize::from(area.width);
        let mut rows: Vec<Row> = vec![vec![("wire".to_owned(), Role::Dim)]];
        for sent in self.sent() {
            let right = (sent.to == Side::Client) == self.lesson.server_first();
            let role = if sent.words.contains("RST") { Role::Error } else { Role::Warn };
            let dashes = cells.saturating_sub(width(&sent.words) + 3);
            let line = |n: usize| "─".repeat(n);
            let arrow = match right {
                true => {
                    format!("{} {} {}▶", line(dashes / 2), sent.words, line(dashes - dashes / 2))
                }
                false => {
                    format!("◀{} {} {}", line(dashes / 2), sent.words, line(dashes - dashes / 2))
                }
            };
            rows.push(vec![(arrow, role)]);
            if !sent.data.is_empty() {
                rows.push(vec![(format!(" {}", sent.data), Role::Plain)]);
            }
        }
        if rows.len() == 1 {
            rows.push(vec![("nothing".to_owned(), Role::Dim)]);
        }
        text::write_all(buffer, area, &rows, self.theme);
    }

    /// What there is to say and to ask: of the step that was seen, and before the one that comes.
    pub(crate) fn caption(&self, cells: usize) -> [Vec<Row>; 2] {
        [self.seen(cells), self.coming(cells)]
    }

    fn seen(&self, cells: usize) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut add =
            |sign: &str, text: &str, role| rows.extend(paragraph(sign, text, role, cells));
        match (self.busy(), self.shown()) {
            // What the notes say is true of a step that held.
            (busy, Some(group)) if busy || matches!(self.state, State::Failed(_)) => {
                add("", &words(self.lesson.act(group)), Role::Say);
            }
            (_, None) => add("", &self.lesson.beginning(), Role::Say),
            (_, Some(group)) => {
                let note = self.lesson.note(group).cloned().unwrap_or_default();
                if let Some(predict) = &note.predict
                    && let Some(right) = predict.answers.get(predict.right)
                {
                    let chosen = self.chosen.get(&group).filter(|letter| **letter != right.letter);
                    let you =
                        chosen.map_or(String::new(), |letter| format!(" (You said {letter}.)"));
                    add("✓ ", &format!("{}  {}{you}", right.letter, right.text), Role::Right);
                    add("", &predict.why, Role::Plain);
                }
                if note.say.is_empty() && note.predict.is_none() {
                    // Without notes the recording has the first word.
                    let story =
                        self.lesson.story.as_ref().and_then(|story| story.sentences(group).next());
                    // Here it is not the reader who starts and types.
                    let story = story.filter(|sentence| !sentence.starts_with("You "));
                    let act = words(self.lesson.act(group));
                    add("", &story.map_or(act, text::quoted), Role::Say);
                }
                note.say.iter().for_each(|say| add("", say, Role::Say));
                note.ask.iter().for_each(|ask| add("? ", ask, Role::Question));
                if self.teacher {
                    note.teacher.iter().for_each(|teacher| add("# ", teacher, Role::Teacher));
                }
            }
        }
        rows
    }

    fn coming(&self, cells: usize) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut add =
            |sign: &str, text: &str, role| rows.extend(paragraph(sign, text, role, cells));
        if let Some(time) = self.waiting() {
            add("", &format!("waiting ... {} s", time.as_secs()), Role::Warn);
        }
        if let Some(message) = &self.message {
            add("", message, Role::Question);
        }
        match &self.state {
            State::Failed(report) => {
                add(
                    "",
                    &format!("This step did not hold: {}   e shows all of it.", report.reason()),
                    Role::Error,
                );
            }
            State::Done => add("", "End of this session.", Role::Next),
            State::Ready if self.ready() => {
                let note = self.lesson.note(self.group);
                if let Some(predict) = note.and_then(|note| note.predict.as_ref()) {
                    add("? ", &predict.question, Role::Question);
                    let chosen = self.chosen.get(&self.group);
                    for answer in &predict.answers {
                        let sign = if Some(&answer.letter) == chosen { "▶" } else { " " };
                        add(&format!("{sign} {}  ", answer.letter), &answer.text, Role::Status);
                    }
                }
                add("next: ", &words(self.lesson.act(self.group)), Role::Next);
            }
            State::Busy | State::Ready => {}
        }
        rows
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

    /// What a program does now, for the title of its pane; nothing where nobody knows.
    fn status(&self, window: &Window) -> String {
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
            None if process::stat(window.pid).is_some_and(|stat| stat.state == 'R') => {
                "runs".to_owned()
            }
            None => String::new(),
        }
    }

    /// The sources side by side, or one above the other; the line in which each program waits is marked.
    fn draw_sources(&self, buffer: &mut Buffer, area: Rect, windows: &[Window]) {
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
        let row = [(d.to_owned(), role), (" ".repeat(across), Role::Plain), (d.to_owned(), role)];
        text::write(buffer, area, y, &row, theme);
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
