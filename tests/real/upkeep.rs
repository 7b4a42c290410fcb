//! Keeping a server: where its settings come from, what the doctor complains about, and what a
//! monitor reads.

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, SystemTime};

use p2sp::wire::frame;
use rusqlite::Connection;
use rustix::process::Signal;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{Server, TIMEOUT, binary, run};

fn name(path: &Path) -> &str {
    path.to_str().expect("a name")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

// --- settings ---

/// A data directory with settings.
fn settings(text: &str) -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("p2sp.toml"), text).expect("written");
    dir
}

#[test]
fn a_setting_comes_from_the_flag_then_the_environment_then_the_file_then_the_default() {
    let dir =
        settings("lang = \"zh\"\nfriend-approval = true\n[limit]\nfriends = 7\ngroups_owned = 3");
    let config = |env: &[(&str, &str)], args: &[&str]| {
        let mut command = binary();
        command.envs(env.iter().copied()).args(["--data", name(dir.path()), "config"]).args(args);
        let output = command.output().expect("an end");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        stdout(&output)
    };
    let has = |said: &str, line: &str| assert!(said.lines().any(|l| l == line), "{line}\n{said}");
    let said = config(&[], &[]);
    has(&said, "lang = \"zh\"  # p2sp.toml");
    has(&said, "friend-approval = true  # p2sp.toml");
    has(&said, "friends = 7  # p2sp.toml");
    has(&said, "groups_joined = 200  # 默认");
    has(&said, "listen = [\"127.0.0.1:18888\", \"[::1]:18888\"]  # 默认");
    has(&said, "# metrics =   # 默认");
    let env = [("P2SP_LANG", "en"), ("P2SP_LIMIT", "friends=8"), ("P2SP_FRIEND_APPROVAL", "0")];
    let said = config(&env, &["--limit", "friends=9"]);
    has(&said, "lang = \"en\"  # environment");
    has(&said, "friend-approval = false  # environment");
    has(&said, "friends = 9  # flag");
    has(&said, "groups_owned = 3  # p2sp.toml");
    // What was printed can be written back, and says the same.
    fs::write(dir.path().join("p2sp.toml"), &said).expect("written");
    let again = config(&[], &[]);
    has(&again, "friends = 9  # p2sp.toml");
    let without = |text: &str| -> Vec<String> {
        text.lines().map(|line| line.split("  #").next().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(without(&again), without(&said));
}

#[test]
fn a_file_that_says_what_cannot_be_is_refused_in_one_line() {
    for (text, words) in [
        ("lisen = 1", "Did you mean listen?"),
        ("data = \"/tmp\"", "no setting data"),
        ("listen = \"nowhere\"", "listen cannot be \"nowhere\": write an IP address and a port"),
        ("metrics = [\"127.0.0.1:1\", \"127.0.0.1:2\"]", "metrics: write one value only"),
        ("keep-days = 5", "keep-days cannot be \"5\": write a whole number of days, 30 or more"),
        ("lan = true\nlisten = \"127.0.0.1:1\"", "--lan and --listen do not go together"),
        ("listen = ", "line 1"),
        ("lang = \"zh\"\nlang = \"en\"", "line 2"),
        ("friend-approval = \"maybe\"", "friend-approval: write true or false"),
        ("friend-approval = { a = 1 }", "friend-approval"),
        ("[limit]\nfrends = 1", "Did you mean friends?"),
        ("[limit]\nfriends = \"many\"", "friends=many"),
    ] {
        let dir = settings(text);
        let output = run(&["--lang", "en", "--data", name(dir.path())], "");
        assert_eq!(output.status.code(), Some(1), "{text}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(stderr.lines().count(), 1, "{text}: {stderr}");
        assert!(stderr.contains(words), "{text}: {stderr}");
        assert!(stderr.contains("p2sp.toml"), "{text}: {stderr}");
        assert!(!dir.path().join("p2sp.db").exists(), "nothing was touched");
    }
}

// --- doctor ---

/// What the doctor says, and whether it found nothing.
fn doctor(data: &Path, args: &[&str]) -> (String, bool) {
    let output = run(&[&["--data", name(data)], args, &["doctor"]].concat(), "");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    (stdout(&output), output.status.success())
}

/// The command below the complaint that has these words.
fn mend_of(said: &str, words: &str) -> String {
    let mut lines = said.lines().skip_while(|line| !line.contains(words)).skip(1);
    lines.next().expect("a complaint, and a command below it").trim().to_owned()
}

/// Data that a server has left behind.
fn stopped() -> Server {
    let mut server = Server::start(&[]);
    drop(server.user("bob"));
    server.signal(Signal::TERM);
    assert_eq!(server.ended().code(), Some(0));
    server
}

const FREE: [&str; 2] = ["--listen", "127.0.0.1:0"];

#[test]
fn the_doctor_finds_nothing_and_changes_nothing_where_all_is_well() {
    let server = Server::start(&[]);
    let (said, _) = doctor(&server.data(), &["--listen", &server.address.to_string()]);
    assert!(said.contains("port: fine") && said.contains("database: fine"), "its own port: {said}");
    let runs = format!("process {}, listening on {}", server.pid(), server.address);
    assert!(said.starts_with("server: ") && said.contains(&runs), "{said}");
    drop(server);
    let server = stopped();
    let database = server.data().join("p2sp.db");
    let before = fs::read(&database).expect("a database");
    let (said, _) = doctor(&server.data(), &FREE);
    assert!(said.contains("database: fine") && said.contains("certificate: fine"), "{said}");
    assert!(fs::read(&database).expect("a database") == before);
    let (said, _) = doctor(&server.data(), &["--lang", "zh", "--listen", "127.0.0.1:0"]);
    assert!(said.contains("数据库: 正常"), "{said}");
}

#[test]
fn what_is_not_there_is_said() {
    let dir = tempfile::tempdir().expect("a directory");
    let missing = dir.path().join("missing");
    let start = format!("p2sp-server --data '{}'", missing.display());
    let (said, fine) = doctor(&missing, &FREE);
    assert!(!fine && said.starts_with("server: none runs on "), "{said}");
    assert_eq!(mend_of(&said, "files: there is no directory"), start);
    assert_eq!(mend_of(&said, "database: there is no database in"), start);
    let config = run(&["--data", name(&missing), "config"], "");
    assert!(stdout(&config).contains("# No server runs on ") && config.status.success());
    assert!(stdout(&config).contains("# There is no database in "), "{config:?}");
    assert!(!missing.exists());
}

#[test]
fn config_and_doctor_ask_the_server_that_runs() {
    let dir = tempfile::tempdir().expect("a directory");
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut params = rcgen::CertificateParams::new(["chat".to_owned()]).expect("a name");
    params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let ended = params.self_signed(&key).expect("a certificate");
    let pem = dir.path().join("ended.pem");
    fs::write(&pem, key.serialize_pem() + &ended.pem()).expect("written");
    let given = ["--tls-cert", name(&pem), "--tls-key", name(&pem)];
    let more = ["--limit", "friends=7", "--keep-days", "90"];
    let server = Server::start(&[&given[..], &more].concat());
    let config = |args: &[&str]| {
        let data = server.data();
        let output = run(&[&["--data", name(&data), "config"], args].concat(), "");
        assert!(output.status.success(), "{output:?}");
        stdout(&output)
    };
    for said in [config(&[]), config(&["--limit", "friends=9", "--keep-days", "30"])] {
        let has = |line: &str| assert!(said.lines().any(|l| l == line), "{line}\n{said}");
        let runs = format!("process {}, listening on {}", server.pid(), server.address);
        assert!(said.lines().next().expect("a line").contains(&runs), "{said}");
        has("friends = 7  # flag");
        has("keep-days = \"90\"  # flag");
        has(&format!("listen = [\"{}\"]  # flag", "127.0.0.1:0"));
        has("lang = \"en\"  # default");
    }
    // Its certificate is looked at, not one that a start from here would use.
    let (said, fine) = doctor(&server.data(), &FREE);
    assert!(!fine && said.contains("the certificate has expired"), "{said}");
    let mend = mend_of(&said, "ended.pem is open to others");
    assert!(mend.starts_with("chmod 640 ") || mend.starts_with("chmod 600 "), "its key: {mend}");
}

#[test]
fn the_doctor_names_the_command_that_mends_it() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address");
    let server = stopped();
    let data = server.data();
    let (said, fine) = doctor(&data, &["--listen", &address.to_string()]);
    assert!(!fine);
    assert_eq!(mend_of(&said, "port: "), format!("ss -ltnp 'sport = :{}'", address.port()));

    // Its commands mend what a user can mend.
    let database = data.join("p2sp.db");
    for (path, mode) in [(&database, 0o644), (&data, 0o755)] {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
        let (said, fine) = doctor(&data, &FREE);
        assert!(!fine && said.contains("is open to others"), "{said}");
        let mend = mend_of(&said, "is open to others");
        let mended = Command::new("sh").args(["-c", &mend]).status().expect("a shell");
        assert!(mended.success(), "{mend}");
        assert!(doctor(&data, &FREE).0.contains("files: fine"), "{mend}");
    }

    let tomorrow = SystemTime::now() + Duration::from_secs(86_400);
    File::options()
        .write(true)
        .open(&database)
        .and_then(|f| f.set_modified(tomorrow))
        .expect("a time");
    let (said, fine) = doctor(&data, &FREE);
    assert!(!fine && mend_of(&said, "behind the database").contains("timedatectl"), "{said}");

    fs::write(data.join("tls.pem"), "nonsense").expect("written");
    let (said, fine) = doctor(&data, &FREE);
    assert!(!fine && mend_of(&said, "certificate: ").contains("tls.pem"), "{said}");

    let key = rcgen::KeyPair::generate().expect("a key");
    let mut params = rcgen::CertificateParams::new(["chat".to_owned()]).expect("a name");
    params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let ended = params.self_signed(&key).expect("a certificate");
    let pem = data.join("ended.pem");
    fs::write(&pem, key.serialize_pem() + &ended.pem()).expect("written");
    fs::set_permissions(&pem, Permissions::from_mode(0o600)).expect("a mode");
    let given = ["--tls-cert", name(&pem), "--tls-key", name(&pem)];
    let (said, fine) = doctor(&data, &[&FREE[..], &given].concat());
    assert!(!fine && mend_of(&said, "has expired").contains("renew"), "{said}");

    fs::write(&database, "a shopping list ".repeat(1000)).expect("written");
    let (said, fine) = doctor(&data, &FREE);
    assert!(!fine && mend_of(&said, "not a p2sp database").ends_with("restore FILE"), "{said}");
}

#[test]
fn the_doctor_finds_a_certificate_that_ends_soon() {
    let dir = tempfile::tempdir().expect("a directory");
    let key = rcgen::KeyPair::generate().expect("a key");
    let pem = dir.path().join("soon.pem");
    let given = ["--tls-cert", name(&pem), "--tls-key", name(&pem)];
    let args = [&FREE[..], &given].concat();
    for (days, complains) in [(5, true), (13, true), (60, false)] {
        let mut params = rcgen::CertificateParams::new(["chat".to_owned()]).expect("a name");
        params.not_after = (SystemTime::now() + Duration::from_secs(days * 86_400 + 3_600)).into();
        let soon = params.self_signed(&key).expect("a certificate");
        fs::write(&pem, key.serialize_pem() + &soon.pem()).expect("written");
        let (said, _) = doctor(&dir.path().join("data"), &args);
        assert_eq!(said.contains("certificate: fine"), !complains, "{said}");
        if complains {
            let mend = mend_of(&said, &format!("the certificate ends in {days} days"));
            assert!(mend.contains("renew"), "{mend}");
        }
    }
}

#[test]
fn the_doctor_finds_a_database_of_a_newer_version() {
    let server = stopped();
    let db = Connection::open(server.data().join("p2sp.db")).expect("a database");
    db.pragma_update(None, "user_version", 99).expect("written");
    drop(db);
    let (said, fine) = doctor(&server.data(), &FREE);
    assert!(!fine && mend_of(&said, "database: ").starts_with("cargo install"), "{said}");
    assert!(said.contains("99"), "{said}");
}

#[test]
fn the_doctor_finds_a_server_that_does_not_answer() {
    let server = Server::start(&[]);
    server.signal(Signal::STOP);
    let (said, fine) = doctor(&server.data(), &["--listen", &server.address.to_string()]);
    server.signal(Signal::CONT);
    assert!(!fine && said.contains("does not answer"), "{said}");
    assert!(mend_of(&said, "database: ").starts_with("fuser -k -TERM"), "{said}");
    assert!(doctor(&server.data(), &FREE).0.contains("database: fine"), "it goes on");
}

#[test]
fn the_doctor_leaves_an_older_server_alive() {
    let server = stopped();
    for (lang, words) in
        [("en", "it is an older version. Restart it"), ("zh", "版本较旧，请重新启动")]
    {
        let control = server.data().join("control");
        let _ = fs::remove_file(&control);
        let listener = UnixListener::bind(&control).expect("a socket");
        let older = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("the doctor");
            let mut room = [0; 4_096];
            assert!(stream.read(&mut room).expect("a question") > 0);
            let payload = json!({"message": "no such type", "code": "unknown_type", "status": 400});
            let answer = json!({"type": "normalmsg", "payload": payload});
            let mut bytes = Vec::new();
            frame::append(&mut bytes, |out| out.extend_from_slice(answer.to_string().as_bytes()));
            stream.write_all(&bytes).expect("said");
        });
        let (said, fine) = doctor(&server.data(), &[&["--lang", lang][..], &FREE].concat());
        older.join().expect("asked");
        assert!(!fine && said.contains(words) && !said.contains("-TERM"), "{said}");
        assert_eq!(mend_of(&said, words), "sudo systemctl restart p2sp");
    }
}

