//! The arguments of requests: as they came, and as a handler gets them.
//!
//! An argument has one name for all requests; the names are declared in [`Name`]. [`Args`] holds
//! the values that a message brought, as they came. A request's struct (see `command`) says by the
//! types of its fields what may stand there; each type implements [`Argument`], which is the one
//! place that checks it. Unknown names are ignored; null is the same as no value.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

use super::{Code, Refusal};
use crate::id::{GroupId, Seq};
use crate::limits::{
    HISTORY_ROWS_DEFAULT, LIST_ROWS_MAX, MESSAGE_BYTES_MAX, MID_BYTES_MAX, REQUEST_ID_BYTES_MAX,
};

macro_rules! argument_names {
    ($($(#[doc = $doc:literal])* $name:ident;)+) => {
        /// The name of an argument, as it stands on the wire.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(non_camel_case_types, missing_docs)]
        pub enum Name {
            $($(#[doc = $doc])* $name,)+
        }

        impl Name {
            /// Every name.
            pub const ALL: &[Name] = &[$(Name::$name),+];

            /// The name on the wire.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Name::$name => stringify!($name),)+
                }
            }

            fn of(text: &str) -> Option<Name> {
                match text {
                    $(stringify!($name) => Some(Name::$name),)+
                    _ => None,
                }
            }
        }
    };
}

argument_names! {
    /// The login key; any request may have it.
    auth_token;
    /// The request's own name, which its answer repeats; any request may have it.
    id;
    /// `zh…` or another language; any request may have it.
    lang;
    /// The client's own name for a message, by which a retry is known.
    mid;
    username;
    password;
    newpassword;
    /// The code that lets a user register from another machine.
    invite;
    /// The text of a message.
    message;
    groupname;
    /// The name of the user who created the group.
    creator;
    /// A group's id, in place of its name and creator.
    group_id;
    /// How many messages are wanted.
    count;
    /// Messages before this seq are wanted.
    before;
    /// Messages after this seq are wanted; in lists, the `next` of the page before.
    after;
    /// Only users who are online are wanted.
    online;
    /// A place in the log.
    seq;
    /// Words to be searched for.
    query;
    /// Whether the client confirms messages.
    ack;
    /// Whether to be told when friends come and go.
    presence;
    /// Whether to be told when own messages arrive and are read.
    receipts;
    /// Whether the owner may not bring the user into the group again.
    stay_out;
}

/// The arguments of one request, as they came.
#[derive(PartialEq)]
pub struct Args<'a>([Value<'a>; Name::ALL.len()]);

/// One argument as it came.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
    /// Left out, or null.
    Absent,
    Text(Cow<'a, str>),
    Number(i64),
    Flag(bool),
    /// What no argument can be: a fraction, an array, an object, half a surrogate pair.
    Odd,
}

impl<'a> Value<'a> {
    /// The value of one piece of JSON.
    pub(super) fn of(json: &'a str) -> Value<'a> {
        let value = match json.as_bytes().first() {
            Some(b'n') => Ok(Value::Absent),
            Some(b'"') => text_of(json).map(Value::Text),
            Some(b't' | b'f') => serde_json::from_str(json).map(Value::Flag),
            _ => serde_json::from_str(json).map(Value::Number),
        };
        value.unwrap_or(Value::Odd)
    }
}

/// The string of one piece of JSON, borrowed where it has no escapes: then it is what stands
/// between its quotes, because the parser that cut the piece out has read it already.
///
/// # Errors
/// The piece is no string, or one with half a surrogate pair.
pub(super) fn text_of(json: &str) -> serde_json::Result<Cow<'_, str>> {
    let between = json.strip_prefix('"').and_then(|json| json.strip_suffix('"'));
    match between.filter(|text| !text.contains('\\')) {
        Some(text) => Ok(Cow::Borrowed(text)),
        None => serde_json::from_str(json).map(Cow::Owned),
    }
}

impl Default for Args<'_> {
    fn default() -> Self {
        Args([const { Value::Absent }; Name::ALL.len()])
    }
}

/// Passwords, keys and texts are among the arguments (P27).
impl fmt::Debug for Args<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Args(…)")
    }
}

