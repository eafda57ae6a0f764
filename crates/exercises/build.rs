//! Makes the wrong programs: each is a solution, or a starter, with a few lines changed.
//!
//! `tests/wrong/NAME.txt` has the wrong programs of the exercise NAME. Each begins with a line
//! `# N WHAT: SENTENCE`, or `# N WHAT (starter): SENTENCE` if it is the starter that is changed: the
//! exercise's behaviour N catches it. Lines with `-` are replaced by the lines with `+` that follow
//! them; an empty line ends a change.

use std::env;
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=examples");
    println!("cargo::rerun-if-changed=tests/wrong");
    let (mut modules, mut arms, mut names) = (String::new(), String::new(), Vec::new());
    let mut files: Vec<_> = fs::read_dir("tests/wrong")?.collect::<Result<_, _>>()?;
    files.sort_by_key(fs::DirEntry::path);
    for file in files {
        let (path, text) = (file.path(), fs::read_to_string(file.path())?);
        let exercise = path.file_stem().unwrap_or_default().to_string_lossy();
        for wrong in format!("\n{text}").split("\n# ").skip(1) {
            let (title, changes) = wrong.split_once('\n').ok_or("a wrong program has no change")?;
            let (what, _) = title.split_once(": ").ok_or("expected N WHAT: SENTENCE")?;
            let (by, what) = what.split_once(' ').ok_or("expected the number of a behaviour")?;
            let (what, base) = match what.strip_suffix(" (starter)") {
                Some(what) => (what, exercise.to_string()),
                None => (what, format!("{exercise}-solution")),
            };
            let name = format!("{exercise}-{what}");
            let source = fs::read_to_string(Path::new("examples").join(base).with_extension("rs"))?;
            let program = change(&source, changes).map_err(|err| format!("{name}: {err}"))?;
            let program = program.replace("\nfn main()", "\npub fn main()");
            let module = name.replace('-', "_");
            writeln!(modules, "#[allow(warnings, clippy::all)]\nmod {module} {{\n{program}}}\n")?;
            writeln!(arms, "        Some({name:?}) => {module}::main().report(),")?;
            names.push(format!("{by}:{name}"));
        }
    }
    let main = format!(
        "fn main() -> std::process::ExitCode {{
    use std::process::Termination;
    match std::env::args().nth(2).as_deref() {{
{arms}        other => Err::<(), _>(format!(\"there is no wrong program {{other:?}}\")).report(),
    }}
}}\n"
    );
    let out = Path::new(&env::var("OUT_DIR")?).join("wrong.rs");
    fs::write(out, modules + &main)?;
    println!("cargo::rustc-env=WRONG={}", names.join(" "));
    Ok(())
}

/// The program with its lines changed; indentation does not count where a line is looked for.
fn change(source: &str, changes: &str) -> Result<String, String> {
    let mut lines: Vec<&str> = source.lines().collect();
    for hunk in changes.split("\n\n").filter(|hunk| !hunk.trim().is_empty()) {
        let with = |sign| hunk.lines().filter_map(move |line| line.strip_prefix(sign));
        let old: Vec<&str> = with('-').map(str::trim).collect();
        let found = |at: &usize| {
            lines[*at..].iter().map(|line| line.trim()).zip(&old).all(|(line, old)| line == *old)
        };
        let last = (lines.len() + 1).saturating_sub(old.len());
        let places: Vec<usize> = (0..last).filter(found).collect();
        match places[..] {
            [at] if !old.is_empty() => drop(lines.splice(at..at + old.len(), with('+'))),
            _ => return Err(format!("these lines are there {} times: {old:?}", places.len())),
        }
    }
    Ok(lines.join("\n") + "\n")
}
