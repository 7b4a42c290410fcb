//! A user, as rows of `users` tell of them.

use rusqlite::Row;

use crate::id::UserId;

/// An account, as all may know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Its name as shown.
    pub name: String,
    /// Whether it may not sign in.
    pub blocked: bool,
    /// Whether it has the administrators' commands.
    pub admin: bool,
}

/// Whose a login key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyOwner {
    /// Its owner.
    pub user: User,
    /// When it was made, in unix seconds.
    pub created: i64,
    /// When it was last used, in unix seconds.
    pub used: i64,
}

/// The user in the first four columns of a row.
pub(super) fn user_of(row: &Row) -> rusqlite::Result<User> {
    Ok(User {
        id: UserId(row.get(0)?),
        name: row.get(1)?,
        blocked: row.get::<_, i64>(2)? == 0,
        admin: row.get(3)?,
    })
}
