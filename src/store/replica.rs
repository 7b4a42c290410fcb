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
mod tests {
    use std::sync::mpsc::channel;

    use super::*;
    use crate::id::{Conversation, UserId};
    use crate::store::tests::Temp;
    use crate::store::{EntryKind, NewEntry};

    const ANN: UserId = UserId(1);
    const BOB: UserId = UserId(2);

    /// What a transaction wrote.
    fn recorded(temp: &mut Temp, work: impl FnOnce(&mut Store)) -> Vec<Change> {
        let (sender, changes) = channel();
        temp.store.record(Box::new(move |changes| sender.send(changes).expect("received")));
        temp.transact(work);
        changes.try_iter().flatten().collect()
    }

    #[test]
    fn p3_what_was_undone_is_not_recorded() {
        let mut temp = Temp::with_users(&["ann", "bob"]);
        let (conversation, kind) = (Conversation::Inbox(BOB), EntryKind::Text);
        let entry =
            NewEntry { conversation, sender: Some(ANN), unix: 1, kind, body: "hi", mid: None };
        let changes = recorded(&mut temp, |store| {
            store.people_mut().set_admin(BOB, true).expect("grant");
            store.savepoint().expect("savepoint");
            store.people_mut().befriend(ANN, BOB).expect("friends");
            store.log_mut().append(&entry).expect("append");
            store.rollback_to_savepoint().expect("undo");
            store.log_mut().append(&entry).expect("append");
        });
        let numbers: Vec<u16> = changes.iter().map(|change| change.number).collect();
        assert_eq!(numbers, [9, 32], "the administrator, and one message");
        assert_eq!(recorded(&mut temp, |_| {}), []);
    }

    #[test]
    fn p6_a_database_that_is_not_the_same_does_not_go_on() {
        let mut temp = Temp::with_users(&["ann", "bob"]);
        let changes = recorded(&mut temp, |store| {
            store.people_mut().set_admin(BOB, true).expect("grant");
            store.people_mut().set_key(ANN, Some(&[1; 32]), 1).expect("key");
            store.people_mut().unfriend(ANN, BOB).expect("no friends");
        });
        let mut other = Temp::with_users(&["ann", "bob"]);
        other.transact(|store| store.people_mut().befriend(ANN, BOB).expect("friends"));
        let mut replica = Replica::new(other.store);
        assert!(matches!(replica.apply(&changes), Err(StoreError::Broken(_))));
        assert_eq!(replica.db.count("SELECT count(*) FROM users WHERE isadmin = 1", ()), Ok(0));
        assert_eq!(replica.apply(&changes[..2]), Ok(()));
        assert_eq!(replica.db.count("SELECT count(*) FROM users WHERE isadmin = 1", ()), Ok(1));
        let unknown = Change { number: 0, values: Vec::new(), rows: 0, id: None };
        assert!(matches!(replica.apply(&[unknown]), Err(StoreError::Broken(_))));
    }
}
