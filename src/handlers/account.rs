//! Accounts and sessions: register, sign in, sign out, who am I.
//!
//! A password is never hashed here: the handler stages the work, the connection waits, and
//! [`hash_done`] goes on when the helper thread is through. Everything that was true before is
//! looked up again then.

use rand::Rng;

use super::{Answer, Context, Facts, No, Outcome, commands, operator};
use crate::id::{Moment, UserId};
use crate::limits::{KEY_AGE_SECONDS, KEY_IDLE_SECONDS, Limits};
use crate::locale::reply::Reply;
use crate::locale::{self, Lang};
use crate::names::{Name, user_key};
use crate::outbox::{Effect, Purpose, Waiting};
use crate::password::{self, KeyHash, Secret, Task};
use crate::sessions::SignIn;
use crate::store::{StoreError, User};
use crate::throttle::{Attempt, Judged, Place, Prefix, Throttle};
use crate::wire::response::{Data, Welcome};
use crate::wire::{Args, Code, Refusal};

/// `ping`: nothing but an answer.
pub fn ping(_: &mut Context, _: &Args) -> Answer {
    Ok(Outcome::said(Reply::Pong))
}

/// `reg`: makes an account. Does not sign in.
pub fn reg(context: &mut Context, args: &Args) -> Answer {
    refuse_signed_in(context)?;
    let name = Name::user(args.username()?)
        .map_err(|flaw| Refusal::about(Code::BadName, format!("user_{flaw}")))?;
    let password = required_password(args)?;
    if let Some(word) = name.looks_reserved() {
        return Err(Refusal::about(Code::NameReserved, word).into());
    }
    check_strength(password, &name.text)?;
    context.need_storage()?;
    let is_invited = check_invite(context, args)?;
    check_name_is_free(context, &name)?;
    // Whoever an operator invited is not held up by others behind the same address.
    let counted_for = (!is_invited).then_some(context.caller.address);
    if let Some(address) = counted_for {
        let (limits, now) = (&context.facts.rules.limits, context.facts.now.mono);
        context.facts.throttle.register(address, limits, now).map_err(Refusal::slow_down)?;
    }
    let task = Task::Hash { password: Secret::from(password), salt: salt(context) };
    wait_for_hash(context, task, Purpose::Register { name, counted_for })
}

/// `login`: signs in with a password. An unknown name costs the same work as a known one.
pub fn login(context: &mut Context, args: &Args) -> Answer {
    refuse_signed_in(context)?;
    let namekey = user_key(args.username()?);
    let password = required_password(args)?;
    let acks = args.ack()?;
    let (user, stored) = match context.facts.store.credentials(&namekey)? {
        Some(credentials) => (Some(credentials.user.id), credentials.password),
        None => (None, password::decoy(context.facts.rules.hash_cost)),
    };
    let place = place_of(context, user)?;
    let attempt = begin_attempt(context, &namekey, place)?;
    let (password, salt) = (Secret::from(password), salt(context));
    let task = Task::Verify { password, stored: stored.clone(), salt };
    wait_for_hash(context, task, Purpose::SignIn { user, attempt, stored, acks })
}

/// `resume`: signs in with the key of the last sign-in.
pub fn resume(context: &mut Context, args: &Args) -> Answer {
    refuse_signed_in(context)?;
    let key = args.auth_token()?.ok_or(Code::BadKey)?;
    let acks = args.ack()?;
    let hash = KeyHash::of(key);
    let owner = context.facts.store.key_owner(&hash.0)?.ok_or(Code::BadKey)?;
    let unix = context.facts.now.unix;
    if unix >= owner.created + KEY_AGE_SECONDS || unix >= owner.used + KEY_IDLE_SECONDS {
        return Err(Code::BadKey.into());
    }
    if owner.user.blocked {
        return Err(Code::UserBlocked.into());
    }
    // Coming back with the session's own key is no takeover: the old connection is a dead one
    // that nobody has noticed yet.
    let conn = context.facts.sessions.conn_of(owner.user.id);
    let session = conn.and_then(|conn| context.facts.sessions.get(conn));
    if session.is_some_and(|session| session.key_hash != hash) {
        count_takeover(context, owner.user.id)?;
    }
    context.facts.store.touch_key(owner.user.id, unix)?;
    begin_session(context, &owner.user, key.to_owned(), owner.created, acks)
}

