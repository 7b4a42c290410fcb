//! Connections: how many can come and go in a second, and what one that stays costs.
//!
//! A visit is over when the server has closed its side: it has seen the goodbye, ended the
//! session and freed the slot. Memory is the difference of the server's resident set between
//! half of the sessions and all of them, both at rest: by then what all share is there, and caches
//! of a fixed size are full. The kernel's share of a connection is not in it.

use std::time::{Duration, Instant};

use super::Outcome;
use super::crowd::{Crowd, Heard};
use super::meter::{Memory, Meter, Sample, TURN};
use super::sizes::{Over, Sizes};
use super::words::{self, Said};
use super::world::World;

/// How long the last visitors may take to leave.
pub const DRAIN_MAX: Duration = Duration::from_secs(60);

/// A connection that is coming or going.
struct Visit {
    began: Instant,
    welcome: bool,
}

/// Connect, sign in with a key, say goodbye, and see the server close: visits a second.
pub fn measure(world: &World, in_flight: usize, sizes: &Sizes) -> Outcome<Sample> {
    let mut crowd = Crowd::over(sizes.over)?;
    let mut meter = Meter::new(world, sizes.span())?;
    let (mut visits, mut open, mut came) = (Vec::new(), 0, 0);
    while !meter.is_over() {
        for _ in open..in_flight {
            let who = crowd.connect(world.address(came))?;
            crowd.say(who, |out| words::resume(out, came % world.users));
            let visit = Visit { began: Instant::now(), welcome: false };
            match visits.get_mut(who) {
                Some(earlier) => *earlier = visit,
                None => visits.push(visit),
            }
            came += 1;
        }
        open = in_flight - turn(&mut crowd, &mut visits, &mut meter)?;
    }
    let deadline = Instant::now() + DRAIN_MAX;
    while open > 0 {
        if Instant::now() >= deadline {
            return Err(format!("{open} visitors found no end").into());
        }
        open -= turn(&mut crowd, &mut visits, &mut meter)?;
    }
    meter.sample()
}

/// Who is welcome leaves, and who has left is forgotten: so many.
fn turn(crowd: &mut Crowd, visits: &mut [Visit], meter: &mut Meter) -> Outcome<usize> {
    let (mut welcome, mut gone) = (Vec::new(), Vec::new());
    crowd.turn(TURN, |who, heard, at| {
        let visit = &mut visits[who];
        match heard {
            Heard::End if visit.welcome => {
                meter.count(at);
                gone.push(who);
            }
            Heard::End => return Err("disconnected before the welcome".into()),
            Heard::Frame(frame) => {
                if words::understand(frame)? == Said::Welcome {
                    visit.welcome = true;
                    meter.answered(visit.began, at);
                    welcome.push(who);
                }
            }
        }
        Ok(())
    })?;
    welcome.iter().try_for_each(|&who| crowd.leave(who))?;
    gone.iter().for_each(|&who| crowd.forget(who));
    Ok(gone.len())
}

/// Bytes of the server's memory for each signed-in session that says nothing.
pub fn memory(world: &World, connections: usize, over: Over) -> Outcome<Sample> {
    let mut crowd = Crowd::over(over)?;
    let first = connections / 2;
    let mut look = |users| -> Outcome<Memory> {
        crowd.sign_in(world, users)?;
        Memory::at_rest(world.process())
    };
    let (before, after) = (look(first)?, look(connections)?);
    Ok(Sample::of_memory(&before, &after, connections - first))
}

/// Connects and signs in all users, who stay: users a second.
pub fn arrive(world: &World, over: Over) -> Outcome<Sample> {
    let (mut crowd, began) = (Crowd::over(over)?, Instant::now());
    crowd.sign_in(world, world.users)?;
    Ok(Sample::of(world.users as f64 / began.elapsed().as_secs_f64()))
}
