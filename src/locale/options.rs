//! What `p2sp-server --help` and `--help-limits` say in Chinese.
//!
//! The English words stand beside the options and limits themselves, where their parser and their
//! readers look for them. A test beside the parser keeps the two in step.

/// The Chinese words for an option, a command, an argument of a command, or a limit
/// (`limit.NAME`).
pub fn chinese(name: &str) -> Option<&'static str> {
    CHINESE.iter().find(|(row, _)| *row == name).map(|(_, words)| *words)
}

const CHINESE: &[(&str, &str)] = &[
    ("p2sp-server", "聊天服务器：一个程序，一个数据文件，一个线程"),
    ("listen", "监听此地址，可重复 [默认：127.0.0.1:18888 [::1]:18888]"),
    ("lan", "监听所有网络接口，供其他机器上的同事使用"),
    ("data", "数据目录 [默认：用户数据目录下的 p2sp]"),
    ("lang", "使用英文（en）或中文（zh） [默认：取自环境变量]"),
    ("metrics", "在此本机地址上回应监控程序（Prometheus）"),
    ("friend_approval", "加好友须经对方同意"),
    (
        "keep_days",
        "删除多少天以前的消息，至少 30；期间上过线的用户不会丢失任何消息 [默认：全部保留]",
    ),
    ("tls_cert", "使用此证书（PEM，含上级证书）代替自带的证书"),
    ("tls_key", "该证书的私钥（PEM）"),
    ("insecure_plaintext", "允许其他机器使用明文；传输途中的任何人都能读到密码和消息"),
    ("open_registration", "允许任何人从其他机器注册，无需邀请码"),
    ("host", "接受浏览器以此名称访问本服务器，可重复"),
    ("proxy", "信任此地址上的代理所转告的来访者地址（PROXY 协议 v2 或 X-Forwarded-For），可重复"),
    ("no_fsync", "仅供性能测试：不等待磁盘写入，断电会丢失已确认的消息"),
    ("limit", "修改一项限制，可重复"),
    ("help_limits", "列出各项限制及默认值"),
    ("help", "显示帮助"),
    ("version", "显示版本"),
    ("demo", "演示：启动一个已有用户和对话的服务器，退出后不留任何数据"),
    ("doctor", "检查可能妨碍服务器运行的问题，并给出处理命令"),
    ("config", "以 p2sp.toml 的格式列出每项设置、取值及来源"),
    ("admin", "管理用户和服务器，无论它是否正在运行"),
    ("backup", "把数据库备份到新文件，无论服务器是否正在运行"),
    ("backup file", "新文件"),
    ("restore", "用备份替换数据库，服务器须已停止"),
    ("restore file", "backup 生成的文件"),
    ("check", "检查数据库是否完好，服务器须已停止；也可检查备份"),
    ("check file", "backup 生成的文件"),
    ("grant", "授予管理员权限"),
    ("revoke", "取消管理员权限"),
    ("passwd", "重设用户密码；其会话立即结束"),
    ("block", "封禁用户：立即下线并禁止登录"),
    ("unblock", "解除封禁"),
    ("users", "列出用户"),
    ("users online", "仅在线用户"),
    ("groups", "列出群"),
    ("broadcast", "向所有用户发送系统消息"),
    ("broadcast text", "内容"),
    ("stats", "查看服务器运行情况"),
    ("name", "用户名"),
    ("limit.requests_per_second", "每个用户每秒处理的请求数，超出的等待。"),
    ("limit.requests_burst", "在上述速率生效前，用户可连续发送的请求数。"),
    ("limit.messages_per_second", "每个用户每秒处理的消息数，超出的等待。"),
    ("limit.messages_burst", "在上述速率生效前，用户可连续发送的消息数。"),
    ("limit.waiting_per_user", "一个落后的用户可积压的消息数。"),
    ("limit.waiting_per_sender", "其中来自同一发送者的消息数。"),
    ("limit.groups_owned", "一个用户可创建的群数。"),
    ("limit.groups_joined", "一个用户可加入的群数。"),
    ("limit.friends", "一个用户的好友数。"),
    ("limit.group_members", "一个群的成员数。"),
    ("limit.takeovers_per_minute", "一个用户的会话每分钟可转移到其他连接的次数。"),
    ("limit.connections_per_address", "来自同一地址、尚未登录的连接数。"),
    ("limit.signins_per_minute", "同一地址每分钟登录失败的次数。"),
    ("limit.registrations_per_hour", "同一地址每小时无邀请码注册的次数。"),
    ("limit.signin_seconds", "连接后须在多少秒内登录。"),
    ("limit.idle_seconds", "会确认消息的会话多少秒没有数据即结束。"),
    ("limit.loopback", "1：按地址的限制也适用于本机。"),
];
