//! What is compared: the systems, the works, and the command line that chooses among them.
//!
//! The sizes are the load's own, so that p2sp's numbers here and there are of the same work. A
//! system does the works that it is made for, and where the mode of one program makes no
//! difference, its column has no number of its own. Equal work is done by p2sp and by redis with
//! `XREADGROUP` and `XACK`: synced before the answer, delivered, the reader's place kept. What a
//! column does less stands in its head. JetStream of nats has no column: Debian's nats-server
//! (2.9) has no setting by which it syncs before it answers.

use std::path::PathBuf;

use clap::{CommandFactory, FromArgMatches, Parser, ValueEnum};
use p2sp_bench::sizes::{Chat, Kind, Over, Sizes, Work as Load};

use super::dialect::Dialect;
use super::irc::Irc;
use super::mqtt::Mqtt;
use super::nats::Nats;
use super::relay::Floor;
use super::resp::Redis;
use super::server;

/// Windows of the pairs, and of the fan-out.
const PAIRS_WINDOWS: [usize; 2] = [1, 64];
const FANOUT_WINDOWS: [usize; 3] = [1, 16, 64];
/// Windows of the plot.
const PLOT_WINDOWS: [usize; 8] = [1, 2, 4, 8, 16, 32, 64, 128];

/// What to compare and how.
#[derive(Parser)]
#[command(name = "peers", bin_name = "peers")]
#[command(about = "Measures p2sp side by side with servers that promise less")]
pub struct Plan {
    /// How much of everything.
    #[command(flatten)]
    pub sizes: Sizes,
    /// Only these systems
    #[arg(long, value_enum, value_delimiter = ',')]
    systems: Vec<System>,
    /// Instead of the table, draw throughput and latency of the pairs against the load
    #[arg(long, value_name = "FILE.svg")]
    pub plot: Option<PathBuf>,
    /// Instead of messages, the page's files, beside nginx
    #[arg(long, conflicts_with = "plot")]
    page: bool,
}

/// A column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum System {
    /// p2sp as it is shipped
    P2sp,
    /// p2sp that does not wait for the disk
    P2spNoFsync,
    /// redis, XADD and XREADGROUP and XACK, appendfsync always
    RedisGroup,
    /// redis, XADD and XREAD BLOCK, appendfsync always
    RedisRead,
    /// redis, XADD alone, appendfsync always
    RedisAppend,
    /// A bare relay
    Floor,
    /// redis, PUBLISH
    RedisPubsub,
    /// ngircd
    Ngircd,
    /// mosquitto, QoS 0
    MosquittoQos0,
    /// mosquitto, QoS 1
    MosquittoQos1,
    /// nats-server
    Nats,
    /// nginx, for the page
    Nginx,
}

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Connect, sign in, goodbye.
    Connect,
    /// Connect, sign in, stay: all of a group.
    Arrive,
    /// One pair, one message under way.
    Pair,
    /// Many pairs with this window.
    Pairs(usize),
    /// One sender with this window, many readers.
    Fanout(usize),
    /// Memory of an idle connection.
    Idle,
    /// Memory of a server to which no client has spoken.
    Fresh,
    /// The page's files, all of them.
    FirstVisit,
    /// The page's files, which have not changed.
    NextVisit,
}

impl Plan {
    /// Reads the command line.
    pub fn from_command_line() -> Plan {
        let command = Plan::command().mut_arg("seconds", |arg| arg.default_value("1.5"));
        let plan = Plan::from_arg_matches(&command.get_matches());
        let plan = plan.unwrap_or_else(|error| error.exit());
        let sizes = match Sizes::is_a_trial() || plan.sizes.smoke {
            true => plan.sizes.tiny(),
            false => plan.sizes,
        };
        Plan { sizes, ..plan }
    }

