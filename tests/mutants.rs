//! Tests of the tests: every seeded bug of `src/mutant.rs` is noticed.
//!
//! ```text
//! mutant ─► the simulation's seeds 1, 2, … ─► one fails, and passes without: noticed
//!        │                                 └► 300 passed: survived, and that fails
//!        └► what no seed can see ─► the suite that `ELSEWHERE` names
//! ```
//!
//! One build, and one mutant a thread: the switch is the thread's. Whatever fails with a mutant on
//! must pass without it, or the failure says nothing of the mutant.
//!
//! Built only with the feature. `cargo test --features mutants --test mutants -- --nocapture`
//! prints which promise was broken and what noticed it; `P2SP_MUTANT=GateOpen` tries only that
//! one.

mod disk;
#[path = "simulation/mod.rs"]
mod simulation;
mod support;

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Mutex;
use std::{env, fs, thread};

use disk::takes::Take;
use p2sp::mutant::Mutant;
use p2sp::store::Synchronous;

/// A mutant that survives so many seeds has survived.
const SEEDS_MAX: u64 = 300;
/// How much of a failure is shown.
const WHY_CHARS_MAX: usize = 110;

/// What no seed can see, or one in a hundred at most, and what does see it.
const ELSEWHERE: &[(Mutant, Suite)] = &[
    // The disk of the simulation never loses what was written.
    (Mutant::NormalForFull, Suite::PowerCut),
    // A send buffer is above its high mark in few worlds.
    (Mutant::HighMarkIgnored, Suite::Transcript("p20_a_slow_reader_costs_little")),
    (Mutant::PumpForgotten, Suite::Transcript("p20_a_slow_reader_costs_little")),
    (Mutant::CursorPastSent, Suite::Transcript("p13_a_takeover_confirms_nothing_unsent")),
    // Most who pause send something more afterwards, and that is an edge.
    (Mutant::ReadableLostOnPause, Suite::Transcript("p21_over_its_rate_a_user_waits")),
    // Only a connection that ran out of time leaves a hash behind, and another has to wait for its
    // own in the same slot by then.
    (Mutant::HashAdopted, Suite::Transcript("p24_what_comes_late_finds_nobody")),
    // More than a page of the log waits for nobody there, and never comes more at once than a tick
    // can serve.
    (Mutant::PageIsLast, Suite::Transcript("p9_all_that_waited_comes_once")),
    (Mutant::StopForgotten, Suite::Transcript("p21_a_full_tick_leaves_nobody_behind")),
    // Nor do crowds stand at the door.
    (Mutant::OneLineForAll, Suite::Transcript("p21_a_crowd_of_newcomers_waits_by_itself")),
    // No world lasts a month.
    (Mutant::PrunesUnread, Suite::Transcript("p16_what_is_too_old_goes_and_is_told")),
    (Mutant::GapUntold, Suite::Transcript("p16_what_is_too_old_goes_and_is_told")),
    // Nobody there sends a frame byte by byte for so long.
    (Mutant::FrameTimeRenewed, Suite::Transcript("p23_deadlines")),
];

/// What can fail.
#[derive(Clone, Copy, Debug)]
enum Suite {
    /// The simulation of that seed.
    Seed(u64),
    /// `tests/transcripts/`
    Transcript(&'static str),
    /// `tests/power_cut.rs`, the first of its takes.
    PowerCut,
}

impl Suite {
    /// What could notice a mutant, in turn.
    fn for_mutant(mutant: Mutant) -> Vec<Suite> {
        match ELSEWHERE.iter().find(|(known, _)| *known == mutant) {
            Some((_, suite)) => vec![*suite],
            None => (1..=SEEDS_MAX).map(Suite::Seed).collect(),
        }
    }

    /// Why it fails with that mutant on, be it with an error or with a panic.
    fn fails(self, mutant: Option<Mutant>) -> Option<String> {
        Mutant::switch(mutant);
        let run = AssertUnwindSafe(|| match self {
            Suite::Seed(seed) => simulation::run(seed).map(|_| ()),
            Suite::Transcript(name) => support::script::run(&transcript(name)),
            Suite::PowerCut => cut_the_power(),
        });
        let outcome = panic::catch_unwind(run);
        Mutant::switch(None);
        match outcome {
            Ok(outcome) => outcome.err(),
            Err(thrown) => Some(format!("panic: {}", text_of(thrown.as_ref()))),
        }
    }
}

fn cut_the_power() -> Result<(), String> {
    p2sp_test_vfs::install();
    Take::of(0, Synchronous::Full)?.cut(0).map(|_| ())
}

fn transcript(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    fs::read_to_string(folder.join(name).with_extension("txt")).expect("the transcript is there")
}

fn text_of(thrown: &(dyn Any + Send)) -> &str {
    let text = thrown.downcast_ref::<String>().map(String::as_str);
    text.or(thrown.downcast_ref::<&str>().copied()).unwrap_or("without a word")
}

#[test]
fn every_mutant_is_noticed() {
    let only = env::var("P2SP_MUTANT").ok();
    let is_wanted = |mutant: &&Mutant| only.as_ref().is_none_or(|only| *only == name(**mutant));
    assert!(Mutant::ALL.iter().any(|mutant| is_wanted(&mutant)), "no mutant has that name");
    let queue = Mutex::new(Mutant::ALL.iter().filter(is_wanted));
    let failures = Mutex::new(Vec::new());
    // Failures are wanted here, and shown in one line each.
    panic::set_hook(Box::new(|_| {}));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(mutant) = next(&queue) {
                    let noticed = hunt(*mutant);
                    println!("{:22} {:4} {}", name(*mutant), mutant.promise(), show(&noticed));
                    if noticed.is_err() {
                        failures.lock().expect("no thread dies").push(name(*mutant));
                    }
                }
            });
        }
    });
    drop(panic::take_hook());
    let failures = failures.into_inner().expect("no thread dies");
    assert!(failures.is_empty(), "not noticed: {failures:?}");
}

fn next<'a>(queue: &Mutex<impl Iterator<Item = &'a Mutant>>) -> Option<&'a Mutant> {
    queue.lock().expect("no thread dies").next()
}

/// What notices a mutant, and what it says.
///
/// # Errors
/// Nothing does, or what does fails without the mutant as well.
fn hunt(mutant: Mutant) -> Result<(Suite, String), String> {
    let suites = Suite::for_mutant(mutant);
    let noticed = suites.iter().find_map(|suite| Some((*suite, suite.fails(Some(mutant))?)));
    let (suite, why) = noticed.ok_or("survived")?;
    match suite.fails(None) {
        None => Ok((suite, why)),
        Some(why) => Err(format!("{suite:?} fails without it: {why}")),
    }
}

fn name(mutant: Mutant) -> String {
    format!("{mutant:?}")
}

fn show(noticed: &Result<(Suite, String), String>) -> String {
    let line = match noticed {
        Ok((Suite::Seed(seed), why)) => {
            format!("seed {seed:3} {}", why.strip_prefix(&format!("seed {seed}: ")).unwrap_or(why))
        }
        Ok((suite, why)) => format!("{suite:?} {why}"),
        Err(why) => why.clone(),
    };
    line.lines().next().unwrap_or_default().chars().take(WHY_CHARS_MAX).collect()
}
