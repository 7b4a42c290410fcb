//! The conversation with the server, without its sockets: connections, lines and messages go in,
//! frames and lines come out.
//!
//! ```text
//!          connected()                       resume is answered
//!  Down ──────────────► Resuming (with a key) ────────────────► Open
//!    ▲ └───────────────────────────────── without a key ─────────▲ │
//!    └───────────────────────────── cut() ─────────────────────────┘
//! ```
//!
//! While it is not [`Phase::Open`], requests wait; then they go out in the order in which they
//! were asked (P7). What must never happen twice is decided in `stream` and `requests`.

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

/// Where the connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Down,
    Resuming,
    Open,
}

/// Whether the connection is of further use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Read on.
    GoOn,
    /// Give it up, and make a new one after this long at the earliest.
    Drop(Duration),
}

/// What the sign-in gave.
struct Identity {
    key: String,
    is_admin: bool,
}

/// All that the client knows.
pub struct Session {
    lang: Lang,
    phase: Phase,
    identity: Option<Identity>,
    stream: Stream,
    requests: Requests,
    numbers: Numbers,
    roster: Roster,
    /// A person sits there: their friends and groups are worth knowing beforehand.
    curious: bool,
    out: Vec<u8>,
    items: Vec<Item>,
    /// The person leaves: nothing is asked any more, and the connection is to be closed.
    leaving: bool,
    /// A registration that only lacked the invite code.
    uninvited: Option<Args>,
    /// The server has answered at least once.
    greeted: bool,
    /// The person was told that the connection is lost, and not yet that it is back.
    lost: bool,
    refused: bool,
    /// Why the server could not be reached.
    unreachable: Option<String>,
}

impl Session {
    /// Nobody is signed in and nothing is connected.
    pub fn new(lang: Lang) -> Session {
        Session {
            lang,
            phase: Phase::Down,
            identity: None,
            stream: Stream::default(),
            requests: Requests::new(),
            numbers: Numbers::default(),
            roster: Roster::default(),
            curious: false,
            out: Vec::new(),
            items: Vec::new(),
            leaving: false,
            uninvited: None,
            greeted: false,
            lost: false,
            refused: false,
            unreachable: None,
        }
    }

    // What the connection reports.

