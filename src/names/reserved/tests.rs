//! What `reserved.rs` must do.

use super::*;

#[test]
fn names_that_look_reserved_are() {
    for (name, word) in [
        ("admin", "admin"),
        ("ADMIN", "admin"),
        ("adm1n", "admin"),
        ("ADMlN", "admin"),
        ("adrnin", "admin"),
        ("admin-", "admin"),
        ("a.d.m.i.n", "admin"),
        ("admin007", "admin"),
        ("Administrator", "admin"),
        ("admin-bot", "admin"),
        ("the_admins", "admin"),
        ("r00t", "root"),
        ("root1", "root"),
        ("system.message", "system"),
        ("p2sp", "p2sp"),
        ("P2SP-Support", "p2sp"),
        ("NickServ", "nickserv"),
        ("N1ckServ", "nickserv"),
        ("系统", "系统"),
        ("系統", "系统"),
        ("系统消息", "系统"),
        ("系統消息", "系统"),
        ("系.统", "系统"),
        ("管理員", "管理员"),
        ("超级管理员1", "管理员"),
        ("客服", "客服"),
        ("客服-01", "客服"),
        ("客服中心", "客服"),
        ("網管", "网管"),
        ("全體成員", "全体成员"),
        ("all", "all"),
        ("ALL", "all"),
        ("a-l-l", "all"),
        ("Everyone", "everyone"),
        ("superadmin", "admin"),
        ("super-admin", "admin"),
        ("SuperRoot", "root"),
        ("admin2bot", "admin"),
        ("a1d2m3i4n", "admin"),
        ("sys2tem", "system"),
        ("sysmsg", "sysmsg"),
        ("sys_msg", "sysmsg"),
        ("system_msg", "system"),
        ("system_notification", "system"),
        ("ServerNotifications", "server"),
        ("notification", "notification"),
        ("系統訊息", "系统"),
        ("系统讯息", "系统"),
        ("系统信息", "系统"),
        ("系统提示", "系统"),
        ("系2统", "系统"),
        ("伺服器", "伺服器"),
        ("服務器", "服务器"),
        ("伺服器訊息", "伺服器"),
        ("adm1n1bot", "admin"),
    ] {
        let found = looks_like(name);
        assert!(found.is_some(), "{name}");
        assert_eq!(found, Some(word), "{name}");
    }
}

#[test]
fn names_that_only_hold_a_reserved_word_are_free() {
    for name in [
        "badminton",
        "Ali",
        "Gail",
        "Allan",
        "ail",
        "rootbeer",
        "Systematic",
        "adminton",
        "bob",
        "王小明",
        "系外",
        "小管",
        "群",
        "bot",
        "team",
        "message",
        "消息",
        "serverina",
        "smith",
        "12",
        "0x1",
        "u2",
        "the-boss",
        "李客",
        "thomas",
        "observer",
        "superman",
        "Supermario",
        "super",
        "supper",
        "msg",
        "msgbot",
        "Admir",
        "Admin2Bob",
        "ad2min3ton",
        "b4dm1nt0n",
        "陈信",
        "信息",
        "讯息",
        "提示",
        "小提示",
        "陈系统",
        "伺郎",
        "a11en",
        "a1",
        "r2d2",
        "4ll3n",
    ] {
        assert_eq!(looks_like(name), None, "{name}");
    }
}

#[test]
fn a_variant_stands_for_a_character_of_a_word() {
    let all: String = RESERVED.iter().chain(BESIDE).copied().collect();
    for (variants, plain) in VARIANTS {
        assert!(all.contains(*plain), "{variants} stands for {plain}, which is in no word");
    }
}
