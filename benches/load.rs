//! Load: what one server does when everybody writes at once, over real sockets and a real disk.
//!
//! ```text
//! this process, core 1                          p2sp-server, core 0
//! users ─► Store ─► data directory  ─────────►  opens it
//! crowd of sockets  ── resume, send, ack ────►  one transaction and one fsync a tick
//!                   ◄── answers, pushes ──────
//! ```
//!
//! `cargo bench --bench load -- --help` lists the sizes. Every run of every work has a server and
//! a data directory of its own; the runs of all works take turns, so that a slow minute of the
//! machine falls on all of them. The load is a closed loop: a message holds its place in the
//! window until its answer *and* all its deliveries have come, so a rate is what was really
//! delivered, and latency is that of a full window. A lost, repeated, refused or reordered message
//! ends the bench with exit code 1. `--smoke` does all of it in a few seconds.
//!
//! What the load itself costs: one system call a readable socket, one a written one, and about a
//! tenth of a microsecond a frame (its length, its kind, the `seq` and `prev` at its end; no JSON
//! is parsed). The last column shows it: as long as the server's share of its core is near 100 %
//! and the load's is not, the server or the disk is what was measured.
#![forbid(unsafe_code)]

#[path = "load/table.rs"]
mod table;

use std::process::ExitCode;

use p2sp_bench::meter::Sample;
use p2sp_bench::sizes::{Sizes, Work};
use p2sp_bench::world::{Machine, World};
use p2sp_bench::{Outcome, chat, visits};

fn main() -> ExitCode {
    match run(&Sizes::from_command_line()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("load: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(sizes: &Sizes) -> Outcome<()> {
    let machine = Machine::prepare(sizes.connections)?;
    let works = sizes.works();
    let mut samples: Vec<Vec<Sample>> = works.iter().map(|_| Vec::new()).collect();
    for run in 1..=sizes.runs {
        for (work, samples) in works.iter().zip(&mut samples) {
            eprintln!("run {run} of {}: {work}", sizes.runs);
            let sample = measure(&machine, work, sizes).map_err(|why| format!("{work}: {why}"))?;
            samples.push(sample);
        }
    }
    println!("{}, latencies in ms as p50 / p99 / p99.9\n", machine.describe(sizes));
    print!("{}", table::render(&works, &samples));
    Ok(())
}

fn measure(machine: &Machine, work: &Work, sizes: &Sizes) -> Outcome<Sample> {
    let world = World::begin(machine, &work.population())?;
    let sample = match work {
        Work::Visits { in_flight } => visits::measure(&world, *in_flight, sizes)?,
        Work::Chat(chat) => chat::measure(&world, chat, sizes)?,
        Work::Arrive { .. } => visits::arrive(&world, sizes.over)?,
        Work::Idle { connections, .. } => visits::memory(&world, *connections, sizes.over)?,
    };
    world.end()?;
    Ok(sample)
}
