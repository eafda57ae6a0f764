//! The kinds of parts. A new one is an arm in [`part`], and a row in the table of [`super`].

use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use super::lesson::lesson;
use crate::check;
use crate::course::exercises::{self, Exercise};
use crate::course::notes::{Answer, Notes, Predict};
use crate::course::schedule;
use crate::course::session::{Act, AtTerminal, Session, Start};
use crate::course::stages::{self, STAGES};
use crate::rig::process::{self, Exit};
use crate::wire::record;
use crate::wire::story::Story;

const KINDS: &str = "file, diff, snippet, run, session, picture, predict, terminal, sessions, exercises, tasks, behaviours, lesson, plans and matrix";
/// Where the pictures of the sessions are.
const PICTURES: &str = "docs/src/wires";

pub(super) struct Part {
    pub text: String,
    /// The two programs of a difference of which this is one hunk, and which one it is.
    pub hunk: Option<((String, String), usize)>,
}

/// What belongs on this page between `<!-- from: ORIGIN -->` and its end.
pub(super) fn part(page: &Path, text: &str, origin: &str) -> Result<Part> {
    let words: Vec<&str> = origin.split_whitespace().collect();
    let text = match words[..] {
        ["file", path] => file(path)?,
        ["diff", old, new] => {
            hunks(old, new)?.iter().map(|hunk| fenced("diff", hunk) + "\n").collect()
        }
        ["diff", old, new, number] => {
            let hunks = hunks(old, new)?;
            let hunk: usize = number
                .parse()
                .ok()
                .filter(|hunk| (1..=hunks.len()).contains(hunk))
                .with_context(|| {
                format!("there is no hunk {number}: from {old} to {new} there are {}", hunks.len())
            })?;
            let text = fenced("diff", &hunks[hunk - 1]);
            return Ok(Part { text, hunk: Some(((old.to_owned(), new.to_owned()), hunk)) });
        }
        ["snippet", path, function] => snippet(path, function)?,
        ["run", ..] => run(origin.trim_start_matches("run").trim())?,
        ["session", name] => show(page, &find(name)?)?,
        ["picture", name] => captioned(page, &find(name)?),
        ["predict", name] => predict(page, text, &find(name)?, 1)?,
        ["predict", name, number] => {
            predict(page, text, &find(name)?, number.parse().unwrap_or_default())?
        }
        ["terminal", name, terminal] => transcript(&find(name)?, terminal)?,
        ["sessions", stage] => others(text, stage)?,
        ["exercises"] => exercises(None)?,
        ["exercises", stage] => exercises(Some(stage))?,
        ["tasks", stage] => tasks(stage)?,
        ["behaviours", stage] => behaviours(stage)?,
        ["lesson", name] => lesson(name, &find(name)?)?,
        ["plans"] => schedule::plans()?,
        ["matrix"] => matrix()?,
        [kind, ..] if KINDS.split([',', ' ']).any(|known| known == kind) => {
            bail!("{kind} takes other words: crates/lab/src/docs.rs has them")
        }
        _ => bail!("there is no part {origin:?}: the kinds are {KINDS}"),
    };
    Ok(Part { text, hunk: None })
}

/// A block of code, with a fence that is longer than any in it.
fn fenced(language: &str, code: &str) -> String {
    let mut fence = "```".to_owned();
    while code.contains(&fence) {
        fence.push('`');
    }
    format!("{fence}{language}\n{}\n{fence}\n", code.trim_end())
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(stages::root().join(path)).with_context(|| format!("failed to read {path}"))
}

fn file(path: &str) -> Result<String> {
    let extension = Path::new(path).extension().unwrap_or_default().to_string_lossy();
    let language = match &*extension {
        "rs" => "rust",
        "py" => "python",
        known @ ("c" | "sh" | "toml" | "java" | "json") => known,
        _ => "text",
    };
    Ok(fenced(language, &read(path)?))
}

/// Where the source of a program is, from the root on.
fn source(program: &str) -> Result<String> {
    let stage = program.split_once('/').and_then(|(stage, part)| Some((stage.parse().ok()?, part)));
    let Some((stage, part)) = stage else { return Ok(program.to_owned()) };
    let folder = stages::folder(stage)?;
    let path = folder.strip_prefix(stages::root())?.join("src").join(part).with_extension("rs");
    Ok(path.display().to_string())
}

