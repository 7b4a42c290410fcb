//! Accounts: names, passwords, login keys, who is blocked and who is an administrator.
//!
//! Names arrive folded ([`Name`]) and passwords in their stored form; of a login key only the
//! SHA-256 arrives. What is compared in constant time elsewhere is only looked up here: the
//! hash of a 32-byte random key gives nothing away by how long its look-up takes.

use std::sync::Arc;

use rusqlite::params;

use super::addressees::Addressee;
use super::user::user_of;
use super::{KeyOwner, PeopleMut, PeopleRef, Result, Sql, User, numbered};
use crate::id::UserId;
use crate::limits::{KEY_TOUCH_SECONDS, LOGIN_LOG_ROWS};
use crate::names::Name;

impl PeopleRef<'_> {
    const USER: Sql = "SELECT userid, username, userstatus, isadmin FROM users WHERE userid = ?1";
    /// The user of that id.
    pub fn user(&self, id: UserId) -> Result<Option<User>> {
        self.db.row(Self::USER, [id.0], user_of)
    }

    const USER_BY_KEY: Sql =
        "SELECT userid, username, userstatus, isadmin FROM users WHERE namekey = ?1";
    /// The user whose name has that key.
    pub fn user_by_key(&self, namekey: &str) -> Result<Option<User>> {
        self.db.row(Self::USER_BY_KEY, [namekey], user_of)
    }

    const USERNAME: Sql = "SELECT username FROM users WHERE userid = ?1";
    /// The name of the user of that id.
    pub fn username(&self, id: UserId) -> Result<Option<String>> {
        self.db.row(Self::USERNAME, [id.0], |row| row.get(0))
    }

    const REGISTERED: Sql = "SELECT createtime FROM users WHERE userid = ?1";
    /// When a user registered, in unix seconds.
    pub fn registered(&self, id: UserId) -> Result<Option<i64>> {
        self.db.row(Self::REGISTERED, [id.0], |row| row.get(0))
    }

    const CREDENTIALS: Sql = "SELECT userid, userpassword FROM users WHERE namekey = ?1";
    /// The user whose name has that key, and the stored form of the password.
    pub fn credentials(&self, namekey: &str) -> Result<Option<(UserId, String)>> {
        self.db.row(Self::CREDENTIALS, [namekey], |row| Ok((UserId(row.get(0)?), row.get(1)?)))
    }

    const SIGN_IN_ADDRESSES: Sql = "SELECT lastloginip FROM user_login_log WHERE userid = ?1";
    /// From where a user signed in with a password, as far as that is kept.
    pub fn sign_in_addresses(&self, id: UserId) -> Result<Vec<String>> {
        self.db.rows(Self::SIGN_IN_ADDRESSES, [id.0], |row| row.get(0))
    }

    const PASSWORD: Sql = "SELECT userpassword FROM users WHERE userid = ?1";
    /// The stored form of a user's password.
    pub fn password(&self, id: UserId) -> Result<Option<String>> {
        self.db.row(Self::PASSWORD, [id.0], |row| row.get(0))
    }

    const KEY_OWNER: Sql =
        "SELECT userid, username, userstatus, isadmin, keycreated, keyused FROM users
        WHERE authtoken = ?1";
    /// Whose login key has that SHA-256, however old the key is.
    pub fn key_owner(&self, hash: &[u8; 32]) -> Result<Option<KeyOwner>> {
        self.db.row(Self::KEY_OWNER, [&hash[..]], |row| {
            Ok(KeyOwner { user: user_of(row)?, created: row.get(4)?, used: row.get(5)? })
        })
    }

    const USERS_PAGE: Sql = "SELECT userid, username, userstatus, isadmin FROM users
        WHERE userid > ?1 ORDER BY userid LIMIT ?2";
    /// At most `rows` users with an id after `after`, by id.
    pub fn users_page(&self, after: UserId, rows: usize) -> Result<Vec<User>> {
        self.db.rows(Self::USERS_PAGE, (after.0, rows as i64), user_of)
    }
}

