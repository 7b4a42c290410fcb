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
        // At the start it is for whoever started the client to say.
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
mod tests {
    use super::*;
    use p2sp::wire::command::GroupList;
    use p2sp::wire::frame;
    use serde_json::json;

    /// A session, and the requests that it sent since they were last looked at.
    struct Bench(Session);

    impl Bench {
        fn connected() -> Bench {
            let mut bench = Bench(Session::new(Lang::En));
            bench.0.connected();
            assert_eq!(bench.types(), ["ping"]);
            bench
        }

        fn signed_in() -> Bench {
            let mut bench = Bench::connected();
            bench.ask("login", json!({"username": "bob", "password": "secret"}));
            let login = bench.sent().remove(0);
            assert_eq!(login["payload"]["ack"], true);
            bench.answer(&login, welcome(10));
            assert_eq!(bench.lines(), ["welcome"]);
            bench
        }

        fn ask(&mut self, kind: &str, args: Value) {
            let kind = MessageType::from_name(kind).expect("a type");
            let args = args.as_object().cloned().unwrap_or_default();
            self.0.ask(kind, args, Purpose::Command);
        }

        fn sent(&mut self) -> Vec<Value> {
            let (mut bytes, mut sent) = (&self.0.take_frames()[..], Vec::new());
            while let Ok(Some(length)) = frame::frame_len(bytes) {
                let payload = frame::payload(&bytes[..length]).expect("a frame");
                sent.push(serde_json::from_slice(payload).expect("JSON"));
                bytes = &bytes[length..];
            }
            sent
        }

        fn types(&mut self) -> Vec<String> {
            self.sent().iter().map(|sent| show::text(sent, "type").to_owned()).collect()
        }

        fn answer(&mut self, request: &Value, mut payload: Value) -> Step {
            payload["re"] = request["payload"]["id"].clone();
            self.0.received(json!({"type": "normalmsg", "payload": payload}))
        }

        fn push(&mut self, seq: i64, prev: i64) -> Step {
            let payload = json!({"fromusername": "al", "message": seq.to_string(), "seq": seq,
                                 "prev": prev});
            self.0.received(json!({"type": "usersend", "payload": payload}))
        }

        fn event(&mut self, event: &str) {
            let payload = json!({"event": event, "message": event});
            self.0.received(json!({"type": "sysmsg", "payload": payload}));
        }

        fn lines(&mut self) -> Vec<String> {
            let items = self.0.take_items().into_iter();
            items.filter_map(|item| item.plain(Lang::En)).collect()
        }

        /// The connection is cut and made again; the `resume` that is sent.
        fn cut_and_connect(&mut self) -> Value {
            self.0.cut();
            self.0.connected();
            let mut sent = self.sent();
            assert_eq!(sent.len(), 2, "ping and resume, and nothing before its answer");
            sent.remove(1)
        }
    }

    fn welcome(cursor: i64) -> Value {
        json!({"message": "welcome", "status": 200, "code": "ok", "auth_token": "key",
               "is_admin": false, "user_id": 2, "epoch": "e", "cursor": cursor})
    }

    fn refusal(code: &str) -> Value {
        json!({"message": "no", "status": 403, "code": code})
    }

    #[test]
    fn a_server_that_speaks_only_tls_is_not_asked_again() {
        let mut bench = Bench::connected();
        bench.ask("login", json!({"username": "bob", "password": "secret"}));
        let payload = json!({"status": 426, "code": "tls_required", "message": "only TLS"});
        let step = bench.0.received(json!({"type": "normalmsg", "payload": payload}));
        assert_eq!(step, Step::Drop(Duration::ZERO));
        assert!(!bench.0.wants_connection() && bench.0.waiting() == 0);
        assert_eq!((bench.0.unreachable(), bench.0.exit_code()), (Some("only TLS"), 2));
    }

