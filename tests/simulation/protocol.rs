//! PROTOCOL.md says what the code does: its golden bytes and its tables are compared with the
//! wire's own, so that who writes a client from that page alone can trust it.
//!
//! A golden block is named, and holds the payload on one line and the frame in hexadecimal below
//! it. Each name has its value here, which is encoded and compared byte for byte.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use p2sp::doors::frames::Frames;
use p2sp::doors::{Codec, Said, SharedPush};
use p2sp::id::{Conversation, GroupId, Seq, UserId};
use p2sp::locale::{self, Lang};
use p2sp::store::{Entry, EntryKind, GroupLabel};
use p2sp::wire::command::{Command, Role};
use p2sp::wire::push::Push;
use p2sp::wire::response::{Data, Welcome};
use p2sp::wire::{
    Code, Event, MessageType, Name, Notice, Refusal, RequestId, RequestMessage, ResponseMessage,
    frame, request,
};
use serde_json::json;

const UNIX: i64 = 1_700_000_000;

/// Compares what is encoded with the golden block of that name.
type Check<'a> = dyn FnMut(&str, &dyn Fn(&mut Vec<u8>)) + 'a;

/// A golden block: the payload, and the frame.
struct Golden {
    payload: String,
    bytes: Vec<u8>,
}

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("PROTOCOL.md");
    fs::read_to_string(path).expect("PROTOCOL.md")
}

fn golden_blocks() -> BTreeMap<String, Golden> {
    let page = page();
    let blocks = page.split("```golden ").skip(1);
    blocks
        .map(|block| {
            let block = block.split("```").next().unwrap_or_default();
            let mut lines = block.lines();
            let name = lines.next().expect("a name").trim().to_owned();
            let payload = lines.next().expect("a payload").to_owned();
            let digits = lines.flat_map(str::split_whitespace);
            let bytes = digits.map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal"));
            (name, Golden { payload, bytes: bytes.collect() })
        })
        .collect()
}

/// The cells of the rows of the table whose first column has that head.
fn table(head: &str) -> Vec<Vec<String>> {
    let page = page();
    let start = format!("| {head} |");
    let rows = page.lines().skip_while(|line| !line.starts_with(&start)).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let cells = row.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
    })
    .collect()
}

fn column(rows: &[Vec<String>], index: usize) -> Vec<&str> {
    rows.iter().map(|row| row[index].as_str()).collect()
}

#[test]
fn every_golden_frame_decodes_to_its_payload() {
    for (name, golden) in golden_blocks() {
        let length = frame::frame_len(&golden.bytes);
        assert_eq!(length, Ok(Some(golden.bytes.len())), "{name}");
        assert_eq!(frame::payload(&golden.bytes), Ok(golden.payload.as_bytes()), "{name}");
    }
}

