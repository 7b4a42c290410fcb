//! What to measure and how much of it: the command line, and the works it asks for.
//!
//! `cargo bench` passes `--bench`. Without it this is a test run (`cargo test --benches`), which
//! has no use for numbers: everything is tiny then, as with `--smoke`. A `mid` is on every message
//! unless the line says otherwise, since all of p2sp's own clients send one.

use std::fmt;
use std::time::Duration;

use clap::{Parser, ValueEnum};

/// How much of everything.
#[derive(Parser)]
#[command(name = "load", about = "Measures a p2sp server under load", bin_name = "load")]
pub struct Sizes {
    /// Runs of each work; the table shows their medians
    #[arg(long, default_value_t = 3, value_parser = at_least_one)]
    pub runs: usize,
    /// Seconds that each run measures, after a quarter of that to warm up
    #[arg(long, default_value_t = 2.0)]
    pub seconds: f64,
    /// Idle connections whose memory is measured
    #[arg(long, default_value_t = 10_000, value_parser = at_least_one)]
    pub connections: usize,
    /// Members of the group, the sender among them
    #[arg(long, default_value_t = 1_000, value_parser = at_least_two)]
    pub group: usize,
    /// Pairs that chat one to one
    #[arg(long, default_value_t = 50, value_parser = at_least_one)]
    pub pairs: usize,
    /// Connections that are signing in or leaving at any time
    #[arg(long, default_value_t = 64, value_parser = at_least_one)]
    pub in_flight: usize,
    /// Bytes of a message's text
    #[arg(long, default_value_t = 64, value_parser = at_least_one)]
    pub body: usize,
    /// What lies between the protocol and the socket
    #[arg(long, value_enum, default_value = "tcp")]
    pub over: Over,
    /// Only these works
    #[arg(long, value_enum, value_delimiter = ',')]
    pub only: Vec<Kind>,
    /// Only these windows
    #[arg(long, value_delimiter = ',')]
    pub windows: Vec<usize>,
    /// Everything tiny, once: whether it works, not how fast
    #[arg(long)]
    pub smoke: bool,
    /// Passed by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

/// What lies between a protocol and the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Over {
    /// Nothing
    Tcp,
    /// TLS
    Tls,
    /// WebSocket: each message is a text message, as a page has it
    Websocket,
}

/// A kind of work, by its name on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Connect, sign in, goodbye
    Connect,
    /// Messages one to one
    Pairs,
    /// Messages to a group
    Fanout,
    /// Memory of idle connections
    Idle,
}

/// One line of the table.
pub enum Work {
    /// Connect, sign in with a key, goodbye.
    Visits {
        /// So many at any time.
        in_flight: usize,
    },
    /// Messages.
    Chat(Chat),
    /// Connect, sign in and stay, all of a group.
    Arrive {
        /// How many.
        users: usize,
    },
    /// Signed-in connections that say nothing.
    Idle {
        /// How many.
        connections: usize,
        /// All are in one group.
        group: bool,
    },
}

/// Senders, each with readers of their own.
pub struct Chat {
    /// How many senders.
    pub streams: usize,
    /// How many readers each has.
    pub readers: usize,
    /// Messages of one sender under way at any time.
    pub window: usize,
    /// With a `mid`, as p2sp's own clients send them.
    pub mid: bool,
    /// To a group, and not to a friend.
    pub group: bool,
}

impl Sizes {
    /// Reads the command line.
    pub fn from_command_line() -> Sizes {
        let sizes = Sizes::parse();
        if sizes.smoke || Sizes::is_a_trial() { sizes.tiny() } else { sizes }
    }

    /// Whether this is a test run, and not a bench.
    pub fn is_a_trial() -> bool {
        !std::env::args().any(|argument| argument == "--bench" || argument == "--help")
    }

    /// Enough to see that it works.
    pub fn tiny(self) -> Sizes {
        let (runs, seconds, connections, group) = (1, 0.2, 200, 50);
        Sizes { runs, seconds, connections, group, pairs: 8, in_flight: 16, smoke: true, ..self }
    }

