//! Which sealed slices of the log may have a `mid`, told without a look at the disk.
//!
//! Each slice has a Bloom filter. The filters of a block's slices lie side by side: one word a
//! position, one bit of it a slice. So a few words tell of all slices of a block at once, and
//! whether a `mid` is new costs the same among a hundred messages as among a million.
//!
//! A filter that says no is right: the `mid` is not in that slice. One that says yes is wrong for
//! one `mid` in seven hundred, which then costs a look in vain. What a transaction added and took
//! back may stay, for the same reason. The filters follow from `mid_slices` (P25); the newest
//! blocks have one, the older ones are looked at on disk.

use std::collections::VecDeque;

use super::tail::BLOCK_BITS;
use crate::limits::MID_FILTER_BLOCKS;

/// Positions of a filter, as a power of two: 16 for each entry of a slice. More in unit tests, so
/// that a wrong yes is as rare there.
const POSITION_BITS: u32 = if cfg!(test) { 9 } else { 20 };
/// Positions that a `mid` sets.
const PROBES: u64 = 5;

/// A bit for each slice of a block; the lowest is the first.
pub(super) type Slices = u16;

const _: () = assert!(1 << BLOCK_BITS <= Slices::BITS);
/// All filters together take at most 8 MiB.
const _: () = assert!(MID_FILTER_BLOCKS << POSITION_BITS << 1 <= 8 * 1024 * 1024);

/// The filters of the newest blocks with something sealed.
#[derive(Default)]
pub(super) struct MidFilters {
    /// The number of the first block.
    first: i64,
    /// A word for each position, of each block.
    blocks: VecDeque<Vec<Slices>>,
}

impl MidFilters {
    /// Begins with the newest of the blocks up to that one, and no `mid` in them.
    pub fn new(last: i64) -> MidFilters {
        let mut filters = MidFilters { first: last + 1, blocks: VecDeque::new() };
        filters.first = (last + 1 - MID_FILTER_BLOCKS as i64).max(0);
        filters.reach(last);
        filters
    }

    /// The blocks that have filters begin with this one.
    pub fn first_block(&self) -> i64 {
        self.first
    }

    /// A sender has used a `mid` of that hash in a slice.
    pub fn add(&mut self, slice: i64, sender: i64, hash: u64) {
        let block = slice >> BLOCK_BITS;
        self.reach(block);
        let bit = 1 << (slice & ((1 << BLOCK_BITS) - 1));
        let Some(words) = self.words_mut(block) else { return };
        for position in positions(sender, hash) {
            words[position] |= bit;
        }
    }

    /// The slices of a block in which a sender may have used a `mid` of that hash.
    pub fn slices_with(&self, block: i64, sender: i64, hash: u64) -> Slices {
        let index = usize::try_from(block - self.first).ok();
        let Some(words) = index.and_then(|index| self.blocks.get(index)) else {
            return Slices::MAX;
        };
        let mut slices = Slices::MAX;
        for position in positions(sender, hash) {
            slices &= words[position];
            if slices == 0 {
                break;
            }
        }
        slices
    }

    /// Has filters of a block, and lets those of the oldest go.
    fn reach(&mut self, block: i64) {
        while self.first + (self.blocks.len() as i64) <= block {
            if self.blocks.len() == MID_FILTER_BLOCKS {
                self.blocks.pop_front();
                self.first += 1;
            }
            self.blocks.push_back(vec![0; 1 << POSITION_BITS]);
        }
    }

    fn words_mut(&mut self, block: i64) -> Option<&mut Vec<Slices>> {
        self.blocks.get_mut(usize::try_from(block - self.first).ok()?)
    }
}

/// Where the filters have a sender's `mid` (Kirsch and Mitzenmacher: two hashes are enough).
fn positions(sender: i64, hash: u64) -> impl Iterator<Item = usize> {
    // Many count from one: the same `mid` of two senders is two.
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let key = hash << 16 ^ (sender as u64).wrapping_mul(GOLDEN);
    let (begin, step) = (key >> (64 - POSITION_BITS), key >> 20 | 1);
    let mask = (1 << POSITION_BITS) - 1;
    (0..PROBES).map(move |probe| (begin.wrapping_add(probe.wrapping_mul(step)) & mask) as usize)
}
