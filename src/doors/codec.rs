//! What every protocol does, what it is given to decode, and what it gives back beside requests.

use super::said::Said;
use crate::wire::Code;

/// What every protocol does: three functions and a name; the others are for a protocol that
/// keeps something between two reads.
pub trait Codec {
    /// Its name, for the operator.
    fn name(&self) -> &'static str;

    /// Decodes what came; `take` gets the payload of each request.
    fn decode(&mut self, incoming: Incoming, take: &mut dyn FnMut(&[u8])) -> Decoded;

    /// Appends what is said, in the protocol's form.
    fn encode(&mut self, said: &mut Said, unix: i64, out: &mut Vec<u8>);

    /// The function that measures what was encoded: the length of the unit that its bytes begin
    /// with. A send buffer is cut at a unit's end only.
    fn unit_len(&self) -> fn(&[u8]) -> Option<usize>;

    /// Whether what comes has another form than frames, so that [`Codec::decode`] is needed.
    /// Frames are cut by the intake where they lie; HTTP has a function of its own.
    fn needs_decoding(&self) -> bool {
        true
    }

    /// Whether requests carry no login key: the connection's session stands for it.
    fn is_keyless(&self) -> bool {
        false
    }

    /// Appends what is kept of a unit that was begun, for more to be put behind it.
    fn give(&mut self, _: &mut Vec<u8>) {}

    /// Whether something is kept that can be decoded without more bytes.
    fn waits(&self) -> bool {
        false
    }

    /// Whether a unit was begun whose rest the peer owes.
    fn is_within(&self) -> bool {
        false
    }

    /// Whether so much is kept that nothing more is to be read now.
    fn is_full(&self) -> bool {
        self.waits()
    }

    /// The peer was answered that it broke the rules.
    fn fault_was_told(&mut self) {}

    /// Whether the peer is still to be told that nothing more comes.
    fn owes_end(&self) -> bool {
        false
    }

    /// Tells the peer that nothing more comes.
    fn end(&mut self, _: Ending, _: &mut Vec<u8>) {}
}

/// Why a connection ends, as far as a protocol tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The peer wanted it.
    Normal,
    /// The server stops.
    Away,
    /// Anything else; what it was is told before, if at all.
    Policy,
}

/// The bytes that came on a connection, and what it may make of them in this tick.
pub struct Incoming<'a> {
    /// What the protocol kept ([`Codec::give`]), and behind it what came.
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
