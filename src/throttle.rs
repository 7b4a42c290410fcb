//! How often an address or an account may try: sign-ins, registrations, takeovers, connections.
//!
//! Attempts are delayed, and an account is never locked. An attempt to sign in counts when it
//! begins: of a hundred guesses at the same moment one is compared and 99 are refused. It is given
//! back when the password was right or was never compared. A later attempt replaces one that still
//! waits for its hash, so a client that gave up and connected again does not wait for itself.
//!
//! ```text
//! an account, from a prefix       one attempt at a time; after a wrong one a delay that doubles
//!   … from the wider prefixes     the same, after some free attempts   ┐ not if the user signed in
//!   … from anywhere               a bucket that refills slowly         ┘ from that address before
//! an address and wider prefixes   failed sign-ins a minute; registrations an hour; wrong invite
//!                                 codes and names found taken a minute; connections
//! a user                          takeovers and friend requests a minute
//! ```
//!
//! Limits by address do not apply on loopback unless the operator says so. The delay of an account
//! does, because a proxy may be there. Every table is bounded: when it is full, its older half is
//! removed. A tick that runs again takes back what it counted, so that nothing counts twice.

mod delay;
mod prefix;
mod table;

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::id::{GroupId, Moment, UserId};
use crate::limits::{
    ACCOUNT_TRIES_BURST, ACCOUNT_TRY_SECONDS, FRIEND_ADDS_PER_MINUTE, INVITE_MISSES_PER_MINUTE,
    JOINS_PER_HOUR, Limits, NAME_MISSES_PER_MINUTE, NAMES_TAKEN_PER_MINUTE, USERNAME_CHARS_MAX,
};
use delay::Delay;
pub use prefix::Prefix;
use table::{Count, Table, seconds_up};

/// How long an attempt at an account fills its bucket.
const ACCOUNT_TRY: Duration = Duration::from_secs(ACCOUNT_TRY_SECONDS);

/// What is counted within a window of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tally {
    /// Sign-ins with a wrong password.
    FailedSignIns,
    /// Registrations, each counted before its password is hashed.
    Registrations,
    /// Wrong invite codes.
    WrongInvites,
    /// Registrations that found the name taken.
    NamesTaken,
    /// A user's session moved to another connection.
    Takeovers,
    /// Friend requests: the answer tells whether a name exists.
    FriendRequests,
    /// Names in requests that no user has.
    UnknownNames,
    /// A user joined a group.
    Joins,
}

impl Tally {
    /// How many kinds there are.
    const KINDS: usize = Tally::Joins as usize + 1;

    /// The window, and how many events it may have; 0 is no limit.
    fn rule(self, limits: &Limits) -> (Duration, u64) {
        let (seconds, limit) = match self {
            Tally::FailedSignIns => (60, limits.signins_per_minute),
            Tally::Registrations => (3_600, limits.registrations_per_hour),
            Tally::WrongInvites => (60, INVITE_MISSES_PER_MINUTE),
            Tally::NamesTaken => (60, NAMES_TAKEN_PER_MINUTE),
            Tally::Takeovers => (60, limits.takeovers_per_minute),
            Tally::FriendRequests => (60, FRIEND_ADDS_PER_MINUTE),
            Tally::UnknownNames => (60, NAME_MISSES_PER_MINUTE),
            Tally::Joins => (3_600, JOINS_PER_HOUR),
        };
        (Duration::from_secs(seconds), limit)
    }
}

/// Of whom an event is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    /// An address, and its wider prefixes.
    Address(IpAddr),
    /// A user.
    User(UserId),
    /// A user in one group.
    Member(GroupId, UserId),
}

/// The key of a row that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Key {
    Prefix(Prefix),
    User(UserId),
    Member(GroupId, UserId),
}

impl Whom {
    /// The rows in which it is counted, and how many times the limit each has; none for an address
    /// to which the limits do not apply.
    fn keys(self, limits: &Limits) -> impl Iterator<Item = (Key, u64)> {
        let (address, key) = match self {
            Whom::Address(address) => (Some(address), None),
            Whom::User(user) => (None, Some((Key::User(user), 1))),
            Whom::Member(group, user) => (None, Some((Key::Member(group, user), 1))),
        };
        let address = address.filter(|address| !is_exempt(*address, limits));
        let tiers = address.into_iter().flat_map(Prefix::tiers);
        tiers.map(|(prefix, factor)| (Key::Prefix(prefix), factor)).chain(key)
    }
}

/// From where an account's password is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TriedFrom {
    /// A prefix from which its user never signed in.
    New,
    /// A prefix from which its user signed in before: attempts from elsewhere do not delay it.
    Known,
    /// The user's own session, to change the password: attempts to sign in do not delay it.
    Session,
}

