//! One situation, brought about on the shipped loop, and the requests that are tried in it.
//!
//! ```text
//! new ─► arrange ─► act ─► act ─► …     a request that changed the connection: arranged anew
//!                    └─ it wrote: the next one has a new world, a copy of the same database
//! ```
//!
//! Whether a request wrote is seen at the write-ahead log, which grows by every page that a
//! COMMIT changes: a request without an effect does not even write a page as it was.

use std::fs;
use std::time::Duration;

use p2sp::handlers::Rules;
use p2sp::names::user_key;
use p2sp::store::{Opening, Store, Synchronous};
use p2sp::wire::command::{Command, Field};
use p2sp::wire::{MessageType, Name};
use rusqlite::Connection;
use rusqlite::types::Value as Stored;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::situation::{Key, Situation, State};
use crate::support::peer::Peer;
use crate::support::test_server::{PASSWORD, TestServer, temp_dir};

/// Longer than any key is good.
const A_LONG_TIME: Duration = Duration::from_secs(31 * 86_400);

/// What became of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// It was answered only after a password's hash was done.
    pub waited: bool,
    /// The answer's code; `end`: the stream ended without one; `silence`: nothing came at all.
    pub code: String,
    /// It changed the database.
    pub wrote: bool,
}

/// A database with people in it: alice, bob, eve; alice's friend bob, her group `team` with bob
/// and carl in it, her question to eve.
pub fn village() -> Village {
    let mut rules = Rules { friend_approval: true, ..Rules::default() };
    for name in [
        "requests_per_second",
        "messages_per_second",
        "takeovers_per_minute",
        "signin_seconds",
        "idle_seconds",
    ] {
        *rules.limits.get_mut(name).expect("a limit") = 0;
    }
    let village = Village { dir: temp_dir(), rules };
    let mut server = village.server_at(&village.dir);
    let [mut alice, mut bob] = [Peer::default(), Peer::default()];
    connect(&mut server, &mut alice);
    connect(&mut server, &mut bob);
    for name in ["alice", "bob", "carl", "dora", "eve"] {
        done(&mut server, &mut alice, "reg", json!({"username": name, "password": PASSWORD}));
    }
    sign_in(&mut server, &mut alice, "alice");
    sign_in(&mut server, &mut bob, "bob");
    done(&mut server, &mut alice, "add", json!({"username": "bob"}));
    done(&mut server, &mut bob, "accept", json!({"username": "alice"}));
    // With friend approval nobody else is brought into a group.
    for name in ["carl", "dora"] {
        done(&mut server, &mut alice, "add", json!({"username": name}));
        let mut friend = Peer::default();
        connect(&mut server, &mut friend);
        sign_in(&mut server, &mut friend, name);
        done(&mut server, &mut friend, "accept", json!({"username": "alice"}));
        done(&mut server, &mut friend, "logout", json!({}));
    }
    done(&mut server, &mut alice, "add", json!({"username": "eve"}));
    done(&mut server, &mut alice, "newgroup", json!({"groupname": "team"}));
    for name in ["bob", "carl"] {
        let args = json!({"groupname": "team", "username": name});
        done(&mut server, &mut alice, "addgroupuser", args);
    }
    // No key that a copy could draw again is worth anything.
    done(&mut server, &mut alice, "logout", json!({}));
    done(&mut server, &mut bob, "logout", json!({}));
    server.crash();
    village
}

/// What each world is a copy of.
pub struct Village {
    dir: TempDir,
    rules: Rules,
}

impl Village {
    fn server_at(&self, dir: &TempDir) -> TestServer {
        let mut server = TestServer::at(dir.path(), self.rules.clone(), Synchronous::Off);
        server.start();
        server
    }
}

/// A situation in which requests are tried.
pub struct World {
    situation: Situation,
    server: TestServer,
    admin: Peer,
    caller: Peer,
    /// The caller on another connection.
    elsewhere: Peer,
    arranged: bool,
    dir: TempDir,
}

impl World {
    /// The situation, on a copy of the village.
    pub fn new(village: &Village, situation: Situation) -> World {
        let dir = temp_dir();
        for file in fs::read_dir(village.dir.path()).expect("a directory").flatten() {
            fs::copy(file.path(), dir.path().join(file.file_name())).expect("a copy");
        }
        if situation.admin {
            make_admin(&dir, situation.relation.name());
        }
        let server = village.server_at(&dir);
        let [admin, caller, elsewhere] = [Peer::default(), Peer::default(), Peer::default()];
        World { situation, server, admin, caller, elsewhere, arranged: false, dir }
    }

