//! What a handler sees of the world, and the steps that several of them take.

use std::net::IpAddr;

use rand::rngs::StdRng;

use crate::counters::Counters;
use crate::id::{ConnId, Conversation, Door, GroupId, Now, Seq, UserId};
use crate::limits::{Limits, MESSAGE_BYTES_MAX};
use crate::locale::Lang;
use crate::locale::reply::Reply;
use crate::names::{group_key, user_key};
use crate::outbox::{Effect, Outbox};
use crate::password::KeyHash;
use crate::sessions::Sessions;
use crate::store::{
    Addressee, Entry, EntryKind, Group, GroupLabel, GroupStatus, NewEntry, Store, StoreError, User,
};
use crate::throttle::Throttle;
use crate::wire::response::Data;
use crate::wire::{Args, Code, Event, Notice, Refusal, RequestId};

/// What the operator decided.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Whether friends must be accepted.
    pub friend_approval: bool,
    /// The language of those who named none.
    pub lang: Lang,
    /// The limits.
    pub limits: Limits,
    /// From elsewhere than loopback, only TLS is spoken.
    pub tls_required: bool,
    /// Registering from elsewhere than loopback needs this code: its hash.
    pub invite: Option<KeyHash>,
    /// Names under which browsers may ask for this server, beside `localhost`; in lower case.
    pub hosts: Vec<String>,
    /// Addresses of proxies that are believed for whom they speak.
    pub proxies: Vec<IpAddr>,
    /// Days that the log is kept; 0: for ever.
    pub keep_days: u32,
    /// What the operator is told who asks what this server runs with.
    pub about: std::sync::Arc<serde_json::Value>,
    /// What a password hash costs; only tests lower it.
    pub hash_cost: crate::password::Cost,
}

/// What a handler sees: the facts, who asks, and where effects are staged.
pub struct Cx<'a> {
    /// What is stored.
    pub store: &'a mut Store,
    /// Who is signed in. Changes are effects.
    pub sessions: &'a Sessions,
    /// Where effects are staged.
    pub outbox: &'a mut Outbox,
    /// How often may be tried.
    pub throttle: &'a mut Throttle,
    /// What happened.
    pub counters: &'a mut Counters,
    /// For keys and salts.
    pub rng: &'a mut StdRng,
    /// What the operator decided.
    pub rules: &'a Rules,
    /// What time it is.
    pub now: Now,
    /// What only the server itself knows.
    pub server: ServerFacts,
    /// Whose request it is.
    pub caller: Caller,
    /// The language of the answer.
    pub lang: Lang,
    /// The request's id.
    pub re: Option<RequestId>,
}

/// What only the server itself knows.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServerFacts {
    /// Connections.
    pub connections: u64,
    /// Seconds since the start.
    pub uptime_seconds: u64,
    /// Bytes in all send buffers.
    pub send_bytes: u64,
    /// Readers who are behind and can be fed.
    pub behind: u64,
    /// Password hashes that wait or are under way, those of this tick not counted.
    pub hashes_waiting: u64,
    /// The disk is nearly full: nothing new is taken.
    pub storage_low: bool,
    /// The connection of the backup that runs.
    pub held_for: Option<ConnId>,
}

/// Where a request came from.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// On which connection; a name, nothing more.
    pub conn: ConnId,
    /// From which address.
    pub address: IpAddr,
    /// Through which door.
    pub door: Door,
    /// Lines carry no key: the connection's session stands for it.
    pub keyless: bool,
}

/// Why a request was not done.
#[derive(Debug)]
pub enum No {
    /// It was refused: a reply, and the connection goes on.
    Refused(Refusal),
    /// The store failed.
    Store(StoreError),
}

impl From<Refusal> for No {
    fn from(refusal: Refusal) -> No {
        No::Refused(refusal)
    }
}

impl From<Code> for No {
    fn from(code: Code) -> No {
        No::Refused(code.into())
    }
}

impl From<StoreError> for No {
    fn from(error: StoreError) -> No {
        No::Store(error)
    }
}

/// What became of a request.
pub enum Outcome {
    /// Done: the answer.
    Done(Reply, Data),
    /// Answered when its password hash is done.
    Later,
    /// A confirmation, which is only answered if it has an id.
    Confirmed,
}

impl Outcome {
    /// Done, with nothing for programs to read.
    pub fn said(reply: Reply) -> Outcome {
        Outcome::Done(reply, Data::None)
    }

