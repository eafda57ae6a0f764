//! The changes that are made to a line of a program: each is a mistake that somebody could make.

/// What stands at one place of a line, and what could stand there instead.
const TOKENS: &[(&str, &[&str])] = &[
    ("==", &["!="]),
    ("||", &["&&"]),
    ("true", &["false"]),
    ("false", &["true"]),
    ("1024", &["100", "1023", "1025"]),
    ("== 0 ", &["== 1 "]),
    ("[..n]", &["[..]", "[1..n]"]),
    ("{:?}", &["{}"]),
    ("(&addr)", &["(\"127.0.0.1:0\")"]),
    ("{peer}", &["{}"]),
    (".context(", &[".or_else(|_| Ok::<_, anyhow::Error>(Default::default())).context("]),
    ("return Ok(())", &["std::process::exit(1)", "panic!()"]),
    ("continue;", &["return Ok(());", "break Ok(());"]),
    ("line => line", &["line => line.map(|line| line.trim().to_owned())"]),
    (".as_bytes()", &[".to_lowercase().as_bytes()", ".trim().as_bytes()"]),
];

/// A value that is compared with a word, and other ways to compare it.
const COMPARISONS: &[&str] =
    &["{}.starts_with({})", "{}.ends_with({})", "{}.eq_ignore_ascii_case({})"];

/// All the ways to change this line, each with its indentation; a comment has none.
pub(super) fn changes(line: &str) -> Vec<String> {
    let code = line.trim_start();
    if code.starts_with("//") || code.starts_with("use ") || code.is_empty() {
        return Vec::new();
    }
    // A comment behind the code is not changed.
    let (code, _) = line.split_once(" // ").unwrap_or((line, ""));
    let mut changed = tokens(code);
    changed.extend(comparisons(code));
    changed.extend(strings(code));
    changed.extend(statement(code));
    changed.retain(|change| change != line);
    changed.sort();
    changed.dedup();
    changed
}

fn tokens(line: &str) -> Vec<String> {
    let mut changed = Vec::new();
    for (token, others) in TOKENS {
        for (at, _) in line.match_indices(token) {
            for other in *others {
                changed.push(format!("{}{other}{}", &line[..at], &line[at + token.len()..]));
            }
        }
    }
    changed
}

/// `message == b"q"` becomes `message.starts_with(b"q")`, and so on.
fn comparisons(line: &str) -> Vec<String> {
    let mut changed = Vec::new();
    for (at, _) in line.match_indices(" == ") {
        let from = line[..at].rfind(' ').map_or(0, |space| space + 1);
        let (value, rest) = (&line[from..at], &line[at + " == ".len()..]);
        let word = rest.split(' ').next().unwrap_or_default();
        if !word.ends_with('"') {
            continue;
        }
        let end = line.len() - rest.len() + word.len();
        for comparison in COMPARISONS {
            let other = comparison.replacen("{}", value, 1).replacen("{}", word, 1);
            changed.push(format!("{}{other}{}", &line[..from], &line[end..]));
        }
        let trim = if word.starts_with('b') { "trim_ascii" } else { "trim" };
        changed.push(format!("{}{value}.{trim}() == {word}{}", &line[..from], &line[end..]));
    }
    changed
}

/// Each text in quotes becomes longer by one letter, and empty.
fn strings(line: &str) -> Vec<String> {
    let quotes: Vec<usize> = line.match_indices('"').map(|(at, _)| at).collect();
    let mut changed = Vec::new();
    for pair in quotes.chunks_exact(2) {
        let (inner, end) = (pair[0] + 1, pair[1]);
        changed.push(format!("{}x{}", &line[..end], &line[end..]));
        // What is empty already, or formats a value, would not be another program.
        if inner < end && !line[inner..end].contains('{') {
            changed.push(format!("{}{}", &line[..inner], &line[end..]));
        }
    }
    changed
}

/// A statement is left out, its error is not looked at, or a condition is decided beforehand.
fn statement(line: &str) -> Vec<String> {
    let code = line.trim_start();
    let indent = &line[..line.len() - code.len()];
    let mut changed = Vec::new();
    let whole = code.ends_with(';') && code.matches('(').count() == code.matches(')').count();
    if whole && !code.starts_with("let ") && !code.starts_with('.') {
        changed.push(format!("{indent};"));
    }
    if let Some(call) = code.strip_suffix("?;")
        && whole
        && !code.starts_with("let ")
        && !code.starts_with('.')
    {
        changed.push(format!("{indent}let _ = {call};"));
    }
    if let Some(condition) = code.strip_prefix("if ").and_then(|rest| rest.strip_suffix(" {"))
        && !condition.starts_with("let ")
    {
        changed.push(format!("{indent}if true {{"));
        changed.push(format!("{indent}if false {{"));
        changed.push(format!("{indent}if !({condition}) {{"));
    }
    // The last expression of a function.
    if code.starts_with("stream.write_all(") && !code.ends_with(';') {
        changed.push(format!("{indent}Ok(())"));
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_changed_in_every_way_that_it_offers() {
        for (line, expected) in [
            ("// A comment: 1024 == true.", &[][..]),
            ("use std::io::Read;", &[]),
            ("    let mut buffer = [0; 1024];", &["    let mut buffer = [0; 100];"]),
            (
                "        if message == b\"q\" || message == b\"Q\" {",
                &[
                    "        if message.starts_with(b\"q\") || message == b\"Q\" {",
                    "        if message == b\"q\" || message.trim_ascii() == b\"Q\" {",
                    "        if message == b\"q\" && message == b\"Q\" {",
                    "        if message == b\"q\" || message != b\"Q\" {",
                    "        if message == b\"qx\" || message == b\"Q\" {",
                    "        if true {",
                ],
            ),
            (
                "        stream.write_all(&answer).context(\"failed to answer\")?;",
                &[
                    "        ;",
                    "        let _ = stream.write_all(&answer).context(\"failed to answer\");",
                ],
            ),
            (
                "            Err(ReadlineError::Eof) => return Ok(()), // Ctrl-D",
                &["            Err(ReadlineError::Eof) => std::process::exit(1),"],
            ),
        ] {
            let changed = changes(line);
            for change in expected {
                assert!(changed.iter().any(|other| other == change), "{change}\n{changed:#?}");
            }
            assert_eq!(changed.is_empty(), expected.is_empty(), "{changed:#?}");
        }
    }

    #[test]
    fn no_change_leaves_the_line_as_it_is() {
        for line in ["    let a = b;", "if x == y {", "println!(\"{peer}\");"] {
            assert!(!changes(line).iter().any(|change| change == line), "{line}");
        }
    }
}
