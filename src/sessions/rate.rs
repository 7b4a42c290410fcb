//! The rate limits of a user: how many requests and messages a second, and which part of the
//! server's time (P21).
//!
//! A rate belongs to the user, on whatever connection they ask. Permits are counted as the moment
//! at which all of them will be refilled. Time is counted in the same way: what a request took
//! moves a moment on by `TIME_SHARE` times as much. How far such a moment may be ahead of now is
//! what a user may ask for at once.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::id::{Moment, UserId};
use crate::limits::{
    Limits, TIME_BURST_MICROS, TIME_CHARGED_MICROS_MAX, TIME_FREE_MICROS, TIME_SHARE,
};

/// A token bucket: permits that are refilled at a steady rate.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bucket {
    /// When all permits that were taken are refilled. Each permit moves it on by one interval.
    spent_until: Moment,
}

/// A user's buckets.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rates {
    pub requests: Bucket,
    pub messages: Bucket,
}

impl Rates {
    /// Whether a permit is still to be refilled at that moment.
    pub fn are_spent_after(&self, now: Moment) -> bool {
        self.requests.spent_until.max(self.messages.spent_until) > now
    }
}

impl Bucket {
    /// Takes a permit. If there is none, says when there will be one.
    pub fn take(&mut self, per_second: u64, burst: u64, now: Moment) -> Result<(), Moment> {
        if per_second == 0 {
            return Ok(());
        }
        let interval = 1_000_000 / per_second;
        let spent = self.spent_until.max(now);
        let allowed_until = now.0 + interval * burst.max(1);
        if spent.0 + interval > allowed_until {
            return Err(Moment(now.0 + spent.0 + interval - allowed_until));
        }
        self.spent_until = Moment(spent.0 + interval);
        Ok(())
    }
}

/// Until when the time of each user's requests is charged. Users who owe nothing are not in it.
#[derive(Debug, Default)]
pub struct Charges(BTreeMap<UserId, Moment>);

impl Charges {
    /// Charges a user for the time that a request took.
    pub fn charge(&mut self, user: UserId, took: Duration, now: Moment) {
        let took = took.min(Duration::from_micros(TIME_CHARGED_MICROS_MAX));
        let took = took.saturating_sub(Duration::from_micros(TIME_FREE_MICROS));
        if took.is_zero() {
            return;
        }
        let until = self.0.entry(user).or_insert(now);
        *until = now.max(*until).after(took * TIME_SHARE);
    }

    /// When a user may be served an expensive request again, if they may not now.
    pub fn rests_until(&self, user: UserId, limits: &Limits, now: Moment) -> Option<Moment> {
        let burst = TIME_BURST_MICROS * u64::from(TIME_SHARE);
        let until = Moment(self.0.get(&user)?.0.saturating_sub(burst));
        (until > now && limits.requests_per_second > 0).then_some(until)
    }

    /// Forgets the users who owe nothing.
    pub fn forget(&mut self, now: Moment) {
        self.0.retain(|_, until| *until > now);
    }
}
