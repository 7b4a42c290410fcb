//! `mid`s: what a sender calls a message, so that a retry finds what it already did (P5).
//!
//! Nearly every `mid` is new, and that must be cheap to know. So `mid`s have an order: of two the
//! longer is greater, and of two of one length the one whose bytes are greater. A `mid` that is
//! greater than all that its sender ever used *rises*: it is new, and is not looked for. Numbers
//! that count up rise, and so do numbers after a prefix that counts up, such as the time. Any
//! other `mid` is looked for by its hash: in the tail, and in the slices that `mid_filter` does not
//! rule out.
//!
//! The row of a message tells whether its `mid` rose, so a sender's greatest is found again after a
//! crash: it is the newest that rose.

use std::fmt;

use super::mid::{WHOLE, part_of};
use super::mid_filter::{MidFilters, Slices};
use super::slices::blob;
use super::tail::{BLOCK_BITS, MidMark, first_seq, slice_of};
use super::{EntryKind, LogMut, LogRef, Result, Sql};
use crate::id::{Conversation, Seq, UserId};
use crate::limits::MID_BYTES_MAX;

/// What a sender did under a `mid`.
#[derive(Clone, PartialEq, Eq)]
pub struct Posted {
    /// Where it stands.
    pub seq: Seq,
    /// Who it was for.
    pub conversation: Conversation,
    /// What it was.
    pub kind: EntryKind,
    /// What it said.
    pub body: String,
}

impl fmt::Debug for Posted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Posted({:?}, {:?}, {:?})", self.seq, self.kind, self.conversation)
    }
}

impl LogMut<'_> {
    /// What a sender has appended under a `mid`. The newest entries are looked at first, because a
    /// retry is most often among them.
    pub fn find_mid(&mut self, sender: UserId, mid: &str) -> Result<Option<Posted>> {
        if self.rises(sender, mid)? {
            return Ok(None);
        }
        let hash = self.log.mid_hasher.hash(mid);
        let in_tail: Vec<i64> = self.log.tail.of_mid(hash, self.log.marks.now.sealed).collect();
        if !in_tail.is_empty()
            && let Some(posted) = self.read()?.first_posted(&in_tail, sender, mid)?
        {
            return Ok(Some(posted));
        }
        // Slices are sealed at a commit, so the rows of this transaction need not be written.
        let log = LogRef { db: self.db, log: self.log };
        for block in log.sealed_blocks().rev() {
            let slices = self.log.mid_filters.slices_with(block, sender.0, hash);
            if slices != 0 {
                let in_block = log.look_for_mid(block, slices, sender, hash)?;
                if let Some(posted) = log.first_posted(&in_block, sender, mid)? {
                    return Ok(Some(posted));
                }
            }
        }
        Ok(None)
    }

    /// Reads the filters of `mid`s from the slices on disk: at the start, before the tail.
    pub fn load_mid_filters(&mut self) -> Result<()> {
        self.log.mid_filters = self.read()?.mid_filters()?;
        Ok(())
    }

    /// What the tail keeps of a new `mid`, which may be its sender's greatest from then on.
    pub(super) fn name_it(&mut self, sender: UserId, mid: &str) -> Result<MidMark> {
        self.recall(sender)?;
        let hash = self.log.mid_hasher.hash(mid);
        Ok(MidMark { hash, rising: self.log.greatest.raise(sender, mid) })
    }

    /// Whether a `mid` is greater than all that its sender used.
    fn rises(&mut self, sender: UserId, mid: &str) -> Result<bool> {
        self.recall(sender)?;
        Ok(self.log.greatest.rises(sender, mid))
    }

    /// Finds a sender's greatest `mid` if it is not kept, and keeps it.
    fn recall(&mut self, sender: UserId) -> Result<()> {
        if !self.log.greatest.has(sender) {
            let greatest = self.read()?.greatest_of(sender)?;
            self.log.greatest.keep(sender, greatest);
        }
        Ok(())
    }
}

