//! Which group a number means: the last lists of `groups` and `allgroup`.
//!
//! A list that the person saw keeps its numbers until it is shown again, whatever happens to the
//! groups. A list that was only fetched, and not shown, must be up to date: it is dropped as soon
//! as the groups may have changed.

use p2sp::wire::command::GroupList;
use p2sp::wire::typed::GroupRef;
use serde_json::Value;

use super::show;

/// The numbers of both lists.
#[derive(Default)]
pub struct Numbers([Option<List>; 2]);

#[derive(Default)]
struct List {
    groups: Vec<GroupRef>,
    shown: bool,
}

impl Numbers {
    /// Adds a page of a list; the first page replaces the list.
    pub fn page(&mut self, list: GroupList, data: &Value, first: bool, shown: bool) {
        let kept = &mut self.0[list as usize];
        if first {
            *kept = Some(List { groups: Vec::new(), shown });
        }
        let groups = data["groups"].as_array().into_iter().flatten().map(|group| GroupRef {
            creator: show::text(group, "creator").to_owned(),
            groupname: show::text(group, "groupname").to_owned(),
            group_id: group["group_id"].as_i64(),
        });
        kept.get_or_insert_default().groups.extend(groups);
    }

    /// Drops lists that were not shown: groups were added or removed.
    pub fn groups_changed(&mut self) {
        for list in &mut self.0 {
            list.take_if(|list| !list.shown);
        }
    }

    /// The group of that number, counted from 1.
    pub fn group(&self, list: GroupList, number: usize) -> Option<GroupRef> {
        self.0[list as usize].as_ref()?.groups.get(number.checked_sub(1)?).cloned()
    }

    /// All groups of a list, with their numbers.
    pub fn all(&self, list: GroupList) -> impl Iterator<Item = (usize, &GroupRef)> {
        let groups = self.0[list as usize].iter().flat_map(|list| &list.groups);
        groups.enumerate().map(|(index, group)| (index + 1, group))
    }

    /// Whether the list is known.
    pub fn has(&self, list: GroupList) -> bool {
        self.0[list as usize].is_some()
    }

    /// Whether the person has seen it.
    pub fn was_shown(&self, list: GroupList) -> bool {
        self.0[list as usize].as_ref().is_some_and(|list| list.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_stay_as_they_were_shown() {
        let page = |name: &str| json!({"groups": [{"creator": "al", "groupname": name}]});
        let name = |numbers: &Numbers, number| {
            numbers.group(GroupList::Mine, number).map(|group| group.groupname)
        };
        for shown in [true, false] {
            let mut numbers = Numbers::default();
            numbers.page(GroupList::Mine, &page("a"), true, shown);
            numbers.page(GroupList::Mine, &page("b"), false, shown);
            let names = [0, 1, 2, 3].map(|number| name(&numbers, number));
            assert_eq!(names, [None, Some("a".into()), Some("b".into()), None]);
            assert!(!numbers.has(GroupList::All));
            numbers.groups_changed();
            assert_eq!(numbers.has(GroupList::Mine), shown, "unseen numbers must be true");
            numbers.page(GroupList::Mine, &page("c"), true, true);
            assert_eq!([1, 2].map(|number| name(&numbers, number)), [Some("c".into()), None]);
        }
    }
}
