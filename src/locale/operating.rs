//! What the operator reads of a server that runs already: its commands, copies and checks.

use super::Lang;
use super::startup::Startup;

/// A line for the operator.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Operating {
    /// The server's own answer, in the right language already.
    Refused {
        message: String,
    },
    ServerGone {
        why: Option<String>,
    },
    TooLong,
    MetricsNotLoopback {
        address: String,
    },
    Metrics {
        address: String,
    },
    /// A file that is no TOML, or a value that a setting cannot have.
    BadFile {
        path: String,
        why: String,
    },
    UnknownSetting {
        path: String,
        name: String,
        nearest: Option<String>,
    },
    NoControl {
        why: String,
    },
    FileExists {
        path: String,
    },
    CannotWrite {
        path: String,
        why: String,
    },
    CannotRead {
        path: String,
        why: String,
    },
    HoldLost,
    BackedUp {
        path: String,
    },
    Restored {
        aside: Option<String>,
    },
    Whole,
    Violated {
        rule: &'static str,
        count: u64,
        example: String,
    },
}

impl From<Operating> for Startup {
    fn from(line: Operating) -> Startup {
        Startup::Operating(line)
    }
}

impl Operating {
    /// The line in a language.
    pub fn say(&self, lang: Lang) -> String {
        let (english, chinese) = match self {
            Operating::Refused { message } => return message.clone(),
            Operating::ServerGone { why } => {
                let why = why.as_deref().unwrap_or_default();
                let colon = if why.is_empty() { "" } else { ": " };
                (
                    format!("The server runs and does not answer{colon}{why}"),
                    format!("服务器正在运行但没有回应{colon}{why}"),
                )
            }
            Operating::TooLong => ("That is too long.".into(), "内容太长。".into()),
            Operating::MetricsNotLoopback { address } => (
                format!("--metrics {address}: only on loopback, for instance 127.0.0.1:9464."),
                format!("--metrics {address}：只能使用本机地址，例如 127.0.0.1:9464。"),
            ),
            Operating::Metrics { address } => (
                format!("Metrics: http://{address}/metrics"),
                format!("监控指标：http://{address}/metrics"),
            ),
            Operating::BadFile { path, why } => {
                (format!("{path}: {why}"), format!("{path}：{why}"))
            }
            Operating::UnknownSetting { path, name, nearest } => {
                unknown_setting(path, name, nearest.as_deref())
            }
            Operating::NoControl { why } => (
                format!("no control socket, so no commands while the server runs: {why}"),
                format!("无法建立控制套接字，运行期间不能使用管理命令：{why}"),
            ),
            Operating::FileExists { path } => (
                format!("{path} exists already; name a new file."),
                format!("{path} 已存在，请换一个文件名。"),
            ),
            Operating::CannotWrite { path, why } => {
                (format!("Cannot write {path}: {why}"), format!("无法写入 {path}：{why}"))
            }
            Operating::CannotRead { path, why } => {
                (format!("Cannot read {path}: {why}"), format!("无法读取 {path}：{why}"))
            }
            Operating::HoldLost => (
                "The server could not hold the database still for so long; no backup was made. \
                 Try again at a quieter hour, or onto a faster disk."
                    .into(),
                "复制时间过长，服务器无法继续等待，未生成备份。请在空闲时重试，或写入更快的磁盘。"
                    .into(),
            ),
            Operating::BackedUp { path } => (
                format!("Backed up to {path}, and checked."),
                format!("已备份到 {path}，校验通过。"),
            ),
            Operating::Restored { aside } => restored(aside.as_deref()),
            Operating::Whole => ("The database is whole.".into(), "数据库完好。".into()),
            Operating::Violated { rule, count, example } => {
                let (english, chinese) = rule_words(rule);
                (
                    format!("{rule}: {english} ({count}, for example {example})"),
                    format!("{rule}：{chinese}（{count} 处，例如 {example}）"),
                )
            }
        };
        lang.pick(english, chinese)
    }
}

fn unknown_setting(path: &str, name: &str, nearest: Option<&str>) -> (String, String) {
    let (english, chinese) = match nearest {
        Some(nearest) => (format!("Did you mean {nearest}? "), format!("您是否想用 {nearest}？")),
        None => Default::default(),
    };
    (
        format!("{path}: there is no setting {name}. {english}p2sp-server config lists them."),
        format!("{path}：没有名为 {name} 的设置。{chinese}p2sp-server config 列出所有设置。"),
    )
}

fn restored(aside: Option<&str>) -> (String, String) {
    let (english, chinese) = match aside {
        Some(aside) => (
            format!(" The database that was there is {aside}."),
            format!("原数据库保留为 {aside}。"),
        ),
        None => Default::default(),
    };
    (format!("Restored; start the server.{english}"), format!("已恢复，可以启动服务器。{chinese}"))
}

/// What it means that a rule of the store's check is broken.
fn rule_words(rule: &str) -> (&'static str, &'static str) {
    match rule {
        "integrity" => ("SQLite finds the file damaged", "SQLite 发现文件已损坏"),
        "references" => ("a row names one that does not exist", "存在悬空引用"),
        "member_counts" => ("a group's count is not that of its members", "群人数与成员不符"),
        "owners" => ("a group's creator is not its member", "群主不在群中"),
        "memberships" => ("memberships overlap or end in the future", "成员区间重叠或越界"),
        "cursors" => ("a user has no place in the log, or one beyond it", "用户游标缺失或越界"),
        "waiting" => ("what waits for a user is summed wrongly", "待收消息合计有误"),
        "waiting_behind" => ("something waits for a user who has all", "已收齐的用户仍有待收记录"),
        "friends" => ("a friendship has one side only", "好友关系只有一方"),
        "log_head" => ("the log's numbers do not fit one another", "日志编号不一致"),
        "log_names" => ("an entry is by or for nobody", "消息的发送者或接收者不存在"),
        "words" => ("the index of words is not what it says", "搜索索引与消息不一致"),
        "log_slices" => ("the log's index does not have all entries", "日志索引不完整"),
        "keys" => ("a login key has no age", "登录密钥缺少时间"),
        "epoch" => ("the database has no name", "数据库缺少标识"),
        _ => ("", ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_of_the_check_has_words() {
        let rules = crate::store::RULES.iter().map(|(rule, _)| *rule);
        for rule in rules.chain(["integrity", "references"]) {
            let (english, chinese) = rule_words(rule);
            assert!(!english.is_empty() && !chinese.is_empty(), "{rule}");
        }
    }
}
