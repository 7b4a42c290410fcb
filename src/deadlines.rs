//! When each connection is to be looked at again: a sorted set of moments, one a connection.
//!
//! Most deadlines only ever move away, with every frame that comes. So an entry stays where it is
//! when its connection's deadline moves to a later moment: it comes up early once, somebody looks
//! at the connection and sets the entry anew. Only an earlier deadline moves an entry at once.
//!
//! A million idle connections are a million entries, so they are coarse and small: a sixteenth of
//! a second, rounded up, in 32 bits. That is enough for eight years without a restart.
//!
//! It knows slots and moments, and not what a deadline is for.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use crate::id::Moment;

const STEP_MICROS: u64 = 62_500;

/// A moment, rounded up to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Step(NonZeroU32);

impl Step {
    fn from_moment(at: Moment) -> Step {
        let steps = u32::try_from(at.0.div_ceil(STEP_MICROS)).unwrap_or(u32::MAX);
        Step(NonZeroU32::new(steps).unwrap_or(NonZeroU32::MIN))
    }

    fn moment(self) -> Moment {
        Moment(u64::from(self.0.get()) * STEP_MICROS)
    }
}

/// The deadlines of all connections.
#[derive(Debug, Default)]
pub struct Deadlines {
    sorted: BTreeSet<(Step, u32)>,
    by_slot: Vec<Option<Step>>,
}

impl Deadlines {
    /// The connection in the slot is looked at `at` that moment at the latest.
    pub fn set(&mut self, slot: u32, at: Moment) {
        let index = slot as usize;
        if self.by_slot.len() <= index {
            self.by_slot.resize(index + 1, None);
        }
        let step = Step::from_moment(at);
        if self.by_slot[index].is_some_and(|earlier| earlier <= step) {
            return;
        }
        self.forget(slot);
        self.by_slot[index] = Some(step);
        self.sorted.insert((step, slot));
    }

    /// The slot is free.
    pub fn forget(&mut self, slot: u32) {
        let entry = self.by_slot.get_mut(slot as usize).and_then(Option::take);
        if let Some(step) = entry {
            self.sorted.remove(&(step, slot));
        }
    }

    /// The next moment at which somebody is to be looked at.
    pub fn next(&self) -> Option<Moment> {
        self.sorted.first().map(|(step, _)| step.moment())
    }

    /// Takes out a slot that is to be looked at by now.
    pub fn pop_due(&mut self, now: Moment) -> Option<u32> {
        let &(_, slot) = self.sorted.first().filter(|(step, _)| step.moment() <= now)?;
        self.forget(slot);
        Some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    #[test]
    fn p23_a_deadline_comes_up_no_earlier_and_a_step_later_at_most() {
        for at in [0, 1, SECOND - 1, SECOND, SECOND + 1] {
            let mut deadlines = Deadlines::default();
            deadlines.set(3, Moment(at));
            let next = deadlines.next().expect("it is set").0;
            assert!((at..at + STEP_MICROS).contains(&next) || next == STEP_MICROS);
            assert_eq!(deadlines.pop_due(Moment(next - 1)), None);
            assert_eq!(deadlines.pop_due(Moment(next)), Some(3));
            assert_eq!(deadlines.next(), None);
        }
    }

    #[test]
    fn an_earlier_deadline_moves_the_entry_and_a_later_one_does_not() {
        let mut deadlines = Deadlines::default();
        deadlines.set(1, Moment(5 * SECOND));
        deadlines.set(2, Moment(4 * SECOND));
        deadlines.set(1, Moment(9 * SECOND));
        assert_eq!(deadlines.next(), Some(Moment(4 * SECOND)));
        deadlines.set(1, Moment(SECOND));
        assert_eq!(deadlines.pop_due(Moment(9 * SECOND)), Some(1));
        deadlines.forget(2);
        assert_eq!(deadlines.pop_due(Moment(9 * SECOND)), None);
    }
}
