//! The server of the first stage that answers, beside the same program in other languages.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::{Pid, SysconfVar, sysconf};

use super::Bench;
use super::figures::show;
use crate::contract;
use crate::course::stages;
use crate::stand::load::{self, Load, Target};
use crate::stand::server::{Server, command};

pub(super) const STAGE: u8 = *contract::ANSWERING.start();
/// Bytes of a message.
const BYTES: usize = 64;
const LIMIT: Duration = Duration::from_secs(5);

/// The columns of the first table, and its rows.
pub(super) const RUST: &str = "Rust";
pub(super) const C: &str = "C";
pub(super) const PYTHON: &str = "Python";
pub(super) const ONE_CORE: &str = "round trip, both on one core, us";
const TWO_CORES: &str = "round trip, each on a core of its own, us";
const RATE: &str = "messages a second, both on one core";
pub(super) const USER: &str = "CPU time of a message in the program, us";
pub(super) const KERNEL: &str = "CPU time of a message in the kernel, us";
pub(super) const CALLS: &str = "system calls of a message";
const RESIDENT: &str = "resident set, KiB";
const STRIPPED: &str = "size of the program, stripped, KiB";
const START: &str = "start to `listening on`, ms";
pub(super) const ROWS: [&str; 9] =
    [ONE_CORE, TWO_CORES, RATE, USER, KERNEL, CALLS, RESIDENT, STRIPPED, START];

/// The columns of the second table; its rows are loads.
const SECONDS: &str = "seconds";
pub(super) const EACH: &str = "messages a second";
pub(super) const BEFORE: &str = "resident set after the first, KiB";
pub(super) const AFTER: &str = "after the last, KiB";
pub(super) const RATES: [&str; 4] = [SECONDS, EACH, BEFORE, AFTER];

/// How many connections one after another, and how many messages on each.
pub(super) type Amount = (usize, usize);
/// From small to large; what may take long is left out of a quick run.
const AMOUNTS: [&[Amount]; 2] =
    [&[(1, 1000), (1, 10_000), (1, 100_000), (1, 1_000_000)], &[(100, 1), (1000, 1), (10_000, 1)]];

