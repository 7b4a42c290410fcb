//! The requests without an answer, in the order in which they were asked.
//!
//! When the connection is cut, it is not known which of them were done. A request with a `mid` is
//! sent again and stored once (P5). A request that may be repeated is sent again, and some refusals
//! of the repetition mean that it was done the first time. A request about an account or a password
//! is never repeated. Nothing here knows sockets, nor what the answers mean.

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
    /// A command of the person: the answer is shown.
    Command,
    /// To get the numbers of a list: only a refusal is shown.
    Numbers,
    /// For the connection: nothing is shown.
    Upkeep,
}

/// One request that waits for its answer. No Debug: passwords are among the arguments (P27).
pub struct Request {
    /// Its id, which is `re` in the answer.
    pub id: i64,
    /// Its type.
    pub kind: MessageType,
    /// Its arguments, `mid` among them, without the key.
    pub args: Args,
    /// Its purpose.
    pub purpose: Purpose,
    /// Whether it was sent on this connection.
    pub sent: bool,
    /// Whether it was sent on an earlier connection, and perhaps done.
    pub repeated: bool,
}

impl Request {
    /// Appends the request as a frame.
    pub fn append(&self, out: &mut Vec<u8>, key: Option<&str>) {
        append(out, self.kind, Some(self.id), self.args.clone(), key);
    }

    /// Whether it may be sent before the session is resumed.
    pub fn may_precede_resume(&self) -> bool {
        matches!(self.kind, MessageType::Ping | MessageType::Resume)
    }

    /// Whether a refusal means that the request was done before the connection was cut.
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

/// Appends a confirmation, which has no answer unless it is refused.
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
    /// The beginning of every `mid` of this run of the client. It is unique, and greater in a later
    /// run, so the server knows at once that a `mid` that counts up is new.
    run: u128,
}

impl Requests {
    /// No requests.
    pub fn new() -> Requests {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let run = since_epoch.as_micros() << 64 | u128::from(rand::random::<u64>());
        Requests { waiting: VecDeque::new(), id_last: 0, run }
    }

    /// Adds a request, to be sent after the others.
    pub fn push(&mut self, kind: MessageType, mut args: Args, purpose: Purpose) {
        self.id_last += 1;
        let id = self.id_last;
        if Command::of(kind).has(Name::mid) {
            args.insert("mid".to_owned(), format!("{:032x}-{id:010}", self.run).into());
        }
        let request = Request { id, kind, args, purpose, sent: false, repeated: false };
        self.waiting.push_back(request);
    }

    /// Takes out the request of an id, which has its answer.
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

    /// After the connection ended: keeps the requests that may be repeated, returns the others.
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

    /// How many wait, those for the connection not counted.
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
