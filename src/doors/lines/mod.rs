//! Lines: commands as a person types them at telnet or nc, or as a script sends them; answers as
//! lines.
//!
//! ```text
//! bytes ─► telnet ─► line ─┬─ a command ─► a request, as the payload of a frame
//!                          ├─ { … } ─────► a request that is JSON already
//!                          └─ answered here: help before the sign-in, a question, a fault
//! what is said ─► lines for people; in the raw form, its JSON on one line
//! ```
//!
//! This does what the stdin client does on the user's machine: it asks for passwords, remembers the
//! numbers of groups, and reads lists to their end. The next line is read when the one before is
//! answered, so that a script does the same thing every time. A line carries no login key: the
//! session of the connection stands for it (`Codec::is_keyless`).
//!
//! It knows nothing of the store: all that it remembers was in an answer to this connection.

mod groups;
mod telnet;

use memchr::memchr;
use serde_json::{Map, Value, json};

use super::codec::{Codec, Decoded, Incoming};
use super::said::Said;
use crate::limits::LINE_BYTES_MAX;
use crate::locale::client::Text;
use crate::locale::{self, Lang, shown};
use crate::wire::command::GroupList;
use crate::wire::response::Data;
use crate::wire::typed::{self, CommandFault, Parsed};
use crate::wire::{Code, MessageType, Refusal, RequestMessage, ResponseMessage};
use groups::Groups;
use telnet::{Line, Telnet};

/// Stands where a text has the end of a line: a push is one line, for scripts.
const LINE_END: &str = "⏎";
/// What some editors begin a file with.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Arguments by their names on the wire.
type Args = Map<String, Value>;

/// What became of a line.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// There is none, or it has to wait for an answer.
    Wait,
    /// It was answered here; with a code, it was refused.
    Answered(Option<Code>),
    /// It is a request: the payload of its frame.
    Request(Vec<u8>),
    /// The peer asked to be disconnected.
    Quit,
}

/// A request that is to be answered, or to be asked next.
struct Asked {
    /// Its type; `None` if it came as JSON.
    kind: Option<MessageType>,
    args: Args,
    /// The list that is asked for its numbers alone: the answer is not shown.
    unseen: Option<GroupList>,
}

/// Passwords that are being asked for.
struct Asking {
    kind: MessageType,
    args: Args,
    /// The next question.
    index: usize,
}

/// What has to be remembered of a peer that sends lines.
pub struct Lines {
    telnet: Telnet,
    /// The language of what is answered here.
    lang: Lang,
    /// The first line was read.
    begun: bool,
    /// The peer was told how to begin.
    greeted: bool,
    /// It gets JSON instead of lines for people.
    raw: bool,
    /// The next line is a password for this.
    asking: Option<Asking>,
    /// The request that is not answered yet.
    asked: Option<Asked>,
    /// What is asked next, without another line: the next page of a list, the sign-in behind the
    /// registration.
    next: Option<Asked>,
    /// A line that is read again when the numbers of this list have come.
    again: Option<(Vec<u8>, GroupList)>,
    groups: Groups,
}

/// Passwords and texts may be in it, and are not shown (P27).
impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines").field("raw", &self.raw).finish_non_exhaustive()
    }
}