impl LogRef<'_> {
    const POSTED: Sql = "SELECT seq, conversation, kind, body FROM log
        WHERE seq = ?1 AND sender = ?2 AND mid = ?3";
    /// The first of these seqs at which a sender has used a `mid`.
    fn first_posted(&self, seqs: &[i64], sender: UserId, mid: &str) -> Result<Option<Posted>> {
        for seq in seqs {
            let posted = self.db.row(Self::POSTED, (seq, sender.0, mid), |row| {
                Ok(Posted {
                    seq: Seq(row.get(0)?),
                    conversation: Conversation::from_sql(row.get(1)?),
                    kind: row.get(2)?,
                    body: row.get(3)?,
                })
            })?;
            if posted.is_some() {
                return Ok(posted);
            }
        }
        Ok(None)
    }

    const MIDS: Sql = "SELECT slice, mids FROM mid_slices
        WHERE block = ?1 AND sender = ?2 AND part = ?3 AND slice >= ?4 AND slice <= ?5";
    /// Where a sender may have used a `mid` of that hash in some slices of a block. It reads the
    /// same number of rows however many `mid`s the sender used.
    fn look_for_mid(
        &self,
        block: i64,
        slices: Slices,
        sender: UserId,
        hash: u64,
    ) -> Result<Vec<i64>> {
        let first = block << BLOCK_BITS;
        let from = first + i64::from(slices.trailing_zeros());
        let to = first + i64::from(slices.checked_ilog2().unwrap_or(0));
        let to = to.min(self.sealed() - 1);
        let mut statement = self.db.query(Self::MIDS)?;
        let (mut seqs, mut parts, mut read) = (Vec::new(), vec![WHOLE], 0);
        while let Some(part) = parts.get(read).copied() {
            let mut found = statement.query((block, sender.0, part, from, to))?;
            while let Some(row) = found.next()? {
                let (base, bytes) = (first_seq(row.get(0)?), blob(row, 1)?);
                if let [bits] = bytes
                    && !parts.contains(&part_of(hash << 16, u32::from(*bits)))
                {
                    parts.push(part_of(hash << 16, u32::from(*bits)));
                }
                let same = words(bytes).filter(|word| word >> 16 == hash);
                seqs.extend(same.map(|word| base + (word & 0xFFFF) as i64));
            }
            read += 1;
        }
        Ok(seqs)
    }

    const MIDS_OF_BLOCK: Sql = "SELECT slice, sender, mids FROM mid_slices
        WHERE block = ?1 AND slice < ?2";
    /// Reads the filters from the slices on disk.
    fn mid_filters(&self) -> Result<MidFilters> {
        let last = *self.sealed_blocks().end();
        let mut filters = MidFilters::new(last);
        let mut statement = self.db.query(Self::MIDS_OF_BLOCK)?;
        for block in filters.first_block()..=last {
            let mut rows = statement.query((block, self.sealed()))?;
            while let Some(row) = rows.next()? {
                let (slice, sender) = (row.get(0)?, row.get(1)?);
                words(blob(row, 2)?).for_each(|word| filters.add(slice, sender, word >> 16));
            }
        }
        Ok(filters)
    }

    const MID_AT: Sql = "SELECT mid FROM log WHERE seq = ?1";
    const LAST_RISING: Sql = "SELECT rising FROM mid_slices
        WHERE block = ?1 AND sender = ?2 AND part = -1 AND slice < ?3 AND rising IS NOT NULL
        ORDER BY slice DESC LIMIT 1";
    const ANY_MIDS: Sql = "SELECT 1 FROM mid_slices
        WHERE block = ?1 AND sender = ?2 AND part = -1 AND slice >= ?3 LIMIT 1";
    /// A sender's greatest `mid`; empty if they never used one.
    fn greatest_of(&self, sender: UserId) -> Result<String> {
        let first = self.log.first().0;
        // Where the last that rose is, and whether the sender has used any that is kept.
        let (mut rising, mut any) = (None, false);
        for (seq, mid) in self.log.tail.of_sender(sender.0, self.sealed()) {
            any |= seq >= first;
            if mid.rising {
                rising = Some(seq);
                break;
            }
        }
        for block in self.sealed_blocks().rev() {
            if rising.is_some() {
                break;
            }
            let params = (block, sender.0, self.sealed());
            rising = self.db.row(Self::LAST_RISING, params, |row| row.get(0))?;
            let params = (block, sender.0, slice_of(first));
            any |= self.db.exists(Self::ANY_MIDS, params)?;
        }
        Ok(match rising {
            Some(seq) if seq >= first => {
                self.db.row(Self::MID_AT, [seq], |row| row.get(0))?.unwrap_or_default()
            }
            // The greatest is pruned, and those that are kept need not be in order. Nothing is
            // greater than a text that is longer than any `mid`: so no `mid` rises, and each is
            // looked for.
            _ if any => "~".repeat(MID_BYTES_MAX + 1),
            _ => String::new(),
        })
    }
}

/// The words of a row: 48 bits of a hash, and 16 of an offset. A row that only tells how many bits
/// the parts have is one byte long and has no word.
fn words(bytes: &[u8]) -> impl Iterator<Item = u64> {
    let words = bytes.chunks_exact(8);
    words.map(|word| word.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests;
