//! What this folder's `mod.rs` must do.

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
