//! What a wrong option, variable or setting says: the value, what is wrong with it and what to
//! write instead, in one line, in both languages. Nothing is started or made.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use crate::support::{Server, binary, run};

fn name(path: &Path) -> &str {
    path.to_str().expect("a name")
}

/// What a start with these says in a language, and its exit code.
fn said(lang: &str, args: &[&str], env: &[(&str, &str)], toml: &str) -> (String, Option<i32>) {
    let dir = tempfile::tempdir().expect("a directory");
    if !toml.is_empty() {
        fs::write(dir.path().join("p2sp.toml"), toml).expect("written");
    }
    let mut command = binary();
    command.args(["--lang", lang, "--data", name(dir.path())]).args(args);
    let output = command.envs(env.iter().copied()).output().expect("an end");
    let line = String::from_utf8(output.stderr).expect("text");
    assert!(output.stdout.is_empty(), "{args:?} {env:?} {toml}");
    assert_eq!(line.lines().count(), 1, "{args:?} {env:?} {toml}: {line}");
    assert!(!dir.path().join("p2sp.db").exists(), "{args:?} {env:?} {toml}");
    (line, output.status.code())
}

/// Of a value wherever it stands: the name in each place, and what is said in both languages.
const VALUES: &[(&str, &str, &str, &str)] = &[
    ("listen", "nowhere", "write an IP address and a port", "请写 IP 地址和端口"),
    ("listen", "127.0.0.1", "write an IP address and a port", "请写 IP 地址和端口"),
    ("listen", "localhost:1", "write an IP address and a port", "请写 IP 地址和端口"),
    ("listen", "[fe80::1]:1", "needs its interface", "须注明网络接口"),
    ("listen", "[fe80::1%nowhere9]:1", "no interface nowhere9", "没有名为 nowhere9 的网络接口"),
    ("metrics", "9464", "write an IP address and a port", "请写 IP 地址和端口"),
    ("keep-days", "5", "a whole number of days, 30 or more", "至少 30"),
    ("keep-days", "0", "leave it out to keep everything", "不设置则全部保留"),
    ("keep-days", "many", "a whole number of days", "天数"),
    ("keep-days", "99999999999", "a whole number of days", "天数"),
];

#[test]
fn a_value_that_cannot_be_says_where_it_stands_and_what_it_should_be() {
    for (setting, value, english, chinese) in VALUES {
        let flag = format!("--{setting}={value}");
        let variable = format!("P2SP_{}", setting.replace('-', "_").to_uppercase());
        let toml = format!("{setting} = \"{value}\"");
        for (lang, words) in [("en", english), ("zh", chinese)] {
            for (place, code, (line, ended)) in [
                (format!("--{setting}"), 2, said(lang, &[&flag], &[], "")),
                (variable.clone(), 2, said(lang, &[], &[(&variable, value)], "")),
                ("p2sp.toml".to_owned(), 1, said(lang, &[], &[], &toml)),
            ] {
                assert!(line.contains(&place) && line.contains(words), "{place}: {line}");
                assert!(line.contains(setting) || place != "p2sp.toml", "{line}");
                assert!(line.contains(value), "{line}");
                assert_eq!(ended, Some(code), "{line}");
            }
        }
    }
}

#[test]
fn a_limit_that_cannot_be_says_where_it_stands_and_what_it_should_be() {
    for (text, english, chinese) in [
        ("freinds=1", "Did you mean friends?", "friends？"),
        ("friends=many", "a whole number from 0 to 4294967295", "0 至 4294967295"),
        ("friends=99999999999", "a whole number from 0 to 4294967295", "0 至 4294967295"),
        ("loopback=7", "on, off for loopback", "loopback 用 on、off"),
        ("idle_seconds=299", "must be at least 300, or 0", "至少为 300，或为 0"),
    ] {
        for (lang, words) in [("en", english), ("zh", chinese)] {
            let (name, value) = text.split_once('=').expect("both");
            let toml = format!("[limit]\n{name} = \"{value}\"");
            for (place, (line, _)) in [
                ("", said(lang, &["--limit", text], &[], "")),
                ("P2SP_LIMIT", said(lang, &[], &[("P2SP_LIMIT", text)], "")),
                ("p2sp.toml", said(lang, &[], &[], &toml)),
            ] {
                assert!(line.contains(place) && line.contains(words), "{place}: {line}");
                assert!(line.contains(name), "{line}");
            }
        }
    }
}

