//! Whose turn it is to be read (P21).
//!
//! ```text
//!            ┌ known ────────── all of them, in turn; those that used up their slice of the last
//! next turns ┤                  tick (spent) stand behind the others
//!            └ newcomers ────── a few; while known connections talk, none for a moment after those
//! ```
//!
//! A connection stands in a queue as long as there is something to read or to serve that no edge
//! will announce again. It stands there once. There are so few turns of newcomers a tick that a
//! crowd of them makes other newcomers wait, and no other connection.

use std::collections::VecDeque;
use std::time::Duration;

use crate::by_conn::ByConn;
use crate::id::{ConnId, Moment};
use crate::limits;

/// A queue of turns. Why a connection is known, only the application knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Queue {
    /// Connections that the application has not come to know yet.
    #[default]
    Newcomers,
    /// All others.
    Known,
    /// Those of them that used up their slice of a tick.
    Spent,
}

/// How much of a connection a tick takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// Little, and little of all newcomers together.
    Newcomer,
    /// As much as of any other.
    Full,
}

/// The queues.
#[derive(Debug, Default)]
pub struct Turns {
    known: VecDeque<ConnId>,
    spent: VecDeque<ConnId>,
    newcomers: VecDeque<ConnId>,
    /// The connections that stand in one of them.
    members: ByConn<()>,
    /// Newcomers have no turn before this, if known connections talk.
    newcomers_not_before: Moment,
    /// Known connections count as talking until this.
    talk_until: Moment,
}

impl Turns {
    /// Gives the connection a turn, unless it has one already.
    pub fn put(&mut self, id: ConnId, queue: Queue) {
        if self.members.insert(id, ()) {
            match queue {
                Queue::Newcomers => self.newcomers.push_back(id),
                Queue::Known => self.known.push_back(id),
                Queue::Spent => self.spent.push_back(id),
            }
        }
    }

    /// Begins a tick's turns of known connections, or of newcomers, and says how many there are.
    pub fn begin(&mut self, share: Share, now: Moment) -> usize {
        if share == Share::Newcomer {
            let wait = now < self.newcomers_not_before;
            return if wait { 0 } else { self.newcomers.len().min(limits::NEWCOMERS_PER_TICK) };
        }
        self.known.append(&mut self.spent);
        if !self.known.is_empty() {
            self.talk_until = now.after(Duration::from_micros(limits::TALK_MICROS));
        }
        self.known.len()
    }

    /// The next of these turns.
    pub fn next(&mut self, share: Share) -> Option<ConnId> {
        let id = self.queue(share).pop_front()?;
        self.members.remove(id);
        Some(id)
    }

    /// The tick is full: the connection is the first of the next one.
    pub fn put_back(&mut self, id: ConnId, share: Share) {
        if self.members.insert(id, ()) {
            self.queue(share).push_front(id);
        }
    }

    fn queue(&mut self, share: Share) -> &mut VecDeque<ConnId> {
        match share {
            Share::Full => &mut self.known,
            Share::Newcomer => &mut self.newcomers,
        }
    }

    /// A tick's turns are over. If there are more newcomers, and known connections talk, the next
    /// have to wait for a moment: what a known connection says meanwhile is served as if there
    /// were no crowd.
    pub fn end(&mut self, tick: Moment, now: impl FnOnce() -> Moment) {
        if !self.newcomers.is_empty() && tick < self.talk_until {
            let pause = Duration::from_micros(limits::NEWCOMER_REST_MICROS);
            self.newcomers_not_before = now().after(pause);
        }
    }

    /// When the next turn is: a moment that has passed stands for now.
    pub fn next_at(&self) -> Option<Moment> {
        if !self.known.is_empty() || !self.spent.is_empty() {
            return Some(Moment::default());
        }
        (!self.newcomers.is_empty()).then_some(self.newcomers_not_before)
    }
}

/// A queue of connections in which each stands once.
#[derive(Debug, Default)]
pub struct OnceQueue {
    order: VecDeque<ConnId>,
    members: ByConn<()>,
}

impl OnceQueue {
    /// Puts the connection at the end, unless it stands in the queue.
    pub fn push(&mut self, id: ConnId) {
        if self.members.insert(id, ()) {
            self.order.push_back(id);
        }
    }

    /// Takes out the first.
    pub fn pop(&mut self) -> Option<ConnId> {
        let id = self.order.pop_front()?;
        self.members.remove(id);
        Some(id)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conn(slot: u32, generation: u32) -> ConnId {
        ConnId { slot, generation }
    }

    #[test]
    fn each_stands_in_a_queue_once_and_p24_a_slots_next_connection_is_another() {
        let mut queue = OnceQueue::default();
        [conn(7, 1), conn(7, 1), conn(7, 2), conn(7, 2)].into_iter().for_each(|id| queue.push(id));
        assert_eq!(queue.pop(), Some(conn(7, 1)));
        queue.push(conn(7, 2));
        assert_eq!(queue.pop(), Some(conn(7, 2)));
        assert!(queue.is_empty() && queue.pop().is_none());
    }

    #[test]
    fn p21_newcomers_wait_for_a_moment_while_known_connections_talk() {
        let mut turns = Turns::default();
        let crowd = limits::NEWCOMERS_PER_TICK + 1;
        (0..crowd as u32).for_each(|slot| turns.put(conn(slot, 1), Queue::Newcomers));
        let some = limits::NEWCOMERS_PER_TICK;
        assert_eq!(turns.begin(Share::Newcomer, Moment(1)), some);
        turns.end(Moment(1), || Moment(1));
        assert_eq!(turns.begin(Share::Newcomer, Moment(1)), some, "no known connection talks");
        turns.put(conn(100, 1), Queue::Known);
        turns.begin(Share::Full, Moment(2));
        turns.next(Share::Full);
        turns.end(Moment(2), || Moment(3));
        assert_eq!(turns.begin(Share::Newcomer, Moment(3)), 0);
        assert_eq!(turns.next_at(), Some(Moment(3 + limits::NEWCOMER_REST_MICROS)));
    }
}
