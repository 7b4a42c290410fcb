//! An edge without a kernel: one pipe each way for a connection, edges told once, virtual time.
//!
//! ```text
//!  peer ── send ──► to_server ── read ──►  loop        an edge is told when bytes come into a
//!       ◄─ take ─── to_peer  ◄─ write ──               pipe, or room into one that was full
//! ```
//!
//! Time stands still while there is anything to tell. When there is not, a wait moves the clock
//! to where the loop asked to be woken, but never past the horizon; reaching that with nothing to
//! tell is being idle. Password hashes are computed at once and told at the next wait, unless
//! they are held back. The handle is shared: the loop owns one, the test another.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use p2sp::certificate::Certificate;
use p2sp::id::{ConnId, Door, Moment, Now};
use p2sp::net::{Events, Net, Readiness};
use p2sp::password::{Cost, Outcome, Task};

/// What a password costs here: next to nothing.
pub const CHEAP: Cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };

/// Bytes that the pipe towards a peer holds before a write blocks.
pub const PIPE_BYTES: usize = 128 * 1024;

/// Wall time at the origin of the clock.
const UNIX_ORIGIN: i64 = 1_700_000_000;

/// The other end of a connection, whether it was accepted yet or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeerId(usize);

#[derive(Debug)]
struct Pipe {
    address: SocketAddr,
    conn: Option<ConnId>,
    to_server: VecDeque<u8>,
    to_peer: Vec<u8>,
    capacity: usize,
    /// The peer sends no more.
    finished: bool,
    /// The peer is gone.
    cut: bool,
    /// The server sends no more.
    ended: bool,
    /// A write found no room: the next room is an edge.
    was_full: bool,
    readable: bool,
    writable: bool,
}

struct Pipes {
    now: Moment,
    horizon: Moment,
    idle: bool,
    pipes: Vec<Pipe>,
    by_conn: HashMap<ConnId, PeerId>,
    backlog: VecDeque<PeerId>,
    /// The same for the control socket.
    operators: VecDeque<PeerId>,
    accepting: bool,
    acceptable: bool,
    knocked: bool,
    out_of_files: bool,
    hashes: Vec<(ConnId, Outcome)>,
    hashes_held: bool,
    stops: u32,
    /// The next reload finds this.
    certificate: Option<Result<Certificate, String>>,
    disk_free: u64,
    waits: u64,
}

/// A handle of the edge.
#[derive(Clone)]
pub struct PipeNet(Rc<RefCell<Pipes>>);

impl PipeNet {
    /// An edge at that moment, with nobody there.
    pub fn new(now: Moment) -> PipeNet {
        PipeNet(Rc::new(RefCell::new(Pipes {
            now,
            horizon: now,
            idle: false,
            pipes: Vec::new(),
            by_conn: HashMap::new(),
            backlog: VecDeque::new(),
            operators: VecDeque::new(),
            accepting: true,
            acceptable: false,
            knocked: false,
            out_of_files: false,
            hashes: Vec::new(),
            hashes_held: false,
            stops: 0,
            certificate: None,
            disk_free: u64::MAX,
            waits: 0,
        })))
    }

    // --- the world's side ---

    /// A peer knocks.
    pub fn connect(&self, address: SocketAddr) -> PeerId {
        let peer = self.pipe(address);
        let mut pipes = self.0.borrow_mut();
        pipes.backlog.push_back(peer);
        pipes.acceptable = true;
        peer
    }

    /// The operator opens the control socket.
    pub fn connect_operator(&self) -> PeerId {
        let peer = self.pipe(SocketAddr::from(([0, 0, 0, 0], 0)));
        let mut pipes = self.0.borrow_mut();
        pipes.operators.push_back(peer);
        pipes.knocked = true;
        peer
    }

    fn pipe(&self, address: SocketAddr) -> PeerId {
        let mut pipes = self.0.borrow_mut();
        let peer = PeerId(pipes.pipes.len());
        pipes.pipes.push(Pipe {
            address,
            conn: None,
            to_server: VecDeque::new(),
            to_peer: Vec::new(),
            capacity: PIPE_BYTES,
            finished: false,
            cut: false,
            ended: false,
            was_full: false,
            readable: false,
            writable: false,
        });
        peer
    }

