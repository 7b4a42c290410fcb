//! The power is cut everywhere in a take, and what is found is held against what was promised.
//!
//! ```text
//! journal  ┼────── commit 7 ────┼────── commit 8 ────┼──          states: what the database holds
//!          7                    8    ▲        ▲       9           behind each commit, whole
//!                                    cut      bytes have left:
//!                                    8 or 9   9 alone
//! ```
//!
//! A tick's requests are one transaction, so an image opens as the state before it or behind it,
//! row for row; once its bytes have left for a peer, only the latter keeps P1. A tick's upkeep may
//! be further transactions. That the states hold what was answered, and nothing that was refused,
//! is checked apart, by the model. Some images live on: what was not answered is sent again, and is
//! there once (P5). Some are cut again while they are opened, and must open as the same state.

use std::path::Path;

use p2sp::store::{Opening, Store, Synchronous};
use p2sp_test_vfs::{Disk, Image, Op, record, stop};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tempfile::TempDir;

use super::found::{Found, difference, dump};
use super::scene::{Batch, SPOKEN, Scene, TICK};
use super::takes::Take;
use crate::support::test_server::{EPOCH, temp_dir};

/// An image in so many lives on …
const LIVES_ON: usize = 12;
/// … and one in so many is cut again while it is opened, in so many places.
const CUT_AGAIN: usize = 12;
const CUTS_OF_AN_OPENING: usize = 3;

/// What has been tried: images that were opened, and what was special about some of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tried {
    pub images: u64,
    /// They lacked something of what was done.
    pub lacking: u64,
    /// They opened as the state before the tick …
    pub before: u64,
    /// … and as the one behind it, though its bytes had not left.
    pub behind: u64,
    /// The cut was in a checkpoint: the database itself was being written.
    pub in_checkpoint: u64,
    /// The write-ahead log was being written over.
    pub over_old_log: u64,
    /// The cut was in the opening of another image.
    pub again: u64,
    /// The server started on them, and people went on.
    pub lives: u64,
}

impl Tried {
    /// Each count, by its name.
    pub fn counts(&self) -> [(&'static str, u64); 8] {
        let Tried { images, lacking, before, behind, in_checkpoint, over_old_log, again, lives } =
            *self;
        [
            ("images", images),
            ("lacking", lacking),
            ("before", before),
            ("behind", behind),
            ("in_checkpoint", in_checkpoint),
            ("over_old_log", over_old_log),
            ("again", again),
            ("lives", lives),
        ]
    }

    /// Adds what another has tried.
    pub fn add(&mut self, more: &Tried) {
        self.images += more.images;
        self.lacking += more.lacking;
        self.before += more.before;
        self.behind += more.behind;
        self.in_checkpoint += more.in_checkpoint;
        self.over_old_log += more.over_old_log;
        self.again += more.again;
        self.lives += more.lives;
    }
}

/// A state of the database, and where in the journal a tick left it so.
struct State {
    at: usize,
    /// Its place in the list of different dumps.
    dump: usize,
}

impl Take {
    /// Cuts the power everywhere, and in some of the openings again.
    ///
    /// # Errors
    /// What was lost, or found though it never was.
    pub fn cut(&self, seed: u64) -> Result<Tried, String> {
        let rng = StdRng::seed_from_u64(seed);
        let (dir, mut dumps) = (temp_dir(), Vec::new());
        let states = self.states(&dir, &mut dumps)?;
        Cutter { take: self, dir, rng, dumps, states, tried: Tried::default() }.run()
    }

    /// What the database held behind each commit, with the promises checked wherever they are sure.
    fn states(&self, dir: &TempDir, dumps: &mut Vec<String>) -> Result<Vec<State>, String> {
        let mut disk = Disk::new(&self.journal);
        let (mut states, mut changed) = (Vec::new(), true);
        let mut settled = self.settled.iter().peekable();
        for (index, op) in self.journal.ops.iter().enumerate() {
            changed |= !matches!(op, Op::Mark(_));
            // A tick's requests are one transaction, and its upkeep may add others.
            if *op != Op::Mark(TICK) && !matches!(op, Op::Sync { .. }) {
                continue;
            }
            let at = index + 1;
            if changed {
                let dump = open(&disk.run_to(at).whole(), dir.path(), self.synchronous)?;
                if dumps.last() != Some(&dump) {
                    dumps.push(dump);
                }
                changed = false;
            }
            states.push(State { at, dump: dumps.len() - 1 });
            if let Some((_, model)) = settled.next_if(|(settled, _)| *settled == at) {
                open(&disk.run_to(at).whole(), dir.path(), self.synchronous)?;
                model.check(&Found::read(dir.path())).map_err(|why| format!("step {at}: {why}"))?;
            }
        }
        assert!(settled.next().is_none(), "a settled moment is at the end of a tick");
        Ok(states)
    }
}

/// Opens an image with the ordinary start-up, and says what it holds.
fn open(image: &Image, dir: &Path, synchronous: Synchronous) -> Result<String, String> {
    image.lay_out(dir).map_err(|error| error.to_string())?;
    reopen(dir, synchronous)
}

fn reopen(dir: &Path, synchronous: Synchronous) -> Result<String, String> {
    let opening = Opening { dir, epoch: EPOCH, mid_key: &[7; 16], synchronous };
    let (store, _) = Store::open(&opening).map_err(|error| format!("P25: {error}"))?;
    drop(store);
    dump(dir).map_err(|why| format!("P25: {why}"))
}

/// The power cut in one take.
struct Cutter<'a> {
    take: &'a Take,
    dir: TempDir,
    rng: StdRng,
    dumps: Vec<String>,
    states: Vec<State>,
    tried: Tried,
}

