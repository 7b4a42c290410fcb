//! What `reply.rs` must do.

use super::*;

#[test]
fn every_short_text_has_words_in_both_languages() {
    let name = || "bob".to_owned();
    for reply in [
        Reply::Pong,
        Reply::Registered { name: name() },
        Reply::SignedOut,
        Reply::PasswordChanged,
        Reply::Whoami { name: name(), admin: true },
        Reply::LangSet,
        Reply::Confirmed,
        Reply::FriendAdded { name: name() },
        Reply::FriendAsked { name: name() },
        Reply::FriendRejected { name: name() },
        Reply::FriendRemoved { name: name() },
        Reply::Sent,
        Reply::SentOffline { name: name() },
        Reply::GroupCreated { name: name() },
        Reply::GroupDeleted { name: name() },
        Reply::MemberAdded { group: name(), name: name() },
        Reply::MemberRemoved { group: name(), name: name() },
        Reply::GroupLeft { name: name() },
        Reply::StaysOut { name: name() },
        Reply::MayBeAdded { name: name() },
        Reply::BroadcastSent,
        Reply::UserBlocked { name: name() },
        Reply::UserUnblocked { name: name() },
        Reply::GroupBlocked { name: name() },
        Reply::GroupUnblocked { name: name() },
        Reply::Granted { name: name() },
        Reply::Revoked { name: name() },
        Reply::PasswordReset { name: name() },
    ] {
        let english = reply.say(Lang::En);
        assert!(!english.is_empty());
        assert!(!reply.say(Lang::Zh).is_empty(), "{english}");
    }
}

#[test]
fn p28_no_name_of_an_old_database_starts_a_line() {
    let name = || "a\nb\u{1b}[2J\u{202e}".to_owned();
    let user = || UserLine { name: name(), online: true, blocked: false, admin: false };
    let (number, online, total, blocked) = (1, 0, 1, false);
    let group = GroupLine { number, name: name(), creator: name(), online, total, blocked };
    for (reply, lines) in [
        (Reply::Users(vec![user()]), 2),
        (Reply::Friends { friends: vec![user()], requests: vec![name()] }, 4),
        (Reply::Members { group: name(), members: vec![user()] }, 2),
        (Reply::Groups(vec![group]), 2),
        (Reply::History(vec![history_line(Some(&name()), "hi")]), 2),
        (Reply::MemberAdded { group: name(), name: name() }, 1),
        (Reply::Whoami { name: name(), admin: false }, 1),
        (Reply::Welcome { name: name(), admin: true, commands: vec!["send"] }, 1),
    ] {
        for lang in [Lang::En, Lang::Zh] {
            let text = reply.say(lang);
            assert_eq!(text.lines().count(), lines, "{text:?}");
            let moves = |c: char| c != '\n' && crate::visible::is_hidden(c);
            assert!(!text.contains(moves), "{text:?}");
        }
    }
}

#[test]
fn p28_a_peers_text_cannot_start_a_line_of_a_list() {
    let reply = Reply::History(vec![history_line(Some("bob"), "one\ntwo\u{1b}[2J")]);
    assert_eq!(reply.say(Lang::En), "History:\nbob> one two [2J");
}
