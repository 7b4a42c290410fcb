//! Who asks: what a request's sender has proved before its handler runs (P19).
//!
//! A handler names one of these types in its signature, and so says who may call it. Each has one
//! constructor, `prove`, which looks at the connection's session, the request's key and the role.
//! So the handler of a member cannot be called for a peer that is not signed in.

use super::context::{Cx, Failure, refuse_if};
use crate::id::{ListenerKind, UserId};
use crate::wire::{Args, Code, Name};

/// Anyone, signed in or not.
#[derive(Clone, Copy, Debug)]
pub struct Anyone(());

/// Anyone who is not signed in on this connection.
#[derive(Clone, Copy, Debug)]
pub struct Guest(());

/// A user who is signed in, and whose request has the session's key.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    id: UserId,
    is_admin: bool,
}

/// An administrator, proved as a [`Member`]; or the operator, who is no user.
#[derive(Clone, Copy, Debug)]
pub struct Admin {
    id: Option<UserId>,
}

/// The operator: the person who can open the control socket in the data directory.
#[derive(Clone, Copy, Debug)]
pub struct Operator(());

impl Anyone {
    pub(super) fn prove(_: &Cx, _: &Args) -> Result<Anyone, Failure> {
        Ok(Anyone(()))
    }
}

impl Guest {
    pub(super) fn prove(cx: &Cx, _: &Args) -> Result<Guest, Failure> {
        refuse_if(cx.sessions.get(cx.caller.conn).is_some(), Code::AlreadySignedIn)?;
        Ok(Guest(()))
    }
}

impl Member {
    /// The user of the session, whose key the request carries, unless it is a line.
    pub(super) fn prove(cx: &mut Cx, args: &Args) -> Result<Member, Failure> {
        let Some(session) = cx.sessions.get(cx.caller.conn) else {
            return Err(Code::NotSignedIn.into());
        };
        let is_right = match args.get::<&str>(Name::auth_token)? {
            None => cx.caller.keyless,
            Some(key) => cx.proved.proves(cx.caller.conn, key, &session.who.key_hash),
        };
        refuse_if(!is_right || cx.now.unix >= session.who.key_expires, Code::BadKey)?;
        Ok(Member { id: session.who.user, is_admin: session.who.admin })
    }

    /// Which user it is.
    pub fn id(self) -> UserId {
        self.id
    }

    /// Whether the user is an administrator, too.
    pub fn is_admin(self) -> bool {
        self.is_admin
    }
}

impl Admin {
    pub(super) fn prove(cx: &mut Cx, args: &Args) -> Result<Admin, Failure> {
        if cx.caller.listener == ListenerKind::Control {
            return Ok(Admin { id: None });
        }
        let Member { id, is_admin } = Member::prove(cx, args)?;
        refuse_if(!is_admin, Code::NotAdmin)?;
        Ok(Admin { id: Some(id) })
    }

    /// Which user it is; `None` is the operator.
    pub fn id(self) -> Option<UserId> {
        self.id
    }
}

impl Operator {
    pub(super) fn prove(cx: &Cx, _: &Args) -> Result<Operator, Failure> {
        refuse_if(cx.caller.listener != ListenerKind::Control, Code::NotAdmin)?;
        Ok(Operator(()))
    }
}
