//! Groups: their names, their owners and their lists. Who is in them is kept by `memberships`.
//!
//! A group is named by its creator and its name. A deleted one keeps its row: the log names it, and
//! readers who are behind still need its name.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{Row, params};

use super::{PeopleMut, PeopleRef, Result, Sql, numbered, unsigned};
use crate::id::{GroupId, UserId};
use crate::names::Name;

/// A group, as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Its name as shown.
    pub name: String,
    /// Who made it, owns it, and names it together with its name.
    pub creator: UserId,
    /// The creator's name as shown.
    pub creator_name: String,
    /// How many members it has now.
    pub members: u64,
    /// Whether it can be sent to.
    pub status: GroupStatus,
}

impl Group {
    /// Its creator's name and its own, by which everyone can name it.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.creator_name, self.name)
    }
}

/// Whether a group can be sent to. The numbers stand in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupStatus {
    /// Yes.
    Normal = 1,
    /// No: an administrator blocked it.
    Blocked = 0,
    /// No: its owner deleted it. Its row stays for readers who are behind.
    Deleted = 2,
}

impl FromSql for GroupStatus {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<GroupStatus> {
        match value.as_i64()? {
            1 => Ok(GroupStatus::Normal),
            0 => Ok(GroupStatus::Blocked),
            2 => Ok(GroupStatus::Deleted),
            other => Err(FromSqlError::OutOfRange(other)),
        }
    }
}

impl PeopleRef<'_> {
    const GROUP: Sql =
        "SELECT g.groupid, groupname, createuserid, username, groupusercount, groupstatus
        FROM groups g JOIN users u ON u.userid = g.createuserid WHERE g.groupid = ?1";
    /// The group of that id, deleted ones included.
    pub fn group(&self, id: GroupId) -> Result<Option<Group>> {
        self.db.row(Self::GROUP, [id.0], group_of)
    }

    const GROUP_BY_NAME: Sql =
        "SELECT g.groupid, groupname, createuserid, username, groupusercount, groupstatus
        FROM groups g JOIN users u ON u.userid = g.createuserid
        WHERE g.createuserid = ?1 AND g.namekey = ?2 AND groupstatus <> 2";
    /// The group of that creator whose name has that key, unless it was deleted.
    pub fn group_by_name(&self, creator: UserId, namekey: &str) -> Result<Option<Group>> {
        self.db.row(Self::GROUP_BY_NAME, (creator.0, namekey), group_of)
    }

    const GROUP_KEY: Sql = "SELECT createuserid, namekey FROM groups WHERE groupid = ?1";
    /// The creator and the name's key of the group of that id, deleted ones included.
    pub fn group_key(&self, id: GroupId) -> Result<Option<(UserId, String)>> {
        self.db.row(Self::GROUP_KEY, [id.0], |row| Ok((UserId(row.get(0)?), row.get(1)?)))
    }

    const GROUPS_OWNED: Sql =
        "SELECT count(*) FROM groups WHERE createuserid = ?1 AND groupstatus <> 2";
    /// How many groups a user owns.
    pub fn groups_owned(&self, id: UserId) -> Result<u64> {
        self.db.count(Self::GROUPS_OWNED, [id.0])
    }

    const GROUPS_OF: Sql =
        "SELECT g.groupid, groupname, createuserid, username, groupusercount, groupstatus
        FROM group_users m
        JOIN groups g ON g.groupid = m.groupid JOIN users u ON u.userid = g.createuserid
        WHERE m.userid = ?1 AND m.groupid > ?2 AND groupstatus <> 2
        ORDER BY m.groupid LIMIT ?3";
    /// At most `rows` groups that a user is in, with an id after `after`, by id.
    pub fn groups_of(&self, user: UserId, after: GroupId, rows: usize) -> Result<Vec<Group>> {
        self.db.rows(Self::GROUPS_OF, (user.0, after.0, rows as i64), group_of)
    }

    const ALL_GROUPS: Sql =
        "SELECT g.groupid, groupname, createuserid, username, groupusercount, groupstatus
        FROM groups g INDEXED BY groups_alive JOIN users u ON u.userid = g.createuserid
        WHERE g.groupid > ?1 AND groupstatus <> 2 ORDER BY g.groupid LIMIT ?2";
    /// At most `rows` groups that are not deleted, with an id after `after`, by id.
    pub fn all_groups(&self, after: GroupId, rows: usize) -> Result<Vec<Group>> {
        self.db.rows(Self::ALL_GROUPS, (after.0, rows as i64), group_of)
    }
}

impl PeopleMut<'_> {
    numbered! { 14 ADD_GROUP = "INSERT INTO groups (groupname, namekey, createuserid, createtime)
    VALUES (?1, ?2, ?3, ?4)" }
    /// Creates a group with its creator as the first member. The creator must have no other group
    /// of that name.
    pub fn add_group(&mut self, creator: UserId, name: &Name, unix: i64) -> Result<GroupId> {
        let values = params![name.text, name.key, creator.0, unix];
        let group = GroupId(self.db.insert(&Self::ADD_GROUP, values)?);
        self.join(group, creator)?;
        Ok(group)
    }

    numbered! { 24 DELETE_GROUP = "UPDATE groups SET groupstatus = 2 WHERE groupid = ?1" }
    /// Deletes a group. Its members see nothing of it that is appended from here on, because the
    /// handlers append nothing to a deleted group. So it makes no difference when the memberships
    /// end.
    pub fn delete_group(&mut self, group: GroupId) -> Result<()> {
        self.db.write(&Self::DELETE_GROUP, params![group.0])?;
        self.dissolve(group)
    }

    numbered! { 25 SET_GROUP_STATUS = "UPDATE groups SET groupstatus = ?2
    WHERE groupid = ?1 AND groupstatus <> 2" }
    /// Blocks or unblocks a group; a deleted one stays deleted.
    pub fn set_group_blocked(&mut self, group: GroupId, blocked: bool) -> Result<()> {
        let status = if blocked { GroupStatus::Blocked } else { GroupStatus::Normal };
        self.db.write(&Self::SET_GROUP_STATUS, params![group.0, status as i64])
    }

    numbered! { 26 ADD_TO_COUNT = "UPDATE groups SET groupusercount = groupusercount + ?2
    WHERE groupid = ?1" }
    /// Adds to how many members a group has.
    pub(super) fn add_to_member_count(&mut self, group: GroupId, more: i64) -> Result<()> {
        self.db.write(&Self::ADD_TO_COUNT, params![group.0, more])
    }
}

fn group_of(row: &Row) -> rusqlite::Result<Group> {
    Ok(Group {
        id: GroupId(row.get(0)?),
        name: row.get(1)?,
        creator: UserId(row.get(2)?),
        creator_name: row.get(3)?,
        members: unsigned(row, 4)?,
        status: row.get(5)?,
    })
}

#[cfg(test)]
mod tests;
