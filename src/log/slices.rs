//! The older slices of the log, on disk: where the entries of a conversation are. They are written
//! by `sealing`.
//!
//! A row of `log_slices` has the places of all entries of one conversation in one slice, or of the
//! texts by one sender in one inbox. A look goes through the blocks of the log, one search each,
//! and then through the tail in memory.

use std::ops::RangeInclusive;

use rusqlite::Row;

use super::sweep::ANY_SENDER;
use super::tail::{BLOCK_BITS, first_seq, slice_of};
use super::{LogRef, Result, Sql};
use crate::id::{Conversation, UserId};

impl LogRef<'_> {
    /// The slices before this one are found on disk.
    pub(super) fn sealed(&self) -> i64 {
        self.log.marks.now.sealed
    }

    /// Where the block that `from` is in ends, or the sealed part of it; `None` if `from` is in
    /// the tail.
    pub(super) fn end_of_block(&self, from: i64) -> Option<i64> {
        let sealed = first_seq(self.sealed());
        let next_block = (slice_of(from) >> BLOCK_BITS) + 1;
        (from < sealed).then(|| sealed.min(first_seq(next_block << BLOCK_BITS)))
    }

    const LOOK: Sql = "SELECT slice, offsets FROM log_slices
        WHERE block = ?1 AND conversation = ?2 AND sender = 0 AND slice >= ?3 AND slice <= ?4
        ORDER BY slice";
    /// Offers the seqs in `[from, to)` of a conversation, which are in one block, as long as they
    /// are wanted; of them those that lie in one of the intervals, which stand in their order.
    pub(super) fn look(
        &self,
        conversation: Conversation,
        intervals: &[(i64, i64)],
        (from, to): (i64, i64),
        mut offer: impl FnMut(i64) -> bool,
    ) -> Result<()> {
        let mut intervals = intervals.iter().filter(|(begin, end)| *begin < to && *end > from);
        let Some(mut interval) = intervals.next() else { return Ok(()) };
        let from = from.max(interval.0);
        let (first, last) = (slice_of(from), slice_of(to - 1));
        let mut statement = self.db.query(Self::LOOK)?;
        let params = (first >> BLOCK_BITS, conversation.to_sql(), first, last);
        let mut rows = statement.query(params)?;
        while let Some(row) = rows.next()? {
            let base = first_seq(row.get(0)?);
            let seqs = offsets(blob(row, 1)?).map(|offset| base + offset);
            for seq in seqs.skip_while(|seq| *seq < from) {
                while seq >= interval.1 {
                    let Some(next) = intervals.next() else { return Ok(()) };
                    interval = next;
                }
                if seq >= to || (seq >= interval.0 && !offer(seq)) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    const LOOK_BACK: Sql = "SELECT slice, offsets FROM log_slices
        WHERE block = ?1 AND conversation = ?2 AND sender = ?3 AND slice >= ?4 AND slice <= ?5
        ORDER BY slice DESC";
    /// The last `rows` seqs of a conversation that lie in the intervals, newest first, as the
    /// intervals stand; only those by `sender`, if one is given. Nothing is read twice, however
    /// many intervals there are.
    pub(super) fn look_back(
        &self,
        conversation: Conversation,
        sender: Option<UserId>,
        intervals: &[(i64, i64)],
        rows: usize,
    ) -> Result<Vec<i64>> {
        let mut seqs = self.look_in_tail(conversation, sender, intervals, rows);
        let sender = sender.map_or(ANY_SENDER, |sender| sender.0);
        let mut statement = self.db.query(Self::LOOK_BACK)?;
        let mut read_from = i64::MAX;
        for (index, interval) in intervals.iter().enumerate() {
            let (first, last) = self.sealed_in(*interval);
            let last = last.min(read_from - 1);
            if seqs.len() >= rows {
                break;
            }
            for block in (first >> BLOCK_BITS..=last >> BLOCK_BITS).rev() {
                let mut found =
                    statement.query((block, conversation.to_sql(), sender, first, last))?;
                while seqs.len() < rows
                    && let Some(row) = found.next()?
                {
                    read_from = row.get(0)?;
                    let said = seqs_of(row)?.rev().filter(|seq| *seq >= self.log.first().0);
                    let said = within_back(said, &intervals[index..]);
                    seqs.extend(said.take(rows - seqs.len()));
                }
            }
        }
        Ok(seqs)
    }

    const LOOK_AHEAD: Sql = "SELECT slice, offsets FROM log_slices
        WHERE block = ?1 AND conversation = ?2 AND sender = ?3 AND slice >= ?4 AND slice <= ?5
        ORDER BY slice";
    /// The first `rows` seqs of a conversation that lie in the intervals, oldest first, as the
    /// intervals stand; as [`LogRef::look_back`].
    pub(super) fn look_ahead(
        &self,
        conversation: Conversation,
        sender: Option<UserId>,
        intervals: &[(i64, i64)],
        rows: usize,
    ) -> Result<Vec<i64>> {
        let back: Vec<(i64, i64)> = intervals.iter().rev().copied().collect();
        let in_tail = self.look_in_tail(conversation, sender, &back, usize::MAX);
        let sender = sender.map_or(ANY_SENDER, |sender| sender.0);
        let mut seqs = Vec::new();
        let mut statement = self.db.query(Self::LOOK_AHEAD)?;
        let mut read_to = -1;
        for (index, interval) in intervals.iter().enumerate() {
            let (first, last) = self.sealed_in(*interval);
            let first = first.max(read_to + 1);
            if seqs.len() >= rows {
                break;
            }
            for block in first >> BLOCK_BITS..=last >> BLOCK_BITS {
                let mut found =
                    statement.query((block, conversation.to_sql(), sender, first, last))?;
                while seqs.len() < rows
                    && let Some(row) = found.next()?
                {
                    read_to = row.get(0)?;
                    let said = seqs_of(row)?.filter(|seq| *seq >= self.log.first().0);
                    let said = within_ahead(said, &intervals[index..]);
                    seqs.extend(said.take(rows - seqs.len()));
                }
            }
        }
        seqs.extend(in_tail.iter().rev().take(rows - seqs.len()));
        Ok(seqs)
    }

    /// The first and the last slice that is sealed and may have something of a range that is kept.
    fn sealed_in(&self, (from, to): (i64, i64)) -> (i64, i64) {
        let last = slice_of(to - 1).min(self.sealed() - 1);
        (slice_of(from.max(self.log.first().0)), last)
    }

    /// The last `rows` seqs that the tail has of a conversation in the intervals, newest first, as
    /// the intervals stand; only by `sender`, if one is given.
    fn look_in_tail(
        &self,
        conversation: Conversation,
        sender: Option<UserId>,
        intervals: &[(i64, i64)],
        rows: usize,
    ) -> Vec<i64> {
        let first = self.log.first().0.max(first_seq(self.sealed()));
        if intervals.first().is_none_or(|(_, to)| *to <= first) {
            return Vec::new();
        }
        let oldest = intervals.last().map_or(first, |(from, _)| first.max(*from));
        let said = self.log.tail.of_conversation(conversation.to_sql(), self.sealed());
        let said = said.take_while(|(seq, _)| *seq >= oldest);
        let by = said.filter(|(_, by)| sender.is_none_or(|sender| sender.0 == *by));
        within_back(by.map(|(seq, _)| seq), intervals).take(rows).collect()
    }

    /// The first seq that the tail in memory may have.
    pub(super) fn tail_begins(&self) -> i64 {
        first_seq(self.log.tail.first_slice())
    }

    /// The blocks with something sealed that is kept.
    pub(super) fn sealed_blocks(&self) -> RangeInclusive<i64> {
        slice_of(self.log.first().0) >> BLOCK_BITS..=(self.sealed() - 1) >> BLOCK_BITS
    }
}

/// The bytes in a column, lent.
pub(super) fn blob<'a>(row: &'a Row, column: usize) -> rusqlite::Result<&'a [u8]> {
    Ok(row.get_ref(column)?.as_blob()?)
}

