//! What the system says: an event and its arguments, put into words only when it is pushed, in
//! the reader's language.

use serde::{Deserialize, Serialize};

use crate::id::{GroupId, Seq};

macro_rules! events {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal;)+) => {
        /// What happened; the name is for programs and stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Event {
            $($(#[doc = $doc])+ $variant,)+
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
    /// `username` and the reader are friends now.
    FriendAdded = "friend_added";
    /// `username` asks to be the reader's friend.
    FriendRequested = "friend_requested";
    /// `username` said no.
    FriendRejected = "friend_rejected";
    /// `username` ended the friendship.
    FriendRemoved = "friend_removed";
    /// `username` brought the reader into the group.
    GroupAdded = "group_added";
    /// `username` is in the group now.
    GroupJoined = "group_joined";
    /// `username` took the reader out of the group.
    GroupRemoved = "group_removed";
    /// `username` left the group.
    GroupLeft = "group_left";
    /// `username` deleted the group.
    GroupDeleted = "group_deleted";
    /// An administrator blocked the group.
    GroupBlocked = "group_blocked";
    /// An administrator unblocked the group.
    GroupUnblocked = "group_unblocked";
    /// An administrator says something to a user or a group.
    Admin = "admin";
    /// An administrator says something to all.
    Broadcast = "broadcast";
    /// The user signed in elsewhere; this connection ends.
    SignedInElsewhere = "signed_in_elsewhere";
    /// An administrator blocked the user; this connection ends.
    Blocked = "blocked";
    /// The operator gave the user a new password; this connection ends.
    PasswordReset = "password_reset";
    /// What waited for the reader longest is not kept any more.
    Gap = "gap";
    /// A friend came or went; only for who watches.
    Presence = "presence";
    /// A message has arrived, or was read; only for who watches.
    Receipt = "receipt";
    /// The server stops; this connection ends.
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

/// An event with its arguments. Its JSON is the body of a notice in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// What happened.
    pub event: Event,
    /// Who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The name of the group in which it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groupname: Option<String>,
    /// The name of that group's creator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creator: Option<String>,
    /// The group's id; a notice of before version 5 of the data has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_id: Option<i64>,
    /// Of a gap: the first seq that is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_seq: Option<i64>,
    /// Of a gap: the last seq that is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_seq: Option<i64>,
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
        }
    }

    /// A notice about what `username` did.
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

    /// A notice in the place of what stood at those seqs.
    pub fn gap(from: Seq, to: Seq) -> Notice {
        Notice { from_seq: Some(from.0), to_seq: Some(to.0), ..Notice::plain(Event::Gap) }
    }

    /// As the log keeps it.
    pub fn to_body(&self) -> String {
        // A struct of strings always has a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What the log kept, or `None` if a later version wrote it.
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
