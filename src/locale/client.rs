//! The stdin client's own words: its prompts, what it says about the connection, and the
//! refusals it makes itself.
//!
//! What the server says comes in the session's language already, and what is wrong with a
//! command line is in [`super::command`]. The prompts end in a space, all else in nothing.

use super::Lang;

/// A text of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text<'a> {
    /// On a terminal, at the start.
    Welcome {
        /// Where the server is.
        address: &'a str,
    },
    /// At telnet or nc, in front of the first answer.
    WelcomeLine,
    /// From here on every answer is an object, for programs.
    RawOn,
    /// The same, for people.
    RawOff,
    /// Stands before what an administrator says.
    SystemMark,
    /// Asks for the password.
    Password,
    /// Asks for the password that is about to be replaced.
    OldPassword,
    /// Asks for the next password.
    NewPassword,
    /// Asks for a password again.
    PasswordAgain,
    /// The two were not the same.
    PasswordsDiffer,
    /// The input ended where a password should have come.
    PasswordMissing,
    /// A line over the limit.
    LineTooLong {
        /// The limit.
        bytes_max: usize,
    },
    /// A line that is not UTF-8.
    LineNotText,
    /// The client speaks this language now.
    LangChanged,
    /// The server does not answer at all.
    Unreachable {
        /// Where it should be.
        address: &'a str,
        /// What the system says.
        why: &'a str,
    },
    /// A server that was never met before, over TLS.
    FirstContact {
        /// Where it is.
        address: &'a str,
        /// Its key.
        fingerprint: &'a str,
    },
    /// Its key could not be kept.
    KeyNotKept {
        /// What the system says.
        why: &'a str,
    },
    /// The key is another than the last time.
    KeyChanged {
        /// Where the server is.
        address: &'a str,
        /// The key of the last time.
        expected: &'a str,
        /// The key of today.
        found: &'a str,
    },
    /// The key is another than `--fingerprint` says.
    AnotherKeyThanGiven {
        /// Where the server is.
        address: &'a str,
        /// What was given.
        expected: &'a str,
        /// What it is.
        found: &'a str,
    },
    /// The server shows a certificate without having its key.
    KeyNotProven {
        /// Where the server is.
        address: &'a str,
    },
    /// The file of the servers that were met cannot be read.
    KnownServersUnreadable {
        /// Its path.
        path: &'a str,
        /// What the system says.
        why: &'a str,
    },
    /// TLS failed.
    NotSecure {
        /// What it says.
        why: &'a str,
    },
    /// What answers is not a p2sp server.
    NotP2sp,
    /// No answer came in time.
    Silent,
    /// The connection was cut and is being made again.
    ConnectionLost,
    /// It stands again, and the session goes on.
    ConnectionBack,
    /// The login key is worth nothing any more.
    SignInAgain,
    /// A sign-out that ended with the connection.
    SignedOut,
    /// The connection was cut before a request that must not be repeated was answered.
    NoAnswer {
        /// The command.
        word: &'a str,
    },
    /// The same for a new password.
    PasswordUnknown,
}