    /// The systems to compare that are here; says what is missing.
    pub fn systems(&self) -> Vec<System> {
        let all = System::value_variants().iter().copied();
        let (works, over) = (self.works(), self.sizes.over);
        let wanted = all
            .filter(|system| self.systems.is_empty() || self.systems.contains(system))
            .filter(|system| works.iter().any(|work| system.does(*work, over)));
        wanted
            .filter(|system| {
                let program = system.program();
                let missing = program.filter(|program| server::find(program).is_none());
                if let Some(program) = missing {
                    eprintln!(
                        "{program} is not installed: apt-get install {program}; \
                         {system} is left out"
                    );
                }
                missing.is_none()
            })
            .collect()
    }

    /// The rows to measure.
    pub fn works(&self) -> Vec<Work> {
        let mut works = match (&self.plot, self.sizes.over) {
            _ if self.page => vec![Work::FirstVisit, Work::NextVisit],
            (Some(_), _) => PLOT_WINDOWS.map(Work::Pairs).to_vec(),
            (None, Over::Websocket) => {
                vec![Work::Arrive, Work::Fanout(1), Work::Fanout(16), Work::Idle]
            }
            (None, Over::Tls) => [
                &[Work::Pair],
                &PAIRS_WINDOWS.map(Work::Pairs)[..],
                &FANOUT_WINDOWS.map(Work::Fanout),
            ]
            .concat(),
            (None, Over::Tcp) => [
                &[Work::Connect, Work::Pair],
                &PAIRS_WINDOWS.map(Work::Pairs)[..],
                &FANOUT_WINDOWS.map(Work::Fanout),
                &[Work::Idle, Work::Fresh],
            ]
            .concat(),
        };
        works.retain(|work| {
            let windows = &self.sizes.windows;
            let window = windows.is_empty() || work.window().is_some_and(|w| windows.contains(&w));
            window && (self.sizes.only.is_empty() || self.sizes.only.contains(&work.kind()))
        });
        works
    }
}

impl System {
    /// How one speaks to it; none is p2sp itself.
    pub fn dialect(self) -> Option<&'static dyn Dialect> {
        match self {
            System::P2sp | System::P2spNoFsync | System::Nginx => None,
            System::RedisGroup => Some(&Redis::Group),
            System::RedisRead => Some(&Redis::Read),
            System::RedisAppend => Some(&Redis::Append),
            System::Floor => Some(&Floor),
            System::RedisPubsub => Some(&Redis::Channels),
            System::Ngircd => Some(&Irc),
            System::MosquittoQos0 => Some(&Mqtt { qos: 0 }),
            System::MosquittoQos1 => Some(&Mqtt { qos: 1 }),
            System::Nats => Some(&Nats),
        }
    }

    /// The program that must be installed.
    pub fn program(self) -> Option<&'static str> {
        match self {
            System::Nginx => Some("nginx"),
            _ => self.dialect().and_then(|dialect| dialect.program()),
        }
    }

    /// Whether what it has acknowledged is on disk.
    pub fn is_durable(self) -> bool {
        use System::{P2sp, RedisAppend, RedisGroup, RedisRead};
        matches!(self, P2sp | RedisGroup | RedisRead | RedisAppend)
    }

    /// What it does not do of what p2sp does, if that is much.
    pub fn lacks(self) -> Option<&'static str> {
        match self {
            System::P2sp | System::RedisGroup | System::Nginx => None,
            System::RedisRead => Some("keeps no reader's place"),
            System::RedisAppend => Some("delivers nothing"),
            System::P2spNoFsync | System::MosquittoQos1 => Some("keeps it later"),
            _ => Some("keeps nothing"),
        }
    }

    /// Whether it does that work over that.
    pub fn does(self, work: Work, over: Over) -> bool {
        use System::{Floor, Ngircd, P2sp, RedisAppend, RedisGroup, RedisPubsub, RedisRead};
        let speaks = match over {
            Over::Tcp => true,
            Over::Tls => {
                matches!(self, P2sp | RedisGroup | RedisRead | RedisAppend | RedisPubsub | Ngircd)
            }
            Over::Websocket => matches!(self, P2sp | Floor),
        };
        speaks && self.is_made_for(work)
    }

    fn is_made_for(self, work: Work) -> bool {
        match self {
            _ if work.is_page() => matches!(self, System::P2sp | System::Nginx),
            System::Nginx => false,
            System::RedisGroup | System::RedisRead | System::RedisAppend => {
                matches!(work, Work::Pair | Work::Pairs(_))
            }
            System::P2spNoFsync | System::MosquittoQos1 => work.window().is_some(),
            _ => true,
        }
    }
}

