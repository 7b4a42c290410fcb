//! What the operator reads of a server that runs already: its commands, copies and checks.

use super::Lang;
use super::startup::{Startup, did_you_mean};

texts! {
    /// A line for the operator.
    #[derive(Clone, Debug)]
    #[allow(missing_docs)]
    pub enum Operating {
        /// The server's own answer, in the right language already.
        Refused { message: String } => "{message}", "{message}";
        ServerGone { why: Option<String> } => by server_gone(why);
        TooLong => "That is too long.", "内容太长。";
        MetricsNotLoopback { address: String } =>
            "--metrics {address}: only on loopback, for instance 127.0.0.1:9464.",
            "--metrics {address}：只能使用本机地址，例如 127.0.0.1:9464。";
        BadHost { text: String } =>
            "--host {text}: a name alone, without https:// and without a port.",
            "--host {text}：只写名称，不带 https:// 和端口。";
        Metrics { address: String } =>
            "Metrics: http://{address}/metrics", "监控指标：http://{address}/metrics";
        /// A file that is no TOML, or a value that a setting cannot have.
        BadFile { path: String, why: String } => "{path}: {why}", "{path}：{why}";
        UnknownSetting { path: String, name: String, nearest: Option<String> } =>
            by unknown_setting(path, name, nearest);
        NoControl { why: String } =>
            "no control socket, so no commands while the server runs: {why}",
            "无法建立控制套接字，运行期间不能使用管理命令：{why}";
        FileExists { path: String } =>
            "{path} exists already; name a new file.", "{path} 已存在，请换一个文件名。";
        CannotWrite { path: String, why: String } =>
            "Cannot write {path}: {why}", "无法写入 {path}：{why}";
        CannotRead { path: String, why: String } =>
            "Cannot read {path}: {why}", "无法读取 {path}：{why}";
        HoldLost =>
            "The server could not hold the database still for so long; no backup was made. Try \
             again at a quieter hour, or onto a faster disk.",
            "复制时间过长，服务器无法继续等待，未生成备份。请在空闲时重试，或写入更快的磁盘。";
        BackedUp { path: String } => "Backed up to {path}, and checked.", "已备份到 {path}，校验通过。";
        Restored { aside: Option<String> } => by restored(aside);
        Whole => "The database is whole.", "数据库完好。";
        Violated { rule: &'static str, count: u64, example: String } =>
            by violated(rule, count, example);
    }
}

impl From<Operating> for Startup {
    fn from(line: Operating) -> Startup {
        Startup::Operating(line)
    }
}

fn server_gone(lang: Lang, why: &Option<String>) -> String {
    let why = why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    lang.pick(
        format!("The server runs and does not answer{why}"),
        format!("服务器正在运行但没有回应{why}"),
    )
}

fn unknown_setting(lang: Lang, path: &str, name: &str, nearest: &Option<String>) -> String {
    let meant = did_you_mean(lang, nearest);
    lang.pick(
        format!("{path}: there is no setting {name}. {meant}p2sp-server config lists them."),
        format!("{path}：没有名为 {name} 的设置。{meant}p2sp-server config 列出所有设置。"),
    )
}

fn restored(lang: Lang, aside: &Option<String>) -> String {
    let Some(aside) = aside else {
        return lang.pick("Restored; start the server.", "已恢复，可以启动服务器。").to_owned();
    };
    lang.pick(
        format!("Restored; start the server. The database that was there is {aside}."),
        format!("已恢复，可以启动服务器。原数据库保留为 {aside}。"),
    )
}

fn violated(lang: Lang, rule: &str, count: &u64, example: &str) -> String {
    let (english, chinese) = rule_words(rule);
    lang.pick(
        format!("{rule}: {english} ({count}, for example {example})"),
        format!("{rule}：{chinese}（{count} 处，例如 {example}）"),
    )
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
