//! Whose files are used, and who gets what is written: data that others can write to, folders that
//! are everybody's, and who is at the other end of the control socket.
//!
//! What needs several users needs root, and says so aloud where it is skipped.

use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rustix::process::Signal;

use crate::support::{Server, run};

/// The server's user, and another one.
const OURS: u32 = 1001;
const THEIRS: u32 = 65534;

fn name(path: &Path) -> &str {
    path.to_str().expect("a name")
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("there").mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whether files can be given to other users; says so if not.
fn is_root(test: &str) -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        println!("SKIPPED, needs root: {test}");
    }
    is_root
}

/// Data that a server has left behind.
fn stopped() -> Server {
    let mut server = Server::start(&[]);
    drop(server.user("bob"));
    server.signal(Signal::TERM);
    assert_eq!(server.ended().code(), Some(0));
    server
}

/// The one line with which a command on the data refuses.
fn refused(data: &Path, args: &[&str]) -> String {
    let output = run(&[&["--lang", "en", "--data", name(data)], args].concat(), "");
    assert_eq!(output.status.code(), Some(1), "{args:?}: {output:?}");
    let line = text(&output.stderr);
    assert_eq!(line.lines().count(), 1, "{line}");
    line
}

const SERVE: [&str; 2] = ["--listen", "127.0.0.1:0"];

#[test]
fn data_that_are_open_to_others_are_closed_with_a_line_in_the_log() {
    let server = stopped();
    let data = server.data();
    let toml = data.join("p2sp.toml");
    fs::write(&toml, "").expect("written");
    let opened = [
        (data.clone(), 0o777, 0o700),
        (data.join("p2sp.db"), 0o666, 0o600),
        (data.join("tls.pem"), 0o644, 0o600),
        (toml, 0o666, 0o644),
    ];
    for (path, open, _) in &opened {
        set_mode(path, *open);
    }
    let output = run(&["--lang", "en", "--data", name(&data), "admin", "stats"], "");
    assert!(output.status.success(), "{output:?}");
    let log = text(&output.stderr);
    for (path, open, right) in &opened {
        let words = format!("{} was open to others (mode {open:03o})", path.display());
        assert!(log.contains(&words), "{words}\n{log}");
        assert_eq!(mode(path), *right, "{}", path.display());
    }
    let again = run(&["--data", name(&data), "admin", "stats"], "");
    assert!(again.stderr.is_empty(), "{}", text(&again.stderr));
}

#[test]
fn a_directory_that_serves_others_as_well_is_not_closed_to_them() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("srv");
    fs::create_dir(&data).expect("a directory");
    fs::write(data.join("photo.jpg"), "").expect("written");
    set_mode(&data, 0o755);
    let line = refused(&data, &SERVE);
    assert!(line.contains("holds more than p2sp's data") && line.contains("/srv/p2sp"), "{line}");
    assert_eq!(mode(&data), 0o755);
    assert_eq!(fs::read_dir(&data).expect("a directory").count(), 1, "nothing was touched");
    let doctor = run(&["--lang", "en", "--data", name(&data), "doctor"], "");
    let said = text(&doctor.stdout);
    let mend = format!("p2sp-server --data '{}'", data.join("p2sp").display());
    assert!(said.contains("holds more than p2sp's data") && said.contains(&mend), "{said}");
    assert!(!said.contains("chmod"), "{said}");
    let words = run(&["--lang", "zh", "--data", name(&data), "--listen", "127.0.0.1:0"], "");
    assert!(text(&words.stderr).contains("p2sp 以外的内容"), "{words:?}");
}

#[test]
fn a_directory_that_anybody_can_replace_is_refused() {
    let server = stopped();
    let dir = server.dir();
    set_mode(dir.path(), 0o777);
    let line = refused(&server.data(), &SERVE);
    let mend = format!("chmod o-w '{}'", dir.path().canonicalize().expect("a path").display());
    assert!(line.contains(&mend), "{line}");
    let output = run(&["--lang", "en", "--data", name(&server.data()), "doctor"], "");
    assert!(text(&output.stdout).contains(&mend), "{output:?}");
    // Where only its owner can, anybody may make more beside it.
    set_mode(dir.path(), 0o1777);
    let output = run(&["--data", name(&server.data()), "admin", "stats"], "");
    assert!(output.status.success(), "{output:?}");
    set_mode(dir.path(), 0o700);
}

