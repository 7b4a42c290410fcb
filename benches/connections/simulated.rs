//! A million sessions over the simulated edge: what they take, and that a tick's cost depends on
//! who is active and not on how many are connected.
//!
//! Memory is what this process occupies more than when the server stood there with nobody
//! connected. The edge has everything it needs for all its peers by then, and has written to it,
//! so the difference is the server's. Three servers with the same users, but fewer and fewer of
//! them signed in, let the same pairs talk, in turn.

use std::time::Instant;

use p2sp_bench::Outcome;
use p2sp_bench::edge::cost::{self, Cost};
use p2sp_bench::edge::data::{Data, Filling};
use p2sp_bench::edge::server::{SimulatedServer, resident_bytes};
use p2sp_bench::edge::talk::Talk;
use p2sp_bench::table::{Row, Table};

use super::counts::Counts;

/// Pairs who talk, and their messages under way: 16 each.
const PAIRS: usize = 50;
const UNDER_WAY: u64 = 16 * PAIRS as u64;
/// What a session may take of the server's memory, in bytes.
const SESSION_BYTES_MAX: f64 = 512.0;

/// A server with so many sessions.
struct Place {
    server: SimulatedServer,
    talk: Talk,
    cost: Cost,
}

/// Holds them, and lets a few of them talk.
pub fn measure(counts: &Counts, table: &mut Table) -> Outcome<()> {
    let users = counts.simulated.max(2 * PAIRS);
    let data = Data::fill(&Filling { users, friends: 2 * PAIRS, ..Filling::default() })?;
    let (few, fewer) = (data.copy()?, data.copy()?);

    let mut server = SimulatedServer::open(data, users, counts.smoke)?;
    server.rest()?;
    let (before, began, idle) = (resident_bytes()?, Instant::now(), server.spent);
    server.sign_in(0..users)?;
    let (took, spent) = (began.elapsed().as_secs_f64(), server.spent.since(idle));
    server.rest()?;
    let added = resident_bytes()?.saturating_sub(before) as f64;

    let what = format!("{users} simulated connections, signed in");
    let each = spent.cpu.as_secs_f64() * 1e6 / users as f64;
    let value = format!("{:.0} /s, {each:.1} µs of the processor each", users as f64 / took);
    table.add(Row::told(what, value));
    let (each, mib) = (added / users as f64, added / f64::from(1 << 20));
    let what = format!("server memory in all (it stood at {} MiB with none)", before >> 20);
    let row = Row::told(what, format!("{mib:.0} MiB, {each:.0} bytes each"));
    table.add(row.wanted(format!("≤ {SESSION_BYTES_MAX} each"), each <= SESSION_BYTES_MAX));

    let [few_sessions, fewer_sessions] = [10, 1_000].map(|part| (users / part).max(2 * PAIRS));
    let mut places = [
        Place::begin(fewer, fewer_sessions, counts.smoke)?,
        Place::begin(few, few_sessions, counts.smoke)?,
        Place::new(server, users),
    ];
    for _ in 0..counts.runs {
        for Place { server, talk, cost } in &mut places {
            cost.add(talk.run(server, counts.messages)?, counts.messages);
        }
    }
    cost::compare(places.iter().map(|place| &place.cost), table);
    Ok(())
}

impl Place {
    fn begin(data: Data, sessions: usize, hasty: bool) -> Outcome<Place> {
        let mut server = SimulatedServer::open(data, sessions, hasty)?;
        server.sign_in(0..sessions)?;
        server.rest()?;
        Ok(Place::new(server, sessions))
    }

    fn new(server: SimulatedServer, sessions: usize) -> Place {
        let talk = Talk::of_pairs(0..2 * PAIRS, UNDER_WAY);
        let cost = Cost::new(format!("{PAIRS} pairs, {sessions} sessions"));
        Place { server, talk, cost }
    }
}
