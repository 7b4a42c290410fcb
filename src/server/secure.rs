//! TLS, as far as `read` is concerned: the records are opened before anything is listed, so that
//! the intake holds plaintext alone.
//!
//! ```text
//!            ┌ not sealed ─────────────────────────┐
//! kernel ─► first byte                             ├─► intake ─► doors
//!            └ sealed ─► [`Sealed`] ─► conn::tls ──┘
//! ```
//!
//! A handshake costs many times what a request costs. A tick computes a few; whoever comes
//! behind them is read in the next tick.

use super::Server;
use crate::certificate::Certificate;
use crate::conn::tls::Tls;
use crate::conn::{CloseReason, Stage};
use crate::doors::sniff::Speaks;
use crate::id::{ConnId, Now};
use crate::limits::{HANDSHAKE_BYTES_MAX, SEALED_BYTES_PER_CONN, TLS_READ_BYTES_PER_CONN};

/// The sealed bytes of the connection that is being read: what was kept of it, and what came.
#[derive(Debug)]
pub struct Sealed {
    bytes: Box<[u8]>,
    /// So many were kept from before, and so many there are.
    kept: usize,
    filled: usize,
    used: bool,
}

impl Sealed {
    pub(super) fn new() -> Sealed {
        let bytes = vec![0; SEALED_BYTES_PER_CONN].into_boxed_slice();
        Sealed { bytes, kept: 0, filled: 0, used: false }
    }

    /// A connection turns out to be sealed. More than any handshake needs is not looked at.
    fn take(&mut self, bytes: &[u8]) {
        let bytes = &bytes[..bytes.len().min(HANDSHAKE_BYTES_MAX + 1)];
        self.bytes[..bytes.len()].copy_from_slice(bytes);
        (self.kept, self.filled, self.used) = (0, bytes.len(), true);
    }

    /// Begins with what was kept of a connection, if it speaks TLS.
    pub(super) fn begin(&mut self, tls: Option<&mut Tls>) {
        self.used = tls.is_some();
        let kept = tls.map(Tls::give).unwrap_or_default();
        self.bytes[..kept.len()].copy_from_slice(&kept);
        (self.kept, self.filled) = (kept.len(), kept.len());
    }

    pub(super) fn is_used(&self) -> bool {
        self.used
    }

    /// Where the next bytes go; empty when the connection has had its share.
    pub(super) fn room(&mut self) -> &mut [u8] {
        &mut self.bytes[self.filled..self.kept + TLS_READ_BYTES_PER_CONN]
    }

    pub(super) fn received(&mut self, count: usize) {
        self.filled += count;
    }
}

impl Server {
    /// Whoever shakes hands from now on is shown this certificate.
    pub fn set_certificate(&mut self, certificate: Certificate) {
        self.certificate = Some(certificate);
    }

    /// A connection's first byte tells whether it speaks TLS.
    pub(super) fn begin_tls(&mut self, id: ConnId, now: Now) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        let is_first = conn.stage == Stage::Sniffing && conn.tls.is_none();
        let is_tls = is_first && Speaks::from_bytes(self.intake.begun()) == Some(Speaks::Tls);
        let Some(certificate) = self.certificate.as_ref().filter(|_| is_tls) else { return };
        match Tls::new(certificate) {
            Ok(tls) => {
                conn.begin_tls(tls, now.mono);
                self.sealed.take(self.intake.begun());
                self.intake.take_back();
            }
            Err(fault) => log::error!("{id}: TLS cannot begin: {}", fault.0),
        }
    }

    /// Opens what came under TLS.
    pub(super) fn open_records(&mut self, id: ConnId, now: Now) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        let Some(tls) = conn.tls.as_deref_mut() else { return };
        let bytes = &mut self.sealed.bytes[..self.sealed.filled];
        if conn.peer_finished && !tls.has_begun() {
            // It will not hear the answer to its first bytes, and could not go on.
            return conn.close(CloseReason::PeerLeft, now.mono);
        }
        if tls.is_handshaking() && self.handshakes_left == 0 {
            return tls.wait_with(bytes);
        }
        let take = |plain: &[u8]| self.intake.append(plain);
        let Some(opened) = self.conns.open_records(id, bytes, take) else { return };
        let Some(conn) = self.conns.get_mut(id) else { return };
        match opened {
            Ok(opened) => {
                let computed = usize::from(opened.shook_hands);
                self.handshakes_left = self.handshakes_left.saturating_sub(computed);
                conn.peer_finished |= opened.finished;
                let is_handshaking = conn.tls.as_ref().is_some_and(|tls| tls.is_handshaking());
                if conn.stage == Stage::Handshaking && !is_handshaking {
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