#[test]
fn what_does_not_go_together_is_named() {
    for (args, english, chinese) in [
        (
            &["--listen", "127.0.0.1:7", "--listen", "127.0.0.1:7"][..],
            "--listen has 127.0.0.1:7 twice",
            "重复指定了 127.0.0.1:7",
        ),
        (
            &["--listen", "127.0.0.1:7,0.0.0.0:7"],
            "127.0.0.1:7 is one of the addresses of 0.0.0.0:7",
            "0.0.0.0:7 已包含 127.0.0.1:7",
        ),
        (
            &["--listen", "127.0.0.1:7", "--metrics", "127.0.0.1:7"],
            "--listen has that address",
            "已用于 --listen",
        ),
        (&["--metrics", "0.0.0.0:9464"], "only on loopback", "只能使用本机地址"),
        (&["--lan", "--listen", "127.0.0.1:7"], "choose one", "选择其一"),
        (&["--tls-cert", "x"], "--tls-cert needs --tls-key", "--tls-cert 必须与 --tls-key"),
        (&["--tls-key", "x"], "--tls-key needs --tls-cert", "--tls-key 必须与 --tls-cert"),
        (&["--metrics", "127.0.0.1:1", "--metrics", "127.0.0.1:2"], "once only", "只能指定一次"),
        (&["--lsten", "127.0.0.1:7"], "Did you mean --listen?", "--listen？"),
        (&["--lan=yes"], "--lan takes no value", "--lan 不带值"),
        (&["--metrics"], "--metrics needs a value", "--metrics 后面需要一个值"),
        (&["doctr"], "Did you mean doctor?", "doctor？"),
        (&["doctor", "now"], "\"now\" is one word too many", "多余的参数“now”"),
        (&["restore"], "<FILE> is missing", "缺少 <FILE>"),
    ] {
        for (lang, words) in [("en", english), ("zh", chinese)] {
            let (line, code) = said(lang, args, &[], "");
            assert!(line.contains(words), "{args:?}: {line}");
            assert_eq!(code, Some(2), "{line}");
        }
    }
    for variable in ["P2SP_FRIEND_APPROVAL", "P2SP_LAN", "P2SP_NO_FSYNC"] {
        let (line, _) = said("en", &[], &[(variable, "never")], "");
        assert!(line.contains(&format!("{variable} cannot be \"never\": write 1 or 0")), "{line}");
        assert!(said("zh", &[], &[(variable, "never")], "").0.contains("请写 1 或 0"));
    }
}

#[test]
fn an_address_that_cannot_be_listened_on_says_why() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("an address").to_string();
    for (address, english, chinese) in [
        (&*taken, "the port is in use", "端口已被占用"),
        ("192.0.2.7:7777", "this machine does not have that address", "本机没有该地址"),
    ] {
        let taken = TcpListener::bind(address);
        for (lang, words) in [("en", english), ("zh", chinese)] {
            let (line, code) = said(lang, &["--listen", address], &[], "");
            assert!(line.contains(words) && line.contains(address), "{line}");
            assert_eq!(code, Some(1));
        }
        drop(taken);
    }
}

