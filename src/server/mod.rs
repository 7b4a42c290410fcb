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

mod intake;
mod pump;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use slab::Slab;

use crate::conn::{CloseReason, Connection, Due, Stage};
use crate::counters::Counters;
use crate::handlers::{self, Caller, Facts, Rules, View};
use crate::id::{ConnId, Moment, Now, Seq};
use crate::limits;
use crate::locale;
use crate::outbox::{Effect, Outbox, Waiting};
use crate::password::Outcome;
use crate::sessions::Sessions;
use crate::store::{Committed, Store, StoreError};
use crate::throttle::Throttle;
use crate::wire::frame::{self, FrameFault};
use crate::wire::push;
use crate::wire::{Code, Event, MessageType, Notice, Refusal, RequestMessage};
use intake::Intake;

/// Our own disk failed: the process must end without another reply (P4).
#[derive(Debug)]
pub struct Fatal(pub String);

/// Everything but the edge.
pub struct Server {
    conns: Slab<Connection>,
    generation: u32,
    sessions: Sessions,
    store: Store,
    outbox: Outbox,
    throttle: Throttle,
    counters: Counters,
    rng: StdRng,
    rules: Rules,
    intake: Intake,
    /// Requests that wait for a password hash, by their connection.
    waiting: HashMap<ConnId, Waiting>,
    /// Readers who are behind and may be fed, in turn.
    behind: VecDeque<ConnId>,
    /// Connections that something happened to in this tick; see [`Server::settle`].
    touched: Vec<ConnId>,
    /// Bytes in all send buffers.
    send_bytes: usize,
    /// The log was delivered, or left to those who are behind, up to here.
    head: Seq,
    started: Moment,
    storage_low: bool,
    disk_looked: Option<Moment>,
    cursors_written: Moment,
    last_work: Moment,
    checkpoint_not_before: Moment,
}

/// What is left to do for a connection at the end of a tick.
#[derive(Debug, PartialEq, Eq)]
pub enum Settled {
    /// Everything was sent: shut down our side.
    Shutdown,
    /// It is gone, its slot free.
    Freed,
    /// It lives on.
    Alive {
        /// Look at its deadlines then.
        deadline: Option<Moment>,
        /// It may be served now.
        serving: bool,
        /// It was kept a whole frame for.
        has_frame: bool,
    },
}

impl Server {
    /// A server over a store. `seed` feeds the generator of keys and salts.
    pub fn new(store: Store, rules: Rules, seed: [u8; 32], now: Moment) -> Server {
        Server {
            conns: Slab::new(),
            generation: 0,
            sessions: Sessions::default(),
            head: store.head(),
            store,
            outbox: Outbox::default(),
            throttle: Throttle::default(),
            counters: Counters::default(),
            rng: StdRng::from_seed(seed),
            rules,
            intake: Intake::default(),
            waiting: HashMap::new(),
            behind: VecDeque::new(),
            touched: Vec::new(),
            send_bytes: 0,
            started: now,
            storage_low: false,
            disk_looked: None,
            cursors_written: now,
            last_work: now,
            checkpoint_not_before: now,
        }
    }

    // --- accept ---

    /// The name that the next connection will have.
    pub fn vacant_id(&self) -> ConnId {
        let generation = self.generation.wrapping_add(1);
        ConnId { slot: self.conns.vacant_key() as u32, generation }
    }

    /// Takes in a connection that was accepted under [`Server::vacant_id`]. False: it is one too
    /// many from its address, and was not taken in.
    pub fn connect(&mut self, peer: SocketAddr, now: Now) -> bool {
        let id = self.vacant_id();
        self.generation = id.generation;
        self.counters.accepted += 1;
        if !self.throttle.connect(peer.ip(), &self.rules.limits) {
            self.counters.closed(CloseReason::Refused.name());
            return false;
        }
        self.conns.insert(Connection::new(id.generation, peer.ip(), now.mono));
        self.touch(id);
        true
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.conns.len()
    }

    // --- read ---

