//! Effects: everything that a tick decided, in order, until it is on the disk.
//!
//! Handlers stage effects and never act. `commit` makes them `Committed`, and `deliver` applies
//! them in this order, those on sessions and readers included. When a request is refused, the
//! outbox is rewound to the request's mark.
//!
//! The texts of answers and of new entries of the log stand one after another in one buffer, and an
//! effect tells where its texts are. So a message needs no memory of its own here, and to rewind
//! is to cut the buffer:
//!
//! ```text
//! effects    Reply { text: 8..13 }    Entry { body: 3..8, sender_name: 0..3 }    Join    …
//! texts      annhelloSent.…
//! ```
//!
//! A connection whose sign-in or sign-out is staged, or which waits for a password hash, is
//! *held*: it is served no further frame in this tick, because the tick decides which session it
//! has.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use crate::conn::CloseReason;
use crate::id::{ConnId, GroupId, Seq, UserId};
use crate::limits::{FRAME_PAYLOAD_BYTES_MAX, REQUESTS_PER_TICK};
use crate::locale::Lang;
use crate::operator_log::Line;
use crate::password::{KeyHash, Task};
use crate::sessions::{Watches, Who};
use crate::store::Entry;
use crate::throttle::Attempt;
use crate::wire::{RequestId, ResponseMessage};

/// One thing to be done after COMMIT.
#[derive(Debug)]
pub enum Effect {
    /// Answer a request.
    Reply(ConnId, ResponseMessage<Span>),
    /// The log has a new entry: push it to those of its readers who are caught up.
    Entry(Entry<Span>),
    /// A user reads a group from here on.
    Join(UserId, GroupId),
    /// A user no longer reads a group.
    Leave(UserId, GroupId),
    /// The group is deleted, and has no readers any more.
    Dissolve(GroupId),
    /// A session of a user who has confirmed everything up to the seq begins; those that it
    /// crowds out end.
    SignIn(ConnId, Box<Who>, Seq),
    /// The session ends, and the connection stays.
    SignOut(ConnId),
    /// The session has another key.
    NewKey(ConnId, KeyHash, i64),
    /// The session has another language.
    Speak(ConnId, Lang),
    /// The session confirms that it was pushed everything up to the seq.
    Confirm(ConnId, Seq),
    /// Hash a password; the connection waits for it.
    Hash(ConnId, Box<Task>, Box<Waiting>),
    /// Close the connection, when it was sent what is staged before.
    Close(ConnId, CloseReason),
    /// The user's sessions end and are told why.
    Expel(UserId, CloseReason),
    /// The user is an administrator from here on (true), or no longer one.
    Rights(UserId, bool),
    /// From here on the session is told this of other users.
    Watch(ConnId, Watches),
    /// Tell the sender of messages that they have arrived, or were read.
    Receipt(Receipt),
    /// Write a line of the operator's log.
    Log(Box<Line>),
    /// Hold the checkpoints for a backup.
    Hold(ConnId),
    /// The backup has its copy.
    Release(ConnId),
}

/// A user has received, or has read, the messages of a sender up to a seq.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// The sender.
    pub to: UserId,
    /// The name of the user who received them.
    pub reader: String,
    /// The last of them.
    pub seq: Seq,
    /// Whether they were read, too.
    pub read: bool,
}

/// A request that waits for a password hash.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Its id.
    pub re: Option<RequestId>,
    /// The language of the answer.
    pub lang: Lang,
    /// Why the password is hashed.
    pub purpose: Purpose,
}

/// Why a password is hashed.
#[derive(Clone)]
pub enum Purpose {
    /// To make an account.
    Register {
        /// Its name.
        name: crate::names::Name,
        /// The address that the registration is counted for, if it is counted.
        counted_for: Option<IpAddr>,
    },
    /// To sign in.
    SignIn {
        /// The user of that name. `None`: there is none, and the work is done all the same.
        user: Option<UserId>,
        /// How it is counted.
        attempt: Attempt,
        /// The stored password that it is compared with: it must still be the user's when the hash
        /// is done.
        stored: String,
        /// Whether the client confirms.
        acks: bool,
    },
    /// To change the password.
    Change(UserId, Attempt),
    /// The operator changes it.
    Reset(UserId),
}

