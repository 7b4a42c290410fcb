//! Copies of the database: made next to it, and put in its place.
//!
//! To copy a database that is open here, the file is opened a second time and closed last, because
//! that drops SQLite's lock (see `file`). While a server runs, another process copies the file,
//! which the server does not change meanwhile.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, params};

use super::file::{DATABASE, cannot, connect, explain, lock_and_look};
use super::{OpenError, Result, Store, numbered};

impl Store {
    /// Copies the whole database into a file, which is empty, and closes it.
    ///
    /// # Errors
    /// The database cannot be read, or the file not written.
    pub fn copy_and_close(self, to: &mut File) -> std::result::Result<(), OpenError> {
        let path = PathBuf::from(self.db.sqlite().path().unwrap_or_default());
        let broken = |error: super::StoreError| OpenError::Broken(error.to_string());
        self.db
            .sqlite()
            .wal_checkpoint_v2(None::<&str>, CheckpointMode::TRUNCATE)
            .map_err(|error| explain(&path, error))?;
        let mut from = File::open(&path).map_err(|error| cannot(&path, error))?;
        let copied = io::copy(&mut from, to).and_then(|_| to.sync_all());
        self.close().map_err(broken)?;
        // Not before the database: see above.
        drop(from);
        copied.map_err(|error| OpenError::Broken(error.to_string()))
    }

    numbered! { 42 RENEW_EPOCH = "UPDATE meta SET value = ?1 WHERE name = 'epoch'" }
    /// Gives the database another name: seqs of the life that it had before do not compare.
    pub fn renew_epoch(&mut self, epoch: &str) -> Result<()> {
        self.begin()?;
        self.db.write(&Self::RENEW_EPOCH, params![epoch])?;
        self.commit(())?;
        self.epoch = epoch.to_owned();
        Ok(())
    }
}

/// Copies the whole database into a new file, by SQLite's own means.
pub(super) fn copy_into(db: &Connection, path: &Path) -> std::result::Result<(), OpenError> {
    let name = path.to_string_lossy();
    db.execute("VACUUM INTO ?1", [&name]).map_err(|error| explain(path, error))?;
    sync(path)
}

/// Puts the database file `new`, which nobody uses, in the place of the one in `dir`. That one, if
/// there is one, is called `aside` from then on. At every moment there is a whole database in
/// the place.
///
/// # Errors
/// Somebody uses the database, or files cannot be named.
pub fn put_in_place(dir: &Path, new: &Path, aside: &Path) -> std::result::Result<(), OpenError> {
    let path = dir.join(DATABASE);
    let wal = path.with_extension("db-wal");
    let mut old = None;
    if path.exists() {
        old = match lock(&path) {
            Ok(db) => Some(db),
            Err(OpenError::InUse) => return Err(OpenError::InUse),
            // What cannot be read is put aside as it is.
            Err(_) => None,
        };
        fs::hard_link(&path, aside).map_err(|error| cannot(aside, error))?;
        // SQLite would take what is left of the old write-ahead log for the new database's.
        if old.is_none() && wal.exists() {
            fs::rename(&wal, aside.with_added_extension("wal"))
                .map_err(|error| cannot(&wal, error))?;
        }
    }
    fs::rename(new, &path).map_err(|error| cannot(&path, error))?;
    sync(dir)?;
    // The lock on the old one is held until here: no server took it up in between.
    drop(old);
    Ok(())
}

/// Locks the database and empties its write-ahead log, which stays as an empty file.
fn lock(path: &Path) -> std::result::Result<Connection, OpenError> {
    let explain = |error| explain(path, error);
    let db = connect(path)?;
    lock_and_look(&db, path)?;
    db.wal_checkpoint_v2(None::<&str>, CheckpointMode::TRUNCATE).map_err(explain)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(explain)?;
    Ok(db)
}

fn sync(path: &Path) -> std::result::Result<(), OpenError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(|error| cannot(path, error))
}
