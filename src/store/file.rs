//! The database file as SQLite opens it: made, connected, locked, looked at, set up. Nothing here
//! knows what the tables mean.
//!
//! SQLite's lock is taken before anything is written and kept to the end (P26). The file is
//! never opened but by SQLite: closing another descriptor of it would drop that lock.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use std::{error, fmt};

use rusqlite::config::DbConfig;
use rusqlite::hooks::Wal;
use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension};

use super::StoreError;
use super::shape::{VERSION, is_first_version};
use crate::limits::STATEMENTS_KEPT;

/// How much of a COMMIT must be on the disk when it returns. Only `Full` keeps P1; the others
/// are for benches and simulations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Synchronous {
    /// All of it.
    #[default]
    Full,
    /// All up to the last checkpoint.
    Normal,
    /// Whatever the system has written by itself.
    Off,
}

/// Why the database cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// The directory or the file cannot be made, read or written.
    NotWritable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// Another process has it open; nothing was touched.
    InUse,
    /// A newer p2sp wrote it; nothing was touched.
    Newer {
        /// Its version.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// There is nothing in the file.
    Empty,
    /// The file is not p2sp's; nothing was touched.
    NotADatabase,
    /// SQLite failed in another way.
    Broken(String),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::NotWritable { path, why } => write!(f, "{}: {why}", path.display()),
            OpenError::InUse => f.write_str("the database is in use by another process"),
            OpenError::Newer { found, known } => {
                write!(f, "the database has version {found}, this program knows up to {known}")
            }
            OpenError::Empty => f.write_str("the file is empty"),
            OpenError::NotADatabase => f.write_str("the file is not a database of p2sp"),
            OpenError::Broken(why) => f.write_str(why),
        }
    }
}

impl error::Error for OpenError {}

/// The name of the database in the data directory.
pub const DATABASE: &str = "p2sp.db";

/// What the file holds.
pub(super) enum Content {
    Nothing,
    FirstVersion,
    /// Ours, of an earlier version.
    Earlier(i64),
    Ours,
}

/// Makes the directory and an empty file where they are missing; returns the file's path,
/// which is absolute so that SQLite cannot take it for a URI.
pub(super) fn make(dir: &Path) -> Result<PathBuf, OpenError> {
    let dir = std::path::absolute(dir).map_err(|e| cannot(dir, e))?;
    let dir_is_new = !dir.exists();
    DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(|e| cannot(&dir, e))?;
    let path = dir.join(DATABASE);
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(path),
        Err(error) => return Err(cannot(&path, error)),
    }
    // SQLite syncs the file; that the file has a name must be on the disk too (P1).
    let parent = dir.parent().filter(|_| dir_is_new);
    for dir in [Some(dir.as_path()), parent].into_iter().flatten() {
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(|e| cannot(dir, e))?;
    }
    Ok(path)
}

/// Opens the file without reading it yet.
pub(super) fn connect(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let explain = |error| explain(path, error);
    let db = Connection::open_with_flags(path, flags).map_err(explain)?;
    // SQLite falls back to reading where it may not write.
    if db.is_readonly("main").map_err(explain)? {
        return Err(cannot(path, io::ErrorKind::PermissionDenied.into()));
    }
    db.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    // Plans depend on the statements alone. Otherwise SQLite compiles many of them anew for each
    // value that is bound, which costs more than to run them.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(explain)?;
    db.busy_timeout(Duration::ZERO).map_err(explain)?;
    // Before the first access: a lock is then kept, and the write-ahead log needs no shared
    // memory.
    db.pragma_update(None, "locking_mode", "EXCLUSIVE").map_err(explain)?;
    Ok(db)
}

/// Takes the lock and finds out whose file it is, writing nothing.
pub(super) fn lock_and_look(db: &Connection, path: &Path) -> Result<Content, OpenError> {
    let explain = |error| explain(path, error);
    // If we turn away, closing must not copy a write-ahead log that is not ours to touch.
    let wal_exists = path.with_extension("db-wal").exists();
    let keep_wal = |keep| db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep);
    keep_wal(wal_exists).map_err(explain)?;
    db.execute_batch("BEGIN EXCLUSIVE").map_err(explain)?;
    let content = content_of(db, path)?;
    db.execute_batch("ROLLBACK").map_err(explain)?;
    keep_wal(false).map_err(explain)?;
    Ok(content)
}

