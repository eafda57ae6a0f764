//! What a learner waits for: builds and the smoke test, in a copy, so that nobody's sources and builds are touched.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::Bench;
use super::servers::STAGE;
use crate::course::stages;

pub(super) const COLD: &str = "cold build, `cargo build`";
const REBUILD: &str = "the same after one line of one stage changed";
const SMOKE: &str = "`./scripts/smoke.sh`, built before";
pub(super) const ROWS: [&str; 3] = [COLD, REBUILD, SMOKE];
/// The column of the sources as they are.
pub(super) const HERE: &str = "seconds";

/// A copy of the sources, and where its programs are built.
struct Copy {
    column: String,
    sources: PathBuf,
    target: PathBuf,
}

impl Bench {
    /// Measures the sources as they are, beside those of another revision if there is one.
    pub(super) fn waits(&mut self, against: Option<&str>) -> Result<()> {
        // A copy has what git knows or would know. The index of the sources stays as it is.
        let index = self.folder.path().join("index");
        let git = |words: &[&str]| {
            let mut command = Command::new("git");
            command.args(words).current_dir(stages::root()).env("GIT_INDEX_FILE", &index);
            command
        };
        self.run(&mut git(&["add", "--all"]))?;
        let here = self.run(&mut git(&["write-tree"]))?;
        let mut copies = Vec::new();
        for (column, tree) in [(HERE, here.trim())].into_iter().chain(against.map(|rev| (rev, rev)))
        {
            let path = |name| self.folder.path().join(format!("{name}-{}", copies.len()));
            let (sources, target, archive) = (path("sources"), path("target"), path("archive"));
            fs::create_dir(&sources)?;
            let pack = ["archive", "--format=tar", tree, "--output", &archive.to_string_lossy()];
            self.run(&mut git(&pack))?;
            self.run(Command::new("tar").arg("-xf").arg(&archive).current_dir(&sources))?;
            let copy = Copy { column: column.to_owned(), sources, target };
            self.run(&mut copy.cargo(&["fetch", "--locked"]))?;
            copies.push(copy);
        }
        let rounds = self.some(5);
        for round in 1..=rounds {
            eprintln!("builds, round {round} of {rounds}");
            for copy in &copies {
                if copy.target.exists() {
                    fs::remove_dir_all(&copy.target).context("failed to remove a build")?;
                }
                self.time(COLD, copy, &mut copy.cargo(&["build"]))?;
                copy.edit(round)?;
                self.time(REBUILD, copy, &mut copy.cargo(&["build"]))?;
            }
        }
        for copy in &copies {
            // The first one builds nothing more, and says whether all is well.
            self.run(&mut copy.program("./scripts/smoke.sh"))?;
            self.time(SMOKE, copy, &mut copy.program("./scripts/smoke.sh"))?;
        }
        Ok(())
    }

    fn time(&mut self, row: &str, copy: &Copy, command: &mut Command) -> Result<()> {
        let begin = Instant::now();
        self.run(command)?;
        self.figures.add(row, &copy.column, begin.elapsed().as_secs_f64());
        Ok(())
    }
}

impl Copy {
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command.current_dir(&self.sources).env("CARGO_TARGET_DIR", &self.target);
        command
    }

    fn cargo(&self, words: &[&str]) -> Command {
        let mut command = self.program("cargo");
        command.args(words);
        command
    }

    /// Changes one line of one stage, differently in each round.
    fn edit(&self, round: usize) -> Result<()> {
        let folder = stages::folder(STAGE)?;
        let file = self.sources.join(folder.strip_prefix(stages::root())?).join("src/server.rs");
        let source = fs::read_to_string(&file)
            .with_context(|| format!("failed to read {}", file.display()))?;
        let edited = source.replacen("failed to answer", &format!("failed to answer {round}"), 1);
        ensure!(edited != source, "there is nothing to change in {}", file.display());
        fs::write(&file, edited).with_context(|| format!("failed to write {}", file.display()))
    }
}
