//! Accounts and sessions: register, sign in, sign out, who am I.
//!
//! A password is never hashed here: the handler stages the work, the connection waits, and
//! [`hash_done`] goes on when the helper thread is through. Everything that was true before is
//! looked up again then.

use rand::Rng;

use super::caller::{Anyone, Guest, Member};
use super::context::{Answer, Cx, Failure, Outcome};
use super::operator;
use crate::id::{Moment, UserId};
use crate::limits::{KEY_AGE_SECONDS, KEY_IDLE_SECONDS, Limits};
use crate::locale::reply::Reply;
use crate::locale::{self, Lang};
use crate::names::{Name, user_key};
use crate::outbox::{Effect, Purpose, Waiting};
use crate::password::{self, KeyHash, Secret, Task};
use crate::sessions::SignIn;
use crate::store::{Store, StoreError, User};
use crate::throttle::{Attempt, Judged, Place, Prefix, Throttle};
use crate::wire::command::{self, Help, Login, Logout, Passwd, Ping, Reg, Resume, Whoami};
use crate::wire::response::{Data, Welcome};
use crate::wire::{Code, Refusal};

/// `ping`: nothing but an answer.
pub fn ping(_: &mut Cx, _: Anyone, _: Ping) -> Answer {
    Ok(Outcome::said(Reply::Pong))
}

/// `reg`: makes an account. Does not sign in.
pub fn reg(cx: &mut Cx, _: Guest, req: Reg) -> Answer {
    let name = Name::user(req.username)
        .map_err(|flaw| Refusal::about(Code::BadName, format!("user_{flaw}")))?;
    if let Some(word) = name.looks_reserved() {
        return Err(Refusal::about(Code::NameReserved, word).into());
    }
    check_strength(req.password, &name.text)?;
    cx.need_storage()?;
    let is_invited = check_invite(cx, req.invite)?;
    check_name_is_free(cx, &name)?;
    // Whoever an operator invited is not held up by others behind the same address.
    let counted_for = (!is_invited).then_some(cx.caller.address);
    if let Some(address) = counted_for {
        let (limits, now) = (&cx.rules.limits, cx.now.mono);
        cx.throttle.register(address, limits, now).map_err(Refusal::slow_down)?;
    }
    let task = Task::Hash { password: Secret::from(req.password), salt: salt(cx) };
    wait_for_hash(cx, task, Purpose::Register { name, counted_for })
}

/// `login`: signs in with a password. An unknown name costs the same work as a known one.
pub fn login(cx: &mut Cx, _: Guest, req: Login) -> Answer {
    let namekey = user_key(req.username);
    let (user, stored) = match cx.store.people().credentials(&namekey)? {
        Some(credentials) => (Some(credentials.user.id), credentials.password),
        None => (None, password::decoy(cx.rules.hash_cost)),
    };
    let place = place_of(cx, user)?;
    let attempt = begin_attempt(cx, &namekey, place)?;
    let (password, salt) = (Secret::from(req.password), salt(cx));
    let task = Task::Verify { password, stored: stored.clone(), salt };
    wait_for_hash(cx, task, Purpose::SignIn { user, attempt, stored, acks: req.ack })
}

/// `resume`: signs in with the key of the last sign-in.
pub fn resume(cx: &mut Cx, _: Guest, req: Resume) -> Answer {
    let key = req.auth_token.ok_or(Code::BadKey)?;
    let hash = KeyHash::of(key);
    let owner = cx.store.people().key_owner(&hash.0)?.ok_or(Code::BadKey)?;
    let unix = cx.now.unix;
    if unix >= owner.created + KEY_AGE_SECONDS || unix >= owner.used + KEY_IDLE_SECONDS {
        return Err(Code::BadKey.into());
    }
    if owner.user.blocked {
        return Err(Code::UserBlocked.into());
    }
    // Coming back with the session's own key is no takeover: the old connection is a dead one
    // that nobody has noticed yet.
    let conn = cx.sessions.conn_of(owner.user.id);
    let session = conn.and_then(|conn| cx.sessions.get(conn));
    if session.is_some_and(|session| session.key_hash != hash) {
        count_takeover(cx, owner.user.id)?;
    }
    cx.store.people_mut().touch_key(owner.user.id, unix)?;
    begin_session(cx, &owner.user, key.to_owned(), owner.created, req.ack)
}

