//! What `p2sp-server doctor` looks at, and what it complains about.

use super::Lang;

/// Something that is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Check {
    Server,
    Port,
    OpenFiles,
    Clock,
    Disk,
    Files,
    Database,
    Certificate,
}

impl Check {
    /// Its name.
    pub fn say(self, lang: Lang) -> &'static str {
        match self {
            Check::Server => lang.pick("server", "服务器"),
            Check::Port => lang.pick("port", "端口"),
            Check::OpenFiles => lang.pick("open files", "文件数限制"),
            Check::Clock => lang.pick("clock", "时钟"),
            Check::Disk => lang.pick("disk", "磁盘"),
            Check::Files => lang.pick("files", "文件权限"),
            Check::Database => lang.pick("database", "数据库"),
            Check::Certificate => lang.pick("certificate", "证书"),
        }
    }
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Complaint {
    Port {
        why: String,
    },
    OpenFiles {
        files: u64,
        connections: u64,
    },
    ClockUnset,
    ClockBehind {
        seconds: i64,
    },
    Disk {
        free_mib: u64,
        wanted_mib: u64,
    },
    NoDirectory {
        path: String,
    },
    NoDatabase {
        path: String,
    },
    NotOurs {
        path: String,
    },
    Open {
        path: String,
        mode: u32,
    },
    Ends {
        days: i64,
    },
    /// The server's own answer, in the right language already.
    Older {
        message: String,
    },
    /// Said already, in the right language.
    Said {
        line: String,
    },
}

impl Complaint {
    /// The line in a language.
    pub fn say(&self, lang: Lang) -> String {
        let (english, chinese) = match self {
            Complaint::Port { why } => return why.clone(),
            Complaint::Said { line } => return line.clone(),
            Complaint::OpenFiles { files, connections } => (
                format!("at most {files} open files, so at most {connections} connections"),
                format!("最多打开 {files} 个文件，只能容纳 {connections} 个连接"),
            ),
            Complaint::Older { message } => (
                format!(
                    "The running server does not tell its settings ({message}): it is an older \
                     version. Restart it."
                ),
                format!("正在运行的服务器不提供自身信息（{message}）：版本较旧，请重新启动。"),
            ),
            Complaint::Ends { days: ..0 } => {
                ("the certificate has expired".into(), "证书已过期".into())
            }
            Complaint::Ends { days } => (
                format!("the certificate ends in {days} days"),
                format!("证书将在 {days} 天后过期"),
            ),
            Complaint::ClockUnset => ("the clock was never set".into(), "系统时钟未设置".into()),
            Complaint::ClockBehind { seconds } => (
                format!("the clock is {seconds} s behind the database"),
                format!("系统时钟比数据库落后 {seconds} 秒"),
            ),
            Complaint::Disk { free_mib, wanted_mib } => (
                format!("{free_mib} MiB are free, {wanted_mib} MiB are wanted"),
                format!("剩余 {free_mib} MiB，建议至少 {wanted_mib} MiB"),
            ),
            Complaint::NoDirectory { path } => {
                (format!("there is no directory {path}"), format!("目录 {path} 不存在"))
            }
            Complaint::NoDatabase { path } => (
                format!("there is no database in {path}; the first start makes one"),
                format!("{path} 中没有数据库，首次启动时会创建"),
            ),
            Complaint::NotOurs { path } => {
                (format!("{path} cannot be read"), format!("无法读取 {path}"))
            }
            Complaint::Open { path, mode } => (
                format!("{path} is open to others (mode {mode:03o})"),
                format!("{path} 可被其他用户访问（权限 {mode:03o}）"),
            ),
        };
        lang.pick(english, chinese)
    }
}
