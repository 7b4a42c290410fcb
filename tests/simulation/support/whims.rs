//! What an edge does of its own accord: how it moves bytes, takes its time, and dies.

use std::time::Duration;

/// Where the loop calls the edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    /// What happened?
    Wait,
    /// What time is it? Also in the middle of a transaction.
    Moment,
    /// Who is there?
    Accept,
    /// Bytes in.
    Read,
    /// How full is the disk? Before a transaction.
    DiskFree,
    /// A password to be hashed. Behind a commit.
    Hash,
    /// Bytes out. Behind a commit.
    Write,
    /// No more bytes out.
    Shutdown,
    /// A connection let go.
    Close,
}

/// What an edge does of its own accord.
pub trait Whims {
    /// How many of `count` bytes are moved. None: it would block for now, and an edge follows.
    fn moves(&mut self, _: Call, count: usize) -> Option<usize> {
        Some(count)
    }

    /// An event comes for nothing, for one of so many connections, those that are gone included.
    fn wakes_for_nothing(&mut self, _connections: usize) -> Option<usize> {
        None
    }

    /// How much later it is than when the time was last asked for.
    fn dawdles(&mut self) -> Duration {
        Duration::ZERO
    }

    /// How long a password hash takes.
    fn hashes_for(&mut self) -> Duration {
        Duration::ZERO
    }

    /// A finished hash is told to a connection that is gone.
    fn comes_too_late(&mut self) {}

    /// Whether the process is killed at this call, which is not done then.
    fn kills(&mut self, _: Call) -> bool {
        false
    }
}

/// No whims at all.
pub struct Obedient;

impl Whims for Obedient {}

/// Only looks on.
pub struct Witness(pub fn(Call));

impl Whims for Witness {
    fn kills(&mut self, call: Call) -> bool {
        (self.0)(call);
        false
    }
}
