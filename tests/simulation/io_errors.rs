//! I/O errors: every call of SQLite into its file system fails, one at a time, once and for ever.
//!
//! A scene of sixty operations runs from the making of the database to a clean stop. For each N
//! the Nth call of a kind fails. Either the server goes on, and everybody is answered and shown
//! what they must be, refusals for want of space excepted; or it ends (`tick` returns `Fatal`, or
//! it does not start: exit code 74). Then, without the fault, the ordinary start-up finds all that
//! was acknowledged, nothing that was refused, and of what was not answered any part (P1–P5,
//! P25).
//!
//! The usual run takes every so many N. `P2SP_IO_ERRORS=1` takes them all, row by row of
//! [`ROWS`]; `P2SP_FROM` begins with a later row.

use std::env;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use p2sp::store::{Opening, Store, Synchronous};
use p2sp_test_vfs::{Call, Failure, Fault, Op, fail, heal, install, record, stop};

use crate::disk::found::{Found, dump};
use crate::disk::scene::{End, Scene, Step};
use crate::support::test_server::{EPOCH, temp_dir};

/// What fails, how, and which Nth calls of it the usual run takes: one in so many.
const ROWS: &[(&[Call], Failure, u64)] = &[
    (&[Call::Write], Failure::Full, 211),
    (&[Call::Write], Failure::Error, 211),
    (&[Call::Read, Call::ReadLog], Failure::Error, 67),
    (&[Call::ReadLog], Failure::ShortRead, 67),
    (&[Call::Sync], Failure::Error, 31),
    (&[Call::Size], Failure::Error, 17),
    (&[Call::Open], Failure::Error, 1),
    (&[Call::Delete], Failure::Error, 1),
    (&[Call::Truncate], Failure::Error, 1),
];

/// Operations of the scene, with its prologue.
const OPERATIONS: usize = 60;
/// In the place of these the server stops and starts, or is killed and starts …
const RESTART: usize = 25;
const CRASH: usize = 50;
/// … and a lot is said, and then nothing, so that the write-ahead log is copied.
const LONG_TALK: usize = 40;
const LONG_TALK_TOO: usize = 41;
const SILENCE: usize = 42;
const SEED: u64 = 4;

/// What came of a fault.
#[derive(Clone, Copy, Debug, Default)]
struct Outcomes {
    /// Something was refused for want of space.
    refused: u64,
    /// The server went on to the scene's end.
    went_on: u64,
    /// It ended in a tick.
    ended: u64,
    /// It did not start.
    down: u64,
}

/// Runs the scene to its end, or the server's.
fn act_out(scene: &mut Scene) -> Result<(), End> {
    scene.begin()?;
    for step in Scene::prologue() {
        scene.play(&step)?;
        // Nobody can do without an account: without space now, perhaps with space then.
        if let Step::Act(batch) = &step
            && !scene.model.people.contains_key(batch[0].0)
        {
            scene.play(&step)?;
            if !scene.model.people.contains_key(batch[0].0) {
                return scene.end();
            }
        }
    }
    for operation in Scene::prologue().len()..OPERATIONS {
        let step = match operation {
            RESTART => Step::Restart,
            CRASH => Step::Crash,
            LONG_TALK | LONG_TALK_TOO => scene.talk_long(),
            SILENCE => Step::Pass(Duration::from_millis(1_500)),
            _ => scene.draw(),
        };
        scene.play(&step)?;
    }
    scene.end()
}

