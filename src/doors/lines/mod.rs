//! A person at telnet or nc, or a script: commands typed as lines, answers as lines.
//!
//! ```text
//! bytes ─► telnet ─► line ─┬─ a command ──────────► a request, as a frame's payload
//!                          ├─ { … } ──────────────► a request as it stands
//!                          └─ said here: help before the sign-in, a question, what is wrong
//! frame ─► shown: lines ◄── raw: its payload on one line
//! ```
//!
//! It does for them what the stdin client does for whoever has that: passwords are asked for,
//! numbers of groups remembered, lists read to their end. A line is read only when the one before
//! is answered, so that a script does the same thing every time. Lines carry no login key: the
//! connection's session stands for it, which the gate knows.

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

/// What a line came to.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// There was none, or it has to wait.
    Rest,
    /// It is dealt with; refused, if there is a code.
    Said(Option<Code>),
    /// A request: the payload of its frame.
    Ask(Vec<u8>),
    /// The peer wants to go.
    Leave,
}

/// A request that is to be answered, or to be asked next.
struct Asked {
    /// Its type; none if it came as it stands.
    kind: Option<MessageType>,
    args: Args,
    /// Only for the numbers of a list, and not to be shown.
    unseen: Option<GroupList>,
}

/// Passwords that are being asked for.
struct Asking {
    kind: MessageType,
    args: Args,
    /// The next question.
    index: usize,
}

/// The peer's side of a connection.
pub struct Lines {
    telnet: Telnet,
    lang: Lang,
    begun: bool,
    greeted: bool,
    raw: bool,
    asking: Option<Asking>,
    asked: Option<Asked>,
    next: Option<Asked>,
    /// A line that waits for the numbers of a list.
    again: Option<(Vec<u8>, GroupList)>,
    groups: Groups,
}

/// Passwords and texts are among what is kept (P27).
impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines").field("raw", &self.raw).finish_non_exhaustive()
    }
}

