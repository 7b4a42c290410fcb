//! The handlers: which function answers which request, and who may send it.
//!
//! ```text
//! RequestMessage ─► dispatch ─► HANDLERS ─► prove who asks ─► read the arguments ─► handler
//!                                           └───── refused, or effects and an answer ◄──┘
//! ```
//!
//! A handler is a function of three things: [`Cx`] (the facts, and the outbox for effects), who
//! asks, and the request with its arguments. Its signature tells who may call it: only the gate
//! makes a [`Member`], an [`Admin`] or an [`Operator`] (P19). It checks first and writes last. It
//! sees no connection but its id, no socket and no byte.
//!
//! One request is one outbox mark, and one savepoint where it writes more than once: a refusal
//! undoes both (P3).

pub mod account;
pub mod admin;
pub mod caller;
mod context;
pub mod entry;
pub mod friend;
pub mod group;
pub mod hashing;
pub mod list;
pub mod message;
pub mod metrics;
mod named;
pub mod operator;
mod post;
pub mod receipt;
mod session;

pub use caller::{Admin, Anyone, Guest, Member, Operator};
pub use context::{Answer, Caller, ConnectionList, Cx, Failure, Outcome, Rules, ServerFacts};

use crate::conn::CloseReason;
use crate::id::ListenerKind;
use crate::locale::{self, Lang};
use crate::outbox::{Effect, Mark, Purpose, Waiting};
use crate::password;
use crate::store::StoreError;
use crate::throttle::Judged;
use crate::wire::command::{self, COMMANDS, Role};
use crate::wire::response::Data;
use crate::wire::{
    Args, Code, MessageType, Name, Refusal, RequestId, RequestMessage, ResponseMessage,
};

/// A handler, by who may call it.
#[derive(Clone, Copy)]
pub enum Handler {
    /// Anyone, signed in or not.
    Anyone(fn(&mut Cx, Anyone, &Args) -> Answer),
    /// Anyone who is not signed in.
    Guest(fn(&mut Cx, Guest, &Args) -> Answer),
    /// A signed-in user with the right key.
    Member(fn(&mut Cx, Member, &Args) -> Answer),
    /// A signed-in administrator with the right key; or the operator, who is no user.
    Admin(fn(&mut Cx, Admin, &Args) -> Answer),
    /// The operator.
    Operator(fn(&mut Cx, Operator, &Args) -> Answer),
}

/// How often a handler writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes {
    /// Never, or once and last: one statement is all or nothing by itself. Or the function takes
    /// the savepoint where it needs one.
    Once,
    /// More than once: a savepoint holds it together.
    Many,
}

/// A row of [`HANDLERS`].
pub struct Row {
    /// The request.
    pub kind: MessageType,
    /// Who may send it, and the function that answers it.
    pub handler: Handler,
    /// How often that function writes.
    pub writes: Writes,
}

macro_rules! handlers {
    ($($kind:ident: $who:ident($function:path), $writes:ident;)+) => {
        /// Who may send what, and which function answers: row for row as [`COMMANDS`].
        pub const HANDLERS: &[Row] = &[$(Row {
            kind: MessageType::$kind,
            handler: Handler::$who(|cx, who, args| {
                $function(cx, who, command::$kind::from_args(args)?)
            }),
            writes: Writes::$writes,
        },)+];
    };
}

handlers! {
    Ping: Anyone(session::ping), Once;
    Reg: Guest(account::reg), Once;
    Login: Guest(session::login), Once;
    Resume: Guest(session::resume), Many;
    Logout: Member(session::logout), Once;
    Passwd: Member(account::passwd), Once;
    Whoami: Member(account::whoami), Once;
    Lang: Member(session::lang), Once;
    Help: Member(session::help), Once;
    Ack: Member(receipt::ack), Once;
    Add: Member(friend::add), Many;
    Accept: Member(friend::accept), Many;
    Reject: Member(friend::reject), Many;
    Del: Member(friend::del), Many;
    Friends: Member(friend::friends), Once;
    Send: Member(message::send), Once;
    Sendgroup: Member(message::sendgroup), Once;
    History: Member(message::history), Once;
    Search: Member(message::search), Once;
    Watch: Member(receipt::watch), Once;
    Read: Member(receipt::read), Once;
    Receipts: Member(receipt::receipts), Once;
    Newgroup: Member(group::newgroup), Many;
    Delgroup: Member(group::delgroup), Many;
    Addgroupuser: Member(group::addgroupuser), Many;
    Delgroupuser: Member(group::delgroupuser), Many;
    Leavegroup: Member(group::leavegroup), Many;
    Groups: Member(group::groups), Once;
    Groupusers: Member(group::groupusers), Once;
    Allusers: Admin(admin::allusers), Once;
    Online: Admin(admin::online), Once;
    Allgroup: Admin(admin::allgroup), Once;
    Adminsend: Admin(admin::adminsend), Once;
    Adminsendgroup: Admin(admin::adminsendgroup), Once;
    Broadcast: Admin(admin::broadcast), Once;
    Blockuser: Admin(admin::blockuser), Many;
    Unblockuser: Admin(admin::unblockuser), Many;
    Blockgroup: Admin(admin::blockgroup), Many;
    Unblockgroup: Admin(admin::unblockgroup), Many;
    Stats: Admin(admin::stats), Once;
    Grant: Operator(operator::grant), Once;
    Revoke: Operator(operator::revoke), Once;
    Setpasswd: Operator(operator::setpasswd), Once;
    Backup: Operator(operator::backup), Many;
    Release: Operator(operator::release), Once;
    Config: Operator(operator::config), Once;
    Connections: Operator(operator::connections), Once;
}

