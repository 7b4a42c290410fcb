//! Settings, and where the value of each came from.
//!
//! `config` prints it, and a complaint about a value names the place: the flag, the variable or the
//! file.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use clap::ArgMatches;
use clap::parser::ValueSource;
use p2sp::locale::Lang;
use p2sp::locale::operating::Operating;
use p2sp::locale::startup::Startup;
use p2sp::locale::usage::{Usage, Wanted};
use serde::{Deserialize, Serialize};
use toml::Value;

use super::file::File;

/// The port of a default address.
pub const PORT: u16 = 18_888;

/// A setting and its value, as the running server tells it as well.
#[derive(Clone, Deserialize, Serialize)]
pub struct Setting {
    /// Its name; of a limit `limit.NAME`.
    pub name: String,
    /// Its value, if it has one.
    pub value: Option<Value>,
    /// Where the value came from.
    pub origin: Origin,
}

/// Where a setting's value came from; a later one wins.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Nowhere: it was not set.
    Default,
    /// `p2sp.toml`.
    File,
    /// The environment.
    Environment,
    /// The command line.
    Flag,
}

/// Flags, variables and the file, to look up where a setting came from.
pub struct Origins<'a> {
    /// Flags and variables.
    pub matches: &'a ArgMatches,
    /// `p2sp.toml`.
    pub file: &'a File,
    /// The language of complaints.
    pub lang: Lang,
}

impl Origins<'_> {
    /// Where the value of one setting came from.
    pub fn of(&self, id: &str) -> Origin {
        origin_of(self.matches, id, self.file)
    }

    /// The complaint about a wrong value, once it is known what is wanted.
    pub fn wrong(&self, id: &str, value: &str) -> impl FnOnce(Wanted) -> Startup + use<> {
        let (origin, value) = (self.of(id), value.to_owned());
        let place = match origin {
            Origin::Environment => variable(id),
            Origin::File => id.replace('_', "-"),
            Origin::Flag | Origin::Default => format!("--{}", id.replace('_', "-")),
        };
        let (path, lang) = (self.file.path.clone(), self.lang);
        move |wanted| {
            let usage = Usage::BadValue { place, value, wanted };
            match origin {
                Origin::File => Operating::BadFile { path, why: usage.say(lang) }.into(),
                _ => Startup::Usage(usage),
            }
        }
    }

    /// The same complaint with the place of its setting, unless that is the command line.
    pub fn placed(&self, line: Startup, id: &str, origin: Origin) -> Startup {
        let why = line.say(self.lang);
        match origin {
            Origin::Flag | Origin::Default => line,
            Origin::Environment => Startup::Usage(Usage::In { place: variable(id), why }),
            Origin::File => Operating::BadFile { path: self.file.path.clone(), why }.into(),
        }
    }

    /// Where to listen, and whether that is the default. Of `lan` and `listen` the later origin
    /// wins.
    pub fn listen(
        &self,
        lan: bool,
        listen: Vec<SocketAddr>,
    ) -> Result<(Vec<SocketAddr>, bool), Startup> {
        let everywhere =
            vec![(Ipv4Addr::UNSPECIFIED, PORT).into(), (Ipv6Addr::UNSPECIFIED, PORT).into()];
        let loopback = vec![(Ipv4Addr::LOCALHOST, PORT).into(), (Ipv6Addr::LOCALHOST, PORT).into()];
        match (lan, listen.is_empty(), self.of("lan"), self.of("listen")) {
            (false, true, ..) => Ok((loopback, true)),
            (true, true, ..) => Ok((everywhere, true)),
            (true, false, lan, listen) if lan > listen => Ok((everywhere, true)),
            (true, false, lan, listen) if lan == listen => {
                let [one, other] = ["--lan", "--listen"].map(str::to_owned);
                let fault = Startup::Usage(Usage::Together { one, other });
                Err(self.placed(fault, "lan", self.of("lan")))
            }
            _ => Ok((listen, false)),
        }
    }
}

/// The environment variable of a setting.
pub fn variable(id: &str) -> String {
    format!("P2SP_{}", id.to_uppercase())
}

/// Where a value came from.
pub fn origin_of(matches: &ArgMatches, id: &str, file: &File) -> Origin {
    match matches.value_source(id) {
        Some(ValueSource::CommandLine) => Origin::Flag,
        Some(ValueSource::EnvVariable) => Origin::Environment,
        _ if file.has(id) => Origin::File,
        _ => Origin::Default,
    }
}
