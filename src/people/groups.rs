//! Groups and who is in them.
//!
//! A membership is an interval `[from_seq, to_seq)` of the log. It is opened by [`Store::join`]
//! and ended by [`Store::leave`] or [`Store::delete_group`], always at the seq that the log
//! gives next: what is appended before in the transaction lies on one side of the edge, what
//! is appended after on the other, and neither ever changes sides (P11, P12). Memberships of a
//! deleted group may end some commits later, because nothing more is said in it.
//!
//! ```text
//!   log     …  41   42 │ 43   44   45 │ 46  …
//!                 join ┘   [43, 46)   └ leave
//! ```
//!
//! Open intervals stand in `group_users`, ended ones in `group_past`. An interval in which nothing
//! was said is not kept, but for one that tells that the user was there: so what a reader's past
//! costs is bounded by what they may see of it.

use std::collections::HashMap;

use rusqlite::Row;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};

use super::tail::first_seq;
use super::{Result, Sql, Store, unsigned};
use crate::id::{Conversation, GroupId, UserId};
use crate::limits::MEMBERSHIPS_ENDED_PER_COMMIT;
use crate::names::Name;

/// Memberships that an upgrade looks at in one transaction.
const MEMBERSHIPS_PER_STEP: i64 = 4_096;

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

/// Whether a group can be sent to. The numbers stand in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupStatus {
    /// It can.
    Normal = 1,
    /// An administrator keeps everybody from it.
    Blocked = 0,
    /// Its owner deleted it; its name lives on for readers who are behind.
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

/// A member of a group, as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The place in the order of joining; the page after this one begins behind it.
    pub id: i64,
    /// Who it is.
    pub user: UserId,
    /// Their name as shown.
    pub name: String,
}

impl Store {
    const ADD_GROUP: Sql = "INSERT INTO groups (groupname, namekey, createuserid, createtime)
        VALUES (?1, ?2, ?3, ?4)";
    /// Creates a group with its creator as the first member. The creator must have no other
    /// group of that name.
    pub fn add_group(&mut self, creator: UserId, name: &Name, unix: i64) -> Result<GroupId> {
        self.write(Self::ADD_GROUP, (&name.text, &name.key, creator.0, unix))?;
        let group = GroupId(self.db.last_insert_rowid());
        self.join(group, creator)?;
        Ok(group)
    }

    const GROUP: Sql =
        "SELECT g.groupid, groupname, createuserid, username, groupusercount, groupstatus
        FROM groups g JOIN users u ON u.userid = g.createuserid WHERE g.groupid = ?1";
    /// The group of that id, deleted ones included.
    pub fn group(&self, id: GroupId) -> Result<Option<Group>> {
        self.row(Self::GROUP, [id.0], group_of)
    }

    const GROUP_BY_NAME: Sql =
        "SELECT g.groupid, groupname, createuserid, username, groupusercount, groupstatus
        FROM groups g JOIN users u ON u.userid = g.createuserid
        WHERE g.createuserid = ?1 AND g.namekey = ?2 AND groupstatus <> 2";
    /// The group of that creator whose name has that key, unless it was deleted.
    pub fn group_by_name(&self, creator: UserId, namekey: &str) -> Result<Option<Group>> {
        self.row(Self::GROUP_BY_NAME, (creator.0, namekey), group_of)
    }

    const GROUP_KEY: Sql = "SELECT createuserid, namekey FROM groups WHERE groupid = ?1";
    /// The creator and the name's key of the group of that id, deleted ones included.
    pub fn group_key(&self, id: GroupId) -> Result<Option<(UserId, String)>> {
        self.row(Self::GROUP_KEY, [id.0], |row| Ok((UserId(row.get(0)?), row.get(1)?)))
    }

    const GROUPS_OWNED: Sql =
        "SELECT count(*) FROM groups WHERE createuserid = ?1 AND groupstatus <> 2";
    /// How many groups a user owns.
    pub fn groups_owned(&self, id: UserId) -> Result<u64> {
        self.count(Self::GROUPS_OWNED, [id.0])
    }

