//! What the server tells unasked, from the event and its arguments.

use super::Lang;
use crate::wire::{Event, Notice};

/// The text of a notice; empty where an administrator wrote it.
pub fn say(notice: &Notice, lang: Lang) -> String {
    let who = notice.username.as_deref().unwrap_or("?");
    let group = match (notice.creator.as_deref(), notice.groupname.as_deref()) {
        (Some(creator), Some(name)) => format!("{creator}/{name}"),
        (None, Some(name)) => name.to_owned(),
        _ => String::new(),
    };
    let (online, read) = (notice.online == Some(true), notice.read.is_some());
    words(lang, notice.event, who, &group, online, read)
}

words! {
    words(event: Event, who: &str, group: &str, online: bool, read: bool) {
        Event::FriendAdded => "{who} and you are friends now.", "{who} 和您已成为好友。";
        Event::FriendRequested =>
            "{who} asks to be your friend: accept {who}, or reject {who}.",
            "{who} 请求加您为好友：accept {who} 同意，reject {who} 拒绝。";
        Event::FriendRejected =>
            "{who} declined your friend request.", "{who} 拒绝了您的好友请求。";
        Event::FriendRemoved => "{who} ended your friendship.", "{who} 已解除与您的好友关系。";
        Event::GroupAdded =>
            "{who} brought you into the group {group}.", "{who} 将您加入了群 {group}。";
        Event::GroupJoined => "{who} is in the group {group} now.", "{who} 加入了群 {group}。";
        Event::GroupRemoved =>
            "{who} took you out of the group {group}.", "{who} 将您移出了群 {group}。";
        Event::GroupLeft => "{who} left the group {group}.", "{who} 退出了群 {group}。";
        Event::GroupDeleted => "{who} deleted the group {group}.", "{who} 解散了群 {group}。";
        Event::GroupBlocked =>
            "An administrator blocked the group {group}.", "管理员封禁了群 {group}。";
        Event::GroupUnblocked =>
            "An administrator unblocked the group {group}.", "管理员解封了群 {group}。";
        Event::Admin | Event::Broadcast => "", "";
        Event::SignedInElsewhere =>
            "You signed in elsewhere; this session has ended.",
            "您的账号在别处登录，当前会话已结束。";
        Event::Blocked =>
            "An administrator has blocked your account.", "您的账号已被管理员封禁。";
        Event::PasswordReset =>
            "Your password was reset; sign in with the new one.",
            "您的密码已被重设，请用新密码登录。";
        Event::Gap =>
            "Older messages are no longer kept; some that waited for you may be among them.",
            "较早的消息已不再保留，其中可能有等待您的消息。";
        Event::Presence if online => "{who} is online.", "{who} 上线了。";
        Event::Presence => "{who} is offline.", "{who} 下线了。";
        Event::Receipt if read => "{who} has read it.", "{who} 已读。";
        Event::Receipt => "{who} has received it.", "{who} 已收到。";
        Event::Shutdown => "The server is stopping.", "服务器正在停止。";
        Event::CaughtUp => "That is all that waited for you.", "离线消息已送达。";
    }
}
