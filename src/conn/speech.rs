//! What a peer speaks instead of frames, and all that has to be remembered for it.
//!
//! Each of them makes frames of what comes ([`super::websocket`], [`super::lines`]), and gives what
//! is said another form. A connection that speaks frames has none of it.

use super::CloseReason;
use super::lines::Lines;
use super::send::Form;
use super::websocket::{self, WebSocket};

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

    /// Gives the frame that begins at `start`, the last of `out`, its form.
    pub fn reform(&mut self, out: &mut Vec<u8>, start: usize) {
        match self {
            Speech::WebSocket(_) => websocket::reform(out, start),
            Speech::Lines(lines) => lines.reform(out, start),
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
    pub fn end(&mut self, reason: Option<CloseReason>, out: &mut Vec<u8>) {
        if let Speech::WebSocket(socket) = self {
            socket.end(reason, out);
        }
    }
}

/// A million idle browsers are a million of these beside their connections (P20).
const _: () = assert!(std::mem::size_of::<Speech>() <= 56);
