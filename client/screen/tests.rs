//! What `screen.rs` must do.

use super::*;
use serde_json::json;
use unicode_width::UnicodeWidthStr;

fn screen(colours: bool, columns: usize) -> Screen {
    let mut screen = Screen::person(colours, true, true, TimeZone::UTC);
    screen.set_columns(columns);
    screen
}

fn push(text: &str, unix: i64) -> Item {
    Item::Message(json!({"type": "usersend", "timestamp": unix,
                         "payload": {"fromusername": "小明", "message": text, "seq": 1}}))
}

fn answer(data: Value, text: &str) -> Item {
    let payload = json!({"status": 200, "code": "ok", "message": text, "data": data});
    Item::Message(json!({"type": "normalmsg", "timestamp": 0, "payload": payload}))
}

#[test]
fn a_day_has_a_heading_and_a_message_its_time() {
    let mut screen = screen(false, 0);
    let noon = 1_772_366_400; // 2026-03-01 12:00 UTC
    let signs = |count| format!("\x1b]0;({count}) p2sp\x07\x07\n");
    let shown = screen.show(push("在吗", noon), Lang::En);
    assert_eq!(shown, format!("── Sunday 2026-03-01 ──\n12:00 小明> 在吗{}", signs(1)));
    let shown = screen.show(push("在", noon + 60), Lang::En);
    assert_eq!(shown, format!("12:01 小明> 在{}", signs(2)), "the same day");
    assert_eq!((screen.typed(), screen.typed()), ("\x1b]0;p2sp\x07", ""));
}

#[test]
fn p28_a_long_text_never_begins_at_the_margin() {
    let mut screen = screen(false, 24);
    let said = format!("{}! you are out [x]", "长".repeat(6));
    let shown = screen.show(push(&said, 0), Lang::En);
    let lines: Vec<_> = shown.lines().skip(1).collect();
    assert_eq!(lines[0], format!("00:00 小明> {}", "长".repeat(6)));
    assert!(lines[1].starts_with("  ! you are out [x]"), "{lines:?}");
    let shown = screen.show(push("some words that are longer than it", 0), Lang::En);
    assert!(shown.starts_with("00:00 小明> some words\n  that are longer than\n  it"), "{shown}");
    assert!(shown.lines().all(|line| line.width() <= 24 || line.contains('\x07')));
}

#[test]
fn lists_are_aligned_by_what_is_seen() {
    let mut screen = screen(false, 80);
    let groups = json!({"groups": [
        {"groupname": "team", "creator": "王小明", "online": 1, "total": 12, "blocked": false},
        {"groupname": "读书会", "creator": "al", "online": 10, "total": 12, "blocked": true},
    ]});
    let text = "Groups:\n  9. team 王小明 (1/12)\n  10. 读书会 al (10/12) [blocked]";
    assert_eq!(
        screen.show(answer(groups, text), Lang::En),
        "Groups:\n   9.  team    王小明  (1/12)\n  10.  读书会  al      (10/12)  [blocked]\n"
    );
    let friends = json!({"friends": [{"username": "bob", "online": true},
                                     {"username": "王小明", "online": false}],
                         "requests": ["eve"]});
    let text = "好友：\n  bob（在线）\n  王小明（离线）\n等待您处理的好友请求：\n  eve";
    assert_eq!(
        screen.show(answer(friends, text), Lang::Zh),
        "好友：\n  bob     在线\n  王小明  离线\n等待您处理的好友请求：\n  eve\n"
    );
}

#[test]
fn a_history_has_days_and_times() {
    let mut screen = screen(false, 80);
    let said = |from: &str, unix: i64, text: &str| {
        json!({"type": "usersend", "timestamp": unix,
               "payload": {"fromusername": from, "message": text, "seq": unix}})
    };
    let data = json!({"messages": [said("al", 0, "one"), said("bob", 90_060, "two\nthree")]});
    let text = "History:\nal> one\nbob> two three\nThere may be older ones.";
    let shown = screen.show(answer(data, text), Lang::En);
    let wanted = [
        "History:",
        "── Thursday 1970-01-01 ──",
        "00:00 al> one",
        "── Friday 1970-01-02 ──",
        "01:01 bob> two",
        "  three",
        "There may be older ones.",
    ];
    assert_eq!(shown.lines().collect::<Vec<_>>(), wanted);
    assert!(!shown.contains('\x07'), "it is not new");
}

#[test]
fn what_waited_is_counted_and_colours_can_be_had() {
    let mut screen = screen(true, 80);
    let login = json!({"type": "login_success", "payload": {"message": "Welcome"}});
    assert_eq!(screen.show(Item::Message(login), Lang::En), "Welcome\n");
    let shown: String = (0..WAITED_STEP).map(|_| screen.show(push("x", 0), Lang::En)).collect();
    assert!(shown.contains("\x1b[1;36m小明>\x1b[0m x\n"), "no bell for each: {shown}");
    assert!(shown.ends_with("\x1b[2m►* 500 messages so far, and more are coming …\x1b[0m\n"));
    let end = json!({"type": "sysmsg", "payload": {"message": "all", "event": "caught_up"}});
    let shown = screen.show(Item::Message(end), Lang::En);
    assert!(shown.starts_with("\x1b[33m►* 500 messages waited for you.\x1b[0m\x1b]0;(1)"));
    let no = Item::Refusal { text: "no".into(), code: "busy".into() };
    assert_eq!(screen.show(no, Lang::En), "\x1b[31m►! no [busy]\x1b[0m\n");
}

#[test]
fn p28_a_line_for_programs_has_no_sign_either() {
    let said = "a\u{1b}[2J\u{9b}\u{202e}\u{e0041}\u{fe0f}\u{180b}b";
    let shown = Screen::Json.show(push(said, 0), Lang::En);
    assert!(shown.trim_end().chars().all(|c| !is_hidden(c)), "{shown:?}");
    let object: Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!(object["payload"]["message"], said);
}

#[test]
fn p27_a_line_for_programs_has_no_key() {
    let login = json!({"type": "login_success", "timestamp": 7,
                       "payload": {"message": "hi", "auth_token": "k", "status": 200}});
    let shown = Screen::Json.show(Item::Message(login), Lang::En);
    assert_eq!(shown.lines().count(), 1);
    let object: Value = serde_json::from_str(&shown).expect("JSON");
    let wanted = json!({"type": "login_success", "timestamp": 7,
                        "payload": {"message": "hi", "status": 200}});
    assert_eq!(object, wanted);
}
