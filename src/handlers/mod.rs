//! The handler table: which function answers which message, and who may send it.
//!
//! ```text
//! RequestMessage ─► dispatch ─► gate: type, session, key, role ─► handler(facts, args) ─► effects
//!                                                                      └─► answer or refusal
//! ```
//!
//! A handler is a function of the facts (store, sessions) and a request. It checks first and
//! writes last; it stages effects and never acts. It sees no connection but its id, no socket
//! and no byte. Who may call it is data in [`HANDLERS`] and a type in its signature: only the
//! gate makes the [`UserId`] that a member's or an administrator's handler takes (P19).
//!
//! One request is one outbox mark, and one savepoint where it writes more than once: a refusal
//! undoes both (P3).

pub mod account;
pub mod admin;
mod context;
pub mod entry;
pub mod friend;
pub mod group;
pub mod list;
pub mod message;
pub mod metrics;
pub mod operator;
mod receipt;

pub use context::{Caller, Cx, No, Outcome, Rules, ServerFacts};

use crate::conn::CloseReason;
use crate::id::{Door, UserId};
use crate::locale::{self, Lang};
use crate::outbox::{Effect, Mark, Waiting};
use crate::password::{self, KeyHash};
use crate::store::StoreError;
use crate::wire::command::Syntax;
use crate::wire::response::Data;
use crate::wire::{Args, Code, MessageType, Refusal, RequestId, RequestMessage, ResponseMessage};

/// What a handler makes of a request.
pub type Answer = Result<Outcome, No>;

/// A handler, by who may call it.
#[derive(Clone, Copy)]
pub enum Handler {
    /// Anyone, signed in or not.
    Anyone(fn(&mut Cx, &Args) -> Answer),
    /// A signed-in user with the right key.
    Member(fn(&mut Cx, UserId, &Args) -> Answer),
    /// A signed-in administrator with the right key; or the operator, who is no user.
    Admin(fn(&mut Cx, Option<UserId>, &Args) -> Answer),
    /// Whoever came through the control socket.
    Operator(fn(&mut Cx, &Args) -> Answer),
}

impl Handler {
    /// Whether there is such a request for those who came through this door.
    fn is_behind(&self, door: Door) -> bool {
        match self {
            Handler::Anyone(_) | Handler::Member(_) => door == Door::Front,
            Handler::Admin(_) => door != Door::Metrics,
            Handler::Operator(_) => door == Door::Control,
        }
    }
}

/// How often a handler writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes {
    /// Never, or once, last: the statement itself is all or nothing. Or it takes the savepoint
    /// itself, where it needs one.
    Once,
    /// More than once: a savepoint holds it together.
    Many,
}

/// Who may send what, and which function answers.
pub static HANDLERS: &[(MessageType, Handler, Writes)] = &[
    (MessageType::Ping, Handler::Anyone(account::ping), Writes::Once),
    (MessageType::Reg, Handler::Anyone(account::reg), Writes::Once),
    (MessageType::Login, Handler::Anyone(account::login), Writes::Once),
    (MessageType::Resume, Handler::Anyone(account::resume), Writes::Many),
    (MessageType::Logout, Handler::Member(account::logout), Writes::Once),
    (MessageType::Passwd, Handler::Member(account::passwd), Writes::Once),
    (MessageType::Whoami, Handler::Member(account::whoami), Writes::Once),
    (MessageType::Lang, Handler::Member(account::lang), Writes::Once),
    (MessageType::Help, Handler::Member(account::help), Writes::Once),
    (MessageType::Ack, Handler::Member(message::ack), Writes::Once),
    (MessageType::Add, Handler::Member(friend::add), Writes::Many),
    (MessageType::Accept, Handler::Member(friend::accept), Writes::Many),
    (MessageType::Reject, Handler::Member(friend::reject), Writes::Many),
    (MessageType::Del, Handler::Member(friend::del), Writes::Many),
    (MessageType::Friends, Handler::Member(friend::friends), Writes::Once),
    (MessageType::Send, Handler::Member(message::send), Writes::Once),
    (MessageType::Sendgroup, Handler::Member(message::sendgroup), Writes::Once),
    (MessageType::History, Handler::Member(message::history), Writes::Once),
    (MessageType::Search, Handler::Member(message::search), Writes::Once),
    (MessageType::Watch, Handler::Member(receipt::watch), Writes::Once),
    (MessageType::Read, Handler::Member(receipt::read), Writes::Once),
    (MessageType::Receipts, Handler::Member(receipt::receipts), Writes::Once),
    (MessageType::Newgroup, Handler::Member(group::newgroup), Writes::Many),
    (MessageType::Delgroup, Handler::Member(group::delgroup), Writes::Many),
    (MessageType::Addgroupuser, Handler::Member(group::addgroupuser), Writes::Many),
    (MessageType::Delgroupuser, Handler::Member(group::delgroupuser), Writes::Many),
    (MessageType::Leavegroup, Handler::Member(group::leavegroup), Writes::Many),
    (MessageType::Groups, Handler::Member(group::groups), Writes::Once),
    (MessageType::Groupusers, Handler::Member(group::groupusers), Writes::Once),
    (MessageType::Allusers, Handler::Admin(admin::allusers), Writes::Once),
    (MessageType::Online, Handler::Admin(admin::online), Writes::Once),
    (MessageType::Allgroup, Handler::Admin(admin::allgroup), Writes::Once),
    (MessageType::Adminsend, Handler::Admin(admin::adminsend), Writes::Once),
    (MessageType::Adminsendgroup, Handler::Admin(admin::adminsendgroup), Writes::Once),
    (MessageType::Broadcast, Handler::Admin(admin::broadcast), Writes::Once),
    (MessageType::Blockuser, Handler::Admin(admin::blockuser), Writes::Many),
    (MessageType::Unblockuser, Handler::Admin(admin::unblockuser), Writes::Many),
    (MessageType::Blockgroup, Handler::Admin(admin::blockgroup), Writes::Many),
    (MessageType::Unblockgroup, Handler::Admin(admin::unblockgroup), Writes::Many),
    (MessageType::Stats, Handler::Admin(admin::stats), Writes::Once),
    (MessageType::Grant, Handler::Operator(operator::grant), Writes::Once),
    (MessageType::Revoke, Handler::Operator(operator::revoke), Writes::Once),
    (MessageType::Setpasswd, Handler::Operator(operator::setpasswd), Writes::Once),
    (MessageType::Backup, Handler::Operator(operator::backup), Writes::Many),
    (MessageType::Release, Handler::Operator(operator::release), Writes::Once),
    (MessageType::Config, Handler::Operator(operator::config), Writes::Once),
];

