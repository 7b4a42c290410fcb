//! What `request.rs` must do.

use super::*;
use crate::wire::Code;
use crate::wire::argument::Mid;

fn parse(text: &str) -> Option<RequestMessage<'_>> {
    RequestMessage::parse(text.as_bytes())
}

#[test]
fn a_request_is_read_in_any_order_and_with_unknown_arguments() {
    let text = r#"{"payload":{"x":[[{}]],"username":"b\u006fb","id":7,"ack":null,"ack":true},
                   "extra":1,"type":"add_friend"}"#;
    let request = parse(text).expect("a message");
    assert_eq!(request.kind, Some(MessageType::Add));
    assert_eq!(request.args.get(Name::username), Ok(Some("bob")));
    assert_eq!(request.id(), Ok(Some(RequestId::Number(7))));
    assert_eq!(request.args.get(Name::ack), Ok(Some(true)));
    assert_eq!(request.args.get::<&str>(Name::auth_token), Ok(None));
}

#[test]
fn what_is_no_message_is_refused_whole() {
    let nested = "[".repeat(200) + &"]".repeat(200);
    for text in [
        "",
        "{",
        "[]",
        "null",
        "7",
        r#"{"type":"x"}"#,
        r#"{"payload":{}}"#,
        r#"{"type":1,"payload":{}}"#,
        r#"{"type":"x","payload":[]}"#,
        r#"{"type":"x","payload":{}} x"#,
        r#"{"type":1e400,"payload":{}}"#,
        r#"{"type":"x","payload":{"message":"\ud80"}}"#,
        r#"{"type":"x","payload":{"message":"\ud800"}} x"#,
        r#"{"type":"x","payload":{"count":NaN}}"#,
        &nested,
    ] {
        assert!(parse(text).is_none(), "{text}");
    }
    assert!(RequestMessage::parse(b"{\"type\":\"\xff\",\"payload\":{}}").is_none());
}

#[test]
fn a_value_that_nothing_can_hold_spoils_only_its_argument() {
    let text = r#"{"\ud800":1,"type":"send","payload":{"username":"b\u006fb","\udc00":1,
        "unknown":"\ud800","message":"half \ud83d","count":1e400,"mid":{"\ud800":1},
        "query":"whole \ud83d\ude00","seq":1,"seq":2}}"#;
    let request = parse(text).expect("a message");
    let about = |what| Refusal::about(Code::BadRequest, what);
    assert_eq!(request.kind, Some(MessageType::Send));
    assert_eq!(request.args.get(Name::username), Ok(Some("bob")));
    assert_eq!(request.args.get::<&str>(Name::message).err(), Some(about("message")));
    assert_eq!(request.args.get::<i64>(Name::count).err(), Some(about("count")));
    assert_eq!(request.args.get::<Mid>(Name::mid).err(), Some(about("mid")));
    assert_eq!(request.args.get(Name::query), Ok(Some("whole \u{1f600}")));
    assert_eq!(request.args.get(Name::seq), Ok(Some(2)));
    let unknown = parse(r#"{"type":"\ud800","payload":{"id":"\ud800"}}"#).expect("a message");
    assert_eq!((unknown.kind, unknown.id()), (None, Err(about("id"))));
}

#[test]
fn an_argument_of_the_wrong_kind_is_named() {
    let nested = "[".repeat(200) + &"]".repeat(200);
    let text = format!(
        r#"{{"type":"send","payload":{{"username":5,"seq":1.5,"ack":"yes","mid":"",
           "message":{nested},"unknown":{nested},"id":{{}}}}}}"#
    );
    let request = parse(&text).expect("a message");
    let about = |what| Refusal::about(Code::BadRequest, what);
    assert_eq!(request.args.get::<&str>(Name::username).err(), Some(about("username")));
    assert_eq!(request.args.get::<i64>(Name::seq).err(), Some(about("seq")));
    assert_eq!(request.args.get::<bool>(Name::ack).err(), Some(about("ack")));
    assert_eq!(request.args.get::<Mid>(Name::mid).err(), Some(about("mid")));
    assert_eq!(request.args.get::<&str>(Name::message).err(), Some(about("message")));
    assert_eq!(request.id(), Err(about("id")));
}
