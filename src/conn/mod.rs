//! A connection: the state of one peer, from its first byte to the end of its socket.
//!
//! ```text
//!  ┌─ first byte 16 ─► handshaking ─┐
//! open ◄──────── done ─────────────┘
//!  └──── close() ────► flushing ── all sent ──► lingering ──► dead
//!                         │ 5 s                     │ 2 s, 64 KiB, end
//!                         └─ read or write failed ──┴──► dead
//! ```
//!
//! An *open* connection is served, in the protocol that its first bytes tell ([`Protocol`]). A
//! *flushing* one is sent what is left and is not read. A *lingering* one has shut down its own
//! side and discards what still comes: closing a socket with unread input resets the connection,
//! which can destroy the last reply on its way. Only `reap` frees the slot of a *dead* one.
//!
//! The bytes that wait, in [`receive`] to be served and in [`send`] to be sent, are plaintext; TLS
//! opens and seals records beside them ([`tls`]). An idle connection owns no buffer ([`spare`]).
//! [`rest`] tells why a connection is not served, [`timeouts`] by when its peer must act, and
//! [`conns`] holds all connections.
//!
//! It knows no user, no store and no socket.

pub mod close_reason;
pub mod conns;
pub mod receive;
pub mod rest;
pub mod send;
pub mod spare;
pub mod timeouts;
pub mod tls;
pub mod via;

pub use close_reason::CloseReason;
pub use conns::Conns;
pub use rest::Rest;
pub use timeouts::Due;
pub use via::Via;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::doors::Protocol;
use crate::doors::frames::Frames;
use crate::doors::http::Http;
use crate::id::{ListenerKind, Moment};
use crate::limits;
use crate::wire::frame;
use receive::ReceiveBuffer;
use rest::Rests;
use send::SendBuffer;
use spare::SpareBuffers;
use timeouts::Timeouts;
use tls::Tls;

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// A TLS handshake was begun and is not complete.
    Handshaking,
    /// It is read and served.
    Open,
    /// It closes: the last bytes are on their way.
    Flushing,
    /// Our side is shut down, and what comes is discarded.
    Lingering,
    /// Its socket is of no use any more.
    Dead,
}

impl Stage {
    /// Whether the connection is not closing: it is read and served.
    pub fn is_serving(self) -> bool {
        !matches!(self, Stage::Flushing | Stage::Lingering | Stage::Dead)
    }
}

/// One connection.
pub struct Connection {
    /// See `ConnId`.
    pub generation: u32,
    /// Where it is in its life.
    pub stage: Stage,
    /// Why it closes; set once.
    pub reason: Option<CloseReason>,
    /// What was received and not served yet: frames, or bytes as they came where the protocol is
    /// not known yet or is HTTP.
    pub received: ReceiveBuffer,
    /// What is to be sent, in plaintext: under TLS until the kernel has the record that holds it.
    pub send: SendBuffer,
    /// The state of TLS, if the peer uses it.
    pub tls: Option<Box<Tls>>,
    /// What the peer speaks.
    pub protocol: Protocol,
    /// The peer sends no more. The connection closes when all that it sent is served.
    pub peer_finished: bool,
    /// It is in the list of connections that something happened to; see [`conns`].
    pub touched: bool,
    /// See [`Connection::peer`]; IPv4 as an IPv6 address, which needs a byte less than an enum.
    peer: Ipv6Addr,
    /// How the peer's address is known.
    pub via: Via,
    /// The listener that accepted it.
    pub listener: ListenerKind,
    /// The throttle counts it among the connections of its address.
    pub counted: bool,
    /// Bytes that were discarded while it lingered.
    lingered_bytes: u32,
    rests: Rests,
    timeouts: Timeouts,
}

impl Connection {
    /// A connection that was accepted now.
    pub fn new(generation: u32, peer: IpAddr, now: Moment) -> Connection {
        Connection {
            generation,
            stage: Stage::Open,
            reason: None,
            received: ReceiveBuffer::default(),
            send: SendBuffer::default(),
            tls: None,
            protocol: Protocol::Unknown(Frames),
            peer_finished: false,
            touched: false,
            peer: in_six(peer),
            via: Via::Direct,
            listener: ListenerKind::Public,
            counted: false,
            lingered_bytes: 0,
            rests: Rests::default(),
            timeouts: Timeouts::new(ListenerKind::Public, now),
        }
    }

