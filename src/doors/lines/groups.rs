//! Which group a number stands for: the numbers of the list that was shown last.
//!
//! A number keeps its meaning until the list is shown again. A list that was fetched for one line
//! alone, and not shown, is forgotten after that line.

use serde_json::Value;

use crate::limits::LINE_GROUPS_MAX;
use crate::wire::command::GroupList;
use crate::wire::typed::GroupRef;

/// The numbers of both lists.
#[derive(Default)]
pub struct Groups([Option<Vec<GroupRef>>; 2]);

impl Groups {
    /// A page of a list has come; the first one begins the list anew.
    pub fn page(&mut self, list: GroupList, data: &Value, is_first: bool) {
        let kept = &mut self.0[list as usize];
        if is_first {
            *kept = None;
        }
        let kept = kept.get_or_insert_default();
        let text = |group: &Value, key: &str| group[key].as_str().unwrap_or_default().to_owned();
        let room = LINE_GROUPS_MAX.saturating_sub(kept.len());
        let groups = data["groups"].as_array().into_iter().flatten().take(room);
        kept.extend(groups.map(|group| GroupRef {
            creator: text(group, "creator"),
            groupname: text(group, "groupname"),
            group_id: group["group_id"].as_i64(),
        }));
    }

    /// The list was not shown: its numbers mean nothing to the peer.
    pub fn forget(&mut self, list: GroupList) {
        self.0[list as usize] = None;
    }

    /// The group of that number, counted from 1.
    pub fn group(&self, list: GroupList, number: usize) -> Option<GroupRef> {
        self.0[list as usize].as_ref()?.get(number.checked_sub(1)?).cloned()
    }

    /// Whether there is such a list.
    pub fn has(&self, list: GroupList) -> bool {
        self.0[list as usize].is_some()
    }
}
