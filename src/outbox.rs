//! Effects: everything a tick decided, in order, waiting for the disk.
//!
//! Handlers stage effects and never act. `commit` makes them `Committed`, and `deliver` applies
//! them in exactly this order, sessions and readers included. A request that is refused is
//! rewound to its mark, as if it had never been served.
//!
//! A connection whose sign-in or sign-out is staged, or which waits for a password hash, is
//! *held*: it is served no further frame in this tick, because who it speaks for is being
//! decided.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use crate::conn::CloseReason;
use crate::id::{ConnId, GroupId, Seq, UserId};
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
    Reply(ConnId, ResponseMessage),
    /// The log has a new entry: push it to those of its readers who are caught up.
    Entry(Box<Entry>),
    /// A user reads a group from here on.
    Join(UserId, GroupId),
    /// A user no longer reads a group.
    Leave(UserId, GroupId),
    /// The group is deleted, and has no readers any more.
    Dissolve(GroupId),
    /// A session of a user who has confirmed everything up to the seq begins; those that it
    /// crowds out end.
    SignIn(ConnId, Box<Who>, Seq),
    /// The session ends, the connection stays.
    SignOut(ConnId),
    /// The session has another key.
    NewKey(ConnId, KeyHash, i64),
    /// The session is spoken to in another language.
    Speak(ConnId, Lang),
    /// The session confirms what it was pushed.
    Confirm(ConnId, Seq),
    /// Start hashing; the connection waits for it.
    Hash(ConnId, Box<Task>, Box<Waiting>),
    /// Close, behind what is said before.
    Close(ConnId, CloseReason),
    /// The user's session ends, wherever it is by then, and is told why.
    Expel(UserId, CloseReason),
    /// The user is an administrator from here on, or no longer one.
    Rights(UserId, bool),
    /// What the session is told of others.
    Watch(ConnId, Watches),
    /// Tell the sender of messages that they have arrived, or were read.
    Receipt(Receipt),
    /// Write a line of the operator's log.
    Log(Box<Line>),
    /// Hold the checkpoints for a backup.
    Hold(ConnId),
    /// The backup has what it wants.
    Release(ConnId),
}

/// A user has received, or has read, the messages of a sender up to a seq.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// The sender.
    pub to: UserId,
    /// The name of the user who has them.
    pub reader: String,
    /// Up to here.
    pub seq: Seq,
    /// They were read, and not only received.
    pub read: bool,
}

/// What goes on when a password hash is done.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// The request that is answered then.
    pub re: Option<RequestId>,
    /// The language of the answer.
    pub lang: Lang,
    /// For what the hash was.
    pub purpose: Purpose,
}

/// Why a password is hashed.
#[derive(Clone)]
pub enum Purpose {
    /// To make an account.
    Register {
        /// Its name.
        name: crate::names::Name,
        /// From where it counts as a registration, if it does.
        counted_for: Option<IpAddr>,
    },
    /// To sign in. No user: the name is unknown, and the work is done all the same.
    SignIn {
        /// Who, if there is one of that name.
        user: Option<UserId>,
        /// How it counts.
        attempt: Attempt,
        /// What the password was compared with: it must still be the user's when the hash is done.
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
    /// How it counts, if it is an attempt at a password.
    pub fn attempt(&self) -> Option<&Attempt> {
        match self {
            Purpose::SignIn { attempt, .. } | Purpose::Change(_, attempt) => Some(attempt),
            Purpose::Register { .. } | Purpose::Reset(_) => None,
        }
    }

    /// It takes the place of an earlier attempt: what that one counted is what this one counts.
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

/// The effects of a tick.
#[derive(Debug, Default)]
pub struct Outbox {
    effects: Vec<Effect>,
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
    held: usize,
}

impl Outbox {
    /// Where the effects of the next request begin.
    pub fn mark(&self) -> Mark {
        Mark { effects: self.effects.len(), held: self.held_order.len() }
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
        self.effects.push(effect);
    }

    /// Stages that another's session ends because of this request: it is served no more.
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
    pub fn answer(&mut self, mark: Mark, conn: ConnId, response: ResponseMessage) {
        self.reply_bytes = (Some(conn), self.reply_bytes(conn) + response.size_hint());
        self.effects.insert(mark.effects, Effect::Reply(conn, response));
    }

    /// Forgets everything since the mark.
    pub fn rewind(&mut self, mark: Mark) {
        self.effects.truncate(mark.effects);
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

    /// Hands over what was staged; the outbox is empty then, and still holds who it held, until
    /// [`Outbox::release`].
    pub fn take(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
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
    fn p3_a_rewound_request_leaves_no_effect_and_holds_nobody() {
        let conn = ConnId { slot: 1, generation: 1 };
        let mut outbox = Outbox::default();
        outbox.stage(Effect::Join(UserId(1), GroupId(1)));
        let mark = outbox.mark();
        outbox.stage(Effect::SignOut(conn));
        assert!(outbox.holds(conn));
        outbox.rewind(mark);
        assert!(!outbox.holds(conn));
        assert_eq!(outbox.take().len(), 1);
    }

    #[test]
    fn an_answer_stands_before_what_its_request_caused() {
        let conn = ConnId { slot: 1, generation: 1 };
        let mut outbox = Outbox::default();
        let mark = outbox.mark();
        outbox.stage(Effect::Join(UserId(1), GroupId(1)));
        let answer =
            ResponseMessage { re: None, code: Code::Ok, text: String::new(), data: Data::None };
        outbox.answer(mark, conn, answer);
        assert!(matches!(outbox.take()[0], Effect::Reply(..)));
    }
}
