//! What a peer speaks: the table of protocols.

use super::codec::Codec;
use super::frames::Frames;
use super::http::Http;
use super::lines::Lines;
use super::websocket::WebSocket;

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
