//! The loop: eight phases a tick, edge-triggered readiness remembered, budgets, deadlines.
//!
//! It knows connections only by name, and nothing of frames, SQL or users: it asks the edge
//! ([`Net`]) what happened and the [`Server`] what that means. Edges are told once. A
//! connection stands in line as long as there is something to read or to serve that no edge will
//! announce again; while anybody does, the wait does not block. There are two lines, each worked
//! off in turn, so that nobody waits longer than a full round of theirs (P21): of those who have
//! signed in a tick takes all it can, of newcomers a few, and while people talk it rests between
//! these, so that a crowd of them makes other newcomers wait and nobody else.

mod deadlines;
pub mod mio_net;
pub mod net;

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::time::Duration;

use crate::conn::{CloseReason, Stage};
use crate::id::{ConnId, Moment, Now};
use crate::limits;
use crate::outbox::Effect;
use crate::server::intake::Share;
use crate::server::{Fatal, NotNow, Server, Settled};
use crate::store::Committed;
use deadlines::Deadlines;
use net::{Events, Net};

/// How the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Asked to stop, and everything is told, sent and closed.
    Drained,
    /// Asked twice.
    AtOnce,
}

/// What the loop remembers of a connection, by its slot.
#[derive(Clone, Copy, Debug, Default)]
struct Remembered {
    generation: u32,
    /// An edge came and reading has not met `WouldBlock` since.
    readable: bool,
    /// The same for writing.
    writable: bool,
    /// In one of the two lines.
    listed: bool,
}

/// The loop over an edge and a server.
pub struct EventLoop<N: Net> {
    net: N,
    server: Server,
    events: Events,
    remembered: Vec<Remembered>,
    /// Connections that may have something to read or to serve, in turn.
    ready: VecDeque<ConnId>,
    /// Connections that used up their slice of the last tick: they stand behind all that are ready
    /// in the next one.
    spent: VecDeque<ConnId>,
    /// Connections on which nobody has signed in have a line of their own.
    newcomers: VecDeque<ConnId>,
    /// Those wait until then, …
    newcomers_not_before: Moment,
    /// … if people talk, which they are taken to do until then.
    talk_until: Moment,
    deadlines: Deadlines,
    acceptable: bool,
    /// The same of the doors that are not the network's.
    knocked: bool,
    /// Descriptors ran out: accepting rests until then, or until a connection closes.
    accept_not_before: Moment,
    connections_max: usize,
    /// Signals to stop that came.
    stops: u32,
}

impl<N: Net> EventLoop<N> {
    /// A loop that holds at most `connections_max` connections.
    pub fn new(net: N, server: Server, connections_max: usize) -> EventLoop<N> {
        EventLoop {
            net,
            server,
            events: Events::default(),
            remembered: Vec::new(),
            ready: VecDeque::new(),
            spent: VecDeque::new(),
            newcomers: VecDeque::new(),
            newcomers_not_before: Moment::default(),
            talk_until: Moment::default(),
            deadlines: Deadlines::default(),
            acceptable: true,
            knocked: true,
            accept_not_before: Moment::default(),
            connections_max,
            stops: 0,
        }
    }

    /// Turns until it is asked to stop.
    ///
    /// # Errors
    /// Our own disk or poll failed: the process must end without another reply.
    pub fn run(mut self) -> Result<Ended, Fatal> {
        loop {
            let now = self.tick()?;
            if self.stops > 1 {
                return Ok(Ended::AtOnce);
            }
            if self.stops == 1 && self.server.connections() == 0 {
                self.server.finish(now)?;
                return Ok(Ended::Drained);
            }
        }
    }

    /// One turn. The order is the rule that nothing is said before it is on disk (P2):
    pub fn tick(&mut self) -> Result<Now, Fatal> {
        let now = self.wait()?; //           what happened, and the time, once for all phases
        self.accept(now); //                 newcomers first: their bytes may be here already
        self.read(now); //                   all input is in before the transaction opens …
        self.serve(now)?; //                 … so that it spans no system call but SQLite's
        let committed = self.commit(now)?; // one fsync for everything the tick decided
        self.deliver(committed, now)?; //    only what is committed reaches a send buffer
        self.write(now); //                  one write a connection, however much was said
        self.reap(now)?; //                  slots are freed last: no phase meets a stranger
        let took = self.net.moment().since(now.mono);
        self.server.tick_took(took);
        Ok(now)
    }

