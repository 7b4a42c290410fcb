//! Groups: create, delete, members in and out, lists.
//!
//! A membership is an interval of the log, and a notice is seen by the members in whose interval it
//! stands (P12). The interval of a new member begins after the notice that tells the group of
//! them. That of a member who leaves ends before the notice that tells the group; a member who is
//! removed gets a notice in their own inbox, the last that they get of the group.

use serde_json::json;

use super::caller::Member;
use super::context::{Answer, Cx, Failure, Outcome, refuse_if};
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
    let people = cx.store.people();
    refuse_if(people.group_by_name(user, &name.key)?.is_some(), Code::GroupExists)?;
    let limit = cx.rules.limits.groups_owned;
    refuse_if(limit > 0 && people.groups_owned(user)? >= limit, Code::GroupLimit)?;
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
    let group = named::own_group(cx, member, &req.group)?;
    let (all, by) = (Conversation::Group(group.id), Some(member.id()));
    notify_of_group(cx, &group, all, Event::GroupDeleted, by, by)?;
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
    refuse_if(cx.store.people().is_member(group.id, other.id)?, Code::AlreadyMember)?;
    check_consent(cx, user, &group, &other)?;
    let limit = cx.rules.limits.group_members;
    refuse_if(limit > 0 && group.members >= limit, Code::GroupFull)?;
    check_group_limit(cx, other.id)?;
    cx.need_storage()?;
    count_waiting(cx, user, other.id, NOTICE_BYTES)?;
    let (all, by) = (Conversation::Group(group.id), Some(user));
    notify_of_group(cx, &group, all, Event::GroupJoined, by, Some(other.id))?;
    cx.store.people_mut().join(group.id, other.id)?;
    cx.outbox.stage(Effect::Join(other.id, group.id));
    notify_of_group(cx, &group, Conversation::Inbox(other.id), Event::GroupAdded, by, by)?;
    // Counted last: a join that is refused for another reason does not count.
    let whom = Whom::Member(group.id, other.id);
    let counted = cx.throttle.take(Tally::Joins, whom, &cx.rules.limits, cx.now.mono);
    counted.map_err(Refusal::slow_down)?;
    Ok(Outcome::said(Reply::MemberAdded { group: group.name, name: other.name }))
}

/// Answers `delgroupuser`: takes a member out of a group; the member gets a notice.
pub fn delgroupuser(cx: &mut Cx, member: Member, req: Delgroupuser) -> Answer {
    let group = named::own_group(cx, member, &req.group)?;
    let other = named::user(cx, member, req.username)?;
    refuse_if(other.id == member.id(), Code::Yourself)?;
    end_membership(cx, &group, other.id)?;
    let by = Some(member.id());
    notify_of_group(cx, &group, Conversation::Inbox(other.id), Event::GroupRemoved, by, by)?;
    Ok(Outcome::said(Reply::MemberRemoved { group: group.name, name: other.name }))
}

/// Answers `leavegroup`: leaves a group. The owner cannot; they delete the group instead. With
/// `stay_out` the user cannot be brought in again; a user who has left may also set it, and take it
/// back.
pub fn leavegroup(cx: &mut Cx, member: Member, req: Leavegroup) -> Answer {
    let (user, stay_out) = (member.id(), req.stay_out);
    let group = named::group(cx, member, &req.group)?;
    refuse_if(group.creator == user, Code::Yourself)?;
    if stay_out.is_none() || cx.store.people().is_member(group.id, user)? {
        end_membership(cx, &group, user)?;
        let (all, by) = (Conversation::Group(group.id), Some(user));
        notify_of_group(cx, &group, all, Event::GroupLeft, by, by)?;
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

/// Posts a notice about a group, because of what `by` did. It names the user `named`. `None` is the
/// operator.
pub fn notify_of_group(
    cx: &mut Cx,
    group: &Group,
    to: Conversation,
    event: Event,
    by: Option<UserId>,
    named: Option<UserId>,
) -> Result<(), Failure> {
    let username = named.map(|user| cx.name_of(user)).transpose()?;
    let notice = Notice { username, ..Notice::plain(event) };
    let notice = notice.in_group(group.id, &group.name, &group.creator_name);
    notify(cx, to, by, &notice).map(drop)
}

fn end_membership(cx: &mut Cx, group: &Group, member: UserId) -> Result<(), Failure> {
    let was_member = cx.store.leave(group.id, member)?;
    refuse_if(!was_member, Code::NotMember)?;
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
    refuse_if(limit > 0 && cx.store.people().groups_joined(user)? >= limit, Code::GroupLimit)
}
