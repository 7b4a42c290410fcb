//! Counters for `stats` and for monitors (P29): each refusal and each closed connection is counted
//! under its reason.
//!
//! They begin at zero with the process. A tick that runs again has counted nothing: what depends on
//! the transaction is counted when it is delivered.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::wire::Code;

/// Everything that is counted since the server started.
#[derive(Debug, Default)]
pub struct Counters {
    /// Connections accepted.
    pub accepted: u64,
    /// TLS handshakes that were completed.
    pub handshakes: u64,
    /// Requests that were not refused.
    pub answered: u64,
    /// Messages and notices appended to the log.
    pub appended: u64,
    /// Entries removed from the log because they were too old.
    pub expired: u64,
    /// Pushes put into send buffers.
    pub pushed: u64,
    /// Sign-ins with a password.
    pub sign_ins: u64,
    /// Ticks in which a transaction was committed.
    pub commits: u64,
    /// Ticks.
    pub ticks: u64,
    refusals: BTreeMap<Code, u64>,
    closes: BTreeMap<&'static str, u64>,
    tick_times: Histogram,
}

impl Counters {
    /// Counts a reply, which is delivered now.
    pub fn replied(&mut self, code: Code) {
        match code {
            Code::Ok => self.answered += 1,
            refused => *self.refusals.entry(refused).or_default() += 1,
        }
    }

    /// Counts a connection that ended.
    pub fn closed(&mut self, reason: &'static str) {
        *self.closes.entry(reason).or_default() += 1;
    }

    /// Counts a tick and the time that it took, without the wait.
    pub fn tick_took(&mut self, time: Duration) {
        self.ticks += 1;
        self.tick_times.record(time);
    }

    /// Refusals, by code.
    pub fn refusals(&self) -> Vec<(&'static str, u64)> {
        self.refusals.iter().map(|(code, count)| (code.name(), *count)).collect()
    }

    /// Connections that ended, by reason.
    pub fn closes(&self) -> Vec<(&'static str, u64)> {
        self.closes.iter().map(|(reason, count)| (*reason, *count)).collect()
    }

    /// A quantile of the tick times, in microseconds: so many of a thousand ticks took no longer.
    /// It is an upper bound, within a factor of two.
    pub fn tick_micros(&self, permille: u64) -> u64 {
        self.tick_times.quantile(permille)
    }
}

/// Counts by powers of two of microseconds; the last bucket has half an hour and more.
#[derive(Debug, Default)]
struct Histogram {
    buckets: [u64; 32],
    count: u64,
}

impl Histogram {
    fn record(&mut self, time: Duration) {
        let micros = time.as_micros() as u64;
        let bucket = (u64::BITS - micros.leading_zeros()) as usize;
        self.buckets[bucket.min(self.buckets.len() - 1)] += 1;
        self.count += 1;
    }

    fn quantile(&self, permille: u64) -> u64 {
        let wanted = (self.count * permille).div_ceil(1_000);
        let mut seen = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= wanted && seen > 0 {
                return (1 << bucket) - 1;
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p29_every_refusal_is_counted_under_its_own_code() {
        let mut counters = Counters::default();
        Code::ALL.iter().for_each(|&code| counters.replied(code));
        let refused = Code::ALL.iter().filter(|&&code| code != Code::Ok);
        let mut expected: Vec<_> = refused.map(|code| (code.name(), 1)).collect();
        let mut counted = counters.refusals();
        expected.sort_unstable();
        counted.sort_unstable();
        assert_eq!(counted, expected);
        assert_eq!(counters.answered, 1);
    }

    #[test]
    fn tick_times_are_bounded_from_above() {
        let mut counters = Counters::default();
        assert_eq!(counters.tick_micros(999), 0);
        for micros in [0, 1, 2, 3, 900] {
            counters.tick_took(Duration::from_micros(micros));
        }
        assert_eq!(counters.tick_micros(500), 3);
        assert_eq!(counters.tick_micros(1_000), 1_023);
    }
}