impl Cutter<'_> {
    fn run(mut self) -> Result<Tried, String> {
        let ops = &self.take.journal.ops;
        let places: Vec<usize> =
            (0..ops.len()).filter(|at| !matches!(ops[*at], Op::Mark(_))).collect();
        let mut cuts: Vec<usize> = (0..self.take.images)
            .map(|_| places[self.rng.random_range(0..places.len())] + 1)
            .collect();
        cuts.sort_unstable();
        let mut disk = Disk::new(&self.take.journal);
        for (number, at) in cuts.into_iter().enumerate() {
            let image = disk.run_to(at).image(&mut self.rng);
            let lacks = image != disk.whole();
            self.tried.images += 1;
            self.tried.lacking += u64::from(lacks);
            let (grows, overwrites) = disk.writes_pending("p2sp.db");
            self.tried.in_checkpoint += u64::from(grows || overwrites);
            self.tried.over_old_log += u64::from(disk.writes_pending("p2sp.db-wal").1);
            let checked = self.check(&image, at, number);
            checked.map_err(|why| {
                format!("image {number}, cut behind step {at} of {}: {why}", ops.len())
            })?;
        }
        Ok(self.tried)
    }

    fn check(&mut self, image: &Image, at: usize, number: usize) -> Result<(), String> {
        let dump = open(image, self.dir.path(), self.take.synchronous)?;
        self.judge(&dump, at)?;
        match number {
            _ if number.is_multiple_of(LIVES_ON) => {
                image.lay_out(self.dir.path()).map_err(|error| error.to_string())?;
                self.live_on(at)
            }
            _ if (number + 1).is_multiple_of(CUT_AGAIN) => self.cut_again(image, &dump),
            _ => Ok(()),
        }
    }

    /// Whether that may be found behind a cut there.
    fn judge(&mut self, found: &str, at: usize) -> Result<(), String> {
        let next = self.states.partition_point(|state| state.at < at);
        let before = &self.states[next.saturating_sub(1)];
        let behind = self.states.get(next).unwrap_or(before);
        // What is said tells of what was written before, and of nothing that is written behind it.
        let since = self.take.journal.ops[before.at.min(at)..at].iter();
        let mut written = since.skip_while(|op| !matches!(op, Op::Write { .. }));
        let spoken = written.any(|op| *op == Op::Mark(SPOKEN));
        let is = |state: &State| self.dumps[state.dump] == found;
        if is(behind) {
            self.tried.behind += u64::from(!spoken && behind.dump != before.dump);
            return Ok(());
        }
        if is(before) && !spoken {
            self.tried.before += 1;
            return Ok(());
        }
        let promised = if spoken { behind } else { before };
        let older = self.dumps[..promised.dump].iter().rposition(|dump| dump == found);
        let what = match older {
            Some(older) => format!("P1: lost, {} transactions", promised.dump - older),
            None => "P25: no state that ever was".into(),
        };
        Err(format!("{what}\n{}", difference(&self.dumps[promised.dump], found)))
    }

    /// The image is opened once more, with the power cut meanwhile.
    fn cut_again(&mut self, image: &Image, dump: &str) -> Result<(), String> {
        image.lay_out(self.dir.path()).map_err(|error| error.to_string())?;
        record(self.dir.path());
        let opened = reopen(self.dir.path(), self.take.synchronous);
        let journal = stop();
        opened?;
        let mut cuts: Vec<usize> =
            (0..CUTS_OF_AN_OPENING).map(|_| self.rng.random_range(0..=journal.ops.len())).collect();
        cuts.sort_unstable();
        let mut disk = Disk::new(&journal);
        for at in cuts {
            let image = disk.run_to(at).image(&mut self.rng);
            let found = open(&image, self.dir.path(), self.take.synchronous)
                .map_err(|why| format!("cut again behind step {at}: {why}"))?;
            self.tried.images += 1;
            self.tried.again += 1;
            if found != dump {
                let difference = difference(dump, &found);
                return Err(format!("P25: cut again behind step {at}\n{difference}"));
            }
        }
        Ok(())
    }

    /// The server starts on the image, and what was not answered is sent again.
    fn live_on(&mut self, at: usize) -> Result<(), String> {
        let settled = self.take.settled.partition_point(|(settled, _)| *settled <= at);
        let Some((_, model)) = settled.checked_sub(1).map(|last| &self.take.settled[last]) else {
            return Ok(());
        };
        let asked = self.take.asked.iter().find(|(range, _)| range.contains(&at));
        let asked = asked.map_or(Batch::new(), |(_, batch)| batch.clone());
        let mut scene = Scene::new(self.dir.path(), self.take.synchronous, 0);
        self.tried.lives += 1;
        scene.go_on_from(model);
        let lived = scene.live_on(&asked);
        scene.server.crash();
        if lived.map_err(|end| format!("living on: {end:?}"))? {
            let found = Found::read(self.dir.path());
            scene.model.check_said(&found).map_err(|why| format!("having lived on: {why}"))?;
        }
        Ok(())
    }
}
