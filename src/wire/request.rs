//! A request: type, id, login key and arguments, borrowed from the bytes that carried it.
//!
//! Reading is lenient where PROTOCOL.md says so (unknown arguments are ignored whatever they hold,
//! null is absent, the timestamp is not looked at) and strict everywhere else: what is not a JSON
//! object with a string `type` and an object `payload` is not a message at all, while an
//! argument of the wrong kind is only this request's fault. So is a value that JSON allows and
//! nothing can hold: a string with half a surrogate pair, a number beyond every range.

use std::borrow::Cow;
use std::fmt;

use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::frame;
use super::response::Refusal;
use super::{Code, MessageType};
use crate::id::GroupId;
use crate::limits::{MID_BYTES_MAX, REQUEST_ID_BYTES_MAX};

/// What a peer asks for.
#[derive(Debug)]
pub struct RequestMessage<'a> {
    /// The type's name as it came; [`RequestMessage::kind`] makes a type of it.
    pub type_name: Cow<'a, str>,
    /// The arguments, the login key and the ids among them.
    pub args: Args<'a>,
}

/// A request's own number or name, echoed in the answer as `re`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestId {
    /// An integer.
    Number(i64),
    /// A string of at most 64 bytes.
    Name(String),
}

impl Serialize for RequestId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            RequestId::Number(number) => serializer.serialize_i64(*number),
            RequestId::Name(name) => serializer.serialize_str(name),
        }
    }
}

impl<'a> RequestMessage<'a> {
    /// Reads the payload of a frame. `None`: it is not a message.
    pub fn parse(payload: &'a [u8]) -> Option<RequestMessage<'a>> {
        let text = std::str::from_utf8(payload).ok()?;
        Self::read(text).or_else(|| Self::read_by_value(text))
    }

    /// Reads everything in one pass, which ends at the first value that nothing can hold.
    fn read(text: &'a str) -> Option<RequestMessage<'a>> {
        let mut message = RequestMessage { type_name: "".into(), args: Args::default() };
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
        let mut message = RequestMessage { type_name: "\u{fffd}".into(), args: Args::default() };
        let type_name = type_name?;
        match serde_json::from_str(type_name) {
            Ok(Key(name)) => message.type_name = name,
            // A string that cannot be is the name of no type.
            Err(_) if type_name.starts_with('"') => {}
            Err(_) => return None,
        }
        each_entry(args?, |key, value| {
            if let Some(slot) = message.args.slot(key) {
                *slot = serde_json::from_str(value).unwrap_or(Arg::Odd);
            }
        })?;
        Some(message)
    }

    /// The type of the request, if there is such a type.
    pub fn kind(&self) -> Option<MessageType> {
        MessageType::from_name(&self.type_name)
    }

    /// The request's id.
    ///
    /// # Errors
    /// `bad_request`: neither an integer nor a string of at most 64 bytes.
    pub fn id(&self) -> Result<Option<RequestId>, Refusal> {
        match &self.args.id {
            Arg::Absent => Ok(None),
            Arg::Number(number) => Ok(Some(RequestId::Number(*number))),
            Arg::Text(name) if name.len() <= REQUEST_ID_BYTES_MAX => {
                Ok(Some(RequestId::Name(name.clone().into_owned())))
            }
            _ => Err(Refusal::about(Code::BadRequest, "id")),
        }
    }
}

/// Appends a request as a frame; for clients. `payload` is the object with the arguments.
pub fn append(out: &mut Vec<u8>, type_name: &str, unix: i64, payload: &Value) {
    let message = serde_json::json!({"type": type_name, "timestamp": unix, "payload": payload});
    frame::append(out, |out| out.extend_from_slice(message.to_string().as_bytes()));
}

/// One argument as it came.
#[derive(Clone, Debug, Default, PartialEq)]
enum Arg<'a> {
    /// Left out, or null.
    #[default]
    Absent,
    Text(Cow<'a, str>),
    Number(i64),
    Flag(bool),
    /// What no argument can be: a fraction, an array, an object, half a surrogate pair.
    Odd,
}

macro_rules! args {
    ($($field:ident),+ $(,)?) => {
        /// The arguments of a request. Each accessor names the argument it could not read.
        #[derive(Default)]
        pub struct Args<'a> {
            $($field: Arg<'a>,)+
        }

        impl<'a> Args<'a> {
            fn slot(&mut self, name: &str) -> Option<&mut Arg<'a>> {
                match name {
                    $(stringify!($field) => Some(&mut self.$field),)+
                    _ => None,
                }
            }
        }
    };
}

args! {
    auth_token, id, mid, username, password, newpassword, message, groupname, creator, count,
    before, after, online, query, seq, lang, ack, invite, presence, receipts, group_id, stay_out,
}

/// Passwords, keys and texts are among the arguments (P27).
impl fmt::Debug for Args<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Args(…)")
    }
}

