//! Groups: create, delete, members in and out, lists.
//!
//! A membership is an interval of the log, and a notice is seen by the members in whose interval it
//! stands (P12). The interval of a new member begins after the notice that tells the group of
//! them. That of a member who leaves ends before the notice that tells the group; a member who is
//! removed gets a notice in their own inbox, the last that they get of the group.

use serde_json::json;

use super::caller::Member;
use super::context::{Answer, Cx, Failure, Outcome};
use super::list::{Page, ROWS_ASKED, name_bytes, user_line};
use super::named;
use super::post::{count_waiting, notify, use_quota};
use crate::id::{Conversation, GroupId, UserId};
use crate::limits::{LIST_BYTES_MAX, NOTICE_BYTES};
use crate::locale::reply::{GroupLine, Reply};
use crate::names::Name;
use crate::outbox::Effect;
use crate::store::{Group, GroupStatus, User};
use crate::throttle::{Tally, Whom};
use crate::wire::argument::PageStart;
use crate::wire::command::{
    Addgroupuser, Delgroup, Delgroupuser, Groups, Groupusers, Leavegroup, Newgroup,
};
use crate::wire::response::Data;
use crate::wire::{Code, Event, Notice, Refusal};

/// Answers `newgroup`: creates a group, whose first member is its creator.
pub fn newgroup(cx: &mut Cx, member: Member, req: Newgroup) -> Answer {
    let user = member.id();
    let name = Name::group(req.groupname)
        .map_err(|flaw| Refusal::about(Code::BadName, format!("group_{flaw}")))?;
    let store = &cx.store;
    if store.people().group_by_name(user, &name.key)?.is_some() {
        return Err(Code::GroupExists.into());
    }
    let limit = cx.rules.limits.groups_owned;
    if limit > 0 && store.people().groups_owned(user)? >= limit {
        return Err(Code::GroupLimit.into());
    }
    check_group_limit(cx, user)?;
    cx.need_storage()?;
    use_quota(cx, user, name.text.len() + name.key.len(), false)?;
    let group = cx.store.people_mut().add_group(user, &name, cx.now.unix)?;
    cx.outbox.stage(Effect::Join(user, group));
    let data = json!({"group_id": group.0});
    Ok(Outcome::Done(Reply::GroupCreated { name: name.text }, Data::Object(data)))
}

/// Answers `delgroup`: deletes a group. Every other member gets a notice, the last of the group.
pub fn delgroup(cx: &mut Cx, member: Member, req: Delgroup) -> Answer {
    let user = member.id();
    let group = named::own_group(cx, member, &req.group)?;
    tell_group(cx, user, &group, Event::GroupDeleted, user)?;
    cx.store.people_mut().delete_group(group.id)?;
    cx.outbox.stage(Effect::Dissolve(group.id));
    Ok(Outcome::said(Reply::GroupDeleted { name: group.name }))
}

/// Answers `addgroupuser`: brings a user into a group; the group and the user get a notice. The
/// notice counts among the messages that wait for the user. A notice that a membership ends never
/// does, so that a full mailbox keeps no user in a group.
pub fn addgroupuser(cx: &mut Cx, member: Member, req: Addgroupuser) -> Answer {
    let user = member.id();
    let group = named::own_group(cx, member, &req.group)?;
    let other = named::user(cx, member, req.username)?;
    if cx.store.people().is_member(group.id, other.id)? {
        return Err(Code::AlreadyMember.into());
    }
    check_consent(cx, user, &group, &other)?;
    let limit = cx.rules.limits.group_members;
    if limit > 0 && group.members >= limit {
        return Err(Code::GroupFull.into());
    }
    check_group_limit(cx, other.id)?;
    cx.need_storage()?;
    count_waiting(cx, user, other.id, NOTICE_BYTES)?;
    tell_group(cx, user, &group, Event::GroupJoined, other.id)?;
    cx.store.people_mut().join(group.id, other.id)?;
    cx.outbox.stage(Effect::Join(other.id, group.id));
    tell_user(cx, user, &group, Event::GroupAdded, other.id)?;
    // Tally last: a join that is refused for another reason does not count.
    let whom = Whom::Member(group.id, other.id);
    let counted = cx.throttle.take(Tally::Joins, whom, &cx.rules.limits, cx.now.mono);
    counted.map_err(Refusal::slow_down)?;
    Ok(Outcome::said(Reply::MemberAdded { group: group.name, name: other.name }))
}

/// Answers `delgroupuser`: takes a member out of a group; the member gets a notice.
pub fn delgroupuser(cx: &mut Cx, member: Member, req: Delgroupuser) -> Answer {
    let user = member.id();
    let group = named::own_group(cx, member, &req.group)?;
    let other = named::user(cx, member, req.username)?;
    if other.id == user {
        return Err(Code::Yourself.into());
    }
    end_membership(cx, &group, other.id)?;
    tell_user(cx, user, &group, Event::GroupRemoved, other.id)?;
    Ok(Outcome::said(Reply::MemberRemoved { group: group.name, name: other.name }))
}

