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

/// A row of the list of connections.
#[derive(Clone, Debug)]
pub struct ConnectionLine {
    /// Its name, as in the log.
    pub id: String,
    /// The address at its other end.
    pub peer: String,
    /// Who is signed in.
    pub username: Option<String>,
    /// What it speaks.
    pub protocol: &'static str,
    /// Seconds since it was accepted.
    pub age_seconds: u64,
    /// Why it rests, and for how many seconds it has rested.
    pub rests: Option<(&'static str, u64)>,
    /// Bytes that its peer has not taken yet.
    pub unsent_bytes: u64,
    /// The timeout that comes next, and in how many seconds.
    pub timeout: Option<(&'static str, u64)>,
}

/// A figure about the server: its name for programs, in English, in Chinese, and its value.
pub type Figure = (&'static str, &'static str, &'static str, u64);

/// A reason and how often it applied.
pub type Count = (&'static str, u64);

texts! {
    /// An answer's text.
    #[derive(Clone)]
    #[allow(missing_docs)]
    pub enum Reply {
        Pong => "pong", "pong";
        Registered { name: String } =>
            "{name} is registered. You can sign in now.", "{name} 注册成功，现在可以登录。";
        Welcome { name: String, admin: bool, commands: Vec<&'static str> } =>
            by welcome(name, admin, commands);
        SignedOut => "You are signed out.", "您已退出登录。";
        PasswordChanged => "Your password is changed.", "密码已修改。";
        Whoami { name: String, admin: bool } => by whoami(name, admin);
        LangSet => "The language is English now.", "现在使用中文。";
        /// Words that were made elsewhere.
        Words(words: String) => "{words}", "{words}";
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
        Stats {
            figures: Vec<Figure>, resting: Vec<Count>, refusals: Vec<Count>, closes: Vec<Count>
        } => by say_stats(figures, resting, refusals, closes);
    }
}

/// A line of a history: who said what, or a notice.
pub fn history_line(who: Option<&str>, text: &str) -> String {
    match who {
        Some(who) => format!("{}> {}", one_line(who), one_line(text)),
        None => format!("* {}", one_line(text)),
    }
}

fn list(head: &str, lines: impl Iterator<Item = String>) -> String {
    lines.fold(head.to_owned(), |text, line| text + "\n" + &line)
}

fn whoami(lang: Lang, name: &str, admin: &bool) -> String {
    let name = one_line(name);
    match *admin {
        true => lang
            .pick(format!("You are {name}, an administrator."), format!("您是 {name}，管理员。")),
        false => lang.pick(format!("You are {name}."), format!("您是 {name}。")),
    }
}

fn welcome(lang: Lang, name: &str, admin: &bool, commands: &[&str]) -> String {
    let (name, commands) = (one_line(name), commands.join(" "));
    match (lang, *admin) {
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
        let head = lang.pick("Friends:", "好友：");
        list(head, friends.iter().map(|line| user_line(lang, line)))
    };
    if !requests.is_empty() {
        text.push('\n');
        text.push_str(lang.pick("Waiting for your answer:", "等待您处理的好友请求："));
        text = list(&text, requests.iter().map(|name| format!("  {}", one_line(name))));
    }
    text
}

fn say_members(lang: Lang, group: &str, members: &[UserLine]) -> String {
    let group = one_line(group);
    let head = lang.pick(format!("Members of {group}:"), format!("群 {group} 的成员："));
    list(&head, members.iter().map(|line| user_line(lang, line)))
}

fn say_users(lang: Lang, users: &[UserLine]) -> String {
    match users.is_empty() {
        true => lang.pick("No users.", "没有人。").to_owned(),
        false => {
            list(lang.pick("Users:", "用户："), users.iter().map(|line| user_line(lang, line)))
        }
    }
}

fn say_connections(lang: Lang, connections: &[ConnectionLine]) -> String {
    let head = lang.pick("Connections:", "连接：");
    list(head, connections.iter().map(|line| connection_line(lang, line)))
}

fn connection_line(lang: Lang, line: &ConnectionLine) -> String {
    let ConnectionLine { id, peer, protocol, age_seconds, unsent_bytes, .. } = line;
    let mut text = format!("  {id} {peer} {protocol}");
    if let Some(name) = &line.username {
        text.push(' ');
        text.push_str(&one_line(name));
    }
    text.push_str(&lang.pick(
        format!(": {age_seconds} s old, {unsent_bytes} bytes unsent"),
        format!("：已连接 {age_seconds} 秒，待发送 {unsent_bytes} 字节"),
    ));
    if let Some((why, seconds)) = line.rests {
        text.push_str(&lang.pick(
            format!(", rests for {seconds} s ({why})"),
            format!("，已暂停 {seconds} 秒（{why}）"),
        ));
    }
    if let Some((name, seconds)) = line.timeout {
        text.push_str(
            &lang.pick(
                format!(", {name} in {seconds} s"),
                format!("，{seconds} 秒后超时（{name}）"),
            ),
        );
    }
    text
}

fn say_history(lang: Lang, lines: &[String]) -> String {
    match lines.is_empty() {
        true => lang.pick("No messages yet.", "还没有消息。").to_owned(),
        false => list(lang.pick("History:", "历史消息："), lines.iter().cloned()),
    }
}

fn say_found(lang: Lang, lines: &[String], more: &bool, unsearched: &u64) -> String {
    let mut text = match (lines.is_empty(), *more) {
        (true, false) => lang.pick("Nothing was found.", "没有找到。").to_owned(),
        (true, true) => lang.pick("Nothing was found so far.", "暂时没有找到。").to_owned(),
        (false, _) => list(lang.pick("Found:", "找到："), lines.iter().cloned()),
    };
    if *more {
        text.push('\n');
        text.push_str(lang.pick(
            "There may be older ones; more words narrow it down.",
            "可能还有更早的消息；可输入更多关键词缩小范围。",
        ));
    }
    if *unsearched > 0 {
        text.push('\n');
        text.push_str(&lang.pick(
            format!("{unsearched} messages cannot be searched yet; try again later."),
            format!("还有 {unsearched} 条消息正在整理，请稍后再搜。"),
        ));
    }
    text
}

fn say_receipts(lang: Lang, delivered: &Option<u64>, read: &u64, total: &u64) -> String {
    let mut text = lang.pick(
        format!("{read} of {total} have read it."),
        format!("{total} 人中有 {read} 人已读。"),
    );
    if let Some(delivered) = delivered {
        text.push_str(
            &lang
                .pick(format!(" {delivered} have received it."), format!("{delivered} 人已收到。")),
        );
    }
    text
}

fn user_line(lang: Lang, line: &UserLine) -> String {
    let mut text = format!("  {}", one_line(&line.name));
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
    let head = lang.pick("Groups:", "群：");
    list(
        head,
        groups.iter().map(|group| {
            let GroupLine { number, name, creator, online, total, blocked } = group;
            let (name, creator) = (one_line(name), one_line(creator));
            let blocked = if *blocked { lang.pick(" [blocked]", " [已封禁]") } else { "" };
            format!("  {number}. {name} {creator} ({online}/{total}){blocked}")
        }),
    )
}

fn say_stats(
    lang: Lang,
    figures: &[Figure],
    resting: &[Count],
    refusals: &[Count],
    closes: &[Count],
) -> String {
    let figures = figures.iter().map(|(_, english, chinese, value)| {
        format!("  {}: {value}", lang.pick(*english, *chinese))
    });
    let counts = |what: &'static str, counts: &[Count]| -> Vec<String> {
        counts.iter().map(|(reason, count)| format!("  {what} {reason}: {count}")).collect()
    };
    let resting = counts(lang.pick("resting", "暂停"), resting);
    let refusals = counts(lang.pick("refused", "拒绝"), refusals);
    let closes = counts(lang.pick("closed", "断开"), closes);
    let head = lang.pick("The server:", "服务器状态：");
    list(head, figures.chain(resting).chain(refusals).chain(closes))
}

#[cfg(test)]
mod tests;
