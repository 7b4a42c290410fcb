//! How many bytes each user had stored on a day, so that no user fills the disk.
//!
//! A user has one row. It is raised by a share of the limit at a time, and that share is used up
//! in memory, so most messages write no row. What is reserved and not used when the process ends
//! counts as used: a restart or a crash costs a user at most that share, and gives nothing back.
//!
//! A day is a day of UTC. The count begins anew only when the wall clock is beyond the day of the
//! row, so a clock that jumps back gives nothing back. A row whose day is later than tomorrow was
//! written while the clock was wrong, and counts as tomorrow's: no user is refused for more than
//! two days.

use rusqlite::params;

use super::usage::Usage;
use super::{PeopleMut, PeopleRef, Result, Sql, numbered, unsigned};
use crate::id::UserId;
use crate::limits::{DAY_SECONDS, QUOTA_SHARES};

impl PeopleMut<'_> {
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
        let mut usage = match self.people.quota.users.get(&user) {
            Some(usage) => *usage,
            None => self.read().stored_usage(user, today)?,
        };
        if usage.day < today {
            usage = Usage { day: today, reserved: 0, left: 0 };
        }
        if usage.day > today + 1 {
            usage.day = today + 1;
            self.people.quota.remember(user, usage);
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
        if !self.people.quota.users.contains_key(&user) {
            self.make_room_for_usage()?;
        }
        self.people.quota.set(user, Some(usage));
        self.people.marks.now.quota_changes = self.people.quota.changes();
        Ok(None)
    }

    numbered! { 30 WRITE_USAGE = "INSERT INTO stored_bytes (userid, day, bytes) VALUES (?1, ?2, ?3)
    ON CONFLICT DO UPDATE SET day = excluded.day, bytes = excluded.bytes" }
    fn write_usage(&mut self, user: UserId, day: i64, reserved: u64) -> Result<()> {
        let reserved = i64::try_from(reserved).unwrap_or(i64::MAX);
        self.db.write(&Self::WRITE_USAGE, params![user.0, day, reserved])
    }

    /// Drops one user's usage from memory, if it is full. What that user did not use is given back.
    fn make_room_for_usage(&mut self) -> Result<()> {
        let Some((user, usage)) = self.people.quota.next_to_go() else { return Ok(()) };
        if usage.left > 0 {
            self.write_usage(user, usage.day, usage.reserved - usage.left)?;
        }
        self.people.quota.set(user, None);
        Ok(())
    }
}

impl PeopleRef<'_> {
    const STORED_USAGE: Sql = "SELECT day, bytes FROM stored_bytes WHERE userid = ?1";
    /// What a user's row says, with nothing left of what it reserved.
    fn stored_usage(&self, user: UserId, today: i64) -> Result<Usage> {
        let usage = self.db.row(Self::STORED_USAGE, [user.0], |row| {
            Ok(Usage { day: row.get(0)?, reserved: unsigned(row, 1)?, left: 0 })
        })?;
        Ok(usage.unwrap_or(Usage { day: today, reserved: 0, left: 0 }))
    }
}

#[cfg(test)]
mod tests;