impl Purpose {
    /// How it is counted, if it is an attempt at a password.
    pub fn attempt(&self) -> Option<&Attempt> {
        match self {
            Purpose::SignIn { attempt, .. } | Purpose::Change(_, attempt) => Some(attempt),
            Purpose::Register { .. } | Purpose::Reset(_) => None,
        }
    }

    /// It takes the place of an earlier attempt, and is counted as that one was.
    pub fn goes_on_from(&mut self, earlier: &Purpose) {
        if let Purpose::SignIn { attempt, .. } | Purpose::Change(_, attempt) = self
            && let Some(earlier) = earlier.attempt()
        {
            attempt.clone_from(earlier);
        }
    }
}

/// A stored password is a secret (P27).
impl std::fmt::Debug for Purpose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Purpose::Register { .. } => "Register(…)",
            Purpose::SignIn { .. } => "SignIn(…)",
            Purpose::Change(..) => "Change(…)",
            Purpose::Reset(_) => "Reset(…)",
        })
    }
}

/// What a tick, or a request that has a transaction of its own, decided. Texts are never printed
/// (P27), so it has no `Debug`.
#[derive(Default)]
pub struct Staged {
    /// The effects, in the order in which they are applied.
    pub effects: Vec<Effect>,
    /// Their texts, one after another.
    pub texts: String,
}

/// Where a text stands in [`Staged::texts`].
#[derive(Clone, Copy, Debug)]
pub struct Span {
    start: u32,
    end: u32,
}

/// Each request of a tick stages less than two frames of text.
const _: () = assert!(2 * REQUESTS_PER_TICK * FRAME_PAYLOAD_BYTES_MAX < u32::MAX as usize);

impl Span {
    /// The text, in the [`Staged::texts`] in which it was staged.
    pub fn of(self, texts: &str) -> &str {
        &texts[self.start as usize..self.end as usize]
    }

    fn len(self) -> usize {
        (self.end - self.start) as usize
    }
}

/// What is staged, and which connections are held.
#[derive(Default)]
pub struct Outbox {
    staged: Staged,
    held: HashSet<ConnId>,
    /// The same in the order in which they came, to rewind.
    held_order: Vec<ConnId>,
    /// What each session confirmed in this tick, not applied yet.
    confirmed: HashMap<ConnId, Seq>,
    /// About how many bytes of answers are staged for the connection that was answered last: one
    /// that asks for long lists is served no more than its buffer can hold. A connection's frames
    /// are served in a row, so one count is enough.
    reply_bytes: (Option<ConnId>, usize),
}

/// Where a request's effects begin.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    effects: usize,
    texts: usize,
    held: usize,
}

impl Outbox {
    /// Where the effects of the next request begin.
    pub fn mark(&self) -> Mark {
        let Staged { effects, texts } = &self.staged;
        Mark { effects: effects.len(), texts: texts.len(), held: self.held_order.len() }
    }

    /// Stages an effect.
    pub fn stage(&mut self, effect: Effect) {
        match &effect {
            Effect::SignIn(conn, ..)
            | Effect::SignOut(conn)
            | Effect::NewKey(conn, ..)
            | Effect::Hash(conn, ..)
            | Effect::Close(conn, ..) => self.hold(*conn),
            Effect::Confirm(conn, seq) => {
                let confirmed = self.confirmed.entry(*conn).or_default();
                *confirmed = (*confirmed).max(*seq);
            }
            _ => {}
        }
        self.staged.effects.push(effect);
    }

