//! The passwords that wait to be hashed, and whose turn it is (P21).
//!
//! ```text
//!            ┌ the operator ───────────────────────────────── always first
//! next hash ─┤
//!            └ in turn ┬ members who change theirs ─ in turn, by user
//!                      └ the network ─ in turn, by widest prefix, prefix, account
//! ```
//!
//! The edge has one thread for all of them, and is given no more than keeps it busy. A request that
//! comes meanwhile takes its turn, however many others one address has sent. Each of the three has
//! places of its own. When they are taken, the last request of those who have the most places is
//! refused.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::id::{ConnId, UserId};
use crate::limits::{
    HASH_PLACES_MEMBERS, HASH_PLACES_OPERATOR, HASH_QUEUE_MAX, HASHES_UNDER_WAY_MAX,
};
use crate::outbox::Purpose;
use crate::password::Task;
use crate::throttle::Prefix;

/// Who waits, and so whose turn it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lane {
    /// The operator, at the control socket.
    Operator,
    /// A member, for another password.
    Member(UserId),
    /// A peer of the network, for an account.
    Network {
        /// The widest prefix.
        around: Prefix,
        /// Their own.
        prefix: Prefix,
        /// The account's name.
        account: String,
    },
}

/// Something that takes turns with others of its kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Operator,
    Members,
    Member(UserId),
    Network,
    Prefix(Prefix),
    Account(Prefix, String),
}

impl Lane {
    pub fn of(purpose: &Purpose, peer: IpAddr) -> Lane {
        let account = match purpose {
            Purpose::Reset(_) => return Lane::Operator,
            Purpose::Change(user, _) => return Lane::Member(*user),
            Purpose::Register { name, .. } => name.key.clone(),
            Purpose::SignIn { attempt, .. } => attempt.account().to_owned(),
        };
        let (around, prefix) = (Prefix::widest_of(peer), Prefix::of(peer));
        Lane::Network { around, prefix, account }
    }

    /// What takes turns, from the outside in.
    fn turns(&self) -> Vec<Turn> {
        match self {
            Lane::Operator => vec![Turn::Operator],
            Lane::Member(user) => vec![Turn::Members, Turn::Member(*user)],
            Lane::Network { around, prefix, account } => vec![
                Turn::Network,
                Turn::Prefix(*around),
                Turn::Prefix(*prefix),
                Turn::Account(*prefix, account.clone()),
            ],
        }
    }
}

/// A task, who is answered, and its turns.
#[derive(Debug)]
struct Queued {
    id: ConnId,
    task: Task,
    turns: Vec<Turn>,
    /// Tells who came last.
    came: u64,
}

/// The tasks that wait, and how many are under way.
#[derive(Debug, Default)]
pub struct HashQueue {
    waiting: Vec<Queued>,
    /// When each of those who wait last had a turn, or came.
    had: BTreeMap<Turn, u64>,
    clock: u64,
    under_way: usize,
}

impl HashQueue {
    /// The connections whose tasks wait.
    pub fn waiting(&self) -> impl Iterator<Item = ConnId> {
        self.waiting.iter().map(|queued| queued.id)
    }

    /// Puts a task in. If a task loses its place for it, returns the connection of that task, which
    /// may be this one.
    pub fn push(&mut self, id: ConnId, task: Task, lane: &Lane) -> Option<ConnId> {
        self.clock += 1;
        let (turns, came) = (lane.turns(), self.clock);
        for turn in &turns {
            self.had.entry(turn.clone()).or_insert(came);
        }
        let places = match lane {
            Lane::Operator => HASH_PLACES_OPERATOR,
            Lane::Member(_) => HASH_PLACES_MEMBERS,
            Lane::Network { .. } => HASH_QUEUE_MAX,
        };
        let outermost = turns.first().cloned();
        self.waiting.push(Queued { id, task, turns, came });
        let rivals =
            || self.waiting.iter().filter(|other| other.turns.first() == outermost.as_ref());
        if rivals().count() <= places {
            return None;
        }
        let share = |turn: &Turn| rivals().filter(|other| other.turns.contains(turn)).count();
        let shares = |of: &Queued| (of.turns.iter().map(share).collect::<Vec<_>>(), of.came);
        let last = rivals().max_by_key(|of| shares(of)).map(|of| of.id);
        last.inspect(|last| _ = self.remove(*last))
    }

    /// Another connection's task takes the place of one that waits.
    pub fn take_place(&mut self, earlier: ConnId, id: ConnId, task: Task) {
        if let Some(queued) = self.waiting.iter_mut().find(|queued| queued.id == earlier) {
            (queued.id, queued.task) = (id, task);
        }
    }