    /// A connection that was accepted now by another listener than the public one. Nobody signs in
    /// there, so it must show signs of life.
    pub fn inside(generation: u32, listener: ListenerKind, now: Moment) -> Connection {
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let protocol = match listener {
            ListenerKind::Public => Protocol::Unknown(Frames),
            ListenerKind::Control => Protocol::Frames(Frames),
            ListenerKind::Metrics => Protocol::Http(Http),
        };
        let timeouts = Timeouts::new(listener, now);
        Connection { protocol, listener, timeouts, ..Connection::new(generation, peer, now) }
    }

    /// The address at the other end, for the log and for limits by address.
    pub fn peer(&self) -> IpAddr {
        IpAddr::V6(self.peer).to_canonical()
    }

    /// A proxy told the address of its client, which counts from here on.
    pub fn is_for(&mut self, peer: IpAddr, via: Via) {
        (self.peer, self.via, self.counted) = (in_six(peer), via, true);
    }

    /// Whether it is not closing.
    pub fn is_serving(&self) -> bool {
        self.stage.is_serving()
    }

    /// Its first bytes told what the peer speaks. What is begun in a protocol that is decoded has
    /// a timeout of its own.
    pub fn begin(&mut self, protocol: Protocol) {
        if protocol.codec().needs_decoding() {
            self.timeouts.end();
        }
        self.protocol = protocol;
    }

    /// Its first byte is that of a TLS handshake.
    pub fn begin_tls(&mut self, tls: Tls, now: Moment) {
        self.tls = Some(Box::new(tls));
        self.stage = Stage::Handshaking;
        self.timeouts.begin(now);
    }

    /// The handshake is done. Within TLS the first bytes tell again what the peer speaks.
    pub fn shook_hands(&mut self) {
        self.stage = Stage::Open;
        self.timeouts.end();
    }

    /// Whether something was kept that can be worked on without more bytes.
    pub fn has_work(&self) -> bool {
        let unopened = self.tls.as_ref().is_some_and(|tls| tls.waits());
        unopened || self.protocol.codec().waits() || has_frame(self.kept_frames())
    }

    /// Whether what was kept is the beginning of something whose rest the peer owes.
    pub fn is_within(&self) -> bool {
        let in_record = self.tls.as_ref().is_some_and(|tls| tls.is_within_record());
        let kept = self.received.bytes();
        let in_frame = !kept.is_empty() && !has_frame(self.kept_frames());
        in_frame
            || in_record
            || self.protocol.codec().is_within()
            || self.stage == Stage::Handshaking
    }

    /// Whether so much is kept that nothing more may be read now.
    pub fn is_full(&self) -> bool {
        self.protocol.codec().is_full()
    }

    fn kept_frames(&self) -> &[u8] {
        if self.protocol.has_requests() { self.received.bytes() } else { &[] }
    }

    /// Appends what `write` writes to what is to be sent.
    pub(super) fn append(
        &mut self,
        now: Moment,
        spare: &mut SpareBuffers,
        write: impl FnOnce(&mut Protocol, &mut Vec<u8>),
    ) {
        if self.send.is_empty() {
            self.timeouts.progress(now);
        }
        write(&mut self.protocol, self.send.tail(spare));
        self.back_up_if_full();
    }

    /// Everything that waits to be sent, sealed or not.
    pub fn unsent_bytes(&self) -> usize {
        self.send.len() + self.tls.as_ref().map_or(0, |tls| tls.unsent().len())
    }

    /// Whether something waits to be sent. The close of WebSocket or TLS counts.
    pub fn wants_write(&self) -> bool {
        match &self.tls {
            None => !self.send.is_empty() || self.owes_close(),
            Some(tls) => {
                let open = !tls.has_ended() && !tls.is_handshaking();
                let to_seal = open && (!self.send.is_empty() || self.stage == Stage::Flushing);
                to_seal || !tls.unsent().is_empty()
            }
        }
    }

    fn owes_close(&self) -> bool {
        self.stage == Stage::Flushing && self.protocol.codec().owes_end()
    }

    /// Prepares [`Connection::to_write`]: at the end the close of the protocol, and under TLS the
    /// next record, if none is on its way.
    pub(super) fn seal(&mut self, spare: &mut SpareBuffers) {
        if self.owes_close() {
            self.protocol.codec_mut().end(CloseReason::ending(self.reason), self.send.tail(spare));
        }
        let Some(tls) = &mut self.tls else { return };
        let mut sealed = tls.seal(self.send.unsent(), spare);
        if self.stage == Stage::Flushing && self.send.is_empty() {
            sealed = sealed.and_then(|()| tls.end(spare));
        }
        if let Err(fault) = sealed {
            log::debug!("nothing can be sealed: {}", fault.0);
            self.die(CloseReason::Tls);
        }
    }

    /// What the kernel is to be given next.
    pub(super) fn to_write(&self) -> &[u8] {
        self.tls.as_ref().map_or(self.send.unsent(), |tls| tls.unsent())
    }

