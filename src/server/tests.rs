//! The whole server without an edge, where a promise depends on what stands in the store.

use std::cell::Cell;

use serde_json::{Value, json};

use super::app::Server;
use crate::conn::Rest;
use crate::event_loop::app::{App, Clock, Peer, Share};
use crate::handlers::Rules;
use crate::id::{ConnId, ListenerKind, Moment, Now, UserId};
use crate::limits;
use crate::names::Name;
use crate::password::KeyHash;
use crate::store::{Opening, Store, Synchronous};
use crate::wire::{frame, request};

const NOW: Now = Now { mono: Moment(1), unix: 1 };

/// A server over a new database in which ann, whose login key is `key`, and bob are friends.
fn server(rules: Rules) -> (Server, tempfile::TempDir) {
    let dir = tempfile::tempdir().expect("a directory");
    let synchronous = Synchronous::Off;
    let opening =
        Opening { dir: dir.path(), epoch: "0123456789abcdef", mid_key: &[7; 16], synchronous };
    let (mut store, _) = Store::open(&opening).expect("open");
    store.begin().expect("begin");
    for name in ["ann", "bob"] {
        store.people_mut().add_user(&Name::user(name).expect("name"), "!", false, 1).expect("user");
    }
    store.people_mut().befriend(UserId(1), UserId(2)).expect("befriend");
    store.people_mut().set_key(UserId(1), Some(&KeyHash::of("key").0), 1).expect("key");
    store.commit(()).expect("commit").into_inner();
    (Server::new(store, rules, Box::new(()), [7; 32], NOW.mono), dir)
}

fn connect(server: &mut Server, address: &str) -> ConnId {
    let slot = server.conns.count() as u32;
    let id = ConnId { slot, generation: slot + 1 };
    let address = address.parse().expect("an address");
    assert!(server.accepted(id, Peer { address, listener: ListenerKind::Public }, NOW));
    id
}

fn say(server: &mut Server, id: ConnId, kind: &str, args: &Value) {
    let received = &mut server.conns.get_mut(id).expect("it lives").received;
    let mut bytes = std::mem::take(received).into_vec();
    request::append(&mut bytes, kind, 1, args);
    *received = bytes.into();
}

/// One tick without an edge; how many password hashes it starts.
fn tick(server: &mut Server, conns: &[ConnId]) -> usize {
    tick_by(server, conns, &|| NOW.mono)
}

fn tick_by(server: &mut Server, conns: &[ConnId], clock: Clock) -> usize {
    for &id in conns {
        server.room(id, Share::Full).expect("room");
    }
    server.decode(NOW);
    server.serve(NOW, clock).expect("serve");
    let committed = server.commit(NOW).expect("commit");
    let hashes = App::deliver(server, committed, NOW).expect("deliver");
    hashes.len()
}

/// The codes that a connection was answered since it was last asked.
fn codes(server: &mut Server, id: ConnId) -> Vec<String> {
    let mut codes = Vec::new();
    while let Ok(Some(length)) = frame::frame_len(server.to_write(id)) {
        let payload = frame::payload(&server.to_write(id)[..length]).expect("a frame");
        let reply: Value = serde_json::from_slice(payload).expect("JSON");
        codes.extend(reply["payload"]["code"].as_str().map(str::to_owned));
        server.sent(id, length, NOW);
    }
    codes
}

#[test]
fn p3_a_tick_that_runs_again_refuses_only_what_does_not_fit_and_counts_nothing_twice() {
    let mut rules = Rules::default();
    rules.limits.registrations_per_hour = 1;
    let (mut server, _dir) = server(rules);
    let ann = connect(&mut server, "127.0.0.1:1");
    let new = connect(&mut server, "192.0.2.1:1");
    say(&mut server, ann, "resume", &json!({"auth_token": "key"}));
    tick(&mut server, &[ann]);
    assert_eq!(codes(&mut server, ann), ["ok"]);

    server.store.fill_disk();
    let text = "x".repeat(8_000);
    let mut send = json!({"auth_token": "key", "username": "bob", "message": "short"});
    say(&mut server, ann, "send", &send);
    send["message"] = text.into();
    for _ in 0..7 {
        say(&mut server, ann, "send", &send);
    }
    say(&mut server, new, "ping", &json!({}));
    say(&mut server, new, "nonsense", &json!({}));
    let account = json!({"username": "cem", "password": "correct horse"});
    say(&mut server, new, "reg", &account);
    assert_eq!(tick(&mut server, &[new, ann]), 1, "the registration is hashed, not refused");
    // A walk ends where the transaction does; the frames behind it are the next tick's.
    for _ in 0..7 {
        assert_eq!(tick(&mut server, &[ann]), 0);
    }

    let answers = codes(&mut server, ann);
    assert_eq!((answers.len(), answers[0].as_str()), (8, "ok"), "what fits alone is stored");
    assert_eq!(answers[7], "storage_full");
    let stored = answers.iter().filter(|code| *code == "ok").count() as u64;
    assert_eq!(server.store.log_rows(), stored);
    assert_eq!(codes(&mut server, new), ["ok", "unknown_type"]);
    let refused = server.chat.counters.refusals();
    assert!(refused.contains(&("unknown_type", 1)), "P29: {refused:?}");
    assert!(refused.contains(&("storage_full", 8 - stored)), "P29: {refused:?}");
    assert_eq!(
        (server.chat.counters.answered, server.chat.counters.appended),
        (2 + stored, stored)
    );
}
#[test]
fn p20_the_write_ahead_log_is_copied_whenever_it_is_long() {
    let mut rules = Rules::default();
    (rules.limits.messages_per_second, rules.limits.requests_per_second) = (0, 0);
    let (mut server, _dir) = server(rules);
    let ann = connect(&mut server, "127.0.0.1:1");
    say(&mut server, ann, "resume", &json!({"auth_token": "key"}));
    tick(&mut server, &[ann]);
    let text = "x".repeat(8_000);
    let send = json!({"auth_token": "key", "username": "ann", "message": text});
    server.store.begin().expect("begin");
    server.store.people_mut().befriend(UserId(1), UserId(1)).expect("befriend");
    server.store.commit(()).expect("commit").into_inner();
    for _ in 0..limits::WAL_PAGES_MAX / 4 {
        (0..4).for_each(|_| say(&mut server, ann, "send", &send));
        tick(&mut server, &[ann]);
        codes(&mut server, ann);
        server.upkeep(NOW, &|| NOW.mono).expect("checkpoint");
        assert!(server.store.wal_pages() < limits::WAL_PAGES_MAX, "at the same moment, too");
    }
    assert!(server.store.log_rows() > u64::from(limits::WAL_PAGES_MAX) / 2);
}

#[test]
fn an_idle_connection_is_not_shown_as_one_whose_slice_is_spent() {
    let (mut server, _dir) = server(Rules::default());
    let ann = connect(&mut server, "127.0.0.1:1");
    // Each request takes a whole slice.
    let micros = Cell::new(1);
    let clock = || Moment(micros.replace(micros.get() + limits::SLICE_MICROS));
    let args = json!({"auth_token": "key"});
    for (asked, shown) in [("resume", None), ("whoami whoami", Some(Rest::SliceSpent))] {
        asked.split(' ').for_each(|kind| say(&mut server, ann, kind, &args));
        tick_by(&mut server, &[ann], &clock);
        server.take_touched(&mut Vec::new());
        server.settle(ann, NOW);
        let rests = server.conns.get(ann).and_then(|conn| conn.rests.shown());
        assert_eq!(rests.map(|(why, _)| why), shown, "{asked}");
    }
}
