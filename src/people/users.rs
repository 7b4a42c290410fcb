//! Accounts: names, passwords, login keys, who is blocked and who is an administrator.
//!
//! Names arrive folded ([`Name`]) and passwords in their stored form; of a login key only the
//! SHA-256 arrives. What is compared in constant time elsewhere is only looked up here: the
//! hash of a 32-byte random key gives nothing away by how long its look-up takes.

use std::fmt;

use rusqlite::Row;

use super::{Result, Sql, Store};
use crate::id::UserId;
use crate::limits::{KEY_TOUCH_SECONDS, LOGIN_LOG_ROWS};
use crate::names::Name;

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

/// What a sign-in with a password is checked against.
#[derive(Clone)]
pub struct Credentials {
    /// Who would be signed in.
    pub user: User,
    /// The stored form of the password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
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

impl Store {
    const ADD_USER: Sql = "INSERT INTO users (username, namekey, userpassword, createtime, isadmin)
        VALUES (?1, ?2, ?3, ?4, ?5)";
    const ADD_CURSOR: Sql = "INSERT INTO cursors (userid, seq) VALUES (?1, ?2)";
    /// Registers a user, who starts at the log's head: what was said before is not for them.
    /// `password` is the stored form. The name must be free.
    pub fn add_user(
        &mut self,
        name: &Name,
        password: &str,
        admin: bool,
        unix: i64,
    ) -> Result<UserId> {
        self.write(Self::ADD_USER, (&name.text, &name.key, password, unix, admin))?;
        let id = UserId(self.db.last_insert_rowid());
        self.write(Self::ADD_CURSOR, (id.0, self.head().0))?;
        self.now.users += 1;
        Ok(id)
    }

    const USER: Sql = "SELECT userid, username, userstatus, isadmin FROM users WHERE userid = ?1";
    /// The user of that id.
    pub fn user(&self, id: UserId) -> Result<Option<User>> {
        self.row(Self::USER, [id.0], user_of)
    }

    const USER_BY_KEY: Sql =
        "SELECT userid, username, userstatus, isadmin FROM users WHERE namekey = ?1";
    /// The user whose name has that key.
    pub fn user_by_key(&self, namekey: &str) -> Result<Option<User>> {
        self.row(Self::USER_BY_KEY, [namekey], user_of)
    }

    const USERNAME: Sql = "SELECT username FROM users WHERE userid = ?1";
    /// The name of the user of that id.
    pub fn username(&self, id: UserId) -> Result<Option<String>> {
        self.row(Self::USERNAME, [id.0], |row| row.get(0))
    }

    const CREDENTIALS: Sql = "SELECT userid, username, userstatus, isadmin, userpassword FROM users
        WHERE namekey = ?1";
    /// What a sign-in by that name is checked against.
    pub fn credentials(&self, namekey: &str) -> Result<Option<Credentials>> {
        self.row(Self::CREDENTIALS, [namekey], |row| {
            Ok(Credentials { user: user_of(row)?, password: row.get(4)? })
        })
    }

    const SIGN_IN_ADDRESSES: Sql = "SELECT lastloginip FROM user_login_log WHERE userid = ?1";
    /// From where a user signed in with a password, as far as that is kept.
    pub fn sign_in_addresses(&self, id: UserId) -> Result<Vec<String>> {
        self.rows(Self::SIGN_IN_ADDRESSES, [id.0], |row| row.get(0))
    }

    const PASSWORD: Sql = "SELECT userpassword FROM users WHERE userid = ?1";
    /// The stored form of a user's password.
    pub fn password(&self, id: UserId) -> Result<Option<String>> {
        self.row(Self::PASSWORD, [id.0], |row| row.get(0))
    }

    const SET_PASSWORD: Sql = "UPDATE users SET userpassword = ?2 WHERE userid = ?1";
    /// Replaces the stored form of a user's password.
    pub fn set_password(&mut self, id: UserId, password: &str) -> Result<()> {
        self.write(Self::SET_PASSWORD, (id.0, password))?;
        Ok(())
    }

    const SET_KEY: Sql = "UPDATE users
        SET authtoken = ?2, keycreated = ?3, keyused = coalesce(?3, keyused) WHERE userid = ?1";
    /// Gives a user a new login key, by its SHA-256; `None` revokes the one they have.
    pub fn set_key(&mut self, id: UserId, hash: Option<&[u8; 32]>, unix: i64) -> Result<()> {
        let made = hash.map(|_| unix);
        self.write(Self::SET_KEY, (id.0, hash.map(|hash| &hash[..]), made))?;
        Ok(())
    }

    const KEY_OWNER: Sql =
        "SELECT userid, username, userstatus, isadmin, keycreated, keyused FROM users
        WHERE authtoken = ?1";
    /// Whose login key has that SHA-256, however old the key is.
    pub fn key_owner(&self, hash: &[u8; 32]) -> Result<Option<KeyOwner>> {
        self.row(Self::KEY_OWNER, [&hash[..]], |row| {
            Ok(KeyOwner { user: user_of(row)?, created: row.get(4)?, used: row.get(5)? })
        })
    }

