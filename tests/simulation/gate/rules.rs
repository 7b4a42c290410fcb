//! What must hold of every cell, whatever the table says: a wrong table cannot be blessed.
//!
//! The rules are those of P17 to P19 and of PROTOCOL.md, said anew: from the handler table comes
//! only who may call a type.

use p2sp::wire::MessageType;
use p2sp::wire::command::Role;

use super::situation::{Key, Relation, Situation, State};
use super::world::Cell;

/// Holds a cell against the rules.
///
/// # Errors
/// The rule that it breaks.
pub fn check(
    kind: MessageType,
    role: Role,
    situation: Situation,
    cell: &Cell,
) -> Result<(), String> {
    let rule = |holds: bool, rule: &str| if holds { Ok(()) } else { Err(rule.to_owned()) };
    let Situation { state, key, .. } = situation;
    let code = cell.code.as_str();
    let anyone = matches!(role, Role::Anyone | Role::Guest);
    rule(anyone == is_open(kind), "P19: ping, reg, login, resume are open, and nothing else")?;
    rule(cell.wrote <= (code == "ok"), "P3: what is refused has no effect")?;
    rule(cell.waited == state.waits(), "nothing is served while a password is hashed")?;
    if state.has_ended() {
        return rule(code == "end", "P17, P18: a session that ended causes nothing");
    }
    rule(code != "end" && code != "silence", "a request is answered")?;
    if matches!(role, Role::Operator) {
        return rule(code == "unknown_type", "P19: only through the control socket");
    }
    if anyone {
        return check_open(kind, situation, cell).map_err(str::to_owned);
    }
    match (state, key) {
        (State::Door | State::Barred | State::SignedOut, _) => {
            rule(code == "not_signed_in", "P19: nobody is signed in")
        }
        (_, Key::Odd) => rule(code == "bad_request", "P19: a key is a string"),
        (_, Key::Line) | (State::SignedIn, Key::Right) => {
            check_allowed(kind, role, situation, code)
        }
        _ => rule(code == "bad_key", "P18, P19: a key that is not the session's opens nothing"),
    }
}

fn is_open(kind: MessageType) -> bool {
    use MessageType::{Login, Ping, Reg, Resume};
    matches!(kind, Ping | Reg | Login | Resume)
}

/// Requests that anyone may send.
fn check_open(kind: MessageType, situation: Situation, cell: &Cell) -> Result<(), &'static str> {
    let Situation { state, key, .. } = situation;
    let has_session = state == State::SignedIn || state.waits();
    let expected = match (kind, state, key) {
        (MessageType::Ping, ..) => "ok",
        _ if has_session => "already_signed_in",
        (MessageType::Reg, ..) => "ok",
        (MessageType::Login, State::Barred, _) => "user_blocked",
        (MessageType::Login, ..) => "ok",
        (_, _, Key::Odd) => "bad_request",
        // Whoever has somebody's key is somebody, on whatever connection.
        (_, _, Key::Foreign) => "ok",
        // Signing out and being blocked end the key.
        (_, State::Door, Key::Right) => "ok",
        _ => "bad_key",
    };
    if cell.code != expected {
        return Err("P18, P19: the door");
    }
    let may_write = matches!(kind, MessageType::Reg | MessageType::Login);
    if cell.wrote && !may_write { Err("neither ping nor resume writes here") } else { Ok(()) }
}

/// A signed-in caller with the right key.
fn check_allowed(
    kind: MessageType,
    role: Role,
    situation: Situation,
    code: &str,
) -> Result<(), String> {
    use MessageType::*;
    let Situation { admin, relation, .. } = situation;
    let expected = match (kind, relation) {
        _ if matches!(role, Role::Admin) && !admin => "not_admin",
        (Delgroup | Addgroupuser | Delgroupuser, Relation::Member | Relation::Outsider) => {
            "not_owner"
        }
        // Administrators can list every group; to others it is as if there were none.
        (Sendgroup | History | Groupusers | Leavegroup, Relation::Outsider) if admin => {
            "not_member"
        }
        (Sendgroup | History | Groupusers | Leavegroup, Relation::Outsider) => "no_such_group",
        // Nobody has said anything yet.
        (Receipts, _) => "bad_request",
        (Send | Del, Relation::Outsider) => "not_friends",
        (Leavegroup | Add, Relation::Owner) => "yourself",
        (Add, Relation::Member) => "already_friends",
        (Accept | Reject, Relation::Owner | Relation::Member) => "no_such_request",
        (Send | Del, Relation::Owner) => "not_friends",
        (Newgroup, Relation::Owner) => "group_exists",
        (Blockuser, Relation::Owner) => "admin_protected",
        _ => "ok",
    };
    let says = || format!("the rules say {expected}, not {code}");
    if code == expected { Ok(()) } else { Err(says()) }
}
