//! What `throttle.rs` must do.

use super::table::make_room;
use super::*;
use crate::limits::{PREFIX_24_FACTOR, PREFIX_48_FACTOR, PREFIX_56_FACTOR, THROTTLE_ROWS_MAX};

fn at(seconds: u64) -> Moment {
    Moment(seconds * 1_000_000)
}

fn peer() -> IpAddr {
    "192.0.2.1".parse().expect("an address")
}

fn attempt(peer: &str, from: TriedFrom) -> Attempt {
    Attempt::new(peer.parse().expect("an address"), "bob", from)
}

fn try_at(
    throttle: &mut Throttle,
    attempt: &Attempt,
    judged: Judged,
    now: Moment,
) -> Result<(), u64> {
    let limits = Limits::default();
    throttle.begin(attempt, &limits, now)?;
    throttle.end(attempt, judged, &limits, now);
    Ok(())
}

#[test]
fn a_wrong_password_waits_twice_as_long_each_time_and_a_right_one_forgets() {
    // On loopback as well: a proxy may stand there.
    for address in ["192.0.2.1", "2001:db8::1", "127.0.0.1", "::1"] {
        let mut throttle = Throttle::default();
        let (bob, mut ann) =
            (attempt(address, TriedFrom::Known), attempt(address, TriedFrom::Known));
        ann.account = "ann".into();
        let mut now = 0;
        for wait in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
            assert_eq!(try_at(&mut throttle, &bob, Judged::Wrong, at(now)), Ok(()));
            assert_eq!(try_at(&mut throttle, &bob, Judged::Wrong, at(now)), Err(wait));
            assert_eq!(try_at(&mut throttle, &ann, Judged::Right, at(now)), Ok(()));
            now += wait;
        }
        assert_eq!(try_at(&mut throttle, &bob, Judged::Right, at(now)), Ok(()));
        assert_eq!(try_at(&mut throttle, &bob, Judged::Wrong, at(now)), Ok(()), "forgotten");
        assert_eq!(try_at(&mut throttle, &bob, Judged::Wrong, at(now)), Err(1));
        assert_eq!(try_at(&mut throttle, &bob, Judged::Wrong, at(now + 86_403)), Ok(()));
        let next = try_at(&mut throttle, &bob, Judged::Wrong, at(now + 86_403));
        assert_eq!(next, Err(1), "a day later it begins anew");
    }
}

#[test]
fn an_attempt_counts_when_it_begins_and_is_given_back_when_it_was_not_wrong() {
    let (mut throttle, limits) = (Throttle::default(), Limits::default());
    let bob = attempt("192.0.2.1", TriedFrom::New);
    for judged in [Judged::Right, Judged::NotCompared, Judged::Right] {
        assert_eq!(throttle.begin(&bob, &limits, at(0)), Ok(()));
        let counted = format!("{throttle:?}");
        assert_eq!(throttle.begin(&bob, &limits, at(0)), Ok(()), "it replaces that one");
        assert_eq!(format!("{throttle:?}"), counted, "counted once");
        throttle.begin_compare(&bob);
        for seconds in 0..99 {
            let second = throttle.begin(&bob, &limits, at(seconds));
            assert!(second.is_err(), "one attempt under way");
        }
        // Attempts from elsewhere, and by the account's own session, are not delayed.
        let elsewhere = attempt("198.51.100.1", TriedFrom::New);
        assert_eq!(try_at(&mut throttle, &elsewhere, Judged::Right, at(0)), Ok(()));
        let session = attempt("192.0.2.1", TriedFrom::Session);
        assert_eq!(try_at(&mut throttle, &session, Judged::Right, at(0)), Ok(()));
        throttle.end(&bob, judged, &limits, at(0));
    }
    throttle.begin(&bob, &limits, at(0)).expect("nothing stayed counted");
    throttle.end(&bob, Judged::Wrong, &limits, at(60));
    assert_eq!(throttle.begin(&bob, &limits, at(60)), Err(1), "it waits from its answer on");
}

