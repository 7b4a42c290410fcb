//! Requests as JSON: what is read does not depend on how it is written.
//!
//! The oracle is serde_json's own tree: a payload that is read as a request is, written anew
//! from that tree (other spaces, other escapes, other order), the same request; one whose tree
//! is not `{"type": string, "payload": object}` is none. What answers it is always a frame.

use p2sp::doors::frames::Frames;
use p2sp::doors::{Codec, Said};
use p2sp::limits::FRAME_BYTES_MAX;
use p2sp::locale::{self, Lang};
use p2sp::wire::argument::{Argument, NamedConversation};
use p2sp::wire::response::Data;
use p2sp::wire::{Code, Name, Refusal, RequestMessage, ResponseMessage, frame};
use serde_json::Value;

/// Reads a payload.
pub fn run(payload: &[u8]) {
    let request = RequestMessage::parse(payload);
    if let Ok(tree) = serde_json::from_slice::<Value>(payload) {
        let is_message = tree["type"].is_string() && tree["payload"].is_object();
        assert!(request.is_none() || is_message, "{tree}");
        if let Some(request) = &request {
            let again = tree.to_string();
            let again = RequestMessage::parse(again.as_bytes());
            assert_eq!(again.map(|again| told(&again)), Some(told(request)), "{tree}");
        }
    }
    if let Some(request) = request {
        check_answer(&request);
    }
}

/// Everything that a handler can ask of a request.
fn told(request: &RequestMessage) -> Vec<String> {
    let mut told = vec![request.type_name.to_string(), format!("{:?}", request.kind)];
    for &name in Name::ALL {
        let (text, number) = (request.args.get::<&str>(name), request.args.get::<i64>(name));
        told.push(format!("{text:?} {number:?} {:?}", request.args.get::<bool>(name)));
    }
    told.push(format!("{:?}", request.args.get::<NamedConversation>(Name::username)));
    told.push(format!("{:?}", request.id()));
    told
}

/// The refusal of a request: it fits a frame, is JSON, and names the request by its id.
fn check_answer(request: &RequestMessage) {
    let refusal = match (request.id(), request.kind) {
        (Err(refusal), _) => refusal,
        (Ok(_), None) => Refusal::about(Code::UnknownType, request.type_name.as_ref()),
        (Ok(_), Some(_)) => match <&str>::read(&request.args, Name::username) {
            Ok(name) => Refusal::about(Code::NoSuchUser, name),
            Err(refusal) => refusal,
        },
    };
    let re = request.id().ok().flatten();
    let echoed = re.as_ref().map(|re| serde_json::to_value(re).expect("an id"));
    let text = locale::refusal::say(&refusal, Lang::Zh);
    assert_eq!(text.lines().count(), 1, "P28: {text:?}");
    let (code, text) = (refusal.code, text.as_str());
    let answer = ResponseMessage { re, code, text, data: Data::None };
    let mut bytes = Vec::new();
    Frames.encode(&mut Said::Reply(&answer), 0, &mut bytes);
    assert!(bytes.len() <= FRAME_BYTES_MAX);
    assert_eq!(frame::frame_len(&bytes), Ok(Some(bytes.len())));
    let payload = frame::payload(&bytes).expect("the right checksum");
    let tree: Value = serde_json::from_slice(payload).expect("JSON");
    assert_eq!(tree["payload"].get("re"), echoed.as_ref());
    assert_eq!(tree["payload"]["code"], refusal.code.name());
}
