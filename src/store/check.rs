//! Whether a database is whole: SQLite's own check, and what must be true of our rows.
//!
//! Each rule is a query for what breaks it. They read everything there is, so they are for a
//! server that is stopped and for copies, never for the loop.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::file::{Content, DATABASE, connect, content_of, explain, lock_and_look};
use super::shape::{VERSION, differences};
use super::{OpenError, Result, Sql, Store};
use crate::db::unsigned;
use crate::log::SLICE_BITS;

/// What does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule's name, one of [`RULES`], or `integrity`, `schema` or `references`.
    pub rule: &'static str,
    /// How often it is broken.
    pub count: u64,
    /// The id of one row that breaks it; for `integrity` what SQLite says, for `schema` the table.
    pub example: String,
}

macro_rules! rules {
    ($($name:ident = $sql:literal)*) => { &[$((stringify!($name), $sql)),*] };
}

/// What must be true, and a query for the ids that break it.
pub const RULES: &[(&str, Sql)] = rules! {
    member_counts = "SELECT groupid AS id FROM groups g WHERE groupusercount <>
            (SELECT count(*) FROM group_users m WHERE m.groupid = g.groupid)"
    owners = "SELECT groupid AS id FROM groups g WHERE groupstatus <> 2 AND NOT EXISTS
            (SELECT 1 FROM group_users m
             WHERE m.groupid = g.groupid AND m.userid = g.createuserid)"
    memberships = "WITH next(seq) AS (SELECT seq + 1 FROM head)
        SELECT userid AS id FROM group_users, next WHERE from_seq NOT BETWEEN 1 AND next.seq
        UNION ALL SELECT userid FROM group_past, next WHERE from_seq < 1 OR to_seq > next.seq
        UNION ALL SELECT userid FROM group_past p JOIN group_users m USING (userid, groupid)
            WHERE m.from_seq < p.to_seq
        UNION ALL SELECT userid FROM group_past p JOIN group_past q USING (userid, groupid)
            WHERE p.to_seq < q.to_seq AND q.from_seq < p.to_seq"
    cursors = "SELECT userid AS id FROM users LEFT JOIN cursors USING (userid)
        WHERE seq IS NULL OR seq NOT BETWEEN 0 AND (SELECT seq FROM head)"
    waiting = "SELECT userid AS id FROM waiting w WHERE w.sender = 0 AND (messages, bytes) <>
            (SELECT coalesce(sum(messages), 0), coalesce(sum(bytes), 0) FROM waiting s
             WHERE s.userid = w.userid AND s.sender <> 0)
        UNION ALL SELECT userid FROM waiting s WHERE sender <> 0 AND NOT EXISTS
            (SELECT 1 FROM waiting w WHERE w.userid = s.userid AND w.sender = 0)"
    waiting_behind = "SELECT userid AS id FROM waiting JOIN cursors USING (userid)
        WHERE seq >= (SELECT seq FROM head)"
    friends = "SELECT userid AS id FROM friends f WHERE NOT EXISTS
            (SELECT 1 FROM friends b WHERE b.userid = f.friendid AND b.friendid = f.userid)"
    log_head = "SELECT seq AS id FROM log WHERE seq < 1
        UNION ALL SELECT sealed FROM log_state, slices WHERE (sealed << bits) > head + 1"
    log_names = "SELECT seq AS id FROM log WHERE
            sender NOT IN (SELECT userid FROM users)
            OR (conversation > 0 AND conversation % 2 = 0
                AND conversation / 2 NOT IN (SELECT userid FROM users))
            OR (conversation % 2 = 1 AND conversation / 2 NOT IN (SELECT groupid FROM groups))"
    log_slices = "WITH said(slice, entries) AS
                (SELECT seq >> bits, count(*) FROM log, slices GROUP BY 1),
            found(slice, entries) AS (SELECT slice, sum(length(offsets)) / 2 FROM log_slices
                WHERE sender = 0 GROUP BY 1)
        SELECT slice AS id FROM said FULL JOIN found USING (slice)
        WHERE slice < (SELECT sealed FROM log_state) AND max(slice << (SELECT bits FROM slices), 1)
            >= (SELECT min(seq) FROM log) AND said.entries IS NOT found.entries"
    words = "WITH indexed(seq) AS (SELECT ifnull(
            (SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'indexed'), 0))
        SELECT seq AS id FROM log WHERE kind <> 3 AND seq <= (SELECT seq FROM indexed)
            AND seq > 0 AND seq NOT IN (SELECT id FROM words_docsize)
        UNION ALL SELECT id FROM words_docsize WHERE id > (SELECT seq FROM indexed)
            OR id NOT IN (SELECT seq FROM log WHERE kind <> 3)"
    names = "SELECT userid AS id FROM users
            WHERE userid < 1 OR trim(username) = '' OR trim(namekey) = ''
        UNION ALL SELECT groupid FROM groups
            WHERE groupid < 1 OR trim(groupname) = '' OR trim(namekey) = ''"
    reads = "SELECT userid AS id FROM reads WHERE conversation < 0
            OR seq NOT BETWEEN 0 AND (SELECT seq FROM head)
            OR userid NOT IN (SELECT userid FROM users)"
    values = "SELECT seq AS id FROM log WHERE conversation < 0 OR at < 0
        UNION ALL SELECT userid FROM waiting WHERE messages < 0 OR bytes < 0"
    keys = "SELECT userid AS id FROM users WHERE authtoken IS NOT NULL AND keycreated IS NULL"
    epoch = "SELECT 1 AS id WHERE NOT EXISTS (SELECT 1 FROM meta WHERE name = 'epoch'
            AND length(value) = 16 AND value NOT GLOB '*[^0-9a-f]*')"
    mid_key = "SELECT 1 AS id WHERE NOT EXISTS (SELECT 1 FROM meta WHERE name = 'mid_key'
            AND length(value) = 32 AND value NOT GLOB '*[^0-9A-F]*')"
};

