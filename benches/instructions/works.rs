//! What is counted: each work warms up first, and then does its units.
//!
//! Callgrind collects in functions named `counted_…` and in what they call: the ticks of a server
//! that is told to count (`SimulatedServer::is_counted`), and two functions here.

use std::hint::black_box;
use std::time::Instant;

use p2sp::id::{Conversation, UserId};
use p2sp::limits::INDEX_ROWS;
use p2sp::store::{EntryKind, NewEntry, Store};
use p2sp::wire::frame;
use p2sp_bench::Outcome;
use p2sp_bench::edge::data::{BODY, Data, Filling};
use p2sp_bench::edge::server::{SimulatedServer, fail_if_stalled, understand};
use p2sp_bench::edge::talk::{Talk, letter};
use p2sp_bench::words::{Said, key_of, name_of};

/// One kind of work.
pub struct Work {
    /// How it is asked for.
    pub name: &'static str,
    /// What its figure is about.
    pub unit: &'static str,
    /// How many of these are counted.
    pub units: u64,
    /// Messages that the friends said last, before.
    newest: u64,
    run: Run,
}

type Run = fn(Data, u64) -> Outcome<()>;

/// All of them.
pub const WORKS: &[Work] = &[
    work("send-1", "message, 50 pairs, window 1", 20 * PAIRS, send_1),
    work("send-64", "message, 50 pairs, window 64", 64 * PAIRS, send_64),
    work("fan-out", "delivery to a group of 100, window 16", 8 * GROUP_WINDOW * READERS, fan_out),
    work("resume", "connection that signs in and leaves", 2 * USERS as u64, resume),
    work("history", "page of 50 messages", 10, history),
    work("search", "search that finds a page", 4, search),
    work("index", "message of ten words put into the index", 10 * INDEX_ROWS as u64, index),
    // The next message makes the slice a full one.
    Work { newest: SLICE - LOG - 1, ..work("seal", "message of a slice, sealed", SLICE, seal) },
];

const fn work(name: &'static str, unit: &'static str, units: u64, run: Run) -> Work {
    Work { name, unit, units, newest: NEWEST, run }
}

/// Users, two and two of them friends; the first of all owns a group of all.
const USERS: usize = 100;
const PAIRS: u64 = USERS as u64 / 2;
/// Members of the group who hear its owner.
const READERS: u64 = USERS as u64 - 1;
/// Messages that are in the log before: of people who are not there, and then of the friends.
const LOG: u64 = 10_000;
const NEWEST: u64 = 5_000;
/// Messages of a slice (`log/tail.rs`).
const SLICE: u64 = 1 << 16;
/// Messages to the group that are under way.
const GROUP_WINDOW: u64 = 16;

impl Work {
    /// Makes the database that it begins with.
    pub fn fill(&self) -> Outcome<Data> {
        Data::fill(&Filling {
            log: LOG,
            newest: self.newest,
            users: USERS,
            friends: USERS,
            groups: vec![USERS],
            ..Filling::default()
        })
    }

    /// Does it on that database.
    pub fn run(&self, data: Data) -> Outcome<()> {
        (self.run)(data, self.units)
    }
}

// --- works of the loop ---

fn send_1(data: Data, messages: u64) -> Outcome<()> {
    send(data, messages, 1)
}

fn send_64(data: Data, messages: u64) -> Outcome<()> {
    send(data, messages, 64)
}

/// The first of each pair talks to the second.
fn send(data: Data, messages: u64, window: u64) -> Outcome<()> {
    let mut server = SimulatedServer::open_stepped(data, USERS)?;
    server.sign_in(0..USERS)?;
    let mut talk = Talk::of_pairs(0..USERS, window * PAIRS);
    talk.run(&mut server, window * PAIRS)?;
    server.is_counted = true;
    talk.run(&mut server, messages)?;
    Ok(())
}

