//! Read positions and receipts: how far each user has read, where their client tells, and what that
//! means for a message.

use rusqlite::{Row, params};

use super::{GroupStatus, PeopleMut, PeopleRef, Result, Sql, numbered, unsigned};
use crate::id::{Conversation, GroupId, Seq, UserId};
use crate::limits::{RECEIPT_MEMBERS_MAX, RECEIPTS_COUNTED_MAX};

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipts {
    /// How many have received it; `None` where they are too many to count.
    pub delivered: Option<u64>,
    /// How many have read it.
    pub read: u64,
    /// How many it was for.
    pub total: u64,
}

impl PeopleRef<'_> {
    /// What became of what a user said in a conversation at a seq.
    pub fn receipts(&self, user: UserId, to: Conversation, seq: Seq) -> Result<Receipts> {
        Ok(match to {
            Conversation::Inbox(other) => Receipts {
                delivered: Some(u64::from(self.cursor(other)? >= seq)),
                read: u64::from(self.has_read(Conversation::Inbox(user), other, seq)?),
                total: 1,
            },
            Conversation::Group(group) => self.receipts_in_group(group, user, seq)?,
            Conversation::Everyone => Receipts {
                delivered: None,
                read: self.readers(Conversation::Everyone, user, seq)?,
                total: self.user_count().saturating_sub(1),
            },
        })
    }

    const MEMBERS_WITH: Sql = "SELECT count(*), coalesce(sum(c.seq >= ?2), 0),
            coalesce(sum(coalesce(r.seq, 0) >= ?2), 0)
        FROM group_users m JOIN cursors c ON c.userid = m.userid
        LEFT JOIN reads r ON r.conversation = ?3 AND r.userid = m.userid
        WHERE m.groupid = ?1 AND m.from_seq <= ?2 AND m.userid <> ?4";
    /// Counts the members who were in the group at that seq. In a large group all members of now
    /// are counted, and only those who have read are looked for.
    fn receipts_in_group(&self, group: GroupId, user: UserId, seq: Seq) -> Result<Receipts> {
        let of = Conversation::Group(group);
        let alive = self.group(group)?.filter(|group| group.status != GroupStatus::Deleted);
        let members = alive.map_or(0, |group| group.members);
        if members > RECEIPT_MEMBERS_MAX {
            let read = self.readers(of, user, seq)?;
            return Ok(Receipts { delivered: None, read, total: members - 1 });
        }
        let nobody = Receipts { delivered: Some(0), read: 0, total: 0 };
        if members == 0 {
            return Ok(nobody);
        }
        let counted = |row: &Row| {
            let (total, delivered) = (unsigned(row, 0)?, unsigned(row, 1)?);
            Ok(Receipts { delivered: Some(delivered), read: unsigned(row, 2)?, total })
        };
        let params = (group.0, seq.0, of.to_sql(), user.0);
        Ok(self.db.row(Self::MEMBERS_WITH, params, counted)?.unwrap_or(nobody))
    }

    const READ: Sql = "SELECT seq FROM reads WHERE conversation = ?1 AND userid = ?2";
    /// Whether a user has read up to a seq.
    fn has_read(&self, of: Conversation, user: UserId, seq: Seq) -> Result<bool> {
        let read = self.db.row(Self::READ, (of.to_sql(), user.0), |row| row.get::<_, i64>(0))?;
        Ok(read.is_some_and(|read| read >= seq.0))
    }

    const READERS_OF: Sql = "SELECT count(*) FROM (SELECT 1 FROM reads
        WHERE conversation = ?1 AND seq >= ?2 AND userid <> ?3 LIMIT ?4)";
    /// How many others have read that far, as far as they are counted.
    fn readers(&self, of: Conversation, user: UserId, seq: Seq) -> Result<u64> {
        self.db.count(Self::READERS_OF, (of.to_sql(), seq.0, user.0, RECEIPTS_COUNTED_MAX as i64))
    }
}

impl PeopleMut<'_> {
    numbered! { 31 SET_READ = "INSERT INTO reads (conversation, userid, seq) VALUES (?1, ?2, ?3)
    ON CONFLICT DO UPDATE SET seq = excluded.seq WHERE seq < excluded.seq" }
    /// A user has read up to `seq`: of an inbox, what its owner said to them. False: that was
    /// known.
    pub fn set_read(&mut self, of: Conversation, user: UserId, seq: Seq) -> Result<bool> {
        Ok(self.db.run(&Self::SET_READ, params![of.to_sql(), user.0, seq.0])? > 0)
    }
}
