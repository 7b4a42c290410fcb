//! The protocol of redis: channels, which keep nothing, and streams with `appendfsync always`,
//! which are synced before the answer.
//!
//! A stream is only appended to, or it is also read: with `XREAD BLOCK`, whose reader knows by
//! itself how far it has got, or with `XREADGROUP` and `XACK`, where the server keeps that. A
//! reader asks for what is new as soon as it has got something. Only a group's reader does what a
//! reader of p2sp does: what it has not confirmed is kept for it.
//!
//! Everyone signs in with a password. A sender reads the answer to each PUBLISH or XADD.

use std::io::Write;

use p2sp_bench::Outcome;
use p2sp_bench::crowd::Cut;
use p2sp_bench::sizes::Over;
use p2sp_bench::tls::{CERTIFICATE, KEY};
use p2sp_bench::world::HOSTS;

use super::dialect::{Dialect, Place, Program, Said, line_len, number_at_end, refused};

/// The name of a reader's group, and of the reader in it.
const READER: &[u8] = b"reader";

/// redis, used in one of four ways.
pub enum Redis {
    /// PUBLISH and SUBSCRIBE.
    Channels,
    /// XADD alone: entries are appended, and no client reads them.
    Append,
    /// XADD and XREAD BLOCK.
    Read,
    /// XADD, XREADGROUP BLOCK, and XACK.
    Group,
}

impl Program for Redis {
    fn program(&self) -> Option<&'static str> {
        Some("redis-server")
    }

    fn config(&self, port: u16, data: &str, over: Over) -> String {
        let bind = HOSTS.join(" ");
        let appendonly = match self {
            Redis::Channels => "appendonly no",
            // A rewrite in the middle of a run would be no part of the work.
            _ => "appendonly yes\nappendfsync always\nauto-aof-rewrite-percentage 0",
        };
        let ports = match over {
            Over::Tls => format!(
                "port 0\ntls-port {port}\ntls-auth-clients no\n\
                 tls-cert-file \"{data}/{CERTIFICATE}\"\ntls-key-file \"{data}/{KEY}\""
            ),
            _ => format!("port {port}"),
        };
        format!(
            "bind {bind}\n{ports}\ndir \"{data}\"\nrequirepass bench\nsave \"\"\n{appendonly}\n\
             maxclients 100000\ntcp-backlog 4096\ntimeout 0\n\
             client-output-buffer-limit normal 0 0 0\n\
             client-output-buffer-limit pubsub 0 0 0\n"
        )
    }

    fn flags(&self) -> &'static [&'static str] {
        &[]
    }
}

impl Dialect for Redis {
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
        let place = at.to_string();
        let place = place.as_bytes();
        match self {
            Redis::Channels | Redis::Append => append(out, &[b"SUBSCRIBE", place]),
            Redis::Read => {
                // Reading is not answered before there is a message: this is.
                append(out, &[b"PING"]);
                self.read_on(out, place, b"0");
            }
            Redis::Group => {
                append(out, &[b"XGROUP", b"CREATE", place, READER, b"0", b"MKSTREAM"]);
                self.read_on(out, place, b">");
            }
        }
    }

    fn send(&self, out: &mut Vec<u8>, to: Place, _number: u64, text: &[u8]) {
        let place = to.to_string();
        match self {
            Redis::Channels => append(out, &[b"PUBLISH", place.as_bytes(), text]),
            _ => append(out, &[b"XADD", place.as_bytes(), b"*", b"m", text]),
        }
    }

    fn understand<'a>(&self, frame: &'a [u8], reply: &mut Vec<u8>) -> Outcome<Said<'a>> {
        match (frame[0], self) {
            // How many messages were confirmed.
            (b':', Redis::Group) => Ok(Said::Nothing),
            (b'+' | b':' | b'$', _) => Ok(Said::Done),
            (b'*', Redis::Channels) => {
                let said = array(frame).map(|[kind, _, text]| match kind {
                    b"message" => Said::Message(text),
                    _ => Said::Done,
                });
                said.map_or_else(|| refused(frame), Ok)
            }
            (b'*', _) => {
                let read = Entries::of(frame).ok_or("no entries of a stream")?;
                self.go_on(reply, &read);
                Ok(Said::Messages(read.texts))
            }
            _ => refused(frame),
        }
    }
}

impl Redis {
    /// Asks for all entries after that one.
    fn read_on(&self, out: &mut Vec<u8>, stream: &[u8], after: &[u8]) {
        match self {
            Redis::Group => {
                let group: [&[u8]; 4] = [b"XREADGROUP", b"GROUP", READER, READER];
                append(out, &[&group[..], &[b"BLOCK", b"0", b"STREAMS", stream, after]].concat());
            }
            _ => append(out, &[b"XREAD", b"BLOCK", b"0", b"STREAMS", stream, after]),
        }
    }

    /// Confirms what was read, where that is kept, and asks for what comes next.
    fn go_on(&self, out: &mut Vec<u8>, read: &Entries) {
        match self {
            Redis::Group => {
                let ack: [&[u8]; 3] = [b"XACK", read.stream, READER];
                append(out, &[&ack[..], &read.ids].concat());
                self.read_on(out, read.stream, b">");
            }
            _ => self.read_on(out, read.stream, read.ids.last().copied().unwrap_or(b"0")),
        }
    }
}

/// What a reader of one stream got.
struct Entries<'a> {
    stream: &'a [u8],
    ids: Vec<&'a [u8]>,
    texts: Vec<&'a [u8]>,
}

impl<'a> Entries<'a> {
    /// `[[stream, [[id, [field, text]], …]]]`, of which only the order of the words is looked at.
    fn of(frame: &'a [u8]) -> Option<Entries<'a>> {
        let (mut words, mut at) = (Vec::new(), 0);
        while at < frame.len() {
            let head = line_len(&frame[at..])?;
            let is_word = frame[at] == b'$';
            let end = at + if is_word { value_len(&frame[at..])? } else { head };
            if is_word {
                words.push(frame.get(at + head..end - 2)?);
            }
            at = end;
        }
        let (stream, entries) = words.split_first()?;
        let entries = entries.chunks_exact(3);
        let (ids, texts) = entries.map(|entry| (entry[0], entry[2])).unzip();
        Some(Entries { stream, ids, texts })
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
