//! The texts of refusals: what is wrong, and what to do.

use super::{Lang, excerpt};
use crate::limits::{
    FRAME_PAYLOAD_BYTES_MAX as FRAME, GROUPNAME_CHARS_MAX as GROUP_CHARS,
    MESSAGE_BYTES_MAX as MESSAGE, NAME_MARKS_MAX, PASSWORD_CHARS_MAX as LONGEST,
    PASSWORD_CHARS_MIN as SHORTEST, QUERY_BYTES_MAX as BYTES, SEARCH_PHRASES_MAX as WORDS,
    USERNAME_CHARS_MAX as USER_CHARS,
};
use crate::wire::{Code, Refusal};

/// A text below has this number as a word.
const _: () = assert!(NAME_MARKS_MAX == 4);

/// The text of a refusal.
pub fn say(refusal: &Refusal, lang: Lang) -> String {
    let about = refusal.about.as_deref().map(excerpt).unwrap_or_default();
    words(lang, refusal.code, &about, refusal.retry_after.unwrap_or(1))
}

words! {
    words(code: Code, about: &str, seconds: u64) {
        Code::Ok => "Done.", "完成。";
        Code::BadMagic =>
            "This is not a p2sp frame: it must begin with AB CD EF 88.",
            "不是 p2sp 数据帧：必须以 AB CD EF 88 开头。";
        Code::BadChecksum => "The payload does not have the checksum of its header.", "数据校验和与帧头不符。";
        Code::BadPayload =>
            "The payload must be a JSON object {{\"type\", \"timestamp\", \"payload\"}} in UTF-8.",
            "数据必须是 UTF-8 编码的 JSON 对象 {{\"type\", \"timestamp\", \"payload\"}}。";
        Code::FrameTooLong => "The frame claims more than {FRAME} bytes.", "数据帧长度超过 {FRAME} 字节。";
        Code::AckTooHigh => "You confirmed a message that was never sent to you.", "所确认的消息从未发送给您。";
        Code::TlsRequired =>
            "Connections from other machines must use TLS: use a client that supports it, or start \
             the server with --insecure-plaintext.",
            "从其他机器连接本服务器必须使用 TLS：请使用支持 TLS 的客户端，或以 --insecure-plaintext 启动服务器。";
        Code::BadRequest => by bad_argument(about);
        Code::UnknownType =>
            "There is no request \"{about}\"; \"help\" lists what there is.",
            "没有“{about}”这种请求；“help”列出所有命令。";
        Code::BadName => by bad_name_of(about);
        Code::WeakPassword => by weak(about);
        Code::EmptyMessage => "The message is empty.", "消息不能为空。";
        Code::MessageTooLong =>
            "The message is over {MESSAGE} bytes; send it in parts.",
            "消息超过 {MESSAGE} 字节，请分段发送。";
        Code::BadCredentials => "The name or the password is wrong.", "用户名或密码错误。";
        Code::NotSignedIn => "Sign in first: login NAME.", "请先登录：login 用户名。";
        Code::BadKey =>
            "The login key is missing, wrong or expired; sign in again.", "登录凭证缺失、错误或已过期，请重新登录。";
        Code::UserBlocked => "An administrator has blocked this account.", "该账号已被管理员封禁。";
        Code::NotAdmin => "Only administrators may do that.", "只有管理员可以执行此操作。";
        Code::NotFriends => "You are not friends: add NAME first.", "你们还不是好友，请先 add 用户名。";
        Code::NotOwner => "Only the group's owner may do that.", "只有群主可以执行此操作。";
        Code::NotMember => "Not a member of that group.", "不是该群成员。";
        Code::GroupBlocked => "An administrator has blocked this group.", "该群已被管理员封禁。";
        Code::NameReserved =>
            "The name {about} and what looks like it are kept for the system; choose another name.",
            "“{about}”及与其相似的名称为系统保留，请换一个。";
        Code::BadInvite =>
            "That invite code is wrong. Compare it with the one that the server's operator gave \
             out, or ask them for another.",
            "邀请码错误。请与服务器管理员提供的邀请码核对，或向管理员索取新的邀请码。";
        Code::InviteRequired =>
            "Registering from another machine needs the invite code that the server printed. At a \
             terminal p2sp asks for it; a script gives it with P2SP_INVITE or --invite-file FILE.",
            "从其他机器注册需要服务器启动时显示的邀请码。在终端中 p2sp 会询问；脚本请用 P2SP_INVITE 或 --invite-file 文件 提供。";
        Code::NeedsConsent =>
            "{about} must agree first: become friends, or ask them whether they want to be in that \
             group.",
            "需要先征得 {about} 的同意：请先加对方为好友，或询问对方是否愿意加入该群。";
        Code::AdminProtected => "Administrators cannot be blocked.", "不能封禁管理员。";
        Code::NoSuchUser => "There is no user {about}.", "用户 {about} 不存在。";
        Code::NoSuchGroup => "There is no group {about}.", "群 {about} 不存在。";
        Code::NoSuchRequest => "That user has not asked to be your friend.", "没有来自该用户的好友请求。";
        Code::UserExists => "That name is taken; register under another.", "该用户名已被注册，请换一个。";
        Code::GroupExists => "You have a group of that name already.", "您已有同名的群。";
        Code::AlreadyFriends =>
            "You are friends already; you can send directly.", "你们已经是好友，可以直接发消息。";
        Code::AlreadyMember => "That user is in the group already.", "该用户已在群中。";
        Code::AlreadySignedIn => "You are signed in already; log out first.", "您已登录，请先退出。";
        Code::RequestPending => "You have asked already; wait for the answer.", "已发送过好友请求，请等待对方处理。";
        Code::Yourself => "You cannot do that to yourself.", "不能对自己执行此操作。";
        Code::MidReused => "This message id was used for another message.", "该消息编号已用于另一条消息。";
        Code::GroupLimit => "Too many groups.", "群数量已达上限。";
        Code::GroupFull => "The group is full.", "群成员已满。";
        Code::FriendLimit => "Too many friends.", "好友数量已达上限。";
        Code::MailboxFull =>
            "Too many messages wait for that user already; try again later.",
            "对方未读消息过多，请稍后再试。";
        Code::QuotaFull => by quota_full(seconds);
        Code::SlowDown => "Too often. Try again in {seconds} s.", "操作过于频繁，请在 {seconds} 秒后重试。";
        Code::StorageFull =>
            "The server's disk is full; nothing was stored. Try again later.", "服务器磁盘已满，未保存，请稍后重试。";
        Code::Busy => "The server is busy; try again.", "服务器繁忙，请重试。";
        Code::Internal => "Something is wrong on the server; nothing was stored.", "服务器内部错误，未保存。";
    }
}