    /// The connection's stage, if it lives: a late event finds nobody (P24).
    pub fn stage(&self, id: ConnId) -> Option<Stage> {
        self.conn(id).map(|conn| conn.stage)
    }

    /// Begins to take in a connection's bytes. False: it is not served now, or the tick's share
    /// is used up.
    pub fn begin_read(&mut self, id: ConnId) -> Result<(), NotNow> {
        if !self.intake.has_room() {
            return Err(NotNow::TickFull);
        }
        let Some(conn) = conn_mut(&mut self.conns, id) else { return Err(NotNow::Paused) };
        if !conn.may_be_served() {
            conn.frame_waits_for_us();
            return Err(NotNow::Paused);
        }
        self.intake.begin(id, &conn.received.give());
        self.touch(id);
        Ok(())
    }

    /// Where the connection's next bytes go; empty when it has had its share.
    pub fn read_room(&mut self) -> &mut [u8] {
        self.intake.room()
    }

    /// So many bytes were put there.
    pub fn was_read(&mut self, count: usize) {
        self.intake.received(count);
    }

    /// The connection's share is complete: cut it into frames and list them. `drained`: the
    /// kernel has no more.
    pub fn end_read(&mut self, id: ConnId, drained: bool, now: Now) {
        let listed = self.intake.list();
        let Some(conn) = conn_mut(&mut self.conns, id) else { return };
        if listed > 0 {
            conn.frames_came(now.mono);
            self.last_work = now.mono;
        }
        let portion = self.intake.portion(self.intake.portions() - 1);
        if listed == 0 && drained && !self.intake.rest(portion).is_empty() {
            conn.frame_is_incomplete(now.mono);
        }
    }

    /// The peer sends no more.
    pub fn peer_finished(&mut self, id: ConnId) {
        if let Some(conn) = conn_mut(&mut self.conns, id) {
            conn.peer_finished = true;
        }
        self.touch(id);
    }

    /// Bytes came that nobody wants: a closing connection's. True: it is enough of it.
    pub fn discard(&mut self, id: ConnId, count: usize) -> bool {
        conn_mut(&mut self.conns, id).is_none_or(|conn| conn.discard(count))
    }

    /// Reading or writing failed, or nothing more is to be waited for: the connection is dead.
    pub fn die(&mut self, id: ConnId, reason: CloseReason) {
        if let Some(conn) = conn_mut(&mut self.conns, id) {
            conn.die(reason);
        }
        self.touch(id);
    }

    /// A password hash is done.
    pub fn hash_done(&mut self, id: ConnId, outcome: Outcome) {
        self.intake.hash_done(id, outcome);
    }

    // --- serve ---

    /// Whether free space should be looked at before serving.
    pub fn wants_disk_look(&self, now: Now) -> bool {
        let since = self.disk_looked.map(|looked| now.mono.since(looked));
        !self.intake.is_idle()
            && since.is_none_or(|since| since.as_micros() as u64 >= limits::DISK_LOOK_MICROS)
    }

    /// So much space is free.
    pub fn disk_looked(&mut self, free_bytes: u64, now: Now) {
        self.disk_looked = Some(now.mono);
        self.storage_low = free_bytes < limits::DISK_FREE_BYTES_MIN;
    }

    /// Serves what was taken in, within the tick's budget of requests and time: `clock` is
    /// looked at now and then.
    ///
    /// # Errors
    /// The store failed for good.
    pub fn serve(&mut self, now: Now, clock: impl Fn() -> Moment) -> Result<(), Fatal> {
        self.outbox.release();
        if self.intake.is_idle() {
            return Ok(());
        }
        self.store.begin().map_err(fatal)?;
        let deadline = Moment(clock().0 + limits::SERVE_MICROS_MAX);
        match self.walk(now, || clock() >= deadline) {
            Ok(()) => Ok(()),
            Err(StoreError::Broken(why)) => Err(Fatal(why)),
            // Full or out of memory: `commit` walks again, one request at a time.
            Err(_) => self.give_up_transaction(),
        }
    }