#[test]
fn an_empty_variable_counts_as_absent() {
    let every = [
        "LISTEN",
        "LAN",
        "DATA",
        "LANG",
        "METRICS",
        "FRIEND_APPROVAL",
        "KEEP_DAYS",
        "TLS_CERT",
        "TLS_KEY",
        "INSECURE_PLAINTEXT",
        "OPEN_REGISTRATION",
        "NO_FSYNC",
        "LIMIT",
    ];
    let dir = tempfile::tempdir().expect("a directory");
    let toml = "metrics = \"127.0.0.1:9464\"\nfriend-approval = true\nkeep-days = 40\n";
    fs::write(dir.path().join("p2sp.toml"), toml).expect("written");
    let mut command = binary();
    command.envs(every.map(|name| (format!("P2SP_{name}"), "")));
    command.env("LANG", "zh_CN.UTF-8").args(["--data", name(dir.path()), "config"]);
    let output = command.output().expect("an end");
    let said = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success() && output.stderr.is_empty(), "{said}");
    for line in [
        "metrics = \"127.0.0.1:9464\"  # p2sp.toml",
        "friend-approval = true  # p2sp.toml",
        "keep-days = \"40\"  # p2sp.toml",
        "lang = \"zh\"  # 默认",
        "lan = false  # 默认",
    ] {
        assert!(said.lines().any(|found| found == line), "{line}\n{said}");
    }
    let help = binary().env("P2SP_METRICS", "").arg("--help").output().expect("an end");
    assert!(help.status.success());
}

#[test]
fn a_flag_goes_before_a_variable_and_that_before_the_file_for_where_to_listen() {
    let listen = |args: &[&str], env: &[(&str, &str)], toml: &str| {
        let dir = tempfile::tempdir().expect("a directory");
        fs::write(dir.path().join("p2sp.toml"), toml).expect("written");
        let mut command = binary();
        command.args(["--data", name(dir.path()), "config"]).args(args);
        let output = command.envs(env.iter().copied()).output().expect("an end");
        let said = String::from_utf8(output.stdout).expect("text");
        let line = said.lines().find(|line| line.starts_with("listen = ")).expect("a setting");
        line.split("  #").next().unwrap_or_default().to_owned()
    };
    let (one, all) = ("listen = [\"127.0.0.1:7\"]", "listen = [\"0.0.0.0:18888\", \"[::]:18888\"]");
    let file = "listen = \"127.0.0.1:7\"";
    assert_eq!(listen(&[], &[], file), one);
    assert_eq!(listen(&["--lan"], &[], file), all);
    assert_eq!(listen(&[], &[("P2SP_LAN", "1")], file), all);
    assert_eq!(listen(&["--listen", "127.0.0.1:7"], &[("P2SP_LAN", "1")], ""), one);
    assert_eq!(listen(&["--listen", "127.0.0.1:7"], &[], "lan = true"), one);
}

#[test]
fn the_hint_of_a_server_on_every_interface_works() {
    for (listen, here) in [("[::]:0", "[::1]"), ("0.0.0.0:0", "127.0.0.1"), ("[::1]:0", "[::1]")] {
        let dir = Arc::new(tempfile::tempdir().expect("a directory"));
        let server = Server::start_at(dir, listen, &[]);
        let hint = format!("Join from another terminal: p2sp {here}:{}", server.address.port());
        assert!(server.lines.contains(&hint), "{hint}\n{:?}", server.lines);
        let address = hint.rsplit(' ').next().expect("an address");
        let mut client = Command::new(env!("CARGO_BIN_EXE_p2sp"));
        client.env_clear().env("HOME", server.dir().path()).arg(address);
        let output = client.stdin(Stdio::null()).output().expect("an end");
        assert!(output.status.success(), "{output:?}");
    }
}

/// What the client says that is started so, and its exit code.
fn client(args: &[&str], env: &[(&str, &str)]) -> Output {
    let mut client = Command::new(env!("CARGO_BIN_EXE_p2sp"));
    client.env_clear().envs(env.iter().copied()).args(args).stdin(Stdio::null());
    client.output().expect("an end")
}

