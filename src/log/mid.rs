//! A `mid` by itself: its order, its hash, the greatest of a sender, and how those of a slice are
//! split into rows. See `mids`.

use std::collections::HashMap;

use siphasher::sip::SipHasher13;

use crate::id::UserId;
use crate::limits::{GREATEST_MIDS_KEPT, MIDS_PER_ROW};

/// The part of the row for all of a sender's `mid`s in a slice.
pub(super) const WHOLE: i64 = -1;

/// The greatest `mid`s of the senders who sent last; empty for a sender who never used one.
#[derive(Default)]
pub(super) struct Greatest {
    by_sender: HashMap<UserId, String>,
    /// Those that were set in this transaction.
    set: Vec<UserId>,
}

impl Greatest {
    /// A transaction begins: what was set before it is not forgotten with it.
    pub fn begin(&mut self) {
        self.set.clear();
    }

    /// Something of this transaction was undone, and perhaps a `mid` with it: what the transaction
    /// set is forgotten. All other senders keep theirs, because it is costly to find one again, and
    /// a refused request must not make the requests of others cost more.
    pub fn forget(&mut self) {
        for sender in self.set.drain(..) {
            self.by_sender.remove(&sender);
        }
    }

    /// Keeps a sender's greatest `mid`.
    pub fn keep(&mut self, sender: UserId, greatest: String) {
        if self.by_sender.len() >= GREATEST_MIDS_KEPT {
            self.by_sender.clear();
        }
        self.set.push(sender);
        self.by_sender.insert(sender, greatest);
    }

    /// Whether a sender's greatest `mid` is kept.
    pub fn has(&self, sender: UserId) -> bool {
        self.by_sender.contains_key(&sender)
    }

    /// Whether a `mid` is greater than the sender's greatest, which is kept.
    pub fn rises(&self, sender: UserId, mid: &str) -> bool {
        self.by_sender.get(&sender).is_some_and(|greatest| is_greater(mid, greatest))
    }

    /// Whether a `mid` is greater than the sender's greatest, which it is from then on.
    pub fn raise(&mut self, sender: UserId, mid: &str) -> bool {
        let Some(greatest) = self.by_sender.get_mut(&sender) else { return false };
        let rises = is_greater(mid, greatest);
        if rises {
            greatest.clear();
            greatest.push_str(mid);
            if self.set.last() != Some(&sender) {
                self.set.push(sender);
            }
        }
        rises
    }
}

/// The order of `mid`s.
pub fn is_greater(mid: &str, than: &str) -> bool {
    (mid.len(), mid) > (than.len(), than)
}

/// By how many first bits of their hashes so many `mid`s of a sender in a slice are split; `None`
/// if they stand in one row. Otherwise each part has a row, and one more row tells how many bits.
pub(super) fn parted_by(mids: usize) -> Option<u32> {
    (mids > 2 * MIDS_PER_ROW).then(|| (mids / MIDS_PER_ROW).ilog2())
}

/// All rows for a sender's `mid`s of one slice, whose words stand in their order.
pub fn parts_of(words: &[u64]) -> Vec<(i64, Vec<u8>)> {
    let bytes = |words: &[u64]| words.iter().flat_map(|word| word.to_be_bytes()).collect();
    let Some(bits) = parted_by(words.len()) else { return vec![(WHOLE, bytes(words))] };
    let parts = words.chunk_by(|a, b| part_of(*a, bits) == part_of(*b, bits));
    let parts = parts.map(|part| (part_of(part[0], bits), bytes(part)));
    [(WHOLE, vec![bits as u8])].into_iter().chain(parts).collect()
}

/// The part that a word is in: how many bits, and the bits. As `part` comes before `slice` in the
/// key, equal parts of all slices of a block stand side by side.
pub(super) fn part_of(word: u64, bits: u32) -> i64 {
    let begins = word.checked_shr(u64::BITS.saturating_sub(bits)).unwrap_or(0);
    i64::from(bits) << 16 | begins as i64
}

/// Hashes `mid`s with the database's own key, which no user knows: so no sender can choose many
/// `mid`s with one hash. The hashes stand on disk, and so does the key.
#[derive(Clone, Copy)]
pub struct MidHasher(SipHasher13);

impl MidHasher {
    /// With the key of a database.
    pub fn new(key: &MidKey) -> MidHasher {
        MidHasher(SipHasher13::new_with_key(key))
    }

    /// 48 bits of a `mid`'s hash. That is enough, because what it finds is compared with the `mid`.
    pub(super) fn hash(&self, mid: &str) -> u64 {
        self.0.hash(mid.as_bytes()) >> 16
    }

    /// What stands in a slice for a `mid` at an offset: its hash, and the offset.
    pub fn word(&self, mid: &str, offset: u16) -> u64 {
        self.hash(mid) << 16 | u64::from(offset)
    }
}

/// The key by which a database hashes `mid`s: 128 random bits.
pub type MidKey = [u8; 16];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p5_p21_a_mid_is_looked_for_in_a_small_part_of_many() {
        // As many as a slice has that is not a test's.
        let hasher = MidHasher::new(&[7; 16]);
        let mut words: Vec<u64> =
            (0..=u16::MAX).map(|n| hasher.word(&format!("{n:x}"), n)).collect();
        words.sort_unstable();
        let parts = parts_of(&words);
        let (whole, bits) = (&parts[0], u32::from(parts[0].1[0]));
        assert_eq!((whole.0, whole.1.len()), (WHOLE, 1));
        assert!(parts.iter().all(|(_, bytes)| bytes.len() <= 8 * 16 * MIDS_PER_ROW));
        for word in words.into_iter().step_by(37) {
            let (_, bytes) =
                parts.iter().find(|(part, _)| *part == part_of(word, bits)).expect("its part");
            assert!(bytes.chunks_exact(8).any(|found| found == word.to_be_bytes()));
        }
    }

    #[test]
    fn what_counts_up_rises() {
        for (mid, than) in [("1", ""), ("10", "9"), ("b", "a"), ("a-10", "a-9"), ("10-01", "09-99")]
        {
            assert!(is_greater(mid, than), "{mid} {than}");
            assert!(!is_greater(than, mid) && !is_greater(mid, mid));
        }
    }
}
