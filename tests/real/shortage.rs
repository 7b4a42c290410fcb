//! The system runs out of something while the server serves: space for its files, or descriptors.
//!
//! New messages are refused or newcomers turned away, everything else goes on, it costs next to
//! nothing while it lasts, and as soon as there is room again all is as before (P1, P14, P22). The
//! shortages are real: a limit on the size of the running server's files, a disk of its own that is
//! filled to the last byte (where the system lets one be mounted), a limit on its descriptors below
//! what it thinks it has.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Resource;
use serde_json::json;

use crate::support::{PASSWORD, Peer, Server, TIMEOUT};

/// How long a shortage without a request is measured.
const SPAN: Duration = Duration::from_secs(2);
/// The processor time that the server may use in that span: a tenth of a core.
const BUSY_MAX: Duration = Duration::from_millis(200);
/// How often the server may wake up in that span.
const WAKES_MAX: u64 = 40;
/// Connections without a descriptor for them: some are turned away each second.
const NEWCOMERS: usize = 200;
/// A text as long as one may be.
const LONG: usize = 8_000;
/// Files of at most this size hold some hundred of them.
const FILE_BYTES_MAX: u64 = 4 << 20;
/// More than the free space below which nothing new is taken.
const DISK_MIB: u32 = 72;

/// Two friends, somebody who is moderated, and what was acknowledged.
struct Company {
    admin: Peer,
    ann: Peer,
    bob: Peer,
    acknowledged: Vec<String>,
    sent: usize,
}

impl Company {
    fn of(server: &Server) -> Company {
        let [ann, bob] = server.friends(["ann", "bob"]);
        server.register("cem");
        Company { admin: server.admin(), ann, bob, acknowledged: Vec::new(), sent: 0 }
    }

    /// Ann says something long to Bob. True: it was stored, and not refused for want of space.
    fn say(&mut self) -> bool {
        let text = format!("{:0LONG$}", self.sent);
        self.sent += 1;
        let mid = format!("{:012}", self.sent);
        let args = json!({"username": "bob", "message": text, "mid": mid});
        let answer = self.ann.ask("send", args);
        match answer["code"].as_str() {
            Some("ok") => self.acknowledged.push(text),
            code => assert_eq!(code, Some("storage_full"), "{answer}"),
        }
        answer["code"] == "ok"
    }

    /// Bob has been shown everything that was acknowledged, in order, and nothing else (P1, P9).
    fn read(&mut self) {
        for text in self.acknowledged.drain(..) {
            self.bob.expect_text("ann", &text);
        }
        self.bob.confirm();
        assert!(!self.bob.has_push());
    }

    /// What makes nothing new goes on: reading, confirming, signing in, moderation.
    fn go_on(&mut self, server: &Server) {
        for _ in 0..3 {
            assert!(!self.say(), "there is room");
        }
        self.read();
        self.bob.ok("history", json!({"username": "ann", "count": 5}));
        self.bob.ok("friends", json!({}));
        let mut cem = server.peer();
        cem.sign_in("cem", PASSWORD, true);
        let key = cem.key();
        server.peer().resume(&key, true);
        let mut cem = server.peer();
        cem.resume(&key, true);
        cem.expect_event("caught_up");
        self.admin.ok("blockuser", json!({"username": "cem"}));
        cem.expect_event("blocked");
        cem.expect_end();
        server.peer().refused("resume", json!({"auth_token": key}), "bad_key");
        self.admin.ok("unblockuser", json!({"username": "cem"}));
        let stats = self.admin.ok("stats", json!({}));
        assert!(stats["data"]["refusals"]["storage_full"].as_u64() >= Some(3), "P29: {stats}");
    }

    /// Messages are taken again, by themselves.
    fn recover(&mut self) {
        let began = Instant::now();
        while !self.say() {
            assert!(began.elapsed() < TIMEOUT, "there is room, and it goes unnoticed");
            thread::sleep(Duration::from_millis(20));
        }
        (0..20).for_each(|_| assert!(self.say(), "there is room"));
        self.read();
    }
}

#[test]
fn p1_p22_files_that_may_not_grow_cost_new_messages_only() {
    let server = Server::unlimited(&[]);
    let mut company = Company::of(&server);
    assert!(company.say());
    server.limit(Resource::Fsize, Some(FILE_BYTES_MAX));
    while company.say() {
        assert!(company.sent < 2 * FILE_BYTES_MAX as usize / LONG, "the files grow for ever");
    }
    company.go_on(&server);
    server.expect_rest(SPAN, BUSY_MAX, WAKES_MAX);
    company.go_on(&server);
    server.limit(Resource::Fsize, None);
    company.recover();

    // Nothing of it depended on the process (P25).
    let server = server.again(false);
    let mut bob = server.peer();
    bob.resume(&company.bob.key(), true);
    let newest = bob.ok("history", json!({"username": "ann", "count": 1}));
    assert_eq!(
        newest["data"]["messages"][0]["payload"]["message"],
        format!("{:0LONG$}", company.sent - 1)
    );
}

#[test]
fn p1_p22_a_full_disk_costs_new_messages_only() {
    let Some(server) = Server::on_small_disk(DISK_MIB) else {
        println!("no disk of one's own here: the limit on the size of files has to do");
        return;
    };
    let mut company = Company::of(&server);
    (0..20).for_each(|_| assert!(company.say()));
    let path = server.inside("filler");
    let mut filler = File::create(&path).expect("a file on the small disk");
    let chunk = vec![0; 16 << 20];
    filler.write_all(&chunk).expect("room");
    // Some is left, but it is kept for what goes on; it is looked at once a second.
    let began = Instant::now();
    while company.say() {
        assert!(began.elapsed() < TIMEOUT, "the space goes unnoticed");
        thread::sleep(Duration::from_millis(20));
    }
    company.go_on(&server);

    while filler.write_all(&chunk).is_ok() {}
    while filler.write_all(&[0]).is_ok() {}
    company.go_on(&server);
    server.expect_rest(SPAN, BUSY_MAX, WAKES_MAX);
    company.go_on(&server);
    fs::remove_file(&path).expect("the filler");
    drop(filler);
    company.recover();
}

#[test]
fn p22_without_descriptors_it_waits_and_accepts_again_at_once() {
    let server = Server::start(&[]);
    let mut ann = server.user("ann");
    server.limit(Resource::Nofile, Some(server.first_free_descriptor()));

    // Each of them is connected by the kernel; some may take the last descriptors.
    let mut newcomers: Vec<Peer> = (0..NEWCOMERS).map(|_| server.peer()).collect();
    server.expect_rest(SPAN, BUSY_MAX, WAKES_MAX);
    ann.ok("newgroup", json!({"groupname": "still here"}));
    let mut turned_away = 0;
    for newcomer in &mut newcomers {
        newcomer.stream.set_nonblocking(true).expect("a socket");
        turned_away += usize::from(matches!(newcomer.try_message(), Ok(None)));
        newcomer.stream.set_nonblocking(false).expect("a socket");
    }
    assert!(turned_away > 0, "no connection was turned away");

    // On a slow machine all of them may be by now; of those who come at last the first may be.
    let mut late: Vec<Peer> = (0..5).map(|_| server.peer()).collect();
    let mut last = late.pop().expect("somebody");
    server.limit(Resource::Nofile, None);
    last.ok("ping", json!({}));
    server.user("bob").ok("whoami", json!({}));
}