#[test]
fn p27_an_invite_code_has_no_place_on_a_command_line() {
    for (lang, words) in [("en", "--invite-file FILE"), ("zh", "--invite-file 文件")] {
        for args in [&["--invite", "swordfish"][..], &["--invite=swordfish"], &["--invite"]] {
            let output = client(&[&["--lang", lang], args].concat(), &[]);
            let line = String::from_utf8(output.stderr).expect("text");
            assert!(line.contains(words) && line.contains("P2SP_INVITE"), "{line}");
            assert!(!line.contains("swordfish"), "{line}");
            assert_eq!((output.status.code(), line.lines().count()), (Some(2), 1));
        }
        let output = client(&["--lang", lang, "--invite-file", "/no/such"], &[]);
        let line = String::from_utf8(output.stderr).expect("text");
        assert!(line.contains("/no/such"), "{line}");
        assert_eq!(output.status.code(), Some(2));
    }
    let help = client(&["--help"], &[]);
    let help = String::from_utf8(help.stdout).expect("text");
    assert!(help.contains("--invite-file <FILE>") && !help.contains("--invite <"), "{help}");
    // Nor does the server suggest it.
    let dir = Arc::new(tempfile::tempdir().expect("a directory"));
    let server = Server::start_at(dir, "0.0.0.0:0", &[]);
    let join = server.lines.iter().filter(|line| line.contains("Join from another machine"));
    assert!(join.clone().count() > 0 && join.clone().all(|line| !line.contains("invite")));
}

#[test]
fn what_is_wrong_with_the_clients_options_is_said_in_both_languages() {
    for (args, english, chinese) in [
        (&["--fingerprint", "x"][..], "64 digits from 0 to f", "64 位十六进制数字"),
        (&["--jsn"], "Did you mean --json?", "--json？"),
        (&["--plaintext", "--tls"], "do not go together", "不能同时使用"),
        (&["--lang"], "--lang needs a value", "--lang 后面需要一个值"),
    ] {
        for (lang, words) in [("en", english), ("zh", chinese)] {
            let output = client(args, &[("P2SP_LANG", lang)]);
            let line = String::from_utf8(output.stderr).expect("text");
            assert!(line.contains(words), "{args:?}: {line}");
            assert_eq!((output.status.code(), line.lines().count()), (Some(2), 1));
        }
    }
    // An empty variable counts as absent.
    let output = client(&["--jsn"], &[("P2SP_LANG", ""), ("LC_ALL", "zh"), ("P2SP_INVITE", "")]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("没有选项"));
    assert_eq!(run(&["--version"], "").status.code(), Some(0));
}

#[test]
fn an_invite_code_comes_from_a_file_or_a_variable() {
    let dir = Arc::new(tempfile::tempdir().expect("a directory"));
    let server = Server::start_at(dir, "0.0.0.0:0", &[]);
    let find = |words: &str| server.lines.iter().find_map(|line| line.strip_prefix(words));
    let Some(elsewhere) = find("Reached from other machines at: ") else {
        println!("SKIPPED, this machine has loopback only: the invite code");
        return;
    };
    let elsewhere = elsewhere.split(' ').next().expect("an address");
    let code = find("Invite code, to register from other machines: ").expect("a code");
    let home = tempfile::tempdir().expect("a directory");
    let file = home.path().join("code");
    fs::write(&file, format!("{code}\n")).expect("written");
    let register = |who: &str, args: &[&str], env: &[(&str, &str)]| {
        let mut client = Command::new(env!("CARGO_BIN_EXE_p2sp"));
        client.env_clear().env("HOME", home.path()).envs(env.iter().copied());
        client.arg(elsewhere).args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = client.spawn().expect("a process");
        let script = format!("reg {who}\ncorrect horse\ncorrect horse\n");
        let mut stdin = process.stdin.take().expect("an input");
        // It may have ended already.
        let _ = std::io::Write::write_all(&mut stdin, script.as_bytes());
        drop(stdin);
        let output = process.wait_with_output().expect("an end");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code_of_refusal, said) = register("ann", &[], &[]);
    assert_eq!(code_of_refusal, Some(1), "{said}");
    assert!(said.contains("[invite_required]") && said.contains("--invite-file FILE"), "{said}");
    assert_eq!(register("ann", &["--invite-file", name(&file)], &[]).0, Some(0));
    assert_eq!(register("bob", &[], &[("P2SP_INVITE", code)]).0, Some(0));
    // The flag goes before the variable.
    let wrong = [("P2SP_INVITE", "not this one")];
    assert_eq!(register("carl", &["--invite-file", name(&file)], &wrong).0, Some(0));
}
