//! Memberships: who is in which group, and who was.
//!
//! A membership is an interval `[from_seq, to_seq)` of the log. It begins and ends at the seq that
//! the log gives next: what the transaction appended before it is on one side, what is appended
//! after it on the other, and neither ever changes (P11, P12). Memberships of a deleted group may
//! end some commits later, because nothing more is said in it.
//!
//! ```text
//!   log     …  41   42 │ 43   44   45 │ 46  …
//!                 join ┘   [43, 46)   └ leave
//! ```
//!
//! Open intervals are in `group_users`, ended ones in `group_past`. An interval in which nothing
//! was said is not kept, except one that tells that the user was there. So what it costs to look
//! through them is bounded by what the reader may see.

use rusqlite::{Row, params};

use super::{PeopleMut, PeopleRef, Result, Sql, numbered};
use crate::id::{GroupId, UserId};
use crate::limits::MEMBERSHIPS_ENDED_PER_COMMIT;

/// A member of a group, as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The place in the order of joining; the next page begins after it.
    pub id: i64,
    /// Who it is.
    pub user: UserId,
    /// Their name as shown.
    pub name: String,
}

/// An ended membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Who was a member.
    pub user: UserId,
    /// Of which group.
    pub group: GroupId,
    /// The first seq that they may see.
    pub from: i64,
    /// The first one that they may not.
    pub to: i64,
}

