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

use crc32fast::Hasher;

use super::envelope::{END, Payload};
use super::{Notice, frame};
use crate::id::Seq;
use crate::limits::{FRAME_HEADER_BYTES, PUSH_OVERHEAD_BYTES};

/// A push before it is encoded.
#[derive(Clone)]
#[allow(missing_docs)]
pub enum Push<'a> {
    /// A message of a user to another.
    User {
        fromusername: &'a str,
        message: &'a str,
        system: bool,
        /// Only in a history: it has the reader's own messages too.
        tousername: Option<&'a str>,
    },
    /// A message of a user to a group.
    Group {
        groupname: &'a str,
        creator: &'a str,
        group_id: i64,
        fromusername: &'a str,
        message: &'a str,
        system: bool,
    },
    /// A notice, or a message of an administrator in the system's name.
    System {
        message: Cow<'a, str>,
        notice: Notice,
        /// Of a gap: why the messages are gone.
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

    /// Appends it as JSON. A message of the log has a seq; here it has no `prev`, as in a history.
    pub fn append_json(&self, out: &mut Vec<u8>, unix: i64, seq: Option<Seq>) {
        self.append_shared(out, unix, seq);
        out.extend_from_slice(END);
    }

    /// Appends what all its readers share of the JSON: it has neither a `prev` nor its end yet.
    fn append_shared(&self, out: &mut Vec<u8>, unix: i64, seq: Option<Seq>) {
        let mut payload = Payload::begin(out, self.type_name(), unix);
        // A flag that is not set is left out.
        let set = |flag: &bool| flag.then_some(true);
        match self {
            Push::User { fromusername, message, system, tousername } => {
                payload.text("fromusername", fromusername);
                payload.text("message", message);
                payload.option("system", set(system).as_ref());
                payload.option("tousername", tousername.as_ref());
            }
            Push::Group { groupname, creator, group_id, fromusername, message, system } => {
                payload.text("groupname", groupname);
                payload.text("creator", creator);
                payload.value("group_id", group_id);
                payload.text("fromusername", fromusername);
                payload.text("message", message);
                payload.option("system", set(system).as_ref());
            }
            Push::System { message, notice, reason } => {
                payload.text("message", message);
                payload.fields_of(notice);
                payload.option("reason", reason.as_ref());
            }
        }
        payload.option("seq", seq.as_ref());
    }
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
        push.append_shared(&mut bytes, unix, Some(seq));
        let mut shared_hash = Hasher::new();
        shared_hash.update(&bytes[FRAME_HEADER_BYTES..]);
        PushFrame { shared_bytes: bytes.len(), bytes, shared_hash, prev: None }
    }

    /// The frame for a reader who was pushed `prev` before it.
    pub fn for_reader(&mut self, prev: Seq) -> &[u8] {
        if self.prev != Some(prev) {
            self.prev = Some(prev);
            self.bytes.truncate(self.shared_bytes);
            Payload(&mut self.bytes).value("prev", &prev);
            self.bytes.extend_from_slice(END);
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
        let mut json = Vec::new();
        push.append_json(&mut json, 5, Some(Seq(7)));
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
        assert!(json.starts_with(br#"{"type""#) && json.ends_with(br#""seq":7}}"#));
    }

    #[test]
    fn a_notice_about_the_connection_has_no_seq() {
        let mut out = Vec::new();
        Push::notice(Notice::plain(Event::CaughtUp), "done").append_json(&mut out, 5, None);
        assert_eq!(
            std::str::from_utf8(&out),
            Ok(
                r#"{"type":"sysmsg","timestamp":5,"payload":{"message":"done","event":"caught_up"}}"#
            )
        );
    }
}