    /// A request is tried.
    pub fn act(&mut self, kind: MessageType) -> Cell {
        if !std::mem::take(&mut self.arranged) {
            self.arrange();
        }
        let before = self.wal_bytes();
        let name = self.situation.relation.name();
        let credentials = json!({"username": name, "password": PASSWORD, "id": "door"});
        let server = &mut self.server;
        match self.situation.state {
            State::AwaitsSignIn => {
                server.net.hold_hashes(true);
                send(server, &mut self.caller, "login", credentials);
            }
            State::AwaitsPasswd => {
                server.net.hold_hashes(true);
                let args = json!({"password": PASSWORD, "newpassword": PASSWORD});
                send(server, &mut self.caller, "passwd", args);
                if self.situation.key == Key::Expired {
                    server.pass(A_LONG_TIME);
                }
            }
            State::Blocked => {
                send(server, &mut self.admin, "blockuser", json!({"username": name}));
            }
            State::TakenOver => {
                server.net.hold_hashes(true);
                connect(server, &mut self.elsewhere);
                send(server, &mut self.elsewhere, "login", credentials);
                server.settle();
                // Finished hashes are served before what was read.
                server.net.hold_hashes(false);
            }
            _ => {}
        }
        let args = self.args(kind);
        send(&self.server, &mut self.caller, kind.name(), args);
        let mut code = answer(&mut self.server, &mut self.caller, "cell");
        let waited = self.situation.state.waits() && code.is_none();
        if waited {
            self.server.net.hold_hashes(false);
            code = answer(&mut self.server, &mut self.caller, "cell");
        }
        let silent = if self.caller.ended { "end" } else { "silence" };
        let code = code.unwrap_or_else(|| silent.to_owned());
        // What else happens in such a tick writes too; see `end`.
        let wrote = self.situation.state.lasts() && self.wal_bytes() != before;
        let is_as_before = code != "ok" || self.situation.state == State::SignedIn;
        self.arranged = self.situation.state.lasts() && is_as_before;
        if !self.arranged && matches!(self.situation.state, State::Blocked | State::Barred) {
            self.unblock();
        }
        Cell { waited, code, wrote }
    }

    /// What is stored at the end, but keys, passwords and sign-ins.
    pub fn end(mut self) -> String {
        if self.arranged && self.situation.state == State::Barred {
            self.unblock();
        }
        self.server.crash();
        dump(&self.dir)
    }

    /// Brings the situation about.
    fn arrange(&mut self) {
        let Situation { state, key, relation, .. } = self.situation;
        let admin_waits = self.admin_is_there() && key != Key::Expired;
        let server = &mut self.server;
        for peer in [&mut self.caller, &mut self.elsewhere] {
            if let Some(end) = peer.end.take() {
                server.net.cut(end);
            }
        }
        if !admin_waits {
            connect(server, &mut self.admin);
        }
        // Behind the administrator: in a tick they are served first.
        connect_speaking(server, &mut self.caller, key);
        sign_in(server, &mut self.caller, relation.name());
        if state == State::SignedOut {
            done(server, &mut self.caller, "logout", json!({}));
        }
        // A key that has expired changes no password, but it can expire while one is hashed.
        if key == Key::Expired && state != State::AwaitsPasswd {
            server.pass(A_LONG_TIME);
        }
        if !admin_waits {
            sign_in(server, &mut self.admin, "admin");
        }
        if matches!(state, State::Door | State::Barred | State::AwaitsSignIn) {
            server.net.cut(self.caller.end.expect("connected"));
            server.settle();
            connect_speaking(server, &mut self.caller, key);
        }
        if state == State::Barred {
            done(server, &mut self.admin, "blockuser", json!({"username": relation.name()}));
        }
        if state == State::Ended {
            connect(server, &mut self.elsewhere);
            sign_in(server, &mut self.elsewhere, relation.name());
            server.settle();
        }
    }

    fn unblock(&mut self) {
        if !self.admin_is_there() {
            connect(&mut self.server, &mut self.admin);
            sign_in(&mut self.server, &mut self.admin, "admin");
        }
        let args = json!({"username": self.situation.relation.name()});
        done(&mut self.server, &mut self.admin, "unblockuser", args);
    }

    /// Whoever resumes with the administrator's key has their session.
    fn admin_is_there(&mut self) -> bool {
        let heard = self.admin.receive(&self.server.net);
        heard.expect("the promises that hold for every connection");
        self.admin.inbox.clear();
        self.admin.end.is_some() && !self.admin.ended
    }

