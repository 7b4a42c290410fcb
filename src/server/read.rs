//! Read: only I/O. The kernel's bytes go into the intake, behind what was kept of the connection.

use super::Server;
use crate::conn::{CloseReason, Rest, Stage};
use crate::event_loop::app::{Came, NotNow, Share};
use crate::id::{ConnId, Moment};
use crate::limits::{READ_BYTES_PER_CONN, TLS_READ_BYTES_PER_CONN};

impl Server {
    /// Where the connection's next bytes go. The first call of a turn begins its portion of the
    /// intake.
    ///
    /// # Errors
    /// It is not read now, or the tick's share is used up.
    pub(super) fn read_room(&mut self, id: ConnId, share: Share) -> Result<&mut [u8], NotNow> {
        let conn = self.conns.get_mut(id).ok_or(NotNow::Rests)?;
        if conn.stage == Stage::Lingering {
            return Ok(&mut self.discarded);
        }
        if self.intake.reading() != Some(id) {
            self.begin_turn(id, share)?;
        }
        let serves = self.conns.get_mut(id).is_some_and(|conn| conn.is_serving());
        if serves { Ok(self.intake.room()) } else { Err(NotNow::Rests) }
    }

    fn begin_turn(&mut self, id: ConnId, share: Share) -> Result<(), NotNow> {
        if !self.intake.has_room(share) {
            self.conns.rest_this_tick(id, Rest::TickFull);
            return Err(NotNow::TickFull);
        }
        let conn = self.conns.get_mut(id).ok_or(NotNow::Rests)?;
        if !conn.may_be_served() {
            // The rest of its frame cannot come while we do not read.
            conn.frame_is_begun(false, Moment::default());
            return Err(NotNow::Rests);
        }
        let kept = conn.received.bytes().len();
        let waits = conn.tls.as_ref().is_some_and(|tls| tls.waits());
        let is_full = conn.is_full() || waits || kept >= READ_BYTES_PER_CONN;
        let most = |bytes: usize| if is_full { 0 } else { bytes };
        match &mut conn.tls {
            Some(tls) => {
                let most = most(TLS_READ_BYTES_PER_CONN);
                self.intake.begin(id, share, &tls.give(), kept, most);
            }
            None if conn.protocol.needs_decoding() => {
                self.intake.begin(
                    id,
                    share,
                    &[],
                    kept,
                    most(READ_BYTES_PER_CONN.saturating_sub(kept)),
                );
            }
            None => {
                let most = most(READ_BYTES_PER_CONN.saturating_sub(kept));
                self.intake.begin(id, share, &conn.received.give(), 0, most);
            }
        }
        self.conns.touch(id);
        Ok(())
    }

    /// What the kernel told of the connection.
    pub(super) fn heard(&mut self, id: ConnId, what: Came) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        let lingers = conn.stage == Stage::Lingering;
        match what {
            Came::Bytes(count) if !lingers => return self.intake.received(count),
            Came::Bytes(count) if !conn.discard(count) => {}
            Came::Bytes(_) => conn.die(CloseReason::PeerLeft),
            Came::End if lingers => conn.die(CloseReason::PeerLeft),
            Came::End => conn.peer_finished = true,
            Came::Failed => conn.die(CloseReason::Io),
            Came::Room if !conn.wants_write() => return,
            Came::Room => {}
        }
        self.conns.touch(id);
    }
}
