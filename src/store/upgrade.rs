//! From earlier versions of our own schema to this one, each step in one transaction.
//!
//! What is new is taken from `schema.sql`, so a table is written down once. What only follows
//! from other rows is not carried over: the store makes it anew when it opens.

use std::collections::{BTreeMap, HashMap, HashSet};

use rusqlite::{Connection, OptionalExtension, Transaction};

use super::migrate::free_name;
use super::shape::{VERSION, keep_mid_key};
use crate::id::NO_USER;
use crate::log::{BLOCK_BITS, MidHasher, MidKey, SLICE_BITS, is_greater, parts_of};
use crate::names::Name;

/// Brings a database of an earlier version up to date.
pub(super) fn from(version: i64, db: &mut Connection, mid_key: &MidKey) -> rusqlite::Result<()> {
    let db = db.transaction()?;
    // Before version 6 `mid`s were hashed without a key: see `rehash_mids`.
    db.execute_batch("DROP TABLE IF EXISTS mid_slices")?;
    if version < 5 {
        from_before_5(version, &db)?;
    }
    create_missing(&db)?;
    rehash_mids(&db, mid_key)?;
    // Version 2 wrote the log's head with every message, and version 3 relies on its first one: a
    // program that does must not open what this one writes.
    db.pragma_update(None, "user_version", VERSION)?;
    db.commit()
}

fn from_before_5(version: i64, db: &Transaction) -> rusqlite::Result<()> {
    // Version 4 left it to SQLite what a word is. The index is filled from the log, some texts at
    // a time. The other tables were of another form: they are set aside and copied.
    db.execute_batch(
        "DROP TABLE IF EXISTS words;
        DELETE FROM meta WHERE name = 'indexed';
        ALTER TABLE group_past RENAME TO old_group_past",
    )?;
    if version == 1 {
        from_version_1(db)?;
    }
    create_missing(db)?;
    // The store forgets the memberships that tell nothing when it has opened, because it knows
    // where things were said.
    db.execute_batch(
        "INSERT INTO group_past (userid, groupid, from_seq, to_seq)
            SELECT userid, groupid, from_seq, to_seq FROM old_group_past;
        DROP TABLE old_group_past;
        INSERT INTO meta (name, value) VALUES ('memberships', '1')",
    )?;
    name_groups_anew(db)?;
    // Version 3 forgot when a user was last here once their key was gone.
    db.execute_batch(
        "UPDATE users SET keyused = (SELECT max(lastlogintime) FROM user_login_log l
            WHERE l.userid = users.userid) WHERE keyused IS NULL",
    )
}

/// Groups that came from a first version's database may have names that kept no rule then and do
/// now. Each gets the key by which it is looked for from here on. Where the creator has another
/// group of that key, a number stands after the name.
fn name_groups_anew(db: &Transaction) -> rusqlite::Result<()> {
    let mut all = db
        .prepare("SELECT groupid, createuserid, groupname, namekey, groupstatus = 2 FROM groups")?;
    let groups: Vec<(i64, i64, String, String, bool)> = all
        .query_map((), |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let alive = groups.iter().filter(|(.., deleted)| !deleted);
    let mut taken: HashSet<(i64, String)> =
        alive.map(|(_, creator, _, key, _)| (*creator, key.clone())).collect();
    let mut rename =
        db.prepare("UPDATE groups SET groupname = ?2, namekey = ?3 WHERE groupid = ?1")?;
    for (id, creator, text, key, deleted) in groups {
        if Name::group(&text).is_ok_and(|name| name.key != key) {
            if !deleted {
                taken.remove(&(creator, key));
            }
            let is_free = |key: &str| deleted || !taken.contains(&(creator, key.to_owned()));
            let name = free_name(Name::group, &text, ' ', is_free);
            rename.execute((id, &name.text, &name.key))?;
            if !deleted {
                taken.insert((creator, name.key));
            }
        }
    }
    Ok(())
}

/// Its log had three indexes, which every message paid for.
fn from_version_1(transaction: &Transaction) -> rusqlite::Result<()> {
    transaction.execute_batch(
        "DROP INDEX log_by_conversation; DROP INDEX log_by_mid; DROP INDEX log_by_sender;
        ALTER TABLE log RENAME TO old_log;",
    )?;
    create_missing(transaction)?;
    copy_log(transaction)?;
    transaction.execute_batch(
        "INSERT INTO log_state (id, head, sealed)
            SELECT 1, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'old_log'), 0), 0;
        DROP TABLE old_log;",
    )
}

