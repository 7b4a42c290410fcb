//! The state of the conversation with the server, without sockets: events of the connection and
//! requests of the person go in, frames and items to show come out.
//!
//! ```text
//!          connected()                       resume is answered
//!  Down ──────────────► Resuming (with a key) ────────────────► Open
//!    ▲ └───────────────────────────────── without a key ─────────▲ │
//!    └───────────────────────────── cut() ─────────────────────────┘
//! ```
//!
//! While the phase is not [`Phase::Open`], requests wait; then they are sent in the order in which
//! they were made (P7). `stream` and `requests` decide what must not happen twice.

mod answers;

use std::time::Duration;

use p2sp::locale::Lang;
use p2sp::locale::client::Text;
use p2sp::wire::MessageType;
use serde_json::Value;

use super::numbers::Numbers;
use super::requests::{Args, Purpose, Request, Requests, append_ack};
use super::roster::Roster;
use super::show::{self, Item};
use super::stream::{Arrival, Stream};

/// The state of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Down,
    Resuming,
    Open,
}

/// What the connection should do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Read further.
    GoOn,
    /// End, and connect again after this time at the earliest.
    Drop(Duration),
}

/// Who is signed in.
struct Identity {
    key: String,
    is_admin: bool,
}

/// All that the client knows about its user and the server.
pub struct Session {
    lang: Lang,
    phase: Phase,
    identity: Option<Identity>,
    stream: Stream,
    requests: Requests,
    numbers: Numbers,
    roster: Roster,
    /// Whether friends and groups are fetched after the sign-in, for completion.
    completes_names: bool,
    out: Vec<u8>,
    items: Vec<Item>,
    /// Whether the person leaves: no more requests, and the connection is closed.
    leaving: bool,
    /// A registration that failed only for the missing invite code.
    uninvited: Option<Args>,
    /// Whether the server has answered at least once.
    has_answered: bool,
    /// Whether the person was told that the connection is lost, and not yet that it is back.
    lost: bool,
    refused: bool,
    /// Why the server could not be reached.
    unreachable: Option<String>,
}

impl Session {
    /// A session without a connection and without a user.
    pub fn new(lang: Lang) -> Session {
        Session {
            lang,
            phase: Phase::Down,
            identity: None,
            stream: Stream::default(),
            requests: Requests::new(),
            numbers: Numbers::default(),
            roster: Roster::default(),
            completes_names: false,
            out: Vec::new(),
            items: Vec::new(),
            leaving: false,
            uninvited: None,
            has_answered: false,
            lost: false,
            refused: false,
            unreachable: None,
        }
    }

    // What the connection reports.

    /// A connection stands. The server waits for a first byte to recognise the protocol, so a ping
    /// is sent at once.
    pub fn connected(&mut self) {
        self.requests.push(MessageType::Ping, self.hello(), Purpose::Upkeep);
        if self.identity.is_some() {
            self.phase = Phase::Resuming;
            let mut args = self.hello();
            args.insert("ack".to_owned(), true.into());
            self.requests.push(MessageType::Resume, args, Purpose::Upkeep);
        } else {
            self.phase = Phase::Open;
        }
        self.send();
    }

    /// A message has come.
    pub fn received(&mut self, message: Value) -> Step {
        self.has_answered = true;
        match show::text(&message, "type") {
            "normalmsg" | "login_success" => self.answer(message),
            _ => self.push(message),
        }
    }

    /// Confirms the messages so far, which are on the screen.
    pub fn confirm(&mut self) {
        // After a new password or a sign-out the key would be wrong when the confirmation is read.
        let key_changes = self.requests.has(&[MessageType::Passwd, MessageType::Logout]);
        let Some(identity) = self.identity.as_ref().filter(|_| !key_changes) else { return };
        if self.phase != Phase::Open {
            return;
        }
        if let Some(seq) = self.stream.confirm() {
            append_ack(&mut self.out, seq, &identity.key);
        }
    }

    /// Nothing has come for a long time.
    pub fn idle(&mut self) -> Step {
        if self.requests.has(&[MessageType::Ping]) {
            return Step::Drop(Duration::ZERO);
        }
        self.requests.push(MessageType::Ping, self.hello(), Purpose::Upkeep);
        self.send();
        Step::GoOn
    }

