//! A backup holds the checkpoints: as long as it does, the database's file stays as it is, and what
//! is committed stands in the write-ahead log alone.

use std::time::Duration;

use super::transaction::{Fatal, fatal};
use crate::conn::{CloseReason, Conns};
use crate::id::{ConnId, Moment, Now};
use crate::limits;
use crate::store::Store;

/// Who holds the checkpoints, and until when at most.
#[derive(Default)]
pub(super) struct Hold(Option<(ConnId, Moment)>);

impl Hold {
    /// The connection of the backup that runs.
    pub fn holder(&self) -> Option<ConnId> {
        self.0.map(|(conn, _)| conn)
    }

    /// When the backup that runs has to be done.
    pub fn until(&self) -> Option<Moment> {
        self.0.map(|(_, until)| until)
    }

    /// From here on the database's file stays as it is, with everything in it that was committed
    /// so far. If that cannot be, the connection ends behind its answer: without an answer to
    /// `release` the copy of the file is worth nothing.
    pub fn begin(
        &mut self,
        store: &Store,
        conns: &mut Conns,
        id: ConnId,
        now: Now,
    ) -> Result<(), Fatal> {
        store.checkpoint().map_err(fatal)?;
        if store.wal_pages() > 0 || self.0.is_some() {
            conns.close(id, CloseReason::HoldEnded, now.mono);
            return Ok(());
        }
        if let Some(conn) = conns.get_mut(id).filter(|conn| conn.is_serving()) {
            conn.timeouts.set_backup(true, now.mono);
            let until = now.mono.after(Duration::from_secs(limits::HOLD_SECONDS_MAX));
            self.0 = Some((id, until));
        }
        Ok(())
    }

    /// The file was copied.
    pub fn end(&mut self, conns: &mut Conns, id: ConnId, now: Now) {
        self.0 = self.0.filter(|(conn, _)| *conn != id);
        if let Some(conn) = conns.get_mut(id) {
            conn.timeouts.set_backup(false, now.mono);
        }
    }

    /// Whether a backup copies the database at this moment. It loses that right, and its
    /// connection, when it takes too long.
    pub fn lasts(&mut self, store: &Store, conns: &mut Conns, now: Now) -> bool {
        let Some((id, until)) = self.0 else { return false };
        let lives = conns.get(id).is_some_and(|conn| conn.is_serving());
        let over = now.mono >= until || store.wal_pages() >= limits::HOLD_WAL_PAGES_MAX;
        if lives && !over {
            return true;
        }
        self.give_up(conns, now);
        false
    }

    /// The checkpoints go on, though a backup may need them to wait.
    pub fn give_up(&mut self, conns: &mut Conns, now: Now) {
        let Some((id, _)) = self.0.take() else { return };
        if conns.get(id).is_some_and(|conn| conn.is_serving()) {
            log::warn!("a backup took too long, or all the space there was; it is given up");
            conns.close(id, CloseReason::HoldEnded, now.mono);
        }
    }
}
