//! Answers: what each of them says about what was promised.
//!
//! A sign-in ends the sessions and keys before it, a block all of them; a confirmation moves a
//! cursor; an acknowledged message is in the log; a lie is refused as it should be.

use serde_json::Value;

use super::{Key, Reach, Scene};
use crate::support::pipe_net::PeerId;
use crate::worlds::coverage::Happening;
use crate::worlds::ledger::Check;
use crate::worlds::stream::{Ask, Asked, Payload, Session};

impl Scene {
    pub(super) fn take_answer(&mut self, peer: PeerId, payload: &Payload) -> Check {
        let code = payload.code.clone().unwrap_or_default();
        let stream = &mut self.streams[peer.0];
        if let Some(happening) = refusal(&code) {
            self.coverage.saw(happening);
        }
        if code != "ok" {
            *self.refusals.entry(code.clone()).or_default() += 1;
        }
        if matches!(code.as_str(), "bad_magic" | "bad_checksum" | "bad_payload" | "frame_too_long")
        {
            stream.over = Some(code);
            return Ok(());
        }
        let (asked, skipped) = stream.answered(payload)?;
        if code == "ack_too_high" {
            stream.over = Some(code.clone());
        }
        self.are_lost(skipped);
        if asked.over {
            return Err(format!("P17: a session that was over asked {asked:?}, answered {code}"));
        }
        let done = code == "ok";
        let stream = &self.streams[peer.0];
        let session = stream.session.as_ref();
        // The session of a peer that sends no more may be over, and its answers are heard late.
        let may_be_over =
            stream.finished || session.is_some_and(|session| session.revoked_from.is_some());
        match &asked.what {
            Ask::SignIn { .. } if done => self.signed_in(peer, &asked, payload)?,
            Ask::Say(tag) if code == "mid_reused" => self.ledger.refused_as_used(tag)?,
            Ask::Say(tag) if done => {
                let seq = payload.number("seq").ok_or("an ok without a seq")?;
                self.head_seen = self.head_seen.max(seq);
                if self.ledger.was_acknowledged(tag) {
                    self.coverage.saw(Happening::RetryAnswered);
                }
                if !self.ledger.may_still_say(tag) {
                    self.coverage.saw(Happening::RetryOfTheFormer);
                }
                self.ledger.acknowledged(tag, seq, peer)?;
            }
            Ask::Say(tag) if matches!(code.as_str(), "bad_key" | "not_signed_in") => {
                self.ledger.say_lost(tag);
            }
            // Decided before the session ended, and slow to leave: a later session of the user may
            // have repeated the message since, and been told `ok`.
            Ask::Say(tag) if may_be_over && self.ledger.was_acknowledged_elsewhere(tag, peer) => {
                self.ledger.say_lost(tag);
            }
            Ask::Say(tag) => self.ledger.refused(tag)?,
            Ask::Change(key) => self.ledger.answered(key, done),
            Ask::Block(user, blocked) => self.blocked(*user, done.then_some(*blocked), asked.at)?,
            // A key that was made while the clock was behind is old once it is right again.
            Ask::Ack(_) if code == "bad_key" && self.clock_jumped => {}
            Ask::Ack(seq) => self.confirmed(peer, *seq, done)?,
            Ask::Passwd(_) if done => {
                let key = payload.data.as_ref().and_then(|data| data["auth_token"].as_str());
                self.new_key(peer, key.ok_or("no key")?);
            }
            Ask::Logout if done => self.signed_out(peer),
            Ask::Stats if done => self.check_figures(payload)?,
            Ask::History(other) if done => self.note_history(peer, *other, payload),
            Ask::Lie(codes) if !codes.contains(&code.as_str()) => {
                return Err(format!("P18, P19: {codes:?} should answer, not {payload:?}"));
            }
            _ => {}
        }
        Ok(())
    }

    fn signed_in(&mut self, peer: PeerId, asked: &Asked, payload: &Payload) -> Check {
        let Ask::SignIn { user, acks, key } = &asked.what else { return Ok(()) };
        let (user, acks) = (*user, *acks);
        if payload.user_id != user {
            return Err(format!("P18: {user} signs in, and is taken for {}", payload.user_id));
        }
        if self.blocked_since.get(&user).is_some_and(|since| *since < asked.at) {
            return Err(format!("P18: {user} is blocked, and signs in"));
        }
        let token = payload.auth_token.clone().ok_or("no key")?;
        match key {
            Some(key) => {
                let known = self.keys.get(key);
                if known.is_some_and(|known| known.dead_at.is_some_and(|dead| dead < asked.at)) {
                    return Err(format!("P18: {user} comes back with a key that was revoked"));
                }
            }
            None => self.revoke_keys(user, asked.at),
        }
        let (known_at, dead_at) = (self.events, None);
        self.keys.entry(token.clone()).or_insert(Key { user, known_at, dead_at });
        self.end_sessions(user, asked.at)?;
        // Where a newcomer begins is only known from here; all others begin where the log did.
        let most = if user > self.users_at_first { payload.cursor } else { self.begun };
        let first = Reach { most, ..Reach::default() };
        let reach = self.reaches.entry(user).or_insert(first);
        // Decided first and heard last, on a slow connection: a takeover came in between.
        let is_earlier = payload.cursor < reach.told;
        let is_taken_over = is_earlier && asked.at < reach.signed_in_asked;
        if is_earlier && !is_taken_over {
            let told = reach.told;
            return Err(format!("P13: {user} was told {told} before, now {}", payload.cursor));
        }
        reach.told = reach.told.max(payload.cursor);
        reach.signed_in_asked = reach.signed_in_asked.max(asked.at);
        self.claims.push((user, payload.cursor, reach.most));
        self.streams[peer.0].session = Some(Session {
            user,
            key: token,
            acks,
            cursor: payload.cursor,
            pushed: payload.cursor,
            asked_at: self.events,
            pushes: Vec::new(),
            through: None,
            caught_up: None,
            caught_up_checked: false,
            head: asked.head,
            revoked_from: None,
            last_push: 0,
        });
        let now = self.now();
        if is_taken_over { self.streams[peer.0].revoke(now) } else { Ok(()) }
    }

