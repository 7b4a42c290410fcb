//! What the loop runs: an [`App`] gives a meaning to bytes.
//!
//! The loop knows connections by name, when bytes can be moved, and whose turn it is. Its
//! application decides what the bytes mean, what is answered, and when a connection ends.
//! `examples/echo.rs` is the smallest application, `server` is the chat server.
//!
//! The methods stand in the order in which a tick calls them. An application must have those
//! without a body; the others are for phases that it may not need.

use std::io;
use std::net::SocketAddr;

use super::turns::Queue;
pub use super::turns::Share;
use crate::id::{ConnId, ListenerKind, Moment, Now};

/// Tells the time at this moment, to bound and to measure a phase.
pub type Clock<'c> = &'c dyn Fn() -> Moment;

/// An application.
pub trait App {
    /// Work that would block the loop, which a helper thread does.
    type Job: Job;
    /// What [`App::commit`] committed and [`App::deliver`] may send.
    type Committed;
    /// Why the process has to end at once: our own disk or poll failed.
    type Fatal: From<io::Error>;

    // --- wait ---

    /// The operator asks for something.
    fn signalled(&mut self, _: Signal, _: Now) {}

    /// A job of the connection is done. The connection may be gone by now.
    fn done(&mut self, _: ConnId, _: <Self::Job as Job>::Done) {}

    /// The deadline that [`App::settle`] named for the connection has come.
    fn expire(&mut self, _: ConnId, _: Now) {}

    // --- accept ---

    /// A connection was accepted under this name. False: it is one too many, and is closed.
    fn accepted(&mut self, id: ConnId, peer: Peer, now: Now) -> bool;

    /// A connection could not be accepted for want of descriptors or memory.
    fn turned_away(&mut self) {}

    // --- read ---

    /// Where the connection's next bytes go. The first call in a turn begins the turn, even if no
    /// byte follows: bytes may be kept from before. Empty: the connection has had its share of
    /// this tick.
    ///
    /// # Errors
    /// The connection is not read now.
    fn room(&mut self, id: ConnId, share: Share) -> Result<&mut [u8], NotNow>;

    /// The kernel told this of the connection.
    fn came(&mut self, id: ConnId, what: Came, now: Now);

    // --- the work ---

    /// Bytes become requests.
    fn decode(&mut self, _: Now) {}

    /// Requests are served. Nothing is sent yet.
    ///
    /// # Errors
    /// The process has to end.
    fn serve(&mut self, _: Now, _: Clock) -> Result<(), Self::Fatal> {
        Ok(())
    }

    /// Commits what was served.
    ///
    /// # Errors
    /// The process has to end.
    fn commit(&mut self, now: Now) -> Result<Self::Committed, Self::Fatal>;

    /// Puts what is committed into send buffers. Returns the jobs to be started.
    ///
    /// # Errors
    /// The process has to end.
    fn deliver(
        &mut self,
        _: Self::Committed,
        _: Now,
    ) -> Result<Vec<(ConnId, Self::Job)>, Self::Fatal> {
        Ok(Vec::new())
    }

    // --- write and reap ---

    /// Adds the touched connections: something happened to them since the last call. Each stands
    /// there once, and is written to and settled in this tick.
    fn take_touched(&mut self, into: &mut Vec<ConnId>);

    /// What the kernel is to be given next of the connection's bytes.
    fn to_write(&mut self, id: ConnId) -> &[u8];

    /// The kernel took so many of them.
    fn sent(&mut self, id: ConnId, count: usize, now: Now);

    /// Decides how the connection lives on at the end of a tick. `None`: it is gone, and its socket
    /// is closed. A connection goes only here, so no phase meets another one under its name.
    fn settle(&mut self, id: ConnId, now: Now) -> Option<Alive>;

    // --- upkeep ---

    /// Work that no peer waits for, in a slice that is short.
    ///
    /// # Errors
    /// The process has to end.
    fn upkeep(&mut self, _: Now, _: Clock) -> Result<(), Self::Fatal> {
        Ok(())
    }

    /// Whether the next tick has work at once, without an event.
    fn is_busy(&self) -> bool {
        false
    }

    /// When the next tick has work without an event.
    fn wake_at(&self) -> Option<Moment> {
        None
    }

    /// All connections are gone after [`Signal::Stop`].
    ///
    /// # Errors
    /// What was to be kept could not be written.
    fn finish(self, _: Now) -> Result<(), Self::Fatal>
    where
        Self: Sized,
    {
        Ok(())
    }
}

/// Work for a helper thread.
pub trait Job: Send + 'static {
    /// Its result.
    type Done: Send + 'static;

    /// Does the work. It may block.
    fn run(self) -> Self::Done;
}

/// An application without such work.
#[derive(Debug)]
pub enum NoJob {}

impl Job for NoJob {
    type Done = NoJob;

    fn run(self) -> NoJob {
        self
    }
}

/// The other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// The listener that it came to.
    pub listener: ListenerKind,
}

/// Why a connection is not read now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotNow {
    /// It rests until [`App::settle`] gives it a turn again.
    Rests,
    /// Its turn is in the next tick.
    NextTick,
    /// The tick has gathered all it may: the turn of all others is in the next one, too.
    TickFull,
}

/// An event of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// So many bytes were put into the room.
    Bytes(usize),
    /// The peer sends no more.
    End,
    /// Reading or writing failed: nothing comes and nothing can be sent any more.
    Failed,
    /// The kernel may take bytes again.
    Writable,
}

/// What the operator asks for by a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Read the settings again that can be read while running.
    Reload,
    /// Close all connections, and begin no new work. Nothing is accepted from here on.
    Stop,
}

/// How a connection lives on after the end of a tick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Alive {
    /// When [`App::expire`] is to look at it; it may be called earlier.
    pub deadline: Option<Moment>,
    /// In which queue its next turn is.
    pub queue: Queue,
    /// It may have a turn now. If not, the application touches it when it may.
    pub may_read: bool,
    /// It has kept work: it needs a turn though no byte comes.
    pub has_work: bool,
    /// All is sent: the peer is told so, and its last bytes are still read.
    pub shut_down: bool,
}
