//! Users grow, and connections that say nothing. What 50 pairs say costs the same.

use std::time::Instant;

use p2sp_bench::Outcome;
use p2sp_bench::edge::cost::{self, Cost};
use p2sp_bench::edge::data::{Data, Filling};
use p2sp_bench::edge::server::SimulatedServer;
use p2sp_bench::edge::talk::Talk;

use super::report::Report;
use super::scale::{PAIRS, Scale, UNDER_WAY};

/// Takes turns between few users, many, and many of whom many are there.
pub fn measure(scale: &Scale, report: &mut Report) -> Outcome<()> {
    let few = fill(scale, scale.few_users())?;
    let many = fill(scale, scale.users)?;
    let beside = many.copy()?;
    let (talking, idle) = (2 * PAIRS, scale.idle);
    let named = |users, beside: &str| format!("{users} users, {PAIRS} pairs{beside}");
    let mut places = [
        (begin(scale, few, talking)?, named(scale.few_users(), "")),
        (begin(scale, many, talking)?, named(scale.users, "")),
        (begin(scale, beside, talking + idle)?, named(scale.users, &format!(", {idle} idle"))),
    ]
    .map(|(server, name)| (server, Talk::of_pairs(0..talking, UNDER_WAY), Cost::new(name)));
    for _ in 0..scale.runs {
        for (server, talk, cost) in &mut places {
            cost.add(talk.run(server, scale.messages)?, scale.messages);
        }
    }
    places.iter().try_for_each(|(server, ..)| report.note_ticks(server))?;
    cost::compare(places.iter().map(|(_, _, cost)| cost), &mut report.table);
    Ok(())
}

fn fill(scale: &Scale, users: usize) -> Outcome<Data> {
    let began = Instant::now();
    let (log, friends) = (scale.short_log(), 2 * PAIRS);
    let data = Data::fill(&Filling { log, users, friends, ..Filling::default() })?;
    eprintln!("  {users} users, made in {:.1} s", began.elapsed().as_secs_f64());
    Ok(data)
}

fn begin(scale: &Scale, data: Data, present: usize) -> Outcome<SimulatedServer> {
    let mut server = SimulatedServer::open(data, present, scale.smoke)?;
    server.sign_in(0..present)?;
    server.rest()?;
    Ok(server)
}
