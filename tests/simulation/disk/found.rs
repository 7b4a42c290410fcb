//! What a database holds, read from its file after whoever had it open has gone.
//!
//! [`dump`] is every row of every table as text: two databases that hold the same have the same
//! dump. [`Found`] is the part of it that people were promised.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rusqlite::{Connection, OpenFlags, Row};

/// A stored account.
pub struct Account {
    pub password: String,
    pub blocked: bool,
    pub key: Option<[u8; 32]>,
}

/// A stored message.
pub struct Stored {
    pub seq: i64,
    /// `bob`, `ann/team`, or `*` for everyone.
    pub to: String,
    pub from: String,
    pub mid: String,
    pub text: String,
}

/// What was promised, as far as it is there.
pub struct Found {
    pub people: BTreeMap<String, Account>,
    /// `ann bob`, the lesser name first.
    pub friends: BTreeSet<String>,
    /// `ann/team false {"ann", "bob"}`: whether it is blocked, and its members.
    pub groups: BTreeSet<String>,
    /// The texts, in the order of the log.
    pub said: Vec<Stored>,
}

/// Opens a database that nobody has open, to read.
fn connect(dir: &Path) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let path = dir.join("p2sp.db");
    // It has no write-ahead log any more, and nobody else writes to it.
    let uri = format!("file:{}?immutable=1", path.display());
    Connection::open_with_flags(uri, flags).expect("the database opens")
}

/// Everything in the database but the index of words, or what is wrong with either. The index
/// trails the log in transactions of its own; it must have all that it says it has.
pub fn dump(dir: &Path) -> Result<String, String> {
    let db = connect(dir);
    look(&db).map_err(|error| error.to_string()).flatten()
}

fn look(db: &Connection) -> rusqlite::Result<Result<String, String>> {
    let verdict: String = db.query_row("PRAGMA integrity_check(1)", (), |row| row.get(0))?;
    if verdict != "ok" {
        return Ok(Err(verdict));
    }
    let torn = "SELECT count(*) FROM log FULL JOIN words_docsize ON id = seq
        WHERE (id IS NOT NULL) <> (ifnull(kind, 0) <> 3 AND seq <= ifnull(
            (SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'indexed'), 0))";
    let torn: i64 = db.query_row(torn, (), |row| row.get(0))?;
    if torn > 0 {
        return Ok(Err(format!("{torn} messages are not in the index as it says")));
    }
    let tables = "SELECT name, (SELECT group_concat('quote(\"' || c.name || '\")', '||'',''||')
            FROM pragma_table_info(s.name) c)
        FROM sqlite_schema s WHERE type = 'table' AND name NOT GLOB 'words*' ORDER BY name";
    let mut tables = db.prepare(tables)?;
    let mut tables = tables.query(())?;
    let mut all = String::new();
    while let Some(table) = tables.next()? {
        let (name, columns): (String, String) = (table.get(0)?, table.get(1)?);
        let mut rows = db.prepare(&format!("SELECT {columns} FROM \"{name}\""))?;
        let mut rows = rows.query(())?;
        while let Some(row) = rows.next()? {
            if row.get_ref(0)?.as_str()?.starts_with("'indexed'") {
                continue;
            }
            all.push_str(&name);
            all.push(' ');
            all.push_str(row.get_ref(0)?.as_str()?);
            all.push('\n');
        }
    }
    Ok(Ok(all))
}

/// The first lines in which two dumps differ.
pub fn difference(expected: &str, found: &str) -> String {
    let (expected_lines, found_lines): (BTreeSet<_>, BTreeSet<_>) =
        (expected.lines().collect(), found.lines().collect());
    let cut = |line: &&str| line.chars().take(160).collect::<String>();
    let missing = expected_lines.difference(&found_lines).take(4).map(cut);
    let more = found_lines.difference(&expected_lines).take(4).map(cut);
    let missing: Vec<String> = missing.map(|line| format!("  - {line}")).collect();
    let more: Vec<String> = more.map(|line| format!("  + {line}")).collect();
    [missing, more].concat().join("\n")
}

impl Found {
    /// Reads a database that nobody has open.
    pub fn read(dir: &Path) -> Found {
        let db = connect(dir);
        Found {
            people: rows(&db, PEOPLE, |row| {
                Ok((
                    row.get(0)?,
                    Account { password: row.get(1)?, blocked: row.get(2)?, key: row.get(3)? },
                ))
            }),
            friends: rows(&db, FRIENDS, |row| row.get(0)),
            groups: rows(&db, GROUPS, |row| {
                let (club, blocked, members): (String, bool, String) =
                    (row.get(0)?, row.get(1)?, row.get(2)?);
                let members: BTreeSet<&str> = members.split(' ').collect();
                Ok(format!("{club} {blocked} {members:?}"))
            }),
            said: rows(&db, SAID, |row| {
                Ok(Stored {
                    seq: row.get(0)?,
                    to: row.get(1)?,
                    from: row.get(2)?,
                    mid: row.get(3)?,
                    text: row.get(4)?,
                })
            }),
        }
    }

    /// Who has an account.
    pub fn names(&self) -> BTreeSet<String> {
        self.people.keys().cloned().collect()
    }
}

const PEOPLE: &str = "SELECT username, userpassword, userstatus = 0, authtoken FROM users";

/// Each friendship once, and once more if one side of it is missing.
const FRIENDS: &str = "SELECT min(a.username, b.username) || ' ' || max(a.username, b.username)
            || CASE WHEN EXISTS (SELECT 1 FROM friends g
                    WHERE g.userid = f.friendid AND g.friendid = f.userid)
                THEN '' ELSE ' on one side' END
        FROM friends f JOIN users a ON a.userid = f.userid JOIN users b ON b.userid = f.friendid";

const GROUPS: &str = "SELECT c.username || '/' || g.groupname || CASE WHEN g.groupusercount =
            (SELECT count(*) FROM group_users m WHERE m.groupid = g.groupid)
            THEN '' ELSE ' miscounted' END,
        g.groupstatus = 0,
        (SELECT group_concat(u.username, ' ') FROM group_users m
            JOIN users u ON u.userid = m.userid WHERE m.groupid = g.groupid)
    FROM groups g JOIN users c ON c.userid = g.createuserid WHERE g.groupstatus <> 2";

const SAID: &str = "SELECT l.seq,
        CASE WHEN l.conversation = 0 THEN '*' WHEN l.conversation % 2 = 0 THEN
            (SELECT username FROM users WHERE userid = l.conversation / 2)
        ELSE (SELECT c.username || '/' || g.groupname FROM groups g
            JOIN users c ON c.userid = g.createuserid WHERE g.groupid = l.conversation / 2) END,
        s.username, coalesce(l.mid, ''), l.body
    FROM log l JOIN users s ON s.userid = l.sender WHERE l.kind <> 3 ORDER BY l.seq";

fn rows<T, All: FromIterator<T>>(
    db: &Connection,
    sql: &str,
    read: impl FnMut(&Row) -> rusqlite::Result<T>,
) -> All {
    let mut statement = db.prepare(sql).expect("a statement");
    let rows = statement.query_map((), read).expect("a query");
    rows.map(|row| row.expect("a row")).collect()
}
