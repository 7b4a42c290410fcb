//! A server process and its data.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Signal, kill_process};
use tempfile::TempDir;

use super::{PASSWORD, Peer, TIMEOUT};

/// A server that is killed when it is dropped.
pub struct Server {
    process: Child,
    /// Kept open: a server whose output nobody reads is another test.
    _stdout: BufReader<ChildStdout>,
    dir: Arc<TempDir>,
    args: Vec<String>,
    env: Vec<(String, String)>,
    /// What it printed before it served.
    pub lines: Vec<String>,
    /// Where it listens.
    pub address: SocketAddr,
    /// The password of `admin`, if this start made the account.
    pub admin_password: Option<String>,
}

/// How often anything may be done.
pub const UNLIMITED: &str =
    "requests_per_second=0,messages_per_second=0,takeovers_per_minute=0,stored_bytes_per_day=0";

/// The command of a server that inherits nothing from whoever runs the tests.
pub fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_p2sp-server"));
    command
        .env_clear()
        .env("RUST_LOG", "warn")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs the program to its end, with lines on its input.
pub fn run(args: &[&str], input: &str) -> Output {
    let mut command = binary();
    let mut process = command.args(args).stdin(Stdio::piped()).spawn().expect("a process");
    let mut stdin = process.stdin.take().expect("an input");
    // It may refuse before it reads.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    process.wait_with_output().expect("an end")
}

impl Server {
    /// A server on fresh data, with more options.
    pub fn start(args: &[&str]) -> Server {
        Server::start_on(Arc::new(tempfile::tempdir().expect("a directory")), args)
    }

    /// A server without limits on how often anything may be done.
    pub fn unlimited(args: &[&str]) -> Server {
        Server::start(&[&["--limit", UNLIMITED], args].concat())
    }

    /// A server on the data of this directory.
    pub fn start_on(dir: Arc<TempDir>, args: &[&str]) -> Server {
        Server::start_at(dir, "127.0.0.1:0", args)
    }

    /// The same, at this address.
    pub fn start_at(dir: Arc<TempDir>, listen: &str, args: &[&str]) -> Server {
        let args = args.iter().map(|&arg| arg.to_owned()).collect();
        Server::launch(dir, listen, args, Vec::new())
    }

    /// A server without limits on how often anything may be done, whose data lie on a disk of so
    /// many MiB that only it sees. `None`: this system lets nobody have such a disk.
    pub fn on_small_disk(mib: u32) -> Option<Server> {
        let dir = Arc::new(tempfile::tempdir().expect("a directory"));
        let mount = format!("mount -t tmpfs -o size={mib}m p2sp \"$0\" && exec \"$@\"");
        let wrap = |program: &std::ffi::OsStr| {
            let mut command = Command::new("unshare");
            command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
            command.args(["-Urm", "sh", "-c", &mount]).arg(dir.path()).arg(program);
            command
        };
        let works = wrap("true".as_ref()).stderr(Stdio::null()).status();
        if !works.is_ok_and(|status| status.success()) {
            return None;
        }
        let mut command = wrap(env!("CARGO_BIN_EXE_p2sp-server").as_ref());
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        command.args(["--limit", UNLIMITED]);
        let data = dir.path().join("data");
        Some(Server::launch_as(command, data, dir, "127.0.0.1:0", Vec::new(), Vec::new()))
    }

