//! How much of everything there is: the command line.
//!
//! `cargo bench` passes `--bench`. Without it this is a test run (`cargo test --benches`), which
//! has no use for numbers: everything is tiny then, as with `--smoke`.

use std::time::Duration;

use clap::{Parser, ValueEnum};

/// How much of everything.
#[derive(Parser)]
#[command(name = "growth", bin_name = "growth")]
#[command(about = "Measures whether the cost of a message grows with what there is")]
pub struct Scale {
    /// Messages in the longest log; the others are a tenth of it, a hundredth, a thousandth
    #[arg(long, default_value_t = 10_000_000)]
    pub log: u64,
    /// Users, where they are many
    #[arg(long, default_value_t = 1_000_000)]
    pub users: usize,
    /// Connections that are idle beside those who talk
    #[arg(long, default_value_t = 100_000)]
    pub idle: usize,
    /// Runs of each line, in turn
    #[arg(long, default_value_t = 5)]
    pub runs: usize,
    /// Messages in each run
    #[arg(long, default_value_t = 40_000)]
    pub messages: u64,
    /// Only these parts
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Everything tiny, once: whether it works, not how fast
    #[arg(long)]
    pub smoke: bool,
    /// Passed by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

/// What may grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The log
    Log,
    /// Users, and idle connections
    Users,
    /// Members of a group
    Groups,
    /// What waits for one user
    Late,
    /// The log, and somebody looks for something
    Search,
    /// What a sender calls messages, in no order
    Mids,
}

/// Pairs who talk, where they are few.
pub const PAIRS: usize = 50;
/// Messages under way: 16 of each of those pairs.
pub const UNDER_WAY: u64 = 16 * PAIRS as u64;

impl Scale {
    /// Reads the command line.
    pub fn from_command_line() -> Scale {
        if !std::env::args().any(|argument| argument == "--bench" || argument == "--help") {
            return Scale::parse_from(["growth"]).tiny();
        }
        let scale = Scale::parse();
        if scale.smoke { scale.tiny() } else { scale }
    }

    fn tiny(self) -> Scale {
        Scale {
            log: 10_000,
            users: 2_000,
            idle: 500,
            runs: 1,
            messages: 1_000,
            smoke: true,
            ..self
        }
    }

    /// What is to be measured.
    pub fn parts(&self) -> Vec<Part> {
        let all = Part::value_variants().iter().copied();
        all.filter(|part| self.only.is_empty() || self.only.contains(part)).collect()
    }

    /// The logs, the shortest first.
    pub fn logs(&self) -> [u64; 4] {
        [1_000, 100, 10, 1].map(|part| self.log / part)
    }

    /// `mid`s of one sender, the fewest first.
    pub fn mids(&self) -> [u64; 4] {
        [10_000, 1_000, 100, 10].map(|part| self.log / part).map(|count| count.max(10))
    }

    /// The log of everything that is not about its length.
    pub fn short_log(&self) -> u64 {
        10_000.min(self.log)
    }

    /// Users, where they are few.
    pub fn few_users(&self) -> usize {
        1_000.min(self.users)
    }

    /// Pairs who talk in turn, where they are many.
    pub fn many_pairs(&self) -> usize {
        if self.smoke { 200 } else { 10_000 }
    }

    /// Members of the groups, the smallest first.
    pub fn groups(&self) -> [usize; 4] {
        if self.smoke { [10, 20, 40, 80] } else { [10, 100, 1_000, 10_000] }
    }

    /// Groups of somebody who is late, and messages that wait for them.
    pub fn late(&self) -> (usize, usize) {
        if self.smoke { (20, 500) } else { (200, 10_000) }
    }

    /// How long those who are on time talk before it is somebody else's turn.
    pub fn span(&self) -> Duration {
        Duration::from_millis(if self.smoke { 200 } else { 3_000 })
    }
}
