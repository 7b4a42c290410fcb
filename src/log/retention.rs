//! Retention: entries that are too old are deleted from the log's front, some rows at a time.
//!
//! ```text
//!   pruned ──────────────┼─ first ── kept ──────────────────── head
//!   readers who are here └ are told of a gap, and go on from `first` (P16)
//! ```
//!
//! `first` is the log's first row, and is stored nowhere else. The tables and the tail may still
//! have earlier seqs, which every reading passes over. The newest row always stays: it tells how
//! far the log reaches (P6). Rows of a block of slices are deleted when the whole block is pruned.
//!
//! The server decides how far to prune: see `server/retention.rs`.

use rusqlite::{Row, params};

use super::tail::{BLOCK_BITS, slice_of};
use super::{LogMut, LogRef, Result, Sql, numbered};
use crate::id::Seq;

/// Seqs that are gone before a reader had what stood there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The first of them.
    pub from: Seq,
    /// The last of them.
    pub to: Seq,
    /// When the first entry after them was said, in unix seconds.
    pub unix: i64,
}

impl LogMut<'_> {
    numbered! { 33 PRUNE = "DELETE FROM log WHERE seq < ?1" }
    numbered! { 37 FORGET_LOG_SLICES = "DELETE FROM log_slices
        WHERE (block, conversation, sender, slice) IN
            (SELECT block, conversation, sender, slice FROM log_slices WHERE block < ?1
            ORDER BY block, conversation, sender, slice LIMIT ?2)" }
    numbered! { 38 FORGET_MID_SLICES = "DELETE FROM mid_slices WHERE (block, sender, part, slice) IN
        (SELECT block, sender, part, slice FROM mid_slices WHERE block < ?1
            ORDER BY block, sender, part, slice LIMIT ?2)" }
    /// Removes at most `rows` entries from the log's front, up to the first that was said at
    /// `before` or later, and none after `through`; and at most as many rows of each other table
    /// that only tell of pruned entries. Returns how many entries there were, and whether that was
    /// all.
    pub fn prune(&mut self, before: i64, through: Seq, rows: usize) -> Result<(usize, bool)> {
        let through = through.min(Seq(self.log.head().0 - 1));
        let front = self.read()?.front(through, rows)?;
        let expired = front.iter().take_while(|(_, at)| *at < before).count();
        if let Some((last, _)) = front[..expired].last() {
            self.db.write(&Self::PRUNE, params![last + 1])?;
            self.log.marks.now.first = Seq(last + 1);
            for (seq, _) in &front[..expired] {
                self.forget_words(*seq)?;
            }
        }
        let block = slice_of(self.log.marks.now.first.0) >> BLOCK_BITS;
        let log_slices = self.db.run(&Self::FORGET_LOG_SLICES, params![block, rows as i64])?;
        let mid_slices = self.db.run(&Self::FORGET_MID_SLICES, params![block, rows as i64])?;
        Ok((expired, expired.max(log_slices).max(mid_slices) < rows))
    }
}

impl LogRef<'_> {
    const FRONT: Sql = "SELECT seq, at FROM log WHERE seq <= ?1 ORDER BY seq LIMIT ?2";
    /// The first `rows` entries up to `through`: their seqs, and when they were said.
    fn front(&self, through: Seq, rows: usize) -> Result<Vec<(i64, i64)>> {
        let read = |row: &Row| Ok((row.get(0)?, row.get(1)?));
        self.db.rows(Self::FRONT, (through.0, rows as i64), read)
    }

    /// What a reader who has everything up to `after` was not shown, and cannot be any more.
    pub fn gap_behind(&self, after: Seq) -> Result<Option<Gap>> {
        let (from, to) = (after.next(), Seq(self.log.first().0 - 1));
        if from > to {
            return Ok(None);
        }
        let front = self.front(Seq(i64::MAX), 1)?;
        let unix = front.first().map_or(0, |(_, at)| *at);
        Ok(Some(Gap { from, to, unix }))
    }
}
