//! The settings of the server: from flags, else from `P2SP_…` in the environment, else from
//! `p2sp.toml` in the data directory, else the defaults.
//!
//! The parser of the command line reads all of them. Here its values become [`Options`], and a
//! complaint names the place where the wrong value stands. Nothing here opens the database.

mod file;
pub mod help;
mod origin;
mod values;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::builder::{BoolishValueParser as OnOff, Resettable};
use clap::{
    ArgAction, ArgMatches, Args, Command, CommandFactory, FromArgMatches, Parser, Subcommand,
};
use directories::ProjectDirs;
use p2sp::certificate::Source;
use p2sp::doors::http::origin::Host;
use p2sp::handlers::Rules;
use p2sp::limits::{IDLE_SECONDS_MIN, Limits};
use p2sp::locale::Lang;
use p2sp::locale::operator::Text;
use p2sp::locale::usage::{Usage, Wanted};
use p2sp::store::Synchronous;
use toml::Value;

use file::File;
pub use origin::{Origin, Setting};
use origin::{Origins, variable};
use values::{is_flag, is_setting};

#[derive(Parser)]
#[command(
    name = "p2sp-server",
    version,
    about = "A chat server: one program, one file, one thread"
)]
struct Arguments {
    /// Listen on this address; may be given more than once [default: 127.0.0.1:18888 [::1]:18888]
    #[arg(
        long,
        global = true,
        value_name = "ADDR",
        env = "P2SP_LISTEN",
        value_delimiter = ',',
        value_parser = values::address
    )]
    listen: Vec<SocketAddr>,
    /// Listen on every interface, for colleagues on other machines
    #[arg(long, global = true, env = "P2SP_LAN", value_parser = OnOff::new())]
    lan: bool,
    /// Keep the data in this directory [default: the user's data directory for p2sp]
    #[arg(long, global = true, value_name = "DIR", env = "P2SP_DATA")]
    data: Option<PathBuf>,
    /// Speak English (en) or Chinese (zh) [default: from the environment]
    #[arg(long, global = true, value_name = "LANG", env = "P2SP_LANG")]
    lang: Option<String>,
    /// Answer monitors (Prometheus) on this loopback address
    #[arg(
        long,
        global = true,
        value_name = "ADDR",
        env = "P2SP_METRICS",
        value_parser = values::address
    )]
    metrics: Option<SocketAddr>,
    /// Friends must be accepted before they can write to each other
    #[arg(long, global = true, env = "P2SP_FRIEND_APPROVAL", value_parser = OnOff::new())]
    friend_approval: bool,
    /// Delete messages that are older than so many days, 30 or more; a user who was online within
    /// that time loses none [default: keep everything]
    #[arg(
        long,
        global = true,
        value_name = "DAYS",
        env = "P2SP_KEEP_DAYS",
        value_parser = values::days
    )]
    keep_days: Option<u32>,
    /// Use this certificate (PEM, with its chain) instead of our own
    #[arg(long, global = true, value_name = "FILE", env = "P2SP_TLS_CERT")]
    tls_cert: Option<PathBuf>,
    /// The certificate's key (PEM)
    #[arg(long, global = true, value_name = "FILE", env = "P2SP_TLS_KEY")]
    tls_key: Option<PathBuf>,
    /// Accept plaintext from other machines; others on the network can read passwords and messages
    #[arg(long, global = true, env = "P2SP_INSECURE_PLAINTEXT", value_parser = OnOff::new())]
    insecure_plaintext: bool,
    /// Let people on other machines register without the invite code
    #[arg(long, global = true, env = "P2SP_OPEN_REGISTRATION", value_parser = OnOff::new())]
    open_registration: bool,
    /// Serve browsers that ask for the server by this name; may be given more than once
    #[arg(long, value_name = "NAME", env = "P2SP_HOST", value_delimiter = ',')]
    host: Vec<String>,
    /// Trust the client addresses that the proxy at this address tells, by PROXY protocol v2 or
    /// X-Forwarded-For; may be given more than once
    #[arg(long, value_name = "ADDR", env = "P2SP_PROXY", value_delimiter = ',')]
    proxy: Vec<IpAddr>,
    /// Write the log as text, or as JSON, one object a line
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        env = "P2SP_LOG_FORMAT",
        value_parser = ["text", "json"],
        default_value = "text"
    )]
    log_format: String,
    /// For benchmarks only: do not wait for the disk; a power cut loses acknowledged messages
    #[arg(long, global = true, env = "P2SP_NO_FSYNC", value_parser = OnOff::new())]
    no_fsync: bool,
    /// Change a limit; may be given more than once
    #[arg(
        long,
        global = true,
        value_name = "NAME=VALUE",
        env = "P2SP_LIMIT",
        value_delimiter = ','
    )]
    limit: Vec<String>,
    /// List the limits with their defaults
    #[arg(long)]
    help_limits: bool,
    #[command(subcommand)]
    command: Option<Subcommands>,
}

