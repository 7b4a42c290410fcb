//! Connections to a server of another kind: how many can come and go in a second, and what one
//! that stays costs. The same works, in the same words, as the load's own `visits`.

use std::time::Instant;

use p2sp_bench::Outcome;
use p2sp_bench::meter::{Memory, Meter, Sample};
use p2sp_bench::sizes::{Over, Sizes};
use p2sp_bench::visits::DRAIN_MAX;

use super::callers::Callers;
use super::dialect::{Dialect, Place, Said};
use super::server::Server;

/// A connection that is coming or going.
struct Visit {
    began: Instant,
    welcome: bool,
}

/// Connect, sign in, say goodbye, and see the server close: visits a second.
pub fn measure(
    server: &Server,
    dialect: &'static dyn Dialect,
    in_flight: usize,
    sizes: &Sizes,
) -> Outcome<Sample> {
    let mut callers = Callers::new(server, dialect, sizes.over)?;
    let mut meter = Meter::of(server.process(), sizes.span())?;
    let (mut visits, mut open, mut came) = (Vec::new(), 0, 0);
    while !meter.is_over() {
        for _ in open..in_flight {
            // No user comes twice: a server may be late to notice that a visitor has gone.
            let who = callers.call(came, came)?;
            let visit = Visit { began: Instant::now(), welcome: false };
            match visits.get_mut(who) {
                Some(earlier) => *earlier = visit,
                None => visits.push(visit),
            }
            came += 1;
        }
        open = in_flight - turn(&mut callers, &mut visits, &mut meter)?;
    }
    let deadline = Instant::now() + DRAIN_MAX;
    while open > 0 {
        if Instant::now() >= deadline {
            return Err(format!("{open} visitors found no end").into());
        }
        open -= turn(&mut callers, &mut visits, &mut meter)?;
    }
    meter.sample()
}

/// Who is welcome leaves, and who has left is forgotten: so many.
fn turn(callers: &mut Callers, visits: &mut [Visit], meter: &mut Meter) -> Outcome<usize> {
    let (mut welcome, mut gone) = (Vec::new(), Vec::new());
    callers.turn(|who, said, at| {
        let visit = &mut visits[who];
        match said {
            None if visit.welcome => {
                meter.count(at);
                gone.push(who);
            }
            None => return Err("disconnected before the welcome".into()),
            Some(Said::Done) => {
                visit.welcome = true;
                meter.answered(visit.began, at);
                welcome.push(who);
            }
            Some(_) => {}
        }
        Ok(())
    })?;
    welcome.iter().try_for_each(|&who| callers.leave(who))?;
    gone.iter().for_each(|&who| callers.forget(who));
    Ok(gone.len())
}

/// Bytes of the server's memory for each connection that is signed in, listens and says nothing.
pub fn memory(
    server: &Server,
    dialect: &'static dyn Dialect,
    connections: usize,
    over: Over,
) -> Outcome<Sample> {
    let mut callers = Callers::new(server, dialect, over)?;
    let first = connections / 2;
    let mut look = |users| -> Outcome<Memory> {
        callers.gather(users, |who| Some(Place::User(who)))?;
        Memory::at_rest(server.process())
    };
    let (before, after) = (look(first)?, look(connections)?);
    Ok(Sample::of_memory(&before, &after, connections - first))
}

/// Connects and signs in so many users, who stay: users a second.
pub fn arrive(
    server: &Server,
    dialect: &'static dyn Dialect,
    users: usize,
    over: Over,
) -> Outcome<Sample> {
    let (mut callers, began) = (Callers::new(server, dialect, over)?, Instant::now());
    callers.gather(users, |_| Some(Place::Group))?;
    Ok(Sample::of(users as f64 / began.elapsed().as_secs_f64()))
}

/// Bytes of the memory of a server to which no client has spoken.
pub fn fresh(process: u32) -> Outcome<Sample> {
    Ok(Sample::of(Memory::at_rest(process)?.of_server()))
}
