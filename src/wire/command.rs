//! Every request, declared once: what it is called, who may send it, what its arguments are, how a
//! person types it, and what it is for.
//!
//! ```text
//!     Send<'a> = "send", Member {                    the type, its name, who may send it
//!         username: &'a str = User,                  an argument, its type, how it is typed
//!         message: MessageText<'a> = Text,
//!         mid: Option<Mid<'a>>,                      an argument that is never typed
//!     } "私聊" "发消息",                               other words that a person may type
//!     "send a message to a friend", "给好友发消息";    its help, in English and in Chinese
//! ```
//!
//! A request without a help is never typed; it has a doc comment instead. A field that is made of
//! several arguments names them in parentheses.
//!
//! From a row come the variant of [`MessageType`], a row of [`COMMANDS`], and the struct that the
//! request's handler takes, with `from_args`, which checks the arguments. The types that an
//! argument can have are in `argument`, the ways to type one in [`Typed`]. The function that serves
//! the request is a row of `handlers::HANDLERS`.

use super::Refusal;
use super::argument::{
    AnyonesGroup, Args, Argument, MessageText, Mid, Name, NamedConversation, NamedGroup, PageStart,
    Rows, Side,
};
use crate::id::Seq;

/// Who may send a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Anyone, signed in or not.
    Anyone,
    /// Anyone who is not signed in.
    Guest,
    /// A user who is signed in.
    Member,
    /// An administrator who is signed in, and the operator.
    Admin,
    /// The operator, over the control socket.
    Operator,
}

/// A row of [`COMMANDS`].
#[derive(Debug, PartialEq, Eq)]
pub struct Command {
    /// The request; `quit` makes none.
    pub kind: Option<MessageType>,
    /// Its name on the wire, which is also the word that a person types.
    pub name: &'static str,
    /// Who may send it.
    pub role: Role,
    /// Its arguments.
    pub arguments: &'static [Field],
    /// What a person types after the word, in order.
    pub typed: &'static [Typed],
    /// Other words for it: in English, and in Chinese, the usual one first.
    pub also: &'static [&'static str],
    /// What it is for, in English and in Chinese; `None`: it is only for programs.
    pub help: Option<(&'static str, &'static str)>,
}

/// A field of a request.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// The arguments that it is read from.
    pub names: &'static [Name],
    /// Whether the request is refused without it.
    pub is_required: bool,
}

impl Command {
    /// The row of a type.
    pub fn of(kind: MessageType) -> &'static Command {
        &COMMANDS[kind as usize]
    }

    /// The command that a person means by a word, in any of its names.
    pub fn of_word(word: &str) -> Option<&'static Command> {
        typed_commands().find(|command| command.words().any(|name| name == word))
    }

    /// Every word that a person may type for it.
    pub fn words(&self) -> impl Iterator<Item = &'static str> + use<> {
        [self.name].into_iter().chain(self.also.iter().copied())
    }

    /// Those in Chinese.
    pub fn chinese(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.words().filter(|word| !word.is_ascii())
    }

    /// Whether it has an argument of that name.
    pub fn has(&self, name: Name) -> bool {
        self.arguments.iter().any(|field| field.names.contains(&name))
    }
}

/// Every command that a person can type, in the order of the help.
fn typed_commands() -> impl Iterator<Item = &'static Command> {
    let (before, after) = COMMANDS.split_at(MessageType::Logout as usize + 1);
    before.iter().chain([&QUIT]).chain(after).filter(|command| command.help.is_some())
}

/// The commands that a user, or an administrator, can type.
pub fn offered(is_admin: bool) -> impl Iterator<Item = &'static Command> {
    typed_commands().filter(move |command| is_admin || command.role != Role::Admin)
}

/// What a signed-in user can type and the server answers, for the welcome.
pub fn usable(is_admin: bool) -> Vec<&'static str> {
    let is_usable = |command: &&Command| match command.role {
        Role::Anyone | Role::Guest | Role::Operator => false,
        Role::Member => true,
        Role::Admin => is_admin,
    };
    offered(is_admin).filter(is_usable).map(|command| command.name).collect()
}

/// Leaves a client; nothing goes over the wire.
pub static QUIT: Command = Command {
    kind: None,
    name: "quit",
    role: Role::Anyone,
    arguments: &[],
    typed: &[],
    also: &["exit", "退出", "离开"],
    help: Some(("leave the client", "离开客户端")),
};

