//! How often an address or an account may try: sign-ins, registrations, takeovers, connections.
//!
//! It throttles and never locks out: a wrong password makes the next try of that account from
//! that neighbourhood wait, twice as long each time, up to a quarter of an hour; a right one
//! forgets it all. Every table is bounded; when one is full, its older half is forgotten. A tick
//! that must run again takes back what it counted, so that nothing counts twice.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use crate::id::{GroupId, Moment, UserId};
use crate::limits::{
    FRIEND_ADDS_PER_MINUTE, JOINS_PER_HOUR, Limits, NAME_MISSES_PER_MINUTE, THROTTLE_ROWS_MAX,
    THROTTLE_SECONDS_MAX, USERNAME_CHARS_MAX,
};

/// A neighbourhood of addresses: one IPv4 address, or the /64 that one IPv6 site has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Prefix(IpAddr);

impl Prefix {
    /// The neighbourhood of an address.
    pub fn of(address: IpAddr) -> Prefix {
        match address.to_canonical() {
            IpAddr::V6(v6) => {
                let network = u128::from(v6) & !u128::from(u64::MAX);
                Prefix(IpAddr::V6(Ipv6Addr::from(network)))
            }
            v4 => Prefix(v4),
        }
    }
}

/// Rows of a moment and a number, as many as are allowed, and what they were before this tick.
#[derive(Debug)]
struct Table<K> {
    rows: HashMap<K, (Moment, u64)>,
    before: Vec<(K, Option<(Moment, u64)>)>,
}

impl<K: Clone + Eq + Hash> Table<K> {
    fn new() -> Table<K> {
        Table { rows: HashMap::new(), before: Vec::new() }
    }

    fn get(&self, key: &K) -> Option<(Moment, u64)> {
        self.rows.get(key).copied()
    }

    fn set(&mut self, key: K, row: (Moment, u64)) {
        make_room(&mut self.rows);
        let before = self.rows.insert(key.clone(), row);
        self.before.push((key, before));
    }

    fn forget(&mut self, key: K) {
        if let Some(row) = self.rows.remove(&key) {
            self.before.push((key, Some(row)));
        }
    }

    /// The tick stands: what was before is not needed any more.
    fn keep(&mut self) {
        self.before.clear();
    }

    /// The tick runs again: all is as it was before.
    fn rewind(&mut self) {
        while let Some((key, before)) = self.before.pop() {
            match before {
                Some(row) => self.rows.insert(key, row),
                None => self.rows.remove(&key),
            };
        }
    }
}

/// Drops the older half of a full table.
fn make_room<K: Eq + Hash>(rows: &mut HashMap<K, (Moment, u64)>) {
    if rows.len() < THROTTLE_ROWS_MAX {
        return;
    }
    let mut ages: Vec<Moment> = rows.values().map(|row| row.0).collect();
    let middle = ages.len() / 2;
    let (_, &mut median, _) = ages.select_nth_unstable(middle);
    rows.retain(|_, row| row.0 > median);
}

/// Counts within a window of time that begins with its first event.
#[derive(Debug)]
struct Window<K> {
    span: Duration,
    counts: Table<K>,
}

impl<K: Copy + Eq + Hash> Window<K> {
    fn new(span: Duration) -> Window<K> {
        Window { span, counts: Table::new() }
    }

    /// Seconds to wait if there were `limit` events already.
    fn check(&self, key: K, limit: u64, now: Moment) -> Result<(), u64> {
        let Some((begun, count)) = self.counts.get(&key) else { return Ok(()) };
        let age = now.since(begun);
        if limit == 0 || count < limit || age >= self.span {
            return Ok(());
        }
        Err((self.span - age).as_secs() + 1)
    }

    fn count(&mut self, key: K, now: Moment) {
        let row = match self.counts.get(&key) {
            Some((begun, count)) if now.since(begun) < self.span => (begun, count + 1),
            _ => (now, 1),
        };
        self.counts.set(key, row);
    }

    /// Counts an event, unless it is one too many: then the seconds to wait.
    fn take(&mut self, key: K, limit: u64, now: Moment) -> Result<(), u64> {
        self.check(key, limit, now)?;
        self.count(key, now);
        Ok(())
    }
}

/// All the counters of tries.
#[derive(Debug)]
pub struct Throttle {
    connections: HashMap<Prefix, u64>,
    failed_sign_ins: Window<Prefix>,
    registrations: Window<Prefix>,
    takeovers: Window<UserId>,
    adds: Window<UserId>,
    name_misses: Window<UserId>,
    joins: Window<(GroupId, UserId)>,
    /// When an account may be tried again from a neighbourhood, and the last wait in seconds.
    delays: Table<(Prefix, String)>,
}

