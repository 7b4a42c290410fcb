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
//! The stdin client does the same on the user's machine: it asks for passwords, remembers the
//! numbers of groups, and reads lists to their end. Here each line waits for the reply to the line
//! before it, so that a script does the same thing every time. A line carries no login key: the
//! session of the connection stands for it (`Codec::is_keyless`).
//!
//! Nothing here knows the store: what is remembered was in a reply on this connection.

mod groups;
mod telnet;

use memchr::memchr;
use serde_json::{Map, Value, json};

use super::codec::{Codec, Decoded, Incoming};
use super::said::Said;
use crate::limits::LINE_BYTES_MAX;
use crate::locale::client::{Questions, Text, questions};
use crate::locale::{self, Lang, shown};
use crate::wire::command::GroupList;
use crate::wire::response::Data;
use crate::wire::typed::{self, CommandFault, Parsed};
use crate::wire::{Code, MessageType, Refusal, RequestMessage, ResponseMessage};
use groups::Groups;
use telnet::{Line, Telnet};

/// Stands in a push where its text has the end of a line: a push is one line, for scripts.
const LINE_END: &str = "⏎";
/// Some editors begin a file with it.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Arguments by their names on the wire.
type Args = Map<String, Value>;

/// What is to be done after a line was read.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Nothing: there is no line, or it must wait for a reply.
    Wait,
    /// Nothing: the line was answered here. With a code, it was refused.
    Answered(Option<Code>),
    /// The server is asked: the payload of a request's frame.
    Request(Vec<u8>),
    /// The connection is closed, as the peer asked.
    Quit,
}

/// A request that waits for its reply, or that is sent next.
struct Request {
    /// Its type; `None` if it came as JSON.
    kind: Option<MessageType>,
    args: Args,
    /// A list that is wanted for its numbers alone: the reply is not shown.
    unseen: Option<GroupList>,
}

/// A request whose passwords are being asked for.
struct Prompt {
    kind: MessageType,
    args: Args,
    /// The questions that have no answer yet; the first one was asked.
    questions: Questions,
}

/// The state of a peer that sends lines.
#[derive(Default)]
pub struct Lines {
    telnet: Telnet,
    /// The language of the answers that are made here.
    lang: Lang,
    /// The time of this tick, in Unix seconds, for answers that are made here.
    unix: i64,
    /// The first line was read.
    begun: bool,
    /// The peer was told how to begin.
    greeted: bool,
    /// The peer gets JSON instead of lines for people.
    raw: bool,
    /// The next line is a password for this.
    prompt: Option<Prompt>,
    /// Waits for its reply.
    in_flight: Option<Request>,
    /// Is sent next, without another line: the next page of a list, the sign-in after the
    /// registration.
    queued: Option<Request>,
    /// A line that is read again when the numbers of this list have come.
    retry: Option<(Vec<u8>, GroupList)>,
    groups: Groups,
}

