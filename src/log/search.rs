//! The search in one's own conversations: the newest texts in which everything wanted stands.
//!
//! ```text
//!   log    … ┼──────── in the index ────────┼ unsearched ┼──── the log's tail in memory ────►
//!              2. what the index names,       so many are     1. what the index does not have
//!                 slice by slice              told of            yet, one by one
//! ```
//!
//! Wherever a text is found, it is looked at itself, and who may see it is asked of the memberships
//! (P11): so it makes no difference where it stands, and the index may name too many. It is asked
//! for some of the words; if these are frequent, for the reader's conversations, too.
//!
//! What a search costs is bounded whatever is searched for and whatever was said (P21): see
//! [`Budget`]. One that is cut short tells where to go on, and each goes on by something, so
//! whoever goes on finds everything.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use rusqlite::{Error, ErrorCode};

use super::tail::{first_seq, slice_of};
use super::tokens::{Matcher, Wanted};
use super::words::{name_of, term};
use super::{Clock, Entry, EntryKind, Result, Sql, Store};
use crate::id::{Conversation, GroupId, Moment, Seq, UserId};
use crate::limits::{
    LIST_BYTES_MAX, SEARCH_BYTES_MAX, SEARCH_BYTES_PER_PLACE, SEARCH_BYTES_PER_ROW,
    SEARCH_BYTES_PER_TERM, SEARCH_CONVERSATIONS_MAX, SEARCH_ROWS_FIRST, SEARCH_ROWS_MAX,
    SEARCH_STEPS_MAX, SEARCH_STEPS_PER_LOOK, SEARCH_TERMS_MAX, SLICE_MICROS,
};

/// What a search found.
#[derive(Debug)]
pub struct Found {
    /// The entries, the newest first.
    pub entries: Vec<Entry>,
    /// There may be more before this seq.
    pub next: Option<Seq>,
    /// So many seqs could not be searched yet.
    pub unsearched: u64,
}

/// What a search may cost, counted so that it is the same on every machine. By the clock, where
/// the edge has one to share, it ends sooner on a slow one.
#[derive(Clone, Copy)]
struct Budget {
    /// Steps of SQLite for each question to the index.
    steps: u32,
    /// Seqs that it names to one question.
    rows: usize,
    /// Bytes of everything that is looked at.
    bytes: usize,
}

impl Budget {
    const OF_A_SLICE: Budget =
        Budget { steps: SEARCH_STEPS_MAX, rows: SEARCH_ROWS_MAX, bytes: SEARCH_BYTES_MAX };
}

/// A search as it goes on.
struct Search<'a> {
    reader: UserId,
    /// When they registered: what all were told before was not for them.
    registered: i64,
    /// Their memberships in the groups that were met so far.
    groups: BTreeMap<GroupId, Membership>,
    matcher: Matcher<'a>,
    found: Vec<i64>,
    /// How many are wanted.
    rows: usize,
    /// Bytes of the texts that were found.
    found_bytes: usize,
    budget: Budget,
    /// When its slice is over.
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

    /// The index has half of the slice: what it named is to be looked at in the other.
    fn half_is_over(&self) -> bool {
        (self.clock)().0 >= self.began.0 + SLICE_MICROS / 2
    }
}

/// Whether somebody is, and whether they ever were, in a group.
#[derive(Clone, Copy)]
struct Membership {
    from: Option<i64>,
    was: bool,
}

/// What the index names: the newest seqs first, and where to go on behind them.
struct Named {
    seqs: Vec<i64>,
    next: Option<i64>,
}

impl Search<'_> {
    /// Whether it ends here: it has found enough, or spent its slice. A search always looks at
    /// something, or whoever goes on would never come to an end.
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
}

impl Store {
    /// The newest `rows` texts before `before` in a reader's conversations in which everything
    /// wanted stands; fewer, with a `next`, if that would cost more than a request may.
    pub fn search(
        &mut self,
        reader: UserId,
        wanted: &Wanted,
        before: Option<Seq>,
        rows: usize,
    ) -> Result<Found> {
        self.search_within(reader, wanted, before, rows, Budget::OF_A_SLICE)
    }

