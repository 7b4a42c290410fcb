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
mod audit;
pub mod caller;
mod context;
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
pub use context::{
    Answer, Caller, ConnectionList, Cx, Failure, Outcome, ProvedKey, Rules, ServerFacts,
};

use crate::conn::CloseReason;
use crate::id::ListenerKind;
use crate::locale::reply::Reply;
use crate::locale::{self, Lang};
use crate::outbox::{Effect, Mark, Purpose, Span, Waiting};
use crate::password;
use crate::store::StoreError;
use crate::throttle::{Judged, Tally, Whom};
use crate::wire::command::{self, COMMANDS, Role};
use crate::wire::response::Data;
use crate::wire::{
    Args, Code, MessageType, Name, Refusal, RequestId, RequestMessage, ResponseMessage,
};

/// Whether the gate holds a savepoint around a handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Savepoint {
    /// No: the handler writes at most one statement, as its last act; or it takes the savepoint
    /// itself, where it needs one.
    None,
    /// Yes: the handler writes more than one statement.
    Whole,
}

/// Whether a request may cost much more time than an append to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// No.
    Cheap,
    /// Yes: the clock is read before and after it, and its user is charged for the time.
    Costly,
}

/// Which of its user's rate limits a request is counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// The limit of requests.
    Request,
    /// The limit of messages, too: it tells something to other users.
    Message,
}

type Serve = fn(&mut Cx, &Args) -> Answer;

/// A row of [`HANDLERS`].
pub struct Row {
    /// The request.
    pub kind: MessageType,
    /// Who may send it.
    pub role: Role,
    /// The gate that proves it, and the function that answers.
    serve: Serve,
    /// Whether a savepoint is held.
    savepoint: Savepoint,
    /// What it may cost.
    pub cost: Cost,
    /// How it is counted.
    pub counted: Counted,
}

macro_rules! handlers {
    ($(
        $kind:ident: $who:ident($function:path), $savepoint:ident, $cost:ident, $counted:ident;
    )+) => {
        /// Who may send each request, and which function answers: row for row as [`COMMANDS`].
        pub const HANDLERS: &[Row] = &[$(Row {
            kind: MessageType::$kind,
            role: Role::$who,
            serve: |cx, args| {
                let who = $who::prove(cx, args)?;
                $function(cx, who, command::$kind::from_args(args)?)
            },
            savepoint: Savepoint::$savepoint,
            cost: Cost::$cost,
            counted: Counted::$counted,
        },)+];
    };
}

handlers! {
    Ping:           Anyone(session::ping),              None,   Cheap,   Request;
    Reg:            Guest(account::reg),                None,   Costly,  Request;
    Login:          Guest(session::login),              None,   Costly,  Request;
    Resume:         Guest(session::resume),             Whole,  Costly,  Request;
    Logout:         Member(session::logout),            None,   Costly,  Request;
    Passwd:         Member(account::passwd),            None,   Costly,  Request;
    Whoami:         Member(account::whoami),            None,   Costly,  Request;
    Lang:           Member(session::lang),              None,   Costly,  Request;
    Help:           Member(session::help),              None,   Costly,  Request;
    Ack:            Member(receipt::ack),               None,   Cheap,   Request;
    Add:            Member(friend::add),                Whole,  Costly,  Request;
    Accept:         Member(friend::accept),             Whole,  Costly,  Request;
    Reject:         Member(friend::reject),             Whole,  Costly,  Request;
    Del:            Member(friend::del),                Whole,  Costly,  Request;
    Friends:        Member(friend::friends),            None,   Costly,  Request;
    Send:           Member(message::send),              None,   Cheap,   Message;
    Sendgroup:      Member(message::sendgroup),         None,   Cheap,   Message;
    History:        Member(message::history),           None,   Costly,  Request;
    Search:         Member(message::search),            None,   Costly,  Request;
    Watch:          Member(receipt::watch),             None,   Costly,  Request;
    Read:           Member(receipt::read),              None,   Cheap,   Request;
    Receipts:       Member(receipt::receipts),          None,   Costly,  Request;
    Newgroup:       Member(group::newgroup),            Whole,  Costly,  Message;
    Delgroup:       Member(group::delgroup),            Whole,  Costly,  Message;
    Addgroupuser:   Member(group::addgroupuser),        Whole,  Costly,  Message;
    Delgroupuser:   Member(group::delgroupuser),        Whole,  Costly,  Message;
    Leavegroup:     Member(group::leavegroup),          Whole,  Costly,  Message;
    Groups:         Member(group::groups),              None,   Costly,  Request;
    Groupusers:     Member(group::groupusers),          None,   Costly,  Request;
    Allusers:       Admin(admin::allusers),             None,   Costly,  Request;
    Online:         Admin(admin::online),               None,   Costly,  Request;
    Allgroup:       Admin(admin::allgroup),             None,   Costly,  Request;
    Adminsend:      Admin(admin::adminsend),            Whole,  Costly,  Message;
    Adminsendgroup: Admin(admin::adminsendgroup),       Whole,  Costly,  Message;
    Broadcast:      Admin(admin::broadcast),            Whole,  Costly,  Message;
    Blockuser:      Admin(admin::blockuser),            Whole,  Costly,  Request;
    Unblockuser:    Admin(admin::unblockuser),          Whole,  Costly,  Request;
    Blockgroup:     Admin(admin::blockgroup),           Whole,  Costly,  Request;
    Unblockgroup:   Admin(admin::unblockgroup),         Whole,  Costly,  Request;
    Stats:          Admin(admin::stats),                None,   Costly,  Request;
    Audit:          Admin(audit::audit),                None,   Costly,  Request;
    Grant:          Operator(operator::grant),          Whole,  Costly,  Request;
    Revoke:         Operator(operator::revoke),         Whole,  Costly,  Request;
    Setpasswd:      Operator(operator::setpasswd),      None,   Costly,  Request;
    Backup:         Operator(operator::backup),         Whole,  Costly,  Request;
    Release:        Operator(operator::release),        None,   Costly,  Request;
    Config:         Operator(operator::config),         None,   Costly,  Request;
    Connections:    Operator(operator::connections),    None,   Costly,  Request;
}

