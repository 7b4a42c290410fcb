//! Sealing: a full slice of the tail is written to disk, sorted, a few rows for many entries.
//!
//! It is written in the order of its keys, some entries with each commit, so that no tick does all
//! of it and it is over before the next slice is full. A row holds the places of all entries of
//! one key in one slice:
//!
//! ```text
//! log_slices  (block, conversation, 0,      slice) → offsets   all of a conversation
//!             (block, inbox,        sender, slice) → offsets   what one user said to another
//! mid_slices  (block, sender, part,         slice) → mids      the mids that a sender used
//! ```
//!
//! A block is 16 slices. The block leads the key, so the rows of a slice lie in the part of the
//! tree that belongs to its block: what is written together stands together, and a look costs the
//! same after ten million messages as after one. The rows follow from the log alone: to write them
//! twice changes nothing, and a crash in between loses nothing (P25). A slice is sealed in three
//! sweeps over it, one for each line of the table above.

use std::ops::RangeInclusive;

use rusqlite::{Row, params};

use super::entry::findable_sender;
use super::mid::{MidHasher, WHOLE, part_of, parted_by};
use super::sweep::{SWEEPS, SealedTo, Sweep};
use super::tail::{BLOCK_BITS, MidMark, Slice, TailEntry, first_seq, slice_of};
use super::{EntryKind, Log, LogMut, Result, Sql, numbered};
use crate::limits::SEALED_PER_APPENDED;

impl Log {
    /// The slices that are not sealed: those of the tail.
    pub fn unsealed(&self) -> RangeInclusive<i64> {
        self.marks.now.sealed..=slice_of(self.head().0)
    }

    /// Whether the tail is longer than a full slice and an open one, which is as long as it may
    /// be.
    pub fn must_seal(&self) -> bool {
        self.tail.full_slices() > 1
    }
}

