//! Addressees: all that a message to a user asks about people.
//!
//! Most messages follow another one of the same sender to the same friend, so the last answers are
//! kept. An answer is valid while no row of `users` and `friends` changes and nothing is undone,
//! which the database counts (`Db::people_changes`). Only friends are kept, because most senders
//! write to other users only once.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use super::User;
use crate::id::UserId;
use crate::limits::ADDRESSEES_KEPT;

/// A user to whom another user writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addressee {
    /// The addressee.
    pub user: User,
    /// Whether the addressee is a friend of the sender.
    pub is_friend: bool,
    /// The sender's name as shown.
    pub sender_name: String,
}

/// The last answers, each in the one place that its question has.
#[derive(Default)]
pub(super) struct Addressees {
    /// Empty until the first is kept.
    places: Vec<Option<Kept>>,
    hasher: RandomState,
}

struct Kept {
    /// The changes of people when it was read.
    changes: u64,
    sender: UserId,
    namekey: String,
    addressee: Arc<Addressee>,
}

impl Addressees {
    /// The answer, if it is kept and these were the last changes of people.
    pub fn get(&self, sender: UserId, namekey: &str, changes: u64) -> Option<&Arc<Addressee>> {
        let kept = self.places.get(self.place(sender, namekey))?.as_ref()?;
        let is_same = kept.sender == sender && kept.namekey == namekey;
        (kept.changes == changes && is_same).then_some(&kept.addressee)
    }

    /// Keeps an answer.
    pub fn keep(&mut self, sender: UserId, namekey: &str, addressee: Arc<Addressee>, changes: u64) {
        if self.places.is_empty() {
            self.places.resize_with(ADDRESSEES_KEPT, || None);
        }
        let place = self.place(sender, namekey);
        let namekey = namekey.to_owned();
        self.places[place] = Some(Kept { changes, sender, namekey, addressee });
    }

    fn place(&self, sender: UserId, namekey: &str) -> usize {
        self.hasher.hash_one((sender, namekey)) as usize % ADDRESSEES_KEPT
    }
}

#[cfg(test)]
mod tests {
    use crate::store::Store;
    use crate::store::tests::{ANN, BOB, Temp};

    #[test]
    fn p18_what_is_kept_of_people_is_what_the_database_says() {
        type Change = fn(&mut Store) -> crate::db::Result<()>;
        let changes: &[Change] = &[
            |store| store.people_mut().befriend(ANN, BOB).map(|_| ()),
            |store| store.people_mut().set_blocked(BOB, true).map(|_| ()),
            |store| store.people_mut().set_admin(BOB, true).map(|_| ()),
            |store| store.people_mut().set_admin(BOB, false).map(|_| ()),
            |store| store.people_mut().set_blocked(BOB, false).map(|_| ()),
            |store| store.people_mut().unfriend(ANN, BOB).map(|_| ()),
            |store| store.people_mut().befriend(BOB, ANN).map(|_| ()),
            |store| store.people_mut().unfriend(BOB, ANN).map(|_| ()),
        ];
        let mut temp = Temp::with_users(&["ann", "bob"]);
        let look = |store: &mut Store| {
            let first = store.people_mut().addressee(ANN, "bob").expect("read").expect("bob");
            assert_eq!(store.people_mut().addressee(ANN, "bob"), Ok(Some(first.clone())), "kept");
            assert_eq!(Ok(first.is_friend), store.people().are_friends(ANN, BOB));
            assert_eq!(Ok(Some(first.user.clone())), store.people().user_by_key("bob"));
            assert_eq!((first.sender_name.as_str(), first.user.id), ("ann", BOB));
            first
        };
        for change in changes {
            temp.transact(|store| {
                let before = look(store);
                store.savepoint().expect("savepoint");
                change(store).expect("change");
                assert_ne!(look(store), before);
                store.rollback_to_savepoint().expect("undo");
                assert_eq!(look(store), before, "undone");
                change(store).expect("change");
                look(store);
            });
            look(&mut temp.store);
        }
        assert_eq!(temp.store.people_mut().addressee(ANN, "cem"), Ok(None));
    }
}
