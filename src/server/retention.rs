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
        let micros = self.go_on(store, chat, head, now)?;
        self.due = now.mono.after(Duration::from_micros(micros));
        Ok(())
    }

    /// One step, and the microseconds until the next.
    fn go_on(
        &mut self,
        store: &mut Store,
        chat: &mut Chat,
        head: Seq,
        now: Now,
    ) -> Result<u64, Fatal> {
        let kept_seconds = i64::from(chat.rules.keep_days) * 86_400;
        let mut round = self.round.take().unwrap_or(Round {
            before: now.unix - kept_seconds,
            through: head,
            swept: Some(UserId(0)),
        });
        let micros = match round.swept {
            Some(after) => {
                let page = limits::RETENTION_READERS;
                let readers = store.reads().people.readers_page(after, page).map_err(fatal)?;
                let last = readers.last().filter(|_| readers.len() == page);
                round.swept = last.map(|last| last.user);
                for reader in &readers {
                    let place = place_that_counts(&mut chat.sessions, reader, head, round.before);
                    round.through = round.through.min(place.unwrap_or(round.through));
                }
                limits::RETENTION_STEP_MICROS
            }
            None => match prune(store, chat, &round)? {
                Some(true) => return Ok(limits::RETENTION_PAUSE_MICROS),
                Some(false) => limits::RETENTION_STEP_MICROS,
                None => limits::RETENTION_RETRY_MICROS,
            },
        };
        self.round = Some(round);
        Ok(micros)
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

/// Prunes some rows, in a transaction of its own. True: that was all; `None`: the disk is too
/// full even for that.
fn prune(store: &mut Store, chat: &mut Chat, round: &Round) -> Result<Option<bool>, Fatal> {
    let Round { before, through, .. } = *round;
    let pruned =
        apart(store, |store| store.log_mut().prune(before, through, limits::RETENTION_ROWS))?;
    Ok(pruned.map(|(count, all)| {
        chat.counters.expired += count as u64;
        all
    }))
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
