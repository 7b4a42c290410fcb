//! The log, entry by entry: has each a right to be there, and who is to be shown it?
//!
//! A notice tells what was done, and where it stands tells when: a newcomer sees what is behind
//! the notice to them, a leaver nothing from the notice of their going on, whoever was in a group
//! that is deleted its deletion as the last (P12).

use serde::Deserialize;

use super::{Check, Group, Ledger, Said, Subject, Target, tag};
use crate::worlds::snapshot::Entry;

/// A notice's body.
#[derive(Debug, Deserialize)]
pub struct NoticeBody {
    pub event: String,
    pub username: Option<String>,
    pub groupname: Option<String>,
    pub creator: Option<String>,
    pub group_id: Option<i64>,
}

impl Ledger {
    pub(super) fn read(&mut self, entry: &Entry) -> Check {
        if entry.seq <= self.head() {
            return Err(format!("P6: {} stands behind {}", entry.seq, self.head()));
        }
        let notice = match entry.kind {
            3 => Some(serde_json::from_str::<NoticeBody>(&entry.body).map_err(|e| e.to_string())?),
            _ => None,
        };
        self.check_whole(entry, notice.as_ref())?;
        self.check_quota(entry, notice.as_ref())?;
        match &notice {
            Some(notice) => self.happens_before(entry, notice)?,
            None => self.check_right(entry)?,
        }
        self.show(entry);
        if let Some(notice) = &notice {
            self.happens_behind(entry, notice);
        }
        self.entries.push(entry.clone());
        Ok(())
    }

    /// Nobody has more stored in a day than they may (P20). What ends something is counted and
    /// always told; what is said in the system's name is not counted.
    fn check_quota(&mut self, entry: &Entry, notice: Option<&NoticeBody>) -> Check {
        let event = notice.map_or("", |notice| notice.event.as_str());
        if entry.kind == 2 || matches!(event, "group_blocked" | "group_unblocked") {
            return Ok(());
        }
        let bytes = entry.body.len() + entry.mid.as_ref().map_or(0, String::len);
        let stored = self.stored.entry((entry.sender, entry.at.div_euclid(86_400))).or_default();
        *stored += bytes as u64;
        let ends = matches!(
            event,
            "friend_removed" | "friend_rejected" | "group_removed" | "group_left" | "group_deleted"
        );
        match *stored > self.quota * (1 + self.clock_jumps) && !ends {
            true => Err(format!("P20: {stored} bytes are stored on the day of {entry:?}")),
            false => Ok(()),
        }
    }

    /// An addition is two entries and both stand together (P3).
    fn check_whole(&mut self, entry: &Entry, notice: Option<&NoticeBody>) -> Check {
        let Some((group, whom, name)) = self.half_added.take() else { return Ok(()) };
        let whole = notice.is_some_and(|notice| {
            notice.event == "group_added"
                && entry.conversation == self.id(&whom).unwrap_or_default() * 2
                && notice.groupname.as_deref() == Some(&name)
        });
        if !whole {
            return Err(format!("P3: {whom} was half added to group {group}, before {entry:?}"));
        }
        Ok(())
    }

