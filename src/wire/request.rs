//! A request: type, id, login key and arguments, borrowed from the bytes that carried it.
//!
//! Reading is lenient where PROTOCOL.md says so (unknown arguments are ignored whatever they hold,
//! null is absent, the timestamp is not looked at) and strict everywhere else: what is not a JSON
//! object with a string `type` and an object `payload` is not a message at all, while an argument
//! of the wrong kind only lets this request be refused. The same holds for a value that JSON allows
//! and no type can hold: a string with half a surrogate pair, a number beyond every range.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::argument::{self, Args, Name, RequestId};
use super::{MessageType, Refusal, flat, frame};

/// A request of a peer.
#[derive(Debug)]
pub struct RequestMessage<'a> {
    /// The type's name as it came.
    pub type_name: Cow<'a, str>,
    /// The type of that name, if there is one; looked up once.
    pub kind: Option<MessageType>,
    /// The arguments, the login key and the ids among them.
    pub args: Args<'a>,
}

impl<'a> RequestMessage<'a> {
    /// Reads the payload of a frame. `None`: it is not a message.
    pub fn parse(payload: &'a [u8]) -> Option<RequestMessage<'a>> {
        let json = std::str::from_utf8(payload).ok()?;
        let mut message = RequestMessage::empty();
        let Some(type_name) = flat::read(json, &mut message.args) else {
            return RequestMessage::parse_any(json);
        };
        message.kind = MessageType::from_name(type_name);
        message.type_name = Cow::Borrowed(type_name);
        Some(message)
    }

    fn empty() -> RequestMessage<'a> {
        RequestMessage { type_name: Cow::Borrowed(""), kind: None, args: Args::default() }
    }

    /// Reads what may have escapes, fractions and nested values. Each value is read by itself: one
    /// that no type can hold spoils only its argument.
    fn parse_any(json: &'a str) -> Option<RequestMessage<'a>> {
        let mut message = RequestMessage::empty();
        let (mut has_type, mut has_payload) = (false, false);
        for (Key(key), value) in fields_of(json)? {
            match &*key {
                "type" => {
                    message.type_name = match argument::text_of(value.get()) {
                        Ok(name) => name,
                        // A string with half a surrogate pair is the name of no type.
                        Err(_) if value.get().starts_with('"') => Cow::Borrowed("\u{fffd}"),
                        Err(_) => return None,
                    };
                    message.kind = MessageType::from_name(&message.type_name);
                    has_type = true;
                }
                "payload" => {
                    message.args = Args::default();
                    for (Key(name), value) in fields_of(value.get())? {
                        if let Some(place) = message.args.place(&name) {
                            *place = argument::Value::of(value.get());
                        }
                    }
                    has_payload = true;
                }
                _ => {}
            }
        }
        (has_type && has_payload).then_some(message)
    }

    /// The request's own name.
    ///
    /// # Errors
    /// `bad_request`: neither an integer nor a string of at most 64 bytes.
    pub fn id(&self) -> Result<Option<RequestId>, Refusal> {
        self.args.get(Name::id)
    }
}

/// Appends a request as a frame; for clients. `payload` is the object with the arguments.
pub fn append(out: &mut Vec<u8>, type_name: &str, unix: i64, payload: &Value) {
    let message = serde_json::json!({"type": type_name, "timestamp": unix, "payload": payload});
    frame::append(out, |out| out.extend_from_slice(message.to_string().as_bytes()));
}

/// The fields of a JSON object, in their order. `None`: it is none.
fn fields_of(json: &str) -> Option<Vec<(Key<'_>, &RawValue)>> {
    struct Fields;
    impl<'de> Visitor<'de> for Fields {
        type Value = Vec<(Key<'de>, &'de RawValue)>;
        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut fields = Vec::new();
            while let Some(field) = map.next_entry()? {
                fields.push(field);
            }
            Ok(fields)
        }
    }
    let mut json = serde_json::Deserializer::from_str(json);
    let fields = json.deserialize_map(Fields).ok()?;
    json.end().ok().map(|()| fields)
}

/// A key of an object. One with half a surrogate pair names nothing that is read: it may have a
/// mark in its place.
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Key<'de>, E> {
                Ok(Key(String::from_utf8_lossy(bytes)))
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Key<'de>, E> {
                Ok(Key(String::from_utf8_lossy(bytes).into_owned().into()))
            }
        }
        deserializer.deserialize_bytes(KeyVisitor)
    }
}

#[cfg(test)]
mod tests;