    /// A peer sends.
    pub fn send(&self, peer: PeerId, bytes: &[u8]) {
        self.with(peer, |pipe| {
            pipe.to_server.extend(bytes);
            pipe.readable = true;
        });
    }

    /// A peer takes what came for it.
    pub fn take(&self, peer: PeerId) -> Vec<u8> {
        self.with(peer, |pipe| {
            pipe.writable |= std::mem::take(&mut pipe.was_full);
            std::mem::take(&mut pipe.to_peer)
        })
    }

    /// The pipe towards a peer holds so many bytes.
    pub fn set_capacity(&self, peer: PeerId, bytes: usize) {
        self.with(peer, |pipe| pipe.capacity = bytes);
    }

    /// A peer sends no more, and still listens.
    pub fn finish(&self, peer: PeerId) {
        self.with(peer, |pipe| (pipe.finished, pipe.readable) = (true, true));
    }

    /// A peer is gone without a word.
    pub fn cut(&self, peer: PeerId) {
        self.with(peer, |pipe| (pipe.cut, pipe.readable, pipe.writable) = (true, true, true));
    }

    /// Whether nothing more will come for a peer.
    pub fn has_ended(&self, peer: PeerId) -> bool {
        self.with(peer, |pipe| pipe.ended && pipe.to_peer.is_empty())
    }

    /// From now on the clock may move this far.
    pub fn set_horizon(&self, horizon: Moment) {
        let mut pipes = self.0.borrow_mut();
        pipes.horizon = horizon.max(pipes.now);
        pipes.idle = false;
    }

    /// Whether a wait reached the horizon with nothing to tell.
    pub fn is_idle(&self) -> bool {
        self.0.borrow().idle
    }

    /// How often the loop has waited.
    pub fn waits(&self) -> u64 {
        self.0.borrow().waits
    }

    /// Finished hashes are told only when they are no longer held.
    pub fn hold_hashes(&self, held: bool) {
        self.0.borrow_mut().hashes_held = held;
    }

    /// A signal to stop comes.
    pub fn signal(&self) {
        self.0.borrow_mut().stops += 1;
    }

    /// A signal to read the certificate again comes, which then is this.
    pub fn reload(&self, certificate: Result<Certificate, String>) {
        self.0.borrow_mut().certificate = Some(certificate);
    }

    /// The disk has so many bytes left.
    pub fn set_disk_free(&self, bytes: u64) {
        self.0.borrow_mut().disk_free = bytes;
    }

    /// Nobody can be accepted: descriptors have run out.
    pub fn set_out_of_files(&self, out: bool) {
        self.0.borrow_mut().out_of_files = out;
    }

    fn with<T>(&self, peer: PeerId, act: impl FnOnce(&mut Pipe) -> T) -> T {
        act(&mut self.0.borrow_mut().pipes[peer.0])
    }

    /// What happens to the pipe of an accepted connection.
    fn with_conn<T>(&self, conn: ConnId, act: impl FnOnce(&mut Pipe) -> T) -> T {
        let mut pipes = self.0.borrow_mut();
        let peer = pipes.by_conn.get(&conn).copied();
        let peer = peer.expect("the loop names only connections that it accepted and not closed");
        act(&mut pipes.pipes[peer.0])
    }
}

impl Pipes {
    fn take_in(&mut self, conn: ConnId, peer: PeerId) -> SocketAddr {
        self.by_conn.insert(conn, peer);
        let pipe = &mut self.pipes[peer.0];
        pipe.conn = Some(conn);
        pipe.address
    }

