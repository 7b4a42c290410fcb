//! How many connections: the command line, and the job of a generator's process.
//!
//! `cargo bench` passes `--bench`. Without it this is a test run (`cargo test --benches`), which
//! has no use for numbers: everything is tiny then, as with `--smoke`.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// How much of everything.
#[derive(Parser)]
#[command(name = "connections", bin_name = "connections")]
#[command(about = "Measures what connections cost that say nothing")]
pub struct Counts {
    /// Real connections
    #[arg(long, default_value_t = 19_000)]
    pub count: usize,
    /// Simulated connections
    #[arg(long, default_value_t = 1_000_000)]
    pub simulated: usize,
    /// Runs of what is compared; the table shows medians
    #[arg(long, default_value_t = 5)]
    pub runs: usize,
    /// Seconds of each run over sockets
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Messages of each run over the simulated edge
    #[arg(long, default_value_t = 20_000)]
    pub messages: u64,
    /// Only this part
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// Everything tiny, once: whether it works, not how fast
    #[arg(long)]
    pub smoke: bool,
    /// Passed by cargo
    #[arg(long, hide = true)]
    bench: bool,
    /// What this process is for, if not for all of it
    #[command(subcommand)]
    pub job: Option<Job>,
}

/// A part of the bench.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Over sockets
    Real,
    /// Over the simulated edge
    Simulated,
}

/// What a process of the bench's own is for.
#[derive(Subcommand)]
pub enum Job {
    /// Holds connections
    #[command(hide = true)]
    Generate(Task),
}

/// A generator's share.
#[derive(Args)]
pub struct Task {
    /// The server
    #[arg(long)]
    pub server: SocketAddr,
    /// Where its first connection comes from, if it matters
    #[arg(long)]
    pub from: Option<SocketAddr>,
    /// Its first user
    #[arg(long)]
    pub first: usize,
}

impl Counts {
    /// Reads the command line.
    pub fn from_command_line() -> Counts {
        if !std::env::args().any(|argument| argument == "--bench" || argument == "--help") {
            return Counts::parse_from(["connections"]).tiny();
        }
        let counts = Counts::parse();
        if counts.smoke { counts.tiny() } else { counts }
    }

    fn tiny(self) -> Counts {
        let (count, simulated, runs, seconds, messages) = (400, 2_000, 1, 0.2, 1_000);
        Counts { count, simulated, runs, seconds, messages, smoke: true, ..self }
    }

    /// Whether a part is asked for.
    pub fn wants(&self, part: Part) -> bool {
        self.only.is_none_or(|only| only == part)
    }

    /// How long a run over sockets takes.
    pub fn span(&self) -> Duration {
        Duration::from_secs_f64(self.seconds.clamp(0.01, 3_600.0))
    }

    /// The circumstances, for the line above the table.
    pub fn describe(&self) -> String {
        let build =
            if cfg!(debug_assertions) { "debug build, numbers mean nothing" } else { "release" };
        let (version, runs) = (env!("CARGO_PKG_VERSION"), self.runs);
        format!("p2sp {version}, {build}, real disk, synchronous=FULL; medians of {runs} run(s)")
    }
}
