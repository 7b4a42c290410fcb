//! The rows of a transaction that were appended and not written yet. The texts lie one after
//! another in one buffer, which stays for the next transaction.

use super::{EntryKind, NewEntry};
use crate::id::Seq;

/// Rows that were appended and not written, in the order of their seqs.
#[derive(Default)]
pub(super) struct Unwritten {
    rows: Vec<Row>,
    texts: String,
}

/// A row but for its texts.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub seq: Seq,
    pub conversation: i64,
    pub sender: Option<i64>,
    pub unix: i64,
    pub kind: EntryKind,
    pub rising: bool,
    /// Offsets in `texts`: of its body, of its `mid`, and of the end.
    body: usize,
    mid: usize,
    end: usize,
    has_mid: bool,
}

impl Unwritten {
    /// The rows.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Whether every row is written.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// One row more.
    pub fn push(&mut self, entry: &NewEntry, seq: Seq, rising: bool) {
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
    pub fn texts(&self, row: &Row) -> (&str, Option<&str>) {
        let mid = row.has_mid.then(|| &self.texts[row.mid..row.end]);
        (&self.texts[row.body..row.mid], mid)
    }

    /// They are written, or undone.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.texts.clear();
    }
}
