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
//!
//! An edge is obedient unless it was given [`Whims`]: then it moves bytes in pieces, blocks and
//! wakes for nothing, takes its time, and dies in the middle of a tick. A dead edge does nothing
//! more, so that the rest of the tick is as if it had never been.

mod faults;

use std::cell::RefCell;
use std::io::{self, ErrorKind, Read};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use p2sp::certificate::Certificate;
use p2sp::event_loop::app::{Job, Peer};
use p2sp::event_loop::net::{Events, Net};
use p2sp::id::{ConnId, ListenerKind, Moment, Now};
use p2sp::password::{Cost, Task};
use p2sp::server::{HashJob, Machine};

use super::pipe::Pipe;
pub use super::pipes::PeerId;
use super::pipes::Pipes;
pub use super::whims::Call;
use super::whims::{Whims, Witness};

/// What a password costs here: next to nothing.
pub const CHEAP: Cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };

/// Wall time at the origin of the clock.
pub const UNIX_ORIGIN: i64 = 1_700_000_000;

/// A loop that drains for so many turns will never have drained (P22).
const DRAIN_TURNS_MAX: u64 = 100_000;

/// A handle of the edge.
#[derive(Clone)]
pub struct PipeNet(Rc<RefCell<Pipes>>);

impl PipeNet {
    /// An edge at that moment, with nobody there.
    pub fn new(now: Moment) -> PipeNet {
        PipeNet(Rc::new(RefCell::new(Pipes::new(now))))
    }

    /// The same with whims, and with a tap on everything that the loop writes.
    pub fn with_whims(now: Moment, whims: Box<dyn Whims>) -> PipeNet {
        let net = PipeNet::new(now);
        {
            let mut pipes = net.0.borrow_mut();
            pipes.whims = whims;
            pipes.tap = Some(Vec::new());
        }
        net
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
        pipes.reserved_acceptable = true;
        peer
    }

