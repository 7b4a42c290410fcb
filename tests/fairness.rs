//! Fairness: a tick that has no time for everyone begins the next round where it stopped (P21).

mod support;

use p2sp::handlers::Rules;
use p2sp::limits::{FRAMES_PER_NEWCOMER, NEWCOMERS_PER_TICK};
use p2sp::wire::{frame, request};
use support::house::House;

/// As many newcomers as one tick serves, and some more.
const FLOODERS: usize = NEWCOMERS_PER_TICK + 8;

#[test]
fn p21_the_last_in_line_waits_one_round_and_no_more() {
    let mut house = House::new(Rules::default());
    let mut ping = Vec::new();
    request::append(&mut ping, "ping", 0, &serde_json::json!({"id": 1}));
    let address = "127.0.0.1:5000".parse().expect("an address");
    let flooders: Vec<_> = (0..FLOODERS).map(|_| house.net.connect(address)).collect();
    let last = house.net.connect(address);
    house.settle();

    for flooder in flooders {
        house.net.send(flooder, &ping.repeat(10 * FRAMES_PER_NEWCOMER));
    }
    house.net.send(last, &ping);
    house.turn();
    assert!(house.net.take(last).is_empty(), "one tick serves everyone: the test tests nothing");
    house.turn();
    let answer = house.net.take(last);
    assert!(frame::payload(&answer).is_ok_and(|payload| !payload.is_empty()));
}
