//! Retention: what is older than it is to be kept goes, from the log's front, some rows at a time.
//!
//! ```text
//!   pruned ──────────────┼─ first ── kept ──────────────────── head
//!   readers who are here └ are told of a gap, and go on from `first` (P16)
//! ```
//!
//! `first` is the log's first row, so nothing else says it, and what the tables and the tail still
//! know of earlier seqs is passed over wherever they are asked. The newest row always stays: it
//! tells how far the log reaches (P6). Rows of whole blocks of slices go when all they tell of is
//! gone.
//!
//! Who may lose something is the server's to say: see `server/retention.rs`.

use super::slices::BLOCK_BITS;
use super::tail::slice_of;
use super::{Result, Sql, Store};
use crate::id::{Seq, UserId};

/// A reader, as far as it matters for what may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reader {
    /// Who.
    pub user: UserId,
    /// Everything up to here has reached them.
    pub cursor: Seq,
    /// When they were last here, within an hour, or registered; in unix seconds.
    pub seen: i64,
}

/// Seqs that are gone before a reader had what stood there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The first of them.
    pub from: Seq,
    /// The last of them.
    pub to: Seq,
    /// When what stands behind them was said, in unix seconds.
    pub unix: i64,
}

impl Store {
    /// The first seq that is kept: what stood before it is gone.
    pub fn first(&self) -> Seq {
        self.now.first
    }

    const READERS: Sql = "SELECT userid, seq, max(coalesce(keyused, createtime), createtime)
        FROM cursors JOIN users USING (userid) WHERE userid > ?1 ORDER BY userid LIMIT ?2";
    /// At most `rows` readers with an id after `after`, by id.
    pub fn readers_page(&self, after: UserId, rows: usize) -> Result<Vec<Reader>> {
        self.rows(Self::READERS, (after.0, rows as i64), |row| {
            Ok(Reader { user: UserId(row.get(0)?), cursor: Seq(row.get(1)?), seen: row.get(2)? })
        })
    }

    const FRONT: Sql = "SELECT seq, at FROM log WHERE seq <= ?1 ORDER BY seq LIMIT ?2";
    const PRUNE: Sql = "DELETE FROM log WHERE seq < ?1";
    const FORGET_LOG_SLICES: Sql = "DELETE FROM log_slices
        WHERE (block, conversation, sender, slice) IN
            (SELECT block, conversation, sender, slice FROM log_slices WHERE block < ?1 LIMIT ?2)";
    const FORGET_MID_SLICES: Sql = "DELETE FROM mid_slices WHERE (block, sender, part, slice) IN
        (SELECT block, sender, part, slice FROM mid_slices WHERE block < ?1 LIMIT ?2)";
    /// Removes at most `rows` entries from the log's front, up to the first that was said at
    /// `before` or later, and none behind `through`; and at most as many rows each that only told
    /// of what is gone. Returns how many entries there were, and whether that was all.
    pub fn prune(&mut self, before: i64, through: Seq, rows: usize) -> Result<(usize, bool)> {
        self.write_log()?;
        let through = through.min(Seq(self.head().0 - 1));
        let front: Vec<(i64, i64)> =
            self.rows(Self::FRONT, (through.0, rows as i64), |row| Ok((row.get(0)?, row.get(1)?)))?;
        let expired = front.iter().take_while(|(_, at)| *at < before).count();
        if let Some((last, _)) = front[..expired].last() {
            self.write(Self::PRUNE, [last + 1])?;
            self.now.first = Seq(last + 1);
            for (seq, _) in &front[..expired] {
                self.forget_words(*seq)?;
            }
        }
        let block = slice_of(self.now.first.0) >> BLOCK_BITS;
        let log_slices = self.write(Self::FORGET_LOG_SLICES, (block, rows as i64))?;
        let mid_slices = self.write(Self::FORGET_MID_SLICES, (block, rows as i64))?;
        Ok((expired, expired.max(log_slices).max(mid_slices) < rows))
    }

    /// What a reader who has everything up to `after` was not shown, and cannot be any more.
    pub(super) fn gap_behind(&self, after: Seq) -> Result<Option<Gap>> {
        let (from, to) = (after.next(), Seq(self.first().0 - 1));
        if from > to {
            return Ok(None);
        }
        let unix = self.row(Self::FRONT, (i64::MAX, 1), |row| row.get(1))?.unwrap_or_default();
        Ok(Some(Gap { from, to, unix }))
    }
}

#[cfg(test)]
pub(super) const SQL: &[Sql] = &[
    Store::READERS,
    Store::FRONT,
    Store::PRUNE,
    Store::FORGET_LOG_SLICES,
    Store::FORGET_MID_SLICES,
];
