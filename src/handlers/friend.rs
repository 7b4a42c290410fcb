//! Friends: ask, answer, end, list.

use serde_json::json;

use super::list::{Cursor, Page, ROWS_ASKED, name_bytes, people};
use super::message::count_waiting;
use super::{Answer, Cx, No, Outcome};
use crate::id::{Conversation, UserId};
use crate::limits::{LIST_BYTES_MAX, LIST_ROWS_MAX, NOTICE_BYTES};
use crate::locale::reply::Reply;
use crate::store::User;
use crate::wire::response::Data;
use crate::wire::{Args, Code, Event, Notice, Refusal};

/// `add`: makes a friend at once, or with approval asks to be one. Whoever was asked and asks in
/// turn has said yes.
pub fn add(cx: &mut Cx, user: UserId, args: &Args) -> Answer {
    let now = cx.now.mono;
    cx.throttle.add_friend(user, now).map_err(Refusal::slow_down)?;
    let other = cx.named_user(Some(user), args)?;
    if other.id == user {
        return Err(Code::Yourself.into());
    }
    if cx.store.are_friends(user, other.id)? {
        return Err(Code::AlreadyFriends.into());
    }
    cx.need_storage()?;
    let was_asked = cx.store.has_request(other.id, user)?;
    // Who asked has the answer coming. Else the notice counts among what waits for them: whoever
    // adds and ends again and again fills no mailbox.
    if was_asked {
        return befriend(cx, user, other);
    }
    if !cx.rules.friend_approval {
        count_waiting(cx, user, other.id, NOTICE_BYTES)?;
        return befriend(cx, user, other);
    }
    if cx.store.has_request(user, other.id)? {
        return Err(Code::RequestPending.into());
    }
    check_room(cx, user)?;
    count_waiting(cx, user, other.id, NOTICE_BYTES)?;
    cx.store.add_request(user, other.id, cx.now.unix)?;
    tell(cx, user, &other, Event::FriendRequested)?;
    Ok(Outcome::said(Reply::FriendAsked { name: other.name }))
}

/// `accept`: says yes to a request.
pub fn accept(cx: &mut Cx, user: UserId, args: &Args) -> Answer {
    let other = requester(cx, user, args)?;
    befriend(cx, user, other)
}

/// `reject`: says no to a request.
pub fn reject(cx: &mut Cx, user: UserId, args: &Args) -> Answer {
    let other = requester(cx, user, args)?;
    cx.store.remove_request(other.id, user)?;
    tell(cx, user, &other, Event::FriendRejected)?;
    Ok(Outcome::said(Reply::FriendRejected { name: other.name }))
}

/// `del`: ends a friendship.
pub fn del(cx: &mut Cx, user: UserId, args: &Args) -> Answer {
    let other = cx.named_user(Some(user), args)?;
    if !cx.store.are_friends(user, other.id)? {
        return Err(Code::NotFriends.into());
    }
    cx.store.unfriend(user, other.id)?;
    tell(cx, user, &other, Event::FriendRemoved)?;
    Ok(Outcome::said(Reply::FriendRemoved { name: other.name }))
}

/// `friends`: every friend and whether they are online; on the first page, who waits for an
/// answer.
pub fn friends(cx: &mut Cx, user: UserId, args: &Args) -> Answer {
    let begins = Cursor::read(args)?;
    let store = &cx.store;
    // Those who wait are shown first, in up to half of the page.
    let waiting = match begins == Cursor::default() {
        true => store.requests_to(user, UserId(0), LIST_ROWS_MAX)?,
        false => Vec::new(),
    };
    let bytes = |(_, name): &(UserId, String)| name_bytes(name) + 16;
    let requests = Page::cut(begins, LIST_BYTES_MAX / 2, waiting, bytes, |(id, _)| id.0);
    let room = LIST_BYTES_MAX - requests.rows.iter().map(bytes).sum::<usize>();
    let requests: Vec<String> = requests.rows.into_iter().map(|(_, name)| name).collect();
    let rows = store.friends_page(user, UserId(begins.id), ROWS_ASKED)?;
    let page = Page::cut(begins, room, rows, |(_, name)| name_bytes(name) + 64, |(id, _)| id.0);
    let friends = page.rows.iter().map(|(id, name)| (*id, name.as_str()));
    let (friends, rows) = people(cx, friends);
    let data = page.with_next(json!({"friends": rows, "requests": requests}));
    Ok(Outcome::Done(Reply::Friends { friends, requests }, Data::Object(data)))
}

/// The user who asked to be a friend, by the argument `username`.
fn requester(cx: &mut Cx, user: UserId, args: &Args) -> Result<User, No> {
    let other = cx.named_user(Some(user), args)?;
    if cx.store.has_request(other.id, user)? { Ok(other) } else { Err(Code::NoSuchRequest.into()) }
}

fn befriend(cx: &mut Cx, user: UserId, other: User) -> Answer {
    check_room(cx, user)?;
    check_room(cx, other.id)?;
    cx.store.befriend(user, other.id)?;
    cx.store.remove_request(other.id, user)?;
    cx.store.remove_request(user, other.id)?;
    tell(cx, user, &other, Event::FriendAdded)?;
    Ok(Outcome::said(Reply::FriendAdded { name: other.name }))
}

fn check_room(cx: &Cx, user: UserId) -> Result<(), No> {
    let limit = cx.rules.limits.friends;
    let full = limit > 0 && cx.store.friend_count(user)? >= limit;
    if full { Err(Code::FriendLimit.into()) } else { Ok(()) }
}

fn tell(cx: &mut Cx, user: UserId, other: &User, event: Event) -> Result<(), No> {
    let notice = Notice::by(event, &cx.name_of(user)?);
    cx.notify(Conversation::Inbox(other.id), Some(user), &notice)?;
    Ok(())
}
