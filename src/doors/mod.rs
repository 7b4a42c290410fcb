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

use lines::Lines;
use websocket::WebSocket;

/// What a peer speaks, and what has to be remembered of it. In boxes: most connections speak
/// frames, which need none of it.
#[derive(Debug, Default)]
pub enum Protocol {
    /// The first bytes do not tell yet. The server says nothing: a browser connects ahead, is
    /// silent, and would take it for its answer.
    #[default]
    Unknown,
    /// p2sp's own frames.
    Frames,
    /// HTTP: one request, for a file of the page, the figures, or WebSocket.
    Http,
    /// WebSocket, behind a request over HTTP: the page.
    WebSocket(Box<WebSocket>),
    /// Lines of text: a person at telnet or nc, or a script.
    Lines(Box<Lines>),
}

impl Protocol {
    /// Whether the first bytes told what it is.
    pub fn is_known(&self) -> bool {
        !matches!(self, Protocol::Unknown)
    }

    /// Whether requests come in it. What is kept of them while they wait is frames.
    pub fn has_requests(&self) -> bool {
        !matches!(self, Protocol::Unknown | Protocol::Http)
    }

    /// Whether what comes has another form than frames. Frames that are kept are kept decoded.
    pub fn needs_decoding(&self) -> bool {
        matches!(self, Protocol::WebSocket(_) | Protocol::Lines(_))
    }

    /// Whether requests carry no login key: the connection's session stands for it.
    pub fn is_keyless(&self) -> bool {
        matches!(self, Protocol::Lines(_))
    }

    /// Whether there is something that can be decoded without more bytes.
    pub fn waits(&self) -> bool {
        match self {
            Protocol::WebSocket(socket) => socket.waits(),
            Protocol::Lines(lines) => lines.waits(),
            _ => false,
        }
    }

    /// Whether something was begun whose rest the peer owes us.
    pub fn is_within(&self) -> bool {
        match self {
            Protocol::WebSocket(socket) => socket.is_within_message(),
            Protocol::Lines(lines) => lines.is_within_line(),
            _ => false,
        }
    }

    /// Whether so much is kept that nothing more is to be read now.
    pub fn is_full(&self) -> bool {
        match self {
            Protocol::WebSocket(socket) => socket.waits(),
            Protocol::Lines(lines) => lines.is_full(),
            _ => false,
        }
    }

    /// The peer was answered that it broke the rules.
    pub fn fault_was_told(&mut self) {
        if let Protocol::WebSocket(socket) = self {
            socket.fault_was_told();
        }
    }

    /// Appends what is kept of a unit that was begun, for more to be put behind it.
    pub fn give(&mut self, out: &mut Vec<u8>) {
        if let Protocol::WebSocket(socket) = self {
            out.extend_from_slice(&socket.give());
        }
    }

    /// Decodes what came; `take` gets the payload of each request. Frames need no decoding: the
    /// intake cuts them where they lie. HTTP has no requests but one of its own: [`http::decode`].
    pub fn decode(&mut self, incoming: Incoming, take: impl FnMut(&[u8])) -> Decoded {
        match self {
            Protocol::WebSocket(socket) => socket.decode(incoming, take),
            Protocol::Lines(lines) => lines.decode(incoming, take),
            _ => Decoded::default(),
        }
    }

    /// Appends what is said, in the protocol's form.
    pub fn encode(&mut self, said: &mut Said, unix: i64, out: &mut Vec<u8>) {
        match self {
            Protocol::WebSocket(_) => websocket::encode(said, unix, out),
            Protocol::Lines(lines) => lines.encode(said, unix, out),
            Protocol::Http => http::encode(said, out),
            Protocol::Unknown | Protocol::Frames => frames::encode(said, unix, out),
        }
    }

    /// The function that measures what was encoded: the length of the unit that its bytes begin
    /// with. A connection is cut, and its unsent bytes are dropped, at a unit's end only.
    pub fn unit_len(&self) -> fn(&[u8]) -> Option<usize> {
        match self {
            Protocol::WebSocket(_) => websocket::unit_len,
            Protocol::Lines(_) => lines::unit_len,
            _ => frames::unit_len,
        }
    }

    /// Whether the peer is still to be told that nothing more comes.
    pub fn owes_end(&self) -> bool {
        matches!(self, Protocol::WebSocket(socket) if !socket.has_ended())
    }

    /// Tells the peer that nothing more comes.
    pub fn end(&mut self, why: Ending, out: &mut Vec<u8>) {
        if let Protocol::WebSocket(socket) = self {
            socket.end(why, out);
        }
    }
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
