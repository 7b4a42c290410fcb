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

/// Something that takes turns with others of its kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// The operator, at the control socket.
    Operator,
    /// The members who change their passwords.
    Members,
    /// One of them.
    Member(UserId),
    /// The network.
    Network,
    /// A prefix of addresses.
    Prefix(Prefix),
    /// An account's name, for peers of a prefix.
    Account(Prefix, String),
}

impl Turn {
    /// What takes turns for a request, from the outside in.
    pub fn all(purpose: &Purpose, peer: IpAddr) -> Vec<Turn> {
        let account = match purpose {
            Purpose::Reset(_) => return vec![Turn::Operator],
            Purpose::Change(user, _) => return vec![Turn::Members, Turn::Member(*user)],
            Purpose::Register { name, .. } => &name.key,
            Purpose::SignIn { attempt, .. } => attempt.account(),
        };
        Turn::of_network(peer, account)
    }

    fn of_network(peer: IpAddr, account: &str) -> Vec<Turn> {
        let (around, prefix) = (Prefix::widest_of(peer), Prefix::of(peer));
        let account = Turn::Account(prefix, account.to_owned());
        vec![Turn::Network, Turn::Prefix(around), Turn::Prefix(prefix), account]
    }
}

/// A task, the connection that is answered, and its turns.
#[derive(Debug)]
struct Queued {
    id: ConnId,
    task: Task,
    turns: Vec<Turn>,
    /// The last task that came has the highest.
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
    pub fn push(&mut self, id: ConnId, task: Task, turns: Vec<Turn>) -> Option<ConnId> {
        self.clock += 1;
        let came = self.clock;
        for turn in &turns {
            self.had.entry(turn.clone()).or_insert(came);
        }
        let outermost = turns.first().cloned();
        let places = match outermost {
            Some(Turn::Operator) => HASH_PLACES_OPERATOR,
            Some(Turn::Members) => HASH_PLACES_MEMBERS,
            _ => HASH_QUEUE_MAX,
        };
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
mod tests;