/// The hunks of a difference, as the learner's own tool shows them; a file's header is no part of it.
pub(super) fn hunks(old: &str, new: &str) -> Result<Vec<String>> {
    let shown = shell(&format!("./scripts/diff.sh {} {}", source(old)?, source(new)?))?;
    let mut hunks = Vec::new();
    for hunk in format!("\n{shown}").split("\n@@ ").skip(1) {
        let lines =
            hunk.lines().skip(1).filter(|line| !line.get(1..).unwrap_or("").starts_with("//!"));
        let lines: Vec<&str> = lines.skip_while(|line| line.trim().is_empty()).collect();
        if lines.iter().any(|line| line.starts_with(['-', '+'])) {
            hunks.push(lines.join("\n"));
        }
    }
    ensure!(!hunks.is_empty(), "{old} and {new} do not differ");
    Ok(hunks)
}

fn snippet(path: &str, function: &str) -> Result<String> {
    let text = read(path)?;
    let lines: Vec<&str> = text.lines().collect();
    let head = format!("fn {function}(");
    let found = lines.iter().position(|line| line.contains(&head));
    let found = found.with_context(|| format!("{path} has no function {function}"))?;
    let indent = lines[found].len() - lines[found].trim_start().len();
    // What a reader needs of what stands above it: its documentation, and that it is a test.
    let above =
        |line: &&&str| ["///", "#[test]"].iter().any(|start| line.trim().starts_with(start));
    let first = found - lines[..found].iter().rev().take_while(above).count();
    let end = format!("{:indent$}}}", "");
    let last = lines[found..].iter().position(|line| *line == end);
    let last = found + last.with_context(|| format!("{path}: {function} has no end"))?;
    let code: Vec<&str> =
        lines[first..=last].iter().map(|line| line.get(indent..).unwrap_or("")).collect();
    Ok(fenced("rust", &code.join("\n")))
}

fn run(command: &str) -> Result<String> {
    Ok(fenced("console", &format!("$ {command}\n{}", shell(command)?)))
}

/// What a command prints, whatever its exit status. It finds the programs of the course.
fn shell(command: &str) -> Result<String> {
    let programs = stages::programs()?;
    // Cargo would wait for the one that has started this.
    let line = match command.strip_prefix("cargo lab") {
        Some(arguments) => format!("lab{arguments}"),
        None => command.to_owned(),
    };
    let mut path = programs.into_os_string();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut sh = Command::new("sh");
    sh.args(["-c", &format!("exec 2>&1; {line}")]).env("PATH", path).env("NO_COLOR", "1");
    sh.current_dir(stages::root()).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut running = process::spawn(&mut sh).context("failed to start sh")?;
    let mut printed = Vec::new();
    if let Some(mut stdout) = running.stdout.take() {
        stdout
            .read_to_end(&mut printed)
            .with_context(|| format!("failed to read from {command}"))?;
    }
    let printed = String::from_utf8_lossy(&printed).into_owned();
    match running.end()() {
        // So a shell says that there is no such program, or that it cannot be started.
        Exit::Status(126 | 127) => bail!("{}", printed.trim()),
        _ => Ok(printed),
    }
}

