//! The requests without an answer, in the order in which they were asked.
//!
//! A cut leaves each of them in doubt. One that carries a `mid` is sent again and stored once
//! (P5); one whose repetition is harmless is sent again, and what it would undo by itself is
//! read as done; the rest (an account, a password) is never repeated behind the person's back.
//! Nothing here knows sockets, nor what the answers mean.

use std::collections::VecDeque;
use std::time::{SystemTime, UNIX_EPOCH};

use p2sp::wire::command::Command;
use p2sp::wire::{Code, MessageType, Name, request};
use serde_json::{Map, Value};

/// The arguments of a request.
pub type Args = Map<String, Value>;

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The person asked: the answer is shown.
    Command,
    /// The numbers of a list are needed: only a refusal is shown.
    Numbers,
    /// The connection needs it: nothing is shown.
    Upkeep,
}

/// One request that waits for its answer. No Debug: passwords are among the arguments (P27).
pub struct Request {
    /// Comes back as `re`.
    pub id: i64,
    /// Its type.
    pub kind: MessageType,
    /// Its arguments, `mid` among them, without the key.
    pub args: Args,
    /// What for.
    pub purpose: Purpose,
    /// Sent on the connection that stands.
    pub sent: bool,
    /// Sent on an earlier connection, to an unknown end.
    pub repeated: bool,
}

impl Request {
    /// Appends the request as a frame.
    pub fn append(&self, out: &mut Vec<u8>, key: Option<&str>) {
        append(out, self.kind, Some(self.id), self.args.clone(), key);
    }

    /// Whether it may be sent while the session is not resumed yet.
    pub fn is_greeting(&self) -> bool {
        matches!(self.kind, MessageType::Ping | MessageType::Resume)
    }

    /// Whether a refusal only says that it had been done before the connection was cut.
    pub fn was_done(&self, code: &str) -> bool {
        use MessageType as T;
        self.repeated
            && matches!(
                (self.kind, Code::from_name(code)),
                (T::Add | T::Accept, Some(Code::AlreadyFriends))
                    | (T::Addgroupuser, Some(Code::AlreadyMember))
                    | (T::Newgroup, Some(Code::GroupExists))
                    | (T::Delgroupuser | T::Leavegroup, Some(Code::NotMember))
                    | (T::Del, Some(Code::NotFriends))
                    | (T::Delgroup | T::Leavegroup, Some(Code::NoSuchGroup))
            )
    }
}

/// A confirmation: it has no answer unless it is refused, so it waits for none.
pub fn append_ack(out: &mut Vec<u8>, seq: i64, key: &str) {
    let args = Args::from_iter([("seq".to_owned(), Value::from(seq))]);
    append(out, MessageType::Ack, None, args, Some(key));
}

fn append(
    out: &mut Vec<u8>,
    kind: MessageType,
    id: Option<i64>,
    mut args: Args,
    key: Option<&str>,
) {
    use MessageType as T;
    if let Some(id) = id {
        args.insert("id".to_owned(), id.into());
    }
    if let Some(key) = key.filter(|_| !matches!(kind, T::Reg | T::Login | T::Ping)) {
        args.insert("auth_token".to_owned(), key.into());
    }
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    request::append(out, kind.name(), since_epoch.as_secs() as i64, &Value::Object(args));
}

/// All requests that wait for an answer.
pub struct Requests {
    waiting: VecDeque<Request>,
    id_last: i64,
    /// Begins every `mid` of this run of the client, no other run has it, and a later run has a
    /// greater one: the server knows at once that a `mid` that counts up is new.
    run: u128,
}

impl Requests {
    /// None yet.
    pub fn new() -> Requests {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let run = since_epoch.as_micros() << 64 | u128::from(rand::random::<u64>());
        Requests { waiting: VecDeque::new(), id_last: 0, run }
    }

    /// One more, to be sent behind the others.
    pub fn push(&mut self, kind: MessageType, mut args: Args, purpose: Purpose) {
        self.id_last += 1;
        let id = self.id_last;
        if Command::of(kind).has(Name::mid) {
            args.insert("mid".to_owned(), format!("{:032x}-{id:010}", self.run).into());
        }
        let request = Request { id, kind, args, purpose, sent: false, repeated: false };
        self.waiting.push_back(request);
    }

    /// The request of that id has its answer.
    pub fn answered(&mut self, id: i64) -> Option<Request> {
        let index = self.waiting.iter().position(|request| request.id == id)?;
        self.waiting.remove(index)
    }

    /// Those that have not been sent on this connection, in order.
    pub fn unsent(&mut self) -> impl Iterator<Item = &mut Request> {
        self.waiting.iter_mut().filter(|request| !request.sent)
    }

    /// All of them, in order; none is left.
    pub fn take_all(&mut self) -> impl Iterator<Item = Request> + use<> {
        std::mem::take(&mut self.waiting).into_iter()
    }

    /// The connection is gone: what may be repeated waits on, the rest is returned.
    pub fn cut(&mut self) -> Vec<Request> {
        let mut lost = Vec::new();
        for mut request in self.take_all() {
            if request.purpose == Purpose::Upkeep {
                continue;
            }
            if request.sent && !may_repeat(request.kind) {
                lost.push(request);
                continue;
            }
            request.repeated |= request.sent;
            request.sent = false;
            self.waiting.push_back(request);
        }
        lost
    }

    /// Whether one of these types waits.
    pub fn has(&self, kinds: &[MessageType]) -> bool {
        self.waiting.iter().any(|request| kinds.contains(&request.kind))
    }

    /// How many wait that are more than upkeep.
    pub fn waiting(&self) -> usize {
        self.waiting.iter().filter(|request| request.purpose != Purpose::Upkeep).count()
    }
}

fn may_repeat(kind: MessageType) -> bool {
    use MessageType as T;
    !matches!(kind, T::Reg | T::Login | T::Passwd | T::Logout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_be_repeated_survives_a_cut_and_keeps_its_mid() {
        let mut requests = Requests::new();
        for kind in [MessageType::Send, MessageType::Passwd, MessageType::Add, MessageType::Login] {
            requests.push(kind, Args::new(), Purpose::Command);
        }
        requests.push(MessageType::Ping, Args::new(), Purpose::Upkeep);
        let mid = requests.waiting[0].args["mid"].clone();
        requests.unsent().take(3).for_each(|request| request.sent = true);
        let lost: Vec<_> = requests.cut().into_iter().map(|request| request.kind).collect();
        assert_eq!(lost, [MessageType::Passwd]);
        let kept: Vec<_> = requests.waiting.iter().map(|r| (r.kind, r.sent, r.repeated)).collect();
        assert_eq!(
            kept,
            [
                (MessageType::Send, false, true),
                (MessageType::Add, false, true),
                (MessageType::Login, false, false),
            ]
        );
        assert_eq!(requests.waiting[0].args["mid"], mid);
    }

    #[test]
    fn a_refused_repetition_of_what_was_done_is_done() {
        let mut requests = Requests::new();
        requests.push(MessageType::Add, Args::new(), Purpose::Command);
        let mut add = requests.answered(1).expect("it waits");
        assert!(!add.was_done("already_friends"), "the first time it is a refusal");
        add.repeated = true;
        assert!(add.was_done("already_friends"));
        assert!(!add.was_done("no_such_user"));
        assert!(!add.was_done("not_member"));
    }
}
