//! Slow readers: everybody in a group stops reading while the owner goes on talking, a megabyte in
//! all. What the server keeps for each of them is bounded, whatever waits; when they read again,
//! all of them get all of it in order.
//!
//! The kernel holds the first part of it, so the readers have small receive buffers until they read
//! again. That the rest stood in the server's memory is checked too: else this would prove nothing.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use p2sp_bench::Outcome;
use p2sp_bench::crowd::{Crowd, Heard};
use p2sp_bench::meter::TURN;
use p2sp_bench::sizes::Chat;
use p2sp_bench::sizes::Population;
use p2sp_bench::table::{Row, Table};
use p2sp_bench::words::{self, Letter, Said};
use p2sp_bench::world::{Machine, World};
use socket2::{Domain, Protocol, Socket, Type};

use crate::trials::Trials;

/// Messages, of almost the longest text.
const MESSAGES: u64 = 128;
const BODY: usize = 7_900;
/// The kernel's room for what a reader does not take, and for one who reads.
const NARROW_BYTES: usize = 4_096;
const WIDE_BYTES: usize = 256 * 1024;
/// What a reader may cost the server.
const READER_BYTES_MAX: u64 = 256 * 1024;
/// What all of them must cost it for this to be a trial.
const HELD_BYTES_MIN: u64 = 16 * 1024 * 1024;
/// How long nothing may happen.
const STALL: Duration = Duration::from_secs(60);

/// What a reader has.
#[derive(Clone, Copy, Default)]
struct Reader {
    heard: u64,
    seq: i64,
}

/// Says it all to those who do not listen, then lets them.
pub fn measure(machine: &Machine, trials: &Trials, table: &mut Table) -> Outcome<()> {
    let readers = trials.readers;
    let population = Population { users: readers + 1, friends: false, group: true };
    let limits = "messages_per_second=0,requests_per_second=0,stored_bytes_per_day=0";
    let flags = ["--limit", limits];
    let world = World::begin_as_shipped(machine, &population, &flags, |_, _| Ok(()))?;
    let mut crowd = Crowd::new()?;
    let (mut all, sockets) = sign_in(&world, &mut crowd, readers)?;
    let told = || world.resident_bytes().ok_or("no memory of a process is told here");
    let base = told()?;

    say(&world)?;
    let held = told()?.saturating_sub(base);
    let began = Instant::now();
    sockets.iter().try_for_each(|socket| socket.set_recv_buffer_size(WIDE_BYTES))?;
    listen(&mut crowd, &mut all)?;
    let took = began.elapsed();
    let most = world.resident_bytes_max().ok_or("no memory of a process is told here")?;

    let what = format!("{readers} readers who take nothing of {MESSAGES} messages of {BODY} bytes");
    let row = Row::told(what, format!("the server holds {} MiB for them", held >> 20));
    let least = HELD_BYTES_MIN * readers as u64 / 2_000;
    table.add(row.wanted(format!("≥ {} MiB", least >> 20), held >= least));
    let each = most.saturating_sub(base) / readers as u64;
    let value = format!("base {} MiB + {} KiB each", base >> 20, each >> 10);
    let row = Row::told("the server's memory, at most", value);
    table.add(row.wanted("≤ base + 256 KiB each", each <= READER_BYTES_MAX));
    let value = format!("{:.1} s", took.as_secs_f64());
    let row = Row::told("when they read again, all have all of it, in order, after", value);
    table.add(row.wanted("all", all.iter().all(|reader| reader.heard == MESSAGES)));
    drop(crowd);
    world.end()
}

/// Users 1, 2, 3 … sign in, with little room in the kernel. Their sockets can be changed later.
fn sign_in(
    world: &World,
    crowd: &mut Crowd,
    readers: usize,
) -> Outcome<(Vec<Reader>, Vec<Socket>)> {
    let (all, mut sockets) = (vec![Reader::default(); readers], Vec::new());
    let mut here = 0;
    let mut progress = Instant::now();
    for reader in 0..readers {
        let socket = connect_narrow(world.address(reader))?;
        let who = crowd.adopt(TcpStream::from_std(socket.try_clone()?.into()))?;
        sockets.push(socket);
        crowd.say(who, |out| words::resume(out, reader + 1));
        while here <= reader {
            crowd.turn(TURN, |who, heard, at| {
                progress = at;
                match understand(who, &heard)? {
                    Said::CaughtUp => here += 1,
                    Said::Welcome => {}
                    said => return Err(format!("{said:?} in place of a welcome").into()),
                }
                Ok(())
            })?;
            if progress.elapsed() > STALL {
                return Err(format!("{here} of {readers} signed in, and no more").into());
            }
        }
    }
    Ok((all, sockets))
}

/// The owner says everything; each message is answered though nobody reads it.
fn say(world: &World) -> Outcome<()> {
    let chat = Chat { streams: 1, readers: 0, window: 1, mid: true, group: true };
    let (letter, mut crowd) = (Letter::new(&chat, 0, BODY), Crowd::new()?);
    let owner = crowd.connect(world.address(0))?;
    crowd.say(owner, |out| words::resume(out, 0));
    let (mut said, mut may_speak) = (0, false);
    let mut progress = Instant::now();
    loop {
        crowd.turn(TURN, |who, heard, at| {
            progress = at;
            may_speak |= matches!(understand(who, &heard)?, Said::CaughtUp | Said::Done);
            Ok(())
        })?;
        if std::mem::take(&mut may_speak) {
            if said == MESSAGES {
                return Ok(());
            }
            crowd.say(owner, |out| letter.write(out, said));
            said += 1;
        }
        if progress.elapsed() > STALL {
            return Err(format!("only {said} of {MESSAGES} messages were answered").into());
        }
    }
}

/// Everybody reads to the end, and confirms it.
fn listen(crowd: &mut Crowd, all: &mut [Reader]) -> Outcome<()> {
    let mut missing = all.len() as u64 * MESSAGES;
    let mut progress = Instant::now();
    while missing > 0 {
        let mut done = Vec::new();
        crowd.turn(TURN, |who, heard, at| {
            progress = at;
            let Said::Push { seq, prev } = understand(who, &heard)? else {
                return Err(format!("reader {who} hears something else").into());
            };
            let reader = &mut all[who];
            if seq <= prev || (reader.heard > 0 && prev != reader.seq) {
                return Err(format!("reader {who}: {seq} behind {prev}").into());
            }
            (reader.heard, reader.seq) = (reader.heard + 1, seq);
            missing -= 1;
            if reader.heard == MESSAGES {
                done.push((who, seq));
            }
            Ok(())
        })?;
        for (who, seq) in done {
            crowd.say(who, |out| words::ack(out, who + 1, seq));
        }
        if progress.elapsed() > STALL {
            return Err(format!("{missing} messages are missing, and nothing comes").into());
        }
    }
    Ok(())
}

fn understand(who: usize, heard: &Heard) -> Outcome<Said> {
    match heard {
        Heard::Frame(frame) => words::understand(frame),
        Heard::End => Err(format!("connection {who} was closed").into()),
    }
}

fn connect_narrow(server: SocketAddr) -> Outcome<Socket> {
    let socket = Socket::new(Domain::for_address(server), Type::STREAM, Some(Protocol::TCP))?;
    // Before it connects: a window that was offered is not taken back.
    socket.set_recv_buffer_size(NARROW_BYTES)?;
    socket.connect(&server.into())?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}
