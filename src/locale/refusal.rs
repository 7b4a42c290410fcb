//! How the server says no: what is wrong, and what to do.

use super::{Lang, excerpt};
use crate::wire::{Code, Refusal};

/// The words of a refusal.
pub fn say(refusal: &Refusal, lang: Lang) -> String {
    let about = refusal.about.as_deref().map(excerpt).unwrap_or_default();
    words(refusal.code, lang, &about, refusal.retry_after.unwrap_or(1))
}

/// The words for every code, or it does not compile. They may name what the refusal is about, and
/// the seconds to wait.
macro_rules! codes {
    ($about:ident, $seconds:ident: $(
        $code:ident =>
            $($english:literal, $chinese:literal)? $(by $function:ident($argument:ident))?;
    )+) => {
        fn words(code: Code, lang: Lang, $about: &str, $seconds: u64) -> String {
            match (code, lang) {$(
                (Code::$code, Lang::En) => {
                    $(format!($english))? $($function(lang, $argument))?
                }
                (Code::$code, Lang::Zh) => {
                    $(format!($chinese))? $($function(lang, $argument))?
                }
            )+}
        }
    };
}

codes! {
    about, seconds:
    Ok => "Done.", "完成。";
    BadMagic =>
        "This is not a p2sp frame: it must begin with AB CD EF 88.",
        "不是 p2sp 数据帧：必须以 AB CD EF 88 开头。";
    BadChecksum => "The payload does not have the checksum of its header.", "数据校验和与帧头不符。";
    BadPayload =>
        "The payload must be a JSON object {{\"type\", \"timestamp\", \"payload\"}} in UTF-8.",
        "数据必须是 UTF-8 编码的 JSON 对象 {{\"type\", \"timestamp\", \"payload\"}}。";
    FrameTooLong => "The frame claims more than 65,536 bytes.", "数据帧长度超过 65536 字节。";
    AckTooHigh => "What you confirm was never sent to you.", "所确认的消息从未发送给您。";
    TlsRequired =>
        "From another machine this server is spoken to over TLS only: use a client that speaks \
         TLS, or start the server with --insecure-plaintext.",
        "从其他机器连接本服务器必须使用 TLS：请使用支持 TLS 的客户端，或以 --insecure-plaintext 启动服务器。";
    BadRequest =>
        "The argument \"{about}\" is missing or not of the right kind.", "参数“{about}”缺失或类型不对。";
    UnknownType =>
        "There is no request \"{about}\"; \"help\" lists what there is.",
        "没有“{about}”这种请求；“help”列出所有命令。";
    BadName =>
        "That name cannot be used. Usernames: 1-32 letters a-z, digits, _ - . and Chinese \
         characters. Group names: 1-64 letters, digits and spaces inside.",
        "名称不合规。用户名：1–32 个英文字母、数字、_ - . 或汉字；群名：1–64 个文字、数字，中间可有空格。";
    WeakPassword => by weak(about);
    EmptyMessage => "The message is empty.", "消息不能为空。";
    MessageTooLong => "The message is over 8,000 bytes; send it in parts.", "消息超过 8000 字节，请分段发送。";
    BadCredentials => "The name or the password is wrong.", "用户名或密码错误。";
    NotSignedIn => "Sign in first: login NAME.", "请先登录：login 用户名。";
    BadKey =>
        "The login key is missing, wrong or expired; sign in again.", "登录凭证缺失、错误或已过期，请重新登录。";
    UserBlocked => "An administrator has blocked this account.", "该账号已被管理员封禁。";
    NotAdmin => "Only administrators may do that.", "只有管理员可以执行此操作。";
    NotFriends => "You are not friends: add NAME first.", "你们还不是好友，请先 add 用户名。";
    NotOwner => "Only the group's owner may do that.", "只有群主可以执行此操作。";
    NotMember => "Not a member of that group.", "不是该群成员。";
    GroupBlocked => "An administrator has blocked this group.", "该群已被管理员封禁。";
    NameReserved => "That name is kept for the system; take another.", "该名称为系统保留，请换一个。";
    InviteRequired =>
        "Registering from another machine needs the invite code that the server printed. At a \
         terminal p2sp asks for it; a script has it in P2SP_INVITE or --invite-file FILE.",
        "从其他机器注册需要服务器启动时显示的邀请码。在终端中 p2sp 会询问；脚本请用 P2SP_INVITE 或 --invite-file 文件 提供。";
    AdminProtected => "Administrators cannot be blocked.", "不能封禁管理员。";
    NoSuchUser => "There is no user {about}.", "用户 {about} 不存在。";
    NoSuchGroup => "There is no group {about}.", "群 {about} 不存在。";
    NoSuchRequest => "Nobody of that name has asked you.", "没有来自该用户的好友请求。";
    UserExists => "That name is taken; register under another.", "该用户名已被注册，请换一个。";
    GroupExists => "You have a group of that name already.", "您已有同名的群。";
    AlreadyFriends => "You are friends already; you can send directly.", "你们已经是好友，可以直接发消息。";
    AlreadyMember => "They are in the group already.", "该用户已在群中。";
    AlreadySignedIn => "You are signed in already; log out first.", "您已登录，请先退出。";
    RequestPending => "You have asked already; wait for the answer.", "已发送过好友请求，请等待对方处理。";
    Yourself => "You cannot do that to yourself.", "不能对自己执行此操作。";
    MidReused => "This message id was used for another message.", "该消息编号已用于另一条消息。";
    GroupLimit => "Too many groups.", "群数量已达上限。";
    GroupFull => "The group is full.", "群成员已满。";
    FriendLimit => "Too many friends.", "好友数量已达上限。";
    MailboxFull => "Too much waits for them already; try again later.", "对方未读消息过多，请稍后再试。";
    SlowDown => "Too often. Try again in {seconds} s.", "操作过于频繁，请在 {seconds} 秒后重试。";
    StorageFull =>
        "The server's disk is full; nothing was stored. Try again later.", "服务器磁盘已满，未保存，请稍后重试。";
    Busy => "The server is busy; try again.", "服务器繁忙，请重试。";
    Internal => "Something is wrong on the server; nothing was stored.", "服务器内部错误，未保存。";
}

fn weak(lang: Lang, about: &str) -> String {
    let (english, chinese) = match about {
        "short" => {
            ("That password is too short: take 8 characters or more.", "密码太短：至少 8 个字符。")
        }
        "long" => (
            "That password is too long: take at most 128 characters.",
            "密码太长：最多 128 个字符。",
        ),
        "name" => {
            ("That password is the name itself; take another.", "密码不能与用户名相同，请换一个。")
        }
        _ => (
            "That password is one of the first that anyone would try; take another.",
            "密码过于常见，请换一个。",
        ),
    };
    lang.pick(english, chinese).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_words_in_both_languages() {
        for &code in Code::ALL {
            let refusal = Refusal::about(code, "bob");
            let (english, chinese) = (say(&refusal, Lang::En), say(&refusal, Lang::Zh));
            assert!(english.is_ascii() && english.len() > 4, "{code:?}");
            assert!(!chinese.is_ascii(), "{code:?}");
        }
    }
}