/// Both tables have the same rows in the same order, so a type is the index of its row.
const _: () = {
    assert!(HANDLERS.len() == COMMANDS.len());
    let mut index = 0;
    while index < HANDLERS.len() {
        let Row { kind, handler, .. } = &HANDLERS[index];
        assert!(*kind as usize == index, "a handler's row is out of order");
        assert!(handler.role() as u8 == COMMANDS[index].role as u8, "the tables disagree on who");
        index += 1;
    }
};

impl Handler {
    /// Who may call it.
    pub const fn role(&self) -> Role {
        match self {
            Handler::Anyone(_) => Role::Anyone,
            Handler::Guest(_) => Role::Guest,
            Handler::Member(_) => Role::Member,
            Handler::Admin(_) => Role::Admin,
            Handler::Operator(_) => Role::Operator,
        }
    }

    /// Whether connections of this listener may send the request.
    fn is_served_at(&self, listener: ListenerKind) -> bool {
        match self.role() {
            Role::Anyone | Role::Guest | Role::Member => listener == ListenerKind::Public,
            Role::Admin => listener != ListenerKind::Metrics,
            Role::Operator => listener == ListenerKind::Control,
        }
    }

    /// Serves a request, if the caller proves to be who may send it.
    fn call(&self, cx: &mut Cx, args: &Args) -> Answer {
        match self {
            Handler::Anyone(serve) => serve(cx, Anyone::prove(cx, args)?, args),
            Handler::Guest(serve) => serve(cx, Guest::prove(cx, args)?, args),
            Handler::Member(serve) => serve(cx, Member::prove(cx, args)?, args),
            Handler::Admin(serve) => serve(cx, Admin::prove(cx, args)?, args),
            Handler::Operator(serve) => serve(cx, Operator::prove(cx, args)?, args),
        }
    }
}

/// Whether a request may cost more than a few appends. The clock is read before and after such a
/// request, and its user is charged for the time. Most requests are of the other types.
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

/// Serves one request: stages its effects and its answer, or only a refusal.
///
/// # Errors
/// The store failed; nothing of the request must be kept.
pub fn dispatch(cx: &mut Cx, request: &RequestMessage) -> Result<(), StoreError> {
    let mark = cx.outbox.mark();
    let asked = request.args.get(Name::lang).ok().flatten().map(Lang::from_tag);
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
    let answer = cx.atomically(|cx| finish_hashed(cx, &waiting.purpose, outcome));
    settle(cx, mark, answer)
}

/// Judges the attempt, and calls the handler that goes on.
fn finish_hashed(cx: &mut Cx, purpose: &Purpose, outcome: &password::Outcome) -> Answer {
    let judged =
        hashing::judge(cx.store, cx.throttle, &cx.rules.limits, purpose, outcome, cx.now.mono)?;
    match (purpose, outcome) {
        (Purpose::Register { name, counted_for }, password::Outcome::Hashed(stored)) => {
            let answer = account::registered(cx, name, stored);
            if let (Err(Failure::Refused(_)), Some(address)) = (&answer, counted_for) {
                let (limits, now) = (&cx.rules.limits, cx.now.mono);
                cx.throttle.give_registration_back(*address, limits, now);
            }
            answer
        }
        (
            Purpose::SignIn { user: Some(user), acks, .. },
            password::Outcome::Verified { renewed, .. },
        ) if judged == Judged::Right => session::signed_in(cx, *user, renewed.as_deref(), *acks),
        (Purpose::SignIn { .. }, password::Outcome::Verified { .. })
        | (Purpose::Change(..), password::Outcome::Changed(None)) => {
            Err(Code::BadCredentials.into())
        }
        (Purpose::Change(user, _), password::Outcome::Changed(Some(stored))) => {
            account::changed(cx, *user, stored)
        }
        (Purpose::Reset(user), password::Outcome::Hashed(stored)) => {
            operator::password_is_reset(cx, *user, stored)
        }
        // The helper thread was short of memory.
        _ => Err(Code::Busy.into()),
    }
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

/// Finds the request's row, and has it served.
fn gate(cx: &mut Cx, request: &RequestMessage) -> Answer {
    let row = request.kind.map(|kind| &HANDLERS[kind as usize]);
    let Some(row) = row.filter(|row| row.handler.is_served_at(cx.caller.listener)) else {
        return Err(Refusal::about(Code::UnknownType, request.type_name.as_ref()).into());
    };
    match row.writes {
        Writes::Once => row.handler.call(cx, &request.args),
        Writes::Many => cx.atomically(|cx| row.handler.call(cx, &request.args)),
    }
}

/// Stages the answer in front of the request's effects, or the refusal in place of them.
fn settle(cx: &mut Cx, mark: Mark, answer: Answer) -> Result<(), StoreError> {
    match answer {
        Ok(Outcome::Later) => Ok(()),
        Ok(Outcome::Confirmed) if cx.re.is_none() => Ok(()),
        Ok(outcome) => {
            let (text, data) = outcome.into_parts();
            stage_answer(cx, mark, Code::Ok, text.say(cx.lang), data);
            Ok(())
        }
        Err(Failure::Refused(refusal)) => {
            cx.outbox.rewind(mark);
            stage_refusal(cx, mark, &refusal);
            Ok(())
        }
        Err(Failure::Store(error)) => Err(error),
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
    fn p19_before_sign_in_only_four_requests() {
        let is_open = |row: &&Row| matches!(row.handler, Handler::Anyone(_) | Handler::Guest(_));
        let open: Vec<_> = HANDLERS.iter().filter(is_open).map(|row| row.kind.name()).collect();
        assert_eq!(open, ["ping", "reg", "login", "resume"]);
    }
}
