//! What a reader may see of the log: their inbox, everyone's conversation, and each group from
//! every join to the leave after it.
//!
//! However often a user joined and left, a page reads a bounded number of ended memberships: those
//! in which its first seq lies, and the next few in the order in which they began. They tell what
//! the user may see up to the seq where the first membership begins that was not read; the next
//! page goes on there.
//!
//! ```text
//!   read        [──────────────────)
//!                  [─)  [──)  [─)    ┊  [──)   not read
//!   tells of     from ──────────────► to
//! ```

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Row;

use super::{PeopleRef, Result, Sql};
use crate::id::{Conversation, GroupId, UserId};
use crate::limits::{MEMBERSHIPS_PER_LOOK, MEMBERSHIPS_PER_PAGE};

/// An ended membership: the group, and the seqs `[from, to)`.
type Past = (i64, (i64, i64));

/// How long memberships are, as powers of two: `group_past.span` in schema.sql.
const SPANS: [i64; 8] = [4, 8, 12, 16, 20, 24, 28, 62];

/// What a reader may see of a part of the log.
pub struct Readable {
    /// The conversations, each with intervals `[from, to)` of seqs, in their order and apart.
    pub conversations: Vec<(Conversation, Vec<(i64, i64)>)>,
    /// It tells of the seqs before this one.
    pub to: i64,
    /// What it cost, in looks.
    pub looks: usize,
}

impl PeopleRef<'_> {
    const BEGUN_LATER: Sql = "SELECT groupid, from_seq, to_seq FROM group_past
        WHERE userid = ?1 AND from_seq > ?2 ORDER BY from_seq LIMIT ?3";
    const CURRENT_GROUPS: Sql = "SELECT groupid, from_seq FROM group_users WHERE userid = ?1";
    /// What a reader may see of the log from a seq on. How far that goes is its `to`.
    pub fn readable_from(&self, reader: UserId, from: i64) -> Result<Readable> {
        let begun = (reader.0, from, MEMBERSHIPS_PER_PAGE as i64 + 1);
        let mut past: Vec<Past> = self.db.rows(Self::BEGUN_LATER, begun, past_of)?;
        let rest = past.split_off(past.len().min(MEMBERSHIPS_PER_PAGE));
        let to = rest.first().map_or(i64::MAX, |(_, (begun, _))| *begun);
        past.extend(self.past_at(reader, from)?);
        let looks = past.len() / MEMBERSHIPS_PER_LOOK;
        past.extend(self.db.rows(Self::CURRENT_GROUPS, [reader.0], |row| {
            Ok((row.get(0)?, (row.get(1)?, i64::MAX)))
        })?);
        let mut groups: BTreeMap<i64, Vec<(i64, i64)>> = BTreeMap::new();
        for (group, interval) in past {
            groups.entry(group).or_default().push(interval);
        }
        let groups = groups.into_iter().map(|(group, mut intervals)| {
            intervals.sort_unstable();
            intervals.dedup();
            (Conversation::Group(GroupId(group)), intervals)
        });
        let all = |conversation| (conversation, vec![(0, i64::MAX)]);
        let own = [all(Conversation::Inbox(reader)), all(Conversation::Everyone)];
        Ok(Readable { conversations: own.into_iter().chain(groups).collect(), to, looks })
    }

    const ANY_PAST: Sql = "SELECT 1 FROM group_past WHERE userid = ?1 LIMIT 1";
    const PAST_AT: Sql = "SELECT groupid, from_seq, to_seq FROM group_past
        WHERE userid = ?1 AND span = ?2 AND from_seq > ?3 AND from_seq <= ?4 AND to_seq > ?4";
    /// The ended memberships in which a seq lies. One of a span began less than the span before
    /// it, so a few of each group are looked at, however many there were.
    fn past_at(&self, reader: UserId, seq: i64) -> Result<Vec<Past>> {
        let mut past = Vec::new();
        if !self.db.exists(Self::ANY_PAST, [reader.0])? {
            return Ok(past);
        }
        for span in SPANS {
            let params = (reader.0, span, seq - (1 << span), seq);
            past.extend(self.db.rows(Self::PAST_AT, params, past_of)?);
        }
        Ok(past)
    }

    const PAST_BEFORE: Sql = "SELECT from_seq, to_seq FROM group_past
        WHERE userid = ?1 AND groupid = ?2 AND to_seq <= ?3 ORDER BY to_seq DESC LIMIT ?4";
    /// The last `rows` memberships of a reader in a group that ended at a seq or before it, the
    /// newest first.
    pub fn past_before(
        &self,
        reader: UserId,
        group: GroupId,
        seq: i64,
        rows: usize,
    ) -> Result<Vec<(i64, i64)>> {
        self.db.rows(Self::PAST_BEFORE, (reader.0, group.0, seq, rows as i64), interval_of)
    }

    const PAST_AFTER: Sql = "SELECT from_seq, to_seq FROM group_past
        WHERE userid = ?1 AND groupid = ?2 AND to_seq > ?3 ORDER BY to_seq LIMIT ?4";
    /// The first `rows` memberships of a reader in a group that ended after a seq, the oldest
    /// first. As memberships do not overlap, only the first of them can have begun before it.
    pub fn past_after(
        &self,
        reader: UserId,
        group: GroupId,
        seq: i64,
        rows: usize,
    ) -> Result<Vec<(i64, i64)>> {
        self.db.rows(Self::PAST_AFTER, (reader.0, group.0, seq, rows as i64), interval_of)
    }

    const GROUPS_NOW: Sql =
        "SELECT groupid FROM group_users WHERE userid = ?1 ORDER BY groupid LIMIT ?2";
    const NEXT_GROUP_PAST: Sql = "SELECT groupid FROM group_past
        WHERE userid = ?1 AND groupid > ?2 ORDER BY groupid LIMIT 1";
    /// The groups that a reader is in or was in, by id, if they are fewer than `most`.
    pub fn groups_ever(&self, reader: UserId, most: usize) -> Result<Option<Vec<GroupId>>> {
        let now = (reader.0, most as i64);
        let now = self.db.rows(Self::GROUPS_NOW, now, |row| row.get(0).map(GroupId))?;
        let mut groups: BTreeSet<GroupId> = now.into_iter().collect();
        let mut after = GroupId(0);
        // However often they joined and left, a group is found once.
        while groups.len() < most
            && let Some(group) =
                self.db.row(Self::NEXT_GROUP_PAST, (reader.0, after.0), |row| row.get(0))?
        {
            after = GroupId(group);
            groups.insert(after);
        }
        Ok((groups.len() < most).then(|| groups.into_iter().collect()))
    }
}