    #[test]
    fn a_message_is_shown_once_across_cuts_and_confirmed() {
        let mut bench = Bench::signed_in();
        assert_eq!((bench.push(11, 10), bench.push(14, 11)), (Step::GoOn, Step::GoOn));
        assert_eq!(bench.lines(), ["al> 11", "al> 14"]);
        bench.0.confirm();
        let ack = bench.sent().remove(0);
        assert_eq!(
            ack["payload"],
            json!({"seq": 14, "auth_token": "key"}),
            "one confirmation for both, without an id"
        );
        let resume = bench.cut_and_connect();
        assert_eq!(resume["payload"]["auth_token"], "key");
        bench.0.confirm();
        assert!(bench.sent().is_empty(), "nothing of the last connection is confirmed on this");
        bench.answer(&resume, welcome(11));
        assert_eq!(bench.lines().len(), 2, "lost, and back");
        bench.push(14, 11);
        bench.push(15, 14);
        assert_eq!(bench.lines(), ["al> 15"]);
    }

    #[test]
    fn a_gap_ends_the_connection_and_shows_nothing() {
        let mut bench = Bench::signed_in();
        assert_eq!(bench.push(12, 11), Step::Drop(Duration::ZERO));
        assert!(bench.lines().is_empty());
    }

    #[test]
    fn what_was_unanswered_is_sent_again_in_order_with_the_same_mid() {
        let mut bench = Bench::signed_in();
        bench.ask("send", json!({"username": "al", "message": "1"}));
        bench.ask("add", json!({"username": "al"}));
        let first = bench.sent();
        let resume = bench.cut_and_connect();
        bench.ask("send", json!({"username": "al", "message": "2"}));
        assert!(bench.sent().is_empty(), "it waits behind the others");
        bench.answer(&resume, welcome(10));
        let again = bench.sent();
        assert_eq!(again[..2], first[..]);
        assert_ne!(again[2]["payload"]["mid"], first[0]["payload"]["mid"]);
        bench.lines();
        bench.answer(&again[1], refusal("already_friends"));
        assert_eq!((bench.lines(), bench.0.exit_code()), (vec!["►* no".to_owned()], 0));
        bench.answer(&again[0], refusal("not_friends"));
        assert_eq!((bench.lines(), bench.0.exit_code()), (vec!["►! no [not_friends]".into()], 1));
    }

    #[test]
    fn a_password_is_never_changed_twice_and_a_sign_out_is_done() {
        let mut bench = Bench::signed_in();
        bench.ask("passwd", json!({"password": "a", "newpassword": "b"}));
        bench.push(11, 10);
        bench.sent();
        bench.0.confirm();
        assert!(bench.sent().is_empty(), "the old key could be void already");
        let resume = bench.cut_and_connect();
        assert_eq!(bench.0.exit_code(), 1);
        bench.answer(&resume, refusal("bad_key"));
        assert!(bench.sent().is_empty());
        assert!(bench.lines().last().is_some_and(|line| line.ends_with("[bad_key]")));
        assert_eq!(bench.0.is_admin(), None);

        let mut bench = Bench::signed_in();
        bench.ask("logout", json!({}));
        bench.sent();
        bench.0.cut();
        assert_eq!((bench.0.is_admin(), bench.0.wants_connection()), (None, false));
        assert_eq!(bench.0.exit_code(), 0);
    }

    #[test]
    fn a_new_password_gives_a_new_key() {
        let mut bench = Bench::signed_in();
        bench.ask("passwd", json!({"password": "a", "newpassword": "b"}));
        let passwd = bench.sent().remove(0);
        bench.answer(&passwd, json!({"status": 200, "data": {"auth_token": "key2"}}));
        bench.ask("whoami", json!({}));
        assert_eq!(bench.sent()[0]["payload"]["auth_token"], "key2");
    }