impl Codec for Lines {
    fn name(&self) -> &'static str {
        "lines"
    }

    /// Lines are read until one asks something of the server.
    fn decode(&mut self, incoming: Incoming, take: &mut dyn FnMut(&[u8])) -> Decoded {
        let mut decoded = Decoded::default();
        self.telnet.take_in(incoming.bytes, &mut decoded.answers.0);
        for _ in 0..incoming.requests_max {
            if decoded.answers.0.len() > incoming.answers_max {
                break;
            }
            match self.step(incoming.is_admin, incoming.unix, &mut decoded.answers.0) {
                Step::Wait => break,
                Step::Answered(code) => {
                    decoded.was_answered = true;
                    decoded.refused.extend(code);
                }
                Step::Request(payload) => {
                    take(&payload);
                    break;
                }
                Step::Quit => {
                    decoded.leaves = true;
                    break;
                }
            }
        }
        decoded
    }

    /// As lines or, in the raw form, as JSON on one line.
    fn encode(&mut self, said: &mut Said, unix: i64, out: &mut Vec<u8>) {
        match said {
            Said::Reply(response) => self.reply(response, unix, out),
            _ if self.raw => self.append_raw(said, unix, out),
            Said::Push(push, _) => {
                let line = push.line(|push, lang| shown::push(push, lang, LINE_END));
                self.append_line(line, out);
            }
            Said::Notice(push) => self.append_line(&shown::push(push, self.lang, LINE_END), out),
            Said::Figures(_) => {}
        }
    }

    fn unit_len(&self) -> fn(&[u8]) -> Option<usize> {
        |bytes| memchr(b'\n', bytes).map(|end| end + 1)
    }

    fn is_keyless(&self) -> bool {
        true
    }

    fn waits(&self) -> bool {
        let has_line = self.next.is_some() || self.again.is_some() || self.telnet.has_line();
        has_line && self.asked.is_none()
    }

    fn is_within(&self) -> bool {
        self.telnet.is_within_line() && !self.telnet.has_line()
    }

    fn is_full(&self) -> bool {
        self.telnet.is_full()
    }
}

impl Lines {
    /// Nothing was typed yet.
    pub fn new(lang: Lang) -> Lines {
        Lines {
            telnet: Telnet::default(),
            lang,
            begun: false,
            greeted: false,
            raw: false,
            asking: None,
            asked: None,
            next: None,
            again: None,
            groups: Groups::default(),
        }
    }

    /// Reads the next line. `is_admin` is `None` while nobody is signed in. Answers that need no
    /// request are appended to `out`.
    fn step(&mut self, is_admin: Option<bool>, unix: i64, out: &mut Vec<u8>) -> Step {
        if self.asked.is_some() {
            return Step::Wait;
        }
        if let Some(next) = self.next.take() {
            return self.ask(next);
        }
        let (line, unseen) = match self.again.take() {
            Some((line, list)) => (Line::Whole(line), Some(list)),
            None => match self.telnet.next() {
                Some(line) => (line, None),
                None => {
                    // A telnet that negotiates has a person, who need not guess how to begin.
                    if self.telnet.negotiates {
                        self.greet(&mut Output { unix, out });
                    }
                    return Step::Wait;
                }
            },
        };
        let mut output = Output { unix, out };
        let Line::Whole(bytes) = line else {
            let text = Text::LineTooLong { bytes_max: LINE_BYTES_MAX }.say(self.lang);
            return self.refuse(&mut output, Code::BadRequest, &text);
        };
        // UTF-16 may be UTF-8 by its bytes, but no text has a NUL.
        let Some(line) = std::str::from_utf8(&bytes).ok().filter(|line| !line.contains('\0'))
        else {
            let text = Text::LineNotText.say(self.lang);
            return self.refuse(&mut output, Code::BadRequest, &text);
        };
        let is_first = !std::mem::replace(&mut self.begun, true);
        let line = line.strip_prefix(BYTE_ORDER_MARK).filter(|_| is_first).unwrap_or(line);
        if let Some(asking) = self.asking.take() {
            return self.take_password(asking, line, &mut output);
        }
        let step = self.read(line, is_admin, &mut output);
        if let Some(list) = unseen {
            self.groups.forget(list);
        }
        step
    }

