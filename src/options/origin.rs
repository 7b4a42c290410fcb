//! Settings, and where the value of each came from.
//!
//! `config` prints it, and a complaint about a value names the place: the flag, the variable or the
//! file.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use clap::ArgMatches;
use clap::parser::ValueSource;
use p2sp::locale::Lang;
use p2sp::locale::operator::Text;
use p2sp::locale::usage::Usage;
use p2sp::wire::PORT;
use serde::{Deserialize, Serialize};
use toml::Value;

use super::file::File;

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
        match self.matches.value_source(id) {
            Some(ValueSource::CommandLine) => Origin::Flag,
            Some(ValueSource::EnvVariable) => Origin::Environment,
            _ if self.file.has(id) => Origin::File,
            _ => Origin::Default,
        }
    }

    /// A complaint with the place of its setting, unless that is the command line.
    pub fn placed(&self, line: Text, id: &str, origin: Origin) -> Text {
        let why = line.say(self.lang);
        match origin {
            Origin::Flag | Origin::Default => line,
            Origin::Environment => Text::Usage(Usage::In { place: variable(id), why }),
            Origin::File => Text::BadFile { path: self.file.path.clone(), why },
        }
    }

    /// Where to listen, and whether that is the default. Of `lan` and `listen` the later origin
    /// wins.
    pub fn listen(
        &self,
        lan: bool,
        listen: Vec<SocketAddr>,
    ) -> Result<(Vec<SocketAddr>, bool), Text> {
        let everywhere =
            vec![(Ipv4Addr::UNSPECIFIED, PORT).into(), (Ipv6Addr::UNSPECIFIED, PORT).into()];
        let loopback = vec![(Ipv4Addr::LOCALHOST, PORT).into(), (Ipv6Addr::LOCALHOST, PORT).into()];
        match (lan, listen.is_empty(), self.of("lan"), self.of("listen")) {
            (false, true, ..) => Ok((loopback, true)),
            (true, true, ..) => Ok((everywhere, true)),
            (true, false, lan, listen) if lan > listen => Ok((everywhere, true)),
            (true, false, lan, listen) if lan == listen => {
                let [one, other] = ["--lan", "--listen"].map(str::to_owned);
                let fault = Text::Usage(Usage::Together { one, other });
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
