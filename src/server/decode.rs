//! Decode: what `read` gathered is unwrapped, layer by layer, until it is frames.
//!
//! ```text
//! gathered ─► proxy's header? ─► TLS record? ─► HTTP, WebSocket, lines? ─► frames, listed
//!             for whom it speaks  plaintext      see `doors`
//! ```
//!
//! Most of a tick's bytes are frames already, and stay where they are. A handshake costs many times
//! what a request costs: a tick computes a few, and the others' bytes wait for the next ticks.

use super::Server;
use crate::conn::tls::Tls;
use crate::conn::{CloseReason, Rest, Stage};
use crate::doors::sniff;
use crate::id::{ConnId, Now};
use crate::limits::{HANDSHAKE_BYTES_MAX, HANDSHAKES_PER_TICK};

impl Server {
    /// Makes frames of all that was gathered in this tick.
    pub(super) fn decode_all(&mut self, now: Now) {
        let mut handshakes_left = HANDSHAKES_PER_TICK;
        for index in 0..self.intake.portions() {
            let id = self.intake.open(index);
            if !self.hear_proxy(id, now) {
                continue;
            }
            self.begin_tls(id, now);
            self.open_records(id, &mut handshakes_left, now);
            let listed = self.decode_protocol(id, now);
            let Some(conn) = self.conns.get_mut(id) else { continue };
            if listed > 0 {
                conn.frames_came(now.mono);
                self.last_work = now.mono;
            }
        }
    }

    /// A connection's first byte tells whether it speaks TLS.
    fn begin_tls(&mut self, id: ConnId, now: Now) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        let is_first = !conn.protocol.is_known() && conn.tls.is_none();
        let is_tls = is_first && sniff::is_tls(self.intake.bytes());
        let Some(certificate) = self.certificate.as_ref().filter(|_| is_tls) else { return };
        match Tls::new(certificate) {
            Ok(tls) => conn.begin_tls(tls, now.mono),
            Err(fault) => log::error!("{id}: TLS cannot begin: {}", fault.0),
        }
    }

    /// Opens what came under TLS.
    fn open_records(&mut self, id: ConnId, handshakes_left: &mut usize, now: Now) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        let Some(tls) = conn.tls.as_deref_mut() else { return };
        if conn.peer_finished && !tls.has_begun() {
            // It will not hear the answer to its first bytes, and could not go on.
            self.intake.take_back();
            return conn.close(CloseReason::PeerLeft, now.mono);
        }
        if tls.is_handshaking() && *handshakes_left == 0 {
            tls.wait_with(self.intake.bytes());
            self.intake.take_back();
            return self.conns.rest_this_tick(id, Rest::HandshakesSpent);
        }
        let (sealed, mut plain) = self.intake.sealed();
        // More than any handshake needs is not looked at.
        let most = if tls.has_begun() { sealed.len() } else { HANDSHAKE_BYTES_MAX + 1 };
        let sealed_bytes = sealed.len().min(most);
        // What was kept decoded for another protocol stays with it until that one is decoded.
        let is_decoded = conn.protocol.needs_decoding();
        let kept = if is_decoded { Box::default() } else { conn.received.give() };
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
                    self.counters.handshakes += 1;
                }
            }
            Err(fault) => {
                log::debug!("{id}: TLS: {}", fault.0);
                conn.close(CloseReason::Tls, now.mono);
            }
        }
    }
}
