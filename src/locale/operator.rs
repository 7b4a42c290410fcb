//! What the operator reads: at the start of the server, and of its commands, copies and checks.

use super::usage::Usage;
use super::{Lang, did_you_mean};

texts! {
    /// A text for the operator.
    #[derive(Clone, Debug)]
    #[allow(missing_docs)]
    pub enum Text {
        Data { path: String } => "Data: {path}", "数据目录：{path}";
        Listening { addresses: String } => "Listening: {addresses}", "监听地址：{addresses}";
        AdminPassword { password: String } =>
            "Administrator: admin, password {password} (shown this once; change it with passwd)",
            "管理员账号：admin，密码：{password}（仅显示这一次，请用 passwd 修改）";
        HowToJoin { command: String } =>
            "Join from another terminal: {command}", "在另一个终端加入：{command}";
        HowToStop => "Stop with Ctrl-C.", "按 Ctrl-C 停止。";
        Demo { password: String } =>
            "alice, bob, carol: all three with the password {password}. echo is a bot.",
            "alice、bob、carol 三人的密码都是 {password}；echo 是会复述的机器人。";
        DemoDoors { address: String, client: String } =>
            "Come in with a browser, http://{address}/, or from another terminal: {client} \
             {address}",
            "用浏览器打开 http://{address}/，或在另一个终端运行：{client} {address}";
        Fingerprint { fingerprint: String } =>
            "Fingerprint of the key: {fingerprint}", "密钥指纹：{fingerprint}";
        Addresses { addresses: String } =>
            "Reached from other machines at: {addresses}", "其他机器可用的地址：{addresses}";
        Invite { code: String } =>
            "Invite code, to register from other machines: {code}", "从其他机器注册所需的邀请码：{code}";
        OpenRegistration =>
            "--open-registration: anyone who can reach the server can register.",
            "--open-registration：能连接到本服务器的任何人都可以注册。";
        InsecurePlaintext =>
            "--insecure-plaintext: anyone on the network path can read passwords and messages.",
            "--insecure-plaintext：传输途中的任何人都能读到密码和消息。";
        HowToJoinFromElsewhere { command: String } =>
            "Join from another machine: {command}", "在其他机器上加入：{command}";
        Wrapping { done: u64, total: u64 } =>
            "Securing old passwords: {done} of {total}", "正在加固旧密码：{done}/{total}";
        Migrated => "An older database was upgraded.", "已升级旧版数据库。";
        NoFsync =>
            "--no-fsync: for benchmarks only. Nothing waits for the disk, and a power cut loses \
             acknowledged messages.",
            "--no-fsync：仅供性能测试。不等待磁盘写入，断电会丢失已确认的消息。";
        CannotBind { address: String, why: String } =>
            "Cannot listen on {address}: {why}. Choose another with --listen.",
            "无法监听 {address}：{why}。可用 --listen 另选地址。";
        AddressTaken { address: String } =>
            "Cannot listen on {address}: the port is in use. Is another server running? Choose \
             another with --listen.",
            "无法监听 {address}：端口已被占用。是否已有服务器在运行？可用 --listen 另选地址。";
        AddressNotOurs { address: String } =>
            "Cannot listen on {address}: this machine does not have that address; `ip address` \
             lists those it has. Choose one with --listen.",
            "无法监听 {address}：本机没有该地址，可用 ip address 查看。请用 --listen 另选地址。";
        PortPrivileged { address: String } =>
            "Cannot listen on {address}: ports below 1024 are root's. Choose a higher one with \
             --listen.",
            "无法监听 {address}：1024 以下的端口需要 root 权限。请用 --listen 选择更大的端口。";
        CannotBindDefault6 { why: String } => "not listening on [::1]: {why}", "未监听 [::1]：{why}";
        NoDataDirectory =>
            "There is no home directory to keep the data in; name one with --data DIR.",
            "找不到用户主目录，请用 --data 指定数据目录。";
        NotWritable { path: String, why: String } =>
            "Cannot write to {path}: {why}. Name another directory with --data DIR.",
            "无法写入 {path}：{why}。请用 --data 指定其他目录。";
        InUse { path: String } =>
            "Another p2sp server is running on {path}; stop it first.",
            "另一个 p2sp 服务器正在使用 {path}，请先停止它。";
        Newer { found: i64, known: i64 } =>
            "The database is of version {found}, newer than this server's {known}; start the \
             newer server. Nothing was touched.",
            "数据库版本 {found} 比本程序支持的 {known} 更新，请使用新版服务器。未作任何改动。";
        NotADatabase { path: String } =>
            "{path} is not a p2sp database; name another directory with --data DIR.",
            "{path} 不是 p2sp 数据库，请用 --data 指定其他目录。";
        Broken { why: String } => "The database cannot be used: {why}", "数据库无法使用：{why}";
        /// Not the database: a socket, a thread, memory.
        SystemRefuses { why: String } =>
            "The system does not give the server what it needs: {why}",
            "系统未能提供服务器所需的资源：{why}";
        Usage(usage: Usage) => of usage;
        UnknownLimit { name: String, nearest: Option<String> } =>
            "There is no limit {name}. {meant}--help-limits lists them.",
            "没有名为 {name} 的限制。{meant}--help-limits 列出所有限制。",
            meant = did_you_mean(nearest);
        BadLimit { text: String } =>
            "\"{text}\" is not a limit: write NAME=VALUE with a whole number from 0 to 4294967295 \
             (on, off for loopback). --help-limits lists them.",
            "“{text}”格式不对：应为 名称=整数，范围 0 至 4294967295（loopback 用 on、off）。--help-limits 列出所有限制。";
        LimitTooSmall { name: String, least: u64 } =>
            "The limit {name} must be at least {least}, or 0 for none.",
            "限制 {name} 至少为 {least}，或为 0（不限制）。";
        Weak { why: String } => "{why}", "{why}";
        PasswordPrompt => "New password: ", "新密码：";
        PasswordAgain => "Again: ", "再输入一次：";
        PasswordsDiffer => "The two passwords differ; nothing was changed.", "两次输入不一致，未修改。";
        CannotReadPassword { why: String } => "Cannot read the password: {why}", "无法读取密码：{why}";
        CertificateUnreadable { path: String, why: String } =>
            "Cannot read the certificate or its key in {path}: {why}. Make it readable for the \
             server's user, or bring it back from a backup; a new key would be refused by \
             everyone who trusts the old one.",
            "无法读取 {path} 中的证书或密钥：{why}。请修正权限或从备份恢复；已信任旧密钥的客户端会拒绝新密钥。";
        NoCertificate { path: String } =>
            "There is no certificate in {path}. Bring the file back from a backup, or name \
             another with --tls-cert.",
            "{path} 中没有证书。请从备份恢复该文件，或用 --tls-cert 指定其他文件。";
        NoKey { path: String } =>
            "There is no private key in {path}. Bring the file back from a backup, or name \
             another with --tls-key.",
            "{path} 中没有私钥。请从备份恢复该文件，或用 --tls-key 指定其他文件。";
        CertificateUnfit { path: String, why: String } =>
            "The certificate and the key of {path} cannot be used: {why}.",
            "{path} 的证书和密钥无法使用：{why}。";
        CertificateUnwritable { path: String, why: String } =>
            "Cannot make the server's key in {path}: {why}.", "无法在 {path} 创建服务器密钥：{why}。";
        InviteUnusable { path: String, why: String } =>
            "Cannot use the invite code in {path}: {why}. Repair the file, or remove it to have a \
             new code made.",
            "无法使用 {path} 中的邀请码：{why}。请修正该文件，或删除它以生成新的邀请码。";

        // Of the commands.
        /// The server's own answer, in the right language already.
        Refused { message: String } => "{message}", "{message}";
        ServerGone { why: Option<String> } =>
            "The server runs and does not answer{why}", "服务器正在运行但没有回应{why}",
            why = after_colon(why);
        TooLong => "That is too long.", "内容太长。";
        BadHost { text: String } =>
            "--host {text}: a name alone, without https:// and without a port.",
            "--host {text}：只写名称，不带 https:// 和端口。";
        Metrics { address: String } =>
            "Metrics: http://{address}/metrics", "监控指标：http://{address}/metrics";
        /// A file that is no TOML, or a value that a setting cannot have.
        BadFile { path: String, why: String } => "{path}: {why}", "{path}：{why}";
        UnknownSetting { path: String, name: String, nearest: Option<String> } =>
            "{path}: there is no setting {name}. {meant}p2sp-server config lists them.",
            "{path}：没有名为 {name} 的设置。{meant}p2sp-server config 列出所有设置。",
            meant = did_you_mean(nearest);
        NoControl { why: String } =>
            "no control socket, so no commands while the server runs: {why}",
            "无法建立控制套接字，运行期间不能使用管理命令：{why}";
        FileExists { path: String } =>
            "{path} exists already; name a new file.", "{path} 已存在，请换一个文件名。";
        /// Where something was to be written.
        InTheWay { path: String, owner: u32 } =>
            "{path} is in the way: it is a file of another user's (uid {owner}) or a link. Remove \
             it, or name a file in another folder.",
            "{path} 已存在，它是其他用户（uid {owner}）的文件或链接。请删除它，或指定其他目录中的文件。";
        /// Of a user's number.
        Foreign { path: String, owner: u32 } =>
            "{path} belongs to another user (uid {owner}). Run p2sp-server as that user (sudo -u \
             '#{owner}' p2sp-server …), or make it yours: sudo chown -R \"$USER\" '{path}'",
            "{path} 属于其他用户（uid {owner}）。请以该用户运行（sudo -u '#{owner}' p2sp-server …），\
             或取得所有权：sudo chown -R \"$USER\" '{path}'";
        Exposed { path: String, mode: u32 } =>
            "{path} is open to others (mode {mode:03o}), and that cannot be changed from here: \
             chmod go-rwx '{path}', or name a place on a file system that keeps modes.",
            "{path} 可被其他用户访问（权限 {mode:03o}），且程序无法修改：请执行 chmod go-rwx '{path}'，或改用支持权限的文件系统。";
        Shared { path: String, mode: u32 } =>
            "{path} is open to others (mode {mode:03o}) and holds more than p2sp's data. Name a \
             directory of its own: --data '{path}/p2sp'",
            "{path} 可被其他用户访问（权限 {mode:03o}），且含有 p2sp 以外的内容。请使用单独的目录：--data '{path}/p2sp'";
        ParentExposed { path: String, mode: u32 } =>
            "Anybody can write to {path} (mode {mode:03o}), and so put other files in the place of \
             the data: chmod o-w '{path}', or name another directory with --data DIR.",
            "任何用户都可写入 {path}（权限 {mode:03o}），从而替换数据目录：请执行 chmod o-w '{path}'，或用 --data 指定其他目录。";
        Tightened { path: String, mode: u32, right: u32 } =>
            "{path} was open to others (mode {mode:03o}); now it is not (mode {right:03o})",
            "{path} 原先可被其他用户访问（权限 {mode:03o}），现已收紧（权限 {right:03o}）";
        /// Others may read it, and it could not be changed; or it is root's.
        StillOpen { path: String, mode: u32 } =>
            "{path} is open to others (mode {mode:03o}), and that cannot be changed from here",
            "{path} 可被其他用户访问（权限 {mode:03o}），且程序无法修改";
        /// Of `--tls-key`.
        KeyOpen { path: String, mode: u32, right: u32 } =>
            "everybody can read the key in {path} (mode {mode:03o}): chmod {right:03o} '{path}'",
            "任何用户都能读取密钥 {path}（权限 {mode:03o}）：请执行 chmod {right:03o} '{path}'";
        Impostor { path: String, owner: u32 } =>
            "What answers at {path} is no server of the data's owner but a program of another \
             user (uid {owner}). Nothing was said to it. End it, remove {path}, and start the \
             server anew.",
            "在 {path} 应答的不是数据所有者的服务器，而是其他用户（uid {owner}）的程序。没有发送任何内容。请结束该程序，删除 {path}，再重新启动服务器。";
        NoDatabase { path: String } =>
            "There is no database in {path}. The first start of the server makes one; or name \
             another directory with --data DIR.",
            "{path} 中没有数据库。首次启动服务器时会创建；也可用 --data 指定其他目录。";
        EmptyFile { path: String } =>
            "{path} is empty: there is no database in it. Name a file that `p2sp-server backup` \
             made.",
            "{path} 是空的，其中没有数据库。请指定 p2sp-server backup 生成的文件。";
        NotABackup { path: String } =>
            "{path} is not a database of p2sp. Name a file that `p2sp-server backup` made.",
            "{path} 不是 p2sp 的数据库。请指定 p2sp-server backup 生成的文件。";
        LogBeside { path: String, beside: String } =>
            "{path} is not whole: {beside} has what was written last. Start a server on the two \
             of them, or copy them with `p2sp-server backup`.",
            "{path} 不完整：最后写入的内容在 {beside} 中。请用这两个文件启动服务器，或用 p2sp-server backup 重新备份。";
        /// Of a running server; before its settings.
        ConfigRunning { version: String, pid: u64, addresses: String } =>
            "The server that runs: version {version}, process {pid}, listening on {addresses}",
            "正在运行的服务器：版本 {version}，进程 {pid}，监听 {addresses}";
        ConfigStopped { path: String } =>
            "No server runs on {path}; a start now would have these settings",
            "{path} 上没有服务器在运行；现在启动将使用以下设置";
        ConfigNoDatabase { path: String } =>
            "There is no database in {path} yet; the first start makes one",
            "{path} 中还没有数据库；首次启动时会创建";
        NothingRuns { path: String } =>
            "No server runs on {path}, so there are no connections",
            "{path} 上没有服务器在运行，因此没有连接";
        NoServer { path: String } =>
            "none runs on {path}; this is what a start now would meet",
            "{path} 上没有服务器在运行；以下检查现在启动会遇到的情况";
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
            "{rule}: {means} ({count}, for example {example})",
            "{rule}：{means}（{count} 处，例如 {example}）",
            means = rule_text(rule);
    }
}

