//! The floor: a bare relay on the same loop. Frames are forwarded to the number they name;
//! nothing is parsed, nothing is stored, and each connection is written to once a tick.
//!
//! ```text
//! frame   destination u32 │ length u32 │ that many bytes      little-endian
//!         SIGN_IN: the bytes are the number of this connection's user; echoed
//!         GROUP:   goes to everyone but the sender
//! ```
//!
//! Over WebSocket each message has one frame.
//!
//! A chat server cannot be faster than this on one thread; what it is slower by is the price of
//! what it promises. The bench starts itself again to run it, so it is a process of its own.

use std::io::{ErrorKind, Read, Write};
use std::mem;
use std::time::Duration;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use p2sp_bench::Outcome;
use p2sp_bench::crowd::{Cut, SIGN_INS_AT_ONCE};
use p2sp_bench::sizes::Over;
use p2sp_bench::websocket;
use p2sp_bench::world::HOSTS;
use slab::Slab;

use super::dialect::{Dialect, Place, Program, Said, refused};

/// The argument that makes the bench a relay.
pub const RELAY: &str = "relay";
/// What its configuration says after the port, if it speaks WebSocket.
const WEBSOCKET: &str = "websocket";

const HEADER_BYTES: usize = 8;
const SIGN_IN: u32 = u32::MAX;
const GROUP: u32 = u32::MAX - 1;
/// Bytes read at once, besides an unfinished frame.
const READ_BYTES: usize = 256 * 1024;
/// Listeners have the tokens from here on.
const LISTENERS: usize = usize::MAX / 2;

/// The client's side.
pub struct Floor;

impl Program for Floor {
    fn program(&self) -> Option<&'static str> {
        None
    }

    fn config(&self, port: u16, _data: &str, over: Over) -> String {
        match over {
            Over::Websocket => format!("{port} {WEBSOCKET}"),
            _ => port.to_string(),
        }
    }

    fn flags(&self) -> &'static [&'static str] {
        &[RELAY]
    }
}

impl Dialect for Floor {
    fn at_once(&self) -> usize {
        SIGN_INS_AT_ONCE
    }

    fn cut(&self) -> Cut {
        |bytes| Ok(frame_len(bytes))
    }

    fn answers(&self) -> bool {
        false
    }

    fn sign_in(&self, out: &mut Vec<u8>, user: usize) {
        append(out, SIGN_IN, &(user as u32).to_le_bytes());
    }

    fn listen(&self, _out: &mut Vec<u8>, _at: Place) {}

    fn send(&self, out: &mut Vec<u8>, to: Place, _number: u64, text: &[u8]) {
        match to {
            Place::User(user) => append(out, user as u32, text),
            Place::Group => append(out, GROUP, text),
        }
    }

    fn understand<'a>(&self, frame: &'a [u8], _reply: &mut Vec<u8>) -> Outcome<Said<'a>> {
        match word(frame, 0) {
            Some(SIGN_IN) => Ok(Said::Done),
            Some(_) => Ok(Said::Message(&frame[HEADER_BYTES..])),
            None => refused(frame),
        }
    }
}

