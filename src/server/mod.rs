//! The server between two reads: what came in is served, committed, delivered.
//!
//! Four siblings and an outbox: connections hold bytes and no identity, sessions identities and
//! no bytes, the store what was said, the throttle how often. A request is served from all of
//! them at once because [`Server`] takes itself apart for it. It knows no socket and reads no
//! clock; the event loop calls its phases in order.
//!
//! ```text
//! read ─► intake ─► serve ─► outbox ─► commit ─► Committed ─► deliver ─► send buffers
//!            ▲ walked again, one request a transaction, if the disk is full ┘
//! ```

mod app;
mod commit;
mod decode;
mod deliver;
mod doors;
mod hashes;
mod hold;
mod indexing;
pub mod intake;
mod machine;
mod monitor;
mod proxied;
mod read;
mod reap;
mod retention;
mod serve;
mod watching;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::certificate::{self, Certificate};
use crate::conn::{CloseReason, Connection, Conns, Via};
use crate::counters::Counters;
use crate::handlers::Rules;
use crate::id::{ConnId, Door, Moment, Now, Seq, UserId};
use crate::limits;
use crate::outbox::{Outbox, Waiting};
use crate::sessions::Sessions;
use crate::store::{Store, StoreError};
use crate::throttle::Throttle;
use crate::wire::{Event, Notice};
pub use app::HashJob;
use hashes::HashQueue;
use intake::Intake;
pub use machine::Machine;
use retention::Retention;

/// Our own disk failed: the process must end without another reply (P4).
#[derive(Debug)]
pub struct Fatal(pub String);

/// Bytes of a closing connection that are discarded at once.
const DISCARD_BYTES: usize = 4096;

