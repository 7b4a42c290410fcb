//! How often an address or an account may try: sign-ins, registrations, takeovers, connections.
//!
//! It throttles and never locks out. An attempt to sign in counts when it begins: a hundred
//! guesses at the same moment are one guess and 99 refusals. It is given back when the password
//! was right, or was never compared. A later attempt takes the place of one that still waits for
//! its hash: a client that gave up and came again does not wait for itself.
//!
//! ```text
//! an account from a prefix      one attempt under way; after a wrong one a delay that doubles
//!   … from the prefixes around  the same, after some that are free   ┐ not from where the account
//!   … from anywhere             a bucket that fills slowly           ┘ signed in before
//! an address, prefixes around   failed sign-ins a minute; registrations an hour; wrong invite
//!                               codes, and names found taken, a minute; connections
//! a user                        takeovers, requests for friends a minute
//! ```
//!
//! What is counted by address does not count on loopback, unless the operator says so; the delay
//! of an account does, for a proxy may stand there. Every table is bounded; when one is full, its
//! older half is forgotten. A tick that must run again takes back what it counted, so that
//! nothing counts twice.

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
use table::{Table, Window, seconds_up};

/// From where an account is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nobody signed in to it from that prefix.
    New,
    /// Somebody did: what others do elsewhere does not hold them up.
    Known,
    /// From its own session, to change the password: others who try to sign in do not, either.
    Session,
}

/// An attempt at an account's password.
#[derive(Clone, Debug)]
pub struct Attempt {
    peer: IpAddr,
    account: String,
    place: Place,
}

/// What an attempt was found to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// The password was right.
    Right,
    /// It was wrong.
    Wrong,
    /// It was not compared.
    Not,
}

impl Judged {
    /// What it was found to be when it was compared.
    pub fn of(is_right: bool) -> Judged {
        if is_right { Judged::Right } else { Judged::Wrong }
    }
}

impl Attempt {
    /// An attempt from that address. A name that was only tried may be as long as a frame, so it
    /// is cut: a full table would hold gigabytes of them (P20).
    pub fn new(peer: IpAddr, namekey: &str, place: Place) -> Attempt {
        let account = namekey.chars().take(USERNAME_CHARS_MAX).collect();
        Attempt { peer, account, place }
    }

    /// The account's name, cut.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Whether the two may not be under way at the same time.
    pub fn excludes(&self, other: &Attempt) -> bool {
        let key = |attempt: &Attempt| attempt.key(Prefix::of(attempt.peer));
        key(self) == key(other)
    }

    fn key(&self, prefix: Prefix) -> Tried {
        (prefix, self.place == Place::Session, self.account.clone())
    }

    /// The prefixes in which it makes others wait, and how many attempts are free there.
    fn tiers(&self) -> impl Iterator<Item = (Tried, u64)> {
        let count = if self.place == Place::New { usize::MAX } else { 1 };
        let tiers = Prefix::tiers(self.peer).take(count);
        tiers.map(|(prefix, factor)| (self.key(prefix), if factor == 1 { 0 } else { factor }))
    }
}

/// An account as it is tried from a prefix; or by its own session.
type Tried = (Prefix, bool, String);