impl LogMut<'_> {
    /// Seals some entries for each one that this transaction appended.
    pub(super) fn seal_some(&mut self) -> Result<()> {
        let appended = (self.log.head().0 - self.log.marks.at_begin().head.0) as usize;
        if appended == 0 || self.log.tail.full_slices() == 0 {
            return Ok(());
        }
        // The tail in memory must not grow past a full slice and an open one.
        let late = self.log.must_seal();
        self.seal(if late { usize::MAX } else { appended * SEALED_PER_APPENDED })
    }

    /// Seals the tail's oldest slice whole.
    pub fn seal_oldest(&mut self) -> Result<()> {
        self.seal(usize::MAX)
    }

    /// Seals at least so many entries of the tail's oldest slice, if it is full.
    fn seal(&mut self, entries: usize) -> Result<()> {
        let number = self.log.tail.first_slice();
        let mut left = entries;
        while left > 0 && self.log.marks.now.sealed == number && self.log.tail.full_slices() > 0 {
            let Some(&sweep) = SWEEPS.get(self.log.marks.now.sealing.sweep) else {
                self.log.marks.now.sealed += 1;
                self.log.marks.now.sealing = SealedTo::default();
                return Ok(());
            };
            let sealed = self.seal_row(number, sweep)?;
            let to = &mut self.log.marks.now.sealing;
            match sealed {
                0 => *to = SealedTo { sweep: to.sweep + 1, done: 0 },
                _ => to.done += sealed,
            }
            left = left.saturating_sub(sealed);
        }
        Ok(())
    }

    numbered! { 34 SEAL_LOG = "INSERT OR REPLACE INTO log_slices
    (block, conversation, sender, slice, offsets) VALUES (?1, ?2, ?3, ?4, ?5)" }
    /// Writes the next row of a sweep, and returns how many entries it is about; 0 at the end.
    fn seal_row(&mut self, number: i64, sweep: Sweep) -> Result<usize> {
        let Log { tail, sealing, marks, .. } = &mut *self.log;
        let Some(slice) = tail.oldest_full() else { return Ok(0) };
        if sealing.order_of != Some((number, sweep)) {
            let hash =
                |said: &TailEntry| said.mid.filter(|_| sweep == Sweep::Mids).map(|mid| mid.hash);
            sealing.order = slice.sorted_by(|said| Some((sweep.key(said)?, hash(said))));
            sealing.order_of = Some((number, sweep));
        }
        let done = marks.now.sealing.done;
        let rest = sealing.order.get(done..).unwrap_or_default();
        let Some(&first) = rest.first() else { return Ok(0) };
        let key = sweep.key(&slice.said(first));
        let count = rest.partition_point(|&offset| sweep.key(&slice.said(offset)) == key);
        let Some((conversation, sender)) = key else { return Ok(count) };
        if sweep == Sweep::Mids {
            return self.seal_mids(number, sender, done + count);
        }
        let (block, offsets) = (number >> BLOCK_BITS, &rest[..count]);
        let offsets: Vec<u8> = offsets.iter().flat_map(|offset| offset.to_be_bytes()).collect();
        let values = params![block, conversation, sender, number, offsets];
        self.db.write(&Self::SEAL_LOG, values)?;
        Ok(count)
    }

    numbered! { 35 SEAL_MIDS = "INSERT OR REPLACE INTO mid_slices
    (block, sender, part, slice, rising, mids) VALUES (?1, ?2, ?3, ?4, ?5, ?6)" }
    /// Writes the next row of a sender's `mid`s, which end before `end` in the order of the sweep;
    /// where they are parted, before the first part the row that tells so. Returns how many `mid`s
    /// it is about.
    fn seal_mids(&mut self, number: i64, sender: i64, end: usize) -> Result<usize> {
        let Log { tail, sealing, marks, mid_filters, .. } = &mut *self.log;
        let Some(slice) = tail.oldest_full() else { return Ok(0) };
        let (block, done, order) = (number >> BLOCK_BITS, marks.now.sealing.done, &sealing.order);
        let begin = order[..end].partition_point(|&offset| slice.said(offset).sender < sender);
        let bits = parted_by(end - begin);
        let word = |offset: &u16| word_of(slice, *offset);
        let part_of = |word: u64| bits.map_or(WHOLE, |bits| part_of(word, bits));
        let part = word(&order[done]).map_or(WHOLE, part_of);
        let words = order[done..end].iter().map_while(word);
        let words: Vec<u64> = words.take_while(|word| part_of(*word) == part).collect();
        let whole = (done == begin).then(|| last_rising(slice, number, &order[begin..end]));
        words.iter().for_each(|word| mid_filters.add(number, sender, word >> 16));
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        if let Some((rising, bits)) = whole.zip(bits) {
            let tells: &[u8] = &[bits as u8];
            let values = params![block, sender, WHOLE, number, rising, tells];
            self.db.write(&Self::SEAL_MIDS, values)?;
        }
        let rising = whole.flatten().filter(|_| bits.is_none());
        self.db.write(&Self::SEAL_MIDS, params![block, sender, part, number, rising, bytes])?;
        Ok(words.len())
    }

    const ENTRIES_OF_SLICE: Sql = "SELECT seq, conversation, sender, kind, mid, rising FROM log
        WHERE seq >= ?1 AND seq < ?2 ORDER BY seq";
    /// Reads a slice of the log into the tail: at the start, one slice after another.
    pub fn load_slice(&mut self, slice: i64) -> Result<()> {
        let range = (first_seq(slice), first_seq(slice + 1));
        let hasher = self.log.mid_hasher;
        let said: Vec<(i64, TailEntry)> =
            self.db.rows(Self::ENTRIES_OF_SLICE, range, |row| said_of(row, &hasher))?;
        for (seq, said) in said {
            self.log.tail.push(seq, &said);
        }
        Ok(())
    }
}

/// The `mid` at an offset of a slice: six bytes of its hash and two of the offset.
fn word_of(slice: &Slice, offset: u16) -> Option<u64> {
    Some(slice.said(offset).mid?.hash << 16 | u64::from(offset))
}

/// The last seq at some offsets of a slice whose `mid` was rising.
fn last_rising(slice: &Slice, number: i64, offsets: &[u16]) -> Option<i64> {
    let is_rising = |offset: &u16| slice.said(*offset).mid.is_some_and(|mid| mid.rising);
    let offset = offsets.iter().copied().filter(is_rising).max()?;
    Some(first_seq(number) + i64::from(offset))
}

/// A row of the log, as the tail keeps it.
fn said_of(row: &Row, hasher: &MidHasher) -> rusqlite::Result<(i64, TailEntry)> {
    let kind: EntryKind = row.get(3)?;
    let sender = row.get::<_, Option<i64>>(2)?;
    let mid = match row.get_ref(4)?.as_str_or_null()? {
        Some(mid) => Some(MidMark { hash: hasher.hash(mid), rising: row.get(5)? }),
        None => None,
    };
    let said = TailEntry { conversation: row.get(1)?, sender: findable_sender(kind, sender), mid };
    Ok((row.get(0)?, said))
}

#[cfg(test)]
mod tests {
    use super::super::tail::SLICE_SEQS;
    use crate::id::Conversation;
    use crate::store::tests::{ANN, Temp, text};
    use crate::store::{NewEntry, Store};

    #[test]
    fn p21_the_mids_of_one_sender_are_sealed_a_row_at_a_time() {
        let mut temp = Temp::with_users(&["ann"]);
        temp.transact(|store| {
            for number in 0..=SLICE_SEQS {
                let mid = format!("{:02}", number * 7 % 30);
                let entry = text(ANN, Conversation::Everyone, "hi");
                let entry = NewEntry { mid: Some(&mid), ..entry };
                store.log_mut().append(&entry).expect("append");
            }
            // All of it goes into one commit; here the first step of each is watched.
            let rows = |store: &Store| -> i64 {
                let count = "SELECT count(*) FROM mid_slices";
                store.sqlite().query_row(count, (), |row| row.get(0)).expect("count")
            };
            let mut written = Vec::new();
            while store.log_mut().log.marks.now.sealed == 0 {
                let before = rows(store);
                store.log_mut().seal(1).expect("seal");
                written.push(rows(store) - before);
            }
            assert!(written.iter().all(|rows| *rows <= 2), "{written:?}");
            assert!(rows(store) > 2, "they are parted");
        });
    }
}
