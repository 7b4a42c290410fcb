//! Messages: to a friend, to a group, confirmed, read again.

use serde_json::json;
use serde_json::value::RawValue;

use super::context::{Draft, is_same_group};
use super::stem::stem;
use super::{Answer, Context, No, Outcome, Writes, atomically};
use crate::id::{Conversation, Seq, UserId};
use crate::limits::{HISTORY_ROWS_DEFAULT, LIST_BYTES_MAX, LIST_ROWS_MAX, WAITING_BYTES_MAX};
use crate::locale;
use crate::locale::reply::{Reply, history_line};
use crate::mutant::Mutant;
use crate::outbox::Effect;
use crate::sessions::Sessions;
use crate::store::{Addressee, Entry, EntryKind, GroupLabel, GroupStatus, Store, StoreError, User};
use crate::wire::response::Data;
use crate::wire::{Args, Code, Notice, Refusal};

/// `send`: a message to one friend.
pub fn send(context: &mut Context, user: UserId, args: &Args) -> Answer {
    let Addressee { user: other, is_friend, sender_name } = context.addressee(user, args)?;
    let (text, mid) = (context.text(args)?, args.mid()?);
    let inbox = Conversation::Inbox(other.id);
    let posted =
        context.posted(Some(user), args, false, |_, conversation| Ok(conversation == inbox))?;
    let posted = posted.filter(|_| is_friend || !Mutant::MidAfterMembership.is_on());
    if let Some(seq) = posted {
        return Ok(sent_to(context, &other, seq));
    }
    if !is_friend {
        return Err(Code::NotFriends.into());
    }
    context.need_storage()?;
    let kind = text_kind(context);
    let (sender_name, body) = (Some(sender_name), text);
    let draft = Draft {
        conversation: inbox,
        sender: Some(user),
        sender_name,
        kind,
        body,
        mid,
        group: None,
    };
    if context.facts.sessions.is_caught_up(other.id) {
        let seq = context.post(draft)?;
        return Ok(sent_to(context, &other, seq));
    }
    // Only what waits is written twice. A savepoint around every message is worth a third of
    // the throughput.
    atomically(context, Writes::Many, |context| {
        count_waiting(context, user, &other, text)?;
        let seq = context.post(draft)?;
        Ok(sent_to(context, &other, seq))
    })
}

/// `sendgroup`: a message to a group I am in.
pub fn sendgroup(context: &mut Context, user: UserId, args: &Args) -> Answer {
    let (creator, name) = context.group_reference(Some(user), args)?;
    let (text, mid) = (context.text(args)?, args.mid()?);
    if Mutant::MidAfterMembership.is_on()
        && !context.facts.store.is_member(context.live_group(creator, name)?.id, user)?
    {
        return Err(Code::NotMember.into());
    }
    // A retry is answered even if the group, or the membership, is gone by now.
    let posted = context.posted(Some(user), args, false, |store, conversation| {
        is_same_group(store, conversation, creator, name)
    })?;
    if let Some(seq) = posted {
        return Ok(Outcome::Done(Reply::Sent, Data::Sent { seq, online: None }));
    }
    let group = context.live_group(creator, name)?;
    if !context.facts.store.is_member(group.id, user)? {
        return Err(Code::NotMember.into());
    }
    if group.status == GroupStatus::Blocked {
        return Err(Code::GroupBlocked.into());
    }
    context.need_storage()?;
    let seq = context.post(Draft {
        conversation: Conversation::Group(group.id),
        sender: Some(user),
        sender_name: None,
        kind: text_kind(context),
        body: text,
        mid,
        group: Some(GroupLabel { name: group.name, creator: group.creator_name }),
    })?;
    Ok(Outcome::Done(Reply::Sent, Data::Sent { seq, online: None }))
}

/// `ack`: everything pushed to me up to `seq` has arrived.
pub fn ack(context: &mut Context, _: UserId, args: &Args) -> Answer {
    let seq = Seq(args.seq()?);
    let conn = context.caller.conn;
    let pushed = context.facts.sessions.get(conn).map(|session| session.pushed);
    if pushed.is_none_or(|pushed| seq > pushed) && !Mutant::AckTooHighBelieved.is_on() {
        return Err(Code::AckTooHigh.into());
    }
    context.facts.outbox.stage(Effect::Confirm(conn, seq));
    Ok(Outcome::Confirmed)
}

