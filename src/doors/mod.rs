//! The protocols of the port: a file or a folder each.
//!
//! [`sniff`] tells them apart by the first bytes. [`frames`] are our own; [`http`] has the page,
//! and [`websocket`] is behind it; [`lines`] is for people at telnet and nc. [`proxy`] reads what
//! a reverse proxy says in front of its peer's bytes. What the server says is [`Said`] until a
//! protocol encodes it. Nothing here knows a user, the store, or a socket.

pub mod decode;
pub mod frames;
pub mod http;
pub mod lines;
pub mod proxy;
pub mod said;
pub mod sniff;
pub mod websocket;

pub use decode::{Decoded, Incoming, Transport};
pub use said::{Said, SharedPush};

use frames::Frames;
use http::Http;
use lines::Lines;
use websocket::WebSocket;

/// What a peer speaks, and what has to be remembered of it. In boxes: most connections speak
/// frames, which need none of it.
pub enum Protocol {
    /// The first bytes do not tell yet. The server says nothing: a browser connects ahead, is
    /// silent, and would take it for its answer.
    Unknown(Frames),
    /// p2sp's own frames.
    Frames(Frames),
    /// HTTP: one request, for a file of the page, the figures, or WebSocket.
    Http(Http),
    /// WebSocket, behind a request over HTTP: the page.
    WebSocket(Box<WebSocket>),
    /// Lines of text: a person at telnet or nc, or a script.
    Lines(Box<Lines>),
}

impl Protocol {
    /// Whether the first bytes told what it is.
    pub fn is_known(&self) -> bool {
        !matches!(self, Protocol::Unknown(_))
    }

    /// Whether requests come in it. What is kept of them while they wait is frames.
    pub fn has_requests(&self) -> bool {
        !matches!(self, Protocol::Unknown(_) | Protocol::Http(_))
    }

    /// What it does. With [`Protocol::codec_mut`] the table of protocols: another one is a file of
    /// this folder, a variant, a row here and there, and how [`sniff`] tells it.
    pub fn codec(&self) -> &dyn Codec {
        match self {
            Protocol::Unknown(frames) | Protocol::Frames(frames) => frames,
            Protocol::Http(http) => http,
            Protocol::WebSocket(socket) => &**socket,
            Protocol::Lines(lines) => &**lines,
        }
    }

    /// What it does, and remembers by it.
    pub fn codec_mut(&mut self) -> &mut dyn Codec {
        match self {
            Protocol::Unknown(frames) | Protocol::Frames(frames) => frames,
            Protocol::Http(http) => http,
            Protocol::WebSocket(socket) => &mut **socket,
            Protocol::Lines(lines) => &mut **lines,
        }
    }
}

/// What every protocol does: three functions, and what it has to tell where it keeps something.
pub trait Codec {
    /// Decodes what came; `take` gets the payload of each request.
    fn decode(&mut self, incoming: Incoming, take: &mut dyn FnMut(&[u8])) -> Decoded;

    /// Appends what is said, in the protocol's form.
    fn encode(&mut self, said: &mut Said, unix: i64, out: &mut Vec<u8>);

    /// The function that measures what was encoded: the length of the unit that its bytes begin
    /// with. A send buffer is cut at a unit's end only.
    fn unit_len(&self) -> fn(&[u8]) -> Option<usize>;

    /// Whether what comes has another form than frames, so that [`Codec::decode`] is needed.
    /// Frames are cut by the intake where they lie; HTTP has [`http::decode`].
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
