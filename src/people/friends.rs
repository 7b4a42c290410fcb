//! Friendships, and the requests for them.
//!
//! A friendship is two rows, one for each side, written and deleted together. A request is one row,
//! from the user who asks to the user who is asked; there are requests only while friend approval
//! is on.

use rusqlite::{Row, params};

use super::{PeopleMut, PeopleRef, Result, Sql, numbered};
use crate::id::UserId;

/// A user, and their name as shown.
type Named = (UserId, String);

impl PeopleRef<'_> {
    const ARE_FRIENDS: Sql = "SELECT 1 FROM friends WHERE userid = ?1 AND friendid = ?2";
    /// Whether two users are friends.
    pub fn are_friends(&self, a: UserId, b: UserId) -> Result<bool> {
        self.db.exists(Self::ARE_FRIENDS, (a.0, b.0))
    }

    const FRIEND_COUNT: Sql = "SELECT count(*) FROM friends WHERE userid = ?1";
    /// How many friends a user has.
    pub fn friend_count(&self, id: UserId) -> Result<u64> {
        self.db.count(Self::FRIEND_COUNT, [id.0])
    }

    const FRIENDS_PAGE: Sql = "SELECT f.friendid, u.username
        FROM friends f JOIN users u ON u.userid = f.friendid
        WHERE f.userid = ?1 AND f.friendid > ?2 ORDER BY f.friendid LIMIT ?3";
    /// At most `rows` friends of a user with an id after `after`, by id.
    pub fn friends_page(&self, id: UserId, after: UserId, rows: usize) -> Result<Vec<Named>> {
        self.db.rows(Self::FRIENDS_PAGE, (id.0, after.0, rows as i64), named)
    }

    const HAS_REQUEST: Sql = "SELECT 1 FROM friend_requests WHERE toid = ?2 AND fromid = ?1";
    /// Whether `from` waits for the answer of `to`.
    pub fn has_request(&self, from: UserId, to: UserId) -> Result<bool> {
        self.db.exists(Self::HAS_REQUEST, (from.0, to.0))
    }

    const REQUESTS_TO: Sql = "SELECT r.fromid, u.username
        FROM friend_requests r JOIN users u ON u.userid = r.fromid
        WHERE r.toid = ?1 AND r.fromid > ?2 ORDER BY r.fromid LIMIT ?3";
    /// At most `rows` users with an id after `after` who wait for the answer of `id`, by id.
    pub fn requests_to(&self, id: UserId, after: UserId, rows: usize) -> Result<Vec<Named>> {
        self.db.rows(Self::REQUESTS_TO, (id.0, after.0, rows as i64), named)
    }
}

fn named(row: &Row) -> rusqlite::Result<Named> {
    Ok((UserId(row.get(0)?), row.get(1)?))
}

impl PeopleMut<'_> {
    numbered! { 10 BEFRIEND of people = "INSERT INTO friends (userid, friendid)
    VALUES (?1, ?2), (?2, ?1) ON CONFLICT DO NOTHING" }
    /// Makes two users friends.
    pub fn befriend(&mut self, a: UserId, b: UserId) -> Result<()> {
        self.db.write(&Self::BEFRIEND, params![a.0, b.0])
    }

    numbered! { 11 UNFRIEND of people = "DELETE FROM friends WHERE userid = ?1 AND friendid = ?2" }
    /// Ends the friendship of two users.
    pub fn unfriend(&mut self, a: UserId, b: UserId) -> Result<()> {
        self.db.write(&Self::UNFRIEND, params![a.0, b.0])?;
        self.db.write(&Self::UNFRIEND, params![b.0, a.0])
    }

    numbered! { 12 ADD_REQUEST = "INSERT INTO friend_requests (toid, fromid, createtime)
    VALUES (?2, ?1, ?3) ON CONFLICT DO NOTHING" }
    /// Leaves a request of `from` for `to`.
    pub fn add_request(&mut self, from: UserId, to: UserId, unix: i64) -> Result<()> {
        self.db.write(&Self::ADD_REQUEST, params![from.0, to.0, unix])
    }

    numbered! { 13 REMOVE_REQUEST = "DELETE FROM friend_requests
    WHERE toid = ?2 AND fromid = ?1" }
    /// Takes the request of `from` for `to` away; false if there was none.
    pub fn remove_request(&mut self, from: UserId, to: UserId) -> Result<bool> {
        Ok(self.db.run(&Self::REMOVE_REQUEST, params![from.0, to.0])? == 1)
    }
}
