//! The push of an entry of the log.

use super::push::Push;
use super::{Event, Notice};
use crate::id::Conversation;
use crate::store::{Entry, EntryKind};

impl<'a> Push<'a> {
    /// The push of an entry. `words` tells the text of a stored notice. In a history, which has the
    /// reader's own messages too, `to` names the recipient of a message to one user.
    pub fn of_entry(
        entry: Entry<&'a str>,
        to: Option<&'a str>,
        words: impl FnOnce(&Notice) -> String,
    ) -> Push<'a> {
        let Entry { conversation, sender_name, group, kind, body: message, .. } = entry;
        let from = sender_name.unwrap_or_default();
        let (groupname, creator) = group.map(|label| (label.name, label.creator)).unzip();
        let group_id = match conversation {
            Conversation::Group(group) => Some(group.0),
            _ => None,
        };
        let system = kind == EntryKind::AdminText;
        match (kind, conversation) {
            (EntryKind::Notice, _) => {
                // A notice that this version does not know is shown by its stored form: nothing is
                // skipped in silence (P16).
                let mut notice = Notice::from_body(message).unwrap_or(Notice::plain(Event::Admin));
                notice.group_id = notice.group_id.or(group_id);
                let words = words(&notice);
                let words = if words.is_empty() { message.to_owned() } else { words };
                Push::notice(notice, words)
            }
            (EntryKind::System, _) => {
                let to_all = conversation == Conversation::Everyone;
                let event = if to_all { Event::Broadcast } else { Event::Admin };
                let [username, groupname, creator] =
                    [sender_name, groupname, creator].map(|name| name.map(str::to_owned));
                let plain = Notice::plain(event);
                let notice = Notice { username, groupname, creator, group_id, ..plain };
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
}