#[test]
fn many_addresses_do_not_give_many_attempts() {
    for (many, free, outside) in [
        (|n| format!("192.0.2.{n}"), PREFIX_24_FACTOR, "192.0.3.1"),
        (|n| format!("2001:db8:0:{n:x}::1"), PREFIX_56_FACTOR, "2001:db8:0:ff01::1"),
        (|n| format!("2001:db8:0:{n:x}01::1"), PREFIX_48_FACTOR, "2001:db9::1"),
    ] as [(fn(u64) -> String, u64, &str); 3]
    {
        let mut throttle = Throttle::default();
        for n in 0..=free {
            let attempt = attempt(&many(n), TriedFrom::New);
            assert_eq!(try_at(&mut throttle, &attempt, Judged::Wrong, at(0)), Ok(()), "{n}");
        }
        let next = attempt(&many(free + 1), TriedFrom::New);
        assert_eq!(try_at(&mut throttle, &next, Judged::Wrong, at(0)), Err(1));
        assert_eq!(try_at(&mut throttle, &next, Judged::Wrong, at(1)), Ok(()));
        let next = attempt(&many(free + 2), TriedFrom::New);
        assert_eq!(try_at(&mut throttle, &next, Judged::Wrong, at(1)), Err(2));
        // An attempt from elsewhere, or from where the user signed in before, is not delayed.
        for spared in [attempt(outside, TriedFrom::New), attempt(&many(free + 2), TriedFrom::Known)]
        {
            assert_eq!(try_at(&mut throttle, &spared, Judged::Right, at(1)), Ok(()));
        }
    }
}

#[test]
fn guesses_from_everywhere_fill_a_bucket_that_spares_known_places() {
    let mut throttle = Throttle::default();
    let from = |n: u64| attempt(&format!("10.{}.{}.1", n / 256, n % 256), TriedFrom::New);
    for n in 0..ACCOUNT_TRIES_BURST {
        assert_eq!(try_at(&mut throttle, &from(n), Judged::Wrong, at(0)), Ok(()));
    }
    let next = try_at(&mut throttle, &from(1_000), Judged::Wrong, at(1));
    assert_eq!(next, Err(ACCOUNT_TRY_SECONDS - 1));
    let known = attempt("10.9.9.9", TriedFrom::Known);
    assert_eq!(try_at(&mut throttle, &known, Judged::Right, at(1)), Ok(()));
    let later = at(ACCOUNT_TRY_SECONDS);
    for _ in 0..3 {
        assert_eq!(try_at(&mut throttle, &from(1_000), Judged::Right, later), Ok(()));
    }
    assert_eq!(try_at(&mut throttle, &from(1_001), Judged::Wrong, later), Ok(()));
    assert!(try_at(&mut throttle, &from(1_002), Judged::Wrong, later).is_err());
}

#[test]
fn failed_sign_ins_of_an_address_are_those_under_way_too() {
    let (mut throttle, limits) = (Throttle::default(), Limits::default());
    let of = |n: u64| Attempt::new(peer(), &format!("user{n}"), TriedFrom::Known);
    for n in 0..30 {
        assert_eq!(throttle.begin(&of(n), &limits, at(0)), Ok(()));
    }
    assert_eq!(throttle.begin(&of(30), &limits, at(0)), Err(1), "perhaps in a moment");
    for n in 0..29 {
        throttle.end(&of(n), Judged::Right, &limits, at(1));
    }
    assert_eq!(throttle.begin(&of(30), &limits, at(1)), Ok(()), "a crowd that is right goes on");
    for n in 31..59 {
        assert_eq!(try_at(&mut throttle, &of(n), Judged::Wrong, at(1)), Ok(()));
    }
    assert_eq!(throttle.begin(&of(59), &limits, at(2)), Err(1));
    throttle.end(&of(29), Judged::Wrong, &limits, at(2));
    throttle.end(&of(30), Judged::Wrong, &limits, at(2));
    assert_eq!(throttle.begin(&of(59), &limits, at(2)), Err(59));
    // A session that changes its password is not counted for the address.
    let session = Attempt::new(peer(), "user59", TriedFrom::Session);
    assert_eq!(throttle.begin(&session, &limits, at(2)), Ok(()));
    assert_eq!(throttle.begin(&of(59), &limits, at(61)), Ok(()));
}