/// All the counters of tries.
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
    /// The same of the prefixes around, apart: so that they do not push each other out.
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
    /// A new tick: what the last one counted stands.
    pub fn keep(&mut self) {
        for window in self.windows() {
            window.counts.keep();
        }
        self.takeovers.counts.keep();
        self.adds.counts.keep();
        self.name_misses.counts.keep();
        self.joins.counts.keep();
        self.delays.keep();
        self.wider_delays.keep();
        self.buckets.keep();
    }

    /// The tick runs again from its beginning: it has counted no try yet.
    pub fn rewind(&mut self) {
        for window in self.windows() {
            window.counts.rewind();
        }
        self.takeovers.counts.rewind();
        self.adds.counts.rewind();
        self.name_misses.counts.rewind();
        self.joins.counts.rewind();
        self.delays.rewind();
        self.wider_delays.rewind();
        self.buckets.rewind();
    }

    fn windows(&mut self) -> [&mut Window<Prefix>; 4] {
        let Throttle { failed_sign_ins, registrations, invite_misses, names_taken, .. } = self;
        [failed_sign_ins, registrations, invite_misses, names_taken]
    }

    /// Counts a connection from the address that has not signed in; false if it is one too many.
    pub fn connect(&mut self, peer: IpAddr, limits: &Limits) -> bool {
        if is_exempt(peer, limits) || limits.connections_per_address == 0 {
            return true;
        }
        let has_room = |(prefix, factor): (Prefix, u64)| {
            let count = self.connections.get(&prefix).copied().unwrap_or_default();
            count < limits.connections_per_address * factor
        };
        if !Prefix::tiers(peer).all(has_room) {
            return false;
        }
        self.connect_again(peer, limits);
        true
    }

    /// Counts one that signed out and stays, whether it is one too many or not.
    pub fn connect_again(&mut self, peer: IpAddr, limits: &Limits) {
        if is_exempt(peer, limits) || limits.connections_per_address == 0 {
            return;
        }
        for (prefix, _) in Prefix::tiers(peer) {
            *self.connections.entry(prefix).or_default() += 1;
        }
    }

    /// A counted connection ended, or signed in: whoever has a session is known by name.
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

    /// Begins an attempt at a password, which [`Throttle::end`] must end. If one of the same kind
    /// waits for its hash, this one takes its place and is counted already.
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
        if attempt.place == Place::New {
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
        if attempt.place == Place::New {
            let full_at = self.buckets.get(&attempt.account).map_or(now, |Bucket(at)| at.max(now));
            let full_at = full_at.after(Duration::from_secs(ACCOUNT_TRY_SECONDS));
            self.buckets.set(attempt.account.clone(), Bucket(full_at));
        }
        Ok(())
    }

    /// The attempt's password is being hashed: no other takes its place from here on.
    pub fn compares(&mut self, attempt: &Attempt) {
        let key = attempt.key(Prefix::of(attempt.peer));
        if let Some(delay) = self.delays.get(&key) {
            self.delays.set(key, delay.is_compared());
        }
    }

    /// Ends an attempt that began: only a wrong one stays counted, and a right one forgets those
    /// before it.
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
                Judged::Wrong => delays.set(key, delay.was_wrong(free, now)),
                Judged::Right | Judged::Not => delays.set(key, delay.give_back(now)),
            }
        }
        if attempt.place == Place::New
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

    /// Whether an attempt is one of its address. Who has a session is known by name.
    fn counts_address(&self, attempt: &Attempt, limits: &Limits) -> bool {
        attempt.place != Place::Session && !is_exempt(attempt.peer, limits)
    }

    /// Counts a registration from the address, whose password is about to be hashed.
    ///
    /// # Errors
    /// Seconds to wait; it was one too many.
    pub fn register(&mut self, peer: IpAddr, limits: &Limits, now: Moment) -> Result<(), u64> {
        let limit = limits.registrations_per_hour;
        check(&self.registrations, peer, limit, limits, now)?;
        count(&mut self.registrations, peer, limits, now);
        Ok(())
    }

    /// A registration that was counted came to nothing, by no fault of theirs.
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

    /// An invite code was wrong.
    pub fn invite_missed(&mut self, peer: IpAddr, limits: &Limits, now: Moment) {
        count(&mut self.invite_misses, peer, limits, now);
    }

    /// Whether it may be asked from the address if a name is taken.
    ///
    /// # Errors
    /// Seconds to wait: too many were.
    pub fn check_name(&self, peer: IpAddr, limits: &Limits, now: Moment) -> Result<(), u64> {
        check(&self.names_taken, peer, NAMES_TAKEN_PER_MINUTE, limits, now)
    }

    /// A name was found to be taken.
    pub fn name_was_taken(&mut self, peer: IpAddr, limits: &Limits, now: Moment) {
        count(&mut self.names_taken, peer, limits, now);
    }

    /// Counts that a user's session moves to another connection.
    ///
    /// # Errors
    /// Seconds to wait; it was one too many.
    pub fn take_over(&mut self, user: UserId, limits: &Limits, now: Moment) -> Result<(), u64> {
        self.takeovers.take(user, limits.takeovers_per_minute, now)
    }

    /// Counts that a user asks for a friend by name, which tells whether the name exists.
    ///
    /// # Errors
    /// Seconds to wait; it was one too many.
    pub fn add_friend(&mut self, user: UserId, now: Moment) -> Result<(), u64> {
        self.adds.take(user, FRIEND_ADDS_PER_MINUTE, now)
    }

    /// Whether a user may be told of names that they have no reason to know.
    ///
    /// # Errors
    /// Seconds to wait; they named too many users who do not exist.
    pub fn check_guesses(&self, user: UserId, now: Moment) -> Result<(), u64> {
        self.name_misses.check(user, NAME_MISSES_PER_MINUTE, now)
    }

    /// Counts that a user named a user who does not exist.
    pub fn guess_missed(&mut self, user: UserId, now: Moment) {
        self.name_misses.count(user, now);
    }

    /// Counts that a user comes into a group.
    ///
    /// # Errors
    /// Seconds to wait; it was one too many.
    pub fn join(&mut self, group: GroupId, user: UserId, now: Moment) -> Result<(), u64> {
        self.joins.take((group, user), JOINS_PER_HOUR, now)
    }
}

/// Whether an address, and the prefixes around it, have room for another event.
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

/// Counts an event of an address.
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
