//! The tail: where the newest entries of the log are, in memory.
//!
//! The table has one row for each message, in the order of its key, and no index. What an index
//! would tell is needed only by a reader who is behind, by a history and by a retry. It is kept by
//! *slices*, runs of 65,536 seqs: the newest slices here, the older ones on disk (see `sealing`).
//!
//! ```text
//!   log      … ┼── sealed ──┼── sealed ──┼── full, being sealed ──┼── open ───►
//!   found by     log_slices, mid_slices    └───────── Tail ───────────────┘
//! ```
//!
//! A slice is a few flat arrays, by the offset of a seq in it. Entries of one conversation, entries
//! of one sender, and those whose `mid`s have one hash, are chained from the newest backwards, in
//! buckets. All of it follows from the log (P25), and it is undone like the log: from the end (P3).

use std::collections::VecDeque;

/// Seqs in a slice, as a power of two. A few in unit tests, so that a short log has many slices.
pub const SLICE_BITS: u32 = if cfg!(test) { 3 } else { 16 };
/// Seqs in a slice.
pub(super) const SLICE_SEQS: usize = 1 << SLICE_BITS;
/// Slices in a block, as a power of two.
pub const BLOCK_BITS: u32 = if cfg!(test) { 1 } else { 4 };

/// Chains of a slice by conversation, by sender and by `mid`; some keys share one.
const CONVERSATIONS: usize = 1 << 14;
const SENDERS: usize = 1 << 13;
const MIDS: usize = 1 << 13;
/// Stands where no entry is: that seq was pruned. No conversation and no sender has this id.
const NOBODY: i64 = i64::MIN;

/// The log's tail in memory is at most 4 MiB: a full slice and an open one, each with three words
/// an entry and three chains.
const _: () = assert!(
    2 * (SLICE_SEQS * 3 * (8 + 2) + 4 * (CONVERSATIONS + SENDERS + MIDS)) <= 4 * 1024 * 1024
);

/// The slice that a seq is in.
pub(super) fn slice_of(seq: i64) -> i64 {
    seq >> SLICE_BITS
}

/// The first seq of a slice.
pub(super) fn first_seq(slice: i64) -> i64 {
    slice << SLICE_BITS
}

/// What the tail keeps of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TailEntry {
    /// Who it is for, as in the database.
    pub conversation: i64,
    /// Who said it; [`NO_USER`](crate::id::NO_USER) for the system, and for notices.
    pub sender: i64,
    /// The sender's name for it.
    pub mid: Option<MidMark>,
}

/// A `mid`, as far as it is kept in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MidMark {
    /// 48 bits of its hash.
    pub hash: u64,
    /// Whether it is greater than all the sender's earlier ones: see `mids`.
    pub rising: bool,
}

impl MidMark {
    /// One word: the hash, and below it whether there is one and whether it rises.
    fn to_word(mid: Option<MidMark>) -> u64 {
        mid.map_or(0, |mid| mid.hash << 16 | u64::from(mid.rising) << 1 | 1)
    }

    fn from_word(word: u64) -> Option<MidMark> {
        (word & 1 == 1).then_some(MidMark { hash: word >> 16, rising: word & 2 == 2 })
    }
}

/// The newest slices, one after the other; the last is open. There is always one.
pub(super) struct Tail {
    first: i64,
    slices: VecDeque<Slice>,
}

impl Tail {
    /// Empty, beginning with that slice.
    pub fn new(first: i64) -> Tail {
        Tail { first, slices: VecDeque::from([Slice::default()]) }
    }

    /// The number of its first slice.
    pub fn first_slice(&self) -> i64 {
        self.first
    }

    /// The oldest slice, if it will not change any more.
    pub fn oldest_full(&self) -> Option<&Slice> {
        (self.slices.len() > 1).then(|| &self.slices[0])
    }

    /// Slices that will not change any more.
    pub fn full_slices(&self) -> usize {
        self.slices.len() - 1
    }

    /// Appends an entry. Seqs that were passed over stay empty.
    pub fn push(&mut self, seq: i64, said: &TailEntry) {
        let index = (slice_of(seq) - self.first) as usize;
        while self.slices.len() <= index {
            self.slices.push_back(Slice::default());
        }
        self.slices[index].push(offset_of(seq), said);
    }

    /// Takes back the entries after `head`.
    pub fn truncate(&mut self, head: i64) {
        let next = head + 1;
        // The open slice stays, however empty.
        let open = (slice_of(next).max(self.first) - self.first) as usize;
        if open < self.slices.len() {
            self.slices.truncate(open + 1);
            self.slices[open].truncate(offset_of(next));
        }
    }