/// What `p2sp-server` does instead of running the server.
#[derive(Clone, Subcommand)]
pub enum Subcommands {
    /// Run a temporary server with example users and messages
    Demo,
    /// Look for problems, and print a command that solves each of them
    Doctor,
    /// Print every setting, its value and where that came from, in the form of p2sp.toml
    Config,
    /// Manage users and the server, whether it runs or not
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Copy the database into a new file, whether the server runs or not
    Backup {
        /// The new file
        file: PathBuf,
    },
    /// Put a backup in the place of the database, while the server is stopped
    Restore {
        /// A file that backup made
        file: PathBuf,
    },
    /// Check the database while the server is stopped, or a backup
    Check {
        /// A file that backup made
        file: Option<PathBuf>,
    },
}

/// A user's name.
#[derive(Args, Clone)]
pub struct User {
    /// The user's name
    pub name: String,
}

/// How a list is printed.
#[derive(Args, Clone, Copy)]
pub struct Form {
    /// As JSON, one object a line
    #[arg(long)]
    json: bool,
}

/// What `p2sp-server admin` does.
#[derive(Clone, Subcommand)]
pub enum AdminCommand {
    /// Make a user an administrator
    Grant(User),
    /// Make an administrator a user
    Revoke(User),
    /// Give a user a new password, and sign the user out
    Passwd(User),
    /// Block a user, and sign the user out
    Block(User),
    /// Unblock a user
    Unblock(User),
    /// List the users
    Users {
        /// Only those online
        #[arg(long)]
        online: bool,
        #[command(flatten)]
        form: Form,
    },
    /// List the groups
    Groups {
        #[command(flatten)]
        form: Form,
    },
    /// List the connections of the running server, and why they rest
    Connections {
        #[command(flatten)]
        form: Form,
    },
    /// List what administrators did, the newest first
    Audit {
        #[command(flatten)]
        form: Form,
    },
    /// Send a message to every user
    Broadcast {
        /// The message
        text: String,
    },
    /// Show figures of the server
    Stats {
        #[command(flatten)]
        form: Form,
    },
    /// As p2sp-server backup
    Backup {
        /// The new file
        file: PathBuf,
    },
}

impl AdminCommand {
    /// Whether its list is printed as JSON.
    pub fn is_json(&self) -> bool {
        match self {
            AdminCommand::Users { form, .. }
            | AdminCommand::Groups { form }
            | AdminCommand::Connections { form }
            | AdminCommand::Audit { form }
            | AdminCommand::Stats { form } => form.json,
            _ => false,
        }
    }
}

/// Everything the operator decided.
#[derive(Clone)]
pub struct Options {
    /// What to do instead of running the server.
    pub command: Option<Subcommands>,
    /// Whether to list the limits, and do nothing else.
    pub help_limits: bool,
    /// Where to listen.
    pub listen: Vec<SocketAddr>,
    /// These are the default addresses: one of them may be missing.
    pub listen_is_default: bool,
    /// The data directory.
    pub data: PathBuf,
    /// Where the certificate comes from.
    pub certificate: Source,
    /// Registration needs no invite code.
    pub open_registration: bool,
    /// The address for monitors.
    pub metrics: Option<SocketAddr>,
    /// Whether the log is written as JSON.
    pub log_json: bool,
    /// Whether an acknowledged message is on disk.
    pub synchronous: Synchronous,
    /// The rules for handlers.
    pub rules: Rules,
    /// Every setting with its value and origin.
    pub settings: Vec<Setting>,
}

