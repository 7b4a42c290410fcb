//! The index of the words of the log's texts, for the search in one's own conversations.
//!
//! It ([FTS5]) trails the log. It is filled a few texts at a time when there is little else to do,
//! so that no message waits for it:
//!
//! ```text
//!   log    … ┼──────── in the index ────────┼ unsearched ┼──── read one by one ────►
//!            └ first                        └ indexed    └ the log's tail in memory
//! ```
//!
//! A text stands in it under its [`terms`] and under its conversation, once each: which texts have
//! a word is all that it tells, not where. So it costs the least room and the least time, and the
//! texts that it names are looked at themselves; see `search`. Every term is one of a slice of the
//! log, so that to find one does not become dearer as the log grows.
//!
//! Its tokenizer parts terms at spaces and at nothing else that can be in them: what a word is, is
//! decided in `tokens` alone.
//!
//! [FTS5]: https://sqlite.org/fts5.html

use super::tail::slice_of;
use super::tokens::{terms, words_of};
use super::{EntryKind, Result, Sql, Store};
use crate::id::{Conversation, Seq, UserId};
use crate::limits::INDEX_BYTES_PER_STEP;

impl Store {
    /// Whether the index has everything.
    pub fn is_indexed(&self) -> bool {
        self.now.indexed >= self.head()
    }

    const UNINDEXED: Sql = "SELECT seq, conversation, sender, kind, body FROM log
        WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    const INDEX: Sql = "INSERT INTO words (rowid, terms) VALUES (?1, ?2)";
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
                let (slice, words) = (slice_of(seq), words_of(&body));
                let who = who(Conversation::from_sql(conversation), sender.map(UserId));
                let who = who.iter().map(|name| term(slice, name));
                let words = terms(&words).into_iter().map(|word| term(slice, word));
                let terms: Vec<String> = who.chain(words).collect();
                self.write(Self::INDEX, (seq, terms.join(" ")))?;
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

/// The term of a word, or of a conversation by its name, in a slice of the log. No word has the
/// mark behind the slice's number.
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

#[cfg(test)]
pub(super) const SQL: &[Sql] =
    &[Store::UNINDEXED, Store::INDEX, Store::SET_INDEXED, Store::FORGET_WORDS];
