//! What the system says: an event and its arguments. They become a text only when they are pushed,
//! in the reader's language (`locale::notice`).

use serde::{Deserialize, Serialize};

use crate::id::{GroupId, Seq};

macro_rules! events {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal;)+) => {
        /// What happened; the name is for programs and stable. `locale::notice` has the texts.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[allow(missing_docs)]
        pub enum Event {
            $($(#[doc = $doc])* $variant,)+
        }

        impl Event {
            /// Every event there is.
            pub const ALL: &[Event] = &[$(Event::$variant,)+];

            /// The name on the wire.
            pub fn name(self) -> &'static str {
                match self {
                    $(Event::$variant => $name,)+
                }
            }
        }
    };
}

events! {
    FriendAdded = "friend_added";
    FriendRequested = "friend_requested";
    FriendRejected = "friend_rejected";
    FriendRemoved = "friend_removed";
    GroupAdded = "group_added";
    GroupJoined = "group_joined";
    GroupRemoved = "group_removed";
    GroupLeft = "group_left";
    GroupDeleted = "group_deleted";
    GroupBlocked = "group_blocked";
    GroupUnblocked = "group_unblocked";
    /// An administrator's message to a user or a group.
    Admin = "admin";
    /// An administrator's message to all.
    Broadcast = "broadcast";
    // After these three, and after `shutdown`, the connection ends.
    SignedInElsewhere = "signed_in_elsewhere";
    Blocked = "blocked";
    PasswordReset = "password_reset";
    /// The oldest messages that waited for the reader are not kept any more.
    Gap = "gap";
    /// A friend came or went; pushed to sessions that watch, and not in the log.
    Presence = "presence";
    /// A message has arrived or was read; pushed to sessions that watch, and not in the log.
    Receipt = "receipt";
    Shutdown = "shutdown";
    /// Everything that waited has been pushed.
    CaughtUp = "caught_up";
}

impl Event {
    /// Whether it ends a friendship, a request or a membership: that is always told.
    pub fn is_ending(self) -> bool {
        matches!(
            self,
            Event::FriendRejected
                | Event::FriendRemoved
                | Event::GroupRemoved
                | Event::GroupLeft
                | Event::GroupDeleted
        )
    }
}

/// An event with its arguments. Its JSON is the body of a notice in the log, and a part of the
/// payload of a push.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// What happened.
    pub event: Event,
    /// The user whom it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The name of the group in which it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groupname: Option<String>,
    /// The name of that group's creator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creator: Option<String>,
    /// The group's id; a notice of before version 5 of the data has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_id: Option<i64>,
    /// Of a gap: the first seq that is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_seq: Option<i64>,
    /// Of a gap: the last seq that is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_seq: Option<i64>,
    /// Of presence: whether the user came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub online: Option<bool>,
    /// Of a receipt: the user has received everything up to this seq.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivered: Option<i64>,
    /// Of a receipt: the user has read everything up to this seq.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read: Option<i64>,
}

impl Notice {
    /// A notice without arguments.
    pub fn plain(event: Event) -> Notice {
        Notice {
            event,
            username: None,
            groupname: None,
            creator: None,
            group_id: None,
            from_seq: None,
            to_seq: None,
            online: None,
            delivered: None,
            read: None,
        }
    }

    /// A notice about `username`.
    pub fn by(event: Event, username: &str) -> Notice {
        Notice { username: Some(username.to_owned()), ..Notice::plain(event) }
    }

    /// The same in the group of that id, `groupname` of `creator`.
    pub fn in_group(self, id: GroupId, groupname: &str, creator: &str) -> Notice {
        Notice {
            groupname: Some(groupname.to_owned()),
            creator: Some(creator.to_owned()),
            group_id: Some(id.0),
            ..self
        }
    }

    /// A notice in the place of the messages from one seq to another.
    pub fn gap(from: Seq, to: Seq) -> Notice {
        Notice { from_seq: Some(from.0), to_seq: Some(to.0), ..Notice::plain(Event::Gap) }
    }

    /// A friend came or went.
    pub fn presence(username: &str, online: bool) -> Notice {
        Notice { online: Some(online), ..Notice::by(Event::Presence, username) }
    }

    /// A user has received, or has read, everything up to a seq.
    pub fn receipt(username: &str, seq: Seq, is_read: bool) -> Notice {
        let (delivered, read) = if is_read { (None, Some(seq.0)) } else { (Some(seq.0), None) };
        Notice { delivered, read, ..Notice::by(Event::Receipt, username) }
    }

    /// The body that the log keeps.
    pub fn to_body(&self) -> String {
        // A struct of strings always has a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The notice of a body; `None` if a later version wrote it.
    pub fn from_body(body: &str) -> Option<Notice> {
        serde_json::from_str(body).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_have_one_name_on_the_wire_and_in_the_log() {
        for &event in Event::ALL {
            let notice = Notice::by(event, "bob").in_group(GroupId(7), "team", "alice");
            assert!(notice.to_body().contains(&format!("\"event\":\"{}\"", event.name())));
            assert_eq!(Notice::from_body(&notice.to_body()), Some(notice));
        }
    }
}
