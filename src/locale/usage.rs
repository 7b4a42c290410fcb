//! What is wrong with a command line, a variable of the environment or a setting, and what to write
//! instead. For both programs.

use std::error::Error;
use std::fmt;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::{Lang, did_you_mean};
use crate::limits::KEEP_DAYS_MIN;

texts! {
    /// What is wrong.
    #[derive(Clone, Debug, PartialEq, Eq)]
    #[allow(missing_docs)]
    pub enum Usage {
        /// Somewhere, said already in the right language.
        In { place: String, why: String } => "{place}: {why}", "{place}：{why}";
        BadValue { place: String, value: String, wanted: Wanted } =>
            by bad_value(place, value, wanted);
        UnknownOption { name: String, nearest: Option<String> } =>
            "There is no option {name} here. {meant}--help lists them.",
            "此处没有选项 {name}。{meant}--help 列出所有选项。",
            meant = did_you_mean(nearest);
        UnknownCommand { name: String, nearest: Option<String> } =>
            "There is no command {name}. {meant}--help lists them.",
            "没有命令 {name}。{meant}--help 列出所有命令。",
            meant = did_you_mean(nearest);
        Superfluous { word: String } =>
            "\"{word}\" is one word too many; see --help.",
            "多余的参数“{word}”；--help 查看用法。";
        MissingValue { option: String } =>
            "{option} needs a value after it; --help explains.",
            "{option} 后面需要一个值；--help 查看用法。";
        NoValue { option: String } =>
            "{option} takes no value; leave it out where it is not meant.",
            "{option} 不带值；不需要时请去掉该选项。";
        Missing { what: String } =>
            "{what} is missing; --help explains.", "缺少 {what}；--help 查看用法。";
        Together { one: String, other: String } =>
            "{one} and {other} do not go together; choose one of them.",
            "{one} 与 {other} 不能同时使用，请选择其一。";
        Twice { option: String } =>
            "{option} can be given once only.", "{option} 只能指定一次。";
        Alone { one: String, other: String } =>
            "{one} needs {other} as well: a certificate and its key belong together.",
            "{one} 必须与 {other} 一起使用：证书与私钥缺一不可。";
        ListenTwice { address: String } =>
            "--listen has {address} twice; name it once.", "--listen 重复指定了 {address}，请只写一次。";
        ListenWithin { address: String, within: String } =>
            "--listen: {address} is one of the addresses of {within} already; leave one of them \
             out.",
            "--listen：{within} 已包含 {address}，请去掉其中一个。";
        MetricsListened { address: String } =>
            "--metrics {address}: --listen has that address; choose another port.",
            "--metrics {address}：该地址已用于 --listen，请换一个端口。";
        MetricsNotLoopback { address: String } =>
            "--metrics {address}: only on loopback, for instance 127.0.0.1:9464.",
            "--metrics {address}：只能使用本机地址，例如 127.0.0.1:9464。";
        /// The parser's own words, where there are none of ours.
        Other { said: String } => "{said}; --help explains.", "{said}；--help 查看用法。";
    }
}

texts! {
    /// What a value should be.
    #[derive(Clone, Debug, PartialEq, Eq)]
    #[allow(missing_docs)]
    pub enum Wanted {
        Address =>
            "write an IP address and a port, for instance 127.0.0.1:18888 or [::1]:18888",
            "请写 IP 地址和端口，例如 127.0.0.1:18888 或 [::1]:18888";
        Zone =>
            "a link-local address needs its interface, for instance [fe80::1%eth0]:18888",
            "链路本地地址须注明网络接口，例如 [fe80::1%eth0]:18888";
        Interface(name: String) =>
            "this machine has no interface {name}; `ip link` lists them",
            "本机没有名为 {name} 的网络接口；ip link 可列出所有接口";
        Days =>
            "write a whole number of days, {KEEP_DAYS_MIN} or more; leave it out to keep \
             everything",
            "请写天数（整数，至少 {KEEP_DAYS_MIN}）；不设置则全部保留";
        Fingerprint =>
            "a fingerprint is sha256: and 64 digits from 0 to f, as the server prints it",
            "指纹为 sha256: 加 64 位十六进制数字，与服务器显示的一致";
        OnOff => "write 1 or 0 (also true, false)", "请写 1 或 0（也可用 true、false）";
        TrueFalse => "write true or false", "请写 true 或 false";
        One => "write one value only", "只能写一个值";
        Plain =>
            "write a number, a text in quotes, or a list of them",
            "请写数字、带引号的文字，或由它们组成的列表";
        /// `why` is what the parser says, in English; it may be empty.
        Fit(why: String) => by unfit(why);
    }
}

