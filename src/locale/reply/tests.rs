//! What `reply.rs` must do.

use super::*;

#[test]
fn p28_no_name_of_an_old_database_starts_a_line() {
    let name = || "a\nb\u{1b}[2J\u{202e}".to_owned();
    let user = || UserLine { username: name(), online: true, blocked: None, is_admin: None };
    let (number, group_id, online, total, blocked) = (1, 1, 0, 1, false);
    let (groupname, creator) = (name(), name());
    let group = GroupLine { number, groupname, creator, group_id, online, total, blocked };
    for (reply, lines) in [
        (Reply::Users(vec![user()]), 2),
        (Reply::Friends { friends: vec![user()], requests: vec![name()] }, 4),
        (Reply::Members { group: name(), members: vec![user()] }, 2),
        (Reply::Groups(vec![group]), 2),
        (Reply::History(vec![history_line(Some(&name()), "hi")]), 2),
        (Reply::MemberAdded { group: name(), name: name() }, 1),
        (Reply::Whoami { name: name() }, 1),
        (Reply::WelcomeAdmin { name: name(), commands: "send".into() }, 1),
    ] {
        for lang in [Lang::En, Lang::Zh] {
            let text = reply.say(lang);
            assert_eq!(text.lines().count(), lines, "{text:?}");
            let moves = |c: char| c != '\n' && crate::visible::is_hidden(c);
            assert!(!text.contains(moves), "{text:?}");
        }
    }
}
