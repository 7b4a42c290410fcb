//! A crowd of connections on one poll: what they are told to say is written, what they hear is
//! cut into frames.
//!
//! Edge-triggered like the server, and as frugal: one read a readable socket (a short read means
//! that the kernel has no more), one write a turn for all that one connection has to say. The
//! bytes of an unfinished frame are all that a connection keeps.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use p2sp::limits::FRAME_BYTES_MAX;
use p2sp::wire::frame;
use slab::Slab;

use super::words::{self, Said};
use super::world::World;
use super::{Outcome, meter};

/// Bytes read at once, besides an unfinished frame.
const READ_BYTES: usize = 256 * 1024;
/// Connections that [`Crowd::sign_in`] has under way at once.
const SIGN_INS_AT_ONCE: usize = 64;
/// How long everybody's sign-in may stand still.
const STALL: Duration = Duration::from_secs(60);

/// What a connection hears.
pub enum Heard<'a> {
    /// A whole frame.
    Frame(&'a [u8]),
    /// The server has closed.
    End,
}

/// Finds the length of the frame that some bytes begin with, as soon as they tell it.
pub type Cut = fn(&[u8]) -> Outcome<Option<usize>>;

/// All connections.
pub struct Crowd {
    cut: Cut,
    poll: Poll,
    events: Events,
    peers: Slab<Peer>,
    /// Who has something to write.
    eager: Vec<usize>,
    room: Box<[u8]>,
}

struct Peer {
    stream: TcpStream,
    /// The beginning of a frame whose end has not come.
    rest: Vec<u8>,
    out: Vec<u8>,
    sent: usize,
    writable: bool,
}

impl Crowd {
    /// Nobody yet.
    pub fn new() -> Outcome<Crowd> {
        Crowd::cutting(frame_len)
    }

    /// Nobody yet, and frames of another kind.
    pub fn cutting(cut: Cut) -> Outcome<Crowd> {
        Ok(Crowd {
            cut,
            poll: Poll::new()?,
            events: Events::with_capacity(4_096),
            peers: Slab::new(),
            eager: Vec::new(),
            room: vec![0; READ_BYTES + FRAME_BYTES_MAX].into_boxed_slice(),
        })
    }

    /// Begins a connection; the smallest number that is free is its name.
    pub fn connect(&mut self, address: SocketAddr) -> Outcome<usize> {
        self.adopt(TcpStream::connect(address)?)
    }

    /// Takes in a connection that was begun elsewhere, under the smallest number that is free.
    pub fn adopt(&mut self, mut stream: TcpStream) -> Outcome<usize> {
        stream.set_nodelay(true)?;
        let entry = self.peers.vacant_entry();
        let who = entry.key();
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(who), interest)?;
        let (rest, out) = (Vec::new(), Vec::new());
        entry.insert(Peer { stream, rest, out, sent: 0, writable: false });
        Ok(who)
    }

    /// Lets a connection say something in the next turn.
    pub fn say(&mut self, who: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let peer = &mut self.peers[who];
        if peer.out.is_empty() {
            self.eager.push(who);
        }
        write(&mut peer.out);
    }

    /// Says what is still to be said, and goodbye: the server closes when it has seen it.
    pub fn leave(&mut self, who: usize) -> Outcome<()> {
        let peer = &mut self.peers[who];
        peer.write()?;
        Ok(peer.stream.shutdown(Shutdown::Write)?)
    }

    /// Forgets a connection.
    pub fn forget(&mut self, who: usize) {
        self.peers.remove(who);
    }

    /// Writes what is to be said, waits at most so long, and passes on what is heard and when.
    pub fn turn(
        &mut self,
        wait: Duration,
        mut hear: impl FnMut(usize, Heard, Instant) -> Outcome<()>,
    ) -> Outcome<()> {
        let Crowd { cut, poll, events, peers, eager, room } = self;
        for who in eager.drain(..) {
            if let Some(peer) = peers.get_mut(who) {
                peer.write()?;
            }
        }
        match poll.poll(events, Some(wait)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        for event in events.iter() {
            let who = event.token().0;
            let Some(peer) = peers.get_mut(who) else { continue };
            if event.is_writable() {
                peer.writable = true;
                peer.write()?;
            }
            if event.is_readable() {
                peer.read(*cut, room, event.is_read_closed(), |heard, at| hear(who, heard, at))?;
            }
        }
        Ok(())
    }

    /// Connects and signs in the users `self.len()..users`, and waits until they have caught up.
    /// In an empty crowd a user's connection has the user's number.
    pub fn sign_in(&mut self, world: &World, users: usize) -> Outcome<()> {
        let (mut welcome, mut caught_up) = (self.peers.len(), self.peers.len());
        let mut progress = Instant::now();
        while caught_up < users {
            while self.peers.len() < users.min(welcome + SIGN_INS_AT_ONCE) {
                let user = self.peers.len();
                let who = self.connect(world.address(user))?;
                self.say(who, |out| words::resume(out, user));
            }
            self.turn(meter::TURN, |who, heard, at| {
                progress = at;
                let Heard::Frame(frame) = heard else {
                    return Err(format!("user {who} was disconnected").into());
                };
                match words::understand(frame)? {
                    Said::Welcome => welcome += 1,
                    Said::CaughtUp => caught_up += 1,
                    said => return Err(format!("{said:?} in place of a welcome").into()),
                }
                Ok(())
            })?;
            if progress.elapsed() > STALL {
                return Err(format!("{caught_up} of {users} signed in, and no more").into());
            }
        }
        Ok(())
    }
}

impl Peer {
    fn write(&mut self) -> Outcome<()> {
        while self.writable && self.sent < self.out.len() {
            match self.stream.write(&self.out[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.writable = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(format!("write: {error}").into()),
            }
        }
        if self.sent == self.out.len() {
            self.out.clear();
            self.sent = 0;
        }
        Ok(())
    }

    fn read(
        &mut self,
        cut: Cut,
        room: &mut [u8],
        closed: bool,
        mut hear: impl FnMut(Heard, Instant) -> Outcome<()>,
    ) -> Outcome<()> {
        loop {
            let kept = self.rest.len();
            room[..kept].copy_from_slice(&self.rest);
            match self.stream.read(&mut room[kept..]) {
                Ok(0) => return hear(Heard::End, Instant::now()),
                Ok(count) => {
                    let (bytes, at) = (&room[..kept + count], Instant::now());
                    let used = each_frame(cut, bytes, |frame| hear(Heard::Frame(frame), at))?;
                    self.rest.clear();
                    self.rest.extend_from_slice(&bytes[used..]);
                    // A short read: there is no more, but the end perhaps.
                    if kept + count < room.len() && !closed {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(format!("read: {error}").into()),
            }
        }
    }
}

/// Passes on every whole frame, and returns where the unfinished one begins.
fn each_frame(
    cut: Cut,
    bytes: &[u8],
    mut hear: impl FnMut(&[u8]) -> Outcome<()>,
) -> Outcome<usize> {
    let mut at = 0;
    while let Some(length) = cut(&bytes[at..])?.filter(|length| *length <= bytes.len() - at) {
        hear(&bytes[at..at + length])?;
        at += length;
    }
    Ok(at)
}

fn frame_len(bytes: &[u8]) -> Outcome<Option<usize>> {
    frame::frame_len(bytes).map_err(|fault| format!("{fault:?} from the server").into())
}
