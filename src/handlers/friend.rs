//! Friends: ask, answer, end, list.

use serde_json::json;

use super::list::{Cursor, Page, ROWS_ASKED, name_bytes, people};
use super::message::count_waiting;
use super::{Answer, Context, No, Outcome};
use crate::id::{Conversation, UserId};
use crate::limits::{LIST_BYTES_MAX, LIST_ROWS_MAX, NOTICE_BYTES};
use crate::locale::reply::Reply;
use crate::store::User;
use crate::wire::response::Data;
use crate::wire::{Args, Code, Event, Notice, Refusal};

/// `add`: makes a friend at once, or with approval asks to be one. Whoever was asked and asks in
/// turn has said yes.
pub fn add(context: &mut Context, user: UserId, args: &Args) -> Answer {
    let now = context.facts.now.mono;
    context.facts.throttle.add_friend(user, now).map_err(Refusal::slow_down)?;
    let other = context.named_user(Some(user), args)?;
    if other.id == user {
        return Err(Code::Yourself.into());
    }
    if context.facts.store.are_friends(user, other.id)? {
        return Err(Code::AlreadyFriends.into());
    }
    context.need_storage()?;
    let was_asked = context.facts.store.has_request(other.id, user)?;
    // Who asked has the answer coming. Else the notice counts among what waits for them: whoever
    // adds and ends again and again fills no mailbox.
    if was_asked {
        return befriend(context, user, other);
    }
    if !context.facts.rules.friend_approval {
        count_waiting(context, user, other.id, NOTICE_BYTES)?;
        return befriend(context, user, other);
    }
    if context.facts.store.has_request(user, other.id)? {
        return Err(Code::RequestPending.into());
    }
    check_room(context, user)?;
    count_waiting(context, user, other.id, NOTICE_BYTES)?;
    context.facts.store.add_request(user, other.id, context.facts.now.unix)?;
    tell(context, user, &other, Event::FriendRequested)?;
    Ok(Outcome::said(Reply::FriendAsked { name: other.name }))
}

/// `accept`: says yes to a request.
pub fn accept(context: &mut Context, user: UserId, args: &Args) -> Answer {
    let other = requester(context, user, args)?;
    befriend(context, user, other)
}

/// `reject`: says no to a request.
pub fn reject(context: &mut Context, user: UserId, args: &Args) -> Answer {
    let other = requester(context, user, args)?;
    context.facts.store.remove_request(other.id, user)?;
    tell(context, user, &other, Event::FriendRejected)?;
    Ok(Outcome::said(Reply::FriendRejected { name: other.name }))
}

/// `del`: ends a friendship.
pub fn del(context: &mut Context, user: UserId, args: &Args) -> Answer {
    let other = context.named_user(Some(user), args)?;
    if !context.facts.store.are_friends(user, other.id)? {
        return Err(Code::NotFriends.into());
    }
    context.facts.store.unfriend(user, other.id)?;
    tell(context, user, &other, Event::FriendRemoved)?;
    Ok(Outcome::said(Reply::FriendRemoved { name: other.name }))
}

/// `friends`: every friend and whether they are online; on the first page, who waits for an
/// answer.
pub fn friends(context: &mut Context, user: UserId, args: &Args) -> Answer {
    let begins = Cursor::read(args)?;
    let store = &context.facts.store;
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
    let (friends, rows) = people(context, friends);
    let data = page.with_next(json!({"friends": rows, "requests": requests}));
    Ok(Outcome::Done(Reply::Friends { friends, requests }, Data::Object(data)))
}

/// The user who asked to be a friend, by the argument `username`.
fn requester(context: &mut Context, user: UserId, args: &Args) -> Result<User, No> {
    let other = context.named_user(Some(user), args)?;
    if context.facts.store.has_request(other.id, user)? {
        Ok(other)
    } else {
        Err(Code::NoSuchRequest.into())
    }
}

fn befriend(context: &mut Context, user: UserId, other: User) -> Answer {
    check_room(context, user)?;
    check_room(context, other.id)?;
    context.facts.store.befriend(user, other.id)?;
    context.facts.store.remove_request(other.id, user)?;
    context.facts.store.remove_request(user, other.id)?;
    tell(context, user, &other, Event::FriendAdded)?;
    Ok(Outcome::said(Reply::FriendAdded { name: other.name }))
}

fn check_room(context: &Context, user: UserId) -> Result<(), No> {
    let limit = context.facts.rules.limits.friends;
    let full = limit > 0 && context.facts.store.friend_count(user)? >= limit;
    if full { Err(Code::FriendLimit.into()) } else { Ok(()) }
}

fn tell(context: &mut Context, user: UserId, other: &User, event: Event) -> Result<(), No> {
    let notice = Notice::by(event, &context.name_of(user)?);
    context.notify(Conversation::Inbox(other.id), Some(user), &notice)?;
    Ok(())
}