impl Codec for Lines {
    fn name(&self) -> &'static str {
        "lines"
    }

    /// Lines are read until one asks something of the server.
    fn decode(&mut self, incoming: Incoming, take: &mut dyn FnMut(&[u8])) -> Decoded {
        let mut decoded = Decoded::default();
        self.unix = incoming.unix;
        self.telnet.take_in(incoming.bytes, &mut decoded.answers.0);
        for _ in 0..incoming.requests_max {
            if decoded.answers.0.len() > incoming.answers_max {
                break;
            }
            match self.step(incoming.is_admin, &mut decoded.answers.0) {
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
        self.unix = unix;
        match said {
            Said::Reply(response) => self.reply(response, out),
            _ if self.raw => self.append_raw(said, out),
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
        let has_line = self.queued.is_some() || self.retry.is_some() || self.telnet.has_line();
        has_line && self.in_flight.is_none()
    }

    fn is_within(&self) -> bool {
        self.telnet.is_within_line() && !self.telnet.has_line()
    }

    fn is_full(&self) -> bool {
        self.telnet.is_full()
    }
}

impl Lines {
    /// The state before the first line.
    pub fn new(lang: Lang) -> Lines {
        Lines { lang, ..Lines::default() }
    }

    /// Reads the next line. `is_admin` is `None` while no user is signed in. Answers that need no
    /// request are appended to `out`.
    fn step(&mut self, is_admin: Option<bool>, out: &mut Vec<u8>) -> Step {
        if self.in_flight.is_some() {
            return Step::Wait;
        }
        if let Some(queued) = self.queued.take() {
            return self.send(queued);
        }
        let (line, unseen) = match self.retry.take() {
            Some((line, list)) => (Line::Whole(line), Some(list)),
            None => match self.telnet.next() {
                Some(line) => (line, None),
                None => {
                    // A telnet that negotiates has a person, who need not guess how to begin.
                    if self.telnet.negotiates {
                        self.greet(out);
                    }
                    return Step::Wait;
                }
            },
        };
        let Line::Whole(bytes) = line else {
            let text = Text::LineTooLong { bytes_max: LINE_BYTES_MAX };
            return self.answer(out, Code::BadRequest, &text.say(self.lang));
        };
        // UTF-16 may be UTF-8 by its bytes, but no text has a NUL.
        let Some(line) = std::str::from_utf8(&bytes).ok().filter(|line| !line.contains('\0'))
        else {
            return self.answer(out, Code::BadRequest, &Text::LineNotText.say(self.lang));
        };
        let is_first = !std::mem::replace(&mut self.begun, true);
        let line = line.strip_prefix(BYTE_ORDER_MARK).filter(|_| is_first).unwrap_or(line);
        if let Some(prompt) = self.prompt.take() {
            return self.take_password(prompt, line, out);
        }
        let step = self.read(line, is_admin, out);
        if let Some(list) = unseen {
            self.groups.forget(list);
        }
        step
    }

    /// Reads a line that is not a password.
    fn read(&mut self, line: &str, is_admin: Option<bool>, out: &mut Vec<u8>) -> Step {
        let trimmed = line.trim();
        if trimmed.starts_with('{') {
            self.greeted = true;
            return self.send_json(trimmed, out);
        }
        let words: Vec<&str> = trimmed.split_whitespace().collect();
        if let ["raw" | ".raw", switch @ ("on" | "off")] = words[..] {
            (self.greeted, self.raw) = (true, switch == "on");
            let text = if self.raw { Text::RawOn } else { Text::RawOff };
            return self.answer(out, Code::Ok, &text.say(self.lang));
        }
        self.greet(out);
        if trimmed.is_empty() {
            return Step::Answered(None);
        }
        let numbers = |list, number| self.groups.group(list, number);
        match typed::parse(line, is_admin, &numbers) {
            Ok(Parsed::Quit) => Step::Quit,
            Ok(Parsed::Request { kind, args }) => self.request(kind, args, is_admin, out),
            Err(CommandFault::NoGroup { list, .. }) if !self.groups.has(list) => {
                self.retry = Some((line.into(), list));
                let kind = Some(list.request());
                self.send(Request { kind, args: Args::new(), unseen: Some(list) })
            }
            Err(fault) => {
                self.answer(out, fault.code(), &locale::command::fault(self.lang, &fault))
            }
        }
    }

    /// Tells once how to begin.
    fn greet(&mut self, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.greeted, true) {
            self.answer(out, Code::Ok, &Text::WelcomeLine.say(self.lang));
        }
    }

    fn request(
        &mut self,
        kind: MessageType,
        mut args: Args,
        is_admin: Option<bool>,
        out: &mut Vec<u8>,
    ) -> Step {
        let argument = |name: &str| args.get(name).and_then(Value::as_str);
        match kind {
            // The server answers these only after the sign-in, and they are useful before.
            MessageType::Help if is_admin.is_none() => {
                let help = locale::command::help(self.lang, false, argument("query"));
                return self.answer(out, Code::Ok, &help);
            }
            MessageType::Lang if is_admin.is_none() => {
                self.lang = Lang::from_tag(argument("lang").unwrap_or_default());
                return self.answer(out, Code::Ok, &Text::LangChanged.say(self.lang));
            }
            _ if is_admin.is_none() => {
                args.insert("lang".into(), self.lang.tag().into());
            }
            _ => {}
        }
        let questions = questions(kind);
        if questions.is_empty() || args.contains_key("password") {
            return self.send(Request { kind: Some(kind), args, unseen: None });
        }
        self.ask(Prompt { kind, args, questions }, out);
        Step::Answered(None)
    }

    fn send(&mut self, request: Request) -> Step {
        let type_name = request.kind.map_or("", MessageType::name);
        let message = json!({"type": type_name, "payload": &request.args});
        self.in_flight = Some(request);
        Step::Request(message.to_string().into_bytes())
    }

    fn send_json(&mut self, line: &str, out: &mut Vec<u8>) -> Step {
        let Some(request) = RequestMessage::parse(line.as_bytes()) else {
            let code = Code::BadPayload;
            let text = locale::refusal::say(&Refusal::from(code), self.lang);
            return self.answer(out, code, &text);
        };
        let is_answered =
            request.kind != Some(MessageType::Ack) || !matches!(request.id(), Ok(None));
        let request = Request { kind: None, args: Args::new(), unseen: None };
        self.in_flight = is_answered.then_some(request);
        Step::Request(line.into())
    }

    /// Asks the first question.
    fn ask(&mut self, prompt: Prompt, out: &mut Vec<u8>) {
        let Some((_, question)) = prompt.questions.first() else { return };
        let question = question.say(self.lang);
        if self.telnet.negotiates && !self.raw {
            out.extend_from_slice(question.as_bytes());
            out.extend_from_slice(telnet::HIDE);
        } else {
            self.answer(out, Code::Ok, question.trim_end());
        }
        self.prompt = Some(prompt);
    }

    fn take_password(&mut self, prompt: Prompt, password: &str, out: &mut Vec<u8>) -> Step {
        if self.telnet.negotiates && !self.raw {
            out.extend_from_slice(telnet::SHOW);
            out.extend_from_slice(self.line_end());
        }
        let Prompt { kind, mut args, questions } = prompt;
        let [(name, _), questions @ ..] = questions else { return Step::Answered(None) };
        if args.get(*name).is_some_and(|first| first != password) {
            return self.answer(out, Code::BadRequest, &Text::PasswordsDiffer.say(self.lang));
        }
        args.insert((*name).into(), password.into());
        if questions.is_empty() {
            return self.send(Request { kind: Some(kind), args, unseen: None });
        }
        self.ask(Prompt { kind, args, questions }, out);
        Step::Answered(None)
    }

    fn reply(&mut self, response: &ResponseMessage<&str>, out: &mut Vec<u8>) {
        let request = self.in_flight.take();
        let is_shown = request.as_ref().is_none_or(|request| request.unseen.is_none());
        let is_refused = response.code.status() >= 400;
        if is_shown || is_refused {
            self.append_reply(response, out);
        }
        match request {
            Some(request) if is_refused => self.was_refused(request, response.code, out),
            Some(request) => self.was_done(request, &response.data),
            None => {}
        }
    }

    /// The line that waited for numbers is dropped. An invite code is asked for where `reg` needs
    /// one.
    fn was_refused(&mut self, request: Request, code: Code, out: &mut Vec<u8>) {
        self.retry = None;
        let Request { kind, mut args, .. } = request;
        let was_given = args.remove(INVITE).is_some();
        // A script does not negotiate: its next line would be taken for another code.
        let is_wanted = match was_given {
            false => code == Code::InviteRequired,
            true => code == Code::BadInvite && self.telnet.negotiates,
        };
        if let Some(kind) = kind.filter(|_| is_wanted) {
            self.ask(Prompt { kind, args, questions: &[(INVITE, Text::InviteCode)] }, out);
        }
    }

    /// Some requests are followed by another, and some replies are remembered.
    fn was_done(&mut self, mut request: Request, data: &Data) {
        match request.kind {
            Some(MessageType::Reg) => {
                request.kind = Some(MessageType::Login);
                self.queued = Some(request);
            }
            Some(MessageType::Login | MessageType::Logout) => self.groups = Groups::default(),
            Some(MessageType::Lang) => {
                let tag = request.args.get("lang").and_then(Value::as_str);
                self.lang = tag.map_or(self.lang, Lang::from_tag);
            }
            Some(kind) => {
                if let Data::Object(data) = data {
                    self.turn_page(kind, request, data);
                }
            }
            None => {}
        }
    }

    /// Keeps the numbers of groups on a page of a list, and asks for the next page.
    fn turn_page(&mut self, kind: MessageType, mut request: Request, data: &Value) {
        if let Some(list) = GroupList::of(kind) {
            self.groups.page(list, data, !request.args.contains_key("after"));
        }
        if let Some(next) = data["next"].as_str() {
            request.args.insert("after".into(), next.into());
            self.queued = Some(request);
        }
    }

    /// Appends an answer that is made here, in the form of the server's replies.
    fn answer(&self, out: &mut Vec<u8>, code: Code, text: &str) -> Step {
        let response = ResponseMessage { re: None, code, text, data: Data::None };
        self.append_reply(&response, out);
        Step::Answered(Some(code).filter(|code| *code != Code::Ok))
    }

    fn append_reply(&self, response: &ResponseMessage<&str>, out: &mut Vec<u8>) {
        if self.raw {
            return self.append_raw(&mut Said::Reply(response), out);
        }
        if response.code.status() >= 400 {
            let line = shown::refusal(response.text, response.code.name(), LINE_END);
            return self.append_line(&line, out);
        }
        let data = match &response.data {
            Data::Object(data) => data,
            Data::Json(json) => &serde_json::from_slice(json).unwrap_or_default(),
            _ => &Value::Null,
        };
        for line in shown::answer(response.text, data) {
            self.append_line(&line, out);
        }
    }

    fn append_raw(&self, said: &mut Said, out: &mut Vec<u8>) {
        said.append_json(out, self.unix);
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

/// The argument that is asked for only after the server refused a request without it.
const INVITE: &str = "invite";

/// What an idle connection of lines costs beside the connection itself (P20).
const _: () = assert!(std::mem::size_of::<Lines>() <= 300);
