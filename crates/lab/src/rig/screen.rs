//! What a person sees on a terminal, line by line.

use std::collections::VecDeque;
use std::num::NonZero;

use unicode_width::UnicodeWidthStr;

use crate::rig::process::Exit;

/// The emulator's rows: so many that a message of 1024 escaped bytes is still one line.
const ROWS: NonZero<u16> = NonZero::new(200).unwrap();
/// The columns of every terminal.
pub(crate) const COLUMNS: NonZero<u16> = NonZero::new(80).unwrap();
/// Finished lines that are kept for a report; a program may print any number.
const LINES_KEPT: usize = 10_000;
/// More output than this since the last step is a program that prints without end.
const FLOOD_BYTES: usize = 256 * 1024;
/// U+FFFD in UTF-8, and a private character of the same length.
const REPLACEMENT: &[u8; 3] = b"\xef\xbf\xbd";
pub const STAND_IN: &str = "\u{e0fd}";

/// Output that is kept as it came.
const RAW_BYTES: usize = 64 * 1024;

/// What a program asks the terminal itself; a line editor may wait for the answer (ECMA-48, DSR and DA).
#[derive(Default)]
struct Questions {
    replies: Vec<u8>,
}

impl vt100::Callbacks for Questions {
    fn unhandled_csi(
        &mut self,
        screen: &mut vt100::Screen,
        first: Option<u8>,
        _: Option<u8>,
        params: &[&[u16]],
        last: char,
    ) {
        let (row, column) = screen.cursor_position();
        match (first, last, params.first().and_then(|param| param.first())) {
            (None, 'n', Some(5)) => self.replies.extend(b"\x1b[0n"),
            (None, 'n', Some(6)) => {
                self.replies.extend(format!("\x1b[{};{}R", row + 1, column + 1).bytes());
            }
            // A VT102, which needs no more than what is understood here.
            (None, 'c', None | Some(0)) => self.replies.extend(b"\x1b[?6c"),
            _ => {}
        }
    }
}

/// What has appeared on the terminal so far.
pub struct Screen {
    emulator: vt100::Parser<Questions>,
    /// The first bytes of a U+FFFD whose end has not come yet.
    cut: Vec<u8>,
    /// Finished lines, as seen when their newline came.
    lines: Vec<String>,
    /// How many lines have been finished, also those that are not kept.
    finished: usize,
    /// How many of `lines` steps have already looked at.
    read: usize,
    /// Which of `lines` a [`Screen::find`] has found, and for which text.
    found: Vec<(usize, String)>,
    /// The end of the output as it came, for what the terminal did not show.
    raw: VecDeque<u8>,
    /// Bytes since the last step that found what it expected.
    fresh: usize,
    /// Bytes so far.
    bytes: usize,
    /// More has been read, or is about to be, and is not shown yet.
    pub(crate) taking: bool,
    /// The program's end of the terminal is closed: nothing more comes.
    pub(crate) closed: bool,
    pub(crate) exit: Option<Exit>,
}

impl Screen {
    pub(crate) fn new() -> Screen {
        Screen {
            emulator: vt100::Parser::new_with_callbacks(ROWS, COLUMNS, 0, Questions::default()),
            cut: Vec::new(),
            lines: Vec::new(),
            finished: 0,
            read: 0,
            found: Vec::new(),
            raw: VecDeque::new(),
            fresh: 0,
            bytes: 0,
            taking: false,
            closed: false,
            exit: None,
        }
    }

    /// Shows the output; true when it is a flood from now on.
    pub(crate) fn show(&mut self, output: &[u8]) -> bool {
        self.fresh += output.len();
        self.bytes += output.len();
        self.raw.extend(&output[output.len().saturating_sub(RAW_BYTES)..]);
        self.raw.drain(..self.raw.len().saturating_sub(RAW_BYTES));
        let output = self.stand_in(output);
        for piece in output.split_inclusive(|byte| *byte == b'\n') {
            let line = piece.strip_suffix(b"\n");
            self.emulator.process(line.unwrap_or(piece));
            if line.is_some() {
                let line = self.row();
                self.lines.push(line);
                self.finished += 1;
                self.emulator.process(b"\n");
            }
        }
        if self.lines.len() > 2 * LINES_KEPT {
            let extra = self.lines.len() - LINES_KEPT;
            self.lines.drain(..extra);
            self.read = self.read.saturating_sub(extra);
            self.found.retain(|(line, _)| *line >= extra);
            self.found.iter_mut().for_each(|(line, _)| *line -= extra);
        }
        self.flooded()
    }

