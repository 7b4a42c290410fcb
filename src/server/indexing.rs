//! Filling the index of words: when nothing else is to be done, and a little all the same while
//! there is. No message and no answer waits for it (see `log/words.rs`).

use std::time::Duration;

use super::{Fatal, Server};
use crate::id::{Moment, Now};
use crate::limits;

impl Server {
    /// When the index wants its next step.
    pub(super) fn indexing_due(&self) -> Option<Moment> {
        // What room the disk has left is for messages, and a backup wants the log short.
        let waits = self.storage_low || self.log_is_stuck || self.hold.is_some();
        if waits || self.store.is_indexed() {
            return None;
        }
        let idle = self.last_work.after(Duration::from_micros(limits::INDEX_IDLE_MICROS));
        Some(idle.max(self.index_not_before).min(self.index_at_the_latest))
    }

    /// A step of the index, if it is due.
    ///
    /// # Errors
    /// The store failed for good.
    pub fn index(&mut self, now: Now) -> Result<(), Fatal> {
        if self.indexing_due().is_none_or(|due| now.mono < due) {
            return Ok(());
        }
        if self.apart(|store| store.log_mut().index_some(limits::INDEX_ROWS))?.is_some() {
            let busy = Duration::from_micros(limits::INDEX_BUSY_MICROS);
            self.index_at_the_latest = now.mono.after(busy);
        } else {
            let later = now.mono.after(Duration::from_secs(1));
            (self.index_not_before, self.index_at_the_latest) = (later, later);
        }
        Ok(())
    }
}
