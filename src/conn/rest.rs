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
//! [`Rests::why`] is the one function that decides. At the end of each tick in which
//! something happened to a connection, the answer is kept with its time, counted in `stats` and
//! logged at `debug`, so that an operator can ask why a connection is silent.

use super::Stage;
use super::stage::reasons;
use crate::id::Moment;

reasons! {
    /// Why a connection rests.
    pub enum Rest {
        /// It is closing: only what is on its way is still sent.
        Closing = "closing",
        /// Its peer does not take what it is sent.
        BackedUp = "backed_up",
        /// The password of its request is being hashed.
        Hash = "hash",
        /// Its user is over a rate limit.
        RateLimit = "rate_limit",
        /// This tick changes its session; what it asks next is served under the new one.
        Held = "held",
        /// This tick has taken in, or served, all that it may.
        TickFull = "tick_full",
        /// It used up its time of this tick.
        SliceSpent = "slice_spent",
        /// This tick has computed all the TLS handshakes that it may.
        HandshakesSpent = "handshakes_spent",
    }
}

/// What makes one connection rest.
#[derive(Debug, Default)]
pub struct Rests {
    /// The password of its request is being hashed.
    pub hash: bool,
    /// The send buffer was above its high-water mark and is not below the low one yet; or all of
    /// them together were full when something was appended, and its peer has taken nothing since.
    pub backed_up: bool,
    /// Over a rate limit until then.
    pub rate_limited_until: Option<Moment>,
    /// Why nothing more is done for it in this tick.
    pub this_tick: Option<Rest>,
    /// Why it rested at the end of the last tick in which something happened to it, and since when.
    shown: Option<(Rest, Moment)>,
}

impl Rests {
    /// Why the connection rests; `None` if it may be served.
    pub fn why(&self, stage: Stage) -> Option<Rest> {
        if !stage.is_serving() {
            Some(Rest::Closing)
        } else if self.backed_up {
            Some(Rest::BackedUp)
        } else if self.hash {
            Some(Rest::Hash)
        } else if self.rate_limited_until.is_some() {
            Some(Rest::RateLimit)
        } else {
            self.this_tick
        }
    }

    /// Why it rested at the end of the last tick in which something happened to it, and since when.
    pub fn shown(&self) -> Option<(Rest, Moment)> {
        self.shown
    }

    /// The tick ends. Returns why it rested before and why it rests now.
    pub fn end_tick(&mut self, stage: Stage, now: Moment) -> (Option<Rest>, Option<Rest>) {
        let (before, after) = (self.shown.map(|(why, _)| why), self.why(stage));
        if before != after {
            self.shown = after.map(|why| (why, now));
        }
        self.this_tick = None;
        (before, after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rest_begins_once_and_one_of_a_tick_ends_with_it() {
        let mut rests = Rests { hash: true, this_tick: Some(Rest::Held), ..Rests::default() };
        let open = Stage::Open;
        assert_eq!(rests.end_tick(open, Moment(1)), (None, Some(Rest::Hash)));
        assert_eq!(rests.end_tick(open, Moment(2)), (Some(Rest::Hash), Some(Rest::Hash)));
        assert_eq!(rests.shown(), Some((Rest::Hash, Moment(1))));
        (rests.hash, rests.this_tick) = (false, Some(Rest::SliceSpent));
        assert_eq!(rests.end_tick(open, Moment(3)), (Some(Rest::Hash), Some(Rest::SliceSpent)));
        assert_eq!(rests.why(open), None, "in the next tick");
        assert_eq!(rests.end_tick(Stage::Flushing, Moment(4)).1, Some(Rest::Closing));
    }
}
