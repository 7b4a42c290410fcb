//! Hardship: what becomes of the server, and of those who use it, when times are bad.
//!
//! ```text
//! slow    2,000 readers take nothing while megabytes are said to them; then they read it all
//! storm   10,000 sessions are cut at once and come back at once, 20 messages waiting for each
//! flood   100 people talk at an even pace while one peer does its worst, of each kind in turn
//! hostile the same beside 1,000 connections of every hostile kind at once
//! soak    200 people talk, come and go, make and delete groups, are blocked … for an hour
//! ```
//!
//! `cargo bench --bench hardship -- slow storm flood hostile soak`, or some of them: real sockets,
//! a real disk, the server as it is shipped. Each trial has bounds, and a line in the table for
//! each of them; the exit code is 1 if one is broken or if anything was lost, repeated or out of
//! order. `--smoke` does all of it, smaller, in less than a minute, and judges no times that
//! depend on who else is on the machine; so does `cargo test --bench hardship`. `--help` lists the
//! sizes.
#![forbid(unsafe_code)]

#[path = "hardship/flood.rs"]
mod flood;
#[path = "hardship/flooder.rs"]
mod flooder;
#[path = "hardship/hostile.rs"]
mod hostile;
#[path = "hardship/neighbours.rs"]
mod neighbours;
#[path = "hardship/slow.rs"]
mod slow;
#[path = "hardship/soak.rs"]
mod soak;
#[path = "hardship/storm.rs"]
mod storm;
#[path = "hardship/trials.rs"]
mod trials;
#[path = "hardship/visitor.rs"]
mod visitor;

use std::process::ExitCode;

use p2sp_bench::Outcome;
use p2sp_bench::table::Table;
use p2sp_bench::world::Machine;

use trials::{Trial, Trials};

fn main() -> ExitCode {
    let trials = Trials::from_command_line();
    let done = match (trials.flooder(), trials.visit()) {
        (Some((kind, server)), _) => flooder::run(kind, server).map(|()| true),
        (_, Some((visitors, server))) => visitor::run(visitors, server).map(|()| true),
        _ => run(&trials),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("hardship: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Whether everything stayed within its bounds.
fn run(trials: &Trials) -> Outcome<bool> {
    let machine = Machine::prepare(trials.sessions)?;
    let mut table = Table::default();
    for trial in trials.wanted() {
        eprintln!("{trial:?}");
        let done = match trial {
            Trial::Slow => slow::measure(&machine, trials, &mut table),
            Trial::Storm => storm::measure(&machine, trials, &mut table),
            Trial::Flood => flood::measure(&machine, trials, &mut table),
            Trial::Hostile => hostile::measure(&machine, trials, &mut table),
            Trial::Soak => soak::measure(&machine, trials, &mut table),
        };
        done.map_err(|why| format!("{trial:?}: {why}"))?;
    }
    println!("{}\n\n{table}", trials.describe());
    Ok(table.all_met())
}
