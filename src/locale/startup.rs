//! What the operator reads when the server starts, or cannot.

use super::did_you_mean;
use super::operating::Operating;
use super::usage::Usage;

texts! {
    /// A line for the operator.
    #[derive(Clone, Debug)]
    #[allow(missing_docs)]
    pub enum Startup {
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
        Operating(line: Operating) => of line;
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
    }
}

impl From<Operating> for Startup {
    fn from(line: Operating) -> Startup {
        Startup::Operating(line)
    }
}
