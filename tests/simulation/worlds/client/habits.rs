//! What people do with a client: talk, befriend, found groups and leave them, look around, change
//! passwords, sign in elsewhere; and what administrators do.
//!
//! What is said is mostly to people and groups that may be spoken to, and sometimes not.

use serde_json::{Map, Value, json};

use super::{Client, Draft, Mine};
use crate::worlds::coverage::Happening;
use crate::worlds::ledger::{Ledger, Target};
use crate::worlds::scene::Scene;
use crate::worlds::stream::Ask;

impl Client {
    /// Signs in on another connection while this one is open.
    pub(super) fn go_elsewhere(&mut self, scene: &mut Scene) {
        if scene.choices.chance(40) {
            // In the tick of the takeover, if both come in time.
            scene.saw(Happening::AckBesideTakeover);
            self.confirm(scene);
            self.push_out(scene);
        }
        let Some(link) = self.link.take() else { return };
        if let Some(old) = self.old.replace(link.peer) {
            scene.leave(old);
            scene.net.cut(old);
        }
        self.note_lost(&link);
        if self.key.is_some() && scene.choices.chance(50) {
            self.key = None;
        }
        scene.saw(Happening::Takeover);
        self.come(scene);
    }

    /// On a connection whose session is over for certain: this must cause nothing.
    pub fn haunt(&mut self, scene: &mut Scene) {
        let Some(old) = self.old else { return };
        let session = scene.stream(old).session.as_ref();
        let Some(key) = session.filter(|s| s.revoked_from.is_some()).map(|s| s.key.clone()) else {
            return;
        };
        let friends = friends_of(&scene.ledger, self.user);
        let Some(&friend) = friends.first() else { return };
        scene.saw(Happening::Ghost);
        let (draft, target) = self.draft_to_user(scene, friend, "send");
        let text = draft.args["message"].as_str().unwrap_or_default().to_owned();
        scene.ledger.say(self.user, target, &text, draft.args["mid"].as_str(), true);
        scene.ask(old, "send", Some(&key), draft.args, Ask::Say(draft.tag));
        let pending = scene.stream(old).outgoing.len();
        scene.push_out(old, pending);
    }

    // --- talking ---

    pub(super) fn talk(&mut self, scene: &mut Scene) {
        let many = if scene.choices.chance(10) { 1 + scene.choices.below(12) } else { 1 };
        for _ in 0..many {
            let (draft, target) = match scene.choices.below(10) {
                0..5 => {
                    let friends = friends_of(&scene.ledger, self.user);
                    let user = match friends.is_empty() || scene.choices.chance(8) {
                        true => 1 + scene.choices.below(6) as i64,
                        false => *scene.choices.pick(&friends),
                    };
                    if scene.ledger.name(user).is_empty() {
                        return;
                    }
                    self.draft_to_user(scene, user, "send")
                }
                _ => {
                    let groups = groups_of(&scene.ledger, self.user, scene.choices.chance(90));
                    if groups.is_empty() {
                        return;
                    }
                    let (creator, name) = scene.choices.pick(&groups).clone();
                    self.draft_to_group(scene, creator, &name, "sendgroup")
                }
            };
            self.say(scene, draft, target, false);
        }
    }

    fn say(&mut self, scene: &mut Scene, draft: Draft, target: Target, system: bool) {
        let text = draft.args["message"].as_str().unwrap_or_default().to_owned();
        let mid = draft.args.get("mid").and_then(Value::as_str);
        scene.ledger.say(self.user, target, &text, mid, false);
        if system {
            scene.ledger.says_as_system(&draft.tag);
        }
        self.drafts.push_back(draft);
        self.say_what_waits(scene);
    }

    fn draft_to_user(
        &mut self,
        scene: &mut Scene,
        user: i64,
        kind: &'static str,
    ) -> (Draft, Target) {
        let name = scene.ledger.name(user).to_owned();
        let args = Map::from_iter([("username".to_owned(), json!(name))]);
        (self.draft(scene, kind, args), Target::User(user))
    }

