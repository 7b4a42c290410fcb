//! Timeouts: by when a connection must have signed in, shown signs of life, completed what it
//! began, taken what it is sent, and gone (P23).
//!
//! Each counts from a moment that is written down here when it begins. Nothing is cancelled: the
//! loop looks at a connection when the earliest of its timeouts may have come, and
//! [`Connection::due`] tells from the moments what is to be done.
//!
//! How long each may take stands in `limits.rs`.

use std::time::Duration;

use super::{CloseReason, Connection, Stage};
use crate::id::{ListenerKind, Moment};
use crate::limits;

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
pub(super) struct Timeouts {
    /// When it was accepted.
    accepted: Moment,
    awaited: Awaited,
    /// When the frame or the handshake began whose rest the peer owes.
    begun: Option<Moment>,
    /// When the kernel last took bytes, or when there began to be any. It counts while some wait.
    progress: Moment,
}

impl Timeouts {
    /// Those of a connection that was accepted now.
    pub(super) fn new(listener: ListenerKind, now: Moment) -> Timeouts {
        let awaited = match listener {
            ListenerKind::Public => Awaited::SignIn(now),
            ListenerKind::Control => Awaited::Frame(now),
            ListenerKind::Metrics => Awaited::Question(now),
        };
        Timeouts { accepted: now, awaited, begun: None, progress: now }
    }

    /// A whole frame came.
    pub(super) fn frame_came(&mut self, now: Moment) {
        self.begun = None;
        if let Awaited::Frame(last) = &mut self.awaited {
            *last = now;
        }
    }

    /// Something was begun whose rest the peer owes. The first byte counts.
    pub(super) fn begin(&mut self, now: Moment) {
        self.begun.get_or_insert(now);
    }

    /// Nothing is owed, or it cannot come because the connection is not read.
    pub(super) fn end(&mut self) {
        self.begun = None;
    }

    /// The kernel took bytes, or there began to be any.
    pub(super) fn progress(&mut self, now: Moment) {
        self.progress = now;
    }

    /// The connection begins to flush, or to linger.
    pub(super) fn close(&mut self, now: Moment) {
        self.awaited = Awaited::End(now);
    }
}

/// What a timeout asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing yet: look again then.
    Later(Moment),
    /// Nothing at all.
    Never,
    /// The rate limit allows the next request.
    GoOn,
    /// Close for this reason.
    Close(CloseReason),
    /// The last bytes were not taken in time, or the peer does not close: end at once.
    Drop,
}

impl Connection {
    /// A session began. One that confirms must show signs of life.
    pub fn signed_in(&mut self, confirms: bool, now: Moment) {
        self.awaits(if confirms { Awaited::Frame(now) } else { Awaited::Nothing });
    }

    /// The session ended: the peer has as long as a new one to sign in again.
    pub fn signed_out(&mut self, now: Moment) {
        self.awaits(Awaited::SignIn(now));
    }

    /// A backup begins, or ends: it has a deadline of its own.
    pub fn holds_checkpoints(&mut self, holds: bool, now: Moment) {
        self.awaits(if holds { Awaited::Nothing } else { Awaited::Frame(now) });
    }

    /// A connection that is closing awaits nothing but its end.
    fn awaits(&mut self, awaited: Awaited) {
        if self.is_serving() {
            self.timeouts.awaited = awaited;
        }
    }

    /// Whole frames came. They may have come in front of an error that ended the connection.
    pub fn frames_came(&mut self, now: Moment) {
        if self.is_serving() {
            self.timeouts.frame_came(now);
        }
    }

    /// Whether what is kept is the beginning of a frame whose rest the peer owes. A whole frame
    /// that waits because the connection rests is not held against the peer.
    pub fn frame_is_begun(&mut self, begun: bool, now: Moment) {
        if begun {
            self.timeouts.begin(now);
        } else {
            self.timeouts.end();
        }
    }

    /// When the connection was accepted.
    pub fn accepted(&self) -> Moment {
        self.timeouts.accepted
    }

    /// What the timeouts ask for at `now` (P23).
    pub fn due(&self, now: Moment, settings: &limits::Limits) -> Due {
        let all = self.deadlines(settings);
        let mut passed = all.into_iter().flatten().filter(|(at, _)| *at <= now);
        if let Some((_, due)) = passed.next() {
            return due;
        }
        self.next_deadline(settings).map_or(Due::Never, |(at, _)| Due::Later(at))
    }

    /// The earliest deadline, and what it asks for.
    pub fn next_deadline(&self, settings: &limits::Limits) -> Option<(Moment, Due)> {
        self.deadlines(settings).into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// Every deadline of the connection, and what it asks for.
    fn deadlines(&self, settings: &limits::Limits) -> [Option<(Moment, Due)>; 4] {
        let after = |since: Moment, seconds: u64, due| {
            (seconds > 0).then(|| (since.after(Duration::from_secs(seconds)), due))
        };
        let close = Due::Close;
        let awaited = match self.timeouts.awaited {
            Awaited::SignIn(since) => {
                after(since, settings.signin_seconds, close(CloseReason::SignInDeadline))
            }
            Awaited::Frame(since) => after(since, settings.idle_seconds, close(CloseReason::Idle)),
            Awaited::Question(since) => {
                after(since, limits::METRICS_SECONDS_MAX, close(CloseReason::FrameDeadline))
            }
            Awaited::End(since) if self.stage == Stage::Flushing => {
                after(since, limits::FLUSH_SECONDS_MAX, Due::Drop)
            }
            Awaited::End(since) => after(since, limits::LINGER_SECONDS_MAX, Due::Drop),
            Awaited::Nothing => None,
        };
        if self.stage == Stage::Dead {
            return [None; 4];
        }
        if !self.is_serving() {
            return [awaited, None, None, None];
        }
        let (seconds, late) = match self.stage {
            Stage::Handshaking => (limits::HANDSHAKE_SECONDS_MAX, CloseReason::HandshakeDeadline),
            _ => (limits::FRAME_SECONDS_MAX, CloseReason::FrameDeadline),
        };
        let begun = self.timeouts.begun.and_then(|since| after(since, seconds, close(late)));
        let stalled = (!self.send.is_empty())
            .then(|| {
                after(self.timeouts.progress, settings.idle_seconds, close(CloseReason::Stalled))
            })
            .flatten();
        let rate = self.rate_limited_until().map(|until| (until, Due::GoOn));
        [awaited, begun, stalled, rate]
    }
}
