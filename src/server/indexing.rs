//! Filling the index of words: when nothing else is to be done, and a little all the same while
//! there is. No message and no answer waits for it (see `log/words.rs`).

use std::time::Duration;

use super::Fatal;
use super::commit::apart;
use super::upkeep::Upkeep;
use crate::id::{Moment, Now};
use crate::limits;
use crate::store::Store;

impl Upkeep {
    /// When the index wants its next step.
    pub(super) fn indexing_due(&self, store: &Store) -> Option<Moment> {
        // What room the disk has left is for messages, and a backup wants the log short.
        let waits = self.is_short() || self.hold.is_some();
        if waits || store.is_indexed() {
            return None;
        }
        let idle = self.last_work.after(Duration::from_micros(limits::INDEX_IDLE_MICROS));
        Some(idle.max(self.index_not_before).min(self.index_at_the_latest))
    }

    /// A step of the index, if it is due.
    ///
    /// # Errors
    /// The store failed for good.
    pub(super) fn index(&mut self, store: &mut Store, now: Now) -> Result<(), Fatal> {
        if self.indexing_due(store).is_none_or(|due| now.mono < due) {
            return Ok(());
        }
        if apart(store, |store| store.log_mut().index_some(limits::INDEX_ROWS))?.is_some() {
            let busy = Duration::from_micros(limits::INDEX_BUSY_MICROS);
            self.index_at_the_latest = now.mono.after(busy);
        } else {
            let later = now.mono.after(Duration::from_secs(1));
            (self.index_not_before, self.index_at_the_latest) = (later, later);
        }
        Ok(())
    }
}
