//! A crowd of connections on one poll: what they are told to say is written, what they hear is
//! cut into frames. TLS and WebSocket lie between the two, where the bench asks for them.
//!
//! Edge-triggered like the server, and as frugal: one read a readable socket (a short read means
//! that the kernel has no more), one write a turn for all that one connection has to say. The
//! bytes of an unfinished frame are all that a connection keeps.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use p2sp::limits::{FRAME_BYTES_MAX, FRAME_HEADER_BYTES};
use p2sp::wire::frame;
use rustls::{ClientConfig, ClientConnection};
use slab::Slab;

use super::sizes::Over;
use super::words::{self, Said};
use super::world::World;
use super::{Outcome, meter, tls, websocket};

/// Bytes read at once, besides an unfinished frame.
const READ_BYTES: usize = 256 * 1024;
/// Connections that are signing in at once.
pub const SIGN_INS_AT_ONCE: usize = 64;
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

/// What a protocol's frames are to a crowd.
pub struct Frames {
    /// How they are told from one another.
    pub cut: Cut,
    /// The bytes of their header, for which a message of WebSocket has its own.
    pub header_bytes: usize,
}

/// All connections.
pub struct Crowd {
    frames: Frames,
    /// How what comes is cut: into frames, or into messages of WebSocket.
    cut: Cut,
    over: Over,
    tls: Option<Arc<ClientConfig>>,
    /// What a connection says, before it is put into messages.
    said: Vec<u8>,
    poll: Poll,
    events: Events,
    peers: Slab<Peer>,
    /// Who has something to write.
    eager: Vec<usize>,
    room: Box<[u8]>,
}

struct Peer {
    stream: TcpStream,
    tls: Option<Box<ClientConnection>>,
    /// The beginning of a frame whose end has not come.
    rest: Vec<u8>,
    out: Vec<u8>,
    sent: usize,
    writable: bool,
}

impl Crowd {
    /// No connection yet.
    ///
    /// # Errors
    /// The system has no poll.
    pub fn new() -> Outcome<Crowd> {
        Crowd::over(Over::Tcp)
    }

    /// No connection yet; all of them will be of that kind.
    ///
    /// # Errors
    /// The system has no poll.
    pub fn over(over: Over) -> Outcome<Crowd> {
        Crowd::of(Frames { cut: frame_len, header_bytes: FRAME_HEADER_BYTES }, over)
    }

    /// The same, with frames of another protocol.
    ///
    /// # Errors
    /// The system has no poll.
    pub fn of(frames: Frames, over: Over) -> Outcome<Crowd> {
        Ok(Crowd {
            cut: if over == Over::Websocket { websocket::cut } else { frames.cut },
            frames,
            over,
            tls: if over == Over::Tls { Some(tls::client()?) } else { None },
            said: Vec::new(),
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
        let tls = self.tls.as_ref().map(tls::connection).transpose()?;
        let mut out = Vec::new();
        if self.over == Over::Websocket {
            out.extend_from_slice(websocket::REQUEST);
            self.eager.push(who);
        }
        entry.insert(Peer { stream, tls, rest: Vec::new(), out, sent: 0, writable: false });
        Ok(who)
    }

    /// Lets a connection say something in the next turn.
    pub fn say(&mut self, who: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let peer = &mut self.peers[who];
        if peer.out.is_empty() {
            self.eager.push(who);
        }
        if self.over != Over::Websocket {
            return write(&mut peer.out);
        }
        self.said.clear();
        write(&mut self.said);
        let Frames { cut, header_bytes } = self.frames;
        let wrap = |frame: &[u8]| {
            websocket::append(&mut peer.out, &frame[header_bytes..], true);
            Ok(())
        };
        let wrapped = each_frame(cut, &self.said, wrap);
        debug_assert!(wrapped.is_ok_and(|used| used == self.said.len()), "whole frames are said");
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
        let Crowd { cut, over, poll, events, peers, eager, room, .. } = self;
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
                peer.read(*cut, room, event.is_read_closed(), |heard, at| match heard {
                    Heard::Frame(frame)
                        if *over == Over::Websocket && websocket::is_head(frame) =>
                    {
                        Ok(())
                    }
                    _ => hear(who, heard, at),
                })?;
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
        if let Some(tls) = &mut self.tls {
            tls.writer().write_all(&self.out)?;
            self.out.clear();
        }
        while self.writable && self.owes() {
            let written = match &mut self.tls {
                Some(tls) => tls.write_tls(&mut self.stream),
                None => self.stream.write(&self.out[self.sent..]),
            };
            match written {
                Ok(count) if self.tls.is_none() => self.sent += count,
                Ok(_) => {}
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

    /// Whether there is something to write.
    fn owes(&self) -> bool {
        self.tls.as_ref().map_or(self.sent < self.out.len(), |tls| tls.wants_write())
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
            match self.receive(&mut room[kept..]) {
                Ok(0) => return hear(Heard::End, Instant::now()),
                Ok(count) => {
                    let (bytes, at) = (&room[..kept + count], Instant::now());
                    let used = each_frame(cut, bytes, |frame| hear(Heard::Frame(frame), at))?;
                    self.rest.clear();
                    self.rest.extend_from_slice(&bytes[used..]);
                    // A short read: there is no more, but the end perhaps. Records of TLS are
                    // read one by one.
                    if kept + count < room.len() && !closed && self.tls.is_none() {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(format!("read: {error}").into()),
            }
        }
    }

    /// Reads what was said: of TLS as many records as there are.
    fn receive(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        let Some(tls) = &mut self.tls else { return self.stream.read(room) };
        loop {
            match tls.reader().read(room) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return read,
            }
            if tls.read_tls(&mut self.stream)? == 0 {
                return Ok(0);
            }
            tls.process_new_packets().map_err(std::io::Error::other)?;
            // The handshake goes on by what was read.
            while self.writable && tls.wants_write() {
                match tls.write_tls(&mut self.stream) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => self.writable = false,
                    written => drop(written?),
                }
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