fn append(out: &mut Vec<u8>, destination: u32, bytes: &[u8]) {
    out.extend_from_slice(&destination.to_le_bytes());
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn frame_len(bytes: &[u8]) -> Option<usize> {
    Some(HEADER_BYTES + word(bytes, 4)? as usize)
}

/// Runs until it is killed.
pub fn run(config: &str) -> Outcome<()> {
    let config = std::fs::read_to_string(config)?;
    let mut words = config.split_whitespace();
    let port = words.next().ok_or("no port")?.parse()?;
    let mut relay = Relay::new(port, words.next() == Some(WEBSOCKET))?;
    let mut events = Events::with_capacity(4_096);
    loop {
        relay.tick(&mut events)?;
    }
}

/// Listeners, connections, and which of them is whose.
struct Relay {
    poll: Poll,
    listeners: Vec<TcpListener>,
    peers: Slab<Peer>,
    is_websocket: bool,
    /// Connections by their user's number.
    users: Vec<Option<usize>>,
    /// Who has something to write.
    eager: Vec<usize>,
    /// Who has left in this tick.
    gone: Vec<usize>,
    room: Box<[u8]>,
}

struct Peer {
    stream: TcpStream,
    /// The beginning of a frame whose end has not come.
    rest: Vec<u8>,
    out: Vec<u8>,
    user: Option<usize>,
}

impl Relay {
    fn new(port: u16, is_websocket: bool) -> Outcome<Relay> {
        let poll = Poll::new()?;
        let mut listeners = Vec::new();
        for (index, host) in HOSTS.iter().enumerate() {
            let mut listener = TcpListener::bind(format!("{host}:{port}").parse()?)?;
            let token = Token(LISTENERS + index);
            poll.registry().register(&mut listener, token, Interest::READABLE)?;
            listeners.push(listener);
        }
        let room = vec![0; 2 * READ_BYTES].into_boxed_slice();
        let (users, eager, gone) = (Vec::new(), Vec::new(), Vec::new());
        let peers = Slab::new();
        Ok(Relay { poll, listeners, peers, is_websocket, users, eager, gone, room })
    }

    fn tick(&mut self, events: &mut Events) -> Outcome<()> {
        match self.poll.poll(events, None::<Duration>) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        for event in events.iter() {
            match event.token().0 {
                token if token >= LISTENERS => self.accept(token - LISTENERS)?,
                who => {
                    if event.is_writable() {
                        self.eager.push(who);
                    }
                    if event.is_readable() {
                        self.read(who, event.is_read_closed());
                    }
                }
            }
        }
        for who in mem::take(&mut self.eager) {
            self.write(who);
        }
        for who in mem::take(&mut self.gone) {
            self.forget(who);
        }
        Ok(())
    }

    fn accept(&mut self, listener: usize) -> Outcome<()> {
        loop {
            match self.listeners[listener].accept() {
                Ok((mut stream, _)) => {
                    stream.set_nodelay(true)?;
                    let entry = self.peers.vacant_entry();
                    let interest = Interest::READABLE | Interest::WRITABLE;
                    self.poll.registry().register(&mut stream, Token(entry.key()), interest)?;
                    entry.insert(Peer { stream, rest: Vec::new(), out: Vec::new(), user: None });
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn read(&mut self, who: usize, closed: bool) {
        let mut room = mem::take(&mut self.room);
        while let Some(peer) = self.peers.get_mut(who) {
            let kept = peer.rest.len();
            room[..kept].copy_from_slice(&peer.rest);
            match peer.stream.read(&mut room[kept..]) {
                Ok(0) => {
                    self.gone.push(who);
                    break;
                }
                Ok(count) => {
                    let end = kept + count;
                    let used = self.take(who, &room[..end]);
                    let Some(peer) = self.peers.get_mut(who) else { break };
                    peer.rest.clear();
                    peer.rest.extend_from_slice(&room[used..end]);
                    // A short read: there is no more, but the end perhaps.
                    if end < room.len() && !closed {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => {
                    self.gone.push(who);
                    break;
                }
            }
        }
        self.room = room;
    }

    /// Passes on every whole frame, and returns where the unfinished one begins.
    fn take(&mut self, who: usize, bytes: &[u8]) -> usize {
        let (mut at, mut message) = (0, Vec::new());
        while let Some(length) = self.unit_len(&bytes[at..]).filter(|len| *len <= bytes.len() - at)
        {
            let unit = &bytes[at..at + length];
            at += length;
            if !self.is_websocket {
                self.forward(who, unit, unit);
            } else if websocket::is_message(unit) {
                let frame = websocket::payload(unit);
                message.clear();
                websocket::append(&mut message, frame, false);
                self.forward(who, frame, &message);
            } else {
                self.say(who, websocket::ANSWER);
            }
        }
        at
    }

    fn unit_len(&self, bytes: &[u8]) -> Option<usize> {
        match self.is_websocket {
            true => websocket::cut(bytes).ok().flatten(),
            false => frame_len(bytes),
        }
    }

    /// Passes on one frame as that unit.
    fn forward(&mut self, who: usize, frame: &[u8], unit: &[u8]) {
        match word(frame, 0) {
            Some(SIGN_IN) => {
                self.sign_in(who, frame);
                self.say(who, unit);
            }
            Some(GROUP) => {
                let Relay { peers, eager, .. } = self;
                let others = peers.iter_mut().filter(|(other, _)| *other != who);
                others.for_each(|(other, peer)| peer.say(other, unit, eager));
            }
            Some(user) => {
                if let Some(Some(whose)) = self.users.get(user as usize) {
                    self.say(*whose, unit);
                }
            }
            None => {}
        }
    }

    fn sign_in(&mut self, who: usize, frame: &[u8]) {
        let user = word(frame, HEADER_BYTES).unwrap_or(0) as usize;
        if self.users.len() <= user {
            self.users.resize(user + 1, None);
        }
        self.users[user] = Some(who);
        self.peers[who].user = Some(user);
    }

    fn say(&mut self, who: usize, frame: &[u8]) {
        if let Some(peer) = self.peers.get_mut(who) {
            peer.say(who, frame, &mut self.eager);
        }
    }

    fn write(&mut self, who: usize) {
        let Some(peer) = self.peers.get_mut(who).filter(|peer| !peer.out.is_empty()) else {
            return;
        };
        match peer.stream.write(&peer.out) {
            Ok(count) if count == peer.out.len() => peer.out.clear(),
            // The rest has to wait for room in the kernel, which is an event.
            Ok(count) => drop(peer.out.drain(..count)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => self.gone.push(who),
        }
    }

    fn forget(&mut self, who: usize) {
        let Some(peer) = self.peers.try_remove(who) else { return };
        if let Some(user) = peer.user.filter(|user| self.users[*user] == Some(who)) {
            self.users[user] = None;
        }
    }
}

impl Peer {
    fn say(&mut self, who: usize, frame: &[u8], eager: &mut Vec<usize>) {
        if self.out.is_empty() {
            eager.push(who);
        }
        self.out.extend_from_slice(frame);
    }
}
