//! Those who do not keep the book: wrong keys, wrong bytes, floods, no reading, false
//! confirmations. Each has an account of its own, with friends and in groups; what they must not
//! reach is what others have.

use serde_json::{Map, Value, json};

use super::coverage::Happening;
use super::ledger::Target;
use super::scene::Scene;
use super::stream::Ask;
use crate::support::pipe_net::PeerId;
use crate::support::test_server::PASSWORD;

/// Somebody who lies.
#[derive(Debug)]
pub struct Liar {
    user: i64,
    name: String,
    peer: Option<PeerId>,
    key: Option<String>,
    /// Takes nothing that comes, once signed in.
    deaf: bool,
    /// How often it said something true, and what that was last: its tag, and all of it.
    counter: u32,
    said: Option<(String, Map<String, Value>)>,
}

impl Liar {
    /// One who has not come yet.
    pub fn new(user: i64, name: &str) -> Liar {
        let (peer, key, said) = (None, None, None);
        Liar { user, name: name.to_owned(), peer, key, deaf: false, counter: 0, said }
    }

    /// The server is no more.
    pub fn lost(&mut self) {
        (self.peer, self.key) = (None, None);
    }

    /// Leaves.
    pub fn leave(&mut self, scene: &mut Scene) {
        self.key = None;
        if let Some(peer) = self.peer.take() {
            scene.leave(peer);
            scene.net.cut(peer);
        }
    }

    /// Does one thing.
    pub fn act(&mut self, scene: &mut Scene) {
        self.listen(scene);
        let Some(peer) = self.peer else {
            self.peer = Some(scene.connect(&self.name));
            self.deaf = scene.choices.chance(30);
            return;
        };
        if scene.net.has_ended(peer) || scene.choices.chance(5) {
            return self.leave(scene);
        }
        match self.key.clone() {
            None => self.act_outside(scene, peer),
            Some(key) => self.act_inside(scene, peer, &key),
        }
        let pending = scene.stream(peer).outgoing.len();
        scene.push_out(peer, pending);
    }

    fn listen(&mut self, scene: &mut Scene) {
        let Some(peer) = self.peer.filter(|_| !self.deaf || self.key.is_none()) else { return };
        for message in scene.read(peer, usize::MAX) {
            if message.kind == "login_success" {
                self.key.clone_from(&message.payload.auth_token);
                if self.deaf {
                    scene.saw(Happening::DeafReader);
                    scene.net.set_capacity(peer, 64 + scene.choices.below(4_000));
                }
            }
        }
    }

    /// Before signing in.
    fn act_outside(&mut self, scene: &mut Scene, peer: PeerId) {
        let name = |name: &str, value: &str| (name.to_owned(), json!(value));
        match scene.choices.below(8) {
            0..3 => {
                let mut args = Map::from_iter([name("username", &self.name)]);
                args.insert("password".into(), json!(PASSWORD));
                let acks = scene.choices.chance(50);
                args.insert("ack".into(), json!(acks));
                let what = Ask::SignIn { user: self.user, acks, key: None };
                scene.ask(peer, "login", None, args, what);
            }
            3 => {
                let users = scene.ledger.users();
                let other = scene.ledger.name(*scene.choices.pick(&users)).to_owned();
                let args = Map::from_iter([
                    name("username", &other),
                    name("password", "not the password"),
                ]);
                scene.saw(Happening::WrongPassword);
                let lie = Ask::Lie(&["bad_credentials", "busy", "slow_down", "already_signed_in"]);
                scene.ask(peer, "login", None, args, lie);
            }
            4 => {
                let Some(key) = scene.dead_key() else { return };
                scene.saw(Happening::DeadKey);
                let lie = Ask::Lie(&["bad_key", "already_signed_in"]);
                scene.ask(peer, "resume", Some(&key), Map::new(), lie);
            }
            5 => {
                let Some(key) = scene.foreign_key(self.user) else { return };
                scene.saw(Happening::ForeignKey);
                let args = Map::from_iter([name("groupname", "stolen")]);
                scene.ask(
                    peer,
                    "newgroup",
                    Some(&key),
                    args,
                    Ask::Lie(&["not_signed_in", "bad_key"]),
                );
            }
            6 => self.send_garbage(scene, peer),
            _ => {
                scene.ask(peer, "ping", None, Map::new(), Ask::Other);
            }
        }
    }

