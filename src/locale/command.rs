//! What each command is for: its usage and one sentence, in English and in Chinese, and how to
//! say what is wrong with a line that is no command.
//!
//! The server's `help` answers with [`help`], and the client says the same while nobody is
//! signed in. How a line is read is `wire::command`'s business; a test here keeps the two
//! in step.

use super::{Lang, one_line};
use crate::wire::command::{self, Argument, CommandFault, GroupList, Syntax};

/// All commands that this user has, one a line; or one of them, its usage and what it does.
pub fn help(lang: Lang, admin: bool, query: Option<&str>) -> String {
    let offered = || USER.iter().chain(if admin { ADMIN } else { &[] });
    let Some(query) = query else {
        return offered().map(|row| row.line(lang)).collect::<Vec<_>>().join("\n");
    };
    let word = command::canonical(query);
    let meant = Syntax::of(&word).map(Syntax::word);
    match offered().find(|row| Some(row.word) == meant) {
        Some(row) => row.explain(lang),
        None => {
            let names = command::offered(admin).flat_map(Syntax::names);
            unknown(lang, command::nearest(&word, names))
        }
    }
}

/// How the command is typed.
pub fn usage(lang: Lang, word: &str) -> &'static str {
    USER.iter().chain(ADMIN).find(|row| row.word == word).map_or("", |row| row.usage(lang))
}

/// What is wrong with a line.
pub fn fault(lang: Lang, fault: &CommandFault) -> String {
    match fault {
        CommandFault::Unknown { nearest, .. } => unknown(lang, *nearest),
        CommandFault::Missing { word, argument } => {
            let (what, usage) = (name(lang, *argument), usage(lang, word));
            lang.pick(
                format!("{what} is missing. Usage: {usage}"),
                format!("缺少{what}。用法：{usage}"),
            )
        }
        CommandFault::Unfit { word, argument } => {
            let (what, usage) = (name(lang, *argument), usage(lang, word));
            lang.pick(
                format!("This cannot be {what}. Usage: {usage}"),
                format!("{what}不正确。用法：{usage}"),
            )
        }
        CommandFault::TooMany { word } => {
            let usage = usage(lang, word);
            lang.pick(format!("Too many words. Usage: {usage}"), format!("参数过多。用法：{usage}"))
        }
        CommandFault::NoGroup { list, given } => no_group(lang, *list, given),
    }
}

/// A word that is no command may be a password, which was asked for no more: it is not repeated
/// (P27).
fn unknown(lang: Lang, nearest: Option<&str>) -> String {
    match nearest {
        Some(nearest) => lang.pick(
            format!("There is no command like that. Did you mean {nearest}?"),
            format!("没有这个命令。是不是想输入 {nearest}？"),
        ),
        None => lang.pick(
            "There is no command like that. Type help for those there are.".to_owned(),
            "没有这个命令。输入 help 查看全部命令。".to_owned(),
        ),
    }
}

fn no_group(lang: Lang, list: GroupList, given: &str) -> String {
    let given = one_line(&given.chars().take(32).collect::<String>());
    let list = match list {
        GroupList::Mine => "groups",
        GroupList::All => "allgroup",
    };
    lang.pick(
        format!("No group has the number {given}. Type {list} to see the numbers."),
        format!("没有编号为 {given} 的群。输入 {list} 查看编号。"),
    )
}

/// The argument as the usage lines write it.
fn name(lang: Lang, argument: Argument) -> &'static str {
    match argument {
        Argument::User => lang.pick("NAME", "用户名"),
        Argument::Creator => lang.pick("CREATOR", "群主"),
        Argument::Password => lang.pick("PASSWORD", "密码"),
        Argument::Group => lang.pick("GROUP", "群"),
        Argument::GroupName => lang.pick("GROUP", "群名"),
        Argument::GroupNumber(_) => lang.pick("N", "编号"),
        Argument::Conversation => lang.pick("NAME|N", "用户名|编号"),
        Argument::Count => lang.pick("COUNT", "条数"),
        Argument::Text => lang.pick("TEXT", "内容"),
        Argument::Words => lang.pick("WORDS", "关键词"),
        Argument::Online => lang.pick("online", "online"),
        Argument::Lang => lang.pick("zh|en", "zh|en"),
        Argument::Query => lang.pick("COMMAND", "命令"),
        Argument::StayOut => lang.pick("stay_out", "stay_out"),
    }
}

