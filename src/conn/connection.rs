//! One connection: what was received and not served, what is to be sent, and its stage.
//!
//! ```text
//! intake   ┌ frame ┬ frame ┬ fra│          served from the tick's own buffer
//! after it                 └ fra┘ ──kept──► received
//! next     ┌ fra│me ┬ …    ◄──taken──
//! ```
//!
//! What is received grows by bytes that came, never by a length that a header claims, and is at
//! most what one connection may hand to one tick.

use super::rest::{Rest, Rests};
use super::send::SendBuffer;
use super::spare::SpareBuffers;
use super::timeouts::{Due, Timeouts};
use super::tls::Tls;
use super::{CloseReason, Origin, Stage};
use crate::doors::frames::Frames;
use crate::doors::http::Http;
use crate::doors::{Ending, Protocol};
use crate::id::{ListenerKind, Moment};
use crate::limits;
use crate::wire::frame;

/// One connection.
pub struct Connection {
    /// Where it is in its life.
    pub stage: Stage,
    /// Why it closes; set once.
    pub reason: Option<CloseReason>,
    /// What was received and not served yet: frames, or bytes as they came where the protocol is
    /// not known yet or is HTTP.
    pub received: Box<[u8]>,
    /// What is to be sent, in plaintext: under TLS until the kernel has the record that holds it.
    pub send: SendBuffer,
    /// The state of TLS, if the peer uses it.
    pub tls: Option<Box<Tls>>,
    /// What the peer speaks.
    pub protocol: Protocol,
    /// The peer sends no more. The connection closes when all that it sent is served.
    pub peer_finished: bool,
    /// It is in the list of connections that something happened to; see `Conns`.
    pub touched: bool,
    /// Where it comes from.
    pub from: Origin,
    /// What makes it rest.
    pub rests: Rests,
    /// The moments from which its timeouts count.
    pub timeouts: Timeouts,
    /// Bytes that were discarded while it lingered.
    lingered_bytes: u32,
}

impl Connection {
    /// A connection that was accepted now. At a listener that is not the network's it is known what
    /// the peer speaks.
    pub fn new(from: Origin, now: Moment) -> Connection {
        Connection {
            stage: Stage::Open,
            reason: None,
            received: Box::default(),
            send: SendBuffer::default(),
            tls: None,
            protocol: match from.listener {
                ListenerKind::Public => Protocol::Unknown(Frames),
                ListenerKind::Control => Protocol::Frames(Frames),
                ListenerKind::Metrics => Protocol::Http(Http),
            },
            peer_finished: false,
            touched: false,
            from,
            rests: Rests::default(),
            timeouts: Timeouts::new(from.listener, now),
            lingered_bytes: 0,
        }
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
        let in_frame = !self.received.is_empty() && !has_frame(self.kept_frames());
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
        if self.protocol.has_requests() { &self.received } else { &[] }
    }

    // --- what it may do now ---

    /// Why the connection rests; `None` if it may be served.
    pub fn rest(&self) -> Option<Rest> {
        self.rests.why(self.stage)
    }

    /// Whether a request may be read and served now.
    pub fn may_be_served(&self) -> bool {
        self.rest().is_none()
    }

    /// Whether an entry of the log may be pushed now. A reader that is not pushed goes on from the
    /// log later.
    pub fn may_be_pushed(&self) -> bool {
        self.is_serving() && !self.rests.backed_up
    }

    /// Whether a request was begun and not answered: its answer needs a hash, or its turn has not
    /// come.
    pub fn owes_answer(&self) -> bool {
        self.rests.hash || self.rests.rate_limited_until.is_some()
    }

    /// The earliest deadline, and what it asks for.
    pub fn next_deadline(&self, settings: &limits::Limits) -> Option<(Moment, Due)> {
        let rate = self.rests.rate_limited_until.filter(|_| self.is_serving());
        let deadlines = self.timeouts.deadlines(self.stage, !self.send.is_empty(), settings);
        deadlines.chain(rate.map(|until| (until, Due::GoOn))).min_by_key(|(at, _)| *at)
    }