/// Whether a request may cost more than a few appends: the clock is looked at before and behind it,
/// and its user is charged for the time. The others are what most of all requests are.
pub fn can_be_dear(kind: MessageType) -> bool {
    let cheap = matches!(
        kind,
        MessageType::Ping
            | MessageType::Send
            | MessageType::Sendgroup
            | MessageType::Ack
            | MessageType::Read
    );
    !cheap
}

/// What a signed-in user can type, for the welcome: what a client does by itself, such as
/// confirming, is not among it.
pub fn commands(admin: bool) -> Vec<&'static str> {
    let allowed = |handler: &Handler| match handler {
        Handler::Anyone(_) => false,
        Handler::Member(_) => true,
        Handler::Admin(_) => admin,
        Handler::Operator(_) => false,
    };
    HANDLERS
        .iter()
        .filter(|(kind, handler, _)| allowed(handler) && Syntax::of(kind.name()).is_some())
        .map(|(kind, ..)| kind.name())
        .collect()
}

/// Serves one request: stages its effects and its answer, or only a refusal.
///
/// # Errors
/// The store failed; nothing of the request must be kept.
pub fn dispatch(cx: &mut Cx, request: &RequestMessage) -> Result<(), StoreError> {
    let mark = cx.outbox.mark();
    let asked = request.args.lang().ok().flatten().map(Lang::from_tag);
    cx.lang = session_lang(cx).or(asked).unwrap_or(cx.lang);
    let answer = match request.id() {
        Ok(re) => {
            cx.re = re;
            gate(cx, request)
        }
        Err(refusal) => Err(refusal.into()),
    };
    settle(cx, mark, answer)
}

/// Goes on with a request whose password hash is done.
///
/// # Errors
/// As [`dispatch`].
pub fn hash_done(
    cx: &mut Cx,
    waiting: &Waiting,
    outcome: &password::Outcome,
) -> Result<(), StoreError> {
    let mark = cx.outbox.mark();
    (cx.lang, cx.re) = (waiting.lang, waiting.re.clone());
    cx.store.savepoint()?;
    let answer = account::hash_done(cx, &waiting.purpose, outcome);
    end_savepoint(cx, &answer)?;
    settle(cx, mark, answer)
}

/// Refuses a request without serving it.
pub fn refuse(cx: &mut Cx, re: Option<RequestId>, refusal: &Refusal) {
    let mark = cx.outbox.mark();
    (cx.lang, cx.re) = (session_lang(cx).unwrap_or(cx.lang), re);
    stage_refusal(cx, mark, refusal);
}

/// The language of the caller's session.
fn session_lang(cx: &Cx) -> Option<Lang> {
    cx.sessions.get(cx.caller.conn).map(|session| session.lang)
}

