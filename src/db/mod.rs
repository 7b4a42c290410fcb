//! The database: one SQLite connection, one transaction at a time, and one function that writes.
//!
//! All rows are written by numbered statements, see [`Write`]. All of them go through
//! [`Writer::run`], which can record what it did: a tick is then a list of numbers and values, and
//! another database that runs it has the same rows. So what is written may depend only on the
//! statement, its values and the rows that are there: on no clock and no random number.
//!
//! The modules `log` and `people` stand above this one, and `store` above them. The store lends
//! them the connection, so the compiler sees who may write. This module knows no table, with one
//! exception: it counts the changes of `users` and `friends`, so that what is kept in memory of
//! people can tell whether it still holds.

mod changes;
mod error;
mod undo;

use rusqlite::types::ToSql;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Params, Row};

pub use changes::{Change, Sink};
pub use error::{Result, StoreError};
pub use undo::{Step, Undoable};

use changes::Recorder;

/// The text of a statement that reads: a constant above the one function that runs it.
pub type Sql = &'static str;

/// A statement that writes: a constant above the one function that runs it, see `numbered!`.
pub struct Write {
    /// Its number, which no other statement ever had or will have: a recorded change names it.
    /// `tests/data/statements.txt` has all that there ever were.
    pub number: u16,
    /// Its text.
    pub sql: Sql,
    /// Whether it changes rows of `users` or `friends`.
    pub changes_people: bool,
}

/// Declares a statement that writes: its number, its name and its text. `of people` stands after
/// the name if it changes rows of `users` or `friends`.
macro_rules! numbered {
    ($number:literal $name:ident = $sql:literal) => {
        const $name: $crate::db::Write =
            $crate::db::Write { number: $number, sql: $sql, changes_people: false };
    };
    ($number:literal $name:ident of people = $sql:literal) => {
        const $name: $crate::db::Write =
            $crate::db::Write { number: $number, sql: $sql, changes_people: true };
    };
}
pub(crate) use numbered;

/// The database.
pub struct Db {
    sqlite: Connection,
    in_transaction: bool,
    /// How often rows of `users` or `friends` were changed, or a change was undone.
    people_changes: u64,
    recorder: Recorder,
}

impl Db {
    /// Takes an open connection, which the store has set up.
    pub fn new(sqlite: Connection) -> Db {
        Db { sqlite, in_transaction: false, people_changes: 0, recorder: Recorder::default() }
    }

    /// From here on `sink` is given what each transaction wrote, after its COMMIT.
    pub fn record(&mut self, sink: Sink) {
        assert!(!self.in_transaction, "a transaction is recorded from its beginning");
        self.recorder.sink = Some(sink);
    }

    /// Whether a transaction was begun and neither committed nor rolled back.
    pub fn in_transaction(&self) -> bool {
        self.in_transaction
    }

    /// Begins a transaction.
    pub fn begin(&mut self) -> Result<()> {
        assert!(!self.in_transaction, "one transaction at a time");
        self.control("BEGIN IMMEDIATE")?;
        self.in_transaction = true;
        Ok(())
    }

    /// Begins a request within the transaction. There is one level.
    pub fn savepoint(&mut self) -> Result<()> {
        self.check_not_ended()?;
        self.control("SAVEPOINT request")?;
        self.recorder.follow(Step::Savepoint);
        Ok(())
    }

    /// Ends the request and keeps what it did.
    pub fn release(&mut self) -> Result<()> {
        self.check_not_ended()?;
        self.control("RELEASE request")
    }

    /// Ends the request and undoes what it did. If SQLite has ended the whole transaction,
    /// nothing is left to undo, and the next statement says so.
    pub fn undo_savepoint(&mut self) -> Result<()> {
        self.people_changes += 1;
        self.recorder.follow(Step::UndoSavepoint);
        if self.sqlite.is_autocommit() {
            return Ok(());
        }
        self.control("ROLLBACK TO request")?;
        self.control("RELEASE request")
    }

    /// Commits the transaction. If it fails, the transaction is still to be rolled back.
    pub fn commit(&mut self) -> Result<()> {
        self.check_not_ended()?;
        self.control("COMMIT")?;
        self.in_transaction = false;
        self.recorder.follow(Step::Commit);
        Ok(())
    }

    /// Undoes the whole transaction, whether or not SQLite has done it already.
    pub fn rollback(&mut self) -> Result<()> {
        assert!(self.in_transaction, "a transaction is rolled back once");
        self.people_changes += 1;
        self.recorder.follow(Step::Rollback);
        if !self.sqlite.is_autocommit() {
            self.control("ROLLBACK")?;
        }
        self.in_transaction = false;
        Ok(())
    }

    /// Begins reads outside a transaction: SQLite looks at its files once for all of them and not
    /// once for each.
    pub fn begin_reads(&self) -> Result<()> {
        assert!(!self.in_transaction, "only what is committed is read here");
        self.control("BEGIN")
    }

