//! The loop of a nonblocking server: named phases a tick, edges remembered, turns, deadlines.
//!
//! ```text
//! wait ─► expire ─► accept ─► read ─► decode ─► serve ─► commit ─► deliver ─► write ─► reap
//! epoll   deadlines          kernel                                           send       │
//!   ▲                        ─► room                                          buffer     ▼
//!   └──────────────────────────────────────────────────────────────────────── ─► kernel upkeep
//! ```
//!
//! It knows connections by name, when bytes can be moved, and whose turn it is. It does not know
//! what the bytes mean: it asks the system ([`Net`]) what happened, and its application ([`App`])
//! what to do about it. `examples/echo.rs` is an application in a few lines.
//!
//! [`Net`] tells each edge once, so the loop remembers it (`edges`) until the kernel said
//! `WouldBlock`. A connection that may be read, or has work that no edge will announce again, has a
//! turn ([`turns`]); while there is a turn, the wait does not block.

pub mod app;
pub mod bound;
mod deadlines;
mod edges;
pub mod mio_net;
pub mod net;
pub mod turns;
mod worker;

use std::io::{self, ErrorKind};
use std::time::Duration;

use crate::id::{ConnId, Moment, Now};
use crate::limits;
use app::{Alive, App, Came, NotNow, Peer, Share, Signal};
use deadlines::Deadlines;
use edges::Edges;
use net::{Events, Net, Readiness};
use turns::{Queue, Turns};

/// How the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Asked to stop. All is sent, and all connections are closed.
    Drained,
    /// Asked twice.
    AtOnce,
}

/// The loop over a system and an application.
pub struct EventLoop<N: Net, A: App<Job = N::Job>> {
    net: N,
    app: A,
    events: Events<N::Job>,
    edges: Edges,
    turns: Turns,
    deadlines: Deadlines,
    /// Connections that are written to and settled in this tick.
    touched: Vec<ConnId>,
    /// An edge came and accepting has not met `WouldBlock` since: of the network's listeners, and
    /// of the reserved ones.
    acceptable: [bool; 2],
    /// Descriptors ran out: accepting waits until then, or until a connection closes.
    accept_not_before: Moment,
    connections_max: usize,
    /// Signals to stop that came.
    stops: u32,
}

impl<N: Net, A: App<Job = N::Job>> EventLoop<N, A> {
    /// A loop that holds at most `connections_max` connections, those at reserved listeners apart.
    pub fn new(net: N, app: A, connections_max: usize) -> EventLoop<N, A> {
        EventLoop {
            net,
            app,
            events: Events::default(),
            edges: Edges::default(),
            turns: Turns::default(),
            deadlines: Deadlines::default(),
            touched: Vec::new(),
            acceptable: [true; 2],
            accept_not_before: Moment::default(),
            connections_max,
            stops: 0,
        }
    }

    /// Turns until it is asked to stop.
    ///
    /// # Errors
    /// Our own disk or poll failed: the process must end without another reply.
    pub fn run(mut self) -> Result<Ended, A::Fatal> {
        loop {
            let now = self.tick()?;
            if self.stops > 1 {
                return Ok(Ended::AtOnce);
            }
            if self.stops == 1 && self.edges.count() == 0 {
                self.app.finish(now)?;
                return Ok(Ended::Drained);
            }
        }
    }

    /// One turn. The order is the rule that nothing is told before it is certain (P2).
    ///
    /// # Errors
    /// As [`EventLoop::run`].
    pub fn tick(&mut self) -> Result<Now, A::Fatal> {
        let now = self.wait()?; //            what happened, and the time, once for all phases
        self.expire(now); //                  a peer past its deadline is closed unread
        self.accept(now); //                  newcomers' first bytes may be here already
        self.read(now); //                    only I/O: bytes are taken from the kernel
        self.app.decode(now); //              they become requests
        self.serve(now)?; //                  only computation: requests are answered
        let committed = self.app.commit(now)?; // one fsync for everything the tick decided
        self.deliver(committed, now)?; //     only what is committed reaches a send buffer
        self.write(now); //                   what is to be sent goes to the kernel
        self.reap(now); //                    slots are freed when no phase can use them any more
        self.upkeep(now)?; //                 work that no peer waits for
        Ok(now)
    }

