//! Memberships end at a seq of the log, and one in which nothing was said is not kept: this needs
//! both people and the log.

use std::collections::HashMap;

use rusqlite::params;

use super::{Result, Sql, Store, numbered};
use crate::id::{GroupId, UserId};
use crate::limits::UPGRADED_MEMBERSHIPS_PER_COMMIT;
use crate::people::Ended;

impl Store {
    /// Takes a user out of a group: they see nothing that is appended from here on. False if
    /// they were not in it.
    pub fn leave(&mut self, group: GroupId, user: UserId) -> Result<bool> {
        let Some(from) = self.people().visible_from(group, user)? else { return Ok(false) };
        let to = self.head().next().0;
        let is_kept = from < to
            && (self.log_mut().is_anything_in(group, (from, to))?
                || !self.people().has_other_past(group, user, to)?);
        self.people_mut().leave(group, user, is_kept.then_some((from, to)))?;
        Ok(true)
    }

    const MANY_MEMBERSHIPS: Sql = "SELECT count(*) FROM meta WHERE name = 'memberships'";
    numbered! { 21 NO_MORE_MEMBERSHIPS = "DELETE FROM meta WHERE name = 'memberships'" }
    /// Earlier versions kept every membership, whatever was said in it. Of a database that an
    /// upgrade has marked, those that tell nothing are forgotten, some with each transaction; what
    /// a crash leaves is done at the next start. Stands between transactions.
    pub(super) fn forget_empty_memberships(&mut self) -> Result<()> {
        if self.db.count(Self::MANY_MEMBERSHIPS, ())? == 0 {
            return Ok(());
        }
        let mut last = None;
        // What the tail has of each group: to walk its chain for each membership would take long.
        let mut in_tail: HashMap<GroupId, Vec<i64>> = HashMap::new();
        loop {
            let page = self.people().ended_page(last, UPGRADED_MEMBERSHIPS_PER_COMMIT)?;
            self.begin()?;
            for ended in &page {
                self.forget_if_empty(*ended, &mut in_tail)?;
            }
            last = page.last().copied();
            if last.is_none() {
                self.db.write(&Self::NO_MORE_MEMBERSHIPS, params![])?;
            }
            self.commit(())?;
            if last.is_none() {
                return Ok(());
            }
        }
    }

    fn forget_if_empty(
        &mut self,
        ended: Ended,
        in_tail: &mut HashMap<GroupId, Vec<i64>>,
    ) -> Result<()> {
        let Ended { user, group, from, to } = ended;
        let log = self.log_mut();
        let sealed = log.first_unsealed();
        let seqs = in_tail.entry(group).or_insert_with(|| log.unsealed_of(group));
        let count_from = |seq: i64| seqs.partition_point(|said| *said >= seq);
        let said = count_from(from) > count_from(to)
            || self.log_mut().is_anything_in(group, (from, to.min(sealed)))?;
        if !said && self.people().has_other_past(group, user, to)? {
            self.people_mut().forget_ended(ended)?;
        }
        Ok(())
    }
}