#[test]
fn the_doctor_finds_what_is_not_ours() {
    let server = stopped();
    let (data, database) = (server.data(), server.data().join("p2sp.db"));
    for (path, rights, check, words) in
        [(&data, 0o300, "files: ", "cannot be read"), (&database, 0, "database: ", "p2sp.db")]
    {
        let mode = fs::metadata(path).expect("a file").permissions();
        fs::set_permissions(path, Permissions::from_mode(rights)).expect("ours");
        let output = without_rights(&["--data", name(&data), FREE[0], FREE[1], "doctor"]);
        let said = stdout(&output) + &String::from_utf8_lossy(&output.stderr);
        fs::set_permissions(path, mode).expect("ours");
        let line = said.lines().find(|line| line.starts_with(check)).expect(&said);
        assert!(line.contains(words), "{said}");
        let mend = mend_of(&said, line);
        assert!(mend.starts_with("sudo chown -R \"$USER\"") && mend.contains("data"), "{mend}");
    }
}

/// The program as one who may only what the files' modes say.
fn without_rights(args: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_p2sp-server");
    let mut command = match rustix::process::geteuid().is_root() {
        false => Command::new(program),
        true => {
            let mut command = Command::new("setpriv");
            command.args(["--bounding-set=-all", "--inh-caps=-all", program]);
            command
        }
    };
    command.args(["--lang", "en"]).args(args).output().expect("an end")
}