#[test]
fn an_address_is_counted_and_loopback_only_when_asked() {
    let (mut throttle, mut limits) = (Throttle::default(), Limits::default());
    limits.registrations_per_hour = 2;
    let home: IpAddr = "::1".parse().expect("an address");
    for _ in 0..9 {
        let of_home = Whom::Address(home);
        assert_eq!(throttle.take(Tally::Registrations, of_home, &limits, at(0)), Ok(()));
    }
    let whom = Whom::Address(peer());
    for (seconds, taken) in
        [(0, Ok(())), (1, Ok(())), (600, Err(3_000)), (600, Ok(())), (3_600, Ok(()))]
    {
        assert_eq!(throttle.take(Tally::Registrations, whom, &limits, at(seconds)), taken);
        if taken.is_err() {
            throttle.give_back(Tally::Registrations, whom, &limits, at(seconds));
        }
    }
    limits.loopback = 1;
    limits.connections_per_address = 1;
    assert!(throttle.connect(home, &limits));
    assert!(!throttle.connect(home, &limits));
    throttle.disconnect(home);
    assert!(throttle.connect(home, &limits));
}

#[test]
fn p20_a_name_as_long_as_a_frame_costs_no_more_than_a_name() {
    let mut throttle = Throttle::default();
    let long = Attempt::new(peer(), &"x".repeat(60_000), TriedFrom::New);
    assert_eq!(try_at(&mut throttle, &long, Judged::Wrong, at(0)), Ok(()));
    assert_eq!(try_at(&mut throttle, &long, Judged::Wrong, at(0)), Err(1));
    let names = throttle.delays.iter().flat_map(|delays| delays.rows.keys());
    let mut names = names.map(|(.., name)| name).chain(throttle.buckets.rows.keys());
    assert!(names.all(|name| name.len() <= 4 * USERNAME_CHARS_MAX));
    assert_eq!(try_at(&mut throttle, &long, Judged::Right, at(1)), Ok(()));
    assert!(throttle.delays[0].rows.is_empty());
}

#[test]
fn a_tick_that_runs_again_has_counted_nothing() {
    let (mut throttle, limits) = (Throttle::default(), Limits::default());
    let bob = attempt("192.0.2.1", TriedFrom::New);
    assert_eq!(try_at(&mut throttle, &bob, Judged::Wrong, at(0)), Ok(()));
    throttle.begin(&bob, &limits, at(1)).expect("a second later");
    throttle.begin_compare(&bob);
    throttle.keep();
    let kept = format!("{throttle:?}");
    throttle.end(&bob, Judged::Right, &limits, at(2));
    let ann = Attempt::new(peer(), "ann", TriedFrom::New);
    throttle.begin(&ann, &limits, at(2)).expect("the first");
    for what in [Tally::WrongInvites, Tally::NamesTaken, Tally::Registrations] {
        throttle.count(what, Whom::Address(peer()), &limits, at(2));
    }
    throttle.rewind();
    assert_eq!(throttle.begin(&bob, &limits, at(9)), Err(1), "it is under way");
    assert_eq!(try_at(&mut throttle, &ann, Judged::Right, at(2)), Ok(()));
    throttle.rewind();
    assert_eq!(format!("{throttle:?}").len(), kept.len());
}

#[test]
fn p20_a_full_table_forgets_its_older_half() {
    let mut rows: HashMap<usize, Moment> =
        (0..THROTTLE_ROWS_MAX).map(|i| (i, Moment(i as u64))).collect();
    make_room(&mut rows);
    assert!(rows.len() < THROTTLE_ROWS_MAX / 2 + 1);
    assert!(rows.contains_key(&(THROTTLE_ROWS_MAX - 1)));
}
