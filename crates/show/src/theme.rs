//! What the parts of the view look like: in dark and in bright rooms, with 16 colours and with none, without UTF-8.

use std::env;

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};
use unicode_width::UnicodeWidthStr;

/// What a piece of the view is. Nothing is told by colour alone: each has a sign or a place of its own, too.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Plain,
    Dim,
    /// The line at the top.
    Bar,
    /// The line at the bottom, and labels.
    Keys,
    Border,
    /// The border of who acts.
    Acting,
    /// The border of the pane that has the keyboard.
    Taken,
    Status,
    /// The sign beside what is new.
    New,
    Typed,
    Say,
    Question,
    Right,
    Next,
    Teacher,
    Error,
    /// The line of a source in which a program waits, and the choice in a list.
    Here,
    Added,
    Removed,
    Good,
    Warn,
}

#[derive(Clone, Copy)]
pub(crate) struct Theme {
    pub light: bool,
    pub colour: bool,
    pub utf8: bool,
}

impl Theme {
    /// As the environment says: `NO_COLOR`, a terminal such as vt100 (terminfo(5)), and the locale's character set (locale(7)).
    pub(crate) fn from_env(light: bool) -> Theme {
        let set = |name| env::var(name).ok().filter(|value| !value.is_empty());
        let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG"));
        let locale = locale.unwrap_or_default().to_lowercase();
        let utf8 = locale.contains("utf-8") || locale.contains("utf8");
        let term = set("TERM").unwrap_or_default();
        let grey = term.starts_with("vt") || term.ends_with("-m") || term.ends_with("-mono");
        Theme { light, colour: !grey && set("NO_COLOR").is_none(), utf8 }
    }

    pub(crate) fn style(self, role: Role) -> Style {
        let style = Style::new();
        let bold = style.add_modifier(Modifier::BOLD);
        if !self.colour {
            return match role {
                Role::Bar | Role::Keys | Role::Here => style.add_modifier(Modifier::REVERSED),
                Role::Plain | Role::Dim | Role::Border | Role::Next | Role::Typed => style,
                _ => bold,
            };
        }
        // Yellow and cyan cannot be read on white.
        let [strong, act] =
            if self.light { [Color::Magenta, Color::Blue] } else { [Color::Yellow, Color::Cyan] };
        let back = if self.light { Color::White } else { Color::Black };
        match role {
            Role::Plain => style,
            Role::Dim | Role::Border => style.fg(Color::DarkGray),
            Role::Bar => style.fg(back).bg(act),
            Role::Keys => style.fg(back).bg(if self.light { Color::DarkGray } else { Color::Gray }),
            Role::Acting | Role::Typed | Role::Next => style.fg(act),
            Role::Taken | Role::Question => bold.fg(strong),
            Role::Status | Role::Warn => style.fg(strong),
            Role::New | Role::Added | Role::Good => style.fg(Color::Green),
            Role::Say => bold,
            Role::Right => bold.fg(Color::Green),
            Role::Teacher => style.fg(if self.light { Color::Blue } else { Color::Magenta }),
            Role::Error => bold.fg(Color::Red),
            Role::Removed => style.fg(Color::Red),
            Role::Here => bold.fg(back).bg(strong),
        }
    }

    /// The drawn screen, as this terminal can show it.
    pub(crate) fn finish(self, buffer: &mut Buffer) {
        for cell in &mut buffer.content {
            if !self.colour {
                (cell.fg, cell.bg) = (Color::Reset, Color::Reset);
            } else if self.light {
                cell.fg = if cell.fg == Color::Reset { Color::Black } else { cell.fg };
                cell.bg = if cell.bg == Color::Reset { Color::White } else { cell.bg };
            }
            if !self.utf8 && !cell.symbol().is_ascii() {
                let ascii = ascii(cell.symbol());
                cell.set_symbol(ascii);
            }
        }
    }
}

/// What stands for a character where there is only ASCII, in as many cells.
fn ascii(symbol: &str) -> &'static str {
    match symbol {
        "─" | "━" | "╌" => "-",
        "│" | "┃" => "|",
        "▌" => "*",
        "┌" | "┐" | "└" | "┘" | "╭" | "╮" | "╰" | "╯" | "┏" | "┓" | "┗" | "┛" => {
            "+"
        }
        "■" => "#",
        "□" => ".",
        "✓" => "+",
        "→" | "▶" => ">",
        "←" | "◀" => "<",
        "…" => "~",
        _ if symbol.width() == 2 => "??",
        _ => "?",
    }
}