    /// Reads a line that is not a password.
    fn read(&mut self, line: &str, is_admin: Option<bool>, output: &mut Output) -> Step {
        let trimmed = line.trim();
        if trimmed.starts_with('{') {
            self.greeted = true;
            return self.ask_json(trimmed, output);
        }
        let words: Vec<&str> = trimmed.split_whitespace().collect();
        if let ["raw" | ".raw", switch @ ("on" | "off")] = words[..] {
            (self.greeted, self.raw) = (true, switch == "on");
            let text = if self.raw { Text::RawOn } else { Text::RawOff };
            self.say(output, Code::Ok, &text.say(self.lang));
            return Step::Answered(None);
        }
        self.greet(output);
        if trimmed.is_empty() {
            return Step::Answered(None);
        }
        let numbers = |list, number| self.groups.group(list, number);
        match typed::parse(line, is_admin, &numbers) {
            Ok(Parsed::Quit) => Step::Quit,
            Ok(Parsed::Request { kind, args }) => self.request(kind, args, is_admin, output),
            Err(CommandFault::NoGroup { list, .. }) if !self.groups.has(list) => {
                self.again = Some((line.into(), list));
                let kind = match list {
                    GroupList::Mine => MessageType::Groups,
                    GroupList::All => MessageType::Allgroup,
                };
                self.ask(Asked { kind: Some(kind), args: Args::new(), unseen: Some(list) })
            }
            Err(fault) => {
                let text = locale::command::fault(self.lang, &fault);
                self.refuse(output, fault.code(), &text)
            }
        }
    }

    /// Says once how to begin.
    fn greet(&mut self, output: &mut Output) {
        if !std::mem::replace(&mut self.greeted, true) {
            self.say(output, Code::Ok, &Text::WelcomeLine.say(self.lang));
        }
    }

    fn request(
        &mut self,
        kind: MessageType,
        mut args: Args,
        is_admin: Option<bool>,
        output: &mut Output,
    ) -> Step {
        let argument = |name: &str| args.get(name).and_then(Value::as_str);
        match kind {
            // The server answers these only after the sign-in, and they are useful before.
            MessageType::Help if is_admin.is_none() => {
                let help = locale::command::help(self.lang, false, argument("query"));
                self.say(output, Code::Ok, &help);
                return Step::Answered(None);
            }
            MessageType::Lang if is_admin.is_none() => {
                self.lang = Lang::from_tag(argument("lang").unwrap_or_default());
                self.say(output, Code::Ok, &Text::LangChanged.say(self.lang));
                return Step::Answered(None);
            }
            _ if is_admin.is_none() => {
                args.insert("lang".into(), self.lang.tag().into());
            }
            _ => {}
        }
        if questions(kind).is_empty() || args.contains_key("password") {
            return self.ask(Asked { kind: Some(kind), args, unseen: None });
        }
        self.ask_for_password(Asking { kind, args, index: 0 }, output);
        Step::Answered(None)
    }

    fn ask(&mut self, asked: Asked) -> Step {
        let type_name = asked.kind.map_or("", MessageType::name);
        let message = json!({"type": type_name, "payload": &asked.args});
        self.asked = Some(asked);
        Step::Request(message.to_string().into_bytes())
    }

    fn ask_json(&mut self, line: &str, output: &mut Output) -> Step {
        let Some(request) = RequestMessage::parse(line.as_bytes()) else {
            let text = locale::refusal::say(&Refusal::from(Code::BadPayload), self.lang);
            return self.refuse(output, Code::BadPayload, &text);
        };
        let is_answered =
            request.kind != Some(MessageType::Ack) || !matches!(request.id(), Ok(None));
        self.asked = is_answered.then(|| Asked { kind: None, args: Args::new(), unseen: None });
        Step::Request(line.into())
    }

    fn ask_for_password(&mut self, asking: Asking, output: &mut Output) {
        let Some((_, question)) = questions(asking.kind).get(asking.index) else { return };
        let question = question.say(self.lang);
        if self.telnet.negotiates && !self.raw {
            output.out.extend_from_slice(question.as_bytes());
            output.out.extend_from_slice(telnet::HIDE);
        } else {
            self.say(output, Code::Ok, question.trim_end());
        }
        self.asking = Some(asking);
    }

