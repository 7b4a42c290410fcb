//! The columns of the gate's table: who sends a request, on what connection, with which key.
//!
//! The thing that a request names is always alice's: alice herself, or her group `team`. So the
//! three callers are what the request's object makes of them: alice owns it, bob is in it, eve is
//! outside. Each of them is a user, and once more an administrator.

use std::fmt;

/// What connection the request comes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A new one; nobody is signed in on it.
    Door,
    /// The same, and the account was blocked before.
    Barred,
    /// The caller is signed in on it.
    SignedIn,
    /// They were, and signed out.
    SignedOut,
    /// They are signing in: the password is being hashed.
    AwaitsSignIn,
    /// They are changing their password: it is being hashed.
    AwaitsPasswd,
    /// They are blocked in the tick of the request.
    Blocked,
    /// They sign in elsewhere in the tick of the request.
    TakenOver,
    /// They signed in elsewhere before.
    Ended,
}

/// Which key the request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// That of the caller's last sign-in.
    Right,
    /// That of somebody else who is signed in: the administrator, so that it would be worth most.
    Foreign,
    /// That of the caller's last sign-in, 31 days ago.
    Expired,
    /// A string that was never a key.
    Malformed,
    /// Something that is not a string.
    Odd,
    /// None.
    Missing,
    /// None, for the connection is one of lines.
    Line,
}

/// What the caller is to the thing that is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// The user, or the owner of the group.
    Owner,
    /// A friend of the user, a member of the group.
    Member,
    /// Neither; but asked to be a friend.
    Outsider,
}

/// A column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Situation {
    pub state: State,
    pub key: Key,
    /// Whether the caller is an administrator.
    pub admin: bool,
    pub relation: Relation,
}

impl State {
    pub const ALL: [State; 9] = [
        State::Door,
        State::Barred,
        State::SignedIn,
        State::SignedOut,
        State::AwaitsSignIn,
        State::AwaitsPasswd,
        State::Blocked,
        State::TakenOver,
        State::Ended,
    ];

    /// Whether a request that is refused leaves the connection as it was.
    pub fn lasts(self) -> bool {
        use State::*;
        matches!(self, Door | Barred | SignedIn | SignedOut | Ended)
    }

    /// Whether the session ends before the request's turn comes.
    pub fn has_ended(self) -> bool {
        matches!(self, State::Blocked | State::TakenOver | State::Ended)
    }

    /// Whether the request waits for a password's hash.
    pub fn waits(self) -> bool {
        matches!(self, State::AwaitsSignIn | State::AwaitsPasswd)
    }
}

impl Key {
    pub const ALL: [Key; 7] =
        [Key::Right, Key::Foreign, Key::Expired, Key::Malformed, Key::Odd, Key::Missing, Key::Line];
}

impl Relation {
    /// Who has it.
    pub fn name(self) -> &'static str {
        match self {
            Relation::Owner => "alice",
            Relation::Member => "bob",
            Relation::Outsider => "eve",
        }
    }
}

/// The callers, in the order of the table.
pub const CALLERS: [(bool, Relation); 6] = [
    (false, Relation::Owner),
    (false, Relation::Member),
    (false, Relation::Outsider),
    (true, Relation::Owner),
    (true, Relation::Member),
    (true, Relation::Outsider),
];

impl Situation {
    /// Every situation of one caller that can be.
    pub fn of((admin, relation): (bool, Relation)) -> impl Iterator<Item = Situation> {
        let states = State::ALL.into_iter();
        // Administrators cannot be blocked.
        let possible =
            states.filter(move |state| !admin || !matches!(state, State::Blocked | State::Barred));
        let all = possible
            .flat_map(move |state| Key::ALL.map(|key| Situation { state, key, admin, relation }));
        // A line waits for the answer to the one before: it never meets a password being hashed.
        all.filter(|situation| situation.key != Key::Line || !situation.state.waits())
    }
}

impl fmt::Display for Situation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = if self.admin { "administrator" } else { "user" };
        write!(f, "{:?}, key {:?}, {role}, {:?}", self.state, self.key, self.relation)
    }
}
