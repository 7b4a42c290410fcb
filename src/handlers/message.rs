//! Messages: to a friend, to a group, read again, found again.

use std::io::Write;

use super::caller::Member;
use super::context::{Answer, Cx, Failure, Outcome, refuse_if};
use super::named;
use super::post::{Draft, count_waiting, find_posted, post};
use super::receipt::may_know_of;
use crate::id::{Conversation, Seq, UserId};
use crate::limits::LIST_BYTES_MAX;
use crate::locale;
use crate::locale::reply::{Reply, history_line};
use crate::store::{Addressee, Entry, EntryKind, GroupLabel, GroupStatus, Part, User, Wanted};
use crate::wire::argument::{NamedConversation, Rows, Side, bad};
use crate::wire::command::{History, Search, Send, Sendgroup};
use crate::wire::push::Push;
use crate::wire::response::Data;
use crate::wire::{Code, Name, Notice};

/// Answers `send`: posts a message to a friend.
pub fn send(cx: &mut Cx, member: Member, req: Send) -> Answer {
    let user = member.id();
    let addressee = named::addressee(cx, member, req.username)?;
    let Addressee { user: other, is_friend, sender_name } = &*addressee;
    let (text, mid) = (req.message, req.mid);
    let conversation = Conversation::Inbox(other.id);
    let is_meant = |_: &Cx, found| Ok(found == conversation);
    let posted = find_posted(cx, Some(user), mid, (text, false), is_meant)?;
    if let Some(seq) = posted {
        let may_know = may_know_of(cx, user, other.id)?;
        return Ok(sent_to(cx, other, seq, may_know));
    }
    refuse_if(!*is_friend, Code::NotFriends)?;
    cx.need_storage()?;
    let (sender, sender_name, kind) = (Some(user), Some(sender_name.as_str()), text_kind(member));
    let draft = Draft { conversation, sender, sender_name, kind, text, mid, group: None };
    if cx.sessions.is_caught_up(other.id) {
        let seq = post(cx, draft)?;
        return Ok(sent_to(cx, other, seq, true));
    }
    // Only for a reader who is behind a second row is written, so only then a savepoint is needed:
    // one around every message costs a third of the throughput.
    cx.atomically(|cx| {
        count_waiting(cx, user, other.id, text.0.len())?;
        let seq = post(cx, draft)?;
        Ok(sent_to(cx, other, seq, true))
    })
}

/// Answers `sendgroup`: posts a message to a group of the member.
pub fn sendgroup(cx: &mut Cx, member: Member, req: Sendgroup) -> Answer {
    let (sender, text, mid) = (Some(member.id()), req.message, req.mid);
    // A retry is answered even if the group, or the membership, is gone by now.
    let is_meant = |cx: &Cx, found| named::is_group(cx, sender, &req.group, found);
    if let Some(seq) = find_posted(cx, sender, mid, (text, false), is_meant)? {
        return Ok(Outcome::Done(Reply::Sent, Data::Sent { seq, online: None }));
    }
    let group = named::joined_group(cx, member, &req.group)?;
    refuse_if(group.status == GroupStatus::Blocked, Code::GroupBlocked)?;
    cx.need_storage()?;
    let conversation = Conversation::Group(group.id);
    let (sender_name, kind) = (None, text_kind(member));
    let group = Some(GroupLabel { name: &*group.name, creator: &*group.creator_name });
    let seq = post(cx, Draft { conversation, sender, sender_name, kind, text, mid, group })?;
    Ok(Outcome::Done(Reply::Sent, Data::Sent { seq, online: None }))
}

