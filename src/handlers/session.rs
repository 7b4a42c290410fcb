//! Sessions: sign in, sign out, and what is about the session itself.
//!
//! A sign-in with a password waits for a hash; [`signed_in`] goes on when it is done. The session
//! begins and ends as an effect, after COMMIT.

use rand::Rng;

use super::caller::{Anyone, Guest, Member};
use super::context::{Answer, Cx, Failure, Outcome, refuse_if};
use super::hashing::{begin_attempt, salt, wait_for_hash};
use crate::id::{Seq, UserId};
use crate::limits::{KEY_AGE_SECONDS, KEY_IDLE_SECONDS};
use crate::locale::reply::Reply;
use crate::locale::{self, Lang};
use crate::names::user_key;
use crate::outbox::{Effect, Purpose};
use crate::password::{self, KeyHash, Secret, Task};
use crate::sessions::Who;
use crate::store::User;
use crate::throttle::{Prefix, Tally, TriedFrom, Whom};
use crate::wire::command::{self, Help, Login, Logout, Ping, Resume};
use crate::wire::response::{Data, Welcome};
use crate::wire::{Code, Refusal};

/// Answers `ping`.
pub fn ping(_: &mut Cx, _: Anyone, _: Ping) -> Answer {
    Ok(Outcome::said(Reply::Pong))
}

/// Answers `login`: signs in with a password. An unknown name costs the same work as a known one.
pub fn login(cx: &mut Cx, _: Guest, req: Login) -> Answer {
    let namekey = user_key(req.username);
    let (user, stored) = match cx.store.people().credentials(&namekey)? {
        Some((user, stored)) => (Some(user), stored),
        None => (None, password::decoy(cx.rules.hash_cost)),
    };
    let place = place_of(cx, user)?;
    let attempt = begin_attempt(cx, &namekey, place)?;
    let (password, salt) = (Secret::from(req.password), salt(cx));
    let task = Task::Verify { password, stored: stored.clone(), salt };
    wait_for_hash(cx, task, Purpose::SignIn { user, attempt, stored, acks: req.ack })
}

/// Answers `resume`: signs in with the key of the last sign-in.
pub fn resume(cx: &mut Cx, _: Guest, req: Resume) -> Answer {
    let key = req.auth_token.ok_or(Code::BadKey)?;
    let hash = KeyHash::of(key);
    let owner = cx.store.people().key_owner(&hash.0)?.ok_or(Code::BadKey)?;
    let unix = cx.now.unix;
    let is_old = unix >= owner.created + KEY_AGE_SECONDS || unix >= owner.used + KEY_IDLE_SECONDS;
    refuse_if(is_old, Code::BadKey)?;
    refuse_if(owner.user.blocked, Code::UserBlocked)?;
    // Signing in with the session's own key is no takeover: the old connection is cut, and the
    // server has not noticed yet.
    let ending = cx.sessions.crowded_out(owner.user.id);
    let mut ending = ending.iter().filter_map(|conn| cx.sessions.get(*conn));
    if ending.any(|session| session.who.key_hash != hash) {
        count_takeover(cx, &owner.user)?;
    }
    cx.store.people_mut().touch_key(owner.user.id, unix)?;
    cx.log("resume", Some(&owner.user.name), None);
    begin_session(cx, &owner.user, key.to_owned(), owner.created, req.ack)
}

/// Answers `logout`: ends the session and its key; the connection stays.
pub fn logout(cx: &mut Cx, member: Member, _: Logout) -> Answer {
    cx.store.people_mut().set_key(member.id(), None, cx.now.unix)?;
    cx.outbox.stage(Effect::SignOut(cx.caller.conn));
    Ok(Outcome::said(Reply::SignedOut))
}

/// Answers `lang`: changes the language of this session, from this answer on.
pub fn lang(cx: &mut Cx, _: Member, req: command::Lang) -> Answer {
    cx.lang = Lang::from_tag(req.lang);
    cx.outbox.stage(Effect::Speak(cx.caller.conn, cx.lang));
    Ok(Outcome::said(Reply::LangSet))
}

