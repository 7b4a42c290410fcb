//! Ids, each of a type of its own, so that one is never taken for another.
//!
//! A [`ConnId`] names a connection for as long as it lives. Its slot in the slab is reused, its
//! generation is not, so an event or a completion that arrives late finds no connection (P24). All
//! other ids are SQLite's own 64-bit integers with a type around them. Nothing here allocates.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// One connection: its slot in the slab, and a generation, which tells it from the earlier and
/// later connections in this slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnId {
    /// Index into the slab of connections.
    pub slot: u32,
    /// Counts the accepted connections; wraps after 2^32 of them.
    pub generation: u32,
}

impl ConnId {
    /// The least of all.
    pub const FIRST: ConnId = ConnId { slot: 0, generation: 0 };
    /// The greatest of all.
    pub const LAST: ConnId = ConnId { slot: u32::MAX, generation: u32::MAX };

    /// The id packed into one word, for a poll token.
    pub fn to_bits(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.slot)
    }

    /// The inverse of [`ConnId::to_bits`].
    pub fn from_bits(bits: u64) -> ConnId {
        ConnId { slot: bits as u32, generation: (bits >> 32) as u32 }
    }

    /// The slot as an index.
    pub fn index(self) -> usize {
        self.slot as usize
    }
}

impl fmt::Display for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}.{}", self.slot, self.generation)
    }
}

/// The kind of listener at which a connection was accepted: it decides which requests are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenerKind {
    /// For users, on the network.
    Public,
    /// For the operator: the control socket, which only the server's own user can open.
    Control,
    /// For monitors, on the loopback address of `--metrics`: one request over HTTP.
    Metrics,
}

impl ListenerKind {
    /// Whether its peers are accepted even when there is no room for users.
    pub fn is_reserved(self) -> bool {
        self != ListenerKind::Public
    }
}

/// An account (`users.userid`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(pub i64);

/// Stands in tables and in memory where no user is meant; no user has this id.
pub const NO_USER: i64 = 0;

/// A group (`groups.groupid`), alive or deleted: ids are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId(pub i64);

/// A place in the message log (`log.seq`); 0 is before the first message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub struct Seq(pub i64);

impl Seq {
    /// The seq that the log gives next.
    pub fn next(self) -> Seq {
        Seq(self.0 + 1)
    }
}

/// The readers of a message. Each message has exactly one conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Conversation {
    /// Every user, those who are offline included.
    Everyone,
    /// One user's inbox.
    Inbox(UserId),
    /// The members of a group.
    Group(GroupId),
}

impl Conversation {
    /// The integer that stands for the conversation in the database: 0 is everyone, an even
    /// number the inbox of the user of half of it, an odd number the group.
    pub fn to_sql(self) -> i64 {
        match self {
            Conversation::Everyone => 0,
            Conversation::Inbox(user) => user.0 * 2,
            Conversation::Group(group) => group.0 * 2 + 1,
        }
    }

    /// The inverse of [`Conversation::to_sql`].
    pub fn from_sql(code: i64) -> Conversation {
        match code {
            0 => Conversation::Everyone,
            code if code % 2 == 0 => Conversation::Inbox(UserId(code / 2)),
            code => Conversation::Group(GroupId(code / 2)),
        }
    }
}

/// A point in monotonic time, in microseconds since an origin that only `Net` knows. All timers use
/// it; wall time is only shown and stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Moment(pub u64);

impl Moment {
    /// This moment and `span` later.
    pub fn after(self, span: Duration) -> Moment {
        Moment(self.0.saturating_add(span.as_micros() as u64))
    }

    /// This moment and `span` earlier.
    pub fn before(self, span: Duration) -> Moment {
        Moment(self.0.saturating_sub(span.as_micros() as u64))
    }

    /// How long ago `earlier` was; zero if it is later than this.
    pub fn since(self, earlier: Moment) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// Reads the monotonic clock, wherever it is called.
pub type Clock = Arc<dyn Fn() -> Moment + Send + Sync>;

/// The time, read once a tick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// For timers.
    pub mono: Moment,
    /// Unix seconds, for people and for the database.
    pub unix: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_survive_packing() {
        let id = ConnId { slot: 7, generation: u32::MAX };
        assert_eq!(ConnId::from_bits(id.to_bits()), id);
        for conversation in [
            Conversation::Everyone,
            Conversation::Inbox(UserId(1)),
            Conversation::Group(GroupId(1)),
            Conversation::Group(GroupId(i64::MAX / 4)),
        ] {
            assert_eq!(Conversation::from_sql(conversation.to_sql()), conversation);
        }
    }
}
