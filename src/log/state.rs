//! What is kept in memory of the log, how it is lent with the database, and how it follows the
//! transaction.

use rusqlite::params;

use super::mid::{Greatest, MidHasher};
use super::mid_filter::MidFilters;
use super::sweep::{SealedTo, Sealing};
use super::tail::Tail;
use super::unwritten::Unwritten;
use crate::db::{Db, Result, Sql, Step, StoreError, Undoable, numbered};
use crate::id::{Clock, Seq};
use crate::limits::{SEARCH_BYTES_MAX, SEARCH_ROWS_MAX, SEARCH_STEPS_MAX};

/// What is kept in memory of the log.
pub struct Log {
    pub(super) marks: Undoable<Marks>,
    /// Where to look for what was said last; undone to `marks.now.head`.
    pub(super) tail: Tail,
    pub(super) sealing: Sealing,
    pub(super) unwritten: Unwritten,
    pub(super) greatest: Greatest,
    pub(super) mid_hasher: MidHasher,
    pub(super) mid_filters: MidFilters,
    /// What time it is, for a search, which has a share of the tick.
    pub(super) clock: Option<Clock>,
    /// What one search may cost.
    pub(super) search_budget: Budget,
}

/// What is undone with the database.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Marks {
    /// The first seq that is kept.
    pub(super) first: Seq,
    /// The last seq that was given.
    pub(super) head: Seq,
    /// How many slices of the log are found on disk.
    pub(super) sealed: i64,
    /// How far the next one is.
    pub(super) sealing: SealedTo,
    /// The last seq whose words are in the index.
    pub(super) indexed: Seq,
}

/// What a search may cost, in counts that are the same on every machine. On a slow machine it ends
/// earlier, by the clock.
#[derive(Clone, Copy)]
pub(super) struct Budget {
    /// Steps of SQLite's machine for each query of the index.
    pub steps: u32,
    /// Seqs that one query returns.
    pub rows: usize,
    /// Bytes of all texts that are read, and an allowance for each row.
    pub bytes: usize,
}

impl Budget {
    pub const OF_A_REQUEST: Budget =
        Budget { steps: SEARCH_STEPS_MAX, rows: SEARCH_ROWS_MAX, bytes: SEARCH_BYTES_MAX };
}

/// The log, lent with the database to be read. Every row that was appended is written.
#[derive(Clone, Copy)]
pub struct LogRef<'a> {
    pub(super) db: &'a Db,
    pub(super) log: &'a Log,
}

/// The log, lent with the database to be changed.
pub struct LogMut<'a> {
    pub(super) db: &'a mut Db,
    pub(super) log: &'a mut Log,
}

const HEAD: Sql = "SELECT max(head, ifnull((SELECT max(seq) FROM log), 0)), sealed FROM log_state";
const FIRST: Sql = "SELECT min(seq) FROM log";
const MID_KEY: Sql = "SELECT unhex(value) FROM meta WHERE name = 'mid_key'";
const INDEXED: Sql = "SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'indexed'";
numbered! { 36 SET_LOG_STATE = "UPDATE log_state SET head = ?1, sealed = ?2 WHERE id = 1" }

impl Log {
    /// Reads how far the log reaches. The filters of `mid`s and the tail are still to be read: see
    /// [`LogMut::load_mid_filters`] and [`LogMut::load_slice`].
    ///
    /// # Errors
    /// SQLite failed.
    pub fn load(db: &Db) -> Result<Log> {
        // Not only the newest row's seq: that row may have been pruned, and its seq was given all
        // the same (P6).
        let state = db.row(HEAD, (), |row| Ok((Seq(row.get(0)?), row.get(1)?)))?;
        let (head, sealed) = state.unwrap_or_default();
        let first = db.row(FIRST, (), |row| row.get::<_, Option<i64>>(0))?.flatten().map(Seq);
        let first = first.unwrap_or(head.next());
        let indexed = db.row(INDEXED, (), |row| row.get(0).map(Seq))?.unwrap_or_default();
        let no_key = || StoreError::Broken("the database has no key for mids".into());
        let mid_hasher =
            MidHasher::new(&db.row(MID_KEY, (), |row| row.get(0))?.ok_or_else(no_key)?);
        let sealing = SealedTo::default();
        Ok(Log {
            marks: Undoable::new(Marks { first, head, sealed, sealing, indexed }),
            tail: Tail::new(sealed),
            sealing: Sealing::default(),
            unwritten: Unwritten::default(),
            greatest: Greatest::default(),
            mid_hasher,
            mid_filters: MidFilters::default(),
            clock: None,
            search_budget: Budget::OF_A_REQUEST,
        })
    }

    /// From here on a search looks at that clock. Without one it ends by counts alone.
    pub fn set_clock(&mut self, clock: Clock) {
        self.clock = Some(clock);
    }

    /// Lends itself with the database to be read. Stands outside a transaction, where every row is
    /// written; in one, see [`LogMut::read`].
    pub fn with<'a>(&'a self, db: &'a Db) -> LogRef<'a> {
        assert!(self.unwritten.is_empty(), "rows are written before the log is read");
        LogRef { db, log: self }
    }

    /// Lends itself with the database to be changed.
    pub fn with_mut<'a>(&'a mut self, db: &'a mut Db) -> LogMut<'a> {
        LogMut { db, log: self }
    }

    /// The first seq that is kept: what stood before it is gone.
    pub fn first(&self) -> Seq {
        self.marks.now.first
    }

    /// The last seq that was given, in this transaction or before.
    pub fn head(&self) -> Seq {
        self.marks.now.head
    }

    /// How many seqs the log spans, from its first row to its head.
    pub fn rows(&self) -> u64 {
        self.head().next().0.abs_diff(self.first().0)
    }

    /// Whether the full-text index has every text.
    pub fn is_indexed(&self) -> bool {
        self.marks.now.indexed >= self.head()
    }

    /// Follows the transaction. Before a savepoint every row is written, so that a request's rows
    /// are undone apart from those before it.
    pub fn follow(&mut self, step: Step) {
        self.marks.follow(step);
        match step {
            Step::Begin => self.greatest.begin(),
            Step::Savepoint => assert!(self.unwritten.is_empty(), "rows wait for no savepoint"),
            Step::UndoSavepoint | Step::Rollback => {
                self.unwritten.clear();
                self.tail.truncate(self.head().0);
                self.greatest.forget();
            }
            Step::Commit => self.tail.drop_before(self.marks.now.sealed),
        }
    }
}

impl LogRef<'_> {
    /// The first seq that is kept.
    pub fn first(&self) -> Seq {
        self.log.first()
    }
}

impl LogMut<'_> {
    /// Writes the rows that were appended, and lends the log to be read.
    pub fn read(&mut self) -> Result<LogRef<'_>> {
        self.write_rows()?;
        Ok(LogRef { db: self.db, log: self.log })
    }

    /// The last writes of a transaction. How far the log reaches is told by its last row, so most
    /// transactions write one page less: who sends one message at a time waits for each.
    /// Sealing is left to a later one if `only_needed` writes are done.
    pub fn close(&mut self, only_needed: bool) -> Result<()> {
        self.write_rows()?;
        if !only_needed {
            self.seal_some()?;
        }
        let Marks { head, sealed, .. } = self.log.marks.now;
        if sealed != self.log.marks.at_begin().sealed {
            self.db.write(&SET_LOG_STATE, params![head.0, sealed])?;
        }
        Ok(())
    }
}
