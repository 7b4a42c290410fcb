//! TLS between the shipped programs: whom the client trusts, what it refuses, and a certificate
//! that is renewed while the server runs.
//!
//! Everything stays on loopback, where the client speaks TLS only when it is told to.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use p2sp::certificate::{Certificate, Source};
use p2sp::wire::Fingerprint;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::support::{Impostor, PASSWORD, Script, Server, TIMEOUT, binary, handshake, key_of};

/// A home of its own for a client, and what it finds there.
struct Home(TempDir);

impl Home {
    fn new() -> Home {
        Home(tempfile::tempdir().expect("a directory"))
    }

    fn start(&self, address: &str, args: &[&str]) -> Script {
        self.start_trusting(address, args, Path::new("/nonexistent"))
    }

    /// A client of a machine with these authorities.
    fn start_trusting(&self, address: &str, args: &[&str], authorities: &Path) -> Script {
        self.start_as_told(&[&[address, "--tls"], args].concat(), authorities)
    }

    /// A client with these words and no others.
    fn start_as_told(&self, words: &[&str], authorities: &Path) -> Script {
        let home = self.0.path().to_str().expect("a name");
        let authorities = authorities.to_str().expect("a name");
        let env = [("XDG_DATA_HOME", home), ("HOME", home), ("SSL_CERT_FILE", authorities)];
        Script::start_with(words, &env)
    }

    fn known(&self) -> String {
        fs::read_to_string(self.0.path().join("p2sp/known_servers")).unwrap_or_default()
    }
}

fn fingerprint_of(server: &Server) -> String {
    let line = server.lines.iter().find(|line| line.contains("sha256:")).expect("a fingerprint");
    line.rsplit(' ').next().expect("a word").to_owned()
}

/// A script that only looks whether there is a server that it trusts.
fn visit(home: &Home, address: SocketAddr, args: &[&str]) -> crate::support::Ended {
    let mut script = home.start(&address.to_string(), args);
    // It may have ended already.
    script.say("help");
    script.finish()
}

#[test]
fn a_server_is_trusted_from_the_first_contact_on_and_no_other_in_its_place() {
    let home = Home::new();
    let first = Server::start(&[]);
    let address = first.address;
    let met = visit(&home, address, &[]);
    assert_eq!(met.code, Some(0), "{} {:?}", met.stderr, met.lines);
    let notice = format!("First contact with {address}: its key is {}", fingerprint_of(&first));
    assert!(met.lines[0].starts_with(&format!("►* {notice}")), "{:?}", met.lines);
    assert_eq!(home.known(), format!("{address} {}\n", fingerprint_of(&first)));
    let again = visit(&home, address, &[]);
    assert_eq!(again.code, Some(0));
    assert!(!again.lines.concat().contains("First contact"), "{:?}", again.lines);

    // Another server takes its place: another key.
    drop(first);
    let dir = Arc::new(tempfile::tempdir().expect("a directory"));
    let second = Server::start_at(dir, &address.to_string(), &[]);
    for lang in ["en", "zh"] {
        let stopped = visit(&home, address, &["--lang", lang]);
        assert_eq!(stopped.code, Some(3), "{:?} {}", stopped.lines, stopped.stderr);
        let told = ["STOP", "停止"].iter().any(|word| stopped.stderr.starts_with(word));
        assert!(told && stopped.stderr.contains(&fingerprint_of(&second)), "{}", stopped.stderr);
    }
    let wrong = visit(&home, address, &["--fingerprint", &Fingerprint::of(b"").to_string()]);
    assert_eq!(wrong.code, Some(3), "{:?}", wrong.lines);
    assert!(wrong.stderr.contains("--fingerprint says"), "{}", wrong.stderr);
    // Whoever has asked for the fingerprint says so once.
    let told = visit(&home, address, &["--fingerprint", &fingerprint_of(&second)]);
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    assert!(!told.lines.concat().contains("First contact"), "{:?}", told.lines);
    assert_eq!(visit(&home, address, &[]).code, Some(0));
}

#[test]
fn a_man_in_the_middle_with_a_copied_certificate_is_refused() {
    let home = Home::new();
    let real = Server::start(&[]);
    let address = real.address;
    let fingerprint = fingerprint_of(&real);
    assert_eq!(visit(&home, address, &[]).code, Some(0));
    let impostor = Impostor::with_certificate_of(&real.data());
    drop(real);
    let listener = TcpListener::bind(address).expect("the port is free");
    for args in [&["--fingerprint", &fingerprint][..], &[]] {
        let mut script = home.start(&address.to_string(), args);
        script.say(&format!("login alice {PASSWORD}"));
        let heard = impostor.serve(&listener);
        assert_eq!(heard, b"", "nothing was said to them");
        let ended = script.finish();
        assert_eq!(ended.code, Some(3), "{:?} {}", ended.lines, ended.stderr);
        assert!(ended.stderr.contains("does not have its key"), "{}", ended.stderr);
    }
    assert_eq!(home.known(), format!("{address} {fingerprint}\n"));
}

