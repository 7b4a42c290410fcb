//! A peer's WebSocket: tungstenite's own client over memory, so that ours is judged by another's.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};

use p2sp::wire::frame;
use tungstenite::protocol::frame::CloseFrame;
use tungstenite::protocol::{Role, WebSocket};
use tungstenite::{Error, Message};

/// A request for WebSocket, as a program makes it that is no browser.
pub const REQUEST: &str = "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// What came and what goes.
#[derive(Debug, Default)]
struct Memory {
    came: VecDeque<u8>,
    goes: Vec<u8>,
}

impl Read for Memory {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if self.came.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.came.read(room)
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.goes.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One end of a WebSocket.
#[derive(Debug)]
pub struct Socket {
    socket: WebSocket<Memory>,
    /// The answer to the request, as far as it came; then it speaks WebSocket.
    answer: Vec<u8>,
    upgraded: bool,
    /// What the server said at the end.
    pub closed: Option<u16>,
    /// Pongs that came.
    pub pongs: usize,
}

impl Default for Socket {
    fn default() -> Socket {
        let socket = WebSocket::from_raw_socket(Memory::default(), Role::Client, None);
        Socket { socket, answer: Vec::new(), upgraded: false, closed: None, pongs: 0 }
    }
}

impl Socket {
    /// Each frame of ours as a message: its payload, as text if it is some.
    pub fn wrap(&mut self, mut frames: &[u8]) -> Vec<u8> {
        while let Ok(Some(length)) = frame::frame_len(frames) {
            let payload = &frames[12..length];
            frames = &frames[length..];
            let message = match std::str::from_utf8(payload) {
                Ok(text) => Message::text(text),
                Err(_) => Message::binary(payload.to_vec()),
            };
            self.say(message);
        }
        self.goes()
    }

    /// Says something else than a request.
    pub fn say(&mut self, message: Message) {
        // Behind its own close it says nothing more.
        if self.socket.can_write() {
            self.socket.send(message).expect("memory");
        }
    }

    /// The word that nothing more comes.
    pub fn end(&mut self) -> Vec<u8> {
        self.say(Message::Close(None));
        self.goes()
    }

    /// The bytes that wait to go.
    pub fn goes(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.socket.get_mut().goes)
    }

    /// The payloads of the messages in what came.
    ///
    /// # Errors
    /// The rules of WebSocket were broken.
    pub fn open(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>, String> {
        self.answer.extend_from_slice(bytes);
        if !self.upgraded {
            let Some(end) = self.answer.windows(4).position(|end| end == b"\r\n\r\n") else {
                return Ok(Vec::new());
            };
            let head = String::from_utf8_lossy(&self.answer[..end]);
            if !head.starts_with("HTTP/1.1 101 ") || !head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
            {
                return Err(format!("no WebSocket: {head}"));
            }
            self.answer.drain(..end + 4);
            self.upgraded = true;
        }
        self.socket.get_mut().came.extend(self.answer.drain(..));
        let mut payloads = Vec::new();
        loop {
            match self.socket.read() {
                Ok(Message::Text(text)) => payloads.push(text.as_bytes().to_vec()),
                Ok(Message::Pong(_)) => self.pongs += 1,
                Ok(Message::Close(frame)) => self.closed = Some(code(frame)),
                Ok(other) => return Err(format!("{other:?}")),
                Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => break,
                Err(Error::ConnectionClosed | Error::AlreadyClosed) => break,
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(payloads)
    }

    /// Whether the server has broken off in the middle of something.
    pub fn is_cut_off(&self) -> bool {
        self.upgraded && self.closed.is_none()
    }
}

fn code(frame: Option<CloseFrame>) -> u16 {
    frame.map_or(1005, |frame| frame.code.into())
}