    /// A path in the server's directory, as the server sees it.
    pub fn inside(&self, name: &str) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.pid()));
        root.join(self.dir.path().strip_prefix("/").expect("an absolute path")).join(name)
    }

    /// A server on fresh data that is told this by its environment.
    pub fn start_in(env: &[(&str, &str)]) -> Server {
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let dir = Arc::new(tempfile::tempdir().expect("a directory"));
        Server::launch(dir, "127.0.0.1:0", Vec::new(), env.collect())
    }

    /// A server on fresh data that logs all it can, into this file.
    pub fn start_logging(log: File) -> Server {
        Server::log_to(log, "trace", &[])
    }

    /// A server on fresh data whose log goes into this file, with a filter as of `RUST_LOG`; an
    /// empty one is that of an operator who chose none.
    pub fn log_to(log: File, filter: &str, args: &[&str]) -> Server {
        let dir = Arc::new(tempfile::tempdir().expect("a directory"));
        let mut command = binary();
        command.env("RUST_LOG", filter).stderr(log);
        if filter.is_empty() {
            command.env_remove("RUST_LOG");
        }
        let (data, args) = (dir.path().join("data"), args.iter().map(|arg| (*arg).to_owned()));
        Server::launch_as(command, data, dir, "127.0.0.1:0", args.collect(), Vec::new())
    }

    /// A server whose data is in this directory, which is another's to remove.
    pub fn start_on_path(data: &Path) -> Server {
        let dir = Arc::new(tempfile::tempdir().expect("a directory"));
        Server::launch_at(data.to_owned(), dir, "127.0.0.1:0", Vec::new(), Vec::new())
    }

    fn launch(
        dir: Arc<TempDir>,
        listen: &str,
        args: Vec<String>,
        env: Vec<(String, String)>,
    ) -> Server {
        Server::launch_at(dir.path().join("data"), dir, listen, args, env)
    }

    fn launch_at(
        data: PathBuf,
        dir: Arc<TempDir>,
        listen: &str,
        args: Vec<String>,
        env: Vec<(String, String)>,
    ) -> Server {
        let mut command = binary();
        command.envs(env.iter().cloned()).stderr(Stdio::inherit());
        Server::launch_as(command, data, dir, listen, args, env)
    }

    fn launch_as(
        mut command: Command,
        data: PathBuf,
        dir: Arc<TempDir>,
        listen: &str,
        args: Vec<String>,
        env: Vec<(String, String)>,
    ) -> Server {
        command.args(["--listen", listen, "--data"]).arg(data).args(&args);
        let mut process = command.spawn().expect("a process");
        let mut stdout = BufReader::new(process.stdout.take().expect("an output"));
        let mut lines: Vec<String> = Vec::new();
        while !lines.last().is_some_and(|line| line.contains("Ctrl-C")) {
            let mut line = String::new();
            let bytes = stdout.read_line(&mut line).expect("a line");
            assert!(bytes > 0, "the server did not start: {lines:?} {:?}", process.wait());
            lines.push(line.trim_end().to_owned());
        }
        let after = |mark: &str, line: &String| line.split(mark).nth(1).map(str::to_owned);
        let word = |text: String| text.split([' ', '（']).next().unwrap_or_default().to_owned();
        let find = |marks: [&str; 2]| {
            let found = marks.iter().find_map(|mark| lines.iter().find_map(|l| after(mark, l)));
            found.map(word)
        };
        let address = find(["Listening: ", "监听地址："]).expect("where it listens");
        let admin_password = find(["admin, password ", "密码："]);
        let address = address.parse().expect("an address");
        Server { process, _stdout: stdout, dir, args, env, lines, address, admin_password }
    }

    /// The server's data.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The directory above, which outlives the server.
    pub fn dir(&self) -> Arc<TempDir> {
        Arc::clone(&self.dir)
    }

    /// The number of the process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Has it do nothing from now on, and keep its connections.
    pub fn pause(&self) {
        kill_process(Pid::from_child(&self.process), Signal::STOP).expect("the process is ours");
    }

    /// Sends the process a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).expect("the process is ours");
    }

    /// From now on the running process may have only so much of something; `None`: as much as
    /// this one.
    #[cfg(target_os = "linux")]
    pub fn limit(&self, resource: Resource, most: Option<u64>) {
        let mut limit = rustix::process::getrlimit(resource);
        limit.current = most.or(limit.current);
        let pid = Some(Pid::from_child(&self.process));
        rustix::process::prlimit(pid, resource, limit).expect("the process is ours");
    }

    /// Bytes of memory that the process occupies.
    #[cfg(target_os = "linux")]
    pub fn resident_bytes(&self) -> u64 {
        self.status_bytes("VmRSS:")
    }

    /// Bytes of memory that the process has asked for, touched or not.
    #[cfg(target_os = "linux")]
    pub fn allocated_bytes(&self) -> u64 {
        self.status_bytes("VmData:")
    }

    #[cfg(target_os = "linux")]
    fn status_bytes(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("text");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    }

    /// The descriptors that the process has open.
    #[cfg(target_os = "linux")]
    pub fn descriptors(&self) -> BTreeSet<u64> {
        let open = std::fs::read_dir(format!("/proc/{}/fd", self.pid())).expect("a process");
        let name = |entry: std::fs::DirEntry| entry.file_name().to_str()?.parse().ok();
        open.filter_map(|entry| name(entry.expect("an entry"))).collect()
    }

    /// The number that the next file it opens gets.
    #[cfg(target_os = "linux")]
    pub fn first_free_descriptor(&self) -> u64 {
        let open = self.descriptors();
        (0..).find(|number| !open.contains(number)).expect("a number")
    }

    /// The time that the process's threads have run, and how often they were woken.
    #[cfg(target_os = "linux")]
    pub fn ran(&self) -> (Duration, u64) {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.pid())).expect("a process");
        let (mut nanos, mut wakes) = (0, 0);
        for task in tasks.flatten() {
            let read = |name: &str| std::fs::read_to_string(task.path().join(name)).expect("text");
            let ran = read("schedstat").split(' ').next().and_then(|text| text.parse().ok());
            nanos += ran.unwrap_or(0);
            let status = read("status");
            let line = status.lines().find_map(|l| l.strip_prefix("voluntary_ctxt_switches:"));
            wakes += line.and_then(|count| count.trim().parse().ok()).unwrap_or(0);
        }
        (Duration::from_nanos(nanos), wakes)
    }

    /// Waits for a time like this in which the threads run no longer than `busy` and are woken no
    /// more often than `wakes`. What is done once, a little later, may come before it.
    #[cfg(target_os = "linux")]
    pub fn expect_rest(&self, span: Duration, busy: Duration, wakes: u64) {
        let began = Instant::now();
        loop {
            let before = self.ran();
            thread::sleep(span);
            let after = self.ran();
            let (ran, woken) = (after.0 - before.0, after.1 - before.1);
            if ran <= busy && woken <= wakes {
                return;
            }
            assert!(began.elapsed() < TIMEOUT, "P22: ran {ran:?}, woken {woken} times in {span:?}");
        }
    }

    /// Waits until the process has ended by itself.
    pub fn ended(&mut self) -> ExitStatus {
        wait(&mut self.process)
    }

    /// Kills the process with -9 and waits until it is gone.
    pub fn kill(&mut self) {
        self.process.kill().expect("the process is ours");
        self.process.wait().expect("an exit");
    }

    /// Another server on the same data and, if it must be, the same port.
    pub fn again(mut self, same_port: bool) -> Server {
        self.kill();
        let listen = if same_port { self.address.to_string() } else { "127.0.0.1:0".to_owned() };
        let (args, env) = (std::mem::take(&mut self.args), std::mem::take(&mut self.env));
        Server::launch(self.dir(), &listen, args, env)
    }

    /// A new connection.
    pub fn peer(&self) -> Peer {
        Peer::connect(self.address)
    }

    /// Registers someone who is not signed in yet.
    pub fn register(&self, name: &str) {
        self.peer().ok("reg", serde_json::json!({"username": name, "password": PASSWORD}));
    }

    /// A new user, signed in, who confirms.
    pub fn user(&self, name: &str) -> Peer {
        self.register(name);
        let mut peer = self.peer();
        peer.sign_in(name, PASSWORD, true);
        peer
    }

    /// New users who are friends of one another, with nothing left unread.
    pub fn friends<const COUNT: usize>(&self, names: [&str; COUNT]) -> [Peer; COUNT] {
        let mut peers = names.map(|name| self.user(name));
        for (index, peer) in peers.iter_mut().enumerate() {
            for other in &names[index + 1..] {
                peer.ok("add", serde_json::json!({"username": other}));
            }
        }
        for (index, peer) in peers.iter_mut().enumerate() {
            peer.expect_event("caught_up");
            for _ in 0..index {
                peer.expect_event("friend_added");
            }
            peer.confirm();
        }
        peers
    }

    /// The administrator, signed in.
    pub fn admin(&self) -> Peer {
        let password = self.admin_password.clone().expect("a first start");
        let mut peer = self.peer();
        peer.sign_in("admin", &password, true);
        peer
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits for a process, but not for ever.
pub fn wait(process: &mut Child) -> ExitStatus {
    let began = Instant::now();
    loop {
        if let Some(status) = process.try_wait().expect("our child") {
            return status;
        }
        assert!(began.elapsed() < TIMEOUT, "the process does not end");
        thread::sleep(Duration::from_millis(5));
    }
}
