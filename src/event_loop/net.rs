//! The system outside the loop, as one trait.
//!
//! The loop asks [`Net`] for what happened and what time it is, for bytes, and for a thread where
//! work would block it. The shipped one is `mio_net`; tests and simulations bring their own, and
//! the loop cannot tell.
//!
//! The contract of readiness is that of edge-triggered epoll: each edge is told once, so a
//! caller reads, writes and accepts until [`io::ErrorKind::WouldBlock`] or remembers that it
//! did not. Events are hints and may come for nothing.

use std::io;
use std::time::Duration;

use super::app::{Job, Peer};
use crate::id::{ConnId, Moment, Now};

/// What happened since the last [`Net::wait`].
pub struct Events<J: Job> {
    /// Connections that may be readable or writable now.
    pub ready: Vec<Readiness>,
    /// A peer may wait to be accepted.
    pub acceptable: bool,
    /// A peer may wait at a reserved listener.
    pub reserved_acceptable: bool,
    /// Results of jobs, by their connection.
    pub done: Vec<(ConnId, J::Done)>,
    /// Signals to stop that came.
    pub stops: u32,
    /// A signal asks to read the settings again.
    pub reload: bool,
}

impl<J: Job> Default for Events<J> {
    fn default() -> Events<J> {
        Events {
            ready: Vec::new(),
            acceptable: false,
            reserved_acceptable: false,
            done: Vec::new(),
            stops: 0,
            reload: false,
        }
    }
}

impl<J: Job> Events<J> {
    /// Forgets what happened, and keeps the memory.
    pub fn clear(&mut self) {
        self.ready.clear();
        self.done.clear();
        (self.acceptable, self.reserved_acceptable) = (false, false);
        (self.stops, self.reload) = (0, false);
    }
}

/// One connection's edge.
#[derive(Clone, Copy, Debug)]
pub struct Readiness {
    /// The connection.
    pub conn: ConnId,
    /// There may be bytes, the end of the stream, or an error to read.
    pub readable: bool,
    /// The kernel may take bytes.
    pub writable: bool,
}

/// The system outside the loop.
pub trait Net {
    /// The jobs that its thread does.
    type Job: Job;

    /// Waits until something happens, at most for `timeout` (`None`: for ever), adds it to
    /// `events` and says what time it is then.
    ///
    /// # Errors
    /// Polling itself failed: fatal.
    fn wait(
        &mut self,
        timeout: Option<Duration>,
        events: &mut Events<Self::Job>,
    ) -> io::Result<Now>;

    /// The monotonic clock, to bound and to measure a phase; never for what is stored.
    fn moment(&self) -> Moment;

    /// Accepts one waiting peer as `conn`, at the reserved listeners or at the others. Readiness
    /// comes under that name from now on. The reserved ones are the operator's, who can connect
    /// even when there is no place for other peers.
    ///
    /// # Errors
    /// `WouldBlock`: no peer waits. Anything else: out of descriptors or memory, try later; the
    /// edge is not told again.
    fn accept(&mut self, conn: ConnId, reserved: bool) -> io::Result<Peer>;

    /// Reads into `room`, which is not empty. 0 is the end of the stream.
    ///
    /// # Errors
    /// `WouldBlock`; anything else ends the connection, and comes again, or 0, if asked again.
    fn read(&mut self, conn: ConnId, room: &mut [u8]) -> io::Result<usize>;

    /// Writes from `bytes`, and says how many the kernel took.
    ///
    /// # Errors
    /// `WouldBlock`; anything else ends the connection.
    fn write(&mut self, conn: ConnId, bytes: &[u8]) -> io::Result<usize>;

    /// Tells the peer that nothing more comes.
    fn shutdown(&mut self, conn: ConnId);

    /// Closes the connection. It has no further events.
    fn close(&mut self, conn: ConnId);

    /// Stops accepting, for good.
    fn stop_accepting(&mut self);

    /// Starts a job of the connection; its result comes as an event. The application bounds how
    /// many are under way.
    fn run(&mut self, conn: ConnId, job: Self::Job);
}
