//! A backup's hold on the checkpoints: as long as it lasts, the database's file stays as it is, and
//! what is committed stands in the write-ahead log alone.

use std::time::Duration;

use super::{Fatal, Server, fatal};
use crate::conn::CloseReason;
use crate::id::{ConnId, Now};
use crate::limits;

impl Server {
    /// From here on the database's file stays as it is, with everything in it that was committed
    /// so far. If that cannot be, the connection ends behind its answer: whoever copies the file
    /// knows the copy by the answer to `release`.
    pub(super) fn begin_hold(&mut self, id: ConnId, now: Now) -> Result<(), Fatal> {
        self.store.checkpoint().map_err(fatal)?;
        if self.store.wal_pages() > 0 || self.hold.is_some() {
            self.close(id, CloseReason::HoldEnded, None, now);
            return Ok(());
        }
        if let Some(conn) = self.conns.get_mut(id).filter(|conn| conn.is_serving()) {
            conn.holds_checkpoints(true, now.mono);
            let until = now.mono.after(Duration::from_secs(limits::HOLD_SECONDS_MAX));
            self.hold = Some((id, until));
        }
        Ok(())
    }

    /// The file was copied.
    pub(super) fn end_hold(&mut self, id: ConnId, now: Now) {
        self.hold = self.hold.filter(|(conn, _)| *conn != id);
        if let Some(conn) = self.conns.get_mut(id) {
            conn.holds_checkpoints(false, now.mono);
        }
    }

    /// Whether a backup copies the database at this moment. It loses that right, and its
    /// connection, when it takes too long.
    pub(super) fn is_held(&mut self, now: Now) -> bool {
        let Some((id, until)) = self.hold else { return false };
        let lives = self.conns.get(id).is_some_and(|conn| conn.is_serving());
        let over = now.mono >= until || self.store.wal_pages() >= limits::HOLD_WAL_PAGES_MAX;
        if lives && !over {
            return true;
        }
        self.break_hold(now);
        false
    }

    /// The checkpoints go on, whoever they were held for.
    pub(super) fn break_hold(&mut self, now: Now) {
        let Some((id, _)) = self.hold.take() else { return };
        if self.conns.get(id).is_some_and(|conn| conn.is_serving()) {
            log::warn!("a backup took too long, or all the space there was; it is given up");
            self.close(id, CloseReason::HoldEnded, None, now);
        }
    }
}
