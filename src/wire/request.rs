//! A request: type, id, login key and arguments, borrowed from the bytes that carried it.
//!
//! Reading is lenient where PROTOCOL.md says so (unknown arguments are ignored whatever they hold,
//! null is absent, the timestamp is not looked at) and strict everywhere else: what is not a JSON
//! object with a string `type` and an object `payload` is not a message at all, while an argument
//! of the wrong kind only lets this request be refused. The same holds for a value that JSON allows
//! and no type can hold: a string with half a surrogate pair, a number beyond every range.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::argument::{self, Args, Name, RequestId};
use super::{MessageType, Refusal, frame};

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
        let type_name = Cow::Borrowed("\u{fffd}");
        let mut message = RequestMessage { type_name, kind: None, args: Args::default() };
        let mut json = serde_json::Deserializer::from_str(std::str::from_utf8(payload).ok()?);
        json.deserialize_map(Message(&mut message)).ok()?;
        json.end().ok()?;
        Some(message)
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

/// A message that is filled in where it stands: it is large, and each layer of the parser would
/// move it.
struct Message<'s, 'de>(&'s mut RequestMessage<'de>);

impl<'de> Visitor<'de> for Message<'_, 'de> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a message object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (mut has_type, mut has_payload) = (false, false);
        while let Some(Key(key)) = map.next_key()? {
            match &*key {
                "type" => {
                    let value: &RawValue = map.next_value()?;
                    match argument::text_of(value.get()) {
                        Ok(name) => self.0.type_name = name,
                        // A string with half a surrogate pair is the name of no type.
                        Err(_) if value.get().starts_with('"') => {}
                        Err(error) => return Err(de::Error::custom(error)),
                    }
                    self.0.kind = MessageType::from_name(&self.0.type_name);
                    has_type = true;
                }
                "payload" => {
                    self.0.args = Args::default();
                    map.next_value_seed(Arguments(&mut self.0.args))?;
                    has_payload = true;
                }
                _ => drop(map.next_value::<&RawValue>()?),
            }
        }
        let missing = "type or payload is missing";
        if has_type && has_payload { Ok(()) } else { Err(de::Error::custom(missing)) }
    }
}

/// The arguments of a message, filled in where they stand. Each value is read by itself: one that
/// no type can hold spoils only its argument.
struct Arguments<'s, 'de>(&'s mut Args<'de>);

impl<'de> DeserializeSeed<'de> for Arguments<'_, 'de> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Arguments<'_, 'de> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object of arguments")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Key(key)) = map.next_key()? {
            let value: &RawValue = map.next_value()?;
            if let Some(place) = self.0.place(&key) {
                *place = argument::Value::of(value.get());
            }
        }
        Ok(())
    }
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
