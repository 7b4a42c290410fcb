//! All pipes of an edge, who waits to be accepted, what time it is, and what there is to tell.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use p2sp::certificate::Certificate;
use p2sp::event_loop::net::{Events, Readiness};
use p2sp::id::{ConnId, Moment};
use p2sp::password::Outcome;
use p2sp::server::HashJob;

use super::pipe::Pipe;
use super::whims::{Call, Obedient, Whims};

/// The other end of a connection, whether it was accepted yet or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId(pub usize);

/// Everything that the edge knows.
pub struct Pipes {
    pub whims: Box<dyn Whims>,
    pub dead: bool,
    pub now: Moment,
    /// How much the wall clock is ahead of what it should be, in seconds.
    pub unix_ahead: i64,
    pub horizon: Moment,
    pub idle: bool,
    pub pipes: Vec<Pipe>,
    pub by_conn: HashMap<ConnId, PeerId>,
    pub backlog: VecDeque<PeerId>,
    /// The same for the control socket.
    pub operators: VecDeque<PeerId>,
    pub accepting: bool,
    pub acceptable: bool,
    pub reserved_acceptable: bool,
    pub out_of_files: bool,
    /// Everyone who was ever accepted, if there are whims: an event may come late.
    pub accepted: Vec<ConnId>,
    pub hashes: VecDeque<(Moment, ConnId, Outcome)>,
    pub hashes_held: bool,
    /// What each of them has to do, if somebody listens.
    pub work: Option<Vec<String>>,
    pub stops: u32,
    /// The next reload finds this.
    pub certificate: Option<Result<Certificate, String>>,
    pub disk_free: u64,
    pub waits: u64,
    /// How often since the loop stopped accepting.
    pub drain_turns: u64,
    /// Bytes, connections and events that came or went.
    pub progress: u64,
    /// Those whose stream was ended, behind all that was to be sent.
    pub shut: Vec<PeerId>,
    /// What was written, in order, if somebody listens.
    pub tap: Option<Vec<(PeerId, Vec<u8>)>>,
}

impl Pipes {
    /// Obedient pipes at that moment, with nobody there.
    pub fn new(now: Moment) -> Pipes {
        Pipes {
            whims: Box::new(Obedient),
            dead: false,
            now,
            unix_ahead: 0,
            horizon: now,
            idle: false,
            pipes: Vec::new(),
            by_conn: HashMap::new(),
            backlog: VecDeque::new(),
            operators: VecDeque::new(),
            accepting: true,
            acceptable: false,
            reserved_acceptable: false,
            out_of_files: false,
            accepted: Vec::new(),
            hashes: VecDeque::new(),
            hashes_held: false,
            work: None,
            stops: 0,
            certificate: None,
            disk_free: u64::MAX,
            waits: 0,
            drain_turns: 0,
            progress: 0,
            shut: Vec::new(),
            tap: None,
        }
    }

    /// A peer is accepted as that connection.
    pub fn take_in(&mut self, conn: ConnId, peer: PeerId) -> SocketAddr {
        self.by_conn.insert(conn, peer);
        self.accepted.push(conn);
        let pipe = &mut self.pipes[peer.0];
        pipe.conn = Some(conn);
        pipe.address
    }

    /// Whether the process is gone, or goes at this call.
    pub fn is_killed(&mut self, call: Call) -> bool {
        self.dead = self.dead || self.whims.kills(call);
        self.dead
    }

    /// Tells every edge there is, once. False: there was none.
    pub fn tell(&mut self, events: &mut Events<HashJob>) -> bool {
        for pipe in &mut self.pipes {
            let (readable, writable) = (pipe.readable, pipe.writable);
            if let Some(conn) = pipe.conn
                && (readable || writable)
            {
                (pipe.readable, pipe.writable) = (false, false);
                events.ready.push(Readiness { conn, readable, writable });
            }
        }
        if let Some(late) = self.whims.wakes_for_nothing(self.accepted.len()) {
            let conn = self.accepted[late];
            events.ready.push(Readiness { conn, readable: true, writable: true });
        }
        events.acceptable = std::mem::take(&mut self.acceptable) && self.accepting;
        events.reserved_acceptable =
            std::mem::take(&mut self.reserved_acceptable) && self.accepting;
        while let Some((due, ..)) = self.hashes.front()
            && *due <= self.now
            && !self.hashes_held
        {
            let Some((_, conn, outcome)) = self.hashes.pop_front() else { break };
            if !self.by_conn.contains_key(&conn) {
                self.whims.comes_too_late();
            }
            events.done.push((conn, outcome));
        }
        events.stops = std::mem::take(&mut self.stops);
        events.reload = self.certificate.is_some();
        let told = events.reload || !events.ready.is_empty() || !events.done.is_empty();
        told || events.acceptable || events.reserved_acceptable || events.stops > 0
    }
}
