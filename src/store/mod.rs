//! The store: everything that outlives the process, in one SQLite file.
//!
//! One connection, opened for itself alone, and one transaction a tick. The tick calls
//!
//! ```text
//! begin ─► (savepoint ─► reads and writes ─► release | rollback_to_savepoint)* ─► commit
//! ```
//!
//! and what it staged comes back from [`Store::commit`] as [`Committed`], the only value that
//! `deliver` takes (P2). The journey of the file itself is in `open`; `users`, `friends`,
//! `groups`, `log` and `cursors` each keep one noun's tables, every statement a constant above
//! the one function that runs it. The log has no index: where its entries are is told by `tail`
//! for the newest and by `slices` for the others, and `mids` knows a retry by them; what is too
//! old leaves the log's front in `retention`, and `words` finds what was said by what it says.
//! `quota` counts what each user has stored a day.
//!
//! The store asks no clock, draws no random number and knows no connection. It does not judge
//! either: whether a user *may* do a thing is asked by the handlers before they write. A
//! constraint that fails here is our own mistake, and fatal.

#[path = "../people/addressees.rs"]
mod addressees;
mod check;
mod committed;
mod copy;
#[path = "../people/cursors.rs"]
mod cursors;
#[path = "../people/friends.rs"]
mod friends;
#[path = "../people/groups.rs"]
mod groups;
#[path = "../log/mid_filter.rs"]
mod mid_filter;
#[path = "../log/mids.rs"]
mod mids;
mod migrate;
mod open;
#[path = "../log/page.rs"]
mod page;
#[path = "../people/quota.rs"]
mod quota;
#[path = "../people/readable.rs"]
mod readable;
#[path = "../people/receipts.rs"]
mod receipts;
#[path = "../log/retention.rs"]
mod retention;
#[path = "../log/search.rs"]
mod search;
mod shape;
#[path = "../log/slices.rs"]
mod slices;
#[path = "../log/tail.rs"]
mod tail;
#[cfg(test)]
mod tests;
#[path = "../log/tokens.rs"]
mod tokens;
#[path = "../log/unwritten.rs"]
mod unwritten;
mod upgrade;
#[path = "../people/users.rs"]
mod users;
#[path = "../log/words.rs"]
mod words;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rusqlite::hooks::Wal;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, Error, ErrorCode, OptionalExtension, Params, Row, ffi};
use rustix::process::{Resource, getrlimit};

use crate::id::{Clock, GroupId, Seq};
use crate::limits;
use addressees::Addressees;
use mid_filter::MidFilters;
use mids::Greatest;
use quota::Quota;
use slices::{Place, Sealing};
use tail::Tail;
use unwritten::Unwritten;

pub use addressees::Addressee;
pub use check::{RULES, Violation, check_copy, check_in_place, look_in_place};
pub use committed::{Committed, Reads};
pub use copy::put_in_place;
pub use cursors::Waiting;
pub use groups::{Group, GroupStatus, Member};
pub use open::{COPY_BEFORE_UPGRADE, OpenError, Opened, Opening, Synchronous};
pub use page::{Entry, EntryKind, GroupLabel, NewEntry, Page, Part, Posted};
pub use receipts::Receipts;
pub use retention::{Gap, Reader};
pub use search::Found;
pub use tokens::Wanted;
pub use users::{Credentials, KeyOwner, User};

/// The text of a statement: a constant above the one function that runs it, and in its file's
/// list `SQL`, whose plans `tests` looks at.
type Sql = &'static str;

/// What the store's operations return.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Why the store could not do something. `Full` and `NoMemory` end the whole transaction,
/// savepoints or not: roll back and walk the intake again. `Broken` is fatal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// The disk is full.
    Full,
    /// SQLite found no memory.
    NoMemory,
    /// Anything else: exit. Names SQLite's error, never what was stored.
    Broken(String),
}

