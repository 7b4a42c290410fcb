//! What `shown.rs` must do.

use super::*;
use crate::visible::is_hidden;
use proptest::prelude::*;
use serde_json::json;

fn shown(kind: &str, payload: Value) -> Vec<String> {
    lines(&json!({"type": kind, "payload": payload}), Lang::En, "⏎")
}

#[test]
fn messages_are_the_documented_lines() {
    for (kind, payload, expected) in [
        ("usersend", json!({"fromusername": "bob", "message": "hi"}), "bob> hi"),
        (
            "usersend",
            json!({"fromusername": "root", "message": "a\r\nb> c\n", "system": true}),
            "►[system message] root> a⏎b> c",
        ),
        (
            "groupsend",
            json!({"creator": "alice", "groupname": "team", "fromusername": "bob",
                   "message": "a\tb\u{1b}[2J"}),
            "alice/team bob> a b\u{fffd}[2J",
        ),
        (
            "groupsend",
            json!({"creator": "eve", "groupname": "x bob> no", "fromusername": "eve",
                   "message": "hi"}),
            "eve/x bob› no eve> hi",
        ),
        ("sysmsg", json!({"message": "bob left", "event": "group_left"}), "►* bob left"),
        ("sysmsg", json!({"message": "tea", "event": "broadcast"}), "►* [system message] tea"),
        (
            "normalmsg",
            json!({"message": "not\nfriends", "status": 403, "code": "not_friends"}),
            "►! not⏎friends [not_friends]",
        ),
    ] {
        assert_eq!(shown(kind, payload), [expected]);
    }
    let list = json!({"message": "Groups:\n  1. a  b\u{202e}", "status": 200});
    assert_eq!(shown("normalmsg", list), ["Groups:", "  1. a b\u{fffd}"]);
    let messages = json!([{"type": "usersend"}, {"type": "sysmsg"}]);
    let history = json!({"message": "History:\nal> x\n* y", "data": {"messages": messages}});
    assert_eq!(shown("normalmsg", history), ["History:", "al> x", "►* y"]);
    assert!(shown("later", json!({})).is_empty());
}

#[test]
fn p28_what_has_no_width_is_shown_as_such_or_is_part_of_its_neighbours() {
    for (text, seen) in [
        ("a    b\u{a0}\u{2003}\u{2800}c", "a b c"),
        ("你　　好", "你　好"),
        ("a\u{fe0f}b\u{180b}c\u{200b}", "a\u{fffd}b\u{fffd}c\u{fffd}"),
        ("\u{fe0f}", "\u{fffd}"),
        ("❤\u{fe0f} 1\u{fe0f}\u{20e3}", "❤ 1\u{20e3}"),
        ("👨\u{200d}👩\u{200d}👧", "👨👩👧"),
        ("葛\u{e0100}", "葛"),
        ("cafe\u{301} ค่ะ हिन्दी", "cafe\u{301} ค่ะ हिन्दी"),
        ("\u{301}a \u{301}b", "◌\u{301}a ◌\u{301}b"),
        ("z\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}y", "z\u{301}\u{301}\u{301}\u{301}\u{fffd}y"),
        ("\u{1100}\u{1161}\u{11a8}", "\u{1100}\u{1161}\u{11a8}"),
        ("►! you are out ▶\u{fe0f}", ">! you are out >"),
        ("\u{2b9e}⊳ᐅᐳ\u{1f892}➢⏩⯈", ">>>>>>>>"),
        ("▸➤➣⏵▷▹▻‣\u{1f782}⏭⏯⧐\u{e0b0}", ">>>>>>>>>>>>>"),
        ("⊲ ◄ → ➡ » › > ⏫ ∆ 三 个", "⊲ ◄ → ➡ » › > ⏫ ∆ 三 个"),
    ] {
        assert_eq!(line(text), seen, "{text:?}");
    }
    assert_eq!(spaced_line("  a\t  b\u{2003}"), "  a   b ");
}

/// Texts as a stranger would make them.
fn hostile() -> impl Strategy<Value = String> {
    let one = prop_oneof![
        "\\PC",
        "[ \t\u{a0}\u{2003}\u{3000}]{1,80}",
        "[\u{0}-\u{9f}]",
        "[\u{200b}-\u{206f}\u{feff}\u{61c}\u{ad}\u{fe00}-\u{fe0f}\u{180b}-\u{180f}]",
        "[\u{300}-\u{36f}]{1,9}",
        "[►▶▸*!>\n]",
    ];
    prop::collection::vec(one, 0..40).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn p28_no_peers_text_brings_a_line_a_mark_or_what_cannot_be_seen(said in hostile()) {
        let payload = json!({"fromusername": said, "creator": said, "groupname": said,
                             "message": said, "event": said, "status": 400, "code": said});
        for kind in ["usersend", "groupsend", "sysmsg", "normalmsg"] {
            let lines = shown(kind, payload.clone());
            prop_assert_eq!(lines.len(), 1);
            let ours = matches!(kind, "sysmsg" | "normalmsg");
            prop_assert_eq!(lines[0].starts_with(MARK), ours);
            let rest = lines[0].strip_prefix(MARK).unwrap_or(&lines[0]);
            prop_assert!(!rest.contains(is_hidden), "{:?}", rest);
            prop_assert!(rest.chars().all(|c| class(c) != Class::Mark), "{:?}", rest);
            prop_assert!(!line(&said).contains("  "));
        }
    }
}
