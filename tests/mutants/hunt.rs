//! Every seeded bug is noticed. It runs only in the copy that `tests/mutants/main.rs` makes, as its
//! binary `simulation`.
//!
//! ```text
//! bug ─► the worlds of seeds 1, 2, … ─► one fails, and passes without the bug: noticed
//!     │                              └► 300 passed: survived, and that fails
//!     └► what no seed can see ─► the transcript or the power cut that its file names
//! ```
//!
//! One build, and one bug a thread. Whatever fails with a bug must pass without it, or the failure
//! says nothing of the bug. `P2SP_MUTANT=GateOpen` tries only that one.

mod disk;
#[path = "../mutants/patch.rs"]
mod patch;
mod support;
mod worlds;

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Mutex;
use std::{env, fs, thread};

use disk::takes::Take;
use p2sp::mutant::switch;
use p2sp::store::Synchronous;
use patch::Patch;

/// A bug that survives so many worlds has survived.
const SEEDS_MAX: u64 = 300;
/// How much of a failure is shown.
const WHY_CHARS_MAX: usize = 110;

/// What can fail.
#[derive(Clone, Debug)]
enum Suite {
    /// The world of that seed.
    Seed(u64),
    /// `tests/simulation/transcripts/`
    Transcript(String),
    /// `tests/simulation/power_cut.rs`, the first of its takes.
    PowerCut,
}

impl Suite {
    /// What could notice a bug, in turn.
    fn of(patch: &Patch) -> Vec<Suite> {
        match patch.noticed_by.split_once(' ') {
            Some(("transcript", name)) => vec![Suite::Transcript(name.to_owned())],
            Some(_) => vec![Suite::PowerCut],
            None => (1..=SEEDS_MAX).map(Suite::Seed).collect(),
        }
    }

    /// Why it fails with that bug on, be it with an error or with a panic.
    fn fails(&self, bug: Option<&'static str>) -> Option<String> {
        switch(bug);
        let run = AssertUnwindSafe(|| match self {
            Suite::Seed(seed) => worlds::run(*seed).map(|_| ()),
            Suite::Transcript(name) => support::script::run(&transcript(name)),
            Suite::PowerCut => cut_the_power(),
        });
        let outcome = panic::catch_unwind(run);
        switch(None);
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
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/simulation/transcripts");
    fs::read_to_string(folder.join(name).with_extension("txt")).expect("the transcript is there")
}

fn text_of(thrown: &(dyn Any + Send)) -> &str {
    let text = thrown.downcast_ref::<String>().map(String::as_str);
    text.or(thrown.downcast_ref::<&str>().copied()).unwrap_or("without a word")
}

#[test]
fn every_mutant_is_noticed() {
    let only = env::var("P2SP_MUTANT").ok();
    let mut patches = Patch::all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mutants"));
    patches.retain(|patch| only.as_ref().is_none_or(|only| *only == patch.name));
    assert!(!patches.is_empty(), "no mutant has that name");
    let (queue, failures) = (Mutex::new(patches.iter()), Mutex::new(Vec::new()));
    // Failures are wanted here, and shown in one line each.
    panic::set_hook(Box::new(|_| {}));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(patch) = next(&queue) {
                    let noticed = hunt(patch);
                    println!("{:22} {:4} {}", patch.name, patch.promise, show(&noticed));
                    if noticed.is_err() {
                        failures.lock().expect("no thread dies").push(&patch.name);
                    }
                }
            });
        }
    });
    drop(panic::take_hook());
    let failures = failures.into_inner().expect("no thread dies");
    assert!(failures.is_empty(), "not noticed: {failures:?}");
    println!("{} of {0} mutants noticed", patches.len());
}

fn next<'a>(queue: &Mutex<impl Iterator<Item = &'a Patch>>) -> Option<&'a Patch> {
    queue.lock().expect("no thread dies").next()
}

/// What notices a bug, and what it says.
///
/// # Errors
/// Nothing does, or what does fails without the bug as well.
fn hunt(patch: &Patch) -> Result<(Suite, String), String> {
    let bug: &'static str = Box::leak(patch.name.clone().into_boxed_str());
    let mut suites = Suite::of(patch).into_iter();
    let noticed = suites.find_map(|suite| suite.fails(Some(bug)).map(|why| (suite, why)));
    let (suite, why) = noticed.ok_or("survived")?;
    match suite.fails(None) {
        None => Ok((suite, why)),
        Some(why) => Err(format!("{suite:?} fails without it: {why}")),
    }
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