/// For the parser of command lines; [`Usage::of`] takes it out again.
impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.say(Lang::En))
    }
}

impl Error for Wanted {}

impl Usage {
    /// What a parser of command lines complains about. `None`: it has its own way to say it, for it
    /// is no complaint.
    pub fn of(error: &clap::Error) -> Option<Usage> {
        use ContextKind as C;
        let said = |kind| match error.get(kind) {
            Some(ContextValue::String(text)) => Some(text.clone()),
            Some(ContextValue::Strings(texts)) => Some(texts.join(" ")),
            Some(ContextValue::StyledStr(text)) => Some(text.to_string()),
            _ => None,
        };
        // Without the name of its value.
        let option = || {
            let whole = said(C::InvalidArg).unwrap_or_default();
            whole.split(' ').next().unwrap_or_default().to_owned()
        };
        let value = said(C::InvalidValue).unwrap_or_default();
        Some(match error.kind() {
            ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => return None,
            ErrorKind::UnknownArgument if !option().starts_with('-') => {
                Usage::Superfluous { word: option() }
            }
            ErrorKind::UnknownArgument => {
                Usage::UnknownOption { name: option(), nearest: said(C::SuggestedArg) }
            }
            ErrorKind::InvalidSubcommand => Usage::UnknownCommand {
                name: said(C::InvalidSubcommand).unwrap_or_default(),
                nearest: said(C::SuggestedSubcommand),
            },
            ErrorKind::InvalidValue if value.is_empty() => Usage::MissingValue { option: option() },
            ErrorKind::TooManyValues => Usage::NoValue { option: option() },
            ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
                let why = error.source();
                let ours = why.and_then(|why| why.downcast_ref::<Wanted>()).cloned();
                let theirs = || Wanted::Fit(why.map(ToString::to_string).unwrap_or_default());
                Usage::BadValue { place: option(), value, wanted: ours.unwrap_or_else(theirs) }
            }
            ErrorKind::MissingRequiredArgument => {
                Usage::Missing { what: said(C::InvalidArg).unwrap_or_default() }
            }
            ErrorKind::ArgumentConflict => {
                let other = said(C::PriorArg).unwrap_or_default();
                match option() {
                    one if one == other || other.is_empty() || other.starts_with(&one) => {
                        Usage::Twice { option: one }
                    }
                    one => Usage::Together { one, other },
                }
            }
            _ => {
                let text = error.to_string();
                let first = text.lines().next().unwrap_or_default();
                Usage::Other { said: first.trim_start_matches("error: ").to_owned() }
            }
        })
    }
}

fn unfit(lang: Lang, why: &str) -> String {
    match why {
        "" => say!(
            lang,
            "that is none of its values; --help explains",
            "不是有效的值；--help 查看用法"
        ),
        why => say!(lang, "{why}; --help explains", "{why}；--help 查看用法"),
    }
}

fn bad_value(lang: Lang, place: &str, value: &str, wanted: &Wanted) -> String {
    let wanted = wanted.say(lang);
    match value {
        "" => say!(lang, "{place}: {wanted}.", "{place}：{wanted}。"),
        _ => say!(
            lang,
            "{place} cannot be \"{value}\": {wanted}.",
            "{place} 不能是“{value}”：{wanted}。"
        ),
    }
}
