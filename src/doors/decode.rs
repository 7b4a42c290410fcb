//! What a protocol is given to decode, and what it gives back beside the requests.

use crate::wire::Code;

/// The bytes that came on a connection, and what it may make of them in this tick.
pub struct Incoming<'a> {
    /// What the protocol kept ([`super::Protocol::give`]), and behind it what came.
    pub bytes: &'a mut [u8],
    /// So many bytes the requests may take, each with the header of a frame.
    pub room: usize,
    /// So many requests at most.
    pub requests_max: usize,
    /// Above so many bytes of answers nothing more is decoded: the peer does not take them.
    pub answers_max: usize,
    /// Whether an administrator is signed in; `None` while nobody is.
    pub is_admin: Option<bool>,
    /// The time, for answers that are not the server's.
    pub unix: i64,
}

/// What was decoded beside requests.
#[derive(Default)]
pub struct Decoded {
    /// What the protocol itself answers.
    pub answers: Transport,
    /// The codes of the lines that were refused without asking the server.
    pub refused: Vec<Code>,
    /// Something was decoded and answered that was no request.
    pub was_answered: bool,
    /// The peer broke the rules, behind the requests.
    pub fault: Option<Code>,
    /// The peer sends no more.
    pub has_ended: bool,
    /// The peer asked to be disconnected at once.
    pub leaves: bool,
}

/// Bytes of a protocol alone: a handshake, a pong, a file of the page, help for who types. Only a
/// protocol makes them, from what a peer sent and from the program itself: nothing of the store is
/// among them, so they need not wait for a COMMIT.
#[derive(Debug, Default)]
pub struct Transport(pub(super) Vec<u8>);

impl Transport {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
