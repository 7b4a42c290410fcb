//! An edge without a kernel, for a million peers: flat arrays, edges told once, a real clock.
//!
//! ```text
//!  say ──► said ── read ──►  loop  ── write ──► heard ──► listen
//!          one buffer for all peers             one buffer for a tick
//! ```
//!
//! A peer is a number. What it costs here are the few words of its [`Peer`] and one of its slot,
//! all of them made and written to before anybody connects, so that the memory a process gains
//! from then on is the server's. What peers say stands in one buffer until the server has read
//! all of it; what the server writes is taken whole, as by a kernel with room, and looked at
//! between two ticks, so that the peers' work is not measured as the server's.
//!
//! A wait with nothing to tell sleeps, as a poll does, until the loop or the bench wants to go on.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use p2sp::event_loop::app::{Job, Peer as Remote};
use p2sp::event_loop::net::{Events, Net, Readiness};
use p2sp::id::{ConnId, ListenerKind, Moment, Now};
use p2sp::password::Outcome;
use p2sp::server::HashJob;
use p2sp::wire::frame;

use crate::Outcome as Done;

/// A slot that nobody has.
const NOBODY: u32 = u32::MAX;

/// One end of a connection.
#[derive(Clone, Copy)]
struct Peer {
    /// Its name at the loop; the slot is [`NOBODY`] while it is not connected.
    conn: ConnId,
    /// What it said and nobody read yet.
    from: u32,
    to: u32,
    /// It says no more.
    finished: bool,
    /// Its edge waits to be told.
    listed: bool,
}

const AWAY: Peer = Peer {
    conn: ConnId { slot: NOBODY, generation: 0 },
    from: 0,
    to: 0,
    finished: false,
    listed: false,
};

/// What time it is for the server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// The system's.
    Passes,
    /// It stands still in a tick, and goes on by 100 microseconds with each wait, or by as much as
    /// the loop wanted to sleep: every run does the same at the same moments.
    Stepped,
}

/// From one tick to the next, where time is stepped.
const STEP: Duration = Duration::from_micros(100);

struct State {
    time: Time,
    /// How far stepped time has come.
    stepped: Duration,
    started: Instant,
    peers: Vec<Peer>,
    /// Whose slot it is.
    slots: Vec<u32>,
    knocking: VecDeque<u32>,
    acceptable: bool,
    ready: Vec<u32>,
    said: Vec<u8>,
    unread: usize,
    heard: Heard,
    hashes: Vec<(ConnId, Outcome)>,
    alarm: Option<Instant>,
    rest: Duration,
    woke: Instant,
    wrote: Instant,
    resting: bool,
}

/// What the server said in one tick.
#[derive(Default)]
struct Heard {
    bytes: Vec<u8>,
    /// To whom, and how much.
    parts: Vec<(u32, usize)>,
    closed: Vec<u32>,
}

/// A handle of the edge: the loop owns one, the bench another.
#[derive(Clone)]
pub struct Edge(Rc<RefCell<State>>);

/// What a peer hears.
pub enum News<'a> {
    /// A whole frame.
    Frame(&'a [u8]),
    /// The server has closed.
    End,
}

impl Edge {
    /// An edge for so many peers, none of them connected. A loop rests when it wants to sleep
    /// longer than `rest`.
    pub fn new(peers: usize, rest: Duration, time: Time) -> Edge {
        let now = Instant::now();
        Edge(Rc::new(RefCell::new(State {
            time,
            stepped: Duration::ZERO,
            started: now,
            peers: vec![AWAY; peers],
            slots: vec![NOBODY; peers],
            knocking: VecDeque::new(),
            acceptable: false,
            ready: Vec::new(),
            said: Vec::new(),
            unread: 0,
            heard: Heard::default(),
            hashes: Vec::new(),
            alarm: None,
            rest,
            woke: now,
            wrote: now,
            resting: false,
        })))
    }

    /// A peer wants to be accepted.
    pub fn connect(&self, peer: usize) {
        let mut state = self.0.borrow_mut();
        state.knocking.push_back(peer as u32);
        state.acceptable = true;
    }

    /// A peer says something, accepted or not.
    pub fn say(&self, peer: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.0.borrow_mut();
        let State { peers, said, unread, ready, .. } = &mut *state;
        let before = said.len();
        let end = &mut peers[peer];
        if end.from < end.to {
            // What one peer says stands together.
            said.extend_from_within(end.from as usize..end.to as usize);
            *unread -= (end.to - end.from) as usize;
        }
        write(said);
        (end.from, end.to) = (before as u32, said.len() as u32);
        *unread += said.len() - before;
        end.announce(peer, ready);
    }

    /// A peer says no more.
    pub fn leave(&self, peer: usize) {
        let mut state = self.0.borrow_mut();
        let State { peers, ready, .. } = &mut *state;
        peers[peer].finished = true;
        peers[peer].announce(peer, ready);
    }

    /// Passes on what the server said since it was last asked. `hear` may let peers answer.
    pub fn listen(&self, mut hear: impl FnMut(usize, News) -> Done<()>) -> Done<()> {
        let mut heard = std::mem::take(&mut self.0.borrow_mut().heard);
        let mut rest = heard.bytes.as_slice();
        for (peer, length) in heard.parts.drain(..) {
            let (mut part, behind) = rest.split_at(length);
            rest = behind;
            while !part.is_empty() {
                let length = frame::frame_len(part).ok().flatten().filter(|l| *l <= part.len());
                let (frame, next) = part.split_at(length.ok_or("the server writes half a frame")?);
                hear(peer as usize, News::Frame(frame))?;
                part = next;
            }
        }
        heard.closed.drain(..).try_for_each(|peer| hear(peer as usize, News::End))?;
        heard.bytes.clear();
        self.0.borrow_mut().heard = heard;
        Ok(())
    }