/// `logout`: ends the session and its key; the connection stays.
pub fn logout(cx: &mut Cx, member: Member, _: Logout) -> Answer {
    cx.store.people_mut().set_key(member.id(), None, cx.now.unix)?;
    cx.outbox.stage(Effect::SignOut(cx.caller.conn));
    Ok(Outcome::said(Reply::SignedOut))
}

/// `passwd`: another password and another key.
pub fn passwd(cx: &mut Cx, member: Member, req: Passwd) -> Answer {
    let (user, old, new) = (member.id(), req.password, req.newpassword);
    let name = cx.name_of(user)?;
    check_strength(new, &name)?;
    let stored = cx.store.people().password(user)?.ok_or(Code::Internal)?;
    let attempt = begin_attempt(cx, &user_key(&name), Place::Session)?;
    let (old, new, salt) = (Secret::from(old), Secret::from(new), salt(cx));
    wait_for_hash(cx, Task::Change { old, stored, new, salt }, Purpose::Change(user, attempt))
}

/// `whoami`.
pub fn whoami(cx: &mut Cx, member: Member, _: Whoami) -> Answer {
    let (name, admin) = (cx.name_of(member.id())?, member.is_admin());
    let data = serde_json::json!({"username": name, "user_id": member.id().0, "is_admin": admin});
    Ok(Outcome::Done(Reply::Whoami { name, admin }, Data::Object(data)))
}

/// `lang`: the language of this session from here on, this answer included.
pub fn lang(cx: &mut Cx, _: Member, req: command::Lang) -> Answer {
    cx.lang = Lang::from_tag(req.lang);
    cx.outbox.stage(Effect::Speak(cx.caller.conn, cx.lang));
    Ok(Outcome::said(Reply::LangSet))
}

/// `help`: what can be typed, or how one command is used.
pub fn help(cx: &mut Cx, member: Member, req: Help) -> Answer {
    let words = locale::command::help(cx.lang, member.is_admin(), req.query);
    Ok(Outcome::said(Reply::Words(words)))
}

/// Goes on with `reg`, `login` or `passwd` when the password is hashed.
pub fn hash_done(cx: &mut Cx, purpose: &Purpose, outcome: &password::Outcome) -> Answer {
    let judged = judge(cx.store, cx.throttle, &cx.rules.limits, purpose, outcome, cx.now.mono)?;
    match (purpose, outcome) {
        (Purpose::Register { name, counted_for }, password::Outcome::Hashed(stored)) => {
            let answer = registered(cx, name, stored);
            if let (Err(Failure::Refused(_)), Some(address)) = (&answer, counted_for) {
                let (limits, now) = (&cx.rules.limits, cx.now.mono);
                cx.throttle.give_registration_back(*address, limits, now);
            }
            answer
        }
        (
            Purpose::SignIn { user: Some(user), acks, .. },
            password::Outcome::Verified { renewed, .. },
        ) if judged == Judged::Right => signed_in(cx, *user, renewed.as_deref(), *acks),
        (Purpose::SignIn { .. }, password::Outcome::Verified { .. })
        | (Purpose::Change(..), password::Outcome::Changed(None)) => {
            Err(Code::BadCredentials.into())
        }
        (Purpose::Change(user, _), password::Outcome::Changed(Some(stored))) => {
            changed(cx, *user, stored)
        }
        (Purpose::Reset(user), password::Outcome::Hashed(stored)) => {
            operator::password_is_reset(cx, *user, stored)
        }
        // The helper thread was short of memory.
        _ => Err(Code::Busy.into()),
    }
}

fn registered(cx: &mut Cx, name: &Name, stored: &str) -> Answer {
    cx.need_storage()?;
    if cx.store.people().user_by_key(&name.key)?.is_some() {
        return Err(Code::UserExists.into());
    }
    cx.store.add_user(name, stored, false, cx.now.unix)?;
    Ok(Outcome::said(Reply::Registered { name: name.text.clone() }))
}

