//! What `typed.rs` must do.

use super::*;
use proptest::prelude::*;
use serde_json::json;

fn group(list: GroupList, number: usize) -> Option<GroupRef> {
    let (creator, groupname) = match (list, number) {
        (GroupList::Mine, 1) => ("alice", "team"),
        (GroupList::Mine, 2) => ("王小明", "工作 群"),
        (GroupList::All, 9 | 10) => ("carol", "choir"),
        _ => return None,
    };
    let group_id = (number == 10).then_some(7);
    Some(GroupRef { creator: creator.into(), groupname: groupname.into(), group_id })
}

fn read(line: &str) -> Result<Parsed, CommandFault> {
    parse(line, Some(true), &group)
}

fn request(kind: MessageType, args: Value) -> Parsed {
    Parsed::Request { kind, args: args.as_object().cloned().unwrap_or_default() }
}

#[test]
fn a_line_is_a_request() {
    for (line, kind, args) in [
        ("reg 王小明", "reg", json!({"username": "王小明"})),
        ("login bob", "login", json!({"username": "bob"})),
        ("login bob a secret ", "login", json!({"username": "bob", "password": "a secret "})),
        ("  .FRIENDS  ", "friends", json!({})),
        (".send bob hi  there", "send", json!({"username": "bob", "message": "hi  there"})),
        ("send @bob  hi ", "send", json!({"username": "bob", "message": " hi "})),
        ("send  2 嗨，你好", "send", json!({"username": "2", "message": "嗨，你好"})),
        (
            "sendgroup 2 大家好",
            "sendgroup",
            json!({"creator": "王小明", "groupname": "工作 群", "message": "大家好"}),
        ),
        ("history 1 50", "history", json!({"creator": "alice", "groupname": "team", "count": 50})),
        ("history @2", "history", json!({"username": "2"})),
        ("history 小明 7", "history", json!({"username": "小明", "count": 7})),
        ("newgroup 2024", "newgroup", json!({"groupname": "2024"})),
        ("newgroup book club ", "newgroup", json!({"groupname": "book club"})),
        ("delgroup book club", "delgroup", json!({"groupname": "book club"})),
        ("delgroup 1", "delgroup", json!({"creator": "alice", "groupname": "team"})),
        (
            "addgroupuser 工作 群 @小明",
            "addgroupuser",
            json!({"groupname": "工作 群", "username": "小明"}),
        ),
        (
            "delgroupuser 1 bob",
            "delgroupuser",
            json!({"creator": "alice", "groupname": "team", "username": "bob"}),
        ),
        ("leavegroup 1", "leavegroup", json!({"creator": "alice", "groupname": "team"})),
        ("leavegroup book club", "leavegroup", json!({"groupname": "book club"})),
        (
            "leavegroup 1 stay_out",
            "leavegroup",
            json!({"creator": "alice", "groupname": "team", "stay_out": true}),
        ),
        ("groupusers book club", "groupusers", json!({"groupname": "book club"})),
        (
            "blockgroup alice book 7",
            "blockgroup",
            json!({"creator": "alice", "groupname": "book 7"}),
        ),
        ("allusers online", "allusers", json!({"online": true})),
        ("allusers", "allusers", json!({})),
        (
            "adminsendgroup 9 sing",
            "adminsendgroup",
            json!({"creator": "carol", "groupname": "choir", "message": "sing"}),
        ),
        ("broadcast  all", "broadcast", json!({"message": " all"})),
        ("help", "help", json!({})),
        ("help .send", "help", json!({"query": "send"})),
        ("lang ZH", "lang", json!({"lang": "zh"})),
    ] {
        let kind = MessageType::from_name(kind).expect("a type");
        // Its Debug form is redacted, so a difference names only the line.
        assert!(read(line) == Ok(request(kind, args)), "{line}");
    }
    assert_eq!(read(".quit"), Ok(Parsed::Quit));
}

#[test]
fn a_number_means_the_very_group_that_was_listed() {
    let args = json!({"creator": "carol", "groupname": "choir", "group_id": 7, "message": "sing"});
    let wanted = request(MessageType::Adminsendgroup, args);
    assert!(read("adminsendgroup 10 sing") == Ok(wanted));
}

