//! Which trials, and how hard: the command line.
//!
//! `cargo bench` passes `--bench`. Without it this is a test run (`cargo test --benches`), and
//! everything is small then, as with `--smoke`.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use super::flooder::Kind;

/// How much of everything.
#[derive(Parser)]
#[command(name = "hardship", bin_name = "hardship")]
#[command(
    about = "Tries a p2sp server: slow readers, a storm, floods, hostile peers, an hour of use"
)]
pub struct Trials {
    /// Only these trials
    #[arg(value_enum)]
    trials: Vec<Trial>,
    /// Readers who take nothing
    #[arg(long, default_value_t = 2_000)]
    pub readers: usize,
    /// Sessions that come back at once
    #[arg(long, default_value_t = 10_000)]
    pub sessions: usize,
    /// Runs of each flood and of the hostile; the table shows medians
    #[arg(long, default_value_t = 9)]
    pub runs: usize,
    /// Hostile connections at once
    #[arg(long, default_value_t = 1_000)]
    pub visitors: usize,
    /// Seconds of each run of a flood, and of the quiet before it
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Only this flood
    #[arg(long, value_enum)]
    pub kind: Option<Kind>,
    /// Minutes of the soak
    #[arg(long, default_value_t = 60.0)]
    minutes: f64,
    /// What the people of the soak do follows from it
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Everything smaller: whether it works, not how well
    #[arg(long)]
    pub smoke: bool,
    /// What this process is, if it is one that floods a server
    #[arg(long, hide = true, value_enum, requires = "server")]
    flooder: Option<Kind>,
    /// What this process is, if it is so many who visit a server
    #[arg(long, hide = true, requires = "server")]
    hostile: Option<usize>,
    #[arg(long, hide = true)]
    server: Option<SocketAddr>,
    /// Passed by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

/// One hardship.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Trial {
    /// Readers who take nothing, then everything
    Slow,
    /// Everybody is cut off and comes back
    Storm,
    /// One peer does its worst
    Flood,
    /// A thousand peers of every hostile kind at once
    Hostile,
    /// Long and ordinary use
    Soak,
}

impl Trials {
    /// Reads the command line.
    pub fn from_command_line() -> Trials {
        if !std::env::args().any(|argument| argument == "--bench" || argument == "--help") {
            return Trials::parse_from(["hardship"]).small();
        }
        let trials = Trials::parse();
        if trials.smoke { trials.small() } else { trials }
    }

    fn small(self) -> Trials {
        let (readers, sessions, visitors) = (300, 2_000, 130);
        let (runs, seconds, minutes) = (2, 0.3, 0.1);
        Trials { readers, sessions, visitors, runs, seconds, minutes, smoke: true, ..self }
    }

    /// What to flood, if this process is there for that.
    pub fn flooder(&self) -> Option<(Kind, SocketAddr)> {
        self.flooder.zip(self.server)
    }

    /// How many visit which server, if this process is there for that.
    pub fn visit(&self) -> Option<(usize, SocketAddr)> {
        self.hostile.zip(self.server)
    }

    /// The trials asked for, the longest last.
    pub fn wanted(&self) -> impl Iterator<Item = Trial> {
        let all = Trial::value_variants().iter().copied();
        all.filter(|trial| self.trials.is_empty() || self.trials.contains(trial))
    }

    /// How long a run of a flood takes.
    pub fn span(&self) -> Duration {
        Duration::from_secs_f64(self.seconds.clamp(0.1, 3_600.0))
    }

    /// How long the soak takes.
    pub fn soak(&self) -> Duration {
        Duration::from_secs_f64(self.minutes.clamp(0.05, 100_000.0) * 60.0)
    }

    /// The circumstances, for the line above the table.
    pub fn describe(&self) -> String {
        let build = if cfg!(debug_assertions) { "debug build" } else { "release" };
        let size = if self.smoke { ", small" } else { "" };
        format!("p2sp {}, {build}, real disk, synchronous=FULL{size}", env!("CARGO_PKG_VERSION"))
    }
}
