//! Items to show, and their plain lines, as a script prints them.
//!
//! A peer's text comes only after what `shown` writes, and its other lines are indented, so that no
//! text of a peer begins a line (P28). Peers' texts are printed in no other way. `screen` adds what
//! only a terminal shows.

use p2sp::locale::{Lang, shown};
use serde_json::{Value, json};

/// What separates two lines of one text.
const JOINT: &str = "\n  ";

/// Something to show.
pub enum Item {
    /// A message of the server, as it came.
    Message(Value),
    /// A notice of the client.
    Notice(String),
    /// A refusal of the client.
    Refusal {
        /// The text for the person.
        text: String,
        /// The code for programs.
        code: String,
    },
    /// A text of the client that the person asked for.
    Words(String),
}

/// What a colour means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// The time, and other less important text.
    Faint,
    /// A heading.
    Strong,
    /// A person.
    Name,
    /// A person in a group.
    Group,
    /// A notice.
    Notice,
    /// A message of an administrator.
    System,
    /// A refusal.
    Refusal,
    /// A user who is online.
    Online,
}

impl Item {
    /// The lines for a person; `None` for a message that is not for people, or of a later version.
    pub fn plain(&self, lang: Lang) -> Option<String> {
        match self {
            // It shows nothing new: the waiting messages were shown.
            Item::Message(message) if message["payload"]["event"] == "caught_up" => None,
            Item::Message(message) => {
                let lines = shown::lines(message, lang, JOINT);
                (!lines.is_empty()).then(|| lines.join("\n"))
            }
            Item::Notice(text) => Some(shown::notice(text, JOINT)),
            Item::Refusal { text, code } => Some(shown::refusal(text, code, JOINT)),
            Item::Words(text) => Some(shown::own_lines(text).join("\n")),
        }
    }

    /// One object for a program: a message as it came, without login keys. Items of the client have
    /// the same form, with the type `client` and the time `unix`.
    pub fn json(self, unix: i64) -> Value {
        let payload = match self {
            Item::Message(mut message) => {
                for holder in ["/payload", "/payload/data"] {
                    let holder = message.pointer_mut(holder).and_then(Value::as_object_mut);
                    holder.map(|fields| fields.remove("auth_token"));
                }
                return message;
            }
            Item::Notice(text) | Item::Words(text) => json!({"message": text, "status": 200}),
            Item::Refusal { text, code } => json!({"message": text, "status": 400, "code": code}),
        };
        json!({"type": "client", "timestamp": unix, "payload": payload})
    }
}

/// A push in two parts, the head and the text, for a caller that breaks the lines itself.
pub fn said(type_name: &str, payload: &Value, lang: Lang, spaced: bool) -> [String; 2] {
    let line = if spaced { shown::spaced_line } else { shown::line };
    [shown::head(type_name, payload, lang), shown::text(text(payload, "message"), JOINT, line)]
}

/// The status of an answer.
pub fn status(payload: &Value) -> i64 {
    payload["status"].as_i64().unwrap_or(200)
}

/// A string of the payload; empty if it is not there.
pub fn text<'a>(payload: &'a Value, key: &str) -> &'a str {
    payload[key].as_str().unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_text_of_several_lines_is_indented() {
        let payload = json!({"creator": "alice", "groupname": "book club", "fromusername": "bob",
                             "message": "a\r\nmallory>  b\tc\n"});
        let item = Item::Message(json!({"type": "groupsend", "payload": payload}));
        let shown = item.plain(Lang::En);
        assert_eq!(shown.as_deref(), Some("alice/book club bob> a\n  mallory> b c"));
        let [head, text] = said("groupsend", &payload, Lang::En, true);
        assert_eq!((&*head, &*text), ("alice/book club bob>", "a\n  mallory>  b c"));
        let end = Item::Message(json!({"type": "sysmsg", "payload": {"event": "caught_up"}}));
        assert_eq!(end.plain(Lang::En), None);
    }

    proptest! {
        #[test]
        fn no_peers_text_starts_a_line(said in "(\\PC|[\u{0}-\u{9f}]|[\u{2028}-\u{202e}]){0,60}") {
            let payload = json!({"fromusername": said, "creator": said, "groupname": said,
                                 "message": said, "event": said, "status": 400, "code": said});
            for kind in ["usersend", "groupsend", "sysmsg", "normalmsg"] {
                let item = Item::Message(json!({"type": kind, "payload": payload}));
                let shown = item.plain(Lang::En).unwrap_or_default();
                prop_assert!(shown.split('\n').skip(1).all(|line| line.starts_with("  ")));
            }
        }
    }
}