    fn take_password(&mut self, mut asking: Asking, password: &str, output: &mut Output) -> Step {
        if self.telnet.negotiates && !self.raw {
            output.out.extend_from_slice(telnet::SHOW);
            output.out.extend_from_slice(self.line_end());
        }
        let questions = questions(asking.kind);
        let (name, _) = questions[asking.index];
        if asking.args.get(name).is_some_and(|first| first != password) {
            let text = Text::PasswordsDiffer.say(self.lang);
            return self.refuse(output, Code::BadRequest, &text);
        }
        asking.args.insert(name.into(), password.into());
        asking.index += 1;
        if questions.get(asking.index).is_none_or(|(name, _)| *name == INVITE) {
            let Asking { kind, args, .. } = asking;
            return self.ask(Asked { kind: Some(kind), args, unseen: None });
        }
        self.ask_for_password(asking, output);
        Step::Answered(None)
    }

    fn reply(&mut self, response: &ResponseMessage, unix: i64, out: &mut Vec<u8>) {
        let asked = self.asked.take();
        let is_shown = asked.as_ref().is_none_or(|asked| asked.unseen.is_none());
        let is_refused = response.code.status() >= 400;
        if is_shown || is_refused {
            self.append_reply(response, unix, out);
        }
        match asked {
            Some(asked) if is_refused => self.refused(asked, response.code, unix, out),
            Some(asked) => self.answered(asked, &response.data),
            None => {}
        }
    }

    /// The request was refused: the line that waited for numbers is dropped, and an invite code is
    /// asked for where that would help.
    fn refused(&mut self, asked: Asked, code: Code, unix: i64, out: &mut Vec<u8>) {
        self.again = None;
        let Asked { kind, mut args, .. } = asked;
        let was_given = args.remove(INVITE).is_some();
        // A script does not negotiate: its next line would be taken for another code.
        let is_wanted = match was_given {
            false => code == Code::InviteRequired,
            true => code == Code::BadInvite && self.telnet.negotiates,
        };
        if let Some(kind) = kind.filter(|_| is_wanted) {
            let index = questions(kind).len() - 1;
            self.ask_for_password(Asking { kind, args, index }, &mut Output { unix, out });
        }
    }

    /// The request was done: what is asked next, and what is remembered of the answer.
    fn answered(&mut self, mut asked: Asked, data: &Data) {
        match asked.kind {
            Some(MessageType::Reg) => {
                asked.kind = Some(MessageType::Login);
                self.next = Some(asked);
            }
            Some(MessageType::Login | MessageType::Logout) => self.groups = Groups::default(),
            Some(MessageType::Lang) => {
                let tag = asked.args.get("lang").and_then(Value::as_str);
                self.lang = tag.map_or(self.lang, Lang::from_tag);
            }
            Some(_) => {
                if let Data::Object(data) = data {
                    self.turn_page(asked, data);
                }
            }
            None => {}
        }
    }

    /// Keeps the numbers of groups on a page of a list, and asks for the next page.
    fn turn_page(&mut self, mut asked: Asked, data: &Value) {
        let list = match asked.kind {
            Some(MessageType::Groups) => Some(GroupList::Mine),
            Some(MessageType::Allgroup) => Some(GroupList::All),
            _ => None,
        };
        if let Some(list) = list {
            self.groups.page(list, data, !asked.args.contains_key("after"));
        }
        if let Some(next) = data["next"].as_str() {
            asked.args.insert("after".into(), next.into());
            self.next = Some(asked);
        }
    }

    fn refuse(&mut self, output: &mut Output, code: Code, text: &str) -> Step {
        self.say(output, code, text);
        Step::Answered(Some(code))
    }

    /// Answers in the form in which the server's answers are shown.
    fn say(&self, output: &mut Output, code: Code, text: &str) {
        let response = ResponseMessage { re: None, code, text: text.into(), data: Data::None };
        self.append_reply(&response, output.unix, output.out);
    }