fn after_colon(_: Lang, why: &Option<String>) -> String {
    why.as_ref().map(|why| format!(": {why}")).unwrap_or_default()
}

fn restored(lang: Lang, aside: &Option<String>) -> String {
    match aside {
        None => say!(lang, "Restored; start the server.", "已恢复，可以启动服务器。"),
        Some(aside) => say!(
            lang,
            "Restored; start the server. The database that was there is {aside}.",
            "已恢复，可以启动服务器。原数据库保留为 {aside}。"
        ),
    }
}

words! {
    /// What it means that a rule of the store's check is broken.
    rule_text(rule: &str) {
        "integrity" => "SQLite finds the file damaged", "SQLite 发现文件已损坏";
        "schema" => "the tables are not those of its version", "数据表与其版本不符";
        "references" => "a row names one that does not exist", "存在悬空引用";
        "member_counts" => "a group's count is not that of its members", "群人数与成员不符";
        "owners" => "a group's creator is not its member", "群主不在群中";
        "memberships" => "memberships overlap or end in the future", "成员区间重叠或越界";
        "cursors" => "a user has no cursor, or one beyond the log", "用户游标缺失或越界";
        "waiting" => "the sum of what waits for a user is wrong", "待收消息合计有误";
        "waiting_behind" => "messages wait for a user who has all", "已收齐的用户仍有待收记录";
        "friends" => "a friendship has one side only", "好友关系只有一方";
        "log_head" => "the log's numbers do not fit one another", "日志编号不一致";
        "log_names" => "an entry's sender or reader does not exist", "消息的发送者或接收者不存在";
        "words" => "the full-text index does not fit the messages", "搜索索引与消息不一致";
        "log_slices" => "the log's index does not have all entries", "日志索引不完整";
        "names" => "a user or group has no name or no number", "用户或群缺少名称或编号";
        "reads" => "a read position is beyond the log", "已读位置越界";
        "values" => "a number is negative and must not be", "出现不应有的负数";
        "keys" => "a login key has no age", "登录密钥缺少时间";
        "epoch" => "the database has no identifier", "数据库缺少标识";
        "mid_key" => "the key that finds repeated messages is missing", "缺少用于识别重复消息的密钥";
        _ => "", "";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_of_the_check_has_words() {
        let rules = crate::store::RULES.iter().map(|(rule, _)| *rule);
        for rule in rules.chain(["integrity", "schema", "references"]) {
            assert!(!rule_text(Lang::En, rule).is_empty(), "{rule}");
        }
    }
}
