//! The edge: everything outside the loop, as one trait.
//!
//! The loop asks [`Net`] for what happened and what time it is, for bytes, and for the things that
//! would block it: password hashes, the free space of the disk, the certificate's files. The
//! shipped edge is `mio_net`; tests and simulations bring their own, and the loop cannot tell.
//!
//! The contract of readiness is that of edge-triggered epoll: each edge is told once, so a
//! caller reads, writes and accepts until [`io::ErrorKind::WouldBlock`] or remembers that it
//! did not. Events are hints and may come for nothing.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::certificate::Certificate;
use crate::id::{ConnId, Door, Moment, Now};
use crate::password::{Outcome, Task};

/// What happened since the last [`Net::wait`].
#[derive(Debug, Default)]
pub struct Events {
    /// Connections that may be readable or writable now.
    pub ready: Vec<Readiness>,
    /// Somebody may be waiting to be accepted.
    pub acceptable: bool,
    /// Somebody may be waiting at a door that is not the network's.
    pub knocked: bool,
    /// Finished password hashes, by the connection that waits for them.
    pub hashes: Vec<(ConnId, Outcome)>,
    /// Signals to stop that came.
    pub stops: u32,
    /// A signal asks to read the certificate again.
    pub reload: bool,
}

/// One connection's edge.
#[derive(Clone, Copy, Debug)]
pub struct Readiness {
    /// Whose.
    pub conn: ConnId,
    /// There may be bytes, the end of the stream, or an error to read.
    pub readable: bool,
    /// There may be room to write.
    pub writable: bool,
}

impl Events {
    /// Forgets what happened, and keeps the memory.
    pub fn clear(&mut self) {
        self.ready.clear();
        self.acceptable = false;
        self.knocked = false;
        self.hashes.clear();
        self.stops = 0;
        self.reload = false;
    }
}

/// Everything outside the loop.
pub trait Net {
    /// Waits until something happens, at most for `timeout` (`None`: for ever), adds it to
    /// `events` and says what time it is then.
    ///
    /// # Errors
    /// Polling itself failed: fatal.
    fn wait(&mut self, timeout: Option<Duration>, events: &mut Events) -> io::Result<Now>;

    /// The monotonic clock, to bound and to measure a phase; never for what is stored.
    fn moment(&self) -> Moment;

    /// Accepts one waiting peer as `conn`. Readiness comes under that id from now on.
    ///
    /// # Errors
    /// `WouldBlock`: nobody waits. Anything else: out of descriptors or memory, try later; the
    /// edge is not told again.
    fn accept(&mut self, conn: ConnId) -> io::Result<SocketAddr>;

    /// Accepts one who waits at another door than the network's, as [`Net::accept`] does. An edge
    /// without such doors has nobody there.
    ///
    /// # Errors
    /// As [`Net::accept`].
    fn accept_inside(&mut self, _: ConnId) -> io::Result<Door> {
        Err(io::ErrorKind::WouldBlock.into())
    }

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

    /// Lets the connection go. Nothing is told of it any more.
    fn close(&mut self, conn: ConnId);

    /// Stops accepting, for good.
    fn stop_accepting(&mut self);

    /// Starts hashing; the outcome comes as an event. The caller keeps at most
    /// `HASHES_UNDER_WAY_MAX` under way.
    fn hash(&mut self, conn: ConnId, task: Task);

    /// Bytes that the disk of the data directory has left.
    ///
    /// # Errors
    /// The file system does not say.
    fn disk_free(&mut self) -> io::Result<u64>;

    /// Reads the server's certificate again.
    ///
    /// # Errors
    /// It cannot be used, and why; an edge that never asks for it has none.
    fn certificate(&mut self) -> Result<Certificate, String> {
        Err("there is none".into())
    }
}
