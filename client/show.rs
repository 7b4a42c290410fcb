//! What the person sees: each type of answer and push, and the function that makes lines of it.
//!
//! A peer's text stands only behind what is written here (P28): a line of it that is not the
//! first is indented, and what could move the cursor, hide or turn text around is replaced.
//! Nothing that others wrote is printed by another way. These are the plain lines of a script;
//! what a terminal adds to them is in `screen`.

use p2sp::locale::client::Text;
use p2sp::locale::{Lang, is_invisible};
use serde_json::{Value, json};

/// Something to be shown.
pub enum Item {
    /// What the server said, as it came.
    Message(Value),
    /// Something that the client or the system lets one know.
    Notice(String),
    /// A no of the client's own; the code is for programs.
    Refusal {
        /// The words.
        text: String,
        /// Why.
        code: String,
    },
    /// Words that the person asked for.
    Words(String),
}

impl Item {
    /// The lines for a person, or none for what is not for people or of a later version.
    pub fn plain(&self, lang: Lang) -> Option<String> {
        match self {
            Item::Message(message) => {
                self::message(text(message, "type"), &message["payload"], lang)
            }
            Item::Notice(text) => Some(format!("* {}", behind(text))),
            Item::Refusal { text, code } => Some(refusal(text, code)),
            Item::Words(text) => Some(own_lines(text)),
        }
    }

    /// One line for a program: what the wire says, without the keys; in the same form, of the
    /// type `client`, what the client says by itself at `unix`.
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

/// The lines for a message of each type.
fn message(type_name: &str, payload: &Value, lang: Lang) -> Option<String> {
    match type_name {
        "login_success" | "normalmsg" => Some(answer(payload)),
        // That everything has come can be seen by everything that has.
        "sysmsg" if payload["event"] == "caught_up" => None,
        "usersend" | "groupsend" | "sysmsg" => Some(said(type_name, payload, lang).join(" ")),
        _ => None,
    }
}

/// An answer has lines of its own; names and texts of others stand inside them.
fn answer(payload: &Value) -> String {
    match status(payload) {
        400.. => refusal(text(payload, "message"), text(payload, "code")),
        _ => own_lines(text(payload, "message")),
    }
}

fn refusal(text: &str, code: &str) -> String {
    format!("! {} [{}]", behind(text), line(code))
}

/// A push: what stands before its text, and the text.
pub fn said(type_name: &str, payload: &Value, lang: Lang) -> [String; 2] {
    let [creator, group, from] =
        ["creator", "groupname", "fromusername"].map(|key| line(text(payload, key)));
    let mark = mark(payload, lang);
    let head = match type_name {
        "sysmsg" => format!("* {mark}").trim_end().to_owned(),
        "groupsend" => format!("{mark}{creator}/{group} {from}>"),
        _ => format!("{mark}{from}>"),
    };
    [head, behind(text(payload, "message"))]
}

/// What an administrator says is marked in front of their name, where no text of a peer ever
/// stands: whoever types the mark into a message cannot be taken for one.
fn mark(payload: &Value, lang: Lang) -> String {
    let by_admin = matches!(text(payload, "event"), "admin" | "broadcast");
    match by_admin || payload["system"] == true {
        true => Text::SystemMark.say(lang) + " ",
        false => String::new(),
    }
}

/// The status of an answer.
pub fn status(payload: &Value) -> i64 {
    payload["status"].as_i64().unwrap_or(200)
}

/// A string of the payload; empty if it is not there.
pub fn text<'a>(payload: &'a Value, key: &str) -> &'a str {
    payload[key].as_str().unwrap_or("")
}

/// Lines that begin at the margin; the server's and ours alone.
fn own_lines(text: &str) -> String {
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// A text behind something else: its further lines cannot be taken for lines of ours.
fn behind(text: &str) -> String {
    text.lines().map(line).collect::<Vec<_>>().join("\n  ")
}

/// One line, fit for a terminal.
pub fn line(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\t' => ' ',
            c if c.is_control() || is_invisible(c) => char::REPLACEMENT_CHARACTER,
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn messages_are_the_documented_lines() {
        for (type_name, payload, shown) in [
            ("usersend", json!({"fromusername": "bob", "message": "hi"}), "bob> hi"),
            (
                "usersend",
                json!({"fromusername": "root", "message": "hi", "system": true}),
                "[system message] root> hi",
            ),
            (
                "groupsend",
                json!({"creator": "alice", "groupname": "book club", "fromusername": "bob",
                       "message": "a\r\nmallory> b\tc\n"}),
                "alice/book club bob> a\n  mallory> b c",
            ),
            ("sysmsg", json!({"message": "bob left", "event": "group_left"}), "* bob left"),
            ("sysmsg", json!({"message": "tea", "event": "broadcast"}), "* [system message] tea"),
            ("normalmsg", json!({"message": "1. a\n2. b", "status": 200}), "1. a\n2. b"),
            (
                "normalmsg",
                json!({"message": "not\nfriends", "status": 403, "code": "not_friends"}),
                "! not\n  friends [not_friends]",
            ),
        ] {
            assert_eq!(message(type_name, &payload, Lang::En).as_deref(), Some(shown));
        }
        assert_eq!(message("later", &json!({}), Lang::En), None);
        let said = json!({"message": "茶", "event": "admin"});
        assert_eq!(message("sysmsg", &said, Lang::Zh).as_deref(), Some("* [系统消息] 茶"));
    }

    proptest! {
        #[test]
        fn no_peers_text_starts_a_line_or_moves_the_cursor(
            said in "(\\PC|[\u{0}-\u{9f}]|[\u{200b}-\u{206f}\u{feff}\u{61c}\u{ad}]){0,60}",
            from in "(\\PC|[\u{0}-\u{9f}]|[\u{2028}-\u{202e}]){0,12}",
        ) {
            let payload = json!({"fromusername": from, "creator": from, "groupname": from,
                                 "message": said, "event": from, "status": 400, "code": from});
            for (type_name, start) in
                [("usersend", ""), ("groupsend", ""), ("sysmsg", "* "), ("normalmsg", "! ")]
            {
                let shown = message(type_name, &payload, Lang::En).unwrap_or_default();
                prop_assert!(shown.starts_with(start));
                prop_assert!(shown.split('\n').skip(1).all(|line| line.starts_with("  ")));
                let hidden = |c: char| c != '\n' && (c.is_control() || is_invisible(c));
                prop_assert!(!shown.chars().any(hidden));
            }
        }
    }
}
