//! What the operator asked for: flags, then `P2SP_…` in the environment, then defaults.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{Parser, Subcommand};
use directories::ProjectDirs;
use p2sp::certificate::Source;
use p2sp::handlers::Rules;
use p2sp::limits::Limits;
use p2sp::locale::Lang;
use p2sp::locale::startup::Startup;
use p2sp::store::Synchronous;

/// The port of a default address.
pub const PORT: u16 = 18_888;

#[derive(Parser)]
#[command(
    name = "p2sp-server",
    version,
    about = "A chat server: one program, one file, one thread"
)]
struct Arguments {
    /// Listen on this address; may be given more than once [default: 127.0.0.1:18888 [::1]:18888]
    #[arg(long, global = true, value_name = "ADDR", env = "P2SP_LISTEN", value_delimiter = ',')]
    listen: Vec<SocketAddr>,
    /// Listen on every interface, for colleagues on other machines
    #[arg(long, env = "P2SP_LAN")]
    #[arg(value_parser = FalseyValueParser::new())]
    lan: bool,
    /// Keep the data in this directory [default: the user's data directory for p2sp]
    #[arg(long, global = true, value_name = "DIR", env = "P2SP_DATA")]
    data: Option<PathBuf>,
    /// Speak English (en) or Chinese (zh) [default: from the environment]
    #[arg(long, global = true, value_name = "LANG", env = "P2SP_LANG")]
    lang: Option<String>,
    /// Friends must be accepted before they can write to each other
    #[arg(long, global = true, env = "P2SP_FRIEND_APPROVAL")]
    #[arg(value_parser = FalseyValueParser::new())]
    friend_approval: bool,
    /// Use this certificate (PEM, with those that vouch for it) instead of our own
    #[arg(long, value_name = "FILE", env = "P2SP_TLS_CERT", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's key (PEM)
    #[arg(long, value_name = "FILE", env = "P2SP_TLS_KEY", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Let other machines speak in plaintext; whoever is on the way reads passwords and messages
    #[arg(long, env = "P2SP_INSECURE_PLAINTEXT")]
    #[arg(value_parser = FalseyValueParser::new())]
    insecure_plaintext: bool,
    /// Let anybody register from other machines, without the invite code
    #[arg(long, env = "P2SP_OPEN_REGISTRATION")]
    #[arg(value_parser = FalseyValueParser::new())]
    open_registration: bool,
    /// For benchmarks only: do not wait for the disk; a power cut loses acknowledged messages
    #[arg(long, env = "P2SP_NO_FSYNC")]
    #[arg(value_parser = FalseyValueParser::new())]
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
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Change an account while the server is stopped
    #[command(subcommand)]
    Admin(AdminCommand),
}

/// What `p2sp-server admin` does.
#[derive(Subcommand)]
pub enum AdminCommand {
    /// Make a user an administrator
    Grant {
        /// The user's name
        name: String,
    },
    /// Make an administrator a user
    Revoke {
        /// The user's name
        name: String,
    },
    /// Give a user a new password
    Passwd {
        /// The user's name
        name: String,
    },
}

/// What to do.
pub enum Job {
    /// Run the server.
    Serve,
    /// List the limits.
    LimitsHelp,
    /// Change an account.
    Admin(AdminCommand),
}

/// Everything the operator decided.
pub struct Options {
    /// What to do.
    pub job: Job,
    /// Where to listen.
    pub listen: Vec<SocketAddr>,
    /// Nobody named an address: one of the defaults may be missing.
    pub listen_is_default: bool,
    /// The data directory.
    pub data: PathBuf,
    /// Where the certificate comes from.
    pub certificate: Source,
    /// Nobody needs an invite code.
    pub open_registration: bool,
    /// Whether an acknowledged message is on disk.
    pub synchronous: Synchronous,
    /// What the server goes by.
    pub rules: Rules,
}

