//! What the operator reads when the server starts, or cannot.

use std::fmt::Display;

use super::Lang;
use super::operating::Operating;

/// A line for the operator.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Startup {
    Data { path: String },
    Listening { addresses: String },
    AdminPassword { password: String },
    HowToJoin { command: String },
    HowToStop,
    Demo { password: String },
    DemoDoors { address: String },
    Fingerprint { fingerprint: String },
    Addresses { addresses: String },
    Invite { code: String },
    OpenRegistration,
    InsecurePlaintext,
    HowToJoinFromElsewhere { command: String },
    Wrapping { done: u64, total: u64 },
    Migrated,
    NoFsync,
    CannotBind { address: String, why: String },
    CannotBindDefault6 { why: String },
    NoDataDirectory,
    NotWritable { path: String, why: String },
    InUse { path: String },
    Newer { found: i64, known: i64 },
    NotADatabase { path: String },
    Broken { why: String },
    UnknownLimit { name: String, nearest: Option<String> },
    BadLimit { text: String },
    Weak { why: String },
    PasswordPrompt,
    PasswordAgain,
    PasswordsDiffer,
    CannotReadPassword { why: String },
    Operating(Operating),
    CertificateUnreadable { path: String, why: String },
    NoCertificate { path: String },
    NoKey { path: String },
    CertificateUnfit { path: String, why: String },
    CertificateUnwritable { path: String, why: String },
    InviteUnusable { path: String, why: String },
}

impl Startup {
    /// The line in a language.
    pub fn say(&self, lang: Lang) -> String {
        match self {
            Startup::Data { path } => two(lang, "Data:", "数据目录：", path),
            Startup::Listening { addresses } => two(lang, "Listening:", "监听地址：", addresses),
            Startup::AdminPassword { password } => lang.pick(
                format!(
                    "Administrator: admin, password {password} (shown this once; \
                     change it with passwd)"
                ),
                format!("管理员账号：admin，密码：{password}（仅显示这一次，请用 passwd 修改）"),
            ),
            Startup::HowToJoin { command } => {
                two(lang, "Join from another terminal:", "在另一个终端加入：", command)
            }
            Startup::Demo { password } => lang.pick(
                format!(
                    "alice, bob, carol: all three with the password {password}. echo is a bot."
                ),
                format!("alice、bob、carol 三人的密码都是 {password}；echo 是会复述的机器人。"),
            ),
            Startup::DemoDoors { address } => lang.pick(
                format!(
                    "Come in with a browser, http://{address}/, or from another terminal: \
                     cargo run --release --bin p2sp {address}"
                ),
                format!(
                    "用浏览器打开 http://{address}/，或在另一个终端运行：\
                     cargo run --release --bin p2sp {address}"
                ),
            ),
            Startup::HowToStop => lang.pick("Stop with Ctrl-C.", "按 Ctrl-C 停止。").to_owned(),
            Startup::Wrapping { done, total } => lang.pick(
                format!("Securing old passwords: {done} of {total}"),
                format!("正在加固旧密码：{done}/{total}"),
            ),
            Startup::Migrated => {
                lang.pick("An older database was taken over.", "已升级旧版数据库。").to_owned()
            }
            Startup::NoFsync => lang
                .pick(
                    "--no-fsync: for benchmarks only. The disk is not waited for, and a power cut \
                     loses acknowledged messages.",
                    "--no-fsync：仅供性能测试。不等待磁盘写入，断电会丢失已确认的消息。",
                )
                .to_owned(),
            Startup::Operating(line) => line.say(lang),
            about_others => about_others.say_elsewhere(lang),
        }
    }

    /// What matters to those who come from other machines.
    fn say_elsewhere(&self, lang: Lang) -> String {
        match self {
            Startup::Fingerprint { fingerprint } => {
                two(lang, "Fingerprint of the key:", "密钥指纹：", fingerprint)
            }
            Startup::Addresses { addresses } => {
                two(lang, "Reached from other machines at:", "其他机器可用的地址：", addresses)
            }
            Startup::Invite { code } => lang.pick(
                format!("Invite code, to register from other machines: {code}"),
                format!("从其他机器注册所需的邀请码：{code}"),
            ),
            Startup::OpenRegistration => lang
                .pick(
                    "--open-registration: anybody who reaches the server can register.",
                    "--open-registration：能连接到本服务器的任何人都可以注册。",
                )
                .to_owned(),
            Startup::InsecurePlaintext => lang
                .pick(
                    "--insecure-plaintext: whoever is on the way can read passwords and messages.",
                    "--insecure-plaintext：传输途中的任何人都能读到密码和消息。",
                )
                .to_owned(),
            Startup::HowToJoinFromElsewhere { command } => {
                two(lang, "Join from another machine:", "在其他机器上加入：", command)
            }
            failure => failure.say_failure(lang),
        }
    }

