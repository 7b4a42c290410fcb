//! What a reader may see of the log: their inbox, everyone's conversation, and each group from
//! every join to the leave behind it.
//!
//! However often somebody joined and left, a page reads a bounded number of ended memberships. They
//! are walked in the log's order, from an index, and what was read tells of the
//! seqs up to where the next one begins:
//!
//! ```text
//!   ended      [──────────────────)             those that the page begins in, and …
//!                 [─)  [──)  [─)    ┊  [──)     … as many as a page has; the next one goes on
//!   tells of     from ──────────────► to
//! ```

use std::collections::BTreeMap;

use rusqlite::Row;

use super::{Result, Sql, Store};
use crate::id::{Conversation, GroupId, UserId};
use crate::limits::MEMBERSHIPS_PER_PAGE;

/// An ended membership: the group, and the seqs `[from, to)`.
type Membership = (i64, (i64, i64));

/// How long memberships are, as powers of two: `group_past.span` in schema.sql.
const SPANS: [i64; 8] = [4, 8, 12, 16, 20, 24, 28, 62];

/// So many memberships cost as much to read as a look into a block.
const MEMBERSHIPS_PER_LOOK: usize = 4;

/// What a reader may see of a part of the log.
pub(super) struct Readable {
    /// The conversations, each with intervals `[from, to)` of seqs, in their order and apart.
    pub conversations: Vec<(Conversation, Vec<(i64, i64)>)>,
    /// It tells of the seqs up to here, this one not.
    pub to: i64,
    /// What it cost, in looks.
    pub looks: usize,
}

/// Whether a seq lies in one of the intervals, which stand in their order.
pub(super) fn is_within(intervals: &[(i64, i64)], seq: i64) -> bool {
    let begun = intervals.partition_point(|(from, _)| *from <= seq);
    begun > 0 && seq < intervals[begun - 1].1
}

fn membership_of(row: &Row) -> rusqlite::Result<Membership> {
    Ok((row.get(0)?, (row.get(1)?, row.get(2)?)))
}

impl Store {
    const BEGUN_LATER: Sql = "SELECT groupid, from_seq, to_seq FROM group_past
        WHERE userid = ?1 AND from_seq > ?2 ORDER BY from_seq LIMIT ?3";
    /// What a reader may see of the log from a seq on, as far as few enough memberships tell.
    pub(super) fn readable_from(&self, reader: UserId, from: i64) -> Result<Readable> {
        let begun = (reader.0, from, MEMBERSHIPS_PER_PAGE as i64 + 1);
        let mut past: Vec<Membership> = self.rows(Self::BEGUN_LATER, begun, membership_of)?;
        let rest = past.split_off(past.len().min(MEMBERSHIPS_PER_PAGE));
        past.extend(self.past_at(reader, from)?);
        let to = rest.first().map_or(i64::MAX, |(_, (begun, _))| *begun);
        self.readable(reader, past, to)
    }

    const CURRENT_GROUPS: Sql = "SELECT groupid, from_seq FROM group_users WHERE userid = ?1";
    /// What a reader may see before `to`, of which these are all the ended memberships.
    fn readable(&self, reader: UserId, past: Vec<Membership>, to: i64) -> Result<Readable> {
        let looks = past.len() / MEMBERSHIPS_PER_LOOK;
        let all = |conversation| (conversation, vec![(0, i64::MAX)]);
        let inbox = Conversation::Inbox(reader);
        let mut groups: BTreeMap<i64, Vec<(i64, i64)>> = BTreeMap::new();
        let current = self.rows(Self::CURRENT_GROUPS, [reader.0], |row| {
            Ok((row.get(0)?, (row.get(1)?, i64::MAX)))
        })?;
        for (group, interval) in past.into_iter().chain(current) {
            groups.entry(group).or_default().push(interval);
        }
        let groups = groups.into_iter().map(|(group, mut intervals)| {
            intervals.sort_unstable();
            intervals.dedup();
            (Conversation::Group(GroupId(group)), intervals)
        });
        let conversations = [all(inbox), all(Conversation::Everyone)].into_iter().chain(groups);
        Ok(Readable { conversations: conversations.collect(), to, looks })
    }

    const ANY_PAST: Sql = "SELECT 1 FROM group_past WHERE userid = ?1 LIMIT 1";
    const PAST_AT: Sql = "SELECT groupid, from_seq, to_seq FROM group_past
        WHERE userid = ?1 AND span = ?2 AND from_seq > ?3 AND from_seq <= ?4 AND to_seq > ?4";
    /// The ended memberships in which a seq lies. One of a span began less than the span before
    /// it, so a few of each group are looked at, however many there were.
    fn past_at(&self, reader: UserId, seq: i64) -> Result<Vec<Membership>> {
        let mut past = Vec::new();
        if self.row(Self::ANY_PAST, [reader.0], |_| Ok(()))?.is_none() {
            return Ok(past);
        }
        for span in SPANS {
            let params = (reader.0, span, seq - (1 << span), seq);
            past.extend(self.rows(Self::PAST_AT, params, membership_of)?);
        }
        Ok(past)
    }
}

#[cfg(test)]
pub(super) const SQL: &[Sql] =
    &[Store::BEGUN_LATER, Store::CURRENT_GROUPS, Store::ANY_PAST, Store::PAST_AT];

#[cfg(test)]
mod tests {
    use super::super::tests::Temp;
    use super::super::{EntryKind, NewEntry};
    use super::*;
    use crate::id::Seq;
    use crate::names::Name;

    const ANN: UserId = UserId(1);
    const BOB: UserId = UserId(2);

    fn say(store: &mut Store, group: GroupId) -> i64 {
        let (conversation, kind) = (Conversation::Group(group), EntryKind::Text);
        let entry =
            NewEntry { conversation, sender: Some(ANN), unix: 1, kind, body: "hello", mid: None };
        store.append(&entry).expect("append").0
    }

    #[test]
    fn p9_p21_a_page_reads_a_few_memberships_however_many_there_were() {
        let mut temp = Temp::with_users(&["ann", "bob"]);
        let mut seen = Vec::new();
        temp.transact(|store| {
            let long = Name::group("long").expect("name");
            let long = store.add_group(ANN, &long, 1).expect("group");
            let short = Name::group("short").expect("name");
            let short = store.add_group(ANN, &short, 1).expect("group");
            store.join(long, BOB).expect("join");
            for number in 0..500 {
                store.join(short, BOB).expect("join");
                seen.push(say(store, short));
                store.leave(short, BOB).expect("leave");
                say(store, short);
                if number % 50 == 0 {
                    seen.push(say(store, long));
                }
            }
            store.leave(long, BOB).expect("leave");
            say(store, long);
        });
        let mut readable = temp.store.readable_from(BOB, 1).expect("memberships");
        let intervals = |readable: &Readable| -> usize {
            readable.conversations.iter().map(|(_, intervals)| intervals.len()).sum()
        };
        // Those of a page, and in each group the one that it begins in; the inbox and everyone's.
        let most = MEMBERSHIPS_PER_PAGE + 2 + 2;
        while readable.to < temp.store.head().0 {
            assert!((1..=most).contains(&intervals(&readable)), "{}", intervals(&readable));
            readable = temp.store.readable_from(BOB, readable.to).expect("memberships");
        }
        let (mut all, mut after) = (Vec::new(), Seq(0));
        while after < temp.store.head() {
            let page = temp.store.page(BOB, after, 99).expect("page");
            all.extend(page.entries.iter().map(|entry| entry.seq.0));
            after = page.through;
        }
        assert_eq!(all, seen);
    }
}
