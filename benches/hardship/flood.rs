//! Floods: what a hundred people notice of one peer that does its worst.
//!
//! In each run they talk in quiet first and beside the flooder then, and what is judged is the
//! ratio of the two p99s. Runs of one kind use the same server. The server has one core; the people
//! and the flooder share the other one, the flooder behind them.

use std::thread;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use p2sp::id::{Conversation, UserId};
use p2sp::store::{EntryKind, NewEntry, Store};
use p2sp_bench::Outcome;
use p2sp_bench::meter::nanos_on_core;
use p2sp_bench::sizes::Population;
use p2sp_bench::table::{Row, Table, median};
use p2sp_bench::world::{Machine, World};

use crate::flooder::{Flooder, Kind, USER};
use crate::neighbours::Neighbours;
use crate::trials::Trials;

/// People who talk.
const PEOPLE: usize = USER;
/// What their p99 may be of that in quiet.
const RATIO_MAX: f64 = 3.0;
/// Messages that wait for the flooder, of the longest text.
const WAITING: usize = 1_000;
const BODY: usize = 8_000;
/// How long a flood lasts before it counts.
const REST: Duration = Duration::from_millis(300);

/// Each kind, several times.
pub fn measure(machine: &Machine, trials: &Trials, table: &mut Table) -> Outcome<()> {
    let kinds = Kind::value_variants().iter().copied();
    for kind in kinds.filter(|kind| trials.kind.is_none_or(|only| only == *kind)) {
        measure_kind(machine, trials, kind, table).map_err(|why| format!("{kind:?}: {why}"))?;
    }
    Ok(())
}

fn measure_kind(machine: &Machine, trials: &Trials, kind: Kind, table: &mut Table) -> Outcome<()> {
    let population = Population { users: PEOPLE + 2, friends: true, group: false };
    let world = World::begin_as_shipped(machine, &population, &[], fill)?;
    let mut people = Neighbours::new(&world, PEOPLE)?;
    people.talk(trials.span())?;
    let (mut quiet, mut beside, mut busy) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..trials.runs {
        quiet.push(people.talk_in_quiet(&world, trials.span())?);
        let flooder = Flooder::start(kind, world.address(0))?;
        thread::sleep(REST);
        let (ran, began) = (nanos_on_core(world.process()), Instant::now());
        beside.push(people.talk(trials.span())?);
        let ran = nanos_on_core(world.process()).zip(ran).map(|(now, then)| now - then);
        busy.extend(ran.map(|ran| ran as f64 / began.elapsed().as_nanos() as f64));
        drop(flooder);
    }
    let ratio = median(beside.iter().zip(&quiet).map(|(with, alone)| with / alone).collect());
    let what = format!("p99 of {PEOPLE} people beside a flood of {kind:?}").to_lowercase();
    let value = format!(
        "{:.2} ms → {:.2} ms, the server at {:.0} % of a core",
        median(quiet),
        median(beside),
        median(busy) * 100.0
    );
    let row = Row::told(what, value).compared(ratio);
    // The 99th of a hundred messages on a machine that does other things says nothing.
    let judged = !trials.smoke;
    let bound = format!("≤ {RATIO_MAX}");
    table.add(if judged { row.wanted(bound, ratio <= RATIO_MAX) } else { row });
    world.end()
}

/// What waits for the flooder, who confirms none of it.
fn fill(store: &mut Store, ids: &[UserId]) -> Outcome<()> {
    let body = "m".repeat(BODY);
    for number in 0..WAITING {
        let mid = format!("{number:012}");
        store.log_mut().append(&NewEntry {
            conversation: Conversation::Inbox(ids[USER]),
            sender: Some(ids[USER + 1]),
            unix: 1,
            kind: EntryKind::Text,
            body: &body,
            mid: Some(&mid),
        })?;
    }
    Ok(())
}