    fn draft_to_group(
        &mut self,
        scene: &mut Scene,
        creator: i64,
        name: &str,
        kind: &'static str,
    ) -> (Draft, Target) {
        let creator_name = scene.ledger.name(creator).to_owned();
        let args = Map::from_iter([
            ("creator".to_owned(), json!(creator_name)),
            ("groupname".to_owned(), json!(name)),
        ]);
        (self.draft(scene, kind, args), Target::Group(creator, name.to_owned()))
    }

    fn draft(&mut self, scene: &Scene, kind: &'static str, mut args: Map<String, Value>) -> Draft {
        self.counter += 1;
        let tag = format!("{}#{}", self.name, self.counter);
        let filler = match scene.choices.weighted(&[(90, 0), (8, 300), (2, 7_900)]) {
            0 => 0,
            most => scene.choices.below(most),
        };
        // Mids need not rise: some are in no order at all.
        let mid = match scene.choices.chance(85) {
            true => format!("{:08}", self.counter),
            false => format!("{:x}-{}", scene.choices.below(1 << 30), self.counter),
        };
        // As JSON a control character is six bytes: a few of these fill a send buffer.
        let filler = match self.verbose && scene.choices.chance(25) {
            true => "\u{1}".repeat(7_900),
            false => "x".repeat(filler),
        };
        args.insert("message".into(), json!(format!("{tag} {filler}")));
        args.insert("mid".into(), json!(mid));
        Draft { tag, kind, args }
    }

    /// What was refused may be said again, under the same mid.
    pub(super) fn say_refused_again(&mut self, scene: &mut Scene) {
        if let Some(draft) = self.refused.pop() {
            scene.saw(Happening::RefusedSaidAgain);
            self.drafts.push_back(draft);
            self.say_what_waits(scene);
        }
    }

    // --- friends and groups ---

