//! Friends: ask, answer, end, list.

use serde_json::json;

use super::caller::Member;
use super::context::{Answer, Cx, Failure, Outcome, refuse_if};
use super::list::{Page, ROWS_ASKED, name_bytes, user_line};
use super::named;
use super::post::{count_waiting, notify};
use crate::id::{Conversation, UserId};
use crate::limits::{LIST_BYTES_MAX, LIST_ROWS_MAX, NOTICE_BYTES};
use crate::locale::reply::Reply;
use crate::store::User;
use crate::throttle::{Tally, Whom};
use crate::wire::argument::PageStart;
use crate::wire::command::{Accept, Add, Del, Friends, Reject};
use crate::wire::response::Data;
use crate::wire::{Code, Event, Notice, Refusal};

/// Answers `add`: makes a friend at once, or, with friend approval, leaves a request. If the other
/// user has asked already, this is the answer yes.
pub fn add(cx: &mut Cx, member: Member, req: Add) -> Answer {
    let user = member.id();
    let (whom, limits, now) = (Whom::User(user), &cx.rules.limits, cx.now.mono);
    cx.throttle.take(Tally::FriendRequests, whom, limits, now).map_err(Refusal::slow_down)?;
    let other = named::user(cx, member, req.username)?;
    refuse_if(other.id == user, Code::Yourself)?;
    refuse_if(cx.store.people().are_friends(user, other.id)?, Code::AlreadyFriends)?;
    cx.need_storage()?;
    // A user who asked gets the answer in any case. Else the notice counts among the messages that
    // wait for the other user: adding and ending a friendship again and again fills no mailbox.
    if cx.store.people().has_request(other.id, user)? {
        return befriend(cx, user, other);
    }
    if !cx.rules.friend_approval {
        count_waiting(cx, user, other.id, NOTICE_BYTES)?;
        return befriend(cx, user, other);
    }
    refuse_if(cx.store.people().has_request(user, other.id)?, Code::RequestPending)?;
    check_friend_limit(cx, user)?;
    count_waiting(cx, user, other.id, NOTICE_BYTES)?;
    cx.store.people_mut().add_request(user, other.id, cx.now.unix)?;
    tell(cx, user, &other, Event::FriendRequested)?;
    Ok(Outcome::said(Reply::FriendAsked { name: other.name }))
}

/// Answers `accept`: says yes to a request.
pub fn accept(cx: &mut Cx, member: Member, req: Accept) -> Answer {
    let other = requester(cx, member, req.username)?;
    befriend(cx, member.id(), other)
}

/// Answers `reject`: says no to a request.
pub fn reject(cx: &mut Cx, member: Member, req: Reject) -> Answer {
    let other = requester(cx, member, req.username)?;
    cx.store.people_mut().remove_request(other.id, member.id())?;
    tell(cx, member.id(), &other, Event::FriendRejected)?;
    Ok(Outcome::said(Reply::FriendRejected { name: other.name }))
}

/// Answers `del`: ends a friendship.
pub fn del(cx: &mut Cx, member: Member, req: Del) -> Answer {
    let user = member.id();
    let other = named::user(cx, member, req.username)?;
    refuse_if(!cx.store.people().are_friends(user, other.id)?, Code::NotFriends)?;
    cx.store.people_mut().unfriend(user, other.id)?;
    tell(cx, user, &other, Event::FriendRemoved)?;
    Ok(Outcome::said(Reply::FriendRemoved { name: other.name }))
}

/// Answers `friends`: lists every friend and whether they are online, and on the first page the
/// users who wait for an answer.
pub fn friends(cx: &mut Cx, member: Member, req: Friends) -> Answer {
    let (user, begins) = (member.id(), req.after);
    let store = &cx.store;
    // Users who wait are shown first, on up to half of the page.
    let waiting = match begins == PageStart::default() {
        true => store.people().requests_to(user, UserId(0), LIST_ROWS_MAX)?,
        false => Vec::new(),
    };
    let bytes = |(_, name): &(UserId, String)| name_bytes(name) + 16;
    let requests = Page::cut(begins, LIST_BYTES_MAX / 2, waiting, bytes, |(id, _)| id.0);
    let room = LIST_BYTES_MAX - requests.rows.iter().map(bytes).sum::<usize>();
    let requests: Vec<String> = requests.rows.into_iter().map(|(_, name)| name).collect();
    let rows = store.people().friends_page(user, UserId(begins.id), ROWS_ASKED)?;
    let page = Page::cut(begins, room, rows, |(_, name)| name_bytes(name) + 64, |(id, _)| id.0);
    let friends: Vec<_> = page.rows.iter().map(|(id, name)| user_line(cx, *id, name)).collect();
    let data = page.with_next(json!({"friends": friends, "requests": requests}));
    Ok(Outcome::Done(Reply::Friends { friends, requests }, Data::Object(data)))
}

/// The user of that name, who asked to be a friend.
fn requester(cx: &mut Cx, member: Member, name: &str) -> Result<User, Failure> {
    let other = named::user(cx, member, name)?;
    let has_asked = cx.store.people().has_request(other.id, member.id())?;
    refuse_if(!has_asked, Code::NoSuchRequest)?;
    Ok(other)
}

fn befriend(cx: &mut Cx, user: UserId, other: User) -> Answer {
    check_friend_limit(cx, user)?;
    check_friend_limit(cx, other.id)?;
    cx.store.people_mut().befriend(user, other.id)?;
    cx.store.people_mut().remove_request(other.id, user)?;
    cx.store.people_mut().remove_request(user, other.id)?;
    tell(cx, user, &other, Event::FriendAdded)?;
    Ok(Outcome::said(Reply::FriendAdded { name: other.name }))
}

fn check_friend_limit(cx: &Cx, user: UserId) -> Result<(), Failure> {
    let limit = cx.rules.limits.friends;
    refuse_if(limit > 0 && cx.store.people().friend_count(user)? >= limit, Code::FriendLimit)
}

fn tell(cx: &mut Cx, user: UserId, other: &User, event: Event) -> Result<(), Failure> {
    let notice = Notice::by(event, &cx.name_of(user)?);
    notify(cx, Conversation::Inbox(other.id), Some(user), &notice).map(drop)
}
