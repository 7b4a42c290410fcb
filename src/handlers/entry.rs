//! An entry of the log in the form of a push: here a stored notice gets its words.

use crate::id::Conversation;
use crate::locale::{self, Lang};
use crate::store::{Entry, EntryKind};
use crate::wire::push::Push;
use crate::wire::{Event, Notice};

/// The push of an entry, in a language. In a history, which has the reader's own messages too, `to`
/// names the recipient of a message to one user.
pub fn as_pushed<'a>(entry: &'a Entry, lang: Lang, to: Option<&'a str>) -> Push<'a> {
    let from = entry.sender_name.as_deref().unwrap_or_default();
    let group_id = match entry.conversation {
        Conversation::Group(group) => Some(group.0),
        _ => None,
    };
    let (groupname, creator) = match &entry.group {
        Some(label) => (Some(label.name.as_str()), Some(label.creator.as_str())),
        None => (None, None),
    };
    if entry.kind == EntryKind::Notice {
        // A notice that this version does not know is shown by its stored form: nothing is
        // skipped in silence (P16).
        let mut notice = Notice::from_body(&entry.body).unwrap_or(Notice::plain(Event::Admin));
        notice.group_id = notice.group_id.or(group_id);
        let words = locale::notice::say(&notice, lang);
        let words = if words.is_empty() { entry.body.clone() } else { words };
        return Push::notice(notice, words);
    }
    let message = entry.body.as_str();
    let system = entry.kind == EntryKind::AdminText;
    match (entry.kind, entry.conversation) {
        (EntryKind::System, conversation) => {
            let to_all = conversation == Conversation::Everyone;
            let event = if to_all { Event::Broadcast } else { Event::Admin };
            let [username, groupname, creator] = [entry.sender_name.as_deref(), groupname, creator]
                .map(|name| name.map(str::to_owned));
            let notice = Notice { username, groupname, creator, group_id, ..Notice::plain(event) };
            Push::notice(notice, message)
        }
        (_, Conversation::Group(group)) => Push::Group {
            groupname: groupname.unwrap_or_default(),
            creator: creator.unwrap_or_default(),
            group_id: group.0,
            fromusername: from,
            message,
            system,
        },
        _ => Push::User { fromusername: from, message, system, tousername: to },
    }
}
