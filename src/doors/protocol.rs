//! The table of protocols.
//!
//! A connection begins without one; the first bytes tell it ([`super::sniff`]), and it changes once
//! at most: from HTTP to WebSocket. What a protocol does is its [`Codec`].

use super::codec::Codec;
use super::frames::Frames;
use super::http::Http;
use super::lines::Lines;
use super::websocket::WebSocket;

/// The protocol of a connection, with its state. The state is in a box: most connections speak
/// frames, which have none.
pub enum Protocol {
    /// The first bytes do not tell yet. The server stays silent: a browser opens connections in
    /// advance and would take a greeting for the answer to its first request.
    Unknown(Frames),
    /// p2sp's own frames.
    Frames(Frames),
    /// HTTP: one request, for a file of the page, the figures, or WebSocket.
    Http(Http),
    /// WebSocket, after a request over HTTP: the page.
    WebSocket(Box<WebSocket>),
    /// Lines of text: a person at telnet or nc, or a script.
    Lines(Box<Lines>),
}

impl Protocol {
    /// Its name, for the operator.
    pub fn name(&self) -> &'static str {
        if self.is_known() { self.codec().name() } else { "unknown" }
    }

    /// Whether the first bytes told what it is.
    pub fn is_known(&self) -> bool {
        !matches!(self, Protocol::Unknown(_))
    }

    /// Whether it carries requests; they are kept as frames while they wait.
    pub fn has_requests(&self) -> bool {
        !matches!(self, Protocol::Unknown(_) | Protocol::Http(_))
    }

    /// The protocol's functions. This and [`Protocol::codec_mut`] are the table of protocols: a new
    /// one is a file of this folder, a variant, a row in both, and a row in [`super::sniff`].
    pub fn codec(&self) -> &dyn Codec {
        match self {
            Protocol::Unknown(frames) | Protocol::Frames(frames) => frames,
            Protocol::Http(http) => http,
            Protocol::WebSocket(socket) => &**socket,
            Protocol::Lines(lines) => &**lines,
        }
    }

    /// The protocol's functions, to decode and to encode.
    pub fn codec_mut(&mut self) -> &mut dyn Codec {
        match self {
            Protocol::Unknown(frames) | Protocol::Frames(frames) => frames,
            Protocol::Http(http) => http,
            Protocol::WebSocket(socket) => &mut **socket,
            Protocol::Lines(lines) => &mut **lines,
        }
    }
}
