//! The store itself: its three parts, the transaction that holds them together, and how each is
//! lent.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rusqlite::wal::CheckpointMode;

use super::{Result, Sink, StoreError};
use crate::db::{Db, Step, unsigned};
use crate::id::{Clock, Seq};
use crate::limits::{self, COMMITS_WITHOUT_UPKEEP};
use crate::log::{Log, LogMut};
use crate::people::{People, PeopleMut, PeopleRef};

/// What a transaction staged, after its COMMIT returned: the licence to let it out. Only the store
/// makes one, so a fact that may still be rolled back cannot get into a send buffer (P2). See also
/// [`Reads`](super::Reads).
#[derive(Debug)]
pub struct Committed<T>(T);

impl<T> Committed<T> {
    /// What was staged.
    pub(crate) fn into_inner(self) -> T {
        self.0
    }
}

/// The store.
pub struct Store {
    pub(super) db: Db,
    pub(super) log: Log,
    pub(super) people: People,
    pub(super) epoch: String,
    /// Whether a request is open within the transaction.
    pub(super) in_request: bool,
    /// How many commits are still to come without work that can be put off.
    pub(super) commits_without_upkeep: u32,
    /// Pages in the write-ahead log, told by SQLite after each commit.
    pub(super) wal_pages: Arc<AtomicU32>,
}

impl Store {
    /// The database's random name, 16 hexadecimal digits: a seq is meant within it.
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// From here on a search looks at that clock. Without one it ends by counts alone.
    pub fn set_clock(&mut self, clock: Clock) {
        self.log.set_clock(clock);
    }

    /// From here on `sink` is given what each transaction wrote, after its COMMIT: what another
    /// database needs to do the same. It is not given what opening wrote: an upgrade, and the last
    /// of what an earlier process put off.
    pub fn record(&mut self, sink: Sink) {
        self.db.record(sink);
    }

    /// Begins the tick's transaction.
    pub fn begin(&mut self) -> Result<()> {
        self.db.begin()?;
        self.follow(Step::Begin);
        Ok(())
    }

    /// Whether a transaction was begun and neither committed nor rolled back.
    pub fn in_transaction(&self) -> bool {
        self.db.in_transaction()
    }

    /// Begins a request within the transaction. There is one level.
    pub fn savepoint(&mut self) -> Result<()> {
        assert!(!self.in_request, "one request at a time");
        self.log_mut().write_rows()?;
        self.db.savepoint()?;
        self.follow(Step::Savepoint);
        self.in_request = true;
        Ok(())
    }

    /// Ends the request and keeps what it did.
    pub fn release(&mut self) -> Result<()> {
        assert!(self.in_request, "a savepoint is released once");
        self.db.release()?;
        self.in_request = false;
        Ok(())
    }

    /// Ends the request and undoes what it did. If SQLite has ended the whole transaction, nothing
    /// is left to undo, and the next statement says so.
    pub fn rollback_to_savepoint(&mut self) -> Result<()> {
        if !std::mem::take(&mut self.in_request) {
            return Err(StoreError::Broken("no savepoint to roll back to".into()));
        }
        self.follow(Step::UndoSavepoint);
        self.db.undo_savepoint()
    }

    /// Commits the transaction with everything in it, and hands `staged` back as committed. On
    /// `Full` and `NoMemory` the transaction is rolled back, and nothing of it is on the disk.
    pub fn commit<T>(&mut self, staged: T) -> Result<Committed<T>> {
        assert!(self.in_transaction() && !self.in_request, "no request is open");
        let outcome = self.close_transaction().and_then(|()| self.db.commit());
        if let Err(error) = outcome {
            self.rollback().map_err(|worse| StoreError::Broken(worse.to_string()))?;
            return Err(error);
        }
        self.follow(Step::Commit);
        Ok(Committed(staged))
    }

