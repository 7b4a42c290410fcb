//! Who and what a request names: users and groups, and who may know of them.
//!
//! A user who names many users who do not exist is guessing, and is for a while told nothing of
//! names that they have no other reason to know. A group is `no_such_group` to anyone who was never
//! in it, whether or not there is one. Administrators and the operator can list everyone and
//! everything, so nothing is kept from them.

use std::sync::Arc;

use super::caller::{Admin, Member};
use super::context::{Cx, Failure};
use crate::id::{Conversation, GroupId, Seq, UserId};
use crate::names::{group_key, user_key};
use crate::store::{Addressee, Group, GroupStatus, Part, StoreError, User};
use crate::throttle::{Tally, Whom};
use crate::wire::argument::{NamedGroup, bad};
use crate::wire::{Code, Name, Refusal};

/// The user of a name, whom an administrator or the operator names.
///
/// # Errors
/// `no_such_user`.
pub fn anyone(cx: &Cx, name: &str) -> Result<User, Failure> {
    cx.store.people().user_by_key(&user_key(name))?.ok_or_else(|| no_such_user(name))
}

/// The user of a name, whom a member names.
///
/// # Errors
/// `no_such_user`, and `slow_down` if the member is guessing.
pub fn user(cx: &mut Cx, member: Member, name: &str) -> Result<User, Failure> {
    let found = cx.store.people().user_by_key(&user_key(name))?;
    check_guessing(cx, member, found.as_ref().map(|found| found.id))?;
    found.ok_or_else(|| no_such_user(name))
}

/// The user of a name, as the member writes to them.
///
/// # Errors
/// As [`user`].
pub fn addressee(cx: &mut Cx, member: Member, name: &str) -> Result<Arc<Addressee>, Failure> {
    let found = cx.store.people_mut().addressee(member.id(), &user_key(name))?;
    if found.as_ref().is_none_or(|found| !found.is_friend) {
        check_guessing(cx, member, found.as_ref().map(|found| found.user.id))?;
    }
    found.ok_or_else(|| no_such_user(name))
}

/// Counts a name that no user has. A member who named too many of those is not told whether a name
/// exists, unless they have a reason to know it.
///
/// # Errors
/// `slow_down`.
fn check_guessing(cx: &mut Cx, member: Member, found: Option<UserId>) -> Result<(), Failure> {
    if member.is_admin() {
        return Ok(());
    }
    let (whom, limits, now) = (Whom::User(member.id()), &cx.rules.limits, cx.now.mono);
    let may_guess = cx.throttle.check(Tally::UnknownNames, whom, limits, now);
    match (may_guess, found) {
        (Ok(()), Some(_)) => Ok(()),
        (Ok(()), None) => {
            cx.throttle.count(Tally::UnknownNames, whom, limits, now);
            Ok(())
        }
        (Err(_), Some(other)) if has_reason_to_know(cx, member.id(), other)? => Ok(()),
        (Err(seconds), _) => Err(Refusal::slow_down(seconds).into()),
    }
}

/// Whether a user was shown the name of another: as a friend, in a request, among the members of a
/// group, or in a message.
fn has_reason_to_know(cx: &mut Cx, user: UserId, other: UserId) -> Result<bool, StoreError> {
    let is_shown = user == other
        || cx.store.people().are_friends(user, other)?
        || cx.store.people().has_request(other, user)?
        || cx.store.people().has_request(user, other)?
        || cx.store.people().share_a_group(user, other)?;
    let last = Part::Before(Seq(i64::MAX));
    Ok(is_shown || !cx.store.snapshot()?.log.history_between(user, other, last, 1)?.is_empty())
}

fn no_such_user(name: &str) -> Failure {
    Refusal::about(Code::NoSuchUser, name).into()
}

/// A group that was not deleted, which an administrator or the operator names.
///
/// # Errors
/// `no_such_group`; `bad_request` if the operator, who has no groups, names no creator.
pub fn any_group(cx: &Cx, admin: Admin, named: &NamedGroup) -> Result<Group, Failure> {
    let group = find_group(cx, admin.id(), named)?;
    group.filter(|group| group.status != GroupStatus::Deleted).ok_or_else(|| no_such_group(named))
}

