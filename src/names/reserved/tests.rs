//! What `reserved.rs` must do.

use super::*;

#[test]
fn names_that_look_reserved_are() {
    for (word, names) in [
        (
            "admin",
            "admin ADMIN adm1n ADMlN adrnin admin- a.d.m.i.n admin007 Administrator \
             admin-bot the_admins superadmin super-admin admin2bot a1d2m3i4n adm1n1bot",
        ),
        ("root", "r00t root1 SuperRoot"),
        ("system", "system.message sys2tem system_msg system_notification"),
        ("p2sp", "p2sp P2SP-Support"),
        ("nickserv", "NickServ N1ckServ"),
        ("系统", "系统 系統 系统消息 系統消息 系.统 系統訊息 系统讯息 系统信息 系统提示 系2统"),
        ("管理员", "管理員 超级管理员1"),
        ("客服", "客服 客服-01 客服中心"),
        ("网管", "網管"),
        ("全体成员", "全體成員"),
        ("all", "all ALL a-l-l"),
        ("everyone", "Everyone"),
        ("sysmsg", "sysmsg sys_msg"),
        ("server", "ServerNotifications"),
        ("notification", "notification"),
        ("伺服器", "伺服器 伺服器訊息"),
        ("服务器", "服務器"),
    ] {
        for name in names.split_whitespace() {
            assert_eq!(looks_like(name), Some(word), "{name}");
        }
    }
}

#[test]
fn names_that_only_hold_a_reserved_word_are_free() {
    const FREE: &str = "
        badminton Ali Gail Allan ail rootbeer Systematic adminton bob 王小明 系外 小管 群 bot team
        message 消息 serverina smith 12 0x1 u2 the-boss 李客 thomas observer superman Supermario
        super supper msg msgbot Admir Admin2Bob ad2min3ton b4dm1nt0n 陈信 信息 讯息 提示 小提示
        陈系统 伺郎 a11en a1 r2d2 4ll3n
    ";
    for name in FREE.split_whitespace() {
        assert_eq!(looks_like(name), None, "{name}");
    }
}

#[test]
fn a_variant_stands_for_a_character_of_a_word() {
    for variants in VARIANTS.split_whitespace() {
        let plain = variants.chars().next().expect("a word is not empty");
        assert!([RESERVED, BESIDE].iter().any(|words| words.contains(plain)), "{variants}");
    }
}