/// Whose file it is.
pub(super) fn content_of(db: &Connection, path: &Path) -> Result<Content, OpenError> {
    let explain = |error| explain(path, error);
    let version: i64 =
        db.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(explain)?;
    Ok(match version {
        0 if is_empty(db).map_err(explain)? => Content::Nothing,
        0 if is_first_version(db).map_err(explain)? => Content::FirstVersion,
        1..=VERSION if db.table_exists(None, "meta").map_err(explain)? => match version {
            VERSION => Content::Ours,
            earlier => Content::Earlier(earlier),
        },
        newer if newer > VERSION => {
            return Err(OpenError::Newer { found: newer, known: VERSION });
        }
        _ => return Err(OpenError::NotADatabase),
    })
}

fn is_empty(db: &Connection) -> rusqlite::Result<bool> {
    let any = db.query_row("SELECT 1 FROM sqlite_schema LIMIT 1", (), |_| Ok(())).optional()?;
    Ok(any.is_none())
}

/// The settings: names and values, as SQLite answers when it is asked for them afterwards.
fn settings(synchronous: Synchronous) -> [(&'static str, &'static str); 10] {
    let level = match synchronous {
        Synchronous::Full => "2",
        Synchronous::Normal => "1",
        Synchronous::Off => "0",
    };
    [
        ("journal_mode", "wal"),
        ("synchronous", level),
        ("foreign_keys", "1"),
        // Checkpoints are the event loop's, between ticks.
        ("wal_autocheckpoint", "0"),
        // An I/O error must be an error and not a signal.
        ("mmap_size", "0"),
        // The file is data: nothing in its schema may run functions.
        ("trusted_schema", "0"),
        ("cell_size_check", "1"),
        // What is replaced is overwritten: an old digest or key must not stay in a free page.
        ("secure_delete", "1"),
        // No file outside the data directory.
        ("temp_store", "2"),
        // No other process has the file, so there is none to wait for.
        ("busy_timeout", "0"),
    ]
}

pub(super) fn configure(db: &Connection, synchronous: Synchronous) -> rusqlite::Result<()> {
    for (name, value) in settings(synchronous) {
        // To its end: `journal_mode` writes, and says only after its row that it could not.
        let mut statement = db.prepare(&format!("PRAGMA {name} = {value}"))?;
        let mut rows = statement.query(())?;
        while rows.next()?.is_some() {}
    }
    Ok(())
}

/// SQLite ignores what it cannot do, so each setting is read back.
pub(super) fn check_configured(
    db: &Connection,
    synchronous: Synchronous,
) -> rusqlite::Result<Result<(), OpenError>> {
    for (name, value) in settings(synchronous).into_iter().chain([("locking_mode", "exclusive")]) {
        let expected = value.parse().map_or_else(|_| Value::Text(value.into()), Value::Integer);
        let found: Value = db.pragma_query_value(None, name, |row| row.get(0))?;
        if found != expected {
            let why = format!("SQLite does not take {name} = {value}");
            return Ok(Err(OpenError::Broken(why)));
        }
    }
    Ok(Ok(()))
}

/// Tells `counter` after each commit how many pages the write-ahead log has.
pub(super) fn count_wal_pages(
    db: &mut Connection,
    counter: &Arc<AtomicU32>,
) -> rusqlite::Result<()> {
    let counter = Arc::clone(counter);
    db.wal_hook(Some(move |_: &mut Wal, pages: i32| {
        counter.store(pages.unsigned_abs(), Ordering::Relaxed);
        Ok(())
    }))
}

pub(super) fn cannot(path: &Path, error: io::Error) -> OpenError {
    OpenError::NotWritable { path: path.to_owned(), why: error.to_string() }
}

/// What an error of SQLite means to who starts a server.
pub(super) fn explain(path: &Path, error: rusqlite::Error) -> OpenError {
    let why = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => return OpenError::InUse,
        Some(ErrorCode::NotADatabase) => return OpenError::NotADatabase,
        Some(ErrorCode::CannotOpen) => "cannot be opened",
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => "cannot be written",
        Some(ErrorCode::DiskFull) => "the disk is full",
        _ => return OpenError::Broken(StoreError::from(error).to_string()),
    };
    OpenError::NotWritable { path: path.to_owned(), why: why.into() }
}
