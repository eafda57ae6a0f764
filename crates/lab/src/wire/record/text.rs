//! How a recording shows bytes and lines, and how it folds what repeats.

/// So many bytes of data are shown.
const DATA: usize = 40;
/// So many of a terminal's line, which is there to be read.
const LINE: usize = 160;
/// A block that comes so often at once is shown once.
const OFTEN: usize = 4;
/// The longest block that is looked for.
const BLOCK: usize = 8;
/// Stands in a recording where a program goes on without end.
pub(super) const ENDLESS: &str = "(and so on, without end)";

/// Data in quotes; of a long one its beginning, and `total`, its length in bytes.
#[must_use]
pub(super) fn bytes(data: &[u8], total: usize) -> String {
    let begin = &data[..data.len().min(DATA)];
    // What is cut may end inside a character.
    let text = str::from_utf8(data).map(|text| &text[..text.floor_char_boundary(DATA)]);
    let quoted = match text.or(str::from_utf8(begin)) {
        Ok(text) => format!("{text:?}"),
        Err(_) => format!("\"{}\"", begin.escape_ascii()),
    };
    if total > DATA { format!("{quoted}... {total}") } else { quoted }
}

/// A line of a terminal in quotes.
#[must_use]
pub(super) fn line(line: &str) -> String {
    match line.len() {
        ..=LINE => format!("{line:?}"),
        length => format!("{:?}... {length}", &line[..line.floor_char_boundary(LINE)]),
    }
}

/// The text of a recording: a block of lines that comes often, one after the other, is there once.
#[must_use]
pub(super) fn fold(lines: &[String]) -> String {
    let mut folded = Vec::new();
    let mut rest = lines;
    while !rest.is_empty() {
        let rounds = |block: usize| {
            rest.chunks_exact(block).take_while(|chunk| **chunk == rest[..block]).count()
        };
        let block = (1..=BLOCK.min(rest.len())).find(|block| rounds(*block) >= OFTEN);
        folded.extend(rest[..block.unwrap_or(1)].iter().cloned());
        let Some(block) = block else {
            rest = &rest[1..];
            continue;
        };
        let mut folds = block * rounds(block);
        let mut often = format!("{} times more", rounds(block) - 1);
        // Where a program is stopped that would go on without end, the last round may be cut.
        let cut = rest[folds..].iter().zip(rest).take_while(|(line, same)| line == same).count();
        if rest.get(folds + cut).is_some_and(|line| line == ENDLESS) {
            folds += cut + 1;
            often = "without end".to_owned();
        }
        let last = if block == 1 { "line".to_owned() } else { format!("{block} lines") };
        folded.push(format!("(the last {last}, {often})"));
        rest = &rest[folds..];
    }
    folded.iter().flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_quoted_and_cut_between_characters() {
        for (data, shown) in [
            (&b"hello\r"[..], r#""hello\r""#.to_owned()),
            ("caf\u{e9}".as_bytes(), "\"caf\u{e9}\"".to_owned()),
            (b"caf\xc3", r#""caf\xc3""#.to_owned()),
            (&[b'x'; 41], format!("\"{}\"... 41", "x".repeat(40))),
            ("\u{20ac}".repeat(14).as_bytes(), format!("\"{}\"... 42", "\u{20ac}".repeat(13))),
        ] {
            assert_eq!(bytes(data, data.len()), shown);
        }
    }

    #[test]
    fn what_repeats_is_folded() {
        let fold = |lines: &str| {
            let lines: Vec<String> = lines.chars().map(|line| line.to_string()).collect();
            fold(&lines).replace('\n', " ")
        };
        assert_eq!(fold("abab"), "a b a b ");
        assert_eq!(fold("xababababy"), "x a b (the last 2 lines, 3 times more) y ");
        assert_eq!(fold("aaaaa"), "a (the last line, 4 times more) ");
    }

    #[test]
    fn what_goes_on_without_end_is_folded_whatever_its_last_round() {
        for rounds in ["r s ".repeat(4), "r s ".repeat(4) + "r "] {
            let lines = rounds.split_whitespace().chain([ENDLESS]).map(str::to_owned);
            let folded = fold(&lines.collect::<Vec<String>>());
            assert_eq!(folded, "r\ns\n(the last 2 lines, without end)\n");
        }
    }
}