    /// The last writes of a transaction: what is appended, and some of the work that was put off.
    fn close_transaction(&mut self) -> Result<()> {
        self.db.check_not_ended()?;
        let only_needed = self.commits_without_upkeep > 0;
        self.commits_without_upkeep = self.commits_without_upkeep.saturating_sub(1);
        if !only_needed {
            self.people_mut().end_some_memberships()?;
        }
        self.log_mut().close(only_needed)
    }

    /// Undoes the whole transaction; no matter if SQLite already has.
    pub fn rollback(&mut self) -> Result<()> {
        self.db.rollback()?;
        self.in_request = false;
        self.follow(Step::Rollback);
        // Most often because the disk is full.
        self.commits_without_upkeep = COMMITS_WITHOUT_UPKEEP;
        Ok(())
    }

    fn follow(&mut self, step: Step) {
        self.log.follow(step);
        self.people.follow(step);
    }

    /// People, to be read as they are now.
    pub fn people(&self) -> PeopleRef<'_> {
        self.people.with(&self.db)
    }

    /// People, to be changed in the transaction.
    pub fn people_mut(&mut self) -> PeopleMut<'_> {
        let head = self.head();
        self.people.with_mut(&mut self.db, head)
    }

    /// The log, to be changed in the transaction.
    pub fn log_mut(&mut self) -> LogMut<'_> {
        self.log.with_mut(&mut self.db)
    }

    /// The last seq given, in this transaction or before.
    pub fn head(&self) -> Seq {
        self.log.head()
    }

    /// How many seqs the log spans, from its first row to its head.
    pub fn log_rows(&self) -> u64 {
        self.log.rows()
    }

    /// Whether the full-text index has every text.
    pub fn is_indexed(&self) -> bool {
        self.log.is_indexed()
    }

    /// Pages of 4 KiB in the write-ahead log since it was last copied into the database whole.
    pub fn wal_pages(&self) -> u32 {
        self.wal_pages.load(Ordering::Relaxed)
    }

    /// Copies the write-ahead log into the database. On a full disk nothing is lost, the log
    /// only grows: try again later.
    pub fn checkpoint(&self) -> Result<()> {
        assert!(!self.in_transaction(), "a checkpoint stands between transactions");
        // What is kept is overwritten in place, which syncs faster than growing it.
        let long = self.wal_pages() > limits::WAL_PAGES_KEPT;
        let mode = if long { CheckpointMode::TRUNCATE } else { CheckpointMode::PASSIVE };
        match self.db.sqlite().wal_checkpoint_v2(None::<&str>, mode) {
            Ok((pages, copied)) if pages == copied => self.wal_pages.store(0, Ordering::Relaxed),
            Ok(_) => {}
            Err(error) => match StoreError::from(error) {
                StoreError::Full => {}
                other => return Err(other),
            },
        }
        Ok(())
    }

    /// Copies the write-ahead log into the database, and closes it.
    pub fn close(self) -> Result<()> {
        assert!(!self.in_transaction(), "a tick ends before the store does");
        let sqlite = self.db.into_sqlite();
        sqlite.wal_checkpoint_v2(None::<&str>, CheckpointMode::TRUNCATE)?;
        sqlite.close().map_err(|(_, error)| error.into())
    }

    /// The size of the database without its write-ahead log, in bytes.
    pub fn database_bytes(&self) -> Result<u64> {
        let sqlite = self.db.sqlite();
        let pragma = |name| sqlite.pragma_query_value(None, name, |row| unsigned(row, 0));
        Ok(pragma("page_count")? * pragma("page_size")?)
    }

    /// The connection, for a test that looks at the tables or damages them.
    #[cfg(test)]
    pub(crate) fn sqlite(&self) -> &rusqlite::Connection {
        self.db.sqlite()
    }

    /// From here on the disk is full: the file may not grow.
    #[cfg(test)]
    pub(crate) fn fill_disk(&self) {
        let sqlite = self.db.sqlite();
        let set = sqlite.pragma_update_and_check(None, "max_page_count", 1, |_| Ok(()));
        set.expect("limit");
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (epoch, head) = (&self.epoch, self.head());
        write!(f, "Store {{ epoch: {epoch}, head: {head:?} }}")
    }
}
