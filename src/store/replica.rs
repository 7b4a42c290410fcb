//! A database that does what another did: it is given the changes of one transaction after
//! another, and has then the same rows in every table.
//!
//! It serves nobody. What a store keeps in memory is made when it is opened as one.

use std::collections::BTreeMap;

use rusqlite::types::ToSql;

use super::{Change, Result, Store, StoreError, copy, memberships};
use crate::db::{Db, Write};
use crate::log;
use crate::people;

/// A database that does what another did.
pub struct Replica {
    db: Db,
    writes: BTreeMap<u16, &'static Write>,
}

impl Replica {
    /// Takes a store that is to follow another one, which has the same rows now.
    pub fn new(store: Store) -> Replica {
        assert!(!store.in_transaction(), "it follows whole transactions");
        Replica { db: store.db, writes: writes().map(|write| (write.number, write)).collect() }
    }

    /// Does what a transaction did, in one transaction.
    ///
    /// # Errors
    /// A statement is not known or changed other rows than it did there: the databases were not
    /// the same, and nothing of the transaction is done.
    pub fn apply(&mut self, changes: &[Change]) -> Result<()> {
        self.db.begin()?;
        let applied = changes.iter().try_for_each(|change| self.apply_one(change));
        match applied.and_then(|()| self.db.commit()) {
            Ok(()) => Ok(()),
            Err(error) => self.db.rollback().and(Err(error)),
        }
    }

    fn apply_one(&mut self, change: &Change) -> Result<()> {
        let Change { number, values, rows, id } = change;
        let differs = || StoreError::Broken(format!("statement {number} did something else here"));
        let write = *self.writes.get(number).ok_or_else(differs)?;
        let values: Vec<&dyn ToSql> = values.iter().map(|value| value as &dyn ToSql).collect();
        let (changed, given) = match id {
            Some(_) => (1, Some(self.db.insert(write, &values)?)),
            None => (self.db.write(write, &values)?, None),
        };
        if (changed, given) == (*rows, *id) { Ok(()) } else { Err(differs()) }
    }
}

/// Every statement that writes.
pub(super) fn writes() -> impl Iterator<Item = &'static Write> {
    let own = [memberships::WRITES, copy::WRITES];
    let all = [log::WRITES, log::DERIVED, people::WRITES];
    all.into_iter().flatten().copied().chain(own).flatten()
}

#[cfg(test)]
mod tests;