    /// Stages an entry of the log for its readers.
    pub fn stage_entry(&mut self, entry: &Entry<&str>) {
        let entry = entry.with_texts(|text| self.text(|texts| texts.push_str(text)));
        self.staged.effects.push(Effect::Entry(entry));
    }

    /// Stages a text for an effect: what `write` appends.
    pub fn text(&mut self, write: impl FnOnce(&mut String)) -> Span {
        let texts = &mut self.staged.texts;
        let start = texts.len() as u32;
        write(texts);
        Span { start, end: texts.len() as u32 }
    }

    /// Holds a connection whose session ends because of another's request.
    pub fn hold(&mut self, conn: ConnId) {
        if self.held.insert(conn) {
            self.held_order.push(conn);
        }
    }

    /// What the session confirmed in this tick: a session that takes over begins behind it.
    pub fn confirmed(&self, conn: ConnId) -> Seq {
        self.confirmed.get(&conn).copied().unwrap_or_default()
    }

    /// Stages the answer before everything that the request caused, so that it leaves before
    /// any push to the same connection.
    pub fn answer(&mut self, mark: Mark, conn: ConnId, response: ResponseMessage<Span>) {
        // The text of a list and its data are of one size.
        let bytes = 256 + 2 * response.text.len();
        self.reply_bytes = (Some(conn), self.reply_bytes(conn) + bytes);
        self.staged.effects.insert(mark.effects, Effect::Reply(conn, response));
    }

    /// Forgets everything that was staged since the mark.
    pub fn rewind(&mut self, mark: Mark) {
        self.staged.effects.truncate(mark.effects);
        self.staged.texts.truncate(mark.texts);
        for conn in self.held_order.drain(mark.held..) {
            self.held.remove(&conn);
        }
    }

    /// About how many bytes of answers are staged for the connection.
    pub fn reply_bytes(&self, conn: ConnId) -> usize {
        if self.reply_bytes.0 == Some(conn) { self.reply_bytes.1 } else { 0 }
    }

    /// Whether the connection is served no further frame in this tick.
    pub fn holds(&self, conn: ConnId) -> bool {
        self.held.contains(&conn)
    }

    /// Hands over what was staged. Connections are held until [`Outbox::release`].
    pub fn take(&mut self) -> Staged {
        std::mem::take(&mut self.staged)
    }

    /// A new tick begins: no connection is held.
    pub fn release(&mut self) {
        self.held.clear();
        self.held_order.clear();
        self.confirmed.clear();
        self.reply_bytes = (None, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Code;
    use crate::wire::response::Data;

    #[test]
    fn p3_a_rewound_request_leaves_no_effect_and_no_text_and_holds_no_connection() {
        let conn = ConnId { slot: 1, generation: 1 };
        let mut outbox = Outbox::default();
        outbox.stage(Effect::Join(UserId(1), GroupId(1)));
        let mark = outbox.mark();
        outbox.stage(Effect::SignOut(conn));
        outbox.text(|texts| texts.push_str("hello"));
        assert!(outbox.holds(conn));
        outbox.rewind(mark);
        assert!(!outbox.holds(conn));
        let staged = outbox.take();
        assert_eq!((staged.effects.len(), staged.texts.as_str()), (1, ""));
    }

    #[test]
    fn an_answer_stands_before_what_its_request_caused() {
        let conn = ConnId { slot: 1, generation: 1 };
        let mut outbox = Outbox::default();
        let mark = outbox.mark();
        outbox.stage(Effect::Join(UserId(1), GroupId(1)));
        let text = outbox.text(|texts| texts.push_str("Sent."));
        let answer = ResponseMessage { re: None, code: Code::Ok, text, data: Data::None };
        outbox.answer(mark, conn, answer);
        let Staged { effects, texts } = outbox.take();
        let Effect::Reply(_, answer) = &effects[0] else { unreachable!("the answer is first") };
        assert_eq!(answer.text.of(&texts), "Sent.");
    }
}
