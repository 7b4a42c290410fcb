//! The rate limits of a user: how many requests and messages a second, and which part of the
//! server's time (P21).
//!
//! A rate belongs to the user, in whichever session they ask, and signing in again refills nothing.
//! Permits are counted as the moment at which all of them will be refilled. Time is counted in the
//! same way: what a request took moves a moment on by `TIME_SHARE` times as much. How far such a
//! moment may be ahead of now is what a user may ask for at once.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::id::{Moment, UserId};
use crate::limits::{
    Limits, TIME_BURST_MICROS, TIME_CHARGED_MICROS_MAX, TIME_FREE_MICROS, TIME_SHARE,
};

/// When all that a user spent is refilled.
#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    requests: Moment,
    messages: Moment,
    time: Moment,
}

/// What each user spent. A user for whom all is refilled has no entry.
#[derive(Debug, Default)]
pub struct Rates(BTreeMap<UserId, Spent>);

impl Rates {
    /// Takes a permit to have a request served, and another one if it is a message.
    ///
    /// # Errors
    /// No permit is left, and none was taken: the moment at which to try again.
    pub fn take(
        &mut self,
        user: UserId,
        is_message: bool,
        limits: &Limits,
        now: Moment,
    ) -> Result<(), Moment> {
        let spent = self.0.entry(user).or_default();
        let requests =
            one_more(spent.requests, limits.requests_per_second, limits.requests_burst, now)?;
        if is_message {
            spent.messages =
                one_more(spent.messages, limits.messages_per_second, limits.messages_burst, now)?;
        }
        spent.requests = requests;
        Ok(())
    }

    /// Charges a user for the time that a request took.
    pub fn charge(&mut self, user: UserId, took: Duration, now: Moment) {
        let took = took.min(Duration::from_micros(TIME_CHARGED_MICROS_MAX));
        let took = took.saturating_sub(Duration::from_micros(TIME_FREE_MICROS));
        if !took.is_zero() {
            let spent = self.0.entry(user).or_default();
            spent.time = now.max(spent.time).after(took * TIME_SHARE);
        }
    }

    /// When a user may be served an expensive request again, if they may not now.
    pub fn rests_until(&self, user: UserId, limits: &Limits, now: Moment) -> Option<Moment> {
        let burst = TIME_BURST_MICROS * u64::from(TIME_SHARE);
        let until = Moment(self.0.get(&user)?.time.0.saturating_sub(burst));
        (until > now && limits.requests_per_second > 0).then_some(until)
    }

    /// Forgets the users for whom all is refilled.
    pub fn forget(&mut self, now: Moment) {
        self.0.retain(|_, spent| spent.requests.max(spent.messages).max(spent.time) > now);
    }
}

/// When all permits are refilled if one more is taken; each moves the moment on by one interval.
///
/// # Errors
/// No permit is left: the moment at which there is one again.
fn one_more(spent: Moment, per_second: u64, burst: u64, now: Moment) -> Result<Moment, Moment> {
    if per_second == 0 {
        return Ok(spent);
    }
    let interval = 1_000_000 / per_second;
    let spent = spent.max(now).0 + interval;
    let allowed = now.0 + interval * burst.max(1);
    if spent > allowed { Err(Moment(now.0 + spent - allowed)) } else { Ok(Moment(spent)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p21_a_burst_is_let_through_then_the_rate_counts() {
        let second = Moment(1_000_000);
        let mut spent = Moment(0);
        for _ in 0..5 {
            spent = one_more(spent, 10, 5, second).expect("a permit");
        }
        assert_eq!(one_more(spent, 10, 5, second), Err(Moment(second.0 + 100_000)));
        assert!(one_more(spent, 10, 5, Moment(second.0 + 100_000)).is_ok());
        assert_eq!(one_more(spent, 0, 0, second), Ok(spent), "0 is no limit");
    }
}
