//! Friendships, and the requests for them.
//!
//! A friendship is two rows, one a side, written and deleted together. A request is one row
//! from who asks to who is asked; it is there only while friend approval is on.

use super::{Result, Sql, Store};
use crate::id::UserId;

impl Store {
    const ARE_FRIENDS: Sql = "SELECT 1 FROM friends WHERE userid = ?1 AND friendid = ?2";
    /// Whether two users are friends.
    pub fn are_friends(&self, a: UserId, b: UserId) -> Result<bool> {
        Ok(self.row(Self::ARE_FRIENDS, (a.0, b.0), |_| Ok(()))?.is_some())
    }

    const FRIEND_COUNT: Sql = "SELECT count(*) FROM friends WHERE userid = ?1";
    /// How many friends a user has.
    pub fn friend_count(&self, id: UserId) -> Result<u64> {
        self.count(Self::FRIEND_COUNT, [id.0])
    }

    const BEFRIEND: Sql = "INSERT INTO friends (userid, friendid) VALUES (?1, ?2), (?2, ?1)
        ON CONFLICT DO NOTHING";
    /// Makes two users friends.
    pub fn befriend(&mut self, a: UserId, b: UserId) -> Result<()> {
        self.write(Self::BEFRIEND, (a.0, b.0))?;
        Ok(())
    }

    const UNFRIEND: Sql = "DELETE FROM friends WHERE userid = ?1 AND friendid = ?2";
    /// Ends the friendship of two users.
    pub fn unfriend(&mut self, a: UserId, b: UserId) -> Result<()> {
        self.forget_addressees();
        self.write(Self::UNFRIEND, (a.0, b.0))?;
        self.write(Self::UNFRIEND, (b.0, a.0))?;
        Ok(())
    }

    const FRIENDS_PAGE: Sql = "SELECT f.friendid, u.username
        FROM friends f JOIN users u ON u.userid = f.friendid
        WHERE f.userid = ?1 AND f.friendid > ?2 ORDER BY f.friendid LIMIT ?3";
    /// At most `rows` friends of a user with an id after `after`, by id.
    pub fn friends_page(
        &self,
        id: UserId,
        after: UserId,
        rows: usize,
    ) -> Result<Vec<(UserId, String)>> {
        self.rows(Self::FRIENDS_PAGE, (id.0, after.0, rows as i64), |row| {
            Ok((UserId(row.get(0)?), row.get(1)?))
        })
    }

    const HAS_REQUEST: Sql = "SELECT 1 FROM friend_requests WHERE toid = ?2 AND fromid = ?1";
    /// Whether `from` waits for the answer of `to`.
    pub fn has_request(&self, from: UserId, to: UserId) -> Result<bool> {
        Ok(self.row(Self::HAS_REQUEST, (from.0, to.0), |_| Ok(()))?.is_some())
    }

    const ADD_REQUEST: Sql = "INSERT INTO friend_requests (toid, fromid, createtime)
        VALUES (?2, ?1, ?3) ON CONFLICT DO NOTHING";
    /// Leaves a request of `from` for `to`.
    pub fn add_request(&mut self, from: UserId, to: UserId, unix: i64) -> Result<()> {
        self.write(Self::ADD_REQUEST, (from.0, to.0, unix))?;
        Ok(())
    }

    const REMOVE_REQUEST: Sql = "DELETE FROM friend_requests WHERE toid = ?2 AND fromid = ?1";
    /// Takes the request of `from` for `to` away; false if there was none.
    pub fn remove_request(&mut self, from: UserId, to: UserId) -> Result<bool> {
        Ok(self.write(Self::REMOVE_REQUEST, (from.0, to.0))? == 1)
    }

    const REQUESTS_TO: Sql = "SELECT r.fromid, u.username
        FROM friend_requests r JOIN users u ON u.userid = r.fromid
        WHERE r.toid = ?1 AND r.fromid > ?2 ORDER BY r.fromid LIMIT ?3";
    /// At most `rows` users with an id after `after` who wait for the answer of `id`, by id.
    pub fn requests_to(
        &self,
        id: UserId,
        after: UserId,
        rows: usize,
    ) -> Result<Vec<(UserId, String)>> {
        self.rows(Self::REQUESTS_TO, (id.0, after.0, rows as i64), |row| {
            Ok((UserId(row.get(0)?), row.get(1)?))
        })
    }
}

#[cfg(test)]
pub(super) const SQL: &[Sql] = &[
    Store::ARE_FRIENDS,
    Store::FRIEND_COUNT,
    Store::BEFRIEND,
    Store::UNFRIEND,
    Store::FRIENDS_PAGE,
    Store::HAS_REQUEST,
    Store::ADD_REQUEST,
    Store::REMOVE_REQUEST,
    Store::REQUESTS_TO,
];

#[cfg(test)]
mod tests {
    use super::super::tests::Temp;
    use super::*;

    const ANN: UserId = UserId(1);
    const BOB: UserId = UserId(2);
    const CEM: UserId = UserId(3);

    #[test]
    fn a_friendship_has_two_sides_and_one_end() {
        let mut temp = Temp::with_users(&["ann", "bob", "cem"]);
        temp.transact(|store| {
            store.befriend(ANN, CEM).expect("befriend");
            store.befriend(BOB, ANN).expect("befriend");
            store.befriend(ANN, BOB).expect("once more is harmless");
            assert_eq!(store.are_friends(ANN, BOB), Ok(true));
            assert_eq!(store.are_friends(CEM, ANN), Ok(true));
            assert_eq!(store.are_friends(BOB, CEM), Ok(false));
            assert_eq!(store.friend_count(ANN), Ok(2));
            let (bob, cem) = ((BOB, "bob".to_owned()), (CEM, "cem".to_owned()));
            assert_eq!(store.friends_page(ANN, UserId(0), 1), Ok(vec![bob]));
            assert_eq!(store.friends_page(ANN, BOB, 9), Ok(vec![cem]));
            store.unfriend(ANN, BOB).expect("unfriend");
            assert_eq!(store.are_friends(BOB, ANN), Ok(false));
            assert_eq!(store.are_friends(ANN, BOB), Ok(false));
            assert_eq!(store.friend_count(ANN), Ok(1));
        });
    }

    #[test]
    fn a_request_waits_until_it_is_answered() {
        let mut temp = Temp::with_users(&["ann", "bob", "cem"]);
        temp.transact(|store| {
            store.add_request(CEM, ANN, 1).expect("request");
            store.add_request(BOB, ANN, 1).expect("request");
            store.add_request(BOB, ANN, 2).expect("once more is harmless");
            assert_eq!(store.has_request(BOB, ANN), Ok(true));
            assert_eq!(store.has_request(ANN, BOB), Ok(false), "it has a direction");
            let (bob, cem) = ((BOB, "bob".to_owned()), (CEM, "cem".to_owned()));
            assert_eq!(store.requests_to(ANN, UserId(0), 9), Ok(vec![bob, cem]));
            assert_eq!(store.remove_request(BOB, ANN), Ok(true));
            assert_eq!(store.remove_request(BOB, ANN), Ok(false));
            assert_eq!(store.has_request(BOB, ANN), Ok(false));
        });
    }
}