    const GROUPS_JOINED: Sql = "SELECT count(*)
        FROM group_users m JOIN groups g ON g.groupid = m.groupid
        WHERE m.userid = ?1 AND groupstatus <> 2";
    /// How many groups a user is in.
    pub fn groups_joined(&self, id: UserId) -> Result<u64> {
        self.count(Self::GROUPS_JOINED, [id.0])
    }

    const IS_MEMBER: Sql = "SELECT 1 FROM group_users WHERE userid = ?2 AND groupid = ?1";
    /// Whether a user is in a group now.
    pub fn is_member(&self, group: GroupId, user: UserId) -> Result<bool> {
        // Of a deleted group no membership counts, whether it is ended yet or not.
        Ok(!self.dissolving.contains(&group)
            && self.row(Self::IS_MEMBER, (group.0, user.0), |_| Ok(()))?.is_some())
    }

    const WAS_MEMBER: Sql = "SELECT 1 FROM group_users WHERE userid = ?2 AND groupid = ?1
        UNION ALL SELECT 1 FROM group_past WHERE userid = ?2 AND groupid = ?1 LIMIT 1";
    /// Whether a user is in a group, or was.
    pub fn was_member(&self, group: GroupId, user: UserId) -> Result<bool> {
        Ok(self.row(Self::WAS_MEMBER, (group.0, user.0), |_| Ok(()))?.is_some())
    }

    const SHARE_A_GROUP: Sql = "SELECT 1 FROM group_users a
        JOIN group_users b ON b.groupid = a.groupid AND b.userid = ?2 WHERE a.userid = ?1 LIMIT 1";
    /// Whether two users are in one group.
    pub fn share_a_group(&self, a: UserId, b: UserId) -> Result<bool> {
        Ok(self.row(Self::SHARE_A_GROUP, (a.0, b.0), |_| Ok(()))?.is_some())
    }

    const STAYS_OUT: Sql = "SELECT 1 FROM group_stay_out WHERE userid = ?2 AND groupid = ?1";
    /// Whether a user said that nobody is to bring them into a group again.
    pub fn stays_out(&self, group: GroupId, user: UserId) -> Result<bool> {
        Ok(self.row(Self::STAYS_OUT, (group.0, user.0), |_| Ok(()))?.is_some())
    }

    const STAY_OUT: Sql = "INSERT INTO group_stay_out (userid, groupid) VALUES (?2, ?1)
        ON CONFLICT DO NOTHING";
    const DO_NOT_STAY_OUT: Sql = "DELETE FROM group_stay_out WHERE userid = ?2 AND groupid = ?1";
    /// A user says that nobody is to bring them into a group again, or takes it back.
    pub fn set_stays_out(&mut self, group: GroupId, user: UserId, stays_out: bool) -> Result<()> {
        match stays_out {
            true => self.write(Self::STAY_OUT, (group.0, user.0))?,
            false => self.write(Self::DO_NOT_STAY_OUT, (group.0, user.0))?,
        };
        Ok(())
    }

    const JOIN: Sql = "INSERT INTO group_users (groupid, userid, from_seq) VALUES (?1, ?2, ?3)";
    /// Lets a user into a group, who must not be in it: they see what is appended from here on.
    pub fn join(&mut self, group: GroupId, user: UserId) -> Result<()> {
        let from = self.head().next().0;
        self.write(Self::JOIN, (group.0, user.0, from))?;
        self.add_to_member_count(group, 1)
    }

    const JOINED_AT: Sql = "SELECT from_seq FROM group_users WHERE userid = ?2 AND groupid = ?1";
    const OTHER_PAST: Sql = "SELECT 1 FROM group_past
        WHERE userid = ?2 AND groupid = ?1 AND to_seq <> ?3 LIMIT 1";
    const KEEP_PAST: Sql = "INSERT INTO group_past (userid, groupid, from_seq, to_seq)
        VALUES (?2, ?1, ?3, ?4)";
    const LEAVE: Sql = "DELETE FROM group_users WHERE userid = ?2 AND groupid = ?1";
    /// Takes a user out of a group: they see nothing that is appended from here on. False if
    /// they were not in it.
    pub fn leave(&mut self, group: GroupId, user: UserId) -> Result<bool> {
        let joined = self.row(Self::JOINED_AT, (group.0, user.0), |row| row.get(0))?;
        let Some(from) = joined else { return Ok(false) };
        let to = self.head().next().0;
        if from < to
            && (self.was_said_in(group, (from, to))? || !self.has_other_past(group, user, to)?)
        {
            self.write(Self::KEEP_PAST, (group.0, user.0, from, to))?;
        }
        self.write(Self::LEAVE, (group.0, user.0))?;
        self.add_to_member_count(group, -1)?;
        Ok(true)
    }