    /// The connection has ended.
    pub fn cut(&mut self) {
        let was_open = self.phase == Phase::Open;
        self.phase = Phase::Down;
        self.out.clear();
        if was_open && self.identity.is_some() && !self.lost && !self.leaving {
            self.lost = true;
            self.notice(Text::ConnectionLost);
        }
        for request in self.requests.cut() {
            match request.kind {
                MessageType::Logout => {
                    self.sign_out();
                    self.notice(Text::SignedOut);
                }
                MessageType::Passwd => self.refuse(Text::PasswordUnknown, "no_answer"),
                _ => self.refuse(Text::NoAnswer { word: request.kind.name() }, "no_answer"),
            }
        }
    }

    /// The server could not be reached, and is not tried any longer.
    pub fn give_up(&mut self, address: &str, why: &str) {
        let text = Text::Unreachable { address, why }.say(self.lang);
        self.fail_all();
        // At the start the shell prints it.
        if self.has_answered {
            self.refuse_saying(&text, "unreachable");
        }
        self.unreachable = Some(text);
    }

    // What the person does.

    /// Adds a request, which is sent as soon as possible.
    pub fn ask(&mut self, kind: MessageType, mut args: Args, purpose: Purpose) {
        if self.identity.is_none() {
            // Before the sign-in each request names the language of its answer.
            args.entry("lang").or_insert(self.lang.tag().into());
        }
        if kind == MessageType::Login {
            args.insert("ack".to_owned(), true.into());
        }
        self.unreachable = None;
        self.requests.push(kind, args, purpose);
        self.send();
    }

    /// Confirms with a request: its answer proves that the confirmation has arrived.
    pub fn prove(&mut self) {
        // Until the session is resumed, the messages are those of the last connection.
        let goes_on = self.phase == Phase::Open && self.identity.is_some();
        if let Some(seq) = self.stream.unproven().filter(|_| goes_on) {
            let args = Args::from_iter([("seq".to_owned(), seq.into())]);
            self.requests.push(MessageType::Ack, args, Purpose::Upkeep);
            self.send();
        }
    }

    /// Shows a refusal of the client itself.
    pub fn refuse(&mut self, text: Text, code: &str) {
        self.refuse_saying(&text.say(self.lang), code);
    }

    /// The same with a text that exists already.
    pub fn refuse_saying(&mut self, text: &str, code: &str) {
        self.refused = true;
        self.items.push(Item::Refusal { text: text.to_owned(), code: code.to_owned() });
    }

    /// Shows a notice of the client itself.
    pub fn notice(&mut self, text: Text) {
        self.items.push(Item::Notice(text.say(self.lang)));
    }

    /// Shows a text that the person asked for.
    pub fn print(&mut self, text: String) {
        self.items.push(Item::Words(text));
    }

    /// The person leaves: from now on the connection is only closed.
    pub fn leave(&mut self) {
        self.leaving = true;
    }

    /// Fetches friends and groups after the sign-in, for completion.
    pub fn complete_names(&mut self) {
        self.completes_names = true;
    }

    /// Sets the language.
    pub fn set_lang(&mut self, lang: Lang) {
        self.lang = lang;
    }

    // What is known.

    /// The language of the client's own texts.
    pub fn lang(&self) -> Lang {
        self.lang
    }

    /// Whether the user is an administrator; `None` while nobody is signed in.
    pub fn is_admin(&self) -> Option<bool> {
        self.identity.as_ref().map(|identity| identity.is_admin)
    }

    /// The numbers of groups.
    pub fn numbers(&self) -> &Numbers {
        &self.numbers
    }

    /// How many requests of the person wait.
    pub fn waiting(&self) -> usize {
        self.requests.waiting()
    }

    /// Whether the answer to [`Session::prove`] has not come yet.
    pub fn is_proving(&self) -> bool {
        self.requests.has(&[MessageType::Ack])
    }

    /// Whether the server has the confirmation of all messages.
    pub fn is_proven(&self) -> bool {
        self.identity.is_none() || self.stream.unproven().is_none()
    }

