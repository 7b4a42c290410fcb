//! What administrators and the operator did: it is recorded, logged and listed.

use serde_json::json;

use super::caller::Admin;
use super::context::{Answer, Cx, Failure, Outcome};
use super::list::{Page, ROWS_ASKED};
use crate::id::UserId;
use crate::limits::{AUDIT_ROW_BYTES_MAX, LIST_BYTES_MAX};
use crate::locale::reply::{ActLine, Reply};
use crate::operator_log::Line;
use crate::outbox::Effect;
use crate::store::Act;
use crate::wire::MessageType;
use crate::wire::command::Audit;
use crate::wire::response::Data;

/// Records an act: in the database, and in the operator's log. `admin` is `None` for the operator,
/// `about` the user or the group to which it was done.
///
/// # Errors
/// The store failed.
pub fn record(
    cx: &mut Cx,
    admin: Option<UserId>,
    act: MessageType,
    about: Option<&str>,
) -> Result<(), Failure> {
    let (from, unix) = (cx.caller.address, cx.now.unix);
    let (address, is_short) = (from.to_canonical().to_string(), cx.server.storage_low);
    cx.store.people_mut().record_act(is_short, admin, unix, act.name(), about, &address)?;
    let user = admin.map(|admin| cx.name_of(admin)).transpose()?;
    let about = about.map(str::to_owned);
    let line = Line { event: act.name(), user, about, from: Some(from), code: None };
    cx.outbox.stage(Effect::Log(Box::new(line)));
    Ok(())
}

/// Answers `audit`: lists what administrators did, the newest first.
pub fn audit(cx: &mut Cx, _: Admin, req: Audit) -> Answer {
    let before = if req.after.id == 0 { i64::MAX } else { req.after.id };
    let rows = cx.store.people().acts_before(before, ROWS_ASKED)?;
    let bytes = |_: &Act| AUDIT_ROW_BYTES_MAX;
    let page = Page::cut(req.after, LIST_BYTES_MAX, rows, bytes, |act| act.id);
    let acts: Vec<ActLine> = page.rows.iter().cloned().map(line).collect();
    let data = Data::Object(page.with_next(json!({"acts": acts})));
    Ok(Outcome::Done(Reply::Acts(acts), data))
}

fn line(Act { unix, admin, act, about, address, .. }: Act) -> ActLine {
    ActLine { timestamp: unix, admin, act, about, address }
}