/// Answers `history`: the last messages with a user or in a group, or those before or after a seq;
/// the oldest first.
pub fn history(cx: &mut Cx, member: Member, req: History) -> Answer {
    let (user, Rows(rows)) = (member.id(), req.count);
    let part = match req.side {
        Side::Before(seq) => Part::Before(seq),
        Side::After(seq) => Part::After(seq),
    };
    let entries = match req.conversation {
        NamedConversation::Group(named) => {
            let group = named::readable_group(cx, member, &named)?;
            cx.store.snapshot()?.history_of_group(user, group, part, rows)?
        }
        NamedConversation::User(name) => {
            let other = named::user(cx, member, name)?;
            cx.store.snapshot()?.log.history_between(user, other.id, part, rows)?
        }
    };
    let mut shown = show(cx, user, entries, false)?;
    if matches!(part, Part::Before(_)) {
        shown.reverse();
    }
    let data = shown.data(None, 0);
    Ok(Outcome::Done(Reply::History(shown.lines), data))
}

/// Answers `search`: the messages of the member's conversations that contain all of some words.
pub fn search(cx: &mut Cx, member: Member, req: Search) -> Answer {
    let (user, Rows(rows)) = (member.id(), req.count);
    let wanted = Wanted::parse(req.query).ok_or_else(|| bad(Name::query))?;
    let found = cx.store.search(user, &wanted, req.before, rows)?;
    let count = found.entries.len();
    let mut shown = show(cx, user, found.entries, true)?;
    // Messages that did not fit are found again: the next page begins after the last that did.
    let next = match shown.messages.len() < count {
        true => shown.last,
        false => found.next,
    };
    shown.reverse();
    let unsearched = found.unsearched;
    let data = shown.data(next, unsearched);
    let reply = Reply::Found { lines: shown.lines, more: next.is_some(), unsearched };
    Ok(Outcome::Done(reply, data))
}

/// Messages in the form of an answer: lines for people, JSON for programs.
struct Shown {
    lines: Vec<String>,
    messages: Vec<Vec<u8>>,
    /// The seq of the last of them.
    last: Option<Seq>,
}

impl Shown {
    fn reverse(&mut self) {
        self.lines.reverse();
        self.messages.reverse();
    }

    /// The messages as the data of an answer. Each was encoded once, and is copied.
    fn data(&self, next: Option<Seq>, unsearched: u64) -> Data {
        let mut json = b"{\"messages\":[".to_vec();
        json.extend(self.messages.join(&b','));
        json.push(b']');
        // A vector takes every write.
        if let Some(next) = next {
            _ = write!(json, ",\"next\":{}", next.0);
        }
        if unsearched > 0 {
            _ = write!(json, ",\"unsearched\":{unsearched}");
        }
        json.push(b'}');
        Data::Json(json)
    }
}

/// Shows as many of the entries as fit one answer, from the first on. With `all`, each line names
/// its conversation.
fn show(cx: &Cx, user: UserId, entries: Vec<Entry>, all: bool) -> Result<Shown, Failure> {
    let mut room = LIST_BYTES_MAX;
    let mut shown = Shown { lines: Vec::new(), messages: Vec::new(), last: None };
    for entry in entries {
        let to = match entry.conversation {
            Conversation::Inbox(other) if entry.sender == Some(user) => {
                cx.store.people().username(other)?
            }
            _ => None,
        };
        let mut json = Vec::new();
        let words = |notice: &Notice| locale::notice::say(notice, cx.lang);
        let push = Push::of_entry(entry.with_texts(String::as_str), to.as_deref(), words);
        push.append_json(&mut json, entry.unix, Some(entry.seq));
        let line = line(cx, &entry, to.as_deref(), all);
        // Their size within the answer: a line has no other characters left that JSON escapes.
        let escapes = line.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count();
        let size = json.len() + line.len() + escapes + 4;
        if size > room && !shown.messages.is_empty() {
            break;
        }
        room = room.saturating_sub(size);
        shown.lines.push(line);
        shown.messages.push(json);
        shown.last = Some(entry.seq);
    }
    Ok(shown)
}

/// The line of an entry, for people. With `all`, it names the conversation.
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

/// The answer to a message to one user: it tells whether the user is online, if the sender may know
/// that (see [`may_know_of`]).
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

/// The kind of a member's message: those of administrators are marked.
fn text_kind(member: Member) -> EntryKind {
    if member.is_admin() { EntryKind::AdminText } else { EntryKind::Text }
}
