//! Messages: to a friend, to a group, confirmed, read again.

use serde_json::json;
use serde_json::value::RawValue;

use super::context::Draft;
use super::entry::as_pushed;
use super::receipt::tell_of_delivery;
use super::{Answer, Cx, No, Outcome, Writes, atomically};
use crate::id::{Conversation, Seq, UserId};
use crate::limits::{HISTORY_ROWS_DEFAULT, LIST_BYTES_MAX, LIST_ROWS_MAX, WAITING_BYTES_MAX};
use crate::locale;
use crate::locale::reply::{Reply, history_line};
use crate::outbox::Effect;
use crate::sessions::Sessions;
use crate::store::{
    Addressee, Entry, EntryKind, GroupLabel, GroupStatus, Part, Store, StoreError, User, Wanted,
};
use crate::wire::response::Data;
use crate::wire::{Args, Code, Notice, Refusal};

/// `send`: a message to one friend.
pub fn send(cx: &mut Cx, user: UserId, args: &Args) -> Answer {
    let Addressee { user: other, is_friend, sender_name } = cx.addressee(user, args)?;
    let (text, mid) = (cx.text(args)?, args.mid()?);
    let inbox = Conversation::Inbox(other.id);
    let posted = cx.posted(Some(user), args, false, |_, conversation| Ok(conversation == inbox))?;
    if let Some(seq) = posted {
        let may_know = cx.may_know_of(user, other.id)?;
        return Ok(sent_to(cx, &other, seq, may_know));
    }
    if !is_friend {
        return Err(Code::NotFriends.into());
    }
    cx.need_storage()?;
    let kind = text_kind(cx);
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
    if cx.sessions.is_caught_up(other.id) {
        let seq = cx.post(draft)?;
        return Ok(sent_to(cx, &other, seq, true));
    }
    // Only what waits is written twice. A savepoint around every message is worth a third of
    // the throughput.
    atomically(cx, Writes::Many, |cx| {
        count_waiting(cx, user, other.id, text.len())?;
        let seq = cx.post(draft)?;
        Ok(sent_to(cx, &other, seq, true))
    })
}

/// `sendgroup`: a message to a group I am in.
pub fn sendgroup(cx: &mut Cx, user: UserId, args: &Args) -> Answer {
    let (text, mid) = (cx.text(args)?, args.mid()?);
    // A retry is answered even if the group, or the membership, is gone by now.
    if let Some(seq) = cx.posted_in_group(Some(user), args, false)? {
        return Ok(Outcome::Done(Reply::Sent, Data::Sent { seq, online: None }));
    }
    let group = cx.joined_group(user, args)?;
    if group.status == GroupStatus::Blocked {
        return Err(Code::GroupBlocked.into());
    }
    cx.need_storage()?;
    let seq = cx.post(Draft {
        conversation: Conversation::Group(group.id),
        sender: Some(user),
        sender_name: None,
        kind: text_kind(cx),
        body: text,
        mid,
        group: Some(GroupLabel { name: group.name, creator: group.creator_name }),
    })?;
    Ok(Outcome::Done(Reply::Sent, Data::Sent { seq, online: None }))
}

