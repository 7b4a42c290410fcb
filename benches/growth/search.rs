//! The log grows. To find something in one's own conversations costs what there is in them, and
//! not what others said to each other, be it the same words.

use std::time::Instant;

use p2sp::id::UserId;
use p2sp::store::Wanted;
use p2sp_bench::Outcome;
use p2sp_bench::edge::data::{BODY, Data, Filling};
use p2sp_bench::table::{Row, median};

use super::report::Report;
use super::scale::Scale;

/// What the two who search said to each other at the log's end, at most half of it.
const OWN_MAX: u64 = 200;
/// How many of those are asked for.
const WANTED: usize = 20;
/// Searches of one run.
const SEARCHES: usize = 200;

/// Takes turns between the lengths.
pub fn measure(scale: &Scale, report: &mut Report) -> Outcome<()> {
    let mut places = Vec::new();
    for log in scale.logs() {
        let began = Instant::now();
        let newest = OWN_MAX.min(log / 2);
        let data = Data::fill(&Filling { log: log - newest, ..Filling::default() })?;
        data.add(&Filling { newest, users: 2, friends: 2, ..Filling::default() })?;
        eprintln!("  a log of {log}, filled in {:.1} s", began.elapsed().as_secs_f64());
        let expected = WANTED.min(newest as usize);
        places.push((log, data.open()?, Vec::new(), (expected, data)));
    }
    let wanted = Wanted::parse(BODY).ok_or("no words")?;
    for _ in 0..scale.runs {
        for (_, store, micros, (expected, _)) in &mut places {
            let began = Instant::now();
            for _ in 0..SEARCHES {
                let found = store.search(UserId(2), &wanted, None, WANTED)?;
                if found.entries.len() != *expected || found.unsearched > 0 {
                    return Err("not everything was found".into());
                }
            }
            micros.push(began.elapsed().as_secs_f64() * 1e6 / SEARCHES as f64);
        }
    }
    let mut first = None;
    for (log, _, micros, _) in places {
        let micros = median(micros);
        let first = *first.get_or_insert(micros);
        let row = Row::told(
            format!("search for what every message has, in a log of {log}"),
            format!("{micros:.0} µs"),
        );
        report.table.add(row.compared(micros / first));
    }
    Ok(())
}