/// An attempt at an account's password.
#[derive(Clone, Debug)]
pub struct Attempt {
    peer: IpAddr,
    account: String,
    from: TriedFrom,
}

/// The result of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// The password was right.
    Right,
    /// It was wrong.
    Wrong,
    /// It was not compared.
    NotCompared,
}

impl Judged {
    /// The result of a comparison.
    pub fn of(is_right: bool) -> Judged {
        if is_right { Judged::Right } else { Judged::Wrong }
    }
}

impl Attempt {
    /// An attempt from an address. A name that does not exist may be as long as a frame, so it is
    /// cut: a full table of such names would need gigabytes (P20).
    pub fn new(peer: IpAddr, namekey: &str, from: TriedFrom) -> Attempt {
        let account = namekey.chars().take(USERNAME_CHARS_MAX).collect();
        Attempt { peer, account, from }
    }

    /// The account's name, cut.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Whether the two cannot be under way at the same time.
    pub fn excludes(&self, other: &Attempt) -> bool {
        let key = |attempt: &Attempt| attempt.key(Prefix::of(attempt.peer));
        key(self) == key(other)
    }

    /// Whose failed sign-in it may become: that of a session is not counted.
    fn counted_of(&self) -> Option<Whom> {
        (self.from != TriedFrom::Session).then_some(Whom::Address(self.peer))
    }

    fn key(&self, prefix: Prefix) -> Tried {
        (prefix, self.from == TriedFrom::Session, self.account.clone())
    }

    /// The prefixes in which it delays other attempts, and how many attempts are free in each.
    fn tiers(&self) -> impl Iterator<Item = (Tried, u64)> {
        let count = if self.from == TriedFrom::New { usize::MAX } else { 1 };
        let tiers = Prefix::tiers(self.peer).take(count);
        tiers.map(|(prefix, factor)| (self.key(prefix), if factor == 1 { 0 } else { factor }))
    }
}

/// A prefix, whether the attempt is of the account's own session, and the account.
type Tried = (Prefix, bool, String);

/// All counts and delays.
#[derive(Debug, Default)]
pub struct Throttle {
    connections: HashMap<Prefix, u64>,
    /// A table for each kind, so that none fills another's.
    counts: [Table<Key, Count>; Tally::KINDS],
    /// The delays of an account's own prefixes, and those of wider ones.
    delays: [Table<Tried, Delay>; 2],
    /// When the bucket of an account's attempts is full again.
    buckets: Table<String, Moment>,
}

impl Throttle {
    /// Begins a tick: what the last one counted stays.
    pub fn keep(&mut self) {
        self.counts.iter_mut().for_each(Table::keep);
        self.delays.iter_mut().for_each(Table::keep);
        self.buckets.keep();
    }

    /// The tick runs again: takes back what it counted.
    pub fn rewind(&mut self) {
        self.counts.iter_mut().for_each(Table::rewind);
        self.delays.iter_mut().for_each(Table::rewind);
        self.buckets.rewind();
    }

    /// Whether another event is allowed.
    ///
    /// # Errors
    /// Seconds to wait: there were too many.
    pub fn check(&self, what: Tally, whom: Whom, limits: &Limits, now: Moment) -> Result<(), u64> {
        let (span, limit) = what.rule(limits);
        let count = |key: &Key| self.counts[what as usize].get(key).unwrap_or_default();
        whom.keys(limits).try_for_each(|(key, factor)| count(&key).check(span, limit * factor, now))
    }

    /// Counts an event.
    pub fn count(&mut self, what: Tally, whom: Whom, limits: &Limits, now: Moment) {
        self.add(what, whom, (1, 0), limits, now);
    }

    /// Counts an event if it is allowed.
    ///
    /// # Errors
    /// As [`Throttle::check`]; it is not counted.
    pub fn take(
        &mut self,
        what: Tally,
        whom: Whom,
        limits: &Limits,
        now: Moment,
    ) -> Result<(), u64> {
        self.check(what, whom, limits, now)?;
        self.count(what, whom, limits, now);
        Ok(())
    }

    /// Takes an event back that failed through no fault of the client.
    pub fn give_back(&mut self, what: Tally, whom: Whom, limits: &Limits, now: Moment) {
        self.add(what, whom, (-1, 0), limits, now);
    }

    /// Changes how many events are counted, and how many attempts are under way.
    fn add(&mut self, what: Tally, whom: Whom, change: (i64, i64), limits: &Limits, now: Moment) {
        let (span, _) = what.rule(limits);
        let counts = &mut self.counts[what as usize];
        for (key, _) in whom.keys(limits) {
            let count = counts.get(&key).unwrap_or_default();
            counts.set(key, count.add(change, span, now));
        }
    }

