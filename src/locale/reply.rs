//! What the server answers when it did what was asked.

use serde::Serialize;

use super::{Lang, one_line};

/// A row of a list of groups, for people and for programs.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct GroupLine {
    /// The group's number in the list.
    #[serde(skip)]
    pub number: u64,
    pub groupname: String,
    /// The name of the user who made it.
    pub creator: String,
    pub group_id: i64,
    /// Members who are online.
    pub online: u64,
    /// All members.
    pub total: u64,
    pub blocked: bool,
}

/// A row of a list of users, for people and for programs.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct UserLine {
    pub username: String,
    pub online: bool,
    /// Only in lists of administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked: Option<bool>,
    /// Only in lists of administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_admin: Option<bool>,
}

/// A row of the list of connections, for people and for programs.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct ConnectionLine {
    /// Its id, as in the server's log.
    pub connection: String,
    /// The address of its peer.
    pub peer: String,
    /// The user who is signed in.
    pub username: Option<String>,
    pub protocol: &'static str,
    pub age_seconds: u64,
    /// Why it rests.
    pub rests: Option<&'static str>,
    pub rests_seconds: Option<u64>,
    /// Bytes that its peer has not taken yet.
    pub unsent_bytes: u64,
    /// The timeout that comes next.
    pub timeout: Option<&'static str>,
    pub timeout_seconds: Option<u64>,
}

/// A row of the list of what administrators did, for people and for programs.
#[derive(Clone, Debug, Serialize)]
pub struct ActLine {
    /// When, in unix seconds.
    pub timestamp: i64,
    /// The administrator; `None`: the operator.
    pub admin: Option<String>,
    /// The type of the request.
    pub act: String,
    /// The user, or the creator and the name of the group, to which it was done.
    pub about: Option<String>,
    /// The address from which it was asked for.
    pub address: String,
}

/// A figure about the server.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Figure {
    /// Its name for programs.
    pub name: &'static str,
    /// What it counts, in both languages.
    pub english: &'static str,
    pub chinese: &'static str,
    /// Whether it only grows while the server runs.
    pub only_grows: bool,
    pub value: u64,
}

/// A reason, and how often it applied.
pub type Count = (&'static str, u64);

/// All figures and counts about the server.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Statistics {
    pub figures: Vec<Figure>,
    /// Connections that rest, by reason.
    pub resting: Vec<Count>,
    /// Requests refused, by code.
    pub refusals: Vec<Count>,
    /// Connections ended, by reason.
    pub closes: Vec<Count>,
}