/// `logout`: ends the session and its key; the connection stays.
pub fn logout(context: &mut Context, user: UserId, _: &Args) -> Answer {
    context.facts.store.set_key(user, None, context.facts.now.unix)?;
    context.facts.outbox.stage(Effect::SignOut(context.caller.conn));
    Ok(Outcome::said(Reply::SignedOut))
}

/// `passwd`: another password and another key.
pub fn passwd(context: &mut Context, user: UserId, args: &Args) -> Answer {
    let old = required_password(args)?;
    let new = args.newpassword()?.ok_or(Refusal::about(Code::BadRequest, "newpassword"))?;
    let name = context.name_of(user)?;
    check_strength(new, &name)?;
    let stored = context.facts.store.password(user)?.ok_or(Code::Internal)?;
    let attempt = begin_attempt(context, &user_key(&name), Place::Session)?;
    let (old, new, salt) = (Secret::from(old), Secret::from(new), salt(context));
    wait_for_hash(context, Task::Change { old, stored, new, salt }, Purpose::Change(user, attempt))
}

/// `whoami`.
pub fn whoami(context: &mut Context, user: UserId, _: &Args) -> Answer {
    let name = context.name_of(user)?;
    let admin = context.is_admin();
    let data = serde_json::json!({"username": name, "user_id": user.0, "is_admin": admin});
    Ok(Outcome::Done(Reply::Whoami { name, admin }, Data::Object(data)))
}

/// `lang`: the language of this session from here on, this answer included.
pub fn lang(context: &mut Context, _: UserId, args: &Args) -> Answer {
    let tag = args.lang()?.ok_or(Refusal::about(Code::BadRequest, "lang"))?;
    context.lang = Lang::from_tag(tag);
    context.facts.outbox.stage(Effect::Speak(context.caller.conn, context.lang));
    Ok(Outcome::said(Reply::LangSet))
}

/// `help`: what can be typed, or how one command is used.
pub fn help(context: &mut Context, _: UserId, args: &Args) -> Answer {
    let words = locale::command::help(context.lang, context.is_admin(), args.query()?);
    Ok(Outcome::said(Reply::Words(words)))
}

/// Goes on with `reg`, `login` or `passwd` when the password is hashed.
pub fn hash_done(context: &mut Context, purpose: &Purpose, outcome: &password::Outcome) -> Answer {
    let judged = judge(context.facts, purpose, outcome)?;
    match (purpose, outcome) {
        (Purpose::Register { name, counted_for }, password::Outcome::Hashed(stored)) => {
            let answer = registered(context, name, stored);
            if let (Err(No::Refused(_)), Some(address)) = (&answer, counted_for) {
                let (limits, now) = (&context.facts.rules.limits, context.facts.now.mono);
                context.facts.throttle.give_registration_back(*address, limits, now);
            }
            answer
        }
        (
            Purpose::SignIn { user: Some(user), acks, .. },
            password::Outcome::Verified { renewed, .. },
        ) if judged == Judged::Right => signed_in(context, *user, renewed.as_deref(), *acks),
        (Purpose::SignIn { .. }, password::Outcome::Verified { .. })
        | (Purpose::Change(..), password::Outcome::Changed(None)) => {
            Err(Code::BadCredentials.into())
        }
        (Purpose::Change(user, _), password::Outcome::Changed(Some(stored))) => {
            changed(context, *user, stored)
        }
        (Purpose::Reset(user), password::Outcome::Hashed(stored)) => {
            operator::password_is_reset(context, *user, stored)
        }
        // The helper thread was short of memory.
        _ => Err(Code::Busy.into()),
    }
}

fn registered(context: &mut Context, name: &Name, stored: &str) -> Answer {
    context.need_storage()?;
    if context.facts.store.user_by_key(&name.key)?.is_some() {
        return Err(Code::UserExists.into());
    }
    context.facts.store.add_user(name, stored, false, context.facts.now.unix)?;
    Ok(Outcome::said(Reply::Registered { name: name.text.clone() }))
}

