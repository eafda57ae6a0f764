//! Parts from sessions: their pictures, scripts and stories, and the questions of their notes.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use super::sources::fenced;
use crate::course::notes::{Answer, Notes, Predict};
use crate::course::session::{Act, AtTerminal, Session, Start};
use crate::course::stages;
use crate::wire::files;
use crate::wire::story::Story;

/// Where the pictures of the sessions are.
const PICTURES: &str = "docs/src/wires";

pub(super) fn find(name: &str) -> Result<Session> {
    let file = stages::root().join(name);
    let name = if file.is_file() { file.display().to_string() } else { name.to_owned() };
    let mut found = stages::find(Some(&name))?;
    ensure!(found.len() == 1, "expected STAGE/NAME or a file, not {name}");
    found.pop().context("no session")
}

/// `STAGE/NAME`, or where the file is from the root on.
fn name(session: &Session) -> String {
    let path = session.path.strip_prefix(stages::root()).unwrap_or(&session.path);
    let text = path.display().to_string();
    if path.starts_with("crates/exercises/sessions") {
        return format!("after/{}", session.name());
    }
    let stage = text.strip_prefix("crates/stage").and_then(|rest| rest.split_once('-'));
    stage.map_or(text.clone(), |(stage, _)| format!("{stage}/{}", session.name()))
}

/// Its picture, and an empty line; nothing where no wire was recorded.
fn picture(page: &Path, session: &Session) -> Result<String> {
    let name = name(session);
    let stage = if name.starts_with(char::is_numeric) { "stage" } else { "" };
    let file = format!("{PICTURES}/{stage}{}.svg", name.replace('/', "-"));
    if stages::root().join(&file).is_file() {
        return Ok(format!("![{}]({})\n\n", session.title, link(page, &file)));
    }
    let recorded = files::recording(session).is_file();
    ensure!(!recorded, "{name} has no picture: cargo lab wire {name}");
    Ok(String::new())
}

/// How the page links to a file, which is given from the root on.
fn link(page: &Path, file: &str) -> String {
    let folder = page.parent().unwrap_or(Path::new(""));
    let within = folder.ancestors().find(|ancestor| Path::new(file).starts_with(ancestor));
    let within = within.unwrap_or(Path::new(""));
    let up = folder.components().count() - within.components().count();
    let down = Path::new(file).strip_prefix(within).unwrap_or(Path::new(file));
    "../".repeat(up) + &down.display().to_string()
}

pub(super) fn captioned(page: &Path, session: &Session) -> Result<String> {
    let picture = picture(page, session)?;
    Ok(format!("{picture}*{}* (`{}`)\n", prose(&session.title), name(session)))
}

pub(super) fn show(page: &Path, session: &Session) -> Result<String> {
    let name = name(session);
    let mut text = picture(page, session)?;
    let steps = match text.is_empty() {
        true => String::new(),
        false => format!(", and `cargo lab wire {name} --open` goes through it step by step"),
    };
    // Which later stages keep the session is no part of the script.
    let script: Vec<&str> = session
        .source
        .iter()
        .map(String::as_str)
        .filter(|line| !line.starts_with("# also:"))
        .collect();
    let script = script.join("\n");
    writeln!(
        text,
        "*{}*\\\nThis is the session `{name}`: `cargo lab play {name}` plays it{steps}.\n",
        prose(&session.title)
    )?;
    text += &folded("What is typed, and what the terminals show", &fenced("text", &script));
    let recording = files::recording(session);
    if let Ok(recording) = fs::read_to_string(&recording) {
        text += "\n";
        text +=
            &folded("What happens, step by step, in words", &Story::read(&recording).markdown());
    }
    Ok(text)
}

pub(super) fn folded(summary: &str, text: &str) -> String {
    format!("<details>\n<summary>{summary}</summary>\n\n{}\n\n</details>\n", text.trim_end())
}

