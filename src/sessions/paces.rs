//! A user's rates: how many requests and messages a second, and how much of the server's time, so
//! that no more than a part of it is theirs (P21).
//!
//! Time is charged a hundredfold: who was charged up to a moment has had their part until then. How
//! far that may be ahead is what may be asked at once. It is the user's, whatever connection
//! they ask on.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::id::{Moment, UserId};
use crate::limits::{
    Limits, TIME_BURST_MICROS, TIME_CHARGED_MICROS_MAX, TIME_FREE_MICROS, TIME_SHARE,
};

/// A bucket of permits that refills steadily.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    /// When the bucket was, or will be, empty of debts: each permit moves it on by one interval.
    spent_until: Moment,
}

/// A user's rates.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Paces {
    pub requests: Pace,
    pub messages: Pace,
}

impl Paces {
    /// Whether any permit is still to be refilled.
    pub fn are_spent_after(&self, now: Moment) -> bool {
        self.requests.spent_until.max(self.messages.spent_until) > now
    }
}

impl Pace {
    /// Takes a permit. If there is none: when there will be one.
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

/// When each user will have been charged all that their requests took, for those who were lately.
#[derive(Debug, Default)]
pub struct Charges(BTreeMap<UserId, Moment>);

impl Charges {
    /// A request of a user took so long.
    pub fn charge(&mut self, user: UserId, took: Duration, now: Moment) {
        let took = took.min(Duration::from_micros(TIME_CHARGED_MICROS_MAX));
        let took = took.saturating_sub(Duration::from_micros(TIME_FREE_MICROS));
        if took.is_zero() {
            return;
        }
        let until = self.0.entry(user).or_insert(now);
        *until = now.max(*until).after(took * TIME_SHARE);
    }

    /// When a user may be served something dear again, if they may not now.
    pub fn rests_until(&self, user: UserId, limits: &Limits, now: Moment) -> Option<Moment> {
        let burst = TIME_BURST_MICROS * u64::from(TIME_SHARE);
        let until = Moment(self.0.get(&user)?.0.saturating_sub(burst));
        (until > now && limits.requests_per_second > 0).then_some(until)
    }

    /// Forgets those who have been charged everything.
    pub fn forget(&mut self, now: Moment) {
        self.0.retain(|_, until| *until > now);
    }
}
