//! Timeouts: by when a connection must have signed in, shown signs of life, completed what it
//! began, taken what it is sent, and gone (P23).
//!
//! Each counts from a moment that is written down here when it begins. Nothing is cancelled: the
//! loop looks at a connection when the earliest of its deadlines may have come, and the deadlines
//! follow from the moments. How long each may take stands in `limits.rs`.

use std::time::Duration;

use super::{CloseReason, Stage};
use crate::id::{ListenerKind, Moment};
use crate::limits::{
    FLUSH_SECONDS_MAX, FRAME_SECONDS_MAX, HANDSHAKE_SECONDS_MAX, LINGER_SECONDS_MAX, Limits,
    METRICS_SECONDS_MAX,
};

/// What the peer has to do next, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    /// To sign in, whatever else it sends.
    SignIn(Moment),
    /// To show signs of life: its last whole frame.
    Frame(Moment),
    /// To ask, at the monitors' listener: a monitor asks at once.
    Question(Moment),
    /// To take what is left, or to close as well.
    End(Moment),
    /// Nothing: TCP keepalive looks after it, or a backup has a deadline of its own.
    Nothing,
}

/// The moments from which a connection's timeouts count.
#[derive(Debug)]
pub struct Timeouts {
    /// When it was accepted.
    pub accepted: Moment,
    awaited: Awaited,
    /// When the frame or the handshake began whose rest the peer owes.
    begun: Option<Moment>,
    /// When the kernel last took bytes, or the send buffer was empty. It counts while bytes wait.
    progress: Moment,
}

/// What a deadline asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// The rate limit allows the next request.
    GoOn,
    /// Close for this reason.
    Close(CloseReason),
    /// The last bytes were not taken in time, or the peer does not close: end at once.
    Drop,
}

impl Timeouts {
    /// The timeouts of a connection that was accepted now. Users sign in only over the network.
    pub fn new(listener: ListenerKind, now: Moment) -> Timeouts {
        let awaited = match listener {
            ListenerKind::Public => Awaited::SignIn(now),
            ListenerKind::Control => Awaited::Frame(now),
            ListenerKind::Metrics => Awaited::Question(now),
        };
        Timeouts { accepted: now, awaited, begun: None, progress: now }
    }

    /// A session began. One that confirms must show signs of life.
    pub fn signed_in(&mut self, confirms: bool, now: Moment) {
        self.awaits(if confirms { Awaited::Frame(now) } else { Awaited::Nothing });
    }

    /// The session ended: the peer has as long as a new one to sign in again.
    pub fn signed_out(&mut self, now: Moment) {
        self.awaits(Awaited::SignIn(now));
    }

    /// A backup is running, or has ended: it has a deadline of its own.
    pub fn set_backup(&mut self, is_running: bool, now: Moment) {
        self.awaits(if is_running { Awaited::Nothing } else { Awaited::Frame(now) });
    }

    /// A connection that is closing awaits nothing but its end.
    fn awaits(&mut self, awaited: Awaited) {
        if !matches!(self.awaited, Awaited::End(_)) {
            self.awaited = awaited;
        }
    }

    /// Whole frames came.
    pub fn frames_came(&mut self, now: Moment) {
        self.begun = None;
        if let Awaited::Frame(last) = &mut self.awaited {
            *last = now;
        }
    }

    /// Something was begun whose rest the peer owes. The first byte counts.
    pub fn begin(&mut self, now: Moment) {
        self.begun.get_or_insert(now);
    }

    /// The peer owes nothing, or nothing can come because the connection is not read: a whole frame
    /// may wait while the connection rests.
    pub fn end(&mut self) {
        self.begun = None;
    }

    /// The kernel took bytes, or the first bytes begin to wait.
    pub fn progress(&mut self, now: Moment) {
        self.progress = now;
    }

    /// The connection begins to flush, or to linger.
    pub fn close(&mut self, now: Moment) {
        self.awaited = Awaited::End(now);
    }

    /// Every deadline of a connection in that stage, and what it asks for.
    pub fn deadlines(
        &self,
        stage: Stage,
        is_sending: bool,
        limits: &Limits,
    ) -> impl Iterator<Item = (Moment, Due)> {
        let after = |since: Moment, seconds: u64, due| {
            (seconds > 0).then(|| (since.after(Duration::from_secs(seconds)), due))
        };
        let close = Due::Close;
        let awaited = match self.awaited {
            Awaited::SignIn(since) => {
                after(since, limits.signin_seconds, close(CloseReason::SignInDeadline))
            }
            Awaited::Frame(since) => after(since, limits.idle_seconds, close(CloseReason::Idle)),
            Awaited::Question(since) => {
                after(since, METRICS_SECONDS_MAX, close(CloseReason::FrameDeadline))
            }
            Awaited::End(since) if stage == Stage::Flushing => {
                after(since, FLUSH_SECONDS_MAX, Due::Drop)
            }
            Awaited::End(since) => after(since, LINGER_SECONDS_MAX, Due::Drop),
            Awaited::Nothing => None,
        };
        let (seconds, late) = match stage {
            Stage::Handshaking => (HANDSHAKE_SECONDS_MAX, CloseReason::HandshakeDeadline),
            _ => (FRAME_SECONDS_MAX, CloseReason::FrameDeadline),
        };
        let begun = self.begun.and_then(|since| after(since, seconds, close(late)));
        let stalled = after(self.progress, limits.idle_seconds, close(CloseReason::Stalled));
        let while_serving = [begun, stalled.filter(|_| is_sending)];
        let while_serving = while_serving.into_iter().filter(move |_| stage.is_serving());
        let all = [awaited].into_iter().chain(while_serving).flatten();
        all.filter(move |_| stage != Stage::Dead)
    }
}