    /// The answer's text and data.
    pub fn into_parts(self) -> (Reply, Data) {
        match self {
            Outcome::Done(reply, data) => (reply, data),
            Outcome::Later | Outcome::Confirmed => (Reply::Confirmed, Data::None),
        }
    }
}

/// A message by its content, to be posted or found again.
pub struct Draft<'a> {
    /// For whom.
    pub conversation: Conversation,
    /// From whom; nobody is the system itself.
    pub sender: Option<UserId>,
    /// Their name as shown, if it is at hand.
    pub sender_name: Option<String>,
    /// Of which kind.
    pub kind: EntryKind,
    /// The text, or the notice.
    pub body: &'a str,
    /// The client's own name for it.
    pub mid: Option<&'a str>,
    /// The group's name, if it is for a group.
    pub group: Option<GroupLabel>,
}

impl Cx<'_> {
    /// Whether it is an administrator who asks.
    pub fn is_admin(&self) -> bool {
        let session = self.sessions.get(self.caller.conn);
        session.is_some_and(|session| session.admin)
    }

    /// The user named by the argument `username`.
    ///
    /// # Errors
    /// `no_such_user`, and `slow_down` as `Cx::told` has it.
    pub fn named_user(&mut self, user: Option<UserId>, args: &Args) -> Result<User, No> {
        let raw = args.username()?;
        let found = self.store.user_by_key(&user_key(raw))?;
        let is_known = match (user, &found) {
            (Some(user), Some(other)) => {
                other.id == user || self.store.are_friends(user, other.id)?
            }
            _ => false,
        };
        self.told(user, raw, found, is_known)
    }

    /// The user named by `username`, as `user` writes to them.
    ///
    /// # Errors
    /// As [`Cx::named_user`].
    pub fn addressee(&mut self, user: UserId, args: &Args) -> Result<Addressee, No> {
        let raw = args.username()?;
        let found = self.store.addressee(user, &user_key(raw))?;
        let is_known = found.as_ref().is_some_and(|found| found.is_friend);
        self.told(Some(user), raw, found, is_known)
    }

    /// What was found under a name, as far as the user may be told: who names many who do not
    /// exist is guessing, and is for a while told nothing of any name but those they know. The
    /// operator and administrators can list everyone, so nothing is kept from them.
    fn told<T>(
        &mut self,
        user: Option<UserId>,
        raw: &str,
        found: Option<T>,
        is_known: bool,
    ) -> Result<T, No> {
        let guesser = user.filter(|_| !is_known && !self.is_admin());
        if let Some(user) = guesser {
            let (now, is_miss) = (self.now.mono, found.is_none());
            self.throttle.name_user(user, is_miss, now).map_err(Refusal::slow_down)?;
        }
        found.ok_or_else(|| Refusal::about(Code::NoSuchUser, raw).into())
    }

    /// The name of a user who exists.
    pub fn name_of(&self, user: UserId) -> Result<String, No> {
        Ok(self.store.username(user)?.ok_or(Code::Internal)?)
    }

    /// Whether a user may know of another whether they are here, and what they received and read:
    /// friends may, and administrators. Whoever tells such a thing asks here.
    pub fn may_know_of(&self, user: UserId, other: UserId) -> Result<bool, StoreError> {
        let sessions = self.sessions;
        let session = sessions.conn_of(user).and_then(|conn| sessions.get(conn));
        let is_admin = session.is_some_and(|session| session.admin);
        Ok(is_admin || self.store.are_friends(user, other)?)
    }

    /// The group that the arguments name, if it was not deleted and the user may know of it.
    ///
    /// # Errors
    /// `no_such_group`: the same for a group that they were never in as for none.
    pub fn named_group(&self, user: Option<UserId>, args: &Args) -> Result<Group, No> {
        let group = self.find_group(user, args)?;
        let group = group.filter(|group| group.status != GroupStatus::Deleted);
        match group {
            Some(group) if self.may_find(user, &group)? => Ok(group),
            _ => Err(no_such_group(args)),
        }
    }

    /// The group that the arguments name, which the user is in.
    ///
    /// # Errors
    /// `no_such_group`, and `not_member` for who was in it once.
    pub fn joined_group(&self, user: UserId, args: &Args) -> Result<Group, No> {
        let group = self.find_group(Some(user), args)?.ok_or_else(|| no_such_group(args))?;
        if self.store.is_member(group.id, user)? {
            return Ok(group);
        }
        let is_alive = group.status != GroupStatus::Deleted;
        let knows = is_alive && self.may_find(Some(user), &group)?;
        Err(if knows { Code::NotMember.into() } else { no_such_group(args) })
    }

    /// The group that the arguments name, of which the user may read what was said while they
    /// were in it: by its id also a former one of theirs, deleted or not.
    ///
    /// # Errors
    /// As [`Cx::joined_group`].
    pub fn readable_group(&self, user: UserId, args: &Args) -> Result<GroupId, No> {
        match args.group_id()? {
            Some(id) if self.store.was_member(id, user)? => Ok(id),
            _ => Ok(self.joined_group(user, args)?.id),
        }
    }

    /// The group named by the arguments, where only its owner may act.
    pub fn own_group(&self, user: UserId, args: &Args) -> Result<Group, No> {
        // Whoever names another as the creator is told nothing of that group.
        if args.group_id()?.is_none()
            && let Some(creator) = args.creator()?
            && self.store.user_by_key(&user_key(creator))?.map(|found| found.id) != Some(user)
        {
            return Err(Code::NotOwner.into());
        }
        let group = self.named_group(Some(user), args)?;
        if group.creator == user { Ok(group) } else { Err(Code::NotOwner.into()) }
    }

    /// The group that the arguments name, whoever asks and deleted or not.
    fn find_group(&self, user: Option<UserId>, args: &Args) -> Result<Option<Group>, No> {
        let store = &self.store;
        if let Some(id) = args.group_id()? {
            return Ok(store.group(id)?);
        }
        match self.group_reference(user, args)? {
            Some((creator, name)) => Ok(store.group_by_name(creator, &group_key(name))?),
            None => Ok(None),
        }
    }

    /// The creator, if there is such a user, and the name of the group that the arguments name.
    fn group_reference<'a>(
        &self,
        user: Option<UserId>,
        args: &'a Args,
    ) -> Result<Option<(UserId, &'a str)>, No> {
        let name = args.groupname()?.ok_or(Refusal::about(Code::BadRequest, "groupname"))?;
        let creator = match args.creator()? {
            None => Some(user.ok_or_else(|| Refusal::about(Code::BadRequest, "creator"))?),
            Some(creator) => self.store.user_by_key(&user_key(creator))?.map(|found| found.id),
        };
        Ok(creator.map(|creator| (creator, name)))
    }

    /// Whether somebody may know that there is such a group: who is or was in it, and who can list
    /// them all.
    fn may_find(&self, user: Option<UserId>, group: &Group) -> Result<bool, StoreError> {
        match user {
            Some(user) if !self.is_admin() => self.store.was_member(group.id, user),
            _ => Ok(true),
        }
    }

    /// Whether a conversation is the very group that the arguments name. A name means the group
    /// that has it now, and the one that had it where none has.
    fn is_named_group(
        &self,
        user: Option<UserId>,
        args: &Args,
        conversation: Conversation,
    ) -> Result<bool, No> {
        let Conversation::Group(group) = conversation else { return Ok(false) };
        if let Some(named) = args.group_id()? {
            return Ok(named == group);
        }
        let Some((creator, name)) = self.group_reference(user, args)? else { return Ok(false) };
        let (store, key) = (&self.store, group_key(name));
        match store.group_by_name(creator, &key)? {
            Some(alive) => Ok(alive.id == group),
            None => Ok(store.group_key(group)? == Some((creator, key))),
        }
    }

    /// The text of a message, within its bounds.
    pub fn text<'a>(&self, args: &'a Args) -> Result<&'a str, No> {
        let text = args.message()?.ok_or(Refusal::about(Code::BadRequest, "message"))?;
        if text.is_empty() {
            return Err(Code::EmptyMessage.into());
        }
        if text.len() > MESSAGE_BYTES_MAX {
            return Err(Code::MessageTooLong.into());
        }
        Ok(text)
    }

    /// Refuses while the disk is nearly full.
    pub fn need_storage(&self) -> Result<(), No> {
        if self.server.storage_low { Err(Code::StorageFull.into()) } else { Ok(()) }
    }

    /// The message that the sender posted under this `mid`, if any: a retry is answered with
    /// the same seq (P5). `is_meant` says whether a conversation is the one that is named.
    ///
    /// # Errors
    /// `mid_reused`: it stands for another content.
    pub fn posted(
        &mut self,
        sender: Option<UserId>,
        args: &Args,
        system: bool,
        is_meant: impl FnOnce(&Self, Conversation) -> Result<bool, No>,
    ) -> Result<Option<Seq>, No> {
        let Some((sender, mid)) = sender.zip(args.mid()?) else { return Ok(None) };
        let Some(posted) = self.store.find_mid(sender, mid)? else { return Ok(None) };
        let same = (posted.kind == EntryKind::System) == system
            && posted.body == self.text(args)?
            && is_meant(self, posted.conversation)?;
        if same { Ok(Some(posted.seq)) } else { Err(Code::MidReused.into()) }
    }

    /// The same in the group that the arguments name.
    ///
    /// # Errors
    /// `mid_reused`, also where another group has its name by now.
    pub fn posted_in_group(
        &mut self,
        user: Option<UserId>,
        args: &Args,
        system: bool,
    ) -> Result<Option<Seq>, No> {
        self.posted(user, args, system, |cx, conversation| {
            cx.is_named_group(user, args, conversation)
        })
    }

    /// Counts what a user has stored today: UTF-8 bytes of texts, `mid`s, notices and names, once
    /// each, whatever the number of readers.
    ///
    /// # Errors
    /// `quota_full`: they may not have so much more, unless it `must` be.
    pub fn use_quota(&mut self, user: UserId, bytes: usize, must: bool) -> Result<(), No> {
        let (limit, unix) = (self.rules.limits.stored_bytes_per_day, self.now.unix);
        if limit == 0 {
            return Ok(());
        }
        let full = self.store.use_quota(user, bytes as u64, limit, unix, must)?;
        full.map_or(Ok(()), |seconds| Err(Refusal::quota_full(seconds).into()))
    }

    /// Posts a message of somebody's, who has it stored. What is said in the system's name is not
    /// counted: moderation goes on.
    pub fn post(&mut self, draft: Draft) -> Result<Seq, No> {
        if let Some(sender) = draft.sender.filter(|_| draft.kind != EntryKind::System) {
            let bytes = draft.body.len() + draft.mid.map_or(0, str::len);
            self.use_quota(sender, bytes, false)?;
        }
        self.append(draft)
    }

    /// Appends a message to the log and stages it for its readers.
    fn append(&mut self, draft: Draft) -> Result<Seq, No> {
        let Draft { conversation, sender, sender_name, kind, body, mid, group } = draft;
        let unix = self.now.unix;
        let sender_name = match sender {
            Some(sender) if sender_name.is_none() => Some(self.name_of(sender)?),
            _ => sender_name,
        };
        let new = NewEntry { conversation, sender, unix, kind, body, mid };
        let seq = self.store.append(&new)?;
        let entry = Entry {
            seq,
            conversation,
            sender,
            sender_name,
            group,
            unix,
            kind,
            body: body.to_owned(),
        };
        self.outbox.stage(Effect::Entry(Box::new(entry)));
        Ok(seq)
    }

    /// Posts a notice about what `by` did; they are not told themselves.
    pub fn notify(
        &mut self,
        conversation: Conversation,
        by: Option<UserId>,
        notice: &Notice,
    ) -> Result<Seq, No> {
        let body = notice.to_body();
        let moderates = matches!(notice.event, Event::GroupBlocked | Event::GroupUnblocked);
        if let Some(by) = by.filter(|_| !moderates) {
            self.use_quota(by, body.len(), notice.event.is_ending())?;
        }
        let group = notice
            .groupname
            .clone()
            .zip(notice.creator.clone())
            .map(|(name, creator)| GroupLabel { name, creator });
        let kind = EntryKind::Notice;
        let (sender, sender_name, body, mid) = (by, None, &body, None);
        self.append(Draft { conversation, sender, sender_name, kind, body, mid, group })
    }

    /// How many members of a group are online.
    pub fn online_in(&self, group: GroupId) -> u64 {
        self.sessions.online_in(group) as u64
    }
}

/// Nothing is told of a group but what the request itself called it.
fn no_such_group(args: &Args) -> No {
    let name = args.groupname().ok().flatten().map(str::to_owned);
    let id = args.group_id().ok().flatten().map(|id| id.0.to_string());
    Refusal::about(Code::NoSuchGroup, name.or(id).unwrap_or_default()).into()
}