texts! {
    /// An answer's text.
    #[derive(Clone)]
    #[allow(missing_docs)]
    pub enum Reply {
        Pong => "pong", "pong";
        Registered { name: String } =>
            "{name} is registered. You can sign in now.", "{name} 注册成功，现在可以登录。";
        Welcome { name: String, commands: String } =>
            "Welcome, {name}. You can use: {commands}", "欢迎，{name}。可用命令：{commands}";
        WelcomeAdmin { name: String, commands: String } =>
            "Welcome, {name}. You are an administrator. You can use: {commands}",
            "欢迎，{name}。您是管理员。可用命令：{commands}";
        SignedOut => "You are signed out.", "您已退出登录。";
        PasswordChanged => "Your password is changed.", "密码已修改。";
        Whoami { name: String } => "You are {name}.", "您是 {name}。";
        WhoamiAdmin { name: String } => "You are {name}, an administrator.", "您是 {name}，管理员。";
        LangSet => "The language is English now.", "现在使用中文。";
        /// The text of `help`, in the right language; it has many lines.
        Help(text: String) => by as_it_is(text);
        Confirmed => "Confirmed.", "已确认。";
        FriendAdded { name: String } => "You and {name} are friends now.", "您和 {name} 已成为好友。";
        FriendAsked { name: String } =>
            "{name} was asked to be your friend.", "已向 {name} 发送好友请求。";
        FriendRejected { name: String } =>
            "You declined the friend request of {name}.", "已拒绝 {name} 的好友请求。";
        FriendRemoved { name: String } =>
            "You and {name} are no longer friends.", "您和 {name} 已不再是好友。";
        Friends { friends: Vec<UserLine>, requests: Vec<String> } =>
            by say_friends(friends, requests);
        Sent => "Sent.", "已发送。";
        SentOffline { name: String } =>
            "{name} is offline; the message is kept for them.", "{name} 不在线，消息已保存。";
        GroupCreated { name: String } => "The group {name} is yours.", "群 {name} 已创建。";
        GroupDeleted { name: String } => "The group {name} is deleted.", "群 {name} 已删除。";
        MemberAdded { group: String, name: String } =>
            "{name} is in {group} now.", "{name} 已加入群 {group}。";
        MemberRemoved { group: String, name: String } =>
            "{name} is no longer in {group}.", "{name} 已移出群 {group}。";
        StaysOut { name: String } =>
            "You are not in {name}, and its owner cannot add you again.",
            "您已退出群 {name}，他人无法再将您加入。";
        MayBeAdded { name: String } =>
            "The owner of {name} can add you again.", "他人可以再次将您加入群 {name}。";
        GroupLeft { name: String } => "You left {name}.", "您已退出群 {name}。";
        Groups(groups: Vec<GroupLine>) => by say_groups(groups);
        Members { group: String, members: Vec<UserLine> } => by say_members(group, members);
        Users(users: Vec<UserLine>) => by say_users(users);
        Connections(connections: Vec<ConnectionLine>) => by say_connections(connections);
        Acts(acts: Vec<ActLine>) => by say_acts(acts);
        /// Each line as [`history_line`] makes it.
        History(lines: Vec<String>) => by say_history(lines);
        /// Lines as of a history, whether there may be older ones, and how many messages could not
        /// be looked at yet.
        Found { lines: Vec<String>, more: bool, unsearched: u64 } =>
            by say_found(lines, more, unsearched);
        Receipts { delivered: Option<u64>, read: u64, total: u64 } =>
            by say_receipts(delivered, read, total);
        BroadcastSent => "Sent to everyone.", "已发送给所有人。";
        UserBlocked { name: String } => "{name} is blocked.", "{name} 已被封禁。";
        UserUnblocked { name: String } => "{name} may sign in again.", "{name} 已解除封禁。";
        GroupBlocked { name: String } => "The group {name} is blocked.", "群 {name} 已被封禁。";
        GroupUnblocked { name: String } =>
            "The group {name} is no longer blocked.", "群 {name} 已解除封禁。";
        Granted { name: String } => "{name} is an administrator now.", "{name} 已成为管理员。";
        Revoked { name: String } => "{name} is no longer an administrator.", "{name} 不再是管理员。";
        PasswordReset { name: String } => "{name} has a new password.", "{name} 的密码已重设。";
        Stats(statistics: Statistics) => by say_stats(statistics);
    }
}

/// A line of a history: who said what, or a notice.
pub fn history_line(who: Option<&str>, text: &str) -> String {
    match who {
        Some(who) => format!("{}> {}", one_line(who), one_line(text)),
        None => format!("* {}", one_line(text)),
    }
}

fn as_it_is(_: Lang, text: &str) -> String {
    text.to_owned()
}

fn list(head: impl Into<String>, lines: impl Iterator<Item = String>) -> String {
    lines.fold(head.into(), |text, line| text + "\n" + &line)
}

fn say_friends(lang: Lang, friends: &[UserLine], requests: &[String]) -> String {
    let mut text = match friends {
        [] => say!(lang, "No friends yet.", "还没有好友。"),
        _ => say_people(lang, lang.pick("Friends:", "好友："), friends),
    };
    if !requests.is_empty() {
        text += "\n";
        text += lang.pick("Waiting for your answer:", "等待您处理的好友请求：");
        text = list(text, requests.iter().map(|name| format!("  {}", one_line(name))));
    }
    text
}

fn say_members(lang: Lang, group: &str, members: &[UserLine]) -> String {
    say_people(lang, say!(lang, "Members of {group}:", "群 {group} 的成员："), members)
}

fn say_users(lang: Lang, users: &[UserLine]) -> String {
    match users {
        [] => say!(lang, "No users.", "没有人。"),
        _ => say_people(lang, lang.pick("Users:", "用户："), users),
    }
}

fn say_people(lang: Lang, head: impl Into<String>, people: &[UserLine]) -> String {
    list(head, people.iter().map(|line| user_line(lang, line)))
}

fn say_connections(lang: Lang, connections: &[ConnectionLine]) -> String {
    let head = lang.pick("Connections:", "连接：");
    list(head, connections.iter().map(|line| connection_line(lang, line)))
}

fn say_acts(lang: Lang, acts: &[ActLine]) -> String {
    let line = |line: &ActLine| {
        let ActLine { timestamp, act, address, .. } = line;
        let at = jiff::Timestamp::from_second(*timestamp).unwrap_or_default();
        let admin = line.admin.as_deref().unwrap_or(lang.pick("the operator", "运维人员"));
        let about = line.about.iter().map(|about| format!(" {}", one_line(about)));
        format!("  {at} {} {act}{} ({address})", one_line(admin), about.collect::<String>())
    };
    match acts {
        [] => say!(lang, "No administrator has done anything yet.", "管理员还没有任何操作。"),
        _ => list(lang.pick("What administrators did:", "管理员的操作："), acts.iter().map(line)),
    }
}

