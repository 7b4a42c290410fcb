//! What a handler sees of the world, and the steps that several of them take.

use std::net::IpAddr;

use rand::rngs::StdRng;

use crate::counters::Counters;
use crate::id::{ConnId, Conversation, Door, GroupId, Now, Seq, UserId};
use crate::limits::{Limits, MESSAGE_BYTES_MAX};
use crate::locale::Lang;
use crate::locale::reply::Reply;
use crate::mutant::Mutant;
use crate::names::{group_key, user_key};
use crate::outbox::{Effect, Outbox};
use crate::password::KeyHash;
use crate::sessions::Sessions;
use crate::store::{
    Addressee, Entry, EntryKind, Group, GroupLabel, NewEntry, Store, StoreError, User,
};
use crate::throttle::Throttle;
use crate::wire::response::Data;
use crate::wire::{Args, Code, Notice, Refusal, RequestId};

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
    /// Days that the log is kept; 0: for ever.
    pub keep_days: u32,
    /// What the operator is told who asks what this server runs with.
    pub about: std::sync::Arc<serde_json::Value>,
    /// What a password hash costs; only tests lower it.
    pub hash_cost: crate::password::Cost,
}

/// The facts that requests are served from, borrowed from the server for one `serve`.
pub struct Facts<'a> {
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
    /// Password hashes under way, those of this tick not counted.
    pub hashes_waiting: usize,
    /// The disk is nearly full: nothing new is taken.
    pub storage_low: bool,
    /// What only `stats` shows.
    pub view: View,
}

/// Figures that only the server itself knows.
#[derive(Clone, Copy, Debug, Default)]
pub struct View {
    /// Connections.
    pub connections: u64,
    /// Seconds since the start.
    pub uptime_seconds: u64,
    /// Bytes in all send buffers.
    pub send_bytes: u64,
    /// Readers who are behind and can be fed.
    pub behind: u64,
    /// Whose backup has the checkpoints held.
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

/// The facts, and who asks.
pub struct Context<'c, 'f> {
    /// The facts.
    pub facts: &'c mut Facts<'f>,
    /// Whose request it is.
    pub caller: Caller,
    /// The language of the answer.
    pub lang: Lang,
    /// The request's id.
    pub re: Option<RequestId>,
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

impl<'c, 'f> Context<'c, 'f> {
    /// The context of a request. Without a language, the server's is spoken.
    pub fn new(facts: &'c mut Facts<'f>, caller: Caller, lang: Option<Lang>) -> Self {
        let lang = lang.unwrap_or(facts.rules.lang);
        Context { facts, caller, lang, re: None }
    }

    /// Whether it is an administrator who asks.
    pub fn is_admin(&self) -> bool {
        let session = self.facts.sessions.get(self.caller.conn);
        session.is_some_and(|session| session.admin)
    }

    /// The user named by the argument `username`.
    pub fn named_user(&self, args: &Args) -> Result<User, No> {
        let raw = args.username()?;
        let user = self.facts.store.user_by_key(&user_key(raw))?;
        user.ok_or_else(|| Refusal::about(Code::NoSuchUser, raw).into())
    }

    /// The user named by `username`, as `user` writes to them.
    pub fn addressee(&mut self, user: UserId, args: &Args) -> Result<Addressee, No> {
        let raw = args.username()?;
        let addressee = self.facts.store.addressee(user, &user_key(raw))?;
        addressee.ok_or_else(|| Refusal::about(Code::NoSuchUser, raw).into())
    }

    /// The name of a user who exists.
    pub fn name_of(&self, user: UserId) -> Result<String, No> {
        Ok(self.facts.store.username(user)?.ok_or(Code::Internal)?)
    }

    /// The group named by `creator` (left out: the caller) and `groupname`.
    pub fn named_group(&self, user: Option<UserId>, args: &Args) -> Result<Group, No> {
        let (creator, name) = self.group_reference(user, args)?;
        self.live_group(creator, name)
    }

