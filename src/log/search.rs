//! The search in one's own conversations: the newest texts that have all phrases.
//!
//! ```text
//!   log    … ┼──────── in the index ────────┼ unsearched ┼──── the log's tail in memory ────►
//!              2. what the index names,       their number    1. what the index does not have
//!                 slice by slice              is told            yet, one by one
//! ```
//!
//! Each text that the index or the tail names is read and compared, and the memberships tell
//! whether the reader may see it (P11). So the index may name too many texts, and is asked for
//! some of the words only; if these are frequent, for the reader's conversations as well.
//!
//! What a search costs is bounded, whatever is searched for and whatever was said (P21): see
//! [`Budget`]. A search that is cut short tells where to go on. Each search advances by at least
//! one text, so that going on finds everything.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use rusqlite::{Error, ErrorCode};

use super::state::Budget;
use super::tail::{first_seq, slice_of};
use super::tokens::{Matcher, Wanted};
use super::words::{name_of, term};
use super::{Entry, EntryKind, LogMut, LogRef, Result, Sql};
use crate::db::Db;
use crate::id::{Clock, Conversation, GroupId, Moment, Seq, UserId};
use crate::limits::{
    LIST_BYTES_MAX, SEARCH_BYTES_PER_PLACE, SEARCH_BYTES_PER_ROW, SEARCH_BYTES_PER_TERM,
    SEARCH_CONVERSATIONS_MAX, SEARCH_ROWS_FIRST, SEARCH_STEPS_PER_LOOK, SEARCH_TERMS_MAX,
    SLICE_MICROS,
};

/// What a search found.
#[derive(Debug)]
pub struct Found {
    /// The entries, the newest first.
    pub entries: Vec<Entry>,
    /// Where to go on: there may be more before this seq.
    pub next: Option<Seq>,
    /// How many seqs could not be searched, because the index is behind.
    pub unsearched: u64,
}

/// What a search must know of its reader's memberships. The store implements it, so that the log
/// knows no users. Each answer is read from the database that the search lends.
pub trait Memberships {
    /// When they registered, in unix seconds: what everyone was told before was not for them.
    fn registered(&self, db: &Db) -> Result<i64>;
    /// Their membership in a group.
    fn membership(&self, db: &Db, group: GroupId) -> Result<Membership>;
    /// The first seq that they may see in the first membership in a group that ended after a seq.
    fn past_from(&self, db: &Db, group: GroupId, seq: i64) -> Result<Option<i64>>;
    /// The groups that they are or were in, if they are fewer than `most`.
    fn groups(&self, db: &Db, most: usize) -> Result<Option<Vec<GroupId>>>;
}

/// A membership in a group.
#[derive(Clone, Copy)]
pub struct Membership {
    /// The first seq that they may see, if they are in it now.
    pub from: Option<i64>,
    /// Whether they were in it before.
    pub was: bool,
}

/// A search as it goes on.
struct Search<'a> {
    reader: UserId,
    /// When the reader registered, in unix seconds.
    registered: i64,
    memberships: &'a dyn Memberships,
    /// The reader's memberships in the groups that were met so far.
    groups: BTreeMap<GroupId, Membership>,
    matcher: Matcher<'a>,
    found: Vec<i64>,
    /// How many are wanted.
    rows: usize,
    /// Bytes of the texts that were found.
    found_bytes: usize,
    budget: Budget,
    /// When its time is over.
    until: Option<Until>,
    /// Whether the index was asked.
    has_asked: bool,
    /// The last seq that was looked at.
    last: Option<i64>,
}

/// When a search ends by the clock.
#[derive(Clone)]
struct Until {
    clock: Clock,
    began: Moment,
}

impl Until {
    fn is_over(&self) -> bool {
        (self.clock)().0 >= self.began.0 + SLICE_MICROS
    }

    /// The index has half of the time: what it named is looked at in the other half.
    fn half_is_over(&self) -> bool {
        (self.clock)().0 >= self.began.0 + SLICE_MICROS / 2
    }
}

