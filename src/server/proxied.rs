//! For whom a proxy speaks, where the operator named one (`--proxy`).
//!
//! From its address, and from nowhere else, a header of the PROXY protocol in front of all bytes,
//! or the last `X-Forwarded-For` of a request over HTTP, tells the peer's address. From there on
//! the connection is that peer's: limits, the throttle and the log of sign-ins know no other. What
//! the peer itself says of its address counts nothing.

use std::net::IpAddr;

use super::decode::Decode;
use crate::conn::{CloseReason, Via};
use crate::doors::frames::Frames;
use crate::doors::http::origin::Scheme;
use crate::doors::http::{self, Head};
use crate::doors::proxy::{self, Proxied};
use crate::id::ConnId;
use crate::wire::Code;

impl Decode<'_> {
    /// Reads what a proxy says in front of its peer's first bytes. False while it is not complete.
    pub(super) fn read_proxy_header(&mut self, id: ConnId) -> bool {
        let Some(conn) = self.conns.get_mut(id) else { return true };
        let is_first = !conn.protocol.is_known() && conn.tls.is_none();
        let bytes = self.reading.intake.bytes();
        if !is_first || conn.from.via != Via::Proxy || bytes.is_empty() {
            return true;
        }
        match proxy::read(bytes) {
            Proxied::No => {}
            Proxied::Unfinished => return false,
            Proxied::Broken => {
                conn.begin(Box::new(Frames));
                self.reading.intake.take_back();
                self.reading.intake.refuse(Code::BadMagic);
            }
            Proxied::Header { bytes, peer } => {
                conn.from.via = Via::Itself;
                self.reading.intake.drop_front(bytes);
                if let Some(peer) = peer {
                    self.peer_is(id, peer, Via::Header);
                }
            }
        }
        true
    }

    /// Reads for whom a proxy asks over HTTP, once its request is whole. False: they have too many
    /// connections.
    pub(super) fn read_forwarded(&mut self, id: ConnId) -> bool {
        let is_from_proxy = self.conns.get(id).is_some_and(|conn| conn.from.via == Via::Proxy);
        let last = |head: &Head| head.last("x-forwarded-for").and_then(proxy::last_forwarded);
        match http::read(self.reading.intake.bytes(), last) {
            Some(Ok(Some(peer))) if is_from_proxy => self.peer_is(id, peer, Via::Forwarded),
            _ => true,
        }
    }

    /// How a browser's request came, if that is known: a proxy may have ended TLS.
    pub(super) fn scheme_of(&self, id: ConnId, head: &Head) -> Option<Scheme> {
        let conn = self.conns.get(id)?;
        let ours = if conn.tls.is_some() { Scheme::Https } else { Scheme::Http };
        let said = head.last("x-forwarded-proto").and_then(Scheme::from_name);
        match conn.from.via {
            Via::Direct => Some(ours),
            Via::Proxy | Via::Forwarded => said,
            // The peer wrote the head itself, so only the connection tells.
            Via::Header | Via::Itself => (ours == Scheme::Https).then_some(ours),
        }
    }

    /// The connection belongs to this client of the proxy. False: the client has too many of them,
    /// and this one closes.
    fn peer_is(&mut self, id: ConnId, peer: IpAddr, via: Via) -> bool {
        let has_room = self.chat.throttle.connect(peer, &self.chat.rules.limits);
        let Some(conn) = self.conns.get_mut(id) else { return false };
        if !has_room {
            self.reading.intake.take_back();
            self.conns.close(id, CloseReason::Refused, self.now.mono);
            return false;
        }
        log::debug!("{id}: for {peer}");
        conn.from.set_client(peer, via);
        true
    }
}