    /// A wait ends then, though nothing happens.
    pub fn set_alarm(&self, at: Option<Instant>) {
        self.0.borrow_mut().alarm = at;
    }

    /// When the last wait ended.
    pub fn woke(&self) -> Instant {
        self.0.borrow().woke
    }

    /// When the server last wrote.
    pub fn wrote(&self) -> Instant {
        self.0.borrow().wrote
    }

    /// Whether the last wait had nothing to tell, and the loop nothing to do but to look at
    /// deadlines some day.
    pub fn is_resting(&self) -> bool {
        self.0.borrow().resting
    }
}

impl Peer {
    fn announce(&mut self, peer: usize, ready: &mut Vec<u32>) {
        if self.conn.slot != NOBODY && !std::mem::replace(&mut self.listed, true) {
            ready.push(peer as u32);
        }
    }
}

impl State {
    /// The peer of a connection, if it is still that one's.
    fn peer_of(&mut self, conn: ConnId) -> io::Result<&mut Peer> {
        let peer = self.slots.get(conn.index()).and_then(|peer| self.peers.get_mut(*peer as usize));
        peer.filter(|peer| peer.conn == conn).ok_or(ErrorKind::NotConnected.into())
    }

    fn sleep(&mut self, span: Duration) {
        match self.time {
            Time::Passes => thread::sleep(span),
            Time::Stepped => self.stepped += span,
        }
    }

    fn tell(&mut self, events: &mut Events<HashJob>) -> bool {
        for peer in self.ready.drain(..) {
            let peer = &mut self.peers[peer as usize];
            peer.listed = false;
            events.ready.push(Readiness { conn: peer.conn, readable: true, writable: false });
        }
        events.acceptable = std::mem::take(&mut self.acceptable);
        events.done.append(&mut self.hashes);
        !events.ready.is_empty() || events.acceptable || !events.done.is_empty()
    }
}

impl Net for Edge {
    type Job = HashJob;

    fn wait(&mut self, timeout: Option<Duration>, events: &mut Events<HashJob>) -> io::Result<Now> {
        let mut state = self.0.borrow_mut();
        let told = state.tell(events);
        let alarm = state.alarm.map(|at| at.saturating_duration_since(Instant::now()));
        state.resting =
            !told && alarm.is_none() && timeout.is_none_or(|timeout| timeout > state.rest);
        if !told && !state.resting {
            state.sleep([timeout, alarm].into_iter().flatten().min().unwrap_or_default());
        }
        state.stepped += STEP;
        state.woke = Instant::now();
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs());
        drop(state);
        Ok(Now { mono: self.moment(), unix: unix as i64 })
    }

    fn moment(&self) -> Moment {
        let state = self.0.borrow();
        let passed = match state.time {
            Time::Passes => state.started.elapsed(),
            Time::Stepped => state.stepped,
        };
        Moment(passed.as_micros() as u64)
    }

    fn accept(&mut self, conn: ConnId, reserved: bool) -> io::Result<Remote> {
        if reserved {
            return Err(ErrorKind::WouldBlock.into());
        }
        let mut state = self.0.borrow_mut();
        let peer = state.knocking.pop_front().ok_or(ErrorKind::WouldBlock)?;
        state.peers[peer as usize].conn = conn;
        state.slots[conn.index()] = peer;
        Ok(Remote { address: (Ipv4Addr::LOCALHOST, 1).into(), listener: ListenerKind::Public })
    }

    fn read(&mut self, conn: ConnId, room: &mut [u8]) -> io::Result<usize> {
        let mut state = self.0.borrow_mut();
        let peer = state.peer_of(conn)?;
        let from = peer.from as usize;
        let count = room.len().min((peer.to - peer.from) as usize);
        if count == 0 {
            return if peer.finished { Ok(0) } else { Err(ErrorKind::WouldBlock.into()) };
        }
        peer.from += count as u32;
        room[..count].copy_from_slice(&state.said[from..from + count]);
        state.unread -= count;
        if state.unread == 0 {
            state.said.clear();
        }
        Ok(count)
    }

    fn write(&mut self, conn: ConnId, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.borrow_mut();
        state.peer_of(conn)?;
        let peer = state.slots[conn.index()];
        state.heard.bytes.extend_from_slice(bytes);
        state.heard.parts.push((peer, bytes.len()));
        state.wrote = Instant::now();
        Ok(bytes.len())
    }

    fn shutdown(&mut self, _: ConnId) {}

    fn close(&mut self, conn: ConnId) {
        let mut state = self.0.borrow_mut();
        let peer = state.slots[conn.index()];
        let unread = state.peer_of(conn).map_or(0, |peer| {
            let unread = peer.to - peer.from;
            *peer = AWAY;
            unread
        });
        state.unread -= unread as usize;
        state.heard.closed.push(peer);
    }

    fn stop_accepting(&mut self) {}

    fn run(&mut self, conn: ConnId, job: HashJob) {
        self.0.borrow_mut().hashes.push((conn, job.run()));
    }
}
