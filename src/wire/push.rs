//! What is sent unasked: `usersend`, `groupsend`, `sysmsg`.
//!
//! All readers of one message get the same bytes but for `prev`, the seq pushed before it on
//! their own connection, and most readers of a group even have that in common. So a push is
//! encoded once, as a [`PushFrame`], and only its end and its checksum are written anew when
//! the next reader's `prev` is another.
//!
//! ```text
//! header {"type":"usersend","timestamp":…,"payload":{"fromusername":…,"seq":7   ,"prev":5}}
//!        └──────────── a stem, shared by all readers and hashed once ───────┘ └ one's own ┘
//! ```

use crc32fast::Hasher;
use serde::Serialize;

use super::frame;
use super::notice::{Event, Notice};
use crate::id::Seq;
use crate::limits::FRAME_HEADER_BYTES;

/// A message as it is pushed, without the reader's own end, behind room for a header.
#[derive(Clone, PartialEq, Eq)]
pub struct Stem(Vec<u8>);

/// Bytes of a push besides its texts, at most nearly always: its memory is asked for once.
const STEM_BYTES: usize = 256;

/// What a push says, before it is encoded.
#[derive(Clone, Serialize)]
#[serde(untagged)]
#[allow(missing_docs)]
pub enum Push<'a> {
    /// One person to another.
    User {
        fromusername: &'a str,
        message: &'a str,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        system: bool,
        /// Only in a history, where one's own messages stand too.
        #[serde(skip_serializing_if = "Option::is_none")]
        tousername: Option<&'a str>,
    },
    /// One person to a group.
    Group {
        groupname: &'a str,
        creator: &'a str,
        group_id: i64,
        fromusername: &'a str,
        message: &'a str,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        system: bool,
    },
    /// The system, or an administrator through it.
    System {
        message: &'a str,
        event: Event,
        #[serde(skip_serializing_if = "Option::is_none")]
        username: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        groupname: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        creator: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        group_id: Option<i64>,
    },
    /// A friend came or went.
    Presence { message: &'a str, event: Event, username: &'a str, online: bool },
    /// What became of a message: arrived, or read, up to a seq.
    Receipt {
        message: &'a str,
        event: Event,
        username: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        delivered: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        read: Option<i64>,
    },
    /// The system, in the place of what is gone.
    Gap { message: &'a str, event: Event, from_seq: i64, to_seq: i64, reason: &'static str },
}

/// Why something is gone: it was kept as long as the operator wants it kept.
const EXPIRED: &str = "expired";

impl<'a> Push<'a> {
    /// A notice, with its words.
    pub fn notice(notice: &'a Notice, message: &'a str) -> Push<'a> {
        let event = notice.event;
        if let Some((from_seq, to_seq)) = notice.from_seq.zip(notice.to_seq) {
            return Push::Gap { message, event, from_seq, to_seq, reason: EXPIRED };
        }
        Push::System {
            message,
            event,
            username: notice.username.as_deref(),
            groupname: notice.groupname.as_deref(),
            creator: notice.creator.as_deref(),
            group_id: notice.group_id,
        }
    }

    fn message(&self) -> &str {
        match self {
            Push::User { message, .. }
            | Push::Group { message, .. }
            | Push::System { message, .. }
            | Push::Presence { message, .. }
            | Push::Receipt { message, .. }
            | Push::Gap { message, .. } => message,
        }
    }

    fn type_name(&self) -> &'static str {
        match self {
            Push::User { .. } => "usersend",
            Push::Group { .. } => "groupsend",
            Push::System { .. }
            | Push::Presence { .. }
            | Push::Receipt { .. }
            | Push::Gap { .. } => "sysmsg",
        }
    }
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    timestamp: i64,
    payload: Payload<'a>,
}

#[derive(Serialize)]
struct Payload<'a> {
    #[serde(flatten)]
    push: &'a Push<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<i64>,
}