    fn say_failure(&self, lang: Lang) -> String {
        let (english, chinese) = match self {
            Startup::CannotBind { address, why } => (
                format!(
                    "Cannot listen on {address}: {why}. Is another server running? \
                     Choose another with --listen."
                ),
                format!(
                    "无法监听 {address}：{why}。是否已有服务器在运行？可用 --listen 另选地址。"
                ),
            ),
            Startup::CannotBindDefault6 { why } => {
                (format!("not listening on [::1]: {why}"), format!("未监听 [::1]：{why}"))
            }
            Startup::NoDataDirectory => (
                "There is no home directory to keep the data in; name one with --data DIR.".into(),
                "找不到用户主目录，请用 --data 指定数据目录。".into(),
            ),
            Startup::NotWritable { path, why } => (
                format!("Cannot write to {path}: {why}. Name another directory with --data DIR."),
                format!("无法写入 {path}：{why}。请用 --data 指定其他目录。"),
            ),
            Startup::InUse { path } => (
                format!("Another p2sp server is running on {path}; stop it first."),
                format!("另一个 p2sp 服务器正在使用 {path}，请先停止它。"),
            ),
            Startup::Newer { found, known } => (
                format!(
                    "The database is of version {found}, newer than this server's {known}; \
                     start the newer server. Nothing was touched."
                ),
                format!(
                    "数据库版本 {found} 比本程序支持的 {known} 更新，请使用新版服务器。未作任何改动。"
                ),
            ),
            Startup::NotADatabase { path } => (
                format!("{path} is not a p2sp database; name another directory with --data DIR."),
                format!("{path} 不是 p2sp 数据库，请用 --data 指定其他目录。"),
            ),
            Startup::Broken { why } => {
                (format!("The database cannot be used: {why}"), format!("数据库无法使用：{why}"))
            }
            other => return other.say_command(lang),
        };
        lang.pick(english, chinese)
    }

    fn say_command(&self, lang: Lang) -> String {
        let (english, chinese) = match self {
            Startup::UnknownLimit { name, nearest } => unknown_limit(name, nearest.as_deref()),
            Startup::BadLimit { text } => (
                format!(
                    "\"{text}\" is not a limit: write NAME=VALUE with a whole number \
                     (on, off for loopback). --help-limits lists them."
                ),
                format!(
                    "“{text}”格式不对：应为 名称=整数（loopback 可用 on、off）。--help-limits 列出所有限制。"
                ),
            ),
            Startup::Weak { why } => (why.clone(), why.clone()),
            Startup::PasswordPrompt => ("New password: ".into(), "新密码：".into()),
            Startup::PasswordAgain => ("Again: ".into(), "再输入一次：".into()),
            Startup::PasswordsDiffer => (
                "The two passwords differ; nothing was changed.".into(),
                "两次输入不一致，未修改。".into(),
            ),
            Startup::CannotReadPassword { why } => {
                (format!("Cannot read the password: {why}"), format!("无法读取密码：{why}"))
            }
            other => return other.say_certificate(lang),
        };
        lang.pick(english, chinese)
    }

    fn say_certificate(&self, lang: Lang) -> String {
        let (english, chinese) = match self {
            Startup::CertificateUnreadable { path, why } => (
                format!(
                    "Cannot read the certificate or its key in {path}: {why}. Make it readable for \
                     the server's user, or bring it back from a backup; a new key would be refused \
                     by everyone who trusts the old one."
                ),
                format!(
                    "无法读取 {path} 中的证书或密钥：{why}。请修正权限或从备份恢复；\
                     已信任旧密钥的客户端会拒绝新密钥。"
                ),
            ),
            Startup::NoCertificate { path } => (
                format!(
                    "There is no certificate in {path}. Bring the file back from a backup, or name \
                     another with --tls-cert."
                ),
                format!("{path} 中没有证书。请从备份恢复该文件，或用 --tls-cert 指定其他文件。"),
            ),
            Startup::NoKey { path } => (
                format!(
                    "There is no private key in {path}. Bring the file back from a backup, or name \
                     another with --tls-key."
                ),
                format!("{path} 中没有私钥。请从备份恢复该文件，或用 --tls-key 指定其他文件。"),
            ),
            Startup::CertificateUnfit { path, why } => (
                format!("The certificate and the key of {path} cannot be used: {why}."),
                format!("{path} 的证书和密钥无法使用：{why}。"),
            ),
            Startup::CertificateUnwritable { path, why } => (
                format!("Cannot make the server's key in {path}: {why}."),
                format!("无法在 {path} 创建服务器密钥：{why}。"),
            ),
            Startup::InviteUnusable { path, why } => (
                format!(
                    "Cannot use the invite code in {path}: {why}. Mend the file, or remove it to \
                     have a new code made."
                ),
                format!(
                    "无法使用 {path} 中的邀请码：{why}。请修正该文件，或删除它以生成新的邀请码。"
                ),
            ),
            _ => (String::new(), String::new()),
        };
        lang.pick(english, chinese)
    }
}

fn two(lang: Lang, english: &str, chinese: &str, value: impl Display) -> String {
    lang.pick(format!("{english} {value}"), format!("{chinese}{value}"))
}

fn unknown_limit(name: &str, nearest: Option<&str>) -> (String, String) {
    let (english, chinese) = match nearest {
        Some(nearest) => (format!("Did you mean {nearest}? "), format!("您是否想用 {nearest}？")),
        None => Default::default(),
    };
    (
        format!("There is no limit {name}. {english}--help-limits lists them."),
        format!("没有名为 {name} 的限制。{chinese}--help-limits 列出所有限制。"),
    )
}