impl PeopleRef<'_> {
    const GROUPS_JOINED: Sql = "SELECT count(*)
        FROM group_users m JOIN groups g ON g.groupid = m.groupid
        WHERE m.userid = ?1 AND groupstatus <> 2";
    /// How many groups a user is in.
    pub fn groups_joined(&self, id: UserId) -> Result<u64> {
        self.db.count(Self::GROUPS_JOINED, [id.0])
    }

    const IS_MEMBER: Sql = "SELECT 1 FROM group_users WHERE userid = ?2 AND groupid = ?1";
    /// Whether a user is in a group now.
    pub fn is_member(&self, group: GroupId, user: UserId) -> Result<bool> {
        // No membership of a deleted group counts, whether or not it is ended yet.
        Ok(!self.people.dissolving.contains(&group)
            && self.db.exists(Self::IS_MEMBER, (group.0, user.0))?)
    }

    const WAS_MEMBER: Sql = "SELECT 1 FROM group_users WHERE userid = ?2 AND groupid = ?1
        UNION ALL SELECT 1 FROM group_past WHERE userid = ?2 AND groupid = ?1 LIMIT 1";
    /// Whether a user is in a group, or was.
    pub fn was_member(&self, group: GroupId, user: UserId) -> Result<bool> {
        self.db.exists(Self::WAS_MEMBER, (group.0, user.0))
    }

    const SHARE_A_GROUP: Sql = "SELECT 1 FROM group_users a
        JOIN group_users b ON b.groupid = a.groupid AND b.userid = ?2 WHERE a.userid = ?1 LIMIT 1";
    /// Whether two users are in one group.
    pub fn share_a_group(&self, a: UserId, b: UserId) -> Result<bool> {
        self.db.exists(Self::SHARE_A_GROUP, (a.0, b.0))
    }

    const STAYS_OUT: Sql = "SELECT 1 FROM group_stay_out WHERE userid = ?2 AND groupid = ?1";
    /// Whether a user said that no member may bring them into a group again.
    pub fn stays_out(&self, group: GroupId, user: UserId) -> Result<bool> {
        self.db.exists(Self::STAYS_OUT, (group.0, user.0))
    }

    const VISIBLE_FROM: Sql = "SELECT from_seq FROM group_users WHERE userid = ?2 AND groupid = ?1";
    /// The first seq that a member of a group may see of it; `None` if they are not in it now.
    pub fn visible_from(&self, group: GroupId, user: UserId) -> Result<Option<i64>> {
        self.db.row(Self::VISIBLE_FROM, (group.0, user.0), |row| row.get(0))
    }

    const OTHER_PAST: Sql = "SELECT 1 FROM group_past
        WHERE userid = ?2 AND groupid = ?1 AND to_seq <> ?3 LIMIT 1";
    /// Whether a user has an ended membership in a group, besides the one that ended at `to`.
    pub fn has_other_past(&self, group: GroupId, user: UserId, to: i64) -> Result<bool> {
        self.db.exists(Self::OTHER_PAST, (group.0, user.0, to))
    }

    const PAST_PAGE: Sql = "SELECT userid, groupid, from_seq, to_seq FROM group_past
        WHERE (userid, groupid, to_seq) > (?1, ?2, ?3)
        ORDER BY userid, groupid, to_seq LIMIT ?4";
    /// At most `rows` ended memberships after that one, by user, group and end.
    pub fn ended_page(&self, after: Option<Ended>, rows: usize) -> Result<Vec<Ended>> {
        let (user, group, to) = after.map_or((0, 0, 0), |at| (at.user.0, at.group.0, at.to));
        self.db.rows(Self::PAST_PAGE, (user, group, to, rows as i64), |row: &Row| {
            let (user, group) = (UserId(row.get(0)?), GroupId(row.get(1)?));
            Ok(Ended { user, group, from: row.get(2)?, to: row.get(3)? })
        })
    }

    const GROUP_IDS_OF: Sql = "SELECT g.groupid
        FROM group_users m JOIN groups g ON g.groupid = m.groupid
        WHERE m.userid = ?1 AND groupstatus <> 2 ORDER BY m.groupid";
    /// The groups that a user is in, by id: as many as a user may join.
    pub fn group_ids_of(&self, user: UserId) -> Result<Vec<GroupId>> {
        self.db.rows(Self::GROUP_IDS_OF, [user.0], |row| row.get(0).map(GroupId))
    }

    const MEMBERS_PAGE: Sql = "SELECT m.id, m.userid, u.username
        FROM group_users m JOIN users u ON u.userid = m.userid
        WHERE m.groupid = ?1 AND m.id > ?2 ORDER BY m.id LIMIT ?3";
    /// At most `rows` members of a group after the place `after_id`, in the order of joining.
    pub fn members_page(&self, group: GroupId, after_id: i64, rows: usize) -> Result<Vec<Member>> {
        self.db.rows(Self::MEMBERS_PAGE, (group.0, after_id, rows as i64), |row| {
            Ok(Member { id: row.get(0)?, user: UserId(row.get(1)?), name: row.get(2)? })
        })
    }
}

