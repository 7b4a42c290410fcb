//! The journey of the database file: found or made, locked, looked at, brought up to date.
//!
//! ```text
//! make ─► connect ─► lock and look ─► configure ─► create | migrate | nothing ─► checkpoint
//!                    └ in use, newer, not ours: leave, and nothing was touched
//! ```
//!
//! What a crash left is SQLite's to recover, and the checkpoint before listening proves that it did
//! (P25).

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::wal::CheckpointMode;

use super::copy::copy_into;
use super::file::{
    Content, OpenError, Synchronous, cannot, check_configured, configure, connect, count_wal_pages,
    explain, lock_and_look, make,
};
use super::shape::create_schema;
use super::{Store, StoreError, migrate, upgrade};
use crate::db::Db;
use crate::log::{Log, MidKey};
use crate::people::People;

/// What to open, and how.
#[derive(Clone, Copy)]
pub struct Opening<'a> {
    /// The data directory; `p2sp.db` stands in it. Made if it is missing.
    pub dir: &'a Path,
    /// 16 random hexadecimal digits, the epoch of the database if this makes one.
    pub epoch: &'a str,
    /// Random: the key by which the database hashes `mid`s, if this makes or upgrades one.
    pub mid_key: &'a MidKey,
    /// How much of a COMMIT must be on the disk when it returns.
    pub synchronous: Synchronous,
}

/// What opening found and did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The database is new: it has no user yet.
    pub created: bool,
    /// The version it had, if it was brought up to date.
    pub migrated_from: Option<i64>,
    /// Users whose password still is a bare MD5 digest: see [`Store::wrap_old_passwords`].
    pub old_passwords: u64,
}

/// The oldest SQLite that is trusted: earlier ones can lose a write-ahead log that is reset
/// while it is written. As SQLite counts: 3.51.3.
const OLDEST_SQLITE: i32 = 3_051_003;

impl Store {
    /// Opens the database in a directory, and makes either if it is missing. A database of an
    /// earlier version is brought up to date.
    pub fn open(opening: &Opening) -> Result<(Store, Opened), OpenError> {
        if rusqlite::version_number() < OLDEST_SQLITE {
            return Err(OpenError::Broken(format!("SQLite {} is too old", rusqlite::version())));
        }
        let path = make(opening.dir)?;
        let explain = |error| explain(&path, error);

        let mut db = connect(&path)?;
        let content = lock_and_look(&db, &path)?;
        // A first version's file may be readable by everyone, and its digests are weak.
        fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(|e| cannot(&path, e))?;
        configure(&db, opening.synchronous).map_err(explain)?;
        if let Content::FirstVersion | Content::Earlier(_) = content {
            keep_a_copy(&db, opening.dir)?;
        }
        let Opening { epoch: new_epoch, mid_key, .. } = *opening;
        match content {
            Content::Nothing => create(&mut db, new_epoch, mid_key).map_err(explain)?,
            Content::FirstVersion => {
                migrate::from_first_version(&mut db, new_epoch, mid_key).map_err(explain)?;
            }
            Content::Earlier(version) => {
                upgrade::from(version, &mut db, mid_key).map_err(explain)?;
            }
            Content::Ours => {}
        }
        check_configured(&db, opening.synchronous).map_err(explain)??;

        let wal_pages = Arc::default();
        count_wal_pages(&mut db, &wal_pages).map_err(explain)?;
        db.wal_checkpoint_v2(None::<&str>, CheckpointMode::TRUNCATE).map_err(explain)?;

        let epoch = epoch(&db).map_err(explain)?;
        let broken = |error: StoreError| OpenError::Broken(error.to_string());
        let db = Db::new(db);
        let (log, people) = (Log::load(&db).map_err(broken)?, People::load(&db).map_err(broken)?);
        let mut store = Store {
            db,
            log,
            people,
            epoch,
            in_request: false,
            commits_without_upkeep: 0,
            wal_pages,
        };
        store.log_mut().load_mid_filters().map_err(broken)?;
        store.load_tail().map_err(broken)?;
        store.forget_empty_memberships().map_err(broken)?;
        let opened = Opened {
            created: matches!(content, Content::Nothing),
            migrated_from: match content {
                Content::FirstVersion => Some(0),
                Content::Earlier(version) => Some(version),
                Content::Nothing | Content::Ours => None,
            },
            old_passwords: store.old_passwords().map_err(broken)?,
        };
        Ok((store, opened))
    }

    /// Reads the log's tail, and seals what is more of it than is kept in memory. Stands between
    /// transactions.
    fn load_tail(&mut self) -> Result<(), StoreError> {
        for slice in self.log.unsealed() {
            self.log_mut().load_slice(slice)?;
            while self.log.must_seal() {
                self.begin()?;
                self.log_mut().seal_oldest()?;
                self.commit(())?;
            }
        }
        Ok(())
    }
}

/// The name of the copy that is kept of an earlier version's database.
pub const COPY_BEFORE_UPGRADE: &str = "p2sp.db.before-upgrade";

/// Copies the database as it is before an upgrade changes it.
fn keep_a_copy(db: &Connection, dir: &Path) -> Result<(), OpenError> {
    let copy = dir.join(COPY_BEFORE_UPGRADE);
    let part = copy.with_added_extension("part");
    // What a failed attempt may have left.
    let _ = fs::remove_file(&part);
    copy_into(db, &part)?;
    fs::rename(&part, &copy).map_err(|error| cannot(&copy, error))?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|error| cannot(dir, error))
}

/// Makes an empty database of this version.
fn create(db: &mut Connection, epoch: &str, mid_key: &MidKey) -> rusqlite::Result<()> {
    let transaction = db.transaction()?;
    create_schema(&transaction, epoch, mid_key)?;
    transaction.commit()
}

fn epoch(db: &Connection) -> rusqlite::Result<String> {
    db.query_row("SELECT value FROM meta WHERE name = 'epoch'", (), |row| row.get(0))
}