/// How a person types an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typed {
    /// A user's name, `@` before it or not.
    User,
    /// The name of a group's creator.
    Creator,
    /// A password, to the end of the line; asked for if it is left out.
    Password,
    /// A group: its number in `groups`, or the name of an own one.
    Group,
    /// The same of a group that the user is in; it is rarely their own, so the number is asked for.
    JoinedGroup,
    /// A group's name and never its number.
    GroupName,
    /// The name of a group that is to be made.
    NewGroup,
    /// A group by its number alone.
    GroupNumber(GroupList),
    /// A user's name, or the number of a group.
    Conversation,
    /// How many; may be left out.
    Count,
    /// The rest of the line as it stands.
    Text,
    /// The rest of the line, to be looked for.
    Words,
    /// The word `online`; may be left out.
    Online,
    /// `zh` or `en`.
    Lang,
    /// A command to be explained; may be left out.
    Query,
    /// The word `stay_out`; may be left out.
    StayOut,
}

impl Typed {
    /// Whether the line is refused without it.
    pub fn is_required(self) -> bool {
        let is_optional = matches!(
            self,
            Typed::Password | Typed::Count | Typed::Online | Typed::Query | Typed::StayOut
        );
        !is_optional
    }
}

/// A list whose numbers stand for groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupList {
    /// `groups`.
    Mine,
    /// `allgroup`.
    All,
}

impl GroupList {
    /// The request for the list.
    pub fn request(self) -> MessageType {
        match self {
            GroupList::Mine => MessageType::Groups,
            GroupList::All => MessageType::Allgroup,
        }
    }

    /// The list that a request asks for, if it asks for one.
    pub fn of(kind: MessageType) -> Option<GroupList> {
        [GroupList::Mine, GroupList::All].into_iter().find(|list| list.request() == kind)
    }
}

/// The arguments that a field is read from.
macro_rules! names_of {
    ($field:ident) => { &[Name::$field] };
    ($field:ident $($name:ident)+) => { &[$(Name::$name),+] };
}

macro_rules! commands {
    ($(
        $(#[doc = $doc:literal])*
        $kind:ident $(<$life:lifetime>)? = $name:literal $(| $older:literal)*, $role:ident {
            $($field:ident $(($($part:ident),+))?: $type:ty
                $(= $($typed:ident $(($list:ident))?)+)?,)*
        } $($also:literal)* $(, $english:literal, $chinese:literal)?;
    )+) => {
        /// The type of a request.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum MessageType {
            $($(#[doc = $doc])* $(#[doc = $english])? $kind,)+
        }

        impl MessageType {
            /// Every type, in the order of [`COMMANDS`].
            pub const ALL: &[MessageType] = &[$(MessageType::$kind,)+];

            /// The name on the wire.
            pub fn name(self) -> &'static str {
                Command::of(self).name
            }

            /// The type of that name, or of the name that an older client has for it.
            pub fn from_name(name: &str) -> Option<MessageType> {
                match name {
                    $($name $(| $older)* => Some(MessageType::$kind),)+
                    _ => None,
                }
            }
        }

        /// Every request: row for row the variants of [`MessageType`].
        pub static COMMANDS: &[Command] = &[$(Command {
            kind: Some(MessageType::$kind),
            name: $name,
            role: Role::$role,
            arguments: $kind::FIELDS,
            typed: &[$($($(Typed::$typed $((GroupList::$list))?,)+)?)*],
            also: &[$($also,)*],
            help: commands!(@help $($english, $chinese)?),
        },)+];

        $(
            $(#[doc = $doc])* $(#[doc = $english])?
            #[allow(missing_docs)]
            pub struct $kind $(<$life>)? {
                $(pub $field: $type,)*
            }

            impl $(<$life>)? $kind $(<$life>)? {
                const FIELDS: &'static [Field] = &[$(Field {
                    names: names_of!($field $($($part)+)?),
                    is_required: <$type as Argument>::IS_REQUIRED,
                },)*];

                /// The request's arguments.
                ///
                /// # Errors
                /// The first that is missing, of the wrong kind or out of range.
                pub fn from_args(_args: &$($life)? Args) -> Result<Self, Refusal> {
                    Ok(Self {
                        $($field: Argument::read(_args, names_of!($field $($($part)+)?)[0])?,)*
                    })
                }
            }
        )+
    };
    (@help) => { None };
    (@help $english:literal, $chinese:literal) => { Some(($english, $chinese)) };
}