    const TOUCH_KEY: Sql = "UPDATE users SET keyused = ?2 WHERE userid = ?1 AND keyused <= ?3";
    /// Notes that a user's login key is in use: once in [`KEY_TOUCH_SECONDS`] is enough.
    pub fn touch_key(&mut self, id: UserId, unix: i64) -> Result<()> {
        self.write(Self::TOUCH_KEY, (id.0, unix, unix - KEY_TOUCH_SECONDS))?;
        Ok(())
    }

    const LOG_SIGN_IN: Sql = "INSERT INTO user_login_log
        (userid, username, lastlogintime, lastloginip) VALUES (?1, ?2, ?3, ?4)";
    const FORGET_SIGN_INS: Sql = "DELETE FROM user_login_log WHERE userid = ?1 AND id <=
        (SELECT id FROM user_login_log WHERE userid = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)";
    /// Notes a sign-in with a password, and forgets the user's oldest beyond
    /// [`LOGIN_LOG_ROWS`].
    pub fn log_sign_in(&mut self, user: &User, unix: i64, ip: &str) -> Result<()> {
        self.write(Self::LOG_SIGN_IN, (user.id.0, &user.name, unix, ip))?;
        self.write(Self::FORGET_SIGN_INS, (user.id.0, LOGIN_LOG_ROWS as i64))?;
        Ok(())
    }

    const SET_STATUS: Sql = "UPDATE users SET userstatus = ?2 WHERE userid = ?1";
    /// Blocks or unblocks a user.
    pub fn set_blocked(&mut self, id: UserId, blocked: bool) -> Result<()> {
        self.forget_addressees();
        self.write(Self::SET_STATUS, (id.0, !blocked))?;
        Ok(())
    }

    const SET_ADMIN: Sql = "UPDATE users SET isadmin = ?2 WHERE userid = ?1";
    /// Makes a user an administrator, or no longer one.
    pub fn set_admin(&mut self, id: UserId, admin: bool) -> Result<()> {
        self.forget_addressees();
        self.write(Self::SET_ADMIN, (id.0, admin))?;
        Ok(())
    }

    /// How many users there are. Kept in memory, so it costs nothing.
    pub fn user_count(&self) -> u64 {
        self.now.users
    }

    const USERS_PAGE: Sql = "SELECT userid, username, userstatus, isadmin FROM users
        WHERE userid > ?1 ORDER BY userid LIMIT ?2";
    /// At most `rows` users with an id after `after`, by id.
    pub fn users_page(&self, after: UserId, rows: usize) -> Result<Vec<User>> {
        self.rows(Self::USERS_PAGE, (after.0, rows as i64), user_of)
    }
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

#[cfg(test)]
pub(super) const SQL: &[Sql] = &[
    Store::SIGN_IN_ADDRESSES,
    Store::ADD_USER,
    Store::ADD_CURSOR,
    Store::USER,
    Store::USER_BY_KEY,
    Store::USERNAME,
    Store::CREDENTIALS,
    Store::PASSWORD,
    Store::SET_PASSWORD,
    Store::SET_KEY,
    Store::KEY_OWNER,
    Store::TOUCH_KEY,
    Store::LOG_SIGN_IN,
    Store::FORGET_SIGN_INS,
    Store::SET_STATUS,
    Store::SET_ADMIN,
    Store::USERS_PAGE,
];

#[cfg(test)]
mod tests {
    use super::super::StoreError;
    use super::super::tests::Temp;
    use super::*;
    use crate::id::{Conversation, Seq};
    use crate::store::{EntryKind, NewEntry};

    const ANN: UserId = UserId(1);

    fn name(raw: &str) -> Name {
        Name::user(raw).expect("a name")
    }

    #[test]
    fn a_user_is_found_by_id_and_by_any_spelling() {
        let mut temp = Temp::with_users(&["Ann", "bob"]);
        let ann = User { id: ANN, name: "Ann".into(), blocked: false, admin: false };
        assert_eq!(temp.store.user(ANN), Ok(Some(ann.clone())));
        assert_eq!(temp.store.user_by_key(&name("ANN").key), Ok(Some(ann.clone())));
        assert_eq!(temp.store.username(ANN), Ok(Some("Ann".into())));
        assert_eq!(temp.store.user(UserId(3)), Ok(None));
        assert_eq!(temp.store.user_by_key("Ann"), Ok(None), "keys are folded by the caller");
        temp.transact(|store| {
            store.set_blocked(ANN, true).expect("block");
            store.set_admin(ANN, true).expect("grant");
            let changed = User { blocked: true, admin: true, ..ann.clone() };
            assert_eq!(store.user(ANN), Ok(Some(changed)));
            store.set_blocked(ANN, false).expect("unblock");
            store.set_admin(ANN, false).expect("revoke");
            assert_eq!(store.user(ANN), Ok(Some(ann)));
        });
        let names = |after, rows| {
            let page = temp.store.users_page(UserId(after), rows).expect("page");
            page.into_iter().map(|user| user.name).collect::<Vec<_>>()
        };
        assert_eq!((names(0, 1), names(1, 9)), (vec!["Ann".into()], vec!["bob".into()]));
    }

