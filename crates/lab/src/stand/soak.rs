//! A soak: thousands of connections that go wrong, and after each a client that must be served as if nothing had happened.

mod action;
mod client;
mod drive;
mod plan;

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};

use crate::contract;
use crate::course::stages;
use crate::rig::process;
use crate::stand::server::Usage;
use drive::{Driver, Outcome, Shortfall};
use plan::{FAULTS, Plan, Planner};

/// The stages whose servers are meant to survive.
pub const STAGES: std::ops::RangeInclusive<u8> = contract::SURVIVING;
pub const CONNECTIONS: u64 = 10_000;
pub const PATIENCE: Duration = Duration::from_secs(20);
/// What the resident set may be at the end, in percent of the start.
const RESIDENT_LIMIT: u64 = 110;

pub struct Options {
    /// Spread over the servers.
    pub connections: u64,
    pub seed: u64,
    pub servers: Vec<Programs>,
    /// How long the soak waits for what must happen at once; only a failure takes so long.
    pub patience: Duration,
}

/// A server to soak: its stage, the command that starts it, and the one that starts its client.
///
/// The address is appended to both commands. The server must print what the stage's own prints.
pub struct Programs {
    pub stage: u8,
    pub server: Vec<String>,
    pub client: Vec<String>,
}

/// What a soak has shown.
pub struct Soaked {
    /// The figures, for people.
    pub table: String,
    /// One report for each server that falls short.
    pub failures: Vec<String>,
}

/// What one server has shown.
#[derive(Default)]
struct Tally {
    stage: u8,
    faults: [u64; FAULTS.len()],
    outcome: Outcome,
    start: Option<Usage>,
    end: Option<Usage>,
    failure: Option<String>,
}

/// The programs of one stage, or of all that are meant to survive.
///
/// # Errors
///
/// The system does not say where this program is.
pub fn programs(stage: Option<u8>) -> Result<Vec<Programs>> {
    let folder = stages::programs()?;
    let program = |name: String| vec![folder.join(name).to_string_lossy().into_owned()];
    let chosen = STAGES.filter(|known| stage.is_none_or(|stage| stage == *known));
    let programs = |stage| Programs {
        stage,
        server: program(format!("stage{stage}-server")),
        client: program(format!("stage{stage}-client")),
    };
    Ok(chosen.map(programs).collect())
}

/// A seed that is short to type.
#[must_use]
pub fn any_seed() -> u64 {
    fastrand::u64(1..1_000_000)
}

/// Soaks all servers at the same time. A server that falls short ends the soak of the others.
///
/// # Errors
///
/// A server does not start.
pub fn soak(options: &Options) -> Result<Soaked> {
    let progress = Progress::new(options.connections);
    let stop = AtomicBool::new(false);
    let servers = options.servers.len() as u64;
    let tallies = thread::scope(|scope| {
        let mut soaking = Vec::new();
        for (number, programs) in (0..).zip(&options.servers) {
            let more = u64::from(number < options.connections % servers);
            let connections = options.connections / servers + more;
            let (progress, stop) = (&progress, &stop);
            soaking.push(scope.spawn(move || {
                let tally = soak_one(programs, connections, options, progress, stop);
                if !matches!(&tally, Ok(tally) if tally.failure.is_none()) {
                    stop.store(true, Ordering::Relaxed);
                }
                tally
            }));
        }
        let joined = soaking.into_iter().map(|thread| {
            thread.join().unwrap_or_else(|_| Err(anyhow!("a thread of the soak has ended")))
        });
        joined.collect::<Result<Vec<Tally>>>()
    });
    progress.clear();
    process::stop_if_ending();
    let tallies = tallies?;
    let table = table(options.seed, &tallies);
    let failures = tallies.into_iter().filter_map(|tally| tally.failure).collect();
    Ok(Soaked { table, failures })
}

/// One line on standard error, where that is a terminal.
struct Progress {
    all: u64,
    done: AtomicU64,
    begin: Instant,
    shown: bool,
}

impl Progress {
    fn new(all: u64) -> Progress {
        let shown = std::io::stderr().is_terminal();
        Progress { all, done: AtomicU64::new(0), begin: Instant::now(), shown }
    }

    /// One more is done. The line changes with each percent.
    fn advance(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if self.shown && done.is_multiple_of((self.all / 100).max(1)) {
            let rate = done as f64 / self.begin.elapsed().as_secs_f64();
            let left = (self.all - done) as f64 / rate;
            eprint!("\r\x1b[K{done} of {}, {rate:.0}/s, {left:.0} s left", self.all);
        }
    }

    fn clear(&self) {
        if self.shown {
            eprint!("\r\x1b[K");
        }
    }
}

