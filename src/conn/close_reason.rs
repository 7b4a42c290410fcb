//! Why a connection ends. The first decision to close sets the reason, and it is counted under a
//! stable name (P29).
//!
//! It is no refusal: after a refusal, which is a `Code`, the connection goes on. Most reasons are
//! not told to the peer, which sees the end of the stream.

use crate::doors::Ending;

/// Why a connection ended. Each is counted under its name (P29).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The peer closed, or its machine did.
    PeerLeft,
    /// Reading or writing failed.
    Io,
    /// The peer sent bytes that are no frames or no messages, and was told so.
    Protocol,
    /// The peer confirmed a seq that it had not been sent.
    AckTooHigh,
    /// The peer spoke in plaintext from another machine.
    Plaintext,
    /// The peer broke TLS, or offered nothing in the handshake that the server could use.
    Tls,
    /// A TLS handshake was not completed in time.
    HandshakeDeadline,
    /// The peer did not sign in in time.
    SignInDeadline,
    /// A frame was not completed in time.
    FrameDeadline,
    /// No frame came for too long from a peer that has to show signs of life.
    Idle,
    /// The peer took nothing of what it was sent for too long.
    Stalled,
    /// The user signed in elsewhere.
    TakenOver,
    /// An administrator blocked the user.
    Blocked,
    /// The operator gave the user a new password.
    PasswordReset,
    /// A backup took too long, and the checkpoints had to go on.
    HoldEnded,
    /// A monitor got its figures.
    Measured,
    /// A request over HTTP was answered.
    Answered,
    /// The server stops.
    Shutdown,
    /// Too many connections, in all or from its address.
    Refused,
}

impl CloseReason {
    /// What a protocol that tells its peer why it closes says of it.
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
