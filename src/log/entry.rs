//! What the log's entries are.

use std::fmt;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};

use crate::id::{Conversation, NO_USER, Seq, UserId};

/// What a log entry is. The numbers stand in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A person's text.
    Text = 0,
    /// An administrator's text by `send` or `sendgroup`.
    AdminText = 1,
    /// A text in the system's name.
    System = 2,
    /// A notice: an event and its arguments, put into words when pushed.
    Notice = 3,
}

impl FromSql for EntryKind {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<EntryKind> {
        match value.as_i64()? {
            0 => Ok(EntryKind::Text),
            1 => Ok(EntryKind::AdminText),
            2 => Ok(EntryKind::System),
            3 => Ok(EntryKind::Notice),
            other => Err(FromSqlError::OutOfRange(other)),
        }
    }
}

/// An entry to append.
#[derive(Clone, Copy)]
pub struct NewEntry<'a> {
    /// Who it is for.
    pub conversation: Conversation,
    /// Who said it; `None` for the system.
    pub sender: Option<UserId>,
    /// When, in unix seconds.
    pub unix: i64,
    /// What it is.
    pub kind: EntryKind,
    /// The text, or a notice's event and arguments.
    pub body: &'a str,
    /// The sender's name for it, not used by them before.
    pub mid: Option<&'a str>,
}

/// An entry of the log, with the names that a push needs. `T` holds its texts: they are its own, or
/// borrowed, or stand elsewhere.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Entry<T = String> {
    /// Where it stands.
    pub seq: Seq,
    /// Who it is for.
    pub conversation: Conversation,
    /// Who said it; `None` for the system.
    pub sender: Option<UserId>,
    /// The sender's name as shown.
    pub sender_name: Option<T>,
    /// What the group is called, if it is for one.
    pub group: Option<GroupLabel<T>>,
    /// When, in unix seconds.
    pub unix: i64,
    /// What it is.
    pub kind: EntryKind,
    /// The text, or a notice's event and arguments.
    pub body: T,
}

/// What a group is called: its name, and its creator's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupLabel<T = String> {
    /// The group's name as shown.
    pub name: T,
    /// The creator's name as shown.
    pub creator: T,
}

impl<T> Entry<T> {
    /// The same entry with its texts held in another way.
    pub fn with_texts<'a, U>(&'a self, mut hold: impl FnMut(&'a T) -> U) -> Entry<U> {
        let &Entry { seq, conversation, sender, unix, kind, .. } = self;
        let sender_name = self.sender_name.as_ref().map(&mut hold);
        let group = self.group.as_ref().map(|label| {
            let (name, creator) = (hold(&label.name), hold(&label.creator));
            GroupLabel { name, creator }
        });
        let body = hold(&self.body);
        Entry { seq, conversation, sender, sender_name, group, unix, kind, body }
    }
}

// What was said is never printed (P27), so `Debug` is not derived.
impl<T> fmt::Debug for Entry<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Entry { seq, conversation, sender, kind, .. } = self;
        write!(f, "Entry({seq:?}, {kind:?}, {conversation:?}, {sender:?})")
    }
}

/// The sender that an entry is found by: none for a notice and for what the system says.
pub(super) fn findable_sender(kind: EntryKind, sender: Option<i64>) -> i64 {
    sender.filter(|_| kind != EntryKind::Notice).unwrap_or(NO_USER)
}
