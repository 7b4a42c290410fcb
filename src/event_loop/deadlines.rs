//! When each connection is to be looked at again: a sorted set of moments, one a connection.
//!
//! Most deadlines only ever move away, with every frame that comes. So an entry stays where it is
//! when its connection's deadline moves to a later moment: it comes up early once, the application
//! looks at the connection, and the entry is set anew. Only an earlier deadline moves an entry at
//! once.
//!
//! It knows slots and moments, and not what a deadline is for.

use std::collections::BTreeSet;

use crate::id::Moment;

/// The slot has no deadline.
const NEVER: Moment = Moment(u64::MAX);

/// A moment and a slot. The halves keep it at twelve bytes: a million idle connections are a
/// million of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    moment_high: u32,
    moment_low: u32,
    slot: u32,
}

impl Entry {
    fn new(at: Moment, slot: u32) -> Entry {
        Entry { moment_high: (at.0 >> 32) as u32, moment_low: at.0 as u32, slot }
    }

    fn moment(self) -> Moment {
        Moment(u64::from(self.moment_high) << 32 | u64::from(self.moment_low))
    }
}

/// The deadlines of all connections.
#[derive(Debug, Default)]
pub struct Deadlines {
    sorted: BTreeSet<Entry>,
    by_slot: Vec<Moment>,
}

impl Deadlines {
    /// The connection in the slot is looked at `at` that moment at the latest.
    pub fn set(&mut self, slot: u32, at: Moment) {
        let index = slot as usize;
        if self.by_slot.len() <= index {
            self.by_slot.resize(index + 1, NEVER);
        }
        if self.by_slot[index] > at {
            self.forget(slot);
            self.by_slot[index] = at;
            self.sorted.insert(Entry::new(at, slot));
        }
    }

    /// The slot is free, or was looked at.
    pub fn forget(&mut self, slot: u32) {
        let Some(at) = self.by_slot.get_mut(slot as usize) else { return };
        let at = std::mem::replace(at, NEVER);
        if at != NEVER {
            self.sorted.remove(&Entry::new(at, slot));
        }
    }

    /// The next moment at which a connection is to be looked at.
    pub fn next(&self) -> Option<Moment> {
        self.sorted.first().map(|entry| entry.moment())
    }

    /// Takes out a slot that is to be looked at by now.
    pub fn pop_due(&mut self, now: Moment) -> Option<u32> {
        let entry = *self.sorted.first().filter(|entry| entry.moment() <= now)?;
        self.forget(entry.slot);
        Some(entry.slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Beyond what half a moment holds.
    const SECOND: u64 = 1 << 32;

    #[test]
    fn p23_an_earlier_deadline_moves_the_entry_and_a_later_one_does_not() {
        let mut deadlines = Deadlines::default();
        deadlines.set(1, Moment(5 * SECOND));
        deadlines.set(2, Moment(4 * SECOND));
        deadlines.set(1, Moment(9 * SECOND));
        assert_eq!(deadlines.next(), Some(Moment(4 * SECOND)));
        deadlines.set(1, Moment(SECOND));
        assert_eq!(deadlines.pop_due(Moment(SECOND - 1)), None);
        assert_eq!(deadlines.pop_due(Moment(9 * SECOND)), Some(1));
        deadlines.forget(2);
        assert_eq!(deadlines.pop_due(Moment(9 * SECOND)), None);
    }
}
