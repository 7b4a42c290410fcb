//! The protocol of redis, for two uses of it: channels, which keep nothing, and streams with
//! `appendfsync always`, which are synced before the answer and here only appended to.
//!
//! Everyone signs in with a password. A sender reads the answer to each PUBLISH or XADD.

use std::io::Write;

use super::dialect::{Dialect, Place, Said, line_len, number_at_end, refused};
use crate::load::Outcome;
use crate::load::crowd::Cut;
use crate::load::world::HOSTS;

/// redis, used in one of two ways.
pub enum Redis {
    /// PUBLISH and SUBSCRIBE.
    Channels,
    /// XADD.
    Streams,
}

impl Dialect for Redis {
    fn program(&self) -> Option<&'static str> {
        Some("redis-server")
    }

    fn config(&self, port: u16, data: &str) -> String {
        let bind = HOSTS.join(" ");
        let appendonly = match self {
            Redis::Channels => "appendonly no",
            // A rewrite in the middle of a run would be no part of the work.
            Redis::Streams => "appendonly yes\nappendfsync always\nauto-aof-rewrite-percentage 0",
        };
        format!(
            "bind {bind}\nport {port}\ndir \"{data}\"\nrequirepass bench\nsave \"\"\n{appendonly}\n\
             maxclients 100000\ntcp-backlog 4096\ntimeout 0\n\
             client-output-buffer-limit normal 0 0 0\n\
             client-output-buffer-limit pubsub 0 0 0\n"
        )
    }

    fn flags(&self) -> &'static [&'static str] {
        &[]
    }

    fn cut(&self) -> Cut {
        |bytes| Ok(value_len(bytes))
    }

    fn answers(&self) -> bool {
        true
    }

    fn sign_in(&self, out: &mut Vec<u8>, _user: usize) {
        append(out, &[b"AUTH", b"bench"]);
    }

    fn listen(&self, out: &mut Vec<u8>, at: Place) {
        append(out, &[b"SUBSCRIBE", at.to_string().as_bytes()]);
    }

    fn send(&self, out: &mut Vec<u8>, to: Place, _number: u64, text: &[u8]) {
        match self {
            Redis::Channels => append(out, &[b"PUBLISH", to.to_string().as_bytes(), text]),
            Redis::Streams => append(out, &[b"XADD", to.to_string().as_bytes(), b"*", b"m", text]),
        }
    }

    fn understand<'a>(&self, frame: &'a [u8], _reply: &mut Vec<u8>) -> Outcome<Said<'a>> {
        match frame[0] {
            b'+' | b':' | b'$' => Ok(Said::Done),
            b'*' => {
                let said = array(frame).map(|[kind, _, text]| match kind {
                    b"message" => Said::Message(text),
                    _ => Said::Done,
                });
                said.map_or_else(|| refused(frame), Ok)
            }
            _ => refused(frame),
        }
    }
}

fn append(out: &mut Vec<u8>, words: &[&[u8]]) {
    let _ = write!(out, "*{}\r\n", words.len());
    for word in words {
        let _ = write!(out, "${}\r\n", word.len());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

/// The length of the value that the bytes begin with.
fn value_len(bytes: &[u8]) -> Option<usize> {
    let head = line_len(bytes)?;
    match bytes[0] {
        b'$' => Some(head + number_at_end(&bytes[..head])? + 2),
        b'*' => {
            let mut length = head;
            for _ in 0..number_at_end(&bytes[..head])? {
                length += value_len(bytes.get(length..)?)?;
            }
            Some(length)
        }
        _ => Some(head),
    }
}

/// The three texts of an array; a number stands for itself.
fn array(frame: &[u8]) -> Option<[&[u8]; 3]> {
    let mut at = line_len(frame)?;
    let mut words: [&[u8]; 3] = [b""; 3];
    for word in &mut words {
        let value = &frame[at..];
        let (head, end) = (line_len(value)?, value_len(value)?);
        *word = &value[head.min(end - 2)..end - 2];
        at += end;
    }
    Some(words)
}
