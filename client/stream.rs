//! How far the log was shown, so that every message appears exactly once (P15).
//!
//! ```text
//! begin(cursor) ─► got = cursor ─► arrive(seq, prev) ─► prev == got? ─ no ─► Gap: start again
//!                                                        └─ yes ─► got = seq
//!                                     seq ≤ shown? ── yes ─► Repeated │ no ─► New, shown = seq
//! ```
//!
//! `got` belongs to one connection; `shown` to one user in one epoch, over all connections. On a
//! connection only its own messages are confirmed: more would be an error.

/// A reader's place in the log.
#[derive(Debug, Default)]
pub struct Stream {
    /// The user's id and the epoch: seqs of another user or epoch cannot be compared.
    log: Option<(i64, String)>,
    shown: i64,
    got: i64,
    confirmed: i64,
    /// The last seq whose confirmation the server has answered.
    proven: i64,
    /// Whether all messages that waited at the sign-in were pushed.
    pub caught_up: bool,
}

/// What to do with a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Show it.
    New,
    /// It was shown before.
    Repeated,
    /// A message before it is missing.
    Gap,
}

impl Stream {
    /// A session begins: everything up to `cursor` had reached the user.
    pub fn begin(&mut self, user_id: i64, epoch: &str, cursor: i64) {
        let log = Some((user_id, epoch.to_owned()));
        if self.log != log {
            self.log = log;
            self.shown = 0;
        }
        self.got = cursor;
        self.confirmed = cursor;
        self.proven = cursor;
        self.caught_up = false;
    }

    /// A message of the log arrives. A server that sends no `prev` cannot be checked.
    pub fn arrive(&mut self, seq: i64, prev: Option<i64>) -> Arrival {
        if seq <= self.got || prev.is_some_and(|prev| prev != self.got) {
            return Arrival::Gap;
        }
        self.got = seq;
        if seq <= self.shown {
            return Arrival::Repeated;
        }
        self.shown = seq;
        Arrival::New
    }

    /// The seq to confirm, if it was not confirmed yet.
    pub fn confirm(&mut self) -> Option<i64> {
        (self.got > self.confirmed).then(|| {
            self.confirmed = self.got;
            self.got
        })
    }

    /// The last seq, if the server has not answered its confirmation.
    pub fn unproven(&self) -> Option<i64> {
        (self.got > self.proven).then_some(self.got)
    }

    /// The server has answered a confirmation of `seq`.
    pub fn prove(&mut self, seq: i64) {
        self.proven = self.proven.max(seq);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Arrival::*;

    #[test]
    fn each_message_is_new_once_across_connections() {
        let mut stream = Stream::default();
        stream.begin(1, "e", 10);
        assert_eq!(stream.arrive(12, Some(10)), New);
        assert_eq!(stream.arrive(15, Some(12)), New);
        assert_eq!((stream.confirm(), stream.confirm()), (Some(15), None));
        assert_eq!(stream.unproven(), Some(15));
        stream.prove(15);
        assert_eq!(stream.unproven(), None);
        stream.begin(1, "e", 12);
        assert_eq!(stream.arrive(15, Some(12)), Repeated);
        assert_eq!(stream.confirm(), Some(15), "what came again is confirmed again");
        assert_eq!(stream.arrive(16, Some(15)), New);
    }

    #[test]
    fn a_gap_is_seen() {
        let mut stream = Stream::default();
        stream.begin(1, "e", 10);
        assert_eq!(stream.arrive(12, Some(11)), Gap);
        assert_eq!(stream.arrive(10, Some(10)), Gap);
        assert_eq!(stream.arrive(12, Some(10)), New, "a gap moves nothing");
    }

    #[test]
    fn another_epoch_or_user_begins_anew() {
        let mut stream = Stream::default();
        for (user_id, epoch) in [(1, "e"), (1, "f"), (2, "f")] {
            stream.begin(user_id, epoch, 0);
            assert_eq!(stream.arrive(9, Some(0)), New);
        }
    }
}
