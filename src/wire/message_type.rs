//! The types a request may have: declared once, with the names an older client uses for them.

macro_rules! message_types {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal $(| $alias:literal)*;)+) => {
        /// The type of a request.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum MessageType {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl MessageType {
            /// Every type there is, in the order of this file.
            pub const ALL: &[MessageType] = &[$(MessageType::$variant,)+];

            /// The name on the wire.
            pub fn name(self) -> &'static str {
                match self {
                    $(MessageType::$variant => $name,)+
                }
            }

            /// The type of that name or alias.
            pub fn from_name(name: &str) -> Option<MessageType> {
                match name {
                    $($name $(| $alias)* => Some(MessageType::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

message_types! {
    /// Nothing but an answer.
    Ping = "ping";
    /// Make an account.
    Reg = "reg";
    /// Sign in with a password.
    Login = "login";
    /// Sign in with the key of the last sign-in.
    Resume = "resume";
    /// End the session; the connection stays.
    Logout = "logout";
    /// Change the password and the key.
    Passwd = "passwd";
    /// Who am I.
    Whoami = "whoami";
    /// The language that this session is spoken to in.
    Lang = "lang";
    /// What can be done.
    Help = "help";
    /// Everything pushed up to a seq has arrived.
    Ack = "ack";

    /// Make a friend, or ask to.
    Add = "add" | "add_friend";
    /// Say yes to a friend request.
    Accept = "accept" | "accept_friend";
    /// Say no to a friend request.
    Reject = "reject";
    /// End a friendship.
    Del = "del";
    /// List the friends.
    Friends = "friends" | "myfriends";

    /// A message to a friend.
    Send = "send";
    /// A message to a group.
    Sendgroup = "sendgroup";
    /// The last messages of a conversation.
    History = "history";
    /// What was said in one's own conversations, by its words.
    Search = "search";

    /// What this session is told of others.
    Watch = "watch";
    /// A conversation was read up to a seq.
    Read = "read";
    /// Who has received and read a message of one's own.
    Receipts = "receipts";

    /// Create a group.
    Newgroup = "newgroup";
    /// Delete an own group.
    Delgroup = "delgroup";
    /// Bring a user into an own group.
    Addgroupuser = "addgroupuser";
    /// Take a user out of an own group.
    Delgroupuser = "delgroupuser";
    /// Leave a group.
    Leavegroup = "leavegroup";
    /// List the groups I am in.
    Groups = "groups";
    /// List the members of a group.
    Groupusers = "groupusers";

    /// Administrators: every user.
    Allusers = "allusers";
    /// Administrators: every user who is online.
    Online = "online";
    /// Administrators: every group.
    Allgroup = "allgroup";
    /// Administrators: a system message to anyone.
    Adminsend = "adminsend";
    /// Administrators: a system message to any group.
    Adminsendgroup = "adminsendgroup";
    /// Administrators: a system message to all.
    Broadcast = "broadcast";
    /// Administrators: end a user's session and let them in no more.
    Blockuser = "blockuser" | "ban_user";
    /// Administrators: let a user in again.
    Unblockuser = "unblockuser" | "permit_user";
    /// Administrators: nobody may send to the group.
    Blockgroup = "blockgroup";
    /// Administrators: the group may be sent to again.
    Unblockgroup = "unblockgroup";
    /// Administrators: how the server is doing.
    Stats = "stats";

    /// The operator: make a user an administrator.
    Grant = "grant";
    /// The operator: make an administrator a user.
    Revoke = "revoke";
    /// The operator: give a user a new password.
    Setpasswd = "setpasswd";
    /// The operator: hold the database's file still, to copy it.
    Backup = "backup";
    /// The operator: it is copied.
    Release = "release";
    /// Operator: what this server runs with.
    Config = "config";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_found_by_its_name() {
        for &kind in MessageType::ALL {
            assert_eq!(MessageType::from_name(kind.name()), Some(kind));
        }
        assert_eq!(MessageType::from_name("ban_user"), Some(MessageType::Blockuser));
        assert_eq!(MessageType::from_name("nonsense"), None);
    }
}
