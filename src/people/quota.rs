//! How many bytes each user had stored on a day, so that no user fills the disk.
//!
//! A user has one row. It is raised ahead, by a share of the limit at a time, and used up in
//! memory: a message writes no row of its own. What was reserved and not used when the process
//! ends counts as used. So a restart or a crash costs a user at most that share, and gives nothing
//! back.
//!
//! A day is one of UTC. It begins anew only when the wall clock is beyond the day of the row: a
//! clock that jumps back gives nothing back. A row whose day is further ahead than tomorrow was
//! written while the clock was wrong, and counts as tomorrow's: nobody is refused for more than two
//! days.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::{Result, Sql, Store, unsigned};
use crate::id::UserId;
use crate::limits::{QUOTA_SHARES, QUOTA_USERS_KEPT};

/// Seconds of a day of UTC.
const DAY_SECONDS: i64 = 86_400;

/// What a user had stored on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Usage {
    /// Which: unix seconds / 86,400.
    day: i64,
    /// Bytes in the row.
    reserved: u64,
    /// Those of them that are not used yet.
    left: u64,
}

/// The users who had something stored last, and how to undo what this transaction changed.
#[derive(Default)]
pub(super) struct Quota {
    users: BTreeMap<UserId, Usage>,
    /// The last user who made room for another.
    hand: Option<UserId>,
    /// What stood there before each change.
    changes: Vec<(UserId, Option<Usage>)>,
}

impl Quota {
    /// A transaction begins.
    pub fn begin(&mut self) {
        self.changes.clear();
    }

    /// Changes in this transaction so far.
    pub fn changes(&self) -> usize {
        self.changes.len()
    }

    /// Undoes all changes but the first `kept`.
    pub fn undo_to(&mut self, kept: usize) {
        while self.changes.len() > kept {
            let Some((user, before)) = self.changes.pop() else { return };
            match before {
                Some(usage) => self.users.insert(user, usage),
                None => self.users.remove(&user),
            };
        }
    }

    fn set(&mut self, user: UserId, usage: Option<Usage>) {
        let before = match usage {
            Some(usage) => self.users.insert(user, usage),
            None => self.users.remove(&user),
        };
        self.changes.push((user, before));
    }

    /// Keeps what is true whatever becomes of this transaction, while there is room: that a day is
    /// known to be tomorrow at the latest must outlive a refusal, or it would always be tomorrow.
    fn remember(&mut self, user: UserId, usage: Usage) {
        if self.users.contains_key(&user) || self.users.len() < QUOTA_USERS_KEPT {
            self.users.insert(user, usage);
        }
    }

    /// Who makes room for one more, if there is none: each in turn.
    fn next_to_go(&mut self) -> Option<(UserId, Usage)> {
        if self.users.len() < QUOTA_USERS_KEPT {
            return None;
        }
        let begin = self.hand.map_or(Bound::Unbounded, Bound::Excluded);
        let behind = self.users.range((begin, Bound::Unbounded)).next();
        let (user, usage) = behind.or_else(|| self.users.iter().next())?;
        self.hand = Some(*user);
        Some((*user, *usage))
    }
}

impl Store {
    /// Counts `bytes` that a user has stored, as of `unix` seconds, up to `limit` a day. If fewer
    /// are left, nothing is counted, and the seconds until the count begins anew are returned;
    /// what `must` be stored is counted all the same.
    pub fn use_quota(
        &mut self,
        user: UserId,
        bytes: u64,
        limit: u64,
        unix: i64,
        must: bool,
    ) -> Result<Option<u64>> {
        let today = unix.div_euclid(DAY_SECONDS);
        let mut usage = match self.quota.users.get(&user) {
            Some(usage) => *usage,
            None => self.stored_usage(user, today)?,
        };
        if usage.day < today {
            usage = Usage { day: today, reserved: 0, left: 0 };
        }
        if usage.day > today + 1 {
            usage.day = today + 1;
            self.quota.remember(user, usage);
        }
        if bytes > usage.left {
            let missing = bytes - usage.left;
            let room = limit.saturating_sub(usage.reserved);
            if missing > room && !must {
                return Ok(Some(((usage.day + 1) * DAY_SECONDS - unix).unsigned_abs()));
            }
            let more = missing.max(room.min(limit / QUOTA_SHARES));
            usage.reserved = usage.reserved.saturating_add(more);
            usage.left += more;
            self.write_usage(user, usage.day, usage.reserved)?;
        }
        usage.left -= bytes;
        if !self.quota.users.contains_key(&user) {
            self.make_room_for_usage()?;
        }
        self.quota.set(user, Some(usage));
        self.now.quota_changes = self.quota.changes();
        Ok(None)
    }

    const STORED_USAGE: Sql = "SELECT day, bytes FROM stored_bytes WHERE userid = ?1";
    fn stored_usage(&self, user: UserId, today: i64) -> Result<Usage> {
        let usage = self.row(Self::STORED_USAGE, [user.0], |row| {
            Ok(Usage { day: row.get(0)?, reserved: unsigned(row, 1)?, left: 0 })
        })?;
        Ok(usage.unwrap_or(Usage { day: today, reserved: 0, left: 0 }))
    }

    const WRITE_USAGE: Sql = "INSERT INTO stored_bytes (userid, day, bytes) VALUES (?1, ?2, ?3)
        ON CONFLICT DO UPDATE SET day = excluded.day, bytes = excluded.bytes";
    fn write_usage(&mut self, user: UserId, day: i64, reserved: u64) -> Result<()> {
        let reserved = i64::try_from(reserved).unwrap_or(i64::MAX);
        self.write(Self::WRITE_USAGE, (user.0, day, reserved))?;
        Ok(())
    }