fn find(name: &str) -> Result<Session> {
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

/// Its picture, where there is one.
fn picture(page: &Path, session: &Session) -> Option<String> {
    let name = name(session).replace('/', "-");
    let stage = if name.starts_with(char::is_numeric) { "stage" } else { "" };
    let file = format!("{PICTURES}/{stage}{name}.svg");
    stages::root()
        .join(&file)
        .is_file()
        .then(|| format!("![{}]({})\n", session.title, link(page, &file)))
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

fn captioned(page: &Path, session: &Session) -> String {
    let picture = picture(page, session).map(|picture| picture + "\n").unwrap_or_default();
    format!("{picture}*{}* (`{}`)\n", prose(&session.title), name(session))
}

fn show(page: &Path, session: &Session) -> Result<String> {
    let name = name(session);
    let mut text = picture(page, session).map(|picture| picture + "\n").unwrap_or_default();
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
        "*{}*\\\nThis is the session `{name}`: `cargo lab play {name}` plays it.\n",
        prose(&session.title)
    )?;
    text += &folded("What is typed, and what the terminals show", &fenced("text", &script));
    let recording = record::file(session);
    if let Ok(recording) = fs::read_to_string(&recording) {
        text += "\n";
        text +=
            &folded("What happens, step by step, in words", &Story::read(&recording).markdown());
    }
    Ok(text)
}

fn folded(summary: &str, text: &str) -> String {
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
fn predict(page: &Path, text: &str, session: &Session, number: usize) -> Result<String> {
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
        part += &picture(page, session).map(|picture| picture + "\n").unwrap_or_default();
    }
    part += "</details>\n";
    Ok(part)
}

/// What a person sees on this terminal who plays the session by hand.
fn transcript(session: &Session, terminal: &str) -> Result<String> {
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
fn others(page: &str, stage: &str) -> Result<String> {
    let mut list = String::new();
    for session in stages::find(Some(stage))? {
        let name = name(&session);
        if naming(page, &name).is_empty() {
            writeln!(list, "- `cargo lab play {name}`: {}", prose(&session.title))?;
        }
    }
    Ok(list)
}

fn first_paragraph(text: &str) -> String {
    text.split("\n\n").next().unwrap_or_default().replace('\n', " ")
}

/// The programs of a stage to write, and its exercises; without a stage, those of all.
fn exercises(stage: Option<&str>) -> Result<String> {
    let mut list = String::new();
    let is_asked = |number: u8| stage.is_none_or(|stage| number.to_string() == stage);
    let all = exercises::all()?;
    for number in STAGES.filter(|number| is_asked(*number)) {
        for Exercise { name, title, task, .. } in exercises::programs(number)? {
            writeln!(list, "- {title}: `cargo lab learn {name}`\\\n  {}", first_paragraph(&task))?;
        }
        for Exercise { name, title, task, .. } in all.iter().filter(|one| one.stage == number) {
            let title = format!("[{title}](exercises.md#{name})");
            writeln!(list, "- {title}: `cargo lab learn {name}`\\\n  {}", first_paragraph(task))?;
        }
    }
    ensure!(!list.is_empty(), "there is no exercise of stage {}", stage.unwrap_or_default());
    Ok(list)
}

/// The whole tasks of a stage's exercises, with what is demanded, and folded the hint.
fn tasks(stage: &str) -> Result<String> {
    let mut tasks = String::new();
    for exercise in exercises::all()?.iter().filter(|task| task.stage.to_string() == stage) {
        let Exercise { number, name, title, task, hint, behaviours, .. } = exercise;
        writeln!(
            tasks,
            "<a id=\"{name}\"></a>\n\n### {number}. {title}\n\n`cargo lab learn {name}`\n\n{task}\n"
        )?;
        writeln!(tasks, "What is demanded:\n")?;
        for behaviour in behaviours {
            writeln!(tasks, "- {}", behaviour.title)?;
        }
        writeln!(tasks, "\n<details>\n<summary>A hint</summary>\n\n{hint}\n\n</details>\n")?;
    }
    ensure!(!tasks.is_empty(), "there is no exercise of stage {stage}");
    Ok(tasks.trim_end().to_owned() + "\n")
}

fn behaviours(stage: &str) -> Result<String> {
    let mut table = "| behaviour | what must hold |\n|---|---|\n".to_owned();
    if stage.parse::<u8>().is_err() {
        for behaviour in stages::demanded(stage)? {
            writeln!(table, "| `{}` | {} |", behaviour.name(), behaviour.title)?;
        }
        return Ok(table);
    }
    for behaviour in
        check::behaviours()?.iter().filter(|behaviour| behaviour.stage.to_string() == stage)
    {
        writeln!(table, "| `{}` | {} |", behaviour.session.name(), behaviour.session.title)?;
    }
    Ok(table)
}

fn matrix() -> Result<String> {
    let heads: String = STAGES.map(|stage| format!(" {stage} |")).collect();
    let rules: String = STAGES.map(|_| "---|").collect();
    let mut table = format!("| behaviour |{heads}\n|---|{rules}\n");
    for row in check::MATRIX.lines().skip(1) {
        let mut cells = row.split_whitespace();
        let name = cells.next().unwrap_or_default();
        let cells: String = cells.map(|cell| format!(" {cell} |")).collect();
        writeln!(table, "| {name} |{cells}")?;
    }
    Ok(table)
}
