//! Pages of the log: what a reader who is behind sees next, and the history of a conversation.
//!
//! What a reader may see is a set of intervals of the log: all of their inbox and of everyone's
//! conversation, each group they are in from the join on, each group they were in up to the
//! leave. A page of it is found in two steps. First the seqs, block by block of `slices` and at
//! last in the `tail`: at most `rows` of them, so that the work is bounded by the reader's
//! conversations and not by what was said in them. Then the rows, one look-up a seq.

use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use super::tail::first_seq;
use super::{Entry, Gap, LogMut, LogRef, Result};
use crate::id::{Conversation, GroupId, Seq, UserId};
use crate::limits::{LIST_BYTES_MAX, LOOKS_PER_PAGE, PAGE_BYTES};

/// What a reader sees next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The entries, in the log's order.
    pub entries: Vec<Entry>,
    /// The log was searched for them up to here: no other entry is before it.
    pub through: Seq,
    /// What it cost, in looks: see [`LOOKS_PER_PAGE`].
    pub looks: usize,
    /// The seqs before them that are pruned, if the reader had not seen those.
    pub gap: Option<Gap>,
}

/// Which part of a conversation is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The last before this seq, the newest first.
    Before(Seq),
    /// The first after it, the oldest first.
    After(Seq),
}

impl Part {
    /// Brings seqs into the order in which they are wanted.
    fn sort(self, seqs: &mut [i64]) {
        match self {
            Part::Before(_) => seqs.sort_unstable_by(|a, b| b.cmp(a)),
            Part::After(_) => seqs.sort_unstable(),
        }
    }
}

/// Conversations, each with the intervals `[from, to)` of seqs that a reader may see of it, in
/// their order and apart.
type Visible = [(Conversation, Vec<(i64, i64)>)];

impl LogRef<'_> {
    /// The first `rows` entries of the conversations from `from` on, in the log's order. There are
    /// fewer if the page would look in too many places, or has more text than a connection takes.
    /// `visible` holds for the seqs before `to`; `looks` is what it cost to read it.
    pub fn page(
        &self,
        gap: Option<Gap>,
        from: Seq,
        (visible, to): (&Visible, i64),
        looks: usize,
        rows: usize,
    ) -> Result<Page> {
        let mut first = FirstSeqs { seqs: BinaryHeap::new(), rows };
        let (mut next, mut looks) = (from.0, looks);
        while !first.is_full()
            && looks < LOOKS_PER_PAGE
            && next < to
            && let Some(end) = self.end_of_block(next)
        {
            let end = end.min(to);
            for (conversation, intervals) in visible {
                let here = intervals.iter().map(|(from, to)| (next.max(*from), end.min(*to)));
                let here: Vec<(i64, i64)> = here.filter(|(from, to)| from < to).collect();
                if !here.is_empty() {
                    let mut seqs = Vec::new();
                    self.look_on_disk(*conversation, None, false, &here, rows, &mut seqs)?;
                    _ = seqs.into_iter().all(|seq| first.offer(seq));
                }
            }
            looks += visible.len();
            next = end;
        }
        if !first.is_full() && next < to && self.end_of_block(next).is_none() {
            let end = to.min(self.log.head().next().0);
            self.offer_tail(visible, (next, end), &mut first);
            next = end;
        }
        let through = Seq(if first.is_full() { first.end() - 1 } else { next - 1 });
        let seqs = first.seqs.into_sorted_vec();
        let found = seqs.len();
        let entries = self.entries(seqs, PAGE_BYTES)?;
        let cut = entries.last().filter(|_| entries.len() < found).map(|last| last.seq);
        Ok(Page { entries, through: cut.unwrap_or(through), looks, gap })
    }

    /// Offers what the tail has of the conversations in the seqs `[next, end)`.
    fn offer_tail(&self, visible: &Visible, (next, end): (i64, i64), first: &mut FirstSeqs) {
        for (conversation, intervals) in visible {
            let from = intervals.first().map_or(end, |(from, _)| next.max(*from));
            let said = self.log.tail.of_conversation(conversation.to_sql(), self.sealed());
            let seqs = said.map(|(seq, _)| seq).take_while(|seq| *seq >= from);
            first.offer_all(seqs.filter(|seq| *seq < end && is_within(intervals, *seq)));
        }
    }

    /// `rows` texts that two users sent each other, from that seq on; fewer, if they are more than
    /// an answer holds.
    pub fn history_between(
        &self,
        me: UserId,
        other: UserId,
        part: Part,
        rows: usize,
    ) -> Result<Vec<Entry>> {
        let said = |by: UserId, to: UserId| {
            self.look_from(Conversation::Inbox(to), Some(by), part, &[(0, i64::MAX)], rows)
        };
        let mut seqs = said(me, other)?;
        seqs.extend(said(other, me)?);
        part.sort(&mut seqs);
        // Who writes to themselves is found twice.
        seqs.dedup();
        seqs.truncate(rows);
        self.entries(seqs, LIST_BYTES_MAX)
    }

    /// `rows` entries of a conversation, from that seq on, that lie in the intervals, which stand
    /// in the order wanted; fewer, if they are more than an answer holds.
    pub fn history(
        &self,
        conversation: Conversation,
        part: Part,
        intervals: &[(i64, i64)],
        rows: usize,
    ) -> Result<Vec<Entry>> {
        let seqs = self.look_from(conversation, None, part, intervals, rows)?;
        self.entries(seqs, LIST_BYTES_MAX)
    }

    /// `rows` seqs of a part of a conversation that lie in the intervals, which stand in the order
    /// wanted.
    fn look_from(
        &self,
        conversation: Conversation,
        sender: Option<UserId>,
        part: Part,
        intervals: &[(i64, i64)],
        rows: usize,
    ) -> Result<Vec<i64>> {
        let of_part = |&(from, to): &(i64, i64)| match part {
            Part::Before(seq) => (from, to.min(seq.0)),
            Part::After(seq) => (from.max(seq.0.saturating_add(1)), to),
        };
        let intervals = intervals.iter().map(of_part).filter(|(from, to)| from < to);
        let intervals: Vec<(i64, i64)> = intervals.collect();
        let back = matches!(part, Part::Before(_));
        self.seqs_in(conversation, sender, back, &intervals, rows)
    }
}