#[test]
fn a_line_may_be_chinese() {
    for (line, english) in [
        ("注册 王小明", "reg 王小明"),
        ("私聊　小明　你好　１２", "send 小明 你好　１２"),
        ("。私聊 ＠小明 ＠都在？", "send @小明 ＠都在？"),
        ("．ＳＥＮＤ bob ＡＢ", "send bob ＡＢ"),
        ("群发 ２ 大家好", "sendgroup 2 大家好"),
        ("历史　１　５０", "history 1 50"),
        ("拉人　工作 群　＠小明", "addgroupuser 工作 群 @小明"),
        ("解散群 １", "delgroup 1"),
        ("退群　１　不再加入", "leavegroup 1 stay_out"),
        ("登录 小明 密　码１", "login 小明 密　码１"),
        ("所有用户 在线", "allusers online"),
        ("语言 中文", "lang zh"),
        ("帮助 。私聊", "help 私聊"),
        ("退出", "quit"),
    ] {
        assert!(read(line) == read(english) && read(line).is_ok(), "{line}");
    }
}

#[test]
fn every_command_has_a_chinese_name_and_no_two_share_one() {
    let words: Vec<_> = offered(true).flat_map(Command::words).collect();
    for (index, word) in words.iter().enumerate() {
        assert!(!words[index + 1..].contains(word), "{word}");
        assert_eq!(canonical(word), **word, "what is typed is looked for as this");
    }
    assert!(offered(true).all(|command| command.chinese().next().is_some()));
}

#[test]
fn a_line_that_is_no_command_says_why() {
    let command = |word| Command::of_word(word).expect("a command");
    let missing = |word, argument| CommandFault::Missing { command: command(word), argument };
    let unfit = |word, argument| CommandFault::Unfit { command: command(word), argument };
    let too_many = |word| CommandFault::TooMany { command: command(word) };
    let no_group = |list, given: &str| CommandFault::NoGroup { list, given: given.into() };
    for (line, fault) in [
        ("send", missing("send", Typed::User)),
        ("send @", missing("send", Typed::User)),
        ("send bob", missing("send", Typed::Text)),
        ("search", missing("search", Typed::Words)),
        ("send bob ", missing("send", Typed::Text)),
        ("addgroupuser", missing("addgroupuser", Typed::Group)),
        ("addgroupuser team", missing("addgroupuser", Typed::User)),
        ("blockgroup alice", missing("blockgroup", Typed::GroupName)),
        ("lang", missing("lang", Typed::Lang)),
        ("lang fr", unfit("lang", Typed::Lang)),
        ("history bob many", unfit("history", Typed::Count)),
        ("history bob 0", unfit("history", Typed::Count)),
        ("allusers offline", unfit("allusers", Typed::Online)),
        ("add bob smith", too_many("add")),
        ("quit now", too_many("quit")),
        ("sendgroup 3 hi", no_group(GroupList::Mine, "3")),
        ("sendgroup +1 hi", no_group(GroupList::Mine, "+1")),
        ("sendgroup team hi", no_group(GroupList::Mine, "team")),
        ("adminsendgroup 1 hi", no_group(GroupList::All, "1")),
        ("history 99999999999999999999999", no_group(GroupList::Mine, "99999999999999999999999")),
    ] {
        assert_eq!(read(line), Err(fault), "{line}");
    }
}

#[test]
fn the_nearest_offered_command_is_suggested() {
    let suggested = |line: &str, is_admin| match parse(line, is_admin, &group) {
        Err(CommandFault::Unknown { nearest, .. }) => nearest,
        _ => Some("a command"),
    };
    for (line, nearest) in [
        ("sned bob hi", Some("send")),
        ("freinds", Some("friends")),
        ("sendg 1 hi", Some("sendgroup")),
        ("qiut", Some("quit")),
        ("加好有 bob", Some("加好友")),
        ("建裙", Some("建群")),
        (".", None),
        ("你好", None),
        ("x", None),
    ] {
        assert_eq!(suggested(line, Some(false)), nearest, "{line}");
    }
    assert_eq!(suggested("broadcats x", Some(true)), Some("broadcast"));
    assert_eq!(suggested("broadcats x", None), None, "never before sign-in");
    assert_eq!(suggested("stats", Some(false)), None, "not even itself");
    assert!(parse("stats", None, &group).is_ok(), "the server decides");
}

proptest! {
    #[test]
    fn any_line_is_a_command_or_a_fault(line in "\\PC{0,40}") {
        let _ = parse(&line, None, &group);
    }

    #[test]
    fn a_text_is_sent_as_it_stands(text in "[^\n]{1,40}") {
        let sent = parse(&format!("broadcast {text}"), Some(true), &group);
        let wanted = request(MessageType::Broadcast, json!({"message": text}));
        prop_assert!(sent == Ok(wanted));
    }
}
