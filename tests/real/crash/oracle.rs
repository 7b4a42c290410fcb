//! What the journals must say: the oracle of the kills.
//!
//! Every acknowledged message was shown once to everyone who may see it, in the log's order, and
//! nothing else was (P1, P9, P15); a repetition was answered like the first (P5); a writer's
//! messages stand as they were issued (P7); two readers agree (P10); a cursor never passed
//! what was not confirmed (P13). And the kills must have hit something.

use std::collections::BTreeMap;

use super::{ACKNOWLEDGED_PER_CYCLE, Person, Shown};

/// What this reader must have been shown: every acknowledged message that they may see and
/// did not write.
fn due(reader: &Person, people: &[Person]) -> BTreeMap<i64, Shown> {
    let mut due = BTreeMap::new();
    for writer in people.iter().filter(|writer| writer.name != reader.name) {
        for sent in &writer.sent {
            if sent.to.is_none_or(|name| name == reader.name) {
                let (seq, in_group) = (sent.seqs[0], sent.to.is_none());
                let (from, text) = (writer.name.to_owned(), sent.text.clone());
                assert_eq!(due.insert(seq, Shown { seq, from, in_group, text }), None);
            }
        }
    }
    due
}

fn check_writer(writer: &Person) {
    for sent in &writer.sent {
        assert!(sent.seqs.iter().all(|seq| *seq == sent.seqs[0]), "P5: {:?}", sent.seqs);
    }
    assert!(writer.sent.is_sorted_by(|a, b| a.seqs[0] < b.seqs[0]), "P7: {}", writer.name);
}

fn check_reader(reader: &Person, due: &BTreeMap<i64, Shown>) {
    let (name, count) = (reader.name, reader.shown.len());
    for log in &reader.visits {
        let came = due.range(log.cursor + 1..).take_while(|(seq, _)| **seq <= log.got);
        assert_eq!(came.count(), log.pushes, "P9: {name} {log:?}");
    }
    if !reader.acks {
        // What the kernel took may be lost in a cut, but nothing else is ever shown.
        assert!(reader.shown.iter().all(|shown| due.get(&shown.seq) == Some(shown)), "P9: {name}");
        return;
    }
    let all = "P1, P9, P15";
    assert!(reader.shown.iter().eq(due.values()), "{all}: {count} of {} to {name}", due.len());
    // The cursor may pass over what is not for this reader, and over nothing else.
    for log in &reader.visits {
        let next = due.range(log.confirmed + 1..).next();
        assert!(next.is_none_or(|(seq, _)| *seq > log.cursor), "P13: {name} {log:?}");
    }
    let moved = reader.visits.iter().any(|log| log.cursor > reader.visits[0].cursor);
    assert!(moved, "the cursor of {name} never reached the disk");
}

/// What two readers were both shown in the group.
fn check_agreement(one: &Person, other: &Person) {
    let heard = |reader: &Person| -> Vec<Shown> {
        let common = |s: &&Shown| s.in_group && s.from != one.name && s.from != other.name;
        reader.shown.iter().filter(common).cloned().collect()
    };
    assert!(heard(one) == heard(other), "P10: {} and {}", one.name, other.name);
}

/// What happened in a round, or in all of them.
#[derive(Default)]
pub struct Tally {
    cycles: usize,
    acknowledged: usize,
    resent: usize,
    shown: usize,
    repeated: usize,
}

impl Tally {
    /// Counts what is in the journals.
    pub fn of(people: &[Person], cycles: usize) -> Tally {
        let total = |count: fn(&Person) -> usize| people.iter().map(count).sum();
        Tally {
            cycles,
            acknowledged: total(|person| person.sent.len()),
            resent: total(|person| person.resent),
            shown: total(|person| person.shown.len()),
            repeated: total(|person| person.repeated),
        }
    }

    /// Another round.
    pub fn add(&mut self, more: &Tally) {
        self.cycles += more.cycles;
        self.acknowledged += more.acknowledged;
        self.resent += more.resent;
        self.shown += more.shown;
        self.repeated += more.repeated;
    }

    /// All of it on a line.
    pub fn line(&self) -> String {
        let Tally { cycles, acknowledged, resent, shown, repeated } = self;
        format!(
            "{cycles} cycles, {acknowledged} messages acknowledged, {resent} sent again, \
             {shown} shown, {repeated} pushed again; none lost, doubled or turned around"
        )
    }
}

/// The kills must have hit something, or all of this proves nothing.
fn check_load(people: &[Person], tally: &Tally) {
    let Tally { cycles, acknowledged, resent, repeated, .. } = *tally;
    assert!(acknowledged >= cycles * ACKNOWLEDGED_PER_CYCLE, "{acknowledged} messages");
    assert!(resent > 0 && repeated > 0, "{resent} sent again, {repeated} pushed again");
    assert!(people.iter().all(|person| person.visits.len() > cycles / 2), "nobody was cut");
}

/// Compares everyone's journal with everyone else's.
pub fn check(people: &[Person], tally: &Tally) {
    people.iter().for_each(check_writer);
    for reader in people {
        check_reader(reader, &due(reader, people));
    }
    let readers: Vec<&Person> = people.iter().filter(|person| person.acks).collect();
    readers.windows(2).for_each(|pair| check_agreement(pair[0], pair[1]));
    check_load(people, tally);
}