    /// The group named by the arguments, where only its owner may act.
    pub fn own_group(&self, user: UserId, args: &Args) -> Result<Group, No> {
        if let Some(creator) = args.creator()?
            && self.facts.store.user_by_key(&user_key(creator))?.map(|found| found.id) != Some(user)
        {
            return Err(Code::NotOwner.into());
        }
        let name = args.groupname()?.ok_or(Refusal::about(Code::BadRequest, "groupname"))?;
        self.live_group(user, name)
    }

    /// The creator and the name of the group that the arguments name; it may not exist.
    pub fn group_reference<'a>(
        &self,
        user: Option<UserId>,
        args: &'a Args,
    ) -> Result<(UserId, &'a str), No> {
        let name = args.groupname()?.ok_or(Refusal::about(Code::BadRequest, "groupname"))?;
        let creator = match args.creator()? {
            None => user.ok_or_else(|| Refusal::about(Code::BadRequest, "creator"))?,
            Some(creator) => {
                let found = self.facts.store.user_by_key(&user_key(creator))?;
                found.ok_or_else(|| Refusal::about(Code::NoSuchGroup, name))?.id
            }
        };
        Ok((creator, name))
    }

    /// The creator's group of that name, if it was not deleted.
    pub fn live_group(&self, creator: UserId, name: &str) -> Result<Group, No> {
        let group = self.facts.store.group_by_name(creator, &group_key(name))?;
        group.ok_or_else(|| Refusal::about(Code::NoSuchGroup, name).into())
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
        if self.facts.storage_low { Err(Code::StorageFull.into()) } else { Ok(()) }
    }

    /// The message that the sender posted under this `mid`, if any: a retry is answered with
    /// the same seq (P5). `same_target` says whether a conversation is the one meant.
    ///
    /// # Errors
    /// `mid_reused`: it stands for another content.
    pub fn posted(
        &mut self,
        sender: Option<UserId>,
        args: &Args,
        system: bool,
        same_target: impl FnOnce(&Store, Conversation) -> Result<bool, StoreError>,
    ) -> Result<Option<Seq>, No> {
        let Some((sender, mid)) = sender.zip(args.mid()?) else { return Ok(None) };
        let Some(posted) = self.facts.store.find_mid(sender, mid)? else { return Ok(None) };
        let same = (posted.kind == EntryKind::System) == system
            && posted.body == self.text(args)?
            && same_target(self.facts.store, posted.conversation)?;
        let same = same || Mutant::MidReusedUnchecked.is_on();
        if same { Ok(Some(posted.seq)) } else { Err(Code::MidReused.into()) }
    }

    /// Appends a message to the log and stages it for its readers.
    pub fn post(&mut self, draft: Draft) -> Result<Seq, No> {
        let Draft { conversation, sender, sender_name, kind, body, mid, group } = draft;
        let unix = self.facts.now.unix;
        let sender_name = match sender {
            Some(sender) if sender_name.is_none() => Some(self.name_of(sender)?),
            _ => sender_name,
        };
        let new = NewEntry { conversation, sender, unix, kind, body, mid };
        let seq = self.facts.store.append(&new)?;
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
        self.facts.outbox.stage(Effect::Entry(Box::new(entry)));
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
        let group = notice
            .groupname
            .clone()
            .zip(notice.creator.clone())
            .map(|(name, creator)| GroupLabel { name, creator });
        let kind = EntryKind::Notice;
        let (sender, sender_name, body, mid) = (by, None, &body, None);
        self.post(Draft { conversation, sender, sender_name, kind, body, mid, group })
    }

    /// How many members of a group are online.
    pub fn online_in(&self, group: GroupId) -> u64 {
        self.facts.sessions.online_in(group) as u64
    }
}

/// Whether a conversation is the creator's group of that name, even if it was deleted since.
pub fn is_same_group(
    store: &Store,
    conversation: Conversation,
    creator: UserId,
    name: &str,
) -> Result<bool, StoreError> {
    let Conversation::Group(group) = conversation else { return Ok(false) };
    Ok(store.group_key(group)? == Some((creator, group_key(name))))
}
