//! What `p2sp-server doctor` looks at, and what it complains about.

texts! {
    /// Something that is looked at.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[allow(missing_docs)]
    pub enum Check {
        Server => "server", "服务器";
        Port => "port", "端口";
        OpenFiles => "open files", "文件数限制";
        Clock => "clock", "时钟";
        Disk => "disk", "磁盘";
        Files => "files", "文件权限";
        Database => "database", "数据库";
        Certificate => "certificate", "证书";
        /// Said of each without a complaint.
        Fine => "fine", "正常";
    }
}

texts! {
    /// What is wrong.
    #[derive(Clone, Debug, PartialEq, Eq)]
    #[allow(missing_docs)]
    pub enum Complaint {
        OpenFiles { files: u64, connections: u64 } =>
            "at most {files} open files, so at most {connections} connections",
            "最多打开 {files} 个文件，只能容纳 {connections} 个连接";
        ClockUnset => "the clock was never set", "系统时钟未设置";
        ClockBehind { seconds: i64 } =>
            "the clock is {seconds} s behind the database", "系统时钟比数据库落后 {seconds} 秒";
        Disk { free_mib: u64, wanted_mib: u64 } =>
            "{free_mib} MiB are free, {wanted_mib} MiB are wanted",
            "剩余 {free_mib} MiB，建议至少 {wanted_mib} MiB";
        NoDirectory { path: String } => "there is no directory {path}", "目录 {path} 不存在";
        NoDatabase { path: String } =>
            "there is no database in {path}; the first start makes one",
            "{path} 中没有数据库，首次启动时会创建";
        NotOurs { path: String } => "{path} cannot be read", "无法读取 {path}";
        Open { path: String, mode: u32 } =>
            "{path} is open to others (mode {mode:03o})",
            "{path} 可被其他用户访问（权限 {mode:03o}）";
        Expired => "the certificate has expired", "证书已过期";
        Ends { days: i64 } => "the certificate ends in {days} days", "证书将在 {days} 天后过期";
        /// `message` is the running server's answer, in the right language.
        Older { message: String } =>
            "The running server does not tell its settings ({message}): it is an older version. \
             Restart it.",
            "正在运行的服务器不提供自身信息（{message}）：版本较旧，请重新启动。";
        /// `line` is in the right language.
        Said { line: String } => "{line}", "{line}";
    }
}
