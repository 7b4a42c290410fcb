//! How long a connection may take (P23): to sign in, to complete what it began, to show signs of
//! life, to take what it is sent, to go.
//!
//! Each is told by one moment that the connection remembers; what it waits for is asked anew
//! whenever something happened, and nothing is ever cancelled.

use std::time::Duration;

use super::{CloseReason, Connection, Stage};
use crate::id::Moment;
use crate::limits;

/// Who is there, for the connection's deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Not signed in: it has until the sign-in deadline.
    SignIn,
    /// Signed in and confirming: it has to show signs of life.
    Idle,
    /// Signed in, not confirming: TCP keepalive looks after it.
    Keepalive,
    /// The operator's: as a session that confirms.
    Operator,
    /// The operator's while a backup is made, which has a deadline of its own.
    Backup,
    /// A monitor's: it asks at once, or not at all.
    Monitor,
}

/// What a deadline asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Not yet: look again then.
    Later(Moment),
    /// No deadline at all.
    Never,
    /// The rate allows the next frame.
    GoOn,
    /// Close for this reason.
    Close(CloseReason),
    /// The last bytes were not taken in time, or the peer lingers: let it go.
    Drop,
}

impl Connection {
    /// What the connection's deadlines ask for at `now` (P23).
    pub fn due(&self, now: Moment, settings: &limits::Limits) -> Due {
        let seconds = Duration::from_secs;
        match self.stage {
            Stage::Dead => Due::Never,
            Stage::Flushing => self.drop_at(seconds(limits::FLUSH_SECONDS_MAX), now),
            Stage::Lingering => self.drop_at(seconds(limits::LINGER_SECONDS_MAX), now),
            _ => {
                let mut next: Option<Moment> = None;
                for (at, verdict) in self.deadlines(settings).into_iter().flatten() {
                    if at <= now {
                        return verdict;
                    }
                    next = Some(next.map_or(at, |next| next.min(at)));
                }
                next.map_or(Due::Never, Due::Later)
            }
        }
    }

    fn drop_at(&self, span: Duration, now: Moment) -> Due {
        let at = self.since.after(span);
        if at <= now { Due::Drop } else { Due::Later(at) }
    }

    /// Every deadline of a serving connection, and what it asks for.
    fn deadlines(&self, settings: &limits::Limits) -> [Option<(Moment, Due)>; 4] {
        let limit = |since: Moment, seconds: u64, reason| {
            (seconds > 0).then(|| (since.after(Duration::from_secs(seconds)), Due::Close(reason)))
        };
        let life = match self.patience {
            Patience::SignIn => {
                limit(self.since, settings.signin_seconds, CloseReason::SignInDeadline)
            }
            Patience::Idle | Patience::Operator => {
                limit(self.since, settings.idle_seconds, CloseReason::Idle)
            }
            Patience::Monitor => {
                limit(self.since, limits::FRAME_SECONDS_MAX, CloseReason::FrameDeadline)
            }
            Patience::Keepalive | Patience::Backup => None,
        };
        let (seconds, late) = match self.stage {
            Stage::Handshaking => (limits::HANDSHAKE_SECONDS_MAX, CloseReason::HandshakeDeadline),
            _ => (limits::FRAME_SECONDS_MAX, CloseReason::FrameDeadline),
        };
        let frame = self.begun().and_then(|begun| limit(begun, seconds, late));
        let stall = (!self.send.is_empty())
            .then(|| limit(self.last_progress, settings.idle_seconds, CloseReason::Stalled))
            .flatten();
        [life, frame, stall, self.is_paced().then_some((self.paced_until, Due::GoOn))]
    }
}
