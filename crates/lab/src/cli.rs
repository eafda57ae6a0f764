//! The command line of `cargo lab`. A new command is one variant here, and one arm in `main.rs`.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{ArgGroup, Args, Parser, Subcommand, value_parser};

use common::{Addr, AddrError};
use lab::check::{self, What};
use lab::course::cast::Cast;
use lab::course::stages::STAGES;
use lab::learn;
use lab::stand::load::{self, Target};
use lab::stand::{bench, soak};
use lab::view::Pace;

/// Behaviours that are examined at a time: most of the time of each goes by with waiting.
const AT_A_TIME: usize = 8;

/// Plays the sessions of the course, and checks programs against it.
///
/// Exit status: 0 all of it holds, 1 something falls short, 2 wrong usage.
#[derive(Parser)]
#[command(bin_name = "cargo lab", verbatim_doc_comment, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Play sessions live, one column for each terminal
    Play(Play),
    /// Go through the stages and the exercises: a task, your file, and a verdict at each save
    Learn(Learn),
    /// Write a session of your own to begin with: NAME.session in this folder
    New { name: String },
    /// Examine programs, in the order of the stages, up to the first behaviour that fails
    Check(Check),
    /// Play each session and write what was really printed back into its file
    Record {
        /// The sessions of a stage, or one session
        #[arg(required = true, value_name = "STAGE | STAGE/NAME | FILE")]
        what: Vec<String>,
    },
    /// Play every behaviour against every stage and print the table
    Matrix,
    /// Change the stages' programs line by line, and print what no play and no behaviour notices
    Mutants(Mutants),
    /// Send messages to a server of stage 5, one by one, and measure it
    Load(Load),
    /// Measure the server of stage 5 beside the same program in C and in Python, and what a learner
    /// waits for
    Bench(Bench),
    /// Have thousands of clients go wrong, and after each one that must get its own answer
    Soak(Soak),
    /// Record what goes over the wire, in a file beside each session, and draw it
    Wire(Wire),
    /// Build the book and open it in the browser; needs mdBook
    Book,
    /// Ends what a lab leaves behind that is killed: every lab starts one
    #[command(hide = true)]
    Keep { mark: String },
    /// Write the parts of the book and the README that come from sources and runs
    Docs {
        /// Compare, and write nothing
        #[arg(long)]
        check: bool,
    },
}

#[derive(Args)]
pub(crate) struct Play {
    /// STAGE (1 to 6, or after): its sessions, first what it adds.
    /// STAGE/NAME or FILE: that session.
    /// Nothing: one session of each stage.
    #[arg(value_name = "STAGE | STAGE/NAME | FILE", verbatim_doc_comment)]
    pub what: Option<String>,
    /// How it goes on; fast where the output is no terminal
    #[arg(long, value_enum)]
    pub pace: Option<Pace>,
    /// Show what goes over the wire too, and where each program waits, from the recording
    #[arg(long)]
    pub wire: bool,
}