    /// Whether every command was answered and every waiting message was shown.
    pub fn is_settled(&self) -> bool {
        let caught_up = self.phase == Phase::Open && self.stream.caught_up;
        self.waiting() == 0 && (self.identity.is_none() || caught_up)
    }

    /// Whether the server has answered at least once.
    pub fn has_answered(&self) -> bool {
        self.has_answered
    }

    /// Why the server could not be reached, if it could not.
    pub fn unreachable(&self) -> Option<&str> {
        self.unreachable.as_deref()
    }

    /// Whether the person leaves.
    pub fn is_leaving(&self) -> bool {
        self.leaving
    }

    /// Takes the registration that failed only for the missing invite code.
    pub fn take_uninvited(&mut self) -> Option<Args> {
        self.uninvited.take()
    }

    /// The names for completion.
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// Whether no connection stands.
    pub fn is_down(&self) -> bool {
        self.phase == Phase::Down
    }

    /// Whether a connection is needed. Before the sign-in, one that was cut is made again only for
    /// the next request.
    pub fn wants_connection(&self) -> bool {
        let first = !self.has_answered && self.unreachable.is_none();
        let wanted = first || self.identity.is_some() || self.requests.waiting() > 0;
        wanted && !self.leaving
    }

    /// The exit code: 1 if something was refused, 2 if the server could not be reached. With 3 and
    /// 4 the process ends elsewhere.
    pub fn exit_code(&self) -> u8 {
        if self.unreachable.is_some() { 2 } else { u8::from(self.refused) }
    }

    /// Whether there is something to send.
    pub fn has_frames(&self) -> bool {
        !self.out.is_empty()
    }

    /// Takes the frames to send.
    pub fn take_frames(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// Takes the items to show.
    pub fn take_items(&mut self) -> Vec<Item> {
        std::mem::take(&mut self.items)
    }

    // Pushes.

    fn push(&mut self, message: Value) -> Step {
        let payload = &message["payload"];
        if show::text(payload, "event").starts_with("group_") {
            self.numbers.groups_changed();
        }
        self.roster.heard(payload);
        let Some(seq) = payload["seq"].as_i64() else {
            return self.connection_notice(message);
        };
        match self.stream.arrive(seq, payload["prev"].as_i64()) {
            Arrival::New => self.items.push(Item::Message(message)),
            Arrival::Repeated => {}
            Arrival::Gap => return Step::Drop(Duration::ZERO),
        }
        Step::GoOn
    }

    /// A notice about the connection: never repeated, never confirmed.
    fn connection_notice(&mut self, message: Value) -> Step {
        let event = show::text(&message["payload"], "event");
        // It does not sign in again by itself, which would end the other session in turn. The end
        // of the stream follows, so nothing more may be sent on this connection.
        let ends = matches!(event, "signed_in_elsewhere" | "blocked" | "password_reset");
        self.stream.caught_up |= event == "caught_up";
        self.items.push(Item::Message(message));
        if ends {
            self.sign_out();
            self.fail_all();
            self.phase = Phase::Down;
            return Step::Drop(Duration::ZERO);
        }
        Step::GoOn
    }

    // Helpers.

    /// The arguments of each request before the sign-in: the language.
    fn hello(&self) -> Args {
        Args::from_iter([("lang".to_owned(), self.lang.tag().into())])
    }

    /// Sends the waiting requests that may be sent now.
    fn send(&mut self) {
        let (phase, key) = (self.phase, self.identity.as_ref().map(|identity| &*identity.key));
        let ready = |request: &Request| {
            phase == Phase::Open || phase == Phase::Resuming && request.may_precede_resume()
        };
        for request in self.requests.unsent().filter(|request| ready(request)) {
            request.sent = true;
            request.append(&mut self.out, key);
        }
    }

    /// Gives up all requests without an answer: the session is over, or the person leaves.
    pub fn fail_all(&mut self) {
        for request in self.requests.take_all() {
            if request.purpose != Purpose::Upkeep {
                self.refuse(Text::NoAnswer { word: request.kind.name() }, "no_answer");
            }
        }
    }
}

#[cfg(test)]
mod tests;
