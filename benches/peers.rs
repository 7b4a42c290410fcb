//! Peers: p2sp side by side with servers that promise less, on the same work, in turn.
//!
//! ```text
//! this process, core 1                     the server, core 0
//! p2sp       load's own code     ◄──────►  p2sp-server, with and without waiting for the disk
//! the floor  ┐                             this program as a bare relay
//! redis …    ├ a crowd with the  ◄──────►  redis-server, ngircd, mosquitto, nats-server:
//!            ┘ server's dialect            each with its own configuration, port and directory
//! ```
//!
//! `cargo bench --bench peers -- --help` lists what can be chosen. Every run of every work has a
//! server of its own, and all systems do a work before anyone does the next. The loop is closed: a
//! message holds its place in the window until it was delivered everywhere and answered, where the
//! server answers. A lost, changed or reordered message ends the bench with exit code 1, as does a
//! server that closes; a target that was missed does not. Limits against floods are off.
//!
//! What is not installed is left out, aloud. `--plot` draws throughput and latency against the
//! number of messages under way; `--smoke` does all of it in a few seconds.
#![forbid(unsafe_code)]

#[path = "peers/callers.rs"]
mod callers;
#[path = "peers/dialect.rs"]
mod dialect;
#[path = "peers/irc.rs"]
mod irc;
#[path = "peers/mqtt.rs"]
mod mqtt;
#[path = "peers/nats.rs"]
mod nats;
#[path = "peers/plan.rs"]
mod plan;
#[path = "peers/plot.rs"]
mod plot;
#[path = "peers/relay.rs"]
mod relay;
#[path = "peers/resp.rs"]
mod resp;
#[path = "peers/results.rs"]
mod results;
#[path = "peers/server.rs"]
mod server;
#[path = "peers/table.rs"]
mod table;
#[path = "peers/talk.rs"]
mod talk;
#[path = "peers/targets.rs"]
mod targets;
#[path = "peers/visits.rs"]
mod visits;

use std::env;
use std::process::ExitCode;

use p2sp_bench::Outcome;
use p2sp_bench::meter::Sample;
use p2sp_bench::sizes::{Population, Sizes, Work as Load};
use p2sp_bench::world::{Machine, World};

use plan::{Plan, System, Work};
use results::Results;
use server::Server;

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let done = match (arguments.next(), arguments.next()) {
        (Some(first), Some(config)) if first == relay::RELAY => relay::run(&config),
        _ => run(&Plan::from_command_line()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("peers: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(plan: &Plan) -> Outcome<()> {
    let sizes = &plan.sizes;
    let machine = Machine::prepare(sizes.connections)?;
    let mut results = Results::new(plan.works(), plan.systems());
    for run in 1..=sizes.runs {
        for work in results.works.clone() {
            for system in results.systems.clone() {
                if !system.does(work) {
                    continue;
                }
                let title = work.title(sizes);
                eprintln!("run {run} of {}: {title}: {system}", sizes.runs);
                let sample = measure(&machine, work, system, sizes)
                    .map_err(|why| format!("{system}: {title}: {why}"))?;
                results.add(work, system, sample);
            }
        }
    }
    if let Some(file) = &plan.plot {
        plot::draw(&results, sizes, file)?;
        println!("the plot is in {}", file.display());
        return Ok(());
    }
    println!("{}\n", machine.describe(sizes));
    println!("{}", table::render(&results, sizes));
    println!("{}", table::render_cores(&results, sizes));
    print!("{}", targets::render(&results, sizes));
    Ok(())
}

fn measure(machine: &Machine, work: Work, system: System, sizes: &Sizes) -> Outcome<Sample> {
    let work = work.on(system, sizes);
    if let Some(dialect) = system.dialect() {
        let server = Server::begin(machine, dialect)?;
        return measure_peer(&server, work.as_ref(), sizes)
            .map_err(|why| format!("{why}; it said: {:?}", server.last_words()).into());
    }
    let population = work.as_ref().map_or(Population::strangers(0), Load::population);
    let flags: &[&str] = if system == System::P2spNoFsync { &["--no-fsync"] } else { &[] };
    let world = World::begin_with(machine, &population, flags)?;
    let sample = measure_p2sp(&world, work.as_ref(), sizes)?;
    world.end()?;
    Ok(sample)
}

fn measure_p2sp(world: &World, work: Option<&Load>, sizes: &Sizes) -> Outcome<Sample> {
    match work {
        Some(Load::Visits { in_flight }) => {
            p2sp_bench::visits::measure(world, *in_flight, sizes.span())
        }
        Some(Load::Chat(chat)) => p2sp_bench::chat::measure(world, chat, sizes),
        Some(Load::Idle { connections }) => p2sp_bench::visits::memory(world, *connections),
        None => visits::fresh(world.process()),
    }
}

fn measure_peer(server: &Server, work: Option<&Load>, sizes: &Sizes) -> Outcome<Sample> {
    match work {
        Some(Load::Visits { in_flight }) => visits::measure(server, *in_flight, sizes.span()),
        Some(Load::Chat(chat)) => talk::measure(server, chat, sizes),
        Some(Load::Idle { connections }) => visits::memory(server, *connections),
        None => visits::fresh(server.process()),
    }
}
