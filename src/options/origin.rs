//! Settings and where their values came from: kept, printed, and said of one that is wrong.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use clap::ArgMatches;
use clap::parser::ValueSource;
use p2sp::locale::Lang;
use p2sp::locale::operating::Operating;
use p2sp::locale::startup::Startup;
use p2sp::locale::usage::{Usage, Wanted};
use toml::Value;

use super::file::File;

/// The port of a default address.
pub const PORT: u16 = 18_888;

/// A setting and its value.
#[derive(Clone)]
pub struct Setting {
    /// Its name; of a limit `limit.NAME`.
    pub name: String,
    /// Its value, if it has one.
    pub value: Option<Value>,
    /// Where that came from.
    pub origin: Origin,
}

impl Setting {
    /// As a server that runs tells it.
    pub fn to_json(&self) -> serde_json::Value {
        let value = serde_json::to_value(&self.value).unwrap_or_default();
        serde_json::json!({"name": self.name, "value": value, "origin": self.origin.name()})
    }

    /// What such a server told; `None` if it cannot be understood.
    pub fn from_json(told: &serde_json::Value) -> Option<Setting> {
        let name = told["name"].as_str()?.to_owned();
        let value = told["value"].clone();
        let value = if value.is_null() { None } else { serde_json::from_value(value).ok() };
        let origin =
            Origin::ALL.iter().find(|origin| Some(origin.name()) == told["origin"].as_str());
        Some(Setting { name, value, origin: *origin? })
    }
}

/// Where a setting's value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag,
    /// The environment.
    Environment,
    /// `p2sp.toml`.
    File,
    /// Nobody said anything.
    Default,
}

impl Origin {
    const ALL: [Origin; 4] = [Origin::Flag, Origin::Environment, Origin::File, Origin::Default];

    /// Its name between programs.
    fn name(self) -> &'static str {
        match self {
            Origin::Flag => "flag",
            Origin::Environment => "environment",
            Origin::File => "file",
            Origin::Default => "default",
        }
    }
}

/// Where settings come from, to say it of one that is wrong.
pub struct Origins<'a> {
    /// What flags and variables say.
    pub matches: &'a ArgMatches,
    /// What the file says.
    pub file: &'a File,
    /// The language to say it in.
    pub lang: Lang,
}

impl Origins<'_> {
    /// Of one of them.
    pub fn of(&self, id: &str) -> Origin {
        origin_of(self.matches, id, self.file)
    }

    /// What to say of a value that is wrong.
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

    /// Where a line is about, unless it is the command line.
    pub fn placed(&self, line: Startup, id: &str, origin: Origin) -> Startup {
        let why = line.say(self.lang);
        match origin {
            Origin::Flag | Origin::Default => line,
            Origin::Environment => Startup::Usage(Usage::In { place: variable(id), why }),
            Origin::File => Operating::BadFile { path: self.file.path.clone(), why }.into(),
        }
    }

    /// Where to listen, and whether nobody named an address. What was said nearer to this start
    /// counts: a flag before a variable, that before the file.
    pub fn listen(
        &self,
        lan: bool,
        listen: Vec<SocketAddr>,
    ) -> Result<(Vec<SocketAddr>, bool), Startup> {
        let nearness = |id| match self.of(id) {
            Origin::Flag => 3,
            Origin::Environment => 2,
            Origin::File => 1,
            Origin::Default => 0,
        };
        let everywhere =
            vec![(Ipv4Addr::UNSPECIFIED, PORT).into(), (Ipv6Addr::UNSPECIFIED, PORT).into()];
        let loopback = vec![(Ipv4Addr::LOCALHOST, PORT).into(), (Ipv6Addr::LOCALHOST, PORT).into()];
        match (lan, listen.is_empty(), nearness("lan"), nearness("listen")) {
            (false, true, ..) => Ok((loopback, true)),
            (true, true, ..) => Ok((everywhere, true)),
            (true, false, lan, listen) if lan > listen => Ok((everywhere, true)),
            (true, false, lan, listen) if lan == listen => {
                let [one, other] = ["--lan", "--listen"].map(str::to_owned);
                Err(self.placed(
                    Startup::Usage(Usage::Together { one, other }),
                    "lan",
                    self.of("lan"),
                ))
            }
            _ => Ok((listen, false)),
        }
    }
}

/// The variable of the environment that has a setting.
pub fn variable(id: &str) -> String {
    format!("P2SP_{}", id.to_uppercase())
}

/// Where a value came from.
pub fn origin_of(matches: &ArgMatches, id: &str, file: &File) -> Origin {
    match matches.value_source(id) {
        Some(ValueSource::CommandLine) => Origin::Flag,
        Some(ValueSource::EnvVariable) => Origin::Environment,
        _ if file.says(id) => Origin::File,
        _ => Origin::Default,
    }
}
