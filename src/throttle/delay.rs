//! How long an account is delayed until its next attempt.

use std::time::Duration;

use super::table::{Row, seconds_up};
use crate::id::Moment;
use crate::limits::{THROTTLE_FORGET_SECONDS, THROTTLE_SECONDS_MAX};

/// The attempts in a row at an account that were wrong or have no result yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Delay {
    /// No attempt begins before this.
    until: Moment,
    tries: u64,
    attempt: Step,
}

/// The attempt that is under way, if there is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    #[default]
    None,
    /// Its password waits to be hashed.
    Waits,
    /// Its password is being hashed, which cannot be stopped.
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
    /// Whether an attempt is under way whose password is not being hashed yet.
    pub(super) fn waits(self) -> bool {
        self.attempt == Step::Waits
    }

    /// The attempt's password is being hashed from now on.
    pub(super) fn begin_compare(self) -> Delay {
        Delay { attempt: if self.waits() { Step::IsCompared } else { self.attempt }, ..self }
    }

    pub(super) fn check(self, now: Moment) -> Result<(), u64> {
        match self.until > now {
            true => Err(seconds_up(self.until.since(now))),
            // The attempt under way ends soon.
            false if self.is_open() => Err(1),
            false => Ok(()),
        }
    }

    /// Counts another attempt; the first `free` of them cause no delay.
    pub(super) fn begin(self, free: u64, now: Moment) -> Delay {
        let forgotten = now.since(self.until) > Duration::from_secs(THROTTLE_FORGET_SECONDS);
        let tries = if forgotten { 1 } else { self.tries + 1 };
        let attempt = if free == 0 { Step::Waits } else { Step::None };
        Delay { tries, attempt, ..self }.wait_anew(free, now)
    }

    /// The attempt was wrong: the delay begins now.
    pub(super) fn count_wrong(self, free: u64, now: Moment) -> Delay {
        Delay { attempt: Step::None, ..self }.wait_anew(free, now)
    }

    /// The delay after so many wrong attempts, from now on.
    fn wait_anew(self, free: u64, now: Moment) -> Delay {
        let seconds = match self.tries.saturating_sub(free) {
            0 => 0,
            doubled @ 1..=10 => 1 << (doubled - 1),
            _ => THROTTLE_SECONDS_MAX,
        };
        Delay { until: now.after(Duration::from_secs(seconds)), ..self }
    }

    /// The attempt is not counted after all.
    pub(super) fn give_back(self, now: Moment) -> Delay {
        Delay { until: now, tries: self.tries.saturating_sub(1), attempt: Step::None }
    }
}
