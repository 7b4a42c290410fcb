//! What a reader may see: the log and the memberships, read together.
//!
//! A [`Snapshot`] is the store as it is now. In a transaction it has what that transaction wrote,
//! so a handler may answer from it and nothing may be pushed from it. [`Reads`] is a snapshot that
//! is lent outside a transaction only, and the one way to read for pushing: pages, presence,
//! figures for a monitor. Both borrow the store, so nothing is written while they are there.

use std::ops::Deref;

use super::{Found, Page, Part, Result, Store, Wanted};
use crate::db::Db;
use crate::id::{Conversation, GroupId, Seq, UserId};
use crate::log::{Entry, LogRef, Membership, Memberships};
use crate::people::{People, PeopleRef};

/// The store as it is now, to be read.
#[derive(Clone, Copy)]
pub struct Snapshot<'a> {
    /// The log.
    pub log: LogRef<'a>,
    /// People.
    pub people: PeopleRef<'a>,
    head: Seq,
}

/// The store as the last COMMIT left it, to be read for pushing.
#[derive(Clone, Copy)]
pub struct Reads<'a> {
    snapshot: Snapshot<'a>,
    db: &'a Db,
}

impl<'a> Deref for Reads<'a> {
    type Target = Snapshot<'a>;

    fn deref(&self) -> &Snapshot<'a> {
        &self.snapshot
    }
}

impl Reads<'_> {
    /// Begins several reads: SQLite looks at its files once for all of them.
    pub fn begin(&self) -> Result<()> {
        self.db.begin_reads()
    }

    /// Ends what [`Reads::begin`] began.
    pub fn end(&self) -> Result<()> {
        self.db.end_reads()
    }
}

impl Store {
    /// Lends the committed rows to be read for pushing.
    pub fn reads(&self) -> Reads<'_> {
        assert!(!self.in_transaction(), "only what is committed is read for pushing");
        let (log, people) = (self.log.with(&self.db), self.people());
        Reads { snapshot: Snapshot { log, people, head: self.log.head() }, db: &self.db }
    }

    /// Lends the rows to be read as they are now, those of this transaction among them.
    pub fn snapshot(&mut self) -> Result<Snapshot<'_>> {
        let head = self.log.head();
        self.log_mut().write_rows()?;
        Ok(Snapshot { log: self.log.with(&self.db), people: self.people(), head })
    }

    /// The newest `rows` texts before `before` in a reader's conversations in which everything
    /// wanted stands; fewer, with a `next`, if that would cost more than a request may.
    pub fn search(
        &mut self,
        reader: UserId,
        wanted: &Wanted,
        before: Option<Seq>,
        rows: usize,
    ) -> Result<Found> {
        let memberships = MembershipsOf { people: &self.people, reader };
        let mut log = self.log.with_mut(&mut self.db);
        log.search(reader, wanted, before, rows, &memberships)
    }
}

impl Snapshot<'_> {
    /// The last seq given.
    pub fn head(&self) -> Seq {
        self.head
    }

    /// The first `rows` entries after `after` that a reader may see, in the log's order, their
    /// own included; fewer, if that would be to look in too many places at once, or more text than
    /// a connection takes.
    pub fn page(&self, reader: UserId, after: Seq, rows: usize) -> Result<Page> {
        if after >= self.head {
            return Ok(Page { entries: Vec::new(), through: after, looks: 0, gap: None });
        }
        let gap = self.log.gap_behind(after)?;
        let from = gap.map_or(after, |gap| gap.to).next();
        let readable = self.people.readable_from(reader, from.0)?;
        self.log.page(gap, from, (&readable.conversations, readable.to), readable.looks, rows)
    }

    /// `rows` entries of a group, from that seq on, of those that the reader may see; fewer, if
    /// they are more than an answer holds.
    pub fn history_of_group(
        &self,
        reader: UserId,
        group: GroupId,
        part: Part,
        rows: usize,
    ) -> Result<Vec<Entry>> {
        // Every interval has an entry but one that only tells that the reader was there. Two may
        // lie partly outside of what is looked at. So many intervals have enough entries.
        let most = rows + 3;
        let now = self.people.visible_from(group, reader)?.map(|from| (from, i64::MAX));
        let intervals: Vec<(i64, i64)> = match part {
            Part::Before(Seq(seq)) => {
                let around = self.people.past_after(reader, group, seq, 1)?;
                let earlier = self.people.past_before(reader, group, seq, most)?;
                now.into_iter().chain(around).chain(earlier).collect()
            }
            Part::After(Seq(seq)) => {
                let seq = seq.max(self.log.first().0 - 1);
                let later = self.people.past_after(reader, group, seq, most)?;
                later.into_iter().chain(now).collect()
            }
        };
        self.log.history(Conversation::Group(group), part, &intervals, rows)
    }
}

/// The memberships of a reader who searches.
struct MembershipsOf<'a> {
    people: &'a People,
    reader: UserId,
}

impl Memberships for MembershipsOf<'_> {
    fn registered(&self, db: &Db) -> Result<i64> {
        Ok(self.people.with(db).registered(self.reader)?.unwrap_or_default())
    }

    fn membership(&self, db: &Db, group: GroupId) -> Result<Membership> {
        let people = self.people.with(db);
        let from = people.visible_from(group, self.reader)?;
        Ok(Membership { from, was: people.has_other_past(group, self.reader, 0)? })
    }

    fn past_from(&self, db: &Db, group: GroupId, seq: i64) -> Result<Option<i64>> {
        let past = self.people.with(db).past_after(self.reader, group, seq, 1)?;
        Ok(past.first().map(|(from, _)| *from))
    }

    fn groups(&self, db: &Db, most: usize) -> Result<Option<Vec<GroupId>>> {
        self.people.with(db).groups_ever(self.reader, most)
    }
}
