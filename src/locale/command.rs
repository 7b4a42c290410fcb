//! The help for commands, and what is wrong with a line that is no command.
//!
//! The server's `help` answers with [`help`]; the client and the line protocol say the same before
//! the sign-in. What a command is for stands in its row of `wire::command`; the names of what is
//! typed after it stand here.

use super::{Lang, one_line};
use crate::wire::command::{Command, GroupList, Typed, offered};
use crate::wire::typed::{self, CommandFault};

/// All commands that this user has, one a line; or one of them, its usage and what it does.
pub fn help(lang: Lang, is_admin: bool, query: Option<&str>) -> String {
    let Some(query) = query else {
        let lines: Vec<_> = offered(is_admin).map(|command| line(lang, command)).collect();
        return lines.join("\n");
    };
    let word = typed::canonical(query);
    match offered(is_admin).find(|command| command.words().any(|name| name == word)) {
        Some(command) => explain(lang, command),
        None => {
            let words = offered(is_admin).flat_map(Command::words);
            unknown(lang, typed::nearest(&word, words))
        }
    }
}

/// How a command is typed: `history NAME|N [COUNT]`.
fn usage(lang: Lang, command: &Command) -> String {
    command.typed.iter().fold(command.name.to_owned(), |usage, typed| {
        let name = name(lang, *typed);
        usage + " " + &if typed.is_required() { name.to_owned() } else { format!("[{name}]") }
    })
}

/// What is wrong with a line.
pub fn fault(lang: Lang, fault: &CommandFault) -> String {
    match fault {
        CommandFault::Unknown { nearest, .. } => unknown(lang, *nearest),
        CommandFault::Missing { command, argument } => {
            let (what, usage) = (name(lang, *argument), usage(lang, command));
            say!(lang, "{what} is missing. Usage: {usage}", "缺少{what}。用法：{usage}")
        }
        CommandFault::Unfit { command, argument } => {
            let (what, usage) = (name(lang, *argument), usage(lang, command));
            say!(lang, "This cannot be {what}. Usage: {usage}", "{what}不正确。用法：{usage}")
        }
        CommandFault::TooMany { command } => {
            let usage = usage(lang, command);
            say!(lang, "Too many words. Usage: {usage}", "参数过多。用法：{usage}")
        }
        CommandFault::NoGroup { list, given } => no_group(lang, *list, given),
    }
}

/// The word is not repeated: it may be a password, typed too late for the question (P27).
fn unknown(lang: Lang, nearest: Option<&str>) -> String {
    match nearest {
        Some(nearest) => say!(
            lang,
            "There is no command like that. Did you mean {nearest}?",
            "没有这个命令。是不是想输入 {nearest}？"
        ),
        None => say!(
            lang,
            "There is no command like that. Type help for those there are.",
            "没有这个命令。输入 help 查看全部命令。"
        ),
    }
}

fn no_group(lang: Lang, list: GroupList, given: &str) -> String {
    let given = one_line(&given.chars().take(32).collect::<String>());
    let list = list.request().name();
    say!(
        lang,
        "No group has the number {given}. Type {list} to see the numbers.",
        "没有编号为 {given} 的群。输入 {list} 查看编号。"
    )
}

/// The argument as the usage lines write it.
fn name(lang: Lang, argument: Typed) -> &'static str {
    match argument {
        Typed::User => lang.pick("NAME", "用户名"),
        Typed::Creator => lang.pick("CREATOR", "群主"),
        Typed::Password => lang.pick("PASSWORD", "密码"),
        Typed::Group => lang.pick("GROUP", "群"),
        Typed::GroupName => lang.pick("GROUP", "群名"),
        Typed::NewGroup => lang.pick("NAME", "群名"),
        Typed::JoinedGroup | Typed::GroupNumber(_) => lang.pick("N", "编号"),
        Typed::Conversation => lang.pick("NAME|N", "用户名|编号"),
        Typed::Count => lang.pick("COUNT", "条数"),
        Typed::Text => lang.pick("TEXT", "内容"),
        Typed::Words => lang.pick("WORDS", "关键词"),
        Typed::Online => "online",
        Typed::Lang => "zh|en",
        Typed::Query => lang.pick("COMMAND", "命令"),
        Typed::StayOut => "stay_out",
    }
}

/// A command's line in the help. In Chinese, what else it is called stands beside it.
fn line(lang: Lang, command: &Command) -> String {
    let (usage, does) = (usage(lang, command), does(lang, command));
    match (lang, command.chinese().next()) {
        (Lang::Zh, Some(name)) => format!("{usage}（{name}）- {does}"),
        _ => format!("{usage} - {does}"),
    }
}

/// The help of one command.
fn explain(lang: Lang, command: &Command) -> String {
    let (usage, does) = (usage(lang, command), does(lang, command));
    let chinese: Vec<_> = command.chinese().collect();
    match lang {
        Lang::En => format!("{usage}\n{does}"),
        Lang::Zh => format!("{usage}\n{does}\n也可以输入：{}", chinese.join("、")),
    }
}

fn does(lang: Lang, command: &Command) -> &'static str {
    command.help.map_or("", |(english, chinese)| lang.pick(english, chinese))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::MessageType;

    #[test]
    fn help_is_for_all_or_for_one() {
        assert_eq!(help(Lang::En, false, None).lines().count(), offered(false).count());
        assert_eq!(help(Lang::Zh, true, None).lines().count(), offered(true).count());
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
        let missing = CommandFault::Missing {
            command: Command::of(MessageType::Send),
            argument: Typed::Text,
        };
        assert_eq!(fault(Lang::En, &missing), "TEXT is missing. Usage: send NAME TEXT");
        assert_eq!(fault(Lang::Zh, &missing), "缺少内容。用法：send 用户名 内容");
        let no_group = CommandFault::NoGroup { list: GroupList::All, given: "7".into() };
        assert!(fault(Lang::En, &no_group).contains("Type allgroup"));
    }
}
