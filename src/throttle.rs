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
use delay::{Bucket, Delay};
pub use prefix::Prefix;
use table::{Table, Undo, Window, seconds_up};

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
#[derive(Debug)]
pub struct Throttle {
    connections: HashMap<Prefix, u64>,
    failed_sign_ins: Window<Prefix>,
    registrations: Window<Prefix>,
    invite_misses: Window<Prefix>,
    names_taken: Window<Prefix>,
    takeovers: Window<UserId>,
    adds: Window<UserId>,
    name_misses: Window<UserId>,
    joins: Window<(GroupId, UserId)>,
    delays: Table<Tried, Delay>,
    /// The delays of wider prefixes: in a table of their own, so that neither fills the other's.
    wider_delays: Table<Tried, Delay>,
    buckets: Table<String, Bucket>,
}

impl Default for Throttle {
    fn default() -> Throttle {
        Throttle {
            connections: HashMap::new(),
            failed_sign_ins: Window::of_seconds(60),
            registrations: Window::of_seconds(3_600),
            invite_misses: Window::of_seconds(60),
            names_taken: Window::of_seconds(60),
            takeovers: Window::of_seconds(60),
            adds: Window::of_seconds(60),
            name_misses: Window::of_seconds(60),
            joins: Window::of_seconds(3_600),
            delays: Table::new(),
            wider_delays: Table::new(),
            buckets: Table::new(),
        }
    }
}

impl Throttle {
    /// Begins a tick: what the last one counted stays.
    pub fn keep(&mut self) {
        self.tables().into_iter().for_each(|table| table.keep());
    }

    /// The tick runs again: takes back what it counted.
    pub fn rewind(&mut self) {
        self.tables().into_iter().for_each(|table| table.rewind());
    }

    fn tables(&mut self) -> [&mut dyn Undo; 11] {
        [
            &mut self.failed_sign_ins.counts,
            &mut self.registrations.counts,
            &mut self.invite_misses.counts,
            &mut self.names_taken.counts,
            &mut self.takeovers.counts,
            &mut self.adds.counts,
            &mut self.name_misses.counts,
            &mut self.joins.counts,
            &mut self.delays,
            &mut self.wider_delays,
            &mut self.buckets,
        ]
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
        let own = self.delays.get(&attempt.key(Prefix::of(attempt.peer)));
        if own.is_some_and(Delay::waits) {
            return Ok(());
        }
        for (at, (key, _)) in attempt.tiers().enumerate() {
            let delay = self.delays_of_tier(at).get(&key).unwrap_or_default();
            delay.check(now)?;
        }
        if attempt.from == TriedFrom::New {
            let full_at = self.buckets.get(&attempt.account).map_or(now, |Bucket(at)| at);
            let room = Duration::from_secs(ACCOUNT_TRY_SECONDS * (ACCOUNT_TRIES_BURST - 1));
            let missing = full_at.since(now);
            if missing > room {
                return Err(seconds_up(missing - room));
            }
        }
        if self.counts_address(attempt, limits) {
            for (prefix, factor) in Prefix::tiers(attempt.peer) {
                let limit = limits.signins_per_minute * factor;
                self.failed_sign_ins.check(prefix, limit, now)?;
            }
            for (prefix, _) in Prefix::tiers(attempt.peer) {
                self.failed_sign_ins.open(prefix, now);
            }
        }
        for (at, (key, free)) in attempt.tiers().enumerate() {
            let delays = self.delays_of_tier(at);
            let delay = delays.get(&key).unwrap_or_default();
            delays.set(key, delay.begin(free, now));
        }
        if attempt.from == TriedFrom::New {
            let full_at = self.buckets.get(&attempt.account).map_or(now, |Bucket(at)| at.max(now));
            let full_at = full_at.after(Duration::from_secs(ACCOUNT_TRY_SECONDS));
            self.buckets.set(attempt.account.clone(), Bucket(full_at));
        }
        Ok(())
    }

    /// The attempt's password is being hashed: from now on no other attempt replaces it.
    pub fn begin_compare(&mut self, attempt: &Attempt) {
        let key = attempt.key(Prefix::of(attempt.peer));
        if let Some(delay) = self.delays.get(&key) {
            self.delays.set(key, delay.begin_compare());
        }
    }

    /// Ends an attempt: only a wrong one stays counted, and after a right one the wrong ones before
    /// it are forgotten.
    pub fn end(&mut self, attempt: &Attempt, judged: Judged, limits: &Limits, now: Moment) {
        if self.counts_address(attempt, limits) {
            for (prefix, _) in Prefix::tiers(attempt.peer) {
                self.failed_sign_ins.close(prefix, judged == Judged::Wrong, now);
            }
        }
        for (at, (key, free)) in attempt.tiers().enumerate() {
            let delays = self.delays_of_tier(at);
            let Some(delay) = delays.get(&key) else { continue };
            match judged {
                Judged::Right if at == 0 => delays.forget(key),
                Judged::Wrong => delays.set(key, delay.count_wrong(free, now)),
                Judged::Right | Judged::NotCompared => delays.set(key, delay.give_back(now)),
            }
        }
        if attempt.from == TriedFrom::New
            && judged != Judged::Wrong
            && let Some(Bucket(full_at)) = self.buckets.get(&attempt.account)
        {
            let full_at = full_at.before(Duration::from_secs(ACCOUNT_TRY_SECONDS));
            self.buckets.set(attempt.account.clone(), Bucket(full_at));
        }
    }

