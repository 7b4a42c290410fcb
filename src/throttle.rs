//! How often an address or an account may try: sign-ins, registrations, takeovers, connections.
//!
//! It throttles and never locks out: a wrong password makes the next try of that account from
//! that neighbourhood wait, twice as long each time, up to a quarter of an hour; a right one
//! forgets it all. Every table is bounded; when one is full, its older half is forgotten.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use crate::id::{Moment, UserId};
use crate::limits::{FRIEND_ADDS_PER_MINUTE, Limits, THROTTLE_ROWS_MAX, THROTTLE_SECONDS_MAX};

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

/// Counts within a window of time that begins with its first event.
#[derive(Debug)]
struct Window<K> {
    span: Duration,
    counts: HashMap<K, (Moment, u64)>,
}

impl<K: Copy + Eq + Hash> Window<K> {
    fn new(span: Duration) -> Window<K> {
        Window { span, counts: HashMap::new() }
    }

    /// Seconds to wait if there were `limit` events already.
    fn check(&self, key: K, limit: u64, now: Moment) -> Result<(), u64> {
        let Some(&(begun, count)) = self.counts.get(&key) else { return Ok(()) };
        let age = now.since(begun);
        if limit == 0 || count < limit || age >= self.span {
            return Ok(());
        }
        Err((self.span - age).as_secs() + 1)
    }

    fn count(&mut self, key: K, now: Moment) {
        make_room(&mut self.counts, |&(begun, _)| begun);
        let entry = self.counts.entry(key).or_insert((now, 0));
        if now.since(entry.0) >= self.span {
            *entry = (now, 0);
        }
        entry.1 += 1;
    }
}

/// Drops the older half of a full table.
fn make_room<K: Eq + Hash, V>(table: &mut HashMap<K, V>, age: impl Fn(&V) -> Moment) {
    if table.len() < THROTTLE_ROWS_MAX {
        return;
    }
    let mut ages: Vec<Moment> = table.values().map(&age).collect();
    let middle = ages.len() / 2;
    let (_, &mut median, _) = ages.select_nth_unstable(middle);
    table.retain(|_, value| age(value) > median);
}

/// All the counters of tries.
#[derive(Debug)]
pub struct Throttle {
    connections: HashMap<Prefix, u64>,
    failed_sign_ins: Window<Prefix>,
    registrations: Window<Prefix>,
    takeovers: Window<UserId>,
    adds: Window<UserId>,
    /// When an account may be tried again from a neighbourhood, and the last wait in seconds.
    delays: HashMap<(Prefix, String), (Moment, u64)>,
}

impl Default for Throttle {
    fn default() -> Throttle {
        Throttle {
            connections: HashMap::new(),
            failed_sign_ins: Window::new(Duration::from_secs(60)),
            registrations: Window::new(Duration::from_secs(3_600)),
            takeovers: Window::new(Duration::from_secs(60)),
            adds: Window::new(Duration::from_secs(60)),
            delays: HashMap::new(),
        }
    }
}

impl Throttle {
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
        match self.delays.get(&(prefix, namekey.to_owned())) {
            Some(&(until, _)) if until > now => Err(until.since(now).as_secs() + 1),
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
        make_room(&mut self.delays, |&(until, _)| until);
        let delay = self.delays.entry((prefix, namekey.to_owned())).or_default();
        let seconds = (delay.1 * 2).clamp(1, THROTTLE_SECONDS_MAX);
        *delay = (now.after(Duration::from_secs(seconds)), seconds);
    }

    /// A password was right: the account's delay is forgotten.
    pub fn sign_in_succeeded(&mut self, peer: IpAddr, namekey: &str) {
        self.delays.remove(&(Prefix::of(peer), namekey.to_owned()));
    }

    /// Counts a registration from the address.
    ///
    /// # Errors
    /// Seconds to wait; it was one too many.
    pub fn register(&mut self, peer: IpAddr, limits: &Limits, now: Moment) -> Result<(), u64> {
        if is_exempt(peer, limits) {
            return Ok(());
        }
        let prefix = Prefix::of(peer);
        self.registrations.check(prefix, limits.registrations_per_hour, now)?;
        self.registrations.count(prefix, now);
        Ok(())
    }

    /// Counts that a user's session moves to another connection.
    ///
    /// # Errors
    /// Seconds to wait; it was one too many.
    pub fn take_over(&mut self, user: UserId, limits: &Limits, now: Moment) -> Result<(), u64> {
        self.takeovers.check(user, limits.takeovers_per_minute, now)?;
        self.takeovers.count(user, now);
        Ok(())
    }

    /// Counts that a user asks for a friend by name, which tells whether the name exists.
    ///
    /// # Errors
    /// Seconds to wait; it was one too many.
    pub fn add_friend(&mut self, user: UserId, now: Moment) -> Result<(), u64> {
        self.adds.check(user, FRIEND_ADDS_PER_MINUTE, now)?;
        self.adds.count(user, now);
        Ok(())
    }
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
    fn p20_a_full_table_forgets_its_older_half() {
        let mut table: HashMap<usize, Moment> =
            (0..THROTTLE_ROWS_MAX).map(|i| (i, Moment(i as u64))).collect();
        make_room(&mut table, |&age| age);
        assert!(table.len() < THROTTLE_ROWS_MAX / 2 + 1);
        assert!(table.contains_key(&(THROTTLE_ROWS_MAX - 1)));
    }
}