impl Default for Throttle {
    fn default() -> Throttle {
        Throttle {
            connections: HashMap::new(),
            failed_sign_ins: Window::new(Duration::from_secs(60)),
            registrations: Window::new(Duration::from_secs(3_600)),
            takeovers: Window::new(Duration::from_secs(60)),
            adds: Window::new(Duration::from_secs(60)),
            name_misses: Window::new(Duration::from_secs(60)),
            joins: Window::new(Duration::from_secs(3_600)),
            delays: Table::new(),
        }
    }
}

impl Throttle {
    /// A new tick: what the last one counted stands.
    pub fn keep(&mut self) {
        self.failed_sign_ins.counts.keep();
        self.registrations.counts.keep();
        self.takeovers.counts.keep();
        self.adds.counts.keep();
        self.name_misses.counts.keep();
        self.joins.counts.keep();
        self.delays.keep();
    }

    /// The tick runs again from its beginning: it has counted no try yet.
    pub fn rewind(&mut self) {
        self.failed_sign_ins.counts.rewind();
        self.registrations.counts.rewind();
        self.takeovers.counts.rewind();
        self.adds.counts.rewind();
        self.name_misses.counts.rewind();
        self.joins.counts.rewind();
        self.delays.rewind();
    }

    /// Counts a connection from the address; false if it is one too many.
    pub fn connect(&mut self, peer: IpAddr, limits: &Limits) -> bool {
        if is_exempt(peer, limits) || limits.connections_per_address == 0 {
            return true;
        }
        let count = self.connections.entry(Prefix::of(peer)).or_default();
        if *count >= limits.connections_per_address {
            return false;
        }
        *count += 1;
        true
    }

    /// A counted connection ended.
    pub fn disconnect(&mut self, peer: IpAddr) {
        let prefix = Prefix::of(peer);
        if let Some(count) = self.connections.get_mut(&prefix) {
            *count -= 1;
            if *count == 0 {
                self.connections.remove(&prefix);
            }
        }
    }

    /// Whether a sign-in may be tried.
    ///
    /// # Errors
    /// Seconds to wait.
    pub fn check_sign_in(
        &self,
        peer: IpAddr,
        namekey: &str,
        limits: &Limits,
        now: Moment,
    ) -> Result<(), u64> {
        if is_exempt(peer, limits) {
            return Ok(());
        }
        let prefix = Prefix::of(peer);
        self.failed_sign_ins.check(prefix, limits.signins_per_minute, now)?;
        match self.delays.get(&account(prefix, namekey)) {
            Some((until, _)) if until > now => Err(until.since(now).as_secs() + 1),
            _ => Ok(()),
        }
    }

    /// A password was wrong.
    pub fn sign_in_failed(&mut self, peer: IpAddr, namekey: &str, limits: &Limits, now: Moment) {
        if is_exempt(peer, limits) {
            return;
        }
        let prefix = Prefix::of(peer);
        self.failed_sign_ins.count(prefix, now);
        let account = account(prefix, namekey);
        let (_, last) = self.delays.get(&account).unwrap_or_default();
        let seconds = (last * 2).clamp(1, THROTTLE_SECONDS_MAX);
        self.delays.set(account, (now.after(Duration::from_secs(seconds)), seconds));
    }

    /// A password was right: the account's delay is forgotten.
    pub fn sign_in_succeeded(&mut self, peer: IpAddr, namekey: &str) {
        self.delays.forget(account(Prefix::of(peer), namekey));
    }

    /// Counts a registration from the address.
    ///
    /// # Errors
    /// Seconds to wait; it was one too many.
    pub fn register(&mut self, peer: IpAddr, limits: &Limits, now: Moment) -> Result<(), u64> {
        if is_exempt(peer, limits) {
            return Ok(());
        }
        self.registrations.take(Prefix::of(peer), limits.registrations_per_hour, now)
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

    /// A user names somebody they do not know; counts it if nobody has that name.
    ///
    /// # Errors
    /// Seconds to wait; they did so too often, and are not told whether this name exists.
    pub fn name_user(&mut self, user: UserId, is_miss: bool, now: Moment) -> Result<(), u64> {
        self.name_misses.check(user, NAME_MISSES_PER_MINUTE, now)?;
        if is_miss {
            self.name_misses.count(user, now);
        }
        Ok(())
    }

    /// Counts that a user comes into a group.
    ///
    /// # Errors
    /// Seconds to wait; it was one too many.
    pub fn join(&mut self, group: GroupId, user: UserId, now: Moment) -> Result<(), u64> {
        self.joins.take((group, user), JOINS_PER_HOUR, now)
    }
}

/// An account seen from a neighbourhood. A name that was only tried may be as long as a frame, so
/// it is cut: a full table would hold gigabytes of them (P20).
fn account(prefix: Prefix, namekey: &str) -> (Prefix, String) {
    (prefix, namekey.chars().take(USERNAME_CHARS_MAX).collect())
}

/// Whether the limits by address do not apply.
fn is_exempt(peer: IpAddr, limits: &Limits) -> bool {
    limits.loopback == 0 && peer.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment(seconds * 1_000_000)
    }

