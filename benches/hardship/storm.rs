//! Reconnect storm: all sessions are cut at once and come back at once, with messages waiting.
//!
//! ```text
//! first    everybody signs in with the key, gets what waits, confirms nothing
//! second   all connections are cut and everybody comes back: the same once more, confirmed now
//! third    cut and back again: nothing is left
//! ```
//!
//! Nobody waits for anybody: the connections are all begun before the first welcome is read. What
//! waits was said by ten people to each of them, through the store. Coming back costs no password
//! hash; the server's own count of them says so.

use std::time::{Duration, Instant};

use p2sp::id::{Conversation, UserId};
use p2sp::store::{EntryKind, NewEntry, Store};
use p2sp::wire::request;
use p2sp_bench::Outcome;
use p2sp_bench::crowd::{Crowd, Heard};
use p2sp_bench::meter::TURN;
use p2sp_bench::sizes::Population;
use p2sp_bench::table::{Row, Table};
use p2sp_bench::words::{self, Said, key_of};
use p2sp_bench::world::{Machine, World};
use serde_json::{Value, json};

use crate::trials::Trials;

/// Messages that wait for each.
const WAITING: usize = 20;
/// People who said them.
const SENDERS: usize = 10;
/// How long it may take until all are back and have what waited.
const BACK_SECONDS_MAX: f64 = 15.0;
/// How long nothing may happen.
const STALL: Duration = Duration::from_secs(60);

/// What somebody has heard on this connection.
#[derive(Clone, Copy, Default)]
struct Back {
    pushes: usize,
    seq: i64,
    caught_up: bool,
}

/// Lets them come three times.
pub fn measure(machine: &Machine, trials: &Trials, table: &mut Table) -> Outcome<()> {
    let sessions = trials.sessions;
    // The last one administers, and asks.
    let population = Population::strangers(sessions + 1);
    let world = World::begin_as_shipped(machine, &population, &[], fill)?;
    for (name, waits, confirms) in [
        ("sign in", WAITING, false),
        ("are cut and come back", WAITING, true),
        ("once more", 0, true),
    ] {
        let (crowd, took) = come(&world, sessions, waits, confirms)?;
        let what = format!("{sessions} sessions {name}, {waits} messages waiting for each");
        let row = Row::told(what, format!("all have all of it after {took:.1} s"));
        let bound = format!("≤ {BACK_SECONDS_MAX} s");
        // How long it takes depends on what else the machine does.
        table.add(if trials.smoke { row } else { row.wanted(bound, took <= BACK_SECONDS_MAX) });
        drop(crowd);
    }
    let hashes = hashes(&world, sessions)?;
    let row = Row::told("password hashes for that", hashes.to_string());
    table.add(row.wanted("0", hashes == 0));
    world.end()
}

/// What waits, one message to each in turn; and an administrator.
fn fill(store: &mut Store, ids: &[UserId]) -> Outcome<()> {
    let body = "m".repeat(64);
    for round in 0..WAITING {
        for (number, &id) in ids.iter().enumerate() {
            let mid = format!("{:012}", round * ids.len() + number);
            let sender = ids[(number + 1 + round % SENDERS) % ids.len()];
            store.log_mut().append(&NewEntry {
                conversation: Conversation::Inbox(id),
                sender: Some(sender),
                unix: 1,
                kind: EntryKind::Text,
                body: &body,
                mid: Some(&mid),
            })?;
            store.people_mut().add_waiting(id, sender, body.len() as u64)?;
        }
    }
    let admin = ids.last().ok_or("nobody is there")?;
    Ok(store.people_mut().set_admin(*admin, true)?)
}

/// Everybody comes at once. The connections, and how long it took until all were caught up.
fn come(world: &World, sessions: usize, waits: usize, confirms: bool) -> Outcome<(Crowd, f64)> {
    let (mut crowd, began) = (Crowd::new()?, Instant::now());
    for user in 0..sessions {
        let who = crowd.connect(world.address(user))?;
        crowd.say(who, |out| words::resume(out, user));
    }
    let mut all = vec![Back::default(); sessions];
    let (mut missing, mut progress) = (sessions, Instant::now());
    while missing > 0 {
        crowd.turn(TURN, |who, heard, at| {
            progress = at;
            let back = &mut all[who];
            match understand(who, &heard)? {
                Said::Welcome => {}
                Said::Push { seq, prev }
                    if seq > prev && (back.pushes == 0 || prev == back.seq) =>
                {
                    (back.pushes, back.seq) = (back.pushes + 1, seq);
                }
                Said::CaughtUp if back.pushes == waits && !back.caught_up => {
                    back.caught_up = true;
                    missing -= 1;
                }
                said => {
                    let pushes = back.pushes;
                    return Err(format!("user {who} hears {said:?} behind {pushes} pushes").into());
                }
            }
            Ok(())
        })?;
        if progress.elapsed() > STALL {
            return Err(format!("{missing} of {sessions} did not come back").into());
        }
    }
    let took = began.elapsed().as_secs_f64();
    if confirms && waits > 0 {
        confirm(&mut crowd, &all)?;
    }
    Ok((crowd, took))
}

/// Everybody confirms the last of it, and asks once more to be sure that it was heard.
fn confirm(crowd: &mut Crowd, all: &[Back]) -> Outcome<()> {
    for (user, back) in all.iter().enumerate() {
        let (key, seq) = (key_of(user), back.seq);
        let args = json!({"auth_token": key, "seq": seq, "id": 1});
        crowd.say(user, |out| request::append(out, "ack", 0, &args));
    }
    let (mut missing, mut progress) = (all.len(), Instant::now());
    while missing > 0 {
        crowd.turn(TURN, |who, heard, at| {
            progress = at;
            match understand(who, &heard)? {
                Said::Done => missing -= 1,
                said => return Err(format!("user {who} confirms and hears {said:?}").into()),
            }
            Ok(())
        })?;
        if progress.elapsed() > STALL {
            return Err(format!("{missing} confirmations were not answered").into());
        }
    }
    Ok(())
}

/// Password hashes that the server has made, as it says itself.
fn hashes(world: &World, admin: usize) -> Outcome<u64> {
    let mut crowd = Crowd::new()?;
    let who = crowd.connect(world.address(admin))?;
    let args = json!({"auth_token": key_of(admin), "id": 1});
    crowd.say(who, |out| words::resume(out, admin));
    crowd.say(who, |out| request::append(out, "stats", 0, &args));
    let (mut count, began) = (None, Instant::now());
    while count.is_none() {
        crowd.turn(TURN, |_, heard, _| {
            if let Heard::Frame(frame) = heard {
                let message: Value =
                    serde_json::from_slice(&frame[p2sp::limits::FRAME_HEADER_BYTES..])?;
                count = count.or(message["payload"]["data"]["sign_ins"].as_u64());
            }
            Ok(())
        })?;
        if began.elapsed() > STALL {
            return Err("the administrator is not answered".into());
        }
    }
    Ok(count.unwrap_or_default())
}

fn understand(who: usize, heard: &Heard) -> Outcome<Said> {
    match heard {
        Heard::Frame(frame) => words::understand(frame),
        Heard::End => Err(format!("user {who} was disconnected").into()),
    }
}