    fn wait(&mut self) -> Result<Now, Fatal> {
        self.events.clear();
        let timeout = self.timeout();
        let waited = self.net.wait(timeout, &mut self.events);
        let now = waited.map_err(|error| Fatal(format!("poll failed: {error}")))?;
        if self.events.stops > 0 && self.stops == 0 {
            log::info!("stopping");
            self.net.stop_accepting();
            // Everyone is told in this tick; the next ones flush and close.
            self.server.stop(now);
        }
        if self.events.reload {
            self.renew_certificate();
        }
        self.stops += self.events.stops;
        self.acceptable |= self.events.acceptable;
        self.knocked |= self.events.knocked;
        for index in 0..self.events.ready.len() {
            let readiness = self.events.ready[index];
            let id = readiness.conn;
            if self.server.stage(id).is_none() {
                continue;
            }
            let remembered = &mut self.remembered[id.index()];
            remembered.readable |= readiness.readable;
            remembered.writable |= readiness.writable;
            if readiness.readable {
                self.list(id);
            }
            if readiness.writable && self.server.wants_write(id) {
                self.server.touch(id);
            }
        }
        for (id, outcome) in self.events.hashes.drain(..) {
            self.server.hash_done(id, outcome);
        }
        while let Some(slot) = self.deadlines.pop_due(now.mono) {
            let generation = self.remembered[slot as usize].generation;
            self.server.look_at_deadline(ConnId { slot, generation }, now);
        }
        Ok(now)
    }

    /// Newcomers meet the new certificate; who is there keeps what they shook hands over.
    fn renew_certificate(&mut self) {
        match self.net.certificate() {
            Ok(certificate) => {
                log::info!("the certificate was read again: {}", certificate.fingerprint);
                self.server.set_certificate(certificate);
            }
            Err(why) => log::error!("the certificate was not renewed, the old one stays: {why}"),
        }
    }

    /// How long nothing may happen: not at all while there is something to do.
    fn timeout(&self) -> Option<Duration> {
        let now = self.net.moment();
        let newcomers = (!self.newcomers.is_empty()).then_some(self.newcomers_not_before);
        let listed = !self.ready.is_empty() || !self.spent.is_empty();
        let let_in = newcomers.is_some_and(|at| now >= at);
        let busy = listed || let_in || self.server.has_more_to_tell();
        let accepting = self.may_accept() || self.may_accept_inside();
        if busy || (accepting && now >= self.accept_not_before) {
            return Some(Duration::ZERO);
        }
        let accept = accepting.then_some(self.accept_not_before);
        let moments = [newcomers, accept, self.deadlines.next(), self.server.wake_at()];
        let next = moments.into_iter().flatten().min();
        // A microsecond more, so that the moment has come when the wait ends.
        next.map(|at| at.since(now) + Duration::from_micros(1))
    }

    fn may_accept(&self) -> bool {
        self.acceptable && self.stops == 0 && self.server.connections() < self.connections_max
    }

    fn may_accept_inside(&self) -> bool {
        self.knocked && self.stops == 0
    }

    fn accept(&mut self, now: Now) {
        if now.mono < self.accept_not_before {
            return;
        }
        self.accept_inside(now);
        for _ in 0..limits::ACCEPTS_PER_TICK {
            if !self.may_accept() {
                return;
            }
            let id = self.server.vacant_id();
            match self.net.accept(id) {
                Ok(peer) if self.server.connect(peer, now) => {
                    log::debug!("{id}: accepted {peer}");
                    self.remember(id);
                }
                Ok(_) => self.net.close(id),
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.acceptable = false,
                Err(error) if is_passing(&error) => {}
                Err(error) => return self.accept_later(&error, now),
            }
        }
    }

