//! The server under load: its users made beforehand, its process, its memory and time.
//!
//! Users, friendships and the group are written straight through the store, with one password
//! hash for all (nobody uses it) and login keys that follow from the user's number, so that
//! everyone signs in with `resume`. The data directory stands below cargo's target directory: on
//! a real disk, where an fsync costs what it costs.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use p2sp::id::UserId;
use p2sp::limits::Limits;
use p2sp::names::Name;
use p2sp::password::{self, KeyHash};
use p2sp::store::{Opening, Store, Synchronous};
use rustix::process::{Pid, Resource, Signal, getrlimit, kill_process, setrlimit};
use tempfile::TempDir;

use super::sizes::{Over, Population, Sizes};
use super::words::{GROUP, key_of, name_of};
use super::{Outcome, place};

/// Limits that stay: they end what hangs, and nothing here does.
const LIMITS_KEPT: &[&str] = &["signin_seconds", "idle_seconds", "loopback"];
/// A port of each is free about 28,000 times a minute; Linux has all of 127.0.0.0/8.
pub const HOSTS: &[&str] = if cfg!(target_os = "linux") {
    &["127.0.0.1", "127.0.0.2", "127.0.0.3"]
} else {
    &["127.0.0.1"]
};
/// The log, in the data directory.
const LOG: &str = "log";
/// How long the server may take to stop.
const STOP_SECONDS_MAX: u64 = 60;

/// Where the server and the load run.
pub struct Machine {
    /// The server on core 0, the load on core 1.
    pub pinned: bool,
}

impl Machine {
    /// Gives each process its core, if that is possible, and this one enough files.
    pub fn prepare(connections: usize) -> Outcome<Machine> {
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        setrlimit(Resource::Nofile, limit)?;
        let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        if files < connections as u64 + 100 {
            return Err(format!("{files} files may be open: use fewer --connections").into());
        }
        Ok(Machine { pinned: thread::available_parallelism()?.get() > 1 && pin() })
    }

    /// Runs a program as the server: on core 0.
    pub fn server(&self, program: impl AsRef<OsStr>) -> Command {
        if !self.pinned {
            return Command::new(program);
        }
        let mut command = Command::new("taskset");
        command.args(["-c", "0"]).arg(program);
        command
    }

    /// The circumstances, for the line above the table.
    pub fn describe(&self, sizes: &Sizes) -> String {
        let build =
            if cfg!(debug_assertions) { "debug build, numbers mean nothing" } else { "release" };
        let cores = if self.pinned { "one core each" } else { "not pinned" };
        let Sizes { runs, seconds, body, over, .. } = sizes;
        let over = match over {
            Over::Tcp => "",
            Over::Tls => ", over TLS",
            Over::Websocket => ", over WebSocket",
        };
        format!(
            "p2sp {}, {build}, {cores}{over}; medians of {runs} run(s) of {seconds} s, \
             texts of {body} bytes",
            env!("CARGO_PKG_VERSION")
        )
    }
}

/// A running server and its data.
pub struct World {
    server: Child,
    addresses: Vec<SocketAddr>,
    /// How many users there are.
    pub users: usize,
    /// Open as long as the server writes to it.
    stdout: BufReader<ChildStdout>,
    data: TempDir,
}

impl World {
    /// Makes the users and starts the server.
    pub fn begin(machine: &Machine, population: &Population) -> Outcome<World> {
        World::begin_with(machine, population, &[])
    }

    /// Makes the users and starts the server with more flags.
    pub fn begin_with(
        machine: &Machine,
        population: &Population,
        flags: &[&str],
    ) -> Outcome<World> {
        let none = Limits::TABLE.iter().filter(|(name, ..)| !LIMITS_KEPT.contains(name));
        let none: Vec<String> =
            none.flat_map(|(name, ..)| ["--limit".into(), format!("{name}=0")]).collect();
        let flags: Vec<&str> =
            flags.iter().copied().chain(none.iter().map(String::as_str)).collect();
        World::begin_as_shipped(machine, population, &flags, |_, _| Ok(()))
    }

