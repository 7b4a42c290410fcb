//! Accept: whether there is room for a connection.
//!
//! From the network, so many may come from one address. At the reserved listeners no limit by
//! address applies, only one on all connections of each. A monitor is always let in: the one that
//! came first makes room.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::chat::Chat;
use crate::conn::{CloseReason, Connection, Conns, Origin, Via};
use crate::id::{ConnId, ListenerKind, Now};
use crate::limits::{CONTROL_CONNECTIONS_MAX, METRICS_CONNECTIONS_MAX};

/// The connections at the reserved listeners.
#[derive(Default)]
pub(super) struct Reserved {
    operators: usize,
    /// The oldest first.
    monitors: VecDeque<ConnId>,
}

impl Chat {
    /// A connection from the network; `None`: it is one too many from its address.
    pub fn admit(&mut self, peer: SocketAddr, now: Now) -> Option<Connection> {
        let mut from = Origin::network(peer.ip());
        if self.rules.proxies.contains(&from.address()) {
            // It counts as one of those for whom the proxy speaks.
            from.via = Via::Proxy;
        } else if !self.throttle.connect(peer.ip(), &self.rules.limits) {
            return None;
        } else {
            from.counted = true;
        }
        Some(Connection::new(from, now.mono))
    }
}

impl Reserved {
    /// A connection at one of them; `None`: it is one too many.
    pub fn admit(
        &mut self,
        id: ConnId,
        listener: ListenerKind,
        conns: &mut Conns,
        now: Now,
    ) -> Option<Connection> {
        if listener == ListenerKind::Metrics {
            if self.monitors.len() >= METRICS_CONNECTIONS_MAX
                && let Some(oldest) = self.monitors.pop_front()
            {
                // One that is idle, or does not take its answer, holds up no other.
                conns.die(oldest, CloseReason::Refused);
            }
            self.monitors.push_back(id);
        } else if self.operators >= CONTROL_CONNECTIONS_MAX {
            return None;
        } else {
            self.operators += 1;
        }
        Some(Connection::new(Origin::at_reserved(listener), now.mono))
    }

    /// A connection that came in there is gone.
    pub fn left(&mut self, id: ConnId, listener: ListenerKind) {
        match listener {
            ListenerKind::Public => {}
            ListenerKind::Control => self.operators -= 1,
            ListenerKind::Metrics => self.monitors.retain(|other| *other != id),
        }
    }
}