#[derive(Args)]
pub(crate) struct Learn {
    /// The exercise to begin with, such as stage1-server or lines; otherwise the one where you were
    pub name: Option<String>,
    /// A server in another language, such as 'python3 {name}.py'.
    /// {name} becomes the exercise's name, {addr} the address.
    /// A line `server: CMD` in my/progress.txt does the same
    #[arg(long, value_name = "CMD", value_parser = words, verbatim_doc_comment)]
    server: Option<Words>,
    /// A client in another language
    #[arg(long, value_name = "CMD", value_parser = words)]
    client: Option<Words>,
    /// Keep your programs in DIR, and not in my
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

#[derive(Args)]
#[command(group = ArgGroup::new("program").args(["server", "client"]).multiple(true))]
pub(crate) struct Check {
    /// 1 to 6, or the name of an exercise
    #[arg(value_name = "STAGE | EXERCISE", value_parser = what)]
    pub what: What,
    /// Examine this server, such as 'python3 server.py'.
    /// {addr} in CMD becomes the address, 127.0.0.1:PORT,
    /// {host} and {port} its parts; without any of them the
    /// address is appended
    #[arg(long, value_name = "CMD", value_parser = words, verbatim_doc_comment)]
    server: Option<Words>,
    /// Examine this client. Without either, the course's own
    #[arg(long, value_name = "CMD", value_parser = words)]
    client: Option<Words>,
    /// For a program that cannot be told: it always uses ADDR,
    /// such as 127.0.0.1:5001, localhost:5001, 5001 or [::1]:5001
    #[arg(long, value_name = "ADDR", value_parser = name, requires = "program", verbatim_doc_comment)]
    addr: Option<Name>,
    /// How long each step may take, for a program that starts or answers slowly
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    patience: Option<Duration>,
    /// Go on after a failure
    #[arg(long)]
    all: bool,
    /// Take what is unwise, a note, for a failure
    #[arg(long)]
    strict: bool,
    /// Print one JSON document, and nothing else
    #[arg(long)]
    pub json: bool,
    /// Write a JUnit document to FILE too
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Mutants {
    /// Only so many, spread evenly over all of them: the same ones each time
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    pub(crate) sample: Option<u32>,
    /// Only those of this stage
    #[arg(long, value_name = "N", value_parser = stage)]
    pub(crate) stage: Option<u8>,
}

#[derive(Args)]
pub(crate) struct Load {
    /// A server that runs already
    #[arg(value_name = "ADDR", value_parser = addr, required_unless_present = "server")]
    addr: Option<SocketAddr>,
    /// A server that is started for the load
    #[arg(long, value_name = "CMD", value_parser = words, conflicts_with = "addr")]
    server: Option<Words>,
    /// Connections one after another
    #[arg(long, value_name = "N", default_value_t = 1)]
    connections: usize,
    /// Messages on each of them
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    messages: usize,
    #[arg(long, value_name = "BYTES", default_value_t = 64, value_parser = message_size)]
    size: usize,
}

#[derive(Args)]
pub(crate) struct Bench {
    /// One round of little, and nothing is built anew: shows that it works
    #[arg(long, conflicts_with = "write")]
    quick: bool,
    /// Write the tables into docs/src/performance.md
    #[arg(long)]
    write: bool,
    /// Build and test this git revision too; with --quick, once
    #[arg(long, value_name = "REV")]
    against: Option<String>,
}

#[derive(Args)]
pub(crate) struct Soak {
    /// Faults in all, spread evenly over all servers
    #[arg(long, value_name = "N", default_value_t = soak::CONNECTIONS, value_parser = value_parser!(u64).range(1..))]
    pub connections: u64,
    /// Choose the same faults in the same order again
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
    /// All of them to the server of this stage, 3 to 6
    #[arg(long, value_name = "N", value_parser = soaked_stage)]
    pub stage: Option<u8>,
}

#[derive(Args)]
pub(crate) struct Wire {
    /// The sessions of a stage, or one session; without any, all of them
    #[arg(value_name = "STAGE | STAGE/NAME | FILE")]
    pub what: Vec<String>,
    /// Compare with the files, and write none
    #[arg(long, conflicts_with_all = ["server", "client", "open", "print"])]
    pub check: bool,
    /// Show the picture of one session in the browser, to step through it
    #[arg(long, requires = "what")]
    pub open: bool,
    /// Record this server in the place of the session's, and show its picture in the browser
    #[arg(long, value_name = "CMD", value_parser = words, requires = "what")]
    server: Option<Words>,
    /// Record this client in the place of the session's
    #[arg(long, value_name = "CMD", value_parser = words, requires = "what")]
    client: Option<Words>,
    /// Print the recording, and show and write nothing else
    #[arg(long)]
    pub print: bool,
}

/// The addresses of a name.
#[derive(Clone)]
struct Name(Vec<SocketAddr>);

/// The words of a command.
#[derive(Clone)]
struct Words(Vec<String>);

/// What the person wants, or what to print instead: the text, and whether it is the help that was
/// asked for.
pub(crate) fn parse() -> Result<Command, (String, bool)> {
    Cli::try_parse().map(|cli| cli.command).map_err(|err| match err.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            (err.to_string(), true)
        }
        _ => {
            // The first paragraph says what is wrong.
            let text = err.to_string();
            let fault = text.split("\n\n").next().unwrap_or_default();
            let fault: Vec<&str> = fault.split_whitespace().skip(1).collect();
            (format!("Error: {}\nTry: cargo lab --help\n", fault.join(" ")), false)
        }
    })
}

