//! Upkeep: work that no peer waits for, a slice a tick, in transactions of its own.
//!
//! ```text
//! memory that was not needed ─► cursors ─► what is too old ─► index ─► checkpoint ─► certificate
//! ```
//!
//! Cursors that moved are written with a tick's requests where there are any (`commit`), and by
//! themselves here. What is too old is in `retention`, the index of words in `indexing`, a backup's
//! hold on the checkpoints in `hold`.

use std::time::Duration;

use super::commit::apart;
use super::machine::Machine;
use super::retention::Retention;
use super::{Chat, Fatal, Server, fatal};
use crate::certificate::{self, Certificate};
use crate::handlers::receipt::write_cursors;
use crate::id::{ConnId, Moment, Now};
use crate::limits;
use crate::sessions::Sessions;
use crate::store::{Store, StoreError};

/// When which work is done.
pub(super) struct Upkeep {
    machine: Box<dyn Machine>,
    disk_looked: Option<Moment>,
    storage_low: bool,
    /// The write-ahead log could not be copied into the database.
    log_is_stuck: bool,
    /// The last moment at which there was something to serve.
    pub last_work: Moment,
    cursors_written: Moment,
    checkpoint_not_before: Moment,
    /// The connection that a backup has the checkpoints held for, and until when at most.
    pub hold: Option<(ConnId, Moment)>,
    pub retention: Retention,
    /// The index of words rests until then, …
    pub index_not_before: Moment,
    /// … and goes on then, however much else there is.
    pub index_at_the_latest: Moment,
    certificate_look_at: Moment,
}

impl Upkeep {
    /// Nothing is due yet.
    pub fn new(machine: Box<dyn Machine>, now: Moment) -> Upkeep {
        Upkeep {
            machine,
            disk_looked: None,
            storage_low: false,
            log_is_stuck: false,
            last_work: now,
            cursors_written: now,
            checkpoint_not_before: now,
            hold: None,
            retention: Retention::new(now),
            index_not_before: now,
            index_at_the_latest: now,
            certificate_look_at: now.after(certificate::LOOK_EVERY),
        }
    }

    // --- the disk ---

    /// Looks at the disk's free space, now and then.
    pub fn look_at_disk(&mut self, now: Now) {
        let since = self.disk_looked.map(|looked| now.mono.since(looked));
        if since.is_some_and(|since| (since.as_micros() as u64) < limits::DISK_LOOK_MICROS) {
            return;
        }
        let free_bytes = self.machine.disk_free().unwrap_or_else(|error| {
            log::warn!("the disk's free space is unknown: {error}");
            u64::MAX
        });
        self.disk_looked = Some(now.mono);
        self.storage_low = free_bytes < limits::DISK_FREE_BYTES_MIN;
    }

    /// Whether space is short: nothing new is taken.
    pub fn is_short(&self) -> bool {
        self.storage_low || self.log_is_stuck
    }

    // --- cursors ---

    fn cursors_due(&self, sessions: &Sessions) -> Option<Moment> {
        let delay = Duration::from_micros(limits::CURSOR_DELAY_MICROS);
        sessions.has_dirty_cursors().then(|| self.cursors_written.after(delay))
    }

    /// Writes the cursors that moved, if they are due, in the transaction that is open. True: they
    /// are written when it is committed.
    ///
    /// # Errors
    /// The store failed.
    pub fn stage_cursors(
        &mut self,
        store: &mut Store,
        sessions: &Sessions,
        now: Now,
    ) -> Result<bool, StoreError> {
        if self.cursors_due(sessions).is_none_or(|due| now.mono < due) {
            return Ok(false);
        }
        // Whatever becomes of it, it is not tried again at once.
        self.cursors_written = now.mono;
        write_cursors(store, sessions, now.unix)?;
        Ok(true)
    }

    /// Writes the cursors that moved, by themselves.
    fn write_cursors(&mut self, store: &mut Store, chat: &mut Chat, now: Now) -> Result<(), Fatal> {
        self.cursors_written = now.mono;
        let sessions = &chat.sessions;
        if apart(store, |store| write_cursors(store, sessions, now.unix))?.is_some() {
            chat.sessions.cursors_written(now.mono);
            chat.counters.commits += 1;
        }
        Ok(())
    }