/// Says what a hash that is done tells of its attempt, and has it counted as that: also where
/// nobody waits for it any more.
pub fn judge(
    facts: &mut Facts,
    purpose: &Purpose,
    outcome: &password::Outcome,
) -> Result<Judged, StoreError> {
    let judged = match (purpose, outcome) {
        (_, password::Outcome::Failed) => Ok(Judged::Not),
        (Purpose::SignIn { user, stored, .. }, password::Outcome::Verified { ok, .. }) => {
            // The password may have been changed while this one was compared.
            let current = user.map(|user| facts.store.password(user)).transpose();
            let is_right = |current: Option<String>| *ok && current.as_ref() == Some(stored);
            current.map(|current| Judged::of(is_right(current.flatten())))
        }
        (_, outcome) => Ok(Judged::of(!matches!(outcome, password::Outcome::Changed(None)))),
    };
    let counted = judged.as_ref().copied().unwrap_or(Judged::Not);
    end_attempt(facts.throttle, purpose, counted, &facts.rules.limits, facts.now.mono);
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
fn signed_in(context: &mut Context, user: UserId, renewed: Option<&str>, acks: bool) -> Answer {
    let user = context.facts.store.user(user)?.ok_or(Code::BadCredentials)?;
    if user.blocked {
        return Err(Code::UserBlocked.into());
    }
    if context.facts.sessions.is_online(user.id) {
        count_takeover(context, user.id)?;
    }
    if let Some(renewed) = renewed {
        context.facts.store.set_password(user.id, renewed)?;
    }
    let unix = context.facts.now.unix;
    let key = new_key(context, user.id)?;
    let address = context.caller.address.to_canonical().to_string();
    context.facts.store.log_sign_in(&user, unix, &address)?;
    context.facts.counters.sign_ins += 1;
    begin_session(context, &user, key, unix, acks)
}

fn changed(context: &mut Context, user: UserId, stored: &str) -> Answer {
    // Signed out, or taken over, while the password was hashed.
    if context.facts.sessions.conn_of(user) != Some(context.caller.conn) {
        return Err(Code::NotSignedIn.into());
    }
    context.facts.store.set_password(user, stored)?;
    let key = new_key(context, user)?;
    let expires = context.facts.now.unix + KEY_AGE_SECONDS;
    let new_key = Effect::NewKey(context.caller.conn, KeyHash::of(&key), expires);
    context.facts.outbox.stage(new_key);
    let data = serde_json::json!({"auth_token": key});
    Ok(Outcome::Done(Reply::PasswordChanged, Data::Object(data)))
}

fn begin_session(
    context: &mut Context,
    user: &User,
    key: String,
    key_created: i64,
    acks: bool,
) -> Answer {
    let store = &context.facts.store;
    let stored = store.cursor(user.id)?;
    let moved = context.facts.sessions.moved_cursor(user.id);
    let moved = moved.unwrap_or_default();
    let older = context.facts.sessions.conn_of(user.id);
    let confirmed = older.map(|older| context.facts.outbox.confirmed(older));
    let cursor = stored.max(moved).max(confirmed.unwrap_or_default());
    let sign_in = SignIn {
        user: user.id,
        admin: user.admin,
        lang: context.lang,
        acks,
        key_hash: KeyHash::of(&key),
        key_expires: key_created + KEY_AGE_SECONDS,
        groups: store.group_ids_of(user.id)?,
        cursor,
    };
    let welcome = Welcome {
        auth_token: key,
        is_admin: user.admin,
        user_id: user.id.0,
        username: user.name.clone(),
        commands: commands(user.admin),
        epoch: store.epoch().to_owned(),
        cursor: cursor.0,
    };
    if let Some(older) = older {
        context.facts.outbox.hold(older);
    }
    context.facts.outbox.stage(Effect::SignIn(context.caller.conn, Box::new(sign_in)));
    let commands = welcome.commands.clone();
    let text = Reply::Welcome { name: user.name.clone(), admin: user.admin, commands };
    Ok(Outcome::Done(text, Data::Welcome(Box::new(welcome))))
}

fn refuse_signed_in(context: &Context) -> Result<(), No> {
    match context.facts.sessions.get(context.caller.conn) {
        Some(_) => Err(Code::AlreadySignedIn.into()),
        None => Ok(()),
    }
}

pub(super) fn required_password<'a>(args: &'a Args) -> Result<&'a str, No> {
    Ok(args.password()?.ok_or(Refusal::about(Code::BadRequest, "password"))?)
}

