//! What a transaction wrote, as numbered statements with their values.
//!
//! Another database in the same state that runs them in their order is in the same state again.
//! How many rows each changed and which id SQLite gave are kept beside the values: where they
//! differ, the two databases were not the same, and the other one must not go on.

use rusqlite::types::{ToSql, ToSqlOutput, Value};

use super::{Result, Step};

/// What one statement did.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The number of the statement.
    pub number: u16,
    /// What was bound to its parameters, in their order.
    pub values: Vec<Value>,
    /// How many rows it changed.
    pub rows: usize,
    /// The id of the row that it inserted, where that is SQLite's to give.
    pub id: Option<i64>,
}

/// Is given what a transaction wrote, after its COMMIT: in the order of execution, without what
/// was undone. It is not called for a transaction that wrote nothing.
pub type Sink = Box<dyn FnMut(Vec<Change>) + Send>;

/// Notes the changes of a transaction until it ends, if there is a sink for them.
#[derive(Default)]
pub(super) struct Recorder {
    pub sink: Option<Sink>,
    changes: Vec<Change>,
    /// How many there were when the request began.
    at_savepoint: usize,
}

impl Recorder {
    pub fn add(&mut self, number: u16, values: &[&dyn ToSql], rows: usize) -> Result<()> {
        if self.sink.is_some() {
            let values = values.iter().map(|value| owned(value.to_sql()?));
            let values = values.collect::<rusqlite::Result<_>>()?;
            self.changes.push(Change { number, values, rows, id: None });
        }
        Ok(())
    }

    /// The last statement inserted a row, which was given that id.
    pub fn gave(&mut self, id: i64) {
        if let Some(change) = self.changes.last_mut() {
            change.id = Some(id);
        }
    }

    pub fn follow(&mut self, step: Step) {
        match step {
            Step::Begin => {}
            Step::Savepoint => self.at_savepoint = self.changes.len(),
            Step::UndoSavepoint => self.changes.truncate(self.at_savepoint),
            Step::Rollback => self.changes.clear(),
            Step::Commit => {
                let changes = std::mem::take(&mut self.changes);
                if let Some(sink) = self.sink.as_mut().filter(|_| !changes.is_empty()) {
                    sink(changes);
                }
            }
        }
    }
}

fn owned(value: ToSqlOutput) -> rusqlite::Result<Value> {
    match value {
        ToSqlOutput::Owned(value) => Ok(value),
        ToSqlOutput::Borrowed(value) => Ok(value.try_into()?),
        // The other forms belong to features of rusqlite that are switched off.
        _ => Ok(Value::Null),
    }
}