    /// The first walk over the intake: everything in one transaction.
    fn walk(&mut self, now: Now, late: impl Fn() -> bool) -> Result<(), StoreError> {
        for index in 0..self.intake.hashes().len() {
            self.serve_hash(index, now)?;
        }
        let mut requests = 0;
        for index in 0..self.intake.portions() {
            let listed = self.listed(index);
            for frame in 0..listed {
                let over = requests >= limits::REQUESTS_PER_TICK
                    || (requests % limits::REQUESTS_PER_CLOCK_LOOK == 0 && requests > 0 && late());
                if over {
                    return Ok(());
                }
                if !self.admit(index, frame, now) {
                    break;
                }
                self.intake.set_served(index, frame + 1);
                self.serve_frame(index, frame, now)?;
                requests += 1;
            }
        }
        Ok(())
    }

    fn listed(&self, index: usize) -> usize {
        let portion = self.intake.portion(index);
        portion.frames.len() + usize::from(portion.fault.is_some())
    }

    /// Whether the connection's next frame is served in this tick. One that is over its rate
    /// waits: it is not refused (SPEC §4, Pace).
    fn admit(&mut self, index: usize, frame: usize, now: Now) -> bool {
        let portion = self.intake.portion(index);
        let id = portion.conn;
        let Some(conn) = conn_mut(&mut self.conns, id) else { return false };
        let room = limits::SEND_HIGH_BYTES.saturating_sub(conn.send.len());
        if self.outbox.holds(id) || self.outbox.reply_bytes(id) > room {
            return false;
        }
        let Some(session) = self.sessions.get_mut(id) else { return true };
        let limits = &self.rules.limits;
        let mut paced = session.pace_request(limits, now.mono);
        if paced.is_ok() && limits.messages_per_second > 0 && is_message(&self.intake, index, frame)
        {
            paced = session.pace_message(limits, now.mono);
        }
        conn.paced_until = paced.err();
        conn.paced_until.is_none()
    }

    fn serve_frame(&mut self, index: usize, frame: usize, now: Now) -> Result<(), StoreError> {
        let (intake, mut facts, conns) = self.facts(now);
        let portion = intake.portion(index);
        let Some(conn) = conns.get(portion.conn.index()) else { return Ok(()) };
        let caller = Caller { conn: portion.conn, address: conn.peer };
        match intake.frame(portion, frame).and_then(frame::payload) {
            Ok(payload) => match RequestMessage::parse(payload) {
                Some(request) => {
                    log::trace!("{}: {}", caller.conn, locale::one_line(&request.type_name));
                    handlers::dispatch(&mut facts, caller, &request)
                }
                None => {
                    handlers::refuse(&mut facts, caller, None, &Code::BadPayload.into());
                    Ok(())
                }
            },
            Err(fault) => {
                handlers::refuse(&mut facts, caller, None, &fault_code(fault).into());
                Ok(())
            }
        }
    }

    fn serve_hash(&mut self, index: usize, now: Now) -> Result<(), StoreError> {
        let waiting = std::mem::take(&mut self.waiting);
        let (intake, mut facts, conns) = self.facts(now);
        let (id, outcome) = &intake.hashes()[index];
        let alive = conns.get(id.index()).filter(|conn| conn.generation == id.generation);
        let served = match (alive, waiting.get(id)) {
            (Some(conn), Some(wait)) if conn.is_serving() => {
                let caller = Caller { conn: *id, address: conn.peer };
                handlers::hash_done(&mut facts, caller, wait, outcome)
            }
            _ => Ok(()),
        };
        self.waiting = waiting;
        served
    }

    /// Takes the server apart into what a request is served from.
    fn facts(&mut self, now: Now) -> (&Intake, Facts<'_>, &Slab<Connection>) {
        let view = View {
            connections: self.conns.len() as u64,
            uptime_seconds: now.mono.since(self.started).as_secs(),
            send_bytes: self.send_bytes as u64,
            behind: self.behind.len() as u64,
        };
        let facts = Facts {
            store: &mut self.store,
            sessions: &self.sessions,
            outbox: &mut self.outbox,
            throttle: &mut self.throttle,
            counters: &mut self.counters,
            rng: &mut self.rng,
            rules: &self.rules,
            now,
            hashes_waiting: self.waiting.len(),
            storage_low: self.storage_low,
            view,
        };
        (&self.intake, facts, &self.conns)
    }