macro_rules! texts {
    ($($(#[doc = $doc:literal])+ $field:ident;)+) => {
        $($(#[doc = $doc])+
        ///
        /// # Errors
        /// `bad_request`: it is not a string.
        pub fn $field(&self) -> Result<Option<&str>, Refusal> {
            text(&self.$field, stringify!($field))
        })+
    };
}

impl Args<'_> {
    texts! {
        /// The login key.
        auth_token;
        /// A password.
        password;
        /// The next password.
        newpassword;
        /// A message's text.
        message;
        /// A group's name.
        groupname;
        /// The name of a group's creator.
        creator;
        /// Where the next page begins: the `next` of the page before.
        after;
        /// What is asked about.
        query;
        /// A language, `zh…` for Chinese.
        lang;
        /// The code that lets somebody register from elsewhere.
        invite;
    }

    /// A user's name.
    ///
    /// # Errors
    /// `bad_request`: it is left out or not a string.
    pub fn username(&self) -> Result<&str, Refusal> {
        text(&self.username, "username")?.ok_or(Refusal::about(Code::BadRequest, "username"))
    }

    /// The client's own name for a message, by which a retry is known.
    ///
    /// # Errors
    /// `bad_request`: it is not a string of 1–64 bytes.
    pub fn mid(&self) -> Result<Option<&str>, Refusal> {
        match text(&self.mid, "mid")? {
            Some(mid) if mid.is_empty() || mid.len() > MID_BYTES_MAX => {
                Err(Refusal::about(Code::BadRequest, "mid"))
            }
            mid => Ok(mid),
        }
    }

    /// How many rows are wanted.
    ///
    /// # Errors
    /// `bad_request`: it is not an integer.
    pub fn count(&self) -> Result<Option<i64>, Refusal> {
        number(&self.count, "count")
    }

    /// A page of what was said before this seq.
    ///
    /// # Errors
    /// `bad_request`: it is not an integer.
    pub fn before(&self) -> Result<Option<i64>, Refusal> {
        number(&self.before, "before")
    }

    /// A page of what was said after this seq.
    ///
    /// # Errors
    /// `bad_request`: it is not an integer.
    pub fn after_seq(&self) -> Result<Option<i64>, Refusal> {
        number(&self.after, "after")
    }

    /// The seq that is confirmed.
    ///
    /// # Errors
    /// `bad_request`: it is left out or not an integer.
    pub fn seq(&self) -> Result<i64, Refusal> {
        number(&self.seq, "seq")?.ok_or(Refusal::about(Code::BadRequest, "seq"))
    }

    /// A group's id, in place of its creator and its name.
    ///
    /// # Errors
    /// `bad_request`: it is not an integer.
    pub fn group_id(&self) -> Result<Option<GroupId>, Refusal> {
        Ok(number(&self.group_id, "group_id")?.map(GroupId))
    }

    /// Whether a group is named, by its id or by its name.
    pub fn names_group(&self) -> bool {
        !matches!((&self.group_id, &self.groupname), (Arg::Absent, Arg::Absent))
    }

    /// Whether nobody may bring the user into that group again; `None`: that is left as it is.
    ///
    /// # Errors
    /// `bad_request`: it is neither true nor false.
    pub fn stay_out(&self) -> Result<Option<bool>, Refusal> {
        match self.stay_out {
            Arg::Absent => Ok(None),
            _ => flag(&self.stay_out, "stay_out").map(Some),
        }
    }

    /// Only those who are online.
    ///
    /// # Errors
    /// `bad_request`: it is neither true nor false.
    pub fn online(&self) -> Result<bool, Refusal> {
        flag(&self.online, "online")
    }

    /// Whether a user is named.
    pub fn names_user(&self) -> bool {
        !matches!(self.username, Arg::Absent)
    }

    /// Whether to be told when friends come and go.
    ///
    /// # Errors
    /// `bad_request`: it is neither true nor false.
    pub fn presence(&self) -> Result<bool, Refusal> {
        flag(&self.presence, "presence")
    }

    /// Whether to be told when one's messages arrive and are read.
    ///
    /// # Errors
    /// `bad_request`: it is neither true nor false.
    pub fn receipts(&self) -> Result<bool, Refusal> {
        flag(&self.receipts, "receipts")
    }

    /// Whether the client confirms what it is sent.
    ///
    /// # Errors
    /// `bad_request`: it is neither true nor false.
    pub fn ack(&self) -> Result<bool, Refusal> {
        flag(&self.ack, "ack")
    }
}

fn text<'a>(arg: &'a Arg, name: &'static str) -> Result<Option<&'a str>, Refusal> {
    match arg {
        Arg::Absent => Ok(None),
        Arg::Text(text) => Ok(Some(text)),
        _ => Err(Refusal::about(Code::BadRequest, name)),
    }
}

fn number(arg: &Arg, name: &'static str) -> Result<Option<i64>, Refusal> {
    match arg {
        Arg::Absent => Ok(None),
        Arg::Number(number) => Ok(Some(*number)),
        _ => Err(Refusal::about(Code::BadRequest, name)),
    }
}

fn flag(arg: &Arg, name: &'static str) -> Result<bool, Refusal> {
    match arg {
        Arg::Absent => Ok(false),
        Arg::Flag(flag) => Ok(*flag),
        _ => Err(Refusal::about(Code::BadRequest, name)),
    }
}

impl<'de> Deserialize<'de> for Arg<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ArgVisitor;
        impl<'de> Visitor<'de> for ArgVisitor {
            type Value = Arg<'de>;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an argument")
            }
            fn visit_unit<E>(self) -> Result<Arg<'de>, E> {
                Ok(Arg::Absent)
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Arg<'de>, E> {
                Ok(Arg::Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Arg<'de>, E> {
                Ok(Arg::Text(Cow::Owned(text.to_owned())))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Arg<'de>, E> {
                Ok(Arg::Number(number))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Arg<'de>, E> {
                Ok(i64::try_from(number).map_or(Arg::Odd, Arg::Number))
            }
            fn visit_f64<E>(self, _: f64) -> Result<Arg<'de>, E> {
                Ok(Arg::Odd)
            }
            fn visit_bool<E>(self, flag: bool) -> Result<Arg<'de>, E> {
                Ok(Arg::Flag(flag))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Arg<'de>, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Arg::Odd)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Arg<'de>, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Arg::Odd)
            }
        }
        deserializer.deserialize_any(ArgVisitor)
    }
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
            match self.0.slot(&key) {
                Some(slot) => *slot = map.next_value()?,
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
                    self.0.type_name = map.next_value::<Key>()?.0;
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
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<RequestMessage<'_>> {
        RequestMessage::parse(text.as_bytes())
    }

    #[test]
    fn a_request_is_read_in_any_order_and_with_unknown_arguments() {
        let text = r#"{"payload":{"x":[[{}]],"username":"b\u006fb","id":7,"ack":null,"ack":true},
                       "extra":1,"type":"add_friend"}"#;
        let request = parse(text).expect("a message");
        assert_eq!(request.kind(), Some(MessageType::Add));
        assert_eq!(request.args.username(), Ok("bob"));
        assert_eq!(request.id(), Ok(Some(RequestId::Number(7))));
        assert_eq!(request.args.ack(), Ok(true));
        assert_eq!(request.args.auth_token(), Ok(None));
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
        assert_eq!(request.kind(), Some(MessageType::Send));
        assert_eq!(request.args.username(), Ok("bob"));
        assert_eq!(request.args.message(), Err(about("message")));
        assert_eq!(request.args.count(), Err(about("count")));
        assert_eq!(request.args.mid(), Err(about("mid")));
        assert_eq!(request.args.query(), Ok(Some("whole \u{1f600}")));
        assert_eq!(request.args.seq(), Ok(2));
        let unknown = parse(r#"{"type":"\ud800","payload":{"id":"\ud800"}}"#).expect("a message");
        assert_eq!((unknown.kind(), unknown.id()), (None, Err(about("id"))));
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
        assert_eq!(request.args.username(), Err(about("username")));
        assert_eq!(request.args.seq(), Err(about("seq")));
        assert_eq!(request.args.ack(), Err(about("ack")));
        assert_eq!(request.args.mid(), Err(about("mid")));
        assert_eq!(request.args.message(), Err(about("message")));
        assert_eq!(request.id(), Err(about("id")));
    }
}