#[test]
fn the_doctor_finds_a_limit_of_open_files() {
    let program = env!("CARGO_BIN_EXE_p2sp-server");
    let dir = tempfile::tempdir().expect("a directory");
    let script = format!(
        "ulimit -n 64 && exec {program} --lang en --data {} --listen 127.0.0.1:0 doctor",
        name(dir.path())
    );
    let output = Command::new("sh").args(["-c", &script]).output().expect("an end");
    assert_eq!(output.status.code(), Some(1));
    let said = stdout(&output);
    assert!(said.contains("at most 16 connections"), "{said}");
    assert!(mend_of(&said, "open files: ").contains("prlimit"), "{said}");
}

#[test]
fn the_doctor_finds_a_disk_that_is_nearly_full() {
    let program = env!("CARGO_BIN_EXE_p2sp-server");
    let dir = tempfile::tempdir().expect("a directory");
    let place = name(dir.path());
    let script = format!(
        "mount -t tmpfs -o size=32m p2sp {place} || exit 9
        exec {program} --lang en --data {place}/data --listen 127.0.0.1:0 doctor"
    );
    let output = Command::new("unshare").args(["-Urm", "sh", "-c", &script]).output();
    // Not every system lets everyone have such a disk.
    let Some(output) = output.ok().filter(|output| output.status.code() == Some(1)) else { return };
    let said = stdout(&output);
    if !said.is_empty() {
        assert!(said.contains("32 MiB are free, 1024 MiB are wanted"), "{said}");
        assert!(mend_of(&said, "disk: ").contains("du -xh"), "{said}");
    }
}

