//! What `request.rs` must do.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::wire::Code;
use crate::wire::argument::Mid;
use crate::wire::command::COMMANDS;

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

/// Whether the text is read in one pass; what is read then is compared with what serde reads.
fn is_flat(json: &str) -> bool {
    let is_flat = flat::read(json, &mut Args::default()).is_some();
    if is_flat {
        let (read, by_serde) = (parse(json), RequestMessage::parse_any(json));
        let (read, by_serde) = (read.expect("a message"), by_serde.expect("a message"));
        assert_eq!((&read.type_name, read.kind), (&by_serde.type_name, by_serde.kind), "{json}");
        assert!(read.args == by_serde.args, "{json}");
    }
    is_flat
}

#[test]
fn every_request_can_be_flat() {
    for command in COMMANDS {
        for value in [r#""""#, r#""你好, {b}""#, "0", "-7", "9223372036854775807", "true", "null"]
        {
            let field = |name: &Name| format!(r#""{}":{value}"#, name.as_str());
            let fields: Vec<_> = Name::ALL.iter().map(field).collect();
            let (name, fields) = (command.name, fields.join(", "));
            let json = format!(r#"{{"type": "{name}", "timestamp":1,"payload":{{{fields}}} }} "#);
            assert!(is_flat(&json), "{json}");
        }
    }
}

#[test]
fn what_is_unusual_is_left_to_serde() {
    for value in [
        "",
        "-",
        "-0",
        "00",
        "01",
        "-01",
        "+1",
        "1-2",
        "1.5",
        "1e2",
        "9223372036854775808",
        "tru",
        "truee",
        "nul",
        "NaN",
        "[]",
        "{}",
        r#""\u0041""#,
        r#""\"""#,
        "\"\t\"",
        "\n1",
        "1 2",
        "\"",
    ] {
        for json in [
            format!(r#"{{"type":"send","payload":{{"seq":{value}}}}}"#),
            format!(r#"{{"type":{value},"payload":{{}}}}"#),
            format!(r#"{{"type":"send","other":{value},"payload":{{}}}}"#),
        ] {
            assert!(!is_flat(&json), "{json}");
        }
    }
    for json in [r#"{"type":"a","payload":{},"payload":{}}"#, r#"{"type":"a","payload":{}} 1"#] {
        assert!(!is_flat(json), "{json}");
    }
}

#[test]
fn the_fuzzing_corpus_is_read_as_serde_reads_it() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/request");
    let inputs = fs::read_dir(corpus).expect("the corpus").map(|input| input.expect("an input"));
    let texts = inputs.filter_map(|input| fs::read_to_string(input.path()).ok());
    assert!(texts.filter(|text| is_flat(text)).count() > 0);
}

const KEYS: &[&str] = &["type", "payload", "id", "seq", "message", "ack", "x"];
const VALUES: &[&str] = &[
    "1",
    "-12",
    "0",
    "-0",
    "1.5",
    "true",
    "false",
    "null",
    r#""""#,
    r#""send""#,
    r#""\u0041""#,
    "[]",
    "{}",
    r#"{"id":1}"#,
    r#""é""#,
    "12345678901234567890",
];
const EDITS: &[&str] = &["", "", " ", "\"", "{", "}", ",", ":", "0", "-", "\n", "\\", "e", "é"];

proptest! {
    /// Any order, repetitions, and one character that is replaced.
    #[test]
    fn what_is_read_in_one_pass_is_what_serde_reads(
        outer in prop::collection::vec(prop::sample::select(KEYS), 0..3),
        fields in prop::collection::vec(
            (prop::sample::select(KEYS), prop::sample::select(VALUES)), 0..6),
        at in any::<prop::sample::Index>(),
        edit in prop::option::of(prop::sample::select(EDITS)),
        space in prop::sample::select(&["", " ", "\t"][..]),
    ) {
        let field = |(key, value): &(&str, &str)| format!(r#""{key}":{value}"#);
        let payload = fields.iter().map(field).collect::<Vec<_>>().join(",");
        let mut parts = vec![r#""type":"send""#.to_owned(), format!(r#""payload":{{{payload}}}"#)];
        for (index, key) in outer.iter().enumerate() {
            let value = fields.get(index).map_or("1", |(_, value)| value);
            parts.insert(at.index(parts.len()), format!(r#""{key}"{space}:{space}{value}"#));
        }
        let mut json = format!("{{{}}}", parts.join(","));
        if let Some(edit) = edit {
            let nth = at.index(json.chars().count());
            let (index, old) = json.char_indices().nth(nth).expect("a character");
            json.replace_range(index..index + old.len_utf8(), edit);
        }
        is_flat(&json);
    }
}
