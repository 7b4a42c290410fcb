//! How long a failed sign-in takes tells nothing of who exists: a measurement on the real server.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::Server;

/// `cargo test --test real sign_in_time:: -- --ignored --nocapture` measures it, in 20 seconds; on
/// a machine that does other things the medians say little.
#[test]
#[ignore = "a measurement"]
fn how_long_a_failed_sign_in_takes_whoever_it_names() {
    const TRIES: usize = 201;
    let server = Server::start(&[]);
    // Another each time, for behind a wrong password the next one waits.
    (0..TRIES).for_each(|at| drop(server.user(&format!("bob{at}"))));
    let mut peer = server.peer();
    let mut times = ["nobody", "bob"].map(|name| (name, Vec::new()));
    for at in 0..TRIES {
        for (name, times) in &mut times {
            let began = Instant::now();
            let login = json!({"username": format!("{name}{at}"), "password": "wrong horse"});
            peer.refused("login", login, "bad_credentials");
            times.push(began.elapsed());
        }
    }
    let [unknown, known] = times.map(|(_, mut times): (_, Vec<Duration>)| {
        times.sort_unstable();
        times[TRIES / 2].as_secs_f64() * 1_000.0
    });
    println!("medians: unknown {unknown:.2} ms, known {known:.2} ms");
    assert!((unknown / known - 1.0).abs() <= 0.05, "they tell who exists");
}
