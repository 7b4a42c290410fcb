//! When each connection is to be looked at again: a sorted set of moments, one a connection.
//!
//! Most deadlines only ever move away, with every frame that comes. So an entry stays where it is
//! when its connection's deadline moves to a later moment: it comes up early once, the application
//! looks at the connection, and the entry is set anew. Only an earlier deadline moves an entry at
//! once.
//!
//! It knows connections and moments, and not what a deadline is for.

use std::collections::BTreeSet;

use crate::id::{ConnId, Moment};

/// The connection in the slot has no deadline.
const NEVER: Moment = Moment(u64::MAX);

/// The deadlines of all connections.
#[derive(Debug, Default)]
pub struct Deadlines {
    sorted: BTreeSet<(Moment, ConnId)>,
    by_slot: Vec<Moment>,
}

impl Deadlines {
    /// The connection is looked at `at` that moment at the latest.
    pub fn set(&mut self, id: ConnId, at: Moment) {
        if self.by_slot.len() <= id.index() {
            self.by_slot.resize(id.index() + 1, NEVER);
        }
        if self.by_slot[id.index()] > at {
            self.forget(id);
            self.by_slot[id.index()] = at;
            self.sorted.insert((at, id));
        }
    }

    /// The connection is gone, or was looked at.
    pub fn forget(&mut self, id: ConnId) {
        if let Some(at) = self.by_slot.get_mut(id.index()) {
            self.sorted.remove(&(std::mem::replace(at, NEVER), id));
        }
    }

    /// The next moment at which a connection is to be looked at.
    pub fn next(&self) -> Option<Moment> {
        self.sorted.first().map(|(at, _)| *at)
    }

    /// Takes out a connection that is to be looked at by now.
    pub fn pop_due(&mut self, now: Moment) -> Option<ConnId> {
        let (_, id) = *self.sorted.first().filter(|(at, _)| *at <= now)?;
        self.forget(id);
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p23_an_earlier_deadline_moves_the_entry_and_a_later_one_does_not() {
        let (one, two) = (ConnId { slot: 1, generation: 1 }, ConnId { slot: 2, generation: 2 });
        let mut deadlines = Deadlines::default();
        deadlines.set(one, Moment(50));
        deadlines.set(two, Moment(40));
        deadlines.set(one, Moment(90));
        assert_eq!(deadlines.next(), Some(Moment(40)));
        deadlines.set(one, Moment(10));
        assert_eq!(deadlines.pop_due(Moment(9)), None);
        assert_eq!(deadlines.pop_due(Moment(90)), Some(one));
        deadlines.forget(two);
        assert_eq!(deadlines.pop_due(Moment(90)), None);
    }
}