impl Options {
    /// Reads the settings of this process.
    ///
    /// # Errors
    /// A complaint, and the operator's language. Some faults of flags, and `--help`, are the
    /// parser's: it prints them and ends the process.
    pub fn from_command_line() -> Result<Options, (Text, Lang)> {
        // The first time only to find the file; it may change the language, too.
        let words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
        let lang = Lang::of_command_line(words, |name| std::env::var(name).ok());
        let command = || without_empty(Arguments::command());
        let matches = |command: Command| {
            // The help comes last: it completes the command, which cannot be changed after that.
            help::speak(command, lang).try_get_matches().map_err(|error| match Usage::of(&error) {
                Some(usage) => usage,
                None => error.exit(),
            })
        };
        let first = matches(command()).map_err(|usage| (Text::Usage(named(usage)), lang))?;
        let first = Arguments::from_arg_matches(&first).unwrap_or_else(|error| error.exit());
        let lang = lang_of(&first);
        let read = || -> Result<Options, Text> {
            let data = match first.data {
                Some(dir) => dir,
                None => ProjectDirs::from("", "", "p2sp")
                    .map(|dirs| dirs.data_dir().to_owned())
                    .ok_or(Text::NoDataDirectory)?,
            };
            let file = file::read(&data, &Arguments::command(), lang)?;
            // Flags and variables are right: what is wrong now stands in the file.
            let matches = matches(file.as_defaults_of(command()));
            let matches = matches.map_err(|usage| file.complaint(usage, lang))?;
            Options::new(&matches, &file, data)
        };
        read().map_err(|line| (line, lang))
    }

    /// The same options for another, empty data directory.
    pub fn in_directory(&self, data: &Path) -> Options {
        let certificate = Source::Own(data.to_owned());
        Options { data: data.to_owned(), certificate, ..self.clone() }
    }

    fn new(matches: &ArgMatches, file: &File, data: PathBuf) -> Result<Options, Text> {
        let arguments = Arguments::from_arg_matches(matches).unwrap_or_else(|error| error.exit());
        let lang = lang_of(&arguments);
        let from = Origins { matches, file, lang };
        let (mut limits, mut origins) = (Limits::default(), HashMap::new());
        let given = arguments.limit.iter().map(|text| (text, from.of("limit")));
        let in_file = file.limits.iter().map(|text| (text, Origin::File));
        for (text, origin) in in_file.chain(given) {
            let set = set_limit(&mut limits, text);
            origins.insert(set.map_err(|line| from.placed(line, "limit", origin))?, origin);
        }
        let (listen, listen_is_default) = from.listen(arguments.lan, arguments.listen)?;
        values::check_addresses(&listen, arguments.metrics).map_err(Text::Usage)?;
        let certificate = certificate(arguments.tls_cert, arguments.tls_key, &data)?;
        let rules = Rules {
            friend_approval: arguments.friend_approval,
            lang,
            limits,
            tls_required: !arguments.insecure_plaintext,
            invite: None,
            hosts: arguments.host.iter().map(|text| host_name(text)).collect::<Result<_, _>>()?,
            proxies: arguments.proxy.iter().map(IpAddr::to_canonical).collect(),
            keep_days: arguments.keep_days.unwrap_or_default(),
            about: Default::default(),
            hash_cost: Default::default(),
        };
        let synchronous = if arguments.no_fsync { Synchronous::Off } else { Synchronous::Full };
        let mut options = Options {
            command: arguments.command,
            help_limits: arguments.help_limits,
            listen,
            listen_is_default,
            data,
            certificate,
            open_registration: arguments.open_registration,
            metrics: arguments.metrics,
            log_json: arguments.log_format == "json",
            synchronous,
            rules,
            settings: Vec::new(),
        };
        options.settings = options.all_settings(&from, &origins);
        Ok(options)
    }

    /// Every setting: a given one as it was written, the others with their defaults.
    fn all_settings(
        &self,
        from: &Origins,
        origins: &HashMap<&'static str, Origin>,
    ) -> Vec<Setting> {
        let command = Arguments::command();
        let one = |arg: &clap::Arg| {
            let name = arg.get_long()?;
            let id = arg.get_id().as_str();
            let raw = from.matches.get_raw(id).into_iter().flatten();
            let mut said = raw.map(|value| Value::String(value.to_string_lossy().into_owned()));
            let listen = || self.listen.iter().map(|at| Value::String(at.to_string())).collect();
            let value = match name {
                "listen" => Some(Value::Array(listen())),
                "data" => Some(self.data.display().to_string().into()),
                "lang" => Some(self.rules.lang.tag().into()),
                _ if is_flag(arg) => Some(from.matches.get_flag(id).into()),
                _ if matches!(arg.get_action(), ArgAction::Append) => Some(said.collect())
                    .filter(|all: &Vec<Value>| !all.is_empty())
                    .map(Value::Array),
                _ => said.next(),
            };
            Some(Setting { name: name.to_owned(), value, origin: from.of(id) })
        };
        let plain = command.get_arguments().filter(|arg| is_setting(arg)).filter_map(one);
        let limit = |&(name, default, _): &(&'static str, u64, &str)| {
            let value = self.rules.limits.clone().get_mut(name).map_or(default, |limit| *limit);
            Setting {
                name: format!("limit.{name}"),
                value: Some(Value::Integer(value as i64)),
                origin: origins.get(name).copied().unwrap_or(Origin::Default),
            }
        };
        plain.chain(Limits::TABLE.iter().map(limit)).collect()
    }
}

