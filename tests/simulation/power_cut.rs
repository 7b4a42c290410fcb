//! Power cuts: whatever the disk had not taken yet may be missing, torn or out of order, and
//! nothing that was acknowledged is lost (P1, P5, P6, P25).
//!
//! Work is recorded below SQLite, on the defaults. For thousands of moments of it images are made
//! of what a power cut then may leave; each is opened by the ordinary start-up, and is the
//! database as it was before the tick or behind it, row for row. `disk/` says how.
//!
//! `P2SP_POWER_CUTS` asks for more images than the usual 1,500, and `P2SP_FROM` begins with a
//! later take: a run that was interrupted goes on where its last line says.

use std::env;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use p2sp::store::Synchronous;

use crate::disk::cuts::Tried;
use crate::disk::takes::Take;

/// Images that a run opens unless it is asked for more.
const IMAGES: u64 = 1_500;
/// Takes behind which a long run says how far it is.
const TAKES_A_LINE: u64 = 24;

/// How often, in a hundred images, something must have happened at least.
const SEEN_PER_CENT: &[(&str, u64)] = &[
    ("lacking", 40),
    ("before", 30),
    ("behind", 2),
    ("in_checkpoint", 2),
    ("over_old_log", 1),
    ("again", 10),
    ("lives", 4),
];

fn asked_for(variable: &str, usual: u64) -> u64 {
    env::var(variable).map_or(usual, |text| text.parse().expect("a number"))
}

/// Records a take and cuts the power in it.
fn try_take(number: u64, synchronous: Synchronous) -> Result<Tried, String> {
    p2sp_test_vfs::install();
    Take::of(number, synchronous)?.cut(number)
}

#[test]
fn p1_p25_a_power_cut_loses_nothing_acknowledged() {
    let (images, from) = (asked_for("P2SP_POWER_CUTS", IMAGES), asked_for("P2SP_FROM", 0));
    let (next, all) = (AtomicU64::new(from), Mutex::new(Tried::default()));
    let work = || {
        while all.lock().expect("no panic").images < images {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let tried = try_take(number, Synchronous::Full).inspect_err(|why| {
                let replay = format!("P2SP_FROM={number} P2SP_POWER_CUTS=1");
                println!(
                    "take {number}: {why}\n{replay} cargo test --test simulation power_cut::p1"
                );
            });
            let tried = tried.expect("nothing is lost");
            let mut all = all.lock().expect("no panic");
            all.add(&tried);
            if (number + 1).is_multiple_of(TAKES_A_LINE) {
                println!("to go on: P2SP_FROM={number}; so far {:?}", all.counts());
            }
        }
    };
    let threads = if images < 100 { 1 } else { 2 };
    thread::scope(|scope| (0..threads).for_each(|_| _ = scope.spawn(work)));
    let counts = all.into_inner().expect("no panic").counts();
    println!("{counts:?}");
    let opened = counts[0].1;
    for (what, least) in SEEN_PER_CENT.iter().filter(|_| opened >= IMAGES) {
        let seen = counts.iter().find(|(name, _)| name == what).map_or(0, |(_, count)| *count);
        assert!(seen * 100 >= opened * least, "{what}: {seen} of {opened}, less than {least} %");
    }
}

/// The proof that cuts bite: what is not synced at COMMIT is lost, and that is found out.
#[test]
fn with_less_than_full_synchronisation_something_is_lost() {
    for number in 0..4 {
        let tried = try_take(number, Synchronous::Normal);
        let why = tried.expect_err("something acknowledged was lost");
        assert!(why.contains("P1: lost"), "take {number}: {why}");
    }
}