/// A plain sentence as Markdown: what a terminal prints is code, and keeps its quotes.
fn prose(text: &str) -> String {
    let mut prose = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("recv=\"") {
        let (before, printed) = rest.split_at(at);
        let end = printed.match_indices('"').nth(1).map_or(printed.len(), |(end, _)| end + 1);
        let _ = write!(prose, "{before}`{}`", &printed[..end]);
        rest = &printed[end..];
    }
    prose + rest
}

/// A question of the session's notes; what the session shows is folded, with its picture if the page has it nowhere else.
pub(super) fn predict(page: &Path, text: &str, session: &Session, number: usize) -> Result<String> {
    let name = name(session);
    let notes = Notes::read(session)?.with_context(|| format!("{name} has no notes"))?;
    let questions: Vec<&Predict> =
        notes.at.iter().filter_map(|note| note.predict.as_ref()).collect();
    let question = number.checked_sub(1).and_then(|index| questions.get(index));
    let Predict { question, answers, right, why } = question.with_context(|| {
        format!("{name} has no question {number} to predict: it has {}", questions.len())
    })?;
    let mut part = format!("**{}**\n\n", prose(question));
    let choices =
        answers.iter().map(|Answer { letter, text, .. }| format!("{letter}. {}", prose(text)));
    writeln!(part, "{}", choices.collect::<Vec<_>>().join("\\\n"))?;
    let Answer { letter, text: answer, .. } = answers.get(*right).context("no answer is right")?;
    writeln!(
        part,
        "\n<details>\n<summary>The answer, from a run</summary>\n\n**{letter}.** {}\n",
        prose(&format!("{answer}\\\n{why}"))
    )?;
    writeln!(part, "You see it in the session `{name}`: `cargo lab play {name}`.\n")?;
    let named = naming(text, &name);
    let shown = named.iter().any(|words| words[0] != "predict");
    let first =
        named.first().is_some_and(|words| words.get(2).unwrap_or(&"1") == &number.to_string());
    if first && !shown {
        part += &picture(page, session)?;
    }
    part += "</details>\n";
    Ok(part)
}

/// What a person sees on this terminal who plays the session by hand.
pub(super) fn transcript(session: &Session, terminal: &str) -> Result<String> {
    let mut shown = String::new();
    for step in session.steps.iter().filter(|step| step.name == terminal) {
        match &step.act {
            Act::Start(Start::Program(words)) => {
                let (program, arguments) = words.split_first().context("a program has a name")?;
                let arguments: String =
                    arguments.iter().map(|argument| format!(" {argument}")).collect();
                writeln!(shown, "$ cargo run --bin {program}{arguments}")?;
            }
            Act::Terminal(AtTerminal::Type(line)) => writeln!(shown, ">{line}")?,
            Act::Terminal(AtTerminal::Line(line)) => writeln!(shown, "{line}")?,
            Act::Terminal(AtTerminal::Contains(line)) => writeln!(shown, "{line} ...")?,
            Act::Terminal(AtTerminal::Ends(_)) => {}
            Act::Terminal(_) => writeln!(shown, "[{}]", step.rest)?,
            _ => bail!("{terminal} is no terminal of {}", name(session)),
        }
    }
    ensure!(!shown.is_empty(), "{} has no terminal {terminal}", name(session));
    Ok(fenced("console", &shown))
}

/// The origins on a page, in words, that name this session.
fn naming<'a>(page: &'a str, session: &str) -> Vec<Vec<&'a str>> {
    let origins = page.lines().filter_map(|line| line.trim_start().strip_prefix(super::FROM));
    let words = origins.map(|origin| origin.trim_end_matches(super::CLOSE).split_whitespace());
    words.map(Iterator::collect).filter(|words: &Vec<&str>| words.contains(&session)).collect()
}

/// The sessions of a stage that the text of a page does not show.
pub(super) fn others(page: &str, stage: &str) -> Result<String> {
    let mut list = String::new();
    for session in stages::find(Some(stage))? {
        let name = name(&session);
        if naming(page, &name).is_empty() {
            writeln!(list, "- `cargo lab play {name}`: {}", prose(&session.title))?;
        }
    }
    Ok(list)
}
