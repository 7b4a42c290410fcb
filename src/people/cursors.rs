//! How far the log has reached each user, and what waits for those who are behind.
//!
//! A cursor only grows (P13). What waits is kept as two sums, one of all senders and one of
//! each, so that the limits on a mailbox cost two look-ups and not a count of messages. The
//! sums limit what a sender can do to a mailbox; they start anew when its owner is caught up.

use rusqlite::{Row, params};

use super::{PeopleMut, PeopleRef, Result, Sql, numbered, unsigned};
use crate::id::{NO_USER, Seq, UserId};

/// What waits in a user's inbox since they were last caught up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Messages of the sender asked for.
    pub from_sender: u64,
    /// Messages of all senders.
    pub messages: u64,
    /// Bytes of the texts of all senders.
    pub bytes: u64,
}

/// A reader, as the sweep of retention sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reader {
    /// The reader's id.
    pub user: UserId,
    /// Everything up to here has reached them.
    pub cursor: Seq,
    /// When they were last here, within an hour, or registered; in unix seconds.
    pub seen: i64,
}

impl PeopleRef<'_> {
    const CURSOR: Sql = "SELECT seq FROM cursors WHERE userid = ?1";
    /// Everything up to this seq has reached the user.
    pub fn cursor(&self, user: UserId) -> Result<Seq> {
        Ok(self.db.row(Self::CURSOR, [user.0], |row| row.get(0).map(Seq))?.unwrap_or_default())
    }

    const READERS: Sql = "SELECT userid, seq, max(coalesce(keyused, createtime), createtime)
        FROM cursors JOIN users USING (userid) WHERE userid > ?1 ORDER BY userid LIMIT ?2";
    /// At most `rows` readers with an id after `after`, by id.
    pub fn readers_page(&self, after: UserId, rows: usize) -> Result<Vec<Reader>> {
        self.db.rows(Self::READERS, (after.0, rows as i64), |row| {
            Ok(Reader { user: UserId(row.get(0)?), cursor: Seq(row.get(1)?), seen: row.get(2)? })
        })
    }

    const WAITING: Sql = "SELECT messages, bytes FROM waiting WHERE userid = ?1 AND sender = ?2";
    /// What waits for a user, and how much of it is by `sender`.
    pub fn waiting(&self, user: UserId, sender: UserId) -> Result<Waiting> {
        let sums = |sender: i64| {
            let read = |row: &Row| Ok((unsigned(row, 0)?, unsigned(row, 1)?));
            self.db.row(Self::WAITING, (user.0, sender), read).map(Option::unwrap_or_default)
        };
        let (messages, bytes) = sums(NO_USER)?;
        let (from_sender, _) = sums(sender.0)?;
        Ok(Waiting { from_sender, messages, bytes })
    }
}

impl PeopleMut<'_> {
    numbered! { 27 SET_CURSOR = "UPDATE cursors SET seq = ?2 WHERE userid = ?1 AND seq < ?2" }
    /// Moves a user's cursor forward; a lower seq changes nothing.
    pub fn set_cursor(&mut self, user: UserId, seq: Seq) -> Result<()> {
        self.db.write(&Self::SET_CURSOR, params![user.0, seq.0])
    }

    numbered! { 28 ADD_WAITING = "INSERT INTO waiting (userid, sender, messages, bytes)
        VALUES (?1, ?4, 1, ?3), (?1, ?2, 1, ?3)
        ON CONFLICT DO UPDATE SET
            messages = messages + excluded.messages, bytes = bytes + excluded.bytes" }
    /// Adds a message of `bytes` bytes to what waits for a user.
    pub fn add_waiting(&mut self, user: UserId, sender: UserId, bytes: u64) -> Result<()> {
        self.db.write(&Self::ADD_WAITING, params![user.0, sender.0, bytes as i64, NO_USER])
    }

    numbered! { 29 CLEAR_WAITING = "DELETE FROM waiting WHERE userid = ?1" }
    /// Nothing waits any more: the user is caught up.
    pub fn clear_waiting(&mut self, user: UserId) -> Result<()> {
        self.db.write(&Self::CLEAR_WAITING, params![user.0])
    }
}