/// A command in words: English and Chinese, both or it does not compile.
struct Row {
    word: &'static str,
    usage: (&'static str, &'static str),
    does: (&'static str, &'static str),
}

impl Row {
    fn usage(&self, lang: Lang) -> &'static str {
        lang.pick(self.usage.0, self.usage.1)
    }

    fn does(&self, lang: Lang) -> &'static str {
        lang.pick(self.does.0, self.does.1)
    }

    /// For those who speak Chinese, what else it is called stands beside it.
    fn line(&self, lang: Lang) -> String {
        let (usage, does) = (self.usage(lang), self.does(lang));
        match (lang, self.chinese().first()) {
            (Lang::Zh, Some(name)) => format!("{usage}（{name}）- {does}"),
            _ => format!("{usage} - {does}"),
        }
    }

    fn explain(&self, lang: Lang) -> String {
        let (usage, does) = (self.usage(lang), self.does(lang));
        match lang {
            Lang::En => format!("{usage}\n{does}"),
            Lang::Zh => format!("{usage}\n{does}\n也可以输入：{}", self.chinese().join("、")),
        }
    }

    fn chinese(&self) -> Vec<&'static str> {
        Syntax::of(self.word).into_iter().flat_map(Syntax::chinese).collect()
    }
}

macro_rules! rows {
    ($($word:literal: $usage_en:literal, $usage_zh:literal; $en:literal, $zh:literal;)+) => {
        &[$(Row { word: $word, usage: ($usage_en, $usage_zh), does: ($en, $zh) },)+]
    };
}

const USER: &[Row] = rows! {
    "reg": "reg NAME", "reg 用户名";
        "register; the password is asked for twice", "注册；会两次询问密码";
    "login": "login NAME [PASSWORD]", "login 用户名 [密码]";
        "sign in; the password is asked for if it is left out", "登录；省略密码时会询问";
    "logout": "logout", "logout"; "sign out", "退出登录";
    "quit": "quit", "quit"; "leave the client", "离开客户端";
    "passwd": "passwd", "passwd";
        "change the password; the old and the new one are asked for", "修改密码；会询问旧密码和新密码";
    "whoami": "whoami", "whoami"; "who is signed in here", "查看当前登录的用户";
    "lang": "lang zh|en", "lang zh|en"; "speak Chinese or English", "切换语言：中文或英文";
    "help": "help [COMMAND]", "help [命令]"; "explain the commands, or one of them", "查看全部命令或某个命令的说明";
    "add": "add NAME", "add 用户名"; "make a friend", "添加好友";
    "accept": "accept NAME", "accept 用户名"; "say yes to a friend request", "同意好友申请";
    "reject": "reject NAME", "reject 用户名"; "say no to a friend request", "拒绝好友申请";
    "del": "del NAME", "del 用户名"; "end a friendship", "删除好友";
    "friends": "friends", "friends"; "list the friends, and who is online", "列出好友及其在线状态";
    "send": "send NAME TEXT", "send 用户名 内容"; "send a message to a friend", "给好友发消息";
    "sendgroup": "sendgroup N TEXT", "sendgroup 编号 内容";
        "send a message to the group of this number in groups", "向群发消息，编号见 groups";
    "history": "history NAME|N [COUNT]", "history 用户名|编号 [条数]";
        "the last messages with a user (@NAME if the name is a number) or in a group",
        "查看与某用户（名字是数字时写 @名字）或某群最近的消息";
    "search": "search WORDS", "search 关键词";
        "look for messages by their words, in all your conversations", "在自己的所有会话中搜索消息";
    "newgroup": "newgroup NAME", "newgroup 群名"; "create a group", "新建群";
    "delgroup": "delgroup GROUP", "delgroup 群"; "delete a group of your own", "删除自己的群";
    "addgroupuser": "addgroupuser GROUP NAME", "addgroupuser 群 用户名";
        "bring a user into a group of your own", "把用户加入自己的群";
    "delgroupuser": "delgroupuser GROUP NAME", "delgroupuser 群 用户名";
        "take a user out of a group of your own", "把用户移出自己的群";
    "leavegroup": "leavegroup N [stay_out]", "leavegroup 编号 [stay_out]";
        "leave a group; with stay_out nobody can bring you in again", "退出群；加 stay_out 则他人无法再将您加入";
    "groups": "groups", "groups"; "list the groups you are in, with their numbers", "列出所在的群及其编号";
    "groupusers": "groupusers N", "groupusers 编号";
        "list the members of a group, and who is online", "列出群成员及其在线状态";
};

