//! Retention: with `--keep-days`, what was said longer ago leaves the log, a few rows at a time.
//!
//! ```text
//! once an hour ─► sweep ── some readers a step ──► prune ── some rows a step ──► rest
//!                 how far has everyone got         up to there, and no further
//!                 who was here within that time?
//! ```
//!
//! What such a reader has not received stays, however old it is. All other readers are told of the
//! gap when they come back (P16). A reader who comes back while a round goes on counts as well.

use std::time::Duration;

use super::chat::Chat;
use super::transaction::{Fatal, apart, fatal};
use crate::handlers::Rules;
use crate::id::{Conversation, Moment, Now, Seq, UserId};
use crate::limits;
use crate::sessions::Sessions;
use crate::store::{Entry, EntryKind, Gap, Reader, Store};
use crate::wire::Notice;

/// Where retention is.
#[derive(Debug)]
pub(super) struct Retention {
    /// Its next step.
    due: Moment,
    round: Option<Round>,
}

/// One time through the readers, and then through what is too old.
#[derive(Debug)]
struct Round {
    /// What was said before this is too old, in unix seconds.
    before: i64,
    /// Every reader who counts has everything up to here.
    through: Seq,
    /// The last reader who was looked at; `None`: all were.
    swept: Option<UserId>,
}

impl Retention {
    pub(super) fn new(now: Moment) -> Retention {
        Retention { due: now, round: None }
    }

    /// A reader is here, who has everything up to `cursor`.
    pub(super) fn reader_came(&mut self, cursor: Seq) {
        if let Some(round) = &mut self.round {
            round.through = round.through.min(cursor);
        }
    }

    /// When the next step is due.
    pub(super) fn due(&self, rules: &Rules) -> Option<Moment> {
        (rules.keep_days > 0).then_some(self.due)
    }

    /// There is no step now.
    pub(super) fn wait(&mut self, now: Now) {
        self.due = now.mono.after(Duration::from_micros(limits::RETENTION_RETRY_MICROS));
    }

    /// A step.
    pub(super) fn step(
        &mut self,
        store: &mut Store,
        chat: &mut Chat,
        head: Seq,
        now: Now,
    ) -> Result<(), Fatal> {
        let kept_seconds = i64::from(chat.rules.keep_days) * 86_400;
        let mut round = self.round.take().unwrap_or(Round {
            before: now.unix - kept_seconds,
            through: head,
            swept: Some(UserId(0)),
        });
        let (micros, is_over) = match round.swept {
            Some(after) => {
                let page = limits::RETENTION_READERS;
                let readers = store.reads().people.readers_page(after, page).map_err(fatal)?;
                let last = readers.last().filter(|_| readers.len() == page);
                round.swept = last.map(|last| last.user);
                for reader in &readers {
                    let place = place_that_counts(&mut chat.sessions, reader, head, round.before);
                    round.through = round.through.min(place.unwrap_or(round.through));
                }
                (limits::RETENTION_STEP_MICROS, false)
            }
            None => {
                let (before, through, rows) = (round.before, round.through, limits::RETENTION_ROWS);
                match apart(store, |store| store.log_mut().prune(before, through, rows))? {
                    Some((count, is_over)) => {
                        chat.counters.expired += count as u64;
                        let pause = limits::RETENTION_PAUSE_MICROS;
                        (if is_over { pause } else { limits::RETENTION_STEP_MICROS }, is_over)
                    }
                    // The disk is too full even for that.
                    None => (limits::RETENTION_RETRY_MICROS, false),
                }
            }
        };
        self.round = Some(round).filter(|_| !is_over);
        self.due = now.mono.after(Duration::from_micros(micros));
        Ok(())
    }
}

/// Up to where a reader has everything, if they were here within the time that counts.
fn place_that_counts(
    sessions: &mut Sessions,
    reader: &Reader,
    head: Seq,
    before: i64,
) -> Option<Seq> {
    if let Some(place) = sessions.settle_cursor(reader.user, head) {
        return Some(place);
    }
    let moved = sessions.moved_cursor(reader.user).unwrap_or_default();
    (reader.seen >= before).then(|| reader.cursor.max(moved))
}

/// What stands in the place of what is gone, for a reader who was not shown it.
pub(super) fn gap_entry(reader: UserId, gap: &Gap) -> Entry {
    Entry {
        seq: gap.to,
        conversation: Conversation::Inbox(reader),
        sender: None,
        sender_name: None,
        group: None,
        unix: gap.unix,
        kind: EntryKind::Notice,
        body: Notice::gap(gap.from, gap.to).to_body(),
    }
}
