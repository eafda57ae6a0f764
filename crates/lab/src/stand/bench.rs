//! What a small server costs, beside the same program in C and in Python, and what a learner waits for.

mod figures;
mod servers;
mod waits;

use std::fmt::Write as _;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, ensure};

use crate::course::stages;
use crate::rig::folder::Folder;
use crate::rig::process::{self, Exit};
use figures::{Figures, Table, show};
use servers::{AFTER, BEFORE, C, CALLS, EACH, KERNEL, ONE_CORE, PYTHON, RUST, USER};
use waits::{COLD, HERE};

pub struct Options {
    /// One round of a tenth, and nothing that is built anew: shows that the bench works.
    pub quick: bool,
    /// Write the tables into the book.
    pub write: bool,
    /// Also measure what a learner waited for at this git revision.
    pub against: Option<String>,
}

const PAGE: &str = "docs/src/performance.md";
const BEGIN: &str = "<!-- Written by `cargo lab bench --write` from here on. -->";
const END: &str = "<!-- Written by `cargo lab bench --write` up to here. -->";

struct Bench {
    quick: bool,
    folder: Folder,
    figures: Figures,
    /// What could not be measured, and why.
    skipped: Vec<String>,
}

/// Measures all that can be measured here, and gives the tables.
///
/// # Errors
///
/// A server is not one of the stage, a load fails, or the page of the book cannot be written.
pub fn run(options: &Options) -> Result<String> {
    let Options { quick, write, against } = options;
    let (folder, figures, skipped) = (Folder::new("bench")?, Figures::default(), Vec::new());
    let mut bench = Bench { quick: *quick, folder, figures, skipped };
    if let Some(rev) = against {
        bench.run(Command::new("git").args([
            "rev-parse",
            "--verify",
            &format!("{rev}^{{commit}}"),
        ]))?;
    }
    let machine = bench.machine();
    let languages = bench.servers()?;
    let waited = match *quick && against.is_none() {
        true => Err(anyhow!("not with --quick, and the figures above are of too few messages")),
        false => bench.waits(against.as_deref()),
    };
    bench.known("what you wait for", waited);

    let columns: Vec<&str> = [HERE].into_iter().chain(against.as_deref()).collect();
    let amounts: Vec<String> = bench.amounts().concat().into_iter().map(servers::name).collect();
    let amounts: Vec<&str> = amounts.iter().map(String::as_str).collect();
    let figures = &bench.figures;
    let mut text = String::new();
    for (title, table) in [
        ("The run", machine),
        ("The same program three times", figures.table("what", &languages, &servers::ROWS)),
        (
            "Ten times as much, and again",
            figures.table("connections x messages", &servers::RATES, &amounts),
        ),
        ("The goals", bench.goals()),
        ("What you wait for", figures.table("what", &columns, &waits::ROWS)),
    ] {
        let _ = write!(text, "## {title}\n\n{table}\n");
    }
    if !bench.skipped.is_empty() {
        let _ = write!(text, "Not measured:\n\n- {}\n\n", bench.skipped.join("\n- "));
    }
    if *write {
        let page = stages::root().join(PAGE);
        let old = fs::read_to_string(&page).with_context(|| format!("failed to read {PAGE}"))?;
        fs::write(&page, replace(&old, &text)?)
            .with_context(|| format!("failed to write {PAGE}"))?;
    }
    Ok(text)
}

/// The page with these tables between its two comments.
fn replace(page: &str, tables: &str) -> Result<String> {
    let missing = || format!("{PAGE} has no lines {BEGIN} and {END}");
    let (before, rest) = page.split_once(BEGIN).with_context(missing)?;
    let (_, after) = rest.split_once(END).with_context(missing)?;
    Ok(format!("{before}{BEGIN}\n\n{tables}{END}{after}"))
}

impl Bench {
    /// So many, or a tenth of it.
    fn some(&self, many: usize) -> usize {
        if self.quick { (many / 10).max(1) } else { many }
    }

