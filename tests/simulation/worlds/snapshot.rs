//! What stands in the database, read from a copy of its files by plain SQL.
//!
//! The server's own code has no part in it. The files are copied as they are, in the middle of
//! whatever happens: what SQLite recovers from them is what a crash at this moment would leave.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use p2sp_test_vfs as vfs;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Params, Row};

/// A row of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place.
    pub seq: i64,
    /// 0: everyone; even: twice the user whose inbox it is; odd: twice the group, and one.
    pub conversation: i64,
    /// Who said it.
    pub sender: i64,
    /// When, in unix seconds.
    pub at: i64,
    /// 0 a text, 1 an administrator's, 2 the system's, 3 a notice.
    pub kind: i64,
    /// The text, or the notice as JSON.
    pub body: String,
    /// The sender's name for it.
    pub mid: Option<String>,
}

/// A group, alive or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRow {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its creator.
    pub creator: i64,
    /// 1 normal, 0 blocked, 2 deleted.
    pub status: i64,
    /// Members, as counted.
    pub count: i64,
}

/// Everything that promises are made about.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The log, from behind a seq on.
    pub entries: Vec<Entry>,
    /// The last seq given.
    pub head: i64,
    /// How many slices of the log are sealed.
    pub sealed: i64,
    /// Users: name, and whether they are blocked.
    pub users: BTreeMap<i64, (String, bool)>,
    /// Groups, by id.
    pub groups: Vec<GroupRow>,
    /// Who is in which group: (group, user).
    pub members: BTreeSet<(i64, i64)>,
    /// Friendships, both ways.
    pub friends: BTreeSet<(i64, i64)>,
}

/// The files of a database.
const FILES: [&str; 2] = ["p2sp.db", "p2sp.db-wal"];
/// What SQLite knows of a write-ahead log, in front of the index of its pages.
const LOG_INDEX_HEADER_BYTES: usize = 136;

/// Copies a database as it is.
///
/// # Errors
/// A file cannot be read or written.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    for name in FILES {
        match vfs::read(&from.join(name)) {
            Ok(bytes) => vfs::write(&to.join(name), &bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => vfs::remove(&to.join(name))?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl Snapshot {
    /// The last seq that was given.
    pub fn head(&self) -> i64 {
        self.entries.last().map_or(self.head, |entry| entry.seq.max(self.head))
    }

    fn read(db: &Connection, after: i64) -> rusqlite::Result<Snapshot> {
        let entries = rows(
            db,
            "SELECT seq, conversation, sender, at, kind, body, mid FROM log WHERE seq > ?1
             ORDER BY seq",
            [after],
            |row| {
                Ok(Entry {
                    seq: row.get(0)?,
                    conversation: row.get(1)?,
                    sender: row.get::<_, Option<i64>>(2)?.unwrap_or_default(),
                    at: row.get(3)?,
                    kind: row.get(4)?,
                    body: row.get(5)?,
                    mid: row.get(6)?,
                })
            },
        )?;
        let groups = "SELECT groupid, groupname, createuserid, groupstatus, groupusercount
            FROM groups ORDER BY groupid";
        let groups = rows(db, groups, (), |row| {
            Ok(GroupRow {
                id: row.get(0)?,
                name: row.get(1)?,
                creator: row.get(2)?,
                status: row.get(3)?,
                count: row.get(4)?,
            })
        })?;
        let users = "SELECT userid, username, userstatus FROM users";
        let users = rows(db, users, (), |row| {
            Ok((row.get(0)?, (row.get(1)?, row.get::<_, i64>(2)? == 0)))
        })?;
        let pair = |row: &Row| Ok((row.get(0)?, row.get(1)?));
        let members = rows(db, "SELECT groupid, userid FROM group_users", (), pair)?;
        let friends = rows(db, "SELECT userid, friendid FROM friends", (), pair)?;
        let state = rows(db, "SELECT head, sealed FROM log_state", (), pair)?;
        let (head, sealed) = *state.first().ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        Ok(Snapshot {
            entries,
            head,
            sealed,
            users: users.into_iter().collect(),
            groups,
            members: members.into_iter().collect(),
            friends: friends.into_iter().collect(),
        })
    }
}

/// Where copies of a database are looked at, by one connection: to open one costs as much as all
/// that is read over it.
pub struct Scratch {
    db: Option<Connection>,
    dir: PathBuf,
}

impl Scratch {
    /// In that directory, which is empty.
    pub fn new(dir: PathBuf) -> Scratch {
        Scratch { db: None, dir }
    }

    /// Reads the database in `from` as it is; of the log what stands behind `after`.
    ///
    /// # Errors
    /// The files cannot be copied, or SQLite cannot read them.
    pub fn take(&mut self, from: &Path, after: i64) -> Result<Snapshot, String> {
        self.lay_out(from).map_err(|error| error.to_string())?;
        self.read(after).map_err(|error| error.to_string())
    }

    fn lay_out(&self, from: &Path) -> io::Result<()> {
        for name in FILES {
            match vfs::read(&from.join(name)) {
                Ok(bytes) => vfs::write(&self.dir.join(name), &bytes)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    vfs::write(&self.dir.join(name), &[])?;
                }
                Err(error) => return Err(error),
            }
        }
        // Nor is anything known of the write-ahead log: SQLite has to recover what is in it.
        if self.db.is_some() {
            let known = OpenOptions::new().write(true).open(self.dir.join("p2sp.db-shm"))?;
            known.write_all_at(&[0; LOG_INDEX_HEADER_BYTES], 0)?;
        }
        Ok(())
    }

    fn read(&mut self, after: i64) -> rusqlite::Result<Snapshot> {
        let db = match &mut self.db {
            Some(db) => db,
            db => {
                // What the disk does to the server does not happen here.
                let (path, flags) = (self.dir.join("p2sp.db"), OpenFlags::default());
                let new = Connection::open_with_flags_and_vfs(path, flags, vfs::SOUND)?;
                // The copy is thrown away: nothing need be put in order.
                new.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
                db.insert(new)
            }
        };
        Snapshot::read(db, after)
    }
}

fn rows<T>(
    db: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&Row) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    db.prepare_cached(sql)?.query_map(params, read)?.collect()
}
