//! Read: only I/O. The kernel's bytes go into the intake, behind what was kept of the connection.

use super::accept::Reserved;
use super::intake::Intake;
use crate::certificate::Certificate;
use crate::conn::{CloseReason, Conns, Rest, Stage};
use crate::event_loop::app::{Came, NotNow, Share};
use crate::id::ConnId;
use crate::limits::{
    DISCARD_BYTES, HANDSHAKES_PER_TICK, READ_BYTES_PER_CONN, TLS_READ_BYTES_PER_CONN,
};

/// What this tick has read, and how it is understood.
pub(super) struct Reading {
    pub intake: Intake,
    /// What the server proves itself with; without it no connection can speak TLS.
    pub certificate: Option<Certificate>,
    /// Monitors that asked for figures in this tick.
    pub asked: Vec<ConnId>,
    pub reserved: Reserved,
    /// The first connection that this tick had no time for.
    pub stopped_at: Option<ConnId>,
    /// Connections that used up their slice of this tick.
    pub spent: Vec<ConnId>,
    /// Connections with a turn in this tick whose handshake is to be computed.
    pub handshakes: usize,
    /// What comes for a closing connection is read into this, and forgotten.
    discarded: Box<[u8]>,
}

impl Reading {
    /// Nothing was read yet.
    pub fn new() -> Reading {
        Reading {
            intake: Intake::new(),
            certificate: None,
            asked: Vec::new(),
            reserved: Reserved::default(),
            stopped_at: None,
            spent: Vec::new(),
            handshakes: 0,
            discarded: vec![0; DISCARD_BYTES].into_boxed_slice(),
        }
    }

    /// Where the connection's next bytes go. The first call of a turn begins its portion of the
    /// intake.
    ///
    /// # Errors
    /// It is not read now, or the tick's share is used up.
    pub fn room(
        &mut self,
        conns: &mut Conns,
        id: ConnId,
        share: Share,
    ) -> Result<&mut [u8], NotNow> {
        let conn = conns.get_mut(id).ok_or(NotNow::Rests)?;
        if conn.stage == Stage::Lingering {
            return Ok(&mut self.discarded);
        }
        if self.intake.reading() != Some(id) {
            self.begin_turn(conns, id, share)?;
        }
        let serves = conns.get_mut(id).is_some_and(|conn| conn.is_serving());
        if serves { Ok(self.intake.room()) } else { Err(NotNow::Rests) }
    }

    fn begin_turn(&mut self, conns: &mut Conns, id: ConnId, share: Share) -> Result<(), NotNow> {
        if !self.intake.has_room(share) {
            conns.rest_this_tick(id, Rest::TickFull);
            return Err(NotNow::TickFull);
        }
        let conn = conns.get_mut(id).ok_or(NotNow::Rests)?;
        if !conn.may_be_served() {
            // The rest of its frame cannot come while we do not read.
            conn.timeouts.end();
            return Err(NotNow::Rests);
        }
        let waits = conn.tls.as_ref().is_some_and(|tls| tls.waits());
        if waits && self.handshakes == HANDSHAKES_PER_TICK {
            conns.rest_this_tick(id, Rest::HandshakesSpent);
            return Err(NotNow::NextTick);
        }
        self.handshakes += usize::from(waits);
        let kept = conn.received.len();
        let is_full = conn.is_full() || waits || kept >= READ_BYTES_PER_CONN;
        let (bytes, elsewhere, most) = match &mut conn.tls {
            Some(tls) => (tls.take_received(), kept, TLS_READ_BYTES_PER_CONN),
            // It is in another form than what comes.
            None if conn.protocol.needs_decoding() => {
                (Vec::new(), kept, READ_BYTES_PER_CONN.saturating_sub(kept))
            }
            None => {
                let bytes = std::mem::take(&mut conn.received).into_vec();
                (bytes, 0, READ_BYTES_PER_CONN.saturating_sub(kept))
            }
        };
        self.intake.begin(id, share, &bytes, elsewhere, if is_full { 0 } else { most });
        conns.touch(id);
        Ok(())
    }

    /// What the kernel told of the connection.
    pub fn came(&mut self, conns: &mut Conns, id: ConnId, what: Came) {
        let Some(conn) = conns.get_mut(id) else { return };
        let lingers = conn.stage == Stage::Lingering;
        match what {
            Came::Bytes(count) if !lingers => return self.intake.received(count),
            Came::Bytes(count) if !conn.discard(count) => {}
            Came::Bytes(_) => conn.die(CloseReason::PeerLeft),
            Came::End if lingers => conn.die(CloseReason::PeerLeft),
            Came::End => conn.peer_finished = true,
            Came::Failed => conn.die(CloseReason::Io),
            Came::Writable if !conn.wants_write() => return,
            Came::Writable => {}
        }
        conns.touch(id);
    }
}