/// A server: its language, and the words that start it.
type Program = (&'static str, Vec<String>);

pub(super) fn name((connections, messages): Amount) -> String {
    format!("{} x {}", show(connections as f64), show(messages as f64))
}

/// The cores that this process may use.
fn cores() -> Result<Vec<usize>> {
    let allowed = sched_getaffinity(Pid::from_raw(0)).context("failed to ask for the cores")?;
    Ok((0..CpuSet::count()).filter(|&core| allowed.is_set(core) == Ok(true)).collect())
}

/// Keeps a process, or with 0 this thread and what it starts, on these cores.
fn pin(pid: Pid, cores: &[usize]) -> Result<()> {
    let mut set = CpuSet::new();
    for &core in cores {
        set.set(core)?;
    }
    sched_setaffinity(pid, &set).context("failed to keep a program on a core")
}

fn load(words: &[String], (connections, messages): Amount) -> Load {
    Load { target: Target::Program(words.to_vec()), connections, messages, size: BYTES }
}

impl Bench {
    /// Fills the first two tables, and gives the languages.
    pub(super) fn servers(&mut self) -> Result<Vec<&'static str>> {
        eprintln!("building the servers, and checking them");
        let programs = self.programs()?;
        let allowed = cores()?;
        if allowed.len() < 2 {
            self.skipped.push(format!("{TWO_CORES}: this program may use one core only"));
        }
        let rounds = self.some(5);
        for round in 1..=rounds {
            eprintln!("servers, round {round} of {rounds}");
            // Another one begins in each round.
            for turn in 0..programs.len() {
                let (language, words) = &programs[(round + turn) % programs.len()];
                for _ in 0..self.some(20) {
                    let (server, _lines) = Server::start(&mut command(words)?, LIMIT)?;
                    self.figures.add(START, language, server.start.as_secs_f64() * 1e3);
                    // Before the pipe that it prints to, about which it would complain.
                    drop(server);
                }
                pin(Pid::from_raw(0), &allowed[..1])?;
                self.round_trips(language, words, allowed.get(1).copied())?;
                pin(Pid::from_raw(0), &allowed)?;
            }
            pin(Pid::from_raw(0), &allowed[..1])?;
            for amount in self.amounts().concat() {
                self.rate(amount, &programs[0].1)?;
            }
            pin(Pid::from_raw(0), &allowed)?;
        }
        self.sizes(&programs);
        self.system_calls(&programs)?;
        Ok(programs.into_iter().map(|(language, _)| language).collect())
    }

    pub(super) fn amounts(&self) -> [Vec<Amount>; 2] {
        let takes_long = |amount: &Amount| self.quick && amount.0 * amount.1 > 10_000;
        AMOUNTS
            .map(|amounts| amounts.iter().copied().filter(|amount| !takes_long(amount)).collect())
    }

    /// Builds the servers, and has the course examine each: only the same program can be compared.
    fn programs(&mut self) -> Result<Vec<Program>> {
        let built = stages::programs()?;
        let target = built.parent().context("failed to find the folder of the builds")?;
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--release", "--quiet", "--target-dir"]).arg(target);
        self.run(cargo.current_dir(stages::folder(STAGE)?))?;
        let text = |path: &std::path::Path| path.to_string_lossy().into_owned();
        let rust = target.join("release").join(format!("stage{STAGE}-server"));
        let mut programs = vec![(RUST, vec![text(&rust)])];

        let peers = stages::root().join("crates/lab/peers");
        let c = self.folder.path().join("server-c");
        let compiled =
            self.run(Command::new("cc").arg("-O2").arg("-o").args([&c, &peers.join("server.c")]));
        if self.known("C, in all rows", compiled).is_some() {
            programs.push((C, vec![text(&c)]));
        }
        // python3 may be a script that looks for the real one, which would count as the start.
        let find = "import sys; assert sys.version_info >= (3, 8); print(sys.executable)";
        let found = self.run(Command::new("python3").args(["-c", find]));
        if let Some(python) = self.known("Python, in all rows", found) {
            // -E: the environment does not change how it prints.
            let words = [python.trim(), "-E", &text(&peers.join("server.py"))];
            programs.push((PYTHON, words.map(str::to_owned).to_vec()));
        }
        for (language, words) in &programs {
            let lab = std::env::current_exe().context("failed to find this program")?;
            let mut check = Command::new(lab);
            check.args([
                "check",
                &STAGE.to_string(),
                "--all",
                "--server",
                &shell_words::join(words),
            ]);
            self.run(&mut check)
                .with_context(|| format!("the server in {language} is not one of stage {STAGE}"))?;
        }
        Ok(programs)
    }

    fn sizes(&mut self, programs: &[Program]) {
        let stripped = self.folder.path().join("stripped");
        for (language, words) in programs.iter().filter(|(language, _)| *language != PYTHON) {
            let run = self.run(Command::new("strip").arg("-o").arg(&stripped).arg(&words[0]));
            let size = run.and_then(|_| Ok(fs::metadata(&stripped)?.len()));
            if let Some(bytes) = self.known(&format!("size in {language}"), size) {
                self.figures.add(STRIPPED, language, bytes as f64 / 1024.0);
            }
        }
    }

    /// `second` is the core of the server when it has one of its own.
    fn round_trips(
        &mut self,
        language: &str,
        words: &[String],
        second: Option<usize>,
    ) -> Result<()> {
        let (messages, fewer) = (self.some(200_000), self.some(50_000));
        let mut add = |row: &str, value: f64| self.figures.add(row, language, value);
        let one_core = load::run(&load(words, (1, messages)))?;
        let round_trips = one_core.round_trips.context("no message was timed")?;
        let (first, last) = one_core.usage.context("the server has ended")?;
        let ticks = sysconf(SysconfVar::CLK_TCK)?.context("the kernel counts no CPU time")?;
        // The first message is in the first usage already.
        let each = 1e6 / ticks as f64 / (messages - 1) as f64;
        add(ONE_CORE, round_trips.median.as_secs_f64() * 1e6);
        add(RATE, round_trips.per_second);
        add(USER, last.user_ticks.saturating_sub(first.user_ticks) as f64 * each);
        add(KERNEL, last.system_ticks.saturating_sub(first.system_ticks) as f64 * each);
        add(RESIDENT, last.resident_kib as f64);
        if let Some(core) = second {
            let on_second = |server: &Server| pin(server.program.pid(), &[core]);
            let two_cores = load::run_with(&load(words, (1, fewer)), on_second)?;
            let round_trips = two_cores.round_trips.context("no message was timed")?;
            add(TWO_CORES, round_trips.median.as_secs_f64() * 1e6);
        }
        Ok(())
    }

    fn rate(&mut self, amount: Amount, words: &[String]) -> Result<()> {
        let figures = load::run(&load(words, amount))?;
        let round_trips = figures.round_trips.context("no message was timed")?;
        let (first, last) = figures.usage.context("the server has ended")?;
        for (column, value) in [
            (SECONDS, round_trips.sum.as_secs_f64()),
            (EACH, round_trips.per_second),
            (BEFORE, first.resident_kib as f64),
            (AFTER, last.resident_kib as f64),
        ] {
            self.figures.add(&name(amount), column, value);
        }
        Ok(())
    }

    /// Counts from the first message to just before the `q` at the end.
    fn system_calls(&mut self, programs: &[Program]) -> Result<()> {
        let messages = self.some(1000);
        let trace = self.folder.path().join("trace");
        let strace = ["strace", "-f", "-o", &trace.to_string_lossy()].map(str::to_owned);
        let works = self.run(Command::new(&strace[0]).args(&strace[1..]).arg("true"));
        if self.known(CALLS, works).is_none() {
            return Ok(());
        }
        for (language, words) in programs {
            load::run(&load(&[&strace, &words[..]].concat(), (1, messages)))?;
            let traced = fs::read_to_string(&trace).context("failed to read what strace wrote")?;
            let from_first = traced.lines().skip_while(|line| !line.contains("\"x"));
            let calls = from_first.take_while(|line| !line.contains("\"q\"")).count();
            self.figures.add(CALLS, language, calls as f64 / messages as f64);
        }
        Ok(())
    }
}
