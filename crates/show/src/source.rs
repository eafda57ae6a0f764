//! The source of a program, and the line in which the program waits.

use std::fs;
use std::path::Path;

use lab::course::session::{Act, Start, Step};
use lab::course::stages;

pub(crate) struct Source {
    /// The terminals that run it.
    pub names: Vec<String>,
    /// The file's name.
    pub file: String,
    pub lines: Vec<String>,
}

/// The sources of a session's programs, each once: those of the stages, and files that a command names.
pub(crate) fn of(steps: &[Step]) -> Vec<Source> {
    let mut sources: Vec<Source> = Vec::new();
    for step in steps {
        let Act::Start(Start::Program(words)) = &step.act else { continue };
        let own = words.first().and_then(|program| stages::source(program));
        let file = own.or_else(|| {
            words.iter().map(|word| Path::new(word).to_owned()).find(|path| is_source(path))
        });
        let Some(file) = file else { continue };
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match sources.iter_mut().find(|source| source.file == name) {
            Some(source) if !source.names.contains(&step.name) => {
                source.names.push(step.name.clone())
            }
            Some(_) => {}
            None => {
                let lines = fs::read_to_string(&file)
                    .unwrap_or_default()
                    .lines()
                    .map(|line| line.replace('\t', "    "))
                    .collect();
                sources.push(Source { names: vec![step.name.clone()], file: name, lines });
            }
        }
    }
    sources
}

fn is_source(path: &Path) -> bool {
    let known = ["rs", "py", "c", "go", "js", "java", "rb", "pl", "lua", "sh", "cpp", "php", "tcl"];
    path.extension().is_some_and(|end| known.iter().any(|known| end == *known)) && path.is_file()
}

impl Source {
    /// The line that makes the call in which the program waits, if there is only one that can.
    pub(crate) fn line(&self, waits: &str) -> Option<usize> {
        let calls: &[&str] = match waits {
            "waits in accept" => &["accept("],
            "waits in read" => &[".read(", "recv(", " read("],
            "waits in write" => &["write_all(", "sendall(", "send(", " write("],
            "waits for the keyboard" => &["readline(", "input(", "read_line(", "gets("],
            _ => return None,
        };
        let makes = |line: &String| {
            let code = line.trim_start();
            !code.starts_with(['/', '#', '*']) && calls.iter().any(|call| line.contains(call))
        };
        let mut found = self.lines.iter().enumerate().filter(|(_, line)| makes(line));
        let (number, _) = found.next()?;
        found.next().is_none().then_some(number)
    }
}