    // --- wait ---

    fn wait(&mut self) -> Result<Now, A::Fatal> {
        self.events.clear();
        let timeout = self.timeout();
        let now = self.net.wait(timeout, &mut self.events)?;
        if self.events.stops > 0 && self.stops == 0 {
            log::info!("stopping");
            self.net.stop_accepting();
            // Sent from `wait`, because it tells nothing that is stored.
            self.app.signalled(Signal::Stop, now);
        }
        if self.events.reload {
            self.app.signalled(Signal::Reload, now);
        }
        self.stops += self.events.stops;
        self.acceptable[0] |= self.events.acceptable;
        self.acceptable[1] |= self.events.reserved_acceptable;
        for index in 0..self.events.ready.len() {
            self.remember(self.events.ready[index], now);
        }
        for (id, done) in self.events.done.drain(..) {
            self.app.done(id, done);
        }
        Ok(now)
    }

    /// How long the wait may last: not at all while there is something to do.
    fn timeout(&self) -> Option<Duration> {
        let now = self.net.moment();
        let accepts = self.may_accept(false) || self.may_accept(true);
        let accept_at = accepts.then_some(self.accept_not_before);
        let at_once = [accept_at, self.turns.next_at()].into_iter().flatten().any(|at| at <= now);
        if at_once || self.app.is_busy() {
            return Some(Duration::ZERO);
        }
        let moments = [accept_at, self.turns.next_at(), self.deadlines.next(), self.app.wake_at()];
        let next = moments.into_iter().flatten().min();
        // A microsecond more, so that the moment has come when the wait ends.
        next.map(|at| at.since(now) + Duration::from_micros(1))
    }

    /// An edge came for a connection, if it lives.
    fn remember(&mut self, readiness: Readiness, now: Now) {
        let Readiness { conn, readable, writable } = readiness;
        let Some(edge) = self.edges.get_mut(conn) else { return };
        edge.readable |= readable;
        edge.writable |= writable;
        if readable {
            self.turns.put(conn, edge.queue);
        }
        if writable {
            self.app.came(conn, Came::Writable, now);
        }
    }

    // --- expire ---

    fn expire(&mut self, now: Now) {
        while let Some(id) = self.deadlines.pop_due(now.mono) {
            self.app.expire(id, now);
        }
    }

    // --- accept ---

    fn accept(&mut self, now: Now) {
        let (few, many) = (limits::RESERVED_ACCEPTS_PER_TICK, limits::ACCEPTS_PER_TICK);
        for (reserved, most) in [(true, few), (false, many)] {
            for _ in 0..most {
                if now.mono < self.accept_not_before || !self.may_accept(reserved) {
                    break;
                }
                let id = self.edges.next_id();
                let accepted = self.net.accept(id, reserved);
                self.acceptable[usize::from(reserved)] = self.take_in(id, accepted, now);
            }
        }
    }

    /// The operator can connect even when there is no place for others.
    fn may_accept(&self, reserved: bool) -> bool {
        let has_room = reserved || self.edges.count() < self.connections_max;
        self.acceptable[usize::from(reserved)] && self.stops == 0 && has_room
    }

    /// Begins a connection, if one was accepted. False: there is no other.
    fn take_in(&mut self, id: ConnId, accepted: io::Result<Peer>, now: Now) -> bool {
        match accepted {
            Ok(peer) if self.app.accepted(id, peer, now) => {
                log::debug!("{id}: accepted {}", peer.address);
                // Of others `App::settle` says when they are known.
                let known = peer.listener.is_reserved();
                let queue = if known { Queue::Known } else { Queue::Newcomers };
                self.edges.insert(id, queue);
                self.turns.put(id, queue);
            }
            // Closed without a word: an answer would cost what the limit saves.
            Ok(_) => self.net.close(id),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            // One peer was gone before it was accepted.
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
            Err(error) => {
                log::warn!("cannot accept now: {error}");
                self.app.turned_away();
                let pause = Duration::from_micros(limits::ACCEPT_RETRY_MICROS);
                self.accept_not_before = now.mono.after(pause);
            }
        }
        true
    }