    /// Forgets the slices before that one: they are on disk.
    pub fn drop_before(&mut self, slice: i64) {
        while self.first < slice && self.slices.len() > 1 {
            self.slices.pop_front();
            self.first += 1;
        }
    }

    /// Who said what in a conversation in slices from `since` on: seqs and senders, the newest
    /// first.
    pub fn of_conversation(
        &self,
        conversation: i64,
        since: i64,
    ) -> impl Iterator<Item = (i64, i64)> {
        self.newest_first(since).flat_map(move |(base, slice)| {
            let offsets = slice.conversations.walk(conversation);
            offsets.map(move |offset| (base + offset as i64, slice.senders.keys[offset]))
        })
    }

    /// Everything before a seq, the newest first: seqs, conversations and senders.
    pub fn before(&self, before: i64) -> impl Iterator<Item = (i64, i64, i64)> {
        self.newest_first(self.first).flat_map(move |(base, slice)| {
            let (conversations, senders) = (&slice.conversations.keys, &slice.senders.keys);
            let end = (before - base).clamp(0, conversations.len() as i64) as usize;
            let there = (0..end).rev().filter(|&offset| conversations[offset] != NOBODY);
            there.map(move |offset| (base + offset as i64, conversations[offset], senders[offset]))
        })
    }

    /// The `mid`s that a sender used in slices from `since` on, and where, the newest first.
    pub fn of_sender(&self, sender: i64, since: i64) -> impl Iterator<Item = (i64, MidMark)> {
        self.newest_first(since).flat_map(move |(base, slice)| {
            let offsets = slice.senders.walk(sender);
            offsets.filter_map(move |offset| {
                Some((base + offset as i64, MidMark::from_word(slice.mids[offset])?))
            })
        })
    }

    /// What was said in slices from `since` on under `mid`s of that hash, the newest first.
    pub fn of_mid(&self, hash: u64, since: i64) -> impl Iterator<Item = i64> {
        self.newest_first(since).flat_map(move |(base, slice)| {
            let same = move |offset: &usize| {
                MidMark::from_word(slice.mids[*offset]).is_some_and(|mid| mid.hash == hash)
            };
            let offsets = slice.by_mid.walk(hash as i64).filter(same);
            offsets.map(move |offset| base + offset as i64)
        })
    }

    fn newest_first(&self, since: i64) -> impl Iterator<Item = (i64, &Slice)> {
        let first = self.first;
        let numbered = self.slices.iter().enumerate().rev();
        let numbered = numbered.map(move |(index, slice)| (first + index as i64, slice));
        let wanted = numbered.take_while(move |(number, _)| *number >= since);
        wanted.map(|(number, slice)| (first_seq(number), slice))
    }
}

fn offset_of(seq: i64) -> usize {
    seq as usize & (SLICE_SEQS - 1)
}

/// One slice, by the offsets of its seqs.
#[derive(Default)]
pub(super) struct Slice {
    conversations: Keys<CONVERSATIONS>,
    senders: Keys<SENDERS>,
    mids: Vec<u64>,
    by_mid: Chains<MIDS>,
}

impl Slice {
    fn push(&mut self, offset: usize, said: &TailEntry) {
        while self.mids.len() < offset {
            self.add(&TailEntry { conversation: NOBODY, sender: NOBODY, mid: None });
        }
        self.add(said);
    }

    fn add(&mut self, said: &TailEntry) {
        self.conversations.push(said.conversation);
        self.senders.push(said.sender);
        self.mids.push(MidMark::to_word(said.mid));
        self.by_mid.push(said.mid.map(|mid| mid.hash as i64));
    }

    fn truncate(&mut self, entries: usize) {
        self.conversations.truncate(entries);
        self.senders.truncate(entries);
        while self.mids.len() > entries {
            let mid = self.mids.pop().and_then(MidMark::from_word);
            self.by_mid.pop(mid.map(|mid| mid.hash as i64));
        }
    }

    /// What stands at an offset.
    pub fn said(&self, offset: u16) -> TailEntry {
        let at = usize::from(offset);
        let mid = MidMark::from_word(self.mids[at]);
        TailEntry { conversation: self.conversations.keys[at], sender: self.senders.keys[at], mid }
    }