    // --- commit ---

    /// Puts the tick on disk. What comes back may be delivered.
    ///
    /// # Errors
    /// The outcome is unknown or the disk is broken: the process must end at once, without a
    /// reply.
    pub fn commit(&mut self, now: Now) -> Result<Vec<Committed<Vec<Effect>>>, Fatal> {
        let cursors_due = self.cursors_due(now);
        if !self.store.in_transaction() {
            if self.intake.is_idle() && !cursors_due {
                return Ok(Vec::new());
            }
            if !self.intake.is_idle() {
                return self.commit_one_by_one(now);
            }
            self.store.begin().map_err(fatal)?;
        }
        match self.try_commit(cursors_due, now) {
            Ok(committed) => Ok(vec![committed]),
            Err(StoreError::Broken(why)) => Err(Fatal(why)),
            Err(_) => {
                self.give_up_transaction()?;
                self.commit_one_by_one(now)
            }
        }
    }

    fn try_commit(
        &mut self,
        cursors_due: bool,
        now: Now,
    ) -> Result<Committed<Vec<Effect>>, StoreError> {
        if cursors_due {
            // Whatever becomes of it, it is not tried again at once.
            self.cursors_written = now.mono;
            for (user, moved) in self.sessions.dirty_cursors() {
                self.store.set_cursor(user, moved.seq)?;
                if moved.caught_up {
                    self.store.clear_waiting(user)?;
                }
                if moved.ended {
                    self.store.touch_key(user, now.unix)?;
                }
            }
        }
        let committed = self.store.commit(self.outbox.take())?;
        if cursors_due {
            self.sessions.cursors_written();
        }
        self.counters.commits += 1;
        Ok(committed)
    }

    /// The whole tick did not fit on the disk or in memory: each request has a transaction of
    /// its own, and only the one that does not fit alone is refused.
    fn commit_one_by_one(&mut self, now: Now) -> Result<Vec<Committed<Vec<Effect>>>, Fatal> {
        self.outbox.release();
        let mut all = Vec::new();
        for index in 0..self.intake.hashes().len() {
            let conn = self.intake.hashes()[index].0;
            all.push(self.commit_alone(conn, now, |server| server.serve_hash(index, now))?);
        }
        for index in 0..self.intake.portions() {
            let (conn, served) =
                (self.intake.portion(index).conn, self.intake.portion(index).served);
            for frame in 0..served {
                if self.outbox.holds(conn) {
                    self.intake.set_served(index, frame);
                    break;
                }
                let serve = |server: &mut Server| server.serve_frame(index, frame, now);
                all.push(self.commit_alone(conn, now, serve)?);
            }
        }
        Ok(all)
    }

    fn commit_alone(
        &mut self,
        conn: ConnId,
        now: Now,
        serve: impl FnOnce(&mut Server) -> Result<(), StoreError>,
    ) -> Result<Committed<Vec<Effect>>, Fatal> {
        self.store.begin().map_err(fatal)?;
        let tried = serve(self).and_then(|()| self.try_commit(false, now));
        let code = match tried {
            Ok(committed) => return Ok(committed),
            Err(StoreError::Broken(why)) => return Err(Fatal(why)),
            Err(StoreError::Full) => Code::StorageFull,
            Err(StoreError::NoMemory) => Code::Busy,
        };
        self.give_up_transaction()?;
        // Rolled back, so the refusal is definite (P4). It rides on a transaction that writes
        // nothing, which needs no space.
        self.store.begin().map_err(fatal)?;
        let (_, mut facts, conns) = self.facts(now);
        if let Some(address) = conns.get(conn.index()).map(|conn| conn.peer) {
            let caller = Caller { conn, address };
            handlers::refuse(&mut facts, caller, None, &Refusal::from(code));
        }
        self.try_commit(false, now).map_err(fatal)
    }

