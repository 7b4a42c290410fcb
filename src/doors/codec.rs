//! A protocol: its functions, what they are given to decode, and what they return beside requests.

use super::said::Said;
use crate::wire::Code;

/// A protocol, with the state of one peer. It has three functions and a name; the other functions
/// are for a protocol that differs in them, or keeps something between two reads.
pub trait Codec {
    /// Its name, for the operator.
    fn name(&self) -> &'static str;

    /// Decodes the bytes that came; `take` gets the payload of each request.
    fn decode(&mut self, _incoming: Incoming, _take: &mut dyn FnMut(&[u8])) -> Decoded {
        Decoded::default()
    }

    /// Appends a reply or a push, encoded.
    fn encode(&mut self, said: &mut Said, unix: i64, out: &mut Vec<u8>);

    /// The function that measures encoded bytes: it returns the length of their first unit. A send
    /// buffer is cut at the end of a unit only.
    fn unit_len(&self) -> fn(&[u8]) -> Option<usize>;

    /// Whether the first bytes told the protocol.
    fn is_known(&self) -> bool {
        true
    }

    /// Whether it carries requests; they are kept as frames while they wait.
    fn has_requests(&self) -> bool {
        true
    }

    /// Whether [`Codec::decode`] makes requests of the bytes. Frames need it not, because the
    /// intake cuts them where they are.
    fn needs_decoding(&self) -> bool {
        true
    }

    /// Whether requests carry no login key: the connection's session stands for it.
    fn is_keyless(&self) -> bool {
        false
    }

    /// Moves the bytes of an incomplete unit to `out`; the bytes that came go after them.
    fn move_kept(&mut self, _out: &mut Vec<u8>) {}

    /// Whether kept bytes can be decoded without more bytes.
    fn waits(&self) -> bool {
        false
    }

    /// Whether the peer has begun a unit and not ended it.
    fn is_within(&self) -> bool {
        false
    }

    /// Whether so much is kept that no more is to be read now.
    fn is_full(&self) -> bool {
        self.waits()
    }

    /// Notes that the peer got the answer to its fault.
    fn note_fault_told(&mut self) {}

    /// Whether a closing message is still to be sent ([`Codec::end`]).
    fn owes_end(&self) -> bool {
        false
    }

    /// Appends the closing message, if the protocol has one.
    fn end(&mut self, _: Ending, _: &mut Vec<u8>) {}
}

/// Why a connection ends, for a closing message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The peer wanted it.
    Normal,
    /// The server stops.
    Away,
    /// Anything else; the reason is told before, if at all.
    Policy,
}

/// The bytes that came on a connection, and how much may be decoded in this tick.
pub struct Incoming<'a> {
    /// The bytes that the protocol kept ([`Codec::move_kept`]), and after them those that came.
    pub bytes: &'a mut [u8],
    /// The bytes that the requests may take, each with the header of a frame.
    pub room: usize,
    /// The most requests.
    pub requests_max: usize,
    /// Above so many bytes of answers no more is decoded: the peer does not take them.
    pub answers_max: usize,
    /// Whether an administrator is signed in; `None` while no user is.
    pub is_admin: Option<bool>,
    /// The time in Unix seconds, for answers that the protocol makes itself.
    pub unix: i64,
}

/// The result of decoding, beside the requests.
#[derive(Default)]
pub struct Decoded {
    /// The answers that the protocol makes itself.
    pub answers: Transport,
    /// The codes of the lines that were refused without asking the server.
    pub refused: Vec<Code>,
    /// Something was answered that was no request.
    pub was_answered: bool,
    /// The peer broke the rules, after the requests.
    pub fault: Option<Code>,
    /// The peer sends no more.
    pub has_ended: bool,
    /// The peer asked to be disconnected at once.
    pub leaves: bool,
}

/// An answer that a protocol makes itself: a handshake, a pong, a file of the page, the help before
/// the sign-in. It is made of the peer's bytes and of the program alone and holds nothing of the
/// store, so it need not wait for a COMMIT.
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
