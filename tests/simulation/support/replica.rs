//! A second database that is told what the server's transactions wrote, and does the same.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};

use p2sp::store::{Change, Opening, Store, Synchronous};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::test_server::{EPOCH, temp_dir};

/// What the transactions of a server wrote, in their order.
pub struct Record {
    sender: Sender<Vec<Change>>,
    changes: Receiver<Vec<Change>>,
}

impl Record {
    pub fn new() -> Record {
        let (sender, changes) = channel();
        Record { sender, changes }
    }

    /// From here on this store is recorded.
    pub fn of(&self, store: &mut Store) {
        let sender = self.sender.clone();
        store.record(Box::new(move |changes| sender.send(changes).expect("the record is there")));
    }

    /// Does in a new database what was recorded, and compares every row of every table with the
    /// one that was recorded, which nobody uses.
    pub fn compare(&self, dir: &Path) -> Result<(), String> {
        let other = temp_dir();
        let opening = Opening {
            dir: other.path(),
            epoch: EPOCH,
            mid_key: &[7; 16],
            synchronous: Synchronous::Off,
        };
        let (store, _) = Store::open(&opening).map_err(|error| error.to_string())?;
        store.close().map_err(|error| error.to_string())?;
        let [one, other] = [dir, other.path()].map(|dir| dir.join("p2sp.db"));
        let [one, other] = [one, other].map(|path| Connection::open(path).expect("a database"));
        for transaction in self.changes.try_iter() {
            other.execute_batch("BEGIN").map_err(|error| error.to_string())?;
            transaction.iter().try_for_each(|change| repeat(&other, change))?;
            other.execute_batch("COMMIT").map_err(|error| error.to_string())?;
        }
        let tables = tables(&one);
        assert!(tables.len() > 15, "{tables:?}");
        assert_eq!(tables, self::tables(&other));
        for table in tables {
            let (expected, found) = (rows(&one, &table), rows(&other, &table));
            if expected != found {
                return Err(format!("{table} has other rows:\n{expected:?}\n{found:?}"));
            }
        }
        Ok(())
    }
}

/// Does what was recorded, if that changes as many rows as it did there.
fn repeat(db: &Connection, change: &Change) -> Result<(), String> {
    let Change { number, values, rows, id } = change;
    let prefix = format!("{number} ");
    let mut known = include_str!("../../data/statements.txt").lines();
    let sql = known.find_map(|line| line.strip_prefix(&prefix)).expect("a known number");
    let mut statement = db.prepare_cached(sql).map_err(|error| error.to_string())?;
    let changed = statement.execute(params_from_iter(values)).map_err(|error| error.to_string())?;
    let same = changed == *rows && id.is_none_or(|id| id == db.last_insert_rowid());
    if same { Ok(()) } else { Err(format!("did something else: {sql}")) }
}

/// Every table, SQLite's own and those behind the full-text index among them.
fn tables(db: &Connection) -> Vec<String> {
    let sql = "SELECT name FROM pragma_table_list
        WHERE schema = 'main' AND type <> 'virtual' ORDER BY name";
    let mut all = db.prepare(sql).expect("SQL");
    let rows = all.query_map((), |row| row.get(0)).expect("rows");
    rows.map(|row| row.expect("a name")).collect()
}

/// The rows of a table, in the order of its key.
fn rows(db: &Connection, table: &str) -> Vec<Vec<Value>> {
    let mut all = db.prepare(&format!("SELECT * FROM {table}")).expect("SQL");
    let columns = all.column_count();
    let rows = all.query_map((), |row| (0..columns).map(|column| row.get(column)).collect());
    rows.expect("rows").map(|row| row.expect("a row")).collect()
}