    fn pipe(&self, address: SocketAddr) -> PeerId {
        let mut pipes = self.0.borrow_mut();
        let peer = PeerId(pipes.pipes.len());
        pipes.pipes.push(Pipe::new(address));
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

    /// A peer takes no more than the first `most` bytes of what came for it.
    pub fn take_some(&self, peer: PeerId, most: usize) -> Vec<u8> {
        self.with(peer, |pipe| {
            pipe.writable |= std::mem::take(&mut pipe.was_full);
            let count = most.min(pipe.to_peer.len());
            pipe.to_peer.drain(..count).collect()
        })
    }

    /// How many bytes a peer has not taken yet.
    pub fn waiting(&self, peer: PeerId) -> usize {
        self.with(peer, |pipe| pipe.to_peer.len())
    }

    /// What was written since it was last asked, piece by piece.
    pub fn tapped(&self) -> Vec<(PeerId, Vec<u8>)> {
        self.0.borrow_mut().tap.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// What the password hashes had to do since it was last asked: of comparisons the scheme and
    /// the cost.
    pub fn work(&self) -> Vec<String> {
        self.0.borrow_mut().work.replace(Vec::new()).unwrap_or_default()
    }

    /// Whose stream was ended since it was last asked, behind all that was to be sent.
    pub fn shut(&self) -> Vec<PeerId> {
        std::mem::take(&mut self.0.borrow_mut().shut)
    }

    /// The most bytes that the loop had to write to a peer at once.
    pub fn offered_max(&self, peer: PeerId) -> usize {
        self.with(peer, |pipe| pipe.offered_max)
    }

    /// Whether nothing more will come for a peer.
    pub fn has_ended(&self, peer: PeerId) -> bool {
        self.with(peer, |pipe| pipe.ended && pipe.to_peer.is_empty())
    }

    /// Whether the server was told to let a peer go, or never had it.
    pub fn is_accepted(&self, peer: PeerId) -> bool {
        self.with(peer, |pipe| pipe.conn.is_some())
    }

    /// What time it is, without a call into the edge.
    pub fn now(&self) -> Moment {
        self.0.borrow().now
    }

    /// How many connections the server holds.
    pub fn held(&self) -> usize {
        self.0.borrow().by_conn.len()
    }

    /// How many connections the server holds, or has not accepted yet.
    pub fn held_or_waiting(&self) -> usize {
        let pipes = self.0.borrow();
        pipes.by_conn.len() + pipes.backlog.len()
    }

    /// Whether the process was killed.
    pub fn is_dead(&self) -> bool {
        self.0.borrow().dead
    }

    /// Whether the server writes no more to a peer, who may not have taken all yet.
    pub fn is_shut_down(&self, peer: PeerId) -> bool {
        self.with(peer, |pipe| pipe.ended)
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

    /// How much has come or gone.
    pub fn progress(&self) -> u64 {
        self.0.borrow().progress
    }

    /// A signal to read the certificate again comes, which then is this.
    pub fn reload(&self, certificate: Result<Certificate, String>) {
        self.0.borrow_mut().certificate = Some(certificate);
    }

    fn with<T>(&self, peer: PeerId, act: impl FnOnce(&mut Pipe) -> T) -> T {
        act(&mut self.0.borrow_mut().pipes[peer.0])
    }

    /// What happens to the pipe of an accepted connection.
    fn with_conn<T>(&self, conn: ConnId, act: impl FnOnce(&mut Pipe) -> T) -> T {
        let mut pipes = self.0.borrow_mut();
        let peer = pipes.by_conn.get(&conn).copied();
        pipes.progress += 1;
        let peer = peer.expect("the loop names only connections that it accepted and not closed");
        act(&mut pipes.pipes[peer.0])
    }
}

impl Net for PipeNet {
    type Job = HashJob;

    fn wait(&mut self, timeout: Option<Duration>, events: &mut Events<HashJob>) -> io::Result<Now> {
        let mut pipes = self.0.borrow_mut();
        pipes.waits += 1;
        if pipes.is_killed(Call::Wait) {
            return Err(io::Error::other("killed"));
        }
        // Nobody else looks at a loop that drains, and one that spins would do so for ever.
        pipes.drain_turns += u64::from(!pipes.accepting);
        if pipes.drain_turns > DRAIN_TURNS_MAX {
            return Err(io::Error::other("P22: the loop spins"));
        }
        if pipes.tell(events) {
            pipes.progress += 1;
        } else {
            let before = pipes.now;
            let wake = timeout.map_or(Moment(u64::MAX), |timeout| pipes.now.after(timeout));
            let hashed = pipes.hashes.front().filter(|_| !pipes.hashes_held);
            let wake = hashed.map_or(wake, |(due, ..)| wake.min(*due));
            pipes.idle = wake > pipes.horizon;
            pipes.now = wake.min(pipes.horizon).max(pipes.now);
            pipes.progress += u64::from(pipes.now > before);
        }
        let unix = UNIX_ORIGIN + pipes.unix_ahead + (pipes.now.0 / 1_000_000) as i64;
        Ok(Now { mono: pipes.now, unix })
    }

    fn moment(&self) -> Moment {
        let mut pipes = self.0.borrow_mut();
        if !pipes.is_killed(Call::Moment) {
            let later = pipes.whims.dawdles();
            pipes.now = pipes.now.after(later);
            pipes.horizon = pipes.horizon.max(pipes.now);
        }
        pipes.now
    }

    fn accept(&mut self, conn: ConnId, reserved: bool) -> io::Result<Peer> {
        let mut pipes = self.0.borrow_mut();
        if reserved {
            let peer = pipes.operators.pop_front().ok_or(ErrorKind::WouldBlock)?;
            let address = pipes.take_in(conn, peer);
            return Ok(Peer { address, listener: ListenerKind::Control });
        }
        if pipes.is_killed(Call::Accept) {
            return Err(ErrorKind::WouldBlock.into());
        }
        if pipes.out_of_files {
            return Err(io::Error::other("too many open files"));
        }
        let peer = pipes.backlog.pop_front().ok_or(ErrorKind::WouldBlock)?;
        let address = pipes.take_in(conn, peer);
        Ok(Peer { address, listener: ListenerKind::Public })
    }

    fn read(&mut self, conn: ConnId, room: &mut [u8]) -> io::Result<usize> {
        assert!(!room.is_empty(), "an empty slice could not be told from the end");
        let moved = self.moves(Call::Read, room.len())?;
        self.with_conn(conn, |pipe| {
            if pipe.to_server.is_empty() {
                if pipe.cut {
                    return Err(ErrorKind::ConnectionReset.into());
                }
                return if pipe.finished { Ok(0) } else { Err(ErrorKind::WouldBlock.into()) };
            }
            let Some(most) = moved else {
                pipe.readable = true;
                return Err(ErrorKind::WouldBlock.into());
            };
            let count = most.min(pipe.to_server.len());
            // A whole slice at a time: two, where the ring begins anew.
            let first = pipe.to_server.read(&mut room[..count])?;
            _ = pipe.to_server.read(&mut room[first..count])?;
            Ok(count)
        })
    }

    fn write(&mut self, conn: ConnId, bytes: &[u8]) -> io::Result<usize> {
        let moved = self.moves(Call::Write, bytes.len())?;
        let mut written = None;
        let outcome = self.with_conn(conn, |pipe| {
            assert!(!pipe.ended, "nothing is written behind a shutdown");
            pipe.offered_max = pipe.offered_max.max(bytes.len());
            if pipe.cut {
                return Err(ErrorKind::BrokenPipe.into());
            }
            let room = pipe.capacity.saturating_sub(pipe.to_peer.len());
            if room > 0 && moved.is_none() {
                pipe.writable = true;
                return Err(ErrorKind::WouldBlock.into());
            }
            let count = moved.unwrap_or_default().min(room);
            if count == 0 {
                pipe.was_full = true;
                return Err(ErrorKind::WouldBlock.into());
            }
            pipe.to_peer.extend_from_slice(&bytes[..count]);
            written = Some(&bytes[..count]);
            Ok(count)
        });
        let mut pipes = self.0.borrow_mut();
        let peer = pipes.by_conn.get(&conn).copied();
        if let (Some(bytes), Some(peer), Some(tap)) = (written, peer, pipes.tap.as_mut()) {
            tap.push((peer, bytes.to_vec()));
        }
        outcome
    }

    fn shutdown(&mut self, conn: ConnId) {
        if !self.0.borrow_mut().is_killed(Call::Shutdown) {
            self.with_conn(conn, |pipe| pipe.ended = true);
            let mut pipes = self.0.borrow_mut();
            let peer = pipes.by_conn.get(&conn).copied();
            pipes.shut.extend(peer);
        }
    }

    fn close(&mut self, conn: ConnId) {
        if !self.0.borrow_mut().is_killed(Call::Close) {
            self.with_conn(conn, |pipe| {
                (pipe.ended, pipe.conn) = (true, None);
                pipe.to_server = Default::default();
            });
            self.0.borrow_mut().by_conn.remove(&conn);
        }
    }

    fn stop_accepting(&mut self) {
        self.0.borrow_mut().accepting = false;
    }

    fn run(&mut self, conn: ConnId, job: HashJob) {
        let mut pipes = self.0.borrow_mut();
        if pipes.is_killed(Call::Hash) {
            return;
        }
        if let Some(work) = &mut pipes.work {
            work.push(work_of(&job.task));
        }
        let done = pipes.now.after(pipes.whims.hashes_for());
        // One thread computes them, so they are done in their order.
        let done = pipes.hashes.back().map_or(done, |(before, ..)| done.max(*before));
        pipes.hashes.push_back((done, conn, job.run()));
    }
}

impl Machine for PipeNet {
    fn disk_free(&mut self) -> io::Result<u64> {
        let mut pipes = self.0.borrow_mut();
        pipes.is_killed(Call::DiskFree);
        Ok(pipes.disk_free)
    }

    fn certificate(&mut self, _: i64) -> Result<Certificate, String> {
        self.0.borrow_mut().certificate.take().expect("a reload")
    }
}

fn work_of(task: &Task) -> String {
    match task {
        // Behind it stand the salt and the hash.
        Task::Verify { stored, .. } => stored.rsplitn(3, '$').last().unwrap_or_default().to_owned(),
        Task::Hash { .. } => "hash".to_owned(),
        Task::Change { .. } => "change".to_owned(),
    }
}

impl PipeNet {
    /// How many bytes a read or a write moves, if it does not block for nothing. On a dead
    /// edge nothing moves.
    fn moves(&self, call: Call, count: usize) -> io::Result<Option<usize>> {
        let mut pipes = self.0.borrow_mut();
        if pipes.is_killed(call) {
            return Err(ErrorKind::WouldBlock.into());
        }
        Ok(pipes.whims.moves(call, count))
    }
}