impl PeopleMut<'_> {
    numbered! { 17 JOIN = "INSERT INTO group_users (groupid, userid, from_seq)
    VALUES (?1, ?2, ?3)" }
    /// Lets a user into a group, who must not be in it: they see what is appended from here on.
    pub fn join(&mut self, group: GroupId, user: UserId) -> Result<()> {
        let from = self.head.next().0;
        self.db.write(&Self::JOIN, params![group.0, user.0, from])?;
        self.add_to_member_count(group, 1)
    }

    numbered! { 18 KEEP_PAST = "INSERT INTO group_past (userid, groupid, from_seq, to_seq)
    VALUES (?2, ?1, ?3, ?4)" }
    numbered! { 19 LEAVE = "DELETE FROM group_users WHERE userid = ?2 AND groupid = ?1" }
    /// Takes a member out of a group. `past` is the interval of the membership; it is kept if they
    /// may still see something of it.
    pub fn leave(&mut self, group: GroupId, user: UserId, past: Option<(i64, i64)>) -> Result<()> {
        if let Some((from, to)) = past {
            self.db.write(&Self::KEEP_PAST, params![group.0, user.0, from, to])?;
        }
        self.db.write(&Self::LEAVE, params![group.0, user.0])?;
        self.add_to_member_count(group, -1)
    }

    numbered! { 43 MARK_DISSOLVING = "INSERT INTO meta (name, value)
    VALUES ('dissolving ' || ?1, ?1)" }
    /// Ends some memberships of a group that is deleted. The others end with the next commits,
    /// because there can be thousands (P21).
    pub(super) fn dissolve(&mut self, group: GroupId) -> Result<()> {
        if !self.end_memberships(group)? {
            self.db.write(&Self::MARK_DISSOLVING, params![group.0])?;
            self.people.dissolving.push(group);
            self.people.marks.now.dissolving += 1;
        }
        Ok(())
    }

    const FIRST_MEMBERS: Sql = "SELECT id FROM group_users WHERE groupid = ?1 ORDER BY id LIMIT ?2";
    numbered! { 22 KEEP_MANY_PAST = "INSERT INTO group_past (userid, groupid, from_seq, to_seq)
        SELECT userid, groupid, from_seq, ?3 FROM group_users
        WHERE groupid = ?1 AND id <= ?2 AND from_seq < ?3" }
    numbered! { 23 LEAVE_MANY = "DELETE FROM group_users WHERE groupid = ?1 AND id <= ?2" }
    /// Ends some memberships of a group, and tells whether those were all.
    fn end_memberships(&mut self, group: GroupId) -> Result<bool> {
        let most = MEMBERSHIPS_ENDED_PER_COMMIT;
        let params = (group.0, most as i64);
        let ids: Vec<i64> = self.db.rows(Self::FIRST_MEMBERS, params, |row| row.get(0))?;
        let Some(last) = ids.last() else { return Ok(true) };
        self.db.write(&Self::KEEP_MANY_PAST, params![group.0, last, self.head.next().0])?;
        self.db.write(&Self::LEAVE_MANY, params![group.0, last])?;
        self.add_to_member_count(group, -(ids.len() as i64))?;
        Ok(ids.len() < most)
    }

    numbered! { 44 UNMARK_DISSOLVING = "DELETE FROM meta WHERE name = 'dissolving ' || ?1" }
    /// Ends some memberships of the first deleted group that has any. The store calls it at the end
    /// of a transaction; one that deletes a group has ended some already.
    pub fn end_some_memberships(&mut self) -> Result<()> {
        let Some(&group) = self.people.dissolving.first() else { return Ok(()) };
        let marks = &self.people.marks;
        let is_deleting = marks.now.dissolving != marks.at_begin().dissolving;
        if !is_deleting && self.end_memberships(group)? {
            self.db.write(&Self::UNMARK_DISSOLVING, params![group.0])?;
            self.people.marks.now.first_is_done = true;
        }
        Ok(())
    }

    numbered! { 20 FORGET_PAST = "DELETE FROM group_past
    WHERE userid = ?1 AND groupid = ?2 AND to_seq = ?3" }
    /// Forgets an ended membership, in which nothing was said.
    pub fn forget_ended(&mut self, ended: Ended) -> Result<()> {
        self.db.write(&Self::FORGET_PAST, params![ended.user.0, ended.group.0, ended.to])
    }

    numbered! { 15 STAY_OUT = "INSERT INTO group_stay_out (userid, groupid) VALUES (?2, ?1)
    ON CONFLICT DO NOTHING" }
    numbered! { 16 DO_NOT_STAY_OUT = "DELETE FROM group_stay_out
    WHERE userid = ?2 AND groupid = ?1" }
    /// Notes that no member may bring a user into a group again, or takes it back.
    pub fn set_stays_out(&mut self, group: GroupId, user: UserId, stays_out: bool) -> Result<()> {
        match stays_out {
            true => self.db.write(&Self::STAY_OUT, params![group.0, user.0])?,
            false => self.db.write(&Self::DO_NOT_STAY_OUT, params![group.0, user.0])?,
        };
        Ok(())
    }
}