/// Both tables have the same rows in the same order, so a type is the index of its row.
const _: () = {
    assert!(HANDLERS.len() == COMMANDS.len());
    let mut index = 0;
    while index < HANDLERS.len() {
        let Row { kind, role, .. } = &HANDLERS[index];
        assert!(*kind as usize == index, "a handler's row is out of order");
        assert!(*role as u8 == COMMANDS[index].role as u8, "the tables disagree on who");
        index += 1;
    }
};

impl Row {
    /// The row of a type.
    pub fn of(kind: MessageType) -> &'static Row {
        &HANDLERS[kind as usize]
    }

    /// Whether connections of this listener may send the request.
    fn is_served_at(&self, listener: ListenerKind) -> bool {
        match self.role {
            Role::Anyone | Role::Guest | Role::Member => listener == ListenerKind::Public,
            Role::Admin => listener != ListenerKind::Metrics,
            Role::Operator => listener == ListenerKind::Control,
        }
    }
}

/// Serves one request: stages its effects and its answer, or only a refusal.
///
/// # Errors
/// The store failed; nothing of the request must be kept.
pub fn dispatch(cx: &mut Cx, request: &RequestMessage) -> Result<(), StoreError> {
    let mark = cx.outbox.mark();
    // The language: the session's, else the one that the request names, else the server's.
    let asked = request.args.get(Name::lang).ok().flatten().map(Lang::from_tag);
    cx.lang = session_lang(cx).or(asked).unwrap_or(cx.lang);
    let answer = match request.id() {
        Ok(re) => {
            cx.re = re;
            gate(cx, request)
        }
        Err(refusal) => Err(refusal.into()),
    };
    finish(cx, mark, answer)
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
    let refused = match &answer {
        Err(Failure::Refused(refusal)) => Some(refusal.code),
        _ => None,
    };
    finish(cx, mark, answer)?;
    if let (Purpose::SignIn { user, .. }, Some(code)) = (&waiting.purpose, refused) {
        let name = user.map(|user| cx.store.people().username(user)).transpose()?.flatten();
        cx.log("sign_in_failed", name.as_deref(), Some(code));
    }
    Ok(())
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
                let whom = Whom::Address(*address);
                cx.throttle.give_back(Tally::Registrations, whom, limits, now);
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
    cx.sessions.get(cx.caller.conn).map(|session| session.who.lang)
}

/// Finds the request's row, and has it served.
fn gate(cx: &mut Cx, request: &RequestMessage) -> Answer {
    let row = request.kind.map(Row::of);
    let Some(row) = row.filter(|row| row.is_served_at(cx.caller.listener)) else {
        return Err(Refusal::about(Code::UnknownType, request.type_name.as_ref()).into());
    };
    match row.savepoint {
        Savepoint::None => (row.serve)(cx, &request.args),
        Savepoint::Whole => cx.atomically(|cx| (row.serve)(cx, &request.args)),
    }
}

/// Stages the answer before the request's effects, or the refusal in their place.
fn finish(cx: &mut Cx, mark: Mark, answer: Answer) -> Result<(), StoreError> {
    match answer {
        Ok(Outcome::Later) => {}
        Ok(Outcome::Confirmed) if cx.re.is_none() => {}
        Ok(outcome) => {
            let (reply, data) = match outcome {
                Outcome::Done(reply, data) => (reply, data),
                Outcome::Later | Outcome::Confirmed => (Reply::Confirmed, Data::None),
            };
            let text = cx.outbox.text(|texts| reply.append(cx.lang, texts));
            stage_answer(cx, mark, Code::Ok, text, data);
        }
        Err(Failure::Refused(refusal)) => {
            cx.outbox.rewind(mark);
            stage_refusal(cx, mark, &refusal);
        }
        Err(Failure::Store(error)) => return Err(error),
    }
    Ok(())
}

fn stage_refusal(cx: &mut Cx, mark: Mark, refusal: &Refusal) {
    let text = cx.outbox.text(|texts| texts.push_str(&locale::refusal::say(refusal, cx.lang)));
    stage_answer(cx, mark, refusal.code, text, refusal.data());
    if let Some(reason) = close_reason(refusal.code) {
        cx.outbox.stage(Effect::Close(cx.caller.conn, reason));
    }
}

fn stage_answer(cx: &mut Cx, mark: Mark, code: Code, text: Span, data: Data) {
    let response = ResponseMessage { re: cx.re.take(), code, text, data };
    cx.outbox.answer(mark, cx.caller.conn, response);
}

/// Why the connection is closed after an answer with this code, if it is.
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