impl std::fmt::Display for System {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            System::P2sp => "p2sp",
            System::P2spNoFsync => "p2sp, synchronous=OFF",
            System::RedisGroup => "redis XADD, XREADGROUP, XACK",
            System::RedisRead => "redis XADD, XREAD",
            System::RedisAppend => "redis XADD alone",
            System::Floor => "floor: bare relay",
            System::RedisPubsub => "redis pub/sub",
            System::Ngircd => "ngircd",
            System::MosquittoQos0 => "mosquitto QoS 0",
            System::MosquittoQos1 => "mosquitto QoS 1",
            System::Nats => "nats core",
            System::Nginx => "nginx",
        })
    }
}

impl Work {
    fn kind(self) -> Kind {
        match self {
            Work::Connect | Work::Arrive | Work::FirstVisit | Work::NextVisit => Kind::Connect,
            Work::Pair | Work::Pairs(_) => Kind::Pairs,
            Work::Fanout(_) => Kind::Fanout,
            Work::Idle | Work::Fresh => Kind::Idle,
        }
    }

    /// Messages of one sender under way, where it is about messages.
    pub fn window(self) -> Option<usize> {
        match self {
            Work::Pair => Some(1),
            Work::Pairs(window) | Work::Fanout(window) => Some(window),
            _ => None,
        }
    }

    /// Whether it is about the page's files.
    pub fn is_page(self) -> bool {
        matches!(self, Work::FirstVisit | Work::NextVisit)
    }

    /// Whether it is measured in bytes, of which fewer are better.
    pub fn is_memory(self) -> bool {
        matches!(self, Work::Idle | Work::Fresh)
    }

    /// The load that it is; none is only to be there, or the page.
    pub fn on(self, system: System, sizes: &Sizes) -> Option<Load> {
        let to_one = if system == System::RedisAppend { 0 } else { 1 };
        let chat = |streams, readers, window, group| {
            Some(Load::Chat(Chat { streams, readers, window, mid: true, group }))
        };
        match self {
            Work::Connect => Some(Load::Visits { in_flight: sizes.in_flight }),
            Work::Pair => chat(1, to_one, 1, false),
            Work::Pairs(window) => chat(sizes.pairs, to_one, window, false),
            Work::Fanout(window) => chat(1, sizes.group - 1, window, true),
            Work::Arrive => Some(Load::Arrive { users: sizes.group }),
            Work::Idle => Some(match sizes.over {
                Over::Websocket => Load::Idle { connections: sizes.group, group: true },
                _ => Load::Idle { connections: sizes.connections, group: false },
            }),
            Work::Fresh | Work::FirstVisit | Work::NextVisit => None,
        }
    }

    /// What the row is called.
    pub fn title(self, sizes: &Sizes) -> String {
        match self {
            Work::Connect => format!("connect, sign in, close; {} in flight; /s", sizes.in_flight),
            Work::Arrive => format!("connect, sign in, stay: {} of a group; /s", sizes.group),
            Work::Pair => "one to one, 1 pair, window 1; /s".into(),
            Work::Pairs(window) => {
                format!("one to one, {} pairs, window {window}; /s", sizes.pairs)
            }
            Work::Fanout(window) => format!("fan-out to {}, window {window}; /s", sizes.group),
            Work::Idle if sizes.over == Over::Websocket => {
                format!("memory per reader of a group, {} of them", sizes.group)
            }
            Work::Idle => format!("memory per idle connection, {} of them", sizes.connections),
            Work::Fresh => "memory of a fresh server".into(),
            Work::FirstVisit => "the page, first visit: 200; requests/s".into(),
            Work::NextVisit => "the page, next visit: 304; requests/s".into(),
        }
    }
}
