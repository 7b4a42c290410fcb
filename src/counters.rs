//! What happened, counted: every refusal, every closed connection, under its reason (P29).

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
    /// Requests that were done.
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
    /// A request was done, or refused. Counted when the reply is delivered: a tick that runs
    /// again has counted nothing.
    pub fn replied(&mut self, code: Code) {
        match code {
            Code::Ok => self.answered += 1,
            refused => *self.refusals.entry(refused).or_default() += 1,
        }
    }

    /// A connection ended.
    pub fn closed(&mut self, reason: &'static str) {
        *self.closes.entry(reason).or_default() += 1;
    }

    /// A tick took so long, without the wait.
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

    /// The tick time below which this many of a thousand ticks stayed, in microseconds: an upper
    /// bound, within a factor of two.
    pub fn tick_micros(&self, permille: u64) -> u64 {
        self.tick_times.quantile(permille)
    }
}

/// Counts by powers of two of microseconds.
#[derive(Debug)]
struct Histogram {
    buckets: [u64; 40],
    count: u64,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram { buckets: [0; 40], count: 0 }
    }
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