/// Appends a push without a `prev`.
fn encode(out: &mut Vec<u8>, push: &Push, unix: i64, seq: Option<Seq>) {
    let payload = Payload { push, seq: seq.map(|seq| seq.0) };
    let body = Body { r#type: push.type_name(), timestamp: unix, payload };
    let written = serde_json::to_writer(out, &body);
    debug_assert!(written.is_ok(), "strings and integers always have a JSON form");
}

impl Stem {
    /// Encodes a message of the log, committed at `unix` as `seq`.
    pub fn new(push: &Push, unix: i64, seq: Seq) -> Stem {
        let mut bytes = Vec::with_capacity(STEM_BYTES + push.message().len());
        bytes.resize(FRAME_HEADER_BYTES, 0);
        encode(&mut bytes, push, unix, Some(seq));
        // The two closing braces come back with each reader's `prev`.
        bytes.truncate(bytes.len().saturating_sub(2));
        Stem(bytes)
    }

    /// The whole message without a `prev`, as it stands in a history.
    pub fn to_json(&self) -> String {
        String::from_utf8_lossy(&self.0[FRAME_HEADER_BYTES..]).into_owned() + "}}"
    }
}

/// A push as a frame, with the end of the reader who got it last.
pub struct PushFrame {
    bytes: Vec<u8>,
    /// Where the readers' own ends begin.
    shared_bytes: usize,
    /// The checksum of the payload up to there.
    shared_hash: Hasher,
    prev: Option<Seq>,
}

impl PushFrame {
    /// The frame of a message, for nobody yet.
    pub fn new(stem: Stem) -> PushFrame {
        let mut shared_hash = Hasher::new();
        shared_hash.update(&stem.0[FRAME_HEADER_BYTES..]);
        PushFrame { shared_bytes: stem.0.len(), bytes: stem.0, shared_hash, prev: None }
    }

    /// The frame for a reader who was pushed `prev` before it.
    pub fn behind(&mut self, prev: Seq) -> &[u8] {
        if self.prev != Some(prev) {
            self.prev = Some(prev);
            self.bytes.truncate(self.shared_bytes);
            self.bytes.extend_from_slice(b",\"prev\":");
            let mut digits = [0; 20];
            self.bytes.extend_from_slice(decimal(prev.0.max(0) as u64, &mut digits));
            self.bytes.extend_from_slice(b"}}");
            let mut hash = self.shared_hash.clone();
            hash.update(&self.bytes[self.shared_bytes..]);
            let (header, payload) = self.bytes.split_at_mut(FRAME_HEADER_BYTES);
            header.copy_from_slice(&frame::header(hash.finalize(), payload.len()));
        }
        &self.bytes
    }
}

/// Appends a notice about the connection itself: it has no seq, and is never repeated.
pub fn append_notice(out: &mut Vec<u8>, notice: &Notice, message: &str, unix: i64) {
    frame::append(out, |out| encode(out, &Push::notice(notice, message), unix, None));
}

/// Appends that a friend came or went.
pub fn append_presence(out: &mut Vec<u8>, name: &str, online: bool, message: &str, unix: i64) {
    let push = Push::Presence { message, event: Event::Presence, username: name, online };
    frame::append(out, |out| encode(out, &push, unix, None));
}

/// Appends that somebody has received, or has read, what was said to them up to a seq.
pub fn append_receipt(
    out: &mut Vec<u8>,
    name: &str,
    (seq, is_read): (Seq, bool),
    message: &str,
    unix: i64,
) {
    let (delivered, read) = if is_read { (None, Some(seq.0)) } else { (Some(seq.0), None) };
    let push = Push::Receipt { message, event: Event::Receipt, username: name, delivered, read };
    frame::append(out, |out| encode(out, &push, unix, None));
}

/// The decimal digits of `number`, at the end of `room`.
fn decimal(mut number: u64, room: &mut [u8; 20]) -> &[u8] {
    let mut start = room.len();
    loop {
        start -= 1;
        room[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &room[start..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_is_a_shared_stem_and_an_own_end() {
        let push =
            Push::User { fromusername: "bob", message: "hi", system: false, tousername: None };
        let stem = Stem::new(&push, 5, Seq(7));
        let json = stem.to_json();
        let mut frame = PushFrame::new(stem);
        for prev in [1_234_567, 3, 3, 1_234_567] {
            let bytes = frame.behind(Seq(prev));
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
        append_notice(&mut out, &Notice::plain(Event::CaughtUp), "done", 5);
        assert_eq!(
            std::str::from_utf8(frame::payload(&out).expect("a frame")),
            Ok(
                r#"{"type":"sysmsg","timestamp":5,"payload":{"message":"done","event":"caught_up"}}"#
            )
        );
    }
}
