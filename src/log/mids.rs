//! `mid`s: what a sender calls a message, so that a retry finds what it already did (P5).
//!
//! Nearly every `mid` is new, and that must be cheap to know. So they are compared: of two the
//! longer is greater, and of two as long the one whose bytes are. A `mid` greater than all that
//! its sender ever used *rises*, is new, and nobody looks further. That is so for whatever counts
//! up: numbers, and numbers behind a prefix that itself counts up, such as the time. Any other is
//! looked for by its hash: in the tail, and in the slices that `mid_filter` does not rule out.
//!
//! Whether it rose stands in the log with the message, so a sender's greatest is found again after
//! a crash: it is the newest that rose.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::mid_filter::{MidFilters, Slices};
use super::slices::{BLOCK_BITS, blob};
use super::tail::{Mid, first_seq, slice_of};
use super::{Posted, Result, Sql, Store};
use crate::id::{Conversation, Seq, UserId};
use crate::limits::{GREATEST_MIDS_KEPT, MID_BYTES_MAX};

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

    fn keep(&mut self, sender: UserId, greatest: String) {
        if self.by_sender.len() >= GREATEST_MIDS_KEPT {
            self.by_sender.clear();
        }
        self.set.push(sender);
        self.by_sender.insert(sender, greatest);
    }

    /// Whether a `mid` is greater than the sender's greatest, if that is at hand.
    fn is_below(&self, sender: UserId, mid: &str) -> Option<bool> {
        Some(is_greater(mid, self.by_sender.get(&sender)?))
    }

    /// The same, and then it is the greatest.
    fn raise(&mut self, sender: UserId, mid: &str) -> Option<bool> {
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

impl Store {
    const POSTED: Sql = "SELECT seq, conversation, kind, body FROM log
        WHERE seq = ?1 AND sender = ?2 AND mid = ?3";
    /// What a sender has appended under a `mid`. It is looked for among the newest first, for
    /// there a retry most often finds it.
    pub fn find_mid(&mut self, sender: UserId, mid: &str) -> Result<Option<Posted>> {
        if self.rises(sender, mid)? {
            return Ok(None);
        }
        let hash = hash_of(mid);
        let in_tail: Vec<i64> = self.tail.of_mid(hash, self.now.sealed).collect();
        if let Some(posted) = self.first_posted(&in_tail, sender, mid)? {
            return Ok(Some(posted));
        }
        for block in self.sealed_blocks().rev() {
            let slices = self.mid_filters.slices_with(block, sender.0, hash);
            if slices != 0 {
                let in_block = self.look_for_mid(block, slices, sender, hash)?;
                if let Some(posted) = self.first_posted(&in_block, sender, mid)? {
                    return Ok(Some(posted));
                }
            }
        }
        Ok(None)
    }

    /// The first of these seqs at which a sender has used a `mid`.
    fn first_posted(&mut self, seqs: &[i64], sender: UserId, mid: &str) -> Result<Option<Posted>> {
        for seq in seqs {
            self.write_log()?;
            let posted = self.row(Self::POSTED, (seq, sender.0, mid), |row| {
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

    /// A new `mid` of a sender, as it is found again.
    pub(super) fn name_it(&mut self, sender: UserId, mid: &str) -> Result<Mid> {
        let mut rising = self.greatest.raise(sender, mid);
        if rising.is_none() {
            self.recall(sender)?;
            rising = self.greatest.raise(sender, mid);
        }
        Ok(Mid { hash: hash_of(mid), rising: rising.unwrap_or(false) })
    }

    /// Whether a `mid` is greater than all that its sender used.
    fn rises(&mut self, sender: UserId, mid: &str) -> Result<bool> {
        if let Some(rises) = self.greatest.is_below(sender, mid) {
            return Ok(rises);
        }
        self.recall(sender)?;
        Ok(self.greatest.is_below(sender, mid).unwrap_or(false))
    }

    const MID_AT: Sql = "SELECT mid FROM log WHERE seq = ?1";
    /// Has a sender's greatest `mid` at hand.
    fn recall(&mut self, sender: UserId) -> Result<()> {
        self.write_log()?;
        let greatest: String = match self.last_rising(sender)? {
            LastRising::At(seq) => {
                self.row(Self::MID_AT, [seq], |row| row.get(0))?.unwrap_or_default()
            }
            // What is kept of theirs need not be in order. Nothing is greater than what is longer
            // than any `mid`: so none rises, and each is looked for.
            LastRising::Gone => "~".repeat(MID_BYTES_MAX + 1),
            LastRising::Never => String::new(),
        };
        self.greatest.keep(sender, greatest);
        Ok(())
    }

    const MIDS: Sql = "SELECT slice, mids FROM mid_slices
        WHERE block = ?1 AND sender = ?2 AND part = ?3 AND slice >= ?4 AND slice <= ?5";
    /// Where a sender may have used a `mid` of that hash in some slices of a block: as much is
    /// looked at, however many `mid`s they used.
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
        let to = to.min(self.now.sealed - 1);
        let mut statement = self.db.prepare_cached(Self::MIDS)?;
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
    /// Reads the filters from the slices on disk. Stands between transactions.
    pub(super) fn load_mid_filters(&mut self) -> Result<()> {
        let last = *self.sealed_blocks().end();
        let mut filters = MidFilters::new(last);
        let mut statement = self.db.prepare_cached(Self::MIDS_OF_BLOCK)?;
        for block in filters.first_block()..=last {
            let mut rows = statement.query((block, self.now.sealed))?;
            while let Some(row) = rows.next()? {
                let (slice, sender) = (row.get(0)?, row.get(1)?);
                words(blob(row, 2)?).for_each(|word| filters.add(slice, sender, word >> 16));
            }
        }
        drop(statement);
        self.mid_filters = filters;
        Ok(())
    }

    const LAST_RISING: Sql = "SELECT rising FROM mid_slices
        WHERE block = ?1 AND sender = ?2 AND part = -1 AND slice < ?3 AND rising IS NOT NULL
        ORDER BY slice DESC LIMIT 1";
    const ANY_MIDS: Sql = "SELECT 1 FROM mid_slices
        WHERE block = ?1 AND sender = ?2 AND part = -1 AND slice >= ?3 LIMIT 1";
    /// Where a sender's greatest `mid` stands.
    fn last_rising(&self, sender: UserId) -> Result<LastRising> {
        let first = self.first().0;
        let (mut rising, mut any) = (None, false);
        for (seq, mid) in self.tail.of_sender(sender.0, self.now.sealed) {
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
            let params = (block, sender.0, self.now.sealed);
            rising = self.row(Self::LAST_RISING, params, |row| row.get(0))?;
            let params = (block, sender.0, slice_of(first));
            any |= self.row(Self::ANY_MIDS, params, |_| Ok(()))?.is_some();
        }
        Ok(match rising {
            Some(seq) if seq >= first => LastRising::At(seq),
            _ if any => LastRising::Gone,
            _ => LastRising::Never,
        })
    }
}

/// The order of `mid`s.
pub(super) fn is_greater(mid: &str, than: &str) -> bool {
    (mid.len(), mid) > (than.len(), than)
}

/// Where a sender's greatest `mid` stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LastRising {
    /// There.
    At(i64),
    /// They use `mid`s, and the greatest is not kept.
    Gone,
    /// None is kept.
    Never,
}

/// The words of a row, of which the upper 48 bits are a hash; the byte of a row that tells of
/// parts is none.
fn words(bytes: &[u8]) -> impl Iterator<Item = u64> {
    let words = bytes.chunks_exact(8);
    words.map(|word| word.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)))
}

/// By how many first bits of their hashes so many `mid`s of a sender in a slice are parted; `None`:
/// they stand in one row. Else each part has a row, and one for the whole tells how many bits.
pub(super) fn parted_by(mids: usize) -> Option<u32> {
    (mids > 2 * MIDS_PER_ROW).then(|| (mids / MIDS_PER_ROW).ilog2())
}

/// All rows for a sender's `mid`s of one slice, whose words stand in their order.
pub(super) fn parts_of(words: &[u64]) -> Vec<(i64, Vec<u8>)> {
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
pub(super) const SQL: &[Sql] = &[
    Store::POSTED,
    Store::MID_AT,
    Store::MIDS,
    Store::MIDS_OF_BLOCK,
    Store::LAST_RISING,
    Store::ANY_MIDS,
];

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use proptest::prelude::*;

    use super::super::tail::SLICE_SEQS;
    use super::super::tests::Temp;
    use super::super::{EntryKind, NewEntry};
    use super::*;
    use crate::limits::MID_FILTER_BLOCKS;

    const ANN: UserId = UserId(1);
    const BOB: UserId = UserId(2);

    fn say(store: &mut Store, sender: UserId, mid: Option<&str>) -> Seq {
        let conversation = Conversation::Inbox(ANN);
        let (kind, body) = (EntryKind::Text, "hello");
        let entry = NewEntry { conversation, sender: Some(sender), unix: 1, kind, body, mid };
        store.append(&entry).expect("append")
    }

    #[derive(Clone, Debug)]
    enum Step {
        /// Says something under a `mid` if it was not used yet, as the handlers do.
        Say(UserId, String),
        SayWithout(UserId),
        /// The same, undone.
        Undone(UserId, String),
        /// What stands first is too old.
        Prune,
        Commit,
        RollBack,
        Reopen,
    }

    fn step() -> impl Strategy<Value = Step> {
        let who = prop::sample::select(vec![ANN, BOB]);
        // Some count up, some do not, and many come twice.
        let mid = prop_oneof![
            (0..60_u32).prop_map(|n| n.to_string()),
            (0..30_u32).prop_map(|n| format!("{:02}", n * 7 % 30)),
        ];
        prop_oneof![
            12 => (who.clone(), mid.clone()).prop_map(|(who, mid)| Step::Say(who, mid)),
            3 => who.clone().prop_map(Step::SayWithout),
            2 => (who, mid).prop_map(|(who, mid)| Step::Undone(who, mid)),
            1 => Just(Step::Prune),
            2 => Just(Step::Commit),
            1 => Just(Step::RollBack),
            1 => Just(Step::Reopen),
        ]
    }

    type Used = HashMap<(UserId, String), Seq>;

    fn look(store: &mut Store, used: &Used, sender: UserId, mid: &str) -> bool {
        let posted = store.find_mid(sender, mid).expect("look");
        let expected = used.get(&(sender, mid.to_owned())).copied();
        assert_eq!(posted.map(|posted| posted.seq), expected, "{mid} of {sender:?}");
        expected.is_some()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
        #[test]
        fn p5_a_mid_is_found_whatever_came_in_between(
            steps in prop::collection::vec(step(), 1..150),
        ) {
            let mut temp = Temp::with_users(&["ann", "bob"]);
            let (mut used, mut committed) = (Used::new(), Used::new());
            temp.store.begin().expect("begin");
            for step in steps {
                let store = &mut temp.store;
                match step {
                    Step::Say(who, mid) => {
                        if !look(store, &used, who, &mid) {
                            let seq = say(store, who, Some(&mid));
                            used.insert((who, mid), seq);
                        }
                    }
                    Step::SayWithout(who) => _ = say(store, who, None),
                    Step::Undone(who, mid) => {
                        store.savepoint().expect("savepoint");
                        if !look(store, &used, who, &mid) {
                            say(store, who, Some(&mid));
                        }
                        store.rollback_to_savepoint().expect("undo");
                    }
                    Step::Prune => {
                        store.commit(()).expect("commit");
                        store.begin().expect("begin");
                        store.prune(i64::MAX, store.head(), 7).expect("prune");
                        used.retain(|_, seq| *seq >= store.first());
                        store.commit(()).expect("commit");
                        committed.clone_from(&used);
                        store.begin().expect("begin");
                    }
                    Step::Commit => {
                        store.commit(()).expect("commit");
                        committed.clone_from(&used);
                        store.begin().expect("begin");
                    }
                    Step::RollBack => {
                        store.rollback().expect("rollback");
                        used.clone_from(&committed);
                        store.begin().expect("begin");
                    }
                    Step::Reopen => {
                        store.commit(()).expect("commit");
                        committed.clone_from(&used);
                        temp = temp.reopen();
                        temp.store.begin().expect("begin");
                    }
                }
            }
            for number in 0..60 {
                look(&mut temp.store, &used, ANN, &number.to_string());
                look(&mut temp.store, &used, BOB, &format!("{number:02}"));
            }
        }
    }

    #[test]
    fn p21_a_refused_request_makes_nobody_else_look_for_their_greatest() {
        let mut temp = Temp::with_users(&["ann", "bob"]);
        temp.transact(|store| _ = say(store, ANN, Some("9")));
        temp.transact(|store| {
            assert_eq!(store.greatest.is_below(ANN, "8"), Some(false));
            store.savepoint().expect("savepoint");
            say(store, BOB, Some("5"));
            store.rollback_to_savepoint().expect("undo");
            assert_eq!(store.greatest.is_below(ANN, "8"), Some(false), "still at hand");
            assert_eq!(store.greatest.is_below(BOB, "4"), None, "undone");
            assert_eq!(store.find_mid(BOB, "5"), Ok(None));
        });
    }

    /// Steps of SQLite's machine that some work takes.
    fn steps(store: &mut Store, work: impl FnOnce(&mut Store)) -> u64 {
        let count = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&count);
        let handler = move || {
            counter.fetch_add(1, Ordering::Relaxed);
            false
        };
        store.db.progress_handler(1, Some(handler)).expect("count");
        work(store);
        store.db.progress_handler(0, None::<fn() -> bool>).expect("count no more");
        count.load(Ordering::Relaxed)
    }

    #[test]
    fn p21_a_mid_out_of_order_costs_the_same_among_many() {
        let mut temp = Temp::with_users(&["ann", "bob"]);
        let mid = |number: u64| format!("{:016x}", number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        temp.transact(|store| _ = say(store, ANN, Some(&"~".repeat(64))));
        let filtered = (MID_FILTER_BLOCKS << BLOCK_BITS) * SLICE_SEQS;
        let mut retries = Vec::new();
        let mut said = 0;
        for count in [SLICE_SEQS, 4 * SLICE_SEQS, filtered] {
            while said < count {
                temp.transact(|store| _ = say(store, ANN, Some(&mid(said as u64))));
                said += 1;
            }
            temp = temp.reopen();
            let store = &mut temp.store;
            assert_eq!(store.find_mid(ANN, "1"), Ok(None), "has the greatest at hand");
            let new = steps(store, |store| {
                for number in 10_000..10_100 {
                    assert_eq!(store.find_mid(ANN, &mid(number)), Ok(None));
                }
            });
            assert_eq!(new, 0, "a new one of {count} is looked for nowhere but in memory");
            let dearest = (0..said).map(|number| {
                let mid = mid(number as u64);
                steps(store, |store| assert!(store.find_mid(ANN, &mid).expect("look").is_some()))
            });
            retries.push(dearest.max());
        }
        let (in_tail, sealed, many) = (retries[0], retries[1], retries[2]);
        assert!(in_tail < sealed && sealed >= many, "{retries:?}");
        assert!(many <= Some(100), "{retries:?}");
    }

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
