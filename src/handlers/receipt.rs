//! What became of a message: who has received it, who has read it, and who is online.
//!
//! That a message has reached a user follows from their cursor, which `ack` moves; that they have
//! read it is told by their client, with `read`. A session that asks to `watch` is told both as
//! they happen, of what the user said to one person, and when friends come and go; of groups and
//! broadcasts there are counts.

use serde_json::json;

use super::caller::Member;
use super::context::{Answer, Cx, Outcome, refuse_if};
use super::named;
use crate::id::{Conversation, Seq, UserId};
use crate::limits::RECEIPTS_PER_ACK_MAX;
use crate::locale::reply::Reply;
use crate::outbox::{Effect, Receipt};
use crate::sessions::{Sessions, Watches};
use crate::store::{Store, StoreError};
use crate::wire::argument::{NamedConversation, bad};
use crate::wire::command::{Ack, Read, Receipts, Watch};
use crate::wire::response::Data;
use crate::wire::{Code, Name};

/// Answers `ack`: everything pushed to the member up to `seq` has arrived.
pub fn ack(cx: &mut Cx, member: Member, req: Ack) -> Answer {
    let (conn, seq) = (cx.caller.conn, req.seq);
    let pushed = cx.sessions.get(conn).map(|session| session.pushed);
    refuse_if(pushed.is_none_or(|pushed| seq > pushed), Code::AckTooHigh)?;
    tell_of_delivery(cx, member.id(), seq)?;
    cx.outbox.stage(Effect::Confirm(conn, seq));
    Ok(Outcome::Confirmed)
}

/// Writes the cursors that moved since they were last written.
///
/// # Errors
/// The store failed.
pub fn write_cursors(store: &mut Store, sessions: &Sessions, unix: i64) -> Result<(), StoreError> {
    for (user, moved) in sessions.dirty_cursors() {
        store.people_mut().set_cursor(user, moved.seq)?;
        if moved.caught_up {
            store.people_mut().clear_waiting(user)?;
        }
        // A user who confirms uses their key.
        store.people_mut().touch_key(user, unix)?;
    }
    Ok(())
}

/// Answers `watch`: chooses what this session is told of other users.
pub fn watch(cx: &mut Cx, _: Member, req: Watch) -> Answer {
    let watches = Watches { presence: req.presence, receipts: req.receipts };
    cx.outbox.stage(Effect::Watch(cx.caller.conn, watches));
    Ok(Outcome::said(Reply::Confirmed))
}

/// Answers `read`: the member has read a conversation up to `seq`: that with a user, that of a
/// group, or, if neither is named, the messages to everyone.
pub fn read(cx: &mut Cx, member: Member, req: Read) -> Answer {
    let (user, seq) = (member.id(), req.seq);
    let session = cx.sessions.get(cx.caller.conn);
    // A message that was not pushed cannot have been read.
    if session.is_none_or(|session| seq > session.pushed.max(session.cursor)) {
        return Err(bad(Name::seq).into());
    }
    let (conversation, sender) = match req.conversation {
        Some(NamedConversation::Group(named)) => {
            (Conversation::Group(named::joined_group(cx, member, &named)?.id), None)
        }
        Some(NamedConversation::User(name)) => {
            let other = named::user(cx, member, name)?.id;
            (Conversation::Inbox(other), Some(other))
        }
        None => (Conversation::Everyone, None),
    };
    let is_news = cx.store.people_mut().set_read(conversation, user, seq)?;
    if let Some(to) = sender.filter(|_| is_news)
        && may_know_of(cx, to, user)?
    {
        let reader = cx.name_of(user)?;
        cx.outbox.stage(Effect::Receipt(Receipt { to, reader, seq, read: true }));
    }
    Ok(Outcome::said(Reply::Confirmed))
}

/// Answers `receipts`: counts how many users have received and read a message of the member's own,
/// as long as the member could send it there again.
pub fn receipts(cx: &mut Cx, member: Member, req: Receipts) -> Answer {
    let (user, seq) = (member.id(), req.seq);
    let Some(said_to) = cx.store.snapshot()?.log.said_to(user, seq)? else {
        return Err(bad(Name::seq).into());
    };
    let refusal = match said_to {
        Conversation::Inbox(other) if !may_know_of(cx, user, other)? => Some(Code::NotFriends),
        Conversation::Group(group)
            if !member.is_admin() && !cx.store.people().is_member(group, user)? =>
        {
            Some(Code::NotMember)
        }
        Conversation::Everyone if !member.is_admin() => Some(Code::NotAdmin),
        _ => None,
    };
    if let Some(code) = refusal {
        return Err(code.into());
    }
    let receipts = cx.store.people().receipts(user, said_to, seq)?;
    let (delivered, read, total) = (receipts.delivered, receipts.read, receipts.total);
    let data = json!({"seq": seq.0, "delivered": delivered, "read": read, "total": total});
    Ok(Outcome::Done(Reply::Receipts { delivered, read, total }, Data::Object(data)))
}

/// Whether a user may know of another user whether they are online, and what they received and
/// read: friends may, and administrators. Every answer and push that tells such a thing asks here.
pub fn may_know_of(cx: &Cx, user: UserId, other: UserId) -> Result<bool, StoreError> {
    let is_admin = cx.sessions.of(user).any(|(_, session)| session.who.admin);
    Ok(is_admin || cx.store.people().are_friends(user, other)?)
}

/// Tells the senders of the messages that a user confirms up to `seq`, if they watch.
pub fn tell_of_delivery(cx: &mut Cx, user: UserId, seq: Seq) -> Result<(), StoreError> {
    let Some(session) = cx.sessions.get(cx.caller.conn) else { return Ok(()) };
    if !cx.sessions.anyone_watches_receipts() || seq <= session.cursor {
        return Ok(());
    }
    let senders = cx.store.log_mut().last_senders(user, session.cursor, seq, RECEIPTS_PER_ACK_MAX);
    let mut name = None;
    for (to, seq) in senders {
        let watches = !cx.sessions.watchers_of(to, |watches| watches.receipts).is_empty();
        if watches && may_know_of(cx, to, user)? {
            if name.is_none() {
                name = cx.store.people().username(user)?;
            }
            let reader = name.clone().unwrap_or_default();
            cx.outbox.stage(Effect::Receipt(Receipt { to, reader, seq, read: false }));
        }
    }
    Ok(())
}