/// What the index names: the newest seqs first, and where to go on after them.
struct Named {
    seqs: Vec<i64>,
    next: Option<i64>,
}

impl LogMut<'_> {
    /// The newest `rows` texts before `before` in a reader's conversations in which everything
    /// wanted stands; fewer, with a `next`, if that would cost more than a request may.
    pub fn search(
        &mut self,
        reader: UserId,
        wanted: &Wanted,
        before: Option<Seq>,
        rows: usize,
        memberships: &dyn Memberships,
    ) -> Result<Found> {
        self.write_rows()?;
        let registered = memberships.registered(self.db)?;
        let until = self.log.clock.clone().map(|clock| Until { began: clock(), clock });
        let mut search = Search {
            reader,
            registered,
            memberships,
            groups: BTreeMap::new(),
            matcher: wanted.matcher(),
            found: Vec::new(),
            rows,
            found_bytes: 0,
            budget: self.log.search_budget,
            until,
            has_asked: false,
            last: None,
        };
        let next_seq = self.log.head().next();
        let before = before.map_or(next_seq, |seq| seq.min(next_seq)).0;
        let next = match self.read()?.search_tail(&mut search, before)? {
            Some(next) => Some(next),
            None => self.search_index(&mut search, wanted, before)?,
        };
        let indexed = self.log.marks.now.indexed.0;
        let log = self.read()?;
        let tail = log.tail_begins().max(indexed + 1);
        let unsearched = (before.min(tail) - 1 - indexed).max(0) as u64;
        let entries = log.entries(search.found, usize::MAX)?;
        Ok(Found { entries, next: next.map(Seq), unsearched })
    }

    /// What the index has. Where to go on, if it ends there.
    fn search_index(
        &mut self,
        search: &mut Search,
        wanted: &Wanted,
        before: i64,
    ) -> Result<Option<i64>> {
        let (first, mut before) =
            (self.log.first().0, before.min(self.log.marks.now.indexed.0 + 1));
        let words = wanted.terms(SEARCH_TERMS_MAX);
        let mut own = None;
        while before > first {
            if search.is_over() || !search.may_ask() {
                return Ok(Some(before));
            }
            let slice = slice_of(before - 1);
            let (from, query) = (first.max(first_seq(slice)), query(slice, &words, &[]));
            let rows = search.budget.rows.min(SEARCH_ROWS_FIRST);
            let named = self.ask_index(search, &query, (from, before), (words.len(), rows))?;
            let named = match named {
                Some(named) => named,
                None => self.read()?.walk((from, before))?,
            };
            if let ControlFlow::Break(next) = self.read()?.look_at_all(search, &named)? {
                return Ok(Some(next));
            }
            before = named.next.unwrap_or(from);
            // There are many: of all that have these words, those are wanted that are theirs.
            if own.is_none() && named.next.is_some() {
                own = Some(search.conversations(self.db)?);
            }
            let Some(own) = own.as_ref().filter(|own| !own.is_empty()) else { continue };
            if named.next.is_none() || !search.may_ask() {
                continue;
            }
            let query = self::query(slice, &words, own);
            let cost = (words.len() + own.len(), search.budget.rows);
            if let Some(named) = self.ask_index(search, &query, (from, before), cost)? {
                if let ControlFlow::Break(next) = self.read()?.look_at_all(search, &named)? {
                    return Ok(Some(next));
                }
                before = named.next.unwrap_or(from);
            }
        }
        Ok(None)
    }

    /// Asks the index, for so many terms, for the newest seqs of a range in a slice, at most
    /// `rows`. `None`: it was at work for too long to name even one.
    fn ask_index(
        &mut self,
        search: &mut Search,
        query: &str,
        range: (i64, i64),
        (terms, rows): (usize, usize),
    ) -> Result<Option<Named>> {
        search.spend(terms * SEARCH_BYTES_PER_TERM);
        search.has_asked = true;
        let (mut left, until) = (search.budget.steps, search.until.clone());
        let is_over = move || {
            left = left.saturating_sub(SEARCH_STEPS_PER_LOOK);
            left == 0 || until.as_ref().is_some_and(Until::half_is_over)
        };
        let mut seqs = Vec::new();
        self.db.sqlite_mut().progress_handler(SEARCH_STEPS_PER_LOOK as i32, Some(is_over))?;
        let asked = self.read()?.named(query, range, rows, &mut seqs);
        self.db.sqlite_mut().progress_handler(0, None::<fn() -> bool>)?;
        let last = seqs.last().copied();
        let next = match asked {
            Ok(()) => last.filter(|_| seqs.len() >= rows),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
                if last.is_none() {
                    return Ok(None);
                }
                last
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Some(Named { seqs, next }))
    }
}

