//! Where a connection is in its life, and why it ends.

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// A TLS handshake was begun and is not complete.
    Handshaking,
    /// It is read and served.
    Open,
    /// It closes: the last bytes are on their way.
    Flushing,
    /// Our side is shut down, and what comes is discarded.
    Lingering,
    /// Its socket is of no use any more.
    Dead,
}

impl Stage {
    /// Whether the connection is not closing: it is read and served.
    pub fn is_serving(self) -> bool {
        matches!(self, Stage::Handshaking | Stage::Open)
    }
}

/// Declares why something happens to a connection, each reason with the name under which it is
/// counted, logged and shown (P29).
macro_rules! reasons {
    ($(#[$meta:meta])* pub enum $type:ident {
        $($(#[$doc:meta])* $reason:ident = $name:literal,)*
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $type {
            $($(#[$doc])* $reason,)*
        }

        impl $type {
            /// Every reason, in the order of their declaration.
            pub const ALL: &[$type] = &[$($type::$reason),*];

            /// The name under which it is counted, logged and shown.
            pub fn name(self) -> &'static str {
                match self {
                    $($type::$reason => $name,)*
                }
            }
        }
    };
}
pub(super) use reasons;

reasons! {
    /// Why a connection ends. The first decision to close sets the reason. It is no refusal:
    /// after a refusal the connection goes on. Most reasons are not told to the peer, which
    /// sees the end of the stream.
    pub enum CloseReason {
        /// The peer closed, or its machine did.
        PeerLeft = "peer_left",
        /// Reading or writing failed.
        Io = "io",
        /// The peer sent bytes that are no frames or no messages, and was told so.
        Protocol = "protocol",
        /// The peer confirmed a seq that it had not been sent.
        AckTooHigh = "ack_too_high",
        /// The peer spoke in plaintext from another machine.
        Plaintext = "plaintext",
        /// The peer broke TLS, or offered nothing in the handshake that the server could use.
        Tls = "tls",
        /// A TLS handshake was not completed in time.
        HandshakeDeadline = "handshake_deadline",
        /// The peer did not sign in in time.
        SignInDeadline = "sign_in_deadline",
        /// A frame was not completed in time.
        FrameDeadline = "frame_deadline",
        /// No frame came for too long from a peer that has to show signs of life.
        Idle = "idle",
        /// The peer took nothing of what it was sent for too long.
        Stalled = "stalled",
        /// The user signed in elsewhere.
        TakenOver = "taken_over",
        /// An administrator blocked the user.
        Blocked = "blocked",
        /// The operator gave the user a new password.
        PasswordReset = "password_reset",
        /// A backup took too long, and the checkpoints had to go on.
        HoldEnded = "hold_ended",
        /// A monitor got its figures.
        Measured = "measured",
        /// A request over HTTP was answered.
        Answered = "answered",
        /// The server stops.
        Shutdown = "shutdown",
        /// Too many connections, in all or from its address.
        Refused = "refused",
    }
}