impl PeopleMut<'_> {
    const ADDRESSEE: Sql = "SELECT o.userid, o.username, o.userstatus, o.isadmin,
            EXISTS (SELECT 1 FROM friends WHERE userid = ?2 AND friendid = o.userid),
            (SELECT username FROM users WHERE userid = ?2)
        FROM users o WHERE o.namekey = ?1";
    /// The user whose name has that key, as `sender` writes to them.
    pub fn addressee(&mut self, sender: UserId, namekey: &str) -> Result<Option<Arc<Addressee>>> {
        let changes = self.db.people_changes();
        if let Some(addressee) = self.people.addressees.get(sender, namekey, changes) {
            return Ok(Some(addressee.clone()));
        }
        let found = self.db.row(Self::ADDRESSEE, (namekey, sender.0), |row| {
            let (is_friend, sender_name) = (row.get(4)?, row.get(5)?);
            Ok(Addressee { user: user_of(row)?, is_friend, sender_name })
        })?;
        let found = found.map(Arc::new);
        if let Some(addressee) = found.as_ref().filter(|addressee| addressee.is_friend) {
            self.people.addressees.keep(sender, namekey, addressee.clone(), changes);
        }
        Ok(found)
    }

    numbered! { 1 ADD_USER of people = "INSERT INTO users
        (username, namekey, userpassword, createtime, isadmin)
        VALUES (?1, ?2, ?3, ?4, ?5)" }
    numbered! { 2 ADD_CURSOR = "INSERT INTO cursors (userid, seq) VALUES (?1, ?2)" }
    /// Registers a user, who starts at the log's head: what was said before is not for them.
    /// `password` is the stored form. The name must be free.
    pub fn add_user(
        &mut self,
        name: &Name,
        password: &str,
        admin: bool,
        unix: i64,
    ) -> Result<UserId> {
        let user = params![name.text, name.key, password, unix, admin];
        let id = UserId(self.db.insert(&Self::ADD_USER, user)?);
        self.db.write(&Self::ADD_CURSOR, params![id.0, self.head.0])?;
        self.people.marks.now.users += 1;
        Ok(id)
    }

    numbered! { 3 SET_PASSWORD of people = "UPDATE users SET userpassword = ?2 WHERE userid = ?1" }
    /// Replaces the stored form of a user's password.
    pub fn set_password(&mut self, id: UserId, password: &str) -> Result<()> {
        self.db.write(&Self::SET_PASSWORD, params![id.0, password])
    }

    numbered! { 4 SET_KEY of people = "UPDATE users
    SET authtoken = ?2, keycreated = ?3, keyused = coalesce(?3, keyused) WHERE userid = ?1" }
    /// Gives a user a new login key, by its SHA-256; `None` revokes the one they have.
    pub fn set_key(&mut self, id: UserId, hash: Option<&[u8; 32]>, unix: i64) -> Result<()> {
        let made = hash.map(|_| unix);
        self.db.write(&Self::SET_KEY, params![id.0, hash.map(|hash| &hash[..]), made])
    }

    numbered! { 5 TOUCH_KEY of people = "UPDATE users SET keyused = ?2
    WHERE userid = ?1 AND keyused <= ?3" }
    /// Notes that a user's login key is in use: once in [`KEY_TOUCH_SECONDS`] is enough.
    pub fn touch_key(&mut self, id: UserId, unix: i64) -> Result<()> {
        self.db.write(&Self::TOUCH_KEY, params![id.0, unix, unix - KEY_TOUCH_SECONDS])
    }

    numbered! { 6 LOG_SIGN_IN = "INSERT INTO user_login_log
    (userid, username, lastlogintime, lastloginip) VALUES (?1, ?2, ?3, ?4)" }
    numbered! { 7 FORGET_SIGN_INS = "DELETE FROM user_login_log WHERE userid = ?1 AND id <=
    (SELECT id FROM user_login_log WHERE userid = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)" }
    /// Notes a sign-in with a password, and forgets the user's oldest beyond
    /// [`LOGIN_LOG_ROWS`].
    pub fn log_sign_in(&mut self, user: &User, unix: i64, ip: &str) -> Result<()> {
        self.db.write(&Self::LOG_SIGN_IN, params![user.id.0, &user.name, unix, ip])?;
        self.db.write(&Self::FORGET_SIGN_INS, params![user.id.0, LOGIN_LOG_ROWS as i64])
    }

    numbered! { 8 SET_STATUS of people = "UPDATE users SET userstatus = ?2 WHERE userid = ?1" }
    /// Blocks or unblocks a user.
    pub fn set_blocked(&mut self, id: UserId, blocked: bool) -> Result<()> {
        self.db.write(&Self::SET_STATUS, params![id.0, !blocked])
    }

    numbered! { 9 SET_ADMIN of people = "UPDATE users SET isadmin = ?2 WHERE userid = ?1" }
    /// Makes a user an administrator, or no longer one.
    pub fn set_admin(&mut self, id: UserId, admin: bool) -> Result<()> {
        self.db.write(&Self::SET_ADMIN, params![id.0, admin])
    }
}

#[cfg(test)]
mod tests;
