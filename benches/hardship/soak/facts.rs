//! What the people of the soak know in common: who said what to whom, which groups there are, who
//! was blocked. It follows from the answers that they got, never from what they were shown.

use std::time::Instant;

/// A message, by its number; its text names it.
pub struct Message {
    /// Who said it.
    pub sender: usize,
    /// To whom.
    pub to: To,
    /// Its place in the log, once it was acknowledged.
    pub seq: Option<i64>,
}

/// Who a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// A person.
    Person(usize),
    /// The members of a group.
    Group(usize),
    /// Everybody.
    All,
}

/// A group, by its number; its name has it.
pub struct Group {
    /// Who made it.
    pub owner: usize,
    /// Whom the owner has brought in and not taken out.
    pub members: Vec<usize>,
    /// Made, and not deleted.
    pub lives: bool,
}

/// All of it.
#[derive(Default)]
pub struct Facts {
    /// Everything that was ever said.
    pub messages: Vec<Message>,
    /// Every group that there ever was.
    pub groups: Vec<Group>,
    /// People who are blocked, and until when.
    pub blocked: Vec<(usize, Instant)>,
    /// Groups that are blocked.
    pub blocked_groups: Vec<usize>,
    /// Everybody comes back and nobody begins anything.
    pub closing: bool,
    /// How often something happened.
    pub counts: Counts,
}

/// How often something happened.
#[derive(Clone, Copy, Default)]
pub struct Counts {
    /// Messages acknowledged.
    pub said: u64,
    /// Messages and notices shown for the first time.
    pub shown: u64,
    /// Those that came again, for they had not been confirmed.
    pub repeated: u64,
    /// Requests that were refused, as they may be.
    pub refused: u64,
    /// Sign-ins.
    pub arrivals: u64,
    /// Connections dropped before their end.
    pub cuts: u64,
    /// Requests sent again because a cut had come before the answer.
    pub again: u64,
}

impl Facts {
    /// A message that is about to be sent; its number.
    pub fn write(&mut self, sender: usize, to: To) -> usize {
        self.messages.push(Message { sender, to, seq: None });
        self.messages.len() - 1
    }

    /// The owner's groups.
    pub fn owned_by(&self, person: usize) -> Vec<usize> {
        let groups = self.groups.iter().enumerate();
        groups.filter(|(_, group)| group.lives && group.owner == person).map(|(n, _)| n).collect()
    }
}

/// What a message says: its number, and some words more.
pub fn text_of(number: usize) -> String {
    format!("{number} says the one, and 好 says the other, and so it goes on all day")
}

/// The number of a message that says so.
pub fn number_of(text: &str) -> Option<usize> {
    text.split(' ').next()?.parse().ok()
}

/// A group's name.
pub fn group_name(group: usize) -> String {
    format!("group {group}")
}

/// The number of the group of that name.
pub fn group_of(name: &str) -> Option<usize> {
    name.strip_prefix("group ")?.parse().ok()
}
