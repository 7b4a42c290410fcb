//! Why the database could not do something. What was stored is never quoted (P27).

use std::fmt;

use rusqlite::{Error, ErrorCode, ffi};
use rustix::process::{Resource, getrlimit};

/// What the store's operations return.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Why the store could not do something. `Full` and `NoMemory` end the whole transaction,
/// savepoints or not: it must be rolled back, and may be tried again. `Broken` is fatal.
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

/// Whether a write failed because a file may not become longer. SQLite knows only one reason for
/// a full disk and calls this one a broken disk, but it has undone the transaction just the same.
fn is_file_size_limit(error: ffi::Error) -> bool {
    error.extended_code == ffi::SQLITE_IOERR_WRITE && getrlimit(Resource::Fsize).current.is_some()
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
