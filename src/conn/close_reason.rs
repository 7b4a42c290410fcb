//! Why a connection ends: said once, by whoever decides it, and counted under a stable name.
//!
//! A reason is no refusal: a refused request goes on, and what it is told is a `Code`. Most of
//! these are told in no other way than by the end of the stream.

use crate::doors::Ending;

/// Why a connection ended. Each is counted under its name (P29).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The peer closed, or its machine did.
    PeerLeft,
    /// Reading or writing failed.
    Io,
    /// The bytes were no frames or no messages; it was told which.
    Protocol,
    /// It confirmed what it had not been sent.
    AckTooHigh,
    /// It spoke in plaintext from another machine.
    Plaintext,
    /// It broke TLS, or shook hands with nothing that we could use.
    Tls,
    /// A TLS handshake was begun and not completed in time.
    HandshakeDeadline,
    /// It did not sign in in time.
    SignInDeadline,
    /// A frame was begun and not completed in time.
    FrameDeadline,
    /// It confirms, and nothing came from it for too long.
    Idle,
    /// It did not take what it was sent for too long.
    Stalled,
    /// The user signed in elsewhere.
    TakenOver,
    /// An administrator blocked the user.
    Blocked,
    /// The operator gave the user a new password.
    PasswordReset,
    /// The checkpoints could be held no longer for it.
    HoldEnded,
    /// A monitor was answered.
    Measured,
    /// A browser was answered.
    Answered,
    /// The server stops.
    Shutdown,
    /// Too many connections, in all or from its address.
    Refused,
}

impl CloseReason {
    /// What a peer is told of it. Nobody decided what has no reason yet.
    pub fn ending(reason: Option<CloseReason>) -> Ending {
        match reason {
            Some(CloseReason::PeerLeft) | None => Ending::Normal,
            Some(CloseReason::Shutdown) => Ending::Away,
            Some(_) => Ending::Policy,
        }
    }

    /// The name under which it is counted.
    pub fn name(self) -> &'static str {
        match self {
            CloseReason::PeerLeft => "peer_left",
            CloseReason::Io => "io",
            CloseReason::Protocol => "protocol",
            CloseReason::AckTooHigh => "ack_too_high",
            CloseReason::Plaintext => "plaintext",
            CloseReason::Tls => "tls",
            CloseReason::HandshakeDeadline => "handshake_deadline",
            CloseReason::SignInDeadline => "sign_in_deadline",
            CloseReason::FrameDeadline => "frame_deadline",
            CloseReason::Idle => "idle",
            CloseReason::Stalled => "stalled",
            CloseReason::TakenOver => "taken_over",
            CloseReason::Blocked => "blocked",
            CloseReason::PasswordReset => "password_reset",
            CloseReason::HoldEnded => "hold_ended",
            CloseReason::Measured => "measured",
            CloseReason::Answered => "answered",
            CloseReason::Shutdown => "shutdown",
            CloseReason::Refused => "refused",
        }
    }
}