/// Runs the scene with a fault. Nothing: it was over before.
fn try_fault(fault: Fault) -> Result<Option<Outcomes>, String> {
    let dir = temp_dir();
    let mut scene = Scene::new(dir.path(), Synchronous::Full, SEED);
    scene.excused = if fault.how == Failure::Full { &["storage_full"] } else { &[] };
    fail(fault);
    let ended = act_out(&mut scene);
    let toll = heal();
    scene.kill();
    if toll.failed == 0 {
        return ended.map(|()| None).map_err(|end| format!("without a fault: {end:?}"));
    }
    let refused = u64::from(scene.refused > 0);
    let mut outcomes = Outcomes { refused, ..Outcomes::default() };
    let (counter, unanswered) = match ended {
        Ok(()) => (&mut outcomes.went_on, Vec::new()),
        Err(End::Fatal(_, unanswered)) => (&mut outcomes.ended, unanswered),
        Err(End::Down(_)) => (&mut outcomes.down, Vec::new()),
        Err(End::Wrong(why)) => return Err(why),
    };
    *counter = 1;
    let opening = Opening {
        dir: dir.path(),
        epoch: EPOCH,
        mid_key: &[7; 16],
        synchronous: Synchronous::Full,
    };
    let (store, _) = Store::open(&opening).map_err(|error| format!("P25: {error}"))?;
    let is_new = store.people().user_count() == 0;
    drop(store);
    dump(dir.path())?;
    let found = Found::read(dir.path());
    // The first start makes the administrator, or has not come so far.
    if is_new && outcomes.down == 1 && scene.model.people.len() == 1 {
        return Ok(Some(outcomes));
    }
    let mut why = String::new();
    for world in scene.model.worlds(&unanswered) {
        match world.check(&found) {
            Ok(()) => return Ok(Some(outcomes)),
            Err(error) => why = error,
        }
    }
    Err(why)
}

#[test]
fn the_scene_has_a_checkpoint() {
    install();
    let dir = temp_dir();
    record(dir.path());
    let mut scene = Scene::new(dir.path(), Synchronous::Full, SEED);
    act_out(&mut scene).expect("nothing fails");
    let journal = stop();
    let log = journal.names.iter().position(|name| name == "p2sp.db-wal");
    let (mut is_new, mut written_over) = (true, 0);
    for op in &journal.ops {
        match *op {
            Op::Create { file } | Op::Truncate { file, .. } if Some(file) == log => is_new = true,
            Op::Write { file, at: 0, .. } if Some(file) == log => {
                written_over += u32::from(!is_new);
                is_new = false;
            }
            _ => {}
        }
    }
    assert!(written_over > 0, "the write-ahead log was copied, and begun anew in its place");
}

/// Tries every `stride`th call of a row, once and for ever.
fn try_row(row: usize, stride: Option<u64>) -> Outcomes {
    let (calls, how, usual) = ROWS[row];
    let stride = stride.unwrap_or(usual);
    let mut all = Outcomes::default();
    for lasting in [false, true] {
        // Not the same calls in each of the two.
        let first = if lasting { stride / 2 } else { 0 };
        for nth in (0..).map(|n| first + n * stride) {
            let outcomes = try_fault(Fault { calls, nth, lasting, how });
            let outcomes = outcomes.inspect_err(|why| {
                println!("row {row}, {how:?} of {calls:?}, {nth}, for ever: {lasting}: {why}");
            });
            let outcomes = outcomes.expect("no answer is wrong");
            let Some(Outcomes { refused, went_on, ended, down }) = outcomes else { break };
            all.refused += refused;
            all.went_on += went_on;
            all.ended += ended;
            // What a COMMIT needs is never passed over; other calls SQLite may do without. The very
            // first are none: the look before anything is written ends in a rollback.
            let commits = matches!(calls, [Call::Sync | Call::Write]) && nth > 1;
            let needed = how == Failure::Error && commits;
            assert!(!needed || went_on == 0, "{calls:?}, {nth}: it failed, and nobody cared");
            all.down += down;
        }
    }
    println!("row {row}, {how:?} of {calls:?}: {all:?}");
    all
}

#[test]
fn p1_p4_whatever_fails_no_answer_is_wrong() {
    install();
    let number =
        |variable: &str| env::var(variable).ok().map(|text| text.parse().expect("a number"));
    let from = number("P2SP_FROM").unwrap_or(0) as usize;
    let (next, all) = (AtomicUsize::new(from), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let row = next.fetch_add(1, Ordering::Relaxed);
            if row >= ROWS.len() {
                return;
            }
            let outcomes = try_row(row, number("P2SP_IO_ERRORS"));
            all.lock().expect("no panic").push(outcomes);
        }
    };
    thread::scope(|scope| (0..2).for_each(|_| _ = scope.spawn(work)));
    let all = all.into_inner().expect("no panic");
    let sum = |count: fn(&Outcomes) -> u64| all.iter().map(count).sum::<u64>();
    let sums = [sum(|o| o.refused), sum(|o| o.went_on), sum(|o| o.ended), sum(|o| o.down)];
    println!("refused, went on, ended, down: {sums:?}");
    assert!(from > 0 || sums.iter().all(|sum| *sum > 0), "all of it happens: {sums:?}");
}