    /// Tells every edge there is, once. False: there was none.
    fn tell(&mut self, events: &mut Events) -> bool {
        for pipe in &mut self.pipes {
            let (readable, writable) = (pipe.readable, pipe.writable);
            if let Some(conn) = pipe.conn
                && (readable || writable)
            {
                (pipe.readable, pipe.writable) = (false, false);
                events.ready.push(Readiness { conn, readable, writable });
            }
        }
        events.acceptable = std::mem::take(&mut self.acceptable) && self.accepting;
        events.knocked = std::mem::take(&mut self.knocked) && self.accepting;
        if !self.hashes_held {
            events.hashes.append(&mut self.hashes);
        }
        events.stops = std::mem::take(&mut self.stops);
        events.reload = self.certificate.is_some();
        let told = events.reload || !events.ready.is_empty() || !events.hashes.is_empty();
        told || events.acceptable || events.knocked || events.stops > 0
    }
}

impl Net for PipeNet {
    fn wait(&mut self, timeout: Option<Duration>, events: &mut Events) -> io::Result<Now> {
        let mut pipes = self.0.borrow_mut();
        pipes.waits += 1;
        if !pipes.tell(events) {
            let wake = timeout.map_or(Moment(u64::MAX), |timeout| pipes.now.after(timeout));
            pipes.idle = wake > pipes.horizon;
            pipes.now = wake.min(pipes.horizon);
        }
        let unix = UNIX_ORIGIN + (pipes.now.0 / 1_000_000) as i64;
        Ok(Now { mono: pipes.now, unix })
    }

    fn moment(&self) -> Moment {
        self.0.borrow().now
    }

    fn accept(&mut self, conn: ConnId) -> io::Result<SocketAddr> {
        let mut pipes = self.0.borrow_mut();
        if pipes.out_of_files {
            return Err(io::Error::other("too many open files"));
        }
        let peer = pipes.backlog.pop_front().ok_or(ErrorKind::WouldBlock)?;
        Ok(pipes.take_in(conn, peer))
    }

    fn accept_inside(&mut self, conn: ConnId) -> io::Result<Door> {
        let mut pipes = self.0.borrow_mut();
        let peer = pipes.operators.pop_front().ok_or(ErrorKind::WouldBlock)?;
        pipes.take_in(conn, peer);
        Ok(Door::Control)
    }

    fn read(&mut self, conn: ConnId, room: &mut [u8]) -> io::Result<usize> {
        assert!(!room.is_empty(), "an empty slice could not be told from the end");
        self.with_conn(conn, |pipe| {
            if pipe.cut {
                return Err(ErrorKind::ConnectionReset.into());
            }
            if pipe.to_server.is_empty() {
                return if pipe.finished { Ok(0) } else { Err(ErrorKind::WouldBlock.into()) };
            }
            let count = room.len().min(pipe.to_server.len());
            for (slot, byte) in room.iter_mut().zip(pipe.to_server.drain(..count)) {
                *slot = byte;
            }
            Ok(count)
        })
    }

    fn write(&mut self, conn: ConnId, bytes: &[u8]) -> io::Result<usize> {
        self.with_conn(conn, |pipe| {
            assert!(!pipe.ended, "nothing is written behind a shutdown");
            if pipe.cut {
                return Err(ErrorKind::BrokenPipe.into());
            }
            let count = bytes.len().min(pipe.capacity.saturating_sub(pipe.to_peer.len()));
            if count == 0 {
                pipe.was_full = true;
                return Err(ErrorKind::WouldBlock.into());
            }
            pipe.to_peer.extend_from_slice(&bytes[..count]);
            Ok(count)
        })
    }

    fn shutdown(&mut self, conn: ConnId) {
        self.with_conn(conn, |pipe| pipe.ended = true);
    }

    fn close(&mut self, conn: ConnId) {
        self.with_conn(conn, |pipe| (pipe.ended, pipe.conn) = (true, None));
        self.0.borrow_mut().by_conn.remove(&conn);
    }

    fn stop_accepting(&mut self) {
        self.0.borrow_mut().accepting = false;
    }

    fn hash(&mut self, conn: ConnId, task: Task) {
        let outcome = task.run(CHEAP);
        self.0.borrow_mut().hashes.push((conn, outcome));
    }

    fn disk_free(&mut self) -> io::Result<u64> {
        Ok(self.0.borrow().disk_free)
    }

    fn certificate(&mut self) -> Result<Certificate, String> {
        self.0.borrow_mut().certificate.take().expect("a reload")
    }
}
