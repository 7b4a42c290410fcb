//! Pushes: what the server sends unasked, as `usersend`, `groupsend` or `sysmsg`.
//!
//! The push of a message has one field that differs between readers: `prev`, the seq that was
//! pushed before it on the reader's connection. All other bytes are the same. So a message of the
//! log is encoded once, as a [`PushFrame`]. Only the end of the frame and the checksum are written
//! again, and only for a reader with another `prev` than the reader before.
//!
//! ```text
//! header {"type":"usersend","timestamp":…,"payload":{"fromusername":…,"seq":7   ,"prev":5}}
//!        └────── the same for all readers, hashed once ─────────────────────┘ └ for one ──┘
//! ```

use std::borrow::Cow;
use std::io::Write;

use crc32fast::Hasher;
use serde::Serialize;

use super::envelope::Envelope;
use super::{Notice, frame};
use crate::id::Seq;
use crate::limits::{FRAME_HEADER_BYTES, PUSH_OVERHEAD_BYTES};

/// A push before it is encoded.
#[derive(Clone, Serialize)]
#[serde(untagged)]
#[allow(missing_docs)]
pub enum Push<'a> {
    /// A message of a user to another.
    User {
        fromusername: &'a str,
        message: &'a str,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        system: bool,
        /// Only in a history: it has the reader's own messages too.
        #[serde(skip_serializing_if = "Option::is_none")]
        tousername: Option<&'a str>,
    },
    /// A message of a user to a group.
    Group {
        groupname: &'a str,
        creator: &'a str,
        group_id: i64,
        fromusername: &'a str,
        message: &'a str,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        system: bool,
    },
    /// A notice, or a message of an administrator in the system's name.
    System {
        message: Cow<'a, str>,
        #[serde(flatten)]
        notice: Notice,
        /// Of a gap: why the messages are gone.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'static str>,
    },
}

/// The messages of a gap are older than the operator wants to keep them.
const EXPIRED: &str = "expired";

impl<'a> Push<'a> {
    /// A notice, with its text.
    pub fn notice(notice: Notice, message: impl Into<Cow<'a, str>>) -> Push<'a> {
        let reason = notice.from_seq.map(|_| EXPIRED);
        Push::System { message: message.into(), notice, reason }
    }

    /// The text.
    pub fn message(&self) -> &str {
        match self {
            Push::User { message, .. } | Push::Group { message, .. } => message,
            Push::System { message, .. } => message,
        }
    }

    fn type_name(&self) -> &'static str {
        match self {
            Push::User { .. } => "usersend",
            Push::Group { .. } => "groupsend",
            Push::System { .. } => "sysmsg",
        }
    }

    /// Appends the payload of a push that is not in the log: it has no seq, and is never repeated.
    pub fn append_json(&self, out: &mut Vec<u8>, unix: i64) {
        self.encode(out, unix, None);
    }

    /// The payload of a message of the log, as it stands in a history: without a `prev`.
    pub fn to_json(&self, unix: i64, seq: Seq) -> String {
        let mut json = Vec::with_capacity(PUSH_OVERHEAD_BYTES + self.message().len());
        self.encode(&mut json, unix, Some(seq));
        String::from_utf8(json).unwrap_or_default()
    }

    fn encode(&self, out: &mut Vec<u8>, unix: i64, seq: Option<Seq>) {
        let payload = Payload { push: self, seq: seq.map(|seq| seq.0) };
        Envelope { r#type: self.type_name(), timestamp: unix, payload }.append(out);
    }
}

#[derive(Serialize)]
struct Payload<'a> {
    #[serde(flatten)]
    push: &'a Push<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<i64>,
}

/// The frame of a message of the log. Its last bytes are rewritten for each reader.
pub struct PushFrame {
    bytes: Vec<u8>,
    /// The length of the header and of the payload that all readers share.
    shared_bytes: usize,
    /// The checksum of that payload.
    shared_hash: Hasher,
    prev: Option<Seq>,
}

impl PushFrame {
    /// Encodes a message that was committed at `unix` as `seq`. It has no reader's end yet.
    pub fn new(push: &Push, unix: i64, seq: Seq) -> PushFrame {
        let mut bytes = Vec::with_capacity(PUSH_OVERHEAD_BYTES + push.message().len());
        bytes.resize(FRAME_HEADER_BYTES, 0);
        push.encode(&mut bytes, unix, Some(seq));
        // The two closing braces come back with each reader's `prev`.
        bytes.truncate(bytes.len().saturating_sub(2));
        let mut shared_hash = Hasher::new();
        shared_hash.update(&bytes[FRAME_HEADER_BYTES..]);
        PushFrame { shared_bytes: bytes.len(), bytes, shared_hash, prev: None }
    }

    /// The frame for a reader who was pushed `prev` before it.
    pub fn for_reader(&mut self, prev: Seq) -> &[u8] {
        if self.prev != Some(prev) {
            self.prev = Some(prev);
            self.bytes.truncate(self.shared_bytes);
            let written = write!(self.bytes, ",\"prev\":{}}}}}", prev.0);
            debug_assert!(written.is_ok(), "memory takes all bytes");
            let mut hash = self.shared_hash.clone();
            hash.update(&self.bytes[self.shared_bytes..]);
            let (header, payload) = self.bytes.split_at_mut(FRAME_HEADER_BYTES);
            header.copy_from_slice(&frame::header(hash.finalize(), payload.len()));
        }
        &self.bytes
    }

    /// The payload of the same frame.
    pub fn payload_for(&mut self, prev: Seq) -> &[u8] {
        &self.for_reader(prev)[FRAME_HEADER_BYTES..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Event;

    #[test]
    fn a_push_is_encoded_once_and_ends_with_its_readers_prev() {
        let push =
            Push::User { fromusername: "bob", message: "hi", system: false, tousername: None };
        let json = push.to_json(5, Seq(7));
        let mut frame = PushFrame::new(&push, 5, Seq(7));
        for prev in [1_234_567, 3, 3, 1_234_567] {
            let bytes = frame.for_reader(Seq(prev));
            assert_eq!(frame::frame_len(bytes), Ok(Some(bytes.len())));
            assert_eq!(
                std::str::from_utf8(frame::payload(bytes).expect("a frame")),
                Ok(format!(
                    r#"{{"type":"usersend","timestamp":5,"payload":{{"fromusername":"bob","message":"hi","seq":7,"prev":{prev}}}}}"#
                )
                .as_str())
            );
        }
        assert!(json.starts_with(r#"{"type""#) && json.ends_with(r#""seq":7}}"#));
    }

    #[test]
    fn a_notice_about_the_connection_has_no_seq() {
        let mut out = Vec::new();
        Push::notice(Notice::plain(Event::CaughtUp), "done").append_json(&mut out, 5);
        assert_eq!(
            std::str::from_utf8(&out),
            Ok(
                r#"{"type":"sysmsg","timestamp":5,"payload":{"message":"done","event":"caught_up"}}"#
            )
        );
    }
}
