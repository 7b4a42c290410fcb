//! A server of another kind, running: its process, where it listens, what it wrote.
//!
//! It has a configuration and a directory of its own below cargo's target directory, on a real
//! disk, and ends when it is dropped. Some of these programs cannot tell which free port they
//! took, so one is looked for beforehand and they are tried until they answer.

use std::env;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use p2sp_bench::sizes::Over;
use p2sp_bench::tls;
use p2sp_bench::world::{HOSTS, Machine};
use p2sp_bench::{Outcome, place};
use tempfile::TempDir;

use super::dialect::Program;

/// Where a user's PATH may not lead, and Debian puts servers.
const MORE_PATH: &str = "/usr/sbin:/usr/local/sbin";
/// How long a server may take to listen.
const START_MAX: Duration = Duration::from_secs(10);
/// How many ports are tried: one that was free may be another's when the server comes to it.
const ATTEMPTS: usize = 3;
/// How much of its last words is shown.
const LAST_WORDS_BYTES: usize = 1_000;
/// Files in its directory.
const CONFIG: &str = "config";
const LOG: &str = "log";

/// A running server.
pub struct Server {
    process: Child,
    addresses: Vec<SocketAddr>,
    data: TempDir,
}

impl Server {
    /// Starts one on a free port.
    ///
    /// # Errors
    /// It does not listen.
    pub fn begin(machine: &Machine, program: &dyn Program, over: Over) -> Outcome<Server> {
        let mut last_words = String::new();
        for _ in 0..ATTEMPTS {
            let mut server = Server::spawn(machine, program, over)?;
            if server.listens()? {
                return Ok(server);
            }
            last_words = server.last_words();
        }
        Err(format!("it does not listen; it said: {last_words:?}").into())
    }

    fn spawn(machine: &Machine, program: &dyn Program, over: Over) -> Outcome<Server> {
        let file = match program.program() {
            Some(name) => find(name).ok_or("it is not installed")?,
            None => env::current_exe()?,
        };
        let data = place::directory("peers-")?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        if over == Over::Tls {
            tls::write_certificate(data.path())?;
        }
        let config = data.path().join(CONFIG);
        fs::write(&config, program.config(port, &data.path().display().to_string(), over))?;
        let log = File::create(data.path().join(LOG))?;
        let mut command = machine.server(file);
        command.args(program.flags()).arg(config);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let process = command.spawn()?;
        let hosts = HOSTS.iter().take(program.hosts());
        let addresses =
            hosts.map(|host| format!("{host}:{port}").parse()).collect::<Result<_, _>>();
        Ok(Server { process, addresses: addresses?, data })
    }

    /// Waits until it listens; false if it has ended, or takes too long.
    fn listens(&mut self) -> Outcome<bool> {
        let deadline = Instant::now() + START_MAX;
        // The last one: they are bound in order.
        while TcpStream::connect(self.address(self.addresses.len() - 1)).is_err() {
            if self.process.try_wait()?.is_some() || Instant::now() >= deadline {
                return Ok(false);
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(true)
    }

    /// The end of what it has printed.
    pub fn last_words(&self) -> String {
        let said = fs::read(self.data.path().join(LOG)).unwrap_or_default();
        let last = &said[said.len().saturating_sub(LAST_WORDS_BYTES)..];
        String::from_utf8_lossy(last).into_owned()
    }

    /// An address, each in turn.
    pub fn address(&self, number: usize) -> SocketAddr {
        self.addresses[number % self.addresses.len()]
    }

    /// The process.
    pub fn process(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Of no effect on one that has ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Where a program is, if it is installed.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = env::var("PATH").unwrap_or_default();
    let mut folders = env::split_paths(&path).chain(env::split_paths(MORE_PATH));
    folders.find_map(|folder| Some(folder.join(program)).filter(|file| file.is_file()))
}