/// `about` is the rule that the name breaks and the character that breaks it.
fn bad_name_of(lang: Lang, about: &str) -> String {
    let (rule, c) = about.split_once(' ').unwrap_or((about, ""));
    bad_name(lang, rule, c)
}

words! {
    bad_name(rule: &str, c: &str) {
        "user_empty" => "A username is missing.", "缺少用户名。";
        "user_long" =>
            "That username is too long: use at most {USER_CHARS} characters.",
            "用户名太长：最多 {USER_CHARS} 个字符。";
        "user_start" =>
            "A username begins with a letter, a digit or a Chinese character, not with {c}.",
            "用户名必须以英文字母、数字或汉字开头，不能以 {c} 开头。";
        "group_empty" => "The group needs a name that can be seen.", "群名不能为空。";
        "group_long" =>
            "That group name is too long: use at most {GROUP_CHARS} characters.",
            "群名太长：最多 {GROUP_CHARS} 个字符。";
        "group_spaces" =>
            "A group name has single spaces, and none at its beginning or end.",
            "群名中间只能有单个空格，开头和结尾不能有空格。";
        "group_slash" =>
            "A group name has no /, which stands between a creator and a group.",
            "群名不能包含 /，它用来分隔群主与群名。";
        "group_hidden" =>
            "That group name contains an invisible character, {c}: leave it out.",
            "群名含有不可见的字符 {c}，请去掉。";
        "group_loose_mark" =>
            "That group name has an accent or another mark without a letter.",
            "群名中有不依附于任何文字的附加符号。";
        "group_marks" =>
            "That group name has more than four marks on one letter.",
            "群名中有文字带有四个以上的附加符号。";
        // `user_character`
        _ =>
            "A username cannot contain {c}: use letters a-z, digits, _ - . and Chinese characters.",
            "用户名不能包含 {c}：只能使用英文字母、数字、_ - . 和汉字。";
    }
}

words! {
    bad_argument(about: &str) {
        "query" =>
            "Search (\"query\") for 1 to {WORDS} words, in {BYTES} bytes at most.",
            "请搜索（“query”）1 至 {WORDS} 个词，总长不超过 {BYTES} 字节。";
        _ =>
            "The argument \"{about}\" is missing or not of the right kind.",
            "参数“{about}”缺失或类型不对。";
    }
}

words! {
    weak(about: &str) {
        "short" =>
            "That password is too short: use {SHORTEST} characters or more.",
            "密码太短：至少 {SHORTEST} 个字符。";
        "long" =>
            "That password is too long: use at most {LONGEST} characters.",
            "密码太长：最多 {LONGEST} 个字符。";
        "name" =>
            "The password must not be the name; choose another.", "密码不能与用户名相同，请换一个。";
        _ => "That password is too common; choose another.", "密码过于常见，请换一个。";
    }
}

fn quota_full(lang: Lang, seconds: u64) -> String {
    let minutes = seconds.div_ceil(60);
    let (hours, minutes) = (minutes / 60, minutes % 60);
    say!(
        lang,
        "You have reached the limit of what the server stores for one user a day. Try again in \
         {hours} h {minutes} min.",
        "您今天写入的内容已达每人每日上限，请在 {hours} 小时 {minutes} 分钟后继续。"
    )
}
