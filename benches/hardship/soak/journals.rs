//! What everybody must have been shown, and whether it is what they were shown: every acknowledged
//! message that they may see and did not write, each once, in the log's order (P1, P8–P12, P15).

use std::collections::HashMap;

use super::facts::{Facts, To};
use super::person::Person;

/// Between two notices somebody is in a group; its owner always is.
struct Member {
    person: usize,
    from: i64,
    to: i64,
}

/// Every journal that is not as it must be, in words.
pub fn faults(people: &[Person], facts: &Facts) -> Vec<String> {
    let due = due(people, facts);
    let differing = people.iter().zip(due).filter(|(person, due)| person.shown != *due);
    differing.map(|(person, due)| describe(person, &due)).collect()
}

fn due(people: &[Person], facts: &Facts) -> Vec<Vec<(i64, usize)>> {
    let members = members(people, facts);
    let mut due: Vec<Vec<(i64, usize)>> = people.iter().map(|_| Vec::new()).collect();
    for (number, message) in facts.messages.iter().enumerate() {
        let Some(seq) = message.seq else { continue };
        let readers: Vec<usize> = match message.to {
            To::Person(person) => vec![person],
            To::All => (0..people.len()).collect(),
            To::Group(group) => {
                let all = members.get(&group).into_iter().flatten();
                all.filter(|m| m.from < seq && seq < m.to).map(|m| m.person).collect()
            }
        };
        for reader in readers.into_iter().filter(|reader| *reader != message.sender) {
            due[reader].push((seq, number));
        }
    }
    due.iter_mut().for_each(|due| due.sort_unstable());
    due
}

fn members(people: &[Person], facts: &Facts) -> HashMap<usize, Vec<Member>> {
    let mut members: HashMap<usize, Vec<Member>> = HashMap::new();
    for (number, group) in facts.groups.iter().enumerate() {
        let owner = Member { person: group.owner, from: i64::MIN, to: i64::MAX };
        members.entry(number).or_default().push(owner);
    }
    for person in people {
        for stay in &person.stays {
            let (from, to) = (stay.from, stay.to.unwrap_or(i64::MAX));
            let member = Member { person: person.number, from, to };
            members.entry(stay.group).or_default().push(member);
        }
    }
    members
}

fn describe(person: &Person, due: &[(i64, usize)]) -> String {
    let missing = due.iter().filter(|one| person.shown.binary_search(one).is_err());
    let foreign = person.shown.iter().filter(|one| due.binary_search(one).is_err());
    let (missing, foreign): (Vec<_>, Vec<_>) =
        (missing.take(3).collect(), foreign.take(3).collect());
    format!(
        "person {}: {} shown, {} due; missing (seq, number) {missing:?}, not due {foreign:?}",
        person.number,
        person.shown.len(),
        due.len()
    )
}
