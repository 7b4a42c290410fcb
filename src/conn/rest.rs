//! Back-pressure: why a connection rests, and what makes it go on.
//!
//! A server that reads faster than it can work, or works faster than its peers read, fills its
//! memory. So each connection is looked at before anything is done for it, and rests while one of
//! these holds:
//!
//! ```text
//!           not read    │ tick_full          its turn is the first of the next tick
//! kernel ──────────────►│ handshakes_spent   the next tick computes some more
//!           not served  │ hash               the helper thread is done with its password
//! requests ────────────►│ rate_limit         the moment that its user's rate allows
//!                       │ held               the next tick, when its session has changed
//!                       │ slice_spent        the next tick, behind the others
//!           not pushed  │ backed_up          its peer takes bytes: below the low-water mark
//! log ─────────────────►│ closing            never: what is on its way is all that it gets
//! ```
//!
//! A connection that is not pushed is not served either, for each answer would add to its send
//! buffer. A connection that is not served is not read: its frames wait in its receive buffer,
//! which is bounded, then in the kernel, and then at the peer, for the kernel's window is full.
//! Nothing is refused and nothing is dropped on the way. Messages for a reader that is backed up
//! are not kept for it: it is behind, and goes on from the log.
//!
//! Bytes in send buffers are bounded twice. Above `SEND_HIGH_BYTES` a connection is backed up until
//! it is below `SEND_LOW_BYTES`. While all of them together are above `SEND_TOTAL_BYTES_MAX`, each
//! connection is backed up as soon as something is appended to it; see [`super::conns`].
//!
//! No edge is told of the end of a rest. Whatever ends one lists the connection as touched
//! (`Conns::touch`), and at the end of the tick `settle` gives it a turn if it may go on.
//!
//! [`Connection::rest`] is the one function that decides. At the end of each tick in which
//! something happened to a connection, the answer is kept with its time, counted in `stats` and
//! logged at `debug`, so that an operator can ask why a connection is silent.

use super::Connection;
use crate::id::Moment;
use crate::limits;

/// Why a connection rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// It is closing: only what is on its way is still sent.
    Closing,
    /// Its peer does not take what it is sent.
    BackedUp,
    /// The password of its request is being hashed.
    Hash,
    /// Its user is over a rate limit.
    RateLimit,
    /// This tick changes its session; what it asks next is served under the new one.
    Held,
    /// This tick has taken in, or served, all that it may.
    TickFull,
    /// It used up its time of this tick.
    SliceSpent,
    /// This tick has computed all the TLS handshakes that it may.
    HandshakesSpent,
}

impl Rest {
    /// Every reason, in the order of their declaration.
    pub const ALL: [Rest; 8] = [
        Rest::Closing,
        Rest::BackedUp,
        Rest::Hash,
        Rest::RateLimit,
        Rest::Held,
        Rest::TickFull,
        Rest::SliceSpent,
        Rest::HandshakesSpent,
    ];

    /// The name under which it is counted, logged and shown.
    pub fn name(self) -> &'static str {
        match self {
            Rest::Closing => "closing",
            Rest::BackedUp => "backed_up",
            Rest::Hash => "hash",
            Rest::RateLimit => "rate_limit",
            Rest::Held => "held",
            Rest::TickFull => "tick_full",
            Rest::SliceSpent => "slice_spent",
            Rest::HandshakesSpent => "handshakes_spent",
        }
    }
}

/// What is known of one connection's rests.
#[derive(Debug, Default)]
pub(super) struct Rests {
    /// The password of its request is being hashed.
    hash: bool,
    /// The send buffer was above its high-water mark and is not below the low one yet.
    backed_up: bool,
    /// Over a rate limit until then.
    rate_limited_until: Option<Moment>,
    /// Why nothing more is done for it in this tick.
    this_tick: Option<Rest>,
    /// Why it rested at the end of the last tick in which something happened to it.
    shown: Option<Rest>,
    /// Since when that is so.
    since: Moment,
}

impl Connection {
    /// Why the connection rests; `None` if it may be served.
    pub fn rest(&self) -> Option<Rest> {
        if !self.is_serving() {
            Some(Rest::Closing)
        } else if self.rests.backed_up {
            Some(Rest::BackedUp)
        } else if self.rests.hash {
            Some(Rest::Hash)
        } else if self.rests.rate_limited_until.is_some() {
            Some(Rest::RateLimit)
        } else {
            self.rests.this_tick
        }
    }