/// What the rules know besides the tables: the last seq given, and the bits of a seq in its slice.
const HEAD: &str = "head(seq) AS
        (SELECT max(head, ifnull((SELECT max(seq) FROM log), 0)) FROM log_state),
    slices(bits) AS (SELECT ?1)";

impl Store {
    /// Everything that does not hold in this database.
    pub fn check(&self) -> Result<Vec<Violation>> {
        Ok(check(self.db.sqlite())?)
    }
}

/// Everything that does not hold in a copy of a database that nobody uses; of an earlier version
/// whether it is undamaged and has that version's tables. The file and the files next to it are
/// not changed.
///
/// # Errors
/// It is empty, or not a database of p2sp that this program knows.
pub fn check_copy(path: &Path) -> std::result::Result<Vec<Violation>, OpenError> {
    let explain = |error| explain(path, error);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(uri(path), flags).map_err(explain)?;
    match content_of(&db, path)? {
        // A backup is never one: an upgrade comes before it.
        Content::FirstVersion => Err(OpenError::NotADatabase),
        content => check_content(&db, content).map_err(explain)?,
    }
}

/// Everything that does not hold in the database of a directory; of an earlier version whether it
/// is undamaged and has that version's tables. It is not changed.
///
/// # Errors
/// It is empty, cannot be opened, or somebody uses it.
pub fn check_in_place(dir: &Path) -> std::result::Result<Vec<Violation>, OpenError> {
    let path = dir.join(DATABASE);
    let db = connect(&path)?;
    let content = lock_and_look(&db, &path)?;
    check_content(&db, content).map_err(|error| explain(&path, error))?
}

/// Whether the database of a directory, if there is one, can be opened. Nothing is changed where it
/// cannot.
///
/// # Errors
/// It is not ours or of a newer version, or somebody uses it.
pub fn look_in_place(dir: &Path) -> std::result::Result<(), OpenError> {
    let path = dir.join(DATABASE);
    if !path.exists() {
        return Ok(());
    }
    lock_and_look(&connect(&path)?, &path).map(drop)
}

/// As SQLite wants it for a file that does not change: nothing is locked or made next to it.
fn uri(path: &Path) -> String {
    let path = path.to_string_lossy();
    let escaped: String = path
        .chars()
        .map(|c| if matches!(c, '%' | '?' | '#') { format!("%{:02x}", c as u32) } else { c.into() })
        .collect();
    format!("file:{escaped}?immutable=1")
}

fn check_content(
    db: &Connection,
    content: Content,
) -> rusqlite::Result<std::result::Result<Vec<Violation>, OpenError>> {
    match content {
        Content::Nothing => Ok(Err(OpenError::Empty)),
        Content::FirstVersion => Ok(Ok(Vec::new())),
        Content::Earlier(version) => check_shape(db, version).map(Ok),
        Content::Ours => check(db).map(Ok),
    }
}

/// What does not hold whatever the version is.
fn check_shape(db: &Connection, version: i64) -> rusqlite::Result<Vec<Violation>> {
    let one = |rule, count: u64, example| vec![Violation { rule, count, example }];
    let mut integrity = db.prepare("PRAGMA integrity_check(1)")?;
    let said: String = integrity.query_row((), |row| row.get(0))?;
    if said != "ok" {
        return Ok(one("integrity", 1, said.replace('\n', " ")));
    }
    let differences = differences(db, version)?;
    if let Some(first) = differences.first() {
        return Ok(one("schema", differences.len() as u64, first.clone()));
    }
    let mut references =
        db.prepare("SELECT count(*), min(\"table\") FROM pragma_foreign_key_check")?;
    let (count, table): (u64, Option<String>) =
        references.query_row((), |row| Ok((unsigned(row, 0)?, row.get(1)?)))?;
    Ok(table.map(|table| one("references", count, table)).unwrap_or_default())
}

fn check(db: &Connection) -> rusqlite::Result<Vec<Violation>> {
    let mut found = check_shape(db, VERSION)?;
    // The rows of a damaged file, or of other tables, mean nothing.
    if found.iter().any(|violation| violation.rule != "references") {
        return Ok(found);
    }
    for (rule, sql) in RULES {
        let mut broken =
            db.prepare(&format!("WITH {HEAD} SELECT count(*), min(id) FROM ({sql})"))?;
        let (count, id): (u64, Option<i64>) =
            broken.query_row([SLICE_BITS], |row| Ok((unsigned(row, 0)?, row.get(1)?)))?;
        found.extend(id.map(|id| Violation { rule, count, example: id.to_string() }));
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