#[test]
fn a_client_that_leaves_says_so() {
    let home = Home::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let mut script = home.start(&address, &[]);
    script.say("quit");
    let pong = serde_json::json!({"re": 1, "status": 200, "message": "pong"});
    let answer = crate::support::frame_of("normalmsg", &pong);
    let (heard, closed) = Impostor::with_its_own().serve_and_answer(&listener, &answer);
    assert!(heard.starts_with(&[0xab, 0xcd, 0xef, 0x88]));
    assert!(closed, "with close_notify, and not only an end that anybody could make");
    assert_eq!(script.finish().code, Some(0));
}

#[test]
fn people_chat_over_tls_and_survive_the_servers_death() {
    let mut server = Server::unlimited(&[]);
    let [alice_home, bob_home] = [Home::new(), Home::new()];
    let address = server.address.to_string();
    let mut alice = alice_home.start(&address, &["--fingerprint", &fingerprint_of(&server)]);
    let mut bob = bob_home.start(&address, &[]);
    alice.register("alice");
    bob.register("bob");
    alice.ask("add bob", "friends now");
    let text = "x".repeat(7_000);
    for round in 0..2 {
        for number in 0..20 {
            alice.say(&format!("send bob {round}-{number} {text}"));
        }
        bob.expect(&format!("alice> {round}-19"));
        if round == 0 {
            server = server.again(true);
            bob.expect("* Connected again.");
        }
    }
    bob.ask("send alice received", "Sent.");
    alice.expect("bob> received");
    let (alice, bob) = (alice.finish(), bob.finish());
    assert_eq!((alice.code, bob.code), (Some(0), Some(0)), "{:#?}", alice.lines);
    assert_eq!(bob.lines.iter().filter(|line| line.starts_with("alice> ")).count(), 40);
    let mut admin = server.admin_password.is_none().then(|| server.peer()).expect("no new account");
    admin.ok("ping", serde_json::json!({}));
}

/// The first byte that a client says to this listener.
fn first_byte(listener: &TcpListener, home: &Home, words: &[&str]) -> u8 {
    let _client = home.start_as_told(words, Path::new("/nonexistent"));
    let (mut stream, _) = listener.accept().expect("a client");
    let mut first = [0; 1];
    stream.read_exact(&mut first).expect("a byte");
    first[0]
}

const FRAME: u8 = 0xab;
const TLS: u8 = 0x16;

#[test]
fn only_what_is_written_as_this_machine_is_spoken_to_without_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    // Every resolver says of the last two that they are 127.0.0.1.
    for (host, first) in [
        ("127.0.0.1", FRAME),
        ("localhost", FRAME),
        ("LocalHost", FRAME),
        ("http://localhost", FRAME),
        ("127.1", TLS),
        ("2130706433", TLS),
    ] {
        let address = format!("{host}:{port}");
        assert_eq!(first_byte(&listener, &Home::new(), &[&address]), first, "{host}");
    }
}

#[test]
fn a_server_whose_key_is_known_is_spoken_to_in_tls_alone() {
    let home = Home::new();
    let server = Server::start(&[]);
    let (address, key) = (server.address.to_string(), fingerprint_of(&server));
    assert_eq!(visit(&home, server.address, &[]).code, Some(0));
    drop(server);
    let listener = TcpListener::bind(&address).expect("the port is free");
    assert_eq!(first_byte(&listener, &home, &[&address]), TLS, "pinned");
    let fresh = Home::new();
    assert_eq!(first_byte(&listener, &fresh, &[&address, "--fingerprint", &key]), TLS, "told");
    assert_eq!(first_byte(&listener, &fresh, &[&address]), FRAME, "nothing is known of it");
    for (lang, told) in [("en", "STOP"), ("zh", "停止")] {
        let words = [&*address, "--plaintext", "--lang", lang];
        let ended = home.start_as_told(&words, Path::new("/nonexistent")).finish();
        assert_eq!(ended.code, Some(3), "{:?} {}", ended.lines, ended.stderr);
        assert!(ended.stderr.starts_with(told) && ended.stderr.contains("known_servers"));
    }
    listener.set_nonblocking(true).expect("a listener");
    assert!(listener.accept().is_err(), "nobody was connected to");
}

