//! Filling the index of words: when nothing else is to be done, and a little all the same while
//! there is. No message and no answer waits for it (see `log/words.rs`).

use std::time::Duration;

use super::transaction::{Fatal, apart};
use crate::id::{Moment, Now};
use crate::limits;
use crate::store::Store;

/// When the index is filled.
pub(super) struct Indexing {
    not_before: Moment,
    /// It goes on then, however much else there is.
    at_the_latest: Moment,
}

impl Indexing {
    /// It may begin at once.
    pub fn new(now: Moment) -> Indexing {
        Indexing { not_before: now, at_the_latest: now }
    }

    /// When the next step is due. There was something else to do at `last_work`.
    pub fn due(&self, store: &Store, last_work: Moment) -> Option<Moment> {
        let idle = last_work.after(Duration::from_micros(limits::INDEX_IDLE_MICROS));
        let due = idle.max(self.not_before).min(self.at_the_latest);
        (!store.is_indexed()).then_some(due)
    }

    /// A step.
    pub fn step(&mut self, store: &mut Store, now: Now) -> Result<(), Fatal> {
        if apart(store, |store| store.log_mut().index_some(limits::INDEX_ROWS))?.is_some() {
            let busy = Duration::from_micros(limits::INDEX_BUSY_MICROS);
            self.at_the_latest = now.mono.after(busy);
        } else {
            let later = now.mono.after(Duration::from_secs(1));
            (self.not_before, self.at_the_latest) = (later, later);
        }
        Ok(())
    }
}
