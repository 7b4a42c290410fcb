//! Each answer and push as lines of text, as the stdin client has them when it is no terminal.
//!
//! A peer's text is part of one line: what could end it is shown, what could move a cursor, hide
//! or turn text around is replaced (P28). Only an answer, which is ours, may have several lines.

use serde_json::Value;

use crate::locale::client::Text;
use crate::locale::{Lang, is_invisible};

/// Stands where a text has the end of a line.
const LINE_END: char = '⏎';

/// The lines of a message; none if it is of a type that is not known.
pub fn lines(message: &Value, lang: Lang) -> Vec<String> {
    let payload = &message["payload"];
    let said = |key| one_line(text(payload, key));
    let line = match text(message, "type") {
        "normalmsg" | "login_success" if payload["status"].as_i64() >= Some(400) => {
            format!("! {} [{}]", said("message"), said("code"))
        }
        "normalmsg" | "login_success" => {
            return text(payload, "message").lines().map(one_line).collect();
        }
        "usersend" => {
            format!("{}{}> {}", mark(payload, lang), said("fromusername"), said("message"))
        }
        "groupsend" => format!(
            "{}{}/{} {}> {}",
            mark(payload, lang),
            said("creator"),
            said("groupname"),
            said("fromusername"),
            said("message")
        ),
        "sysmsg" => format!("* {}{}", mark(payload, lang), said("message")),
        _ => return Vec::new(),
    };
    vec![line]
}

/// What an administrator says is marked in front of their name, where no text of a peer stands.
fn mark(payload: &Value, lang: Lang) -> String {
    let by_admin = matches!(text(payload, "event"), "admin" | "broadcast");
    match by_admin || payload["system"] == true {
        true => Text::SystemMark.say(lang) + " ",
        false => String::new(),
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn one_line(text: &str) -> String {
    let fit = |c| match c {
        '\n' => LINE_END,
        '\t' => ' ',
        c if c.is_control() || is_invisible(c) => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.trim_end_matches(['\r', '\n']).replace("\r\n", "\n").chars().map(fit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn shown(type_name: &str, payload: Value) -> Vec<String> {
        lines(&json!({"type": type_name, "payload": payload}), Lang::En)
    }

    #[test]
    fn messages_are_the_documented_lines() {
        for (type_name, payload, expected) in [
            ("usersend", json!({"fromusername": "bob", "message": "hi"}), "bob> hi"),
            (
                "usersend",
                json!({"fromusername": "root", "message": "a\r\nb> c\n", "system": true}),
                "[system message] root> a⏎b> c",
            ),
            (
                "groupsend",
                json!({"creator": "alice", "groupname": "team", "fromusername": "bob",
                       "message": "a\tb\u{1b}[2J"}),
                "alice/team bob> a b\u{fffd}[2J",
            ),
            ("sysmsg", json!({"message": "bob left", "event": "group_left"}), "* bob left"),
            ("sysmsg", json!({"message": "tea", "event": "broadcast"}), "* [system message] tea"),
            (
                "normalmsg",
                json!({"message": "not\nfriends", "status": 403, "code": "not_friends"}),
                "! not⏎friends [not_friends]",
            ),
        ] {
            assert_eq!(shown(type_name, payload), [expected]);
        }
        let list = json!({"message": "1. a\n2. b\u{202e}", "status": 200});
        assert_eq!(shown("normalmsg", list), ["1. a", "2. b\u{fffd}"]);
        assert!(shown("later", json!({})).is_empty());
    }

    proptest! {
        #[test]
        fn p28_no_peers_text_starts_a_line_or_moves_the_cursor(
            said in "(\\PC|[\u{0}-\u{9f}]|[\u{200b}-\u{206f}\u{feff}\u{61c}\u{ad}]){0,60}",
        ) {
            let payload = json!({"fromusername": said, "creator": said, "groupname": said,
                                 "message": said, "event": said, "status": 400, "code": said});
            for type_name in ["usersend", "groupsend", "sysmsg", "normalmsg"] {
                let lines = shown(type_name, payload.clone());
                prop_assert_eq!(lines.len(), 1);
                let hidden = |c: char| c.is_control() || is_invisible(c);
                prop_assert!(!lines[0].chars().any(hidden));
            }
        }
    }
}