commands! {
    /// Nothing but an answer.
    Ping = "ping", Anyone {};
    Reg<'a> = "reg", Guest {
        username: &'a str = User,
        password: &'a str,
        invite: Option<&'a str>,
    } "register" "注册", "register; the password is asked for twice", "注册；会两次询问密码";
    Login<'a> = "login", Guest {
        username: &'a str = User,
        password: &'a str = Password,
        ack: bool,
    } "登录",
    "sign in; the password is asked for if it is left out", "登录；省略密码时会询问";
    /// Sign in with the key of the last sign-in.
    Resume<'a> = "resume", Guest {
        auth_token: Option<&'a str>,
        ack: bool,
    };
    Logout = "logout", Member {} "登出" "退出登录", "sign out", "退出登录";
    Passwd<'a> = "passwd", Member {
        password: &'a str,
        newpassword: &'a str,
    } "修改密码" "改密码",
    "change the password; the old and the new one are asked for", "修改密码；会询问旧密码和新密码";
    Whoami = "whoami", Member {} "我是谁", "show who is signed in here", "查看当前登录的用户";
    Lang<'a> = "lang", Member {
        lang: &'a str = Lang,
    } "语言", "switch the language to Chinese or English", "切换语言：中文或英文";
    Help<'a> = "help", Member {
        query: Option<&'a str> = Query,
    } "帮助", "explain the commands, or one of them", "查看全部命令或某个命令的说明";
    /// Everything pushed up to a seq has arrived.
    Ack = "ack", Member {
        seq: Seq,
    };

    Add<'a> = "add" | "add_friend", Member {
        username: &'a str = User,
    } "加好友" "添加好友", "add a friend", "添加好友";
    Accept<'a> = "accept" | "accept_friend", Member {
        username: &'a str = User,
    } "同意" "接受", "accept a friend request", "同意好友申请";
    Reject<'a> = "reject", Member {
        username: &'a str = User,
    } "拒绝", "decline a friend request", "拒绝好友申请";
    Del<'a> = "del", Member {
        username: &'a str = User,
    } "删好友" "删除好友", "remove a friend", "删除好友";
    Friends = "friends" | "myfriends", Member {
        after: PageStart,
    } "好友" "好友列表", "list the friends, and who is online", "列出好友及其在线状态";

    Send<'a> = "send", Member {
        username: &'a str = User,
        message: MessageText<'a> = Text,
        mid: Option<Mid<'a>>,
    } "私聊" "发消息", "send a message to a friend", "给好友发消息";
    Sendgroup<'a> = "sendgroup", Member {
        group (groupname, creator, group_id): NamedGroup<'a> = GroupNumber(Mine),
        message: MessageText<'a> = Text,
        mid: Option<Mid<'a>>,
    } "群发" "群聊",
    "send a message to the group of this number in groups", "向群发消息，编号见 groups";
    History<'a> = "history", Member {
        conversation (username, groupname, creator, group_id): NamedConversation<'a> = Conversation,
        count: Rows = Count,
        side (before, after): Side,
    } "历史" "历史消息",
    "show the last messages with a user (@NAME if the name is a number) or in a group",
    "查看与某用户（名字是数字时写 @名字）或某群最近的消息";
    Search<'a> = "search", Member {
        query: &'a str = Words,
        count: Rows,
        before: Option<Seq>,
    } "搜索" "查找",
    "search all your conversations for messages with these words", "在自己的所有会话中搜索消息";

    /// What this session is told of others.
    Watch = "watch", Member {
        presence: bool,
        receipts: bool,
    };
    /// A conversation was read up to a seq.
    Read<'a> = "read", Member {
        seq: Seq,
        conversation (username, groupname, creator, group_id): Option<NamedConversation<'a>>,
    };
    /// Who has received and read a message of one's own.
    Receipts = "receipts", Member {
        seq: Seq,
    };

    Newgroup<'a> = "newgroup", Member {
        groupname: &'a str = NewGroup,
    } "建群" "新建群", "create a group", "新建群";
    Delgroup<'a> = "delgroup", Member {
        group (groupname, creator, group_id): NamedGroup<'a> = Group,
    } "解散群" "删群", "delete a group of your own", "删除自己的群";
    Addgroupuser<'a> = "addgroupuser", Member {
        group (groupname, creator, group_id): NamedGroup<'a> = Group,
        username: &'a str = User,
    } "拉人" "加群成员", "add a user to a group of your own", "把用户加入自己的群";
    Delgroupuser<'a> = "delgroupuser", Member {
        group (groupname, creator, group_id): NamedGroup<'a> = Group,
        username: &'a str = User,
    } "踢人" "删群成员", "remove a user from a group of your own", "把用户移出自己的群";
    Leavegroup<'a> = "leavegroup", Member {
        group (groupname, creator, group_id): NamedGroup<'a> = JoinedGroup,
        stay_out: Option<bool> = StayOut,
    } "退群",
    "leave a group; with stay_out, its owner cannot add you again",
    "退出群；加 stay_out 则他人无法再将您加入";
    Groups = "groups", Member {
        after: PageStart,
    } "群列表" "我的群", "list the groups you are in, with their numbers", "列出所在的群及其编号";
    Groupusers<'a> = "groupusers", Member {
        group (groupname, creator, group_id): NamedGroup<'a> = JoinedGroup,
        after: PageStart,
    } "群成员", "list the members of a group, and who is online", "列出群成员及其在线状态";

    Allusers = "allusers", Admin {
        online: bool = Online,
        after: PageStart,
    } "所有用户" "用户列表", "list every user, or only those online", "列出所有用户，或仅在线用户";
    Online = "online", Admin {
        after: PageStart,
    } "在线用户" "在线", "list every user who is online", "列出在线用户";
    Allgroup = "allgroup", Admin {
        after: PageStart,
    } "所有群", "list every group, with its number", "列出所有群及其编号";
    Adminsend<'a> = "adminsend", Admin {
        username: &'a str = User,
        message: MessageText<'a> = Text,
        mid: Option<Mid<'a>>,
    } "系统私聊", "send a system message to anyone", "给任何用户发系统消息";
    Adminsendgroup<'a> = "adminsendgroup", Admin {
        group (groupname, creator, group_id): NamedGroup<'a> = GroupNumber(All),
        message: MessageText<'a> = Text,
        mid: Option<Mid<'a>>,
    } "系统群发",
    "send a system message to the group of this number in allgroup",
    "向群发系统消息，编号见 allgroup";
    Broadcast<'a> = "broadcast", Admin {
        message: MessageText<'a> = Text,
        mid: Option<Mid<'a>>,
    } "广播", "send a system message to every user", "给所有用户发系统消息";
    Blockuser<'a> = "blockuser" | "ban_user", Admin {
        username: &'a str = User,
    } "封禁", "sign a user out and refuse their sign-ins", "封禁用户：立即下线并禁止登录";
    Unblockuser<'a> = "unblockuser" | "permit_user", Admin {
        username: &'a str = User,
    } "解禁" "解封", "let a user sign in again", "解封用户";
    Blockgroup<'a> = "blockgroup", Admin {
        group (groupname, creator, group_id): AnyonesGroup<'a> = Creator GroupName,
    } "封群", "block a group: no one can send to it", "封禁群：任何人不能在群里发消息";
    Unblockgroup<'a> = "unblockgroup", Admin {
        group (groupname, creator, group_id): AnyonesGroup<'a> = Creator GroupName,
    } "解封群", "unblock a group: its members can send to it again", "解封群";
    Stats = "stats", Admin {} "统计" "状态", "show how the server is doing", "查看服务器运行情况";
    Audit = "audit", Admin {
        after: PageStart,
    } "审计" "操作记录", "list what administrators did, the newest first", "列出管理员的操作，最新的在前";

    /// Make a user an administrator.
    Grant<'a> = "grant", Operator {
        username: &'a str,
    };
    /// Make an administrator a user.
    Revoke<'a> = "revoke", Operator {
        username: &'a str,
    };
    /// Give a user a new password.
    Setpasswd<'a> = "setpasswd", Operator {
        username: &'a str,
        password: &'a str,
    };
    /// Leave the database's file as it is, to copy it.
    Backup = "backup", Operator {};
    /// The database's file is copied.
    Release = "release", Operator {};
    /// What this server runs with.
    Config = "config", Operator {};
    /// List the connections, and why they rest.
    Connections = "connections", Operator {
        after: PageStart,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_told_what_they_can_type_and_nothing_else() {
        let told = usable(false);
        assert!(["search", "send", "help"].iter().all(|command| told.contains(command)));
        let untold = ["ack", "watch", "read", "receipts", "stats", "reg", "quit"];
        assert!(untold.iter().all(|command| !told.contains(command)));
        assert!(usable(true).contains(&"stats"));
    }

    #[test]
    fn every_type_is_found_by_its_name() {
        for (&kind, command) in MessageType::ALL.iter().zip(COMMANDS) {
            assert_eq!(command.kind, Some(kind));
            assert_eq!(MessageType::from_name(kind.name()), Some(kind));
        }
        assert_eq!(MessageType::from_name("ban_user"), Some(MessageType::Blockuser));
        assert_eq!(MessageType::from_name("nonsense"), None);
    }
}
