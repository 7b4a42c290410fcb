//! The server as the loop's application: each phase of a tick, and what it is made of.

use super::chat::Chat;
use super::commit::{AllCommitted, Commit};
use super::decode::Decode;
use super::deliver::{Deliver, Delivery};
use super::machine::Machine;
use super::read::Reading;
use super::reap::Reap;
use super::serve::Serve;
use super::transaction::Fatal;
use super::upkeep::{KeepUp, Upkeep};
use super::write::Write;
use crate::certificate::Certificate;
use crate::conn::{CloseReason, Conns};
use crate::event_loop::app::{Alive, App, Came, Clock, Job, NotNow, Peer, Share, Signal};
use crate::handlers::{ProvedKey, Rules, ServerFacts};
use crate::id::{ConnId, ListenerKind, Moment, Now};
use crate::password::{Cost, Outcome, Task};
use crate::store::Store;
use crate::wire::{Event, Notice};

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

/// Everything but the edge.
pub struct Server {
    /// Connections: bytes, stages, deadlines; no identity.
    pub(super) conns: Conns,
    /// What this tick has read, and how it is understood.
    pub(super) reading: Reading,
    /// What requests are served from beside the store.
    pub(super) chat: Chat,
    /// What is on the disk.
    pub(super) store: Store,
    /// How far each reader was told what is on the disk.
    pub(super) delivery: Delivery,
    /// What no peer waits for.
    pub(super) upkeep: Upkeep,
}

impl Server {
    /// A server over a store. `seed` feeds the generator of keys and salts.
    pub fn new(
        store: Store,
        rules: Rules,
        machine: Box<dyn Machine>,
        seed: [u8; 32],
        now: Moment,
    ) -> Server {
        Server {
            conns: Conns::default(),
            reading: Reading::new(),
            chat: Chat::new(rules, seed, now),
            delivery: Delivery::new(store.head()),
            store,
            upkeep: Upkeep::new(machine, now),
        }
    }

    /// Connections that handshake from now on are shown this certificate.
    pub fn set_certificate(&mut self, certificate: Certificate) {
        self.reading.certificate = Some(certificate);
    }
}

impl App for Server {
    type Job = HashJob;
    type Committed = AllCommitted;
    type Fatal = Fatal;

    fn signalled(&mut self, signal: Signal, now: Now) {
        match signal {
            Signal::Stop => self.stop(now),
            Signal::Reload => {
                if let Some(certificate) = self.upkeep.renew_certificate(now) {
                    self.reading.certificate = Some(certificate);
                }
            }
        }
    }

    fn done(&mut self, id: ConnId, outcome: Outcome) {
        self.reading.intake.hashes.push((id, outcome));
    }

    fn expire(&mut self, id: ConnId, now: Now) {
        self.reaping(now).expire(id);
    }

    fn accepted(&mut self, id: ConnId, peer: Peer, now: Now) -> bool {
        self.chat.counters.accepted += 1;
        let conn = match peer.listener {
            ListenerKind::Public => self.chat.admit(peer.address, now),
            listener => self.reading.reserved.admit(id, listener, &mut self.conns, now),
        };
        match conn {
            Some(conn) => self.conns.insert(id, conn),
            None => {
                self.chat.refused.log(peer.address.ip(), now.mono);
                self.turned_away();
                return false;
            }
        }
        true
    }

    fn turned_away(&mut self) {
        self.chat.counters.closed(CloseReason::Refused.name());
    }

    fn room(&mut self, id: ConnId, share: Share) -> Result<&mut [u8], NotNow> {
        self.reading.room(&mut self.conns, id, share)
    }

    fn came(&mut self, id: ConnId, what: Came, _: Now) {
        self.reading.came(&mut self.conns, id, what);
    }

    fn decode(&mut self, now: Now) {
        let Server { reading, conns, chat, upkeep, .. } = self;
        let is_healthy = !upkeep.is_short();
        if (Decode { reading, conns, chat, is_healthy, now }).run() {
            upkeep.last_work = now.mono;
        }
    }

    fn serve(&mut self, now: Now, clock: Clock) -> Result<(), Fatal> {
        if !self.reading.intake.is_idle() {
            self.upkeep.look_at_disk(now);
        }
        let facts = self.facts(now);
        let Server { conns, reading, chat, store, .. } = self;
        let proved = ProvedKey::default();
        Serve { conns, chat, store, facts, proved, now }.run(reading, clock)
    }