impl<'v> Args<'v> {
    /// The place of the argument of that name, if there is such an argument.
    pub(super) fn place(&mut self, name: &str) -> Option<&mut Value<'v>> {
        Name::of(name).map(|name| &mut self.0[name as usize])
    }

    /// Whether the argument was left out.
    pub fn is_absent(&self, name: Name) -> bool {
        matches!(self.0[name as usize], Value::Absent)
    }

    /// An argument, if it was given.
    ///
    /// # Errors
    /// `bad_request`: it is not what it should be.
    pub fn get<'a, T: Argument<'a>>(&'a self, name: Name) -> Result<Option<T>, Refusal> {
        Option::read(self, name)
    }
}

/// The refusal of an argument that is missing, of the wrong kind or out of range.
pub fn bad(name: Name) -> Refusal {
    Refusal::about(Code::BadRequest, name.as_str())
}

/// What an argument may be.
pub trait Argument<'a>: Sized {
    /// Whether the request is refused without it.
    const IS_REQUIRED: bool = true;

    /// Whether it was left out.
    fn is_absent(args: &Args, name: Name) -> bool {
        args.is_absent(name)
    }

    /// The argument of that name.
    ///
    /// # Errors
    /// The request is refused: the argument is missing, of the wrong kind or out of range.
    fn read(args: &'a Args, name: Name) -> Result<Self, Refusal>;
}

/// An argument that may be left out.
impl<'a, T: Argument<'a>> Argument<'a> for Option<T> {
    const IS_REQUIRED: bool = false;

    fn read(args: &'a Args, name: Name) -> Result<Self, Refusal> {
        if T::is_absent(args, name) { Ok(None) } else { T::read(args, name).map(Some) }
    }
}

/// A text.
impl<'a> Argument<'a> for &'a str {
    fn read(args: &'a Args, name: Name) -> Result<Self, Refusal> {
        match &args.0[name as usize] {
            Value::Text(text) => Ok(text),
            _ => Err(bad(name)),
        }
    }
}

/// An integer.
impl Argument<'_> for i64 {
    fn read(args: &Args, name: Name) -> Result<Self, Refusal> {
        match args.0[name as usize] {
            Value::Number(number) => Ok(number),
            _ => Err(bad(name)),
        }
    }
}

/// True or false; left out it is false.
impl Argument<'_> for bool {
    const IS_REQUIRED: bool = false;

    fn read(args: &Args, name: Name) -> Result<Self, Refusal> {
        match args.0[name as usize] {
            Value::Absent => Ok(false),
            Value::Flag(flag) => Ok(flag),
            _ => Err(bad(name)),
        }
    }
}

/// A place in the log.
impl Argument<'_> for Seq {
    fn read(args: &Args, name: Name) -> Result<Self, Refusal> {
        i64::read(args, name).map(Seq)
    }
}

/// A request's own number or name, echoed in the answer as `re`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum RequestId {
    /// An integer.
    Number(i64),
    /// A string of at most 64 bytes.
    Name(String),
}

impl Argument<'_> for RequestId {
    fn read(args: &Args, name: Name) -> Result<Self, Refusal> {
        match &args.0[name as usize] {
            Value::Number(number) => Ok(RequestId::Number(*number)),
            Value::Text(text) if text.len() <= REQUEST_ID_BYTES_MAX => {
                Ok(RequestId::Name(text.clone().into_owned()))
            }
            _ => Err(bad(name)),
        }
    }
}

/// The text of a message: 1 to [`MESSAGE_BYTES_MAX`] bytes.
#[derive(Clone, Copy)]
pub struct MessageText<'a>(pub &'a str);

impl<'a> Argument<'a> for MessageText<'a> {
    fn read(args: &'a Args, name: Name) -> Result<Self, Refusal> {
        match <&str>::read(args, name)? {
            "" => Err(Code::EmptyMessage.into()),
            text if text.len() > MESSAGE_BYTES_MAX => Err(Code::MessageTooLong.into()),
            text => Ok(MessageText(text)),
        }
    }
}

/// A client's own name for a message: 1 to [`MID_BYTES_MAX`] bytes.
#[derive(Clone, Copy)]
pub struct Mid<'a>(pub &'a str);

impl<'a> Argument<'a> for Mid<'a> {
    fn read(args: &'a Args, name: Name) -> Result<Self, Refusal> {
        let mid = <&str>::read(args, name)?;
        let fits = !mid.is_empty() && mid.len() <= MID_BYTES_MAX;
        if fits { Ok(Mid(mid)) } else { Err(bad(name)) }
    }
}

/// How many messages are wanted: 1 to [`LIST_ROWS_MAX`]; more count as that many.
#[derive(Clone, Copy)]
pub struct Rows(pub usize);

