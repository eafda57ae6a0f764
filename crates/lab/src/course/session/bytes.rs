//! Bytes as a session writes them: in quotes, escaped, and counted where one comes often.

/// No more than any machine can hold.
const SENT_BYTES: usize = 64 * 1024 * 1024;
/// A byte that comes so often in a row is counted, where bytes are shown.
const LONG_RUN: usize = 32;

/// Reads `"text"` or `"text" * N`, or several of these with ` + ` between.
pub(super) fn parse(rest: &str) -> Result<Vec<u8>, String> {
    let mut all = Vec::new();
    let mut left = Some(rest);
    while let Some(term) = left {
        let (quoted, after) = term.split_at(quoted_length(term));
        let bytes = parse_quoted(quoted)?;
        let (times, next) = match after.split_once(" + ") {
            Some((times, next)) => (times, Some(next)),
            None => (after, None),
        };
        let times: usize = match times.strip_prefix(" * ") {
            Some(times) => times.parse().map_err(|_| format!("expected a count, not {times:?}"))?,
            None if times.is_empty() => 1,
            // More stands behind the closing quote: the whole is shown.
            None => return parse_quoted(term),
        };
        match bytes.len().checked_mul(times) {
            Some(more) if all.len() + more <= SENT_BYTES => all.extend(bytes.repeat(times)),
            _ => return Err(format!("expected at most {SENT_BYTES} bytes, not {rest}")),
        }
        left = next;
    }
    Ok(all)
}

/// The length of a text in quotes at the beginning, with its quotes.
pub(super) fn quoted_length(text: &str) -> usize {
    let mut escaped = true;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' if !escaped => return at + 1,
            b'\\' if !escaped => escaped = true,
            _ => escaped = false,
        }
    }
    text.len()
}

/// Reads `"text"` with the escapes that [`slice::escape_ascii`] writes, and `\0`.
fn parse_quoted(quoted: &str) -> Result<Vec<u8>, String> {
    let fault =
        || format!("expected bytes in quotes, such as \"hello\\n\", not {}", harmless(quoted));
    let inner =
        quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or_else(fault)?;
    let mut bytes = Vec::new();
    let mut rest = inner.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'"' => return Err(fault()),
            b'\\' => match rest.next() {
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(b't') => b'\t',
                Some(b'0') => 0,
                Some(same @ (b'\\' | b'"' | b'\'')) => same,
                Some(b'x') => {
                    let digits = [rest.next().ok_or_else(fault)?, rest.next().ok_or_else(fault)?];
                    let digits = str::from_utf8(&digits).map_err(|_| fault())?;
                    u8::from_str_radix(digits, 16).map_err(|_| fault())?
                }
                _ => return Err(fault()),
            },
            _ => byte,
        });
    }
    Ok(bytes)
}

/// Shows bytes as a session file writes them: in quotes, escaped, a long run of one byte as `"x" * 4096`.
#[must_use]
pub fn quote(bytes: &[u8]) -> String {
    let mut parts = Vec::new();
    let mut plain = Vec::new();
    for run in bytes.chunk_by(|one, next| one == next) {
        if run.len() < LONG_RUN {
            plain.extend_from_slice(run);
            continue;
        }
        if !plain.is_empty() {
            parts.push(format!("\"{}\"", plain.escape_ascii()));
            plain.clear();
        }
        parts.push(format!("\"{}\" * {}", run[..1].escape_ascii(), run.len()));
    }
    if parts.is_empty() || !plain.is_empty() {
        parts.push(format!("\"{}\"", plain.escape_ascii()));
    }
    parts.join(" + ")
}

/// Shows text as it is, but for control characters: they must not drive the terminal.
#[must_use]
pub fn harmless(text: &str) -> String {
    let escape = |c: char| match c.is_control() {
        true => c.escape_debug().collect(),
        false => vec![c],
    };
    text.chars().flat_map(escape).collect()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_long_run_of_one_byte_is_counted() {
        assert_eq!(quote(b""), r#""""#);
        assert_eq!(quote(&[b'x'; 31]), format!("\"{}\"", "x".repeat(31)));
        let zeros = [b"hello".as_slice(), &[0; 1019], b"\"x"].concat();
        assert_eq!(quote(&zeros), r#""hello" + "\x00" * 1019 + "\"x""#);
    }

    proptest! {
        #[test]
        fn quoted_bytes_are_read_back(runs in vec((any::<u8>(), 1..100_usize), 0..20)) {
            let bytes: Vec<u8> = runs.iter().flat_map(|(byte, n)| vec![*byte; *n]).collect();
            prop_assert_eq!(parse(&quote(&bytes)), Ok(bytes));
        }
    }
}
