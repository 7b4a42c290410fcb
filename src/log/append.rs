//! Appending. The rows of a transaction wait in memory and are handed to SQLite together: before
//! anything reads the log, before a savepoint and before COMMIT.
//!
//! One statement that runs for many rows is cheaper than one that runs between all the others of
//! their requests. That the disk is full is then found out later; whatever has no room is rolled
//! back all the same.

use rusqlite::params;

use super::entry::findable_sender;
use super::tail::TailEntry;
use super::unwritten::Row;
use super::{LogMut, NewEntry, Result, numbered};
use crate::id::Seq;

impl LogMut<'_> {
    /// Appends an entry, and returns its seq, which is the next after the head: the joins and
    /// leaves before it in this transaction rely on that.
    pub fn append(&mut self, entry: &NewEntry) -> Result<Seq> {
        self.db.check_not_ended()?;
        let seq = self.log.head().next();
        let &NewEntry { conversation, sender, kind, mid, .. } = entry;
        let named = match sender.zip(mid) {
            Some((sender, mid)) => Some(self.name_it(sender, mid)?),
            None => None,
        };
        self.log.unwritten.push(entry, seq, named.is_some_and(|mid| mid.rising));
        self.log.marks.now.head = seq;
        let (conversation, sender) = (conversation.to_sql(), sender.map(|sender| sender.0));
        let sender = findable_sender(kind, sender);
        self.log.tail.push(seq.0, &TailEntry { conversation, sender, mid: named });
        Ok(seq)
    }

    numbered! { 32 APPEND = "INSERT INTO log
        (seq, conversation, sender, at, kind, body, mid, rising)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)" }
    /// Writes the rows that were appended.
    pub fn write_rows(&mut self) -> Result<()> {
        if self.log.unwritten.is_empty() {
            return Ok(());
        }
        let mut writer = self.db.writer(&Self::APPEND)?;
        for row in self.log.unwritten.rows() {
            let &Row { seq, conversation, sender, unix, kind, rising, .. } = row;
            let (body, mid) = self.log.unwritten.texts(row);
            let kind = kind as i64;
            writer.run(params![seq.0, conversation, sender, unix, kind, body, mid, rising])?;
        }
        drop(writer);
        self.log.unwritten.clear();
        Ok(())
    }
}