    // --- what it is sent ---

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
        self.rests.backed_up |= self.send.len() > limits::SEND_HIGH_BYTES;
    }

    /// Prepares [`Connection::to_write`]: at the end the close of the protocol, and under TLS the
    /// next record, if none is on its way.
    pub(super) fn seal(&mut self, spare: &mut SpareBuffers) {
        if self.owes_close() {
            self.protocol.codec_mut().end(ending(self.reason), self.send.tail(spare));
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
        self.rests.backed_up &= self.unsent_bytes() >= limits::SEND_LOW_BYTES;
        self.timeouts.progress(now);
        plain
    }

    /// Drops everything behind the frame that is being written, or that a sealed record touches.
    /// Returns the number of bytes.
    pub(super) fn drop_unbegun(&mut self, spare: &mut SpareBuffers) -> usize {
        let covered = self.tls.as_ref().map_or(0, |tls| tls.covered());
        self.send.drop_unbegun(covered, self.protocol.codec().unit_len(), spare)
    }

    // --- the end ---

    /// Begins to close. The first reason stands.
    pub fn close(&mut self, reason: CloseReason, now: Moment) {
        if self.is_serving() {
            self.stage = Stage::Flushing;
            self.reason = Some(reason);
            self.timeouts.close(now);
            self.received = Box::default();
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
        self.received = Box::default();
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

/// What a protocol that tells its peer why it closes says of it.
fn ending(reason: Option<CloseReason>) -> Ending {
    match reason {
        Some(CloseReason::PeerLeft) | None => Ending::Normal,
        Some(CloseReason::Shutdown) => Ending::Away,
        Some(_) => Ending::Policy,
    }
}

/// A million idle connections are a million of these (P20).
const _: () = assert!(size_of::<Connection>() <= 192);

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn connection() -> Connection {
        Connection::new(Origin::network(IpAddr::V4(Ipv4Addr::LOCALHOST)), Moment(0))
    }

    fn at(seconds: u64) -> Moment {
        Moment(seconds * 1_000_000)
    }

    fn next(conn: &Connection) -> Option<(Moment, Due)> {
        conn.next_deadline(&limits::Limits::default())
    }

    #[test]
    fn p23_a_connection_that_does_not_sign_in_ends_whatever_it_sends() {
        let mut conn = connection();
        conn.timeouts.frames_came(at(179));
        assert_eq!(next(&conn), Some((at(180), Due::Close(CloseReason::SignInDeadline))));
    }

    #[test]
    fn p23_a_frame_completes_in_time_or_the_connection_ends() {
        let mut conn = connection();
        conn.timeouts.begin(at(1));
        conn.timeouts.begin(at(9));
        assert_eq!(next(&conn), Some((at(16), Due::Close(CloseReason::FrameDeadline))));
        conn.timeouts.end();
        assert_eq!(next(&conn).map(|(when, _)| when), Some(at(180)));
    }

    #[test]
    fn a_closing_connection_flushes_then_lingers_then_goes() {
        let mut conn = connection();
        conn.close(CloseReason::Protocol, at(1));
        conn.close(CloseReason::Idle, at(2));
        assert_eq!(conn.reason, Some(CloseReason::Protocol));
        assert_eq!(next(&conn), Some((at(6), Due::Drop)));
        conn.linger(at(3));
        assert_eq!(next(&conn), Some((at(5), Due::Drop)));
        assert!(!conn.discard(limits::LINGER_BYTES_MAX));
        assert!(conn.discard(1));
    }

    #[test]
    fn p20_backed_up_it_rests_until_its_peer_takes_bytes() {
        let mut conn = connection();
        let mut spare = SpareBuffers::default();
        conn.send.tail(&mut spare).extend_from_slice(&[0; 100]);
        assert!(conn.may_be_pushed() && conn.may_be_served());
        conn.rests.backed_up = true;
        assert!(!conn.may_be_pushed() && !conn.may_be_served());
        conn.was_sent(1, Moment(2), &mut spare);
        assert!(conn.may_be_pushed() && conn.may_be_served());
    }
}