    /// Counts a connection that has not signed in; false if there are too many from its address.
    pub fn connect(&mut self, peer: IpAddr, limits: &Limits) -> bool {
        if is_exempt(peer, limits) || limits.connections_per_address == 0 {
            return true;
        }
        let may_connect = |(prefix, factor): (Prefix, u64)| {
            let count = self.connections.get(&prefix).copied().unwrap_or_default();
            count < limits.connections_per_address * factor
        };
        if !Prefix::tiers(peer).all(may_connect) {
            return false;
        }
        self.connect_again(peer, limits);
        true
    }

    /// Counts a connection that signed out and stays, even if there are too many.
    pub fn connect_again(&mut self, peer: IpAddr, limits: &Limits) {
        if is_exempt(peer, limits) || limits.connections_per_address == 0 {
            return;
        }
        for (prefix, _) in Prefix::tiers(peer) {
            *self.connections.entry(prefix).or_default() += 1;
        }
    }

    /// A counted connection ended or signed in. A connection with a session is not counted.
    pub fn disconnect(&mut self, peer: IpAddr) {
        for (prefix, _) in Prefix::tiers(peer) {
            if let Some(count) = self.connections.get_mut(&prefix) {
                *count -= 1;
                if *count == 0 {
                    self.connections.remove(&prefix);
                }
            }
        }
    }

    /// Begins an attempt, which [`Throttle::end`] must end. If one of the same kind still waits for
    /// its hash, this one replaces it and is counted already.
    ///
    /// # Errors
    /// Seconds to wait; nothing has begun.
    pub fn begin(&mut self, attempt: &Attempt, limits: &Limits, now: Moment) -> Result<(), u64> {
        let own = self.delays[0].get(&attempt.key(Prefix::of(attempt.peer)));
        if own.is_some_and(Delay::waits) {
            return Ok(());
        }
        for (at, (key, _)) in attempt.tiers().enumerate() {
            self.delays[at.min(1)].get(&key).unwrap_or_default().check(now)?;
        }
        let full_at = self.buckets.get(&attempt.account).map_or(now, |at| at.max(now));
        if attempt.from == TriedFrom::New {
            let room = ACCOUNT_TRY * (ACCOUNT_TRIES_BURST as u32 - 1);
            let missing = full_at.since(now);
            if missing > room {
                return Err(seconds_up(missing - room));
            }
        }
        if let Some(whom) = attempt.counted_of() {
            self.check(Tally::FailedSignIns, whom, limits, now)?;
            self.add(Tally::FailedSignIns, whom, (0, 1), limits, now);
        }
        for (at, (key, free)) in attempt.tiers().enumerate() {
            let delays = &mut self.delays[at.min(1)];
            let delay = delays.get(&key).unwrap_or_default();
            delays.set(key, delay.begin(free, now));
        }
        if attempt.from == TriedFrom::New {
            self.buckets.set(attempt.account.clone(), full_at.after(ACCOUNT_TRY));
        }
        Ok(())
    }

    /// The attempt's password is being hashed: from now on no other attempt replaces it.
    pub fn begin_compare(&mut self, attempt: &Attempt) {
        let key = attempt.key(Prefix::of(attempt.peer));
        if let Some(delay) = self.delays[0].get(&key) {
            self.delays[0].set(key, delay.begin_compare());
        }
    }

    /// Ends an attempt: only a wrong one stays counted, and after a right one the wrong ones before
    /// it are forgotten.
    pub fn end(&mut self, attempt: &Attempt, judged: Judged, limits: &Limits, now: Moment) {
        let is_wrong = judged == Judged::Wrong;
        if let Some(whom) = attempt.counted_of() {
            let change = (i64::from(is_wrong), -1);
            self.add(Tally::FailedSignIns, whom, change, limits, now);
        }
        for (at, (key, free)) in attempt.tiers().enumerate() {
            let delays = &mut self.delays[at.min(1)];
            let Some(delay) = delays.get(&key) else { continue };
            match judged {
                Judged::Right if at == 0 => delays.forget(key),
                Judged::Wrong => delays.set(key, delay.count_wrong(free, now)),
                Judged::Right | Judged::NotCompared => delays.set(key, delay.give_back(now)),
            }
        }
        if attempt.from == TriedFrom::New
            && !is_wrong
            && let Some(full_at) = self.buckets.get(&attempt.account)
        {
            self.buckets.set(attempt.account.clone(), full_at.before(ACCOUNT_TRY));
        }
    }
}

/// Whether the limits by address do not apply.
fn is_exempt(peer: IpAddr, limits: &Limits) -> bool {
    limits.loopback == 0 && peer.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests;
