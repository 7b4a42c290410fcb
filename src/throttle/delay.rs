//! How long an account waits for its next attempt.

use std::time::Duration;

use super::table::{Row, seconds_up};
use crate::id::Moment;
use crate::limits::{THROTTLE_FORGET_SECONDS, THROTTLE_SECONDS_MAX};

/// Attempts at an account that were wrong, or are not judged yet, in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Delay {
    /// None is begun before.
    until: Moment,
    tries: u64,
    attempt: Step,
}

/// Where the attempt is that is under way, if one is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    #[default]
    None,
    /// Its password waits to be hashed.
    Waits,
    /// Its password is being hashed, and nothing stops that.
    IsCompared,
}

impl Row for Delay {
    fn moment(&self) -> Moment {
        self.until
    }

    fn is_open(&self) -> bool {
        self.attempt != Step::None
    }
}

impl Delay {
    /// Whether there is an attempt that is counted, and of which nothing is compared yet.
    pub(super) fn waits(self) -> bool {
        self.attempt == Step::Waits
    }

    /// The attempt's password is being hashed.
    pub(super) fn is_compared(self) -> Delay {
        Delay { attempt: if self.waits() { Step::IsCompared } else { self.attempt }, ..self }
    }

    pub(super) fn check(self, now: Moment) -> Result<(), u64> {
        match self.until > now {
            true => Err(seconds_up(self.until.since(now))),
            // Its end is not known, and is near.
            false if self.is_open() => Err(1),
            false => Ok(()),
        }
    }

    /// Another attempt begins; so many are free.
    pub(super) fn begin(self, free: u64, now: Moment) -> Delay {
        let forgotten = now.since(self.until) > Duration::from_secs(THROTTLE_FORGET_SECONDS);
        let tries = if forgotten { 1 } else { self.tries + 1 };
        let attempt = if free == 0 { Step::Waits } else { Step::None };
        Delay { tries, attempt, ..self }.wait_anew(free, now)
    }

    /// The last one is judged, and waits from now on.
    pub(super) fn was_wrong(self, free: u64, now: Moment) -> Delay {
        Delay { attempt: Step::None, ..self }.wait_anew(free, now)
    }

    /// As long as that many wrong attempts make the next one wait.
    fn wait_anew(self, free: u64, now: Moment) -> Delay {
        let seconds = match self.tries.saturating_sub(free) {
            0 => 0,
            doubled @ 1..=10 => 1 << (doubled - 1),
            _ => THROTTLE_SECONDS_MAX,
        };
        Delay { until: now.after(Duration::from_secs(seconds)), ..self }
    }

    /// The last one was none.
    pub(super) fn give_back(self, now: Moment) -> Delay {
        Delay { until: now, tries: self.tries.saturating_sub(1), attempt: Step::None }
    }
}

/// A bucket of attempts that fills slowly: when it will be full again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bucket(pub(super) Moment);

impl Row for Bucket {
    fn moment(&self) -> Moment {
        self.0
    }

    fn is_open(&self) -> bool {
        false
    }
}