impl Argument<'_> for Rows {
    const IS_REQUIRED: bool = false;

    fn read(args: &Args, name: Name) -> Result<Self, Refusal> {
        match args.get::<i64>(name)? {
            None => Ok(Rows(HISTORY_ROWS_DEFAULT)),
            Some(count) if count >= 1 => Ok(Rows((count as usize).min(LIST_ROWS_MAX))),
            Some(_) => Err(bad(name)),
        }
    }
}

/// On which side of a place in the log messages are wanted. Left out: the last of all.
#[derive(Clone, Copy)]
pub enum Side {
    /// Those before.
    Before(Seq),
    /// Those after.
    After(Seq),
}

impl Argument<'_> for Side {
    const IS_REQUIRED: bool = false;

    fn read(args: &Args, _: Name) -> Result<Self, Refusal> {
        match (args.get(Name::before)?, args.get(Name::after)?) {
            (Some(_), Some(_)) => Err(bad(Name::after)),
            (_, Some(after)) => Ok(Side::After(after)),
            (before, None) => Ok(Side::Before(before.unwrap_or(Seq(i64::MAX)))),
        }
    }
}

/// Where a page of a list begins: the `next` of the page before, as `200:4711`. Left out: the
/// first page. It is opaque to clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageStart {
    /// Rows on the pages before.
    pub shown: u64,
    /// The id of the last of them.
    pub id: i64,
}

impl fmt::Display for PageStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.shown, self.id)
    }
}

impl Argument<'_> for PageStart {
    const IS_REQUIRED: bool = false;

    fn read(args: &Args, name: Name) -> Result<Self, Refusal> {
        let Some(text) = args.get::<&str>(name)? else { return Ok(PageStart::default()) };
        let start = text.split_once(':').and_then(|(shown, id)| {
            Some(PageStart { shown: shown.parse().ok()?, id: id.parse().ok()? })
        });
        start.ok_or_else(|| bad(name))
    }
}

/// A group, by its id; else by its name and the name of its creator, who is the caller if left
/// out. Where all of them are given, the id counts.
#[derive(Clone, Copy, Debug)]
pub struct NamedGroup<'a> {
    /// Its id.
    pub id: Option<GroupId>,
    /// The name of its creator.
    pub creator: Option<&'a str>,
    /// Its name; there is one where no id is.
    pub name: Option<&'a str>,
}

impl<'a> Argument<'a> for NamedGroup<'a> {
    fn is_absent(args: &Args, _: Name) -> bool {
        args.is_absent(Name::group_id) && args.is_absent(Name::groupname)
    }

    fn read(args: &'a Args, _: Name) -> Result<Self, Refusal> {
        if let Some(id) = args.get(Name::group_id)? {
            // What stands beside the id is only repeated where the group is not found.
            let given = |name| args.get(name).ok().flatten();
            let (creator, name) = (given(Name::creator), given(Name::groupname));
            return Ok(NamedGroup { id: Some(GroupId(id)), creator, name });
        }
        let name = Some(<&str>::read(args, Name::groupname)?);
        Ok(NamedGroup { id: None, creator: args.get(Name::creator)?, name })
    }
}

/// A group that may belong to any user: its creator must be named, or its id.
#[derive(Clone, Copy, Debug)]
pub struct AnyonesGroup<'a>(pub NamedGroup<'a>);

impl<'a> Argument<'a> for AnyonesGroup<'a> {
    fn read(args: &'a Args, name: Name) -> Result<Self, Refusal> {
        if args.is_absent(Name::group_id) && args.is_absent(Name::creator) {
            return Err(bad(Name::creator));
        }
        NamedGroup::read(args, name).map(AnyonesGroup)
    }
}

/// The conversation with a user, or that of a group.
#[derive(Clone, Copy, Debug)]
pub enum NamedConversation<'a> {
    /// With the user of that name.
    User(&'a str),
    /// In that group.
    Group(NamedGroup<'a>),
}

impl<'a> Argument<'a> for NamedConversation<'a> {
    fn is_absent(args: &Args, name: Name) -> bool {
        NamedGroup::is_absent(args, name) && args.is_absent(Name::username)
    }

    fn read(args: &'a Args, name: Name) -> Result<Self, Refusal> {
        if NamedGroup::is_absent(args, name) {
            return <&str>::read(args, Name::username).map(NamedConversation::User);
        }
        NamedGroup::read(args, name).map(NamedConversation::Group)
    }
}