impl Options {
    /// Reads flags and environment.
    ///
    /// # Errors
    /// What is wrong, and the language to say it in. Flags that do not parse at all are
    /// explained by the parser, which ends the process.
    pub fn from_command_line() -> Result<Options, (Startup, Lang)> {
        let arguments = Arguments::parse();
        let lang = match &arguments.lang {
            Some(tag) => Lang::from_tag(tag),
            None => Lang::from_environment(|name| std::env::var(name).ok()),
        };
        Options::new(arguments, lang).map_err(|line| (line, lang))
    }

    fn new(arguments: Arguments, lang: Lang) -> Result<Options, Startup> {
        let mut limits = Limits::default();
        for text in &arguments.limit {
            set_limit(&mut limits, text)?;
        }
        let data = match arguments.data {
            Some(dir) => dir,
            None => ProjectDirs::from("", "", "p2sp")
                .map(|dirs| dirs.data_dir().to_owned())
                .ok_or(Startup::NoDataDirectory)?,
        };
        let listen_is_default = arguments.listen.is_empty();
        let listen = match listen_is_default {
            true if arguments.lan => {
                vec![(Ipv4Addr::UNSPECIFIED, PORT).into(), (Ipv6Addr::UNSPECIFIED, PORT).into()]
            }
            true => vec![(Ipv4Addr::LOCALHOST, PORT).into(), (Ipv6Addr::LOCALHOST, PORT).into()],
            false => arguments.listen,
        };
        let certificate = match (arguments.tls_cert, arguments.tls_key) {
            (Some(chain), Some(key)) => Source::Given { chain, key },
            _ => Source::Own(data.clone()),
        };
        let job = match arguments.command {
            Some(Command::Admin(command)) => Job::Admin(command),
            None if arguments.help_limits => Job::LimitsHelp,
            None => Job::Serve,
        };
        let rules = Rules {
            friend_approval: arguments.friend_approval,
            lang,
            limits,
            tls_required: !arguments.insecure_plaintext,
            invite: None,
            hash_cost: Default::default(),
        };
        let synchronous = if arguments.no_fsync { Synchronous::Off } else { Synchronous::Full };
        let open_registration = arguments.open_registration;
        Ok(Options {
            job,
            listen,
            listen_is_default,
            data,
            certificate,
            open_registration,
            synchronous,
            rules,
        })
    }
}

fn set_limit(limits: &mut Limits, text: &str) -> Result<(), Startup> {
    let bad = || Startup::BadLimit { text: text.to_owned() };
    let (name, value) = text.split_once('=').ok_or_else(bad)?;
    let Some(limit) = limits.get_mut(name) else {
        let names = Limits::TABLE.iter().map(|(name, ..)| *name);
        let nearest = p2sp::wire::command::nearest(name, names).map(str::to_owned);
        return Err(Startup::UnknownLimit { name: name.to_owned(), nearest });
    };
    *limit = match value {
        "on" if name == "loopback" => 1,
        "off" if name == "loopback" => 0,
        // Large enough for any use, and small enough that no sum of two overflows.
        number => number.parse::<u32>().map_err(|_| bad())?.into(),
    };
    Ok(())
}

/// Every limit, its default and what it bounds.
pub fn limits_help() -> String {
    Limits::TABLE
        .iter()
        .map(|(name, default, what)| format!("{name:<24}{default:>8} {what}\n"))
        .chain(["0 is no limit; loopback is on or off.\n".to_owned()])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_set_by_name_and_an_unknown_one_names_the_nearest() {
        let mut limits = Limits::default();
        assert!(set_limit(&mut limits, "friends=7").is_ok());
        assert!(set_limit(&mut limits, "loopback=on").is_ok());
        assert_eq!((limits.friends, limits.loopback), (7, 1));
        let Err(Startup::UnknownLimit { nearest, .. }) = set_limit(&mut limits, "freinds=7") else {
            unreachable!("there is no such limit");
        };
        assert_eq!(nearest.as_deref(), Some("friends"));
        for bad in ["friends", "friends=", "friends=-1", "friends=on", "friends=99999999999"] {
            assert!(matches!(set_limit(&mut limits, bad), Err(Startup::BadLimit { .. })), "{bad}");
        }
    }
}