// --- monitors ---

/// A server that answers monitors, and where.
fn measured() -> (Server, SocketAddr) {
    let server = Server::start(&["--metrics", "127.0.0.1:0"]);
    let line = server.lines.iter().find(|line| line.starts_with("Metrics: ")).expect("where");
    let address = line.trim_start_matches("Metrics: http://").trim_end_matches("/metrics");
    let address = address.parse().expect("an address");
    (server, address)
}

/// What a monitor is answered that sends these pieces.
fn asked(address: SocketAddr, pieces: &[&[u8]]) -> String {
    let ask = || -> io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        for piece in pieces {
            stream.write_all(piece)?;
            std::thread::sleep(Duration::from_millis(5));
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().expect("an answer, and the end")
}

#[test]
fn a_monitor_reads_every_figure_in_its_own_form() {
    let (server, address) = measured();
    let mut bob = server.user("bob");
    bob.refused("send", json!({"username": "nobody", "message": "x"}), "no_such_user");
    let answer = asked(address, &[b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"]);
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains(&format!("Content-Length: {}", body.len())), "{head}");
    for line in [
        "# TYPE p2sp_users_online gauge",
        "p2sp_users_online 1",
        "# TYPE p2sp_accepted counter",
        "p2sp_sign_ins_total 1",
        "p2sp_refusals_total{code=\"no_such_user\"} 1",
    ] {
        assert!(body.lines().any(|found| found == line), "{line}\n{body}");
    }
    assert!(body.ends_with("# EOF\n"), "{body}");
    // Whatever stats has, a monitor has.
    let stats = server.admin().ok("stats", json!({}));
    for name in stats["data"].as_object().expect("figures").keys() {
        assert!(body.contains(&format!("p2sp_{name}")) || name == "closes", "{name}");
    }
}

#[test]
fn p20_a_monitor_asks_once_and_for_nothing_else() {
    let (server, address) = measured();
    let get = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let pieces: Vec<&[u8]> = get.chunks(7).collect();
    assert!(asked(address, &pieces).starts_with("HTTP/1.1 200 "));
    for (bytes, status) in [
        (&b"GET /secrets HTTP/1.1\r\n\r\n"[..], "404"),
        (b"POST /metrics HTTP/1.1\r\n\r\n", "405"),
        // Any page of the web can make a browser ask here, by a name of its own.
        (b"GET /metrics HTTP/1.1\r\nHost: evil.example:9464\r\n\r\n", "403"),
        (b"\xab\xcd\xef\x88\x00\x00\x00\x00", "400"),
        (&[b'x'; 20_000], "431"),
    ] {
        assert!(asked(address, &[bytes]).starts_with(&format!("HTTP/1.1 {status} ")), "{status}");
    }
    let closes = server.admin().ok("stats", json!({}))["data"]["closes"].take();
    assert_eq!(closes["measured"], 6, "whatever they were answered: {closes}");
    // P21: those who say nothing, or do not take their answer, shut out neither a monitor nor the
    // operator.
    let silent: Vec<_> = (0..64).map(|_| TcpStream::connect(address).expect("a place")).collect();
    let deaf = |_| {
        let mut stream = TcpStream::connect(address).expect("a place");
        stream.write_all(get).expect("sent");
        stream
    };
    let deaf: Vec<_> = (0..64).map(deaf).collect();
    for _ in 0..20 {
        assert!(asked(address, &[get]).contains("p2sp_connections"));
    }
    let stats = run(&["--data", name(&server.data()), "admin", "stats"], "");
    assert!(stats.status.success(), "{}", String::from_utf8_lossy(&stats.stderr));
    // P23: and they are not kept for long.
    let mut last = silent.into_iter().last().expect("one of them");
    last.set_read_timeout(Some(TIMEOUT)).expect("an option");
    let end = last.read(&mut [0]).map_err(|error| error.kind());
    assert!(matches!(end, Ok(0) | Err(io::ErrorKind::ConnectionReset)), "{end:?}");
    drop(deaf);

    let output = run(&["--metrics", "0.0.0.0:9464", "--lang", "en"], "");
    assert!(String::from_utf8_lossy(&output.stderr).contains("only on loopback"));
}
