//! The shipped loop in seeded worlds: see `worlds/mod.rs`.
//!
//! `P2SP_SEEDS` and `P2SP_FROM` say how many worlds go by and which is the first, so that a long
//! run can be cut and gone on with; `P2SP_SEED` shows one world, with every event if `P2SP_TRACE`
//! is set.

use std::env;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use crate::worlds::coverage::{BATCH, Counts};
use crate::worlds::run;

/// Worlds of an ordinary run.
const SEEDS: u64 = BATCH;
/// Worlds that go by twice.
const SEEDS_TWICE: u64 = 50;
/// A run that has found so many failures has found enough.
const FAILURES_MAX: usize = 10;

/// Seeds that failed once, and what was wrong.
const KEPT: &[(u64, &str)] = &[
    (5_001_711, "model: pushed before a logout, sent behind the block that came after it"),
    (5_003_684, "model: the same"),
    (5_002_288, "model: refused before a takeover, told behind the ok of the repetition"),
    (1083, "p2sp: where hashes took long, impatient clients waited for themselves"),
    (10_031_865, "p2sp: the same"),
    (1610, "model: two resumes, the earlier one heard last on a slow link"),
    (50_025_357, "model: requests of a peer that had left waited for their rate limit"),
    (50_033_306, "model: the same"),
    (50_045_060, "model: a deadline had ended the session, and what was pushed before left later"),
    (70_000_774, "model: a peer that sent no more had ended its session, the same"),
    (
        71_023_203,
        "model: refused to a peer that then sent no more, heard behind the repetition's ok",
    ),
];

#[derive(Default)]
struct Tally {
    counts: Counts,
    worlds: u64,
    messages: u64,
    failures: Vec<String>,
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().expect("a number"))
}

#[test]
fn every_promise_is_kept_in_every_world() {
    let (from, seeds) = (number("P2SP_FROM").unwrap_or(1), number("P2SP_SEEDS").unwrap_or(SEEDS));
    let (next, tally, begun) = (AtomicU64::new(from), Mutex::new(Tally::default()), Instant::now());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from + seeds {
                        return;
                    }
                    let outcome = run(seed);
                    let mut tally = tally.lock().expect("no thread dies");
                    tally.note(seed, outcome);
                    if tally.worlds.is_multiple_of(1_000) {
                        let per_second = tally.worlds as f64 / begun.elapsed().as_secs_f64();
                        eprintln!("{} worlds, {per_second:.0}/s, now {seed}", tally.worlds);
                    }
                    if tally.failures.len() >= FAILURES_MAX {
                        return;
                    }
                }
            });
        }
    });
    let tally = tally.into_inner().expect("no thread dies");
    println!("{} worlds from {from} on, {} messages", tally.worlds, tally.messages);
    tally.counts.rows().for_each(|(happening, count)| println!("{count:9} {happening:?}"));
    assert!(tally.failures.is_empty(), "{}", tally.failures.join("\n"));
    let lacking = tally.counts.lacking(tally.worlds);
    assert!(seeds < BATCH || lacking.is_empty(), "too rare:\n  {}", lacking.join("\n  "));
}

impl Tally {
    fn note(&mut self, seed: u64, outcome: Result<crate::worlds::Report, String>) {
        self.worlds += 1;
        match outcome {
            Ok(report) => {
                self.counts.add(&report.counts);
                self.messages += report.messages;
            }
            Err(why) => {
                eprintln!("{why}");
                self.failures.push(format!("seed {seed} fails"));
            }
        }
    }
}

#[test]
fn the_same_seed_is_the_same_world() {
    for seed in 1..=SEEDS_TWICE {
        assert_eq!(run(seed), run(seed), "seed {seed}");
    }
}

#[test]
fn what_was_mended_stays_mended() {
    for (seed, what) in KEPT {
        let outcome = run(*seed);
        assert!(outcome.is_ok(), "{what}: {}", outcome.err().unwrap_or_default());
    }
}

#[test]
fn one_world() {
    let outcome = number("P2SP_SEED").map_or(Ok(()), |seed| run(seed).map(|_| ()));
    assert!(outcome.is_ok(), "{}", outcome.err().unwrap_or_default());
}