impl From<Error> for StoreError {
    fn from(error: Error) -> StoreError {
        match error {
            Error::SqliteFailure(e, _) if e.code == ErrorCode::DiskFull => StoreError::Full,
            Error::SqliteFailure(e, _) if e.code == ErrorCode::OutOfMemory => StoreError::NoMemory,
            Error::SqliteFailure(e, _) if is_file_size_limit(e) => StoreError::Full,
            // The text that SQLite adds could quote a value; the code cannot.
            Error::SqliteFailure(e, _) => StoreError::Broken(format!("{e} ({})", e.extended_code)),
            // Here it can quote only our SQL, which holds parameters and no data.
            Error::SqlInputError { msg, .. } => StoreError::Broken(format!("SQLite: {msg}")),
            other => StoreError::Broken(without_data(&other).into()),
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Full => f.write_str("the disk is full"),
            StoreError::NoMemory => f.write_str("SQLite is out of memory"),
            StoreError::Broken(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for StoreError {}

/// The database.
pub struct Store {
    db: Connection,
    epoch: String,
    in_transaction: bool,
    /// As the statements so far left them, …
    now: Marks,
    /// … as they were at the savepoint, if there is one, …
    at_savepoint: Option<Marks>,
    /// … and as they were when the transaction began.
    at_begin: Marks,
    /// Where to look for what was said last; rolled back to `now.head`.
    tail: Tail,
    sealing: Sealing,
    unwritten: Unwritten,
    greatest: Greatest,
    mid_filters: MidFilters,
    addressees: Addressees,
    quota: Quota,
    /// Deleted groups with memberships that are not ended yet, the first to be ended first.
    dissolving: Vec<GroupId>,
    /// What time it is, for what must end when its slice of a tick does.
    clock: Option<Clock>,
    /// Pages in the write-ahead log, told by SQLite after each commit.
    wal_pages: Arc<AtomicU32>,
}

/// What is kept in memory because every tick asks for it. A rollback restores it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Marks {
    /// The first seq that is kept, and the last one given.
    first: Seq,
    head: Seq,
    users: u64,
    /// Slices of the log that are found on disk …
    sealed: i64,
    /// … and how far the next one is.
    sealing: Place,
    /// The last seq whose words are kept.
    indexed: Seq,
    /// Changes of quotas in this transaction.
    quota_changes: usize,
    /// Deleted groups with memberships that are not ended yet.
    dissolving: usize,
    /// The first of them has none any more.
    is_dissolved: bool,
}

impl Store {
    /// The database's random name, 16 hexadecimal digits: a seq is meant within it.
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// From here on what is dear looks at that clock. Without one it ends by counts alone.
    pub fn set_clock(&mut self, clock: Clock) {
        self.clock = Some(clock);
    }

    /// The last seq given, in this transaction or before.
    pub fn head(&self) -> Seq {
        self.now.head
    }

    const BEGIN: Sql = "BEGIN IMMEDIATE";
    /// Begins the tick's transaction.
    pub fn begin(&mut self) -> Result<()> {
        assert!(!self.in_transaction, "one transaction a tick");
        self.control(Self::BEGIN)?;
        self.in_transaction = true;
        self.greatest.settle();
        self.quota.begin();
        self.now.quota_changes = 0;
        self.at_begin = self.now;
        Ok(())
    }

    const BEGIN_READS: Sql = "BEGIN";
    /// Begins reads that stand behind the commit. SQLite looks at its files once for all of them,
    /// and not once for each.
    pub fn begin_reads(&mut self) -> Result<()> {
        assert!(!self.in_transaction, "what is not committed is not read here");
        self.control(Self::BEGIN_READS)
    }

    /// Ends the reads.
    pub fn end_reads(&mut self) -> Result<()> {
        self.control(Self::COMMIT)
    }

    /// Whether a transaction was begun and neither committed nor rolled back.
    pub fn in_transaction(&self) -> bool {
        self.in_transaction
    }

    const SAVEPOINT: Sql = "SAVEPOINT request";
    /// Begins a request within the transaction. There is one level.
    pub fn savepoint(&mut self) -> Result<()> {
        assert!(self.in_transaction && self.at_savepoint.is_none(), "one request at a time");
        self.check_alive()?;
        self.write_log()?;
        self.control(Self::SAVEPOINT)?;
        self.at_savepoint = Some(self.now);
        Ok(())
    }

    const RELEASE: Sql = "RELEASE request";
    /// Ends the request and keeps what it did.
    pub fn release(&mut self) -> Result<()> {
        assert!(self.at_savepoint.is_some(), "a savepoint is released once");
        self.check_alive()?;
        self.control(Self::RELEASE)?;
        self.at_savepoint = None;
        Ok(())
    }

    const UNDO: Sql = "ROLLBACK TO request";
    /// Ends the request and undoes what it did. Nothing is left to undo if SQLite has ended the
    /// whole transaction; the next statement says so.
    pub fn rollback_to_savepoint(&mut self) -> Result<()> {
        let Some(marks) = self.at_savepoint.take() else {
            return Err(StoreError::Broken("no savepoint to roll back to".into()));
        };
        self.undo_to(marks);
        if self.db.is_autocommit() {
            return Ok(());
        }
        self.control(Self::UNDO)?;
        self.control(Self::RELEASE)
    }

    const COMMIT: Sql = "COMMIT";
    /// Commits the transaction with everything in it, and hands `staged` back as committed. On
    /// `Full` and `NoMemory` the transaction is rolled back, and nothing of it is on the disk.
    pub fn commit<T>(&mut self, staged: T) -> Result<Committed<T>> {
        assert!(self.in_transaction && self.at_savepoint.is_none(), "no request is open");
        let outcome = self.close_log().and_then(|()| self.control(Self::COMMIT));
        if let Err(error) = outcome {
            self.rollback().map_err(|worse| StoreError::Broken(worse.to_string()))?;
            return Err(error);
        }
        self.in_transaction = false;
        self.tail.drop_before(self.now.sealed);
        self.note_dissolved();
        Ok(Committed(staged))
    }

    const SET_LOG_STATE: Sql = "UPDATE log_state SET head = ?1, sealed = ?2";
    /// The last writes of a transaction. How far the log reaches is told by its last row, so most
    /// transactions write one page less: who sends one message at a time waits for each.
    fn close_log(&mut self) -> Result<()> {
        self.check_alive()?;
        self.write_log()?;
        if !self.rests() {
            self.seal_some()?;
            self.end_some_memberships()?;
        }
        let Marks { head, sealed, .. } = self.now;
        if sealed != self.at_begin.sealed {
            self.write(Self::SET_LOG_STATE, (head.0, sealed))?;
        }
        Ok(())
    }

    const ROLLBACK: Sql = "ROLLBACK";
    /// Undoes the whole transaction; no matter if SQLite already has.
    pub fn rollback(&mut self) -> Result<()> {
        assert!(self.in_transaction, "a transaction is rolled back once");
        if !self.db.is_autocommit() {
            self.control(Self::ROLLBACK)?;
        }
        self.in_transaction = false;
        self.at_savepoint = None;
        self.undo_to(self.at_begin);
        // A transaction is rolled back when the disk is full.
        self.put_off();
        Ok(())
    }

    fn undo_to(&mut self, marks: Marks) {
        // At a savepoint everything was written.
        self.unwritten.clear();
        self.tail.truncate(marks.head.0);
        self.greatest.forget();
        self.addressees.forget();
        self.quota.undo_to(marks.quota_changes);
        self.dissolving.truncate(marks.dissolving);
        self.now = marks;
    }

    /// Pages of 4 KiB in the write-ahead log since it was last copied into the database whole.
    pub fn wal_pages(&self) -> u32 {
        self.wal_pages.load(Ordering::Relaxed)
    }

    /// Copies the write-ahead log into the database. On a full disk nothing is lost, the log
    /// only grows: try again later.
    pub fn checkpoint(&mut self) -> Result<()> {
        assert!(!self.in_transaction, "a checkpoint stands between transactions");
        // What is kept is overwritten in place, which syncs faster than growing it.
        let long = self.wal_pages() > limits::WAL_PAGES_KEPT;
        let mode = if long { CheckpointMode::TRUNCATE } else { CheckpointMode::PASSIVE };
        match self.db.wal_checkpoint_v2(None::<&str>, mode) {
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
        assert!(!self.in_transaction, "a tick ends before the store does");
        self.db.wal_checkpoint_v2(None::<&str>, CheckpointMode::TRUNCATE)?;
        self.db.close().map_err(|(_, error)| error.into())
    }

    /// The size of the database without its write-ahead log, in bytes.
    pub fn database_bytes(&self) -> Result<u64> {
        let pragma = |name| self.db.pragma_query_value(None, name, |row| unsigned(row, 0));
        Ok(pragma("page_count")? * pragma("page_size")?)
    }

    /// From here on the disk is full: the file may not grow.
    #[cfg(test)]
    pub(crate) fn fill_disk(&self) {
        let set = self.db.pragma_update_and_check(None, "max_page_count", 1, |_| Ok(()));
        set.expect("limit");
    }

    /// A statement that moves the transaction.
    fn control(&self, sql: Sql) -> Result<()> {
        self.db.prepare_cached(sql)?.execute(())?;
        Ok(())
    }

    /// Runs a statement that writes, and says how many rows it changed.
    fn write(&mut self, sql: Sql, params: impl Params) -> Result<usize> {
        assert!(self.in_transaction, "a write stands in a transaction");
        self.check_alive()?;
        Ok(self.db.prepare_cached(sql)?.execute(params)?)
    }

    /// The only row of a query, if there is one.
    fn row<T>(
        &self,
        sql: Sql,
        params: impl Params,
        read: impl FnOnce(&Row) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        Ok(self.db.prepare_cached(sql)?.query_row(params, read).optional()?)
    }

    /// The number that a query counts.
    fn count(&self, sql: Sql, params: impl Params) -> Result<u64> {
        Ok(self.db.prepare_cached(sql)?.query_row(params, |row| unsigned(row, 0))?)
    }

    /// All rows of a query, which its statement bounds.
    fn rows<T>(
        &self,
        sql: Sql,
        params: impl Params,
        read: impl FnMut(&Row) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let mut statement = self.db.prepare_cached(sql)?;
        let rows = statement.query_map(params, read)?.collect::<rusqlite::Result<Vec<T>>>()?;
        Ok(rows)
    }

    /// SQLite ends a transaction by itself when the disk or the memory is full, and would then
    /// commit each further statement alone. So none is run: whoever goes on learns it again.
    fn check_alive(&self) -> Result<()> {
        if self.db.is_autocommit() { Err(StoreError::Full) } else { Ok(()) }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Store { epoch, in_transaction, now, .. } = self;
        write!(f, "Store {{ epoch: {epoch}, in_transaction: {in_transaction}, {now:?} }}")
    }
}

/// A number that is never negative.
fn unsigned(row: &Row, column: usize) -> rusqlite::Result<u64> {
    row.get(column).map(i64::unsigned_abs)
}

/// Whether a write failed because a file may not become longer. SQLite knows only one reason for
/// a full disk and calls this one a broken disk, but it has undone the transaction just the same.
fn is_file_size_limit(error: ffi::Error) -> bool {
    error.extended_code == ffi::SQLITE_IOERR_WRITE && getrlimit(Resource::Fsize).current.is_some()
}

/// Tells `counter` after each commit how many pages the write-ahead log has.
fn count_wal_pages(db: &mut Connection, counter: &Arc<AtomicU32>) -> rusqlite::Result<()> {
    let counter = Arc::clone(counter);
    db.wal_hook(Some(move |_: &mut Wal, pages: i32| {
        counter.store(pages.unsigned_abs(), Ordering::Relaxed);
        Ok(())
    }))
}

/// The kind of an error that is not SQLite's own. Its text could quote a stored value.
fn without_data(error: &Error) -> &'static str {
    match error {
        Error::QueryReturnedNoRows => "SQLite: a row is missing",
        Error::InvalidColumnType(..)
        | Error::FromSqlConversionFailure(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::Utf8Error(..) => "SQLite: a stored value is not of its kind",
        _ => "SQLite: a statement was not accepted",
    }
}
