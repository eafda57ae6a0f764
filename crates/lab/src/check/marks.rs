//! A check as one document, for whoever marks many programs: JSON, or JUnit's XML.
//!
//! The page "Check your own program" of the book describes the fields.

use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{Behaviour, Options, Outcome, Summary, Verdict, What, check};
use crate::course::cast::Cast;

/// Examines as [`super::print`] does, and writes a document too: JSON in the place of the words, or JUnit's XML
/// into a file. What is not examined, after a failure, is there as skipped.
///
/// # Errors
///
/// As [`check`], also in the document; or it cannot be written.
pub fn mark(
    what: &What,
    cast: &Cast,
    options: Options,
    junit: Option<&Path>,
    json: bool,
    out: &mut dyn Write,
) -> Result<bool> {
    let mut demanded = what.demanded()?;
    demanded.retain(|behaviour| match behaviour.session.starts("{server}") {
        true => cast.server.is_some(),
        false => cast.client.is_some(),
    });
    let mut outcomes = Vec::new();
    let checked = check(&demanded, cast, options, &mut |outcome| {
        outcomes.push(outcome.clone());
        if !json {
            write!(out, "{outcome}").context("failed to print")?;
        }
        Ok(())
    });
    let error = checked.as_ref().err().map(|err| format!("{err:#}"));
    let marks =
        Marks { examined: what.name(), cast, demanded: &demanded, outcomes: &outcomes, error };
    if json {
        out.write_all(marks.json().as_bytes()).context("failed to print")?;
    } else if let Ok(summary) = &checked {
        writeln!(out, "{summary}").context("failed to print")?;
    }
    if let Some(file) = junit {
        fs::write(file, marks.junit())
            .with_context(|| format!("failed to write {}", file.display()))?;
    }
    checked.map(|Summary { failed, .. }| failed == 0)
}

/// All that came of a check.
struct Marks<'a> {
    /// Such as `stage3`, or `lines`.
    examined: String,
    cast: &'a Cast,
    demanded: &'a [Behaviour],
    /// What was examined, in the order of `demanded`; the rest was skipped.
    outcomes: &'a [Outcome],
    /// Why nothing could be examined.
    error: Option<String>,
}

/// One behaviour of the document.
struct Mark<'a> {
    name: String,
    title: String,
    stage: u8,
    verdict: &'static str,
    time: Duration,
    /// In one line, why it does not hold; and the whole report.
    reason: Option<String>,
    report: Option<String>,
    notes: &'a [String],
}