    /// Arguments with which the request would be done, were it allowed: what its declaration says
    /// it needs.
    fn args(&self, kind: MessageType) -> Value {
        use MessageType::*;
        let mut args = json!({});
        for name in Command::of(kind).arguments.iter().filter_map(required) {
            args[name.as_str()] = match name {
                Name::username => json!("alice"),
                Name::password | Name::newpassword => json!(PASSWORD),
                Name::groupname => json!("team"),
                Name::message | Name::query => json!("hello"),
                Name::seq => json!(0),
                Name::lang => json!("en"),
                name => unreachable!("{kind:?} needs {name:?}: say what may stand there"),
            };
        }
        if Command::of(kind).has(Name::creator) && args.get("groupname").is_some() {
            args["creator"] = json!("alice");
        }
        match kind {
            Reg => args["username"] = json!("fred"),
            Login => args["username"] = json!(self.situation.relation.name()),
            Addgroupuser => args["username"] = json!("dora"),
            Delgroupuser => args["username"] = json!("carl"),
            Receipts => args["seq"] = json!(1),
            Watch => args = json!({"presence": true, "receipts": true}),
            _ => {}
        }
        args["auth_token"] = match self.situation.key {
            Key::Right | Key::Expired => json!(self.caller.key),
            Key::Foreign => json!(self.admin.key),
            Key::Malformed => json!("abc"),
            Key::Odd => json!(7),
            Key::Missing | Key::Line => Value::Null,
        };
        args["id"] = json!("cell");
        args
    }

    fn wal_bytes(&self) -> u64 {
        let path = self.dir.path().join("p2sp.db-wal");
        fs::metadata(path).expect("the write-ahead log is there").len()
    }
}

/// The argument that a field needs, if it needs one. A conversation is that of the group.
fn required(field: &Field) -> Option<Name> {
    let is_group = field.names.contains(&Name::groupname);
    let name = if is_group { Name::groupname } else { field.names[0] };
    field.is_required.then_some(name)
}

fn make_admin(dir: &TempDir, name: &str) {
    let opening =
        Opening { dir: dir.path(), epoch: "", mid_key: &[7; 16], synchronous: Synchronous::Off };
    let (mut store, _) = Store::open(&opening).expect("the database opens");
    let user = store.people().user_by_key(&user_key(name)).expect("a look").expect("a user");
    store.begin().expect("a transaction");
    store.people_mut().set_admin(user.id, true).expect("a statement");
    store.commit(()).expect("a commit");
}

fn connect(server: &mut TestServer, peer: &mut Peer) {
    let end = server.net.connect(([127, 0, 0, 1], 1).into());
    peer.acks = true;
    peer.inbox.clear();
    peer.connect(end);
    server.settle();
}

/// As whoever has such a key speaks.
fn connect_speaking(server: &mut TestServer, peer: &mut Peer, key: Key) {
    connect(server, peer);
    peer.lines = key == Key::Line;
    if peer.lines {
        server.net.send(peer.end.expect("connected"), b"raw on\n");
        server.settle();
        peer.receive(&server.net).expect("objects");
        peer.inbox.clear();
    }
}

fn sign_in(server: &mut TestServer, peer: &mut Peer, name: &str) {
    done(server, peer, "login", json!({"username": name, "password": PASSWORD}));
}

fn send(server: &TestServer, peer: &mut Peer, kind: &str, args: Value) {
    let Value::Object(args) = args else { unreachable!("arguments are an object") };
    let bytes = peer.request(kind, args);
    server.net.send(peer.end.expect("connected"), &bytes);
}

/// The code of the answer to the request of that id.
fn answer(server: &mut TestServer, peer: &mut Peer, id: &str) -> Option<String> {
    server.settle();
    peer.receive(&server.net).expect("the promises that hold for every connection");
    let payloads = peer.inbox.drain(..).map(|message| message["payload"].clone());
    let answer = payloads.into_iter().find(|payload| payload["re"] == id)?;
    answer["code"].as_str().map(str::to_owned)
}

/// A request that must be done, for what is tried to mean something.
fn done(server: &mut TestServer, peer: &mut Peer, kind: &str, mut args: Value) {
    args["id"] = json!("arranged");
    send(server, peer, kind, args);
    assert_eq!(answer(server, peer, "arranged").as_deref(), Some("ok"), "{kind}");
}

fn dump(dir: &TempDir) -> String {
    let db = Connection::open(dir.path().join("p2sp.db")).expect("nobody has it open");
    let queries = [
        "SELECT userid, username, userstatus, isadmin FROM users",
        "SELECT * FROM friends",
        "SELECT * FROM friend_requests",
        "SELECT * FROM groups",
        "SELECT * FROM group_users",
        "SELECT * FROM group_past",
        "SELECT * FROM group_stay_out",
        "SELECT * FROM log",
        "SELECT * FROM log_state",
        "SELECT * FROM waiting",
    ];
    let mut all = String::new();
    for query in queries {
        let mut statement = db.prepare(query).expect("a statement");
        let columns = statement.column_count();
        let mut rows = statement.query(()).expect("a query");
        while let Some(row) = rows.next().expect("a row") {
            let values: Vec<Stored> =
                (0..columns).map(|column| row.get(column).expect("a value")).collect();
            all += &format!("{query}: {values:?}\n");
        }
    }
    all
}
