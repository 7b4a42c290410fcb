//! What somebody asks for, and which answers are right.

use p2sp_bench::words::name_of;
use serde_json::{Value, json};

use super::facts::{Facts, Group, To, group_name, text_of};

/// A request under way.
pub struct Request {
    /// Its type.
    pub kind: &'static str,
    /// Its arguments, without `id` and key.
    pub args: Value,
    /// What its answer decides.
    about: About,
    /// It was sent before, and cut off before its answer.
    pub again: bool,
}

/// What an answer decides.
#[derive(Clone, Copy, Debug)]
enum About {
    /// Whether the message of that number was said.
    Message(usize),
    /// Whether a group is there.
    Made(usize),
    Deleted(usize),
    /// Whether somebody is in a group.
    Joined(usize, usize),
    Parted(usize, usize),
    /// Nothing that anybody keeps: codes beside `ok` that may come.
    Nothing(&'static [&'static str]),
}

impl Request {
    fn new(kind: &'static str, args: Value, about: About) -> Request {
        Request { kind, args, about, again: false }
    }

    /// Says something new.
    pub fn say(facts: &mut Facts, sender: usize, to: To, by_admin: bool) -> Request {
        let number = facts.write(sender, to);
        // Of a fixed width, so that each is greater than the one before.
        let mut args = json!({"message": text_of(number), "mid": format!("{number:012}")});
        let kind = match to {
            To::Person(user) => {
                args["username"] = name_of(user).into();
                if by_admin { "adminsend" } else { "send" }
            }
            To::Group(group) => {
                args["groupname"] = group_name(group).into();
                args["creator"] = name_of(facts.groups[group].owner).into();
                "sendgroup"
            }
            To::All => "broadcast",
        };
        Request::new(kind, args, About::Message(number))
    }

    /// Makes a group.
    pub fn make_group(facts: &mut Facts, owner: usize) -> Request {
        facts.groups.push(Group { owner, members: Vec::new(), lives: false });
        let group = facts.groups.len() - 1;
        Request::new("newgroup", json!({"groupname": group_name(group)}), About::Made(group))
    }

    /// Deletes a group of one's own.
    pub fn delete_group(group: usize) -> Request {
        Request::new("delgroup", json!({"groupname": group_name(group)}), About::Deleted(group))
    }

    /// Brings somebody into a group of one's own, or takes them out of it.
    pub fn move_member(group: usize, person: usize, into: bool) -> Request {
        let args = json!({"groupname": group_name(group), "username": name_of(person)});
        match into {
            true => Request::new("addgroupuser", args, About::Joined(group, person)),
            false => Request::new("delgroupuser", args, About::Parted(group, person)),
        }
    }

    /// Makes or ends a friendship.
    pub fn friendship(person: usize, begins: bool) -> Request {
        let args = json!({"username": name_of(person)});
        match begins {
            true => Request::new("add", args, About::Nothing(&["already_friends"])),
            false => Request::new("del", args, About::Nothing(&["not_friends"])),
        }
    }

    /// An administrator blocks or unblocks somebody.
    pub fn block(person: usize, blocks: bool) -> Request {
        let kind = if blocks { "blockuser" } else { "unblockuser" };
        Request::new(kind, json!({"username": name_of(person)}), About::Nothing(&[]))
    }

    /// An administrator blocks or unblocks a group, which may be gone meanwhile.
    pub fn block_group(facts: &Facts, group: usize, blocks: bool) -> Request {
        let kind = if blocks { "blockgroup" } else { "unblockgroup" };
        let creator = name_of(facts.groups[group].owner);
        let args = json!({"groupname": group_name(group), "creator": creator});
        Request::new(kind, args, About::Nothing(&["no_such_group"]))
    }

    /// Asks for something that changes nothing.
    pub fn look(kind: &'static str, args: Value) -> Request {
        Request::new(kind, args, About::Nothing(&["not_member", "no_such_group"]))
    }

    /// Draws the conclusion from the answer. False: such an answer may not come.
    pub fn answered(&self, facts: &mut Facts, code: &str, data: &Value) -> bool {
        let done = code == "ok";
        if !done {
            facts.counts.refused += 1;
        }
        // Done before, and repeated because nobody knew.
        let done_by = |refusal: &str| done || (self.again && code == refusal);
        match self.about {
            About::Message(number) => {
                let message = &mut facts.messages[number];
                if !done {
                    return may_refuse(message.to, code);
                }
                facts.counts.said += 1;
                message.seq = data["seq"].as_i64();
                message.seq.is_some()
            }
            About::Made(group) => {
                facts.groups[group].lives = done_by("group_exists");
                facts.groups[group].lives
            }
            About::Deleted(group) => {
                facts.groups[group].lives = false;
                done_by("no_such_group")
            }
            About::Joined(group, person) => {
                facts.groups[group].members.push(person);
                done_by("already_member")
            }
            About::Parted(group, person) => {
                facts.groups[group].members.retain(|member| *member != person);
                done_by("not_member")
            }
            About::Nothing(codes) => done || codes.contains(&code),
        }
    }
}

/// Whether a message may be refused so, because of what others did meanwhile.
fn may_refuse(to: To, code: &str) -> bool {
    match to {
        To::Person(_) => matches!(code, "not_friends" | "mailbox_full"),
        To::Group(_) => matches!(code, "not_member" | "no_such_group" | "group_blocked"),
        To::All => false,
    }
}