impl LogRef<'_> {
    /// What the index does not have yet. Where to go on, if it ends there.
    fn search_tail(&self, search: &mut Search, before: i64) -> Result<Option<i64>> {
        let from = self.log.marks.now.indexed.next().max(self.log.first()).0;
        let said = self.log.tail.before(before).take_while(|(seq, ..)| *seq >= from);
        for (seq, conversation, sender) in said {
            if search.is_over() {
                return Ok(search.last);
            }
            search.spend(SEARCH_BYTES_PER_PLACE);
            search.last = Some(seq);
            if search.is_reader_of(self.db, conversation, sender)? {
                self.look_at(search, seq)?;
            }
        }
        Ok(None)
    }

    /// Looks at what was named. Where to go on, if the search ends there.
    fn look_at_all(&self, search: &mut Search, named: &Named) -> Result<ControlFlow<i64>> {
        for &seq in &named.seqs {
            if let Some(last) = search.last.filter(|_| search.is_over()) {
                return Ok(ControlFlow::Break(last));
            }
            search.last = Some(seq);
            self.look_at(search, seq)?;
        }
        Ok(ControlFlow::Continue(()))
    }

    const MATCH: Sql = "SELECT rowid FROM words
        WHERE words MATCH ?1 AND rowid >= ?2 AND rowid < ?3 ORDER BY rowid DESC LIMIT ?4";
    /// What the index names, up to the last before an error.
    fn named(
        &self,
        query: &str,
        (from, before): (i64, i64),
        rows: usize,
        seqs: &mut Vec<i64>,
    ) -> std::result::Result<(), Error> {
        let mut statement = self.db.sqlite().prepare_cached(Self::MATCH)?;
        let mut rows = statement.query((query, from, before, rows as i64))?;
        while let Some(row) = rows.next()? {
            seqs.push(row.get(0)?);
        }
        Ok(())
    }

    const WALK: Sql = "SELECT seq FROM log WHERE seq >= ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3";
    /// The next seqs of the log, whatever stands there.
    fn walk(&self, (from, before): (i64, i64)) -> Result<Named> {
        let rows = SEARCH_ROWS_FIRST;
        let seqs: Vec<i64> =
            self.db.rows(Self::WALK, (from, before, rows as i64), |row| row.get(0))?;
        let next = seqs.last().copied().filter(|_| seqs.len() >= rows);
        Ok(Named { seqs, next })
    }

    const LOOK_AT: Sql = "SELECT conversation, sender, at, kind, body FROM log WHERE seq = ?1";
    /// Looks at an entry, and takes it if it is one that is searched for.
    fn look_at(&self, search: &mut Search, seq: i64) -> Result<()> {
        search.spend(SEARCH_BYTES_PER_ROW);
        let mut statement = self.db.query(Self::LOOK_AT)?;
        let mut rows = statement.query([seq])?;
        let Some(row) = rows.next()? else { return Ok(()) };
        let (conversation, sender): (i64, Option<i64>) = (row.get(0)?, row.get(1)?);
        let (at, kind): (i64, EntryKind) = (row.get(2)?, row.get(3)?);
        if kind == EntryKind::Notice
            || !search.is_reader_of(self.db, conversation, sender.unwrap_or_default())?
            || !search.may_see(self.db, conversation, seq, at)?
        {
            return Ok(());
        }
        let body = row.get_ref(4)?.as_str().map_err(Error::from)?;
        search.spend(body.len());
        if search.matcher.is_in(body) {
            search.found_bytes += body.len();
            search.found.push(seq);
        }
        Ok(())
    }
}