    fn give_up_transaction(&mut self) -> Result<(), Fatal> {
        self.outbox.take();
        self.outbox.release();
        self.store.rollback().map_err(fatal)
    }

    fn cursors_due(&self, now: Now) -> bool {
        let since = now.mono.since(self.cursors_written).as_micros() as u64;
        self.sessions.has_dirty_cursors() && since >= limits::CURSOR_DELAY_MICROS
    }

    // --- write ---

    /// Connections that something happened to in this tick.
    pub fn touched(&self) -> &[ConnId] {
        &self.touched
    }

    /// Something happened to the connection, or may have.
    pub fn touch(&mut self, id: ConnId) {
        self.touched.push(id);
    }

    /// What the connection is to send.
    pub fn unsent(&self, id: ConnId) -> &[u8] {
        self.conn(id).map_or(&[], |conn| conn.send.unsent())
    }

    // --- reap ---

    /// Gives back what was not served and forgets the tick's intake.
    pub fn end_intake(&mut self) {
        for index in 0..self.intake.portions() {
            let portion = self.intake.portion(index);
            let Some(conn) = conn_mut(&mut self.conns, portion.conn) else { continue };
            if conn.is_serving() {
                conn.received.keep(self.intake.rest(portion));
            }
        }
        self.intake.clear();
    }

    /// Hands over the connections touched, each once.
    pub fn take_touched(&mut self) -> Vec<ConnId> {
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        touched.dedup();
        touched
    }

    /// Decides what is left to do for a connection at the end of a tick. Only here are slots
    /// freed.
    pub fn settle(&mut self, id: ConnId, now: Now) -> Option<Settled> {
        let conn = conn_mut(&mut self.conns, id)?;
        let done = conn.peer_finished && !conn.awaits_hash && conn.paced_until.is_none();
        if done && conn.is_serving() && !has_frame(conn.received.bytes()) {
            conn.close(CloseReason::PeerLeft, now.mono);
        }
        if !conn.is_serving() {
            self.sessions.sign_out(id);
        }
        if conn.stage == Stage::Flushing && conn.send.is_empty() {
            conn.linger(now.mono);
            if conn.peer_finished {
                conn.die(CloseReason::PeerLeft);
            } else {
                return Some(Settled::Shutdown);
            }
        }
        if conn.stage == Stage::Dead {
            self.free(id);
            return Some(Settled::Freed);
        }
        let deadline = match conn.due(now.mono, &self.rules.limits) {
            Due::Never => None,
            Due::Later(at) => Some(at),
            _ => Some(now.mono),
        };
        Some(Settled::Alive {
            deadline,
            serving: conn.may_be_served(),
            has_frame: has_frame(conn.received.bytes()),
        })
    }

    fn free(&mut self, id: ConnId) {
        let conn = self.conns.remove(id.index());
        self.send_bytes -= conn.send.len();
        self.throttle.disconnect(conn.peer);
        let reason = conn.reason.unwrap_or(CloseReason::PeerLeft).name();
        self.counters.closed(reason);
        log::debug!("{id}: closed, {reason}");
    }

    /// A deadline of the connection may have passed.
    pub fn look_at_deadline(&mut self, id: ConnId, now: Now) {
        let Some(conn) = conn_mut(&mut self.conns, id) else { return };
        match conn.due(now.mono, &self.rules.limits) {
            Due::Never | Due::Later(_) => {}
            Due::GoOn => conn.paced_until = None,
            Due::Close(reason) => conn.close(reason, now.mono),
            Due::Drop => conn.die(CloseReason::Io),
        }
        self.touch(id);
    }

    /// Whether a reader who is behind can be fed at once.
    pub fn has_behind(&self) -> bool {
        !self.behind.is_empty() && self.send_bytes < limits::SEND_TOTAL_BYTES_MAX
    }

