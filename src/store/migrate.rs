//! From the first version of such a server to ours.
//!
//! Such a database has `user_version` 0 and the tables `users`, `user_login_log`, `groups` and
//! `group_users`, with columns of whatever type and some of them missing. All is copied into
//! our tables in one transaction, so that a crash leaves either database and never a mixture.
//! Login keys are dropped, because they stand there in the clear: everyone signs in anew.
//!
//! Passwords stand there as bare MD5 digests. They are wrapped afterwards, in batches, because
//! a hash is slow: [`Store::wrap_old_passwords`] goes on where a crash ended it. From here on
//! a password of 32 characters is exactly such a digest.

use std::collections::HashSet;

use rusqlite::{Connection, Transaction};

use super::shape::{create_schema, has_column};
use super::{Result, Sql, Store, StoreError};
use crate::id::UserId;
use crate::limits::{LOGIN_LOG_ROWS, MIGRATED_PASSWORDS_PER_COMMIT};
use crate::log::MidKey;
use crate::names::{Flaw, Name};
use crate::password::{Cost, wrap_md5};

/// A password that is in no form: nobody can sign in with it.
const NO_PASSWORD: &str = "!";

const OLD_TABLES: [&str; 4] = ["users", "user_login_log", "groups", "group_users"];

impl Store {
    const COUNT_OLD: Sql = "SELECT count(*) FROM users INDEXED BY users_with_old_password
        WHERE length(userpassword) = 32 AND userid > 0";
    /// How many passwords are bare MD5 digests.
    pub(super) fn old_passwords(&self) -> Result<u64> {
        self.db.count(Self::COUNT_OLD, ())
    }

    const NEXT_OLD: Sql =
        "SELECT userid, userpassword FROM users INDEXED BY users_with_old_password
        WHERE length(userpassword) = 32 AND userid > ?1 ORDER BY userid LIMIT ?2";
    /// Wraps every password that is a bare MD5 digest, at `cost` each, and tells `progress` how
    /// many of how many are done. Stands between transactions.
    pub fn wrap_old_passwords(
        &mut self,
        cost: Cost,
        salt: &mut dyn FnMut() -> [u8; 16],
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<()> {
        let total = self.old_passwords()?;
        let (mut done, mut after) = (0, 0);
        loop {
            let batch: Vec<(i64, String)> =
                self.db.rows(Self::NEXT_OLD, (after, MIGRATED_PASSWORDS_PER_COMMIT), |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })?;
            let Some(&(last, _)) = batch.last() else { return Ok(()) };
            self.begin()?;
            for (id, digest) in &batch {
                let wrapped = wrap_md5(digest, salt(), cost);
                if wrapped.is_none() && is_digest(digest) {
                    self.rollback()?;
                    return Err(StoreError::NoMemory);
                }
                let password = wrapped.as_deref().unwrap_or(NO_PASSWORD);
                if let Err(error) = self.people_mut().set_password(UserId(*id), password) {
                    self.rollback()?;
                    return Err(error);
                }
            }
            self.commit(())?;
            after = last;
            done += batch.len() as u64;
            progress(done, total);
        }
    }
}

/// Turns a first version's database into ours, in one transaction.
pub(super) fn from_first_version(
    db: &mut Connection,
    epoch: &str,
    mid_key: &MidKey,
) -> rusqlite::Result<()> {
    // Its references, if it has any, must not follow the tables that are renamed and dropped.
    db.execute_batch("PRAGMA foreign_keys = OFF")?;
    let transaction = db.transaction()?;
    set_aside(&transaction)?;
    create_schema(&transaction, epoch, mid_key)?;
    copy_users(&transaction)?;
    copy_groups(&transaction)?;
    copy_members(&transaction)?;
    copy_sign_ins(&transaction)?;
    for table in OLD_TABLES {
        transaction.execute_batch(&format!("DROP TABLE IF EXISTS old_{table}"))?;
    }
    transaction.commit()?;
    db.execute_batch("PRAGMA foreign_keys = ON")
}