    const REGISTERED: Sql = "SELECT createtime FROM users WHERE userid = ?1";
    fn search_within(
        &mut self,
        reader: UserId,
        wanted: &Wanted,
        before: Option<Seq>,
        rows: usize,
        budget: Budget,
    ) -> Result<Found> {
        self.write_log()?;
        let registered = self.row(Self::REGISTERED, [reader.0], |row| row.get(0))?;
        let until = self.clock.clone().map(|clock| Until { began: clock(), clock });
        let mut search = Search {
            reader,
            registered: registered.unwrap_or_default(),
            groups: BTreeMap::new(),
            matcher: wanted.matcher(),
            found: Vec::new(),
            rows,
            found_bytes: 0,
            budget,
            until,
            has_asked: false,
            last: None,
        };
        let before = before.map_or(self.head().next(), |seq| seq.min(self.head().next())).0;
        let next = match self.search_tail(&mut search, before)? {
            Some(next) => Some(next),
            None => self.search_index(&mut search, wanted, before)?,
        };
        let tail = self.tail_begins().max(self.now.indexed.0 + 1);
        let unsearched = (before.min(tail) - 1 - self.now.indexed.0).max(0) as u64;
        let entries = self.entries(search.found, usize::MAX)?;
        Ok(Found { entries, next: next.map(Seq), unsearched })
    }

    /// What the index does not have yet. Where to go on, if it ends there.
    fn search_tail(&self, search: &mut Search, before: i64) -> Result<Option<i64>> {
        let from = self.now.indexed.next().max(self.first()).0;
        let said = self.tail.before(before).take_while(|(seq, ..)| *seq >= from);
        for (seq, conversation, sender) in said {
            if search.is_over() {
                return Ok(search.last);
            }
            search.spend(SEARCH_BYTES_PER_PLACE);
            search.last = Some(seq);
            if self.is_reader_of(search, conversation, sender)? {
                self.look_at(search, seq)?;
            }
        }
        Ok(None)
    }