/// Says what a hash that is done tells of its attempt, and has it counted as that: also where
/// nobody waits for it any more.
pub fn judge(
    store: &Store,
    throttle: &mut Throttle,
    limits: &Limits,
    purpose: &Purpose,
    outcome: &password::Outcome,
    now: Moment,
) -> Result<Judged, StoreError> {
    let judged = match (purpose, outcome) {
        (_, password::Outcome::Failed) => Ok(Judged::Not),
        (Purpose::SignIn { user, stored, .. }, password::Outcome::Verified { ok, .. }) => {
            // The password may have been changed while this one was compared.
            let current = user.map(|user| store.people().password(user)).transpose();
            let is_right = |current: Option<String>| *ok && current.as_ref() == Some(stored);
            current.map(|current| Judged::of(is_right(current.flatten())))
        }
        (_, outcome) => Ok(Judged::of(!matches!(outcome, password::Outcome::Changed(None)))),
    };
    let counted = judged.as_ref().copied().unwrap_or(Judged::Not);
    end_attempt(throttle, purpose, counted, limits, now);
    judged
}

/// Has what a hash was wanted for counted as it turned out.
pub fn end_attempt(
    throttle: &mut Throttle,
    purpose: &Purpose,
    judged: Judged,
    limits: &Limits,
    now: Moment,
) {
    match purpose {
        Purpose::SignIn { attempt, .. } | Purpose::Change(_, attempt) => {
            throttle.end(attempt, judged, limits, now);
        }
        Purpose::Register { counted_for: Some(address), .. } if judged == Judged::Not => {
            throttle.give_registration_back(*address, limits, now);
        }
        Purpose::Register { .. } | Purpose::Reset(_) => {}
    }
}

/// The password was right.
fn signed_in(cx: &mut Cx, user: UserId, renewed: Option<&str>, acks: bool) -> Answer {
    let user = cx.store.people().user(user)?.ok_or(Code::BadCredentials)?;
    if user.blocked {
        return Err(Code::UserBlocked.into());
    }
    if cx.sessions.is_online(user.id) {
        count_takeover(cx, user.id)?;
    }
    if let Some(renewed) = renewed {
        cx.store.people_mut().set_password(user.id, renewed)?;
    }
    let unix = cx.now.unix;
    let key = new_key(cx, user.id)?;
    let address = cx.caller.address.to_canonical().to_string();
    cx.store.people_mut().log_sign_in(&user, unix, &address)?;
    cx.counters.sign_ins += 1;
    begin_session(cx, &user, key, unix, acks)
}

fn changed(cx: &mut Cx, user: UserId, stored: &str) -> Answer {
    // Signed out, or taken over, while the password was hashed.
    if cx.sessions.conn_of(user) != Some(cx.caller.conn) {
        return Err(Code::NotSignedIn.into());
    }
    cx.store.people_mut().set_password(user, stored)?;
    let key = new_key(cx, user)?;
    let expires = cx.now.unix + KEY_AGE_SECONDS;
    let new_key = Effect::NewKey(cx.caller.conn, KeyHash::of(&key), expires);
    cx.outbox.stage(new_key);
    let data = serde_json::json!({"auth_token": key});
    Ok(Outcome::Done(Reply::PasswordChanged, Data::Object(data)))
}

