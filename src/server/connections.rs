//! What the operator is told of the connections: who is there, what each speaks, and why it rests.

use crate::conn::{Connection, Conns, Due, Stage};
use crate::handlers::ConnectionList;
use crate::id::{ConnId, Moment};
use crate::limits::Limits;
use crate::locale::reply::ConnectionLine;

impl ConnectionList for Conns {
    fn lines(
        &self,
        from_slot: usize,
        rows: usize,
        limits: &Limits,
        now: Moment,
    ) -> Vec<(ConnId, ConnectionLine)> {
        let line = |(id, conn)| (id, line(id, conn, limits, now));
        self.from_slot(from_slot).take(rows).map(line).collect()
    }
}

fn line(id: ConnId, conn: &Connection, limits: &Limits, now: Moment) -> ConnectionLine {
    let timeout = conn.next_deadline(limits).map(|(at, due)| {
        let name = match due {
            Due::Close(reason) => reason.name(),
            Due::GoOn => "rate_limit",
            Due::Drop if conn.stage == Stage::Flushing => "flush",
            Due::Drop => "linger",
        };
        (name, at.since(now).as_secs())
    });
    let rests = conn.rests.shown().map(|(why, since)| (why.name(), now.since(since).as_secs()));
    let ((rests, rests_seconds), (timeout, timeout_seconds)) = (rests.unzip(), timeout.unzip());
    ConnectionLine {
        connection: id.to_string(),
        peer: conn.from.address().to_string(),
        username: None,
        protocol: protocol(conn),
        age_seconds: now.since(conn.timeouts.accepted).as_secs(),
        rests,
        rests_seconds,
        unsent_bytes: conn.unsent_bytes() as u64,
        timeout,
        timeout_seconds,
    }
}

/// What the peer speaks, as far as its first bytes told.
fn protocol(conn: &Connection) -> &'static str {
    if conn.stage == Stage::Handshaking { "tls" } else { conn.protocol.name() }
}