#[test]
fn what_belongs_to_another_user_is_refused_with_the_command_that_mends_it() {
    if !is_root("another user's data") {
        return;
    }
    let server = stopped();
    let data = server.data();
    for path in [data.join("tls.pem"), data.join("p2sp.db"), data.clone()] {
        chown(&path, Some(THEIRS), Some(THEIRS)).expect("given away");
        let line = refused(&data, &SERVE);
        assert!(line.contains(&format!("belongs to another user (uid {THEIRS})")), "{line}");
        assert!(line.contains("sudo chown -R") && line.contains(name(&path)), "{line}");
        chown(&path, Some(0), Some(0)).expect("taken back");
    }
    let toml = data.join("p2sp.toml");
    fs::write(&toml, "lang = \"zh\"").expect("written");
    chown(&toml, Some(THEIRS), Some(THEIRS)).expect("given away");
    assert!(refused(&data, &SERVE).contains("p2sp.toml belongs to another user"));
}

/// A folder where everybody may write, the data of a server in another, and the program, all of
/// which its user can reach.
struct Shared {
    server: Server,
    program: PathBuf,
    folder: PathBuf,
}

impl Shared {
    fn new() -> Shared {
        let server = stopped();
        let dir = server.dir();
        set_mode(dir.path(), 0o755);
        let folder = dir.path().join("drop");
        fs::create_dir(&folder).expect("a directory");
        set_mode(&folder, 0o1777);
        let program = dir.path().join("p2sp-server");
        // By another process: what a thread of ours holds open for writing cannot be run.
        let cp = Command::new("cp").arg(env!("CARGO_BIN_EXE_p2sp-server")).arg(&program).status();
        assert!(cp.expect("cp").success());
        set_mode(&program, 0o755);
        let data = server.data();
        let files = fs::read_dir(&data).expect("a directory").flatten().map(|entry| entry.path());
        for path in files.chain([data.clone()]) {
            chown(&path, Some(OURS), Some(OURS)).expect("given away");
        }
        Shared { server, program, folder }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.args(["--lang", "en", "--data", name(&self.server.data())]).args(args);
        command.uid(OURS).gid(OURS);
        command
    }

    fn backup(&self, file: &Path) -> Output {
        self.command(&["backup", name(file)]).output().expect("an end")
    }
}

#[test]
fn the_doctor_sends_whoever_asks_about_anothers_data_to_that_user() {
    if !is_root("a doctor for another user's data") {
        return;
    }
    let shared = Shared::new();
    let data = shared.server.data();
    chown(&data, Some(THEIRS), Some(THEIRS)).expect("given away");
    set_mode(&data, 0o755);
    let output = shared.command(&["--listen", "127.0.0.1:0", "doctor"]).output().expect("an end");
    let said = text(&output.stdout);
    let mend = said.lines().skip_while(|line| !line.starts_with("database: ")).nth(1);
    let right = format!("sudo -u '#{THEIRS}' p2sp-server --data '{}' doctor", name(&data));
    assert_eq!(mend.map(str::trim), Some(&*right), "{said}");
}

#[test]
fn a_backup_into_a_folder_of_everybodys_is_nobody_elses() {
    if !is_root("a backup where others may write") {
        return;
    }
    let shared = Shared::new();
    let file = shared.folder.join("b.db");
    let part = shared.folder.join("b.db.part");
    let theirs = shared.folder.join("theirs");
    let set_trap = |is_link: bool| {
        let _ = (fs::remove_file(&part), fs::remove_file(&theirs));
        fs::write(&theirs, "").expect("written");
        set_mode(&theirs, 0o666);
        chown(&theirs, Some(THEIRS), Some(THEIRS)).expect("given away");
        match is_link {
            true => symlink(&theirs, &part).expect("a link"),
            false => fs::rename(&theirs, &part).expect("renamed"),
        }
    };
    let caught = || {
        for trap in [&part, &theirs] {
            assert!(fs::read(trap).unwrap_or_default().is_empty(), "they have it");
        }
        assert!(!file.exists());
    };
    // Of a stopped server, and of one that runs.
    for runs in [false, true] {
        let listening = ["--listen", "127.0.0.1:0"];
        let mut process = runs.then(|| shared.command(&listening).spawn().expect("a process"));
        if let Some(stdout) = process.as_mut().and_then(|process| process.stdout.as_mut()) {
            let mut said = Vec::new();
            while !text(&said).contains("Ctrl-C") {
                let mut room = [0; 512];
                let count = stdout.read(&mut room).expect("text");
                assert!(count > 0, "{}", text(&said));
                said.extend_from_slice(&room[..count]);
            }
        }
        for is_link in [false, true] {
            set_trap(is_link);
            let output = shared.backup(&file);
            assert_eq!(output.status.code(), Some(1), "{output:?}");
            assert!(text(&output.stderr).contains("b.db.part is in the way"), "{output:?}");
            caught();
        }
        let _ = (fs::remove_file(&part), fs::remove_file(&theirs));
        let output = shared.backup(&file);
        assert!(output.status.success(), "{output:?}");
        let made = fs::metadata(&file).expect("a backup");
        assert_eq!((made.uid(), made.mode() & 0o777), (OURS, 0o600));
        assert!(!part.exists());
        fs::remove_file(&file).expect("removed");
        if let Some(mut process) = process {
            process.kill().expect("ours");
            process.wait().expect("an end");
        }
    }
}

