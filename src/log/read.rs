//! Entries read at their seqs: with the names that a push needs, so that one statement tells all of
//! it.

use rusqlite::Row;

use super::{Entry, EntryKind, GroupLabel, LogRef, Result, Sql};
use crate::id::{Conversation, Seq, UserId};

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
