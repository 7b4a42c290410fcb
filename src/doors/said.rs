//! What the server says to a peer, before it has the form of the peer's protocol.
//!
//! A protocol gives it that form (`encode`). What many readers get, a message of the log, is
//! encoded once for each language and form ([`SharedPush`]), however many readers there are.

use crate::id::Seq;
use crate::locale::Lang;
use crate::wire::ResponseMessage;
use crate::wire::push::{Push, PushFrame};

/// One thing that the server says.
pub enum Said<'s, 'e> {
    /// The answer to a request.
    Reply(&'s ResponseMessage),
    /// A message of the log, for a reader who was pushed the one of that seq before it.
    Push(&'s mut SharedPush<'e>, Seq),
    /// What is pushed and not in the log: about the connection or about other users.
    Notice(&'s Push<'s>),
    /// The figures of a monitor, as text.
    Figures(&'s str),
}

impl Said<'_, '_> {
    /// Appends it as JSON, the payload of a frame. `unix` is the time at which it is said.
    pub fn append_json(&mut self, out: &mut Vec<u8>, unix: i64) {
        match self {
            Said::Reply(response) => response.append_json(out, unix),
            Said::Push(push, prev) => out.extend_from_slice(push.payload(*prev)),
            Said::Notice(push) => push.append_json(out, unix),
            // Only HTTP has a form for them.
            Said::Figures(_) => {}
        }
    }
}

/// A message of the log for all its readers of one language.
pub struct SharedPush<'e> {
    push: Push<'e>,
    lang: Lang,
    /// When it was committed, and as which seq.
    unix: i64,
    seq: Seq,
    frame: Option<PushFrame>,
    line: Option<String>,
}

impl<'e> SharedPush<'e> {
    /// A message in a language, committed at `unix` as `seq`. No form is made yet.
    pub fn new(push: Push<'e>, lang: Lang, unix: i64, seq: Seq) -> SharedPush<'e> {
        SharedPush { push, lang, unix, seq, frame: None, line: None }
    }

    /// The whole frame for a reader who was pushed `prev` before it.
    pub fn frame(&mut self, prev: Seq) -> &[u8] {
        self.pushed().behind(prev)
    }

    /// The payload of the same frame.
    pub fn payload(&mut self, prev: Seq) -> &[u8] {
        self.pushed().payload_behind(prev)
    }

    /// The line for people, which `make` makes the first time.
    pub fn line(&mut self, make: impl FnOnce(&Push, Lang) -> String) -> &str {
        self.line.get_or_insert_with(|| make(&self.push, self.lang))
    }

    fn pushed(&mut self) -> &mut PushFrame {
        self.frame.get_or_insert_with(|| PushFrame::new(&self.push, self.unix, self.seq))
    }
}
