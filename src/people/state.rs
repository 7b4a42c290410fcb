//! What is kept in memory of people, how it is lent with the database, and how it follows the
//! transaction.

use super::addressees::Addressees;
use super::usage::Quota;
use crate::db::{Db, Result, Sql, Undoable};
use crate::id::GroupId;

/// What is kept in memory of people.
pub struct People {
    pub(super) marks: Undoable<Marks>,
    pub(super) addressees: Addressees,
    pub(super) quota: Quota,
    /// Deleted groups with memberships that are not ended yet, the first to be ended first.
    pub(super) dissolving: Vec<GroupId>,
}

/// What is undone with the database.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Marks {
    /// How many users there are.
    pub(super) users: u64,
    /// Changes of quotas in this transaction.
    pub(super) quota_changes: usize,
    /// Deleted groups with memberships that are not ended yet.
    pub(super) dissolving: usize,
    /// Whether the first of them has no membership any more.
    pub(super) is_dissolved: bool,
}

/// People, lent with the database to be read.
#[derive(Clone, Copy)]
pub struct PeopleRef<'a> {
    pub(super) db: &'a Db,
    pub(super) people: &'a People,
}

/// People, lent with the database to be changed.
pub struct PeopleMut<'a> {
    pub(super) db: &'a mut Db,
    pub(super) people: &'a mut People,
}

const USERS: Sql = "SELECT count(*) FROM users";
const DISSOLVING: Sql = "SELECT CAST(value AS INTEGER) FROM meta
    WHERE name > 'dissolving ' AND name < 'dissolving!'";

impl People {
    /// Counts the users, and finds the deleted groups that an earlier process was not done with:
    /// only at the start, for it takes as long as there are users.
    ///
    /// # Errors
    /// SQLite failed.
    pub fn load(db: &Db) -> Result<People> {
        let users = db.count(USERS, ())?;
        let dissolving = db.rows(DISSOLVING, (), |row| row.get(0).map(GroupId))?;
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