    /// What a notice does to those who would else see it.
    fn happens_before(&mut self, entry: &Entry, notice: &NoticeBody) -> Check {
        if notice.group_id != notice.groupname.as_ref().and_then(|_| self.named_group(notice)) {
            return Err(format!("a notice with the id of another group: {entry:?}"));
        }
        let username = notice.username.clone().unwrap_or_default();
        match notice.event.as_str() {
            "group_joined" => {
                let name = notice.groupname.clone().unwrap_or_default();
                self.half_added = Some((entry.conversation / 2, username, name));
            }
            "group_left" => {
                let leaver = self.id(&username).unwrap_or_default();
                self.part(entry.conversation / 2, leaver, entry)?;
            }
            "group_removed" => {
                let group = self.named_group(notice).ok_or("P12: removed from no group")?;
                self.part(group, entry.conversation / 2, entry)?;
            }
            "group_added" if self.only_friends_bring_in => {
                let (by, to) = (entry.sender, entry.conversation / 2);
                if !self.are_friends(by, to) {
                    return Err(format!("{to} did not agree to be in a group of {by}: {entry:?}"));
                }
            }
            "friend_added" => {
                let pair = (entry.sender, entry.conversation / 2);
                self.friends.extend([pair, (pair.1, pair.0)]);
            }
            "friend_removed" => {
                let pair = (entry.sender, entry.conversation / 2);
                self.friends.remove(&pair);
                self.friends.remove(&(pair.1, pair.0));
            }
            _ => {}
        }
        let (by, to) = (entry.sender, entry.conversation / 2);
        let subject = match notice.event.as_str() {
            event if event.starts_with("friend_") => Some(Subject::Friends(by.min(to), by.max(to))),
            _ => self.named_group(notice).map(Subject::Group),
        };
        self.changed.extend(subject.map(|subject| (subject, entry.seq)));
        *self.counted.entry(notice_key(entry, notice)).or_default() += 1;
        Ok(())
    }

    /// What it does behind itself.
    fn happens_behind(&mut self, entry: &Entry, notice: &NoticeBody) {
        let whom = notice.username.as_deref().and_then(|name| self.id(name));
        if notice.event == "group_added" {
            let group = self.named_group(notice).and_then(|group| self.groups.get_mut(&group));
            if let Some(group) = group {
                group.members.insert(entry.conversation / 2);
            }
            return;
        }
        let Some(group) = self.groups.get_mut(&(entry.conversation / 2)) else { return };
        match (notice.event.as_str(), whom) {
            ("group_deleted", _) => {
                group.deleted = true;
                group.members.clear();
            }
            ("group_blocked", _) => group.blocked = true,
            ("group_unblocked", _) => group.blocked = false,
            _ => {}
        }
    }

    fn part(&mut self, group: i64, user: i64, entry: &Entry) -> Check {
        self.departed.push((user, entry.seq));
        let left = self.groups.get_mut(&group).is_some_and(|group| group.members.remove(&user));
        if left { Ok(()) } else { Err(format!("P12: {user} was not in {group}, yet {entry:?}")) }
    }

    /// The group of that creator and name that was alive then.
    fn named_group(&self, notice: &NoticeBody) -> Option<i64> {
        let creator = self.id(notice.creator.as_deref()?)?;
        self.find_group(creator, notice.groupname.as_deref()?)
    }

    fn find_group(&self, creator: i64, name: &str) -> Option<i64> {
        let named = |group: &Group| group.creator == creator && group.name == name;
        let alive = self.groups.iter().find(|(_, group)| named(group) && !group.deleted);
        alive.map(|(id, _)| *id)
    }

    /// Whether a text was asked for, once, in its turn, and by somebody who might say it.
    fn check_right(&mut self, entry: &Entry) -> Check {
        let tag = tag(&entry.body).to_owned();
        let said = self.said.get(&tag).ok_or(format!("nobody said {entry:?}"))?;
        if said.ghost {
            return Err(format!("P17: {tag} is of a session that was over: {entry:?}"));
        }
        if said.refused {
            return Err(format!("P4: {tag} was refused, and is in the log: {entry:?}"));
        }
        let target = match entry.conversation {
            0 => Target::Everyone,
            inbox if inbox % 2 == 0 => Target::User(inbox / 2),
            group => {
                let group = self.groups.get(&(group / 2)).ok_or("a message to no group")?;
                Target::Group(group.creator, group.name.clone())
            }
        };
        let as_said = said.sender == entry.sender
            && said.text == entry.body
            && said.mid == entry.mid
            && said.target == target
            && said.system == (entry.kind == 2)
            && (entry.kind == 1) == (self.admins.contains(&entry.sender) && !said.system);
        if !as_said {
            return Err(format!("P5: {said:?} was asked for, and this is there: {entry:?}"));
        }
        let (issue, text) = (said.issue, entry.seq);
        if self.unlogged.remove(&(entry.sender, issue)).is_none() {
            return Err(format!("P5: {tag} stands in the log twice, the second time as {text}"));
        }
        if self.overtaken.contains(&tag) {
            return Err(format!("P7: {tag} stands behind what was said later: {entry:?}"));
        }
        self.overtake(entry.sender, issue);
        let said = &self.said[&tag];
        let may = match target {
            Target::Group(..) if !said.system => {
                self.may_say_in(entry.sender, entry.conversation / 2)
            }
            _ => self.may_say(said),
        };
        if may { Ok(()) } else { Err(format!("P11, P19: who said it might not: {entry:?}")) }
    }

