//! Whatever a peer speaks, what it asks becomes frames here, between `read` and the list.
//!
//! ```text
//!            ┌ frames ─────────────────────────────────────────┐
//! plaintext ─┼ WebSocket ─► doors::websocket ► a payload each ─┼─► intake ─► served alike
//!            ├ lines ─► doors::lines ► one request at a time ──┘
//!            └ HTTP ─► the page, or WebSocket from here on
//! ```
//!
//! What is not understood yet, and what is no frame, stays with the connection as it came. What
//! is said of the protocol itself (an answer of HTTP, a pong) says nothing of the store, and goes
//! straight to the send buffer.

use super::Server;
use super::intake::frames_of;
use crate::conn::{CloseReason, Connection, Stage, Via};
use crate::doors::Speech;
use crate::doors::http;
use crate::doors::http::page::{self, Visit};
use crate::doors::lines::Step;
use crate::doors::sniff::Speaks;
use crate::id::{ConnId, Door, Now};
use crate::wire::Code;

impl Server {
    /// Makes frames of what there is of the connection, and lists them. Says how many, a fault
    /// counted as one.
    pub(super) fn understand(&mut self, id: ConnId, now: Now) -> usize {
        self.tell_apart(id);
        let Some(conn) = self.conns.get_mut(id) else { return 0 };
        match conn.stage {
            Stage::Http if conn.door == Door::Metrics => self.hear_monitor(id),
            Stage::Http => self.hear_request(id, now),
            Stage::WebSocket => self.open_messages(id, now),
            Stage::Lines => self.read_lines(id, now),
            _ => {}
        }
        match self.conns.get(id).map(|conn| conn.stage) {
            Some(Stage::Native | Stage::WebSocket | Stage::Lines) => self.intake.list(),
            _ => 0,
        }
    }

    /// The first bytes tell what a connection speaks.
    fn tell_apart(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        if conn.stage != Stage::Sniffing {
            return;
        }
        let Some(speaks) = Speaks::from_bytes(self.intake.bytes()) else { return };
        match speaks {
            Speaks::Http => return conn.begin_http(),
            Speaks::Lines => {
                conn.begin_lines(self.rules.lang);
                self.intake.drop_front(0);
            }
            Speaks::Tls | Speaks::Frames => conn.begin_frames(),
        }
        if self.rules.tls_required && is_bare(conn) {
            self.intake.take_back();
            self.intake.refuse(Code::TlsRequired);
        }
    }

    /// Answers a browser whose request is whole, and keeps it until then.
    fn hear_request(&mut self, id: ConnId, now: Now) {
        if !self.hear_forwarded(id, now) {
            return;
        }
        let Some(conn) = self.conns.get(id) else { return };
        let may_enter = !self.rules.tls_required || !is_bare(conn);
        let mut out = Vec::new();
        let heard = http::read(self.intake.bytes(), |head| {
            let (hosts, lang) = (&self.rules.hosts, self.rules.lang);
            let scheme = self.scheme_of(id, head);
            page::answer(&mut out, head, &Visit { may_enter, scheme, hosts, lang })
        });
        let Some(heard) = heard else { return };
        let heard = heard.unwrap_or_else(|status| {
            http::append_status(&mut out, status, &[]);
            page::Heard::Answered
        });
        match heard {
            page::Heard::Answered => {
                self.intake.take_back();
                self.append_bytes(id, now, &out);
                let reason = if may_enter { CloseReason::Answered } else { CloseReason::Plaintext };
                self.close(id, reason, None, now);
            }
            page::Heard::Upgraded { head_bytes } => {
                let Some(conn) = self.conns.get_mut(id) else { return };
                conn.begin_websocket();
                self.intake.drop_front(head_bytes);
                self.append_bytes(id, now, &out);
                self.open_messages(id, now);
            }
        }
    }

    /// Makes frames of the messages that came.
    fn open_messages(&mut self, id: ConnId, now: Now) {
        let mut bytes = self.conns.lend_buffer();
        let Some(conn) = self.conns.get_mut(id) else { return };
        let Some(Speech::WebSocket(socket)) = conn.speech.as_deref_mut() else { return };
        bytes.extend_from_slice(&socket.give());
        bytes.extend_from_slice(self.intake.came());
        let mut pongs = Vec::new();
        let mut frames = self.intake.decoded(&conn.received.give());
        let room = frames.room();
        let take = |payload: &[u8]| frames.append_payload(payload);
        match socket.open(&mut bytes, room, &mut pongs, take) {
            Ok(closed) => conn.peer_finished |= closed,
            Err(fault) => self.intake.refuse(fault.code()),
        }
        self.conns.keep_buffer(bytes);
        if !pongs.is_empty() {
            self.append_bytes(id, now, &pongs);
        }
    }

    /// A line that asked nothing of the server: what is begun behind it has its own time.
    fn line_was_read(&mut self, id: ConnId, now: Now) {
        if let Some(conn) = self.conns.get_mut(id) {
            conn.frame_is_begun(false, now.mono);
        }
    }

    /// Reads lines until one asks something. Not more than a tick takes of anybody, and none while
    /// the peer does not take what it is said.
    fn read_lines(&mut self, id: ConnId, now: Now) {
        let is_admin = self.sessions.get(id).map(|session| session.admin);
        let mut came = Some(self.intake.came().to_vec());
        let Some(conn) = self.conns.get_mut(id) else { return };
        self.intake.decoded(&conn.received.give());
        for _ in 0..frames_of(self.intake.share()) {
            let Some(conn) = self.conns.get_mut(id) else { return };
            let may_be_served = conn.may_be_served();
            let Some(Speech::Lines(lines)) = conn.speech.as_deref_mut() else { return };
            let mut out = Vec::new();
            if let Some(came) = came.take() {
                lines.take_in(&came, &mut out);
            }
            let step = match may_be_served {
                true => lines.step(is_admin, now.unix, &mut out),
                false => Step::Rest,
            };
            if !out.is_empty() {
                self.append_bytes(id, now, &out);
            }
            match step {
                Step::Rest => return,
                Step::Said(code) => {
                    self.line_was_read(id, now);
                    code.into_iter().for_each(|code| self.counters.replied(code));
                }
                Step::Ask(payload) => return self.intake.more().append_payload(&payload),
                Step::Leave => return self.close(id, CloseReason::PeerLeft, None, now),
            }
        }
    }
}

/// Whether it came from elsewhere, and everybody on the way can read it. What a proxy passes on is
/// the matter of whoever named it: TLS ends there.
fn is_bare(conn: &Connection) -> bool {
    let is_elsewhere = conn.via == Via::Direct && !conn.peer().is_loopback();
    conn.tls.is_none() && is_elsewhere
}