/// A group that was not deleted, which the member is or was in.
///
/// # Errors
/// `no_such_group`: the same for a group that they were never in as for none.
pub fn group(cx: &Cx, member: Member, named: &NamedGroup) -> Result<Group, Failure> {
    let group = find_group(cx, Some(member.id()), named)?;
    let group = group.filter(|group| group.status != GroupStatus::Deleted);
    match group {
        Some(group) if may_find(cx, member, &group)? => Ok(group),
        _ => Err(no_such_group(named)),
    }
}

/// A group that the member is in.
///
/// # Errors
/// `no_such_group`, and `not_member` for who was in it once.
pub fn joined_group(cx: &Cx, member: Member, named: &NamedGroup) -> Result<Group, Failure> {
    let group = find_group(cx, Some(member.id()), named)?.ok_or_else(|| no_such_group(named))?;
    if cx.store.people().is_member(group.id, member.id())? {
        return Ok(group);
    }
    let is_known = group.status != GroupStatus::Deleted && may_find(cx, member, &group)?;
    Err(if is_known { Code::NotMember.into() } else { no_such_group(named) })
}

/// A group of which the member may read what was said while they were in it: by its id also one
/// that they left, deleted or not.
///
/// # Errors
/// As [`joined_group`].
pub fn readable_group(cx: &Cx, member: Member, named: &NamedGroup) -> Result<GroupId, Failure> {
    match named.id {
        Some(id) if cx.store.people().was_member(id, member.id())? => Ok(id),
        _ => Ok(joined_group(cx, member, named)?.id),
    }
}

/// A group in which only its owner may act, and the member is the owner.
///
/// # Errors
/// `not_owner`, and `no_such_group`.
pub fn own_group(cx: &Cx, member: Member, named: &NamedGroup) -> Result<Group, Failure> {
    // A member who names another creator is told nothing of that group.
    if named.id.is_none()
        && let Some(creator) = named.creator
        && user_id(cx, creator)? != Some(member.id())
    {
        return Err(Code::NotOwner.into());
    }
    let group = group(cx, member, named)?;
    if group.creator == member.id() { Ok(group) } else { Err(Code::NotOwner.into()) }
}

/// Whether a conversation is the very group that is named. A name means the group that has it now,
/// and the one that had it where none has.
pub fn is_group(
    cx: &Cx,
    caller: Option<UserId>,
    named: &NamedGroup,
    conversation: Conversation,
) -> Result<bool, Failure> {
    let Conversation::Group(group) = conversation else { return Ok(false) };
    if let Some(id) = named.id {
        return Ok(id == group);
    }
    let Some((creator, name)) = creator_and_name(cx, caller, named)? else { return Ok(false) };
    let key = group_key(name);
    match cx.store.people().group_by_name(creator, &key)? {
        Some(alive) => Ok(alive.id == group),
        None => Ok(cx.store.people().group_key(group)? == Some((creator, key))),
    }
}

/// The group of that name or id, deleted or not.
fn find_group(
    cx: &Cx,
    caller: Option<UserId>,
    named: &NamedGroup,
) -> Result<Option<Group>, Failure> {
    if let Some(id) = named.id {
        return Ok(cx.store.people().group(id)?);
    }
    match creator_and_name(cx, caller, named)? {
        Some((creator, name)) => Ok(cx.store.people().group_by_name(creator, &group_key(name))?),
        None => Ok(None),
    }
}

/// The creator, if there is such a user, and the name of a group. Without a creator it is the
/// caller's own.
fn creator_and_name<'a>(
    cx: &Cx,
    caller: Option<UserId>,
    named: &NamedGroup<'a>,
) -> Result<Option<(UserId, &'a str)>, Failure> {
    let creator = match named.creator {
        Some(creator) => user_id(cx, creator)?,
        None => Some(caller.ok_or_else(|| bad(Name::creator))?),
    };
    Ok(creator.zip(named.name))
}

fn user_id(cx: &Cx, name: &str) -> Result<Option<UserId>, StoreError> {
    Ok(cx.store.people().user_by_key(&user_key(name))?.map(|user| user.id))
}

/// Whether a member may know that there is such a group: who is or was in it, and who can list them
/// all.
fn may_find(cx: &Cx, member: Member, group: &Group) -> Result<bool, StoreError> {
    Ok(member.is_admin() || cx.store.people().was_member(group.id, member.id())?)
}

/// Nothing is told of a group but what the request itself called it.
fn no_such_group(named: &NamedGroup) -> Failure {
    let id = named.id.map(|id| id.0.to_string());
    let name = named.name.map(str::to_owned).or(id);
    Refusal::about(Code::NoSuchGroup, name.unwrap_or_default()).into()
}