    /// Runs a program to its end, and gives what it has printed.
    fn run(&self, command: &mut Command) -> Result<String> {
        let words: Vec<_> = [command.get_program()].into_iter().chain(command.get_args()).collect();
        let name = words.join(" ".as_ref()).to_string_lossy().into_owned();
        let log = self.folder.path().join("log");
        let file = File::create(&log).context("failed to make a log")?;
        // In a group of its own: Ctrl-C reaches this process alone, and that one ends the program.
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).process_group(0);
        // What a compiler leaves behind that is killed.
        command.env("TMPDIR", self.folder.path());
        let program = process::spawn(command).with_context(|| format!("failed to start {name}"))?;
        let exit = program.end()();
        process::stop_if_ending();
        let printed = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
        let last = printed.trim_end().lines().last().unwrap_or_default();
        ensure!(exit == Exit::Status(0), "{name}: {exit}: {last}");
        Ok(printed)
    }

    /// The result, if there is one; without one, the reason is kept.
    fn known<T>(&mut self, what: &str, result: Result<T>) -> Option<T> {
        result.map_err(|err| self.skipped.push(format!("{what}: {err:#}"))).ok()
    }

    fn machine(&mut self) -> Table {
        let mut table = Table::new(&["the run", ""]);
        for (what, command) in [
            ("date", "date -u +%Y-%m-%d"),
            ("processor", "sed -n s/^model.name[^:]*:.//p /proc/cpuinfo"),
            ("cores", "nproc"),
            ("load average before it", "cut -d\\  -f1 /proc/loadavg"),
            ("kernel", "uname -srm"),
            (RUST, "rustc --version"),
            (C, "cc --version"),
            (PYTHON, "python3 --version"),
        ] {
            let words = shell_words::split(command).unwrap_or_default();
            let printed = self.run(Command::new(&words[0]).args(&words[1..]));
            if let Some(printed) = self.known(what, printed) {
                table.row([what, printed.lines().next().unwrap_or_default()]);
            }
        }
        table
    }

    fn goals(&self) -> Table {
        let median = |row: &str, column| self.figures.median(row, column);
        let ratio = |row, column| Some(median(row, RUST)? / median(row, column)?);
        let mut goals = vec![
            ("round trip on one core, to C's".to_owned(), ratio(ONE_CORE, C), 1.05),
            ("CPU time in the program, to Python's".to_owned(), ratio(USER, PYTHON), 0.5),
            (
                "CPU time in the kernel, to Python's".to_owned(),
                ratio(KERNEL, PYTHON),
                f64::INFINITY,
            ),
            ("system calls of a message".to_owned(), median(CALLS, RUST), 3.0),
        ];
        for amounts in self.amounts() {
            let [.., tenth, whole] = amounts[..] else { continue };
            let [tenth, whole] = [tenth, whole].map(servers::name);
            let [before, after] = [BEFORE, AFTER].map(|column| median(&whole, column));
            let growth = after.zip(before).map(|(after, before)| after - before);
            let slower = median(&tenth, EACH).zip(median(&whole, EACH)).map(|(a, b)| a / b);
            goals.extend([
                (format!("{whole}: time of each, to {tenth}"), slower, 1.1),
                (format!("{whole}: resident set, KiB"), after, 3072.0),
                (format!("{whole}: growth of it, KiB"), growth, 64.0),
            ]);
        }
        goals.push(("cold build, seconds".to_owned(), median(COLD, HERE), 16.0));

        let mut table = Table::new(&["what", "measured", "goal", "result"]);
        for (what, measured, most) in goals {
            let result = match measured {
                None => "not measured",
                Some(_) if most.is_infinite() => "-",
                Some(measured) if measured <= most => "met",
                Some(_) => "missed",
            };
            let goal =
                if most.is_finite() { format!("at most {}", show(most)) } else { "none".into() };
            table.row([what, measured.map_or("-".into(), show), goal, result.to_owned()]);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_replace_those_of_the_run_before_and_nothing_else() {
        let page = format!("# Title\n\n{BEGIN}\nold\n{END}\n\nThe end.\n");
        let new = replace(&page, "new\n").unwrap();
        assert_eq!(new, format!("# Title\n\n{BEGIN}\n\nnew\n{END}\n\nThe end.\n"));
        assert_eq!(replace(&new, "new\n").unwrap(), new);
        assert!(replace("# Title\n", "new\n").is_err());
    }
}