fn past_of(row: &Row) -> rusqlite::Result<Past> {
    Ok((row.get(0)?, (row.get(1)?, row.get(2)?)))
}

fn interval_of(row: &Row) -> rusqlite::Result<(i64, i64)> {
    Ok((row.get(0)?, row.get(1)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Seq;
    use crate::store::Store;
    use crate::store::tests::{ANN, BOB, Temp, add_group};

    fn say(store: &mut Store, group: GroupId) -> i64 {
        crate::store::tests::say(store, ANN, Conversation::Group(group), "hello").0
    }

    #[test]
    fn every_span_of_the_schema_is_looked_for() {
        let schema = include_str!("../../schema.sql");
        let spans = schema.split("THEN ").skip(1).chain(schema.split("ELSE ").skip(1));
        let numbers = spans.map(|text| text.split_once(' ').expect("a number").0.trim());
        let numbers: Vec<i64> = numbers.map(|number| number.parse().expect("a number")).collect();
        assert_eq!(numbers, SPANS);
    }

    #[test]
    fn p9_p21_a_page_reads_a_few_memberships_however_many_there_were() {
        let mut temp = Temp::with_users(&["ann", "bob"]);
        let mut seen = Vec::new();
        temp.transact(|store| {
            let [long, short] = ["long", "short"].map(|name| add_group(store, ANN, name));
            store.people_mut().join(long, BOB).expect("join");
            for number in 0..500 {
                store.people_mut().join(short, BOB).expect("join");
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
        let mut readable = temp.store.people().readable_from(BOB, 1).expect("memberships");
        let intervals = |readable: &Readable| -> usize {
            readable.conversations.iter().map(|(_, intervals)| intervals.len()).sum()
        };
        // Those of a page, and in each group the one that it begins in; the inbox and everyone's.
        let most = MEMBERSHIPS_PER_PAGE + 2 + 2;
        while readable.to < temp.store.head().0 {
            assert!((1..=most).contains(&intervals(&readable)), "{}", intervals(&readable));
            readable = temp.store.people().readable_from(BOB, readable.to).expect("memberships");
        }
        let (mut all, mut after) = (Vec::new(), Seq(0));
        while after < temp.store.head() {
            let page = temp.store.reads().page(BOB, after, 99).expect("page");
            all.extend(page.entries.iter().map(|entry| entry.seq.0));
            after = page.through;
        }
        assert_eq!(all, seen);
    }
}
