//! Fairness: a tick that has no time for everyone begins the next round where it stopped, and who
//! asks for much is served behind the others and for no more than a part of all time (P21).

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use p2sp::handlers::Rules;
use p2sp::limits::{
    FRAMES_PER_NEWCOMER, NEWCOMERS_PER_TICK, SERVE_MICROS_MAX, SLICE_MICROS, TIME_BURST_MICROS,
    TIME_FREE_MICROS, TIME_SHARE,
};
use p2sp::wire::{frame, request};
use serde_json::json;

use crate::support::caller::Caller;
use crate::support::test_server::{PASSWORD, TestServer};
use crate::support::whims::Whims;

/// As many newcomers as one tick serves, and some more.
const FLOODERS: usize = NEWCOMERS_PER_TICK + 8;

#[test]
fn p21_the_last_in_line_waits_one_round_and_no_more() {
    let mut server = TestServer::new(Rules::default());
    let mut ping = Vec::new();
    request::append(&mut ping, "ping", 0, &json!({"id": 1}));
    let address = "127.0.0.1:5000".parse().expect("an address");
    let flooders: Vec<_> = (0..FLOODERS).map(|_| server.net.connect(address)).collect();
    let last = server.net.connect(address);
    server.settle();

    for flooder in flooders {
        server.net.send(flooder, &ping.repeat(10 * FRAMES_PER_NEWCOMER));
    }
    server.net.send(last, &ping);
    server.turn();
    assert!(server.net.take(last).is_empty(), "one tick serves everyone: the test tests nothing");
    server.turn();
    let answer = server.net.take(last);
    assert!(frame::payload(&answer).is_ok_and(|payload| !payload.is_empty()));
}

/// A clock that goes on by as much each time it is looked at.
struct Turned(Rc<Cell<u64>>);

impl Whims for Turned {
    fn dawdles(&mut self) -> Duration {
        Duration::from_micros(self.0.get())
    }
}

/// A server with so many people in it, and what each look at its clock takes: nothing yet.
fn people(rules: Rules, count: usize) -> (TestServer, Vec<Caller>, Rc<Cell<u64>>) {
    let mut server = TestServer::new(rules);
    let mut callers = Vec::new();
    for number in 0..count {
        let mut caller = Caller::connect(&server, "127.0.0.1:5000", None);
        let name = format!("p{number}");
        caller.ask(&mut server, "reg", json!({"username": name, "password": PASSWORD}));
        caller.sign_in(&mut server, &name);
        callers.push(caller);
    }
    let micros = Rc::new(Cell::new(0));
    server.net.set_whims(Box::new(Turned(Rc::clone(&micros))));
    (server, callers, micros)
}

fn unlimited() -> Rules {
    let mut rules = Rules::default();
    rules.limits.requests_per_second = 0;
    rules
}

/// How many answers have come.
fn answers(server: &TestServer, caller: &mut Caller) -> usize {
    caller.receive(server).expect("plaintext");
    caller.codes().len()
}

#[test]
fn p21_whoever_used_up_their_slice_is_served_behind_all_others() {
    let (mut server, mut people, micros) = people(unlimited(), 3);
    let dear = people[0].request("search", json!({"query": "x"}));
    server.net.send(people[0].end, &dear.repeat(20));
    micros.set(SLICE_MICROS);
    server.turn();
    assert_eq!(answers(&server, &mut people[0]), 1, "a slice a tick");
    let mut came = 1;
    for turn in 2..8 {
        for index in [1, 2] {
            let cheap = people[index].request("ping", json!({}));
            server.net.send(people[index].end, &cheap);
        }
        server.turn();
        assert_eq!(answers(&server, &mut people[1]), 1);
        assert_eq!(answers(&server, &mut people[2]), 1);
        let slices = answers(&server, &mut people[0]);
        assert_eq!(slices, turn % 2, "every other tick is the others' alone");
        came += slices;
    }
    micros.set(0);
    server.settle();
    assert_eq!(came + answers(&server, &mut people[0]), 20, "nothing is lost");
}

#[test]
fn p21_a_tick_out_of_time_begins_again_behind_whoever_used_it_up() {
    let (mut server, mut people, micros) = people(unlimited(), 3);
    let dear = people[0].request("search", json!({"query": "x"}));
    server.net.send(people[0].end, &dear.repeat(9));
    for caller in &mut people[1..] {
        let cheap = caller.request("whoami", json!({}));
        server.net.send(caller.end, &cheap);
    }
    // One request is all that there is time for, and the clock is looked at behind it.
    micros.set(SERVE_MICROS_MAX);
    for expected in [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0], [1, 0, 0]] {
        server.turn();
        let came: Vec<usize> = people.iter_mut().map(|caller| answers(&server, caller)).collect();
        assert_eq!(came, expected);
    }
}

#[test]
fn p21_a_users_dear_requests_take_a_part_of_all_time() {
    let mut rules = Rules::default();
    (rules.limits.requests_per_second, rules.limits.requests_burst) = (1_000, 1_000);
    let (mut server, mut people, micros) = people(rules, 2);
    let dear = people[0].request("search", json!({"query": "x"}));
    // Between the two looks at the clock that it is charged for.
    micros.set(SLICE_MICROS);
    let charged = SLICE_MICROS - TIME_FREE_MICROS;
    let burst = (TIME_BURST_MICROS / charged) as usize;
    server.net.send(people[0].end, &dear.repeat(2 * burst));
    server.settle();
    let at_once = answers(&server, &mut people[0]);
    // Some time has passed meanwhile, at every look at the clock.
    assert!((burst..burst + burst / 8).contains(&at_once), "{at_once}, not about {burst}");
    // From here on each is worth a hundred times as long as it takes.
    let each = Duration::from_micros(charged * u64::from(TIME_SHARE));
    let began = server.net.now();
    server.pass(10 * each);
    let came = answers(&server, &mut people[0]) as u32;
    let took = server.net.now().since(began);
    assert!(came >= 8 && (came - 1) * each <= took, "{came} in {took:?}");
    // Nobody else waits for it.
    let cheap = people[1].request("search", json!({"query": "y"}));
    server.net.send(people[1].end, &cheap);
    server.turn();
    assert_eq!(answers(&server, &mut people[1]), 1);
}

#[test]
fn p21_a_machine_that_stood_still_is_not_charged_to_whoever_was_served() {
    let mut rules = Rules::default();
    (rules.limits.requests_per_second, rules.limits.requests_burst) = (1_000, 1_000);
    let (mut server, mut people, micros) = people(rules, 1);
    let dear = people[0].request("search", json!({"query": "x"}));
    // Ten seconds pass between the two looks at the clock, three times.
    micros.set(10_000_000);
    for _ in 0..3 {
        server.net.send(people[0].end, &dear);
        server.turn();
        assert_eq!(answers(&server, &mut people[0]), 1);
    }
    micros.set(0);
    server.net.send(people[0].end, &dear);
    server.turn();
    assert_eq!(answers(&server, &mut people[0]), 1, "at once");
}
