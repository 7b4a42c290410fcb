//! A request: type, id, login key and arguments, borrowed from the bytes that carried it.
//!
//! Reading is lenient where PROTOCOL.md says so (unknown arguments are ignored whatever they hold,
//! null is absent, the timestamp is not looked at) and strict everywhere else: what is not a JSON
//! object with a string `type` and an object `payload` is not a message at all, while an
//! argument of the wrong kind is only this request's fault. So is a value that JSON allows and
//! nothing can hold: a string with half a surrogate pair, a number beyond every range.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::argument::{self, Args, Name, RequestId};
use super::{MessageType, Refusal, frame};

/// What a peer asks for.
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
        let text = std::str::from_utf8(payload).ok()?;
        Self::read(text).or_else(|| Self::read_by_value(text))
    }

    /// Reads everything in one pass, which ends at the first value that nothing can hold.
    fn read(text: &'a str) -> Option<RequestMessage<'a>> {
        let mut message = RequestMessage::empty();
        let mut json = serde_json::Deserializer::from_str(text);
        json.deserialize_map(FillMessage(&mut message)).ok()?;
        json.end().ok()?;
        Some(message)
    }

    /// Reads each value by itself, so that one that nothing can hold spoils only its argument.
    fn read_by_value(text: &'a str) -> Option<RequestMessage<'a>> {
        let (mut type_name, mut args) = (None, None);
        each_entry(text, |key, value| match key {
            "type" => type_name = Some(value),
            "payload" => args = Some(value),
            _ => {}
        })?;
        let mut message = RequestMessage::empty();
        let type_name = type_name?;
        match serde_json::from_str(type_name) {
            Ok(Key(name)) => message.set_type(name),
            // A string that cannot be is the name of no type.
            Err(_) if type_name.starts_with('"') => {}
            Err(_) => return None,
        }
        each_entry(args?, |key, value| {
            if let Some(place) = message.args.place(key) {
                *place = serde_json::from_str(value).unwrap_or(argument::Value::Odd);
            }
        })?;
        Some(message)
    }

    /// The request's own name.
    ///
    /// # Errors
    /// `bad_request`: neither an integer nor a string of at most 64 bytes.
    pub fn id(&self) -> Result<Option<RequestId>, Refusal> {
        self.args.get(Name::id)
    }

    fn empty() -> RequestMessage<'a> {
        let type_name = Cow::Borrowed("\u{fffd}");
        RequestMessage { type_name, kind: None, args: Args::default() }
    }

    fn set_type(&mut self, name: Cow<'a, str>) {
        self.kind = MessageType::from_name(&name);
        self.type_name = name;
    }
}

/// Appends a request as a frame; for clients. `payload` is the object with the arguments.
pub fn append(out: &mut Vec<u8>, type_name: &str, unix: i64, payload: &Value) {
    let message = serde_json::json!({"type": type_name, "timestamp": unix, "payload": payload});
    frame::append(out, |out| out.extend_from_slice(message.to_string().as_bytes()));
}

/// A key of an object, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// The arguments, to be filled in where they stand: a message is large, and each layer of the
/// parser would move it once more.
struct FillArgs<'s, 'de>(&'s mut Args<'de>);

impl<'de> DeserializeSeed<'de> for FillArgs<'_, 'de> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for FillArgs<'_, 'de> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object of arguments")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Key(key)) = map.next_key()? {
            match self.0.place(&key) {
                Some(place) => *place = map.next_value()?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// The same for a whole message.
struct FillMessage<'s, 'de>(&'s mut RequestMessage<'de>);

impl<'de> Visitor<'de> for FillMessage<'_, 'de> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a message object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (mut has_type, mut has_payload) = (false, false);
        while let Some(Key(key)) = map.next_key()? {
            match key.as_ref() {
                "type" => {
                    self.0.set_type(map.next_value::<Key>()?.0);
                    has_type = true;
                }
                "payload" => {
                    self.0.args = Args::default();
                    map.next_value_seed(FillArgs(&mut self.0.args))?;
                    has_payload = true;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let missing = "type or payload is missing";
        if has_type && has_payload { Ok(()) } else { Err(de::Error::custom(missing)) }
    }
}

/// Calls `act` with each key and each value, as it is written, of the object that `text` is.
fn each_entry<'a>(text: &'a str, act: impl FnMut(&str, &'a str)) -> Option<()> {
    let mut json = serde_json::Deserializer::from_str(text);
    json.deserialize_map(EachEntry(act)).ok()?;
    json.end().ok()
}

struct EachEntry<F>(F);

impl<'de, F: FnMut(&str, &'de str)> Visitor<'de> for EachEntry<F> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(LossyKey(key)) = map.next_key()? {
            (self.0)(&key, map.next_value::<&RawValue>()?.get());
        }
        Ok(())
    }
}

/// A key with marks in the place of what no text can hold: such a key names nothing that is read.
struct LossyKey(String);

impl<'de> Deserialize<'de> for LossyKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl Visitor<'_> for KeyVisitor {
            type Value = LossyKey;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<LossyKey, E> {
                Ok(LossyKey(String::from_utf8_lossy(bytes).into_owned()))
            }
        }
        deserializer.deserialize_bytes(KeyVisitor)
    }
}

#[cfg(test)]
mod tests;
