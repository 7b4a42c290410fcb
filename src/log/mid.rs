//! A `mid`: its order, its hash, the greatest of a sender, and how those of a slice are parted into
//! rows. See `mids`.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use crate::id::UserId;
use crate::limits::GREATEST_MIDS_KEPT;

/// `mid`s of one sender in one slice that stand in one row, about.
const MIDS_PER_ROW: usize = if cfg!(test) { 2 } else { 32 };
/// The part of the row for all of a sender's `mid`s in a slice.
pub(super) const WHOLE: i64 = -1;

/// The greatest `mid`s of those who sent last; empty for who never used one.
#[derive(Default)]
pub(super) struct Greatest {
    by_sender: HashMap<UserId, String>,
    /// Those that were set in this transaction.
    set: Vec<UserId>,
}

impl Greatest {
    /// A transaction begins: what was set before stands.
    pub fn settle(&mut self) {
        self.set.clear();
    }

    /// Something of this transaction was undone, and perhaps a `mid` with it. To find a sender's
    /// greatest again can be dear, so nobody else's is forgotten: a refused request must not make
    /// the next ones of all others cost more.
    pub fn forget(&mut self) {
        for sender in self.set.drain(..) {
            self.by_sender.remove(&sender);
        }
    }

    /// A sender's greatest is known.
    pub fn keep(&mut self, sender: UserId, greatest: String) {
        if self.by_sender.len() >= GREATEST_MIDS_KEPT {
            self.by_sender.clear();
        }
        self.set.push(sender);
        self.by_sender.insert(sender, greatest);
    }

    /// Whether a `mid` is greater than the sender's greatest, if that is at hand.
    pub fn is_below(&self, sender: UserId, mid: &str) -> Option<bool> {
        Some(is_greater(mid, self.by_sender.get(&sender)?))
    }

    /// The same, and then it is the greatest.
    pub fn raise(&mut self, sender: UserId, mid: &str) -> Option<bool> {
        let greatest = self.by_sender.get_mut(&sender)?;
        let rises = is_greater(mid, greatest);
        if rises {
            greatest.clear();
            greatest.push_str(mid);
            if self.set.last() != Some(&sender) {
                self.set.push(sender);
            }
        }
        Some(rises)
    }
}

/// The order of `mid`s.
pub fn is_greater(mid: &str, than: &str) -> bool {
    (mid.len(), mid) > (than.len(), than)
}

/// By how many first bits of their hashes so many `mid`s of a sender in a slice are parted; `None`:
/// they stand in one row. Else each part has a row, and one for the whole tells how many bits.
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

/// The part that a word is in. Beginnings of one length stand together, and beside one another
/// those of all slices of a block.
pub(super) fn part_of(word: u64, bits: u32) -> i64 {
    let begins = word.checked_shr(u64::BITS.saturating_sub(bits)).unwrap_or(0);
    i64::from(bits) << 16 | begins as i64
}

/// 48 bits of a `mid`'s SHA-256. Short, because what it finds is compared; and not to be steered
/// by who chooses the `mid`, because much that it found would be much to compare.
pub(super) fn hash_of(mid: &str) -> u64 {
    Sha256::digest(mid).iter().take(6).fold(0, |hash, byte| hash << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p5_p21_a_mid_is_looked_for_in_a_small_part_of_many() {
        // As many as a slice has that is not a test's.
        let mut words: Vec<u64> =
            (0..1_u64 << 16).map(|n| hash_of(&format!("{n:x}")) << 16 | n).collect();
        words.sort_unstable();
        let parts = parts_of(&words);
        let (whole, bits) = (&parts[0], u32::from(parts[0].1[0]));
        assert_eq!((whole.0, whole.1.len()), (WHOLE, 1));
        assert!(parts.iter().all(|(_, bytes)| bytes.len() <= 8 * 16 * MIDS_PER_ROW));
        for word in words {
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