    /// The user's sessions that began before `at` are over.
    fn end_sessions(&mut self, user: i64, at: u64) -> Check {
        let now = self.now();
        for (peer, stream) in self.streams.iter_mut().enumerate() {
            let Some(session) = stream.session.as_ref().filter(|_| !stream.finished) else {
                continue;
            };
            if session.user != user || session.asked_at >= at || session.revoked_from.is_some() {
                continue;
            }
            if self.net.waiting(PeerId(peer)) > 0 {
                self.coverage.saw(Happening::EndedWhileBehind);
            }
            stream.revoke(now)?;
        }
        Ok(())
    }

    /// The user's keys that were known before `at` are worth nothing.
    fn revoke_keys(&mut self, user: i64, at: u64) {
        let now = self.events;
        for key in self.keys.values_mut() {
            if key.user == user && key.known_at < at {
                key.dead_at.get_or_insert(now);
            }
        }
    }

    fn blocked(&mut self, user: i64, blocked: Option<bool>, at: u64) -> Check {
        if self.ledger.block_answered(user, blocked) && blocked == Some(true) {
            self.blocked_since.insert(user, self.events);
            self.revoke_keys(user, at);
            self.end_sessions(user, at)?;
        }
        Ok(())
    }

    fn confirmed(&mut self, peer: PeerId, seq: i64, done: bool) -> Check {
        let now = self.net.now();
        let Some(session) = &self.streams[peer.0].session else { return Ok(()) };
        if !done || seq > session.pushed {
            let pushed = session.pushed;
            return Err(format!("P13: confirming {seq} is answered {done}; pushed was {pushed}"));
        }
        let reach = self.reaches.entry(session.user).or_default();
        if session.acks {
            if !self.cursors_wait {
                reach.confirmed.push((now, seq));
            }
            reach.told = reach.told.max(seq);
        }
        Ok(())
    }

    /// What was refused is counted (P29).
    fn check_figures(&mut self, payload: &Payload) -> Check {
        let data = payload.data.as_ref().ok_or("no figures")?;
        for (code, heard) in &self.refusals {
            let counted = data["refusals"][code].as_u64().unwrap_or_default();
            if counted < *heard {
                return Err(format!("P29: {code} was heard {heard} times, {counted} are counted"));
            }
        }
        self.figure = data["messages"].as_i64();
        Ok(())
    }

    fn note_history(&mut self, peer: PeerId, other: i64, payload: &Payload) {
        let Some(session) = &self.streams[peer.0].session else { return };
        let messages = payload.data.as_ref().and_then(|data| data["messages"].as_array());
        let seq = |message: &Value| message["payload"]["seq"].as_i64();
        let seqs = messages.into_iter().flatten().filter_map(seq).collect();
        self.histories.push((session.user, other, seqs));
    }

    fn new_key(&mut self, peer: PeerId, key: &str) {
        let now = self.events;
        let Some(session) = &mut self.streams[peer.0].session else { return };
        let user = session.user;
        let old = std::mem::replace(&mut session.key, key.to_owned());
        self.keys.entry(old).and_modify(|key| _ = key.dead_at.get_or_insert(now));
        self.keys.insert(key.to_owned(), Key { user, known_at: now, dead_at: None });
    }

    fn signed_out(&mut self, peer: PeerId) {
        let now = self.events;
        self.streams[peer.0].accepted_at = Some(self.now());
        self.streams[peer.0].signed_out();
        let Some(session) = self.streams[peer.0].session.take() else { return };
        self.keys.entry(session.key.clone()).and_modify(|key| _ = key.dead_at.get_or_insert(now));
        self.past.push(session);
    }
}

/// The refusals that come of a state that faults and people have to make first.
fn refusal(code: &str) -> Option<Happening> {
    Some(match code {
        "storage_full" => Happening::StorageFull,
        "mailbox_full" => Happening::MailboxFull,
        "quota_full" => Happening::QuotaFull,
        "slow_down" => Happening::SlowDown,
        "group_blocked" => Happening::GroupBlocked,
        "not_member" => Happening::NotMember,
        "no_such_group" => Happening::NoSuchGroup,
        "user_blocked" => Happening::BlockedAtTheDoor,
        _ => return None,
    })
}