/// Answers `leavegroup`: leaves a group. The owner cannot; they delete the group instead. With
/// `stay_out` the user cannot be brought in again; a user who has left may also set it, and take it
/// back.
pub fn leavegroup(cx: &mut Cx, member: Member, req: Leavegroup) -> Answer {
    let (user, stay_out) = (member.id(), req.stay_out);
    let group = named::group(cx, member, &req.group)?;
    if group.creator == user {
        return Err(Code::Yourself.into());
    }
    if stay_out.is_none() || cx.store.people().is_member(group.id, user)? {
        end_membership(cx, &group, user)?;
        tell_group(cx, user, &group, Event::GroupLeft, user)?;
    }
    let name = group.name;
    let Some(stay_out) = stay_out else { return Ok(Outcome::said(Reply::GroupLeft { name })) };
    cx.store.people_mut().set_stays_out(group.id, user, stay_out)?;
    Ok(Outcome::said(match stay_out {
        true => Reply::StaysOut { name },
        false => Reply::MayBeAdded { name },
    }))
}

/// Answers `groups`: lists the groups of the member, numbered.
pub fn groups(cx: &mut Cx, member: Member, req: Groups) -> Answer {
    let rows = cx.store.people().groups_of(member.id(), GroupId(req.after.id), ROWS_ASKED)?;
    Ok(list_groups(cx, req.after, rows))
}

/// Answers `groupusers`: lists the members of a group of the member, and who is online.
pub fn groupusers(cx: &mut Cx, member: Member, req: Groupusers) -> Answer {
    let begins = req.after;
    let group = named::joined_group(cx, member, &req.group)?;
    let rows = cx.store.people().members_page(group.id, begins.id, ROWS_ASKED)?;
    let page =
        Page::cut(begins, LIST_BYTES_MAX, rows, |row| name_bytes(&row.name) + 64, |row| row.id);
    let rows = page.rows.iter();
    let members: Vec<_> = rows.map(|row| user_line(cx, row.user, &row.name)).collect();
    let data = page.with_next(json!({"members": members, "group_id": group.id.0}));
    Ok(Outcome::Done(Reply::Members { group: group.name, members }, Data::Object(data)))
}

/// A page of groups with their numbers, for `groups` and `allgroup`.
pub fn list_groups(cx: &Cx, begins: PageStart, rows: Vec<Group>) -> Outcome {
    let size = |group: &Group| name_bytes(&group.name) + name_bytes(&group.creator_name) + 160;
    let page = Page::cut(begins, LIST_BYTES_MAX, rows, size, |group| group.id.0);
    let line = |(group, number): (&Group, u64)| GroupLine {
        number,
        groupname: group.name.clone(),
        creator: group.creator_name.clone(),
        group_id: group.id.0,
        online: cx.sessions.online_in(group.id) as u64,
        total: group.members,
        blocked: group.status == GroupStatus::Blocked,
    };
    let groups: Vec<_> = page.rows.iter().zip(begins.shown + 1..).map(line).collect();
    let data = page.with_next(json!({"groups": groups}));
    Outcome::Done(Reply::Groups(groups), Data::Object(data))
}

/// Tells a group that something happened to `whom`, because of `by`.
fn tell_group(
    cx: &mut Cx,
    by: UserId,
    group: &Group,
    event: Event,
    whom: UserId,
) -> Result<(), Failure> {
    let notice = Notice::by(event, &cx.name_of(whom)?);
    tell(cx, Conversation::Group(group.id), Some(by), group, notice)
}

/// Tells a user what `by` did to them in a group.
fn tell_user(
    cx: &mut Cx,
    by: UserId,
    group: &Group,
    event: Event,
    whom: UserId,
) -> Result<(), Failure> {
    let notice = Notice::by(event, &cx.name_of(by)?);
    tell(cx, Conversation::Inbox(whom), Some(by), group, notice)
}

/// Posts a notice about a group.
pub fn tell(
    cx: &mut Cx,
    conversation: Conversation,
    by: Option<UserId>,
    group: &Group,
    notice: Notice,
) -> Result<(), Failure> {
    let notice = notice.in_group(group.id, &group.name, &group.creator_name);
    notify(cx, conversation, by, &notice)?;
    Ok(())
}

fn end_membership(cx: &mut Cx, group: &Group, member: UserId) -> Result<(), Failure> {
    if !cx.store.leave(group.id, member)? {
        return Err(Code::NotMember.into());
    }
    cx.outbox.stage(Effect::Leave(member, group.id));
    Ok(())
}

/// Whether a user may be brought in without being asked.
///
/// # Errors
/// `needs_consent`.
fn check_consent(cx: &Cx, by: UserId, group: &Group, other: &User) -> Result<(), Failure> {
    let store = &cx.store;
    let is_stranger = cx.rules.friend_approval && !store.people().are_friends(by, other.id)?;
    if is_stranger || store.people().stays_out(group.id, other.id)? {
        return Err(Refusal::about(Code::NeedsConsent, &other.name).into());
    }
    Ok(())
}

fn check_group_limit(cx: &Cx, user: UserId) -> Result<(), Failure> {
    let limit = cx.rules.limits.groups_joined;
    let full = limit > 0 && cx.store.people().groups_joined(user)? >= limit;
    if full { Err(Code::GroupLimit.into()) } else { Ok(()) }
}