    /// When the server wants to be woken though nothing happens.
    pub fn wake_at(&self) -> Option<Moment> {
        let micros = Duration::from_micros;
        let cursors = self
            .sessions
            .has_dirty_cursors()
            .then(|| self.cursors_written.after(micros(limits::CURSOR_DELAY_MICROS)));
        let checkpoint = (self.store.wal_pages() >= limits::WAL_PAGES_IDLE)
            .then(|| self.last_work.after(micros(limits::IDLE_CHECKPOINT_MICROS)))
            .map(|at| at.max(self.checkpoint_not_before));
        cursors.into_iter().chain(checkpoint).min()
    }

    /// Checkpoints the write-ahead log when it is long, or when there is nothing else to do.
    ///
    /// # Errors
    /// The store failed for good.
    pub fn checkpoint(&mut self, now: Now) -> Result<(), Fatal> {
        let pages = self.store.wal_pages();
        let idle =
            now.mono.since(self.last_work).as_micros() as u64 >= limits::IDLE_CHECKPOINT_MICROS;
        let due = pages >= limits::WAL_PAGES_MAX || (idle && pages >= limits::WAL_PAGES_IDLE);
        if !due || now.mono < self.checkpoint_not_before {
            return Ok(());
        }
        self.checkpoint_not_before = now.mono.after(Duration::from_secs(1));
        self.store.checkpoint().map_err(fatal)
    }

    /// A tick took so long, without its wait.
    pub fn tick_took(&mut self, time: Duration) {
        self.counters.tick_took(time);
    }

    // --- the end ---

    /// Tells everyone that the server stops, and closes behind what is on its way.
    pub fn stop(&mut self, now: Now) {
        let ids: Vec<ConnId> = self
            .conns
            .iter()
            .map(|(slot, conn)| ConnId { slot: slot as u32, generation: conn.generation })
            .collect();
        let notice = Notice::plain(Event::Shutdown);
        for id in ids {
            if let Some(session) = self.sessions.get(id) {
                let words = locale::notice::say(&notice, session.lang);
                self.append(id, now, |out| push::append_notice(out, &notice, &words, now.unix));
            }
            if let Some(conn) = conn_mut(&mut self.conns, id) {
                conn.close(CloseReason::Shutdown, now.mono);
            }
            self.touch(id);
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
                Err(_) => self.store.rollback().map_err(fatal)?,
            }
        }
        self.store.close().map_err(fatal)
    }

    fn conn(&self, id: ConnId) -> Option<&Connection> {
        self.conns.get(id.index()).filter(|conn| conn.generation == id.generation)
    }
}

/// Why a connection is not read now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotNow {
    /// It is paused; whoever ends the pause has it read.
    Paused,
    /// The tick has gathered all it may.
    TickFull,
}

/// The connection of that name, if it lives: what comes late finds nobody (P24).
fn conn_mut(conns: &mut Slab<Connection>, id: ConnId) -> Option<&mut Connection> {
    conns.get_mut(id.index()).filter(|conn| conn.generation == id.generation)
}

/// Whether the bytes begin with something that can be served: a whole frame, or a fault.
fn has_frame(bytes: &[u8]) -> bool {
    match frame::frame_len(bytes) {
        Ok(Some(length)) => length <= bytes.len(),
        Ok(None) => false,
        Err(_) => true,
    }
}

fn is_message(intake: &Intake, index: usize, frame: usize) -> bool {
    let payload = intake.frame(intake.portion(index), frame).and_then(frame::payload);
    let request = payload.ok().and_then(RequestMessage::parse);
    matches!(
        request.and_then(|request| request.kind()),
        Some(
            MessageType::Send
                | MessageType::Sendgroup
                | MessageType::Adminsend
                | MessageType::Adminsendgroup
                | MessageType::Broadcast
        )
    )
}

fn fault_code(fault: FrameFault) -> Code {
    match fault {
        FrameFault::BadMagic => Code::BadMagic,
        FrameFault::TooLong => Code::FrameTooLong,
        FrameFault::BadChecksum => Code::BadChecksum,
    }
}

fn fatal(error: StoreError) -> Fatal {
    Fatal(match error {
        StoreError::Broken(why) => why,
        StoreError::Full => "the disk is full".into(),
        StoreError::NoMemory => "out of memory".into(),
    })
}
