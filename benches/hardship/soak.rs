//! Soak: two hundred people use the server as people do, for as long as is asked for.
//!
//! They write to friends and groups, look at lists and histories, make and end friendships, make,
//! fill and delete groups, go away with a word or without one and come back; an administrator
//! blocks people and groups and says things to all. Everybody keeps a journal. In the end all come
//! back, and what each was shown must be exactly what was acknowledged and is theirs to see, in the
//! log's order.
//!
//! Meanwhile the server is looked at from outside: its memory must not grow once it is warm, its
//! write-ahead log stays small, and a town of this size costs little of the processor. One line a
//! minute tells how it is.

#[path = "soak/facts.rs"]
mod facts;
#[path = "soak/journals.rs"]
mod journals;
#[path = "soak/person.rs"]
mod person;
#[path = "soak/request.rs"]
mod request;
#[path = "soak/town.rs"]
mod town;

use std::fs;
use std::time::{Duration, Instant};

use p2sp::id::UserId;
use p2sp::password::{Outcome as Hash, Secret, Task};
use p2sp::store::Store;

use crate::trials::Trials;
use p2sp_bench::Outcome;
use p2sp_bench::meter::nanos_on_core;
use p2sp_bench::sizes::Population;
use p2sp_bench::table::{Row, Table};
use p2sp_bench::world::{Machine, World};
use town::{NEIGHBOURS, Town};

/// People, without the administrator.
const PEOPLE: usize = 200;
/// The share of the time after which the server is warm.
const WARM_UP: f64 = 0.25;
/// Between two looks at memory.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// A slope is judged if what it was taken from is at least this long.
const SLOPE_FROM: Duration = Duration::from_secs(20 * 60);
/// How long all may need to come back and to have read everything.
const END_MAX: Duration = Duration::from_secs(60);

/// By how much memory may grow in an hour.
const SLOPE_MAX_MIB: f64 = 1.0;
/// How long the write-ahead log may become.
const WAL_MAX_MIB: f64 = 64.0;
/// The server's share of a core.
const CORE_MAX: f64 = 0.15;

/// The server, looked at from outside.
struct Watch<'a> {
    world: &'a World,
    begun: Instant,
    /// Hours since the beginning, and MiB.
    memory: Vec<(f64, f64)>,
    wal_mib_max: f64,
    /// Time on a core, of the server and of this process, at the last look and at the first.
    ran: [u64; 2],
    ran_first: [u64; 2],
    looked: Instant,
}

/// Lets them live, and looks.
pub fn measure(machine: &Machine, trials: &Trials, table: &mut Table) -> Outcome<()> {
    let population = Population::strangers(PEOPLE + 1);
    let world = World::begin_as_shipped(machine, &population, &[], fill)?;
    let mut town = Town::new(&world, PEOPLE + 1, trials.seed)?;
    let mut watch = Watch::new(&world)?;
    let (begun, minute) = (Instant::now(), Duration::from_secs(60));
    let (mut next_look, mut next_line) = (begun, begun + minute);
    while begun.elapsed() < trials.soak() {
        town.turn()?;
        if Instant::now() >= next_look {
            next_look += LOOK_EVERY;
            watch.look()?;
        }
        if Instant::now() >= next_line {
            next_line += minute;
            println!("{}", watch.line(&town)?);
        }
    }
    watch.look()?;
    let ran = watch.ran_since_first()?;
    come_home(&mut town)?;
    println!("{}", watch.line(&town)?);
    let faults = journals::faults(&town.people, &town.facts);
    faults.iter().for_each(|fault| eprintln!("{fault}"));
    judge(&town, &watch, ran, faults.len(), table);
    drop(town);
    world.end()
}

/// A password for everybody, friends, and an administrator.
fn fill(store: &mut Store, ids: &[UserId]) -> Outcome<()> {
    let task = Task::Hash { password: Secret::from(person::PASSWORD), salt: [7; 16] };
    let Hash::Hashed(stored) = task.run(Default::default()) else {
        return Err("no memory for a password hash".into());
    };
    for &id in ids {
        store.people_mut().set_password(id, &stored)?;
    }
    for person in 0..PEOPLE {
        for step in 1..=NEIGHBOURS {
            store.people_mut().befriend(ids[person], ids[(person + step) % PEOPLE])?;
        }
    }
    store.people_mut().set_admin(ids[PEOPLE], true)?;
    Ok(())
}

/// Everybody comes back, and reads up to a last word to all.
fn come_home(town: &mut Town) -> Outcome<()> {
    town.facts.closing = true;
    let deadline = Instant::now() + END_MAX;
    let mut last = None;
    loop {
        town.turn()?;
        if last.is_none() && town.is_at_rest() {
            last = Some(town.say_last());
        }
        let shown = |last| {
            let heard = |number: usize| town.people[number].shown.last().map(|shown| shown.1);
            (0..PEOPLE).all(|number| heard(number) == Some(last))
        };
        if town.is_at_rest() && last.is_some_and(shown) {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(format!("only {} of {} came home", town.here(), PEOPLE + 1).into());
        }
    }
}

