//! Posting: an entry goes to the end of the log, and is staged for its readers.

use super::context::{Cx, Failure};
use crate::id::{Conversation, Seq, UserId};
use crate::limits::WAITING_BYTES_MAX;
use crate::store::{Entry, EntryKind, GroupLabel, NewEntry};
use crate::wire::argument::{MessageText, Mid};
use crate::wire::{Code, Event, Notice, Refusal};

/// A message that is to be posted.
pub struct Draft<'a> {
    /// For whom.
    pub conversation: Conversation,
    /// Its sender; `None`: the system itself.
    pub sender: Option<UserId>,
    /// The sender's name as shown, if it is at hand.
    pub sender_name: Option<&'a str>,
    /// Of which kind.
    pub kind: EntryKind,
    /// The text.
    pub text: MessageText<'a>,
    /// The client's own name for it.
    pub mid: Option<Mid<'a>>,
    /// The group's name, if it is for a group.
    pub group: Option<GroupLabel<&'a str>>,
}

/// The message that a sender posted under this `mid`, if any: a retry is answered with the same
/// seq (P5). `is_meant` says whether a conversation is the one that the request names.
///
/// # Errors
/// `mid_reused`: it stands for another message.
pub fn find_posted(
    cx: &mut Cx,
    sender: Option<UserId>,
    mid: Option<Mid>,
    (text, is_system): (MessageText, bool),
    is_meant: impl FnOnce(&Cx, Conversation) -> Result<bool, Failure>,
) -> Result<Option<Seq>, Failure> {
    let Some((sender, Mid(mid))) = sender.zip(mid) else { return Ok(None) };
    let Some(posted) = cx.store.log_mut().find_mid(sender, mid)? else { return Ok(None) };
    let same = (posted.kind == EntryKind::System) == is_system
        && posted.body == text.0
        && is_meant(cx, posted.conversation)?;
    if same { Ok(Some(posted.seq)) } else { Err(Code::MidReused.into()) }
}

/// Posts a message. A message in the system's name is not counted as stored by its sender: an
/// administrator can always moderate.
///
/// # Errors
/// `quota_full`.
pub fn post(cx: &mut Cx, draft: Draft) -> Result<Seq, Failure> {
    let Draft { conversation, sender, sender_name, kind, text: MessageText(text), mid, group } =
        draft;
    let mid = mid.map(|Mid(mid)| mid);
    if let Some(sender) = sender.filter(|_| kind != EntryKind::System) {
        use_quota(cx, sender, text.len() + mid.map_or(0, str::len), false)?;
    }
    let unix = cx.now.unix;
    append(cx, &NewEntry { conversation, sender, unix, kind, body: text, mid }, sender_name, group)
}

/// Posts a notice about what the user `by` did. They are not told it themselves.
///
/// # Errors
/// `quota_full`, but not for the notice of an end (`Event::is_ending`).
pub fn notify(
    cx: &mut Cx,
    conversation: Conversation,
    by: Option<UserId>,
    notice: &Notice,
) -> Result<Seq, Failure> {
    let body = notice.to_body();
    let moderates = matches!(notice.event, Event::GroupBlocked | Event::GroupUnblocked);
    if let Some(by) = by.filter(|_| !moderates) {
        use_quota(cx, by, body.len(), notice.event.is_ending())?;
    }
    let label = notice.groupname.as_deref().zip(notice.creator.as_deref());
    let group = label.map(|(name, creator)| GroupLabel { name, creator });
    let (sender, unix, kind, body, mid) = (by, cx.now.unix, EntryKind::Notice, &*body, None);
    append(cx, &NewEntry { conversation, sender, unix, kind, body, mid }, None, group)
}

/// Appends an entry to the log and stages it for its readers.
fn append(
    cx: &mut Cx,
    new: &NewEntry,
    sender_name: Option<&str>,
    group: Option<GroupLabel<&str>>,
) -> Result<Seq, Failure> {
    let read = match new.sender {
        Some(sender) if sender_name.is_none() => Some(cx.name_of(sender)?),
        _ => None,
    };
    let sender_name = sender_name.or(read.as_deref());
    let seq = cx.store.log_mut().append(new)?;
    let &NewEntry { conversation, sender, unix, kind, body, .. } = new;
    let entry = Entry { seq, conversation, sender, sender_name, group, unix, kind, body };
    cx.outbox.stage_entry(&entry);
    Ok(seq)
}

/// Counts what a user has stored today: UTF-8 bytes of texts, `mid`s, notices and names, once each,
/// whatever the number of readers.
///
/// # Errors
/// `quota_full`: they may not store so much more today. Never if it `must` be stored.
pub fn use_quota(cx: &mut Cx, user: UserId, bytes: usize, must: bool) -> Result<(), Failure> {
    let (limit, unix) = (cx.rules.limits.stored_bytes_per_day, cx.now.unix);
    if limit == 0 {
        return Ok(());
    }
    let full = cx.store.people_mut().use_quota(user, bytes as u64, limit, unix, must)?;
    full.map_or(Ok(()), |seconds| Err(Refusal::quota_full(seconds).into()))
}

/// Counts `bytes` more from `user` among the messages that wait for another user who is behind.
///
/// # Errors
/// `mailbox_full`.
pub fn count_waiting(
    cx: &mut Cx,
    user: UserId,
    other: UserId,
    bytes: usize,
) -> Result<(), Failure> {
    if cx.sessions.is_caught_up(other) {
        return Ok(());
    }
    let waiting = cx.store.people().waiting(other, user)?;
    let limits = &cx.rules.limits;
    let over = |count: u64, limit: u64| limit > 0 && count >= limit;
    if over(waiting.messages, limits.waiting_per_user)
        || over(waiting.from_sender, limits.waiting_per_sender)
        || waiting.bytes as i64 + bytes as i64 > WAITING_BYTES_MAX
    {
        return Err(Code::MailboxFull.into());
    }
    Ok(cx.store.people_mut().add_waiting(other, user, bytes as u64)?)
}
