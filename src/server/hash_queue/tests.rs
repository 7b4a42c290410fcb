//! What `hash_queue.rs` must do.

use super::*;

fn conn(number: usize) -> ConnId {
    ConnId { slot: number as u32, generation: 1 }
}

fn task() -> Task {
    Task::Hash { password: "correct horse".into(), salt: [0; 16] }
}

fn from(address: &str, account: &str) -> Vec<Turn> {
    Turn::of_network(address.parse().expect("an address"), account)
}

fn member(user: i64) -> Vec<Turn> {
    vec![Turn::Members, Turn::Member(UserId(user))]
}

/// The connections in the order in which their tasks are begun.
fn order(queue: &mut HashQueue) -> Vec<usize> {
    let mut order = Vec::new();
    while let Some((id, _)) = queue.next() {
        order.push(id.index());
        queue.is_done();
    }
    assert!(queue.had.is_empty(), "P20: nothing is kept of those who are gone");
    order
}

#[test]
fn p21_prefixes_and_accounts_take_turns_and_the_operator_is_first() {
    let mut queue = HashQueue::default();
    for number in 0..10 {
        let turns = from("192.0.2.1", &format!("guess{number}"));
        assert_eq!(queue.push(conn(number), task(), turns), None);
    }
    // Another account at the same address, another address near by, and one elsewhere.
    queue.push(conn(20), task(), from("192.0.2.2", "ann"));
    queue.push(conn(30), task(), from("2001:db8::1", "bob"));
    queue.push(conn(40), task(), member(1));
    queue.push(conn(50), task(), vec![Turn::Operator]);
    let order = order(&mut queue);
    assert_eq!(order[..6], [50, 0, 40, 30, 20, 1], "{order:?}");
    assert_eq!(order[6..], [2, 3, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn p21_when_all_places_are_taken_the_last_of_the_most_goes() {
    let mut queue = HashQueue::default();
    for number in 0..HASH_QUEUE_MAX {
        let address = format!("192.0.2.{}", number % 4);
        let turns = from(&address, &format!("guess{number}"));
        assert_eq!(queue.push(conn(number), task(), turns), None);
    }
    let one_more = from("192.0.2.1", "one more");
    assert_eq!(queue.push(conn(100), task(), one_more), Some(conn(100)));
    let other = from("2001:db8::1", "ann");
    assert_eq!(queue.push(conn(101), task(), other), Some(conn(HASH_QUEUE_MAX - 1)));
    for number in 0..HASH_PLACES_MEMBERS {
        let own = queue.push(conn(200 + number), task(), member(number as i64));
        assert_eq!(own, None, "places of their own");
    }
    assert_eq!(queue.push(conn(300), task(), vec![Turn::Operator]), None);
    assert_eq!(queue.next().map(|(id, _)| id), Some(conn(300)));
}

#[test]
fn p20_no_more_than_needed_are_under_way() {
    let mut queue = HashQueue::default();
    for number in 0..4 {
        queue.push(conn(number), task(), from("192.0.2.1", &format!("{number}")));
    }
    let begun = std::iter::from_fn(|| queue.next()).count();
    assert_eq!(begun, HASHES_UNDER_WAY_MAX);
    queue.remove(conn(3));
    queue.is_done();
    assert_eq!(queue.next().map(|(id, _)| id), Some(conn(2)));
    queue.is_done();
    assert!(queue.next().is_none());
}