    /// Whether a request may be read and served now.
    pub fn may_be_served(&self) -> bool {
        self.rest().is_none()
    }

    /// Whether an entry of the log may be pushed now. A reader that is not pushed goes on from the
    /// log later.
    pub fn may_be_pushed(&self) -> bool {
        self.is_serving() && !self.rests.backed_up
    }

    /// Whether a request was begun and not answered: its answer needs a hash, or its turn has not
    /// come.
    pub fn owes_answer(&self) -> bool {
        self.rests.hash || self.rests.rate_limited_until.is_some()
    }

    /// The password of its request is hashed from here on.
    pub fn begin_hash(&mut self) {
        self.rests.hash = true;
    }

    /// The hash is done, or will not be made.
    pub fn end_hash(&mut self) {
        self.rests.hash = false;
    }

    /// Its user's rate allows the next request at that moment; `None`: now.
    pub fn limit_rate(&mut self, until: Option<Moment>) {
        self.rests.rate_limited_until = until;
    }

    /// When its user's rate allows the next request, if it is over the limit.
    pub fn rate_limited_until(&self) -> Option<Moment> {
        self.rests.rate_limited_until
    }

    /// Why it rested at the end of the last tick in which something happened to it, and since when.
    pub fn rests_since(&self) -> Option<(Rest, Moment)> {
        self.rests.shown.map(|why| (why, self.rests.since))
    }

    /// All send buffers together are full: this one is backed up whatever it holds, until its peer
    /// takes bytes.
    pub(super) fn back_up(&mut self) {
        self.rests.backed_up = true;
    }

    /// Something was appended to the send buffer.
    pub(super) fn back_up_if_full(&mut self) {
        self.rests.backed_up |= self.send.len() > limits::SEND_HIGH_BYTES;
    }

    /// The peer took bytes.
    pub(super) fn go_on_if_drained(&mut self) {
        self.rests.backed_up &= self.unsent_bytes() >= limits::SEND_LOW_BYTES;
    }

    /// Nothing more is done for it in this tick.
    pub(super) fn rest_this_tick(&mut self, why: Rest) {
        self.rests.this_tick = Some(why);
    }

    /// The tick ends. Returns why it rested before and why it rests now.
    pub(super) fn end_tick(&mut self, now: Moment) -> (Option<Rest>, Option<Rest>) {
        let (before, after) = (self.rests.shown, self.rest());
        if before != after {
            (self.rests.shown, self.rests.since) = (after, now);
        }
        self.rests.this_tick = None;
        (before, after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conn::CloseReason;
    use crate::conn::spare::SpareBuffers;
    use crate::conn::tests::connection;

    #[test]
    fn every_reason_is_counted_in_a_place_of_its_own() {
        for (place, why) in Rest::ALL.into_iter().enumerate() {
            assert_eq!(why as usize, place, "{}", why.name());
        }
    }

    #[test]
    fn p20_backed_up_it_rests_until_its_peer_takes_bytes() {
        let mut conn = connection();
        let mut spare = SpareBuffers::default();
        conn.send.tail(&mut spare).extend_from_slice(&[0; 100]);
        assert!(conn.may_be_pushed() && conn.may_be_served());
        conn.back_up();
        assert!(!conn.may_be_pushed() && !conn.may_be_served());
        conn.was_sent(1, Moment(2), &mut spare);
        assert!(conn.may_be_pushed() && conn.may_be_served());
    }

    #[test]
    fn a_rest_begins_once_and_one_of_a_tick_ends_with_it() {
        let mut conn = connection();
        conn.begin_hash();
        conn.rest_this_tick(Rest::Held);
        assert_eq!(conn.end_tick(Moment(1)), (None, Some(Rest::Hash)));
        assert_eq!(conn.end_tick(Moment(2)), (Some(Rest::Hash), Some(Rest::Hash)));
        assert_eq!(conn.rests_since(), Some((Rest::Hash, Moment(1))));
        conn.end_hash();
        conn.rest_this_tick(Rest::SliceSpent);
        assert_eq!(conn.end_tick(Moment(3)), (Some(Rest::Hash), Some(Rest::SliceSpent)));
        assert!(conn.may_be_served(), "in the next tick");
        conn.close(CloseReason::PeerLeft, Moment(4));
        assert_eq!(conn.end_tick(Moment(4)), (Some(Rest::SliceSpent), Some(Rest::Closing)));
    }
}
