//! Decode: whatever protocol a peer speaks, what it asks becomes frames in the intake.
//!
//! ```text
//!            ┌ frames ─────────────────────────────────────────┐
//! plaintext ─┼ WebSocket, lines ─► decode ─► a payload each ───┼─► intake ─► served alike
//!            └ HTTP ─► an answer, or WebSocket from here on
//! ```
//!
//! Bytes that cannot be decoded yet stay with the connection as they came. What a protocol answers
//! by itself (a page, a pong) says nothing of the store, and goes straight to the send buffer.

use super::decode::Decode;
use super::intake::frames_of;
use crate::conn::{CloseReason, Connection, Stage, Via};
use crate::doors::http::{self, HttpAnswer, Visit};
use crate::doors::websocket::WebSocket;
use crate::doors::{Incoming, Transport, sniff};
use crate::id::{ConnId, ListenerKind};
use crate::limits::SEND_HIGH_BYTES;
use crate::wire::Code;

impl Decode<'_> {
    /// Makes frames of what there is of the connection, and lists them. Says how many, a fault
    /// counted as one.
    pub(super) fn decode_protocol(&mut self, id: ConnId) -> usize {
        self.sniff_protocol(id);
        let Some(conn) = self.conns.get(id).filter(|conn| conn.stage == Stage::Open) else {
            return 0;
        };
        match &conn.protocol {
            unknown if !unknown.is_known() => {}
            http if !http.has_requests() => match conn.from.listener {
                ListenerKind::Metrics => self.answer_monitor(id),
                _ => self.answer_http(id),
            },
            other if other.needs_decoding() => self.decode_requests(id),
            _ => {}
        }
        let is_listed = |conn: &Connection| conn.is_serving() && conn.protocol.has_requests();
        if self.conns.get(id).is_some_and(is_listed) {
            return self.reading.intake.list();
        }
        0
    }

    /// The first bytes tell what a connection speaks.
    fn sniff_protocol(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        if conn.stage != Stage::Open || conn.protocol.is_known() {
            return;
        }
        let protocol = sniff::protocol(self.reading.intake.bytes(), self.chat.rules.lang);
        let has_requests = protocol.has_requests();
        if protocol.needs_decoding() {
            // The bytes were kept as they came, and are decoded now.
            self.reading.intake.drop_front(0);
        }
        conn.begin(protocol);
        if has_requests && self.chat.rules.tls_required && is_bare(conn) {
            self.reading.intake.take_back();
            self.reading.intake.refuse(Code::TlsRequired);
        }
    }

    /// Answers a browser whose request is whole, and keeps it until then.
    fn answer_http(&mut self, id: ConnId) {
        if !self.read_forwarded(id) {
            return;
        }
        let Some(conn) = self.conns.get(id) else { return };
        let may_enter = !self.chat.rules.tls_required || !is_bare(conn);
        let (hosts, lang) = (&self.chat.rules.hosts, self.chat.rules.lang);
        let outcome = http::decode(self.reading.intake.bytes(), |head| Visit {
            is_healthy: self.is_healthy,
            may_enter,
            scheme: self.scheme_of(id, head),
            hosts,
            lang,
        });
        match outcome {
            None => {}
            Some(HttpAnswer::Answered(answer)) => {
                self.answer_last(id, &answer, CloseReason::Answered);
            }
            Some(HttpAnswer::NeedsTls(answer)) => {
                self.answer_last(id, &answer, CloseReason::Plaintext);
            }
            Some(HttpAnswer::Upgraded { head_bytes, answer }) => {
                let Some(conn) = self.conns.get_mut(id) else { return };
                conn.begin(Box::new(WebSocket::default()));
                self.reading.intake.drop_front(head_bytes);
                self.conns.append_transport(id, self.now, &answer);
                self.decode_requests(id);
            }
        }
    }

    fn answer_last(&mut self, id: ConnId, answer: &Transport, reason: CloseReason) {
        self.reading.intake.take_back();
        self.conns.append_transport(id, self.now, answer);
        self.conns.close(id, reason, self.now.mono);
    }

    /// Makes frames of the requests that came in another protocol.
    fn decode_requests(&mut self, id: ConnId) {
        let mut bytes = self.conns.spare.lend();
        let is_admin = self.chat.sessions.get(id).map(|session| session.who.admin);
        let Some(conn) = self.conns.get_mut(id) else { return };
        conn.protocol.move_kept(&mut bytes);
        bytes.extend_from_slice(self.reading.intake.came());
        let requests_max = frames_of(self.reading.intake.share());
        let answers_max = SEND_HIGH_BYTES.saturating_sub(conn.send.len());
        let mut frames = self.reading.intake.decoded(&std::mem::take(&mut conn.received));
        let (room, unix) = (frames.room(), self.now.unix);
        let incoming =
            Incoming { bytes: &mut bytes, room, requests_max, answers_max, is_admin, unix };
        let mut take = |payload: &[u8]| frames.append_payload(payload);
        let decoded = conn.protocol.decode(incoming, &mut take);
        conn.peer_finished |= decoded.has_ended;
        if decoded.was_answered {
            // What is begun after it has a timeout of its own.
            conn.timeouts.end();
        }
        if let Some(code) = decoded.fault {
            self.reading.intake.refuse(code);
        }
        self.conns.spare.keep(bytes);
        decoded.refused.iter().for_each(|code| self.chat.counters.replied(*code));
        self.conns.append_transport(id, self.now, &decoded.answers);
        if decoded.leaves {
            self.conns.close(id, CloseReason::PeerLeft, self.now.mono);
        }
    }
}

/// Whether it comes from another machine in plaintext. What a proxy passes on does not count: there
/// TLS ended at the proxy that the operator named.
fn is_bare(conn: &Connection) -> bool {
    let is_elsewhere = conn.from.via == Via::Direct && !conn.from.address().is_loopback();
    conn.tls.is_none() && is_elsewhere
}