#[test]
fn every_golden_frame_is_what_the_wire_encodes() {
    let mut golden = golden_blocks();
    let mut check = |name: &str, encode: &dyn Fn(&mut Vec<u8>)| {
        let mut out = Vec::new();
        encode(&mut out);
        let golden = golden.remove(name).expect("a golden block of that name");
        let payload = String::from_utf8_lossy(&out[12..]);
        assert_eq!(payload, golden.payload, "{name}");
        assert_eq!(out, golden.bytes, "{name}");
    };
    check("ping", &|out| {
        frame::append(out, |out| out.extend(br#"{"type":"ping","timestamp":0,"payload":{}}"#));
        out[4..8].fill(0);
    });
    check("send", &|out| {
        let args = json!({"id": 7, "auth_token": "k", "username": "bob", "message": "你好",
            "mid": "m1"});
        request::append(out, "send", UNIX, &args);
    });
    check("answer", &|out| {
        let data = Data::Sent { seq: Seq(12), online: Some(true) };
        said(out, Said::Reply(&answer(RequestId::Number(7), Code::Ok, "Sent.", data)));
    });
    check("refusal", &|out| {
        let text = locale::refusal::say(&Refusal::slow_down(9), Lang::En);
        let data = Data::Object(json!({"retry_after": 9}));
        said(out, Said::Reply(&answer(RequestId::Name("a".into()), Code::SlowDown, &text, data)));
    });
    check("welcome", &|out| {
        let data = Data::Welcome(Box::new(welcome()));
        said(out, Said::Reply(&answer(RequestId::Number(1), Code::Ok, "Welcome", data)));
    });
    check_pushes(&mut check);
    assert!(golden.is_empty(), "blocks without a value: {:?}", golden.keys());
}

fn check_pushes(check: &mut Check) {
    let pushed = |out: &mut Vec<u8>, entry: Entry<&str>| {
        let mut push = SharedPush::new(entry, Lang::En);
        said(out, Said::Push(&mut push, Seq(entry.seq.0 - 1)));
    };
    let to_bob = Entry {
        seq: Seq(12),
        conversation: Conversation::Inbox(UserId(2)),
        sender: Some(UserId(1)),
        sender_name: Some("alice"),
        group: None,
        unix: UNIX,
        kind: EntryKind::Text,
        body: "你好",
    };
    check("usersend", &|out| pushed(out, to_bob));
    check("groupsend", &|out| {
        let (seq, conversation) = (Seq(13), Conversation::Group(GroupId(3)));
        let group = Some(GroupLabel { name: "team", creator: "alice" });
        let (sender_name, kind, body) = (Some("admin"), EntryKind::AdminText, "hi");
        pushed(out, Entry { seq, conversation, sender_name, group, kind, body, ..to_bob });
    });
    check("sysmsg", &|out| {
        let notice = Notice::by(Event::GroupAdded, "alice").in_group(GroupId(3), "team", "alice");
        let (seq, kind, body) = (Seq(14), EntryKind::Notice, notice.to_body());
        pushed(out, Entry { seq, kind, body: &body, ..to_bob });
    });
    check("notice", &|out| {
        let notice = Notice::plain(Event::CaughtUp);
        let words = locale::notice::say(&notice, Lang::En);
        said(out, Said::Notice(&Push::notice(notice, words)));
    });
}

/// Appends what is said as a frame.
fn said(out: &mut Vec<u8>, mut said: Said) {
    Frames.encode(&mut said, UNIX, out);
}

fn answer(re: RequestId, code: Code, text: &str, data: Data) -> ResponseMessage<&str> {
    ResponseMessage { re: Some(re), code, text, data }
}

fn welcome() -> Welcome {
    Welcome {
        auth_token: "k".into(),
        is_admin: false,
        user_id: 2,
        username: "bob".into(),
        commands: vec!["send"],
        epoch: "00000000000e90c4".into(),
        cursor: 11,
    }
}

#[test]
fn a_golden_request_is_read_as_what_it_says() {
    let golden = golden_blocks();
    let payload = golden["send"].payload.as_bytes();
    let request = RequestMessage::parse(payload).expect("a request");
    assert_eq!(request.kind, Some(MessageType::Send));
    assert_eq!(request.id(), Ok(Some(RequestId::Number(7))));
    assert_eq!(request.args.get(Name::mid), Ok(Some("m1")));
    assert_eq!(request.args.get(Name::username), Ok(Some("bob")));
    assert_eq!(request.args.get(Name::message), Ok(Some("你好")));
    assert_eq!(request.args.get(Name::auth_token), Ok(Some("k")));
    let ping = RequestMessage::parse(golden["ping"].payload.as_bytes()).expect("a request");
    assert_eq!((ping.kind, ping.id()), (Some(MessageType::Ping), Ok(None)));
}

#[test]
fn the_table_of_requests_is_that_of_the_commands() {
    let rows = table("type");
    let names: Vec<&str> = MessageType::ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(column(&rows, 0), names);
    for row in &rows {
        let kind = MessageType::from_name(&row[0]).expect("a type");
        let command = Command::of(kind);
        let who = match command.role {
            Role::Anyone | Role::Guest => "anyone",
            Role::Member => "user",
            Role::Admin => "admin",
            Role::Operator => "operator",
        };
        let words = row[2].split(|c: char| !c.is_alphanumeric() && c != '_');
        let written: Vec<&str> = words.collect();
        for field in command.arguments {
            let argument = field.names[0].as_str();
            assert!(written.contains(&argument), "{}: {argument}", row[0]);
        }
        assert_eq!(row[1], who, "{}", row[0]);
        if !row[4].is_empty() {
            assert_eq!(MessageType::from_name(&row[4]), Some(kind), "{}", row[4]);
        }
    }
}

#[test]
fn the_older_clients_names_are_all_in_the_table() {
    let rows = table("type");
    let mut aliases = column(&rows, 4);
    aliases.retain(|alias| !alias.is_empty());
    let spec = ["add_friend", "accept_friend", "myfriends", "ban_user", "permit_user"];
    assert_eq!(aliases, spec);
}

#[test]
fn the_table_of_codes_is_complete() {
    let rows = table("code");
    let codes: Vec<(&str, String)> =
        Code::ALL.iter().map(|code| (code.name(), code.status().to_string())).collect();
    let written: Vec<(&str, String)> =
        rows.iter().map(|row| (row[0].as_str(), row[1].clone())).collect();
    assert_eq!(written, codes);
}

#[test]
fn the_table_of_events_is_complete() {
    let rows = table("event");
    let events: Vec<&str> = Event::ALL.iter().map(|event| event.name()).collect();
    assert_eq!(column(&rows, 0), events);
}
