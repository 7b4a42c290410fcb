//! The log grows. To find something in one's own conversations costs what there is in them, and
//! not what others said to each other, be it the same words.

use std::time::Instant;

use p2sp::id::UserId;
use p2sp::store::Wanted;

use super::Outcome;
use super::edge::data::{BODY, Data, Filling};
use super::edge::table::{Row, median};
use super::report::Report;
use super::scale::Scale;

/// What the two who search said to each other at the log's end.
const OWN: u64 = 200;
/// Searches of one run.
const SEARCHES: usize = 200;

/// Takes turns between the lengths.
pub fn measure(scale: &Scale, report: &mut Report) -> Outcome<()> {
    let mut places = Vec::new();
    for log in scale.logs() {
        let began = Instant::now();
        let filling = Filling { log: log - OWN, ..Filling::default() };
        let data = Data::fill(&filling)?;
        data.add(&Filling { newest: OWN, users: 2, friends: 2, ..Filling::default() })?;
        eprintln!("  a log of {log}, filled in {:.1} s", began.elapsed().as_secs_f64());
        places.push((log, data.open()?, Vec::new(), data));
    }
    let wanted = Wanted::parse(BODY).ok_or("no words")?;
    for _ in 0..scale.runs {
        for (_, store, micros, _) in &mut places {
            let began = Instant::now();
            for _ in 0..SEARCHES {
                let found = store.search(UserId(2), &wanted, None, 20)?;
                if found.entries.len() != 20 || found.unsearched > 0 {
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
