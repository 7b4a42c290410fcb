//! Accounts: register, change the password, tell who is signed in.
//!
//! Registering and changing a password wait for a hash; [`registered`] and [`changed`] go on when
//! it is done. Everything that was true before is looked up again then.

use super::caller::{Guest, Member};
use super::context::{Answer, Cx, Failure, Outcome, refuse_if};
use super::hashing::{begin_attempt, check_strength, salt, wait_for_hash};
use super::session::new_key;
use crate::id::UserId;
use crate::limits::KEY_AGE_SECONDS;
use crate::locale::reply::Reply;
use crate::names::{Name, user_key};
use crate::outbox::{Effect, Purpose};
use crate::password::{KeyHash, Secret, Task};
use crate::throttle::{Tally, TriedFrom, Whom};
use crate::wire::command::{Passwd, Reg, Whoami};
use crate::wire::response::Data;
use crate::wire::{Code, Refusal};

/// Answers `reg`: makes an account. It does not sign in.
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
    // An invited user does not wait because of others at the same address.
    let counted_for = (!is_invited).then_some(cx.caller.address);
    if let Some(address) = counted_for {
        let (limits, now) = (&cx.rules.limits, cx.now.mono);
        let counted = cx.throttle.take(Tally::Registrations, Whom::Address(address), limits, now);
        counted.map_err(Refusal::slow_down)?;
    }
    let task = Task::Hash { password: Secret::from(req.password), salt: salt(cx) };
    wait_for_hash(cx, task, Purpose::Register { name, counted_for })
}

/// Answers `passwd`: changes the password and the login key.
pub fn passwd(cx: &mut Cx, member: Member, req: Passwd) -> Answer {
    let (user, old, new) = (member.id(), req.password, req.newpassword);
    let name = cx.name_of(user)?;
    check_strength(new, &name)?;
    let stored = cx.store.people().password(user)?.ok_or(Code::Internal)?;
    let attempt = begin_attempt(cx, &user_key(&name), TriedFrom::Session)?;
    let (old, new, salt) = (Secret::from(old), Secret::from(new), salt(cx));
    wait_for_hash(cx, Task::Change { old, stored, new, salt }, Purpose::Change(user, attempt))
}

/// Answers `whoami`: tells the user of this session.
pub fn whoami(cx: &mut Cx, member: Member, _: Whoami) -> Answer {
    let (name, admin) = (cx.name_of(member.id())?, member.is_admin());
    let data = serde_json::json!({"username": name, "user_id": member.id().0, "is_admin": admin});
    let reply = if admin { Reply::WhoamiAdmin { name } } else { Reply::Whoami { name } };
    Ok(Outcome::Done(reply, Data::Object(data)))
}

/// Goes on with `reg` when the password is hashed.
pub fn registered(cx: &mut Cx, name: &Name, stored: &str) -> Answer {
    cx.need_storage()?;
    refuse_if(cx.store.people().user_by_key(&name.key)?.is_some(), Code::UserExists)?;
    cx.store.people_mut().add_user(name, stored, false, cx.now.unix)?;
    cx.log("register", Some(&name.text), None);
    Ok(Outcome::said(Reply::Registered { name: name.text.clone() }))
}

/// Goes on with `passwd` when the old password was right and the new one is hashed.
pub fn changed(cx: &mut Cx, user: UserId, stored: &str) -> Answer {
    // Signed out, or taken over, while the password was hashed.
    let session = cx.sessions.get(cx.caller.conn);
    refuse_if(session.is_none_or(|session| session.who.user != user), Code::NotSignedIn)?;
    cx.store.people_mut().set_password(user, stored)?;
    let key = new_key(cx, user)?;
    let expires = cx.now.unix + KEY_AGE_SECONDS;
    let new_key = Effect::NewKey(cx.caller.conn, KeyHash::of(&key), expires);
    cx.outbox.stage(new_key);
    let data = serde_json::json!({"auth_token": key});
    Ok(Outcome::Done(Reply::PasswordChanged, Data::Object(data)))
}

/// Whether an invite code was brought. From another machine one is needed, if the operator
/// wants it.
///
/// # Errors
/// `invite_required`, `bad_invite`, and `slow_down` after too many wrong ones.
fn check_invite(cx: &mut Cx, given: Option<&str>) -> Result<bool, Failure> {
    let (whom, now) = (Whom::Address(cx.caller.address), cx.now.mono);
    let Some(expected) = cx.rules.invite else { return Ok(false) };
    if cx.caller.address.to_canonical().is_loopback() {
        return Ok(false);
    }
    let given = given.filter(|code| !code.is_empty()).ok_or(Code::InviteRequired)?;
    let limits = &cx.rules.limits;
    let checked = cx.throttle.check(Tally::WrongInvites, whom, limits, now);
    checked.map_err(Refusal::slow_down)?;
    if KeyHash::of(given) == expected {
        return Ok(true);
    }
    cx.throttle.count(Tally::WrongInvites, whom, limits, now);
    Err(Code::BadInvite.into())
}

/// Refuses a name that is taken.
///
/// # Errors
/// `user_exists`, and `slow_down` where an address asked for too many of them.
fn check_name_is_free(cx: &mut Cx, name: &Name) -> Result<(), Failure> {
    let (whom, limits, now) = (Whom::Address(cx.caller.address), &cx.rules.limits, cx.now.mono);
    cx.throttle.check(Tally::NamesTaken, whom, limits, now).map_err(Refusal::slow_down)?;
    if cx.store.people().user_by_key(&name.key)?.is_none() {
        return Ok(());
    }
    cx.throttle.count(Tally::NamesTaken, whom, limits, now);
    Err(Code::UserExists.into())
}
