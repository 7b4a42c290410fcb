//! From earlier versions of our own schema to this one, each step in one transaction.
//!
//! What is new is taken from `schema.sql`, so a table is written down once. What only follows
//! from other rows is not carried over: the store makes it anew when it opens.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Transaction};

use super::mids::is_greater;

/// From that version.
pub(super) fn from(version: i64, db: &mut Connection) -> rusqlite::Result<()> {
    let transaction = db.transaction()?;
    if version == 1 {
        from_version_1(&transaction)?;
    }
    // Version 2 wrote the log's head with every message, and version 3 relies on the first one: a
    // program that does must not open what this one writes. Version 3 forgot when somebody's key
    // was used once it was gone.
    make_index_anew(&transaction)?;
    create_missing(&transaction)?;
    transaction.execute_batch(
        "UPDATE users SET keyused = (SELECT max(lastlogintime) FROM user_login_log l
            WHERE l.userid = users.userid) WHERE keyused IS NULL;
        PRAGMA user_version = 5;",
    )?;
    transaction.commit()
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

/// Version 4 left it to SQLite what a word is. The words of what was said come by themselves: the
/// index is filled from the log, some texts at a time.
fn make_index_anew(transaction: &Transaction) -> rusqlite::Result<()> {
    transaction
        .execute_batch("DROP TABLE IF EXISTS words; DELETE FROM meta WHERE name = 'indexed';")
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