    /// The operator comes in even when there is no room for anyone else.
    fn accept_inside(&mut self, now: Now) {
        for _ in 0..limits::ACCEPTS_INSIDE_PER_TICK {
            if !self.may_accept_inside() {
                return;
            }
            let id = self.server.vacant_id();
            match self.net.accept_inside(id) {
                Ok(door) if self.server.connect_inside(door, now) => self.remember(id),
                Ok(_) => self.net.close(id),
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.knocked = false,
                Err(error) if is_passing(&error) => {}
                Err(error) => return self.accept_later(&error, now),
            }
        }
    }

    fn accept_later(&mut self, error: &io::Error, now: Now) {
        log::warn!("cannot accept now: {error}");
        self.server.turned_away();
        self.accept_not_before = now.mono.after(Duration::from_micros(limits::ACCEPT_RETRY_MICROS));
    }

    fn remember(&mut self, id: ConnId) {
        if self.remembered.len() <= id.index() {
            self.remembered.resize(id.index() + 1, Remembered::default());
        }
        // A socket just accepted can be written to, and its first bytes may be there: no edge
        // needs to say so.
        self.remembered[id.index()] = Remembered {
            generation: id.generation,
            readable: true,
            writable: true,
            ..Remembered::default()
        };
        self.list(id);
    }

    /// Puts a connection in its line, once.
    fn list(&mut self, id: ConnId) {
        let remembered = &mut self.remembered[id.index()];
        if remembered.generation == id.generation && !remembered.listed {
            remembered.listed = true;
            let line = match self.server.is_newcomer(id) {
                true => &mut self.newcomers,
                false if self.server.is_spent(id) => &mut self.spent,
                false => &mut self.ready,
            };
            line.push_back(id);
        }
    }

    /// Newcomers last: what a session still said is served before it is taken over. There is room
    /// for them whatever the others bring.
    fn read(&mut self, now: Now) {
        self.ready.append(&mut self.spent);
        if !self.ready.is_empty() {
            self.talk_until = now.mono.after(Duration::from_micros(limits::TALK_MICROS));
        }
        for _ in 0..self.ready.len() {
            let Some(id) = self.ready.pop_front() else { break };
            if !self.take_turn(id, Share::Full, now) {
                self.ready.push_front(id);
                break;
            }
        }
        if now.mono >= self.newcomers_not_before {
            self.let_in(now);
        }
    }

    /// Takes something of a few newcomers. If there are more of them, and people talk, the loop
    /// rests before the next: what somebody says meanwhile is served as if no crowd were there.
    fn let_in(&mut self, now: Now) {
        for _ in 0..self.newcomers.len().min(limits::NEWCOMERS_PER_TICK) {
            let Some(id) = self.newcomers.pop_front() else { break };
            if !self.take_turn(id, Share::Newcomer, now) {
                self.newcomers.push_front(id);
                break;
            }
        }
        if !self.newcomers.is_empty() && now.mono < self.talk_until {
            let rest = Duration::from_micros(limits::NEWCOMER_REST_MICROS);
            self.newcomers_not_before = self.net.moment().after(rest);
        }
    }

    /// Its turn has come. False: the tick is full, and it is first in the next one.
    fn take_turn(&mut self, id: ConnId, share: Share, now: Now) -> bool {
        if self.remembered[id.index()].generation != id.generation {
            return true;
        }
        self.remembered[id.index()].listed = false;
        match self.server.stage(id) {
            Some(stage) if stage.is_serving() && self.stops == 0 => {
                match self.server.begin_read(id, share) {
                    Ok(()) => self.read_one(id, now),
                    // Whoever ends the pause lists it again.
                    Err(NotNow::Paused) => {}
                    Err(NotNow::NextTick) => self.list(id),
                    Err(NotNow::TickFull) => {
                        self.remembered[id.index()].listed = true;
                        return false;
                    }
                }
            }
            Some(Stage::Lingering) => self.discard(id),
            _ => {}
        }
        true
    }

    /// Reads until the kernel has no more or the connection has had its share.
    fn read_one(&mut self, id: ConnId, now: Now) {
        let mut came = false;
        while self.remembered[id.index()].readable {
            let room = self.server.read_room();
            if room.is_empty() {
                break;
            }
            match self.net.read(id, room) {
                Ok(0) => {
                    self.remembered[id.index()].readable = false;
                    self.server.peer_finished(id);
                }
                Ok(count) => {
                    self.server.was_read(count);
                    came = true;
                }
                // What came in front of it is served first; the next tick meets the end again.
                Err(error) if came && !is_no_end(&error) => break,
                Err(error) => self.read_failed(id, &error),
            }
        }
        self.server.end_read(id, now);
    }