    /// Takes a task out: its connection is gone. False if it is not there, or was begun.
    pub fn remove(&mut self, id: ConnId) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|waiting| waiting.id != id);
        self.forget_who_left();
        self.waiting.len() < before
    }

    /// The next task to be begun; none while enough are under way.
    pub fn next(&mut self) -> Option<(ConnId, Task)> {
        if self.under_way >= HASHES_UNDER_WAY_MAX {
            return None;
        }
        let had = |turn: &Turn| (*turn != Turn::Operator, self.had.get(turn).copied());
        let order = |of: &Queued| (of.turns.iter().map(had).collect::<Vec<_>>(), of.came);
        let (at, _) = self.waiting.iter().enumerate().min_by_key(|(_, of)| order(of))?;
        let Queued { id, task, turns, .. } = self.waiting.remove(at);
        self.clock += 1;
        for turn in turns {
            self.had.insert(turn, self.clock);
        }
        self.forget_who_left();
        self.under_way += 1;
        Some((id, task))
    }

    /// One of those under way is done.
    pub fn is_done(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// Only those who wait have turns (P20).
    fn forget_who_left(&mut self) {
        let waiting = &self.waiting;
        self.had.retain(|turn, _| waiting.iter().any(|of| of.turns.contains(turn)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conn(number: usize) -> ConnId {
        ConnId { slot: number as u32, generation: 1 }
    }

    fn task() -> Task {
        Task::Hash { password: "correct horse".into(), salt: [0; 16] }
    }

    fn from(address: &str, account: &str) -> Lane {
        let address = address.parse().expect("an address");
        let (around, prefix) = (Prefix::widest_of(address), Prefix::of(address));
        Lane::Network { around, prefix, account: account.into() }
    }

    /// The connections in the order in which their tasks are begun.
    fn order(queue: &mut HashQueue) -> Vec<usize> {
        let mut order = Vec::new();
        while let Some((id, _)) = queue.next() {
            order.push(id.index());
            queue.is_done();
        }
        assert!(queue.had.is_empty(), "P20: nothing is kept of those who are gone");
        order
    }

    #[test]
    fn p21_prefixes_and_accounts_take_turns_and_the_operator_is_first() {
        let mut queue = HashQueue::default();
        for number in 0..10 {
            let lane = from("192.0.2.1", &format!("guess{number}"));
            assert_eq!(queue.push(conn(number), task(), &lane), None);
        }
        // Another account at the same address, another address near by, and one elsewhere.
        queue.push(conn(20), task(), &from("192.0.2.2", "ann"));
        queue.push(conn(30), task(), &from("2001:db8::1", "bob"));
        queue.push(conn(40), task(), &Lane::Member(UserId(1)));
        queue.push(conn(50), task(), &Lane::Operator);
        let order = order(&mut queue);
        assert_eq!(order[..6], [50, 0, 40, 30, 20, 1], "{order:?}");
        assert_eq!(order[6..], [2, 3, 4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn p21_when_all_places_are_taken_the_last_of_the_most_goes() {
        let mut queue = HashQueue::default();
        for number in 0..HASH_QUEUE_MAX {
            let address = format!("192.0.2.{}", number % 4);
            let lane = from(&address, &format!("guess{number}"));
            assert_eq!(queue.push(conn(number), task(), &lane), None);
        }
        let one_more = from("192.0.2.1", "one more");
        assert_eq!(queue.push(conn(100), task(), &one_more), Some(conn(100)));
        let other = from("2001:db8::1", "ann");
        assert_eq!(queue.push(conn(101), task(), &other), Some(conn(HASH_QUEUE_MAX - 1)));
        for number in 0..HASH_PLACES_MEMBERS {
            let lane = Lane::Member(UserId(number as i64));
            assert_eq!(queue.push(conn(200 + number), task(), &lane), None, "places of their own");
        }
        assert_eq!(queue.push(conn(300), task(), &Lane::Operator), None);
        assert_eq!(queue.next().map(|(id, _)| id), Some(conn(300)));
    }

    #[test]
    fn p20_no_more_than_needed_are_under_way() {
        let mut queue = HashQueue::default();
        for number in 0..4 {
            queue.push(conn(number), task(), &from("192.0.2.1", &format!("{number}")));
        }
        let begun = std::iter::from_fn(|| queue.next()).count();
        assert_eq!(begun, HASHES_UNDER_WAY_MAX);
        queue.remove(conn(3));
        queue.is_done();
        assert_eq!(queue.next().map(|(id, _)| id), Some(conn(2)));
        queue.is_done();
        assert!(queue.next().is_none());
    }
}
