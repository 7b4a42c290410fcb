//! What is kept in memory of people, how it is lent with the database, and how it follows the
//! transaction.

use super::addressees::Addressees;
use super::usage::UsageCache;
use crate::db::{Db, Result, Sql, Step, Undoable};
use crate::id::{GroupId, Seq};

/// What is kept in memory of people.
pub struct People {
    pub(super) marks: Undoable<Marks>,
    pub(super) addressees: Addressees,
    pub(super) quota: UsageCache,
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
    /// How many of `People::dissolving` there are: what is undone cuts the list to this length.
    pub(super) dissolving: usize,
    /// Whether the first of them has no membership any more.
    pub(super) first_is_done: bool,
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
    /// The last seq that the log gave: a membership begins and ends at the next one.
    pub(super) head: Seq,
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
        let (addressees, quota) = (Addressees::default(), UsageCache::default());
        Ok(People { marks: Undoable::new(marks), addressees, quota, dissolving })
    }

    /// Lends itself with the database to be read.
    pub fn with<'a>(&'a self, db: &'a Db) -> PeopleRef<'a> {
        PeopleRef { db, people: self }
    }

    /// Lends itself with the database to be changed. `head` is the last seq that the log gave.
    pub fn with_mut<'a>(&'a mut self, db: &'a mut Db, head: Seq) -> PeopleMut<'a> {
        PeopleMut { db, people: self, head }
    }

    /// Follows the transaction.
    pub fn follow(&mut self, step: Step) {
        self.marks.follow(step);
        match step {
            Step::Begin | Step::Savepoint => {}
            Step::UndoSavepoint | Step::Rollback => {
                self.quota.undo_to(self.marks.now.quota_changes);
                self.dissolving.truncate(self.marks.now.dissolving);
            }
            Step::Commit => {
                self.quota.keep_changes();
                self.marks.now.quota_changes = 0;
                if std::mem::take(&mut self.marks.now.first_is_done) {
                    self.dissolving.remove(0);
                    self.marks.now.dissolving -= 1;
                }
            }
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
