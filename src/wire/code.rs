//! Every outcome of a request by its stable name, for programs.
//!
//! The status follows HTTP's meaning. A code is part of the protocol: it may be added to, never
//! renamed. The words for people are in `locale`.

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $status:literal;)+) => {
        /// The outcome of a request.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Code {
            /// Every code there is.
            pub const ALL: &[Code] = &[$(Code::$variant,)+];

            /// The name on the wire.
            pub fn name(self) -> &'static str {
                match self {
                    $(Code::$variant => $name,)+
                }
            }

            /// The status on the wire.
            pub fn status(self) -> u16 {
                match self {
                    $(Code::$variant => $status,)+
                }
            }
        }
    };
}

codes! {
    /// Done.
    Ok = "ok", 200;

    // The connection closes behind these.
    /// The bytes are no frame.
    BadMagic = "bad_magic", 400;
    /// The payload does not have the header's checksum.
    BadChecksum = "bad_checksum", 400;
    /// The payload is not the JSON object it should be.
    BadPayload = "bad_payload", 400;
    /// The header claims more than 65,536 bytes.
    FrameTooLong = "frame_too_long", 413;
    /// A confirmation of what was never sent.
    AckTooHigh = "ack_too_high", 409;
    /// From elsewhere this server is spoken to over TLS only.
    TlsRequired = "tls_required", 426;

    // The connection goes on after these.
    /// An argument is missing, of the wrong kind or out of range.
    BadRequest = "bad_request", 400;
    /// No such request type.
    UnknownType = "unknown_type", 400;
    /// A name that breaks the rules for names.
    BadName = "bad_name", 400;
    /// A password that breaks the rules for passwords.
    WeakPassword = "weak_password", 400;
    /// A message without text.
    EmptyMessage = "empty_message", 400;
    /// A message over 8,000 bytes.
    MessageTooLong = "message_too_long", 413;
    /// Unknown user or wrong password.
    BadCredentials = "bad_credentials", 401;
    /// This needs a session.
    NotSignedIn = "not_signed_in", 401;
    /// The login key is missing, wrong or expired.
    BadKey = "bad_key", 401;
    /// An administrator has blocked this account.
    UserBlocked = "user_blocked", 403;
    /// Only administrators may.
    NotAdmin = "not_admin", 403;
    /// Only friends may send each other messages.
    NotFriends = "not_friends", 403;
    /// Only the group's owner may.
    NotOwner = "not_owner", 403;
    /// The user is not in the group.
    NotMember = "not_member", 403;
    /// An administrator has blocked this group.
    GroupBlocked = "group_blocked", 403;
    /// The name is kept for the system.
    NameReserved = "name_reserved", 403;
    /// The invite code is wrong.
    BadInvite = "bad_invite", 403;
    /// Registering from elsewhere needs an invite code, and none was given.
    InviteRequired = "invite_required", 403;
    /// The user is only brought into that group if they agree, which cannot be asked for yet.
    NeedsConsent = "needs_consent", 403;
    /// Administrators cannot be blocked.
    AdminProtected = "admin_protected", 403;
    /// No user of that name.
    NoSuchUser = "no_such_user", 404;
    /// No group of that name.
    NoSuchGroup = "no_such_group", 404;
    /// That user has not asked to be a friend.
    NoSuchRequest = "no_such_request", 404;
    /// The name is taken.
    UserExists = "user_exists", 409;
    /// The creator has a group of that name.
    GroupExists = "group_exists", 409;
    /// They are friends already.
    AlreadyFriends = "already_friends", 409;
    /// The user is in the group already.
    AlreadyMember = "already_member", 409;
    /// This connection has a session already.
    AlreadySignedIn = "already_signed_in", 409;
    /// A friend request waits for its answer already.
    RequestPending = "request_pending", 409;
    /// One cannot do this to oneself.
    Yourself = "yourself", 409;
    /// The `mid` stands for another message.
    MidReused = "mid_reused", 409;
    /// The user owns or is in too many groups.
    GroupLimit = "group_limit", 429;
    /// The group has too many members.
    GroupFull = "group_full", 429;
    /// Too many friends.
    FriendLimit = "friend_limit", 429;
    /// Too much waits for the recipient.
    MailboxFull = "mailbox_full", 429;
    /// The user had as much stored today as they may; `data.retry_after` says for how many
    /// seconds.
    QuotaFull = "quota_full", 429;
    /// Too often; `data.retry_after` says how many seconds to wait.
    SlowDown = "slow_down", 429;
    /// The disk is full; nothing was stored.
    StorageFull = "storage_full", 503;
    /// The server is short of something that comes back; try again.
    Busy = "busy", 503;
    /// A fault of the server; nothing was stored.
    Internal = "internal", 500;
}

impl Code {
    /// The code of that name, for clients.
    pub fn from_name(name: &str) -> Option<Code> {
        Code::ALL.iter().copied().find(|code| code.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found_again() {
        for &code in Code::ALL {
            assert_eq!(Code::from_name(code.name()), Some(code));
        }
    }
}
