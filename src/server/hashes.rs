//! Requests that wait for a password hash: from the effect that asks for it to its end.
//!
//! The edge has one thread for all of them. `hash_queue` says whose turn it is.

use super::chat::Chat;
use super::deliver::Deliver;
use super::hash_queue::Turn;
use crate::conn::Conns;
use crate::doors::Said;
use crate::handlers::hashing::end_attempt;
use crate::id::{ConnId, Now};
use crate::locale;
use crate::outbox::{Purpose, Waiting};
use crate::password::{Outcome, Task};
use crate::throttle::Judged;
use crate::wire::{Code, Refusal, ResponseMessage};

impl Deliver<'_> {
    /// A request waits for a hash from here on. An attempt takes the place of an earlier one that
    /// excludes it and was not begun: a client that gave up and came again does not wait for the
    /// connection that it left. Beyond the places that there are, one has to go.
    pub(super) fn queue_hash(&mut self, id: ConnId, task: Task, mut waiting: Waiting) {
        let (chat, now) = (&mut *self.chat, self.now);
        let earlier = chat.earlier_attempt(&waiting.purpose);
        if earlier.is_none()
            && let Err(seconds) = chat.count_attempt(&waiting.purpose, now)
        {
            return self.refuse_hash(id, waiting, &Refusal::slow_down(seconds));
        }
        let Some(conn) = self.conns.get_mut(id).filter(|conn| conn.is_serving()) else {
            // Where there is an earlier attempt, that one is counted, and still waits.
            if earlier.is_none() {
                chat.attempt_is_none(&waiting.purpose, now);
            }
            return;
        };
        conn.rests.hash = true;
        if let Some((earlier, its)) = earlier.and_then(|id| chat.waiting.remove_entry(&id)) {
            chat.hashes.take_place(earlier, id, task);
            waiting.purpose.goes_on_from(&its.purpose);
            chat.waiting.insert(id, waiting);
            return self.refuse_hash(earlier, its, &Refusal::slow_down(1));
        }
        let turns = Turn::all(&waiting.purpose, conn.from.address());
        chat.waiting.insert(id, waiting);
        let Some(out) = chat.hashes.push(id, task, turns) else { return };
        if let Some(waiting) = chat.waiting.remove(&out) {
            // There is no place for its hash any more: it is as if it had not asked.
            chat.attempt_is_none(&waiting.purpose, now);
            self.refuse_hash(out, waiting, &Refusal::from(Code::Busy));
        }
    }

    fn refuse_hash(&mut self, id: ConnId, waiting: Waiting, refusal: &Refusal) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        conn.rests.hash = false;
        let text = locale::refusal::say(refusal, waiting.lang);
        let (re, code, data) = (waiting.re, refusal.code, refusal.data());
        let text = text.as_str();
        self.chat.counters.replied(code);
        self.say(id, Said::Reply(&ResponseMessage { re, code, text, data }));
    }
}

impl Chat {
    /// The connections whose password is hashed are served again.
    pub(super) fn end_waits(&mut self, conns: &mut Conns, done: &[(ConnId, Outcome)]) {
        for (id, _) in done {
            self.hashes.is_done();
            self.waiting.remove(id);
            if let Some(conn) = conns.get_mut(*id) {
                conn.rests.hash = false;
                conns.touch(*id);
            }
        }
    }

    /// Counts an attempt that finds no earlier one to take the place of, unless it is counted: the
    /// earlier one came in the same tick, and was crowded out and given back since.
    fn count_attempt(&mut self, purpose: &Purpose, now: Now) -> Result<(), u64> {
        let limits = &self.rules.limits;
        let counted = purpose.attempt().map(|of| self.throttle.begin(of, limits, now.mono));
        counted.unwrap_or(Ok(()))
    }

    /// The connection whose attempt waits for its hash, if none may be beside this one.
    fn earlier_attempt(&self, purpose: &Purpose) -> Option<ConnId> {
        let attempt = purpose.attempt()?;
        let excludes = |waiting: &Waiting| {
            waiting.purpose.attempt().is_some_and(|earlier| earlier.excludes(attempt))
        };
        let mut ids = self.hashes.waiting();
        ids.find(|id| self.waiting.get(id).is_some_and(excludes))
    }

    /// Takes the passwords that are to be hashed next.
    pub(super) fn begin_hashes(&mut self) -> Vec<(ConnId, Task)> {
        let begun: Vec<_> = std::iter::from_fn(|| self.hashes.next()).collect();
        for (id, _) in &begun {
            let waiting = self.waiting.get(id);
            if let Some(attempt) = waiting.and_then(|waiting| waiting.purpose.attempt()) {
                self.throttle.begin_compare(attempt);
            }
        }
        begun
    }

    /// The connection goes. A hash that is under way is judged when it is done.
    pub(super) fn drop_hash(&mut self, id: ConnId, now: Now) {
        if self.hashes.remove(id)
            && let Some(waiting) = self.waiting.remove(&id)
        {
            self.attempt_is_none(&waiting.purpose, now);
        }
    }

    fn attempt_is_none(&mut self, purpose: &Purpose, now: Now) {
        end_attempt(&mut self.throttle, purpose, Judged::NotCompared, &self.rules.limits, now.mono);
    }
}
