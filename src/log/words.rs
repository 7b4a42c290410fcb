//! The full-text index, for the search in one's own conversations.
//!
//! It is an index of SQLite's [FTS5], and trails the log: it is filled a few texts at a time when
//! there is little else to do, so that no message waits for it.
//!
//! ```text
//!   log    … ┼──────── in the index ────────┼ unsearched ┼──── read one by one ────►
//!            └ first                        └ indexed    └ the log's tail in memory
//! ```
//!
//! A text is found under its [`terms`] and under its conversation. The index tells which texts
//! have a term, and not where in the text; so it is small and fast, and a search reads the texts
//! that it names. Every term begins with its slice of the log, so a term costs the same however
//! long the log is.
//!
//! The tokenizer splits at spaces only. What a word is, is decided in `tokens`.
//!
//! [FTS5]: https://sqlite.org/fts5.html

use rusqlite::params;

use super::tail::slice_of;
use super::tokens::{terms, words_of};
use super::{EntryKind, LogMut, LogRef, Result, Sql, numbered};
use crate::id::{Conversation, Seq, UserId};
use crate::limits::INDEX_BYTES_PER_STEP;

/// A row of the log as the index needs it: seq, conversation, sender, kind and body.
type Text = (i64, i64, Option<i64>, EntryKind, String);

impl LogMut<'_> {
    numbered! { 39 INDEX = "INSERT INTO words (rowid, terms) VALUES (?1, ?2)" }
    numbered! { 40 SET_INDEXED = "INSERT INTO meta (name, value) VALUES ('indexed', ?1)
    ON CONFLICT DO UPDATE SET value = excluded.value" }
    /// Takes the next `rows` entries into the index, or fewer if they are long.
    pub fn index_some(&mut self, rows: usize) -> Result<()> {
        let next = self.read()?.unindexed(rows)?;
        let mut bytes = 0;
        if next.is_empty() {
            // The last seqs were given, and their rows are gone.
            self.log.marks.now.indexed = self.log.head();
        }
        for (seq, conversation, sender, kind, body) in next {
            if bytes > INDEX_BYTES_PER_STEP {
                break;
            }
            bytes += body.len();
            if kind != EntryKind::Notice {
                let (slice, words) = (slice_of(seq), words_of(&body));
                let who = who(Conversation::from_sql(conversation), sender.map(UserId));
                let who = who.iter().map(|name| term(slice, name));
                let words = terms(&words).into_iter().map(|word| term(slice, word));
                let terms: Vec<String> = who.chain(words).collect();
                self.db.write(&Self::INDEX, params![seq, terms.join(" ")])?;
            }
            self.log.marks.now.indexed = Seq(seq);
        }
        let indexed = self.log.marks.now.indexed.0.to_string();
        self.db.write(&Self::SET_INDEXED, params![indexed])
    }

    numbered! { 41 FORGET_WORDS = "DELETE FROM words WHERE rowid = ?1" }
    /// Takes the words of what stood at a seq out of the index.
    pub(super) fn forget_words(&mut self, seq: i64) -> Result<()> {
        if seq <= self.log.marks.now.indexed.0 {
            self.db.write(&Self::FORGET_WORDS, params![seq])?;
        }
        Ok(())
    }
}

impl LogRef<'_> {
    const UNINDEXED: Sql = "SELECT seq, conversation, sender, kind, body FROM log
        WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    /// The first `rows` texts that the index does not have.
    fn unindexed(&self, rows: usize) -> Result<Vec<Text>> {
        let from = (self.log.marks.now.indexed.0, rows as i64);
        self.db.rows(Self::UNINDEXED, from, |row| row.try_into())
    }
}

/// The term of a word, or of a conversation by its name, in a slice of the log. No word has the
/// mark after the slice's number.
pub(super) fn term(slice: i64, word: &str) -> String {
    format!("{slice:x}§{word}")
}

/// The name of a conversation in the index. No word begins so.
pub(super) fn name_of(conversation: Conversation) -> String {
    match conversation {
        Conversation::Everyone => "§e".into(),
        Conversation::Inbox(user) => format!("§u{}", user.0),
        Conversation::Group(group) => format!("§g{}", group.0),
    }
}

/// The conversations that a text is found under: what was said to one person is found by both.
fn who(conversation: Conversation, sender: Option<UserId>) -> Vec<String> {
    let mut who = vec![name_of(conversation)];
    if let (Conversation::Inbox(reader), Some(sender)) = (conversation, sender)
        && reader != sender
    {
        who.push(name_of(Conversation::Inbox(sender)));
    }
    who
}