#[test]
fn an_address_that_is_none_is_explained() {
    for (address, lang, said) in [
        ("http://host/", "en", "write p2sp HOST:PORT, or p2sp HOST for 18888"),
        ("http://host/", "zh", "请写 p2sp 主机:端口"),
        ("host:99999", "en", "from 1 to 65535"),
        ("1:2:3", "zh", "方括号"),
    ] {
        let ended = Script::start_with(&[address, "--lang", lang], &[]).finish();
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert!(ended.stderr.contains(address), "{}", ended.stderr);
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
}

#[test]
fn a_server_that_speaks_no_tls_is_not_spoken_to_by_accident() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let answers = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut first = [0; 1];
        stream.read_exact(&mut first).expect("a byte");
        stream
            .write_all(&crate::support::frame_of("normalmsg", &serde_json::json!({})))
            .expect("written");
        first
    });
    let ended = visit(&Home::new(), address, &[]);
    assert_eq!(answers.join().expect("no panic"), [0x16]);
    assert_eq!(ended.code, Some(2), "{:?}", ended.lines);
    assert!(ended.stderr.contains(&address.to_string()), "{}", ended.stderr);
}

/// `cargo test --test real network:: -- --ignored --nocapture` measures it.
#[test]
#[ignore = "a measurement"]
fn what_an_idle_connection_costs() {
    const COUNT: u64 = 1_500;
    for secure in [false, true] {
        let server = Server::start(&["--limit", "signin_seconds=0"]);
        let path = format!("/proc/{}/smaps_rollup", server.pid());
        let private_kib = || {
            let text = fs::read_to_string(&path).expect("a process");
            let line = text.lines().find(|line| line.starts_with("Private_Dirty"));
            let number = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
            number.expect("a number")
        };
        let mut held = Vec::new();
        let mut before = 0;
        for number in 0..2 * COUNT {
            if number == COUNT {
                // Spare memory goes back to the system after a while.
                std::thread::sleep(Duration::from_secs(3));
                before = private_kib();
            }
            let mut stream = TcpStream::connect(server.address).expect("a server");
            let ping = crate::support::frame_of("ping", &serde_json::json!({}));
            if secure {
                let (mut tls, _) = handshake(&mut stream);
                tls.writer().write_all(&ping).expect("memory");
                tls.complete_io(&mut stream).expect("written");
            } else {
                stream.write_all(&ping).expect("written");
            }
            assert!(stream.read(&mut [0; 1_024]).expect("an answer") > 0);
            held.push(stream);
        }
        std::thread::sleep(Duration::from_secs(3));
        let bytes = (private_kib() - before) * 1_024 / COUNT;
        println!("TLS {secure}: {bytes} bytes an idle connection");
    }
}

/// A certificate for these names by an authority, as files.
fn issue(dir: &Path, names: &[&str]) -> (PathBuf, Source) {
    let (ca_key, key) = (KeyPair::generate().expect("a key"), KeyPair::generate().expect("a key"));
    let mut ca = CertificateParams::new([]).expect("no names");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = ca.self_signed(&ca_key).expect("a certificate");
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let params = CertificateParams::new(names).expect("names");
    let issued = params.signed_by(&key, &Issuer::from_params(&ca, &ca_key)).expect("issued");
    let path = |name: &str| dir.join(name);
    let authorities = path("authorities.pem");
    fs::write(&authorities, authority.pem()).expect("written");
    fs::write(path("chain.pem"), issued.pem()).expect("written");
    fs::write(path("key.pem"), key.serialize_pem()).expect("written");
    fs::set_permissions(path("key.pem"), fs::Permissions::from_mode(0o600)).expect("a mode");
    (authorities, Source::Given { chain: path("chain.pem"), key: path("key.pem") })
}

#[test]
fn a_certificate_that_an_authority_vouches_for_needs_no_pin() {
    let dir = tempfile::tempdir().expect("a directory");
    let (authorities, _) = issue(dir.path(), &["localhost"]);
    let file = |name: &str| dir.path().join(name).to_str().expect("a name").to_owned();
    let (chain, key) = (file("chain.pem"), file("key.pem"));
    let server = Server::start(&["--tls-cert", &chain, "--tls-key", &key]);
    for (host, vouched_for) in [("localhost", true), ("127.0.0.1", false)] {
        let home = Home::new();
        let address = format!("{host}:{}", server.address.port());
        let mut script = home.start_trusting(&address, &[], &authorities);
        script.say("help");
        let ended = script.finish();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let pinned = ended.lines.concat().contains("First contact");
        assert_eq!((pinned, home.known().is_empty()), (!vouched_for, vouched_for), "{host}");
    }
}

/// A server whose log is read, and the address that it listens on.
struct Logged {
    process: Child,
    log: BufReader<std::process::ChildStderr>,
    address: SocketAddr,
}

