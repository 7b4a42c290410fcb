//! Connections: what one costs that is signed in and says nothing, and that it costs nobody time.
//!
//! ```text
//! real        p2sp-server, core 0  ◄── sockets ──  generators, core 1: processes of this bench,
//!             its memory, the kernel's, and        as many as their open files demand, each at
//!             latency beside all of them           a loopback address of its own
//! simulated   the shipped loop and server over a simulated edge (`edge`): memory of a million
//!             sessions, and what a message costs beside them
//! ```
//!
//! `cargo bench --bench connections -- --count N` holds N real ones. Where the system does not
//! allow so many, it says which settings are missing and the commands that change them, and ends
//! with exit code 2 before anybody has connected. Numbers that are compared take turns, run by
//! run. `--smoke` does all of it in a few seconds.
#![forbid(unsafe_code)]

#[path = "connections/counts.rs"]
mod counts;
#[path = "connections/generator.rs"]
mod generator;
#[path = "connections/parts.rs"]
mod parts;
#[path = "connections/real.rs"]
mod real;
#[path = "connections/settings.rs"]
mod settings;
#[path = "connections/simulated.rs"]
mod simulated;

use std::process::ExitCode;

use p2sp_bench::Outcome;
use p2sp_bench::table::Table;

use counts::{Counts, Job, Part};

/// The system does not allow so many connections.
const EXIT_SETTINGS: u8 = 2;

fn main() -> ExitCode {
    let counts = Counts::from_command_line();
    let done = match &counts.job {
        Some(Job::Generate(task)) => generator::run(task).map(|()| ExitCode::SUCCESS),
        None => run(&counts),
    };
    done.unwrap_or_else(|why| {
        eprintln!("connections: {why}");
        ExitCode::FAILURE
    })
}

fn run(counts: &Counts) -> Outcome<ExitCode> {
    if counts.wants(Part::Real) {
        let missing = settings::missing(counts.count);
        if !missing.is_empty() {
            eprintln!("{} connections do not fit. Missing:", counts.count);
            missing.iter().for_each(|line| eprintln!("  {line}"));
            return Ok(ExitCode::from(EXIT_SETTINGS));
        }
    }
    let mut table = Table::default();
    if counts.wants(Part::Real) {
        real::measure(counts, &mut table)?;
    }
    if counts.wants(Part::Simulated) {
        parts::tell(&mut table);
        simulated::measure(counts, &mut table)?;
    }
    println!("{}\n\n{table}", counts.describe());
    Ok(ExitCode::SUCCESS)
}
