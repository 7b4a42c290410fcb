//! The log grows. What 50 pairs say costs the same, and what 10,000 pairs say in turn.
//!
//! A line is what the next slices of the log cost from its length on, so that what the server puts
//! off until a slice is full is in it, in the shortest log as in the longest. Each length has a
//! server for either kind of talk, and all of them are there at once.

use std::time::Instant;

use p2sp_bench::Outcome;
use p2sp_bench::edge::cost::{self, Cost};
use p2sp_bench::edge::data::{Data, Filling};
use p2sp_bench::edge::server::SimulatedServer;
use p2sp_bench::edge::talk::Talk;

use super::report::Report;
use super::scale::{PAIRS, Scale, UNDER_WAY};

/// So much of a log's end, at most half of it, is by those who go on talking: what the server may
/// have put off.
const NEWEST_MAX: u64 = 2 * 65_536;

/// People who talk at the end of a log.
struct Place {
    server: SimulatedServer,
    talk: Talk,
    cost: Cost,
}

/// Takes turns between the lengths.
pub fn measure(scale: &Scale, report: &mut Report) -> Outcome<()> {
    let (mut few, mut many) = (Vec::new(), Vec::new());
    for log in scale.logs() {
        let began = Instant::now();
        let newest = NEWEST_MAX.min(log / 2);
        let data = Data::fill(&Filling { log: log - newest, ..Filling::default() })?;
        let copy = data.copy()?;
        eprintln!("  two logs of {log}, filled in {:.1} s", began.elapsed().as_secs_f64());
        let pairs = scale.many_pairs();
        let name = format!("log of {log}, {PAIRS} pairs");
        few.push(Place::begin(scale, data, newest, PAIRS, name)?);
        let name = format!("log of {log}, {pairs} pairs in turn");
        many.push(Place::begin(scale, copy, newest, pairs, name)?);
    }
    for _ in 0..scale.runs {
        for Place { server, talk, cost } in few.iter_mut().chain(&mut many) {
            cost.add(talk.run(server, scale.messages)?, scale.messages);
        }
    }
    for places in [few, many] {
        places.iter().try_for_each(|place| report.note_ticks(&place.server))?;
        cost::compare(places.iter().map(|place| &place.cost), &mut report.table);
    }
    Ok(())
}

impl Place {
    fn begin(
        scale: &Scale,
        data: Data,
        newest: u64,
        pairs: usize,
        circumstances: String,
    ) -> Outcome<Place> {
        let users = 2 * pairs;
        data.add(&Filling { newest, users, friends: users, ..Filling::default() })?;
        let mut server = SimulatedServer::open(data, users, scale.smoke)?;
        server.sign_in(0..users)?;
        server.rest()?;
        let talk = Talk::of_pairs(0..users, UNDER_WAY);
        Ok(Place { server, talk, cost: Cost::new(circumstances) })
    }
}