impl Marks<'_> {
    fn json(&self) -> String {
        let program = |words: &Option<Vec<String>>| words.as_ref().map(shell_words::join);
        let text = |text: &Option<String>| text.as_deref().map_or("null".to_owned(), quote);
        let marks = self.marks();
        let count =
            |verdict| marks.iter().filter(|mark| mark.verdict == verdict).count().to_string();
        let behaviours: Vec<String> = marks
            .iter()
            .map(|mark| {
                let notes: Vec<String> = mark.notes.iter().map(|note| quote(note)).collect();
                let fields = object(&[
                    ("name", quote(&mark.name)),
                    ("stage", mark.stage.to_string()),
                    ("title", quote(&mark.title)),
                    ("verdict", quote(mark.verdict)),
                    ("seconds", format!("{:.3}", mark.time.as_secs_f64())),
                    ("reason", text(&mark.reason)),
                    ("report", text(&mark.report)),
                    ("notes", format!("[{}]", notes.join(", "))),
                ]);
                fields.replace('\n', "\n    ")
            })
            .collect();
        let document = object(&[
            ("examined", quote(&self.examined)),
            ("server", text(&program(&self.cast.server))),
            ("client", text(&program(&self.cast.client))),
            ("error", text(&self.error)),
            ("held", count("held")),
            ("noted", count("noted")),
            ("failed", count("failed")),
            ("skipped", count("skipped")),
            ("behaviours", list(&behaviours)),
        ]);
        document + "\n"
    }

    /// One test suite, as JUnit and those who read its files write it: <https://github.com/testmoapp/junitxml>.
    fn junit(&self) -> String {
        let marks = self.marks();
        let count = |verdict| marks.iter().filter(|mark| mark.verdict == verdict).count();
        let time: f64 = marks.iter().map(|mark| seconds(mark.time)).sum();
        let errors = usize::from(self.error.is_some());
        let mut xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" \
             errors=\"{errors}\" skipped=\"{}\" time=\"{time:.3}\">\n",
            escape(&self.examined),
            marks.len() + errors,
            count("failed"),
            count("skipped"),
        );
        if let Some(error) = &self.error {
            let error = escape(error);
            let _ = writeln!(
                xml,
                "<testcase classname=\"{}\" name=\"the program is there\" time=\"0.000\"><error type=\"start\" message=\"{error}\"/></testcase>",
                escape(&self.examined)
            );
        }
        for mark in &marks {
            let _ = write!(
                xml,
                "<testcase classname=\"{}\" name=\"{}\" time=\"{:.3}\">",
                escape(&mark.name),
                escape(&mark.title),
                seconds(mark.time)
            );
            let reason = escape(mark.reason.as_deref().unwrap_or_default());
            let report = escape(mark.report.as_deref().unwrap_or_default());
            let _ = match mark.verdict {
                "failed" => write!(
                    xml,
                    "<failure type=\"behaviour\" message=\"{reason}\">{report}</failure>"
                ),
                "skipped" => write!(xml, "<skipped/>"),
                "noted" => write!(xml, "<system-out>{report}</system-out>"),
                _ if mark.notes.is_empty() => Ok(()),
                _ => write!(xml, "<system-out>{}</system-out>", escape(&mark.notes.join("\n"))),
            };
            xml.push_str("</testcase>\n");
        }
        xml.push_str("</testsuite>\n</testsuites>\n");
        xml
    }

    fn marks(&self) -> Vec<Mark<'_>> {
        let mark = |behaviour: &Behaviour| {
            let name = behaviour.name();
            let outcome = self.outcomes.iter().find(|outcome| outcome.name == name);
            let report = outcome.and_then(|outcome| match &outcome.verdict {
                Verdict::Failed(report) | Verdict::Noted(report) => Some(report),
                _ => None,
            });
            Mark {
                name,
                title: behaviour.session.title.clone(),
                stage: behaviour.stage,
                verdict: match outcome.map(|outcome| &outcome.verdict) {
                    None => "skipped",
                    Some(Verdict::Held) => "held",
                    Some(Verdict::Noted(_)) => "noted",
                    Some(_) => "failed",
                },
                time: outcome.map_or(Duration::ZERO, |outcome| outcome.time),
                reason: report.map(|report| report.reason()).or_else(|| {
                    let unwise =
                        outcome.filter(|outcome| !matches!(outcome.verdict, Verdict::Held));
                    unwise.map(|outcome| outcome.notes.join("; "))
                }),
                report: report.map(ToString::to_string),
                notes: outcome.map_or(&[], |outcome| &outcome.notes),
            }
        };
        self.demanded.iter().map(mark).collect()
    }
}

/// An object of JSON, of names and values.
fn object(fields: &[(&str, String)]) -> String {
    let fields = fields.iter().map(|(name, value)| format!("  \"{name}\": {value}"));
    format!("{{\n{}\n}}", fields.collect::<Vec<String>>().join(",\n"))
}

/// A list of JSON, with an item in each line.
fn list(items: &[String]) -> String {
    match items {
        [] => "[]".to_owned(),
        _ => format!("[\n    {}\n  ]", items.join(",\n    ")),
    }
}

/// A string of JSON (RFC 8259, section 7).
fn quote(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            c if c < ' ' => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// To the millisecond: what is beyond it is not the program's.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

/// Text and attributes of XML. Most control characters cannot be written in it at all (XML 1.0, 2.2).
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(c),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ if c.is_control() => escaped.extend(c.escape_debug()),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_json_demands_is_escaped() {
        assert_eq!(
            quote("a \"b\" \\ é\n\x1b[0m\u{7f}"),
            "\"a \\\"b\\\" \\\\ é\\n\\u001b[0m\u{7f}\""
        );
        assert_eq!(
            object(&[("a", "1".to_owned()), ("b", list(&[]))]),
            "{\n  \"a\": 1,\n  \"b\": []\n}"
        );
    }

    #[test]
    fn what_xml_cannot_hold_is_written_in_another_way() {
        assert_eq!(escape("a<b>&\"'\n\té"), "a&lt;b&gt;&amp;&quot;'\n\té");
        assert_eq!(escape("\0\x1b[31m\r\u{85}\u{fffe}"), "\\0\\u{1b}[31m\\r\\u{85}\u{fffd}");
    }
}