impl Logged {
    fn start(data: &Path, args: &[&str]) -> Logged {
        let mut command = binary();
        command.args(["--listen", "127.0.0.1:0", "--data"]).arg(data).args(args);
        let mut process = command.stderr(Stdio::piped()).spawn().expect("a process");
        let mut lines = BufReader::new(process.stdout.take().expect("an output")).lines();
        let line = lines.by_ref().map(|line| line.expect("text")).find(|l| l.contains("Listening"));
        let address = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
        let log = BufReader::new(process.stderr.take().expect("a log"));
        // The rest of the output is read, so that nobody waits for it.
        lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("Ctrl-C")));
        Logged { process, log, address: address.expect("an address") }
    }

    fn hang_up(&self) {
        let pid = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a pid"), Signal::HUP).expect("the process is ours");
    }

    /// The key that newcomers are shown.
    fn shown(&self) -> Fingerprint {
        key_of(self.address)
    }
}

impl Drop for Logged {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_signal_renews_the_certificate_and_a_bad_one_is_not_taken() {
    let dir = tempfile::tempdir().expect("a directory");
    let (_, source) = issue(dir.path(), &["localhost"]);
    let file = |name: &str| dir.path().join(name).to_str().expect("a name").to_owned();
    let (chain, key) = (file("chain.pem"), file("key.pem"));
    let data = dir.path().join("data");
    let mut server = Logged::start(&data, &["--tls-cert", &chain, "--tls-key", &key]);
    let first: Certificate = source.load().expect("a certificate");
    assert_eq!(server.shown(), first.fingerprint);

    issue(dir.path(), &["localhost"]);
    let second: Certificate = source.load().expect("a certificate");
    server.hang_up();
    let began = Instant::now();
    while server.shown() != second.fingerprint {
        assert!(began.elapsed() < TIMEOUT, "the certificate is not renewed");
        std::thread::sleep(Duration::from_millis(20));
    }

    for bad in ["", "-----BEGIN PRIVATE KEY-----\n"] {
        fs::write(&key, bad).expect("written");
        server.hang_up();
        let mut line = String::new();
        server.log.read_line(&mut line).expect("a line");
        assert!(line.contains("the old one stays") && line.contains("key.pem"), "{line}");
        assert_eq!(server.shown(), second.fingerprint);
    }
    server.process.kill().expect("the process is ours");
    // Stopped, it does not start with what it would not take.
    let mut command = binary();
    command.args(["--listen", "127.0.0.1:0", "--data"]).arg(&data);
    let refused = command.args(["--tls-cert", &chain, "--tls-key", &key]).output().expect("an end");
    assert_eq!(refused.status.code(), Some(1));
    let mut command = binary();
    let half = command.args(["--tls-cert", &chain]).output().expect("an end");
    assert_eq!(half.status.code(), Some(2), "one without the other");
}

/// Puts a certificate of another kind, with the key that is there, where the server has its own.
fn replace_own(data: &Path, params: CertificateParams) -> String {
    let path = data.join("tls.pem");
    let text = fs::read_to_string(&path).expect("a key");
    let key = text.split_inclusive("-----END PRIVATE KEY-----\n").next().expect("a key");
    let key = KeyPair::from_pem(key).expect("a key");
    let text = key.serialize_pem() + &params.self_signed(&key).expect("signed").pem();
    fs::write(&path, &text).expect("written");
    text
}

#[test]
fn our_own_certificate_has_the_machines_names_and_is_renewed_with_its_key() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    let own = Source::Own(data.clone());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.expect("a clock").as_secs() as i64;
    let days = || (own.valid_until().expect("valid").expect("there") - now) / 86_400;
    let host = fs::read_to_string("/proc/sys/kernel/hostname").expect("a name").trim().to_owned();
    let names = ["localhost", "127.0.0.1", "::1", &host].map(str::to_owned);
    // As earlier versions made it, and as the operator did.
    let before =
        || CertificateParams::new(["p2sp", "localhost"].map(str::to_owned)).expect("names");
    let theirs = || CertificateParams::new(["chat.example.org".to_owned()]).expect("a name");

    let first = Logged::start(&data, &[]);
    let key = first.shown();
    assert!((395..=397).contains(&days()), "{}", days());
    assert!(!own.is_due(&names, now) && own.is_due(&["10.9.8.7".to_owned()], now));
    drop(first);
    replace_own(&data, before());
    assert!(own.is_due(&[], now));
    // At the start, and while it runs.
    let second = Logged::start(&data, &[]);
    assert_eq!(second.shown(), key);
    assert!((395..=397).contains(&days()) && !own.is_due(&names, now));
    replace_own(&data, before());
    second.hang_up();
    let began = Instant::now();
    while own.is_due(&names, now) {
        assert!(began.elapsed() < TIMEOUT, "it is not renewed");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(second.shown(), key, "whoever trusts the key notices nothing");
    drop(second);
    let text = replace_own(&data, theirs());
    let third = Logged::start(&data, &[]);
    third.hang_up();
    assert_eq!(third.shown(), key);
    assert_eq!(fs::read_to_string(data.join("tls.pem")).expect("text"), text, "it is theirs");
}