fn begin_session(cx: &mut Cx, user: &User, key: String, key_created: i64, acks: bool) -> Answer {
    let store = &cx.store;
    let stored = store.people().cursor(user.id)?;
    let moved = cx.sessions.moved_cursor(user.id);
    let moved = moved.unwrap_or_default();
    let older = cx.sessions.conn_of(user.id);
    let confirmed = older.map(|older| cx.outbox.confirmed(older));
    let cursor = stored.max(moved).max(confirmed.unwrap_or_default());
    let sign_in = SignIn {
        user: user.id,
        admin: user.admin,
        lang: cx.lang,
        acks,
        key_hash: KeyHash::of(&key),
        key_expires: key_created + KEY_AGE_SECONDS,
        groups: store.people().group_ids_of(user.id)?,
        cursor,
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
    if let Some(older) = older {
        cx.outbox.hold(older);
    }
    cx.outbox.stage(Effect::SignIn(cx.caller.conn, Box::new(sign_in)));
    let commands = welcome.commands.clone();
    let text = Reply::Welcome { name: user.name.clone(), admin: user.admin, commands };
    Ok(Outcome::Done(text, Data::Welcome(Box::new(welcome))))
}

pub(super) fn check_strength(password: &str, name: &str) -> Result<(), Failure> {
    match password::weakness(password, name) {
        None => Ok(()),
        Some(weakness) => Err(Refusal::about(Code::WeakPassword, weakness.name()).into()),
    }
}

/// Whether an invite code was brought. Whoever comes from elsewhere needs one.
fn check_invite(cx: &mut Cx, given: Option<&str>) -> Result<bool, Failure> {
    let (address, now) = (cx.caller.address, cx.now.mono);
    let Some(expected) = cx.rules.invite else { return Ok(false) };
    if address.to_canonical().is_loopback() {
        return Ok(false);
    }
    let given = given.filter(|code| !code.is_empty()).ok_or(Code::InviteRequired)?;
    let limits = &cx.rules.limits;
    cx.throttle.check_invite(address, limits, now).map_err(Refusal::slow_down)?;
    if KeyHash::of(given) == expected {
        return Ok(true);
    }
    cx.throttle.invite_missed(address, limits, now);
    Err(Code::BadInvite.into())
}

/// Refuses a name that is taken; who asks for many of them is slowed down.
fn check_name_is_free(cx: &mut Cx, name: &Name) -> Result<(), Failure> {
    let (address, now) = (cx.caller.address, cx.now.mono);
    let limits = &cx.rules.limits;
    cx.throttle.check_name(address, limits, now).map_err(Refusal::slow_down)?;
    if cx.store.people().user_by_key(&name.key)?.is_none() {
        return Ok(());
    }
    cx.throttle.name_was_taken(address, limits, now);
    Err(Code::UserExists.into())
}

/// Whether somebody signed in to the account from near where this one comes from.
fn place_of(cx: &Cx, user: Option<UserId>) -> Result<Place, Failure> {
    let here = Prefix::of(cx.caller.address);
    let Some(user) = user else { return Ok(Place::New) };
    let addresses = cx.store.people().sign_in_addresses(user)?;
    let is_here = |text: &String| text.parse().is_ok_and(|address| Prefix::of(address) == here);
    Ok(if addresses.iter().any(is_here) { Place::Known } else { Place::New })
}

/// An attempt at the account's password begins, if it may now.
fn begin_attempt(cx: &mut Cx, namekey: &str, place: Place) -> Result<Attempt, Failure> {
    let (limits, now) = (&cx.rules.limits, cx.now.mono);
    let attempt = Attempt::new(cx.caller.address, namekey, place);
    cx.throttle.begin(&attempt, limits, now).map_err(Refusal::slow_down)?;
    Ok(attempt)
}

/// Stages the hash; the connection is paused until it is done.
pub(super) fn wait_for_hash(cx: &mut Cx, task: Task, purpose: Purpose) -> Answer {
    let waiting = Waiting { re: cx.re.clone(), lang: cx.lang, purpose };
    let effect = Effect::Hash(cx.caller.conn, Box::new(task), Box::new(waiting));
    cx.outbox.stage(effect);
    Ok(Outcome::Later)
}

fn count_takeover(cx: &mut Cx, user: UserId) -> Result<(), Failure> {
    let (limits, now) = (&cx.rules.limits, cx.now.mono);
    cx.throttle.take_over(user, limits, now).map_err(|s| Refusal::slow_down(s).into())
}

/// A fresh login key: 32 bytes as hexadecimal digits. The database gets only its hash.
fn new_key(cx: &mut Cx, user: UserId) -> Result<String, Failure> {
    let mut bytes = [0; 32];
    cx.rng.fill_bytes(&mut bytes);
    let key: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    cx.store.people_mut().set_key(user, Some(&KeyHash::of(&key).0), cx.now.unix)?;
    Ok(key)
}

pub(super) fn salt(cx: &mut Cx) -> [u8; 16] {
    let mut salt = [0; 16];
    cx.rng.fill_bytes(&mut salt);
    salt
}