impl Check {
    pub(crate) fn how(&self) -> check::Options {
        let stage = match self.what {
            What::Stage(stage) => Some(stage),
            What::Exercise(_) => None,
        };
        // Programs that use one address must not meet.
        let at_a_time = if self.addr.is_some() { 1 } else { AT_A_TIME };
        check::Options { all: self.all, strict: self.strict, at_a_time, stage }
    }

    /// Who plays, if not the stage's own programs.
    pub(crate) fn cast(self) -> Option<Cast> {
        let (server, client) = (self.server, self.client);
        (server.is_some() || client.is_some()).then(|| Cast {
            server: server.map(|Words(words)| words),
            client: client.map(|Words(words)| words),
            addrs: self.addr.map(|Name(addrs)| addrs).unwrap_or_default(),
            patience: self.patience,
            ..Cast::default()
        })
    }
}

impl Learn {
    pub(crate) fn options(self, colour: bool) -> learn::Options {
        let [server, client] =
            [self.server, self.client].map(|part| part.map(|Words(words)| words));
        learn::Options { name: self.name, server, client, folder: self.folder, colour }
    }
}

impl Wire {
    /// The programs in the place of the session's, if there are any.
    pub(crate) fn parts(&self) -> [Option<Vec<String>>; 2] {
        [&self.server, &self.client].map(|part| part.as_ref().map(|Words(words)| words.clone()))
    }
}

impl Bench {
    pub(crate) fn options(self) -> bench::Options {
        bench::Options { quick: self.quick, write: self.write, against: self.against }
    }
}

impl Load {
    pub(crate) fn load(self) -> Option<load::Load> {
        let target = match (self.addr, self.server) {
            (Some(addr), _) => Target::Addr(addr),
            (None, server) => Target::Program(server?.0),
        };
        let (connections, messages, size) = (self.connections, self.messages, self.size);
        Some(load::Load { target, connections, messages, size })
    }
}

fn stage(text: &str) -> Result<u8, String> {
    let (first, last) = (STAGES.start(), STAGES.end());
    let stage = text.parse().ok().filter(|stage| STAGES.contains(stage));
    stage.ok_or_else(|| format!("the stages are {first} to {last}"))
}

fn what(text: &str) -> Result<What, String> {
    What::find(text).map_err(|err| format!("{err:#}"))
}

fn soaked_stage(text: &str) -> Result<u8, String> {
    let (first, last) = (soak::STAGES.start(), soak::STAGES.end());
    let stage = text.parse().ok().filter(|stage| soak::STAGES.contains(stage));
    stage.ok_or_else(|| format!("the stages with a soak are {first} to {last}"))
}

fn words(text: &str) -> Result<Words, String> {
    let words = shell_words::split(text).map_err(|err| err.to_string())?;
    if words.is_empty() {
        return Err("the command is empty".to_owned());
    }
    Ok(Words(words))
}

fn addr(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "expected an address, such as 127.0.0.1:5001".to_owned())
}

/// The addresses of a name, those of IPv4 first: there a client looks that knows no other.
fn name(text: &str) -> Result<Name, String> {
    let addr: Addr = text.parse().map_err(|err: AddrError| err.to_string())?;
    let found = addr.to_socket_addrs().map_err(|err| format!("failed to look it up: {err}"))?;
    let mut addrs: Vec<SocketAddr> = found.collect();
    addrs.sort_by_key(SocketAddr::is_ipv6);
    match addrs.iter().any(|addr| addr.port() == 0) {
        true => Err("nobody can use the port 0".to_owned()),
        false => Ok(Name(addrs)),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| (1.0..=3600.0).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| "expected 1 to 3600 seconds".to_owned())
}

fn message_size(text: &str) -> Result<usize, String> {
    let size = text.parse().ok().filter(|size| (1..=load::MAX_SIZE).contains(size));
    size.ok_or_else(|| format!("a message is 1 to {} bytes", load::MAX_SIZE))
}