    /// How long a run measures.
    pub fn span(&self) -> Duration {
        Duration::from_secs_f64(self.seconds.clamp(0.01, 3_600.0))
    }

    /// The lines of the table.
    pub fn works(&self) -> Vec<Work> {
        let pairs = |streams, window, mid| {
            Work::Chat(Chat { streams, readers: 1, window, mid, group: false })
        };
        let readers = self.group - 1;
        let fanout =
            |window| Work::Chat(Chat { streams: 1, readers, window, mid: true, group: true });
        let works = vec![
            Work::Visits { in_flight: self.in_flight },
            pairs(1, 1, true),
            pairs(self.pairs, 1, true),
            pairs(self.pairs, 64, true),
            pairs(self.pairs, 64, false),
            fanout(1),
            fanout(16),
            fanout(64),
            Work::Idle { connections: self.connections, group: false },
        ];
        works.into_iter().filter(|work| self.wants(work)).collect()
    }

    fn wants(&self, work: &Work) -> bool {
        let window = match work {
            Work::Chat(chat) => self.windows.is_empty() || self.windows.contains(&chat.window),
            _ => self.windows.is_empty(),
        };
        window && (self.only.is_empty() || self.only.contains(&work.kind()))
    }
}

impl Work {
    fn kind(&self) -> Kind {
        match self {
            Work::Visits { .. } | Work::Arrive { .. } => Kind::Connect,
            Work::Chat(chat) if chat.group => Kind::Fanout,
            Work::Chat(_) => Kind::Pairs,
            Work::Idle { .. } => Kind::Idle,
        }
    }

    /// Who must be there for it.
    pub fn population(&self) -> Population {
        match self {
            // Enough that nobody is signed in twice at once.
            Work::Visits { in_flight } => Population::strangers(in_flight * 16),
            Work::Arrive { users } => Population { users: *users, friends: false, group: true },
            Work::Idle { connections, group } => {
                Population { users: *connections, friends: false, group: *group }
            }
            Work::Chat(Chat { streams, readers, group, .. }) => {
                let users = streams * (1 + readers);
                Population { users, friends: !group, group: *group }
            }
        }
    }

    /// What is counted.
    pub fn unit(&self) -> &'static str {
        match self.kind() {
            Kind::Connect => "/s",
            Kind::Pairs => "messages/s",
            Kind::Fanout => "deliveries/s",
            Kind::Idle => "bytes each",
        }
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Work::Visits { in_flight } => {
                write!(f, "connect, sign in, goodbye; {in_flight} in flight")
            }
            Work::Chat(chat) => {
                let Chat { streams, readers, window, mid, group } = chat;
                match (group, streams) {
                    (true, _) => write!(f, "fan-out to a group of {}", readers + 1)?,
                    (false, 1) => write!(f, "one to one, 1 pair")?,
                    (false, pairs) => write!(f, "one to one, {pairs} pairs")?,
                }
                let tail = if *mid { "" } else { ", no mid" };
                write!(f, ", window {window}{tail}")
            }
            Work::Arrive { users } => write!(f, "connect, sign in, stay: {users} of a group"),
            Work::Idle { connections, .. } => {
                write!(f, "server memory, {connections} idle sessions")
            }
        }
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    at_least(1, text)
}

fn at_least_two(text: &str) -> Result<usize, String> {
    at_least(2, text)
}

fn at_least(least: usize, text: &str) -> Result<usize, String> {
    let number = text.parse().map_err(|_| "not a number".to_owned())?;
    if number < least { Err(format!("at least {least}")) } else { Ok(number) }
}

/// Who is in the database.
pub struct Population {
    /// So many users.
    pub users: usize,
    /// Users 0 and 1, 2 and 3 … are friends.
    pub friends: bool,
    /// All are in one group, which user 0 owns.
    pub group: bool,
}

impl Population {
    /// Users who know nobody.
    pub fn strangers(users: usize) -> Population {
        Population { users, friends: false, group: false }
    }
}
