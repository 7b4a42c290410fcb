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
            fixed => fixed.fixed(lang).to_owned(),
        }
    }

    /// The texts without a blank to fill.
    fn fixed(self, lang: Lang) -> &'static str {
        match self {
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
            Text::Welcome { .. }
            | Text::LineTooLong { .. }
            | Text::Unreachable { .. }
            | Text::NoAnswer { .. } => "",
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
    }
}