    fn peer() -> IpAddr {
        "192.0.2.1".parse().expect("an address")
    }

    #[test]
    fn a_wrong_password_waits_twice_as_long_each_time_and_a_right_one_forgets() {
        let (mut throttle, limits) = (Throttle::default(), Limits::default());
        let mut now = 0;
        for expected in [1, 2, 4, 8] {
            throttle.sign_in_failed(peer(), "bob", &limits, at(now));
            let wait = throttle.check_sign_in(peer(), "bob", &limits, at(now));
            assert_eq!(wait, Err(expected + 1));
            now += expected;
            assert_eq!(throttle.check_sign_in(peer(), "bob", &limits, at(now)), Ok(()));
            assert_eq!(throttle.check_sign_in(peer(), "ann", &limits, at(now)), Ok(()));
        }
        for expected in [16, 32, 64, 128, 256, 512, 900, 900] {
            throttle.sign_in_failed(peer(), "bob", &limits, at(now));
            let wait = throttle.check_sign_in(peer(), "bob", &limits, at(now));
            assert_eq!(wait, Err(expected + 1), "a quarter of an hour at most");
            now += expected;
        }
        throttle.sign_in_succeeded(peer(), "bob");
        assert_eq!(throttle.check_sign_in(peer(), "bob", &limits, at(now)), Ok(()));
    }

    #[test]
    fn an_address_is_counted_and_loopback_only_when_asked() {
        let (mut throttle, mut limits) = (Throttle::default(), Limits::default());
        limits.registrations_per_hour = 2;
        let home: IpAddr = "::1".parse().expect("an address");
        for _ in 0..9 {
            assert_eq!(throttle.register(home, &limits, at(0)), Ok(()));
        }
        assert_eq!(throttle.register(peer(), &limits, at(0)), Ok(()));
        assert_eq!(throttle.register(peer(), &limits, at(1)), Ok(()));
        assert_eq!(throttle.register(peer(), &limits, at(600)), Err(3_001));
        assert_eq!(throttle.register(peer(), &limits, at(3_600)), Ok(()));
        limits.loopback = 1;
        limits.connections_per_address = 1;
        assert!(throttle.connect(home, &limits));
        assert!(!throttle.connect(home, &limits));
        throttle.disconnect(home);
        assert!(throttle.connect(home, &limits));
    }

    #[test]
    fn p20_a_name_as_long_as_a_frame_costs_no_more_than_a_name() {
        let (mut throttle, limits) = (Throttle::default(), Limits::default());
        let name = "x".repeat(60_000);
        throttle.sign_in_failed(peer(), &name, &limits, at(0));
        assert!(throttle.check_sign_in(peer(), &name, &limits, at(0)).is_err());
        assert!(throttle.delays.rows.keys().all(|(_, name)| name.len() <= 4 * USERNAME_CHARS_MAX));
        throttle.sign_in_succeeded(peer(), &name);
        assert!(throttle.delays.rows.is_empty());
    }

    #[test]
    fn a_tick_that_runs_again_has_counted_nothing() {
        let (mut throttle, limits) = (Throttle::default(), Limits::default());
        throttle.sign_in_failed(peer(), "bob", &limits, at(0));
        throttle.keep();
        throttle.sign_in_failed(peer(), "bob", &limits, at(1));
        throttle.sign_in_failed(peer(), "ann", &limits, at(1));
        throttle.sign_in_succeeded(peer(), "bob");
        throttle.rewind();
        assert_eq!(throttle.check_sign_in(peer(), "bob", &limits, at(0)), Err(2));
        assert_eq!(throttle.check_sign_in(peer(), "ann", &limits, at(1)), Ok(()));
        assert_eq!(throttle.failed_sign_ins.counts.get(&Prefix::of(peer())), Some((at(0), 1)));
    }

    #[test]
    fn p20_a_full_table_forgets_its_older_half() {
        let mut rows: HashMap<usize, (Moment, u64)> =
            (0..THROTTLE_ROWS_MAX).map(|i| (i, (Moment(i as u64), 1))).collect();
        make_room(&mut rows);
        assert!(rows.len() < THROTTLE_ROWS_MAX / 2 + 1);
        assert!(rows.contains_key(&(THROTTLE_ROWS_MAX - 1)));
    }
}