    fn delays_of_tier(&mut self, at: usize) -> &mut Table<Tried, Delay> {
        if at == 0 { &mut self.delays } else { &mut self.wider_delays }
    }

    /// Whether an attempt counts for its address: one of a session does not.
    fn counts_address(&self, attempt: &Attempt, limits: &Limits) -> bool {
        attempt.from != TriedFrom::Session && !is_exempt(attempt.peer, limits)
    }

    /// Counts a registration from the address, before its password is hashed.
    ///
    /// # Errors
    /// Seconds to wait: there were too many.
    pub fn register(&mut self, peer: IpAddr, limits: &Limits, now: Moment) -> Result<(), u64> {
        let limit = limits.registrations_per_hour;
        check(&self.registrations, peer, limit, limits, now)?;
        count(&mut self.registrations, peer, limits, now);
        Ok(())
    }

    /// Takes a registration back that failed through no fault of the client.
    pub fn give_registration_back(&mut self, peer: IpAddr, limits: &Limits, now: Moment) {
        for (prefix, _) in Prefix::tiers(peer).filter(|_| !is_exempt(peer, limits)) {
            self.registrations.give_back(prefix, now);
        }
    }

    /// Whether an invite code may be tried from the address.
    ///
    /// # Errors
    /// Seconds to wait: too many were wrong.
    pub fn check_invite(&self, peer: IpAddr, limits: &Limits, now: Moment) -> Result<(), u64> {
        check(&self.invite_misses, peer, INVITE_MISSES_PER_MINUTE, limits, now)
    }

    /// Counts a wrong invite code.
    pub fn invite_missed(&mut self, peer: IpAddr, limits: &Limits, now: Moment) {
        count(&mut self.invite_misses, peer, limits, now);
    }

    /// Whether a registration from the address may find out whether a name is taken.
    ///
    /// # Errors
    /// Seconds to wait: too many names were.
    pub fn check_name(&self, peer: IpAddr, limits: &Limits, now: Moment) -> Result<(), u64> {
        check(&self.names_taken, peer, NAMES_TAKEN_PER_MINUTE, limits, now)
    }

    /// Counts a name that was taken.
    pub fn name_was_taken(&mut self, peer: IpAddr, limits: &Limits, now: Moment) {
        count(&mut self.names_taken, peer, limits, now);
    }

    /// Counts a takeover: a user's session moves to another connection.
    ///
    /// # Errors
    /// Seconds to wait: there were too many.
    pub fn take_over(&mut self, user: UserId, limits: &Limits, now: Moment) -> Result<(), u64> {
        self.takeovers.take(user, limits.takeovers_per_minute, now)
    }

    /// Counts a friend request, whose answer tells whether a name exists.
    ///
    /// # Errors
    /// Seconds to wait: there were too many.
    pub fn add_friend(&mut self, user: UserId, now: Moment) -> Result<(), u64> {
        self.adds.take(user, FRIEND_ADDS_PER_MINUTE, now)
    }

    /// Whether a user may be told whether a name exists.
    ///
    /// # Errors
    /// Seconds to wait: they named too many users who do not exist.
    pub fn check_guesses(&self, user: UserId, now: Moment) -> Result<(), u64> {
        self.name_misses.check(user, NAME_MISSES_PER_MINUTE, now)
    }

    /// Counts a name that does not exist.
    pub fn guess_missed(&mut self, user: UserId, now: Moment) {
        self.name_misses.count(user, now);
    }

    /// Counts that a user joins a group.
    ///
    /// # Errors
    /// Seconds to wait: there were too many.
    pub fn join(&mut self, group: GroupId, user: UserId, now: Moment) -> Result<(), u64> {
        self.joins.take((group, user), JOINS_PER_HOUR, now)
    }
}

/// Whether the limits of an address and its wider prefixes allow another event.
fn check(
    window: &Window<Prefix>,
    peer: IpAddr,
    limit: u64,
    limits: &Limits,
    now: Moment,
) -> Result<(), u64> {
    let mut tiers = Prefix::tiers(peer).filter(|_| !is_exempt(peer, limits));
    tiers.try_for_each(|(prefix, factor)| window.check(prefix, limit * factor, now))
}

/// Counts an event of an address and its wider prefixes.
fn count(window: &mut Window<Prefix>, peer: IpAddr, limits: &Limits, now: Moment) {
    for (prefix, _) in Prefix::tiers(peer).filter(|_| !is_exempt(peer, limits)) {
        window.count(prefix, now);
    }
}

/// Whether the limits by address do not apply.
fn is_exempt(peer: IpAddr, limits: &Limits) -> bool {
    limits.loopback == 0 && peer.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests;