/// Writes down what was confirmed, by whoever did so since it was last written.
///
/// # Errors
/// The store failed.
pub fn write_cursors(store: &mut Store, sessions: &Sessions, unix: i64) -> Result<(), StoreError> {
    for (user, moved) in sessions.dirty_cursors() {
        store.set_cursor(user, moved.seq)?;
        if moved.caught_up {
            store.clear_waiting(user)?;
        }
        // Whoever is there uses their key.
        store.touch_key(user, unix)?;
    }
    Ok(())
}

/// `history`: the last messages with a user or in a group, the oldest first.
pub fn history(context: &mut Context, user: UserId, args: &Args) -> Answer {
    let rows = match args.count()? {
        None => HISTORY_ROWS_DEFAULT,
        Some(count) if count >= 1 => (count as usize).min(LIST_ROWS_MAX),
        Some(_) => return Err(Refusal::about(Code::BadRequest, "count").into()),
    };
    let before = args.before()?.map(Seq);
    let (entries, other) = if args.groupname()?.is_some() {
        let group = context.named_group(Some(user), args)?;
        if !context.facts.store.is_member(group.id, user)? {
            return Err(Code::NotMember.into());
        }
        (context.facts.store.history_of_group(user, group.id, before, rows)?, None)
    } else {
        let other = context.named_user(args)?;
        (context.facts.store.history_between(user, other.id, before, rows)?, Some(other))
    };
    show_history(context, user, entries, other)
}

/// As many of the newest entries as one answer holds, the oldest first.
fn show_history(
    context: &Context,
    user: UserId,
    newest_first: Vec<Entry>,
    other: Option<User>,
) -> Answer {
    let mut room = LIST_BYTES_MAX;
    let (mut lines, mut messages) = (Vec::new(), Vec::new());
    for entry in newest_first {
        let to = other.as_ref().map(|other| other.name.as_str());
        let own = entry.sender == Some(user);
        let json = stem(&entry, context.lang, to.filter(|_| own)).to_json();
        let line = line(context, &entry);
        // As they will stand in the answer: of what JSON escapes, a line has only these left.
        let escapes = line.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count();
        let size = json.len() + line.len() + escapes + 4;
        if size > room && !messages.is_empty() {
            break;
        }
        room = room.saturating_sub(size);
        lines.push(line);
        messages.push(RawValue::from_string(json).map_err(|_| Code::Internal)?);
    }
    lines.reverse();
    messages.reverse();
    Ok(Outcome::Done(Reply::History(lines), Data::Object(json!({"messages": messages}))))
}

/// Who said what, for people.
fn line(context: &Context, entry: &Entry) -> String {
    if entry.kind != EntryKind::Notice {
        return history_line(entry.sender_name.as_deref().or(Some("")), &entry.body);
    }
    let notice = Notice::from_body(&entry.body);
    let words = notice.map(|notice| locale::notice::say(&notice, context.lang));
    history_line(None, &words.unwrap_or_default())
}

/// A message to one person is posted: whether they are there to read it.
pub fn sent_to(context: &Context, other: &User, seq: Seq) -> Outcome {
    let online = context.facts.sessions.is_online(other.id);
    let text = match online {
        true => Reply::Sent,
        false => Reply::SentOffline { name: other.name.clone() },
    };
    Outcome::Done(text, Data::Sent { seq, online: Some(online) })
}

/// What an administrator says is marked as the system's.
fn text_kind(context: &Context) -> EntryKind {
    if context.is_admin() { EntryKind::AdminText } else { EntryKind::Text }
}

/// Counts what waits for a user who is behind, up to the limits.
fn count_waiting(context: &mut Context, user: UserId, other: &User, text: &str) -> Result<(), No> {
    let waiting = context.facts.store.waiting(other.id, user)?;
    let limits = &context.facts.rules.limits;
    let over = |count: u64, limit: u64| limit > 0 && count >= limit;
    let bytes = text.len() as i64;
    if over(waiting.messages, limits.waiting_per_user)
        || over(waiting.from_sender, limits.waiting_per_sender)
        || waiting.bytes as i64 + bytes > WAITING_BYTES_MAX
    {
        return Err(Code::MailboxFull.into());
    }
    Ok(context.facts.store.add_waiting(other.id, user, text.len() as u64)?)
}