const ADMIN: &[Row] = rows! {
    "allusers": "allusers [online]", "allusers [online]";
        "list every user, or only those online", "列出所有用户，或仅在线用户";
    "online": "online", "online"; "list every user who is online", "列出在线用户";
    "allgroup": "allgroup", "allgroup"; "list every group, with its number", "列出所有群及其编号";
    "adminsend": "adminsend NAME TEXT", "adminsend 用户名 内容";
        "send a system message to anyone", "给任何用户发系统消息";
    "adminsendgroup": "adminsendgroup N TEXT", "adminsendgroup 编号 内容";
        "send a system message to the group of this number in allgroup", "向群发系统消息，编号见 allgroup";
    "broadcast": "broadcast TEXT", "broadcast 内容";
        "send a system message to every user", "给所有用户发系统消息";
    "blockuser": "blockuser NAME", "blockuser 用户名";
        "sign a user out and let them in no more", "封禁用户：立即下线并禁止登录";
    "unblockuser": "unblockuser NAME", "unblockuser 用户名"; "let a user in again", "解封用户";
    "blockgroup": "blockgroup CREATOR GROUP", "blockgroup 群主 群名";
        "let nobody send to a group", "封禁群：任何人不能在群里发消息";
    "unblockgroup": "unblockgroup CREATOR GROUP", "unblockgroup 群主 群名";
        "let members send to a group again", "解封群";
    "stats": "stats", "stats"; "how the server is doing", "查看服务器运行情况";
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::command::COMMANDS;

    #[test]
    fn every_command_has_its_words_for_those_who_have_it() {
        for (rows, admin) in [(USER, false), (ADMIN, true)] {
            let words: Vec<_> = rows.iter().map(|row| row.word).collect();
            let commands = COMMANDS.iter().filter(|row| row.admin == admin);
            assert_eq!(words, commands.map(|row| row.word()).collect::<Vec<_>>());
        }
        for row in USER.iter().chain(ADMIN) {
            assert!(row.usage.0.starts_with(row.word), "{}", row.word);
            assert!(row.usage.1.starts_with(row.word), "{}", row.word);
        }
    }

    #[test]
    fn help_is_for_all_or_for_one() {
        assert_eq!(help(Lang::En, false, None).lines().count(), USER.len());
        assert_eq!(help(Lang::Zh, true, None).lines().count(), USER.len() + ADMIN.len());
        assert_eq!(
            help(Lang::En, false, Some(".Send")),
            "send NAME TEXT\nsend a message to a friend"
        );
        assert!(help(Lang::En, false, Some("snd")).ends_with("Did you mean send?"));
        let send = "send 用户名 内容\n给好友发消息\n也可以输入：私聊、发消息";
        assert_eq!(help(Lang::Zh, false, Some("。私聊")), send);
        let all = help(Lang::Zh, false, None);
        assert!(all.contains("\nsend 用户名 内容（私聊）- 给好友发消息\n"), "{all}");
        assert!(help(Lang::Zh, false, Some("加好有")).contains("加好友"));
        assert!(!help(Lang::En, false, Some("stats")).contains("how the server"));
    }

    #[test]
    fn a_fault_names_what_is_wrong() {
        let missing = CommandFault::Missing { word: "send", argument: Argument::Text };
        assert_eq!(fault(Lang::En, &missing), "TEXT is missing. Usage: send NAME TEXT");
        assert_eq!(fault(Lang::Zh, &missing), "缺少内容。用法：send 用户名 内容");
        let no_group = CommandFault::NoGroup { list: GroupList::All, given: "7".into() };
        assert!(fault(Lang::En, &no_group).contains("Type allgroup"));
    }
}