    fn append_reply(&self, response: &ResponseMessage, unix: i64, out: &mut Vec<u8>) {
        if self.raw {
            return self.append_raw(&mut Said::Reply(response), unix, out);
        }
        if response.code.status() >= 400 {
            let line = shown::refusal(&response.text, response.code.name(), LINE_END);
            return self.append_line(&line, out);
        }
        let data = if let Data::Object(data) = &response.data { data } else { &Value::Null };
        for line in shown::answer(&response.text, data) {
            self.append_line(&line, out);
        }
    }

    fn append_raw(&self, said: &mut Said, unix: i64, out: &mut Vec<u8>) {
        said.append_json(out, unix);
        out.extend_from_slice(self.line_end());
    }

    fn append_line(&self, line: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(line.as_bytes());
        out.extend_from_slice(self.line_end());
    }

    fn line_end(&self) -> &'static [u8] {
        if self.telnet.sends_cr || self.telnet.negotiates { b"\r\n" } else { b"\n" }
    }
}

/// Where an answer that is made here goes, and its time.
struct Output<'a> {
    unix: i64,
    out: &'a mut Vec<u8>,
}

/// The argument that is asked for only when the server has refused a request without it.
const INVITE: &str = "invite";

/// The passwords that a request needs, and the questions for them. A new password is asked for
/// twice.
fn questions(kind: MessageType) -> &'static [(&'static str, Text<'static>)] {
    match kind {
        MessageType::Reg => &[
            ("password", Text::Password),
            ("password", Text::PasswordAgain),
            (INVITE, Text::InviteCode),
        ],
        MessageType::Login => &[("password", Text::Password)],
        MessageType::Passwd => &[
            ("password", Text::OldPassword),
            ("newpassword", Text::NewPassword),
            ("newpassword", Text::PasswordAgain),
        ],
        _ => &[],
    }
}

/// What an idle connection of lines costs beside the connection itself (P20).
const _: () = assert!(std::mem::size_of::<Lines>() <= 300);

#[cfg(test)]
mod tests {
    use super::*;

    fn refuse(lines: &mut Lines, out: &mut Vec<u8>, code: Code) {
        let response = ResponseMessage { re: None, code, text: "no".into(), data: Data::None };
        lines.encode(&mut Said::Reply(&response), 0, out);
    }

    /// The next request, behind whatever is said here.
    fn ask(lines: &mut Lines, out: &mut Vec<u8>) -> Value {
        loop {
            match lines.step(None, 0, out) {
                Step::Answered(_) => {}
                Step::Request(request) => return serde_json::from_slice(&request).expect("JSON"),
                step => unreachable!("{step:?}"),
            }
        }
    }

    #[test]
    fn a_wrong_invite_code_is_asked_for_again_where_a_person_sits() {
        for (negotiation, is_asked) in [(&b"\xff\xfd\x03"[..], true), (b"", false)] {
            let (mut lines, mut out) = (Lines::new(Lang::En), Vec::new());
            lines.telnet.take_in(negotiation, &mut out);
            lines.telnet.take_in(b"reg eve\nsecret\nsecret\nwrong\nwhoami\n", &mut out);
            assert_eq!(ask(&mut lines, &mut out)["payload"].get(INVITE), None);
            refuse(&mut lines, &mut out, Code::InviteRequired);
            assert_eq!(ask(&mut lines, &mut out)["payload"][INVITE], "wrong");
            refuse(&mut lines, &mut out, Code::BadInvite);
            let next = ask(&mut lines, &mut out);
            let (kind, code) = if is_asked { ("reg", "whoami") } else { ("whoami", "") };
            assert_eq!(next["type"], kind);
            assert_eq!(next["payload"][INVITE].as_str().unwrap_or_default(), code);
        }
    }
}
