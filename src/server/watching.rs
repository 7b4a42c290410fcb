//! Presence and receipts, for sessions that asked for them: that a friend came or went, that a
//! message has arrived or was read. None of it is in the log; a session that comes later asks.

use super::deliver::Deliver;
use super::transaction::{Fatal, fatal};
use crate::id::UserId;
use crate::limits::PRESENCE_PER_TICK;
use crate::outbox::Receipt;
use crate::wire::Notice;

impl Deliver<'_> {
    /// Tells friends that a user came or went: so many friends a tick, and the others in the next
    /// ticks.
    pub(super) fn tell_of_presence(&mut self) -> Result<(), Fatal> {
        let mut left = PRESENCE_PER_TICK;
        while left > 1 {
            let next = || self.chat.sessions.take_changed().map(|(user, is)| (user, is, UserId(0)));
            let Some(told) = self.delivery.telling.take().or_else(next) else { return Ok(()) };
            let (user, online, after) = told;
            left -= 1;
            let Some(name) = self.reads.people.username(user).map_err(fatal)? else {
                continue;
            };
            let friends = self.reads.people.friends_page(user, after, left).map_err(fatal)?;
            for (friend, _) in &friends {
                self.tell_presence(*friend, &name, online);
            }
            left -= friends.len();
            if left == 0 {
                self.delivery.telling = friends.last().map(|(last, _)| (user, online, *last));
            }
        }
        Ok(())
    }

    fn tell_presence(&mut self, watcher: UserId, name: &str, online: bool) {
        for id in self.chat.sessions.watchers_of(watcher, |watches| watches.presence) {
            self.tell(id, Notice::presence(name, online));
        }
    }

    /// Tells the sender of a message that it has arrived or was read.
    pub(super) fn tell_receipt(&mut self, receipt: &Receipt) {
        let Receipt { to, reader, seq, read } = receipt;
        for id in self.chat.sessions.watchers_of(*to, |watches| watches.receipts) {
            self.tell(id, Notice::receipt(reader, *seq, *read));
        }
    }
}