    pub(super) fn change(&mut self, scene: &mut Scene) {
        let users = scene.ledger.users();
        let other = *scene.choices.pick(&users);
        let to = scene.ledger.name(other).to_owned();
        let (me, name) = (self.user, self.name.clone());
        let own: Vec<String> = scene
            .ledger
            .live_groups()
            .filter(|(_, creator, ..)| *creator == me)
            .map(|(_, _, name, _)| name.to_owned())
            .collect();
        let joined = groups_of(&scene.ledger, me, true);
        let group = match own.is_empty() || scene.choices.chance(10) {
            true => format!("g{}", scene.choices.below(3)),
            false => scene.choices.pick(&own).clone(),
        };
        let args = |pairs: &[(&str, &str)]| -> Map<String, Value> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect()
        };
        let (kind, args, key) = match scene.choices.below(14) {
            0..2 => ("add", args(&[("username", &to)]), format!("befriend {me} {other}")),
            2 => ("del", args(&[("username", &to)]), format!("friend_removed {me} {other}")),
            3 => ("accept", args(&[("username", &to)]), format!("befriend {me} {other}")),
            4 => ("reject", args(&[("username", &to)]), format!("friend_rejected {me} {other}")),
            5 => ("newgroup", args(&[("groupname", &group)]), format!("newgroup {me} {group}")),
            6 => (
                "delgroup",
                args(&[("groupname", &group)]),
                format!("group_deleted {me} {name}/{group}"),
            ),
            7..10 => (
                "addgroupuser",
                args(&[("groupname", &group), ("username", &to)]),
                format!("group_added {me} {name}/{group} {other}"),
            ),
            10..12 => (
                "delgroupuser",
                args(&[("groupname", &group), ("username", &to)]),
                format!("group_removed {me} {name}/{group} {other}"),
            ),
            _ => {
                if joined.is_empty() {
                    return;
                }
                let (creator, group) = scene.choices.pick(&joined).clone();
                let creator = scene.ledger.name(creator).to_owned();
                (
                    "leavegroup",
                    args(&[("creator", &creator), ("groupname", &group)]),
                    format!("group_left {me} {creator}/{group}"),
                )
            }
        };
        self.ask(scene, kind, args, Ask::Change(key), Mine::Other);
    }

    /// Takes somebody out of a group, says something there, and lets them in again.
    pub(super) fn let_in_again(&mut self, scene: &mut Scene) {
        let me = self.user;
        let own = scene.ledger.live_groups().filter(|(_, creator, ..)| *creator == me);
        let others = own.flat_map(|(_, _, name, members)| {
            members.iter().filter(|user| **user != me).map(|user| (name.to_owned(), *user))
        });
        let others: Vec<(String, i64)> = others.collect();
        if others.is_empty() {
            return;
        }
        let (group, other) = scene.choices.pick(&others).clone();
        scene.saw(Happening::LetInAgain);
        let to = scene.ledger.name(other).to_owned();
        let edge = |kind: &'static str, event: &str| {
            let args = [("groupname", &group), ("username", &to)];
            let args = args.map(|(name, value)| (name.to_owned(), json!(value)));
            (kind, Map::from_iter(args), format!("{event} {me} {}/{group} {other}", self.name))
        };
        let out = edge("delgroupuser", "group_removed");
        let back = edge("addgroupuser", "group_added");
        self.ask(scene, out.0, out.1, Ask::Change(out.2), Mine::Other);
        let (draft, target) = self.draft_to_group(scene, me, &group, "sendgroup");
        self.say(scene, draft, target, false);
        self.ask(scene, back.0, back.1, Ask::Change(back.2), Mine::Other);
    }

    pub(super) fn look(&mut self, scene: &mut Scene) {
        let mut args = Map::new();
        let users = scene.ledger.users();
        let kind = *scene.choices.pick(&["ping", "friends", "groups", "whoami", "history"]);
        let mut what = Ask::Other;
        if kind == "history" {
            let other = *scene.choices.pick(&users);
            args.insert("username".into(), json!(scene.ledger.name(other)));
            what = Ask::History(other);
        }
        self.ask(scene, kind, args, what, Mine::Other);
    }

    /// Confirms what it was shown.
    pub(super) fn confirm(&mut self, scene: &mut Scene) {
        let Some(link) = &mut self.link else { return };
        if !self.acks || !link.online || link.waits || link.pushed == link.acked {
            return;
        }
        link.acked = link.pushed;
        let (peer, seq) = (link.peer, link.pushed);
        let mut args = Map::from_iter([("seq".to_owned(), json!(seq))]);
        if self.calm || scene.choices.chance(50) {
            // The scene puts the number in.
            args.insert("id".into(), json!(0));
            self.ask(scene, "ack", args, Ask::Ack(seq), Mine::Other);
        } else {
            scene.ask(peer, "ack", self.key.as_deref(), args, Ask::Ack(seq));
        }
    }

    // --- keys ---

    pub(super) fn change_password(&mut self, scene: &mut Scene) {
        self.counter += 1;
        let password = format!("long enough {}", self.counter);
        let args = Map::from_iter([
            ("password".to_owned(), json!(self.password)),
            ("newpassword".to_owned(), json!(password)),
        ]);
        if let Some(link) = &mut self.link {
            link.waits = true;
        }
        let what = Ask::Passwd(password.clone());
        self.ask(scene, "passwd", args, what, Mine::Passwd(password));
    }

    pub(super) fn sign_out(&mut self, scene: &mut Scene) {
        if !self.acks {
            return;
        }
        if let Some(link) = &mut self.link {
            link.waits = true;
        }
        self.ask(scene, "logout", Map::new(), Ask::Logout, Mine::Logout);
    }

    /// With a key that was revoked, or another's, nothing is done.
    pub(super) fn use_old_key(&mut self, scene: &mut Scene) {
        let (dead, foreign) = (scene.dead_key(), scene.foreign_key(self.user));
        let Some(key) = (if scene.choices.chance(50) { dead } else { foreign }) else { return };
        let Some(link) = &mut self.link else { return };
        if Some(&key) == self.key.as_ref() {
            return;
        }
        scene.saw(Happening::WrongKey);
        let args = Map::from_iter([("groupname".to_owned(), json!("stolen"))]);
        let id = scene.ask(link.peer, "newgroup", Some(&key), args, Ask::Lie(&["bad_key"]));
        link.asked.push_back((id, Mine::Lie));
    }

    // --- administrators ---

    pub(super) fn moderate(&mut self, scene: &mut Scene) {
        let users = scene.ledger.users();
        let other = *scene.choices.pick(&users);
        let name = scene.ledger.name(other).to_owned();
        let groups = groups_of(&scene.ledger, 0, false);
        match scene.choices.below(9) {
            0..2 => {
                let draft = self.draft(scene, "broadcast", Map::new());
                self.say(scene, draft, Target::Everyone, true);
            }
            2 => {
                let (draft, target) = self.draft_to_user(scene, other, "adminsend");
                self.say(scene, draft, target, true);
            }
            3 if !groups.is_empty() => {
                let (creator, group) = scene.choices.pick(&groups).clone();
                let (draft, target) = self.draft_to_group(scene, creator, &group, "adminsendgroup");
                self.say(scene, draft, target, true);
            }
            4..6 if !groups.is_empty() => {
                let (creator, group) = scene.choices.pick(&groups).clone();
                self.block_group(scene, creator, &group);
            }
            _ if other != self.user => {
                let blocked = scene.choices.chance(50);
                self.block(scene, other, &name, blocked);
            }
            _ => {}
        }
    }

    fn block_group(&mut self, scene: &mut Scene, creator: i64, group: &str) {
        let creator = scene.ledger.name(creator).to_owned();
        let blocks = scene.choices.chance(40);
        let args = Map::from_iter([
            ("creator".to_owned(), json!(creator)),
            ("groupname".to_owned(), json!(group)),
        ]);
        let (kind, event) = match blocks {
            true => ("blockgroup", "group_blocked"),
            false => ("unblockgroup", "group_unblocked"),
        };
        let key = format!("{event} {} {creator}/{group}", self.user);
        self.ask(scene, kind, args, Ask::Change(key), Mine::Other);
    }

    fn block(&mut self, scene: &mut Scene, user: i64, name: &str, blocked: bool) {
        scene.saw(if blocked { Happening::UserBlocked } else { Happening::UserUnblocked });
        let args = Map::from_iter([("username".to_owned(), json!(name))]);
        let kind = if blocked { "blockuser" } else { "unblockuser" };
        self.ask(scene, kind, args, Ask::Block(user, blocked), Mine::Other);
    }

    /// Lets everyone in again of whom it is not certain that they may.
    pub fn unblock_all(&mut self, scene: &mut Scene) {
        for user in scene.ledger.users() {
            if scene.ledger.is_blocked(user) != Some(false) && user != self.user {
                let name = scene.ledger.name(user).to_owned();
                self.block(scene, user, &name, false);
            }
        }
    }

    /// Asks how the server is doing. The answer is read where it is heard.
    pub fn ask_figures(&mut self, scene: &mut Scene) {
        self.ask(scene, "stats", Map::new(), Ask::Stats, Mine::Other);
    }
}

fn friends_of(ledger: &Ledger, user: i64) -> Vec<i64> {
    ledger.users().into_iter().filter(|other| ledger.are_friends(user, *other)).collect()
}

/// Groups by creator and name: those of a user, or all.
fn groups_of(ledger: &Ledger, user: i64, only_joined: bool) -> Vec<(i64, String)> {
    ledger
        .live_groups()
        .filter(|(.., members)| !only_joined || members.contains(&user))
        .map(|(_, creator, name, _)| (creator, name.to_owned()))
        .collect()
}