/// Whether the connection's state and role and the request's key allow the type; then the
/// handler.
fn gate(cx: &mut Cx, request: &RequestMessage) -> Answer {
    let row = request.kind().and_then(|kind| HANDLERS.iter().find(|(row, ..)| *row == kind));
    let door = cx.caller.door;
    let Some((_, handler, writes)) = row.filter(|(_, handler, _)| handler.is_behind(door)) else {
        return Err(Refusal::about(Code::UnknownType, request.type_name.as_ref()).into());
    };
    let args = &request.args;
    match handler {
        Handler::Anyone(function) => atomically(cx, *writes, |cx| function(cx, args)),
        Handler::Member(function) => {
            let (user, _) = authenticate(cx, args)?;
            atomically(cx, *writes, |cx| function(cx, user, args))
        }
        Handler::Admin(function) if door == Door::Control => {
            atomically(cx, *writes, |cx| function(cx, None, args))
        }
        Handler::Operator(function) => atomically(cx, *writes, |cx| function(cx, args)),
        Handler::Admin(function) => {
            let (user, admin) = authenticate(cx, args)?;
            if !admin {
                return Err(Code::NotAdmin.into());
            }
            atomically(cx, *writes, |cx| function(cx, Some(user), args))
        }
    }
}

/// The user of the session, whose key the request carries, unless it is a line.
fn authenticate(cx: &Cx, args: &Args) -> Result<(UserId, bool), No> {
    let Some(session) = cx.sessions.get(cx.caller.conn) else {
        return Err(Code::NotSignedIn.into());
    };
    let is_right = match args.auth_token()? {
        None => cx.caller.keyless,
        Some(key) => KeyHash::of(key) == session.key_hash,
    };
    if !is_right || cx.now.unix >= session.key_expires {
        return Err(Code::BadKey.into());
    }
    Ok((session.user, session.admin))
}

fn atomically(cx: &mut Cx, writes: Writes, serve: impl FnOnce(&mut Cx) -> Answer) -> Answer {
    if writes == Writes::Once {
        return serve(cx);
    }
    cx.store.savepoint()?;
    let answer = serve(cx);
    end_savepoint(cx, &answer)?;
    answer
}

fn end_savepoint(cx: &mut Cx, answer: &Answer) -> Result<(), StoreError> {
    match answer {
        Ok(_) => cx.store.release(),
        Err(No::Refused(_)) => cx.store.rollback_to_savepoint(),
        // The whole transaction is given up.
        Err(No::Store(_)) => Ok(()),
    }
}

/// Stages the answer in front of what the request caused, or only the refusal.
fn settle(cx: &mut Cx, mark: Mark, answer: Answer) -> Result<(), StoreError> {
    match answer {
        Ok(Outcome::Later) => Ok(()),
        Ok(Outcome::Confirmed) if cx.re.is_none() => Ok(()),
        Ok(outcome) => {
            let (text, data) = outcome.into_parts();
            stage_answer(cx, mark, Code::Ok, text.say(cx.lang), data);
            Ok(())
        }
        Err(No::Refused(refusal)) => {
            cx.outbox.rewind(mark);
            stage_refusal(cx, mark, &refusal);
            Ok(())
        }
        Err(No::Store(error)) => Err(error),
    }
}

fn stage_refusal(cx: &mut Cx, mark: Mark, refusal: &Refusal) {
    let text = locale::refusal::say(refusal, cx.lang);
    stage_answer(cx, mark, refusal.code, text, refusal.data());
    if let Some(reason) = close_reason(refusal.code) {
        cx.outbox.stage(Effect::Close(cx.caller.conn, reason));
    }
}

fn stage_answer(cx: &mut Cx, mark: Mark, code: Code, text: String, data: Data) {
    let response = ResponseMessage { re: cx.re.take(), code, text, data };
    cx.outbox.answer(mark, cx.caller.conn, response);
}

/// Codes behind which the connection closes.
fn close_reason(code: Code) -> Option<CloseReason> {
    match code {
        Code::BadMagic | Code::BadChecksum | Code::BadPayload | Code::FrameTooLong => {
            Some(CloseReason::Protocol)
        }
        Code::AckTooHigh => Some(CloseReason::AckTooHigh),
        Code::TlsRequired => Some(CloseReason::Plaintext),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_told_what_they_can_type_and_nothing_else() {
        let told = commands(false);
        assert!(["search", "send", "help"].iter().all(|command| told.contains(command)));
        assert!(["ack", "watch", "read", "receipts", "stats"].iter().all(|c| !told.contains(c)));
        assert!(commands(true).contains(&"stats"));
    }

    #[test]
    fn p19_every_type_has_exactly_one_row() {
        for &kind in MessageType::ALL {
            let rows = HANDLERS.iter().filter(|(row, ..)| *row == kind).count();
            assert_eq!(rows, 1, "{kind:?}");
        }
    }

    #[test]
    fn p19_before_sign_in_only_four_requests() {
        let open: Vec<_> = HANDLERS
            .iter()
            .filter(|(_, handler, _)| matches!(handler, Handler::Anyone(_)))
            .map(|(kind, ..)| kind.name())
            .collect();
        assert_eq!(open, ["ping", "reg", "login", "resume"]);
    }
}
