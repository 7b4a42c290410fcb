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

use super::chat::Chat;
use super::hold::Hold;
use super::indexing::Indexing;
use super::machine::Machine;
use super::read::Reading;
use super::retention::Retention;
use super::transaction::{Fatal, apart, fatal};
use crate::certificate::{self, Certificate};
use crate::conn::Conns;
use crate::handlers::receipt::write_cursors;
use crate::id::{Moment, Now, Seq};
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
    pub hold: Hold,
    pub retention: Retention,
    indexing: Indexing,
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
            hold: Hold::default(),
            retention: Retention::new(now),
            indexing: Indexing::new(now),
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
    fn checkpoint_due(&self, store: &Store) -> Option<Moment> {
        if let Some(until) = self.hold.until() {
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
    pub fn copy_log(&mut self, store: &mut Store, now: Now) -> Result<(), Fatal> {
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

/// The phase, and the parts that it borrows.
pub(super) struct KeepUp<'s> {
    pub upkeep: &'s mut Upkeep,
    pub conns: &'s mut Conns,
    pub reading: &'s mut Reading,
    pub chat: &'s mut Chat,
    pub store: &'s mut Store,
    /// The end of the log.
    pub head: Seq,
    pub now: Now,
}

impl KeepUp<'_> {
    /// A slice of all that is due.
    pub fn run(&mut self) -> Result<(), Fatal> {
        let KeepUp { upkeep, conns, reading, chat, store, head, now } = self;
        let is_due = |due: Option<Moment>| due.is_some_and(|due| now.mono >= due);
        if is_due(conns.spare.trim_due()) {
            conns.spare.trim(now.mono);
        }
        if is_due(upkeep.cursors_due(&chat.sessions)) {
            upkeep.write_cursors(store, chat, *now)?;
        }
        if is_due(upkeep.retention.due(&chat.rules)) {
            match upkeep.hold.holder() {
                // While a backup is made the write-ahead log is not to grow more than it must.
                Some(_) => upkeep.retention.wait(*now),
                None => upkeep.retention.step(store, chat, *head, *now)?,
            }
        }
        if is_due(upkeep.indexing_due(store)) {
            upkeep.indexing.step(store, *now)?;
        }
        let is_held = upkeep.hold.lasts(store, conns, *now);
        if !is_held && is_due(upkeep.checkpoint_due(store)) {
            upkeep.copy_log(store, *now)?;
        }
        if let Some(certificate) = upkeep.look_at_certificate(*now) {
            reading.certificate = Some(certificate);
        }
        Ok(())
    }
}

impl Upkeep {
    /// What room the disk has left is for messages, and a backup wants the log short.
    fn indexing_due(&self, store: &Store) -> Option<Moment> {
        let waits = self.is_short() || self.hold.holder().is_some();
        if waits { None } else { self.indexing.due(store, self.last_work) }
    }

    /// When some of it is due.
    pub fn due(&self, conns: &Conns, chat: &Chat, store: &Store) -> Option<Moment> {
        let due = [
            conns.spare.trim_due(),
            self.cursors_due(&chat.sessions),
            self.retention.due(&chat.rules),
            self.indexing_due(store),
            self.checkpoint_due(store),
            Some(self.certificate_look_at),
        ];
        due.into_iter().flatten().min()
    }

    /// Writes what only waits to be written, and closes the store.
    pub fn finish(&mut self, mut store: Store, mut chat: Chat, now: Now) -> Result<(), Fatal> {
        if chat.sessions.has_dirty_cursors() {
            self.write_cursors(&mut store, &mut chat, now)?;
        }
        store.close().map_err(fatal)
    }
}
