//! What is on out of the box: the figures that are promised, and what they do not show by
//! themselves. That each of them is kept is the transcripts' to show.

use p2sp::conn::Connection;
use p2sp::conn::send::SendBuffer;
use p2sp::conn::spare::SpareBuffers;
use p2sp::handlers::{self, Rules};
use p2sp::limits::{self, Limits};
use p2sp::locale::reply::Reply;
use p2sp::outbox::Staged;
use p2sp::password::{KeyHash, Secret, Task};
use p2sp::server::intake::Intake;
use p2sp::wire::push::{Push, PushFrame};
use p2sp::wire::response::Data;
use p2sp::wire::{Code, RequestMessage, ResponseMessage};
use serde_json::json;

use crate::support::caller::Caller;
use crate::support::test_server::{PASSWORD, TestServer};

#[test]
fn the_defaults_are_the_promised_ones() {
    let limits = Limits {
        requests_per_second: 20,
        requests_burst: 100,
        messages_per_second: 10,
        messages_burst: 50,
        waiting_per_user: 10_000,
        waiting_per_sender: 1_000,
        groups_owned: 10,
        groups_joined: 200,
        friends: 1_000,
        group_members: 10_000,
        takeovers_per_minute: 6,
        connections_per_address: 256,
        signins_per_minute: 30,
        registrations_per_hour: 60,
        signin_seconds: 3 * 60,
        idle_seconds: 10 * 60,
        stored_bytes_per_day: 64 << 20,
        loopback: 0,
    };
    assert_eq!(Limits::default(), limits);
    assert_eq!((limits::PASSWORD_CHARS_MIN, limits::PASSWORD_CHARS_MAX), (8, 128));
    assert_eq!((limits::MESSAGE_BYTES_MAX, limits::FRAME_PAYLOAD_BYTES_MAX), (8_000, 64 << 10));
    assert_eq!((limits::KEY_IDLE_SECONDS, limits::KEY_AGE_SECONDS), (7 * 86_400, 30 * 86_400));
    assert_eq!(limits::WAITING_BYTES_MAX, 16 << 20);
    assert_eq!(limits::THROTTLE_SECONDS_MAX, 15 * 60);
    assert_eq!((limits::HANDSHAKE_SECONDS_MAX, limits::FRAME_SECONDS_MAX), (10, 15));
}

/// Fails to compile if one of the types can be printed: there would be two ways to take the item.
macro_rules! cannot_be_printed {
    ($($type:ty),+ $(,)?) => {
        $(const _: fn() = || {
            trait Item<Way> {
                const HERE: () = ();
            }
            impl<T: ?Sized> Item<()> for T {}
            impl<T: ?Sized + std::fmt::Debug> Item<u8> for T {}
            <$type as Item<_>>::HERE
        };)+
    };
}

// P27: what was said, and keys as they travel.
cannot_be_printed! {
    Connection, SendBuffer, SpareBuffers, Intake, Staged,
    Push<'_>, PushFrame, Data, Reply, handlers::Outcome,
}

#[test]
fn p27_what_can_be_printed_shows_nothing_that_was_said_and_no_key() {
    const SECRET: &str = "for bob alone";
    let payload = json!({"type": "send", "payload": {"message": SECRET, "auth_token": SECRET}});
    let payload = payload.to_string();
    let request = RequestMessage::parse(payload.as_bytes()).expect("a request");
    let data = Data::Object(json!({"auth_token": SECRET}));
    let answer = ResponseMessage { re: None, code: Code::Ok, text: SECRET, data };
    let task = Task::Hash { password: Secret::from(SECRET), salt: [0; 16] };
    let shown = format!("{request:?} {answer:?} {task:?} {:?}", KeyHash([113; 32]));
    assert!(!shown.contains(SECRET) && !shown.contains("113"), "{shown}");
}

/// Three accounts that a password does not open: there is none, there is one, one is blocked.
const ACCOUNTS: [&str; 3] = ["nobody", "bob", "carl"];

fn server() -> TestServer {
    let mut server = TestServer::new(Rules::default());
    let mut admin = Caller::connect(&server, "127.0.0.1:1", None);
    for name in ["bob", "carl"] {
        let args = json!({"username": name, "password": PASSWORD});
        assert_eq!(admin.ask(&mut server, "reg", args)["code"], "ok");
    }
    admin.sign_in(&mut server, "admin");
    assert_eq!(admin.ask(&mut server, "blockuser", json!({"username": "carl"}))["code"], "ok");
    server
}

#[test]
fn a_failed_sign_in_is_the_same_work_and_words_whoever_it_names() {
    let mut server = server();
    let tries = ACCOUNTS.map(|name| {
        let mut caller = Caller::connect(&server, "127.0.0.1:1", None);
        server.net.work();
        let turns = server.net.waits();
        let args = json!({"username": name, "password": "wrong horse"});
        let answer = caller.ask(&mut server, "login", args);
        assert_eq!(answer["code"], "bad_credentials", "{answer}");
        (answer, server.net.work(), server.net.waits() - turns)
    });
    assert_eq!(tries[0].1, ["password$argon2id$v=19$m=8,t=1,p=1"], "one hash, at the full cost");
    assert_eq!(tries[0], tries[1]);
    assert_eq!(tries[1], tries[2]);
}
