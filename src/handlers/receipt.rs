//! What became of a message: who has it, who has read it, and who is there.
//!
//! That a message has reached somebody follows from their cursor; that they have read it is told
//! by their client, with `read`. Whoever asks to *watch* is told both as they happen, of what
//! they said to one person, and when their friends come and go; of groups and broadcasts there
//! are counts.

use serde_json::json;

use super::{Answer, Cx, Outcome};
use crate::id::{Conversation, Seq, UserId};
use crate::limits::RECEIPTS_PER_ACK_MAX;
use crate::locale::reply::Reply;
use crate::outbox::{Effect, Receipt};
use crate::sessions::Watches;
use crate::store::StoreError;
use crate::wire::response::Data;
use crate::wire::{Args, Code, Refusal};

/// `watch`: what this session is told of others from here on.
pub fn watch(cx: &mut Cx, _: UserId, args: &Args) -> Answer {
    let watches = Watches { presence: args.presence()?, receipts: args.receipts()? };
    cx.outbox.stage(Effect::Watch(cx.caller.conn, watches));
    Ok(Outcome::said(Reply::Confirmed))
}

/// `read`: I have read a conversation up to `seq`: what a user said to me, a group, or, if
/// neither is named, what is said to all.
pub fn read(cx: &mut Cx, user: UserId, args: &Args) -> Answer {
    let seq = Seq(args.seq()?);
    let session = cx.sessions.get(cx.caller.conn);
    // Nobody has read what they were not sent.
    if session.is_none_or(|session| seq > session.pushed.max(session.cursor)) {
        return Err(Refusal::about(Code::BadRequest, "seq").into());
    }
    let (conversation, sender) = if args.names_group() {
        (Conversation::Group(cx.joined_group(user, args)?.id), None)
    } else if args.names_user() {
        let other = cx.named_user(Some(user), args)?.id;
        (Conversation::Inbox(other), Some(other))
    } else {
        (Conversation::Everyone, None)
    };
    let is_news = cx.store.set_read(conversation, user, seq)?;
    if let Some(to) = sender.filter(|_| is_news)
        && cx.may_know_of(to, user)?
    {
        let reader = cx.name_of(user)?;
        cx.outbox.stage(Effect::Receipt(Receipt { to, reader, seq, read: true }));
    }
    Ok(Outcome::said(Reply::Confirmed))
}

/// `receipts`: how many have received, and have read, what I said there. It is told as long as one
/// could say it there again.
pub fn receipts(cx: &mut Cx, user: UserId, args: &Args) -> Answer {
    let seq = Seq(args.seq()?);
    let Some(said_to) = cx.store.said_to(user, seq)? else {
        return Err(Refusal::about(Code::BadRequest, "seq").into());
    };
    let refusal = match said_to {
        Conversation::Inbox(other) if !cx.may_know_of(user, other)? => Some(Code::NotFriends),
        Conversation::Group(group) if !cx.is_admin() && !cx.store.is_member(group, user)? => {
            Some(Code::NotMember)
        }
        Conversation::Everyone if !cx.is_admin() => Some(Code::NotAdmin),
        _ => None,
    };
    if let Some(code) = refusal {
        return Err(code.into());
    }
    let receipts = cx.store.receipts(user, said_to, seq)?;
    let (delivered, read, total) = (receipts.delivered, receipts.read, receipts.total);
    let data = json!({"seq": seq.0, "delivered": delivered, "read": read, "total": total});
    Ok(Outcome::Done(Reply::Receipts { delivered, read, total }, Data::Object(data)))
}

/// A user confirms up to `seq`: whoever watches, and said any of that to them, is told.
pub fn tell_of_delivery(cx: &mut Cx, user: UserId, seq: Seq) -> Result<(), StoreError> {
    let Some(session) = cx.sessions.get(cx.caller.conn) else { return Ok(()) };
    if !cx.sessions.anyone_watches_receipts() || seq <= session.cursor {
        return Ok(());
    }
    let senders = cx.store.last_senders(user, session.cursor, seq, RECEIPTS_PER_ACK_MAX);
    let mut name = None;
    for (to, seq) in senders {
        let watches = cx.sessions.watcher(to, |watches| watches.receipts).is_some();
        if watches && cx.may_know_of(to, user)? {
            if name.is_none() {
                name = cx.store.username(user)?;
            }
            let reader = name.clone().unwrap_or_default();
            cx.outbox.stage(Effect::Receipt(Receipt { to, reader, seq, read: false }));
        }
    }
    Ok(())
}