fn judge(town: &Town, watch: &Watch, ran: [f64; 2], faults: usize, table: &mut Table) {
    let counts = town.facts.counts;
    let what = format!("{PEOPLE} people for {:.1} min", watch.begun.elapsed().as_secs_f64() / 60.0);
    let value = format!(
        "{} messages said, {} shown, {} pushed again, {} requests repeated, {} sign-ins, {} cuts, \
         {} refused",
        counts.said,
        counts.shown,
        counts.repeated,
        counts.again,
        counts.arrivals,
        counts.cuts,
        counts.refused
    );
    table.add(Row::told(what, value));
    let value = format!("{faults} of {}", town.people.len());
    let row = Row::told("journals with anything lost, repeated, foreign, out of order", value);
    table.add(row.wanted("0", faults == 0));
    let row = Row::told("longest write-ahead log", format!("{:.1} MiB", watch.wal_mib_max));
    let small = watch.wal_mib_max <= WAL_MAX_MIB;
    table.add(row.wanted(format!("≤ {WAL_MAX_MIB} MiB"), small));
    let value = format!("{:.1} % of a core (this bench {:.1} %)", ran[0] * 100.0, ran[1] * 100.0);
    let row = Row::told("the server's processor time", value);
    // A debug build and a few seconds of signing in say nothing about it.
    let judged = watch.span() >= SLOPE_FROM;
    let bound = format!("≤ {:.0} %", CORE_MAX * 100.0);
    table.add(if judged { row.wanted(bound, ran[0] <= CORE_MAX) } else { row });
    let slope = watch.slope();
    let last = watch.memory.last().map_or(0.0, |look| look.1);
    let value = format!("{slope:+.2} MiB an hour, at {last:.1} MiB");
    let row = Row::told("memory's slope once warm", value);
    let bound = format!("≤ {SLOPE_MAX_MIB} MiB/h");
    table.add(if judged { row.wanted(bound, slope <= SLOPE_MAX_MIB) } else { row });
}

impl Watch<'_> {
    fn new(world: &World) -> Outcome<Watch<'_>> {
        let (begun, ran) = (Instant::now(), ran(world)?);
        let (memory, wal_mib_max) = (Vec::new(), 0.0);
        Ok(Watch { world, begun, memory, wal_mib_max, ran, ran_first: ran, looked: begun })
    }

    fn look(&mut self) -> Outcome<()> {
        let bytes = self.world.resident_bytes().ok_or("no memory of a process is told here")?;
        let hours = self.begun.elapsed().as_secs_f64() / 3_600.0;
        self.memory.push((hours, mib(bytes)));
        self.wal_mib_max = self.wal_mib_max.max(self.wal_mib());
        Ok(())
    }

    /// Its name and size are looked at; the file is never opened.
    fn wal_mib(&self) -> f64 {
        fs::metadata(self.world.data().join("p2sp.db-wal")).map_or(0.0, |wal| mib(wal.len()))
    }

    fn ran_since_first(&self) -> Outcome<[f64; 2]> {
        Ok(share(ran(self.world)?, self.ran_first, self.begun.elapsed()))
    }

    fn line(&mut self, town: &Town) -> Outcome<String> {
        let ran = ran(self.world)?;
        let [server, load] = share(ran, self.ran, self.looked.elapsed());
        (self.ran, self.looked) = (ran, Instant::now());
        let minutes = self.begun.elapsed().as_secs_f64() / 60.0;
        let counts = town.facts.counts;
        let groups = town.facts.groups.iter().filter(|group| group.lives).count();
        Ok(format!(
            "{minutes:5.1} min: {} here, {groups} groups, {} said, {} shown, {} pushed again, {} \
             sign-ins; server {:.1} MiB, log ahead {:.1} MiB, {:.1} % of a core (this {:.1} %)",
            town.here(),
            counts.said,
            counts.shown,
            counts.repeated,
            counts.arrivals,
            self.memory.last().map_or(0.0, |look| look.1),
            self.wal_mib(),
            server * 100.0,
            load * 100.0
        ))
    }

    /// How long it was looked at, warm.
    fn span(&self) -> Duration {
        self.begun.elapsed().mul_f64(1.0 - WARM_UP)
    }

    /// MiB an hour, from the least there was in the first half of the time since it is warm to the
    /// least in the second: what it keeps of the log grows for a quarter of an hour and is let go.
    fn slope(&self) -> f64 {
        let end = self.memory.last().map_or(0.0, |look| look.0);
        let half = end * (1.0 - WARM_UP) / 2.0;
        let least = |from: f64, to: f64| {
            let looks = self.memory.iter().filter(|look| (from..=to).contains(&look.0));
            looks.map(|look| look.1).reduce(f64::min)
        };
        let halves = least(end - 2.0 * half, end - half).zip(least(end - half, end));
        halves.map_or(0.0, |(first, second)| (second - first) / half)
    }
}

/// Time on a core of the server and of this process, in nanoseconds.
fn ran(world: &World) -> Outcome<[u64; 2]> {
    let told = nanos_on_core(world.process()).zip(nanos_on_core(std::process::id()));
    let (server, load) = told.ok_or("no time on a core is told here")?;
    Ok([server, load])
}

fn share(now: [u64; 2], then: [u64; 2], span: Duration) -> [f64; 2] {
    [0, 1].map(|side| now[side].saturating_sub(then[side]) as f64 / span.as_nanos() as f64)
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