/// The owner of the group talks to it; all other members hear it.
fn fan_out(data: Data, deliveries: u64) -> Outcome<()> {
    let mut server = SimulatedServer::open_stepped(data, USERS)?;
    server.sign_in(0..USERS)?;
    let letter = letter(0, true);
    let batches = deliveries / READERS / GROUP_WINDOW;
    for batch in 0..2 + batches {
        server.is_counted = batch >= 2;
        let numbers = GROUP_WINDOW * batch..GROUP_WINDOW * (batch + 1);
        server.edge.say(0, |out| numbers.for_each(|number| letter.write(out, number)));
        hear(&mut server, GROUP_WINDOW * (READERS + 1))?;
    }
    Ok(())
}

/// One after the other connects, signs in with its key, and leaves.
fn resume(data: Data, visits: u64) -> Outcome<()> {
    let mut server = SimulatedServer::open_stepped(data, USERS)?;
    for visit in 0..visits as usize + USERS {
        server.is_counted = visit >= USERS;
        let user = visit % USERS;
        server.sign_in(user..user + 1)?;
        server.edge.leave(user);
        server.rest()?;
        server.edge.listen(|_, _| Ok(()))?; // the end of the connection
    }
    Ok(())
}

fn history(data: Data, pages: u64) -> Outcome<()> {
    let friend = name_of(1);
    ask(data, pages, "history", &format!(r#""username":"{friend}","count":50"#))
}

fn search(data: Data, searches: u64) -> Outcome<()> {
    ask(data, searches, "search", &format!(r#""query":"{BODY}""#))
}

/// The first user asks the same again and again.
fn ask(data: Data, times: u64, kind: &str, arguments: &str) -> Outcome<()> {
    let mut server = SimulatedServer::open_stepped(data, USERS)?;
    server.sign_in(0..1)?;
    let key = key_of(0);
    let request = format!(
        r#"{{"type":"{kind}","timestamp":0,"payload":{{"auth_token":"{key}","id":1,{arguments}}}}}"#
    );
    for time in 0..2 + times {
        server.is_counted = time >= 2;
        let write = |out: &mut Vec<u8>| out.extend_from_slice(request.as_bytes());
        server.edge.say(0, |out| frame::append(out, write));
        hear(&mut server, 1)?;
    }
    Ok(())
}

/// Ticks until so many answers and pushes have come.
fn hear(server: &mut SimulatedServer, frames: u64) -> Outcome<()> {
    let (mut missing, began) = (frames, Instant::now());
    while missing > 0 {
        server.tick()?;
        server.edge.clone().listen(|_, news| match understand(&news)? {
            Said::Done | Said::Push { .. } => {
                missing = missing.checked_sub(1).ok_or("more came than was asked for")?;
                Ok(())
            }
            said => Err(format!("{said:?} was not asked for").into()),
        })?;
        fail_if_stalled(began)?;
    }
    Ok(())
}

// --- works of the store, which the loop does later ---

fn index(data: Data, messages: u64) -> Outcome<()> {
    let mut store = data.open()?;
    append(&mut store, messages)?;
    counted_index(&mut store)
}

#[inline(never)]
fn counted_index(store: &mut Store) -> Outcome<()> {
    while !store.is_indexed() {
        store.begin()?;
        store.log_mut().index_some(INDEX_ROWS)?;
        store.commit(())?;
    }
    black_box(Ok(()))
}

fn seal(data: Data, _: u64) -> Outcome<()> {
    let mut store = data.open()?;
    append(&mut store, 1)?;
    counted_seal(&mut store)
}

#[inline(never)]
fn counted_seal(store: &mut Store) -> Outcome<()> {
    store.begin()?;
    store.log_mut().seal_oldest()?;
    store.commit(())?;
    black_box(Ok(()))
}

/// Messages that the first user says to the second.
fn append(store: &mut Store, messages: u64) -> Outcome<()> {
    store.begin()?;
    for _ in 0..messages {
        let mid = format!("{:032x}", store.head().0);
        store.log_mut().append(&NewEntry {
            conversation: Conversation::Inbox(UserId(2)),
            sender: Some(UserId(1)),
            unix: 0,
            kind: EntryKind::Text,
            body: BODY,
            mid: Some(&mid),
        })?;
    }
    store.commit(())?;
    Ok(())
}
