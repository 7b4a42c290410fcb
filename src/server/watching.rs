//! What somebody asked to be told of others: that a friend came or went, that a message has
//! arrived or was read. None of it is in the log; whoever is not there learns it by asking.

use super::{Fatal, Server, fatal};
use crate::id::{Now, UserId};
use crate::limits::{LIST_ROWS_MAX, PRESENCE_PER_TICK};
use crate::locale::notice;
use crate::outbox::Receipt;
use crate::wire::push;

impl Server {
    /// Tells those who watch of friends who came or went, a few of them a tick.
    ///
    /// # Errors
    /// The store failed.
    pub(super) fn tell_of_presence(&mut self, now: Now) -> Result<(), Fatal> {
        for _ in 0..PRESENCE_PER_TICK {
            let Some((user, online)) = self.sessions.take_changed() else { return Ok(()) };
            let Some(name) = self.store.username(user).map_err(fatal)? else { continue };
            let mut after = UserId(0);
            loop {
                let friends = self.store.friends_page(user, after, LIST_ROWS_MAX).map_err(fatal)?;
                for (friend, _) in &friends {
                    self.tell_presence(*friend, &name, online, now);
                }
                match friends.last() {
                    Some((last, _)) if friends.len() == LIST_ROWS_MAX => after = *last,
                    _ => break,
                }
            }
        }
        Ok(())
    }

    fn tell_presence(&mut self, watcher: UserId, name: &str, online: bool, now: Now) {
        let watcher = self.sessions.watcher(watcher, |watches| watches.presence);
        let Some((id, lang)) = watcher else { return };
        let words = notice::presence(name, online, lang);
        self.append(id, now, |out| push::append_presence(out, name, online, &words, now.unix));
    }

    /// Tells whoever said something what became of it.
    pub(super) fn tell_receipt(&mut self, receipt: &Receipt, now: Now) {
        let Receipt { to, reader, seq, read } = receipt;
        let watcher = self.sessions.watcher(*to, |watches| watches.receipts);
        let Some((id, lang)) = watcher else { return };
        let words = notice::receipt(reader, *read, lang);
        self.append(id, now, |out| {
            push::append_receipt(out, reader, (*seq, *read), &words, now.unix);
        });
    }
}