/// Of seqs, the newest first, those that lie in the intervals, which stand newest first.
fn within_back(
    seqs: impl Iterator<Item = i64>,
    mut intervals: &[(i64, i64)],
) -> impl Iterator<Item = i64> {
    seqs.map_while(move |seq| {
        while intervals.first()?.0 > seq {
            intervals = &intervals[1..];
        }
        Some((seq, seq < intervals.first()?.1))
    })
    .filter_map(|(seq, is_within)| is_within.then_some(seq))
}

/// The same, all oldest first.
fn within_ahead(
    seqs: impl Iterator<Item = i64>,
    mut intervals: &[(i64, i64)],
) -> impl Iterator<Item = i64> {
    seqs.map_while(move |seq| {
        while intervals.first()?.1 <= seq {
            intervals = &intervals[1..];
        }
        Some((seq, seq >= intervals.first()?.0))
    })
    .filter_map(|(seq, is_within)| is_within.then_some(seq))
}

/// The seqs that a row of slice and offsets has, in their order.
fn seqs_of<'a>(row: &'a Row) -> rusqlite::Result<impl DoubleEndedIterator<Item = i64> + use<'a>> {
    let base = first_seq(row.get(0)?);
    Ok(offsets(blob(row, 1)?).map(move |offset| base + offset))
}

/// The offsets of a row, in their order.
fn offsets(blob: &[u8]) -> impl DoubleEndedIterator<Item = i64> {
    blob.chunks_exact(2).map(|pair| i64::from(pair[0]) << 8 | i64::from(pair[1]))
}
