//! An answer: status, code, text and data.
//!
//! Every request has exactly one, `login_success` for `login` and `resume` and `normalmsg` for
//! all others, refusals included.

use serde::Serialize;
use serde_json::Value;

use super::argument::RequestId;
use super::envelope::{END, Payload};
use super::{Code, Refusal};
use crate::id::Seq;

impl Refusal {
    /// The data of the reply that refuses, for programs.
    pub fn data(&self) -> Data {
        match self.retry_after {
            Some(seconds) => Data::Object(serde_json::json!({"retry_after": seconds})),
            None => Data::None,
        }
    }
}

/// What one request is answered. `T` holds the text: it is borrowed, or stands elsewhere.
#[derive(Clone)]
pub struct ResponseMessage<T> {
    /// The request's id.
    pub re: Option<RequestId>,
    /// The outcome.
    pub code: Code,
    /// For people, in the session's language.
    pub text: T,
    /// For programs.
    pub data: Data,
}

/// Texts and keys are among what is answered (P27).
impl<T> std::fmt::Debug for ResponseMessage<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ResponseMessage({:?}, {}, …)", self.re, self.code.name())
    }
}

/// The data of a reply.
#[derive(Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Data {
    /// Nothing more to say.
    None,
    /// A message stands in the log.
    Sent {
        /// Its place.
        seq: Seq,
        /// Whether the recipient is online, if it is one user and the sender may know it.
        #[serde(skip_serializing_if = "Option::is_none")]
        online: Option<bool>,
    },
    /// A list or a set of figures: an object.
    Object(Value),
    /// The same where it is JSON already.
    #[serde(skip)]
    Json(Vec<u8>),
    /// Signed in: its fields stand in the payload itself.
    Welcome(Box<Welcome>),
}

/// What a sign-in is answered beside the text.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Welcome {
    /// The login key, shown this once.
    pub auth_token: String,
    /// Whether the user is an administrator.
    pub is_admin: bool,
    /// The user's id.
    pub user_id: i64,
    /// The user's name as registered.
    pub username: String,
    /// The request types this user may use.
    pub commands: Vec<&'static str>,
    /// Names the life of the log: seqs of different epochs do not compare.
    pub epoch: String,
    /// Everything up to this seq has reached the user.
    pub cursor: i64,
}

/// The key is a secret (P27).
impl std::fmt::Debug for Welcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Welcome({}, …)", self.user_id)
    }
}

impl ResponseMessage<&str> {
    /// Appends the answer as JSON.
    pub fn append_json(&self, out: &mut Vec<u8>, unix: i64) {
        let ResponseMessage { re, code, text, data } = self;
        let type_name = match data {
            Data::Welcome(_) => "login_success",
            _ => "normalmsg",
        };
        let mut payload = Payload::begin(out, type_name, unix);
        payload.text("message", text);
        payload.option("re", re.as_ref());
        payload.value("status", &code.status());
        payload.text("code", code.name());
        match data {
            Data::None => {}
            Data::Welcome(welcome) => payload.fields_of(welcome),
            Data::Json(json) => payload.json("data", json),
            Data::Sent { .. } | Data::Object(_) => payload.value("data", data),
        }
        out.extend_from_slice(END);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json_of(response: &ResponseMessage<&str>) -> String {
        let mut out = Vec::new();
        response.append_json(&mut out, 5);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn answers_have_the_documented_shape() {
        let mut response = ResponseMessage {
            re: Some(RequestId::Number(7)),
            code: Code::Ok,
            text: "sent",
            data: Data::Sent { seq: Seq(12), online: Some(false) },
        };
        assert_eq!(
            json_of(&response),
            r#"{"type":"normalmsg","timestamp":5,"payload":{"message":"sent","re":7,"status":200,"code":"ok","data":{"seq":12,"online":false}}}"#
        );
        response.re = None;
        response.data = Data::Welcome(Box::new(Welcome {
            auth_token: "k".into(),
            is_admin: false,
            user_id: 2,
            username: "bob".into(),
            commands: vec!["send"],
            epoch: "e".into(),
            cursor: 3,
        }));
        assert_eq!(
            json_of(&response),
            r#"{"type":"login_success","timestamp":5,"payload":{"message":"sent","status":200,"code":"ok","auth_token":"k","is_admin":false,"user_id":2,"username":"bob","commands":["send"],"epoch":"e","cursor":3}}"#
        );
    }
}