    /// What the index has. Where to go on, if it ends there.
    fn search_index(
        &mut self,
        search: &mut Search,
        wanted: &Wanted,
        before: i64,
    ) -> Result<Option<i64>> {
        let (first, mut before) = (self.first().0, before.min(self.now.indexed.0 + 1));
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
            let named = named.map_or_else(|| self.walk((from, before)), Ok)?;
            if let ControlFlow::Break(next) = self.look_at_all(search, &named)? {
                return Ok(Some(next));
            }
            before = named.next.unwrap_or(from);
            // There are many: of all that have these words, those are wanted that are theirs.
            if own.is_none() && named.next.is_some() {
                own = Some(self.conversations(search.reader)?);
            }
            let Some(own) = own.as_ref().filter(|own| !own.is_empty()) else { continue };
            if named.next.is_none() || !search.may_ask() {
                continue;
            }
            let query = self::query(slice, &words, own);
            let cost = (words.len() + own.len(), search.budget.rows);
            if let Some(named) = self.ask_index(search, &query, (from, before), cost)? {
                if let ControlFlow::Break(next) = self.look_at_all(search, &named)? {
                    return Ok(Some(next));
                }
                before = named.next.unwrap_or(from);
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

    const GROUPS_NOW: Sql =
        "SELECT groupid FROM group_users WHERE userid = ?1 ORDER BY groupid LIMIT ?2";
    const NEXT_GROUP_PAST: Sql = "SELECT groupid FROM group_past
        WHERE userid = ?1 AND groupid > ?2 ORDER BY groupid LIMIT 1";
    /// The conversations in which somebody reads or read, if they are few; else none.
    fn conversations(&self, reader: UserId) -> Result<Vec<Conversation>> {
        let most = SEARCH_CONVERSATIONS_MAX;
        let groups = self.rows(Self::GROUPS_NOW, (reader.0, most as i64), |row| row.get(0))?;
        let mut groups: BTreeSet<i64> = groups.into_iter().collect();
        let mut after = 0;
        // However often somebody joined and left, a group is found once.
        while groups.len() < most
            && let Some(group) =
                self.row(Self::NEXT_GROUP_PAST, (reader.0, after), |row| row.get(0))?
        {
            groups.insert(group);
            after = group;
        }
        if groups.len() >= most {
            return Ok(Vec::new());
        }
        let mut own = vec![Conversation::Everyone, Conversation::Inbox(reader)];
        own.extend(groups.into_iter().map(|group| Conversation::Group(GroupId(group))));
        Ok(own)
    }

    const MATCH: Sql = "SELECT rowid FROM words
        WHERE words MATCH ?1 AND rowid >= ?2 AND rowid < ?3 ORDER BY rowid DESC LIMIT ?4";
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
        self.db.progress_handler(SEARCH_STEPS_PER_LOOK as i32, Some(is_over))?;
        let asked = self.named(query, range, rows, &mut seqs);
        self.db.progress_handler(0, None::<fn() -> bool>)?;
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

    /// What the index names, up to the last before an error.
    fn named(
        &self,
        query: &str,
        (from, before): (i64, i64),
        rows: usize,
        seqs: &mut Vec<i64>,
    ) -> std::result::Result<(), Error> {
        let mut statement = self.db.prepare_cached(Self::MATCH)?;
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
            self.rows(Self::WALK, (from, before, rows as i64), |row| row.get(0))?;
        let next = seqs.last().copied().filter(|_| seqs.len() >= rows);
        Ok(Named { seqs, next })
    }

    const LOOK_AT: Sql = "SELECT conversation, sender, at, kind, body FROM log WHERE seq = ?1";
    /// Looks at an entry, and takes it if it is one that is searched for.
    fn look_at(&self, search: &mut Search, seq: i64) -> Result<()> {
        search.spend(SEARCH_BYTES_PER_ROW);
        let mut statement = self.db.prepare_cached(Self::LOOK_AT)?;
        let mut rows = statement.query([seq])?;
        let Some(row) = rows.next()? else { return Ok(()) };
        let (conversation, sender): (i64, Option<i64>) = (row.get(0)?, row.get(1)?);
        let (at, kind): (i64, EntryKind) = (row.get(2)?, row.get(3)?);
        if kind == EntryKind::Notice
            || !self.is_reader_of(search, conversation, sender.unwrap_or_default())?
            || !self.may_see(search, conversation, seq, at)?
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

    const FROM_SEQ: Sql = "SELECT from_seq FROM group_users WHERE userid = ?1 AND groupid = ?2";
    const EVER_LEFT: Sql = "SELECT 1 FROM group_past WHERE userid = ?1 AND groupid = ?2 LIMIT 1";
    /// Whether a search is by somebody who reads a conversation, or did once, or who said this.
    fn is_reader_of(&self, search: &mut Search, conversation: i64, sender: i64) -> Result<bool> {
        Ok(match Conversation::from_sql(conversation) {
            Conversation::Everyone => true,
            Conversation::Inbox(reader) => reader == search.reader || sender == search.reader.0,
            Conversation::Group(group) => {
                if !search.groups.contains_key(&group) {
                    let asked = (search.reader.0, group.0);
                    let from = self.row(Self::FROM_SEQ, asked, |row| row.get(0))?;
                    let was = self.row(Self::EVER_LEFT, asked, |_| Ok(()))?.is_some();
                    search.spend(SEARCH_BYTES_PER_ROW);
                    search.groups.insert(group, Membership { from, was });
                }
                let membership = search.groups[&group];
                membership.from.is_some() || membership.was
            }
        })
    }

    const NEXT_PAST: Sql = "SELECT from_seq FROM group_past
        WHERE userid = ?1 AND groupid = ?2 AND to_seq > ?3 ORDER BY to_seq LIMIT 1";
    /// Whether the reader of a conversation may see what was said in it at a seq, and when.
    fn may_see(&self, search: &Search, conversation: i64, seq: i64, at: i64) -> Result<bool> {
        let group = match Conversation::from_sql(conversation) {
            Conversation::Everyone => return Ok(at > search.registered),
            Conversation::Inbox(_) => return Ok(true),
            Conversation::Group(group) => group,
        };
        let membership = search.groups.get(&group);
        if membership.and_then(|now| now.from).is_some_and(|from| from <= seq) {
            return Ok(true);
        }
        // Intervals do not overlap, so the first that ends behind it is the only one.
        let past = (search.reader.0, group.0, seq);
        let from: Option<i64> = self.row(Self::NEXT_PAST, past, |row| row.get(0))?;
        Ok(from.is_some_and(|from| from <= seq))
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
pub(super) const SQL: &[Sql] = &[
    Store::REGISTERED,
    Store::GROUPS_NOW,
    Store::NEXT_GROUP_PAST,
    Store::MATCH,
    Store::WALK,
    Store::LOOK_AT,
    Store::FROM_SEQ,
    Store::EVER_LEFT,
    Store::NEXT_PAST,
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::NewEntry;
    use super::super::tests::Temp;
    use super::*;
    use crate::limits::{MESSAGE_BYTES_MAX, SEARCH_PHRASES_MAX, TERMS_PER_TEXT_MAX};
    use crate::names::Name;

    const ANN: UserId = UserId(1);
    const BOB: UserId = UserId(2);
    const CEM: UserId = UserId(3);

    fn say(store: &mut Store, by: UserId, to: Conversation, body: &str) -> i64 {
        let (sender, kind) = (Some(by), EntryKind::Text);
        let entry = NewEntry { conversation: to, sender, unix: 9, kind, body, mid: None };
        store.append(&entry).expect("append").0
    }

    /// Ann and bob, and what she said to him.
    fn said(bodies: &[&str]) -> (Temp, Vec<i64>) {
        let mut temp = Temp::with_users(&["ann", "bob"]);
        let mut seqs = Vec::new();
        temp.transact(|store| {
            let to = Conversation::Inbox(BOB);
            seqs.extend(bodies.iter().map(|body| say(store, ANN, to, body)));
        });
        (temp, seqs)
    }

    fn found(store: &mut Store, reader: UserId, line: &str) -> Vec<i64> {
        let wanted = Wanted::parse(line).expect("words");
        let found = store.search(reader, &wanted, None, 50).expect("search");
        assert_eq!((found.next, found.unsearched), (None, 0));
        found.entries.iter().map(|entry| entry.seq.0).collect()
    }

    /// All that is found by going on, and in how many searches.
    fn found_in_turns(
        store: &mut Store,
        line: &str,
        rows: usize,
        budget: Budget,
    ) -> (Vec<i64>, usize) {
        let wanted = Wanted::parse(line).expect("words");
        let (mut all, mut before, mut turns) = (Vec::new(), None, 0);
        while turns == 0 || before.is_some() {
            let found = store.search_within(BOB, &wanted, before, rows, budget).expect("search");
            assert!(found.entries.len() <= rows);
            assert!(found.next.is_none_or(|next| before.is_none_or(|before| next < before)));
            all.extend(found.entries.iter().map(|entry| entry.seq.0));
            (before, turns) = (found.next, turns + 1);
        }
        (all, turns)
    }

    /// Looks with nothing in the index, with half of it, and with everything.
    fn in_all_states(temp: &mut Temp, mut check: impl FnMut(&mut Store)) {
        check(&mut temp.store);
        while !temp.store.is_indexed() {
            temp.transact(|store| store.index_some(2).expect("index"));
            check(&mut temp.store);
        }
    }

    #[test]
    fn words_are_found_in_any_script_and_form() {
        let (mut temp, at) =
            said(&["我家在上海东边", "海上 sail", "Café ＡＢＣ １２", "straße; don't", "한국어로"]);
        in_all_states(&mut temp, |store| {
            for (line, which) in [
                ("上海", Some(0)),
                ("上海 我家", Some(0)),
                ("海东", Some(0)),
                ("海家", None),
                ("SAIL 海上", Some(1)),
                ("cafe", Some(2)),
                ("CAFÉ abc", Some(2)),
                ("１2", Some(2)),
                ("caf", None),
                ("don't", Some(3)),
                ("don \"t OR", None),
                ("국어", Some(4)),
            ] {
                let expected: Vec<i64> = which.map(|which: usize| at[which]).into_iter().collect();
                assert_eq!(found(store, BOB, line), expected, "{line}");
                assert_eq!(found(store, ANN, line), expected, "{line}, by who said it");
            }
        });
        assert!(Wanted::parse(" … !! ☺\u{fe0f}").is_none());
    }

    #[test]
    fn marks_are_parts_of_words_and_letters_without_spaces_are_words() {
        let (mut temp, at) = said(&[
            "아ㅋㅋㅋ ㅠㅠ",
            "हिन्दी में किताब",
            "สวัสดีม้าน้ำ",
            "क\u{94d}\u{200d}ष ❤\u{fe0f} 1\u{fe0f}\u{20e3}",
        ]);
        in_all_states(&mut temp, |store| {
            for (line, which) in [
                ("ㅋ", Some(0)),
                ("ㅋㅋ", Some(0)),
                ("ㅋㅋㅋㅋ", None),
                ("ㅠ", Some(0)),
                ("हिन्दी", Some(1)),
                ("किताब", Some(1)),
                ("हिन", None),
                ("कताब", None),
                ("दी", None),
                ("ม้า", Some(2)),
                ("น้ำ", Some(2)),
                ("มา", None),
                ("วัส", Some(2)),
                ("क्ष", Some(3)),
                ("1", Some(3)),
            ] {
                let expected: Vec<i64> = which.map(|which: usize| at[which]).into_iter().collect();
                assert_eq!(found(store, BOB, line), expected, "{line}");
                assert_eq!(found(store, ANN, line), expected, "{line}, by who said it");
            }
        });
    }

    /// Letters, marks and what stands between them in scripts of every kind.
    const LETTERS: &str = "[a-cA-C1é ,.'\\u{301}\\u{200d}\\u{fe0f}上海的あガｶﾞㄱㅋㅏ가힣\
        \\u{1112}\\u{1161}\\u{11ab}कखिी\\u{94d}\\u{93c}\\u{902}กขาำ\\u{e49}\\u{e31}ກ\\u{ec8}\
        ကျ\\u{1039}ក\\u{17d2}ាאب\\u{5b0}\\u{64e}ςΣσİıǅ🅰Ⓐ\\u{1c4e9}]";
    /// Texts in scripts without spaces between words, each in one: where marks of several meet,
    /// Unicode puts them into another order.
    const UNSPACED: &str = "[上海的々一\u{3400}]{1,9}|[あかがぁーア]{1,9}|[가힣ㅋㅠㅏㄳ]{1,9}|\
        [กขาเ\u{e49}\u{e31}]{1,9}|[ກຂາ\u{ec8}]{1,9}|[ကချာ\u{1039}]{1,9}|[កខា\u{17d2}]{1,9}";

    fn letters(most: usize) -> impl Strategy<Value = String> {
        prop::string::string_regex(&format!("{LETTERS}{{0,{most}}}")).expect("a pattern")
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
        #[test]
        fn the_index_and_the_text_itself_agree_in_every_script(
            texts in prop::collection::vec(letters(12), 1..6),
            lines in prop::collection::vec(letters(3), 12),
            any in any::<String>(),
        ) {
            let mut texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            texts.push(&any);
            let (mut temp, _) = said(&texts);
            // Of what was said, too, so that something is found.
            let parts = texts.iter().flat_map(|text| text.split(['上', 'a', ' ']));
            let lines = lines.iter().map(String::as_str).chain(parts);
            let lines: Vec<&str> = lines.filter(|line| Wanted::parse(line).is_some()).collect();
            let mut answers = BTreeSet::new();
            in_all_states(&mut temp, |store| {
                let all: Vec<_> = lines.iter().map(|line| found(store, BOB, line)).collect();
                answers.insert(all);
            });
            prop_assert_eq!(answers.len(), 1, "{:?} in {:?}", lines, &texts);
        }

        #[test]
        fn without_spaces_between_words_a_text_is_found_by_any_part(
            text in UNSPACED,
            from in any::<prop::sample::Index>(),
            to in any::<prop::sample::Index>(),
        ) {
            let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            let (from, to) = (from.index(ends.len()), to.index(ends.len()));
            let end = text[ends[to]..].chars().next().map_or(0, char::len_utf8);
            let part = &text[ends[from.min(to)]..ends[to] + end];
            let (mut temp, at) = said(&[&text]);
            in_all_states(&mut temp, |store| {
                assert_eq!(found(store, BOB, part), at, "{part} in {text}");
            });
        }

        #[test]
        fn p21_whatever_a_search_may_cost_nothing_is_lost(
            texts in prop::collection::vec("[ab上海]( [ab上海]){0,2}", 1..80),
            line in "[ab上海]( [ab上海])?",
            indexed in 1..80_usize,
            (steps, seqs, bytes) in (1..400_u32, 1..4_usize, 1..900_usize),
            rows in 1..5_usize,
        ) {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let (mut temp, _) = said(&texts);
            temp.transact(|store| store.index_some(indexed).expect("index"));
            let (all, _) = found_in_turns(&mut temp.store, &line, 200, Budget::OF_A_SLICE);
            let budget = Budget { steps, rows: seqs, bytes };
            let (mut found, mut turns) = (Vec::new(), 0);
            // A question that is cut short undoes nothing of the transaction that it stands in.
            temp.transact(|store| {
                say(store, ANN, Conversation::Inbox(BOB), "behind");
                (found, turns) = found_in_turns(store, &line, rows, budget);
            });
            prop_assert_eq!(found, all);
            prop_assert!(turns <= texts.len() + 2);
            prop_assert_eq!(temp.store.log_rows(), texts.len() as u64 + 1);
            prop_assert_eq!(temp.store.check(), Ok(Vec::new()));
        }
    }

    #[test]
    fn p11_nobody_finds_what_was_not_for_them() {
        let mut temp = Temp::with_users(&["ann", "bob", "cem"]);
        let mut seqs = Vec::new();
        temp.transact(|store| {
            let group =
                store.add_group(ANN, &Name::group("team").expect("name"), 1).expect("group");
            let team = Conversation::Group(group);
            assert_eq!(group, GroupId(1));
            seqs.push(say(store, ANN, Conversation::Inbox(BOB), "one apple"));
            seqs.push(say(store, ANN, team, "two apples apple"));
            store.join(group, CEM).expect("join");
            seqs.push(say(store, ANN, team, "three apple"));
            store.leave(group, CEM).expect("leave");
            seqs.push(say(store, ANN, team, "four apple"));
            seqs.push(say(store, BOB, Conversation::Everyone, "five apple"));
        });
        in_all_states(&mut temp, |store| {
            let by = |reader, store: &mut Store| -> Vec<Option<usize>> {
                let found = found(store, reader, "apple");
                found.iter().rev().map(|seq| seqs.iter().position(|s| s == seq)).collect()
            };
            let all = |places: &[usize]| -> Vec<Option<usize>> {
                places.iter().copied().map(Some).collect()
            };
            assert_eq!(by(ANN, store), all(&[0, 1, 2, 3, 4]));
            assert_eq!(by(BOB, store), all(&[0, 4]));
            assert_eq!(by(CEM, store), all(&[2, 4]));
        });
        temp.transact(|store| {
            store.prune(i64::MAX, Seq(seqs[0]), 9).expect("prune");
        });
        assert_eq!(found(&mut temp.store, BOB, "apple"), [seqs[4]]);
        assert_eq!(temp.reopen().store.now.indexed.0, seqs[4]);
    }

    #[test]
    fn p11_who_is_in_many_groups_finds_theirs_and_nothing_else() {
        let mut temp = Temp::with_users(&["ann", "bob"]);
        let (mut seqs, groups) = (Vec::new(), SEARCH_CONVERSATIONS_MAX);
        temp.transact(|store| {
            for number in 0..groups {
                let name = Name::group(&format!("g{number}")).expect("name");
                let group = store.add_group(ANN, &name, 1).expect("group");
                say(store, ANN, Conversation::Group(group), "apple");
                store.join(group, BOB).expect("join");
                seqs.push(say(store, ANN, Conversation::Group(group), "apple"));
                if number % 3 == 0 {
                    store.leave(group, BOB).expect("leave");
                    say(store, ANN, Conversation::Group(group), "apple");
                }
            }
        });
        while !temp.store.is_indexed() {
            temp.transact(|store| store.index_some(40).expect("index"));
        }
        temp.transact(|store| {
            seqs.push(say(store, ANN, Conversation::Group(GroupId(2)), "apple"));
            say(store, ANN, Conversation::Group(GroupId(1)), "bob has left it: apple");
        });
        seqs.reverse();
        assert_eq!(found(&mut temp.store, BOB, "apple"), seqs);
    }

    #[test]
    fn p21_a_search_looks_at_so_much_whatever_the_texts_are() {
        let long = "的".repeat(MESSAGE_BYTES_MAX / 3);
        let phrase = format!("{}一{}", "的".repeat(2), "的".repeat(2));
        let mixed = format!("一{long}");
        let search = |text: &str, count: usize, indexed: bool| {
            let mut texts = vec![text; count];
            texts[1] = &phrase;
            let (mut temp, at) = said(&texts);
            while indexed && !temp.store.is_indexed() {
                temp.transact(|store| store.index_some(40).expect("index"));
            }
            let (all, turns) = found_in_turns(&mut temp.store, &phrase, 20, Budget::OF_A_SLICE);
            assert_eq!(all, [at[1]]);
            turns
        };
        // Eight such texts are looked at, and no more; some less, where the index is asked, too.
        let one = SEARCH_BYTES_MAX.div_ceil(mixed.len() + SEARCH_BYTES_PER_ROW);
        assert_eq!(one, 8);
        assert!((5..8).contains(&search(&mixed, 5 * one, true)));
        assert_eq!(search(&long, 5 * one, true), 1, "the index knows where to look");
        assert_eq!(search(&mixed, 6, false), 1);
        // A word many times is asked for once.
        let same = Wanted::parse(&"的 ".repeat(60)).expect("words");
        assert!(same == Wanted::parse("的").expect("a word"));
        assert_eq!(Wanted::parse(&"的".repeat(85)).expect("words").terms(9), ["的"]);
        let different = |count: usize| -> String { (0..count).map(|n| format!("{n} ")).collect() };
        assert!(Wanted::parse(&different(SEARCH_PHRASES_MAX)).is_some());
        assert!(Wanted::parse(&different(SEARCH_PHRASES_MAX + 1)).is_none());
    }

    #[test]
    fn p20_of_one_text_so_many_words_are_kept_and_found() {
        let words: Vec<String> = (0..TERMS_PER_TEXT_MAX + 9).map(|n| format!("{n:x}")).collect();
        let text = format!("{} {}", "again ".repeat(40), words.join(" "));
        let long = "x".repeat(MESSAGE_BYTES_MAX - 1);
        let (mut temp, at) = said(&[&text, &long, &format!("{long}y")]);
        in_all_states(&mut temp, |store| {
            assert_eq!(found(store, BOB, "again 3e8"), at[..1]);
            assert_eq!(found(store, BOB, &words[TERMS_PER_TEXT_MAX - 2]), at[..1]);
            assert_eq!(found(store, BOB, &words[TERMS_PER_TEXT_MAX - 1]), Vec::<i64>::new());
            // A word that is longer than what is kept of it is told from one that begins so.
            assert_eq!(found(store, BOB, &long[..100]), Vec::<i64>::new());
        });
    }
}