impl Text<'_> {
    /// The text in this language.
    pub fn say(self, lang: Lang) -> String {
        match self {
            Text::Welcome { address } => lang.pick(
                format!(
                    "p2sp at {address}. `reg NAME` registers, `login NAME` signs in, \
                     `help` explains."
                ),
                format!("已连接 p2sp（{address}）。`reg 用户名` 注册，`login 用户名` 登录，`help` 查看命令。"),
            ),
            Text::LineTooLong { bytes_max } => lang.pick(
                format!("The line is longer than {bytes_max} bytes; nothing was sent."),
                format!("这一行超过 {bytes_max} 字节，没有发送。"),
            ),
            Text::Unreachable { address, why } => lang.pick(
                format!(
                    "Cannot reach a p2sp server at {address}: {why}. Start one with p2sp-server, \
                     or give another address: p2sp HOST[:PORT]"
                ),
                format!(
                    "无法连接 {address} 的 p2sp 服务器：{why}。请先启动 p2sp-server，或指定其他地址：\
                     p2sp HOST[:PORT]"
                ),
            ),
            Text::NoAnswer { word } => lang.pick(
                format!("{word}: the connection was lost before the answer; look, and try again."),
                format!("{word}：连接断开前没有收到答复，请确认后重试。"),
            ),
            other => other.about_keys(lang).unwrap_or_else(|| other.fixed(lang).to_owned()),
        }
    }

    /// The texts about whom one speaks with.
    fn about_keys(self, lang: Lang) -> Option<String> {
        let (english, chinese) = match self {
            Text::FirstContact { address, fingerprint } => (
                format!(
                    "First contact with {address}: its key is {fingerprint}. Compare it with what \
                     the server printed; from now on only this key is trusted there."
                ),
                format!(
                    "首次连接 {address}，其密钥指纹为 {fingerprint}。请与服务器启动时显示的指纹核对；\
                     今后该地址只信任此密钥。"
                ),
            ),
            Text::KeyNotKept { why } => (
                format!("The key could not be kept for the next time: {why}"),
                format!("无法保存该密钥供下次使用：{why}"),
            ),
            Text::KeyChanged { address, expected, found } => (
                format!(
                    "STOP: {address} has another key than before. Somebody may be pretending to be \
                     the server, or it was set up anew. Nothing was sent.\n  before: {expected}\n  \
                     now:    {found}\nAsk whoever runs the server for its fingerprint. If it is \
                     the new one, start once with --fingerprint {found}"
                ),
                format!(
                    "停止：{address} 的密钥与以前不同。可能有人冒充该服务器，也可能是服务器重新安装过。\
                     没有发送任何内容。\n  以前：{expected}\n  现在：{found}\n请向服务器管理员核对指纹；\
                     若新指纹无误，请用 --fingerprint {found} 启动一次。"
                ),
            ),
            Text::AnotherKeyThanGiven { address, expected, found } => (
                format!(
                    "STOP: {address} has another key than --fingerprint says. Somebody may be \
                     pretending to be the server. Nothing was sent.\n  given: {expected}\n  found: \
                     {found}"
                ),
                format!(
                    "停止：{address} 的密钥与 --fingerprint 不符，可能有人冒充该服务器。没有发送任何内容。\
                     \n  指定：{expected}\n  实际：{found}"
                ),
            ),
            Text::KeyNotProven { address } => (
                format!(
                    "STOP: what answers at {address} shows a certificate and does not have its \
                     key. Somebody is pretending to be the server. Nothing was sent."
                ),
                format!(
                    "停止：{address} 出示了证书，却没有对应的密钥，有人在冒充该服务器。没有发送任何内容。"
                ),
            ),
            Text::KnownServersUnreadable { path, why } => (
                format!(
                    "Cannot read {path}, which says whom to trust: {why}. Mend it, or remove it to \
                     trust every server anew."
                ),
                format!(
                    "无法读取记录可信服务器的 {path}：{why}。请修复，或删除它以重新信任各服务器。"
                ),
            ),
            Text::NotSecure { why } => (
                format!("TLS failed ({why}); --plaintext is for a server that has none"),
                format!("TLS 失败（{why}）；若服务器不支持 TLS，请用 --plaintext"),
            ),
            _ => return None,
        };
        Some(lang.pick(english, chinese))
    }

    /// The texts without a blank to fill.
    fn fixed(self, lang: Lang) -> &'static str {
        match self {
            Text::WelcomeLine => lang.pick(
                "p2sp. `reg NAME` registers, `login NAME` signs in, `help` explains.",
                "欢迎使用 p2sp。`reg 用户名` 注册，`login 用户名` 登录，`help` 查看命令。",
            ),
            Text::RawOn => lang.pick("One JSON object a line.", "此后每行一个 JSON 对象。"),
            Text::RawOff => lang.pick("Lines for people.", "此后恢复为文字。"),
            Text::SystemMark => lang.pick("[system message]", "[系统消息]"),
            Text::Password => lang.pick("Password: ", "密码："),
            Text::OldPassword => lang.pick("Old password: ", "旧密码："),
            Text::NewPassword => lang.pick("New password: ", "新密码："),
            Text::PasswordAgain => lang.pick("Again: ", "再输入一次："),
            Text::PasswordsDiffer => {
                lang.pick("The two passwords differ; try again.", "两次输入的密码不一致，请重试。")
            }
            Text::PasswordMissing => lang.pick("A password is needed.", "需要输入密码。"),
            Text::LineNotText => lang
                .pick("The line is not UTF-8; nothing was sent.", "这一行不是 UTF-8，没有发送。"),
            Text::LangChanged => lang.pick("English it is.", "已切换为中文。"),
            Text::NotP2sp => lang.pick("what answers is not p2sp", "对方不是 p2sp 服务器"),
            Text::Silent => lang.pick("no answer", "没有应答"),
            Text::ConnectionLost => {
                lang.pick("Connection lost; connecting again …", "连接已断开，正在重新连接……")
            }
            Text::ConnectionBack => lang.pick("Connected again.", "已重新连接。"),
            Text::SignInAgain => lang
                .pick("Your sign-in has ended: login NAME", "登录已失效，请重新登录：login 用户名"),
            Text::SignedOut => lang.pick("Signed out.", "已退出登录。"),
            Text::PasswordUnknown => lang.pick(
                "The connection was lost before the answer: the old or the new password holds.",
                "连接在收到答复前断开：密码可能已改，也可能没有改。",
            ),
            // Those with something to name are above.
            _ => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_name_what_they_are_about() {
        let text = Text::Unreachable { address: "[::1]:9", why: "refused" };
        for lang in [Lang::En, Lang::Zh] {
            assert!(text.say(lang).contains("[::1]:9") && text.say(lang).contains("refused"));
            assert!(Text::NoAnswer { word: "reg" }.say(lang).starts_with("reg"));
        }
        assert_eq!(Text::SystemMark.say(Lang::Zh), "[系统消息]");
        let changed = Text::KeyChanged { address: "a:1", expected: "old", found: "new" };
        for lang in [Lang::En, Lang::Zh] {
            let text = changed.say(lang);
            assert!(["a:1", "old", "--fingerprint new"].iter().all(|part| text.contains(part)));
            assert_eq!(text.lines().count(), 4);
        }
    }
}
