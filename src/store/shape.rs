//! Whether a database has the tables that its version has: all of them, as they are, and no others.
//!
//! What SQLite keeps of each `CREATE` is compared with what the schema of that version leaves in an
//! empty database, without comments, spaces and quotes. The order of a table's columns does not
//! count: a migration adds them at the end.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension};

use crate::log::MidKey;

/// The version of `schema.sql`.
pub(super) const VERSION: i64 = 6;

/// The schemas of the versions before this one, from 1 on.
const EARLIER: &[&str] = &[
    include_str!("earlier/1.sql"),
    include_str!("earlier/2.sql"),
    include_str!("earlier/3.sql"),
    include_str!("earlier/4.sql"),
    include_str!("earlier/5.sql"),
];

/// The schema of a version, if there was such a version.
pub(super) fn schema_of(version: i64) -> Option<&'static str> {
    if version == VERSION {
        return Some(include_str!("../../schema.sql"));
    }
    let index = usize::try_from(version).ok()?.checked_sub(1)?;
    EARLIER.get(index).copied()
}

/// Makes the tables in the transaction that is open.
pub(super) fn create_schema(
    db: &Connection,
    epoch: &str,
    mid_key: &MidKey,
) -> rusqlite::Result<()> {
    db.execute_batch(include_str!("../../schema.sql"))?;
    db.execute("INSERT INTO meta (name, value) VALUES ('epoch', ?1)", [epoch])?;
    keep_mid_key(db, mid_key)?;
    db.pragma_update(None, "user_version", VERSION)
}

/// Keeps the key by which the database hashes `mid`s.
pub(super) fn keep_mid_key(db: &Connection, key: &MidKey) -> rusqlite::Result<()> {
    db.execute("INSERT INTO meta (name, value) VALUES ('mid_key', hex(?1))", [key])?;
    Ok(())
}

/// Whether the database looks like a first version's.
pub(super) fn is_first_version(db: &Connection) -> rusqlite::Result<bool> {
    Ok(has_column(db, "users", "userid")? && has_column(db, "users", "username")?)
}

pub(super) fn has_column(db: &Connection, table: &str, name: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2 COLLATE NOCASE";
    Ok(db.query_row(sql, (table, name), |_| Ok(())).optional()?.is_some())
}

/// What is not as it is in an empty database of that version.
pub(super) fn differences(db: &Connection, version: i64) -> rusqlite::Result<Vec<String>> {
    let empty = Connection::open_in_memory()?;
    empty.execute_batch(schema_of(version).unwrap_or_default())?;
    let (expected, mut found) = (objects(&empty)?, objects(db)?);
    let mut differences = Vec::new();
    for (name, parts) in expected {
        match found.remove(&name) {
            None => differences.push(format!("{name} (missing)")),
            Some(other) if other != parts => differences.push(format!("{name} (different)")),
            Some(_) => {}
        }
    }
    differences.extend(found.into_keys().map(|name| format!("{name} (unknown)")));
    Ok(differences)
}

/// Every table, index and the like, and what it is made of. What SQLite makes by itself, for
/// `AUTOINCREMENT` and for a virtual table, is not among them.
fn objects(db: &Connection) -> rusqlite::Result<BTreeMap<String, Vec<String>>> {
    let mut all = db.prepare(
        "SELECT type || ' ' || name, type, sql FROM sqlite_schema s
        WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND NOT EXISTS
            (SELECT 1 FROM pragma_table_list t WHERE t.name = s.name AND t.type = 'shadow')",
    )?;
    let rows = all.query_map((), |row| {
        let (kind, sql): (String, String) = (row.get(1)?, row.get(2)?);
        let plain = plain(&sql);
        let parts = if kind == "table" { parts(&plain) } else { vec![plain] };
        Ok((row.get(0)?, parts))
    })?;
    rows.collect()
}

/// A statement without comments, quotes around names, and spaces that mean nothing.
fn plain(sql: &str) -> String {
    let mut plain = String::new();
    let mut chars = sql.chars().peekable();
    let mut in_text = false;
    while let Some(c) = chars.next() {
        match c {
            '\'' => in_text = !in_text,
            _ if in_text => {}
            '-' if chars.peek() == Some(&'-') => {
                chars.by_ref().find(|c| *c == '\n');
                plain.push(' ');
                continue;
            }
            '"' | '`' | '[' | ']' => continue,
            _ => {}
        }
        plain.extend(c.to_lowercase());
    }
    let words: Vec<&str> = plain.split_whitespace().collect();
    let mut plain = words.join(" ");
    for mark in ["(", ")", ",", "=", "<", ">"] {
        for spaced in [format!(" {mark}"), format!("{mark} ")] {
            plain = plain.replace(&spaced, mark);
        }
    }
    plain
}

/// What stands before the columns, each of them and what is asked of the table, and what stands
/// after them; sorted.
fn parts(plain: &str) -> Vec<String> {
    let (Some(begin), Some(end)) = (plain.find('('), plain.rfind(')')) else {
        return vec![plain.to_owned()];
    };
    let mut parts = vec![format!("head {}", &plain[..begin]), format!("tail {}", &plain[end..])];
    let (mut depth, mut part) = (0, String::new());
    for c in plain[begin + 1..end].chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            _ => {}
        }
        part.push(c);
    }
    parts.push(part);
    parts.sort();
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_unknown_or_different_is_named() {
        for (change, named) in [
            ("DROP INDEX groups_alive", "index groups_alive (missing)"),
            ("DROP TABLE friends", "table friends (missing)"),
            ("CREATE TABLE books (title TEXT)", "table books (unknown)"),
            ("CREATE VIEW v AS SELECT 1", "view v (unknown)"),
            ("ALTER TABLE users ADD COLUMN age INTEGER", "table users (different)"),
            ("ALTER TABLE log RENAME COLUMN body TO text", "table log (different)"),
            (
                "DROP TABLE waiting; CREATE TABLE waiting (userid, sender, messages, bytes)",
                "table waiting (different)",
            ),
        ] {
            let db = Connection::open_in_memory().expect("a database");
            db.execute_batch(schema_of(VERSION).expect("a schema")).expect("tables");
            db.execute_batch(change).expect("a change");
            assert_eq!(differences(&db, VERSION), Ok(vec![named.to_owned()]), "{change}");
        }
    }

    #[test]
    fn a_column_that_was_added_later_is_as_good_as_one_that_was_there() {
        let [one, other] = [
            "CREATE TABLE t (a TEXT NOT NULL, -- or not\n b INTEGER CHECK (b IN (0, 1))) STRICT",
            "create table \"t\"(b INTEGER CHECK(b IN(0,1)),a TEXT  NOT NULL)STRICT",
        ]
        .map(|sql| parts(&plain(sql)));
        assert_eq!(one, other);
    }
}