    fn read_failed(&mut self, id: ConnId, error: &io::Error) {
        match error.kind() {
            ErrorKind::Interrupted => {}
            ErrorKind::WouldBlock => self.remembered[id.index()].readable = false,
            _ => {
                log::debug!("{id}: read failed: {error}");
                self.remembered[id.index()].readable = false;
                self.server.die(id, CloseReason::Io);
            }
        }
    }

    /// Reads what nobody wants, so that the close does not reset the connection.
    fn discard(&mut self, id: ConnId) {
        let mut room = [0; 4096];
        while self.remembered[id.index()].readable {
            match self.net.read(id, &mut room) {
                Ok(count) if count > 0 && !self.server.discard(id, count) => {}
                Ok(_) => {
                    self.remembered[id.index()].readable = false;
                    self.server.die(id, CloseReason::PeerLeft);
                }
                Err(error) => self.read_failed(id, &error),
            }
        }
    }

    fn serve(&mut self, now: Now) -> Result<(), Fatal> {
        if self.server.wants_disk_look(now) {
            match self.net.disk_free() {
                Ok(free_bytes) => self.server.disk_looked(free_bytes, now),
                Err(error) => {
                    log::warn!("the disk's free space is unknown: {error}");
                    self.server.disk_looked(u64::MAX, now);
                }
            }
        }
        let net = &self.net;
        self.server.serve(now, || net.moment())
    }

    fn commit(&mut self, now: Now) -> Result<Vec<Committed<Vec<Effect>>>, Fatal> {
        self.server.commit(now)
    }

    fn deliver(&mut self, committed: Vec<Committed<Vec<Effect>>>, now: Now) -> Result<(), Fatal> {
        for (id, task) in self.server.deliver(committed, now)? {
            self.net.hash(id, task);
        }
        self.server.end_intake(now);
        Ok(())
    }

    fn write(&mut self, now: Now) {
        for index in 0..self.server.touched().len() {
            let id = self.server.touched()[index];
            self.server.close_if_served(id, now);
            self.write_one(id, now);
        }
    }

    /// Writes until everything is sent or the kernel takes no more.
    fn write_one(&mut self, id: ConnId, now: Now) {
        if self.server.stage(id).is_none() || !self.remembered[id.index()].writable {
            return;
        }
        loop {
            let bytes = self.server.to_write(id);
            if bytes.is_empty() {
                return;
            }
            match self.net.write(id, bytes) {
                Ok(count) => self.server.sent(id, count, now),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.remembered[id.index()].writable = false;
                    if error.kind() != ErrorKind::WouldBlock {
                        log::debug!("{id}: write failed: {error}");
                        self.server.die(id, CloseReason::Io);
                    }
                    return;
                }
            }
        }
    }

    fn reap(&mut self, now: Now) -> Result<(), Fatal> {
        for id in self.server.take_touched() {
            let mut settled = self.server.settle(id, now);
            if settled == Some(Settled::Shutdown) {
                self.net.shutdown(id);
                self.list(id);
                settled = self.server.settle(id, now);
            }
            match settled {
                None | Some(Settled::Shutdown) => {}
                Some(Settled::Freed) => {
                    self.net.close(id);
                    self.deadlines.forget(id.slot);
                    self.remembered[id.index()] = Remembered::default();
                    self.accept_not_before = Moment::default();
                }
                Some(Settled::Alive { deadline, serving, has_work }) => {
                    if let Some(at) = deadline {
                        self.deadlines.set(id.slot, at);
                    }
                    if serving && (has_work || self.remembered[id.index()].readable) {
                        self.list(id);
                    }
                }
            }
        }
        self.server.trim(now);
        self.server.retain(now)?;
        self.server.index(now)?;
        self.server.checkpoint(now)
    }
}

/// Errors behind which a connection goes on.
fn is_no_end(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock)
}

/// Errors of one peer that was gone before it was accepted.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionAborted)
}