fn soak_one(
    programs: &Programs,
    connections: u64,
    options: &Options,
    progress: &Progress,
    stop: &AtomicBool,
) -> Result<Tally> {
    let (stage, seed) = (programs.stage, options.seed);
    let mut driver = Driver::start(programs, options.patience)
        .with_context(|| format!("failed to soak the server of stage {stage}"))?;
    let mut tally = Tally { stage, ..Tally::default() };
    let mut planner = Planner::new(seed, stage);
    // After one of each fault, all code has run and all buffers are as large as they get.
    let warm_up = plan::faults(stage).len() as u64;
    let repeat = |connections| {
        format!(
            "Repeat it: cargo lab soak --stage {stage} --seed {seed} --connections {connections}\n"
        )
    };
    for number in 1..=connections {
        if stop.load(Ordering::Relaxed) {
            return Ok(tally);
        }
        let plan = planner.next();
        tally.faults[plan.fault] += 1;
        if let Err(shortfall) = driver.run(&plan, &mut tally.outcome) {
            let mut report = turns(stage, connections, &plan, &shortfall);
            report.push_str(&driver.describe());
            report.push_str(&repeat(number));
            tally.failure = Some(report);
            return Ok(tally);
        }
        progress.advance();
        if number == warm_up {
            tally.start = driver.server.usage();
        }
    }
    if connections > warm_up {
        tally.end = driver.server.usage();
    }
    if let (Some(start), Some(end)) = (tally.start, tally.end) {
        let mut fault = String::new();
        if start.descriptors != end.descriptors {
            let _ = writeln!(
                fault,
                "Stage {stage}: the server has {} open descriptors at the end, {} at the start.",
                end.descriptors, start.descriptors
            );
        }
        if end.resident_kib * 100 > start.resident_kib * RESIDENT_LIMIT {
            let _ = writeln!(
                fault,
                "Stage {stage}: the server's resident set has grown from {} KiB to {} KiB.",
                start.resident_kib, end.resident_kib
            );
        }
        if !fault.is_empty() {
            tally.failure = Some(fault + &repeat(connections));
        }
    }
    Ok(tally)
}

/// The connection that fell short, turn by turn.
fn turns(stage: u8, connections: u64, plan: &Plan, shortfall: &Shortfall) -> String {
    let (number, name) = (plan.number, FAULTS[plan.fault].1);
    let mut report =
        format!("Stage {stage}: connection {number} of {connections} fell short: {name}.\n");
    for (number, turn) in plan.turns.iter().enumerate() {
        let mark = if shortfall.turn == Some(number) { ">" } else { " " };
        let who = match turn.client == plan.probe {
            true => "the probe".to_owned(),
            false => format!("client {}", turn.client + 1),
        };
        let _ = writeln!(report, "{mark} {:2}. {who} {}", number + 1, turn.action);
        if shortfall.turn == Some(number) {
            break;
        }
    }
    let _ = writeln!(report, "It failed: {}.", shortfall.reason);
    report
}

#[must_use]
fn table(seed: u64, tallies: &[Tally]) -> String {
    let mut table = format!("{:32}", format!("seed {seed}"));
    for tally in tallies {
        let _ = write!(table, "{:>11}", format!("stage {}", tally.stage));
    }
    let mut row = |name: &str, cell: &dyn Fn(&Tally) -> String| {
        let _ = write!(table, "\n{name:32}");
        for tally in tallies {
            let _ = write!(table, "{:>11}", cell(tally));
        }
    };
    for (number, fault) in FAULTS.iter().enumerate() {
        row(&format!("  {}", fault.1), &|tally| match plan::happens(number, tally.stage) {
            true => tally.faults[number].to_string(),
            false => "-".to_owned(),
        });
    }
    row("connections that went wrong", &|tally| tally.faults.iter().sum::<u64>().to_string());
    row("clients, probes among them", &|tally| tally.outcome.clients.to_string());
    row("probes asked", &|tally| tally.outcome.asked.to_string());
    row("probes answered", &|tally| tally.outcome.answered.to_string());
    row("messages sent", &|tally| tally.outcome.messages.to_string());
    row("messages lost", &|tally| tally.outcome.lost.to_string());
    let shown = |usage: Option<Usage>, figure: fn(Usage) -> u64| {
        usage.map_or("-".to_owned(), |usage| figure(usage).to_string())
    };
    row("descriptors at the start", &|tally| shown(tally.start, |usage| usage.descriptors as u64));
    row("descriptors at the end", &|tally| shown(tally.end, |usage| usage.descriptors as u64));
    row("resident set at the start, KiB", &|tally| shown(tally.start, |usage| usage.resident_kib));
    row("resident set at the end, KiB", &|tally| shown(tally.end, |usage| usage.resident_kib));
    table.push('\n');
    if tallies.iter().any(|tally| tally.end.is_none() && tally.failure.is_none()) {
        table.push_str("Too few connections to compare descriptors and resident set.\n");
    }
    table
}
