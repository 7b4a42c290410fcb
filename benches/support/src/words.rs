//! What the load says, and what it understands: no more JSON than it needs.
//!
//! A request is a frame around a text that is known but for a number; it carries a true
//! checksum, which the server pays to verify as it would for anyone. Of what comes back only the
//! letter that tells the type, the status of an answer, and `seq` and `prev` at the end of a push
//! are looked at; the server's own tests look at the rest.

use std::io::Write;

use p2sp::wire::frame;

use super::sizes::Chat;
use super::{Outcome, websocket};

/// The name of the group.
pub const GROUP: &str = "load";
/// Where the type's first letter stands: behind `{"type":"`.
const TYPE_AT: usize = 9;

/// A user's name.
pub fn name_of(user: usize) -> String {
    format!("user{user}")
}

/// A user's login key: 64 hexadecimal digits, like a true one.
pub fn key_of(user: usize) -> String {
    format!("{user:064x}")
}

/// Appends a sign-in with the user's key, by a client that confirms.
pub fn resume(out: &mut Vec<u8>, user: usize) {
    say(out, "resume", user, r#","ack":true"#);
}

/// Appends a confirmation of everything up to `seq`.
pub fn ack(out: &mut Vec<u8>, user: usize, seq: i64) {
    say(out, "ack", user, &format!(r#","seq":{seq}"#));
}

fn say(out: &mut Vec<u8>, kind: &str, user: usize, more: &str) {
    let text = format!(
        r#"{{"type":"{kind}","timestamp":0,"payload":{{"auth_token":"{}"{more}}}}}"#,
        key_of(user)
    );
    frame::append(out, |out| out.extend_from_slice(text.as_bytes()));
}

/// A message but for its number.
pub struct Letter {
    head: String,
    mid: String,
}

impl Letter {
    /// From a user to the group, or to the next user.
    pub fn new(chat: &Chat, from: usize, body: usize) -> Letter {
        let to = if chat.group {
            format!(r#""creator":"{}","groupname":"{GROUP}""#, name_of(from))
        } else {
            format!(r#""username":"{}""#, name_of(from + 1))
        };
        let kind = if chat.group { "sendgroup" } else { "send" };
        let (key, text) = (key_of(from), "m".repeat(body));
        let begin = format!(r#"{{"type":"{kind}","timestamp":0,"payload":{{"auth_token":"{key}""#);
        let head = format!(r#"{begin},{to},"message":"{text}","id":"#);
        // As long as p2sp's own clients make them.
        let mid = if chat.mid { format!(r#","mid":"{from:032x}-"#) } else { String::new() };
        Letter { head, mid }
    }

    /// Appends the message of that number.
    pub fn write(&self, out: &mut Vec<u8>, number: u64) {
        let Letter { head, mid } = self;
        frame::append(out, |out| {
            let written = match mid.is_empty() {
                true => write!(out, "{head}{number}}}}}"),
                false => write!(out, r#"{head}{number}{mid}{number}"}}}}"#),
            };
            debug_assert!(written.is_ok(), "memory takes everything");
        });
    }
}

/// What a frame of the server says.
#[derive(Debug, PartialEq, Eq)]
pub enum Said {
    /// Signed in; everything was pushed up to `cursor`.
    Welcome,
    /// A request was answered, and not refused.
    Done,
    /// A message.
    Push {
        /// Its place in the log.
        seq: i64,
        /// The place of the one pushed before it.
        prev: i64,
    },
    /// Everything that waited has come.
    CaughtUp,
}

/// Understands one frame, or one message of WebSocket.
pub fn understand(frame: &[u8]) -> Outcome<Said> {
    let payload = match websocket::is_message(frame) {
        true => websocket::payload(frame),
        false => &frame[p2sp::limits::FRAME_HEADER_BYTES..],
    };
    let said = match payload.get(TYPE_AT) {
        Some(b'u' | b'g') => push_end(payload),
        Some(b'n') => {
            // In this order, the status right behind the number.
            let re = find(payload, br#""re":"#);
            let status = re.and_then(|re| find(&payload[re..], br#""status":200,"#));
            status.map(|_| Said::Done)
        }
        Some(b'l') => Some(Said::Welcome),
        Some(b's') => find(payload, br#""event":"caught_up""#).map(|_| Said::CaughtUp),
        _ => None,
    };
    said.ok_or_else(|| format!("the server says {}", String::from_utf8_lossy(payload)).into())
}

/// Reads `"seq":7,"prev":5}}` from its end.
fn push_end(payload: &[u8]) -> Option<Said> {
    let rest = payload.strip_suffix(b"}}")?;
    let (rest, prev) = number_at_end(rest);
    let rest = rest.strip_suffix(br#","prev":"#)?;
    let (rest, seq) = number_at_end(rest);
    rest.ends_with(br#","seq":"#).then_some(Said::Push { seq, prev })
}

fn number_at_end(bytes: &[u8]) -> (&[u8], i64) {
    let (mut end, mut number, mut scale) = (bytes.len(), 0, 1);
    while end > 0 && bytes[end - 1].is_ascii_digit() && scale < i64::MAX / 10 {
        end -= 1;
        number += i64::from(bytes[end] - b'0') * scale;
        scale *= 10;
    }
    (&bytes[..end], number)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