impl Codec for Lines {
    /// Lines are read until one asks something of the server.
    fn decode(&mut self, incoming: Incoming, take: &mut dyn FnMut(&[u8])) -> Decoded {
        let mut decoded = Decoded::default();
        self.take_in(incoming.bytes, &mut decoded.answers.0);
        for _ in 0..incoming.requests_max {
            if decoded.answers.0.len() > incoming.answers_max {
                break;
            }
            match self.step(incoming.is_admin, incoming.unix, &mut decoded.answers.0) {
                Step::Rest => break,
                Step::Said(code) => {
                    decoded.was_answered = true;
                    decoded.refused.extend(code);
                }
                Step::Ask(payload) => {
                    take(&payload);
                    break;
                }
                Step::Leave => {
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

    // --- in ---

    /// Takes in what came; what telnet itself must be answered is appended to `out`.
    fn take_in(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.telnet.take_in(bytes, out);
    }

    /// Reads the next line. `is_admin` is `None` while nobody is signed in. What is said without
    /// asking the server is appended to `out`.
    fn step(&mut self, is_admin: Option<bool>, unix: i64, out: &mut Vec<u8>) -> Step {
        if self.asked.is_some() {
            return Step::Rest;
        }
        if let Some(next) = self.next.take() {
            return self.ask(next);
        }
        let (line, unseen) = match self.again.take() {
            Some((line, list)) => (Line::Whole(line), Some(list)),
            None => match self.telnet.next() {
                Some(line) => (line, None),
                None => {
                    // A telnet has spoken by itself: the person need not guess how to begin.
                    if self.telnet.negotiates {
                        self.greet(&mut Mouth { unix, out });
                    }
                    return Step::Rest;
                }
            },
        };
        let mut mouth = Mouth { unix, out };
        let Line::Whole(bytes) = line else {
            let text = Text::LineTooLong { bytes_max: LINE_BYTES_MAX }.say(self.lang);
            return self.refuse(&mut mouth, Code::BadRequest, &text);
        };
        // UTF-16 may be UTF-8 by its bytes, but no text has a NUL.
        let Some(line) = std::str::from_utf8(&bytes).ok().filter(|line| !line.contains('\0'))
        else {
            let text = Text::LineNotText.say(self.lang);
            return self.refuse(&mut mouth, Code::BadRequest, &text);
        };
        let is_first = !std::mem::replace(&mut self.begun, true);
        let line = line.strip_prefix(BYTE_ORDER_MARK).filter(|_| is_first).unwrap_or(line);
        if let Some(asking) = self.asking.take() {
            return self.hear_password(asking, line, &mut mouth);
        }
        let step = self.read(line, is_admin, &mut mouth);
        if let Some(list) = unseen {
            self.groups.forget(list);
        }
        step
    }

    /// A line that is no password.
    fn read(&mut self, line: &str, is_admin: Option<bool>, mouth: &mut Mouth) -> Step {
        let trimmed = line.trim();
        if trimmed.starts_with('{') {
            self.greeted = true;
            return self.ask_as_it_stands(trimmed, mouth);
        }
        let words: Vec<&str> = trimmed.split_whitespace().collect();
        if let ["raw" | ".raw", switch @ ("on" | "off")] = words[..] {
            (self.greeted, self.raw) = (true, switch == "on");
            let text = if self.raw { Text::RawOn } else { Text::RawOff };
            self.say(mouth, Code::Ok, &text.say(self.lang));
            return Step::Said(None);
        }
        self.greet(mouth);
        if trimmed.is_empty() {
            return Step::Said(None);
        }
        let numbers = |list, number| self.groups.group(list, number);
        match typed::parse(line, is_admin, &numbers) {
            Ok(Parsed::Quit) => Step::Leave,
            Ok(Parsed::Request { kind, args }) => self.request(kind, args, is_admin, mouth),
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
                self.refuse(mouth, fault.code(), &text)
            }
        }
    }

    /// Says once how to begin.
    fn greet(&mut self, mouth: &mut Mouth) {
        if !std::mem::replace(&mut self.greeted, true) {
            self.say(mouth, Code::Ok, &Text::WelcomeLine.say(self.lang));
        }
    }

    fn request(
        &mut self,
        kind: MessageType,
        mut args: Args,
        is_admin: Option<bool>,
        mouth: &mut Mouth,
    ) -> Step {
        let argument = |name: &str| args.get(name).and_then(Value::as_str);
        match kind {
            // What the server tells only those who are signed in, and one may want to know before.
            MessageType::Help if is_admin.is_none() => {
                let help = locale::command::help(self.lang, false, argument("query"));
                self.say(mouth, Code::Ok, &help);
                return Step::Said(None);
            }
            MessageType::Lang if is_admin.is_none() => {
                self.lang = Lang::from_tag(argument("lang").unwrap_or_default());
                self.say(mouth, Code::Ok, &Text::LangChanged.say(self.lang));
                return Step::Said(None);
            }
            _ if is_admin.is_none() => {
                args.insert("lang".into(), self.lang.tag().into());
            }
            _ => {}
        }
        if questions(kind).is_empty() || args.contains_key("password") {
            return self.ask(Asked { kind: Some(kind), args, unseen: None });
        }
        self.ask_for_password(Asking { kind, args, index: 0 }, mouth);
        Step::Said(None)
    }

    fn ask(&mut self, asked: Asked) -> Step {
        let type_name = asked.kind.map_or("", MessageType::name);
        let message = json!({"type": type_name, "payload": &asked.args});
        self.asked = Some(asked);
        Step::Ask(message.to_string().into_bytes())
    }

    fn ask_as_it_stands(&mut self, line: &str, mouth: &mut Mouth) -> Step {
        let Some(request) = RequestMessage::parse(line.as_bytes()) else {
            let text = locale::refusal::say(&Refusal::from(Code::BadPayload), self.lang);
            return self.refuse(mouth, Code::BadPayload, &text);
        };
        let is_answered =
            request.kind != Some(MessageType::Ack) || !matches!(request.id(), Ok(None));
        self.asked = is_answered.then(|| Asked { kind: None, args: Args::new(), unseen: None });
        Step::Ask(line.into())
    }

    // --- passwords ---

    fn ask_for_password(&mut self, asking: Asking, mouth: &mut Mouth) {
        let Some((_, question)) = questions(asking.kind).get(asking.index) else { return };
        let question = question.say(self.lang);
        if self.telnet.negotiates && !self.raw {
            mouth.out.extend_from_slice(question.as_bytes());
            mouth.out.extend_from_slice(telnet::HIDE);
        } else {
            self.say(mouth, Code::Ok, question.trim_end());
        }
        self.asking = Some(asking);
    }

    fn hear_password(&mut self, mut asking: Asking, password: &str, mouth: &mut Mouth) -> Step {
        if self.telnet.negotiates && !self.raw {
            mouth.out.extend_from_slice(telnet::SHOW);
            mouth.out.extend_from_slice(self.line_end());
        }
        let questions = questions(asking.kind);
        let (name, _) = questions[asking.index];
        if asking.args.get(name).is_some_and(|first| first != password) {
            let text = Text::PasswordsDiffer.say(self.lang);
            return self.refuse(mouth, Code::BadRequest, &text);
        }
        asking.args.insert(name.into(), password.into());
        asking.index += 1;
        if questions.get(asking.index).is_none_or(|(name, _)| *name == INVITE) {
            let Asking { kind, args, .. } = asking;
            return self.ask(Asked { kind: Some(kind), args, unseen: None });
        }
        self.ask_for_password(asking, mouth);
        Step::Said(None)
    }

    // --- out ---

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

    /// What follows from a no: the line that waited for numbers is none, and an invite code may
    /// help.
    fn refused(&mut self, asked: Asked, code: Code, unix: i64, out: &mut Vec<u8>) {
        self.again = None;
        let Asked { kind, mut args, .. } = asked;
        let was_given = args.remove(INVITE).is_some();
        // Who negotiates is a person; the next line of a script would be taken for another code.
        let is_wanted = match was_given {
            false => code == Code::InviteRequired,
            true => code == Code::BadInvite && self.telnet.negotiates,
        };
        if let Some(kind) = kind.filter(|_| is_wanted) {
            let index = questions(kind).len() - 1;
            self.ask_for_password(Asking { kind, args, index }, &mut Mouth { unix, out });
        }
    }

    /// What follows from a yes.
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

    /// Keeps the numbers that a page gives, and asks for the one behind it.
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

    fn refuse(&mut self, mouth: &mut Mouth, code: Code, text: &str) -> Step {
        self.say(mouth, code, text);
        Step::Said(Some(code))
    }

    /// Says something as the server would.
    fn say(&self, mouth: &mut Mouth, code: Code, text: &str) {
        let response = ResponseMessage { re: None, code, text: text.into(), data: Data::None };
        self.append_reply(&response, mouth.unix, mouth.out);
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

/// Where something is said, and when.
struct Mouth<'a> {
    unix: i64,
    out: &'a mut Vec<u8>,
}

/// The argument that is only asked for where it was missed.
const INVITE: &str = "invite";

/// The passwords that a request needs, and how they are asked for. One that is chosen is asked
/// for twice.
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

/// What one idle person costs beside the connection (P20).
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
                Step::Said(_) => {}
                Step::Ask(request) => return serde_json::from_slice(&request).expect("JSON"),
                step => unreachable!("{step:?}"),
            }
        }
    }

    #[test]
    fn a_wrong_invite_code_is_asked_for_again_where_a_person_sits() {
        for (negotiation, is_asked) in [(&b"\xff\xfd\x03"[..], true), (b"", false)] {
            let (mut lines, mut out) = (Lines::new(Lang::En), Vec::new());
            lines.take_in(negotiation, &mut out);
            lines.take_in(b"reg eve\nsecret\nsecret\nwrong\nwhoami\n", &mut out);
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
