//! The stdin client's own words: its prompts, what it says about the connection, and the
//! refusals it makes itself.
//!
//! What the server says comes in the session's language already, and what is wrong with a
//! command line is in [`super::command`]. The prompts end in a space, all else in nothing.

use super::Lang;
use crate::wire::MessageType;

texts! {
    /// A text of the client.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[allow(missing_docs)]
    pub enum Text<'a> {
        /// On a terminal, at the start.
        Welcome { address: &'a str } =>
            "p2sp at {address}. `reg NAME` registers, `login NAME` signs in, `help` explains.",
            "已连接 p2sp（{address}）。`注册 用户名` 注册，`登录 用户名` 登录，`帮助` 查看命令。";
        /// At telnet or nc, before the first answer.
        WelcomeLine =>
            "p2sp. `reg NAME` registers, `login NAME` signs in, `help` explains.",
            "欢迎使用 p2sp。`注册 用户名` 注册，`登录 用户名` 登录，`帮助` 查看命令。";
        RawOn => "One JSON object a line.", "此后每行一个 JSON 对象。";
        RawOff => "Lines for people.", "此后恢复为文字。";
        /// Stands before what an administrator says.
        SystemMark => "[system message]", "[系统消息]";

        // What it asks for.
        Password => "Password: ", "密码：";
        OldPassword => "Old password: ", "旧密码：";
        NewPassword => "New password: ", "新密码：";
        PasswordAgain => "Again: ", "再输入一次：";
        /// Where `reg` was refused for want of it.
        InviteCode => "Invite code: ", "邀请码：";

        // What it refuses by itself.
        PasswordsDiffer =>
            "The two passwords differ; try again.", "两次输入的密码不一致，请重试。";
        /// The input ended where a password should have come.
        PasswordMissing => "A password is needed.", "需要输入密码。";
        LineTooLong { bytes_max: usize } =>
            "The line is longer than {bytes_max} bytes; nothing was sent.",
            "这一行超过 {bytes_max} 字节，没有发送。";
        LineNotText =>
            "The line is not UTF-8, but UTF-16 perhaps; nothing was sent. Save the file as UTF-8.",
            "这一行不是 UTF-8，可能是 UTF-16，没有发送。请将文件保存为 UTF-8。";
        /// What is wrong with a line of a script.
        InLine { number: u64, text: &'a str } => "Line {number}: {text}", "第 {number} 行：{text}";
        CannotRead { why: &'a str } =>
            "The input cannot be read: {why}. The rest of it was not carried out.",
            "无法读取输入：{why}。其余内容没有执行。";
        CannotWrite { why: &'a str } =>
            "The output cannot be written: {why}. Commands that were not answered yet may not have \
             been sent.",
            "无法写入输出：{why}。尚未得到答复的命令可能没有发送。";

        // About the language, the way out and what waits.
        /// After Ctrl-C.
        HowToLeave => "Press Ctrl-C again, or type `quit`, to leave.", "再按一次 Ctrl-C，或输入“退出”即可离开。";
        LangChanged => "The language is English now.", "已切换为中文。";
        /// While more comes of what waited for the user.
        Receiving { count: u64 } =>
            "{count} messages so far, and more are coming …", "已收到 {count} 条消息，还在接收……";
        Waited { count: u64 } =>
            "{count} messages waited for you.", "离线期间共有 {count} 条消息。";

        // In lists.
        Online => "online", "在线";
        Offline => "offline", "离线";
        Administrator => "administrator", "管理员";
        Blocked => "blocked", "已封禁";

        // About the connection.
        Unreachable { address: &'a str, why: &'a str } =>
            "Cannot reach a p2sp server at {address}: {why}. Start one with p2sp-server, or give \
             another address: p2sp HOST[:PORT]",
            "无法连接 {address} 的 p2sp 服务器：{why}。请先启动 p2sp-server，或指定其他地址：p2sp HOST[:PORT]";
        NotP2sp => "what answers is not p2sp", "对方不是 p2sp 服务器";
        Silent => "no answer", "没有应答";
        ConnectionLost => "Connection lost; connecting again …", "连接已断开，正在重新连接……";
        ConnectionBack => "Connected again.", "已重新连接。";
        SignInAgain =>
            "Your session has ended; sign in again: login NAME", "登录已失效，请重新登录：login 用户名";
        /// A sign-out that ended with the connection.
        SignedOut => "Signed out.", "已退出登录。";
        /// It was cut before a request that must not be repeated was answered.
        NoAnswer { word: &'a str } =>
            "{word}: the connection was lost before the answer; check, and try again.",
            "{word}：连接断开前没有收到答复，请确认后重试。";
        /// The same for a new password.
        PasswordUnknown =>
            "The connection was lost before the answer: the old or the new password holds.",
            "连接在收到答复前断开：密码可能已改，也可能没有改。";

        // About the server's identity.
        FirstContact { address: &'a str, fingerprint: &'a str } =>
            "First contact with {address}: its key is {fingerprint}. Compare it with what the \
             server printed; from now on only this key is trusted there.",
            "首次连接 {address}，其密钥指纹为 {fingerprint}。请与服务器启动时显示的指纹核对；今后该地址只信任此密钥。";
        /// Plaintext was asked for, and the server has shown a key before.
        PlaintextToKnown { address: &'a str, path: &'a str } =>
            "STOP: {address} has spoken TLS before, and --plaintext would let anyone on the way \
             read along, or pretend to be it. Nothing was sent. Leave --plaintext out; if the \
             server speaks no TLS any more, remove its line from {path}.",
            "停止：{address} 以前使用过 TLS，而 --plaintext 会让途中的任何人读到内容或冒充服务器。没有发送任何内容。\
             请去掉 --plaintext；若该服务器确已不再使用 TLS，请从 {path} 中删除它的那一行。";
        KeyNotKept { why: &'a str, fingerprint: &'a str } =>
            "The key could not be kept for the next time: {why}. Until it can, start with \
             --fingerprint {fingerprint}",
            "无法保存该密钥供下次使用：{why}。在此之前，请用 --fingerprint {fingerprint} 启动";
        KeyChanged { address: &'a str, expected: &'a str, found: &'a str } =>
            "STOP: {address} has another key than before. Somebody may be pretending to be the \
             server, or it was set up anew. Nothing was sent.\n  before: {expected}\n  now:    \
             {found}\nAsk the server's operator for its fingerprint. If it is the new one, \
             start once with --fingerprint {found}",
            "停止：{address} 的密钥与以前不同。可能有人冒充该服务器，也可能是服务器重新安装过。没有发送任何内容。\n  以前：{expected}\n  现在：\
             {found}\n请向服务器管理员核对指纹；若新指纹无误，请用 --fingerprint {found} 启动一次。";
        AnotherKeyThanGiven { address: &'a str, expected: &'a str, found: &'a str } =>
            "STOP: {address} has another key than --fingerprint says. Somebody may be pretending \
             to be the server. Nothing was sent.\n  given: {expected}\n  found: {found}",
            "停止：{address} 的密钥与 --fingerprint 不符，可能有人冒充该服务器。没有发送任何内容。\n  指定：{expected}\n  实际：\
             {found}";
        KeyNotProven { address: &'a str } =>
            "STOP: what answers at {address} shows a certificate and does not have its key. \
             Somebody is pretending to be the server. Nothing was sent.",
            "停止：{address} 出示了证书，却没有对应的密钥，有人在冒充该服务器。没有发送任何内容。";
        AddressUnfit { address: &'a str, why: &'a str } =>
            "\"{address}\": {why}.", "“{address}”：{why}。";
        InviteInSight =>
            "--invite would show the code to everyone on this machine who lists the processes. \
             Leave it out, and p2sp asks for the code where it is needed; or write it to a file: \
             --invite-file FILE, or to the variable P2SP_INVITE.",
            "--invite 会让本机所有能查看进程列表的用户看到邀请码。请去掉该选项，p2sp 会在需要时询问；\
             或写入文件：--invite-file 文件，或写入环境变量 P2SP_INVITE。";
        InviteUnreadable { path: &'a str, why: &'a str } =>
            "Cannot read the invite code in {path}: {why}", "无法读取 {path} 中的邀请码：{why}";
        KnownServersUnreadable { path: &'a str, why: &'a str } =>
            "Cannot read {path}, which lists the trusted servers: {why}. Repair it, or remove it \
             to trust every server anew.",
            "无法读取记录可信服务器的 {path}：{why}。请修复，或删除它以重新信任各服务器。";
        NotSecure { why: &'a str } =>
            "TLS failed ({why}); --plaintext is for a server that has none",
            "TLS 失败（{why}）；若服务器不支持 TLS，请用 --plaintext";
        NotSecureAnyMore { why: &'a str } =>
            "TLS failed ({why}), and this server has spoken TLS before; nothing was sent",
            "TLS 失败（{why}），而该服务器以前使用过 TLS；没有发送任何内容";
    }
}

texts! {
    /// Why what was written is no address of a server, and what to write instead.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[allow(missing_docs)]
    pub enum AddressFault {
        NoHost =>
            "the host is missing; write p2sp HOST or p2sp HOST:PORT",
            "缺少主机名；请写 p2sp 主机 或 p2sp 主机:端口";
        NotAHost =>
            "that is no host; write p2sp HOST or p2sp HOST:PORT, without spaces or a user",
            "这不是主机名；请写 p2sp 主机 或 p2sp 主机:端口，不要有空格或用户名";
        Port =>
            "a port is a number from 1 to 65535; write p2sp HOST:PORT, or p2sp HOST for 18888",
            "端口是 1 到 65535 的数字；请写 p2sp 主机:端口，省略端口则为 18888";
        Ipv6 =>
            "an IPv6 address stands in brackets where a port follows; write p2sp [ADDRESS]:PORT or \
             p2sp ADDRESS",
            "IPv6 地址后有端口时要加方括号；请写 p2sp [地址]:端口 或 p2sp 地址";
        UrlWithoutPort =>
            "this address of a page names no port; write p2sp HOST:PORT, or p2sp HOST for 18888",
            "这个网址没有端口；请写 p2sp 主机:端口，省略端口则为 18888";
        Scheme =>
            "only addresses that begin with http, https, ws or wss are understood; write p2sp \
             HOST:PORT",
            "只认识以 http、https、ws、wss 开头的网址；请写 p2sp 主机:端口";
    }
}

words! {
    /// What `p2sp --help` says of the program (`p2sp`), its `exit codes` and each of its options.
    pub option_help(name: &str) {
        "p2sp" =>
            "Chat with a p2sp server. Commands come from standard input, one a line; `help` \
             lists them.",
            "与 p2sp 服务器聊天。命令从标准输入读取，每行一条；“帮助”列出全部命令。";
        "address" => "Where the server is", "服务器地址";
        "fingerprint" =>
            "The fingerprint of the server's key, as the server printed it; asks for TLS",
            "服务器启动时显示的密钥指纹；要求使用 TLS";
        "invite_file" =>
            "A file with the invite code, to register from another machine; else that of \
             P2SP_INVITE, else p2sp asks for it where it is needed",
            "存有邀请码的文件，用于从其他机器注册；也可用 P2SP_INVITE 提供，否则需要时会询问";
        "tls" => "Speak TLS even with a server on this machine", "与本机的服务器也使用 TLS";
        "plaintext" =>
            "Speak no TLS: for a server that has none; anyone on the network path can read \
             everything",
            "不使用 TLS：用于不支持 TLS 的服务器；传输途中的任何人都能读到全部内容";
        "lang" =>
            "The language to speak; otherwise that of P2SP_LANG, LC_ALL, LC_MESSAGES, LANG",
            "使用的语言；默认依次取自 P2SP_LANG、LC_ALL、LC_MESSAGES、LANG";
        "json" =>
            "For programs: one JSON object a line for every answer and push",
            "供程序使用：每条答复和推送输出一行 JSON";
        "bell" => "Ring the terminal's bell when a message comes", "收到消息时响铃";
        "title" =>
            "Count the messages that have come since your last line in the terminal's title",
            "在终端标题中显示自上次输入后收到的消息数";
        "exit codes" =>
            "It leaves with 0 if everything was done, 1 if a command was refused, 2 if there was \
             no server, 3 if it was not the one that it should be, 4 if the output could not be \
             written.",
            "退出码：0 全部完成，1 有命令被拒绝，2 无法连接服务器，3 服务器不是应有的那一个，4 无法写入输出。";
        "help" => "Print help", "显示帮助";
        "version" => "Print version", "显示版本";
        _ => "", "";
    }
}

/// Arguments, each with the question for it.
pub type Questions = &'static [(&'static str, Text<'static>)];

/// The questions for the passwords that a request needs. A new password is asked for twice.
pub fn questions(kind: MessageType) -> Questions {
    match kind {
        MessageType::Reg => &[("password", Text::Password), ("password", Text::PasswordAgain)],
        MessageType::Login => &[("password", Text::Password)],
        MessageType::Passwd => &[
            ("password", Text::OldPassword),
            ("newpassword", Text::NewPassword),
            ("newpassword", Text::PasswordAgain),
        ],
        _ => &[],
    }
}

/// A day as a heading. `weekday` counts from Monday, 0.
pub fn day(lang: Lang, (year, month, day): (i16, i8, i8), weekday: usize) -> String {
    const DAYS: [(&str, &str); 7] = [
        ("Monday", "星期一"),
        ("Tuesday", "星期二"),
        ("Wednesday", "星期三"),
        ("Thursday", "星期四"),
        ("Friday", "星期五"),
        ("Saturday", "星期六"),
        ("Sunday", "星期日"),
    ];
    let (english, chinese) = DAYS[weekday % DAYS.len()];
    lang.pick(
        format!("{english} {year}-{month:02}-{day:02}"),
        format!("{year}年{month}月{day}日 {chinese}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_its_name() {
        assert_eq!(day(Lang::En, (2026, 3, 1), 6), "Sunday 2026-03-01");
        assert_eq!(day(Lang::Zh, (2026, 3, 1), 6), "2026年3月1日 星期日");
    }
}