    // --- read ---

    /// Newcomers last: a newcomer may take the place of a known connection, whose last bytes are
    /// served first. A part of the tick is kept for newcomers, whatever the others bring.
    fn read(&mut self, now: Now) {
        for share in [Share::Full, Share::Newcomer] {
            for _ in 0..self.turns.begin(share, now.mono) {
                let Some(id) = self.turns.next(share) else { break };
                if self.take_turn(id, share, now) == Err(NotNow::TickFull) {
                    self.turns.put_back(id, share);
                    break;
                }
            }
        }
        let net = &self.net;
        self.turns.end(now.mono, || net.moment());
    }

    /// Reads until the kernel has no more or the connection has had its share.
    fn take_turn(&mut self, id: ConnId, share: Share, now: Now) -> Result<(), NotNow> {
        let Some(edge) = self.edges.get_mut(id) else { return Ok(()) };
        let mut came = false;
        loop {
            let room = match self.app.room(id, share) {
                Ok(room) => room,
                // The application gives it a turn when it may be read again.
                Err(NotNow::Rests) => return Ok(()),
                Err(NotNow::NextTick) => {
                    self.turns.put(id, edge.queue);
                    return Ok(());
                }
                Err(NotNow::TickFull) => return Err(NotNow::TickFull),
            };
            if room.is_empty() || !edge.readable {
                return Ok(());
            }
            let what = match self.net.read(id, room) {
                Ok(0) => Came::End,
                Ok(count) => Came::Bytes(count),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    edge.readable = false;
                    return Ok(());
                }
                // The bytes before it are served first; the next tick meets the error again.
                Err(_) if came => return Ok(()),
                Err(error) => {
                    log::debug!("{id}: read failed: {error}");
                    Came::Failed
                }
            };
            edge.readable = matches!(what, Came::Bytes(_));
            came |= edge.readable;
            self.app.came(id, what, now);
        }
    }

    // --- serve and deliver ---

    fn serve(&mut self, now: Now) -> Result<(), A::Fatal> {
        let net = &self.net;
        self.app.serve(now, &|| net.moment())
    }

    fn deliver(&mut self, committed: A::Committed, now: Now) -> Result<(), A::Fatal> {
        for (id, job) in self.app.deliver(committed, now)? {
            self.net.run(id, job);
        }
        Ok(())
    }

    // --- write and reap ---

    fn write(&mut self, now: Now) {
        self.app.take_touched(&mut self.touched);
        for index in 0..self.touched.len() {
            self.write_one(self.touched[index], now);
        }
    }

    /// Writes until everything is sent or the kernel takes no more.
    fn write_one(&mut self, id: ConnId, now: Now) {
        let Some(edge) = self.edges.get_mut(id) else { return };
        while edge.writable {
            let bytes = self.app.to_write(id);
            if bytes.is_empty() {
                return;
            }
            match self.net.write(id, bytes) {
                Ok(count) => self.app.sent(id, count, now),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    edge.writable = false;
                    if error.kind() != ErrorKind::WouldBlock {
                        log::debug!("{id}: write failed: {error}");
                        self.app.came(id, Came::Failed, now);
                    }
                }
            }
        }
    }

    fn reap(&mut self, now: Now) {
        for id in self.touched.drain(..) {
            let Some(edge) = self.edges.get_mut(id) else { continue };
            match self.app.settle(id, now) {
                None => {
                    self.net.close(id);
                    self.deadlines.forget(id);
                    self.edges.remove(id);
                    self.accept_not_before = Moment::default();
                }
                Some(Alive { deadline, queue, may_read, has_work, shut_down }) => {
                    edge.queue = queue;
                    if shut_down {
                        self.net.shutdown(id);
                    }
                    if let Some(at) = deadline {
                        self.deadlines.set(id, at);
                    }
                    if may_read && (has_work || edge.readable) {
                        self.turns.put(id, queue);
                    }
                }
            }
        }
    }

    // --- upkeep ---

    fn upkeep(&mut self, now: Now) -> Result<(), A::Fatal> {
        let net = &self.net;
        self.app.upkeep(now, &|| net.moment())
    }
}