/// `ack`: everything pushed to me up to `seq` has arrived.
pub fn ack(cx: &mut Cx, user: UserId, args: &Args) -> Answer {
    let seq = Seq(args.seq()?);
    let conn = cx.caller.conn;
    let pushed = cx.sessions.get(conn).map(|session| session.pushed);
    if pushed.is_none_or(|pushed| seq > pushed) {
        return Err(Code::AckTooHigh.into());
    }
    tell_of_delivery(cx, user, seq)?;
    cx.outbox.stage(Effect::Confirm(conn, seq));
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

/// `history`: the last messages with a user or in a group, or those around a seq; the oldest
/// first.
pub fn history(cx: &mut Cx, user: UserId, args: &Args) -> Answer {
    let rows = rows(args)?;
    let part = match (args.before()?, args.after_seq()?) {
        (Some(_), Some(_)) => return Err(Refusal::about(Code::BadRequest, "after").into()),
        (_, Some(after)) => Part::After(Seq(after)),
        (before, None) => Part::Before(before.map_or(Seq(i64::MAX), Seq)),
    };
    let entries = if args.names_group() {
        let group = cx.readable_group(user, args)?;
        cx.store.history_of_group(user, group, part, rows)?
    } else {
        let other = cx.named_user(Some(user), args)?;
        cx.store.history_between(user, other.id, part, rows)?
    };
    let mut shown = show(cx, user, entries, false)?;
    if matches!(part, Part::Before(_)) {
        shown.turn();
    }
    let data = json!({"messages": shown.messages});
    Ok(Outcome::Done(Reply::History(shown.lines), Data::Object(data)))
}

/// `search`: what was said in one's own conversations and has all of some words in it.
pub fn search(cx: &mut Cx, user: UserId, args: &Args) -> Answer {
    let bad = || Refusal::about(Code::BadRequest, "query");
    let wanted = args.query()?.and_then(Wanted::parse).ok_or_else(bad)?;
    let (rows, before) = (rows(args)?, args.before()?.map(Seq));
    let found = cx.store.search(user, &wanted, before, rows)?;
    let count = found.entries.len();
    let mut shown = show(cx, user, found.entries, true)?;
    // What found no room is found again from the last one that did.
    let next = match shown.messages.len() < count {
        true => shown.last,
        false => found.next,
    };
    shown.turn();
    let unsearched = found.unsearched;
    let mut data = json!({"messages": shown.messages});
    if let Some(next) = next {
        data["next"] = next.0.into();
    }
    if unsearched > 0 {
        data["unsearched"] = unsearched.into();
    }
    let reply = Reply::Found { lines: shown.lines, more: next.is_some(), unsearched };
    Ok(Outcome::Done(reply, Data::Object(data)))
}

/// How many messages are wanted.
fn rows(args: &Args) -> Result<usize, No> {
    match args.count()? {
        None => Ok(HISTORY_ROWS_DEFAULT),
        Some(count) if count >= 1 => Ok((count as usize).min(LIST_ROWS_MAX)),
        Some(_) => Err(Refusal::about(Code::BadRequest, "count").into()),
    }
}

/// Messages as an answer has them.
struct Shown {
    lines: Vec<String>,
    messages: Vec<Box<RawValue>>,
    /// The seq of the last of them.
    last: Option<Seq>,
}

impl Shown {
    /// The other end first.
    fn turn(&mut self) {
        self.lines.reverse();
        self.messages.reverse();
    }
}

/// As many of the entries as one answer holds, from the first on. `all` names the conversation
/// of each.
fn show(cx: &Cx, user: UserId, entries: Vec<Entry>, all: bool) -> Result<Shown, No> {
    let mut room = LIST_BYTES_MAX;
    let mut shown = Shown { lines: Vec::new(), messages: Vec::new(), last: None };
    for entry in entries {
        let to = match entry.conversation {
            Conversation::Inbox(other) if entry.sender == Some(user) => cx.store.username(other)?,
            _ => None,
        };
        let json = as_pushed(&entry, cx.lang, to.as_deref()).to_json(entry.unix, entry.seq);
        let line = line(cx, &entry, to.as_deref(), all);
        // As they will stand in the answer: of what JSON escapes, a line has only these left.
        let escapes = line.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count();
        let size = json.len() + line.len() + escapes + 4;
        if size > room && !shown.messages.is_empty() {
            break;
        }
        room = room.saturating_sub(size);
        shown.lines.push(line);
        shown.messages.push(RawValue::from_string(json).map_err(|_| Code::Internal)?);
        shown.last = Some(entry.seq);
    }
    Ok(shown)
}

/// Who said what, for people; where `all` conversations stand together, also in which.
fn line(cx: &Cx, entry: &Entry, to: Option<&str>, all: bool) -> String {
    if entry.kind == EntryKind::Notice {
        let notice = Notice::from_body(&entry.body);
        let words = notice.map(|notice| locale::notice::say(&notice, cx.lang));
        return history_line(None, &words.unwrap_or_default());
    }
    let from = entry.sender_name.as_deref().unwrap_or_default();
    match (&entry.group, to) {
        (Some(group), _) if all => {
            history_line(Some(&format!("{}/{} {from}", group.creator, group.name)), &entry.body)
        }
        (None, Some(to)) if all => history_line(Some(&format!("{from} → {to}")), &entry.body),
        _ => history_line(Some(from), &entry.body),
    }
}

/// A message to one person is posted: whether they are there to read it, if the sender may know
/// that (see [`Cx::may_know_of`]).
pub fn sent_to(cx: &Cx, other: &User, seq: Seq, may_know: bool) -> Outcome {
    if !may_know {
        return Outcome::Done(Reply::Sent, Data::Sent { seq, online: None });
    }
    let online = cx.sessions.is_online(other.id);
    let text = match online {
        true => Reply::Sent,
        false => Reply::SentOffline { name: other.name.clone() },
    };
    Outcome::Done(text, Data::Sent { seq, online: Some(online) })
}

/// What an administrator says is marked as the system's.
fn text_kind(cx: &Cx) -> EntryKind {
    if cx.is_admin() { EntryKind::AdminText } else { EntryKind::Text }
}

/// Counts `bytes` more by `user` among what waits for another who is behind, up to the limits.
///
/// # Errors
/// `mailbox_full`.
pub fn count_waiting(cx: &mut Cx, user: UserId, other: UserId, bytes: usize) -> Result<(), No> {
    if cx.sessions.is_caught_up(other) {
        return Ok(());
    }
    let waiting = cx.store.waiting(other, user)?;
    let limits = &cx.rules.limits;
    let over = |count: u64, limit: u64| limit > 0 && count >= limit;
    if over(waiting.messages, limits.waiting_per_user)
        || over(waiting.from_sender, limits.waiting_per_sender)
        || waiting.bytes as i64 + bytes as i64 > WAITING_BYTES_MAX
    {
        return Err(Code::MailboxFull.into());
    }
    Ok(cx.store.add_waiting(other, user, bytes as u64)?)
}
