//! What is sent to a peer, before it is encoded for the peer's protocol.
//!
//! Each protocol has its own encoding (`Codec::encode`). A message of the log goes to many readers:
//! it is encoded once for each language and encoding ([`SharedPush`]).

use crate::id::Seq;
use crate::locale::{self, Lang};
use crate::store::Entry;
use crate::wire::ResponseMessage;
use crate::wire::push::{Push, PushFrame};

/// One thing that is sent to a peer.
pub enum Said<'s, 'e> {
    /// The reply to a request.
    Reply(&'s ResponseMessage<&'s str>),
    /// A message of the log, for a reader who was pushed the message of that seq before it.
    Push(&'s mut SharedPush<'e>, Seq),
    /// A push that is not in the log: about the connection or about other users.
    Notice(&'s Push<'s>),
    /// The figures for a monitor, as text.
    Figures(&'s str),
}

impl Said<'_, '_> {
    /// Appends it as JSON, the payload of a frame. `unix` is the time now, in Unix seconds.
    pub fn append_json(&mut self, out: &mut Vec<u8>, unix: i64) {
        match self {
            Said::Reply(response) => response.append_json(out, unix),
            Said::Push(push, prev) => out.extend_from_slice(push.payload(*prev)),
            Said::Notice(push) => push.append_json(out, unix, None),
            // Only HTTP encodes them.
            Said::Figures(_) => {}
        }
    }
}

/// A message of the log for all its readers of one language.
pub struct SharedPush<'e> {
    push: Push<'e>,
    lang: Lang,
    /// When it was committed, in Unix seconds, and as which seq.
    unix: i64,
    seq: Seq,
    frame: Option<PushFrame>,
    line: Option<String>,
}

impl<'e> SharedPush<'e> {
    /// A message in a language. Nothing is encoded yet.
    pub fn new(entry: Entry<&'e str>, lang: Lang) -> SharedPush<'e> {
        let push = Push::of_entry(entry, None, |notice| locale::notice::say(notice, lang));
        let Entry { unix, seq, .. } = entry;
        SharedPush { push, lang, unix, seq, frame: None, line: None }
    }

    /// The whole frame for a reader who was pushed `prev` before it.
    pub fn frame(&mut self, prev: Seq) -> &[u8] {
        self.pushed().for_reader(prev)
    }

    /// The payload of the same frame.
    pub fn payload(&mut self, prev: Seq) -> &[u8] {
        self.pushed().payload_for(prev)
    }

    /// The line for people, which `make` makes the first time.
    pub fn line(&mut self, make: impl FnOnce(&Push, Lang) -> String) -> &str {
        self.line.get_or_insert_with(|| make(&self.push, self.lang))
    }

    fn pushed(&mut self) -> &mut PushFrame {
        self.frame.get_or_insert_with(|| PushFrame::new(&self.push, self.unix, self.seq))
    }
}
