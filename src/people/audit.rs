//! The audit: what administrators and the operator did, the newest [`AUDIT_ROWS_MAX`] acts.

use rusqlite::params;

use super::{PeopleMut, PeopleRef, Result, Sql, numbered};
use crate::id::UserId;
use crate::limits::AUDIT_ROWS_MAX;

/// An act of an administrator or of the operator.
#[derive(Clone, Debug)]
pub struct Act {
    /// Its id: a later act has a greater one.
    pub id: i64,
    /// When, in unix seconds.
    pub unix: i64,
    /// The administrator's name; `None`: the operator.
    pub admin: Option<String>,
    /// The type of the request.
    pub act: String,
    /// The user or the group to which it was done.
    pub about: Option<String>,
    /// The peer's address.
    pub address: String,
}

impl PeopleRef<'_> {
    const ACTS: Sql = "SELECT id, at, username, act, about, address
        FROM audit LEFT JOIN users USING (userid) WHERE id < ?1 ORDER BY id DESC LIMIT ?2";
    /// At most `rows` acts before that id, the newest first.
    pub fn acts_before(&self, id: i64, rows: usize) -> Result<Vec<Act>> {
        self.db.rows(Self::ACTS, (id, rows as i64), |row| {
            Ok(Act {
                id: row.get(0)?,
                unix: row.get(1)?,
                admin: row.get(2)?,
                act: row.get(3)?,
                about: row.get(4)?,
                address: row.get(5)?,
            })
        })
    }
}

impl PeopleMut<'_> {
    numbered! { 45 RECORD_ACT = "INSERT INTO audit (userid, at, act, about, address)
    VALUES (?1, ?2, ?3, ?4, ?5)" }
    numbered! { 46 FORGET_ACTS = "DELETE FROM audit WHERE id <= ?1" }
    numbered! { 47 FORGET_OLDEST_ACT = "DELETE FROM audit WHERE id = (SELECT min(id) FROM audit)" }
    /// Records an act of an administrator, or of the operator, and forgets the oldest. In the place
    /// of the oldest where `is_short`: on a full disk an administrator can still act.
    pub fn record_act(
        &mut self,
        is_short: bool,
        admin: Option<UserId>,
        unix: i64,
        act: &str,
        about: Option<&str>,
        address: &str,
    ) -> Result<()> {
        if is_short {
            self.db.write(&Self::FORGET_OLDEST_ACT, params![])?;
        }
        let values = params![admin.map(|admin| admin.0), unix, act, about, address];
        let id = self.db.insert(&Self::RECORD_ACT, values)?;
        self.db.write(&Self::FORGET_ACTS, params![id - AUDIT_ROWS_MAX])
    }
}