impl LogMut<'_> {
    /// Whether anything was said in a group in that interval. Rows that are not written count: the
    /// tail has them.
    pub fn is_anything_in(&self, group: GroupId, interval: (i64, i64)) -> Result<bool> {
        let log = LogRef { db: self.db, log: self.log };
        let seqs = log.seqs_in(Conversation::Group(group), None, true, &[interval], 1)?;
        Ok(!seqs.is_empty())
    }

    /// The first seq that is not sealed.
    pub fn first_unsealed(&self) -> i64 {
        first_seq(self.log.marks.now.sealed)
    }

    /// The seqs of a group that are not sealed, the newest first.
    pub fn unsealed_of(&self, group: GroupId) -> Vec<i64> {
        let group = Conversation::Group(group).to_sql();
        let said = self.log.tail.of_conversation(group, self.log.marks.now.sealed);
        said.map(|(seq, _)| seq).collect()
    }

    /// Who said something to a user after `after` and up to `through`, and the last seq of each,
    /// as far as the log's tail in memory tells; of `entries` entries at most.
    pub fn last_senders(
        &self,
        user: UserId,
        after: Seq,
        through: Seq,
        entries: usize,
    ) -> BTreeMap<UserId, Seq> {
        let inbox = Conversation::Inbox(user).to_sql();
        let said = self.log.tail.of_conversation(inbox, 0).take_while(|(seq, _)| *seq > after.0);
        let mut last = BTreeMap::new();
        for (seq, sender) in said.filter(|(seq, _)| *seq <= through.0).take(entries) {
            if sender != 0 && sender != user.0 {
                last.entry(UserId(sender)).or_insert(Seq(seq));
            }
        }
        last
    }
}

/// Whether a seq lies in one of the intervals, which stand in their order.
fn is_within(intervals: &[(i64, i64)], seq: i64) -> bool {
    let begun = intervals.partition_point(|(from, _)| *from <= seq);
    begun > 0 && seq < intervals[begun - 1].1
}

/// The smallest `rows` of the seqs that were offered.
struct FirstSeqs {
    seqs: BinaryHeap<i64>,
    rows: usize,
}

impl FirstSeqs {
    fn is_full(&self) -> bool {
        self.seqs.len() >= self.rows
    }

    /// A seq from here on is not wanted.
    fn end(&self) -> i64 {
        if self.is_full() { self.seqs.peek().map_or(0, |max| *max + 1) } else { i64::MAX }
    }

    /// Offers seqs, the newest first. Only the last of them can be wanted, and the others, of which
    /// there may be a thousand times as many, never enter the heap.
    fn offer_all(&mut self, seqs: impl Iterator<Item = i64>) {
        let mut last = VecDeque::with_capacity(self.rows);
        for seq in seqs {
            if last.len() == self.rows {
                last.pop_front();
            }
            last.push_back(seq);
        }
        _ = last.into_iter().rev().all(|seq| self.offer(seq));
    }

    /// False if neither this seq nor a later one is wanted.
    fn offer(&mut self, seq: i64) -> bool {
        if seq >= self.end() {
            return false;
        }
        self.seqs.push(seq);
        if self.seqs.len() > self.rows {
            self.seqs.pop();
        }
        true
    }
}

#[cfg(test)]
mod tests;