/// Everything but the edge.
pub struct Server {
    conns: Conns,
    sessions: Sessions,
    store: Store,
    outbox: Outbox,
    throttle: Throttle,
    counters: Counters,
    rng: StdRng,
    rules: Rules,
    intake: Intake,
    /// What the server proves itself with; without it nobody can speak TLS.
    certificate: Option<Certificate>,
    machine: Box<dyn Machine>,
    /// When it is looked next whether our own certificate is to be renewed.
    certificate_look_at: Moment,
    /// What comes for a closing connection is read into this, and forgotten.
    discarded: Box<[u8]>,
    /// Requests that wait for a password hash, by their connection; until the hash is done, also of
    /// those who are gone.
    waiting: HashMap<ConnId, Waiting>,
    /// Whose hash is begun next.
    hashes: HashQueue,
    /// Readers who are behind and may be fed, in turn.
    behind: VecDeque<ConnId>,
    /// The first connection that this tick had no time for.
    stopped_at: Option<ConnId>,
    /// Connections that used up their slice of this tick.
    spent: Vec<ConnId>,
    /// Somebody who came or went, whether they came, and the last of their friends who was told.
    telling: Option<(UserId, bool, UserId)>,
    /// The log was delivered, or left to those who are behind, up to here.
    head: Seq,
    started: Moment,
    storage_low: bool,
    /// The write-ahead log could not be copied into the database.
    log_is_stuck: bool,
    disk_looked: Option<Moment>,
    cursors_written: Moment,
    last_work: Moment,
    checkpoint_not_before: Moment,
    /// The connection that a backup has the checkpoints held for, and until when at most.
    hold: Option<(ConnId, Moment)>,
    retention: Retention,
    /// The index of words rests until then …
    index_not_before: Moment,
    /// … and goes on then, however much else there is.
    index_at_the_latest: Moment,
    /// Monitors that are to be answered in this tick.
    monitors: Vec<ConnId>,
    /// Connections of the operator's.
    operators: usize,
    /// Connections at the monitors' listener, the oldest first.
    monitors_in: VecDeque<ConnId>,
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
            sessions: Sessions::default(),
            head: store.head(),
            store,
            outbox: Outbox::default(),
            throttle: Throttle::default(),
            counters: Counters::default(),
            rng: StdRng::from_seed(seed),
            rules,
            intake: Intake::new(),
            certificate: None,
            machine,
            certificate_look_at: now.after(certificate::LOOK_EVERY),
            discarded: vec![0; DISCARD_BYTES].into_boxed_slice(),
            waiting: HashMap::new(),
            hashes: HashQueue::default(),
            behind: VecDeque::new(),
            stopped_at: None,
            spent: Vec::new(),
            telling: None,
            started: now,
            storage_low: false,
            log_is_stuck: false,
            disk_looked: None,
            cursors_written: now,
            last_work: now,
            checkpoint_not_before: now,
            hold: None,
            retention: Retention::new(now),
            index_not_before: now,
            index_at_the_latest: now,
            monitors: Vec::new(),
            operators: 0,
            monitors_in: VecDeque::new(),
        }
    }

    // --- accept ---

    /// Takes in a connection that was accepted from the network. False: it is one too many from its
    /// address, and was not taken in.
    fn connect(&mut self, id: ConnId, peer: SocketAddr, now: Now) -> bool {
        self.counters.accepted += 1;
        let mut conn = Connection::new(id.generation, peer.ip(), now.mono);
        if self.is_proxy(peer.ip()) {
            // It counts as one of those for whom the proxy speaks.
            conn.via = Via::Proxy;
        } else if !self.throttle.connect(peer.ip(), &self.rules.limits) {
            self.counters.closed(CloseReason::Refused.name());
            return false;
        } else {
            conn.counted = true;
        }
        self.conns.insert(id, conn);
        true
    }

    /// Takes in a connection that was accepted at another door than the network's, as
    /// [`Server::connect`] does. No limit by address applies there, only one on all of a door. A
    /// monitor is always let in: the one that came first makes room.
    fn connect_inside(&mut self, id: ConnId, door: Door, now: Now) -> bool {
        self.counters.accepted += 1;
        if door == Door::Metrics {
            self.make_room_for_monitor(id);
        } else if self.operators >= limits::CONTROL_CONNECTIONS_MAX {
            self.counters.closed(CloseReason::Refused.name());
            return false;
        } else {
            self.operators += 1;
        }
        self.conns.insert(id, Connection::inside(id.generation, door, now.mono));
        true
    }

    /// Reading or writing failed, or nothing more is to be waited for: the connection is dead.
    fn die(&mut self, id: ConnId, reason: CloseReason) {
        if let Some(conn) = self.conns.get_mut(id) {
            conn.die(reason);
        }
        self.conns.touch(id);
    }

    /// Connections that handshake from now on are shown this certificate.
    pub fn set_certificate(&mut self, certificate: Certificate) {
        self.certificate = Some(certificate);
    }

    /// Reads the certificate again. Connections that are there keep the one of their handshake.
    fn renew_certificate(&mut self, now: Now) {
        match self.machine.certificate(now.unix) {
            Ok(certificate) => {
                log::info!("the certificate was read again: {}", certificate.fingerprint);
                self.certificate = Some(certificate);
            }
            Err(why) => log::error!("the certificate was not renewed, the old one stays: {why}"),
        }
    }

    /// Once a day it is looked whether our own certificate is to be renewed.
    fn look_at_certificate(&mut self, now: Now) {
        if now.mono >= self.certificate_look_at {
            self.certificate_look_at = now.mono.after(certificate::LOOK_EVERY);
            if self.machine.certificate_is_due(now.unix) {
                self.renew_certificate(now);
            }
        }
    }

    // --- write ---

    // --- the end ---

    /// Tells everyone that the server stops, and closes behind what is on its way.
    fn stop(&mut self, now: Now) {
        let ids: Vec<ConnId> = self.conns.ids().collect();
        for id in ids {
            if self.sessions.get(id).is_some() {
                self.tell(id, Notice::plain(Event::Shutdown), now);
            }
            if let Some(conn) = self.conns.get_mut(id) {
                conn.close(CloseReason::Shutdown, now.mono);
            }
            self.conns.touch(id);
        }
    }

    /// Writes what only waits to be written, and closes the store.
    ///
    /// # Errors
    /// The store failed for good.
    fn close_store(mut self, now: Now) -> Result<(), Fatal> {
        if self.sessions.has_dirty_cursors() {
            self.store.begin().map_err(fatal)?;
            match self.try_commit(true, now) {
                Ok(_) => {}
                Err(StoreError::Broken(why)) => return Err(Fatal(why)),
                Err(_) => self.roll_back()?,
            }
        }
        self.store.close().map_err(fatal)
    }
}

fn fatal(error: StoreError) -> Fatal {
    Fatal(match error {
        StoreError::Broken(why) => why,
        StoreError::Full => "the disk is full".into(),
        StoreError::NoMemory => "out of memory".into(),
    })
}