fn connection_line(lang: Lang, line: &ConnectionLine) -> String {
    let ConnectionLine { connection, peer, protocol, age_seconds, unsent_bytes, .. } = line;
    let mut text = format!("  {connection} {peer} {protocol}");
    if let Some(name) = &line.username {
        text = text + " " + &one_line(name);
    }
    text += &say!(
        lang,
        ": {age_seconds} s old, {unsent_bytes} bytes unsent",
        "：已连接 {age_seconds} 秒，待发送 {unsent_bytes} 字节"
    );
    if let Some((why, seconds)) = line.rests.zip(line.rests_seconds) {
        text += &say!(lang, ", rests for {seconds} s ({why})", "，已暂停 {seconds} 秒（{why}）");
    }
    if let Some((name, seconds)) = line.timeout.zip(line.timeout_seconds) {
        text += &say!(lang, ", {name} in {seconds} s", "，{seconds} 秒后超时（{name}）");
    }
    text
}

fn say_history(lang: Lang, lines: &[String]) -> String {
    match lines {
        [] => say!(lang, "No messages yet.", "还没有消息。"),
        _ => list(lang.pick("History:", "历史消息："), lines.iter().cloned()),
    }
}

fn say_found(lang: Lang, lines: &[String], more: &bool, unsearched: &u64) -> String {
    let mut text = match (lines, *more) {
        ([], false) => say!(lang, "Nothing was found.", "没有找到。"),
        ([], true) => say!(lang, "Nothing was found so far.", "暂时没有找到。"),
        _ => list(lang.pick("Found:", "找到："), lines.iter().cloned()),
    };
    if *more {
        text += lang.pick(
            "\nThere may be older ones; more words narrow it down.",
            "\n可能还有更早的消息；可输入更多关键词缩小范围。",
        );
    }
    if *unsearched > 0 {
        text += &say!(
            lang,
            "\n{unsearched} messages cannot be searched yet; try again later.",
            "\n还有 {unsearched} 条消息正在整理，请稍后再搜。"
        );
    }
    text
}

fn say_receipts(lang: Lang, delivered: &Option<u64>, read: &u64, total: &u64) -> String {
    let mut text = say!(lang, "{read} of {total} have read it.", "{total} 人中有 {read} 人已读。");
    if let Some(delivered) = delivered {
        text += &say!(lang, " {delivered} have received it.", "{delivered} 人已收到。");
    }
    text
}

fn user_line(lang: Lang, line: &UserLine) -> String {
    let online = match line.online {
        true => lang.pick(" (online)", "（在线）"),
        false => lang.pick(" (offline)", "（离线）"),
    };
    let admin = lang.pick(" [administrator]", " [管理员]");
    let admin = if line.is_admin == Some(true) { admin } else { "" };
    let blocked = blocked(lang, line.blocked == Some(true));
    format!("  {}{online}{admin}{blocked}", one_line(&line.username))
}

fn blocked(lang: Lang, is_blocked: bool) -> &'static str {
    if is_blocked { lang.pick(" [blocked]", " [已封禁]") } else { "" }
}

fn say_groups(lang: Lang, groups: &[GroupLine]) -> String {
    let line = |group: &GroupLine| {
        let GroupLine { number, online, total, .. } = group;
        let (name, creator) = (one_line(&group.groupname), one_line(&group.creator));
        let blocked = blocked(lang, group.blocked);
        format!("  {number}. {name} {creator} ({online}/{total}){blocked}")
    };
    match groups {
        [] => say!(lang, "No groups.", "没有群。"),
        _ => list(lang.pick("Groups:", "群："), groups.iter().map(line)),
    }
}

fn say_stats(lang: Lang, statistics: &Statistics) -> String {
    let Statistics { figures, resting, refusals, closes } = statistics;
    let figures = figures.iter().map(|Figure { english, chinese, value, .. }| {
        format!("  {}: {value}", lang.pick(english, chinese))
    });
    let counts = [
        (lang.pick("resting", "暂停"), resting),
        (lang.pick("refused", "拒绝"), refusals),
        (lang.pick("closed", "断开"), closes),
    ];
    let counts = counts.into_iter().flat_map(|(what, counts)| {
        counts.iter().map(move |(reason, count)| format!("  {what} {reason}: {count}"))
    });
    list(lang.pick("The server:", "服务器状态："), figures.chain(counts))
}

#[cfg(test)]
mod tests;
