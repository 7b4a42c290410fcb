//! What happens next in a scene, drawn from its seed.
//!
//! A step makes sense now, as far as the model knows: who is there asks, of people and groups that
//! mostly exist, for what is mostly granted. What is refused must be refused, and leave nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use rand::RngExt;

use super::model::{Ask, CAST, Club, Name, Post};
use super::scene::{Batch, Scene, Step};
use crate::support::test_server::PASSWORD;

impl Scene {
    /// Draws a step that makes sense now.
    pub fn draw(&mut self) -> Step {
        let absent =
            |who: &&Name| !self.present.contains(**who) && !self.model.people[*who].blocked;
        let absent: Vec<Name> = CAST.iter().filter(absent).copied().collect();
        if let Some(&who) = absent.first()
            && self.rng.random_bool(0.5)
        {
            return Step::Act(vec![(who, vec![self.entrance(who)])]);
        }
        let dice = self.rng.random_range(0..100);
        match dice {
            0..44 => self.talk(),
            44..52 => Step::Pass(Duration::from_millis(self.rng.random_range(1..1_500))),
            52..56 if self.long && self.rng.random_bool(0.8) => self.talk(),
            52..54 => Step::Restart,
            54..56 => Step::Crash,
            56..64 => self.administer(),
            _ => {
                let Some(who) = self.someone() else { return Step::Pass(Duration::from_secs(1)) };
                let count = self.rng.random_range(1..=3);
                let mut asks: Vec<Ask> = (0..count).map(|_| self.change(who)).collect();
                // What ends a session, or waits for a hash, comes last.
                let last = |ask: &Ask| matches!(ask, Ask::Logout | Ask::Password { .. });
                if let Some(end) = asks.iter().position(last) {
                    asks.truncate(end + 1);
                }
                Step::Act(vec![(who, asks)])
            }
        }
    }

    /// So much is said at once that the write-ahead log is copied when nothing more happens.
    pub fn talk_long(&mut self) -> Step {
        let [_, ann, bob, ..] = CAST;
        let posts = (0..64).map(|_| {
            let Post { mid, .. } = self.write(ann);
            Ask::Send(bob, Post { text: mid.repeat(1_600), mid })
        });
        Step::Act(vec![(ann, posts.collect())])
    }

    /// Somebody who is there, but for the administrator.
    fn someone(&mut self) -> Option<Name> {
        let there: Vec<Name> =
            self.present.iter().filter(|who| **who != CAST[0]).copied().collect();
        (!there.is_empty()).then(|| there[self.rng.random_range(0..there.len())])
    }

    /// Anybody but one.
    fn other(&mut self, than: Name) -> Name {
        let others: Vec<Name> = CAST[1..].iter().filter(|who| **who != than).copied().collect();
        others[self.rng.random_range(0..others.len())]
    }

    /// A group, more often one that is there.
    fn club(&mut self) -> Club {
        let clubs: Vec<Club> = self.model.groups.keys().copied().collect();
        if !clubs.is_empty() && self.rng.random_bool(0.8) {
            return clubs[self.rng.random_range(0..clubs.len())];
        }
        let creator = self.rng.random_range(1..CAST.len());
        (CAST[creator], ["team", "club"][self.rng.random_range(0..2)])
    }

    /// One to three people say one to three things each.
    fn talk(&mut self) -> Step {
        let mut people = BTreeSet::new();
        for _ in 0..self.rng.random_range(1..=3) {
            people.extend(self.someone());
        }
        let mut batch = Batch::new();
        for who in people {
            let count = self.rng.random_range(1..=3);
            batch.push((who, (0..count).map(|_| self.message(who)).collect()));
        }
        if batch.is_empty() { Step::Pass(Duration::from_secs(1)) } else { Step::Act(batch) }
    }

    fn message(&mut self, who: Name) -> Ask {
        let mine = self.posted.iter().filter(|(by, _)| *by == who);
        let mine: Vec<Ask> = mine.map(|(_, ask)| ask.clone()).collect();
        if !mine.is_empty() && self.rng.random_bool(0.1) {
            return mine[self.rng.random_range(0..mine.len())].clone();
        }
        let is_friend =
            |name: &&Name| self.model.expects(who, &Ask::Befriend(name)) == "already_friends";
        let friends: Vec<Name> = CAST.iter().filter(is_friend).copied().collect();
        let post = self.write(who);
        match self.rng.random_range(0..10) {
            0..4 => Ask::SendGroup(self.club(), post),
            4 => Ask::Send(self.other(who), post),
            _ if friends.is_empty() => Ask::Send(self.other(who), post),
            _ => Ask::Send(friends[self.rng.random_range(0..friends.len())], post),
        }
    }

    pub(super) fn write(&mut self, who: Name) -> Post {
        self.mids += 1;
        // Most count up; some do not, and are looked for.
        let number = if self.rng.random_bool(0.8) { self.mids } else { 9_999 - self.mids };
        let most = match self.rng.random_range(0..10) {
            0..7 => 60,
            7..9 => 1_500,
            _ => 8_000,
        };
        let length = if self.long { 7_500 } else { self.rng.random_range(1..=most) };
        let mut text = format!("{who} {} ", self.mids).repeat(length / 8 + 1);
        text.truncate(length);
        Post { text, mid: format!("{number:05}") }
    }

    /// Something that changes who knows whom.
    fn change(&mut self, who: Name) -> Ask {
        let (other, club) = (self.other(who), self.club());
        let own = (who, ["team", "club"][self.rng.random_range(0..2)]);
        match self.rng.random_range(0..20) {
            0..3 => Ask::Befriend(other),
            3 => Ask::Unfriend(other),
            4..6 => Ask::NewGroup(own),
            6 => Ask::DeleteGroup(own),
            7..10 => Ask::Bring(own, other),
            10..12 => Ask::Remove(own, other),
            12..14 if club.0 != who => Ask::Leave(club),
            14 => {
                let old = self.model.people[who].password.clone();
                Ask::Password { old, new: format!("{PASSWORD} {}", self.mids) }
            }
            15 => Ask::Logout,
            16 => Ask::History(other),
            17 => Ask::Friends,
            18 => Ask::Groups,
            _ => self.message(who),
        }
    }

    /// Something that only the administrator may do.
    fn administer(&mut self) -> Step {
        let admin = CAST[0];
        if !self.present.contains(admin) {
            return Step::Act(vec![(admin, vec![self.entrance(admin)])]);
        }
        let blocked = self.model.people.iter().find(|(_, person)| person.blocked);
        let (blocked, other, club) =
            (blocked.map(|(name, _)| *name), self.other(admin), self.club());
        let ask = match self.rng.random_range(0..8) {
            0..3 if blocked.is_some() => Ask::Unblock(blocked.unwrap_or(other)),
            0 => Ask::Block(other),
            3 => Ask::BlockGroup(club),
            4 | 5 => Ask::UnblockGroup(club),
            6 => Ask::Broadcast(self.write(admin)),
            _ => Ask::AdminSend(other, self.write(admin)),
        };
        Step::Act(vec![(admin, vec![ask])])
    }
}