    /// Whoever makes room gives back what they did not use.
    fn make_room_for_usage(&mut self) -> Result<()> {
        let Some((user, usage)) = self.quota.next_to_go() else { return Ok(()) };
        if usage.left > 0 {
            self.write_usage(user, usage.day, usage.reserved - usage.left)?;
        }
        self.quota.set(user, None);
        Ok(())
    }
}

#[cfg(test)]
pub(super) const SQL: &[Sql] = &[Store::STORED_USAGE, Store::WRITE_USAGE];

#[cfg(test)]
mod tests {
    use super::super::tests::Temp;
    use super::*;

    const ANN: UserId = UserId(1);
    const BOB: UserId = UserId(2);
    const NOON: i64 = 20_000 * DAY_SECONDS + DAY_SECONDS / 2;
    const HALF_A_DAY: Option<u64> = Some(DAY_SECONDS as u64 / 2);

    fn say(store: &mut Store, user: UserId, bytes: u64, unix: i64) -> Option<u64> {
        store.use_quota(user, bytes, 1_000, unix, false).expect("count")
    }

    #[test]
    fn p20_a_day_has_its_bytes_and_no_more() {
        let mut temp = Temp::with_users(&["ann", "bob"]);
        temp.transact(|store| {
            assert_eq!(say(store, ANN, 600, NOON), None);
            assert_eq!(say(store, ANN, 401, NOON), HALF_A_DAY, "and nothing is counted");
            assert_eq!(say(store, ANN, 400, NOON), None);
            assert_eq!(say(store, ANN, 1, NOON), HALF_A_DAY);
            assert_eq!(say(store, BOB, 1_000, NOON), None, "another's is another's");
            let ends = store.use_quota(ANN, 50, 1_000, NOON, true);
            assert_eq!(ends, Ok(None), "what must be said is counted and goes beyond");
            assert_eq!(say(store, ANN, 1_000, NOON + DAY_SECONDS / 2), None, "the next day");
            assert_eq!(say(store, BOB, 1_001, NOON + DAY_SECONDS), HALF_A_DAY, "at once");
        });
    }

    #[test]
    fn p25_a_restart_gives_nothing_back_and_costs_a_share() {
        let mut temp = Temp::with_users(&["ann"]);
        let (limit, share) = (1 << 20, (1 << 20) / QUOTA_SHARES);
        temp.transact(|store| _ = store.use_quota(ANN, 10, limit, NOON, false).expect("count"));
        let mut temp = temp.reopen();
        temp.transact(|store| {
            let mut say = |bytes| store.use_quota(ANN, bytes, limit, NOON, false).expect("count");
            assert_eq!(say(limit - share + 1), HALF_A_DAY);
            assert_eq!(say(limit - share), None);
        });
    }

    #[test]
    fn p3_what_is_rolled_back_is_not_counted() {
        let mut temp = Temp::with_users(&["ann", "bob"]);
        temp.transact(|store| assert_eq!(say(store, ANN, 100, NOON), None));
        temp.store.begin().expect("begin");
        assert_eq!(say(&mut temp.store, ANN, 300, NOON), None);
        temp.store.savepoint().expect("savepoint");
        assert_eq!(say(&mut temp.store, ANN, 600, NOON), None);
        assert_eq!(say(&mut temp.store, BOB, 600, NOON), None);
        temp.store.rollback_to_savepoint().expect("undo");
        assert_eq!(say(&mut temp.store, ANN, 601, NOON), HALF_A_DAY);
        assert_eq!(say(&mut temp.store, BOB, 1_000, NOON), None);
        temp.store.rollback().expect("roll back");
        temp.transact(|store| {
            assert_eq!(say(store, ANN, 901, NOON), HALF_A_DAY);
            assert_eq!(say(store, ANN, 900, NOON), None);
            assert_eq!(say(store, BOB, 1_000, NOON), None);
        });
    }

    #[test]
    fn a_clock_that_jumps_gives_nothing_back_and_locks_nobody_out() {
        let mut temp = Temp::with_users(&["ann", "bob"]);
        temp.transact(|store| {
            assert_eq!(say(store, ANN, 1_000, NOON), None);
            let day_and_half = Some(3 * DAY_SECONDS as u64 / 2);
            assert_eq!(say(store, ANN, 1, NOON - DAY_SECONDS), day_and_half, "back");
            assert_eq!(say(store, ANN, 1, NOON), HALF_A_DAY, "and forth");
            // A year ahead by mistake: two days of today's clock at most.
            assert_eq!(say(store, BOB, 1_000, NOON + 365 * DAY_SECONDS), None);
            assert_eq!(say(store, BOB, 1, NOON), day_and_half);
            assert_eq!(say(store, BOB, 1, NOON + 3 * DAY_SECONDS / 2), None);
        });
    }

    #[test]
    fn p20_whoever_makes_room_is_counted_as_exactly() {
        let mut temp = Temp::with_users(&["ann"]);
        temp.store.db.pragma_update(None, "foreign_keys", false).expect("only numbers");
        let limit = QUOTA_SHARES * 100;
        let users = QUOTA_USERS_KEPT as i64 + 3;
        temp.transact(|store| {
            for round in 0..2 {
                for user in 1..=users {
                    let counted = store.use_quota(UserId(user), 10, limit, NOON, false);
                    assert_eq!(counted, Ok(None), "{round}");
                }
            }
            assert_eq!(store.quota.users.len(), QUOTA_USERS_KEPT);
            let rest = limit - 20;
            for user in [1, 2, users / 2, users] {
                let user = UserId(user);
                assert_eq!(store.use_quota(user, rest + 1, limit, NOON, false), Ok(HALF_A_DAY));
                assert_eq!(store.use_quota(user, rest, limit, NOON, false), Ok(None));
            }
        });
    }
}