/// The operator's certificate if it was given, else our own.
fn certificate(chain: Option<PathBuf>, key: Option<PathBuf>, data: &Path) -> Result<Source, Text> {
    let alone = |one: &str, other: &str| {
        Text::Usage(Usage::Alone { one: one.to_owned(), other: other.to_owned() })
    };
    match (chain, key) {
        (Some(chain), Some(key)) => Ok(Source::Given { chain, key }),
        (Some(_), None) => Err(alone("--tls-cert", "--tls-key")),
        (None, Some(_)) => Err(alone("--tls-key", "--tls-cert")),
        (None, None) => Ok(Source::Own(data.to_owned())),
    }
}

/// A variable that is empty counts as absent.
fn without_empty(command: Command) -> Command {
    command.mut_args(|arg| {
        let value = arg.get_env().and_then(std::env::var_os);
        let is_empty = value.is_some_and(|value| value.is_empty());
        if is_empty { arg.env(Resettable::Reset) } else { arg }
    })
}

/// A complaint of the parser, with the name that the operator used. The parser does not tell where
/// a value came from, but a flag has a value only in the environment.
fn named(usage: Usage) -> Usage {
    let Usage::BadValue { place, value, wanted } = usage else { return usage };
    let command = Arguments::command();
    let id = place.trim_start_matches("--").replace('-', "_");
    let Some(arg) = command.get_arguments().find(|arg| arg.get_id() == id.as_str()) else {
        return Usage::BadValue { place, value, wanted };
    };
    let in_variable =
        std::env::var(variable(&id)).is_ok_and(|all| all.split(',').any(|one| one == value));
    let place = if is_flag(arg) || in_variable { variable(&id) } else { place };
    let wanted = if is_flag(arg) { Wanted::OnOff } else { wanted };
    Usage::BadValue { place, value, wanted }
}

fn lang_of(arguments: &Arguments) -> Lang {
    match &arguments.lang {
        Some(tag) => Lang::from_tag(tag),
        None => Lang::from_environment(|name| std::env::var(name).ok()),
    }
}

/// The client's command: with cargo, if the server was started with cargo.
pub fn client_command() -> &'static str {
    match std::env::var_os("CARGO") {
        Some(_) => "cargo run --release --bin p2sp",
        None => "p2sp",
    }
}

/// A name of the server in the form in which names are compared.
fn host_name(text: &str) -> Result<String, Text> {
    match Host::parse(text) {
        Some(Host::Name(name)) => Ok(name),
        // Requests by address are served anyway.
        Some(Host::Address(address)) => Ok(address.to_string()),
        None => Err(Text::BadHost { text: text.to_owned() }),
    }
}

/// Sets a limit, and returns its name.
fn set_limit(limits: &mut Limits, text: &str) -> Result<&'static str, Text> {
    let bad = || Text::BadLimit { text: text.to_owned() };
    let (name, value) = text.split_once('=').ok_or_else(bad)?;
    let name = name.trim();
    let Some(limit) = limits.get_mut(name) else {
        let names = Limits::TABLE.iter().map(|(name, ..)| *name);
        let nearest = p2sp::wire::typed::nearest(name, names).map(str::to_owned);
        return Err(Text::UnknownLimit { name: name.to_owned(), nearest });
    };
    *limit = match value.trim() {
        "on" | "true" | "1" if name == "loopback" => 1,
        "off" | "false" | "0" if name == "loopback" => 0,
        _ if name == "loopback" => return Err(bad()),
        // Small enough that the sum of two cannot overflow.
        number => number.parse::<u32>().map_err(|_| bad())?.into(),
    };
    // A smaller number would end the sessions of clients that wait for messages.
    if name == "idle_seconds" && (1..IDLE_SECONDS_MIN).contains(limit) {
        return Err(Text::LimitTooSmall { name: name.to_owned(), least: IDLE_SECONDS_MIN });
    }
    let known = Limits::TABLE.iter().map(|(name, ..)| *name).find(|known| *known == name);
    Ok(known.unwrap_or_default())
}