impl Search<'_> {
    /// Whether it ends here: it has found enough, or used up its time or its bytes. A search always
    /// looks at something, so that to go on comes to an end.
    fn is_over(&self) -> bool {
        let is_late = || self.until.as_ref().is_some_and(Until::is_over);
        let is_full = self.found.len() >= self.rows || self.found_bytes >= LIST_BYTES_MAX;
        (self.last.is_some() || self.has_asked) && (is_full || self.budget.bytes == 0 || is_late())
    }

    /// Whether the index may be asked, once more.
    fn may_ask(&self) -> bool {
        !(self.has_asked && self.until.as_ref().is_some_and(Until::half_is_over))
    }

    fn spend(&mut self, bytes: usize) {
        self.budget.bytes = self.budget.bytes.saturating_sub(bytes);
    }

    /// Whether its reader reads a conversation, or did once, or said this.
    fn is_reader_of(&mut self, db: &Db, conversation: i64, sender: i64) -> Result<bool> {
        let reader = self.reader;
        let group = match Conversation::from_sql(conversation) {
            Conversation::Everyone => return Ok(true),
            Conversation::Inbox(to) => return Ok(to == reader || sender == reader.0),
            Conversation::Group(group) => group,
        };
        if let Some(membership) = self.groups.get(&group) {
            return Ok(membership.from.is_some() || membership.was);
        }
        self.spend(SEARCH_BYTES_PER_ROW);
        let membership = self.memberships.membership(db, group)?;
        self.groups.insert(group, membership);
        Ok(membership.from.is_some() || membership.was)
    }
    /// Whether the reader of a conversation may see what was said in it at a seq, and when.
    fn may_see(&self, db: &Db, conversation: i64, seq: i64, at: i64) -> Result<bool> {
        let group = match Conversation::from_sql(conversation) {
            Conversation::Everyone => return Ok(at > self.registered),
            Conversation::Inbox(_) => return Ok(true),
            Conversation::Group(group) => group,
        };
        let membership = self.groups.get(&group);
        if membership.and_then(|now| now.from).is_some_and(|from| from <= seq) {
            return Ok(true);
        }
        // Intervals do not overlap, so the first that ends after it is the only one.
        let from = self.memberships.past_from(db, group, seq)?;
        Ok(from.is_some_and(|from| from <= seq))
    }

    /// The conversations in which they read or once did, if they are few; else none.
    fn conversations(&self, db: &Db) -> Result<Vec<Conversation>> {
        let Some(groups) = self.memberships.groups(db, SEARCH_CONVERSATIONS_MAX)? else {
            return Ok(Vec::new());
        };
        let mut own = vec![Conversation::Everyone, Conversation::Inbox(self.reader)];
        own.extend(groups.into_iter().map(Conversation::Group));
        Ok(own)
    }
}

/// What the index is asked about a slice: terms of what is wanted and, if there are any, one of
/// some conversations. No term has a quote in it, so nothing of it is syntax.
fn query(slice: i64, words: &[&str], own: &[Conversation]) -> String {
    let quoted = |word: &str| format!("\"{}\"", term(slice, word));
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    let own: Vec<String> = own.iter().map(|own| quoted(&name_of(*own))).collect();
    match own.is_empty() {
        true => words.join(" AND "),
        false => format!("{} AND ({})", words.join(" AND "), own.join(" OR ")),
    }
}

#[cfg(test)]
mod tests;