pub(super) fn check_strength(password: &str, name: &str) -> Result<(), No> {
    match password::weakness(password, name) {
        None => Ok(()),
        Some(weakness) => Err(Refusal::about(Code::WeakPassword, weakness.name()).into()),
    }
}

/// Whether an invite code was brought. Whoever comes from elsewhere needs one.
fn check_invite(context: &mut Context, args: &Args) -> Result<bool, No> {
    let (address, now) = (context.caller.address, context.facts.now.mono);
    let Some(expected) = context.facts.rules.invite else { return Ok(false) };
    if address.to_canonical().is_loopback() {
        return Ok(false);
    }
    let given = args.invite()?.filter(|code| !code.is_empty()).ok_or(Code::InviteRequired)?;
    let limits = &context.facts.rules.limits;
    context.facts.throttle.check_invite(address, limits, now).map_err(Refusal::slow_down)?;
    if KeyHash::of(given) == expected {
        return Ok(true);
    }
    context.facts.throttle.invite_missed(address, limits, now);
    Err(Code::BadInvite.into())
}

/// Refuses a name that is taken; who asks for many of them is slowed down.
fn check_name_is_free(context: &mut Context, name: &Name) -> Result<(), No> {
    let (address, now) = (context.caller.address, context.facts.now.mono);
    let limits = &context.facts.rules.limits;
    context.facts.throttle.check_name(address, limits, now).map_err(Refusal::slow_down)?;
    if context.facts.store.user_by_key(&name.key)?.is_none() {
        return Ok(());
    }
    context.facts.throttle.name_was_taken(address, limits, now);
    Err(Code::UserExists.into())
}

/// Whether somebody signed in to the account from near where this one comes from.
fn place_of(context: &Context, user: Option<UserId>) -> Result<Place, No> {
    let here = Prefix::of(context.caller.address);
    let Some(user) = user else { return Ok(Place::New) };
    let addresses = context.facts.store.sign_in_addresses(user)?;
    let is_here = |text: &String| text.parse().is_ok_and(|address| Prefix::of(address) == here);
    Ok(if addresses.iter().any(is_here) { Place::Known } else { Place::New })
}

/// An attempt at the account's password begins, if it may now.
fn begin_attempt(context: &mut Context, namekey: &str, place: Place) -> Result<Attempt, No> {
    let (limits, now) = (&context.facts.rules.limits, context.facts.now.mono);
    let attempt = Attempt::new(context.caller.address, namekey, place);
    context.facts.throttle.begin(&attempt, limits, now).map_err(Refusal::slow_down)?;
    Ok(attempt)
}

/// Stages the hash; the connection is paused until it is done.
pub(super) fn wait_for_hash(context: &mut Context, task: Task, purpose: Purpose) -> Answer {
    let waiting = Waiting { re: context.re.clone(), lang: context.lang, purpose };
    let effect = Effect::Hash(context.caller.conn, Box::new(task), Box::new(waiting));
    context.facts.outbox.stage(effect);
    Ok(Outcome::Later)
}

fn count_takeover(context: &mut Context, user: UserId) -> Result<(), No> {
    let (limits, now) = (&context.facts.rules.limits, context.facts.now.mono);
    context.facts.throttle.take_over(user, limits, now).map_err(|s| Refusal::slow_down(s).into())
}

/// A fresh login key: 32 bytes as hexadecimal digits. The database gets only its hash.
fn new_key(context: &mut Context, user: UserId) -> Result<String, No> {
    let mut bytes = [0; 32];
    context.facts.rng.fill_bytes(&mut bytes);
    let key: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    context.facts.store.set_key(user, Some(&KeyHash::of(&key).0), context.facts.now.unix)?;
    Ok(key)
}

pub(super) fn salt(context: &mut Context) -> [u8; 16] {
    let mut salt = [0; 16];
    context.facts.rng.fill_bytes(&mut salt);
    salt
}