    /// The kernel took `bytes`. Returns how many bytes of plaintext left with them.
    pub(super) fn was_sent(
        &mut self,
        bytes: usize,
        now: Moment,
        spare: &mut SpareBuffers,
    ) -> usize {
        let plain = match &mut self.tls {
            None => bytes,
            Some(tls) => tls.was_sent(bytes, spare),
        };
        self.send.consume(plain, self.protocol.codec().unit_len(), spare);
        self.go_on_if_drained();
        self.timeouts.progress(now);
        plain
    }

    /// Drops everything behind the frame that is being written, or that a sealed record touches.
    /// Returns the number of bytes.
    pub(super) fn drop_unbegun(&mut self, spare: &mut SpareBuffers) -> usize {
        let covered = self.tls.as_ref().map_or(0, |tls| tls.covered());
        self.send.drop_unbegun(covered, self.protocol.codec().unit_len(), spare)
    }

    /// Begins to close. The first reason stands.
    pub fn close(&mut self, reason: CloseReason, now: Moment) {
        if self.is_serving() {
            self.stage = Stage::Flushing;
            self.reason = Some(reason);
            self.timeouts.close(now);
            self.received.clear();
        }
    }

    /// Our side was shut down: what still comes is discarded.
    pub fn linger(&mut self, now: Moment) {
        self.stage = Stage::Lingering;
        self.timeouts.close(now);
    }

    /// Bytes came while it lingers, and are discarded. True: they are too many.
    pub fn discard(&mut self, bytes: usize) -> bool {
        self.lingered_bytes = self.lingered_bytes.saturating_add(bytes as u32);
        self.lingered_bytes as usize > limits::LINGER_BYTES_MAX
    }

    /// Ends at once. What was to be sent is lost.
    pub fn die(&mut self, reason: CloseReason) {
        self.reason.get_or_insert(reason);
        self.stage = Stage::Dead;
        self.received.clear();
    }
}

fn in_six(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
}

/// Whether the bytes begin with something that can be served: a whole frame, or a fault.
fn has_frame(bytes: &[u8]) -> bool {
    match frame::frame_len(bytes) {
        Ok(Some(length)) => length <= bytes.len(),
        Ok(None) => false,
        Err(_) => true,
    }
}

/// A million idle connections are a million of these (P20).
const _: () = assert!(std::mem::size_of::<Connection>() <= 184);

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn connection() -> Connection {
        Connection::new(0, IpAddr::V4(Ipv4Addr::LOCALHOST), Moment(0))
    }

    fn at(seconds: u64) -> Moment {
        Moment(seconds * 1_000_000)
    }

    #[test]
    fn p23_a_connection_that_does_not_sign_in_ends_whatever_it_sends() {
        let settings = limits::Limits::default();
        let mut conn = connection();
        assert_eq!(conn.due(at(0), &settings), Due::Later(at(180)));
        conn.frames_came(at(179));
        assert_eq!(conn.due(at(180), &settings), Due::Close(CloseReason::SignInDeadline));
    }

    #[test]
    fn p23_a_frame_completes_in_time_or_the_connection_ends() {
        let settings = limits::Limits::default();
        let mut conn = connection();
        conn.frame_is_begun(true, at(1));
        conn.frame_is_begun(true, at(9));
        assert_eq!(conn.due(at(9), &settings), Due::Later(at(16)));
        assert_eq!(conn.due(at(16), &settings), Due::Close(CloseReason::FrameDeadline));
        conn.frame_is_begun(false, at(16));
        assert_eq!(conn.due(at(16), &settings), Due::Later(at(180)));
    }

    #[test]
    fn p24_frames_in_front_of_an_error_leave_it_dead() {
        let mut conn = connection();
        conn.die(CloseReason::Io);
        conn.frames_came(at(1));
        assert_eq!(conn.stage, Stage::Dead);
    }

    #[test]
    fn a_closing_connection_flushes_then_lingers_then_goes() {
        let settings = limits::Limits::default();
        let mut conn = connection();
        conn.close(CloseReason::Protocol, at(1));
        conn.close(CloseReason::Idle, at(2));
        assert_eq!(conn.reason, Some(CloseReason::Protocol));
        assert_eq!(conn.due(at(2), &settings), Due::Later(at(6)));
        assert_eq!(conn.due(at(6), &settings), Due::Drop);
        conn.linger(at(3));
        assert_eq!(conn.due(at(4), &settings), Due::Later(at(5)));
        assert!(!conn.discard(limits::LINGER_BYTES_MAX));
        assert!(conn.discard(1));
    }
}
