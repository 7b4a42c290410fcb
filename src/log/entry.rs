//! What the log's entries are, and how they are read: with the names that a push needs, so that one
//! statement tells all of it.

use std::fmt;

use rusqlite::Row;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};

use super::{LogRef, Result, Sql};
use crate::id::{Conversation, Seq, UserId};

/// What a log entry is. The numbers stand in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A person's text.
    Text = 0,
    /// An administrator's text by `send` or `sendgroup`.
    AdminText = 1,
    /// A text in the system's name.
    System = 2,
    /// A notice: an event and its arguments, put into words when pushed.
    Notice = 3,
}

impl FromSql for EntryKind {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<EntryKind> {
        match value.as_i64()? {
            0 => Ok(EntryKind::Text),
            1 => Ok(EntryKind::AdminText),
            2 => Ok(EntryKind::System),
            3 => Ok(EntryKind::Notice),
            other => Err(FromSqlError::OutOfRange(other)),
        }
    }
}

/// An entry to append.
#[derive(Clone, Copy)]
pub struct NewEntry<'a> {
    /// Who it is for.
    pub conversation: Conversation,
    /// Who said it; `None` for the system.
    pub sender: Option<UserId>,
    /// When, in unix seconds.
    pub unix: i64,
    /// What it is.
    pub kind: EntryKind,
    /// The text, or a notice's event and arguments.
    pub body: &'a str,
    /// The sender's name for it, not used by them before.
    pub mid: Option<&'a str>,
}

/// An entry of the log, with the names that a push needs.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands.
    pub seq: Seq,
    /// Who it is for.
    pub conversation: Conversation,
    /// Who said it; `None` for the system.
    pub sender: Option<UserId>,
    /// The sender's name as shown.
    pub sender_name: Option<String>,
    /// What the group is called, if it is for one.
    pub group: Option<GroupLabel>,
    /// When, in unix seconds.
    pub unix: i64,
    /// What it is.
    pub kind: EntryKind,
    /// The text, or a notice's event and arguments.
    pub body: String,
}

/// What a group is called: its name, and its creator's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupLabel {
    /// The group's name as shown.
    pub name: String,
    /// The creator's name as shown.
    pub creator: String,
}

// What was said is never printed (P27), so neither of these derives `Debug`.
impl fmt::Debug for NewEntry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewEntry({:?}, {:?}, {:?})", self.kind, self.conversation, self.sender)
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Entry { seq, conversation, sender, kind, .. } = self;
        write!(f, "Entry({seq:?}, {kind:?}, {conversation:?}, {sender:?})")
    }
}

impl LogRef<'_> {
    const ENTRY: Sql = "SELECT l.seq, l.conversation, l.sender, l.at, l.kind, l.body,
            s.username, g.groupname, c.username
        FROM log l
        LEFT JOIN users s ON s.userid = l.sender
        LEFT JOIN groups g ON l.conversation % 2 = 1 AND g.groupid = l.conversation / 2
        LEFT JOIN users c ON c.userid = g.createuserid
        WHERE l.seq = ?1";
    /// The entries at those seqs, in their order, up to the one with which their texts reach
    /// `bytes`: nobody waits while more is read than there is room for (P21).
    pub(super) fn entries(&self, seqs: Vec<i64>, bytes: usize) -> Result<Vec<Entry>> {
        let mut statement = self.db.query(Self::ENTRY)?;
        let (mut entries, mut read) = (Vec::new(), 0);
        for seq in seqs {
            if read >= bytes {
                break;
            }
            let entry = statement.query_row([seq], entry_of)?;
            read += entry.body.len();
            entries.push(entry);
        }
        Ok(entries)
    }

    const SAID: Sql = "SELECT conversation, kind FROM log WHERE seq = ?1 AND sender = ?2";
    /// Whom a user spoke to at a seq; `None` if they said nothing there.
    pub fn said_to(&self, user: UserId, seq: Seq) -> Result<Option<Conversation>> {
        let said: Option<(i64, EntryKind)> =
            self.db.row(Self::SAID, (seq.0, user.0), |row| Ok((row.get(0)?, row.get(1)?)))?;
        let said = said.filter(|(_, kind)| *kind != EntryKind::Notice);
        Ok(said.map(|(conversation, _)| Conversation::from_sql(conversation)))
    }
}

fn entry_of(row: &Row) -> rusqlite::Result<Entry> {
    let group = match (row.get(7)?, row.get(8)?) {
        (Some(name), Some(creator)) => Some(GroupLabel { name, creator }),
        _ => None,
    };
    Ok(Entry {
        seq: Seq(row.get(0)?),
        conversation: Conversation::from_sql(row.get(1)?),
        sender: row.get::<_, Option<i64>>(2)?.map(UserId),
        unix: row.get(3)?,
        kind: row.get(4)?,
        body: row.get(5)?,
        sender_name: row.get(6)?,
        group,
    })
}

#[cfg(test)]
pub(super) const SQL: &[Sql] = &[LogRef::ENTRY, LogRef::SAID];