    fn act_inside(&mut self, scene: &mut Scene, peer: PeerId, key: &str) {
        match scene.choices.below(12) {
            9.. => self.reuse_mid(scene, peer, key),
            0 => {
                scene.saw(Happening::FalseAck);
                let args = Map::from_iter([("seq".to_owned(), json!(1_i64 << 50))]);
                let lie = Ask::Lie(&["ack_too_high", "bad_key", "not_signed_in"]);
                let mut args = args;
                args.insert("id".into(), json!(0));
                scene.ask(peer, "ack", Some(key), args, lie);
            }
            1 => {
                let kind = *scene.choices.pick(&[
                    "allusers",
                    "online",
                    "allgroup",
                    "broadcast",
                    "blockuser",
                    "stats",
                ]);
                scene.saw(Happening::NoAdmin);
                let args = Map::from_iter([
                    ("message".to_owned(), json!("stolen")),
                    ("username".to_owned(), json!("u0")),
                ]);
                let lie = Ask::Lie(&["not_admin", "bad_key", "not_signed_in"]);
                scene.ask(peer, kind, Some(key), args, lie);
            }
            2..5 => {
                scene.saw(Happening::Flood);
                for _ in 0..20 + scene.choices.below(100) {
                    let kind = *scene.choices.pick(&["friends", "groups", "whoami", "ping"]);
                    scene.ask(peer, kind, Some(key), Map::new(), Ask::Other);
                }
            }
            5 => self.send_garbage(scene, peer),
            _ => {
                let users = scene.ledger.users();
                let other = *scene.choices.pick(&users);
                let to = scene.ledger.name(other).to_owned();
                let args = Map::from_iter([("username".to_owned(), json!(to))]);
                let change = Ask::Change(format!("befriend {} {other}", self.user));
                scene.ask(peer, "add", Some(key), args, change);
            }
        }
    }

    /// Says something, and once that was accepted, something else under the same `mid`.
    fn reuse_mid(&mut self, scene: &mut Scene, peer: PeerId, key: &str) {
        if let Some((tag, args)) = &self.said
            && scene.ledger.was_acknowledged(tag)
        {
            scene.saw(Happening::MidReused);
            let mut args = args.clone();
            args.insert("message".into(), json!("something else"));
            let lie = Ask::Lie(&["mid_reused", "bad_key", "not_signed_in"]);
            scene.ask(peer, "send", Some(key), args, lie);
            return;
        }
        self.counter += 1;
        let (tag, mid) = (format!("{}#{}", self.name, self.counter), self.counter.to_string());
        let to = *scene.choices.pick(&[2, 3]);
        let args = Map::from_iter([
            ("username".to_owned(), json!(scene.ledger.name(to))),
            ("message".to_owned(), json!(tag)),
            ("mid".to_owned(), json!(mid)),
        ]);
        scene.ledger.say(self.user, Target::User(to), &tag, Some(&mid), false);
        scene.ask(peer, "send", Some(key), args.clone(), Ask::Say(tag.clone()));
        self.said = Some((tag, args));
    }

    /// Bytes that are no frame, or only half of one.
    fn send_garbage(&mut self, scene: &mut Scene, peer: PeerId) {
        scene.saw(Happening::Garbage);
        let bytes: &[u8] = match scene.choices.below(5) {
            0 => b"\0ET / HTTP/1.1\r\n\r\n",
            1 => b"\xab\xcd\xef\x88\0\0\0\0\xff\xff\xff\xff",
            2 => b"\xab\xcd\xef\x88\x01\0\0\0\x02\0\0\0{}",
            3 => b"\xab\xcd\xef\x88\0\0\0\0\x02\0\0\0[]",
            _ => {
                scene.saw(Happening::HalfFrame);
                b"\xab\xcd\xef\x88\0\0\0\0\x40\0\0\0{"
            }
        };
        scene.stream(peer).outgoing.extend_from_slice(bytes);
    }
}
