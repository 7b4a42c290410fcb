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
//! ```text
//! cargo bench --bench peers                               messages, connections, memory over TCP
//! cargo bench --bench peers -- --over tls                 messages, with those that speak TLS
//! cargo bench --bench peers -- --over websocket --group 10001    readers as a page is one
//! cargo bench --bench peers -- --page                     the page's files, beside nginx
//! cargo bench --bench peers -- --plot benches/peers.svg   50 pairs as they have more under way
//! ```
//!
//! What is not installed is left out, aloud. `--smoke` does all of it in a few seconds.
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
#[path = "peers/page.rs"]
mod page;
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

use dialect::Dialect;
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
    let machine = Machine::prepare(sizes.connections.max(sizes.group))?;
    let mut results = Results::new(plan.works(), plan.systems());
    for run in 1..=sizes.runs {
        for work in results.works.clone() {
            for system in results.systems.clone() {
                if !system.does(work, sizes.over) {
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
    for table in [
        table::render(&results, sizes),
        table::render_latencies(&results, sizes),
        table::render_cores(&results, sizes),
        targets::render(&results, sizes),
        table::render_short(&results, sizes),
    ] {
        if !table.is_empty() {
            println!("{table}");
        }
    }
    Ok(())
}

fn measure(machine: &Machine, work: Work, system: System, sizes: &Sizes) -> Outcome<Sample> {
    if work.is_page() {
        return measure_page(machine, work, system, sizes);
    }
    let work = work.on(system, sizes);
    if let Some(dialect) = system.dialect() {
        let server = Server::begin(machine, dialect, sizes.over)?;
        return measure_peer(&server, dialect, work.as_ref(), sizes)
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
    use p2sp_bench::visits as load;
    match work {
        Some(Load::Visits { in_flight }) => load::measure(world, *in_flight, sizes),
        Some(Load::Chat(chat)) => p2sp_bench::chat::measure(world, chat, sizes),
        Some(Load::Arrive { .. }) => load::arrive(world, sizes.over),
        Some(Load::Idle { connections, .. }) => load::memory(world, *connections, sizes.over),
        None => visits::fresh(world.process()),
    }
}

fn measure_peer(
    server: &Server,
    dialect: &'static dyn Dialect,
    work: Option<&Load>,
    sizes: &Sizes,
) -> Outcome<Sample> {
    match work {
        Some(Load::Visits { in_flight }) => visits::measure(server, dialect, *in_flight, sizes),
        Some(Load::Chat(chat)) => talk::measure(server, dialect, chat, sizes),
        Some(Load::Arrive { users }) => visits::arrive(server, dialect, *users, sizes.over),
        Some(Load::Idle { connections, .. }) => {
            visits::memory(server, dialect, *connections, sizes.over)
        }
        None => visits::fresh(server.process()),
    }
}

fn measure_page(machine: &Machine, work: Work, system: System, sizes: &Sizes) -> Outcome<Sample> {
    let is_first = work == Work::FirstVisit;
    if system == System::Nginx {
        let nginx = page::Nginx::new()?;
        let server = Server::begin(machine, &nginx, sizes.over)?;
        if is_first {
            println!("{system}: {}", page::describe(server.address(0))?);
        }
        return page::measure(|number| server.address(number), server.process(), is_first, sizes)
            .map_err(|why| format!("{why}; it said: {:?}", server.last_words()).into());
    }
    let world = World::begin_with(machine, &Population::strangers(0), &[])?;
    if is_first {
        println!("{system}: {}", page::describe(world.address(0))?);
    }
    let sample = page::measure(|number| world.address(number), world.process(), is_first, sizes)?;
    world.end()?;
    Ok(sample)
}
