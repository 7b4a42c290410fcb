//! A thousand hostile connections of every kind at once, and what a hundred people notice of them.
//!
//! As with a flood, the p99 beside them is judged by that in quiet, in the same run and on the same
//! server; and so is all the memory that the server ever had.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use p2sp::id::{Conversation, UserId};
use p2sp::store::{EntryKind, NewEntry, Store};
use p2sp_bench::Outcome;
use p2sp_bench::sizes::Population;
use p2sp_bench::table::{Row, Table, median};
use p2sp_bench::world::{Machine, World};

use crate::flooder::Flooder;
use crate::neighbours::Neighbours;
use crate::trials::Trials;
use crate::visitor::{FIRST_USER, Vice};

/// People who talk.
const PEOPLE: usize = FIRST_USER;
/// What their p99 may be of that in quiet.
const RATIO_MAX: f64 = 3.0;
/// The most memory that the server may ever occupy.
const MEMORY_BYTES_MAX: u64 = 512 << 20;
/// What part of them must be there while it counts: at any moment many were just thrown out.
const THERE_MIN: f64 = 0.5;
/// How long that may take on a machine that does other things.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Messages that wait for each of those who will not read, of the longest text.
const WAITING: usize = 64;
const BODY: usize = 8_000;
/// How long they are there before it counts.
const REST: Duration = Duration::from_secs(2);

/// Several runs on one server.
pub fn measure(machine: &Machine, trials: &Trials, table: &mut Table) -> Outcome<()> {
    let visitors = trials.visitors;
    let population = Population { users: PEOPLE + visitors, friends: true, group: false };
    let world = World::begin_as_shipped(machine, &population, &[], fill)?;
    let mut people = Neighbours::new(&world, PEOPLE)?;
    people.talk(trials.span())?;
    let least = (THERE_MIN * visitors as f64) as usize;
    let (mut quiet, mut beside, mut there) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..trials.runs {
        quiet.push(people.talk_in_quiet(&world, trials.span())?);
        let hostile = Flooder::visitors(visitors, world.address(0))?;
        let came = Instant::now();
        while connections(&world).is_some_and(|count| count < least) && came.elapsed() < TIMEOUT {
            thread::sleep(REST / 10);
        }
        thread::sleep(REST);
        there.extend(connections(&world).map(|count| count as f64));
        beside.push(people.talk(trials.span())?);
        drop(hostile);
    }
    let ratio = median(beside.iter().zip(&quiet).map(|(with, alone)| with / alone).collect());
    let what = format!("p99 of {PEOPLE} people beside {visitors} hostile connections");
    let value = format!("{:.2} ms → {:.2} ms", median(quiet), median(beside));
    let row = Row::told(what, value).compared(ratio);
    // The 99th of a hundred messages on a machine that does other things says nothing.
    let bound = format!("≤ {RATIO_MAX}");
    table.add(if trials.smoke { row } else { row.wanted(bound, ratio <= RATIO_MAX) });
    if !there.is_empty() {
        let there = median(there) as usize;
        let row = Row::told("of them there at once", there.to_string());
        table.add(row.wanted(format!("≥ {least}"), there >= least));
    }
    if let Some(most) = world.resident_bytes_max() {
        let row = Row::told("the server's memory, at most", format!("{} MiB", most >> 20));
        table
            .add(row.wanted(format!("≤ {} MiB", MEMORY_BYTES_MAX >> 20), most <= MEMORY_BYTES_MAX));
    }
    world.end()
}

/// About how many connections the server has besides the people's, where the system tells: its open
/// files.
fn connections(world: &World) -> Option<usize> {
    let files = fs::read_dir(format!("/proc/{}/fd", world.process())).ok()?.count();
    Some(files.saturating_sub(PEOPLE))
}

/// What waits for those who will not read it.
fn fill(store: &mut Store, ids: &[UserId]) -> Outcome<()> {
    let body = "m".repeat(BODY);
    for (number, &id) in ids[PEOPLE..].iter().enumerate() {
        for message in 0..if Vice::of(number) == Vice::Deaf { WAITING } else { 0 } {
            let mid = format!("{:012}", number * WAITING + message);
            store.log_mut().append(&NewEntry {
                conversation: Conversation::Inbox(id),
                sender: Some(ids[0]),
                unix: 1,
                kind: EntryKind::Text,
                body: &body,
                mid: Some(&mid),
            })?;
        }
    }
    Ok(())
}
