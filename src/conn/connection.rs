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
use crate::doors::frames::{Frames, Unknown};
use crate::doors::http::Http;
use crate::doors::{Codec, Ending};
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
    /// The protocol of the peer.
    pub protocol: Box<dyn Codec>,
    /// The peer sends no more. The connection closes when all that it sent is served.
    pub peer_finished: bool,
    /// It is in the list of touched connections; see `Conns`.
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
    /// A connection that was accepted now. At the operator's listeners the protocol is known.
    pub fn new(from: Origin, now: Moment) -> Connection {
        Connection {
            stage: Stage::Open,
            reason: None,
            received: Box::default(),
            send: SendBuffer::default(),
            tls: None,
            protocol: match from.listener {
                ListenerKind::Public => Box::new(Unknown),
                ListenerKind::Control => Box::new(Frames),
                ListenerKind::Metrics => Box::new(Http),
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

    /// Sets the protocol, which the first bytes told. A decoded protocol has its own timeout for
    /// what is begun.
    pub fn begin(&mut self, protocol: Box<dyn Codec>) {
        if protocol.needs_decoding() {
            self.timeouts.end();
        }
        self.protocol = protocol;
    }

    /// The peer begins a TLS handshake.
    pub fn begin_tls(&mut self, tls: Tls, now: Moment) {
        self.tls = Some(Box::new(tls));
        self.stage = Stage::Handshaking;
        self.timeouts.begin(now);
    }

    /// The handshake is done. The first bytes within TLS tell the protocol.
    pub fn shook_hands(&mut self) {
        self.stage = Stage::Open;
        self.timeouts.end();
    }

    /// Whether kept bytes can be worked on without more bytes.
    pub fn has_work(&self) -> bool {
        let unopened = self.tls.as_ref().is_some_and(|tls| tls.waits());
        unopened || self.protocol.waits() || has_frame(self.kept_frames())
    }

    /// Whether the peer has begun something and still owes the rest of it.
    pub fn is_within(&self) -> bool {
        let in_record = self.tls.as_ref().is_some_and(|tls| tls.is_within_record());
        let in_frame = !self.received.is_empty() && !has_frame(self.kept_frames());
        in_frame || in_record || self.protocol.is_within() || self.stage == Stage::Handshaking
    }

    /// Whether so much is kept that nothing more may be read now.
    pub fn is_full(&self) -> bool {
        self.protocol.is_full()
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
        self.stage == Stage::Flushing && self.protocol.owes_end()
    }

    /// Appends what `write` writes to what is to be sent.
    pub(super) fn append(
        &mut self,
        now: Moment,
        spare: &mut SpareBuffers,
        write: impl FnOnce(&mut dyn Codec, &mut Vec<u8>),
    ) {
        if self.send.is_empty() {
            self.timeouts.progress(now);
        }
        write(&mut *self.protocol, self.send.tail(spare));
        self.rests.backed_up |= self.send.len() > limits::SEND_HIGH_BYTES;
    }

    /// Prepares [`Connection::to_write`]: at the end the close of the protocol, and under TLS the
    /// next record, if none is on its way.
    pub(super) fn seal(&mut self, spare: &mut SpareBuffers) {
        if self.owes_close() {
            self.protocol.end(ending(self.reason), self.send.tail(spare));
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
        self.send.consume(plain, self.protocol.unit_len(), spare);
        self.rests.backed_up &= self.unsent_bytes() >= limits::SEND_LOW_BYTES;
        self.timeouts.progress(now);
        plain
    }

    /// Drops everything after the unit that is being written, or that a sealed record touches.
    pub(super) fn drop_unbegun(&mut self, spare: &mut SpareBuffers) {
        let covered = self.tls.as_ref().map_or(0, |tls| tls.covered());
        self.send.drop_unbegun(covered, self.protocol.unit_len(), spare);
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

/// How the closing message of a protocol names the reason.
fn ending(reason: Option<CloseReason>) -> Ending {
    match reason {
        Some(CloseReason::PeerLeft) | None => Ending::Normal,
        Some(CloseReason::Shutdown) => Ending::Away,
        Some(_) => Ending::Policy,
    }
}

/// A million idle connections are a million of these (P20).
const _: () = assert!(size_of::<Connection>() <= 192);