    #[test]
    fn p9_a_new_user_begins_at_the_head() {
        let mut temp = Temp::with_users(&["ann"]);
        let (conversation, kind) = (Conversation::Everyone, EntryKind::System);
        let entry = NewEntry { conversation, sender: None, unix: 1, kind, body: "old", mid: None };
        temp.transact(|store| {
            store.append(&entry).expect("append");
            let bob = store.add_user(&name("bob"), "!", true, 1).expect("user");
            assert_eq!((bob, store.cursor(bob)), (UserId(2), Ok(Seq(1))));
            assert_eq!(store.cursor(ANN), Ok(Seq(0)));
            assert_eq!(store.user(bob).map(|user| user.is_some_and(|user| user.admin)), Ok(true));
        });
    }

    #[test]
    fn the_count_of_users_follows_a_rollback() {
        let mut temp = Temp::with_users(&["ann"]);
        let store = &mut temp.store;
        store.begin().expect("begin");
        store.savepoint().expect("savepoint");
        store.add_user(&name("bob"), "!", false, 1).expect("user");
        assert_eq!(store.user_count(), 2);
        store.rollback_to_savepoint().expect("undo");
        assert_eq!(store.user_count(), 1);
        store.add_user(&name("cem"), "!", false, 1).expect("user");
        store.rollback().expect("rollback");
        assert_eq!(store.user_count(), 1);
        assert_eq!(temp.reopen().store.user_count(), 1);
    }

    #[test]
    fn a_name_is_taken_once_and_never_null() {
        let mut temp = Temp::with_users(&["ann"]);
        temp.transact(|store| {
            let again = store.add_user(&name("ANN"), "!", false, 1);
            assert!(matches!(again, Err(StoreError::Broken(_))), "{again:?}");
        });
        for column in ["username", "namekey", "userpassword", "userstatus", "createtime"] {
            let sql = format!("UPDATE users SET {column} = NULL");
            assert!(temp.store.db.execute(&sql, ()).is_err(), "{column}");
        }
        for wrong in ["userstatus = 2", "isadmin = 'yes'", "authtoken = x'00'", "username = x'00'"]
        {
            assert!(temp.store.db.execute(&format!("UPDATE users SET {wrong}"), ()).is_err());
        }
    }

    #[test]
    fn p18_a_key_is_worth_something_until_it_is_replaced_or_revoked() {
        let mut temp = Temp::with_users(&["ann", "bob"]);
        temp.transact(|store| {
            let owner = |store: &Store, hash: [u8; 32]| store.key_owner(&hash).expect("read");
            assert_eq!(owner(store, [1; 32]), None);
            store.set_key(ANN, Some(&[1; 32]), 10).expect("key");
            let later = 10 + KEY_TOUCH_SECONDS;
            for (unix, used) in [(later - 1, 10), (later, later)] {
                store.touch_key(ANN, unix).expect("touch");
                let found = owner(store, [1; 32]).expect("the owner");
                assert_eq!((found.user.id, found.created, found.used), (ANN, 10, used));
            }
            store.set_key(ANN, Some(&[2; 32]), 30).expect("key");
            assert_eq!(owner(store, [1; 32]), None);
            assert_eq!(owner(store, [2; 32]).map(|found| found.used), Some(30));
            store.set_key(ANN, None, 40).expect("revoke");
            store.set_key(UserId(2), None, 40).expect("two users without a key");
            assert_eq!(owner(store, [2; 32]), None);
        });
    }

    #[test]
    fn p27_credentials_do_not_show_the_password() {
        let mut temp = Temp::with_users(&["ann"]);
        temp.transact(|store| store.set_password(ANN, "password$secret").expect("set"));
        let found = temp.store.credentials("ann").expect("read").expect("user");
        assert_eq!((found.user.id, found.password.as_str()), (ANN, "password$secret"));
        assert!(!format!("{found:?}").contains("secret"));
        assert_eq!(temp.store.password(ANN), Ok(Some("password$secret".into())));
        assert!(temp.store.credentials("bob").expect("read").is_none());
    }

    #[test]
    fn p20_the_sign_in_log_keeps_the_last_hundred_of_a_user() {
        let mut temp = Temp::with_users(&["ann", "bob"]);
        let user =
            |id: i64| User { id: UserId(id), name: "x".into(), blocked: false, admin: false };
        temp.transact(|store| {
            store.log_sign_in(&user(2), 0, "::1").expect("log");
            for unix in 1..=LOGIN_LOG_ROWS as i64 + 5 {
                store.log_sign_in(&user(1), unix, "::1").expect("log");
            }
        });
        let sql = "SELECT count(*), min(lastlogintime), max(lastlogintime) FROM user_login_log
            WHERE userid = ?1";
        let kept = |id: i64| {
            let row = temp.store.db.query_row(sql, [id], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)));
            row.expect("row")
        };
        assert_eq!(kept(1), (100, 6, 105));
        assert_eq!(kept(2), (1, 0, 0));
    }
}