    /// The emulator drops U+FFFD, which people see; another character stands in for it.
    fn stand_in(&mut self, output: &[u8]) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.cut);
        bytes.extend_from_slice(output);
        // The character may be cut by the end of a read: the rest comes with the next one.
        let cut = (1..=2).rev().find(|n| bytes.ends_with(&REPLACEMENT[..*n])).unwrap_or(0);
        self.cut = bytes.split_off(bytes.len() - cut);
        // Most output has none, and to look at one byte is done in no time.
        if !bytes.contains(&REPLACEMENT[0]) {
            return bytes;
        }
        let mut at = 0;
        while let Some(found) = bytes[at..].windows(3).position(|three| three == REPLACEMENT) {
            at += found;
            bytes[at..at + 3].copy_from_slice(STAND_IN.as_bytes());
        }
        bytes
    }

    /// The emulator: 200 rows of 80 cells, with [`STAND_IN`] where a person sees U+FFFD.
    #[must_use]
    pub fn emulator(&self) -> &vt100::Screen {
        self.emulator.screen()
    }

    /// How many lines have been finished so far: the number of the line that the cursor is in, from 0 on.
    #[must_use]
    pub fn finished(&self) -> usize {
        self.finished
    }

    /// How the program has ended, if it has.
    #[must_use]
    pub fn exit(&self) -> Option<&Exit> {
        self.exit.as_ref()
    }

    /// The line that the cursor is in, with the rows that wrapped into it.
    #[must_use]
    pub fn row(&self) -> String {
        let screen = self.emulator.screen();
        let (row, _) = screen.cursor_position();
        let mut first = row;
        while first > 0 && screen.row_wrapped(first - 1) {
            first -= 1;
        }
        let line = screen.contents_between(first, 0, row + 1, 0);
        line.trim_end().replace(STAND_IN, "\u{fffd}")
    }

    /// The next finished line that no step has looked at.
    #[must_use]
    pub(crate) fn next(&self) -> Option<&str> {
        self.lines.get(self.read).map(String::as_str)
    }

    /// Every finished line that no step has looked at.
    #[must_use]
    pub(crate) fn unread(&self) -> &[String] {
        &self.lines[self.read..]
    }

    /// The last finished line.
    #[must_use]
    pub fn last(&self) -> Option<&str> {
        self.lines.last().map(String::as_str)
    }

    /// Passes over this many lines, in search of another.
    pub(crate) fn skip(&mut self, lines: usize) {
        self.read = (self.read + lines).min(self.lines.len());
    }

    /// Marks this many lines as what was expected.
    pub(crate) fn advance(&mut self, lines: usize) {
        self.skip(lines);
        if !self.flooded() {
            self.fresh = 0;
        }
    }

    /// The first line that contains this text and was not found for it before, wherever it is; the
    /// unfinished one at last, and any other row of the screen.
    ///
    /// Programs that do several things at once may print one before the other, and some write wherever they like.
    pub(crate) fn find(&mut self, text: &str, show: impl Fn(&str) -> String) -> Option<String> {
        let fresh =
            |at: usize| !self.found.iter().any(|(line, found)| *line == at && found == text);
        let lines = self.lines.iter().map(|line| show(line)).enumerate();
        let found = lines.into_iter().find(|(at, line)| line.contains(text) && fresh(*at));
        if let Some((at, line)) = found {
            self.found.push((at, text.to_owned()));
            self.advance(0);
            return Some(line);
        }
        // It may be found again when it is finished: nothing says that no more comes.
        let row = Some(show(&self.row())).filter(|row| row.contains(text));
        row.or_else(|| {
            let before = self.found.iter().filter(|(_, found)| found == text).count();
            let rows = self.visible().into_iter().fold(Vec::new(), |mut rows: Vec<String>, row| {
                let width = usize::from(COLUMNS.get());
                // Such a program begins a new row by itself where a line is too long.
                match rows.last_mut().filter(|row| !row.is_empty() && row.width() % width == 0) {
                    Some(last) => last.push_str(&row),
                    None => rows.push(row),
                }
                rows
            });
            let rows = rows.iter().map(|row| show(row));
            let found = rows.filter(|row| row.contains(text)).nth(before)?;
            // No line has this number.
            self.found.push((usize::MAX, text.to_owned()));
            self.advance(0);
            Some(found)
        })
    }

    /// What the terminal has to answer to the program by now, as if it were typed.
    pub(crate) fn replies(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.emulator.callbacks_mut().replies)
    }

    /// Has the program asked to be told what is pasted?
    pub(crate) fn bracketed_paste(&self) -> bool {
        self.emulator.screen().bracketed_paste()
    }

    /// How many bytes have come so far.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Is this text in what has come lately, whatever the terminal made of it?
    pub(crate) fn raw_contains(&self, text: &str) -> bool {
        let raw: Vec<u8> = self.raw.iter().copied().collect();
        !text.is_empty() && raw.windows(text.len()).any(|piece| piece == text.as_bytes())
    }

    /// All lines, the unfinished one last.
    #[must_use]
    pub fn all(&self) -> Vec<String> {
        let row = self.row();
        self.lines.iter().cloned().chain((!row.is_empty()).then_some(row)).collect()
    }

    /// What is on the screen now, and nothing that was erased, line by line.
    #[must_use]
    pub(crate) fn visible(&self) -> Vec<String> {
        let contents = self.emulator.screen().contents().replace(STAND_IN, "\u{fffd}");
        contents.lines().map(str::to_owned).collect()
    }

    /// The program has ended, and all that it printed is here.
    #[must_use]
    pub(crate) fn over(&self) -> Option<&Exit> {
        self.exit.as_ref().filter(|_| self.closed)
    }

    /// Has the program printed so much since the last step that it seems to have no end?
    #[must_use]
    pub fn flooded(&self) -> bool {
        self.fresh > FLOOD_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(outputs: &[&[u8]]) -> Vec<String> {
        let mut screen = Screen::new();
        for output in outputs {
            screen.show(output);
        }
        screen.all()
    }

    #[test]
    fn a_line_is_what_a_person_sees() {
        assert_eq!(lines(&[b"one\r\ntw", b"o\r\n>"]), ["one", "two", ">"]);
        assert_eq!(lines(&[b"\x1b[31mred\x1b[0m\r\n"]), ["red"]);
        assert_eq!(lines(&[b"gone\x1b[2K\rhere\r\n"]), ["here"]);
    }

    #[test]
    fn a_line_that_wraps_is_one_line() {
        let long = "0123456789".repeat(500);
        assert_eq!(lines(&[long.as_bytes(), b"\r\nnext\r\n"]), [long, "next".to_owned()]);
    }

    #[test]
    fn a_replacement_character_is_seen_wherever_the_read_cuts_it() {
        let output = "a\u{fffd}b\u{fffd}\r\n".as_bytes();
        for cut in 0..output.len() {
            let (first, second) = output.split_at(cut);
            assert_eq!(lines(&[first, second]), ["a\u{fffd}b\u{fffd}"], "cut at {cut}");
        }
    }

    #[test]
    fn a_program_that_asks_where_the_cursor_is_gets_an_answer() {
        let mut screen = Screen::new();
        screen.show(b"one\r\nab\x1b[6n\x1b[c");
        assert_eq!(screen.replies(), b"\x1b[2;3R\x1b[?6c");
        assert_eq!(screen.replies(), b"");
    }

    #[test]
    fn a_line_is_found_wherever_it_is_and_only_once() {
        let mut screen = Screen::new();
        screen.show(b"two\r\none\r\ntwo\r\nunfinished");
        let mut find = |text: &str| screen.find(text, str::to_owned);
        assert!(find("t").is_some() && find("t").is_some());
        assert_eq!(find("one").as_deref(), Some("one"));
        assert!(find("two").is_some() && find("two").is_some());
        assert_eq!(find("two"), None);
        assert_eq!(find("fin").as_deref(), Some("unfinished"));
    }

    #[test]
    fn a_text_is_found_wherever_the_program_has_put_it() {
        let mut screen = Screen::new();
        screen.show(b"\x1b[2J\x1b[3;1Hone\x1b[9;1H> ");
        let mut find = |text: &str| screen.find(text, str::to_owned);
        assert_eq!(find("one").as_deref(), Some("one"));
        assert_eq!(find("one"), None);
        screen.show(b"\x1b[4;1Hone again\x1b[9;3H");
        assert_eq!(screen.find("one", str::to_owned).as_deref(), Some("one again"));
        screen.show(
            ["\x1b[2J\x1b[2;1H", &"x".repeat(80), "\x1b[3;1Hyz\x1b[9;1H"].concat().as_bytes(),
        );
        assert!(screen.find("xyz", str::to_owned).is_some());
        screen.show(b"\x1b[2Jtwo\x1b[2K\x1b[9;1H");
        assert_eq!(screen.find("two", str::to_owned), None);
    }

    #[test]
    fn what_the_terminal_obeyed_is_known_to_have_come() {
        let mut screen = Screen::new();
        screen.show(b"danger\x1b[2K\r\n");
        assert_eq!(screen.all(), [""]);
        assert!(screen.raw_contains("danger") && !screen.raw_contains("harmless"));
    }

    #[test]
    fn output_without_end_is_a_flood_until_a_step_takes_some() {
        let mut screen = Screen::new();
        assert!(!screen.show(&b"x\r\n".repeat(1000)));
        screen.advance(1);
        assert!(screen.show(&b"x\r\n".repeat(FLOOD_BYTES / 3 + 1)));
    }
}