    /// Whether somebody may say something as things are now.
    pub(super) fn may_say(&self, said: &Said) -> bool {
        match &said.target {
            Target::Group(creator, name) => {
                let group = self.find_group(*creator, name);
                group.is_some_and(|group| said.system || self.may_say_in(said.sender, group))
            }
            _ if said.system => self.admins.contains(&said.sender),
            Target::User(user) => self.friends.contains(&(said.sender, *user)),
            Target::Everyone => false,
        }
    }

    fn may_say_in(&self, user: i64, group: i64) -> bool {
        let group = &self.groups[&group];
        group.members.contains(&user) && !group.blocked && !group.deleted
    }

    /// What a sender said before something that is in the log now, and what there was no reason
    /// to refuse since it was said, must not come behind it (P7).
    fn overtake(&mut self, sender: i64, issue: u64) {
        if self.may_refuse_all {
            return;
        }
        let earlier = self.unlogged.range((sender, 0)..(sender, issue));
        let due: Vec<String> = earlier
            .map(|(_, tag)| tag)
            .filter(|tag| {
                let said = &self.said[*tag];
                let changed =
                    |subject| self.changed.get(&subject).is_some_and(|at| *at > said.head);
                let may_have_changed = match &said.target {
                    Target::User(user) => {
                        changed(Subject::Friends(sender.min(*user), sender.max(*user)))
                    }
                    Target::Group(creator, name) => self
                        .find_group(*creator, name)
                        .is_none_or(|group| changed(Subject::Group(group))),
                    Target::Everyone => false,
                };
                self.may_say(said) && !may_have_changed && !said.was_refused
            })
            .cloned()
            .collect();
        self.overtaken.extend(due);
    }

    /// There may be reasons to refuse a message of which the log tells nothing.
    pub fn may_refuse_all(&mut self) {
        self.may_refuse_all = true;
    }

    /// Those who may see an entry are to be shown it, but for who said it.
    fn show(&mut self, entry: &Entry) {
        let readers: Vec<i64> = match entry.conversation {
            0 => {
                self.to_everyone.push(entry.seq);
                self.names.keys().copied().collect()
            }
            inbox if inbox % 2 == 0 => vec![inbox / 2],
            group => self
                .groups
                .get(&(group / 2))
                .map_or_else(Vec::new, |group| group.members.iter().copied().collect()),
        };
        for reader in readers.into_iter().filter(|reader| *reader != entry.sender) {
            self.visible.entry(reader).or_default().push(entry.seq);
        }
    }
}

/// What a notice is counted under, the same as the request that causes it.
fn notice_key(entry: &Entry, notice: &NoticeBody) -> String {
    let (by, to) = (entry.sender, entry.conversation / 2);
    let group = || {
        let creator = notice.creator.as_deref().unwrap_or_default();
        format!("{creator}/{}", notice.groupname.as_deref().unwrap_or_default())
    };
    match notice.event.as_str() {
        "friend_added" | "friend_requested" => format!("befriend {by} {to}"),
        event if event.starts_with("friend_") => format!("{event} {by} {to}"),
        event @ ("group_added" | "group_removed") => format!("{event} {by} {} {to}", group()),
        event => format!("{event} {by} {}", group()),
    }
}