    fn commit(&mut self, now: Now) -> Result<AllCommitted, Fatal> {
        let facts = self.facts(now);
        let Server { conns, reading, chat, store, upkeep, .. } = self;
        let serve = Serve { conns, chat, store, facts, proved: ProvedKey::default(), now };
        Commit { serve, upkeep }.run(&mut reading.intake)
    }

    fn deliver(
        &mut self,
        committed: AllCommitted,
        now: Now,
    ) -> Result<Vec<(ConnId, HashJob)>, Fatal> {
        self.chat.end_waits(&mut self.conns, &self.reading.intake.hashes);
        let facts = self.facts(now);
        let (mut deliver, reading) = self.delivering(now);
        deliver.run(committed)?;
        deliver.answer_monitors(&mut reading.asked, &facts)?;
        let mut reap = self.reaping(now);
        reap.end_intake();
        reap.close_served();
        let cost = self.chat.rules.hash_cost;
        let job = |(id, task)| (id, HashJob { task, cost });
        Ok(self.chat.begin_hashes().into_iter().map(job).collect())
    }

    fn take_touched(&mut self, into: &mut Vec<ConnId>) {
        self.writing().take_touched(into);
    }

    fn to_write(&mut self, id: ConnId) -> &[u8] {
        self.conns.to_write(id)
    }

    fn sent(&mut self, id: ConnId, count: usize, now: Now) {
        self.writing().sent(id, count, now.mono);
    }

    fn settle(&mut self, id: ConnId, now: Now) -> Option<Alive> {
        self.reaping(now).settle(id)
    }

    fn upkeep(&mut self, now: Now, clock: Clock) -> Result<(), Fatal> {
        let Server { conns, reading, chat, store, delivery, upkeep } = self;
        let head = delivery.head;
        KeepUp { upkeep, conns, reading, chat, store, head, now }.run()?;
        self.chat.counters.tick_took(clock().since(now.mono));
        Ok(())
    }

    fn is_busy(&self) -> bool {
        let Delivery { behind, telling, .. } = &self.delivery;
        let has_more_to_tell = !behind.is_empty() || telling.is_some();
        has_more_to_tell || self.chat.sessions.has_changed() || !self.conns.touched().is_empty()
    }

    fn wake_at(&self) -> Option<Moment> {
        self.upkeep.due(&self.conns, &self.chat, &self.store)
    }

    fn finish(mut self, now: Now) -> Result<(), Fatal> {
        self.upkeep.finish(self.store, self.chat, now)
    }
}

impl Server {
    /// The parts that effects are applied to, and what was read.
    fn delivering(&mut self, now: Now) -> (Deliver<'_>, &mut Reading) {
        let Server { conns, reading, chat, store, delivery, upkeep } = self;
        let reads = store.reads();
        (Deliver { delivery, conns, chat, store, reads, upkeep, now }, reading)
    }

    /// The parts that change when the kernel takes bytes.
    fn writing(&mut self) -> Write<'_> {
        let Server { conns, reading, chat, delivery, .. } = self;
        Write { conns, reading, chat, delivery }
    }

    /// The parts that a connection's end concerns.
    fn reaping(&mut self, now: Now) -> Reap<'_> {
        let Server { conns, reading, chat, delivery, .. } = self;
        Reap { conns, reading, chat, head: delivery.head, now }
    }

    /// What handlers and monitors are told of the parts that they do not see.
    fn facts(&self, now: Now) -> ServerFacts {
        ServerFacts {
            connections: self.conns.count() as u64,
            uptime_seconds: now.mono.since(self.chat.started).as_secs(),
            send_bytes: self.conns.unsent_bytes() as u64,
            resting: self.conns.resting(),
            behind: self.delivery.behind.len() as u64,
            hashes_waiting: self.chat.waiting.len() as u64,
            storage_low: self.upkeep.is_short(),
            held_for: self.upkeep.hold.holder(),
        }
    }

    /// Tells everyone that the server stops, and closes behind what is on its way.
    fn stop(&mut self, now: Now) {
        let (mut deliver, _) = self.delivering(now);
        deliver.tell_everyone(&Notice::plain(Event::Shutdown));
        let ids: Vec<ConnId> = self.conns.from_slot(0).map(|(id, _)| id).collect();
        for id in ids {
            self.conns.close(id, CloseReason::Shutdown, now.mono);
        }
    }
}