    /// Makes the users and whatever else `fill` puts into the database, in one transaction, and
    /// starts the server with its own limits.
    pub fn begin_as_shipped(
        machine: &Machine,
        population: &Population,
        flags: &[&str],
        fill: impl FnOnce(&mut Store, &[UserId]) -> Outcome<()>,
    ) -> Outcome<World> {
        let data = place::directory("load-")?;
        populate(data.path(), population, fill)?;
        let mut command = machine.server(place::server()?);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("P2SP_")) {
            command.env_remove(name);
        }
        command.arg("--data").arg(data.path()).args(["--lang", "en"]).args(flags);
        for host in HOSTS {
            command.args(["--listen", &format!("{host}:0")]);
        }
        // It logs each sign-in, as it is shipped: into a file, as a service has it.
        let log = File::create(data.path().join(LOG))?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut server = command.spawn()?;
        let stdout = server.stdout.take().ok_or("the server has no output")?;
        let mut world = World {
            server,
            addresses: Vec::new(),
            users: population.users,
            stdout: BufReader::new(stdout),
            data,
        };
        world.read_addresses()?;
        Ok(world)
    }

    /// The server says where it listens before it serves.
    fn read_addresses(&mut self) -> Outcome<()> {
        let mut line = String::new();
        while self.addresses.len() < HOSTS.len() {
            line.clear();
            if self.stdout.read_line(&mut line)? == 0 {
                let said = fs::read_to_string(self.data.path().join(LOG))?;
                return Err(format!("the server did not start: {said}").into());
            }
            let words = line.split_whitespace();
            self.addresses.extend(words.filter_map(|word| word.parse::<SocketAddr>().ok()));
        }
        Ok(())
    }

    /// An address of the server, each in turn.
    pub fn address(&self, number: usize) -> SocketAddr {
        self.addresses[number % self.addresses.len()]
    }

    /// The server's process.
    pub fn process(&self) -> u32 {
        self.server.id()
    }

    /// The server's data directory.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// Bytes of memory that the server occupies, where the system tells.
    pub fn resident_bytes(&self) -> Option<u64> {
        resident_bytes_of(self.server.id())
    }

    /// The most that it ever occupied.
    pub fn resident_bytes_max(&self) -> Option<u64> {
        bytes_told(self.server.id(), "VmHWM:")
    }

    /// Stops the server and looks at how it ended.
    pub fn end(mut self) -> Outcome<()> {
        kill_process(Pid::from_child(&self.server), Signal::TERM)?;
        let deadline = Instant::now() + Duration::from_secs(STOP_SECONDS_MAX);
        loop {
            if let Some(status) = self.server.try_wait()? {
                return if status.success() {
                    Ok(())
                } else {
                    Err(format!("the server ended with {status}").into())
                };
            }
            if Instant::now() >= deadline {
                return Err("the server does not stop".into());
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // Of no effect on one that has ended.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Bytes of memory that a process occupies, where the system tells.
pub fn resident_bytes_of(process: u32) -> Option<u64> {
    bytes_told(process, "VmRSS:")
}

/// Bytes that the kernel has in its slabs, where the system tells: sockets, files, their places in
/// a poll. Buffers that hold nothing are not among them.
pub fn slab_bytes() -> Option<u64> {
    kib_told("/proc/meminfo", "Slab:")
}

fn bytes_told(process: u32, name: &str) -> Option<u64> {
    kib_told(&format!("/proc/{process}/status"), name)
}

/// A figure in KiB of a file of the system's, in bytes.
fn kib_told(file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

/// Fills the database.
fn populate(
    dir: &Path,
    population: &Population,
    fill: impl FnOnce(&mut Store, &[UserId]) -> Outcome<()>,
) -> Outcome<()> {
    let opening = Opening {
        dir,
        epoch: "0123456789abcdef",
        mid_key: &[7; 16],
        synchronous: Synchronous::Off,
    };
    let (mut store, _) = Store::open(&opening)?;
    let unix = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() as i64;
    let password = password::decoy(Default::default());
    store.begin()?;
    let mut ids = Vec::with_capacity(population.users);
    for user in 0..population.users {
        let name = Name::user(&name_of(user)).map_err(|_| "a bad name")?;
        let id = store.people_mut().add_user(&name, &password, false, unix)?;
        store.people_mut().set_key(id, Some(&KeyHash::of(&key_of(user)).0), unix)?;
        ids.push(id);
    }
    if population.friends {
        for pair in ids.chunks_exact(2) {
            store.people_mut().befriend(pair[0], pair[1])?;
        }
    }
    if population.group {
        let name = Name::group(GROUP).map_err(|_| "a bad name")?;
        let group = store.people_mut().add_group(ids[0], &name, unix)?;
        for &id in &ids[1..] {
            store.people_mut().join(group, id)?;
        }
    }
    fill(&mut store, &ids)?;
    store.commit(())?;
    store.close()?;
    Ok(())
}

/// Moves this process to core 1. False if there is no such core or no `taskset`.
fn pin() -> bool {
    let mut command = Command::new("taskset");
    command.args(["-cp", "1", &std::process::id().to_string()]);
    let done = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    done.is_ok_and(|status| status.success())
}
