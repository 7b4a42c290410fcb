//! The server as the loop's application: each phase of a tick, and what it is made of.

use std::io;

use super::{Fatal, Server};
use crate::conn::CloseReason;
use crate::event_loop::app::{App, Came, Clock, Job, NotNow, Peer, Settled, Share, Signal};
use crate::id::{ConnId, Door, Moment, Now};
use crate::outbox::Effect;
use crate::password::{Cost, Outcome, Task};
use crate::store::Committed;

/// A password to be hashed.
#[derive(Debug)]
pub struct HashJob {
    /// What is to be done.
    pub task: Task,
    /// What a hash costs.
    pub cost: Cost,
}

impl Job for HashJob {
    type Done = Outcome;

    fn run(self) -> Outcome {
        self.task.run(self.cost)
    }
}

impl From<io::Error> for Fatal {
    fn from(error: io::Error) -> Fatal {
        Fatal(format!("poll failed: {error}"))
    }
}

impl App for Server {
    type Job = HashJob;
    type Committed = Vec<Committed<Vec<Effect>>>;
    type Fatal = Fatal;

    fn signalled(&mut self, signal: Signal, now: Now) {
        match signal {
            Signal::Stop => self.stop(now),
            Signal::Reload => self.renew_certificate(now),
        }
    }

    fn done(&mut self, id: ConnId, outcome: Outcome) {
        self.intake.hash_done(id, outcome);
    }

    fn expire(&mut self, id: ConnId, now: Now) {
        self.look_at_deadline(id, now);
    }

    fn accepted(&mut self, id: ConnId, peer: Peer, now: Now) -> bool {
        match peer.door {
            Door::Front => self.connect(id, peer.address, now),
            door => self.connect_inside(id, door, now),
        }
    }

    fn turned_away(&mut self) {
        self.counters.closed(CloseReason::Refused.name());
    }

    fn room(&mut self, id: ConnId, share: Share) -> Result<&mut [u8], NotNow> {
        self.read_room(id, share)
    }

    fn came(&mut self, id: ConnId, what: Came, _: Now) {
        self.heard(id, what);
    }

    fn decode(&mut self, now: Now) {
        self.decode_all(now);
    }

    fn serve(&mut self, now: Now, clock: Clock) -> Result<(), Fatal> {
        self.look_at_disk(now);
        self.serve_all(now, clock)
    }

    fn commit(&mut self, now: Now) -> Result<Self::Committed, Fatal> {
        self.commit_all(now)
    }

    fn deliver(
        &mut self,
        committed: Self::Committed,
        now: Now,
    ) -> Result<Vec<(ConnId, HashJob)>, Fatal> {
        let hashes = self.deliver_all(committed, now)?;
        self.end_intake(now);
        self.close_served(now);
        let cost = self.rules.hash_cost;
        Ok(hashes.into_iter().map(|(id, task)| (id, HashJob { task, cost })).collect())
    }

    fn take_touched(&mut self, into: &mut Vec<ConnId>) {
        self.take_all_touched(into);
    }

    fn to_write(&mut self, id: ConnId) -> &[u8] {
        self.conns.to_write(id)
    }

    fn sent(&mut self, id: ConnId, count: usize, now: Now) {
        self.was_sent(id, count, now);
    }

    fn settle(&mut self, id: ConnId, now: Now) -> Settled {
        self.settle_one(id, now)
    }

    fn upkeep(&mut self, now: Now, clock: Clock) -> Result<(), Fatal> {
        self.trim(now);
        self.retain(now)?;
        self.index(now)?;
        self.checkpoint(now)?;
        self.look_at_certificate(now);
        self.counters.tick_took(clock().since(now.mono));
        Ok(())
    }

    fn is_busy(&self) -> bool {
        self.has_more_to_tell() || !self.conns.touched().is_empty()
    }

    fn wake_at(&self) -> Option<Moment> {
        self.next_upkeep()
    }

    fn finish(self, now: Now) -> Result<(), Fatal> {
        self.close_store(now)
    }
}
