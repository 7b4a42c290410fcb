//! The words of the log's texts, for the search in one's own conversations.
//!
//! An index of words ([FTS5]) trails the log. It is filled a few texts at a time when there is
//! little else to do, so that no message waits for it, and what it does not have yet is read
//! from the log itself:
//!
//! ```text
//!   log    … ┼──────── in the index ────────┼ unsearched ┼──── read one by one ────►
//!            └ first                        └ indexed    └ the log's tail in memory
//! ```
//!
//! There is something unsearched only if more was said in one go than the tail holds, until the
//! index has come so far; the answer says how much.
//!
//! A conversation is a term of the index like any word (`u` and a user, `g` and a group, `e`:
//! everyone), so what others said to each other costs a search nothing. Who may see what is asked
//! of the memberships as for a page (P11). Each Chinese, Japanese or Korean character is a word,
//! and several together a phrase, so a text is found by any part of it.
//!
//! [FTS5]: https://sqlite.org/fts5.html

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

use unicode_normalization::UnicodeNormalization;

use super::readable::Readable;
use super::{Entry, EntryKind, Result, Sql, Store};
use crate::id::{Conversation, Seq, UserId};
use crate::limits::{INDEX_BYTES_PER_STEP, LIST_BYTES_MAX, SEARCH_LOOKS_MAX};

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

/// What somebody looks for: phrases, all of which must stand in a text.
#[derive(Clone, PartialEq, Eq)]
pub struct Wanted {
    phrases: Vec<Vec<String>>,
}

impl Wanted {
    /// What a line asks for; `None` if it has no word.
    pub fn parse(line: &str) -> Option<Wanted> {
        let phrases: Vec<Vec<String>> =
            line.split_whitespace().map(words).filter(|phrase| !phrase.is_empty()).collect();
        (!phrases.is_empty()).then_some(Wanted { phrases })
    }

    fn is_in(&self, text: &str) -> bool {
        let words = words(text);
        let found = |phrase: &Vec<String>| words.windows(phrase.len()).any(|part| part == phrase);
        self.phrases.iter().all(found)
    }

    /// As FTS5 is asked: words are letters and digits alone, so nothing of them is syntax.
    fn query(&self, who: &str) -> String {
        let phrases: Vec<String> =
            self.phrases.iter().map(|phrase| format!("\"{}\"", phrase.join(" "))).collect();
        format!("who : ({who}) AND text : ({})", phrases.join(" AND "))
    }
}

/// What a user may find.
struct Reach {
    reader: UserId,
    readable: Readable,
    /// When they registered: what all were told before was not for them.
    registered: i64,
}

impl Reach {
    fn has(&self, entry: &Entry) -> bool {
        match entry.conversation {
            _ if entry.kind == EntryKind::Notice => false,
            Conversation::Everyone => entry.unix > self.registered,
            Conversation::Inbox(_) if entry.sender == Some(self.reader) => true,
            conversation => self.readable.has(conversation, entry.seq.0),
        }
    }

    /// The terms of their conversations.
    fn who(&self) -> String {
        let own = self.readable.conversations.iter();
        let terms: Vec<String> =
            own.map(|(conversation, _)| format!("\"{}\"", term(*conversation))).collect();
        terms.join(" OR ")
    }
}

impl Store {
    /// The newest `rows` texts before `before` in a reader's conversations in which everything
    /// wanted stands; fewer, with a `next`, if that would be to look at too many.
    pub fn search(
        &mut self,
        reader: UserId,
        wanted: &Wanted,
        before: Option<Seq>,
        rows: usize,
    ) -> Result<Found> {
        let registered = self.row(Self::REGISTERED, [reader.0], |row| row.get(0))?;
        let before = before.map_or(self.head().next(), |seq| seq.min(self.head().next()));
        let readable = self.readable_before(reader, before.0)?;
        // What lies beyond is the next page's.
        let rest = (readable.from > self.first().0).then_some(Seq(readable.from));
        let reach = Reach { reader, readable, registered: registered.unwrap_or_default() };
        let mut search = Search { reach, wanted, rows, bytes: 0, found: Vec::new(), looks: 0 };
        let next = match self.search_tail(&mut search, before)? {
            ControlFlow::Break(next) => Some(next),
            ControlFlow::Continue(()) => self.search_index(&mut search, before)?.or(rest),
        };
        let tail = self.tail_begins().max(self.now.indexed.0 + 1);
        let unsearched = before.0.min(tail) - 1 - self.now.indexed.0;
        Ok(Found { entries: search.found, next, unsearched: unsearched.max(0) as u64 })
    }

