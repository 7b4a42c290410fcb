//! The older slices of the log, on disk: where the entries of a conversation are. They are written
//! by `sealing`.
//!
//! A row of `log_slices` has the places of all entries of one conversation in one slice, or of the
//! texts by one sender in one inbox. A look goes through the blocks of the log, one search each,
//! and then through the tail in memory.

use std::ops::RangeInclusive;

use rusqlite::Row;

use super::tail::{BLOCK_BITS, first_seq, slice_of};
use super::{LogRef, Result, Sql};
use crate::id::{Conversation, NO_USER, UserId};

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

    const LOOK_BACK: Sql = "SELECT slice, offsets FROM log_slices
        WHERE block = ?1 AND conversation = ?2 AND sender = ?3 AND slice >= ?4 AND slice <= ?5
        ORDER BY slice DESC";
    const LOOK_AHEAD: Sql = "SELECT slice, offsets FROM log_slices
        WHERE block = ?1 AND conversation = ?2 AND sender = ?3 AND slice >= ?4 AND slice <= ?5
        ORDER BY slice";
    /// At most `rows` seqs of a conversation that lie in the intervals: the newest first if
    /// `back`, else the oldest first. The intervals are in that order. If a sender is given, only
    /// the seqs of their texts.
    pub(super) fn seqs_in(
        &self,
        conversation: Conversation,
        sender: Option<UserId>,
        back: bool,
        intervals: &[(i64, i64)],
        rows: usize,
    ) -> Result<Vec<i64>> {
        if back {
            let mut seqs = self.look_in_tail(conversation, sender, intervals, rows);
            self.look_on_disk(conversation, sender, back, intervals, rows, &mut seqs)?;
            return Ok(seqs);
        }
        let newest_first: Vec<(i64, i64)> = intervals.iter().rev().copied().collect();
        let in_tail = self.look_in_tail(conversation, sender, &newest_first, usize::MAX);
        let mut seqs = Vec::new();
        self.look_on_disk(conversation, sender, back, intervals, rows, &mut seqs)?;
        seqs.extend(in_tail.iter().rev().take(rows - seqs.len()));
        Ok(seqs)
    }

    /// Adds what the sealed slices have, up to `rows` seqs. No slice is read twice, however many
    /// intervals there are.
    pub(super) fn look_on_disk(
        &self,
        conversation: Conversation,
        sender: Option<UserId>,
        back: bool,
        intervals: &[(i64, i64)],
        rows: usize,
        seqs: &mut Vec<i64>,
    ) -> Result<()> {
        let (conversation, sender) = (conversation.to_sql(), sender.map_or(NO_USER, |user| user.0));
        let mut statement = match back {
            true => self.db.query(Self::LOOK_BACK)?,
            false => self.db.query(Self::LOOK_AHEAD)?,
        };
        let mut last_read: Option<i64> = None;
        for (index, interval) in intervals.iter().enumerate() {
            let (mut first, mut last) = self.sealed_in(*interval);
            match last_read {
                Some(slice) if back => last = last.min(slice - 1),
                Some(slice) => first = first.max(slice + 1),
                None => {}
            }
            if first > last {
                continue;
            }
            for block in in_order(first >> BLOCK_BITS, last >> BLOCK_BITS, back) {
                if seqs.len() >= rows {
                    return Ok(());
                }
                let mut found = statement.query((block, conversation, sender, first, last))?;
                while seqs.len() < rows
                    && let Some(row) = found.next()?
                {
                    last_read = Some(row.get(0)?);
                    let kept = seqs_of(row, back)?.filter(|seq| *seq >= self.log.first().0);
                    let within = within(kept, &intervals[index..], back);
                    seqs.extend(within.take(rows - seqs.len()));
                }
            }
        }
        Ok(())
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
        within(by.map(|(seq, _)| seq), intervals, true).take(rows).collect()
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

/// Of seqs, those that lie in the intervals: both newest first if `back`, else oldest first.
fn within(
    seqs: impl Iterator<Item = i64>,
    mut intervals: &[(i64, i64)],
    back: bool,
) -> impl Iterator<Item = i64> {
    let is_past = move |(from, to): (i64, i64), seq| if back { from > seq } else { to <= seq };
    let placed = seqs.map_while(move |seq| {
        while is_past(*intervals.first()?, seq) {
            intervals = &intervals[1..];
        }
        let (from, to) = *intervals.first()?;
        Some((seq, (from..to).contains(&seq)))
    });
    placed.filter_map(|(seq, is_within)| is_within.then_some(seq))
}

/// The seqs of a row of slice and offsets, the newest first if `back`.
fn seqs_of<'a>(row: &'a Row, back: bool) -> rusqlite::Result<impl Iterator<Item = i64> + use<'a>> {
    let (base, offsets) = (first_seq(row.get(0)?), blob(row, 1)?);
    let last = offsets.len() as i64 / 2 - 1;
    Ok(in_order(0, last, back).map(move |at| {
        let at = 2 * at as usize;
        base + (i64::from(offsets[at]) << 8 | i64::from(offsets[at + 1]))
    }))
}

/// The numbers from `first` to `last`, or from `last` to `first` if `back`.
fn in_order(first: i64, last: i64, back: bool) -> impl Iterator<Item = i64> {
    (first..=last).map(move |at| if back { last - (at - first) } else { at })
}