    /// The offsets at which something stands and that have a key, sorted by it and then by
    /// themselves.
    pub fn sorted_by<K: Ord>(&self, key: impl Fn(&TailEntry) -> Option<K>) -> Vec<u16> {
        let offsets = (0..self.mids.len()).map(|offset| offset as u16);
        let said = offsets.map(|offset| (self.said(offset), offset));
        let there = said.filter(|(said, _)| said.conversation != NOBODY);
        let mut keyed: Vec<(K, u16)> =
            there.filter_map(|(said, offset)| Some((key(&said)?, offset))).collect();
        keyed.sort_unstable();
        keyed.into_iter().map(|(_, offset)| offset).collect()
    }
}

/// Keys by offset, chained.
#[derive(Default)]
struct Keys<const BUCKETS: usize> {
    keys: Vec<i64>,
    chains: Chains<BUCKETS>,
}

impl<const BUCKETS: usize> Keys<BUCKETS> {
    fn push(&mut self, key: i64) {
        self.keys.push(key);
        self.chains.push(Some(key));
    }

    fn truncate(&mut self, entries: usize) {
        while self.keys.len() > entries {
            let key = self.keys.pop();
            self.chains.pop(key);
        }
    }

    /// The offsets of a key, the newest first.
    fn walk(&self, key: i64) -> impl Iterator<Item = usize> {
        self.chains.walk(key).filter(move |&offset| self.keys[offset] == key)
    }
}

/// For each offset the next older one in the bucket of its key.
#[derive(Default)]
struct Chains<const BUCKETS: usize> {
    /// How far back the next of the bucket stands; 0: there is none.
    gaps: Vec<u16>,
    /// The newest offset of each bucket, and one; 0: it is empty. Made with the first key.
    newest: Vec<u32>,
}

impl<const BUCKETS: usize> Chains<BUCKETS> {
    /// The next offset; without a key it stands in no chain.
    fn push(&mut self, key: Option<i64>) {
        let here = self.gaps.len() as u32 + 1;
        let Some(key) = key else { return self.gaps.push(0) };
        if self.newest.is_empty() {
            self.newest.resize(BUCKETS, 0);
        }
        let newest = &mut self.newest[bucket_of(key, BUCKETS)];
        let gap = if *newest == 0 { 0 } else { here - *newest };
        *newest = here;
        // Two offsets of a slice differ by less than its length.
        self.gaps.push(gap as u16);
    }

    /// Takes the last offset back, which has that key.
    fn pop(&mut self, key: Option<i64>) {
        let here = self.gaps.len() as u32;
        let (Some(gap), Some(key)) = (self.gaps.pop(), key) else { return };
        let older = if gap == 0 { 0 } else { here - u32::from(gap) };
        self.newest[bucket_of(key, BUCKETS)] = older;
    }

    /// The offsets in the bucket of a key, the newest first; those of other keys are among them.
    fn walk(&self, key: i64) -> impl Iterator<Item = usize> {
        let mut next = self.newest.get(bucket_of(key, BUCKETS)).copied().unwrap_or(0) as usize;
        std::iter::from_fn(move || {
            let offset = next.checked_sub(1)?;
            let gap = usize::from(self.gaps[offset]);
            next = if gap == 0 { 0 } else { next - gap };
            Some(offset)
        })
    }
}

/// Ids follow each other: a multiplication by the golden ratio spreads them (Knuth, The Art of
/// Computer Programming, volume 3, 6.4).
fn bucket_of(key: i64, buckets: usize) -> usize {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    ((key as u64).wrapping_mul(GOLDEN) >> (u64::BITS - buckets.trailing_zeros())) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p5_p21_a_mid_is_looked_for_among_a_few_however_many_there_are() {
        // As many as a slice has that is not a test's.
        let mut chains = Chains::<MIDS>::default();
        let hash = |number: i64| (number as u64).wrapping_mul(0x2545_F491_4F6C_DD1D) as i64 >> 16;
        (0..1 << 16).for_each(|number| chains.push(Some(hash(number))));
        let looks = |number| chains.walk(hash(number)).count();
        assert!((0..1 << 16).all(|number| looks(number) <= 64));
        // Those without one cost the others nothing.
        let before = looks(1);
        (0..1 << 10).for_each(|_| chains.push(None));
        assert_eq!(chains.walk(hash(1)).count(), before);
        (0..1 << 10).for_each(|_| chains.pop(None));
        (0..1 << 16).rev().for_each(|number| chains.pop(Some(hash(number))));
        assert!((0..1 << 16).all(|number| chains.walk(hash(number)).count() == 0));
    }
}