    /// Ends the reads.
    pub fn end_reads(&self) -> Result<()> {
        self.control("COMMIT")
    }

    fn control(&self, sql: Sql) -> Result<()> {
        self.sqlite.prepare_cached(sql)?.execute(())?;
        Ok(())
    }

    /// Runs a statement once.
    pub fn write(&mut self, write: &Write, values: &[&dyn ToSql]) -> Result<()> {
        self.run(write, values).map(drop)
    }

    /// Runs a statement once, and returns how many rows it changed.
    pub fn run(&mut self, write: &Write, values: &[&dyn ToSql]) -> Result<usize> {
        self.writer(write)?.run(values)
    }

    /// Runs a statement that inserts one row, and returns the id that the row was given.
    pub fn insert(&mut self, write: &Write, values: &[&dyn ToSql]) -> Result<i64> {
        self.write(write, values)?;
        let id = self.sqlite.last_insert_rowid();
        self.recorder.gave(id);
        Ok(id)
    }

    /// Prepares a statement that is to be run several times in a row.
    pub fn writer<'a>(&'a mut self, write: &'a Write) -> Result<Writer<'a>> {
        assert!(self.in_transaction, "a write stands in a transaction");
        self.check_not_ended()?;
        let statement = self.sqlite.prepare_cached(write.sql)?;
        let (recorder, people_changes) = (&mut self.recorder, &mut self.people_changes);
        Ok(Writer { write, statement, recorder, people_changes })
    }

    /// SQLite ends a transaction by itself when the disk or the memory is full, and would then
    /// commit each further statement alone. So none is run: each fails with [`StoreError::Full`]
    /// until the transaction is rolled back.
    pub fn check_not_ended(&self) -> Result<()> {
        assert!(self.in_transaction, "a write stands in a transaction");
        if self.sqlite.is_autocommit() { Err(StoreError::Full) } else { Ok(()) }
    }

    /// The only row of a query, if there is one.
    pub fn row<T>(
        &self,
        sql: Sql,
        params: impl Params,
        read: impl FnOnce(&Row) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        Ok(self.sqlite.prepare_cached(sql)?.query_row(params, read).optional()?)
    }

    /// Whether a query has a row.
    pub fn exists(&self, sql: Sql, params: impl Params) -> Result<bool> {
        Ok(self.row(sql, params, |_| Ok(()))?.is_some())
    }

    /// The number that a query counts.
    pub fn count(&self, sql: Sql, params: impl Params) -> Result<u64> {
        Ok(self.sqlite.prepare_cached(sql)?.query_row(params, |row| unsigned(row, 0))?)
    }

    /// All rows of a query, which its statement bounds.
    pub fn rows<T>(
        &self,
        sql: Sql,
        params: impl Params,
        read: impl FnMut(&Row) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let mut statement = self.sqlite.prepare_cached(sql)?;
        let rows = statement.query_map(params, read)?.collect::<rusqlite::Result<Vec<T>>>()?;
        Ok(rows)
    }

    /// A query whose rows the caller takes one by one, or that it asks several times.
    pub fn query(&self, sql: Sql) -> Result<CachedStatement<'_>> {
        Ok(self.sqlite.prepare_cached(sql)?)
    }

    /// How often rows of `users` or `friends` were changed, or a change was undone: what was read
    /// of them holds while this number stays.
    pub fn people_changes(&self) -> u64 {
        self.people_changes
    }

    /// The connection, for settings and for a limit on a query's time.
    pub fn sqlite_mut(&mut self) -> &mut Connection {
        &mut self.sqlite
    }

    /// The connection, to be looked at, and for checkpoints, which change no row.
    pub fn sqlite(&self) -> &Connection {
        &self.sqlite
    }

    /// Gives the connection back.
    pub fn into_sqlite(self) -> Connection {
        self.sqlite
    }
}

/// A prepared statement that writes.
pub struct Writer<'a> {
    write: &'a Write,
    statement: CachedStatement<'a>,
    recorder: &'a mut Recorder,
    people_changes: &'a mut u64,
}

impl Writer<'_> {
    /// Runs the statement with these values, and returns how many rows it changed. Every write of
    /// this program is this call.
    pub fn run(&mut self, values: &[&dyn ToSql]) -> Result<usize> {
        let rows = self.statement.execute(values)?;
        if self.write.changes_people && rows > 0 {
            *self.people_changes += 1;
        }
        self.recorder.add(self.write.number, values, rows)?;
        Ok(rows)
    }
}

/// A number that is never negative.
pub fn unsigned(row: &Row, column: usize) -> rusqlite::Result<u64> {
    row.get(column).map(i64::unsigned_abs)
}

#[cfg(test)]
mod tests;