    /// What the index does not have yet.
    fn search_tail(&mut self, search: &mut Search, before: Seq) -> Result<ControlFlow<Seq>> {
        let from = self.now.indexed.next().0.max(search.reach.readable.from);
        let mut seqs = BTreeSet::new();
        for (conversation, _) in &search.reach.readable.conversations {
            let said = self.tail.of_conversation(conversation.to_sql(), 0);
            seqs.extend(said.map(|(seq, _)| seq).take_while(|seq| *seq >= from));
        }
        seqs.extend(self.tail.by_sender(search.reach.reader.0).take_while(|seq| *seq >= from));
        let seqs: Vec<i64> = seqs.into_iter().rev().filter(|seq| *seq < before.0).collect();
        for seqs in seqs.chunks(SEARCH_LOOKS_MAX / 8) {
            for entry in self.entries(seqs.to_vec(), usize::MAX)? {
                let fits = search.wanted.is_in(&entry.body);
                if let ControlFlow::Break(next) = search.look(entry, fits) {
                    return Ok(ControlFlow::Break(next));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    const REGISTERED: Sql = "SELECT createtime FROM users WHERE userid = ?1";
    const MATCH: Sql = "SELECT rowid FROM words WHERE words MATCH ?1 AND rowid < ?2
        ORDER BY rowid DESC LIMIT ?3";
    /// What the index has.
    fn search_index(&mut self, search: &mut Search, before: Seq) -> Result<Option<Seq>> {
        let query = search.wanted.query(&search.reach.who());
        let mut before = before.0.min(self.now.indexed.0 + 1);
        loop {
            let page = search.rows.min(SEARCH_LOOKS_MAX / 8);
            let seqs: Vec<i64> =
                self.rows(Self::MATCH, (&query, before, page as i64), |row| row.get(0))?;
            let is_last = seqs.len() < page;
            let first = search.reach.readable.from;
            let seqs: Vec<i64> = seqs.into_iter().take_while(|seq| *seq >= first).collect();
            let Some(&last) = seqs.last() else { return Ok(None) };
            before = last;
            for entry in self.entries(seqs, usize::MAX)? {
                if let ControlFlow::Break(next) = search.look(entry, true) {
                    return Ok(Some(next));
                }
            }
            if is_last {
                return Ok(None);
            }
        }
    }

    /// Whether the index has everything.
    pub fn is_indexed(&self) -> bool {
        self.now.indexed >= self.head()
    }

    const UNINDEXED: Sql = "SELECT seq, conversation, sender, kind, body FROM log
        WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    const INDEX: Sql = "INSERT INTO words (rowid, who, text) VALUES (?1, ?2, ?3)";
    const SET_INDEXED: Sql = "INSERT INTO meta (name, value) VALUES ('indexed', ?1)
        ON CONFLICT DO UPDATE SET value = excluded.value";
    /// Takes the next `rows` entries into the index, or fewer if they are long.
    pub fn index_some(&mut self, rows: usize) -> Result<()> {
        self.write_log()?;
        let mut bytes = 0;
        let from = (self.now.indexed.0, rows as i64);
        let next: Vec<(i64, i64, Option<i64>, EntryKind, String)> =
            self.rows(Self::UNINDEXED, from, |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
            })?;
        if next.is_empty() {
            // The last seqs were given, and their rows are gone.
            self.now.indexed = self.head();
        }
        for (seq, conversation, sender, kind, body) in next {
            if bytes > INDEX_BYTES_PER_STEP {
                break;
            }
            bytes += body.len();
            if kind != EntryKind::Notice {
                let who = who(Conversation::from_sql(conversation), sender.map(UserId));
                self.write(Self::INDEX, (seq, who, words(&body).join(" ")))?;
            }
            self.now.indexed = Seq(seq);
        }
        self.write(Self::SET_INDEXED, [self.now.indexed.0.to_string()])?;
        Ok(())
    }

    const FORGET_WORDS: Sql = "DELETE FROM words WHERE rowid = ?1";
    /// What stood at a seq is gone.
    pub(super) fn forget_words(&mut self, seq: i64) -> Result<()> {
        if seq <= self.now.indexed.0 {
            self.write(Self::FORGET_WORDS, [seq])?;
        }
        Ok(())
    }
}

/// A search as it goes on.
struct Search<'a> {
    reach: Reach,
    wanted: &'a Wanted,
    rows: usize,
    bytes: usize,
    found: Vec<Entry>,
    looks: usize,
}

impl Search<'_> {
    /// Looks at an entry. The end, if it is the last that this search looks at.
    fn look(&mut self, entry: Entry, fits: bool) -> ControlFlow<Seq> {
        let seq = entry.seq;
        self.looks += 1;
        if fits && self.reach.has(&entry) {
            self.bytes += entry.body.len();
            self.found.push(entry);
        }
        let full = self.found.len() >= self.rows || self.bytes >= LIST_BYTES_MAX;
        if full || self.looks >= SEARCH_LOOKS_MAX {
            return ControlFlow::Break(seq);
        }
        ControlFlow::Continue(())
    }
}

/// The term of a conversation.
fn term(conversation: Conversation) -> String {
    match conversation {
        Conversation::Everyone => "e".into(),
        Conversation::Inbox(user) => format!("u{}", user.0),
        Conversation::Group(group) => format!("g{}", group.0),
    }
}

/// The terms that a text is found under: what was said to one person is found by both.
fn who(conversation: Conversation, sender: Option<UserId>) -> String {
    let term_of = |user: UserId| term(Conversation::Inbox(user));
    match (conversation, sender) {
        (Conversation::Inbox(reader), Some(sender)) if reader != sender => {
            format!("{} {}", term_of(reader), term_of(sender))
        }
        _ => term(conversation),
    }
}

/// The words of a text as they are compared: in small letters, without accents, in one width.
fn words(text: &str) -> Vec<String> {
    let plain = match text.is_ascii() {
        true => Cow::from(text),
        false => {
            let bare = text.nfkd().filter(|letter| !('\u{300}'..='\u{36F}').contains(letter));
            bare.nfkc().collect()
        }
    };
    let mut words = vec![String::new()];
    for letter in plain.chars().flat_map(char::to_lowercase) {
        if is_word_alone(letter) {
            words.extend([letter.into(), String::new()]);
        } else if !letter.is_alphanumeric() {
            words.push(String::new());
        } else if let Some(word) = words.last_mut() {
            word.push(letter);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether a character is written without spaces around its words: Han, Kana and Hangul.
fn is_word_alone(letter: char) -> bool {
    matches!(u32::from(letter),
        0x3005..=0x3007 | 0x3041..=0x30FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xAC00..=0xD7A3
        | 0xF900..=0xFAFF | 0x20000..=0x3FFFF)
}

#[cfg(test)]
pub(super) const SQL: &[Sql] = &[
    Store::REGISTERED,
    Store::MATCH,
    Store::UNINDEXED,
    Store::INDEX,
    Store::SET_INDEXED,
    Store::FORGET_WORDS,
];

#[cfg(test)]
mod tests {
    use super::super::NewEntry;
    use super::super::tests::Temp;
    use super::*;
    use crate::id::GroupId;
    use crate::names::Name;

    const ANN: UserId = UserId(1);
    const BOB: UserId = UserId(2);
    const CEM: UserId = UserId(3);

    fn say(store: &mut Store, by: UserId, to: Conversation, body: &str) -> i64 {
        let (sender, kind) = (Some(by), EntryKind::Text);
        let entry = NewEntry { conversation: to, sender, unix: 9, kind, body, mid: None };
        store.append(&entry).expect("append").0
    }

    fn found(store: &mut Store, reader: UserId, line: &str) -> Vec<i64> {
        let wanted = Wanted::parse(line).expect("words");
        let found = store.search(reader, &wanted, None, 50).expect("search");
        assert_eq!((found.next, found.unsearched), (None, 0));
        found.entries.iter().map(|entry| entry.seq.0).collect()
    }

    /// Looks with nothing in the index, with half of it, and with everything.
    fn in_all_states(temp: &mut Temp, check: impl Fn(&mut Store)) {
        check(&mut temp.store);
        while !temp.store.is_indexed() {
            temp.transact(|store| store.index_some(2).expect("index"));
            check(&mut temp.store);
        }
    }

    #[test]
    fn words_are_found_in_any_script_and_form() {
        let mut temp = Temp::with_users(&["ann", "bob"]);
        let mut at = Vec::new();
        temp.transact(|store| {
            for text in
                ["我家在上海东边", "海上 sail", "Café ＡＢＣ １２", "straße; don't", "한국어로"]
            {
                at.push(say(store, ANN, Conversation::Inbox(BOB), text));
            }
        });
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
        assert!(Wanted::parse(" … !! ").is_none());
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
    fn p12_p21_a_search_goes_through_any_past_in_pages() {
        let mut temp = Temp::with_users(&["ann", "bob"]);
        let mut seqs = Vec::new();
        temp.transact(|store| {
            let mut groups = Vec::new();
            for name in ["a", "b", "c"] {
                let name = Name::group(name).expect("name");
                groups.push(store.add_group(ANN, &name, 1).expect("group"));
            }
            store.join(groups[2], BOB).expect("join");
            for number in 0..60 {
                let group = groups[number % 2];
                store.join(group, BOB).expect("join");
                seqs.push(say(store, ANN, Conversation::Group(group), "an apple"));
                store.leave(group, BOB).expect("leave");
                say(store, ANN, Conversation::Group(group), "another apple");
                if number % 20 == 7 {
                    seqs.push(say(store, ANN, Conversation::Group(groups[2]), "one apple more"));
                }
            }
            store.leave(groups[2], BOB).expect("leave");
            say(store, ANN, Conversation::Group(groups[2]), "the last apple");
        });
        while !temp.store.is_indexed() {
            temp.transact(|store| store.index_some(500).expect("index"));
        }
        seqs.reverse();
        let wanted = Wanted::parse("apple").expect("words");
        let (mut all, mut before, mut turns) = (Vec::new(), None, 0);
        while turns == 0 || before.is_some() {
            let found = temp.store.search(BOB, &wanted, before, 50).expect("search");
            all.extend(found.entries.iter().map(|entry| entry.seq.0));
            (before, turns) = (found.next, turns + 1);
        }
        assert_eq!(all, seqs);
    }

    #[test]
    fn p21_a_search_looks_at_so_much_and_goes_on_where_it_stopped() {
        let mut temp = Temp::with_users(&["ann", "bob"]);
        let count = 3 * SEARCH_LOOKS_MAX as i64;
        temp.transact(|store| {
            for number in 1..=count {
                let text = if number % 100 == 0 { "rare thing" } else { "thing" };
                say(store, ANN, Conversation::Inbox(BOB), text);
            }
        });
        let wanted = Wanted::parse("rare").expect("words");
        for _ in 0..2 {
            let (mut all, mut before, mut turns) = (Vec::new(), None, 0);
            while turns == 0 || before.is_some() {
                let found = temp.store.search(BOB, &wanted, before, 3).expect("search");
                assert!(found.entries.len() <= 3);
                all.extend(found.entries.iter().map(|entry| entry.seq.0));
                (before, turns) = (found.next, turns + 1);
            }
            let expected: Vec<i64> = (1..=count / 100).rev().map(|hundred| hundred * 100).collect();
            assert_eq!(all, expected);
            while !temp.store.is_indexed() {
                temp.transact(|store| store.index_some(500).expect("index"));
            }
        }
    }
}
