//! Decode: what `read` gathered is unwrapped, layer by layer, until it is frames.
//!
//! ```text
//! gathered ─► proxy's header? ─► TLS record? ─► HTTP, WebSocket, lines? ─► frames, listed
//!             for whom it speaks  plaintext      see `doors`
//! ```
//!
//! Most of a tick's bytes are frames already, and stay where they are. A handshake costs many times
//! what a request costs: a tick computes a few, and the others' bytes wait for the next ticks.

use super::chat::Chat;
use super::read::Reading;
use crate::conn::tls::Tls;
use crate::conn::{CloseReason, Conns, Rest, Stage};
use crate::doors::sniff;
use crate::id::{ConnId, Now};
use crate::limits::{HANDSHAKE_BYTES_MAX, HANDSHAKES_PER_TICK};

/// The phase, and the parts that it borrows.
pub(super) struct Decode<'s> {
    pub reading: &'s mut Reading,
    pub conns: &'s mut Conns,
    pub chat: &'s mut Chat,
    /// Whether messages can be taken.
    pub is_healthy: bool,
    pub now: Now,
}

impl Decode<'_> {
    /// Makes frames of all that was gathered in this tick. Says whether there are any.
    pub fn run(&mut self) -> bool {
        let mut some = false;
        self.reading.handshakes = 0;
        let mut handshakes_left = HANDSHAKES_PER_TICK;
        for index in 0..self.reading.intake.portions.len() {
            let id = self.reading.intake.open(index);
            if !self.read_proxy_header(id) {
                continue;
            }
            self.begin_tls(id);
            self.open_records(id, &mut handshakes_left);
            let listed = self.decode_protocol(id);
            let Some(conn) = self.conns.get_mut(id) else { continue };
            if listed > 0 {
                conn.timeouts.frames_came(self.now.mono);
                some = true;
            }
        }
        some
    }

    /// A connection's first byte tells whether it speaks TLS.
    fn begin_tls(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        let is_first = !conn.protocol.is_known() && conn.tls.is_none();
        let is_tls = is_first && sniff::is_tls(self.reading.intake.bytes());
        let Some(certificate) = self.reading.certificate.as_ref().filter(|_| is_tls) else {
            return;
        };
        match Tls::new(certificate) {
            Ok(tls) => conn.begin_tls(tls, self.now.mono),
            Err(fault) => log::error!("{id}: TLS cannot begin: {}", fault.0),
        }
    }

    /// Opens what came under TLS.
    fn open_records(&mut self, id: ConnId, handshakes_left: &mut usize) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        let Some(tls) = conn.tls.as_deref_mut() else { return };
        if conn.peer_finished && !tls.has_begun() {
            // It does not read the answer to its first bytes, and could not go on.
            self.reading.intake.take_back();
            return conn.close(CloseReason::PeerLeft, self.now.mono);
        }
        if tls.is_handshaking() && *handshakes_left == 0 {
            tls.wait_with(self.reading.intake.bytes());
            self.reading.intake.take_back();
            return self.conns.rest_this_tick(id, Rest::HandshakesSpent);
        }
        let (sealed, mut plain) = self.reading.intake.sealed();
        // More than any handshake needs is not looked at.
        let most = if tls.has_begun() { sealed.len() } else { HANDSHAKE_BYTES_MAX + 1 };
        let sealed_bytes = sealed.len().min(most);
        // What was kept decoded for another protocol stays with it until that one is decoded.
        let is_decoded = conn.protocol.needs_decoding();
        let kept = if is_decoded { Box::default() } else { std::mem::take(&mut conn.received) };
        plain.begin(&kept);
        let take = |bytes: &[u8]| plain.append(bytes);
        let opened = self.conns.open_records(id, &mut sealed[..sealed_bytes], take);
        let (Some(opened), Some(conn)) = (opened, self.conns.get_mut(id)) else { return };
        let handshaking = conn.tls.as_ref().is_some_and(|tls| tls.is_handshaking());
        match opened {
            Ok(opened) => {
                let computed = usize::from(opened.shook_hands);
                *handshakes_left = handshakes_left.saturating_sub(computed);
                conn.peer_finished |= opened.finished;
                if conn.stage == Stage::Handshaking && !handshaking {
                    conn.shook_hands();
                    self.chat.counters.handshakes += 1;
                }
            }
            Err(fault) => {
                log::debug!("{id}: TLS: {}", fault.0);
                conn.close(CloseReason::Tls, self.now.mono);
            }
        }
    }
}
