//! How many bytes users have stored today, as far as it is kept in memory. See `quota`.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::id::UserId;
use crate::limits::QUOTA_USERS_KEPT;

/// How many bytes a user has stored on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Usage {
    /// The day: unix seconds / 86,400.
    pub day: i64,
    /// Bytes in the row.
    pub reserved: u64,
    /// How many of them are not used yet.
    pub left: u64,
}

/// The users who stored something last, and how to undo what this transaction changed.
#[derive(Default)]
pub(super) struct UsageCache {
    pub users: BTreeMap<UserId, Usage>,
    /// The user whose entry was dropped last: the next to be dropped is the one after them.
    hand: Option<UserId>,
    /// The usage before each change.
    changes: Vec<(UserId, Option<Usage>)>,
}

impl UsageCache {
    /// The transaction is committed.
    pub fn keep_changes(&mut self) {
        self.changes.clear();
    }

    /// Changes in this transaction so far.
    pub fn changes(&self) -> usize {
        self.changes.len()
    }

    /// Undoes all changes but the first `kept`.
    pub fn undo_to(&mut self, kept: usize) {
        while self.changes.len() > kept
            && let Some((user, before)) = self.changes.pop()
        {
            self.put(user, before);
        }
    }

    /// Notes what a user has now.
    pub fn set(&mut self, user: UserId, usage: Option<Usage>) {
        let before = self.put(user, usage);
        self.changes.push((user, before));
    }

    fn put(&mut self, user: UserId, usage: Option<Usage>) -> Option<Usage> {
        match usage {
            Some(usage) => self.users.insert(user, usage),
            None => self.users.remove(&user),
        }
    }

    /// Keeps a usage that also holds if the transaction is undone, while there is room. So a row
    /// whose day is too late counts as tomorrow's once, and not with each request anew.
    pub fn remember(&mut self, user: UserId, usage: Usage) {
        if self.users.contains_key(&user) || self.users.len() < QUOTA_USERS_KEPT {
            self.users.insert(user, usage);
        }
    }

    /// The user whose usage is to be dropped, if the map is full: each in turn.
    pub fn next_to_go(&mut self) -> Option<(UserId, Usage)> {
        if self.users.len() < QUOTA_USERS_KEPT {
            return None;
        }
        let begin = self.hand.map_or(Bound::Unbounded, Bound::Excluded);
        let after = self.users.range((begin, Bound::Unbounded)).next();
        let (user, usage) = after.or_else(|| self.users.iter().next())?;
        self.hand = Some(*user);
        Some((*user, *usage))
    }
}