    /// A connection stands. A server may wait for a first byte to know what it speaks with, so
    /// it gets one.
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
        self.greeted = true;
        match show::text(&message, "type") {
            "normalmsg" | "login_success" => self.answer(message),
            _ => self.push(message),
        }
    }

    /// What came so far is on the screen: it counts as received.
    pub fn confirm(&mut self) {
        // With a new password or after a sign-out the key would be another by the time the
        // confirmation is read.
        let key_changes = self.requests.has(&[MessageType::Passwd, MessageType::Logout]);
        let Some(identity) = self.identity.as_ref().filter(|_| !key_changes) else { return };
        if self.phase != Phase::Open {
            return;
        }
        if let Some(seq) = self.stream.confirm() {
            append_ack(&mut self.out, seq, &identity.key);
        }
    }

    /// Nothing has come for long.
    pub fn idle(&mut self) -> Step {
        if self.requests.has(&[MessageType::Ping]) {
            return Step::Drop(Duration::ZERO);
        }
        self.requests.push(MessageType::Ping, self.hello(), Purpose::Upkeep);
        self.send();
        Step::GoOn
    }

    /// The connection is gone.
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

    /// The server was not to be reached for as long as anyone would wait.
    pub fn give_up(&mut self, address: &str, why: &str) {
        let text = Text::Unreachable { address, why }.say(self.lang);
        self.fail_all();
        // At the start, the shell tells it.
        if self.greeted {
            self.refuse_saying(&text, "unreachable");
        }
        self.unreachable = Some(text);
    }

    // What the person does.

    /// A request, to be sent as soon as it can be.
    pub fn ask(&mut self, kind: MessageType, mut args: Args, purpose: Purpose) {
        if self.identity.is_none() {
            // No session speaks for us yet: the request says which language we read.
            args.entry("lang").or_insert(self.lang.tag().into());
        }
        if kind == MessageType::Login {
            args.insert("ack".to_owned(), true.into());
        }
        self.unreachable = None;
        self.requests.push(kind, args, purpose);
        self.send();
    }

    /// Confirms so that it is answered: the answer proves that the confirmation has arrived.
    pub fn prove(&mut self) {
        // Before the session goes on, what came on the last connection is not this one's.
        let goes_on = self.phase == Phase::Open && self.identity.is_some();
        if let Some(seq) = self.stream.unproven().filter(|_| goes_on) {
            let args = Args::from_iter([("seq".to_owned(), seq.into())]);
            self.requests.push(MessageType::Ack, args, Purpose::Upkeep);
            self.send();
        }
    }

    /// Says no without asking the server.
    pub fn refuse(&mut self, text: Text, code: &str) {
        self.refuse_saying(&text.say(self.lang), code);
    }

    /// The same in the words of others.
    pub fn refuse_saying(&mut self, text: &str, code: &str) {
        self.refused = true;
        self.items.push(Item::Refusal { text: text.to_owned(), code: code.to_owned() });
    }

    /// Lets the person know something.
    pub fn notice(&mut self, text: Text) {
        self.items.push(Item::Notice(text.say(self.lang)));
    }

    /// Words of our own.
    pub fn print(&mut self, text: String) {
        self.items.push(Item::Words(text));
    }

    /// The person leaves; from now on the connection is only to be closed.
    pub fn leave(&mut self) {
        self.leaving = true;
    }

    /// A person sits there, who may mean any of their friends and groups.
    pub fn be_curious(&mut self) {
        self.curious = true;
    }

    /// Speaks this language from now on.
    pub fn set_lang(&mut self, lang: Lang) {
        self.lang = lang;
    }

    // What is known.

    /// The language of the client's own words.
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

    /// Whether the answer to [`Session::prove`] is still to come.
    pub fn is_proving(&self) -> bool {
        self.requests.has(&[MessageType::Ack])
    }

    /// Whether all that came is known to be confirmed.
    pub fn is_proven(&self) -> bool {
        self.identity.is_none() || self.stream.unproven().is_none()
    }

    /// Whether every command was answered and everything that waited has been shown.
    pub fn is_settled(&self) -> bool {
        let caught_up = self.phase == Phase::Open && self.stream.caught_up;
        self.waiting() == 0 && (self.identity.is_none() || caught_up)
    }

    /// Whether the server has ever answered.
    pub fn is_greeted(&self) -> bool {
        self.greeted
    }

    /// Why the server could not be reached, if it was tried in vain.
    pub fn unreachable(&self) -> Option<&str> {
        self.unreachable.as_deref()
    }

    /// Whether the person leaves.
    pub fn is_leaving(&self) -> bool {
        self.leaving
    }

    /// A registration that only lacked the invite code, once.
    pub fn take_uninvited(&mut self) -> Option<Args> {
        self.uninvited.take()
    }

    /// The names that may be meant.
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// Whether no connection stands.
    pub fn is_down(&self) -> bool {
        self.phase == Phase::Down
    }

    /// Whether there is a reason for a connection. One that is cut before the sign-in is made
    /// again for the next request only.
    pub fn wants_connection(&self) -> bool {
        let first = !self.greeted && self.unreachable.is_none();
        let wanted = first || self.identity.is_some() || self.requests.waiting() > 0;
        wanted && !self.leaving
    }

    /// 1 if something was refused, 2 if the server could not be reached. For 3 and 4 the process
    /// ends at once.
    pub fn exit_code(&self) -> u8 {
        if self.unreachable.is_some() { 2 } else { u8::from(self.refused) }
    }

    /// Whether there is something to send.
    pub fn has_frames(&self) -> bool {
        !self.out.is_empty()
    }

    /// The frames to send, once.
    pub fn take_frames(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// What is to be shown, once.
    pub fn take_items(&mut self) -> Vec<Item> {
        std::mem::take(&mut self.items)
    }

    // What comes unasked.

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

    /// About the connection: never repeated, never confirmed.
    fn connection_notice(&mut self, message: Value) -> Step {
        let event = show::text(&message["payload"], "event");
        // To sign in again by itself would only end the other session in turn. The end of
        // the stream follows, so nothing more may be sent on this connection.
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

    /// What every request before the sign-in says of the client.
    fn hello(&self) -> Args {
        Args::from_iter([("lang".to_owned(), self.lang.tag().into())])
    }

    /// Sends what waits and may be sent.
    fn send(&mut self) {
        let (phase, key) = (self.phase, self.identity.as_ref().map(|identity| &*identity.key));
        let ready = |request: &Request| {
            phase == Phase::Open || phase == Phase::Resuming && request.is_greeting()
        };
        for request in self.requests.unsent().filter(|request| ready(request)) {
            request.sent = true;
            request.append(&mut self.out, key);
        }
    }

    /// What still waits is not waited for: the session is over, or the person leaves.
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
