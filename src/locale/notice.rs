//! What the server tells unasked, from the event and its arguments.

use super::{Lang, one_line};
use crate::wire::{Event, Notice};

/// The words of a notice.
pub fn say(notice: &Notice, lang: Lang) -> String {
    let who = one_line(notice.username.as_deref().unwrap_or("?"));
    let group = match (notice.creator.as_deref(), notice.groupname.as_deref()) {
        (Some(creator), Some(name)) => one_line(&format!("{creator}/{name}")),
        (None, Some(name)) => one_line(name),
        _ => String::new(),
    };
    let (english, chinese) = match notice.event {
        Event::FriendAdded => {
            (format!("{who} and you are friends now."), format!("{who} 和您已成为好友。"))
        }
        Event::FriendRequested => (
            format!("{who} asks to be your friend: accept {who}, or reject {who}."),
            format!("{who} 请求加您为好友：accept {who} 同意，reject {who} 拒绝。"),
        ),
        Event::FriendRejected => {
            (format!("{who} declined your friend request."), format!("{who} 拒绝了您的好友请求。"))
        }
        Event::FriendRemoved => {
            (format!("{who} ended your friendship."), format!("{who} 已解除与您的好友关系。"))
        }
        Event::GroupAdded => (
            format!("{who} brought you into the group {group}."),
            format!("{who} 将您加入了群 {group}。"),
        ),
        Event::GroupJoined => {
            (format!("{who} is in the group {group} now."), format!("{who} 加入了群 {group}。"))
        }
        Event::GroupRemoved => (
            format!("{who} took you out of the group {group}."),
            format!("{who} 将您移出了群 {group}。"),
        ),
        Event::GroupLeft => {
            (format!("{who} left the group {group}."), format!("{who} 退出了群 {group}。"))
        }
        Event::GroupDeleted => {
            (format!("{who} deleted the group {group}."), format!("{who} 解散了群 {group}。"))
        }
        Event::GroupBlocked => (
            format!("An administrator blocked the group {group}."),
            format!("管理员封禁了群 {group}。"),
        ),
        Event::GroupUnblocked => (
            format!("An administrator unblocked the group {group}."),
            format!("管理员解封了群 {group}。"),
        ),
        Event::SignedInElsewhere => (
            "You signed in elsewhere; this session has ended.".into(),
            "您的账号在别处登录，当前会话已结束。".into(),
        ),
        Event::Blocked => {
            ("An administrator has blocked your account.".into(), "您的账号已被管理员封禁。".into())
        }
        Event::PasswordReset => (
            "Your password was reset; sign in with the new one.".into(),
            "您的密码已被重设，请用新密码登录。".into(),
        ),
        Event::Gap => (
            "Older messages are no longer kept; some that waited for you may be among them.".into(),
            "较早的消息已不再保留，其中可能有等待您的消息。".into(),
        ),
        Event::Shutdown => ("The server is stopping.".into(), "服务器正在停止。".into()),
        Event::CaughtUp => ("That is all that waited for you.".into(), "离线消息已送达。".into()),
        // Their words are what the administrator wrote; the others have their own below.
        Event::Admin | Event::Broadcast | Event::Presence | Event::Receipt => Default::default(),
    };
    lang.pick(english, chinese)
}

/// That a friend came, or went.
pub fn presence(name: &str, online: bool, lang: Lang) -> String {
    match online {
        true => lang.pick(format!("{name} is online."), format!("{name} 上线了。")),
        false => lang.pick(format!("{name} is offline."), format!("{name} 下线了。")),
    }
}

/// That somebody has a message, or has read it.
pub fn receipt(name: &str, read: bool, lang: Lang) -> String {
    match read {
        true => lang.pick(format!("{name} has read it."), format!("{name} 已读。")),
        false => lang.pick(format!("{name} has received it."), format!("{name} 已收到。")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::GroupId;

    #[test]
    fn every_event_has_words_in_both_languages() {
        for &event in Event::ALL {
            let notice = Notice::by(event, "bob").in_group(GroupId(7), "team", "ann");
            let own_words = !matches!(
                event,
                Event::Admin | Event::Broadcast | Event::Presence | Event::Receipt
            );
            assert_eq!(!say(&notice, Lang::En).is_empty(), own_words, "{event:?}");
            assert_eq!(!say(&notice, Lang::Zh).is_empty(), own_words, "{event:?}");
        }
    }
}