    #[test]
    fn a_session_that_was_ended_does_not_begin_again_by_itself() {
        for event in ["signed_in_elsewhere", "blocked", "password_reset"] {
            let mut bench = Bench::signed_in();
            bench.event(event);
            bench.0.cut();
            assert_eq!(bench.lines(), [format!("►* {event}")]);
            assert!(!bench.0.wants_connection());
            bench.ask("whoami", json!({}));
            assert!(bench.0.wants_connection(), "but it is usable");
        }
        let mut bench = Bench::signed_in();
        bench.event("shutdown");
        bench.0.cut();
        assert!(bench.0.wants_connection());
    }

    #[test]
    fn a_server_that_is_busy_is_left_alone_for_as_long_as_it_says() {
        let mut bench = Bench::signed_in();
        let resume = bench.cut_and_connect();
        let payload = json!({"status": 429, "code": "slow_down", "data": {"retry_after": 3}});
        assert_eq!(bench.answer(&resume, payload), Step::Drop(Duration::from_secs(3)));
        assert_eq!(bench.0.is_admin(), Some(false), "the key is kept");
    }

    #[test]
    fn pages_are_fetched_and_their_numbers_go_on() {
        let mut bench = Bench::signed_in();
        let page = |name: &str, next: Value| {
            json!({"status": 200, "message": name, "data":
                   {"groups": [{"creator": "al", "groupname": name}], "next": next}})
        };
        for _ in 0..2 {
            bench.ask("groups", json!({}));
            let first = bench.sent().remove(0);
            bench.answer(&first, page("a", json!("x7")));
            let second = bench.sent().remove(0);
            assert_eq!(second["payload"]["after"], "x7");
            bench.answer(&second, page("b", Value::Null));
            assert_eq!((bench.lines(), bench.0.waiting()), (vec!["a".into(), "b".into()], 0));
            let group = bench.0.numbers().group(GroupList::Mine, 2);
            assert_eq!(group.map(|group| group.groupname), Some("b".into()));
            assert!(bench.0.numbers().group(GroupList::Mine, 3).is_none());
        }
    }

    #[test]
    fn a_registration_signs_in() {
        let mut bench = Bench::connected();
        bench.ask("reg", json!({"username": "bob", "password": "secret"}));
        let reg = bench.sent().remove(0);
        bench.answer(&reg, json!({"status": 200, "message": "registered"}));
        let login = bench.sent().remove(0);
        assert_eq!(
            (&login["type"], &login["payload"]["password"]),
            (&"login".into(), &"secret".into())
        );
        assert_eq!(login["payload"].get("auth_token"), None);
        assert_eq!(bench.0.waiting(), 1, "a script waits for this too");
    }

    #[test]
    fn a_script_leaves_when_all_is_answered_shown_and_confirmed() {
        let mut bench = Bench::signed_in();
        assert!(!bench.0.is_settled());
        bench.push(11, 10);
        bench.event("caught_up");
        assert_eq!(bench.lines(), ["al> 11"]);
        assert!(bench.0.is_settled() && !bench.0.is_proven());
        bench.0.prove();
        let ack = bench.sent().remove(0);
        assert_eq!(ack["payload"]["seq"], 11);
        assert!(bench.0.is_proving());
        bench.answer(&ack, json!({"status": 200, "message": "ok"}));
        assert!(bench.0.is_proven() && bench.lines().is_empty());
    }

    #[test]
    fn a_silent_connection_is_asked_once_and_then_given_up() {
        let mut bench = Bench(Session::new(Lang::En));
        bench.0.connected();
        for _ in 0..2 {
            let ping = bench.sent().remove(0);
            bench.answer(&ping, json!({"status": 200, "message": "pong"}));
            assert_eq!(bench.0.idle(), Step::GoOn);
        }
        assert_eq!(bench.types(), ["ping"]);
        assert_eq!(bench.0.idle(), Step::Drop(Duration::ZERO));
        assert!(bench.lines().is_empty());
    }
}
