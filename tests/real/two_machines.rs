//! Two machines: a server with `--lan` on one, and the line that it prints typed on the other. Then
//! a man in the middle, who has the server's address and a copy of its certificate.
//!
//! ```text
//! server 10.77.0.1 ── veth ── 10.77.0.2 client           a network namespace each
//! mallory 10.77.0.1 ── veth ────┘  in the server's place
//! ```
//!
//! Needs the right to make network namespaces, which is root's; without it, it says so and is done.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tempfile::TempDir;

use crate::support::{Impostor, PASSWORD, Script, binary};

const SERVER: &str = "10.77.0.1";
const CLIENT: &str = "10.77.0.2";
/// Where a server listens that was not told where.
const PORT: u16 = 18_888;

fn ip(line: &str) -> bool {
    let output = Command::new("ip").args(line.split(' ')).stderr(Stdio::null()).status();
    output.is_ok_and(|status| status.success())
}

/// A machine: a network namespace, gone when it is dropped.
struct Machine(String);

impl Machine {
    /// `None`: there is no right to make one, or no `ip`.
    fn new(name: &str) -> Option<Machine> {
        let name = format!("p2sp-{name}-{}", std::process::id());
        ip(&format!("netns add {name}")).then(|| Machine(name))
    }

    /// Lays a cable to another machine. The one that was there is cut.
    fn connect(&self, address: &str, other: &Machine, others: &str) {
        ip(&format!("-n {} link del cable", other.0));
        let (from, to) = (&self.0, &other.0);
        let cable = format!("link add cable netns {from} type veth peer name cable netns {to}");
        assert!(ip(&cable), "{cable}");
        for (machine, address) in [(from, address), (to, others)] {
            for line in ["link set lo up", "link set cable up"] {
                assert!(ip(&format!("-n {machine} {line}")), "{line}");
            }
            assert!(ip(&format!("-n {machine} addr add {address}/24 dev cable")), "{address}");
        }
    }

    /// Does something there. What it starts stays there, and so do its sockets.
    fn on<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        let place = File::open(Path::new("/run/netns").join(&self.0)).expect("a namespace");
        let network = Some(LinkNameSpaceType::Network);
        thread::scope(|scope| {
            let moved = scope.spawn(move || {
                move_into_link_name_space(place.as_fd(), network).expect("the right to go there");
                act()
            });
            moved.join().expect("no panic")
        })
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        ip(&format!("netns del {}", self.0));
    }
}

/// A server that all machines reach, with its data, and what it prints to join with: the command
/// and the invite code.
struct Lan {
    process: Child,
    data: TempDir,
    join: Vec<String>,
    invite: String,
}

impl Lan {
    fn start() -> Lan {
        let data = tempfile::tempdir().expect("a directory");
        let mut command = binary();
        command.args(["--lan", "--lang", "en", "--data"]).arg(data.path());
        let mut process = command.stderr(Stdio::inherit()).spawn().expect("a process");
        let lines = BufReader::new(process.stdout.take().expect("an output")).lines();
        let lines =
            lines.map(|line| line.expect("text")).take_while(|line| !line.contains("Ctrl-C"));
        let lines: Vec<String> = lines.collect();
        let after = |words: &str| {
            let line = lines.iter().rev().find_map(|line| Some(line.split_once(words)?.1));
            line.expect("a line to join with").to_owned()
        };
        let join =
            after("Join from another machine: p2sp ").split(' ').map(str::to_owned).collect();
        let invite = after("Invite code, to register from other machines: ");
        Lan { process, data, join, invite }
    }
}

impl Drop for Lan {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A client, told what to do by its user.
fn client(home: &TempDir, args: &[String], invite: &str) -> Script {
    let home = home.path().to_str().expect("a name");
    let env = [
        ("XDG_DATA_HOME", home),
        ("HOME", home),
        ("SSL_CERT_FILE", "/nonexistent"),
        ("P2SP_INVITE", invite),
    ];
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    Script::start_with(&args, &env)
}

#[test]
fn two_machines_chat_after_one_command_on_each_and_nobody_comes_between() {
    let machines = ["server", "client", "mallory"].map(Machine::new);
    let [Some(here), Some(there), Some(between)] = machines else {
        println!(
            "skipped: this system lets us make no network namespaces (that needs root and ip)"
        );
        return;
    };
    here.connect(SERVER, &there, CLIENT);
    let server = here.on(Lan::start);
    assert_eq!(server.join[0], SERVER);
    let [alices, bobs, new] = [0; 3].map(|_| tempfile::tempdir().expect("a directory"));
    let mut alice = there.on(|| client(&alices, &server.join, &server.invite));
    let mut bob = here.on(|| client(&bobs, &server.join, &server.invite));
    alice.register("alice");
    bob.register("bob");
    alice.ask("add bob", "friends now");
    alice.ask("send bob from there", "Sent.");
    bob.expect("alice> from there");
    bob.ask("send alice from here", "Sent.");
    alice.expect("bob> from here");
    assert_eq!((alice.finish().code, bob.finish().code), (Some(0), Some(0)));

    // Who knows the server, and who comes with the line that it printed.
    let impostor = Impostor::with_certificate_of(server.data.path());
    between.connect(SERVER, &there, CLIENT);
    let listener = between.on(|| TcpListener::bind((SERVER, PORT)).expect("a port"));
    for (home, args) in [(&alices, &server.join[..1]), (&new, &server.join[..])] {
        let mut alice = there.on(|| client(home, args, ""));
        alice.say(&format!("login alice {PASSWORD}"));
        assert_eq!(impostor.serve(&listener), b"", "nothing was said to them");
        let ended = alice.finish();
        assert_eq!(ended.code, Some(3), "{:?} {}", ended.lines, ended.stderr);
        assert!(ended.stderr.contains("does not have its key"), "{}", ended.stderr);
    }

    // Back at the server all is as before.
    here.connect(SERVER, &there, CLIENT);
    let mut alice = there.on(|| client(&alices, &server.join[..1], ""));
    alice.ask(&format!("login alice {PASSWORD}"), "Welcome");
    assert_eq!(alice.finish().code, Some(0));
}
