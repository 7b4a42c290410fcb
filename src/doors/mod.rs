//! The protocols of the port: a file or a folder each.
//!
//! [`sniff`] tells them apart by the first bytes. [`frames`] are our own; [`http`] has the page,
//! and [`websocket`] is behind it; [`lines`] is for people at telnet and nc. [`proxy`] reads what
//! a reverse proxy says in front of its peer's bytes. What the server says is [`Said`] until a
//! protocol encodes it. Nothing here knows a user, the store, or a socket.

pub mod frames;
pub mod http;
pub mod lines;
pub mod proxy;
pub mod said;
pub mod sniff;
pub mod websocket;

pub use said::{Said, SharedPush};

use lines::Lines;
use websocket::WebSocket;

/// How what is said is cut into frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As they are, perhaps behind the prompt.
    Frames,
    /// Each line is one.
    Lines,
    /// With the headers of WebSocket, behind the answer to the request for it.
    WebSocket,
}

impl Form {
    /// The length of the frame that `bytes` begin with. Only whole frames are ever appended to a
    /// send buffer, so it can be read; were it not, the rest counts as one frame.
    pub fn frame_len(self, bytes: &[u8]) -> usize {
        let length = match self {
            Form::Lines => lines::line_len(bytes),
            Form::Frames => frames::unit_len(bytes),
            Form::WebSocket => websocket::frame_len(bytes),
        };
        length.unwrap_or(bytes.len()).min(bytes.len())
    }
}

/// Why a connection ends, as far as a peer is told with the end of its protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The peer wanted it.
    Normal,
    /// The server stops.
    Away,
    /// Anything else; what it was is told before, if at all.
    Policy,
}

/// Another way to speak.
#[derive(Debug)]
pub enum Speech {
    /// A browser, behind the page.
    WebSocket(WebSocket),
    /// A person at telnet or nc. In a box of its own: it needs more than a browser.
    Lines(Box<Lines>),
}

impl Speech {
    /// Whether there is something that can be read without more bytes.
    pub fn waits(&self) -> bool {
        match self {
            Speech::WebSocket(socket) => socket.waits(),
            Speech::Lines(lines) => lines.waits(),
        }
    }

    /// Whether something was begun whose rest the peer owes us.
    pub fn is_within(&self) -> bool {
        match self {
            Speech::WebSocket(socket) => socket.is_within_message(),
            Speech::Lines(lines) => lines.is_within_line(),
        }
    }

    /// Whether so much is kept that nothing more is to be read now.
    pub fn is_full(&self) -> bool {
        match self {
            Speech::WebSocket(socket) => socket.waits(),
            Speech::Lines(lines) => lines.is_full(),
        }
    }

    /// The peer was answered that it broke the rules.
    pub fn fault_was_told(&mut self) {
        if let Speech::WebSocket(socket) = self {
            socket.fault_was_told();
        }
    }

    /// Appends what is said, in the protocol's form.
    pub fn encode(&mut self, said: &mut Said, unix: i64, out: &mut Vec<u8>) {
        match self {
            Speech::WebSocket(_) => websocket::encode(said, unix, out),
            Speech::Lines(lines) => lines.encode(said, unix, out),
        }
    }

    /// How what is said is cut.
    pub fn form(&self) -> Form {
        match self {
            Speech::WebSocket(_) => Form::WebSocket,
            Speech::Lines(_) => Form::Lines,
        }
    }

    /// Whether the peer is still to be told that nothing more comes.
    pub fn owes_end(&self) -> bool {
        match self {
            Speech::WebSocket(socket) => !socket.has_ended(),
            Speech::Lines(_) => false,
        }
    }

    /// Tells the peer that nothing more comes.
    pub fn end(&mut self, why: Ending, out: &mut Vec<u8>) {
        if let Speech::WebSocket(socket) = self {
            socket.end(why, out);
        }
    }
}

/// A million idle browsers are a million of these beside their connections (P20).
const _: () = assert!(std::mem::size_of::<Speech>() <= 56);
