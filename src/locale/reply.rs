//! What the server answers when it did what was asked.

use super::{Lang, one_line};

/// A row of a list of groups.
#[derive(Clone, Debug)]
pub struct GroupLine {
    /// The group's number in the list.
    pub number: u64,
    /// Its name.
    pub name: String,
    /// Its creator's name.
    pub creator: String,
    /// Members online.
    pub online: u64,
    /// Members.
    pub total: u64,
    /// Whether an administrator blocked it.
    pub blocked: bool,
}

/// A row of a list of users.
#[derive(Clone, Debug)]
pub struct UserLine {
    /// The user's name.
    pub name: String,
    /// Whether they are online.
    pub online: bool,
    /// Whether they are blocked.
    pub blocked: bool,
    /// Whether they are an administrator.
    pub admin: bool,
}

/// A figure about the server: its name for programs, in English, in Chinese, and its value.
pub type Figure = (&'static str, &'static str, &'static str, u64);

/// A reason and how often it applied.
pub type Count = (&'static str, u64);

/// An answer's text.
#[derive(Clone)]
#[allow(missing_docs)]
pub enum Reply {
    Pong,
    Registered {
        name: String,
    },
    Welcome {
        name: String,
        admin: bool,
        commands: Vec<&'static str>,
    },
    SignedOut,
    PasswordChanged,
    Whoami {
        name: String,
        admin: bool,
    },
    LangSet,
    /// Words that were made elsewhere.
    Words(String),
    Confirmed,
    FriendAdded {
        name: String,
    },
    FriendAsked {
        name: String,
    },
    FriendRejected {
        name: String,
    },
    FriendRemoved {
        name: String,
    },
    Friends {
        friends: Vec<UserLine>,
        requests: Vec<String>,
    },
    Sent,
    SentOffline {
        name: String,
    },
    GroupCreated {
        name: String,
    },
    GroupDeleted {
        name: String,
    },
    MemberAdded {
        group: String,
        name: String,
    },
    MemberRemoved {
        group: String,
        name: String,
    },
    GroupLeft {
        name: String,
    },
    Groups(Vec<GroupLine>),
    Members {
        group: String,
        members: Vec<UserLine>,
    },
    Users(Vec<UserLine>),
    /// Each line as [`history_line`] makes it.
    History(Vec<String>),
    BroadcastSent,
    UserBlocked {
        name: String,
    },
    UserUnblocked {
        name: String,
    },
    GroupBlocked {
        name: String,
    },
    GroupUnblocked {
        name: String,
    },
    Granted {
        name: String,
    },
    Revoked {
        name: String,
    },
    PasswordReset {
        name: String,
    },
    Stats {
        figures: Vec<Figure>,
        refusals: Vec<Count>,
        closes: Vec<Count>,
    },
}

impl Reply {
    /// The text in a language; a list has a line for each row.
    pub fn say(&self, lang: Lang) -> String {
        match self {
            Reply::Words(words) => words.clone(),
            Reply::Welcome { name, admin, commands } => welcome(lang, name, *admin, commands),
            Reply::Friends { friends, requests } => say_friends(lang, friends, requests),
            Reply::Groups(groups) => say_groups(lang, groups),
            Reply::Members { group, members } => {
                let head =
                    lang.pick(format!("Members of {group}:"), format!("群 {group} 的成员："));
                list(head, members.iter().map(|line| user_line(lang, line)))
            }
            Reply::Users(users) if users.is_empty() => lang.pick("Nobody.", "没有人。").into(),
            Reply::Users(users) => {
                let head = lang.pick("Users:", "用户：").to_owned();
                list(head, users.iter().map(|line| user_line(lang, line)))
            }
            Reply::History(lines) if lines.is_empty() => {
                lang.pick("Nothing was said yet.", "还没有消息。").into()
            }
            Reply::History(lines) => {
                let head = lang.pick("History:", "历史消息：").to_owned();
                list(head, lines.iter().cloned())
            }
            Reply::Stats { figures, refusals, closes } => {
                say_stats(lang, figures, refusals, closes)
            }
            short => short.say_short(lang),
        }
    }

    fn say_short(&self, lang: Lang) -> String {
        let fixed = |english: &str, chinese: &str| lang.pick(english, chinese).to_owned();
        match self {
            Reply::Pong => fixed("pong", "pong"),
            Reply::SignedOut => fixed("You are signed out.", "您已退出登录。"),
            Reply::PasswordChanged => fixed("Your password is changed.", "密码已修改。"),
            Reply::LangSet => fixed("I speak English now.", "现在使用中文。"),
            Reply::Confirmed => fixed("Confirmed.", "已确认。"),
            Reply::Sent => fixed("Sent.", "已发送。"),
            Reply::BroadcastSent => fixed("Sent to everyone.", "已发送给所有人。"),
            Reply::Granted { name } => fixed(
                &format!("{name} is an administrator now."),
                &format!("{name} 已成为管理员。"),
            ),
            Reply::Revoked { name } => fixed(
                &format!("{name} is no longer an administrator."),
                &format!("{name} 不再是管理员。"),
            ),
            Reply::PasswordReset { name } => {
                fixed(&format!("{name} has a new password."), &format!("{name} 的密码已重设。"))
            }
            _ => self.say_about(lang),
        }
    }

    fn say_about(&self, lang: Lang) -> String {
        let (english, chinese) = match self {
            Reply::Registered { name } => (
                format!("{name} is registered. You can sign in now."),
                format!("{name} 注册成功，现在可以登录。"),
            ),
            Reply::Whoami { name, admin: true } => {
                (format!("You are {name}, an administrator."), format!("您是 {name}，管理员。"))
            }
            Reply::Whoami { name, .. } => (format!("You are {name}."), format!("您是 {name}。")),
            Reply::FriendAdded { name } => {
                (format!("You and {name} are friends now."), format!("您和 {name} 已成为好友。"))
            }
            Reply::FriendAsked { name } => (
                format!("{name} was asked to be your friend."),
                format!("已向 {name} 发送好友请求。"),
            ),
            Reply::FriendRejected { name } => {
                (format!("You said no to {name}."), format!("已拒绝 {name} 的好友请求。"))
            }
            Reply::FriendRemoved { name } => (
                format!("You and {name} are no longer friends."),
                format!("您和 {name} 已不再是好友。"),
            ),
            Reply::SentOffline { name } => (
                format!("{name} is offline; the message is kept for them."),
                format!("{name} 不在线，消息已保存。"),
            ),
            Reply::GroupCreated { name } => {
                (format!("The group {name} is yours."), format!("群 {name} 已创建。"))
            }
            Reply::GroupDeleted { name } => {
                (format!("The group {name} is deleted."), format!("群 {name} 已删除。"))
            }
            Reply::MemberAdded { group, name } => {
                (format!("{name} is in {group} now."), format!("{name} 已加入群 {group}。"))
            }
            Reply::MemberRemoved { group, name } => {
                (format!("{name} is out of {group} now."), format!("{name} 已移出群 {group}。"))
            }
            Reply::GroupLeft { name } => {
                (format!("You left {name}."), format!("您已退出群 {name}。"))
            }
            Reply::UserBlocked { name } => {
                (format!("{name} is blocked."), format!("{name} 已被封禁。"))
            }
            Reply::UserUnblocked { name } => {
                (format!("{name} may sign in again."), format!("{name} 已解除封禁。"))
            }
            Reply::GroupBlocked { name } => {
                (format!("The group {name} is blocked."), format!("群 {name} 已被封禁。"))
            }
            Reply::GroupUnblocked { name } => {
                (format!("The group {name} is open again."), format!("群 {name} 已解除封禁。"))
            }
            _ => (String::new(), String::new()),
        };
        lang.pick(english, chinese)
    }
}

/// A line of a history: who said what, or a notice.
pub fn history_line(who: Option<&str>, text: &str) -> String {
    match who {
        Some(who) => format!("{who}> {}", one_line(text)),
        None => format!("* {}", one_line(text)),
    }
}

fn list(head: String, lines: impl Iterator<Item = String>) -> String {
    lines.fold(head, |text, line| text + "\n" + &line)
}

fn welcome(lang: Lang, name: &str, admin: bool, commands: &[&str]) -> String {
    let commands = commands.join(" ");
    match (lang, admin) {
        (Lang::En, false) => format!("Welcome, {name}. You can use: {commands}"),
        (Lang::En, true) => {
            format!("Welcome, {name}. You are an administrator. You can use: {commands}")
        }
        (Lang::Zh, false) => format!("欢迎，{name}。可用命令：{commands}"),
        (Lang::Zh, true) => format!("欢迎，{name}。您是管理员。可用命令：{commands}"),
    }
}

fn say_friends(lang: Lang, friends: &[UserLine], requests: &[String]) -> String {
    let mut text = if friends.is_empty() {
        lang.pick("No friends yet.", "还没有好友。").to_owned()
    } else {
        let head = lang.pick("Friends:", "好友：").to_owned();
        list(head, friends.iter().map(|line| user_line(lang, line)))
    };
    if !requests.is_empty() {
        text.push('\n');
        text.push_str(lang.pick("Waiting for your answer:", "等待您处理的好友请求："));
        text = list(text, requests.iter().map(|name| format!("  {name}")));
    }
    text
}

fn user_line(lang: Lang, line: &UserLine) -> String {
    let mut text = format!("  {}", line.name);
    text.push_str(match line.online {
        true => lang.pick(" (online)", "（在线）"),
        false => lang.pick(" (offline)", "（离线）"),
    });
    if line.admin {
        text.push_str(lang.pick(" [administrator]", " [管理员]"));
    }
    if line.blocked {
        text.push_str(lang.pick(" [blocked]", " [已封禁]"));
    }
    text
}

fn say_groups(lang: Lang, groups: &[GroupLine]) -> String {
    if groups.is_empty() {
        return lang.pick("No groups.", "没有群。").to_owned();
    }
    let head = lang.pick("Groups:", "群：").to_owned();
    list(
        head,
        groups.iter().map(|group| {
            let GroupLine { number, name, creator, online, total, blocked } = group;
            let blocked = if *blocked { lang.pick(" [blocked]", " [已封禁]") } else { "" };
            format!("  {number}. {name} {creator} ({online}/{total}){blocked}")
        }),
    )
}

fn say_stats(lang: Lang, figures: &[Figure], refusals: &[Count], closes: &[Count]) -> String {
    let figures = figures.iter().map(|(_, english, chinese, value)| {
        format!("  {}: {value}", lang.pick(*english, *chinese))
    });
    let counts = |what: &'static str, counts: &[Count]| -> Vec<String> {
        counts.iter().map(|(reason, count)| format!("  {what} {reason}: {count}")).collect()
    };
    let refusals = counts(lang.pick("refused", "拒绝"), refusals);
    let closes = counts(lang.pick("closed", "断开"), closes);
    let head = lang.pick("The server:", "服务器状态：").to_owned();
    list(head, figures.chain(refusals).chain(closes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_short_text_has_words_in_both_languages() {
        let name = || "bob".to_owned();
        for reply in [
            Reply::Pong,
            Reply::Registered { name: name() },
            Reply::SignedOut,
            Reply::PasswordChanged,
            Reply::Whoami { name: name(), admin: true },
            Reply::LangSet,
            Reply::Confirmed,
            Reply::FriendAdded { name: name() },
            Reply::FriendAsked { name: name() },
            Reply::FriendRejected { name: name() },
            Reply::FriendRemoved { name: name() },
            Reply::Sent,
            Reply::SentOffline { name: name() },
            Reply::GroupCreated { name: name() },
            Reply::GroupDeleted { name: name() },
            Reply::MemberAdded { group: name(), name: name() },
            Reply::MemberRemoved { group: name(), name: name() },
            Reply::GroupLeft { name: name() },
            Reply::BroadcastSent,
            Reply::UserBlocked { name: name() },
            Reply::UserUnblocked { name: name() },
            Reply::GroupBlocked { name: name() },
            Reply::GroupUnblocked { name: name() },
            Reply::Granted { name: name() },
            Reply::Revoked { name: name() },
            Reply::PasswordReset { name: name() },
        ] {
            let english = reply.say(Lang::En);
            assert!(!english.is_empty());
            assert!(!reply.say(Lang::Zh).is_empty(), "{english}");
        }
    }

    #[test]
    fn p28_a_peers_text_cannot_start_a_line_of_a_list() {
        let reply = Reply::History(vec![history_line(Some("bob"), "one\ntwo\u{1b}[2J")]);
        assert_eq!(reply.say(Lang::En), "History:\nbob> one two [2J");
    }
}