/// Answers `help`: lists the commands, or explains one of them.
pub fn help(cx: &mut Cx, member: Member, req: Help) -> Answer {
    let text = locale::command::help(cx.lang, member.is_admin(), req.query);
    Ok(Outcome::said(Reply::Help(text)))
}

/// Goes on with `login` when the password was right.
pub fn signed_in(cx: &mut Cx, user: UserId, renewed: Option<&str>, acks: bool) -> Answer {
    let user = cx.store.people().user(user)?.ok_or(Code::BadCredentials)?;
    refuse_if(user.blocked, Code::UserBlocked)?;
    if !cx.sessions.crowded_out(user.id).is_empty() {
        count_takeover(cx, &user)?;
    }
    if let Some(renewed) = renewed {
        cx.store.people_mut().set_password(user.id, renewed)?;
    }
    let unix = cx.now.unix;
    let key = new_key(cx, user.id)?;
    let address = cx.caller.address.to_canonical().to_string();
    cx.store.people_mut().log_sign_in(&user, unix, &address)?;
    cx.counters.sign_ins += 1;
    cx.log("sign_in", Some(&user.name), None);
    begin_session(cx, &user, key, unix, acks)
}

/// Stages that a session begins, and that an older one of the user ends.
fn begin_session(cx: &mut Cx, user: &User, key: String, key_created: i64, acks: bool) -> Answer {
    let store = &cx.store;
    let stored = store.people().cursor(user.id)?;
    let moved = cx.sessions.moved_cursor(user.id);
    let older = cx.sessions.conns_of(user.id);
    let confirmed = older.iter().map(|older| cx.outbox.confirmed(*older));
    let cursor = confirmed.chain(moved).fold(stored, Seq::max);
    let who = Who {
        user: user.id,
        admin: user.admin,
        lang: cx.lang,
        acks,
        key_hash: KeyHash::of(&key),
        key_expires: key_created + KEY_AGE_SECONDS,
        groups: store.people().group_ids_of(user.id)?,
    };
    let welcome = Welcome {
        auth_token: key,
        is_admin: user.admin,
        user_id: user.id.0,
        username: user.name.clone(),
        commands: command::usable(user.admin),
        epoch: store.epoch().to_owned(),
        cursor: cursor.0,
    };
    let ending = cx.sessions.crowded_out(user.id);
    ending.into_iter().for_each(|conn| cx.outbox.hold(conn));
    cx.outbox.stage(Effect::SignIn(cx.caller.conn, Box::new(who), cursor));
    let (name, commands) = (user.name.clone(), welcome.commands.join(" "));
    let text = match user.admin {
        true => Reply::WelcomeAdmin { name, commands },
        false => Reply::Welcome { name, commands },
    };
    Ok(Outcome::Done(text, Data::Welcome(Box::new(welcome))))
}

/// Whether the caller's address prefix is one from which the account was signed in to before.
fn place_of(cx: &Cx, user: Option<UserId>) -> Result<TriedFrom, Failure> {
    let here = Prefix::of(cx.caller.address);
    let Some(user) = user else { return Ok(TriedFrom::New) };
    let addresses = cx.store.people().sign_in_addresses(user)?;
    let is_here = |text: &String| text.parse().is_ok_and(|address| Prefix::of(address) == here);
    Ok(if addresses.iter().any(is_here) { TriedFrom::Known } else { TriedFrom::New })
}

/// Counts that a user's session moves to another connection.
///
/// # Errors
/// `slow_down`.
fn count_takeover(cx: &mut Cx, user: &User) -> Result<(), Failure> {
    let (limits, now) = (&cx.rules.limits, cx.now.mono);
    let counted = cx.throttle.take(Tally::Takeovers, Whom::User(user.id), limits, now);
    counted.map_err(Refusal::slow_down)?;
    cx.log("takeover", Some(&user.name), None);
    Ok(())
}

/// A fresh login key: 32 bytes as hexadecimal digits. The database gets only its hash.
pub fn new_key(cx: &mut Cx, user: UserId) -> Result<String, Failure> {
    let mut bytes = [0; 32];
    cx.rng.fill_bytes(&mut bytes);
    let key: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    cx.store.people_mut().set_key(user, Some(&KeyHash::of(&key).0), cx.now.unix)?;
    Ok(key)
}