    /// Whether something was said in a group in that interval.
    fn was_said_in(&self, group: GroupId, interval: (i64, i64)) -> Result<bool> {
        let said = self.look_back(Conversation::Group(group), None, &[interval], 1)?;
        Ok(!said.is_empty())
    }

    /// Whether another membership than the one that ended there tells that a user was in a group.
    fn has_other_past(&self, group: GroupId, user: UserId, to: i64) -> Result<bool> {
        Ok(self.row(Self::OTHER_PAST, (group.0, user.0, to), |_| Ok(()))?.is_some())
    }

    const PAST_PAGE: Sql = "SELECT userid, groupid, from_seq, to_seq FROM group_past
        WHERE (userid, groupid, to_seq) > (?1, ?2, ?3)
        ORDER BY userid, groupid, to_seq LIMIT ?4";
    const FORGET_PAST: Sql = "DELETE FROM group_past
        WHERE userid = ?1 AND groupid = ?2 AND to_seq = ?3";
    const MANY_MEMBERSHIPS: Sql = "SELECT count(*) FROM meta WHERE name = 'memberships'";
    const NO_MORE_MEMBERSHIPS: Sql = "DELETE FROM meta WHERE name = 'memberships'";
    /// Earlier versions kept every membership, whatever was said in it. Of a database that an
    /// upgrade has marked, those that tell nothing are forgotten, some with each transaction; what
    /// a crash leaves is done at the next start. Stands between transactions.
    pub(super) fn forget_empty_memberships(&mut self) -> Result<()> {
        if self.count(Self::MANY_MEMBERSHIPS, ())? == 0 {
            return Ok(());
        }
        let mut last = (0_i64, 0_i64, 0_i64);
        // What the tail has of each group: to walk its chain for each membership would take long.
        let mut in_tail: HashMap<i64, Vec<i64>> = HashMap::new();
        let sealed = first_seq(self.now.sealed);
        loop {
            let params = (last.0, last.1, last.2, MEMBERSHIPS_PER_STEP);
            let page: Vec<[i64; 4]> = self.rows(Self::PAST_PAGE, params, |row| {
                Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?])
            })?;
            self.begin()?;
            for &[user, group, from, to] in &page {
                let of_group = || {
                    let conversation = Conversation::Group(GroupId(group)).to_sql();
                    self.tail.of_conversation(conversation, self.now.sealed).map(|(seq, _)| seq)
                };
                let seqs = in_tail.entry(group).or_insert_with(|| of_group().collect());
                let count_from = |seq: i64| seqs.partition_point(|said| *said >= seq);
                let said = count_from(from) > count_from(to)
                    || self.was_said_in(GroupId(group), (from, to.min(sealed)))?;
                if !said && self.has_other_past(GroupId(group), UserId(user), to)? {
                    self.write(Self::FORGET_PAST, (user, group, to))?;
                }
                last = (user, group, to);
            }
            if page.is_empty() {
                self.write(Self::NO_MORE_MEMBERSHIPS, ())?;
            }
            self.commit(())?;
            if page.is_empty() {
                return Ok(());
            }
        }
    }

    const DELETE_GROUP: Sql = "UPDATE groups SET groupstatus = 2 WHERE groupid = ?1";
    const MARK_DISSOLVING: Sql = "INSERT INTO meta (name, value) VALUES ('dissolving ' || ?1, ?1)";
    /// Deletes a group. Its members see nothing of it that is appended from here on, because the
    /// handlers append nothing to a deleted group. So it makes no difference when the memberships
    /// end: some end now, the others with the next commits, for there can be thousands (P21).
    pub fn delete_group(&mut self, group: GroupId) -> Result<()> {
        self.write(Self::DELETE_GROUP, [group.0])?;
        if !self.end_memberships(group)? {
            self.write(Self::MARK_DISSOLVING, [group.0])?;
            self.dissolving.push(group);
            self.now.dissolving += 1;
        }
        Ok(())
    }

    const FIRST_MEMBERS: Sql = "SELECT id FROM group_users WHERE groupid = ?1 ORDER BY id LIMIT ?2";
    const KEEP_MANY_PAST: Sql = "INSERT INTO group_past (userid, groupid, from_seq, to_seq)
        SELECT userid, groupid, from_seq, ?3 FROM group_users
        WHERE groupid = ?1 AND id <= ?2 AND from_seq < ?3";
    const LEAVE_MANY: Sql = "DELETE FROM group_users WHERE groupid = ?1 AND id <= ?2";
    /// Ends some memberships of a group, and tells whether those were all.
    fn end_memberships(&mut self, group: GroupId) -> Result<bool> {
        let most = MEMBERSHIPS_ENDED_PER_COMMIT;
        let ids: Vec<i64> =
            self.rows(Self::FIRST_MEMBERS, (group.0, most as i64), |row| row.get(0))?;
        let Some(last) = ids.last() else { return Ok(true) };
        self.write(Self::KEEP_MANY_PAST, (group.0, last, self.head().next().0))?;
        self.write(Self::LEAVE_MANY, (group.0, last))?;
        self.add_to_member_count(group, -(ids.len() as i64))?;
        Ok(ids.len() < most)
    }

    const UNMARK_DISSOLVING: Sql = "DELETE FROM meta WHERE name = 'dissolving ' || ?1";
    /// Ends some memberships of the deleted group whose turn it is, if there is one. Stands at a
    /// transaction's end; in one that deletes a group some were ended already.
    pub(super) fn end_some_memberships(&mut self) -> Result<()> {
        let Some(&group) = self.dissolving.first() else { return Ok(()) };
        if self.now.dissolving == self.at_begin.dissolving && self.end_memberships(group)? {
            self.write(Self::UNMARK_DISSOLVING, [group.0])?;
            self.now.is_dissolved = true;
        }
        Ok(())
    }

    /// A transaction was committed: a group that it was done with needs no further one.
    pub(super) fn note_dissolved(&mut self) {
        if self.now.is_dissolved {
            self.dissolving.remove(0);
            self.now.dissolving -= 1;
            self.now.is_dissolved = false;
        }
    }

    const DISSOLVING: Sql = "SELECT CAST(value AS INTEGER) FROM meta
        WHERE name > 'dissolving ' AND name < 'dissolving!'";
    /// Finds the deleted groups that an earlier process was not done with.
    pub(super) fn find_dissolving(&mut self) -> Result<()> {
        self.dissolving = self.rows(Self::DISSOLVING, (), |row| row.get(0).map(GroupId))?;
        self.now.dissolving = self.dissolving.len();
        Ok(())
    }

    const SET_GROUP_STATUS: Sql =
        "UPDATE groups SET groupstatus = ?2 WHERE groupid = ?1 AND groupstatus <> 2";
    /// Blocks or unblocks a group; a deleted one stays deleted.
    pub fn set_group_blocked(&mut self, group: GroupId, blocked: bool) -> Result<()> {
        let status = if blocked { GroupStatus::Blocked } else { GroupStatus::Normal };
        self.write(Self::SET_GROUP_STATUS, (group.0, status as i64))?;
        Ok(())
    }

    const GROUP_IDS_OF: Sql = "SELECT g.groupid
        FROM group_users m JOIN groups g ON g.groupid = m.groupid
        WHERE m.userid = ?1 AND groupstatus <> 2 ORDER BY m.groupid";
    /// The groups that a user is in, by id: as many as a user may join.
    pub fn group_ids_of(&self, user: UserId) -> Result<Vec<GroupId>> {
        self.rows(Self::GROUP_IDS_OF, [user.0], |row| row.get(0).map(GroupId))
    }

    const GROUPS_OF: Sql =
        "SELECT g.groupid, groupname, createuserid, username, groupusercount, groupstatus
        FROM group_users m
        JOIN groups g ON g.groupid = m.groupid JOIN users u ON u.userid = g.createuserid
        WHERE m.userid = ?1 AND m.groupid > ?2 AND groupstatus <> 2
        ORDER BY m.groupid LIMIT ?3";
    /// At most `rows` groups that a user is in, with an id after `after`, by id.
    pub fn groups_of(&self, user: UserId, after: GroupId, rows: usize) -> Result<Vec<Group>> {
        self.rows(Self::GROUPS_OF, (user.0, after.0, rows as i64), group_of)
    }

    const ALL_GROUPS: Sql =
        "SELECT g.groupid, groupname, createuserid, username, groupusercount, groupstatus
        FROM groups g INDEXED BY groups_alive JOIN users u ON u.userid = g.createuserid
        WHERE g.groupid > ?1 AND groupstatus <> 2 ORDER BY g.groupid LIMIT ?2";
    /// At most `rows` groups that are not deleted, with an id after `after`, by id.
    pub fn all_groups(&self, after: GroupId, rows: usize) -> Result<Vec<Group>> {
        self.rows(Self::ALL_GROUPS, (after.0, rows as i64), group_of)
    }

    const MEMBERS_PAGE: Sql = "SELECT m.id, m.userid, u.username
        FROM group_users m JOIN users u ON u.userid = m.userid
        WHERE m.groupid = ?1 AND m.id > ?2 ORDER BY m.id LIMIT ?3";
    /// At most `rows` members of a group behind the place `after_id`, in the order of joining.
    pub fn members_page(&self, group: GroupId, after_id: i64, rows: usize) -> Result<Vec<Member>> {
        self.rows(Self::MEMBERS_PAGE, (group.0, after_id, rows as i64), |row| {
            Ok(Member { id: row.get(0)?, user: UserId(row.get(1)?), name: row.get(2)? })
        })
    }

    const ADD_TO_COUNT: Sql =
        "UPDATE groups SET groupusercount = groupusercount + ?2 WHERE groupid = ?1";
    fn add_to_member_count(&mut self, group: GroupId, more: i64) -> Result<()> {
        self.write(Self::ADD_TO_COUNT, (group.0, more))?;
        Ok(())
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
pub(super) const SQL: &[Sql] = &[
    Store::ADD_GROUP,
    Store::GROUP,
    Store::GROUP_BY_NAME,
    Store::GROUP_KEY,
    Store::GROUPS_OWNED,
    Store::GROUPS_JOINED,
    Store::IS_MEMBER,
    Store::WAS_MEMBER,
    Store::SHARE_A_GROUP,
    Store::STAYS_OUT,
    Store::STAY_OUT,
    Store::DO_NOT_STAY_OUT,
    Store::JOIN,
    Store::JOINED_AT,
    Store::OTHER_PAST,
    Store::KEEP_PAST,
    Store::PAST_PAGE,
    Store::FORGET_PAST,
    Store::MANY_MEMBERSHIPS,
    Store::NO_MORE_MEMBERSHIPS,
    Store::LEAVE,
    Store::DELETE_GROUP,
    Store::MARK_DISSOLVING,
    Store::FIRST_MEMBERS,
    Store::KEEP_MANY_PAST,
    Store::LEAVE_MANY,
    Store::UNMARK_DISSOLVING,
    Store::DISSOLVING,
    Store::SET_GROUP_STATUS,
    Store::GROUP_IDS_OF,
    Store::GROUPS_OF,
    Store::ALL_GROUPS,
    Store::MEMBERS_PAGE,
    Store::ADD_TO_COUNT,
];

#[cfg(test)]
mod tests {
    use super::super::tests::Temp;
    use super::super::{EntryKind, NewEntry, StoreError};
    use super::*;
    use crate::id::Seq;

    const ANN: UserId = UserId(1);
    const BOB: UserId = UserId(2);

    fn name(raw: &str) -> Name {
        Name::group(raw).expect("a name")
    }

    fn names(groups: Result<Vec<Group>>) -> Vec<String> {
        groups.expect("page").into_iter().map(|group| group.name).collect()
    }

    fn group(store: &Store, id: GroupId) -> Group {
        store.group(id).expect("read").expect("group")
    }

    #[test]
    fn a_group_is_named_by_its_creator_and_its_name() {
        let mut temp = Temp::with_users(&["Ann", "bob"]);
        temp.transact(|store| {
            let team = store.add_group(ANN, &name("Team 1"), 1).expect("group");
            let other = store.add_group(BOB, &name("team 1"), 1).expect("another's");
            let found = store.group_by_name(ANN, "team 1").expect("read").expect("group");
            let (creator, status) = ("Ann".to_owned(), GroupStatus::Normal);
            assert_eq!((found.id, found.creator_name, found.status), (team, creator, status));
            assert_eq!(store.group_key(other), Ok(Some((BOB, "team 1".into()))));
            let again = store.add_group(ANN, &name("TEAM 1"), 1);
            assert!(matches!(again, Err(StoreError::Broken(_))));

            store.delete_group(team).expect("delete");
            assert_eq!(store.group_by_name(ANN, "team 1"), Ok(None));
            assert_eq!(group(store, team).status, GroupStatus::Deleted, "its name lives on");
            assert_eq!(store.group_key(team), Ok(Some((ANN, "team 1".into()))));
            store.set_group_blocked(team, false).expect("block");
            assert_eq!(group(store, team).status, GroupStatus::Deleted);
            store.add_group(ANN, &name("team 1"), 1).expect("the name is free again");
        });
    }

    #[test]
    fn members_stand_in_the_order_of_joining() {
        let mut temp = Temp::with_users(&["ann", "bob", "cem"]);
        let [bob, ann, cem] = [2, 1, 3].map(UserId);
        temp.transact(|store| {
            let team = store.add_group(bob, &name("team"), 1).expect("group");
            store.join(team, cem).expect("join");
            store.join(team, ann).expect("join");
            let page = store.members_page(team, 0, 2).expect("page");
            let users: Vec<UserId> = page.iter().map(|member| member.user).collect();
            assert_eq!((users, page[1].name.as_str()), (vec![bob, cem], "cem"));
            let rest = store.members_page(team, page[1].id, 2).expect("page");
            assert_eq!(rest.iter().map(|member| member.user).collect::<Vec<_>>(), [ann]);
            assert_eq!(group(store, team).members, 3);
            assert_eq!(store.share_a_group(ann, cem), Ok(true));

            assert_eq!(store.leave(team, cem), Ok(true));
            assert_eq!(store.leave(team, cem), Ok(false));
            assert_eq!((group(store, team).members, store.is_member(team, cem)), (2, Ok(false)));
            assert_eq!(store.is_member(team, ann), Ok(true));
            assert_eq!(store.share_a_group(ann, cem), Ok(false));
            store.delete_group(team).expect("delete");
            assert_eq!((group(store, team).members, store.is_member(team, ann)), (0, Ok(false)));
            assert_eq!(store.members_page(team, 0, 9), Ok(vec![]));
        });
    }

    #[test]
    fn p12_p21_a_deleted_group_is_left_by_a_few_with_each_commit() {
        let names: Vec<String> = (0..10).map(|number| format!("user{number}")).collect();
        let mut temp = Temp::with_users(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let mut team = GroupId(0);
        let say = |store: &mut Store, team| {
            let (conversation, kind) = (Conversation::Group(team), EntryKind::Notice);
            let sender = Some(ANN);
            let entry = NewEntry { conversation, sender, unix: 1, kind, body: "{}", mid: None };
            store.append(&entry).expect("append")
        };
        temp.transact(|store| {
            team = store.add_group(ANN, &name("team"), 1).expect("group");
            (2..=9).for_each(|id| store.join(team, UserId(id)).expect("join"));
        });
        // What is undone ends nothing, and is not gone on with.
        temp.transact(|store| {
            store.savepoint().expect("savepoint");
            store.delete_group(team).expect("delete");
            store.rollback_to_savepoint().expect("undo");
        });
        temp.transact(|_| {});
        assert_eq!((left(&temp.store), group(&temp.store, team).members), (9, 9));
        let mut last = Seq(0);
        temp.transact(|store| {
            last = say(store, team);
            store.delete_group(team).expect("delete");
        });
        let mut before = 9;
        for commit in 0.. {
            let store = &mut temp.store;
            let now = left(store);
            assert!((1..=MEMBERSHIPS_ENDED_PER_COMMIT as i64).contains(&(before - now)));
            assert_eq!((store.check(), now), (Ok(vec![]), group(store, team).members as i64));
            for user in (1..=9).map(UserId) {
                assert_eq!(store.is_member(team, user), Ok(false));
                assert_eq!(store.was_member(team, user), Ok(true));
                assert_eq!(store.groups_joined(user), Ok(0));
                assert_eq!(store.group_ids_of(user), Ok(vec![]));
                assert_eq!(store.groups_of(user, GroupId(0), 9), Ok(vec![]));
                let page = store.page(user, Seq(0), 9).expect("page");
                assert_eq!(page.entries.last().map(|entry| entry.seq), Some(last), "the last");
            }
            if now == 0 {
                break;
            }
            before = now;
            if commit == 1 {
                temp = temp.reopen();
            }
            temp.transact(|store| {
                let conversation = Conversation::Inbox(UserId(10));
                let (sender, kind, body) = (Some(BOB), EntryKind::Text, "hi");
                let entry = NewEntry { conversation, sender, unix: 1, kind, body, mid: None };
                store.append(&entry).expect("append");
            });
        }
        temp.transact(|_| {});
        let marks = "SELECT count(*) FROM meta WHERE name LIKE 'dissolving%'";
        let marks = temp.store.db.query_row(marks, (), |row| row.get(0));
        assert_eq!((marks, temp.store.dissolving.len()), (Ok(0_i64), 0));
    }

    /// Members of all groups.
    fn left(store: &Store) -> i64 {
        let count = "SELECT count(*) FROM group_users";
        store.db.query_row(count, (), |row| row.get(0)).expect("count")
    }

    #[test]
    fn lists_are_pages_by_id() {
        let mut temp = Temp::with_users(&["ann", "bob"]);
        temp.transact(|store| {
            let [a, b, c] =
                ["a", "b", "c"].map(|raw| store.add_group(ANN, &name(raw), 1).expect("group"));
            store.join(c, BOB).expect("join");
            store.join(a, BOB).expect("join");
            assert_eq!((store.groups_owned(ANN), store.groups_owned(BOB)), (Ok(3), Ok(0)));
            assert_eq!((store.groups_joined(ANN), store.groups_joined(BOB)), (Ok(3), Ok(2)));
            assert_eq!(store.group_ids_of(BOB), Ok(vec![a, c]));
            assert_eq!(names(store.groups_of(BOB, GroupId(0), 1)), ["a"]);
            assert_eq!(names(store.groups_of(BOB, a, 9)), ["c"]);
            store.delete_group(b).expect("delete");
            store.set_group_blocked(c, true).expect("block");
            assert_eq!(names(store.all_groups(GroupId(0), 9)), ["a", "c"]);
            assert_eq!(names(store.all_groups(a, 9)), ["c"]);
            assert_eq!((store.groups_owned(ANN), store.groups_joined(ANN)), (Ok(2), Ok(2)));
            assert_eq!(group(store, c).status, GroupStatus::Blocked);
        });
    }

    #[test]
    fn an_interval_without_a_seq_is_not_kept() {
        let mut temp = Temp::with_users(&["ann", "bob"]);
        temp.transact(|store| {
            let team = store.add_group(ANN, &name("team"), 1).expect("group");
            for _ in 0..3 {
                store.join(team, BOB).expect("join");
                store.leave(team, BOB).expect("leave");
            }
            store.delete_group(team).expect("delete");
        });
        let kept = temp.store.db.query_row("SELECT count(*) FROM group_past", (), |row| row.get(0));
        assert_eq!(kept, Ok(0_i64));
    }
}