/// Makes the tables and indexes of `schema.sql` that are not there.
fn create_missing(db: &Transaction) -> rusqlite::Result<()> {
    let new = Connection::open_in_memory()?;
    new.execute_batch(include_str!("../../schema.sql"))?;
    let mut all = new.prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL")?;
    let mut rows = all.query(())?;
    while let Some(row) = rows.next()? {
        let (name, sql): (String, String) = (row.get(0)?, row.get(1)?);
        let known = "SELECT 1 FROM sqlite_schema WHERE name = ?1";
        // SQLite's own table for AUTOINCREMENT makes itself.
        let is_ours = !name.starts_with("sqlite_");
        if is_ours && db.query_row(known, [&name], |_| Ok(())).optional()?.is_none() {
            db.execute_batch(&sql)?;
        }
    }
    Ok(())
}

/// Copies the log, and finds out which `mid`s rose.
fn copy_log(db: &Transaction) -> rusqlite::Result<()> {
    let mut old = db.prepare("SELECT seq, sender, mid FROM old_log ORDER BY seq")?;
    let mut copy = db.prepare(
        "INSERT INTO log (seq, conversation, sender, at, kind, body, mid, rising)
        SELECT seq, conversation, sender, at, kind, body, mid, ?2 FROM old_log WHERE seq = ?1",
    )?;
    let mut greatest: HashMap<i64, String> = HashMap::new();
    let mut rows = old.query(())?;
    while let Some(row) = rows.next()? {
        let (seq, sender): (i64, Option<i64>) = (row.get(0)?, row.get(1)?);
        let mut rising = false;
        if let (Some(sender), Some(mid)) = (sender, row.get::<_, Option<String>>(2)?) {
            let greatest = greatest.entry(sender).or_default();
            rising = is_greater(&mid, greatest);
            if rising {
                *greatest = mid;
            }
        }
        copy.execute((seq, rising))?;
    }
    Ok(())
}

/// Hashes the `mid`s of the sealed slices with the database's key, a slice at a time.
fn rehash_mids(db: &Transaction, key: &MidKey) -> rusqlite::Result<()> {
    keep_mid_key(db, key)?;
    let hasher = MidHasher::new(key);
    let sealed: i64 = db.query_row("SELECT sealed FROM log_state", (), |row| row.get(0))?;
    let mut said = db.prepare(
        "SELECT seq, ifnull(sender, ?3), mid, rising FROM log
        WHERE seq >= ?1 AND seq < ?2 AND mid IS NOT NULL ORDER BY seq",
    )?;
    let mut add = db.prepare(
        "INSERT INTO mid_slices (block, sender, part, slice, rising, mids)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for slice in 0..sealed {
        let first = slice << SLICE_BITS;
        let mut rows = said.query((first, (slice + 1) << SLICE_BITS, NO_USER))?;
        // The words of each sender, and the last seq of a `mid` that rose.
        let mut senders: BTreeMap<i64, (Vec<u64>, Option<i64>)> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let (seq, mid): (i64, String) = (row.get(0)?, row.get(2)?);
            let (words, rising) = senders.entry(row.get(1)?).or_default();
            words.push(hasher.word(&mid, (seq - first) as u16));
            *rising = row.get::<_, bool>(3)?.then_some(seq).or(*rising);
        }
        for (sender, (mut words, rising)) in senders {
            words.sort_unstable();
            for (part, bytes) in parts_of(&words) {
                let rising = rising.filter(|_| part < 0);
                add.execute((slice >> BLOCK_BITS, sender, part, slice, rising, bytes))?;
            }
        }
    }
    Ok(())
}
