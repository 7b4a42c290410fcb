//! Every outcome of a request by its stable name, for programs.
//!
//! The status follows HTTP's meaning. A code is part of the protocol: it may be added to, never
//! renamed. The texts for people are in `locale::refusal`.

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal, $status:literal;)+) => {
        /// The outcome of a request.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs)]
        pub enum Code {
            $($(#[doc = $doc])* $variant,)+
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
    Ok = "ok", 200;

    // After these the connection is closed.
    /// The bytes are no frame.
    BadMagic = "bad_magic", 400;
    BadChecksum = "bad_checksum", 400;
    /// The payload is not the JSON object that it must be.
    BadPayload = "bad_payload", 400;
    /// The header claims more than `limits::FRAME_PAYLOAD_BYTES_MAX`.
    FrameTooLong = "frame_too_long", 413;
    /// A confirmation of a message that was never sent.
    AckTooHigh = "ack_too_high", 409;
    /// Connections from other machines must use TLS.
    TlsRequired = "tls_required", 426;

    // After these it goes on.
    /// An argument is missing, of the wrong kind or out of range.
    BadRequest = "bad_request", 400;
    UnknownType = "unknown_type", 400;
    BadName = "bad_name", 400;
    WeakPassword = "weak_password", 400;
    EmptyMessage = "empty_message", 400;
    MessageTooLong = "message_too_long", 413;
    /// Unknown user or wrong password.
    BadCredentials = "bad_credentials", 401;
    NotSignedIn = "not_signed_in", 401;
    /// The login key is missing, wrong or expired.
    BadKey = "bad_key", 401;
    UserBlocked = "user_blocked", 403;
    NotAdmin = "not_admin", 403;
    /// Only friends may send each other messages.
    NotFriends = "not_friends", 403;
    NotOwner = "not_owner", 403;
    NotMember = "not_member", 403;
    GroupBlocked = "group_blocked", 403;
    /// The name, or one that looks like it, is kept for the system.
    NameReserved = "name_reserved", 403;
    BadInvite = "bad_invite", 403;
    /// Registering from another machine needs an invite code, and none was given.
    InviteRequired = "invite_required", 403;
    /// The user must agree before they are brought into that group.
    NeedsConsent = "needs_consent", 403;
    AdminProtected = "admin_protected", 403;
    NoSuchUser = "no_such_user", 404;
    NoSuchGroup = "no_such_group", 404;
    /// That user has not asked to be a friend.
    NoSuchRequest = "no_such_request", 404;
    UserExists = "user_exists", 409;
    GroupExists = "group_exists", 409;
    AlreadyFriends = "already_friends", 409;
    AlreadyMember = "already_member", 409;
    /// This connection has a session already.
    AlreadySignedIn = "already_signed_in", 409;
    /// A friend request waits for its answer already.
    RequestPending = "request_pending", 409;
    Yourself = "yourself", 409;
    /// The `mid` stands for another message.
    MidReused = "mid_reused", 409;
    /// The user owns or is in too many groups.
    GroupLimit = "group_limit", 429;
    GroupFull = "group_full", 429;
    FriendLimit = "friend_limit", 429;
    /// Too much waits for the recipient.
    MailboxFull = "mailbox_full", 429;
    /// The user stored as much today as they may; `data.retry_after` has the seconds to wait.
    QuotaFull = "quota_full", 429;
    /// Too often; `data.retry_after` has the seconds to wait.
    SlowDown = "slow_down", 429;
    /// The disk is full; nothing was stored.
    StorageFull = "storage_full", 503;
    /// The server is short of something for a moment; try again.
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