/// A program of another user's, in Python, about the control socket of this directory.
fn python(dir: &Path, program: &str) -> Option<std::process::Child> {
    let mut command = Command::new("python3");
    command.args(["-c", program, name(dir)]).uid(THEIRS).gid(THEIRS);
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    if child.is_err() {
        println!("SKIPPED, needs python3: the peer of the control socket");
    }
    child.ok()
}

#[test]
fn nothing_is_said_to_another_users_program_at_the_control_socket() {
    if !is_root("an impostor at the control socket") {
        return;
    }
    let server = stopped();
    let data = server.data();
    set_mode(server.dir().path(), 0o755);
    set_mode(&data, 0o1777);
    let listen = "import socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1] + '/control'); s.listen()
print('ready', flush=True)
c, _ = s.accept(); c.settimeout(60)
print('heard', len(c.recv(9999)), flush=True)";
    let Some(mut impostor) = python(&data, listen) else { return };
    let mut stdout = impostor.stdout.take().expect("an output");
    let mut ready = [0; 6];
    stdout.read_exact(&mut ready).expect("a line");
    for lang in ["en", "zh"] {
        let output = run(
            &["--lang", lang, "--data", name(&data), "admin", "passwd", "bob"],
            "battery staple\nbattery staple\n",
        );
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let words =
            if lang == "en" { "Nothing was said to it" } else { "没有发送任何内容" };
        assert!(text(&output.stderr).contains(words), "{output:?}");
        if lang == "en" {
            let mut rest = String::new();
            stdout.read_to_string(&mut rest).expect("text");
            assert_eq!(rest.trim(), "heard 0");
            impostor.wait().expect("an end");
            fs::remove_file(data.join("control")).expect("removed");
            impostor = python(&data, listen).expect("as before");
            stdout = impostor.stdout.take().expect("an output");
            stdout.read_exact(&mut ready).expect("a line");
        }
    }
    impostor.wait().expect("an end");
    let _ = fs::remove_file(data.join("control"));
    // The doctor's command ends no server: the impostor's socket goes.
    let mut impostor = python(&data, listen).expect("as before");
    let mut stdout = impostor.stdout.take().expect("an output");
    stdout.read_exact(&mut ready).expect("a line");
    let output = run(&["--lang", "en", "--data", name(&data), "doctor"], "");
    impostor.wait().expect("an end");
    let said = text(&output.stdout);
    let mend = said.lines().skip_while(|line| !line.starts_with("database: ")).nth(1);
    assert_eq!(mend.map(str::trim), Some(&*format!("rm '{}/control'", name(&data))), "{said}");
    let _ = fs::remove_file(data.join("control"));
}

#[test]
fn p19_the_server_turns_away_another_users_program_at_its_control_socket() {
    if !is_root("a stranger at the control socket") {
        return;
    }
    let server = Server::start(&[]);
    let data = server.data();
    // As a careless operator would have it.
    set_mode(server.dir().path(), 0o755);
    set_mode(&data, 0o755);
    set_mode(&data.join("control"), 0o666);
    let ask = "import socket, sys
s = socket.socket(socket.AF_UNIX); s.settimeout(60); s.connect(sys.argv[1] + '/control')
try:
    s.sendall(bytes.fromhex('abcdef880000000026000000'))
    s.sendall(b'{\"type\":\"stats\",\"payload\":{\"x\":\"0123456\"}}'[:38])
    print('heard', len(s.recv(9999)))
except (ConnectionResetError, BrokenPipeError):
    print('heard', 0)";
    let Some(stranger) = python(&data, ask) else { return };
    let output = stranger.wait_with_output().expect("an end");
    assert_eq!(text(&output.stdout).trim(), "heard 0");
    // Root and the server's own user are served.
    assert!(run(&["--data", name(&data), "admin", "stats"], "").status.success());
    server.peer().sign_in("admin", server.admin_password.as_ref().expect("a start"), true);
}
