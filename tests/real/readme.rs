//! What the READMEs and the manuals for operators say is what happens: their code blocks run, the
//! minute of use is acted out, and both languages say the same.
//!
//! The text of a block is what a shell runs. Only `cargo` is not the real one there: it starts the
//! programs that this test was built with, the client with the address of the test's own server.

use std::collections::HashSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use p2sp::wire::command::{self, offered};
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use crate::support::{PASSWORD, Script, Server, wait};

/// Each README with what it sends operators to, and the language of its reader.
const READMES: [(&str, &str); 2] = [
    (concat!(include_str!("../../README.md"), include_str!("../../OPERATING.md")), "en"),
    (
        concat!(include_str!("../../README.zh-CN.md"), include_str!("../../OPERATING.zh-CN.md")),
        "zh",
    ),
];

/// `cargo run --release [--bin p2sp] [-- ARGUMENTS]`, without building anything.
const CARGO: &str = "#!/bin/sh
[ \"$1 $2\" = 'run --release' ] || exit 99
shift 2
case \"$1 $2\" in
    '--bin p2sp') shift 2; set -- \"$CLIENT\" \"$ADDRESS\" \"$@\" ;;
    *) set -- \"$SERVER\" \"$@\" ;;
esac
program=$1
shift
for word; do shift; [ \"$word\" = -- ] || set -- \"$@\" \"$word\"; done
exec \"$program\" \"$@\"
";

/// The text of every block of shell.
fn blocks(readme: &str) -> Vec<&str> {
    let fenced = readme.split("```sh\n").skip(1);
    fenced.map(|rest| rest.split("```").next().expect("its end").trim_end()).collect()
}

/// The levels of the headings, in order.
fn headings(readme: &str) -> Vec<usize> {
    let mut code = false;
    let outside = readme.lines().filter(|line| {
        code ^= line.starts_with("```");
        !code
    });
    let levels = outside.map(|line| line.bytes().take_while(|byte| *byte == b'#').count());
    levels.filter(|level| *level > 0).collect()
}

/// A block without what stands between quotation marks, which is in the reader's language.
fn skeleton(block: &str) -> String {
    block.split('\'').step_by(2).collect::<Vec<_>>().join("''")
}

#[test]
fn both_readmes_have_the_same_headings_and_blocks() {
    let [(english, _), (chinese, _)] = READMES;
    assert_eq!(headings(english), headings(chinese));
    let skeletons = |readme| blocks(readme).into_iter().map(skeleton).collect::<Vec<_>>();
    assert_eq!(skeletons(english), skeletons(chinese));
    for (readme, _) in READMES {
        let fences = readme.lines().filter(|line| line.starts_with("```")).step_by(2);
        // `bots` runs those in bash.
        let others = fences.filter(|fence| !matches!(*fence, "```sh" | "```bash"));
        assert_eq!(others.collect::<Vec<_>>(), Vec::<&str>::new(), "no block is left out");
    }
}

/// A place for the programs, and the data of a server.
struct Place {
    dir: TempDir,
    lang: &'static str,
}

impl Place {
    fn new(lang: &'static str) -> Place {
        let dir = tempfile::tempdir().expect("a directory");
        let cargo = dir.path().join("cargo");
        fs::write(&cargo, CARGO).expect("written");
        fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).expect("ours");
        Place { dir, lang }
    }

    /// Has a shell run a block.
    fn run(&self, block: &str, address: &str) -> Child {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("sh");
        command.args(["-ec", block]).current_dir(self.dir.path()).env_clear();
        command.env("PATH", format!("{}:{path}", self.dir.path().display()));
        command.env("SERVER", env!("CARGO_BIN_EXE_p2sp-server"));
        command.env("CLIENT", env!("CARGO_BIN_EXE_p2sp")).env("ADDRESS", address);
        command.env("P2SP_DATA", self.dir.path().join("data")).env("P2SP_LANG", self.lang);
        command.env("P2SP_LISTEN", "0.0.0.0:0").env("HOME", self.dir.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        // A group of its own: the shell may stand before the server.
        command.process_group(0).spawn().expect("a shell")
    }

    /// Runs a block that starts a server, until it serves; what it printed.
    fn serve(&self, block: &str) -> Vec<String> {
        let mut process = self.run(block, "");
        let stdout = BufReader::new(process.stdout.take().expect("an output"));
        let mut lines = stdout.lines().map_while(Result::ok);
        let mut printed = Vec::new();
        for line in lines.by_ref() {
            printed.push(line);
            if printed.last().is_some_and(|line| line.contains("Ctrl-C")) {
                break;
            }
        }
        assert!(printed.last().is_some_and(|line| line.contains("Ctrl-C")), "{block}: {printed:?}");
        kill_process_group(Pid::from_child(&process), Signal::TERM).expect("our children");
        // The output ends with the last of them.
        assert_eq!(lines.count(), 0, "{block}");
        wait(&mut process);
        printed
    }
}

/// Whether the words are the same but for those that stand for others.
fn is_like(written: &str, printed: &str) -> bool {
    let (written, printed) = (written.split_whitespace(), printed.split_whitespace());
    written.clone().count() == printed.clone().count()
        && written.zip(printed).all(|(written, printed)| {
            let stands_for_another = written.contains('…') || written.starts_with(char::is_numeric);
            stands_for_another || written == printed
        })
}

/// Alice, with the password that the blocks give her, and bob, her friend.
fn alice_and_bob(server: &Server, blocks: &[&str]) {
    let mut passwords = blocks.iter().filter_map(|block| block.split(r"login alice\n").nth(1));
    let password = passwords.next().and_then(|rest| rest.split(r"\n").next()).expect("a password");
    let mut alice = Script::start(server.address);
    alice.ask(&format!("reg alice\n{password}\n{password}"), "Welcome, alice.");
    let mut bob = Script::start(server.address);
    bob.register("bob");
    bob.ask("add alice", "friends now");
}

#[test]
fn the_code_blocks_run() {
    for (readme, lang) in READMES {
        let place = Place::new(lang);
        let blocks = blocks(readme);
        let server = Server::start(&[]);
        alice_and_bob(&server, &blocks);
        let (mut served, mut used, mut joins) = (Vec::new(), 0, Vec::new());
        for block in &blocks {
            match *block {
                join if join.starts_with("p2sp ") => joins.push(join),
                client if client.contains("--bin p2sp") => {
                    let mut process = place.run(client, &server.address.to_string());
                    assert_eq!(wait(&mut process).code(), Some(0), "{client}");
                    used += 1;
                }
                block => served.extend(place.serve(block)),
            }
        }
        assert!(used > 0 && !joins.is_empty());
        for join in joins {
            let printed = served.iter().filter_map(|line| line.find("p2sp ").map(|at| &line[at..]));
            assert!(printed.clone().any(|line| is_like(join, line)), "{join}: {served:#?}");
        }
    }
}

/// What one of the two types, and sees.
struct Actor {
    name: &'static str,
    address: SocketAddr,
    lang: &'static str,
    client: Option<Script>,
}

impl Actor {
    fn types(&mut self, cell: &str) {
        for line in spans(cell) {
            let client =
                self.client.get_or_insert_with(|| Script::start_in(self.address, self.lang));
            let passwords = match line.split(' ').next() {
                Some("reg") => format!("\n{PASSWORD}\n{PASSWORD}"),
                Some("login") => format!("\n{PASSWORD}"),
                _ => String::new(),
            };
            client.say(&format!("{line}{passwords}"));
            if line == "quit" {
                let ended = self.client.take().expect("it runs").finish();
                assert_eq!(ended.code, Some(0), "{}: {:#?}", self.name, ended.lines);
            }
        }
    }

    fn sees(&mut self, cell: &str) {
        for line in spans(cell) {
            let client = self.client.as_mut().expect("it runs");
            match line.split_once('…') {
                Some((start, _)) => drop(client.expect(start.trim_end())),
                None => assert_eq!(client.expect(line), line, "{}", self.name),
            }
        }
    }
}

/// What stands between backticks.
fn spans(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn a_minute_of_use_is_what_happens() {
    for (readme, lang) in READMES {
        let server = Server::start(&[]);
        let [mut alice, mut bob] = ["alice", "bob"].map(|name| Actor {
            name,
            address: server.address,
            lang,
            client: None,
        });
        let rows = readme.lines().skip_while(|line| !line.contains("`reg alice`"));
        let mut count = 0;
        for row in rows.take_while(|line| line.starts_with('|')) {
            let cells: Vec<&str> = row.trim_matches('|').split(" |").collect();
            let [typed, seen, typed_by_bob, seen_by_bob] = cells[..] else {
                unreachable!("a row has four cells: {row}");
            };
            alice.types(typed);
            if spans(typed).next().is_some() {
                alice.sees(seen);
            }
            bob.types(typed_by_bob);
            bob.sees(seen_by_bob);
            if spans(typed).next().is_none() {
                alice.sees(seen);
            }
            count += 1;
        }
        assert!(count >= 8, "a story of {count} rows");
    }
}

#[test]
fn every_command_is_named() {
    for (readme, lang) in READMES {
        let named: HashSet<&str> = spans(readme)
            .filter_map(|span| span.split([' ', '\n']).next())
            .filter_map(command::Command::of_word)
            .map(|command| command.name)
            .collect();
        for command in offered(true) {
            assert!(named.contains(command.name), "{lang}: {}", command.name);
        }
    }
}
