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

mod commit;
mod deliver;
mod doors;
mod hashes;
mod hold;
mod indexing;
pub mod intake;
mod monitor;
mod proxied;
mod reap;
mod retention;
mod secure;
mod serve;
mod watching;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::certificate::Certificate;
use crate::conn::{CloseReason, Connection, Conns, Stage, Via};
use crate::counters::Counters;
use crate::handlers::Rules;
use crate::id::{ConnId, Door, Moment, Now, Seq, UserId};
use crate::limits;
use crate::outbox::{Outbox, Waiting};
use crate::password::Outcome;
use crate::sessions::Sessions;
use crate::store::{Store, StoreError};
use crate::throttle::Throttle;
use crate::wire::{Event, Notice};
use hashes::HashQueue;
use intake::{Intake, Share};
use monitor::Asks;
pub use reap::Settled;
use retention::Retention;
use secure::Sealed;

/// Our own disk failed: the process must end without another reply (P4).
#[derive(Debug)]
pub struct Fatal(pub String);

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
    /// Bytes of the connection that is being read, if they are sealed.
    sealed: Sealed,
    /// The connection that is being read has brought more than this tick takes.
    reads_no_more: bool,
    /// Handshakes that this tick may still compute.
    handshakes_left: usize,
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
    monitors: Vec<(ConnId, Asks)>,
    /// Connections of the operator's.
    operators: usize,
    /// Connections at the monitors' listener, the oldest first.
    monitors_in: VecDeque<ConnId>,
}

