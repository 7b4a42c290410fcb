//! People: their accounts, friends, groups, cursors and what they have read.
//!
//! ```text
//!   users ── sign in    friends ── write to each other    groups ── memberships
//!   cursors, receipts ── how far the log reached whom     quota ── what they had stored today
//!   addressees ── who is written to     readable ── what a reader may see of the log
//! ```
//!
//! A file keeps one noun's tables; each statement is a constant above the one function that runs
//! it. [`People`] is what is kept in memory; it holds no connection. The store lends it together
//! with the database, as [`PeopleRef`] to read and as [`PeopleMut`] to write: so the compiler sees
//! that nobody writes while somebody reads, and neither needs a lock or a reference of its own.
//!
//! This module knows numbers of the log, but not the log: where a membership begins and ends is
//! handed in by the store. It does not judge either: whether a user *may* do a thing is asked by
//! the handlers before they write.

mod addressees;
mod cursors;
mod friends;
mod groups;
mod memberships;
mod quota;
mod readable;
mod receipts;
mod users;

use crate::db::{Db, Result, Sql, Undoable, Write, unsigned};
use crate::id::GroupId;
use addressees::Addressees;
use quota::Quota;

pub use addressees::Addressee;
pub use cursors::{Reader, Waiting};
pub use groups::{Group, GroupStatus};
pub use memberships::{Ended, Member};
pub use readable::Readable;
pub use receipts::Receipts;
pub use users::{Credentials, KeyOwner, User};

/// What is kept in memory of people.
pub struct People {
    marks: Undoable<Marks>,
    addressees: Addressees,
    quota: Quota,
    /// Deleted groups with memberships that are not ended yet, the first to be ended first.
    dissolving: Vec<GroupId>,
}

/// What is undone with the database.
#[derive(Clone, Copy, Debug, Default)]
struct Marks {
    /// How many users there are.
    users: u64,
    /// Changes of quotas in this transaction.
    quota_changes: usize,
    /// Deleted groups with memberships that are not ended yet.
    dissolving: usize,
    /// Whether the first of them has no membership any more.
    is_dissolved: bool,
}

/// People, lent with the database to be read.
#[derive(Clone, Copy)]
pub struct PeopleRef<'a> {
    db: &'a Db,
    people: &'a People,
}

/// People, lent with the database to be changed.
pub struct PeopleMut<'a> {
    db: &'a mut Db,
    people: &'a mut People,
}

impl People {
    /// Counts the users, and finds the deleted groups that an earlier process was not done with:
    /// only at the start, for it takes as long as there are users.
    ///
    /// # Errors
    /// SQLite failed.
    pub fn load(db: &Db) -> Result<People> {
        let users = db.count("SELECT count(*) FROM users", ())?;
        let dissolving = memberships::dissolving(db)?;
        let marks = Marks { users, dissolving: dissolving.len(), ..Marks::default() };
        let (addressees, quota) = (Addressees::default(), Quota::default());
        Ok(People { marks: Undoable::new(marks), addressees, quota, dissolving })
    }

    /// Lends itself with the database to be read.
    pub fn with<'a>(&'a self, db: &'a Db) -> PeopleRef<'a> {
        PeopleRef { db, people: self }
    }

    /// Lends itself with the database to be changed.
    pub fn with_mut<'a>(&'a mut self, db: &'a mut Db) -> PeopleMut<'a> {
        PeopleMut { db, people: self }
    }

    /// A transaction begins.
    pub fn begin(&mut self) {
        self.quota.begin();
        self.marks.now.quota_changes = 0;
        self.marks.begin();
    }

    /// A request begins within it.
    pub fn savepoint(&mut self) {
        self.marks.savepoint();
    }

    /// The request was undone.
    pub fn undo_savepoint(&mut self) {
        self.marks.undo_savepoint();
        self.forget_undone();
    }

    /// The transaction was undone.
    pub fn rollback(&mut self) {
        self.marks.rollback();
        self.forget_undone();
    }

    fn forget_undone(&mut self) {
        self.quota.undo_to(self.marks.now.quota_changes);
        self.dissolving.truncate(self.marks.now.dissolving);
    }

    /// The transaction is committed: a deleted group that it was done with needs no further one.
    pub fn committed(&mut self) {
        if self.marks.now.is_dissolved {
            self.dissolving.remove(0);
            self.marks.now.dissolving -= 1;
            self.marks.now.is_dissolved = false;
        }
    }
}

impl PeopleRef<'_> {
    /// How many users there are. Kept in memory, so it costs nothing.
    pub fn user_count(&self) -> u64 {
        self.people.marks.now.users
    }
}

impl PeopleMut<'_> {
    /// The same people, to be read as they are now.
    pub fn read(&self) -> PeopleRef<'_> {
        PeopleRef { db: self.db, people: self.people }
    }
}

/// Every statement of this module that writes.
pub const WRITES: &[&[Write]] = &[
    users::WRITES,
    friends::WRITES,
    groups::WRITES,
    memberships::WRITES,
    cursors::WRITES,
    quota::WRITES,
    receipts::WRITES,
];

/// Every statement of this module that reads, by file.
#[cfg(test)]
pub(crate) const SQL: &[(&str, &str, &[Sql])] = &[
    ("addressees", include_str!("addressees.rs"), addressees::SQL),
    ("users", include_str!("users.rs"), users::SQL),
    ("friends", include_str!("friends.rs"), friends::SQL),
    ("groups", include_str!("groups.rs"), groups::SQL),
    ("memberships", include_str!("memberships.rs"), memberships::SQL),
    ("cursors", include_str!("cursors.rs"), cursors::SQL),
    ("quota", include_str!("quota.rs"), quota::SQL),
    ("readable", include_str!("readable.rs"), readable::SQL),
    ("receipts", include_str!("receipts.rs"), receipts::SQL),
];
