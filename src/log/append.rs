//! Appending. The rows of a transaction wait in memory and are handed to SQLite together: before
//! anything reads the log, before a savepoint and before COMMIT.
//!
//! One statement that runs for many rows is cheaper than one that runs between all the others of
//! their requests. That the disk is full is then found out later; whatever has no room is rolled
//! back all the same.
//!
//! The texts lie behind one another in one buffer, which stays for the next transaction.

use rusqlite::params;

use super::slices::findable_sender;
use super::tail::Said;
use super::{EntryKind, LogMut, NewEntry, Result, Write};
use crate::id::Seq;

/// Rows that were appended and not written, in the order of their seqs.
#[derive(Default)]
pub(super) struct Unwritten {
    rows: Vec<Row>,
    texts: String,
}

/// A row but for its texts.
#[derive(Clone, Copy)]
struct Row {
    seq: Seq,
    conversation: i64,
    sender: Option<i64>,
    unix: i64,
    kind: EntryKind,
    rising: bool,
    /// Where its body begins, its `mid` begins, and that ends.
    body: usize,
    mid: usize,
    end: usize,
    has_mid: bool,
}

impl LogMut<'_> {
    /// Appends an entry, and returns its seq: the one that joins and leaves before it in this
    /// transaction have named as next.
    pub fn append(&mut self, entry: &NewEntry) -> Result<Seq> {
        self.db.check_alive()?;
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
        self.log.tail.push(seq.0, &Said { conversation, sender, mid: named });
        Ok(seq)
    }

    const APPEND: Write = Write::new(
        32,
        "INSERT INTO log (seq, conversation, sender, at, kind, body, mid, rising)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    );
    /// Writes the rows that were appended.
    pub fn write_rows(&mut self) -> Result<()> {
        if self.log.unwritten.is_empty() {
            return Ok(());
        }
        let mut writer = self.db.writer(&Self::APPEND)?;
        for row in &self.log.unwritten.rows {
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

impl Unwritten {
    /// Whether every row is written.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// One row more.
    fn push(&mut self, entry: &NewEntry, seq: Seq, rising: bool) {
        let &NewEntry { conversation, sender, unix, kind, body, mid } = entry;
        let begin = self.texts.len();
        self.texts.push_str(body);
        self.texts.push_str(mid.unwrap_or_default());
        self.rows.push(Row {
            seq,
            conversation: conversation.to_sql(),
            sender: sender.map(|sender| sender.0),
            unix,
            kind,
            rising,
            body: begin,
            mid: begin + body.len(),
            end: self.texts.len(),
            has_mid: mid.is_some(),
        });
    }

    /// A row's body and `mid`.
    fn texts(&self, row: &Row) -> (&str, Option<&str>) {
        let mid = row.has_mid.then(|| &self.texts[row.mid..row.end]);
        (&self.texts[row.body..row.mid], mid)
    }

    /// They are written, or undone.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.texts.clear();
    }
}

pub(super) const WRITES: &[Write] = &[LogMut::APPEND];
