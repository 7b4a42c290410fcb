//! What is written here is what serde makes of structs with the same fields.

use std::borrow::Cow;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::id::{GroupId, Seq};
use crate::wire::push::Push;
use crate::wire::response::{Data, Welcome};
use crate::wire::{Code, Event, Notice, RequestId, ResponseMessage};

#[derive(Serialize)]
struct Envelope<P> {
    r#type: &'static str,
    timestamp: i64,
    payload: P,
}

#[derive(Serialize)]
struct AnswerPayload<'a> {
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    re: Option<&'a RequestId>,
    status: u16,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Data>,
    #[serde(flatten)]
    welcome: Option<&'a Welcome>,
}

#[derive(Serialize)]
struct PushPayload<'a> {
    #[serde(flatten)]
    push: PushFields<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<Seq>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum PushFields<'a> {
    User {
        fromusername: &'a str,
        message: &'a str,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        system: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        tousername: Option<&'a str>,
    },
    Group {
        groupname: &'a str,
        creator: &'a str,
        group_id: i64,
        fromusername: &'a str,
        message: &'a str,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        system: bool,
    },
    System {
        message: &'a str,
        #[serde(flatten)]
        notice: &'a Notice,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'static str>,
    },
}

fn answer_by_serde(answer: &ResponseMessage<&str>, unix: i64) -> String {
    // No `..`: a field that is added is added here, too.
    let ResponseMessage { re, code, text, data } = answer;
    let (r#type, data, welcome) = match data {
        Data::None => ("normalmsg", None, None),
        Data::Welcome(welcome) => ("login_success", None, Some(welcome.as_ref())),
        Data::Json(json) => {
            ("normalmsg", serde_json::from_slice(json).ok().map(Data::Object), None)
        }
        data => ("normalmsg", Some(data.clone()), None),
    };
    let (status, code) = (code.status(), code.name());
    let payload = AnswerPayload { message: text, re: re.as_ref(), status, code, data, welcome };
    let message = Envelope { r#type, timestamp: unix, payload };
    serde_json::to_string(&message).expect("JSON")
}

fn push_by_serde(push: &Push, unix: i64, seq: Option<Seq>) -> String {
    let (r#type, push) = match push {
        &Push::User { fromusername, message, system, tousername } => {
            ("usersend", PushFields::User { fromusername, message, system, tousername })
        }
        &Push::Group { groupname, creator, group_id, fromusername, message, system } => (
            "groupsend",
            PushFields::Group { groupname, creator, group_id, fromusername, message, system },
        ),
        Push::System { message, notice, reason } => {
            ("sysmsg", PushFields::System { message, notice, reason: *reason })
        }
    };
    let message = Envelope { r#type, timestamp: unix, payload: PushPayload { push, seq } };
    serde_json::to_string(&message).expect("JSON")
}

/// Texts with every kind of character that JSON escapes, and without.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{0,40}", "[a-z\"\\\\/\u{0}-\u{1f}\u{7f}\u{80}é你\u{2028}\u{1f600}]{0,20}"]
}

proptest! {
    #[test]
    fn an_answer_is_what_serde_makes_of_it(
        [text, name] in [text(), text()],
        (number, flag, unix) in any::<(i64, Option<bool>, i64)>(),
        code in prop::sample::select(Code::ALL),
    ) {
        let welcome = Welcome {
            auth_token: name.clone(),
            is_admin: flag.is_some(),
            user_id: number,
            username: name.clone(),
            commands: vec!["send", "help"],
            epoch: text.clone(),
            cursor: number,
        };
        for data in [
            Data::None,
            Data::Sent { seq: Seq(number), online: flag },
            Data::Object(json!({"messages": [&name], "next": number})),
            Data::Json(json!({"messages": [&name], "next": number}).to_string().into_bytes()),
            Data::Welcome(Box::new(welcome)),
        ] {
            for re in [None, Some(RequestId::Number(number)), Some(RequestId::Name(name.clone()))] {
                let answer = ResponseMessage { re, code, text: text.as_str(), data: data.clone() };
                let mut written = Vec::new();
                answer.append_json(&mut written, unix);
                prop_assert_eq!(String::from_utf8(written), Ok(answer_by_serde(&answer, unix)));
            }
        }
    }

    #[test]
    fn a_push_is_what_serde_makes_of_it(
        [message, name, creator] in [text(), text(), text()],
        tousername in prop::option::of(text()),
        (system, group_id, unix) in any::<(bool, i64, i64)>(),
        event in prop::sample::select(Event::ALL),
        seq in any::<Option<i64>>(),
    ) {
        let (message, fromusername) = (message.as_str(), name.as_str());
        let plain = Notice::plain(event);
        let receipt = Notice::receipt(&name, Seq(unix), system);
        let full = receipt.in_group(GroupId(group_id), &name, &creator);
        let pushes = [
            Push::User { fromusername, message, system, tousername: tousername.as_deref() },
            Push::Group {
                groupname: &name,
                creator: &creator,
                group_id,
                fromusername,
                message,
                system,
            },
            Push::notice(plain, message),
            Push::notice(full, Cow::Borrowed(message)),
            Push::notice(Notice::gap(Seq(1), Seq(2)), message),
        ];
        for push in pushes {
            let mut written = Vec::new();
            let seq = seq.map(Seq);
            push.append_json(&mut written, unix, seq);
            prop_assert_eq!(String::from_utf8(written), Ok(push_by_serde(&push, unix, seq)));
        }
    }
}