    // --- checkpoints ---

    /// When the write-ahead log is to be copied into the database: once it is long, or when there
    /// is nothing else to do. While space is short, after each commit: the database grows as long
    /// as it can, and the log keeps its room.
    pub(super) fn checkpoint_due(&self, store: &Store) -> Option<Moment> {
        if let Some((_, until)) = self.hold {
            return Some(until);
        }
        let pages = store.wal_pages();
        let idle = self.last_work.after(Duration::from_micros(limits::IDLE_CHECKPOINT_MICROS));
        let short = self.is_short();
        match pages {
            limits::WAL_PAGES_MAX.. => Some(self.checkpoint_not_before),
            1.. if short => Some(self.checkpoint_not_before),
            limits::WAL_PAGES_IDLE.. => Some(idle.max(self.checkpoint_not_before)),
            _ => None,
        }
    }

    /// Copies the write-ahead log into the database, so that its room can be used again.
    pub(super) fn copy_log(&mut self, store: &mut Store, now: Now) -> Result<(), Fatal> {
        if now.mono < self.checkpoint_not_before {
            return Ok(());
        }
        store.checkpoint().map_err(fatal)?;
        // The database cannot grow: what room the log has left is for what makes nothing new.
        self.log_is_stuck = store.wal_pages() > 0;
        if self.log_is_stuck {
            // Another attempt at once would fail as well.
            self.checkpoint_not_before = now.mono.after(Duration::from_secs(1));
        }
        Ok(())
    }

    // --- the certificate ---

    /// Reads the certificate again. Connections that are there keep the one of their handshake.
    pub fn renew_certificate(&mut self, now: Now) -> Option<Certificate> {
        match self.machine.certificate(now.unix) {
            Ok(certificate) => {
                log::info!("the certificate was read again: {}", certificate.fingerprint);
                Some(certificate)
            }
            Err(why) => {
                log::error!("the certificate was not renewed, the old one stays: {why}");
                None
            }
        }
    }

    /// Once a day it is looked whether our own certificate is to be renewed.
    fn look_at_certificate(&mut self, now: Now) -> Option<Certificate> {
        if now.mono < self.certificate_look_at {
            return None;
        }
        self.certificate_look_at = now.mono.after(certificate::LOOK_EVERY);
        self.machine.certificate_is_due(now.unix).then(|| self.renew_certificate(now)).flatten()
    }
}

impl Server {
    /// A slice of all of it that is due.
    ///
    /// # Errors
    /// The store failed for good.
    pub(super) fn keep_up(&mut self, now: Now) -> Result<(), Fatal> {
        let Server { conns, reading, chat, store, delivery, upkeep } = self;
        conns.trim(now.mono);
        if upkeep.cursors_due(&chat.sessions).is_some_and(|due| now.mono >= due) {
            upkeep.write_cursors(store, chat, now)?;
        }
        upkeep.retain(store, chat, delivery.head, now)?;
        upkeep.index(store, now)?;
        let is_held = upkeep.is_held(store, conns, now);
        if !is_held && upkeep.checkpoint_due(store).is_some_and(|due| now.mono >= due) {
            upkeep.copy_log(store, now)?;
        }
        if let Some(certificate) = upkeep.look_at_certificate(now) {
            reading.certificate = Some(certificate);
        }
        Ok(())
    }

    /// When some of it is due.
    pub(super) fn upkeep_due(&self) -> Option<Moment> {
        let Server { conns, chat, store, upkeep, .. } = self;
        let due = [
            conns.trim_due(),
            upkeep.cursors_due(&chat.sessions),
            upkeep.retention_due(&chat.rules),
            upkeep.indexing_due(store),
            upkeep.checkpoint_due(store),
            Some(upkeep.certificate_look_at),
        ];
        due.into_iter().flatten().min()
    }

    /// Writes what only waits to be written, and closes the store.
    ///
    /// # Errors
    /// The store failed for good.
    pub(super) fn close_store(mut self, now: Now) -> Result<(), Fatal> {
        if self.chat.sessions.has_dirty_cursors() {
            self.upkeep.write_cursors(&mut self.store, &mut self.chat, now)?;
        }
        self.store.close().map_err(fatal)
    }
}