/// Renames the old tables, and drops what is built on them and could be in the way.
fn set_aside(db: &Transaction) -> rusqlite::Result<()> {
    let mut built_on = db.prepare(
        "SELECT type, name FROM sqlite_schema
        WHERE type IN ('index', 'trigger', 'view') AND sql IS NOT NULL",
    )?;
    let built_on: Vec<(String, String)> = built_on
        .query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (kind, name) in built_on {
        let name = name.replace('"', "\"\"");
        db.execute_batch(&format!("DROP {kind} IF EXISTS \"{name}\""))?;
    }
    for table in OLD_TABLES {
        if db.table_exists(None, table)? {
            db.execute_batch(&format!("ALTER TABLE {table} RENAME TO old_{table}"))?;
        }
    }
    Ok(())
}

fn copy_users(db: &Transaction) -> rusqlite::Result<()> {
    let (password, status, admin) = (
        column(db, "old_users", "userpassword", "''")?,
        column(db, "old_users", "userstatus", "1")?,
        column(db, "old_users", "isadmin", "0")?,
    );
    let created = time(&column(db, "old_users", "createtime", "0")?);
    let mut old = db.prepare(&format!(
        "SELECT CAST(o.userid AS INTEGER), CAST(o.username AS TEXT),
            CAST(coalesce({password}, '') AS TEXT),
            CAST(coalesce({status}, 1) AS INTEGER) <> 0, {created},
            CAST(coalesce({admin}, 0) AS INTEGER) <> 0
        FROM old_users o
        WHERE CAST(o.userid AS INTEGER) > 0 AND o.username IS NOT NULL ORDER BY 1"
    ))?;
    let mut add = db.prepare(
        "INSERT OR IGNORE INTO users
            (userid, username, namekey, userpassword, userstatus, createtime, isadmin)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let mut keys = HashSet::new();
    let mut rows = old.query(())?;
    while let Some(row) = rows.next()? {
        let (id, raw, password): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (status, created, admin): (bool, i64, bool) = (row.get(3)?, row.get(4)?, row.get(5)?);
        let name = free_name(Name::user, &raw, '-', |key| !keys.contains(key));
        let password =
            if is_digest(&password) { password.to_ascii_lowercase() } else { NO_PASSWORD.into() };
        add.execute((id, &name.text, &name.key, password, status, created, admin))?;
        keys.insert(name.key);
    }
    db.execute_batch("INSERT INTO cursors (userid, seq) SELECT userid, 0 FROM users")
}

/// Groups of users who do not exist cannot be named, and are not copied.
fn copy_groups(db: &Transaction) -> rusqlite::Result<()> {
    if !db.table_exists(None, "old_groups")? {
        return Ok(());
    }
    let status = column(db, "old_groups", "groupstatus", "1")?;
    let creator = column(db, "old_groups", "createuserid", "0")?;
    let created = time(&column(db, "old_groups", "createtime", "0")?);
    let mut old = db.prepare(&format!(
        "SELECT CAST(o.groupid AS INTEGER), CAST(o.groupname AS TEXT), u.userid, {created},
            CASE CAST(coalesce({status}, 1) AS INTEGER) WHEN 0 THEN 0 WHEN 2 THEN 2 ELSE 1 END
        FROM old_groups o JOIN users u ON u.userid = CAST({creator} AS INTEGER)
        WHERE CAST(o.groupid AS INTEGER) > 0 AND o.groupname IS NOT NULL ORDER BY 1"
    ))?;
    let mut add = db.prepare(
        "INSERT OR IGNORE INTO groups
            (groupid, groupname, namekey, createuserid, createtime, groupstatus)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let mut keys = HashSet::new();
    let mut rows = old.query(())?;
    while let Some(row) = rows.next()? {
        let (id, raw, creator): (i64, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (created, status): (i64, i64) = (row.get(3)?, row.get(4)?);
        let free = |key: &str| !keys.contains(&(creator, key.to_owned()));
        let name = free_name(Name::group, &raw, ' ', free);
        add.execute((id, &name.text, &name.key, creator, created, status))?;
        keys.insert((creator, name.key));
    }
    Ok(())
}

/// The creator first, then the others as they joined. The log is empty: all see all of it.
fn copy_members(db: &Transaction) -> rusqlite::Result<()> {
    db.execute_batch(
        "INSERT INTO group_users (groupid, userid, from_seq)
        SELECT groupid, createuserid, 1 FROM groups WHERE groupstatus <> 2 ORDER BY groupid",
    )?;
    if db.table_exists(None, "old_group_users")? {
        db.execute_batch(
            "INSERT OR IGNORE INTO group_users (groupid, userid, from_seq)
            SELECT g.groupid, u.userid, 1 FROM old_group_users o
            JOIN groups g ON g.groupid = CAST(o.groupid AS INTEGER) AND g.groupstatus <> 2
            JOIN users u ON u.userid = CAST(o.userid AS INTEGER)
            ORDER BY CAST(o.id AS INTEGER)",
        )?;
    }
    db.execute_batch(
        "UPDATE groups SET groupusercount =
            (SELECT count(*) FROM group_users m WHERE m.groupid = groups.groupid)",
    )
}

fn copy_sign_ins(db: &Transaction) -> rusqlite::Result<()> {
    if !has_column(db, "old_user_login_log", "userid")? {
        return Ok(());
    }
    let at = time(&column(db, "old_user_login_log", "lastlogintime", "0")?);
    let ip = column(db, "old_user_login_log", "lastloginip", "''")?;
    db.execute_batch(&format!(
        "INSERT INTO user_login_log (userid, username, lastlogintime, lastloginip)
        SELECT userid, username, at, ip FROM (
            SELECT u.userid, u.username, {at} AS at, CAST(coalesce({ip}, '') AS TEXT) AS ip,
                row_number() OVER (PARTITION BY u.userid ORDER BY {at} DESC) AS age
            FROM old_user_login_log o JOIN users u ON u.userid = CAST(o.userid AS INTEGER))
        WHERE age <= {LOGIN_LOG_ROWS} ORDER BY at"
    ))
}

/// A name by our rules, or as it stands there if it breaks them; with a number after it if an
/// earlier one has its key.
pub(super) fn free_name(
    read: impl Fn(&str) -> std::result::Result<Name, Flaw>,
    raw: &str,
    mark: char,
    free: impl Fn(&str) -> bool,
) -> Name {
    // A line break in a name would start a line wherever the name is shown (P28).
    let raw = raw.replace(char::is_control, &mark.to_string());
    let name = read(&raw).unwrap_or_else(|_| Name { key: raw.to_lowercase(), text: raw });
    if free(&name.key) {
        return name;
    }
    let numbered = |number: u64| {
        let [text, key] = [&name.text, &name.key].map(|part| format!("{part}{mark}{number}"));
        Name { text, key }
    };
    (2..).map(numbered).find(|name| free(&name.key)).unwrap_or_else(|| numbered(0))
}

/// 32 hexadecimal digits.
fn is_digest(password: &str) -> bool {
    password.len() == 32 && password.bytes().all(|b| b.is_ascii_hexdigit())
}

/// The column of the old table, which queries call `o`; `default` if it has no such column.
fn column(db: &Connection, table: &str, name: &str, default: &str) -> rusqlite::Result<String> {
    Ok(if has_column(db, table, name)? { format!("o.{name}") } else { default.into() })
}

/// Unix seconds of a time in any form that SQLite knows: a number or a date.
fn time(expression: &str) -> String {
    format!("coalesce(unixepoch({expression}, 'auto'), 0)")
}