impl Server {
    /// A server over a store. `seed` feeds the generator of keys and salts.
    pub fn new(store: Store, rules: Rules, seed: [u8; 32], now: Moment) -> Server {
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
            sealed: Sealed::new(),
            reads_no_more: false,
            handshakes_left: limits::HANDSHAKES_PER_TICK,
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

    /// The name that the next connection will have.
    pub fn vacant_id(&self) -> ConnId {
        self.conns.vacant_id()
    }

    /// Takes in a connection that was accepted under [`Server::vacant_id`]. False: it is one too
    /// many from its address, and was not taken in.
    pub fn connect(&mut self, peer: SocketAddr, now: Now) -> bool {
        let id = self.conns.use_id();
        self.counters.accepted += 1;
        let mut conn = Connection::new(id.generation, peer.ip(), now.mono);
        if self.is_proxy(peer.ip()) {
            // It counts as one of those for whom the proxy speaks.
            conn.via = Via::Proxy;
        } else if !self.throttle.connect(peer.ip(), &self.rules.limits) {
            self.counters.closed(CloseReason::Refused.name());
            return false;
        }
        self.conns.insert(conn);
        true
    }

    /// Takes in a connection that was accepted at another door than the network's, as
    /// [`Server::connect`] does. No limit by address applies there, only one on all of a door. A
    /// monitor is always let in: the one that came first makes room.
    pub fn connect_inside(&mut self, door: Door, now: Now) -> bool {
        let id = self.conns.use_id();
        self.counters.accepted += 1;
        if door == Door::Metrics {
            self.make_room_for_monitor(id);
        } else if self.operators >= limits::CONTROL_CONNECTIONS_MAX {
            self.turned_away();
            return false;
        } else {
            self.operators += 1;
        }
        self.conns.insert(Connection::inside(id.generation, door, now.mono));
        true
    }

    /// A peer could not be accepted.
    pub fn turned_away(&mut self) {
        self.counters.closed(CloseReason::Refused.name());
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.conns.len()
    }

    // --- read ---

    /// Whether the connection has not signed in, though it could.
    pub fn is_newcomer(&self, id: ConnId) -> bool {
        self.conns.get(id).is_some_and(Connection::is_newcomer)
    }

    /// Whether the connection used up its slice of the last tick that served anything: its next
    /// turn is behind the others' (P21).
    pub fn is_spent(&self, id: ConnId) -> bool {
        self.spent.contains(&id)
    }

    /// The connection's stage, if it lives: a late event finds nobody (P24).
    pub fn stage(&self, id: ConnId) -> Option<Stage> {
        self.conns.get(id).map(|conn| conn.stage)
    }

    /// Begins to take in a connection's bytes.
    ///
    /// # Errors
    /// It is not served now, or the tick's share is used up.
    pub fn begin_read(&mut self, id: ConnId, share: Share) -> Result<(), NotNow> {
        if !self.intake.has_room(share) {
            return Err(NotNow::TickFull);
        }
        let Some(conn) = self.conns.get_mut(id) else { return Err(NotNow::Paused) };
        if !conn.may_be_served() {
            // The rest of its frame cannot come while we do not read.
            conn.frame_is_begun(false, Moment::default());
            return Err(NotNow::Paused);
        }
        if conn.stage == Stage::Handshaking && self.handshakes_left == 0 {
            return Err(NotNow::NextTick);
        }
        self.reads_no_more = conn.is_full();
        self.intake.begin(id, share, &conn.received.give());
        self.sealed.begin(conn.tls.as_deref_mut());
        self.conns.touch(id);
        Ok(())
    }

    /// Where the connection's next bytes go; empty when it has had its share.
    pub fn read_room(&mut self) -> &mut [u8] {
        if self.reads_no_more {
            return &mut [];
        }
        let room = self.intake.room();
        if self.sealed.is_used() && !room.is_empty() { self.sealed.room() } else { room }
    }

    /// So many bytes were put there.
    pub fn was_read(&mut self, count: usize) {
        match self.sealed.is_used() {
            true => self.sealed.received(count),
            false => self.intake.received(count),
        }
    }

    /// The connection's share is complete: open it if it is sealed, make frames of it whatever it
    /// is, and list them.
    pub fn end_read(&mut self, id: ConnId, now: Now) {
        if !self.hear_proxy(id, now) {
            return self.intake.leave();
        }
        self.begin_tls(id, now);
        self.open_records(id, now);
        let listed = self.understand(id, now);
        let Some(conn) = self.conns.get_mut(id) else { return };
        if listed > 0 {
            conn.frames_came(now.mono);
            self.last_work = now.mono;
        }
    }

    /// The peer sends no more.
    pub fn peer_finished(&mut self, id: ConnId) {
        if let Some(conn) = self.conns.get_mut(id) {
            conn.peer_finished = true;
        }
        self.conns.touch(id);
    }

    /// Bytes came that nobody wants: a closing connection's. True: it is enough of it.
    pub fn discard(&mut self, id: ConnId, count: usize) -> bool {
        self.conns.get_mut(id).is_none_or(|conn| conn.discard(count))
    }

    /// Reading or writing failed, or nothing more is to be waited for: the connection is dead.
    pub fn die(&mut self, id: ConnId, reason: CloseReason) {
        if let Some(conn) = self.conns.get_mut(id) {
            conn.die(reason);
        }
        self.conns.touch(id);
    }

    /// A password hash is done.
    pub fn hash_done(&mut self, id: ConnId, outcome: Outcome) {
        self.intake.hash_done(id, outcome);
    }

    // --- write ---

    /// Connections that something happened to in this tick.
    pub fn touched(&self) -> &[ConnId] {
        self.conns.touched()
    }

    /// Something happened to the connection, or may have.
    pub fn touch(&mut self, id: ConnId) {
        self.conns.touch(id);
    }

    /// Whether something waits to be sent.
    pub fn wants_write(&self, id: ConnId) -> bool {
        self.conns.get(id).is_some_and(Connection::wants_write)
    }

    /// What the kernel is to be given next.
    pub fn to_write(&mut self, id: ConnId) -> &[u8] {
        self.conns.to_write(id)
    }

    // --- the end ---

    /// Tells everyone that the server stops, and closes behind what is on its way.
    pub fn stop(&mut self, now: Now) {
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
    pub fn finish(mut self, now: Now) -> Result<(), Fatal> {
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

/// Why a connection is not read now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotNow {
    /// It is paused; whoever ends the pause has it read.
    Paused,
    /// Its turn is in the next tick.
    NextTick,
    /// The tick has gathered all it may.
    TickFull,
}

fn fatal(error: StoreError) -> Fatal {
    Fatal(match error {
        StoreError::Broken(why) => why,
        StoreError::Full => "the disk is full".into(),
        StoreError::NoMemory => "out of memory".into(),
    })
}
