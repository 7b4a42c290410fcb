//! What only the operator may, over the control socket: rights, passwords, backups, settings.
//!
//! The operator is the person who can open the socket in the data directory. The operator is no
//! user, so nothing here has a sender. The operator may also do what administrators may; see
//! `admin`.

use serde_json::json;

use super::audit::record;
use super::caller::Operator;
use super::context::{Answer, Cx, Outcome, refuse_if};
use super::hashing::{check_strength, salt, wait_for_hash};
use super::list::{Page, ROWS_ASKED};
use super::named;
use super::receipt::write_cursors;
use crate::conn::CloseReason;
use crate::id::{ConnId, UserId};
use crate::limits::{CONNECTION_ROW_BYTES_MAX, LIST_BYTES_MAX};
use crate::locale::reply::{ConnectionLine, Reply};
use crate::outbox::{Effect, Purpose};
use crate::password::{Secret, Task};
use crate::wire::command::{Backup, Config, Connections, Grant, Release, Revoke, Setpasswd};
use crate::wire::response::Data;
use crate::wire::{Code, MessageType};

/// Answers `grant`: makes a user an administrator, also in a session that runs already.
pub fn grant(cx: &mut Cx, _: Operator, req: Grant) -> Answer {
    set_admin(cx, req.username, MessageType::Grant)
}

/// Answers `revoke`: makes an administrator an ordinary user.
pub fn revoke(cx: &mut Cx, _: Operator, req: Revoke) -> Answer {
    set_admin(cx, req.username, MessageType::Revoke)
}

/// Answers `setpasswd`: gives a user another password, and ends their session.
pub fn setpasswd(cx: &mut Cx, _: Operator, req: Setpasswd) -> Answer {
    let user = named::anyone(cx, req.username)?;
    check_strength(req.password, &user.name)?;
    let task = Task::Hash { password: Secret::from(req.password), salt: salt(cx) };
    wait_for_hash(cx, task, Purpose::Reset(user.id))
}

/// Goes on with `setpasswd` when the password is hashed.
pub fn password_is_reset(cx: &mut Cx, user: UserId, stored: &str) -> Answer {
    cx.store.people_mut().set_password(user, stored)?;
    cx.store.people_mut().set_key(user, None, cx.now.unix)?;
    cx.hold_sessions(user);
    cx.outbox.stage(Effect::Expel(user, CloseReason::PasswordReset));
    let name = cx.name_of(user)?;
    record(cx, None, MessageType::Setpasswd, Some(&name))?;
    Ok(Outcome::said(Reply::PasswordReset { name }))
}

/// Answers `backup`: the database's file stays as it is until `release`, or until the connection
/// ends. All cursors are written first, so that a restored backup does not push confirmed messages
/// again.
pub fn backup(cx: &mut Cx, _: Operator, _: Backup) -> Answer {
    refuse_if(cx.server.held_for.is_some(), Code::Busy)?;
    write_cursors(cx.store, cx.sessions, cx.now.unix)?;
    record(cx, None, MessageType::Backup, None)?;
    cx.outbox.stage(Effect::Hold(cx.caller.conn));
    let data = json!({"epoch": cx.store.epoch()});
    Ok(Outcome::Done(Reply::Confirmed, Data::Object(data)))
}

/// Answers `config`: lists the server's version, process and settings.
pub fn config(cx: &mut Cx, _: Operator, _: Config) -> Answer {
    let data = json!({"server": &*cx.rules.about});
    Ok(Outcome::Done(Reply::Confirmed, Data::Object(data)))
}

/// Answers `connections`: lists the connections, and why each rests.
pub fn connections(cx: &mut Cx, _: Operator, req: Connections) -> Answer {
    let (begins, limits) = (req.after, &cx.rules.limits);
    let from_slot = usize::try_from(begins.id).unwrap_or(0);
    let mut rows = cx.connections.lines(from_slot, ROWS_ASKED, limits, cx.now.mono);
    for (id, line) in &mut rows {
        if let Some(session) = cx.sessions.get(*id) {
            line.username = cx.store.people().username(session.who.user)?;
        }
    }
    let bytes = |_: &(ConnId, ConnectionLine)| CONNECTION_ROW_BYTES_MAX;
    let next_slot = |(id, _): &(ConnId, ConnectionLine)| i64::from(id.slot) + 1;
    let page = Page::cut(begins, LIST_BYTES_MAX, rows, bytes, next_slot);
    let lines: Vec<_> = page.rows.iter().map(|(_, line)| line.clone()).collect();
    let data = Data::Object(page.with_next(json!({"connections": lines})));
    Ok(Outcome::Done(Reply::Connections(lines), data))
}

/// Answers `release`: the file was copied. `ok` means that it did not change until now.
pub fn release(cx: &mut Cx, _: Operator, _: Release) -> Answer {
    let conn = cx.caller.conn;
    refuse_if(cx.server.held_for != Some(conn), Code::Busy)?;
    cx.outbox.stage(Effect::Release(conn));
    Ok(Outcome::said(Reply::Confirmed))
}

fn set_admin(cx: &mut Cx, name: &str, act: MessageType) -> Answer {
    let user = named::anyone(cx, name)?;
    let admin = act == MessageType::Grant;
    record(cx, None, act, Some(&user.name))?;
    cx.store.people_mut().set_admin(user.id, admin)?;
    cx.hold_sessions(user.id);
    // Staged by user and not by connection: they may be signing in in this tick.
    cx.outbox.stage(Effect::Rights(user.id, admin));
    let name = user.name;
    Ok(Outcome::said(if admin { Reply::Granted { name } } else { Reply::Revoked { name } }))
}
